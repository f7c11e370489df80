//! Facts about the work inside a build: tests, agents, tools, tokens, and what it waits for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::usage::{MAX_REPORT_TOKENS, MAX_REPORT_USD, beyond, beyond_usd};
use crate::session::WaitingFor;
use crate::time::Timestamp;

/// Where a test result was taken from, weakest first: a later source of the same or more weight replaces the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestBasis {
    /// Counted from explicit statements in a report that a model wrote.
    Report,
    /// Said by a producer.
    Reported,
    /// `session-summary.json`.
    Summary,
}

/// The result of a test run. A number that is not stated anywhere is absent, not zero.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestsReported {
    /// Which round of the test loop, counted from 1; absent for the result of the whole build.
    pub iteration: Option<u32>,
    /// Tests run.
    pub total: Option<u32>,
    /// Tests passed.
    pub passed: Option<u32>,
    /// Tests failed.
    pub failed: Option<u32>,
    /// The producer's own verdict, when it gives one.
    pub verdict: Option<bool>,
    /// How the numbers were found.
    pub basis: TestBasis,
}

/// What one agent of the session is doing.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentReported {
    /// The agent's id within the session.
    pub id: String,
    /// `scout`, `builder`, `general-purpose`, …
    #[serde(rename = "agent_type")]
    pub kind: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// The id of the agent that started it.
    pub parent: Option<String>,
    /// `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word.
    pub status: Option<String>,
    /// The phase it works in.
    pub phase: Option<String>,
    /// 0 to 100.
    pub progress_percent: Option<f64>,
    /// Tokens used so far.
    pub tokens: Option<u64>,
    /// The limit that the producer names.
    pub tokens_limit: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Issues it found.
    pub issues_found: Option<u32>,
    /// Issues it mended.
    pub issues_fixed: Option<u32>,
    /// Whose model it runs on, by the producer's word: `claude`, `codex`.
    pub provider: Option<String>,
    /// The model, by the producer's word.
    pub model: Option<String>,
    /// What the run that ended cost by its producer's account, US dollars.
    pub cost_usd: Option<f64>,
    /// How long the run that ended took by its producer's account, seconds.
    pub duration_seconds: Option<f64>,
    /// When it began and ended, by a source that kept that. Absent: the times of its reports say so.
    pub times: Option<AgentTimes>,
}

impl AgentReported {
    /// What no source can mean by it, if there is anything.
    #[must_use]
    pub fn implausible(&self) -> Option<String> {
        beyond("tokens", self.tokens.unwrap_or_default(), MAX_REPORT_TOKENS)
            .or_else(|| beyond_usd(self.cost_usd, MAX_REPORT_USD))
    }
}

/// When an agent was at work, as far as its source knows.
#[serde_with::skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentTimes {
    /// Beginning; absent: not known.
    pub started_at: Option<Timestamp>,
    /// End; absent: not known, or it has not ended.
    pub ended_at: Option<Timestamp>,
}

/// An agent used a tool.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolUsed {
    /// The tool.
    pub tool: String,
    /// What it was used on, one line.
    pub summary: Option<String>,
    /// The agent that used it.
    pub agent: Option<String>,
    /// Whether it worked, when that is known.
    pub success: Option<bool>,
    /// The agent's id of this use (`toolu_…`): told by several sources it is one use, and it names the call that asked
    /// for it.
    pub use_id: Option<String>,
}

/// An agent of the session waits for a person. The wait is that agent's own: `docs/states.md` says what ends it.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingBegan {
    /// What it waits for, one line.
    pub reason: String,
    /// What kind of wait it is, when the producer says. A wait for a prompt is the end of a turn.
    pub waiting_for: Option<WaitingFor>,
    /// The agent that waits; absent for the main one.
    pub agent: Option<String>,
    /// The use of a tool whose approval or answer is awaited, by the agent's id of it.
    pub use_id: Option<String>,
    /// The tool, where the id of its use is not told.
    pub tool: Option<String>,
    /// What the tool would be used on, as [`ToolUsed::summary`] says it.
    pub summary: Option<String>,
    /// How a turn ended that did not end by itself.
    pub cut_short: Option<CutShort>,
}

/// What ended a turn before the agent did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutShort {
    /// A request to the model failed and is not tried again; the reason says how. A person is needed.
    Error,
    /// The user stopped it, and with it the subagents that worked for it.
    User,
}

/// A wait is over. Without any field it is a new prompt: the main agent is at work, and what was asked before is settled.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingEnded {
    /// The agent that waits no longer, whatever it waited for.
    pub agent: Option<String>,
    /// The use of a tool that was approved, refused or answered.
    pub use_id: Option<String>,
    /// The tool that was approved or refused, where the id of its use is not told.
    pub tool: Option<String>,
}

/// What an agent is doing, by a line that tells of no single use of a tool.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActivityReported {
    /// The agent; absent for the main one.
    pub agent: Option<String>,
    /// What it is doing.
    pub activity: AgentActivity,
    /// What it says of it in its own words, one line.
    pub words: Option<String>,
}

/// What an agent is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentActivity {
    /// A sign of life inside what it was doing: keeps a silent turn from counting as stalled, and begins none.
    #[default]
    Alive,
    /// It is at work: a turn goes on or begins without a prompt.
    Working,
}

/// The agent that stands for a schedule in [`ActivityReported`]: at work while something is scheduled that will wake the
/// main agent when its turn is over.
pub const SCHEDULE: &str = "(schedule)";

/// Something failed without ending the build.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorReported {
    /// What failed, one line.
    pub message: String,
    /// More of it.
    pub details: Option<String>,
}

/// An event of a kind that Forgecast does not know, kept and passed on as it came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Custom {
    /// The producer's word for it.
    pub kind: String,
    /// Its content.
    #[serde(default)]
    pub data: Value,
}

/// A person answered from afar what an agent asked to be allowed.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalAnswered {
    /// The id of the request.
    pub request: String,
    /// SHA-256 of what was shown, hexadecimal.
    pub digest: String,
    /// The tool.
    pub tool: String,
    /// What it is used on, in one line.
    pub summary: Option<String>,
    /// The subagent that asked; absent for the main one.
    pub agent: Option<String>,
    /// Whether this one use was allowed.
    pub allowed: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Who answered: the name of the token.
    pub by: String,
}
