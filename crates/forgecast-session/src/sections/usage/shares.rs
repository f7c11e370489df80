//! The parts of the usage: by model, phase, agent and minute. A part that is used up again is gone.

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{TokenDelta, UsageRecorded};
use forgecast_protocol::session::{Usage, UsageMinute, UsageShare};

use super::StoredReports;

/// Models and phases that are counted apart; what comes beyond is counted as [`OTHER`].
const MAX_SHARES: usize = 50;
/// Agents that are counted apart.
const MAX_AGENTS: usize = 200;
const OTHER: &str = "other";
/// The agent that is not a subagent.
const MAIN: &str = "main";
/// Minutes that are kept, the newest.
const MAX_MINUTES: usize = 60;
const MINUTE_MS: i64 = 60_000;
/// No more than this is shown, in US dollars: far beyond it a float no longer holds every billionth.
const MAX_USD: f64 = 1e12;

/// What is added to a usage, or with negative numbers taken from it.
#[derive(Clone, Copy)]
pub(super) struct Added<'a> {
    pub(super) tokens: TokenDelta,
    pub(super) cost_usd: Option<f64>,
    pub(super) calls: i64,
    pub(super) unpriced: i64,
    pub(super) model: Option<&'a str>,
    pub(super) phase: Option<&'a str>,
    pub(super) agent: Option<&'a str>,
    pub(super) at: Timestamp,
}

impl<'a> Added<'a> {
    /// The amounts of a fact, without a phase.
    pub(super) fn of(fact: &'a UsageRecorded, cost_usd: Option<f64>, at: Timestamp) -> Self {
        Self {
            tokens: fact.tokens,
            cost_usd,
            calls: fact.calls,
            unpriced: fact.unpriced,
            model: fact.model.as_deref(),
            phase: None,
            agent: fact.agent.as_deref().filter(|agent| *agent != MAIN),
            at,
        }
    }

    pub(super) fn to(self, usage: &mut Usage) {
        usage.tokens.change(&self.tokens);
        add_cost(&mut usage.cost_usd, self.cost_usd);
        usage.calls = usage.calls.saturating_add_signed(self.calls);
        usage.unpriced_calls = usage.unpriced_calls.saturating_add_signed(self.unpriced);
        let share = |shares, name: Option<&str>, most| {
            if let Some(name) = name {
                add_share(shares, name, most, &self.tokens, self.cost_usd);
            }
        };
        usage.by_agent.remove(MAIN);
        share(&mut usage.by_model, self.model, MAX_SHARES);
        share(&mut usage.by_phase, self.phase, MAX_SHARES);
        share(&mut usage.by_agent, self.agent, MAX_AGENTS);
        add_minute(&mut usage.recent, &minute(self.at), self.tokens.total(), self.cost_usd);
        show_main(usage);
    }
}

impl StoredReports {
    /// Adds the reports to what is shown, or takes them from it.
    pub(super) fn change(&self, usage: &mut Usage, add: bool) {
        let reports = &self.usage;
        let sign = if add { 1 } else { -1 };
        let money = |cost: Option<f64>| cost.map(|cost| if add { cost } else { -cost });
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX) * sign;
        usage.tokens.change(&reports.tokens.signed(sign));
        add_cost(&mut usage.cost_usd, money(reports.cost_usd));
        usage.calls = usage.calls.saturating_add_signed(count(reports.calls));
        usage.unpriced_calls = usage
            .unpriced_calls
            .saturating_add_signed(count(reports.unpriced_calls));
        usage.by_agent.remove(MAIN);
        let parts = [
            (&mut usage.by_model, &reports.by_model, MAX_SHARES),
            (&mut usage.by_phase, &reports.by_phase, MAX_SHARES),
            (&mut usage.by_agent, &reports.by_agent, MAX_AGENTS),
        ];
        for (shares, reported, most) in parts {
            for (name, share) in reported.iter().filter(|(name, _)| *name != MAIN) {
                add_share(shares, name, most, &share.tokens.signed(sign), money(share.cost_usd));
            }
        }
        for (name, minute) in &reports.recent {
            add_minute(&mut usage.recent, name, count(minute.tokens), money(minute.cost_usd));
        }
        show_main(usage);
    }
}

/// Adds an amount of money so that it stays a whole number of billionths: then the order makes no difference, and what
/// is taken back leaves nothing behind.
pub(super) fn add_cost(sum: &mut Option<f64>, cost: Option<f64>) {
    if let Some(cost) = cost {
        let total = (sum.unwrap_or(0.0) + cost).clamp(0.0, MAX_USD);
        *sum = Some((total * 1e9).round() / 1e9);
    }
}

fn add_share(
    shares: &mut BTreeMap<String, UsageShare>,
    name: &str,
    most: usize,
    tokens: &TokenDelta,
    cost_usd: Option<f64>,
) {
    let room = shares.len() < most || shares.contains_key(name);
    let name = if room { name } else { OTHER };
    let share = shares.entry(name.to_owned()).or_default();
    share.tokens.change(tokens);
    add_cost(&mut share.cost_usd, cost_usd);
    if share.tokens.total() == 0 && share.cost_usd.is_none_or(|cost| cost <= 0.0) {
        shares.remove(name);
    }
}

/// The main agent has what the others have not; it is shown only beside others.
fn show_main(usage: &mut Usage) {
    if usage.by_agent.is_empty() {
        return;
    }
    let mut main = UsageShare {
        tokens: usage.tokens,
        cost_usd: usage.cost_usd,
    };
    for share in usage.by_agent.values() {
        let of = &share.tokens;
        main.tokens.input = main.tokens.input.saturating_sub(of.input);
        main.tokens.output = main.tokens.output.saturating_sub(of.output);
        main.tokens.cache_read = main.tokens.cache_read.saturating_sub(of.cache_read);
        main.tokens.cache_write = main.tokens.cache_write.saturating_sub(of.cache_write);
        add_cost(&mut main.cost_usd, share.cost_usd.map(|cost| -cost));
    }
    if main.tokens.total() > 0 {
        usage.by_agent.insert(MAIN.to_owned(), main);
    }
}

/// The beginning of the minute, `2026-11-22T00:15:00Z`.
fn minute(at: Timestamp) -> String {
    let millis = at.as_millis();
    let text = Timestamp::from_millis(millis - millis.rem_euclid(MINUTE_MS)).to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

fn add_minute(minutes: &mut BTreeMap<String, UsageMinute>, name: &str, tokens: i64, cost_usd: Option<f64>) {
    let costs = cost_usd.is_some_and(|cost| cost > 0.0);
    if tokens <= 0 && !costs && !minutes.contains_key(name) {
        return;
    }
    let minute = minutes.entry(name.to_owned()).or_default();
    minute.tokens = minute.tokens.saturating_add_signed(tokens);
    add_cost(&mut minute.cost_usd, cost_usd);
    if minute.tokens == 0 && minute.cost_usd.is_none_or(|cost| cost <= 0.0) {
        minutes.remove(name);
    }
    while minutes.len() > MAX_MINUTES {
        minutes.pop_first();
    }
}
