//! Hard budgets: what may be spent before agents are stopped, and what an administrator may do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::BudgetScope;

/// The hard budgets, as they stand at the moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HardBudgets {
    /// Day and month, then projects and sessions that spent half of theirs, or whose budget was changed or refused
    /// something. Empty when no budget is hard.
    pub budgets: Vec<HardBudget>,
}

/// A budget that stops agents once it is spent.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HardBudget {
    /// Its name, as `raise` and `clear` take it: `day`, `month`, `project/weather-app`, `session/0b3c…` (the agent's own
    /// id of its session).
    pub budget: String,
    /// What it is for.
    pub scope: BudgetScope,
    /// Which day or month; absent for a session's.
    pub period: Option<String>,
    /// US dollars allowed; absent when it was cleared.
    pub limit_usd: Option<f64>,
    /// US dollars that the configuration allows.
    pub configured_usd: f64,
    /// US dollars spent, counting nothing but transcripts that were read on this machine.
    pub spent_usd: f64,
    /// Hooks that were refused since the server started.
    pub denied: u64,
}

/// Which budget is raised, and to what.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetRaise {
    /// Its name.
    pub budget: String,
    /// US dollars allowed until its period ends.
    #[schemars(range(min = 0))]
    pub usd: f64,
}

/// Which budget is cleared.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetClear {
    /// Its name.
    pub budget: String,
}
