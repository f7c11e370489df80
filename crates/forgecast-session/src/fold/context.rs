//! How full the context window is: by the last call of the main chain, else by what a producer says.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::UsageRecorded;
use forgecast_protocol::session::{BudgetLevel, ContextWindow, Usage};

use super::effect::percent;
use crate::Session;

/// Tokens that fit into a context window, where nobody says otherwise; and into the next size.
pub(crate) const CONTEXT_LIMIT: u64 = 200_000;
const LONG_CONTEXT_LIMIT: u64 = 1_000_000;
/// How a model's name says that the next size is in use.
const LONG_MARK: &str = "[1m]";

impl Session {
    pub(crate) fn fold_context(&mut self, fact: &UsageRecorded, at: Timestamp) {
        // A subagent's window is not the session's.
        if fact.agent.is_some() {
            return;
        }
        if fact.accounts.is_empty() {
            self.say_context(fact.context_tokens, fact.context_percent);
            return;
        }
        let Some(used) = fact.context_tokens else {
            return;
        };
        let memory = &mut self.memory;
        memory.context_limit = fact.context_limit.or(memory.context_limit);
        let named_long = fact.model.as_deref().is_some_and(|model| model.contains(LONG_MARK));
        // A window that once held more is one of the next size, also when it was emptied since.
        memory.long_context |= named_long || used > memory.context_limit.unwrap_or(CONTEXT_LIMIT);
        if memory.context_at.is_none_or(|known| known <= at) {
            memory.context_at = Some(at);
        } else if self.view.usage.as_ref().is_some_and(|usage| usage.context.is_some()) {
            return;
        }
        self.note_context(Some(used), None);
    }

    /// Takes what a producer says of the context window, unless the calls say better; whether that changed it.
    pub(crate) fn say_context(&mut self, used: Option<u64>, said: Option<f64>) -> bool {
        self.memory.context_at.is_none() && self.note_context(used, said)
    }

    fn note_context(&mut self, used: Option<u64>, said: Option<f64>) -> bool {
        let known = self.view.usage.as_ref().and_then(|usage| usage.context.clone());
        let limit = self.memory.context_limit.unwrap_or(CONTEXT_LIMIT);
        let limit = if self.memory.long_context || used > Some(limit) {
            limit.max(LONG_CONTEXT_LIMIT)
        } else {
            limit
        };
        let Some(share) = percent(said).or_else(|| used.map(|used| share_of(used, limit))) else {
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
        if context == known {
            return false;
        }
        self.view.usage.get_or_insert_with(Usage::default).context = context;
        true
    }
}

/// In percent with one decimal.
fn share_of(used: u64, limit: u64) -> f64 {
    let permille = u128::from(used) * 1000 / u128::from(limit.max(1));
    f64::from(u16::try_from(permille.min(1000)).unwrap_or(1000)) / 10.0
}
