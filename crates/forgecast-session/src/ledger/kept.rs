//! One account as the ledger keeps it, and which of two accounts of one call is the better one.

use std::cmp::Reverse;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallReported, CallTokens, UsageSource};
use forgecast_protocol::session::TokenCounts;
use serde::{Deserialize, Serialize};

use super::count::Slot;
use super::{Account, Belonging, Counted, key_of_message, key_of_request};
use crate::price::{Prices, model_name, nanos_of};

/// An account with its price. Short names, since one is stored for every call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Key of the message; 0 for none.
    #[serde(default, rename = "m", skip_serializing_if = "is_zero")]
    pub(super) message: u64,
    /// Key of the request; 0 for none.
    #[serde(default, rename = "r", skip_serializing_if = "is_zero")]
    pub(super) request: u64,
    #[serde(default = "transcript", rename = "s", skip_serializing_if = "is_transcript")]
    source: UsageSource,
    #[serde(default, rename = "c", skip_serializing_if = "is_false")]
    sidechain: bool,
    /// See [`is_aside`].
    #[serde(default, rename = "x", skip_serializing_if = "is_false")]
    pub(super) aside: bool,
    #[serde(default, rename = "n", skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, rename = "f", skip_serializing_if = "Option::is_none")]
    fast: Option<bool>,
    /// Input, output, cache read, cache written for five minutes and for an hour.
    #[serde(rename = "k")]
    tokens: [u64; 5],
    /// Billionths of a dollar.
    #[serde(default, rename = "d", skip_serializing_if = "Option::is_none")]
    cost: Option<u64>,
    #[serde(default, rename = "g", skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Milliseconds since the Unix epoch.
    #[serde(rename = "t")]
    at: i64,
    #[serde(rename = "p")]
    path: String,
    #[serde(rename = "o")]
    offset: u64,
    #[serde(rename = "w")]
    pub(super) owner: String,
    /// Empty when it is the owner.
    #[serde(default, rename = "e", skip_serializing_if = "String::is_empty")]
    session: String,
    #[serde(default, rename = "h", skip_serializing_if = "String::is_empty")]
    phase: String,
    #[serde(default, rename = "j", skip_serializing_if = "String::is_empty")]
    project: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn transcript() -> UsageSource {
    UsageSource::Transcript
}

fn is_transcript(source: &UsageSource) -> bool {
    *source == UsageSource::Transcript
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// What decides which of two accounts of the same message, request and source counts: the greater one. Complete, so that
/// of two different accounts never both are the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank<'a> {
    pub(super) main: bool,
    total: u64,
    fast_is_known: bool,
    path: Reverse<&'a str>,
    offset: Reverse<u64>,
    at: Reverse<i64>,
    tokens: [u64; 5],
    fast: Option<bool>,
    names: (Option<&'a str>, Option<&'a str>),
    belonging: [&'a str; 4],
}

impl<'a> Rank<'a> {
    /// Where it stands: path, offset, time; the names of model and agent; owner, session, phase, project.
    pub(super) fn new(
        main: bool,
        tokens: [u64; 5],
        fast: Option<bool>,
        (path, offset, at): (&'a str, u64, i64),
        names: (Option<&'a str>, Option<&'a str>),
        belonging: [&'a str; 4],
    ) -> Self {
        Self {
            main,
            total: unflat(tokens).total(),
            fast_is_known: fast.is_some(),
            path: Reverse(path),
            offset: Reverse(offset),
            at: Reverse(at),
            tokens,
            fast,
            names,
            belonging,
        }
    }
}

/// A call within a call, a second model that was asked for advice: it is no step of the conversation, so it says
/// nothing of the context window, and no other source knows it.
pub(super) fn is_aside(report: &CallReported) -> bool {
    report
        .call
        .message
        .as_deref()
        .is_some_and(|id| id.contains(":advisor:"))
}

/// The keys of message and request; 0 for none. In a transcript a request alone names no call: where the message is
/// missing several may have it.
pub(super) fn keys(report: &CallReported) -> (u64, u64) {
    let some = |id: &Option<String>, key: fn(&str) -> u64| match id.as_deref() {
        None | Some("") => 0,
        Some(id) => key(id),
    };
    let message = some(&report.call.message, key_of_message);
    if message == 0 && report.source == UsageSource::Transcript {
        return (0, 0);
    }
    (message, some(&report.call.request, key_of_request))
}

pub(super) fn flat(tokens: &CallTokens) -> [u64; 5] {
    [
        tokens.input,
        tokens.output,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
    ]
}

pub(super) fn unflat([input, output, cache_read, cache_write_5m, cache_write_1h]: [u64; 5]) -> CallTokens {
    CallTokens {
        input,
        output,
        cache_read,
        cache_write_5m,
        cache_write_1h,
    }
}

pub(super) fn counts(tokens: &CallTokens) -> TokenCounts {
    TokenCounts {
        input: tokens.input,
        output: tokens.output,
        cache_read: tokens.cache_read,
        cache_write: tokens.cache_write(),
    }
}

/// The source's own price, else that of the table. What used nothing costs nothing, whatever the model.
pub(super) fn cost_of(report: &CallReported, prices: &Prices) -> Option<u64> {
    let said = report.cost_usd.and_then(nanos_of);
    let listed = || {
        let model = report.model.as_deref()?;
        prices.nanos(model, report.fast == Some(true), &report.tokens)
    };
    let nothing = || (report.tokens.total() == 0).then_some(0);
    said.or_else(listed).or_else(nothing)
}

impl Kept {
    pub(super) fn of(account: Account, prices: &Prices) -> Self {
        let Account { report, .. } = account;
        let (message, request) = keys(&report);
        let session = if account.session == account.owner {
            String::new()
        } else {
            account.session
        };
        Self {
            message,
            request,
            source: report.source,
            sidechain: report.call.sidechain,
            aside: is_aside(&report),
            tokens: flat(&report.tokens),
            cost: cost_of(&report, prices),
            model: report.model,
            fast: report.fast,
            agent: report.agent,
            at: account.at.as_millis(),
            path: account.path,
            offset: report.offset,
            owner: account.owner,
            session,
            phase: account.phase,
            project: account.project,
        }
    }

    /// Which account it is: of these only the best one is kept.
    pub(super) fn place(&self) -> (u64, u64, UsageSource) {
        (self.message, self.request, self.source)
    }

    /// The message's key, else the request's.
    pub(super) fn key(&self) -> u64 {
        if self.message == 0 { self.request } else { self.message }
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    fn session(&self) -> &str {
        if self.session.is_empty() {
            &self.owner
        } else {
            &self.session
        }
    }

    pub(super) fn rank(&self) -> Rank<'_> {
        Rank::new(
            !self.sidechain,
            self.tokens,
            self.fast,
            (&self.path, self.offset, self.at),
            (self.model.as_deref(), self.agent.as_deref()),
            [&self.owner, self.session(), &self.phase, &self.project],
        )
    }

    pub(super) fn slot(&self) -> Slot<'_> {
        Slot {
            message: self.message,
            request: self.request,
            source: self.source,
            aside: self.aside,
            rank: self.rank(),
        }
    }

    pub(super) fn told(&self) -> (UsageSource, TokenCounts, Option<u64>) {
        (self.source, counts(&unflat(self.tokens)), self.cost)
    }

    /// What counts when this account does.
    pub(super) fn counted(&self, accounts: Vec<(UsageSource, TokenCounts, Option<u64>)>, disputed: bool) -> Counted {
        let tokens = unflat(self.tokens);
        let main = !self.sidechain && !self.aside && self.agent.is_none();
        let fast = self.fast == Some(true);
        Counted {
            session: self.session().to_owned(),
            owner: self.owner.clone(),
            project: self.project.clone(),
            phase: self.phase.clone(),
            agent: self.agent.clone(),
            model: self.model.as_deref().map(|model| model_name(model, fast)),
            used_at: self.at(),
            tokens: counts(&tokens),
            cost_nanos: self.cost,
            accounts,
            disputed,
            context_tokens: main.then(|| tokens.context()),
        }
    }

    pub(super) fn rebind(&mut self, to: Belonging) -> bool {
        let session = if to.session == self.owner {
            String::new()
        } else {
            to.session
        };
        let same = session == self.session && to.phase == self.phase && to.project == self.project;
        (self.session, self.phase, self.project) = (session, to.phase, to.project);
        !same
    }
}
