//! How much of each plan is used up, by whom, and when the rest will be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::LimitSource;
use crate::report::BurnRate;
use crate::time::Timestamp;

/// The windows of all plans that are known, and what is being used, all from memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitsReport {
    /// The windows, by agent, account and length.
    pub windows: Vec<LimitWindow>,
    /// US dollars that were used today by the server's calendar.
    #[serde(default)]
    pub today_usd: f64,
    /// How fast tokens and money go at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn: Option<BurnRate>,
}

/// One window of a plan: five hours, a week.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitWindow {
    /// The agent whose plan it is: `claude`, `codex`.
    pub agent: String,
    /// The account, where its owner names it; absent: the only one of the agent.
    pub account: Option<String>,
    /// What the window limits, when that is not everything: a model such as `opus`.
    pub scope: Option<String>,
    /// Length, minutes: 300 for five hours.
    pub window_minutes: u32,
    /// How it is known. Of an estimated one only its times and what was used in it are known, never a percentage.
    pub basis: LimitBasis,
    /// Percent that is used up; above 100 when more than the plan may be used. Absent when that is not known.
    pub used_percent: Option<f64>,
    /// Since when it is not known how much is used up: the window that was read last ended then.
    pub unknown_since: Option<Timestamp>,
    /// When it ends and nothing is used up any more; absent when that is not known.
    pub resets_at: Option<Timestamp>,
    /// In which range it will be used up at the present rate, with a probability of 80 %. Absent when that is after its
    /// end, when too little is known, and when nothing is being used.
    pub used_up: Option<TimeRange>,
    /// The plan as its vendor calls it.
    pub plan: Option<String>,
    /// When it was read last.
    pub observed_at: Option<Timestamp>,
    /// Who said so.
    pub source: Option<LimitSource>,
    /// Tokens that the sessions used in it, as they were counted here.
    pub tokens: u64,
    /// US dollars that these would cost by the price of the API.
    pub cost_usd: f64,
    /// Who used it: the sessions, the most first, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<LimitShare>,
    /// The same by project; what has no project has the empty key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<LimitShare>,
}

/// How a window is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitBasis {
    /// The agent's vendor says so.
    Official,
    /// Worked out from when calls were made here; the vendor may count differently.
    Estimated,
}

/// What one session or project used of a window.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitShare {
    /// The session's id, or the project.
    pub key: String,
    /// Percent of everything that was counted in the window, by cost; by tokens when no cost is known.
    pub share_percent: f64,
    /// Percent of the whole window: its share of what is used up. Use of the account that is not counted here (another
    /// machine, the web) is divided among the sessions. Absent when it is not known how much is used up.
    pub window_percent: Option<f64>,
    /// Tokens.
    pub tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
}

/// A range of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeRange {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}
