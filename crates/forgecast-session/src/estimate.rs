//! What is likely to remain of a build, from the phases of runs that completed. Must never invent a number: without
//! enough history there is no estimate.

use std::collections::BTreeMap;

use forgecast_protocol::session::Estimate;
use forgecast_protocol::{SessionId, SessionView, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a finished run took: what the history keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run.
    pub session: SessionId,
    /// What makes two runs those of one project: the folder, else the project's name, else the session's name.
    pub project: String,
    /// Milliseconds spent in each phase, loops back included, by the phase's name.
    pub phases: BTreeMap<String, u64>,
    /// Milliseconds from the beginning to the end of the run.
    pub total_ms: u64,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whether it ended well; only those runs say how long a build takes.
    pub completed: bool,
}

/// What is likely to remain at `at`, from runs that completed; `None` when there are too few of them.
#[must_use]
pub fn estimate(_view: &SessionView, _history: &[RunRecord], _at: Timestamp) -> Option<Estimate> {
    None
}
