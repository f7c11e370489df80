//! One account of a call: as the rules see it, wherever it is kept, and as the store keeps it.

use std::cmp::Reverse;
use std::ops::Deref;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallReported, CallTokens, UsageSource};
use forgecast_protocol::session::TokenCounts;
use serde::{Deserialize, Serialize};

use super::{Belonging, CallOrigin, key_of_message, key_of_request};
use crate::price::{Prices, web_search_nanos};

/// What an account says in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// Key of the message; 0 for none.
    pub(super) message: u64,
    /// Key of the request; 0 for none.
    pub(super) request: u64,
    pub(super) source: UsageSource,
    pub(super) sidechain: bool,
    /// Whether the call was made within another call, by [`is_nested`].
    pub(super) nested: bool,
    pub(super) fast: Option<bool>,
    /// Input, output, cache read, cache written for five minutes and for an hour.
    pub(super) tokens: [u64; 5],
    /// Searches of the web that are paid beside the cost.
    pub(super) searches: u64,
    /// Billionths of a dollar.
    pub(super) cost: Option<u64>,
    /// Milliseconds since the Unix epoch.
    pub(super) at: i64,
    pub(super) offset: u64,
    /// Tokens that fit into the context window, by the source.
    pub(super) context_window: Option<u64>,
}

/// An account with its price, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccountRef<'a> {
    pub(super) numbers: Numbers,
    pub(super) model: Option<&'a str>,
    pub(super) agent: Option<&'a str>,
    pub(super) origin: CallOrigin<'a>,
}

impl Deref for AccountRef<'_> {
    type Target = Numbers;

    fn deref(&self) -> &Numbers {
        &self.numbers
    }
}

impl Numbers {
    /// The key of the message, else of the request; 0 for neither.
    pub(super) fn key(&self) -> u64 {
        if self.message == 0 { self.request } else { self.message }
    }
}

impl<'a> AccountRef<'a> {
    /// What a source reports of a call. Its price is fixed here.
    pub(super) fn of(report: &'a CallReported, at: Timestamp, origin: CallOrigin<'a>, prices: &Prices) -> Self {
        let (message, request) = keys(report);
        let tokens = &report.tokens;
        let numbers = Numbers {
            message,
            request,
            source: report.source,
            sidechain: report.call.sidechain,
            nested: is_nested(report),
            fast: report.fast,
            tokens: [
                tokens.input,
                tokens.output,
                tokens.cache_read,
                tokens.cache_write_5m,
                tokens.cache_write_1h,
            ],
            // A source's own price is that of all it was billed for.
            searches: report.cost_usd.map_or(report.web_searches, |_| 0),
            cost: cost_of(report, prices),
            at: at.as_millis(),
            offset: report.offset,
            context_window: report.context_window,
        };
        Self {
            numbers,
            model: report.model.as_deref(),
            agent: report.agent.as_deref(),
            origin,
        }
    }

    /// Which account it is: of several in one slot only the best one is kept.
    pub(super) fn slot(&self) -> (u64, u64, UsageSource) {
        (self.message, self.request, self.source)
    }

    /// Decides which of two accounts of the same message, request and source counts: the greater one. Complete, so that
    /// of two different accounts never both are the better one.
    pub(super) fn rank(&self) -> impl Ord + Copy + use<'a> {
        let CallOrigin {
            session,
            owner,
            path,
            phase,
            project,
        } = self.origin;
        (
            !self.sidechain,
            (self.call_tokens().total(), self.searches),
            self.fast.is_some(),
            (Reverse(path), Reverse(self.offset), Reverse(self.at)),
            (self.tokens, self.cost),
            self.fast,
            (self.model, self.agent, self.context_window),
            [owner, session, phase, project],
        )
    }

    pub(super) fn call_tokens(&self) -> CallTokens {
        let [input, output, cache_read, cache_write_5m, cache_write_1h] = self.tokens;
        CallTokens {
            input,
            output,
            cache_read,
            cache_write_5m,
            cache_write_1h,
        }
    }

    /// Whether it tells of a call, rather than only of searches that were made for one.
    pub(super) fn is_call(&self) -> bool {
        self.searches == 0 || self.model.is_some() || self.call_tokens().total() > 0
    }

    /// What its searches of the web cost, in billionths of a dollar; nothing for none.
    pub(super) fn search_cost(&self) -> Option<u64> {
        (self.searches > 0).then(|| web_search_nanos(self.searches))
    }

    /// What it says that everything cost; nothing without a price.
    pub(super) fn whole_cost(&self) -> Option<u64> {
        let searches = self.search_cost().unwrap_or(0);
        self.cost.map(|cost| cost.saturating_add(searches))
    }

    /// The tokens as a view counts them.
    pub(super) fn counts(&self) -> TokenCounts {
        let tokens = self.call_tokens();
        TokenCounts {
            input: tokens.input,
            output: tokens.output,
            cache_read: tokens.cache_read,
            cache_write: tokens.cache_write(),
        }
    }
}

/// A call within a call, a second model that was asked for advice: it is no step of the conversation, so it says
/// nothing of the context window, and no other source knows it.
fn is_nested(report: &CallReported) -> bool {
    let message = report.call.message.as_deref();
    message.is_some_and(|id| id.contains(":advisor:"))
}

/// How requests begin that the decoder of Codex makes of a thread's running total.
const TOTALS: &str = "codex:";

/// The keys of message and request; 0 for none. In a transcript a request alone names no call, since where the message is
/// missing several calls may have it. Codex's are the exception: only one call leads to such totals, and a copy of them
/// names nothing else.
pub(super) fn keys(report: &CallReported) -> (u64, u64) {
    let some = |id: &Option<String>, key: fn(&str) -> u64| match id.as_deref() {
        None | Some("") => 0,
        Some(id) => key(id),
    };
    let message = some(&report.call.message, key_of_message);
    let is_of_totals = || report.call.request.as_deref().is_some_and(|id| id.starts_with(TOTALS));
    if message == 0 && report.source == UsageSource::Transcript && !is_of_totals() {
        return (0, 0);
    }
    (message, some(&report.call.request, key_of_request))
}

/// The source's own price, else that of the table. What used nothing costs nothing, whatever the model.
fn cost_of(report: &CallReported, prices: &Prices) -> Option<u64> {
    let stated = report.cost_usd.and_then(crate::price::nanos_of);
    let listed = || {
        let model = report.model.as_deref()?;
        let geo = report.inference_geo.as_deref();
        prices.nanos_in(geo, model, report.fast == Some(true), &report.tokens)
    };
    let nothing = || (report.tokens.total() == 0).then_some(0);
    stated.or_else(listed).or_else(nothing)
}

/// An account as the store keeps it. Short names, since one is stored for every call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredAccount {
    #[serde(default, rename = "m", skip_serializing_if = "is_default")]
    message: u64,
    #[serde(default, rename = "r", skip_serializing_if = "is_default")]
    request: u64,
    #[serde(default = "transcript", rename = "s", skip_serializing_if = "is_transcript")]
    source: UsageSource,
    #[serde(default, rename = "c", skip_serializing_if = "is_default")]
    sidechain: bool,
    #[serde(default, rename = "x", skip_serializing_if = "is_default")]
    nested: bool,
    #[serde(default, rename = "n", skip_serializing_if = "is_default")]
    model: Option<String>,
    #[serde(default, rename = "f", skip_serializing_if = "is_default")]
    fast: Option<bool>,
    #[serde(rename = "k")]
    tokens: [u64; 5],
    #[serde(default, rename = "q", skip_serializing_if = "is_default")]
    searches: u64,
    #[serde(default, rename = "d", skip_serializing_if = "is_default")]
    cost: Option<u64>,
    #[serde(default, rename = "g", skip_serializing_if = "is_default")]
    agent: Option<String>,
    #[serde(rename = "t")]
    at: i64,
    #[serde(rename = "p")]
    path: String,
    #[serde(rename = "o")]
    offset: u64,
    #[serde(default, rename = "l", skip_serializing_if = "is_default")]
    context_window: Option<u64>,
    #[serde(rename = "w")]
    owner: String,
    /// Empty if it is the owner.
    #[serde(default, rename = "e", skip_serializing_if = "is_default")]
    session: String,
    #[serde(default, rename = "h", skip_serializing_if = "is_default")]
    phase: String,
    #[serde(default, rename = "j", skip_serializing_if = "is_default")]
    project: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn transcript() -> UsageSource {
    UsageSource::Transcript
}

fn is_transcript(source: &UsageSource) -> bool {
    *source == UsageSource::Transcript
}

impl StoredAccount {
    pub(super) fn of(account: &AccountRef<'_>) -> Self {
        let origin = account.origin;
        let session = if origin.session == origin.owner {
            ""
        } else {
            origin.session
        };
        Self {
            message: account.message,
            request: account.request,
            source: account.source,
            sidechain: account.sidechain,
            nested: account.nested,
            model: account.model.map(str::to_owned),
            fast: account.fast,
            tokens: account.tokens,
            searches: account.searches,
            cost: account.cost,
            agent: account.agent.map(str::to_owned),
            at: account.at,
            path: origin.path.to_owned(),
            offset: account.offset,
            context_window: account.context_window,
            owner: origin.owner.to_owned(),
            session: session.to_owned(),
            phase: origin.phase.to_owned(),
            project: origin.project.to_owned(),
        }
    }

    pub(super) fn account(&self) -> AccountRef<'_> {
        let numbers = Numbers {
            message: self.message,
            request: self.request,
            source: self.source,
            sidechain: self.sidechain,
            nested: self.nested,
            fast: self.fast,
            tokens: self.tokens,
            searches: self.searches,
            cost: self.cost,
            at: self.at,
            offset: self.offset,
            context_window: self.context_window,
        };
        AccountRef {
            numbers,
            model: self.model.as_deref(),
            agent: self.agent.as_deref(),
            origin: CallOrigin {
                session: if self.session.is_empty() {
                    &self.owner
                } else {
                    &self.session
                },
                owner: &self.owner,
                path: &self.path,
                phase: &self.phase,
                project: &self.project,
            },
        }
    }

    pub(super) fn is_of(&self, owner: &str) -> bool {
        self.owner == owner
    }

    /// It belongs elsewhere now; `belonging` says where, by the time of the call. Whether that changed anything.
    pub(super) fn rebind(&mut self, belonging: impl Fn(Timestamp) -> Belonging) -> bool {
        let mut to = belonging(Timestamp::from_millis(self.at));
        if to.session == self.owner {
            to.session.clear();
        }
        let same = to.session == self.session && to.phase == self.phase && to.project == self.project;
        (self.session, self.phase, self.project) = (to.session, to.phase, to.project);
        !same
    }
}
