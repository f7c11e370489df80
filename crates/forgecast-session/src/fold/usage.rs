//! Tokens and cost. Usage facts are differences: each is added once (the hub counts an id once), and what it takes back
//! was added before. Accounts of different sources are shown side by side and never added up.

use forgecast_protocol::event::{BudgetPassed, BudgetScope, TokenDelta, UsageRecorded, UsageSource};
use forgecast_protocol::session::{Budget, Usage};
use forgecast_protocol::{Event, Timestamp};

use super::effect::{Effect, Section, money};
use super::shares::{Added, add_cost};
use crate::Session;
use crate::memory::KeptReports;

impl Session {
    pub(crate) fn fold_usage(&mut self, event: &Event, fact: &UsageRecorded) -> Effect {
        let before = self.view.usage.clone();
        let at = fact.used_at.unwrap_or_else(|| self.time_of(event));
        let cost_usd = money(fact.cost_usd);
        if !fact.accounts.is_empty() {
            self.count_calls(fact, cost_usd, at);
        } else if !fact.tokens.is_zero() || cost_usd.is_some() {
            self.count_report(fact, cost_usd, at);
        }
        self.fold_context(fact, at);
        let gains = fact.calls > 0 || total(&fact.tokens) > 0;
        if gains && fact.agent.is_none() {
            self.goes_on_after_waiting(fact, at);
        }
        let effect = Effect::of(Section::Usage, before != self.view.usage);
        // What is only seen by one more source, or taken back, is not work.
        let effect = if gains || fact.accounts.is_empty() {
            effect
        } else {
            effect.idle()
        };
        effect.with(self.fold_agent_tokens(fact.agent.as_deref()))
    }

    /// What the ledger says of calls.
    fn count_calls(&mut self, fact: &UsageRecorded, cost_usd: Option<f64>, at: Timestamp) {
        let was_better = self.has_better();
        for account in &fact.accounts {
            let source = self.memory.sources.entry(account.source).or_default();
            source.share.tokens.change(&account.tokens);
            add_cost(&mut source.share.cost_usd, money(account.cost_usd));
            source.calls = source.calls.saturating_add(account.calls);
        }
        let usage = self.view.usage.get_or_insert_with(Usage::default);
        Added {
            phase: fact.phase.as_deref(),
            ..Added::of(fact, cost_usd, at)
        }
        .to(usage);
        usage.disputed_calls = usage.disputed_calls.saturating_add_signed(fact.disputed);
        let is_better = self.has_better();
        if was_better != is_better
            && let (Some(usage), Some(reports)) = (&mut self.view.usage, &self.memory.reports)
        {
            reports.change(usage, !is_better);
        }
        self.show_sources();
    }

    /// What a producer says without naming a call: it counts as long as no better source names any.
    fn count_report(&mut self, fact: &UsageRecorded, cost_usd: Option<f64>, at: Timestamp) {
        let phase = match &fact.phase {
            Some(phase) => Some(phase.clone()),
            None => self.phase_at(at).map(str::to_owned),
        };
        let added = Added {
            phase: phase.as_deref(),
            unpriced: 0,
            ..Added::of(fact, cost_usd, at)
        };
        let counts = !self.has_better();
        let reports = self.memory.reports.get_or_insert_with(KeptReports::default);
        added.to(&mut reports.usage);
        let unpriced = u64::from(cost_usd.is_none());
        reports.unpriced = reports.unpriced.saturating_add(unpriced);
        let source = self.memory.sources.entry(UsageSource::Reported).or_default();
        source.share.tokens.change(&fact.tokens);
        add_cost(&mut source.share.cost_usd, cost_usd);
        source.calls = source.calls.saturating_add(1);
        if counts {
            added.to(self.view.usage.get_or_insert_with(Usage::default));
        }
        self.show_sources();
    }

    /// Whether a source that counts tokens itself names calls of this session.
    fn has_better(&self) -> bool {
        let better = [UsageSource::Transcript, UsageSource::Otel];
        let mut sources = better.iter().filter_map(|source| self.memory.sources.get(source));
        sources.any(|source| source.calls > 0)
    }

    /// Brings what follows from the sources up to date.
    fn show_sources(&mut self) {
        let counts_reports = !self.has_better();
        let reports = self.memory.reports.as_ref().filter(|_| counts_reports);
        let Some(usage) = &mut self.view.usage else {
            return;
        };
        let known = usage.calls > 0 || reports.is_some();
        usage.priced = known && usage.unpriced_calls == 0 && reports.is_none_or(|reports| reports.unpriced == 0);
        let sources = self.memory.sources.iter().filter(|(_, source)| source.calls > 0);
        usage.provenance = sources.clone().map(|(source, _)| *source).collect();
        // A hook confirms a call and knows nothing of its tokens.
        let counting = sources.filter(|(_, source)| source.share.tokens.total() > 0);
        let by_source = counting.map(|(source, kept)| (source.as_str().to_owned(), kept.share.clone()));
        usage.by_source = by_source.collect();
        if usage.by_source.len() < 2 {
            usage.by_source.clear();
        }
    }

    /// An agent's tokens are those of its calls, once there are any.
    fn fold_agent_tokens(&mut self, agent: Option<&str>) -> Effect {
        let tokens = agent.and_then(|id| self.tokens_of_calls(id));
        let known = agent.and_then(|id| self.view.agents.get_mut(id));
        let (Some(agent), true) = (known, tokens.is_some()) else {
            return Effect::none();
        };
        let changed = agent.tokens != tokens;
        agent.tokens = tokens;
        Effect::of(Section::Agents, changed).idle()
    }

    pub(crate) fn tokens_of_calls(&self, agent: &str) -> Option<u64> {
        let share = self.view.usage.as_ref()?.by_agent.get(agent)?;
        Some(share.tokens.total())
    }

    /// A mark of a budget. Those of a day or a month are about more than this session.
    pub(crate) fn fold_budget(&mut self, fact: &BudgetPassed) -> Effect {
        let Some(limit_usd) = money(Some(fact.limit_usd)).filter(|_| fact.scope == BudgetScope::Session) else {
            return Effect::none();
        };
        let level = fact.level;
        let budget = Some(Budget { limit_usd, level });
        let usage = self.view.usage.get_or_insert_with(Usage::default);
        let changed = usage.budget != budget;
        usage.budget = budget;
        Effect::of(Section::Usage, changed).idle()
    }
}

/// All types together.
pub(super) fn total(tokens: &TokenDelta) -> i64 {
    let parts = [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write];
    parts.into_iter().fold(0, i64::saturating_add)
}
