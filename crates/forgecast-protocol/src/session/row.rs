//! One session in the index: enough for the overview.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::status::{PhaseStatus, SessionStatus, SourceOfState, WaitingFor};
use crate::ids::SessionId;
use crate::time::Timestamp;

/// One session in the index: enough for the overview.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionRow {
    /// Canonical id.
    pub id: SessionId,
    /// Name for people.
    pub name: String,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What the build was asked to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Which kind of source.
    pub source: SourceOfState,
    /// Status.
    pub status: SessionStatus,
    /// What needs a person's notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Why the status is what it is, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// What it waits for, when it waits and the producer says for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// The current phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RowPhase>,
    /// Status of each phase by name, in no order; viewers order by the vocabulary.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<String, PhaseStatus>,
    /// 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub progress_percent: Option<f64>,
    /// Tasks, when there is a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<RowTasks>,
    /// The round of the test loop; of a loop that keeps checkpoints, the round of that loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    /// Tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<RowTests>,
    /// Tokens and cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<RowUsage>,
    /// Agents at work.
    #[serde(default)]
    pub agents_active: u32,
    /// Problems of its sources.
    #[serde(default)]
    pub problems: u32,
    /// Beginning of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// End of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When a fact last moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_work_at: Option<Timestamp>,
}

/// What needs a person's notice: the latest of it, until the session goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attention {
    /// What happened.
    pub kind: AttentionKind,
    /// When it happened.
    pub since: Timestamp,
    /// Its number. It only grows within a session, so a viewer tells each number once and sees what it missed.
    pub seq: u64,
    /// One line: why, or for a session that is completed what it did. May be empty.
    pub text: String,
}

/// What is worth a person's notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// It ended well.
    Completed,
    /// It ended badly.
    Failed,
    /// It waits for a person; `waiting_for` says for what, if that is known.
    Waiting,
    /// It is silent for longer than its limit.
    Stalled,
    /// A mark of its budget was passed.
    Budget,
}

/// The current phase, short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RowPhase {
    /// Name.
    pub name: String,
    /// Number as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// How many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
}

/// Tasks, short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RowTasks {
    /// Done.
    #[serde(default)]
    pub completed: u32,
    /// In all.
    #[serde(default)]
    pub total: u32,
}

/// Tests, short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RowTests {
    /// Passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<u32>,
    /// Failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u32>,
}

/// Usage, short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RowUsage {
    /// Tokens of all types.
    #[serde(default)]
    pub tokens: u64,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Some of it has no price: what it cost is more than `cost_usd`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpriced: bool,
}
