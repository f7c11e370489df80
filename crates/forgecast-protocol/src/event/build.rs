//! Facts about the build as a whole: its phases, checkpoints, tasks, and how it ended.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::Estimate;
use crate::time::Timestamp;

/// The session exists. Holds what is known about it besides its progress.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSeen {
    /// A title for people; taken by sessions that are nothing but an agent's transcript.
    pub title: Option<String>,
    /// The name of the project, when it is not the session's own.
    pub project: Option<String>,
    /// What the build was asked to do.
    pub task: Option<String>,
    /// The machine it runs on.
    pub host: Option<String>,
    /// The branch of the repository that it began on.
    pub branch: Option<String>,
    /// The producer's own id of the run: with another one, a new run begins.
    pub run: Option<String>,
    /// Web addresses that belong to it, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
}

/// What a phase file says, or a push in its words. `docs/inputs.md` describes the file.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseReported {
    /// The producer's word for the phase.
    pub phase: Option<String>,
    /// As written: `4/7`, `?/7`, `4.5/8`, `3`.
    pub phase_number: Option<String>,
    /// The producer's word for the state of the phase (not of the build).
    pub status: Option<String>,
    /// What it is doing, one line.
    pub detail: Option<String>,
    /// Which round of the test loop, counted from 1.
    pub test_iteration: Option<u32>,
    /// The phases that the producer calls done; absent is not the same as empty.
    pub phases_completed: Option<Vec<String>>,
    /// The producer's time of the beginning.
    pub started_at: Option<Timestamp>,
    /// The producer's time of the last change.
    pub last_updated: Option<Timestamp>,
    /// Tasks done, when the producer counts them.
    pub tasks_completed: Option<u32>,
    /// Tasks in all, when the producer counts them.
    pub tasks_total: Option<u32>,
    /// Share of the context window in use, 0 to 100.
    pub context_percent: Option<f64>,
    /// Fields that Forgecast does not know, as they came (capped).
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, Value>,
}

/// What the files of one checkpoint folder say together.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointReported {
    /// The name of the project.
    pub project: Option<String>,
    /// What the build was asked to do.
    pub task: Option<String>,
    /// `scout`, `architect`, `builder` or `complete`.
    pub phase: Option<String>,
    /// The phase before this one.
    pub last_phase: Option<String>,
    /// How many rounds the loop has made.
    pub iterations: Option<u32>,
    /// The producer's time of the beginning.
    pub started_at: Option<Timestamp>,
    /// The producer's time of the last round.
    pub last_iteration_at: Option<Timestamp>,
    /// The folder that the build works in, as text.
    pub working_directory: Option<String>,
    /// Tasks done.
    pub completed: Option<Vec<String>>,
    /// Tasks to do.
    pub remaining: Option<Vec<String>>,
    /// Remarks.
    pub notes: Option<Vec<String>>,
    /// What `state.json` holds under `artifacts`, as it stands there (64 KiB of it): texts and paths by name.
    pub artifacts: Option<serde_json::Map<String, Value>>,
    /// Whether the marker `COMPLETE` is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

/// The state of one task of the build.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskReported {
    /// The task's own id, `task-3`.
    pub id: String,
    /// What is to be done.
    pub description: Option<String>,
    /// `pending`, `in_progress`, `completed`, `failed`, or the producer's word.
    pub status: Option<String>,
    /// Files it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Ids of tasks that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// The producer's estimate, as text.
    pub estimated_time: Option<String>,
    /// Position in the producer's list, from 0.
    pub order: Option<u32>,
}

/// Who says that the build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompletionBasis {
    /// `session-summary.json`.
    Summary,
    /// The marker file `COMPLETE`.
    Marker,
    /// A producer's event.
    Reported,
    /// The agent's own session was closed: ends a session that is nothing but that, never a build.
    Closed,
}

/// The build, or what reads its files, says that it ended.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompletionReported {
    /// Whether it ended well; absent when the producer's word says neither (then it does not end the build).
    pub success: Option<bool>,
    /// The producer's word.
    pub status: Option<String>,
    /// Who says so.
    pub basis: CompletionBasis,
    /// The producer's time of the end.
    pub completed_at: Option<Timestamp>,
    /// One line.
    pub summary: Option<String>,
    /// What the build was asked to do.
    pub task: Option<String>,
    /// Phases that the producer calls done.
    pub phases_completed: Option<Vec<String>>,
    /// How long it took by the producer's account, minutes.
    pub duration_minutes: Option<f64>,
    /// The producer's time of the beginning.
    pub started_at: Option<Timestamp>,
    /// What the producer says of each phase, by its word for the phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<String, PhaseResult>,
    /// Web addresses, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
}

impl CompletionReported {
    /// One that says nothing yet but whose word it is.
    #[must_use]
    pub fn of(basis: CompletionBasis) -> Self {
        Self {
            success: None,
            status: None,
            basis,
            completed_at: None,
            summary: None,
            task: None,
            phases_completed: None,
            duration_minutes: None,
            started_at: None,
            phases: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }
}

/// How one phase went, by the account of a summary.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseResult {
    /// The producer's word for the state of the phase.
    pub status: Option<String>,
    /// How long it took, seconds.
    pub duration_seconds: Option<f64>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// No work for longer than the limit of a running build.
    Stalled,
    /// No work for so long that nobody can be there.
    Abandoned,
    /// Deploy was completed and nothing followed.
    Settled,
    /// Live data was not renewed for ten seconds beside a checkpoint that is newer.
    Aged,
}

/// A deadline passed without work, so that a session counts as stalled or abandoned.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WentQuiet {
    /// Which deadline.
    pub quiet: Quiet,
    /// Without work since.
    pub since: Timestamp,
    /// When another run began in its place: nothing of this one is at work, and what was written since is the other's.
    pub followed_at: Option<Timestamp>,
}

/// What is likely to remain, computed from history. All absent takes an earlier estimate back.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateRevised {
    /// The estimate, when history gives one.
    pub estimate: Option<Estimate>,
}
