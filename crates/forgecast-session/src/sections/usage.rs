//! Tokens and cost. Usage facts are differences: each is added once (the hub counts an id once), and what it takes back
//! was added before. Accounts of different sources are shown side by side and never added up.

mod context_window;
mod shares;

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{BudgetPassed, BudgetScope, TokenDelta, UsageRecorded, UsageSource, WindowSource};
use forgecast_protocol::session::{AgentTotal, Budget, BudgetLevel, SourceUsage, Usage, UsageShare};
use serde::{Deserialize, Serialize};

use super::{Changed, Section, money};
pub(crate) use context_window::CONTEXT_LIMIT;
use context_window::ProvenWindow;
use shares::{Added, add_cost};

/// Agent sessions whose own totals are remembered.
const MAX_TOTALS: usize = 1_000;

/// What each source says of the usage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UsageAccounts {
    sources: BTreeMap<UsageSource, SourceTotal>,
    /// Usage that producers reported without naming calls.
    reports: Option<Box<StoredReports>>,
    /// Usage that telemetry reported without naming calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    telemetry: Option<Box<StoredReports>>,
    /// What agents said last of their own sessions, by the names of these.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    agent_totals: BTreeMap<String, AgentTotal>,
    /// The time of the call that the context window is shown of.
    context_at: Option<Timestamp>,
    /// Its model.
    context_model: Option<String>,
    /// Tokens that fit into its window, as that call says, and who says so.
    context_limit: Option<u64>,
    context_limit_from: Option<WindowSource>,
    /// What the windows of models proved to hold where that is more than what is said of them, by model.
    proven_windows: BTreeMap<String, ProvenWindow>,
}

/// What one source says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct SourceTotal {
    share: UsageShare,
    /// Calls, or reports where it names no calls.
    calls: i64,
    /// Of these, reports that name no call.
    #[serde(default, skip_serializing_if = "is_zero")]
    unnamed: i64,
}

/// Usage that was reported without naming calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct StoredReports {
    usage: Usage,
    /// Reports without a price.
    unpriced: u64,
}

fn is_zero(count: &i64) -> bool {
    *count == 0
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
        } else if fact.source == Some(UsageSource::Estimated) {
            self.note_estimate(view, fact);
        } else if !fact.tokens.is_zero() || cost_usd.is_some() {
            self.count_report(view, fact, added);
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

    /// Remembers what an agent says of its whole session, by its name; what it said before is included.
    pub(crate) fn state_total(&mut self, view: &mut Option<Usage>, transcript: &str, total: &AgentTotal) -> Changed {
        let before = view.as_ref().and_then(|usage| usage.agent_total.clone());
        if self.agent_totals.len() < MAX_TOTALS || self.agent_totals.contains_key(transcript) {
            self.agent_totals.insert(transcript.to_owned(), total.clone());
        }
        let mut totals = self.agent_totals.values();
        let mut sum = totals.next().cloned();
        if let Some(sum) = &mut sum {
            totals.for_each(|total| sum.add(total));
        }
        let changed = before != sum;
        view.get_or_insert_default().agent_total = sum;
        Changed::of(Section::Usage, changed).idle()
    }

    /// What the ledger says of calls.
    fn count_calls(&mut self, view: &mut Option<Usage>, fact: &UsageRecorded, added: Added<'_>) {
        let counted = self.counted_reports();
        for account in &fact.accounts {
            let cost_usd = money(account.cost_usd);
            self.add_to_source(account.source, &account.tokens, cost_usd, account.calls);
        }
        let usage = view.get_or_insert_with(Usage::default);
        added.to(usage);
        usage.disputed_calls = usage.disputed_calls.saturating_add_signed(fact.disputed);
        self.change_reports(usage, counted);
        self.show_sources(view);
    }

    /// What a source says without naming a call: it counts as long as no better source tells of the session.
    fn count_report(&mut self, view: &mut Option<Usage>, fact: &UsageRecorded, added: Added<'_>) {
        let source = reported_by(fact);
        let counted = self.counted_reports();
        let stored = match source {
            UsageSource::Otel => &mut self.telemetry,
            _ => &mut self.reports,
        };
        let reports = stored.get_or_insert_default();
        added.to(&mut reports.usage);
        reports.unpriced = reports.unpriced.saturating_add(u64::from(added.cost_usd.is_none()));
        self.add_to_source(source, &added.tokens, added.cost_usd, 1);
        self.sources.entry(source).or_default().unnamed += 1;
        if counted == Some(source) {
            added.to(view.get_or_insert_with(Usage::default));
        } else if counted != self.counted_reports() {
            self.change_reports(view.get_or_insert_with(Usage::default), counted);
        }
        self.show_sources(view);
    }

    /// What somebody worked out is shown beside what was counted, and counts for nothing.
    fn note_estimate(&mut self, view: &mut Option<Usage>, fact: &UsageRecorded) {
        self.add_to_source(UsageSource::Estimated, &fact.tokens, None, 1);
        view.get_or_insert_with(Usage::default);
        self.show_sources(view);
    }

    fn add_to_source(&mut self, source: UsageSource, tokens: &TokenDelta, cost_usd: Option<f64>, calls: i64) {
        let total = self.sources.entry(source).or_default();
        total.share.tokens.change(tokens);
        add_cost(&mut total.share.cost_usd, cost_usd);
        total.calls = total.calls.saturating_add(calls);
    }

    /// Whether a source names calls of this session.
    fn names_calls(&self, source: UsageSource) -> bool {
        let total = self.sources.get(&source);
        total.is_some_and(|total| total.calls > total.unnamed)
    }

    /// Whose reports without a call count at the moment: telemetry's until a transcript names calls, else those of
    /// producers until telemetry does.
    fn counted_reports(&self) -> Option<UsageSource> {
        let transcript = self.names_calls(UsageSource::Transcript);
        match (&self.telemetry, &self.reports) {
            _ if transcript => None,
            (Some(_), _) => Some(UsageSource::Otel),
            (None, Some(_)) => (!self.names_calls(UsageSource::Otel)).then_some(UsageSource::Reported),
            (None, None) => None,
        }
    }

    /// Whether a report of this source that names no call would count.
    pub(crate) fn counts_report(&self, source: UsageSource) -> bool {
        let better = [UsageSource::Transcript, UsageSource::Otel].into_iter();
        let mut better = better.filter(|better| *better < source);
        source != UsageSource::Estimated
            && !better.any(|better| self.sources.get(&better).is_some_and(|total| total.calls > 0))
    }

    /// Whose reports count at the moment, and what they cost in US dollars.
    pub(crate) fn reported_cost(&self) -> Option<(UsageSource, Option<f64>)> {
        let source = self.counted_reports()?;
        Some((source, self.reports_of(source)?.usage.cost_usd))
    }

    /// The tokens that producers report of an agent without naming calls.
    pub(crate) fn tokens_reported_of(&self, agent: &str) -> Option<u64> {
        tokens_of_agent(self.reports.as_ref().map(|reports| &reports.usage), agent)
    }

    fn reports_of(&self, source: UsageSource) -> Option<&StoredReports> {
        match source {
            UsageSource::Otel => self.telemetry.as_deref(),
            _ => self.reports.as_deref(),
        }
    }

    /// Takes out the reports that counted and do not any more, and adds those that do now.
    fn change_reports(&self, usage: &mut Usage, counted: Option<UsageSource>) {
        let counts = self.counted_reports();
        if counted == counts {
            return;
        }
        if let Some(reports) = counted.and_then(|source| self.reports_of(source)) {
            reports.change(usage, false);
        }
        if let Some(reports) = counts.and_then(|source| self.reports_of(source)) {
            reports.change(usage, true);
        }
    }

    /// Brings what follows from the sources up to date.
    fn show_sources(&self, view: &mut Option<Usage>) {
        let Some(usage) = view else {
            return;
        };
        let reports = self.counted_reports().and_then(|source| self.reports_of(source));
        let known = usage.calls > 0 || reports.is_some();
        usage.priced = known && usage.unpriced_calls == 0 && reports.is_none_or(|reports| reports.unpriced == 0);
        let sources = self.sources.iter().filter(|(_, source)| source.calls > 0);
        usage.provenance = sources.clone().map(|(source, _)| *source).collect();
        // A hook confirms a call and knows nothing of its tokens.
        let counting = sources.filter(|(_, source)| source.share.tokens.total() > 0);
        let by_source = counting.map(|(source, total)| (source.as_ref().to_owned(), total.shown()));
        usage.by_source = by_source.collect();
        // What one source counts is the usage itself; an estimate is not in it.
        let is_estimate = |source: &String| source == UsageSource::Estimated.as_ref();
        if usage.by_source.len() < 2 && !usage.by_source.keys().any(is_estimate) {
            usage.by_source.clear();
        }
    }
}

impl SourceTotal {
    fn shown(&self) -> SourceUsage {
        SourceUsage {
            tokens: self.share.tokens,
            cost_usd: self.share.cost_usd,
            calls: u64::try_from(self.calls).unwrap_or(0),
        }
    }
}

/// Whose a report is that names no call.
fn reported_by(fact: &UsageRecorded) -> UsageSource {
    match fact.source {
        Some(UsageSource::Otel) => UsageSource::Otel,
        _ => UsageSource::Reported,
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

/// Counts a refusal of a hard budget.
pub(crate) fn deny(view: &mut Option<Usage>) {
    let usage = view.get_or_insert_with(Usage::default);
    usage.denied = usage.denied.saturating_add(1);
}

/// What a hard budget did, for a person. Without amounts: those of a day are about more than this session, and its guests
/// see this.
pub(crate) fn denied_text(scope: BudgetScope) -> &'static str {
    match scope {
        BudgetScope::Session => "Stopped: the budget of this session is used up",
        BudgetScope::Day => "Stopped: the budget of the day is used up",
        BudgetScope::Month => "Stopped: the budget of the month is used up",
        BudgetScope::Project => "Stopped: the budget of the project is used up",
    }
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
