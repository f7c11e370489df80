//! The live view of one session and its row in the index: what viewers see.
//!
//! Two rules hold everywhere. *Unknown is absent*: no field is ever `null`, because a merge patch uses `null` to remove.
//! *Nothing ticks*: ages, elapsed and remaining time are worked out by the viewer from the times given here, so a view
//! changes only when a fact did. Collections are objects keyed by id, so that a change travels as a small patch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{ArtifactKind, TestBasis};
use crate::ids::SessionId;
use crate::problem::Problem;
use crate::time::Timestamp;

/// A session's own status, whatever words its producer uses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// At work.
    #[default]
    Running,
    /// Needs a person.
    Waiting,
    /// At work by its own account, but without work for longer than its limit.
    Stalled,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// No work for so long that nobody can be there, or its folder is gone.
    Abandoned,
}

impl SessionStatus {
    /// Whether the run is over: nothing but a new run follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// Whether the run counts as unfinished: shown in the index whatever its age, never removed by retention.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Waiting | Self::Stalled)
    }
}

/// The state of one phase.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PhaseStatus {
    /// Not begun.
    #[default]
    Pending,
    /// At work.
    Active,
    /// Done.
    Completed,
    /// Failed or timed out.
    Failed,
    /// Passed over: later phases began, this one never did.
    Skipped,
}

/// Which kind of source the state comes from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SourceOfState {
    /// A phase file or a push.
    #[default]
    Live,
    /// A checkpoint, because no live data is fresh.
    Checkpoint,
    /// An agent's transcript.
    Transcript,
}

/// The whole view of a session: the `state` of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SessionView {
    /// Canonical id, `weather-app~1`.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub id: SessionId,
    /// Name for people.
    pub name: String,
    /// The project, when it has another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub project: Option<String>,
    /// What the build was asked to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub task: Option<String>,
    /// The machine it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub host: Option<String>,
    /// The folder it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub working_directory: Option<String>,
    /// Which kind of source the state comes from.
    pub source: SourceOfState,
    /// Status.
    pub status: SessionStatus,
    /// The producer's own word for its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub status_word: Option<String>,
    /// Why the status is what it is, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub status_reason: Option<String>,
    /// The current phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub phase: Option<CurrentPhase>,
    /// All phases by name, those of the vocabulary and any other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, PhaseView>>")
    )]
    pub phases: BTreeMap<String, PhaseView>,
    /// Progress and tasks.
    pub progress: Progress,
    /// The test loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub tests: Option<Tests>,
    /// Agents by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, AgentView>>")
    )]
    pub agents: BTreeMap<String, AgentView>,
    /// Tokens and cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub usage: Option<Usage>,
    /// Decisions and lessons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub decisions: Option<Decisions>,
    /// Patterns by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, PatternView>>")
    )]
    pub patterns: BTreeMap<String, PatternView>,
    /// Files of the session by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, ArtifactView>>")
    )]
    pub artifacts: BTreeMap<String, ArtifactView>,
    /// What is likely to remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub estimate: Option<Estimate>,
    /// Web addresses by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, String>>")
    )]
    pub links: BTreeMap<String, String>,
    /// Troubles of its sources by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, Problem>>")
    )]
    pub problems: BTreeMap<String, Problem>,
    /// Errors that were reported, newest by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, ErrorView>>")
    )]
    pub errors: BTreeMap<String, ErrorView>,
    /// Beginning of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub started_at: Option<Timestamp>,
    /// End of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub ended_at: Option<Timestamp>,
    /// When a fact last moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub last_work_at: Option<Timestamp>,
    /// When the producer was last known to be alive, if that is later than the last work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub last_seen_at: Option<Timestamp>,
    /// The last change of each section by its name: `phase`, `phases`, `progress`, `tests`, `agents`, `usage`, `decisions`, `patterns`, `artifacts`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "Record<string, string>"))]
    pub changed_at: BTreeMap<String, Timestamp>,
}

/// The current phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CurrentPhase {
    /// Name: a word of the vocabulary, or the producer's own.
    pub name: String,
    /// Its number as the producer writes it, without the total: `4`, `4.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub number: Option<String>,
    /// How many phases there are, by the producer's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub total: Option<u32>,
    /// What it is doing, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub detail: Option<String>,
    /// Its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub started_at: Option<Timestamp>,
}

/// One phase of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PhaseView {
    /// Position in the pipeline; phases that are not in the vocabulary come behind, in the order they came.
    pub order: u32,
    /// Status.
    pub status: PhaseStatus,
    /// First beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub started_at: Option<Timestamp>,
    /// Last end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub ended_at: Option<Timestamp>,
    /// How often it began: more than once is a loop back (self-healing).
    #[serde(default)]
    pub attempts: u32,
}

/// Progress and tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Progress {
    /// 0 to 100, from the phases done and, where stated, the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub percent: Option<f64>,
    /// Tasks done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub tasks_completed: Option<u32>,
    /// Tasks in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub tasks_total: Option<u32>,
    /// Tasks by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, TaskView>>")
    )]
    pub tasks: BTreeMap<String, TaskView>,
    /// Remarks of the producer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<String>>"))]
    pub notes: Vec<String>,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TaskView {
    /// Position in the list.
    pub order: u32,
    /// What is to be done.
    pub description: String,
    /// `pending`, `in_progress`, `completed`, `failed`, or the producer's word.
    pub status: String,
    /// Ids of tasks that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<String>>"))]
    pub dependencies: Vec<String>,
    /// Files it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<String>>"))]
    pub files: Vec<String>,
    /// The producer's estimate, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub estimated_time: Option<String>,
}

/// The test loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Tests {
    /// The current round, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub iteration: Option<u32>,
    /// The result of the build as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub summary: Option<TestSummary>,
    /// Each round by its number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<u32, TestIteration>>")
    )]
    pub iterations: BTreeMap<u32, TestIteration>,
}

/// The result of the build as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TestSummary {
    /// Tests run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub total: Option<u32>,
    /// Tests passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub passed: Option<u32>,
    /// Tests failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub failed: Option<u32>,
    /// Where the numbers come from.
    pub source: TestBasis,
}

/// One round of the test loop; a number that is stated nowhere is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TestIteration {
    /// Tests run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub run: Option<u32>,
    /// Tests passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub passed: Option<u32>,
    /// Tests failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub failed: Option<u32>,
    /// The verdict, when one is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub verdict: Option<bool>,
    /// When it was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub at: Option<Timestamp>,
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct AgentView {
    /// `scout`, `builder`, `general-purpose`, …
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub kind: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub name: Option<String>,
    /// The agent that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub parent: Option<String>,
    /// `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word.
    pub status: String,
    /// The phase it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub phase: Option<String>,
    /// 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub progress_percent: Option<f64>,
    /// Tokens used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub tokens: Option<u64>,
    /// The limit that the producer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub tokens_limit: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub error: Option<String>,
    /// Beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub started_at: Option<Timestamp>,
    /// End.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub ended_at: Option<Timestamp>,
    /// Issues it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub issues_found: Option<u32>,
    /// Issues it mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub issues_fixed: Option<u32>,
}

/// Tokens by type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TokenCounts {
    /// Sent to the model and not cached.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub input: u64,
    /// Written by the model.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub output: u64,
    /// Read from the cache.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub cache_read: u64,
    /// Written to the cache.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub cache_write: u64,
}

impl TokenCounts {
    /// All types together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input
            .saturating_add(self.output)
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
    }

    /// Adds the tokens of `other`.
    pub fn add(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
    }
}

/// Tokens and cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Usage {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars, of what has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cost_usd: Option<f64>,
    /// Whether every call had a price.
    pub priced: bool,
    /// By model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, UsageShare>>")
    )]
    pub by_model: BTreeMap<String, UsageShare>,
    /// By phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, UsageShare>>")
    )]
    pub by_phase: BTreeMap<String, UsageShare>,
    /// The context window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub context: Option<ContextWindow>,
    /// Where the numbers come from, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<String>>"))]
    pub provenance: Vec<String>,
}

/// A share of the usage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct UsageShare {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cost_usd: Option<f64>,
}

/// How full the context window is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ContextWindow {
    /// Tokens in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub used: Option<u64>,
    /// Tokens that fit.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub limit: u64,
    /// 0 to 100.
    pub percent: f64,
    /// `safe` below 50 %, `warning`, `critical` from 75 %.
    pub level: BudgetLevel,
}

/// How near a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum BudgetLevel {
    /// Below half.
    Safe,
    /// From half.
    Warning,
    /// From three quarters.
    Critical,
}

/// Decisions and lessons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Decisions {
    /// How many there are.
    #[serde(default)]
    pub total: u32,
    /// Mean of the ratings that were given, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub avg_quality: Option<f64>,
    /// How many applied a lesson of an earlier build.
    #[serde(default)]
    pub lessons_used: u32,
    /// The newest 50 by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, DecisionView>>")
    )]
    pub recent: BTreeMap<String, DecisionView>,
}

/// One decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DecisionView {
    /// One line.
    pub title: String,
    /// `Testing`, `Architecture`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub category: Option<String>,
    /// `HIGH`, `MEDIUM`, `LOW`, or the producer's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub severity: Option<String>,
    /// The phase in which it was made or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub phase: Option<String>,
    /// The phase that should have found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub should_detect_in_phase: Option<String>,
    /// Why it came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub root_cause: Option<String>,
    /// What was or should be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub solution: Option<String>,
    /// How sure its author is, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub confidence: Option<String>,
    /// 1 to 5, when somebody rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub quality: Option<f64>,
    /// 1 to 5, when somebody rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub difficulty: Option<f64>,
    /// Whether a lesson of an earlier build was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub lesson_used: Option<bool>,
    /// When it was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub at: Option<Timestamp>,
}

/// One pattern.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PatternView {
    /// One line.
    pub title: String,
    /// The library it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub library: Option<String>,
    /// `HIGH`, `MEDIUM`, `LOW`, or the producer's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub severity: Option<String>,
    /// How often it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub frequency: Option<u32>,
    /// How often it was prevented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub times_prevented: Option<u32>,
}

/// One file of the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ArtifactView {
    /// What it is.
    pub kind: ArtifactKind,
    /// Bytes.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub size: u64,
    /// Last change.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub modified_at: Timestamp,
}

/// What is likely to remain, counted from `at`; worked out from history, absent when there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Estimate {
    /// When it was worked out.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub at: Timestamp,
    /// Seconds, median.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub remaining_s: u64,
    /// Seconds, lower quartile.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub low_s: u64,
    /// Seconds, upper quartile.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub high_s: u64,
    /// What it rests on, one line: `median of 4 earlier runs of this project`.
    pub basis: String,
}

/// One reported error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ErrorView {
    /// One line.
    pub message: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub details: Option<String>,
    /// When it was reported.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub at: Timestamp,
}

/// One session in the index: enough for the overview.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SessionRow {
    /// Canonical id.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub id: SessionId,
    /// Name for people.
    pub name: String,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub project: Option<String>,
    /// What the build was asked to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub task: Option<String>,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub host: Option<String>,
    /// Which kind of source.
    pub source: SourceOfState,
    /// Status.
    pub status: SessionStatus,
    /// Why, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub status_reason: Option<String>,
    /// The current phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub phase: Option<RowPhase>,
    /// Status of each phase by name, in no order; viewers order by the vocabulary.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<BTreeMap<String, PhaseStatus>>")
    )]
    pub phases: BTreeMap<String, PhaseStatus>,
    /// 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub progress_percent: Option<f64>,
    /// Tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub tests: Option<RowTests>,
    /// Tokens and cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub usage: Option<RowUsage>,
    /// Agents at work.
    #[serde(default)]
    pub agents_active: u32,
    /// Problems of its sources.
    #[serde(default)]
    pub problems: u32,
    /// Beginning of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub started_at: Option<Timestamp>,
    /// End of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub ended_at: Option<Timestamp>,
    /// When a fact last moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub last_work_at: Option<Timestamp>,
}

/// The current phase, short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct RowPhase {
    /// Name.
    pub name: String,
    /// Number as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub number: Option<String>,
    /// How many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub total: Option<u32>,
}

/// Tests, short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct RowTests {
    /// Passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub passed: Option<u32>,
    /// Failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub failed: Option<u32>,
}

/// Usage, short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct RowUsage {
    /// Tokens of all types.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub tokens: u64,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub cost_usd: Option<f64>,
}
