//! The live view of one session and its row in the index: what viewers see.
//!
//! Two rules hold everywhere. *Unknown is absent*: no field is ever `null`, because a merge patch uses `null` to remove.
//! *Nothing ticks*: ages, elapsed and remaining time are worked out by the viewer from the times given here, so a view
//! changes only when a fact did. Collections are objects keyed by id, so that a change travels as a small patch.

mod knowledge;
mod panels;
mod row;
mod status;
mod usage;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::SourceKind;
use crate::ids::SessionId;
use crate::problem::Problem;
use crate::time::Timestamp;

pub use self::{knowledge::*, panels::*, row::*, status::*, usage::*};

/// The whole view of a session: the `state` of a snapshot.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// Canonical id, `weather-app~1`.
    pub id: SessionId,
    /// Name for people.
    pub name: String,
    /// The project, when it has another name.
    pub project: Option<String>,
    /// What the build was asked to do.
    pub task: Option<String>,
    /// The machine it runs on.
    pub host: Option<String>,
    /// The folder it works in.
    pub working_directory: Option<String>,
    /// The branch of the repository that it began on.
    pub branch: Option<String>,
    /// Which kind of source the state comes from.
    pub source: SourceOfState,
    /// Status.
    pub status: SessionStatus,
    /// The producer's own word for its state.
    pub status_word: Option<String>,
    /// Why the status is what it is, one line.
    pub status_reason: Option<String>,
    /// The kind of source that the status comes from, where a single one decides it: `process` when the agent's own process
    /// says so, or is gone.
    pub status_source: Option<SourceKind>,
    /// Whether somebody sits in front of the agent's process, where that is known: false for a background job and for a run
    /// without a terminal.
    pub attended: Option<bool>,
    /// What it waits for, when it waits and the producer says for what.
    pub waiting_for: Option<WaitingFor>,
    /// The current phase.
    pub phase: Option<CurrentPhase>,
    /// All phases by name, those of the vocabulary and any other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<String, PhaseView>,
    /// Progress and tasks.
    pub progress: Progress,
    /// The test loop.
    pub tests: Option<Tests>,
    /// Agents by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<String, AgentView>,
    /// Tokens and cost.
    pub usage: Option<Usage>,
    /// Decisions and lessons.
    pub decisions: Option<Decisions>,
    /// Patterns by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub patterns: BTreeMap<String, PatternView>,
    /// Files of the session by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, ArtifactView>,
    /// What is likely to remain.
    pub estimate: Option<Estimate>,
    /// Web addresses by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
    /// Troubles of its sources by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub problems: BTreeMap<String, Problem>,
    /// Errors that were reported, newest by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, ErrorView>,
    /// Beginning of the run.
    pub started_at: Option<Timestamp>,
    /// End of the run.
    pub ended_at: Option<Timestamp>,
    /// When a fact last moved.
    pub last_work_at: Option<Timestamp>,
    /// When the producer was last known to be alive, if that is later than the last work.
    pub last_seen_at: Option<Timestamp>,
    /// The last change of each section by its name: `phase`, `phases`, `progress`, `tests`, `agents`, `usage`, `decisions`, `patterns`, `artifacts`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed_at: BTreeMap<String, Timestamp>,
}

impl SessionView {
    /// The view of a session of which nothing is known but its id and its name.
    #[must_use]
    pub fn new(id: SessionId, name: String) -> Self {
        Self {
            id,
            name,
            project: None,
            task: None,
            host: None,
            working_directory: None,
            branch: None,
            source: SourceOfState::default(),
            status: SessionStatus::default(),
            status_word: None,
            status_reason: None,
            status_source: None,
            attended: None,
            waiting_for: None,
            phase: None,
            phases: BTreeMap::new(),
            progress: Progress::default(),
            tests: None,
            agents: BTreeMap::new(),
            usage: None,
            decisions: None,
            patterns: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            estimate: None,
            links: BTreeMap::new(),
            problems: BTreeMap::new(),
            errors: BTreeMap::new(),
            started_at: None,
            ended_at: None,
            last_work_at: None,
            last_seen_at: None,
            changed_at: BTreeMap::new(),
        }
    }
}
