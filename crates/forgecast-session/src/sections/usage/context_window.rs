//! How full the context window is: by the last call of the main chain, else by what a producer says.
//!
//! How many tokens fit is what the agent's record says, else what the table of models says, else what
//! the configuration assumes. A call that held more proves that more fit: then the window is as large
//! as the largest call of that model. So a full window never looks half empty because it proved to be
//! larger than was thought.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{UsageRecorded, WindowSource};
use forgecast_protocol::session::{BudgetLevel, ContextWindow, Usage};
use serde::{Deserialize, Serialize};

use super::UsageAccounts;
use crate::sections::percent;

/// Tokens that fit into a context window, unless it is configured or known otherwise.
pub(crate) const CONTEXT_LIMIT: u64 = 200_000;
/// How an agent writes behind a model's name that it uses the model with a long window, and how much fits into that.
const LONG_MARK: &str = "[1m]";
const LONG_CONTEXT_LIMIT: u64 = 1_000_000;
/// Models of one session whose windows are remembered.
const MAX_MODELS: usize = 50;

/// What the window of a model proved to hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ProvenWindow {
    /// Tokens.
    limit: u64,
    from: WindowSource,
}

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
        let model = fact.model.as_deref().unwrap_or_default();
        if model.contains(LONG_MARK) {
            self.prove(model, LONG_CONTEXT_LIMIT, WindowSource::Record);
        }
        if used > fact.context_limit.unwrap_or(CONTEXT_LIMIT) {
            self.prove(model, used, WindowSource::Observed);
        }
        if self.context_at.is_none_or(|known| known <= at) {
            self.context_at = Some(at);
            self.context_model = fact.model.clone();
            self.context_limit = fact.context_limit;
            self.context_limit_from = fact.context_limit_from;
            self.show_context(view, Some(used), None);
        } else if let Some(used) = view.as_ref().and_then(|usage| usage.context.as_ref()?.used) {
            // An earlier call may have proven the window of the one that is shown.
            self.show_context(view, Some(used), None);
        }
    }

    fn prove(&mut self, model: &str, limit: u64, from: WindowSource) {
        let model = without_mark(model);
        let known = self.proven_windows.get(model);
        let is_room = known.is_some() || self.proven_windows.len() < MAX_MODELS;
        if is_room && known.is_none_or(|known| known.limit < limit) {
            self.proven_windows
                .insert(model.to_owned(), ProvenWindow { limit, from });
        }
    }

    /// Takes what a producer says of the context window (tokens, percent), unless the calls say better; whether that
    /// changed it.
    pub(crate) fn report_context(&mut self, view: &mut Option<Usage>, used: Option<u64>, share: Option<f64>) -> bool {
        if self.context_at.is_some() {
            return false;
        }
        if let Some(used) = used.filter(|used| *used > CONTEXT_LIMIT) {
            self.prove("", used, WindowSource::Observed);
        }
        self.show_context(view, used, share)
    }

    /// How many tokens fit into the window that is shown, and who says so.
    fn window(&self) -> (u64, Option<WindowSource>) {
        let stated = (self.context_limit.unwrap_or(CONTEXT_LIMIT), self.context_limit_from);
        let model = self.context_model.as_deref().unwrap_or_default();
        match self.proven_windows.get(without_mark(model)) {
            Some(proven) if proven.limit > stated.0 => (proven.limit, Some(proven.from)),
            _ => stated,
        }
    }

    fn show_context(&self, view: &mut Option<Usage>, used: Option<u64>, share: Option<f64>) -> bool {
        let (limit, limit_from) = self.window();
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
            limit_from,
            percent: share,
            level,
        });
        let usage = view.get_or_insert_with(Usage::default);
        let changed = usage.context != context;
        usage.context = context;
        changed
    }
}

fn without_mark(model: &str) -> &str {
    model.split(LONG_MARK).next().unwrap_or_default()
}

/// In percent with one decimal.
fn share_of(used: u64, limit: u64) -> f64 {
    let permille = u128::from(used) * 1000 / u128::from(limit.max(1));
    f64::from(u16::try_from(permille.min(1000)).unwrap_or(1000)) / 10.0
}
