//! What is known of the limits of a plan: an account may use so much within five hours or a week, whichever of its sessions
//! uses it, on whichever machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::session::BudgetLevel;
use crate::time::Timestamp;

/// A reading of one window of a plan. Belongs to an account and to no session; the hub keeps the readings of each window,
/// and neither folds nor stores the fact itself.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitReported {
    /// The agent whose plan it is: `claude`, `codex`.
    pub agent: String,
    /// The account, where its owner names it; absent: the only one of the agent.
    pub account: Option<String>,
    /// What the window limits, when that is not everything: a model such as `opus`.
    pub scope: Option<String>,
    /// Length of the window, minutes: 300 for five hours.
    pub window_minutes: u32,
    /// Share of the window that is used up, from 0; above 100 when more than the plan may be used.
    pub used_percent: f64,
    /// When the window ends and nothing is used up any more, if that is said.
    pub resets_at: Option<Timestamp>,
    /// The plan as its vendor calls it, `plus`.
    pub plan: Option<String>,
    /// When this was so.
    pub observed_at: Timestamp,
    /// Who says so.
    pub source: LimitSource,
}

/// Who says how much of a window is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// A transcript of the agent.
    Transcript,
    /// What the agent gives to its status line.
    StatusLine,
    /// What the agent prints as JSON.
    Output,
    /// Another producer.
    Reported,
}

/// So much of a window of a plan is used up that its users should know, or it can be used again. Goes to the session that
/// used it last, once per mark and window.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitPassed {
    /// The agent whose plan it is.
    pub agent: String,
    /// The account, where its owner names it.
    pub account: Option<String>,
    /// What the window limits, when that is not everything.
    pub scope: Option<String>,
    /// Length of the window, minutes.
    pub window_minutes: u32,
    /// How near the limit it is: `warning` from 75 percent, `critical` from 90, `exceeded` when all is used up, and `safe`
    /// when the window ended after one of the last two: agents may go on.
    pub level: BudgetLevel,
    /// Percent that is used up; absent when the window ended.
    pub used_percent: Option<f64>,
    /// When the window ends, or ended.
    pub resets_at: Option<Timestamp>,
    /// One line for people.
    pub text: String,
}
