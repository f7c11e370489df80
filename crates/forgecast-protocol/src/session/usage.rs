//! Tokens, cost and the context window.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{TokenDelta, UsageSource, WindowSource};
use crate::time::Timestamp;

/// Tokens by type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenCounts {
    /// Sent to the model and not cached.
    #[serde(default)]
    pub input: u64,
    /// Written by the model.
    #[serde(default)]
    pub output: u64,
    /// Read from the cache.
    #[serde(default)]
    pub cache_read: u64,
    /// Written to the cache.
    #[serde(default)]
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

    /// The difference that these tokens make when they are added (`sign` is 1) or taken back (-1).
    #[must_use]
    pub fn signed(&self, sign: i64) -> TokenDelta {
        let signed = |count: u64| sign * i64::try_from(count).unwrap_or(i64::MAX);
        TokenDelta {
            input: signed(self.input),
            output: signed(self.output),
            cache_read: signed(self.cache_read),
            cache_write: signed(self.cache_write),
        }
    }

    /// Adds a difference; nothing goes below zero.
    pub fn change(&mut self, by: &TokenDelta) {
        self.input = self.input.saturating_add_signed(by.input);
        self.output = self.output.saturating_add_signed(by.output);
        self.cache_read = self.cache_read.saturating_add_signed(by.cache_read);
        self.cache_write = self.cache_write.saturating_add_signed(by.cache_write);
    }
}

/// Tokens and cost.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars, of what has a price.
    pub cost_usd: Option<f64>,
    /// Whether every call had a price.
    pub priced: bool,
    /// Calls to a model; 0 when nobody names single calls.
    #[serde(default)]
    pub calls: u64,
    /// Calls whose model has no price.
    #[serde(default)]
    pub unpriced_calls: u64,
    /// Calls of which two sources give different numbers; the better source counts.
    #[serde(default)]
    pub disputed_calls: u64,
    /// By model; what searching the web cost stands under `web-search`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_model: BTreeMap<String, UsageShare>,
    /// By phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_phase: BTreeMap<String, UsageShare>,
    /// By the agent's id; the main one is `main`. Only when there are others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_agent: BTreeMap<String, UsageShare>,
    /// What each source says by its own account, side by side, never to be summed. Only when there are several, or when
    /// one of them is an estimate, which is not in the sums.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_source: BTreeMap<String, SourceUsage>,
    /// What the agents themselves say that they used in all, for comparison: never part of the sums.
    pub agent_total: Option<AgentTotal>,
    /// The newest 60 minutes in which tokens were used, by their beginning (`2026-11-22T00:15:00Z`): what a burn rate is
    /// worked out from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recent: BTreeMap<String, UsageMinute>,
    /// The context window.
    pub context: Option<ContextWindow>,
    /// The budget of this session, once a mark of it was passed.
    pub budget: Option<Budget>,
    /// Uses of tools and prompts that were refused because a hard budget was used up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub denied: u64,
    /// Where the numbers come from, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<UsageSource>,
}

/// A share of the usage.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageShare {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

/// What one source says of the usage.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceUsage {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// Calls that it tells of, or reports where it names no calls.
    #[serde(default)]
    pub calls: u64,
}

/// What an agent itself says that a session used in all. It knows calls that no transcript tells of, so it may say more
/// than is counted.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentTotal {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars by the agent's own prices.
    pub cost_usd: Option<f64>,
    /// Searches of the web.
    #[serde(default)]
    pub web_searches: u64,
    /// Whether the agent knew the price of every model.
    #[serde(default)]
    pub priced: bool,
    /// Of when it is, by the agent.
    pub at: Option<Timestamp>,
}

impl AgentTotal {
    /// Adds that of another session.
    pub fn add(&mut self, other: &Self) {
        self.tokens.add(&other.tokens);
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0.0) + other.unwrap_or(0.0)),
        };
        self.web_searches = self.web_searches.saturating_add(other.web_searches);
        self.priced &= other.priced;
        self.at = self.at.max(other.at);
    }
}

/// What was used within one minute.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageMinute {
    /// Tokens of all types.
    #[serde(default)]
    pub tokens: u64,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

/// How a budget stands, as of the last mark that was passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// US dollars allowed.
    pub limit_usd: f64,
    /// How near it is.
    pub level: BudgetLevel,
}

/// How full the context window is.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContextWindow {
    /// Tokens in it.
    pub used: Option<u64>,
    /// Tokens that fit.
    #[serde(default)]
    pub limit: u64,
    /// Who says how many fit; absent: nobody, it is assumed.
    pub limit_from: Option<WindowSource>,
    /// 0 to 100.
    #[schemars(range(min = 0, max = 100))]
    pub percent: f64,
    /// `safe` below 50 %, `warning`, `critical` from 75 %.
    pub level: BudgetLevel,
}

/// How near a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetLevel {
    /// Below half.
    Safe,
    /// From half.
    Warning,
    /// From three quarters.
    Critical,
    /// At the limit or beyond it.
    Exceeded,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
