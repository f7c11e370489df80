//! The ledger: what several sources tell of calls to a model, often several times, becomes calls that count once.
//! What counts is a function of the set of accounts: neither the order in which they come nor how they are sliced makes
//! a difference. Must never add up two accounts of one call.
//!
//! The rules, per message over all files and sessions:
//!
//! - Of the accounts of one (message, request) the one of the main chain counts, else the one with more tokens, else the
//!   one that says whether it ran in fast mode, else the first by path and offset. It counts as a whole.
//! - A side chain replays its parent's messages under other requests: where a message was told in a main chain, only
//!   those are calls; where it was told in side chains only, it is one call, the best of them.
//! - Accounts of several sources for one call stand side by side; that of the best source counts. Telemetry names only
//!   requests, so its accounts join the message that has the request.
//! - What names neither message nor request counts every time it is told; in a transcript, what names no message. (The
//!   readers of transcripts name the line where the agent names no message.)
//! - A transcript of Codex that begins with a copy of another one names no messages in it, but the totals after each call
//!   in place of the request. The call itself names both, so such an account joins it, and is a call only where no other
//!   transcript has it. Calls of different threads that lead to the same totals are different messages: both count.
//! - Searches of the web are counted beside the call that made them, of the account that counts.

mod account;
mod compact;
mod count;
mod difference;

use std::collections::BTreeSet;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallReported, UsageSource};
use serde::{Deserialize, Serialize};

use self::account::{AccountRef, StoredAccount};
pub use self::compact::{ByKey, KeyHasher, Ledger};
pub use self::difference::{Counted, Difference, differences};
use crate::price::Prices;

/// What one source knows of one call, and to whom it belongs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// What the source says.
    pub report: CallReported,
    /// The session whose view counts it.
    pub session: String,
    /// The agent session, by the name of its transcript; where there is none, the session.
    pub owner: String,
    /// The file or endpoint it was read from.
    pub path: String,
    /// When the call was made: by the source, else when it was told.
    pub at: Timestamp,
    /// The phase of the build at that time; empty for none.
    pub phase: String,
    /// The project; empty for none.
    pub project: String,
}

/// Where a call was read and to whom it belongs; see [`Account`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallOrigin<'a> {
    /// The session whose view counts it.
    pub session: &'a str,
    /// The agent session.
    pub owner: &'a str,
    /// The file or endpoint.
    pub path: &'a str,
    /// The phase; empty for none.
    pub phase: &'a str,
    /// The project; empty for none.
    pub project: &'a str,
}

impl Account {
    fn origin(&self) -> CallOrigin<'_> {
        CallOrigin {
            session: &self.session,
            owner: &self.owner,
            path: &self.path,
            phase: &self.phase,
            project: &self.project,
        }
    }
}

/// All that is known of one message of a model, which is nearly always one call: accounts that name the same
/// message or the same request are kept together. Its JSON is what the store keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The best account of each message, request and source, in this order.
    #[serde(rename = "a")]
    accounts: Vec<StoredAccount>,
    /// Uses of tools that were asked for: under which message or request, and which. In order.
    #[serde(default, rename = "u", skip_serializing_if = "Vec::is_empty")]
    tools: Vec<(u64, u64)>,
    /// Uses of tools that another source has seen. In order.
    #[serde(default, rename = "v", skip_serializing_if = "Vec::is_empty")]
    confirmed: Vec<(UsageSource, u64)>,
}

/// Where the calls of an agent session belong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belonging {
    /// The session of the call, as in [`Account::session`].
    pub session: String,
    /// The phase of the call, as in [`Account::phase`].
    pub phase: String,
    /// The project of the call, as in [`Account::project`].
    pub project: String,
}

impl Call {
    /// Takes an account in. Its price is fixed here. False if it says nothing new; otherwise the call is to be stored,
    /// whether or not what counts is another now.
    pub fn observe(&mut self, account: Account, prices: &Prices) -> bool {
        let account_ref = AccountRef::of(&account.report, account.at, account.origin(), prices);
        let mut changed = self.keep(StoredAccount::of(&account_ref));
        for tool in &account.report.tools {
            changed |= insert(&mut self.tools, (account_ref.key(), key_of_tool(tool)));
        }
        changed
    }

    /// Takes in all that is known of another one, which proved to be the same.
    pub fn absorb(&mut self, other: Self) {
        for account in other.accounts {
            self.keep(account);
        }
        for tool in other.tools {
            insert(&mut self.tools, tool);
        }
        for seen in other.confirmed {
            insert(&mut self.confirmed, seen);
        }
    }

    /// A source that knows no tokens, a hook, saw the use of a tool that this call asked for. False when it is known
    /// already, or when no account of this call names the tool.
    pub fn confirm(&mut self, source: UsageSource, tool: &str) -> bool {
        let tool = key_of_tool(tool);
        let asked = self.tools.iter().any(|(_, asked)| *asked == tool);
        asked && insert(&mut self.confirmed, (source, tool))
    }

    /// The calls of an agent session belong elsewhere now; `belonging` says where, by the time of the call. False when
    /// nothing changed.
    pub fn rebind(&mut self, owner: &str, belonging: impl Fn(Timestamp) -> Belonging) -> bool {
        let mut changed = false;
        for account in self.accounts.iter_mut().filter(|account| account.is_of(owner)) {
            changed |= account.rebind(&belonging);
        }
        changed
    }

    /// Under which keys it is found; the first is its number. Empty when no account names a message or a request: such
    /// a call is counted and forgotten.
    #[must_use]
    pub fn keys(&self) -> Vec<u64> {
        let messages = self.accounts().filter(|account| account.message != 0);
        let messages: BTreeSet<_> = messages.map(|account| (account.nested, account.message)).collect();
        let requests: BTreeSet<_> = self.accounts().map(|account| account.request).collect();
        let requests = requests.into_iter().filter(|key| *key != 0);
        messages.into_iter().map(|(_, key)| key).chain(requests).collect()
    }

    /// What counts now.
    #[must_use]
    pub fn counted(&self) -> Vec<Counted> {
        let accounts: Vec<_> = self.accounts().collect();
        count::count(&accounts, |keys| {
            if self.confirmed.is_empty() {
                return Vec::new();
            }
            let keys: Vec<u64> = keys.collect();
            let asked = |tool: u64| keys.iter().any(|key| self.tools.binary_search(&(*key, tool)).is_ok());
            let confirmed = self.confirmed.iter().filter(|(_, tool)| asked(*tool));
            confirmed.map(|(source, _)| *source).collect()
        })
    }

    fn accounts(&self) -> impl Iterator<Item = AccountRef<'_>> {
        self.accounts.iter().map(StoredAccount::account)
    }

    fn keep(&mut self, new: StoredAccount) -> bool {
        let slot = |account: &StoredAccount| account.account().slot();
        match self.accounts.binary_search_by_key(&slot(&new), slot) {
            Ok(at) if new.account().rank() > self.accounts[at].account().rank() => self.accounts[at] = new,
            Ok(_) => return false,
            Err(at) => self.accounts.insert(at, new),
        }
        true
    }
}

/// The key of a message: the same number on every machine and in every version.
#[must_use]
pub fn key_of_message(message: &str) -> u64 {
    hash("m:", message)
}

/// The key of a request.
#[must_use]
pub fn key_of_request(request: &str) -> u64 {
    hash("r:", request)
}

/// The key of a use of a tool.
#[must_use]
pub fn key_of_tool(use_id: &str) -> u64 {
    hash("t:", use_id)
}

/// The keys under which the call of a report is found; none for one that counts every time it is told.
#[must_use]
pub fn keys_of(report: &CallReported) -> Vec<u64> {
    let (message, request) = account::keys(report);
    [message, request].into_iter().filter(|key| *key != 0).collect()
}

/// What a call costs by a source's report, its searches of the web included: billionths of a US dollar. Nothing without a
/// price.
#[must_use]
pub fn cost_nanos(report: &CallReported, prices: &Prices) -> Option<u64> {
    let at = report.used_at.unwrap_or(Timestamp::from_millis(0));
    AccountRef::of(report, at, CallOrigin::default(), prices).whole_cost()
}

/// FNV-1a of 64 bits, finished with the mixer of SplitMix64 so that all its bits are good for a table. Never zero, which
/// stands for "no id". Stored, so never to be changed.
fn hash(kind: &str, id: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in kind.bytes().chain(id.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).max(1)
}

/// Puts a value into an ordered list; whether it was not in it.
fn insert<T: Ord>(list: &mut Vec<T>, value: T) -> bool {
    match list.binary_search(&value) {
        Ok(_) => false,
        Err(at) => {
            list.insert(at, value);
            true
        }
    }
}
