//! Tokens, cost and the context window. Usage facts are differences: each is added once (the hub counts an id once).

use forgecast_protocol::event::UsageRecorded;
use forgecast_protocol::session::{BudgetLevel, ContextWindow, Usage, UsageShare};
use std::collections::BTreeMap;

use super::effect::{Effect, Section, money, percent};
use crate::Session;

/// Models and phases that are counted apart; what comes beyond is counted as [`OTHER`].
const MAX_SHARES: usize = 50;
const OTHER: &str = "other";
/// Tokens that fit into a context window, where nobody says otherwise; and into the next size.
const CONTEXT_LIMIT: u64 = 200_000;
const LONG_CONTEXT_LIMIT: u64 = 1_000_000;

impl Session {
    pub(crate) fn fold_usage(&mut self, fact: &UsageRecorded) -> Effect {
        let before = self.view.usage.clone();
        let cost = money(fact.cost_usd);
        if !fact.tokens.is_zero() || cost.is_some() {
            self.add_usage(fact, cost);
        }
        // A subagent's window is not the session's.
        if fact.agent.is_none() {
            self.note_context(fact.context_tokens, fact.context_percent);
        }
        Effect::of(Section::Usage, before != self.view.usage)
    }

    fn add_usage(&mut self, fact: &UsageRecorded, cost: Option<f64>) {
        let (calls, unpriced) = &mut self.memory.calls;
        *calls = calls.saturating_add(1);
        *unpriced = unpriced.saturating_add(u64::from(cost.is_none()));
        let priced = *unpriced == 0;
        let phase = self.view.phase.as_ref().map(|phase| phase.name.as_str());
        let usage = self.view.usage.get_or_insert_with(Usage::default);
        usage.tokens.change(&fact.tokens);
        add_cost(&mut usage.cost_usd, cost);
        usage.priced = priced;
        if let Some(model) = &fact.model {
            add_share(&mut usage.by_model, model, fact, cost);
        }
        if let Some(phase) = phase {
            add_share(&mut usage.by_phase, phase, fact, cost);
        }
    }

    /// Takes what is known of the context window; whether that changed it.
    pub(crate) fn note_context(&mut self, used: Option<u64>, said: Option<f64>) -> bool {
        let known = self.view.usage.as_ref().and_then(|usage| usage.context.clone());
        let limit = match used {
            Some(used) if used > CONTEXT_LIMIT => LONG_CONTEXT_LIMIT,
            _ => CONTEXT_LIMIT,
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

fn add_cost(sum: &mut Option<f64>, cost: Option<f64>) {
    if let Some(cost) = cost {
        let total = sum.unwrap_or(0.0) + cost;
        *sum = Some(total.clamp(f64::MIN, f64::MAX));
    }
}

fn add_share(shares: &mut BTreeMap<String, UsageShare>, name: &str, fact: &UsageRecorded, cost: Option<f64>) {
    let room = shares.len() < MAX_SHARES || shares.contains_key(name);
    let share = shares.entry(if room { name } else { OTHER }.to_owned()).or_default();
    share.tokens.change(&fact.tokens);
    add_cost(&mut share.cost_usd, cost);
}

/// In percent with one decimal.
fn share_of(used: u64, limit: u64) -> f64 {
    let permille = u128::from(used) * 1000 / u128::from(limit.max(1));
    f64::from(u16::try_from(permille.min(1000)).unwrap_or(1000)) / 10.0
}
