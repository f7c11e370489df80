//! What counts, and what changed between two times: the differences that are folded and stored. Their sum is always what
//! counts now.

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{SourceAccount, TokenDelta, UsageRecorded, UsageSource};
use forgecast_protocol::session::TokenCounts;

use crate::price::dollars;

/// One call that counts, or the searches of the web that one made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The session whose view counts it.
    pub session: String,
    /// The agent's own session, else the session.
    pub owner: String,
    /// The project; empty for none.
    pub project: String,
    /// The phase of the build; empty for none.
    pub phase: String,
    /// The subagent; absent for the main one.
    pub agent: Option<String>,
    /// The model as it is shown, with `-fast` behind it when it ran in fast mode; of searches
    /// [`WEB_SEARCH`](crate::price::WEB_SEARCH).
    pub model: Option<String>,
    /// When the call was made.
    pub used_at: Timestamp,
    /// Tokens by type.
    pub tokens: TokenCounts,
    /// Billionths of a US dollar; absent for a model without a price.
    pub cost_nanos: Option<u64>,
    /// What each source says of it: tokens and billionths of a dollar; the first is the one that counts. A hook knows
    /// no tokens and has none here.
    pub accounts: Vec<(UsageSource, TokenCounts, Option<u64>)>,
    /// 1, or 0 for searches.
    pub calls: u64,
    /// Whether two sources give different tokens or prices.
    pub disputed: bool,
    /// Tokens in the context window, for a call of the main chain.
    pub context_tokens: Option<u64>,
    /// Tokens that fit into it by the source, for a call of the main chain.
    pub context_window: Option<u64>,
}

/// What is to be added to what was known before, in one session.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The session whose view counts it.
    pub session: String,
    /// The agent's own session, else the session.
    pub owner: String,
    /// The project; empty for none.
    pub project: String,
    /// The phase of the build; empty for none.
    pub phase: String,
    /// The difference as a fact. The hub adds the limit of the context window.
    pub usage: UsageRecorded,
    /// The money of it, exactly: billionths of a US dollar.
    pub cost_nanos: i64,
}

/// What changed between what counted before and what counts now: one difference for each session, phase, model and
/// agent. A call that moved to another session is taken away there and added here.
#[must_use]
pub fn differences(before: &[Counted], after: &[Counted]) -> Vec<Difference> {
    if before == after {
        return Vec::new();
    }
    let mut sums: BTreeMap<Key<'_>, Sum> = BTreeMap::new();
    for call in before {
        sums.entry(Key::of(call)).or_default().take(call);
    }
    for call in after {
        sums.entry(Key::of(call)).or_default().add(call);
    }
    sums.into_iter()
        .filter(|(_, sum)| !sum.is_zero())
        .map(|(key, sum)| key.difference(sum))
        .collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    session: &'a str,
    owner: &'a str,
    project: &'a str,
    phase: &'a str,
    model: Option<&'a str>,
    agent: Option<&'a str>,
}

#[derive(Default)]
struct Sum {
    amount: Amount,
    unpriced: i64,
    disputed: i64,
    accounts: BTreeMap<UsageSource, Amount>,
    /// Newest of what counts now, and newest of what counted.
    used_at: (Option<Timestamp>, Option<Timestamp>),
    /// Newest of what counts now: its time, the tokens in the context window, and how many fit.
    context: Option<(Timestamp, u64, Option<u64>)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Amount {
    tokens: TokenDelta,
    nanos: i64,
    priced: bool,
    calls: i64,
}

impl Amount {
    fn change(&mut self, sign: i64, tokens: &TokenCounts, nanos: Option<u64>, calls: u64) {
        self.tokens.add(&tokens.signed(sign));
        let cost = i64::try_from(nanos.unwrap_or(0)).unwrap_or(i64::MAX);
        self.nanos = self.nanos.saturating_add(sign * cost);
        self.priced |= nanos.is_some();
        self.calls += sign * i64::try_from(calls).unwrap_or(i64::MAX);
    }

    fn is_zero(&self) -> bool {
        self.tokens.is_zero() && self.nanos == 0 && self.calls == 0
    }

    fn cost_usd(&self) -> Option<f64> {
        self.priced.then(|| dollars(self.nanos))
    }
}

impl Sum {
    fn take(&mut self, call: &Counted) {
        self.change(-1, call);
        self.used_at.1 = self.used_at.1.max(Some(call.used_at));
    }

    fn add(&mut self, call: &Counted) {
        self.change(1, call);
        self.used_at.0 = self.used_at.0.max(Some(call.used_at));
        let context = call
            .context_tokens
            .map(|tokens| (call.used_at, tokens, call.context_window));
        self.context = self.context.max(context);
    }

    fn change(&mut self, sign: i64, call: &Counted) {
        self.amount.change(sign, &call.tokens, call.cost_nanos, call.calls);
        self.unpriced += sign * i64::from(call.cost_nanos.is_none());
        self.disputed += sign * i64::from(call.disputed);
        for (source, tokens, nanos) in &call.accounts {
            let account = self.accounts.entry(*source).or_default();
            account.change(sign, tokens, *nanos, call.calls);
        }
    }

    fn is_zero(&self) -> bool {
        self.amount.is_zero() && self.unpriced == 0 && self.disputed == 0 && self.accounts.values().all(Amount::is_zero)
    }
}

impl<'a> Key<'a> {
    fn of(call: &'a Counted) -> Self {
        Self {
            session: &call.session,
            owner: &call.owner,
            project: &call.project,
            phase: &call.phase,
            model: call.model.as_deref(),
            agent: call.agent.as_deref(),
        }
    }

    fn difference(&self, sum: Sum) -> Difference {
        // Without any it would be a report that names no call.
        let none_differ = sum.accounts.values().all(Amount::is_zero);
        let differing = sum
            .accounts
            .iter()
            .filter(|(_, amount)| none_differ || !amount.is_zero());
        let accounts = differing.map(|(source, amount)| SourceAccount {
            source: *source,
            tokens: amount.tokens,
            cost_usd: amount.cost_usd(),
            calls: amount.calls,
        });
        let usage = UsageRecorded {
            tokens: sum.amount.tokens,
            cost_usd: sum.amount.cost_usd(),
            calls: sum.amount.calls,
            unpriced: sum.unpriced,
            disputed: sum.disputed,
            model: self.model.map(str::to_owned),
            agent: self.agent.map(str::to_owned),
            phase: (!self.phase.is_empty()).then(|| self.phase.to_owned()),
            used_at: sum.used_at.0.or(sum.used_at.1),
            context_tokens: sum.context.map(|(_, tokens, _)| tokens),
            context_window: sum.context.and_then(|(_, _, window)| window),
            accounts: accounts.collect(),
            ..UsageRecorded::default()
        };
        Difference {
            session: self.session.to_owned(),
            owner: self.owner.to_owned(),
            project: self.project.to_owned(),
            phase: self.phase.to_owned(),
            usage,
            cost_nanos: sum.amount.nanos,
        }
    }
}
