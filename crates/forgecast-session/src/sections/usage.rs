//! Tokens and cost. Usage facts are differences: each is added once (the hub counts an id once), and what it takes back
//! was added before. Accounts of different sources are shown side by side and never added up.

mod context_window;
mod shares;

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{BudgetPassed, BudgetScope, TokenDelta, UsageRecorded, UsageSource};
use forgecast_protocol::session::{Budget, BudgetLevel, Usage, UsageShare};
use serde::{Deserialize, Serialize};

use super::{Changed, Section, money};
pub(crate) use context_window::CONTEXT_LIMIT;
use shares::{Added, add_cost};

/// What each source says of the usage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UsageAccounts {
    sources: BTreeMap<UsageSource, SourceTotal>,
    /// Usage that producers reported without naming calls.
    reports: Option<StoredReports>,
    /// The time of the call that the context window is shown of.
    context_at: Option<Timestamp>,
    /// Tokens that fit into the window, as configured.
    context_limit: Option<u64>,
    /// Whether the window proved to be one of the next size.
    long_context: bool,
}

/// What one source says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct SourceTotal {
    share: UsageShare,
    /// Calls, or reports where it names no calls.
    calls: i64,
}

/// Usage that producers reported without naming calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct StoredReports {
    usage: Usage,
    /// Reports without a price.
    unpriced: u64,
}

impl UsageAccounts {
    /// Folds a difference that was used at `at`; `phase` is the phase that it counts for.
    pub(crate) fn apply(
        &mut self,
        view: &mut Option<Usage>,
        fact: &UsageRecorded,
        phase: Option<&str>,
        at: Timestamp,
    ) -> Changed {
        let before = view.clone();
        let cost_usd = money(fact.cost_usd);
        let added = Added {
            phase,
            ..Added::of(fact, cost_usd, at)
        };
        if !fact.accounts.is_empty() {
            self.count_calls(view, fact, added);
        } else if !fact.tokens.is_zero() || cost_usd.is_some() {
            self.count_report(view, Added { unpriced: 0, ..added });
        }
        self.apply_context(view, fact, at);
        let changed = Changed::of(Section::Usage, before != *view);
        // What one more source confirms, or what is taken back, is not work.
        if gains(fact) || fact.accounts.is_empty() {
            changed
        } else {
            changed.idle()
        }
    }

    /// What the ledger says of calls.
    fn count_calls(&mut self, view: &mut Option<Usage>, fact: &UsageRecorded, added: Added<'_>) {
        let had_calls = self.names_calls();
        for account in &fact.accounts {
            let cost_usd = money(account.cost_usd);
            self.add_to_source(account.source, &account.tokens, cost_usd, account.calls);
        }
        let usage = view.get_or_insert_with(Usage::default);
        added.to(usage);
        usage.disputed_calls = usage.disputed_calls.saturating_add_signed(fact.disputed);
        let has_calls = self.names_calls();
        if had_calls != has_calls
            && let Some(reports) = &self.reports
        {
            reports.change(usage, !has_calls);
        }
        self.show_sources(view);
    }

    /// What a producer says without naming a call: it counts as long as no better source names any.
    fn count_report(&mut self, view: &mut Option<Usage>, added: Added<'_>) {
        let reports = self.reports.get_or_insert_default();
        added.to(&mut reports.usage);
        reports.unpriced = reports.unpriced.saturating_add(u64::from(added.cost_usd.is_none()));
        let counts = !self.names_calls();
        self.add_to_source(UsageSource::Reported, &added.tokens, added.cost_usd, 1);
        if counts {
            added.to(view.get_or_insert_with(Usage::default));
        }
        self.show_sources(view);
    }

    fn add_to_source(&mut self, source: UsageSource, tokens: &TokenDelta, cost_usd: Option<f64>, calls: i64) {
        let total = self.sources.entry(source).or_default();
        total.share.tokens.change(tokens);
        add_cost(&mut total.share.cost_usd, cost_usd);
        total.calls = total.calls.saturating_add(calls);
    }

    /// Whether a source that counts tokens itself names calls of this session.
    fn names_calls(&self) -> bool {
        let better = [UsageSource::Transcript, UsageSource::Otel];
        let mut sources = better.iter().filter_map(|source| self.sources.get(source));
        sources.any(|source| source.calls > 0)
    }

    /// Brings what follows from the sources up to date.
    fn show_sources(&self, view: &mut Option<Usage>) {
        let Some(usage) = view else {
            return;
        };
        let reports = self.reports.as_ref().filter(|_| !self.names_calls());
        let known = usage.calls > 0 || reports.is_some();
        usage.priced = known && usage.unpriced_calls == 0 && reports.is_none_or(|reports| reports.unpriced == 0);
        let sources = self.sources.iter().filter(|(_, source)| source.calls > 0);
        usage.provenance = sources.clone().map(|(source, _)| *source).collect();
        // A hook confirms a call and knows nothing of its tokens.
        let counting = sources.filter(|(_, source)| source.share.tokens.total() > 0);
        let by_source = counting.map(|(source, total)| (source.as_ref().to_owned(), total.share.clone()));
        usage.by_source = by_source.collect();
        if usage.by_source.len() < 2 {
            usage.by_source.clear();
        }
    }
}

/// Whether a difference adds to what was used, rather than confirming it or taking it back.
pub(crate) fn gains(fact: &UsageRecorded) -> bool {
    fact.calls > 0 || fact.tokens.total() > 0
}

/// The tokens that the calls of an agent used, where any are known.
pub(crate) fn tokens_of_agent(view: Option<&Usage>, agent: &str) -> Option<u64> {
    let share = view?.by_agent.get(agent)?;
    Some(share.tokens.total())
}

/// Takes a mark of the session's own budget; those of a day or a month are about more than this session. Whether that
/// changed anything.
pub(crate) fn pass_budget(view: &mut Option<Usage>, fact: &BudgetPassed) -> bool {
    let limit_usd = money(Some(fact.limit_usd)).filter(|_| fact.scope == BudgetScope::Session);
    let Some(limit_usd) = limit_usd else {
        return false;
    };
    let level = fact.level;
    let budget = Some(Budget { limit_usd, level });
    let usage = view.get_or_insert_with(Usage::default);
    let changed = usage.budget != budget;
    usage.budget = budget;
    changed
}

/// How a budget stands, for a person.
pub(crate) fn budget_text(budget: &Budget) -> String {
    let limit = budget.limit_usd;
    match budget.level {
        BudgetLevel::Exceeded => format!("budget of ${limit:.2} used up"),
        BudgetLevel::Critical => format!("75 % of the budget of ${limit:.2} used"),
        BudgetLevel::Warning => format!("half of the budget of ${limit:.2} used"),
        BudgetLevel::Safe => format!("within the budget of ${limit:.2}"),
    }
}
