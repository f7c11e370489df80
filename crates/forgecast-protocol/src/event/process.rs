//! Facts about the processes in which agents run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::session::WaitingFor;
use crate::time::Timestamp;

/// What is known of one process, or background job, in which an agent's session runs. Each report replaces the one before
/// it about the same process.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessReported {
    /// Names the process among all that ever ran on its machine: `4242@118682` (its id and when it started, in clock
    /// ticks since the machine started), or `job-aa293d2e`.
    pub process: String,
    /// What it is doing, or how it ended.
    pub status: ProcessStatus,
    /// What it waits for, when it waits.
    pub waiting_for: Option<WaitingFor>,
    /// Why it has this status, one line, when that is said.
    pub reason: Option<String>,
    /// Since when it has this status, by its own account.
    pub since: Option<Timestamp>,
    /// Whether somebody sits in front of it: false for a background job and for a run without a terminal.
    pub attended: Option<bool>,
}

/// What a process is doing, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessStatus {
    /// It is there and does not say what it is doing.
    #[default]
    Alive,
    /// At work on a prompt.
    Busy,
    /// In the middle of its work it needs a person.
    Waiting,
    /// It waits for the next prompt.
    Idle,
    /// It ended in order, or it went on to another session.
    Exited,
    /// It ended in order and says that its work failed.
    Failed,
    /// It is gone without having ended in order.
    Crashed,
}

impl ProcessStatus {
    /// Whether the process is there.
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Alive | Self::Busy | Self::Waiting | Self::Idle)
    }
}
