//! One session in the index: enough for the overview.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::{PhaseStatus, SessionStatus, SourceOfState, WaitingFor};
use super::usage::BudgetLevel;
use crate::ids::SessionId;
use crate::time::Timestamp;

/// One session in the index: enough for the overview.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRow {
    /// Canonical id.
    pub id: SessionId,
    /// Name for people.
    pub name: String,
    /// The project.
    pub project: Option<String>,
    /// What the build was asked to do.
    pub task: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// Which kind of source.
    pub source: SourceOfState,
    /// Status.
    pub status: SessionStatus,
    /// What needs a person's notice.
    pub attention: Option<Attention>,
    /// What it is doing now, while it is at work; boxed because most rows are of sessions that are over.
    pub activity: Option<Box<RowActivity>>,
    /// Why the status is what it is, one line.
    pub status_reason: Option<String>,
    /// What it waits for, when it waits and the producer says for what.
    pub waiting_for: Option<WaitingFor>,
    /// An error ended its turn, or its process crashed: it does not go on by itself. Also true when it was found like that,
    /// which raises no attention.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped_by_error: bool,
    /// The current phase.
    pub phase: Option<RowPhase>,
    /// Status of each phase by name, in no order; viewers order by the vocabulary.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<String, PhaseStatus>,
    /// 0 to 100.
    #[schemars(range(min = 0, max = 100))]
    pub progress_percent: Option<f64>,
    /// Tasks, when there is a list of them.
    pub tasks: Option<RowTasks>,
    /// The round of the test loop; of a loop that keeps checkpoints, the round of that loop.
    pub iteration: Option<u32>,
    /// Tests.
    pub tests: Option<RowTests>,
    /// Tokens and cost.
    pub usage: Option<RowUsage>,
    /// Agents at work.
    #[serde(default)]
    pub agents_active: u32,
    /// Problems of its sources.
    #[serde(default)]
    pub problems: u32,
    /// Beginning of the run.
    pub started_at: Option<Timestamp>,
    /// End of the run.
    pub ended_at: Option<Timestamp>,
    /// When a fact last moved.
    pub last_work_at: Option<Timestamp>,
}

/// What needs a person's notice: the latest of it, until the session goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// What happened.
    pub kind: AttentionKind,
    /// When it happened.
    pub since: Timestamp,
    /// Its number. It only grows within a session, so a viewer tells each number once and sees what it missed.
    pub seq: u64,
    /// One line: why, or for a session that is completed what it did. May be empty.
    pub text: String,
    /// It waits because a turn ended by itself, or because the user stopped it: worth showing, and no reason to call anybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub your_turn: bool,
    /// Which mark of the budget or the limit was passed, for `budget` and `limit`; `safe` when a limit was reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<BudgetLevel>,
}

/// What is worth a person's notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// A mark on the way to the limit of its account's plan was passed, or the plan can be used again.
    Limit,
}

/// What a session is doing now: the newest that is known of it. The viewer ticks the time since.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowActivity {
    /// What kind of doing.
    pub kind: ActivityKind,
    /// One line of at most 160 characters, without control characters: `Edit src/sync/queue.rs`.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// Which attempt at the current phase it is, from the second on.
    pub attempt: Option<u32>,
    /// Sub-agents at work, if there are any.
    pub subagents: Option<u32>,
}

/// What kind of doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// A tool runs: its name and what it is used on.
    Tool,
    /// A test run is going on: its number and counts.
    Tests,
    /// The model was asked and has not answered yet.
    Thinking,
    /// The agent's own last words.
    Words,
    /// The detail of the phase, by the producer's account.
    Phase,
}

/// The current phase, short.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowPhase {
    /// Name.
    pub name: String,
    /// Number as written.
    pub number: Option<String>,
    /// How many there are.
    pub total: Option<u32>,
}

/// Tasks, short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowTasks {
    /// Done.
    #[serde(default)]
    pub completed: u32,
    /// In all.
    #[serde(default)]
    pub total: u32,
}

/// Tests, short.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowTests {
    /// Passed.
    pub passed: Option<u32>,
    /// Failed.
    pub failed: Option<u32>,
}

/// Usage, short.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowUsage {
    /// Tokens of all types.
    #[serde(default)]
    pub tokens: u64,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// US dollars by the agents' own account, where they give one.
    pub agent_total_usd: Option<f64>,
    /// Some of it has no price: what it cost is more than `cost_usd`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpriced: bool,
}
