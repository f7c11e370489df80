//! Usage of one batch that is counted and not folded yet. Differences of one session that differ in numbers only become
//! one fact, so that a whole archive is a few facts a minute. Their sum must not change by that.

use std::collections::BTreeMap;

use forgecast_protocol::event::{SourceAccount, TokenDelta, UsageRecorded};
use forgecast_protocol::{Event, EventId, Fact, Origin, SessionId, SessionName, Subject, Timestamp};
use forgecast_session::price::dollars;

use crate::history;

const MINUTE_MS: i64 = 60_000;

/// Usage of one session that waits to be folded.
#[derive(Default)]
pub(crate) struct PendingUsage(BTreeMap<SumKey, Sum>);

/// Minute, transcript, model, agent and phase: what was used earlier is folded earlier.
type SumKey = (i64, Option<SessionName>, Option<String>, Option<String>, Option<String>);

struct Sum {
    usage: UsageRecorded,
    nanos: i64,
    cause: UsageCause,
}

/// The fact that made a difference to what counts.
#[derive(Clone)]
pub(crate) struct UsageCause {
    pub(crate) id: Option<EventId>,
    pub(crate) session: SessionId,
    pub(crate) subject: Subject,
    pub(crate) at: Timestamp,
    pub(crate) origin: Origin,
}

impl UsageCause {
    pub(crate) fn of(id: &SessionId, event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            session: id.clone(),
            subject: event.subject.clone(),
            at: event.at,
            origin: event.origin.clone(),
        }
    }

    /// The fact that is folded and stored for it.
    pub(crate) fn event(self, of: &SessionId, usage: UsageRecorded) -> Event {
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

impl PendingUsage {
    /// The facts to be folded.
    pub(crate) fn into_events(self, of: &SessionId) -> impl Iterator<Item = Event> {
        let sums = self.0.into_values();
        sums.map(move |sum| sum.cause.event(of, sum.usage))
    }

    pub(crate) fn add(&mut self, usage: UsageRecorded, nanos: i64, cause: UsageCause) {
        let minute = usage.used_at.unwrap_or(cause.at).as_millis().div_euclid(MINUTE_MS);
        let key = (
            minute,
            cause.subject.transcript.clone(),
            usage.model.clone(),
            usage.agent.clone(),
            usage.phase.clone(),
        );
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
            usage.context_window = other.context_window;
            usage.context_limit_from = other.context_limit_from;
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

/// Whether any of its numbers is below zero.
pub(crate) fn takes_back(usage: &UsageRecorded) -> bool {
    let is_below = |tokens: &TokenDelta| tokens.parts().into_iter().any(|part| part < 0);
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
        // Whole billionths, so that a cost that is taken back later leaves no rest.
        let cost = sum.cost_usd.unwrap_or(0.0) + cost;
        sum.cost_usd = Some((cost * 1e9).round() / 1e9);
    }
}
