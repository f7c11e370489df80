//! Tokens, cost and the context window.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<BTreeMap<String, UsageShare>>"))]
    pub by_model: BTreeMap<String, UsageShare>,
    /// By phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<BTreeMap<String, UsageShare>>"))]
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
