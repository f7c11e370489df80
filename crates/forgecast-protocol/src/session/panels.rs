//! What the panels of a session show, section by section.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::PhaseStatus;
use crate::event::TestBasis;
use crate::time::Timestamp;

/// The current phase.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentPhase {
    /// Name: a word of the vocabulary, or the producer's own.
    pub name: String,
    /// Its number as the producer writes it, without the total: `4`, `4.5`.
    pub number: Option<String>,
    /// How many phases there are, by the producer's account.
    pub total: Option<u32>,
    /// What it is doing, one line.
    pub detail: Option<String>,
    /// Its beginning.
    pub started_at: Option<Timestamp>,
}

/// One phase of the pipeline.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseView {
    /// Position in the pipeline; phases that are not in the vocabulary come behind, in the order they came.
    pub order: u32,
    /// Status.
    pub status: PhaseStatus,
    /// First beginning.
    pub started_at: Option<Timestamp>,
    /// Last end.
    pub ended_at: Option<Timestamp>,
    /// How often it began: more than once is a loop back (self-healing).
    #[serde(default)]
    pub attempts: u32,
}

/// Progress and tasks.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// 0 to 100, from the phases done and, where stated, the tasks.
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<f64>,
    /// Tasks done.
    pub tasks_completed: Option<u32>,
    /// Tasks in all.
    pub tasks_total: Option<u32>,
    /// Tasks by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, TaskView>,
    /// Rounds of the loop, when the build is a loop that counts them.
    pub rounds: Option<u32>,
    /// Remarks of the producer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What a checkpoint holds under `artifacts`, as it stands there: texts and paths by name. Files that were seen are in
    /// the session's own list.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub checkpoint_artifacts: serde_json::Map<String, serde_json::Value>,
}

/// One task.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskView {
    /// Position in the list.
    pub order: u32,
    /// What is to be done.
    pub description: String,
    /// `pending`, `in_progress`, `completed`, `failed`, or the producer's word.
    pub status: String,
    /// Ids of tasks that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// Files it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The producer's estimate, as text.
    pub estimated_time: Option<String>,
}

/// The test loop.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tests {
    /// The current round, counted from 1.
    pub iteration: Option<u32>,
    /// The result of the build as a whole.
    pub summary: Option<TestSummary>,
    /// Each round by its number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub iterations: BTreeMap<u32, TestIteration>,
}

/// The result of the build as a whole.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestSummary {
    /// Tests run.
    pub total: Option<u32>,
    /// Tests passed.
    pub passed: Option<u32>,
    /// Tests failed.
    pub failed: Option<u32>,
    /// Where the numbers come from.
    pub source: TestBasis,
}

/// One round of the test loop; a number that is stated nowhere is absent.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestIteration {
    /// Tests run.
    pub run: Option<u32>,
    /// Tests passed.
    pub passed: Option<u32>,
    /// Tests failed.
    pub failed: Option<u32>,
    /// The verdict, when one is stated.
    pub verdict: Option<bool>,
    /// When it was reported.
    pub at: Option<Timestamp>,
}

/// One agent.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentView {
    /// `scout`, `builder`, `general-purpose`, …
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// The agent that started it.
    pub parent: Option<String>,
    /// `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word.
    pub status: String,
    /// The phase it works in.
    pub phase: Option<String>,
    /// 0 to 100.
    #[schemars(range(min = 0, max = 100))]
    pub progress_percent: Option<f64>,
    /// Tokens used.
    pub tokens: Option<u64>,
    /// The limit that the producer names.
    pub tokens_limit: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Beginning.
    pub started_at: Option<Timestamp>,
    /// End.
    pub ended_at: Option<Timestamp>,
    /// Issues it found.
    pub issues_found: Option<u32>,
    /// Issues it mended.
    pub issues_fixed: Option<u32>,
    /// Whose model it runs on, by the producer's word: `claude`, `codex`.
    pub provider: Option<String>,
    /// The model, by the producer's word.
    pub model: Option<String>,
    /// How often it was started, of an agent that is known by its role.
    pub runs: Option<u32>,
    /// What all of its runs cost by its producer's account, US dollars. Beside [`Usage`](super::Usage), never added to it.
    pub cost_usd: Option<f64>,
    /// How long all of its runs took by its producer's account, seconds.
    pub duration_seconds: Option<f64>,
}

/// What is likely to remain, counted from `at`; worked out from history, absent when there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// When it was worked out.
    pub at: Timestamp,
    /// Seconds, median.
    #[serde(default)]
    pub remaining_s: u64,
    /// Seconds, lower quartile.
    #[serde(default)]
    pub low_s: u64,
    /// Seconds, upper quartile.
    #[serde(default)]
    pub high_s: u64,
    /// What it rests on, one line: `median of 4 earlier runs of this project`.
    pub basis: String,
}

/// One reported error.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorView {
    /// One line.
    pub message: String,
    /// More of it.
    pub details: Option<String>,
    /// When it was reported.
    pub at: Timestamp,
}
