//! Differences that wait to be folded: of one batch, all that differ in numbers only become one fact, so that a whole
//! archive is a few facts a minute. Must never change what the sum of them is.

use std::collections::BTreeMap;

use forgecast_protocol::event::{SourceAccount, TokenDelta, UsageRecorded};
use forgecast_protocol::{Event, EventId, Fact, Origin, SessionId, Subject, Timestamp};

use crate::history;
use crate::spending::dollars;

const MINUTE_MS: i64 = 60_000;

/// Usage of one session that waits to be folded: of one batch, all that differs in numbers only is one fact.
#[derive(Default)]
pub(in crate::task) struct Added(BTreeMap<AddedKey, Sum>);

/// Model, agent, phase and minute.
type AddedKey = (Option<String>, Option<String>, Option<String>, i64);

struct Sum {
    usage: UsageRecorded,
    nanos: i64,
    cause: Cause,
}

/// The fact that made a difference.
#[derive(Clone)]
pub(in crate::task) struct Cause {
    pub(in crate::task) id: Option<EventId>,
    pub(in crate::task) session: SessionId,
    pub(in crate::task) subject: Subject,
    pub(in crate::task) at: Timestamp,
    pub(in crate::task) origin: Origin,
}

impl Cause {
    pub(in crate::task) fn of(id: &SessionId, event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            session: id.clone(),
            subject: event.subject.clone(),
            at: event.at,
            origin: event.origin.clone(),
        }
    }

    /// The fact that is folded and stored for it.
    pub(super) fn event(self, of: &SessionId, usage: UsageRecorded) -> Event {
        let subject = if self.session == *of {
            self.subject
        } else {
            history::of_run(of)
        };
        Event {
            id: self.id,
            subject,
            at: self.at,
            origin: self.origin,
            fact: Fact::UsageRecorded(usage),
        }
    }
}

impl Added {
    /// The facts that it comes to.
    pub(super) fn into_events(self, of: &SessionId) -> impl Iterator<Item = Event> {
        let sums = self.0.into_values();
        sums.map(move |sum| sum.cause.event(of, sum.usage))
    }

    pub(super) fn add(&mut self, usage: UsageRecorded, nanos: i64, cause: Cause) {
        let minute = usage.used_at.unwrap_or(cause.at).as_millis().div_euclid(MINUTE_MS);
        let key = (usage.model.clone(), usage.agent.clone(), usage.phase.clone(), minute);
        match self.0.get_mut(&key) {
            Some(sum) => sum.add(usage, nanos),
            None => {
                self.0.insert(key, Sum { usage, nanos, cause });
            }
        }
    }
}

impl Sum {
    fn add(&mut self, other: UsageRecorded, nanos: i64) {
        let usage = &mut self.usage;
        usage.tokens.add(&other.tokens);
        self.nanos = self.nanos.saturating_add(nanos);
        if usage.cost_usd.is_some() || other.cost_usd.is_some() {
            usage.cost_usd = Some(dollars(self.nanos));
        }
        usage.calls = usage.calls.saturating_add(other.calls);
        usage.unpriced = usage.unpriced.saturating_add(other.unpriced);
        usage.disputed = usage.disputed.saturating_add(other.disputed);
        if other.context_tokens.is_some() && (usage.context_tokens.is_none() || other.used_at >= usage.used_at) {
            usage.context_tokens = other.context_tokens;
            usage.context_limit = other.context_limit;
        }
        usage.used_at = usage.used_at.max(other.used_at);
        for account in other.accounts {
            match usage.accounts.iter_mut().find(|known| known.source == account.source) {
                Some(known) => add_account(known, &account),
                None => usage.accounts.push(account),
            }
        }
        usage.accounts.sort_by_key(|account| account.source);
    }
}

/// Whether any number of it is below zero.
pub(super) fn takes_back(usage: &UsageRecorded) -> bool {
    let is_below = |tokens: &TokenDelta| {
        let parts = [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write];
        parts.into_iter().any(|part| part < 0)
    };
    let counts = [usage.calls, usage.unpriced, usage.disputed];
    let costs = |cost: Option<f64>| cost.is_some_and(|cost| cost < 0.0);
    let mut accounts = usage.accounts.iter();
    is_below(&usage.tokens)
        || costs(usage.cost_usd)
        || counts.into_iter().any(|count| count < 0)
        || accounts.any(|account| is_below(&account.tokens) || account.calls < 0 || costs(account.cost_usd))
}

fn add_account(sum: &mut SourceAccount, other: &SourceAccount) {
    sum.tokens.add(&other.tokens);
    sum.calls = sum.calls.saturating_add(other.calls);
    if let Some(cost) = other.cost_usd {
        // Whole billionths, so that what is taken back later leaves nothing behind.
        let cost = sum.cost_usd.unwrap_or(0.0) + cost;
        sum.cost_usd = Some((cost * 1e9).round() / 1e9);
    }
}
