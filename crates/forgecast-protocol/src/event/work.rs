//! Facts about the work inside a build: tests, agents, tools, tokens, and what it waits for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::WaitingFor;

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

/// The session waits for a person.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingBegan {
    /// What it waits for, one line.
    pub reason: String,
    /// What kind of wait it is, when the producer says.
    pub waiting_for: Option<WaitingFor>,
}

/// The session no longer waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingEnded {}

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
