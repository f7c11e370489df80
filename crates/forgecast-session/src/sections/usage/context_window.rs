//! How full the context window is: by the last call of the main chain, else by what a producer says.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::UsageRecorded;
use forgecast_protocol::session::{BudgetLevel, ContextWindow, Usage};

use super::UsageAccounts;
use crate::sections::percent;

/// Tokens that fit into a context window, unless it is configured or known otherwise; and into the next size.
pub(crate) const CONTEXT_LIMIT: u64 = 200_000;
const LONG_CONTEXT_LIMIT: u64 = 1_000_000;
/// How a model's name says that the next size is in use.
const LONG_MARK: &str = "[1m]";

impl UsageAccounts {
    pub(super) fn apply_context(&mut self, view: &mut Option<Usage>, fact: &UsageRecorded, at: Timestamp) {
        // A subagent's window is not the session's.
        if fact.agent.is_some() {
            return;
        }
        if fact.accounts.is_empty() {
            self.report_context(view, fact.context_tokens, fact.context_percent);
            return;
        }
        let Some(used) = fact.context_tokens else {
            return;
        };
        self.context_limit = fact.context_limit.or(self.context_limit);
        let named_long = fact.model.as_deref().is_some_and(|model| model.contains(LONG_MARK));
        // A window that once held more is one of the next size, also when it was emptied since.
        self.long_context |= named_long || used > self.context_limit.unwrap_or(CONTEXT_LIMIT);
        if self.context_at.is_none_or(|known| known <= at) {
            self.context_at = Some(at);
        } else if view.as_ref().is_some_and(|usage| usage.context.is_some()) {
            return;
        }
        self.show_context(view, Some(used), None);
    }

    /// Takes what a producer says of the context window (tokens, percent), unless the calls say better; whether that
    /// changed it.
    pub(crate) fn report_context(&self, view: &mut Option<Usage>, used: Option<u64>, share: Option<f64>) -> bool {
        self.context_at.is_none() && self.show_context(view, used, share)
    }

    fn show_context(&self, view: &mut Option<Usage>, used: Option<u64>, share: Option<f64>) -> bool {
        let limit = self.context_limit.unwrap_or(CONTEXT_LIMIT);
        let limit = if self.long_context || used > Some(limit) {
            limit.max(LONG_CONTEXT_LIMIT)
        } else {
            limit
        };
        let Some(share) = percent(share).or_else(|| used.map(|used| share_of(used, limit))) else {
            return false;
        };
        let level = match share {
            share if share >= 75.0 => BudgetLevel::Critical,
            share if share >= 50.0 => BudgetLevel::Warning,
            _ => BudgetLevel::Safe,
        };
        let context = Some(ContextWindow {
            used,
            limit,
            percent: share,
            level,
        });
        let usage = view.get_or_insert_with(Usage::default);
        let changed = usage.context != context;
        usage.context = context;
        changed
    }
}

/// In percent with one decimal.
fn share_of(used: u64, limit: u64) -> f64 {
    let permille = u128::from(used) * 1000 / u128::from(limit.max(1));
    f64::from(u16::try_from(permille.min(1000)).unwrap_or(1000)) / 10.0
}
