//! The ledger in memory, for a scan of all files without a server: the same rules as for a [`Call`](super::Call), in
//! less than two hundred bytes per call. Forgets which tools were used, which only the live view needs.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::CallReported;

use super::account::{AccountRef, Numbers};
use super::{CallOrigin, Counted, count};
use crate::price::Prices;

/// Stands for "nothing" in a number of a [`Row`].
const NONE: u32 = u32::MAX;

/// The calls of many files, as accounts in few bytes.
#[derive(Clone, Debug)]
pub struct Ledger {
    prices: Prices,
    rows: Vec<Row>,
    /// The last row of each message, and of each request that came without a message; the others follow from it.
    index: ByKey<u32>,
    /// The row of each message, request and source.
    slots: ByKey<u32>,
    /// Whether any row has a request and no message: only then requests have to be looked up.
    loose: bool,
    origins: Vec<[Box<str>; 5]>,
    origin_numbers: HashMap<[Box<str>; 5], u32>,
    last_origin: Option<u32>,
    names: Vec<Box<str>>,
    name_numbers: HashMap<Box<str>, u32>,
}

/// One account, the strings by number.
#[derive(Clone, Copy, Debug)]
struct Row {
    numbers: Numbers,
    origin: u32,
    model: u32,
    agent: u32,
    /// The next row of the same message.
    next: u32,
}

/// The number of message, request and source together, mixed like the keys it is made of.
fn slot_number(account: &AccountRef<'_>) -> u64 {
    let request = account.request.rotate_left(23).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let source = u64::from(account.source as u8).wrapping_mul(0xd6e8_feb8_6659_fd93);
    account.message ^ request ^ source
}

/// A map by keys of calls, or by numbers made of them.
pub type ByKey<T> = HashMap<u64, T, BuildHasherDefault<KeyHasher>>;

/// Passes keys through unchanged: they are good hashes already.
#[derive(Clone, Debug, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new(prices: Prices) -> Self {
        Self {
            prices,
            rows: Vec::new(),
            index: ByKey::default(),
            slots: ByKey::default(),
            loose: false,
            origins: Vec::new(),
            origin_numbers: HashMap::new(),
            last_origin: None,
            names: Vec::new(),
            name_numbers: HashMap::new(),
        }
    }

    /// Takes in what a source reports of a call that was made at `at`.
    pub fn observe(&mut self, report: &CallReported, at: Timestamp, origin: CallOrigin<'_>) {
        let account = AccountRef::of(report, at, origin, &self.prices);
        self.take(&account);
    }

    /// Takes in what another ledger has, of files that were read elsewhere.
    pub fn absorb(&mut self, other: &Self) {
        for row in &other.rows {
            self.take(&other.account(row));
        }
    }

    /// How many accounts are kept: about one for each call.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn take(&mut self, account: &AccountRef<'_>) {
        let number = number(self.rows.len());
        if number == NONE {
            return;
        }
        let key = account.key();
        let mut next = NONE;
        if key != 0 {
            // Found directly, since a message may come under any number of requests.
            let known = *self.slots.entry(slot_number(account)).or_insert(number);
            if let Some(old) = self.rows.get(at(known)) {
                if account.rank() > self.account(old).rank() {
                    let next = old.next;
                    self.rows[at(known)] = self.row(account, next);
                }
                return;
            }
            self.loose |= account.message == 0;
            next = self.index.insert(key, number).unwrap_or(NONE);
        }
        let row = self.row(account, next);
        self.rows.push(row);
    }

    fn row(&mut self, account: &AccountRef<'_>, next: u32) -> Row {
        Row {
            numbers: account.numbers,
            origin: self.origin_number(&account.origin),
            model: self.name_number(account.model),
            agent: self.name_number(account.agent),
            next,
        }
    }

    fn account(&self, row: &Row) -> AccountRef<'_> {
        let [session, owner, path, phase, project] = &self.origins[at(row.origin)];
        AccountRef {
            numbers: row.numbers,
            model: self.name(row.model),
            agent: self.name(row.agent),
            origin: CallOrigin {
                session,
                owner,
                path,
                phase,
                project,
            },
        }
    }

    /// What counts: calls in no order that means anything, but always the same.
    pub fn rows(&self) -> impl Iterator<Item = Counted> + '_ {
        let message_by_request = self.message_by_request();
        let mut requests_by_message: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (request, message) in &message_by_request {
            requests_by_message.entry(*message).or_default().push(*request);
        }
        (0..number(self.rows.len())).flat_map(move |first| {
            let key = self.rows[at(first)].numbers.key();
            let is_first = key == 0 || self.index.get(&key) == Some(&first);
            if !is_first || message_by_request.contains_key(&first) {
                return Vec::new();
            }
            self.counted_from(first, requests_by_message.get(&key))
        })
    }

    /// Of rows with a request and no message: the message that has the request.
    fn message_by_request(&self) -> BTreeMap<u32, u64> {
        let mut found = BTreeMap::new();
        if !self.loose {
            return found;
        }
        let mut messages: HashMap<u64, (bool, u64)> = HashMap::new();
        let rows = || self.rows.iter().map(|row| &row.numbers);
        for row in rows().filter(|row| row.message != 0 && row.request != 0) {
            let message = (row.nested, row.message);
            let known = messages.entry(row.request).or_insert(message);
            *known = message.min(*known);
        }
        for (index, row) in rows().enumerate().filter(|(_, row)| row.message == 0) {
            if let Some((_, message)) = messages.get(&row.request) {
                found.insert(number(index), *message);
            }
        }
        found
    }

    /// The calls of the message whose first row this is; `requests` are the rows that join it by their requests.
    fn counted_from(&self, first: u32, requests: Option<&Vec<u32>>) -> Vec<Counted> {
        let mut next = first;
        let mut accounts = Vec::new();
        while let Some(row) = self.rows.get(at(next)) {
            accounts.push(self.account(row));
            next = row.next;
        }
        let requests = requests.into_iter().flatten();
        accounts.extend(requests.map(|row| self.account(&self.rows[at(*row)])));
        // The order in which they came must decide nothing.
        accounts.sort_by_key(AccountRef::slot);
        count::count(&accounts, |_| Vec::new())
    }

    fn origin_number(&mut self, origin: &CallOrigin<'_>) -> u32 {
        let parts = [origin.session, origin.owner, origin.path, origin.phase, origin.project];
        let is_same = |known: &[Box<str>; 5]| known.iter().map(|part| &**part).eq(parts);
        // Calls come file by file.
        if self.last_origin.is_some_and(|last| is_same(&self.origins[at(last)])) {
            return self.last_origin.unwrap_or(NONE);
        }
        let parts = parts.map(Box::from);
        let new = number(self.origins.len());
        let number = *self.origin_numbers.entry(parts.clone()).or_insert(new);
        if number == new {
            self.origins.push(parts);
        }
        self.last_origin = Some(number);
        number
    }

    fn name_number(&mut self, name: Option<&str>) -> u32 {
        let Some(name) = name else {
            return NONE;
        };
        if let Some(known) = self.name_numbers.get(name) {
            return *known;
        }
        let new = number(self.names.len());
        self.names.push(name.into());
        self.name_numbers.insert(name.into(), new);
        new
    }

    fn name(&self, number: u32) -> Option<&str> {
        self.names.get(at(number)).map(|name| &**name)
    }
}

/// The number of a row, an origin or a name as the rows hold it.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}

fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::Row;

    #[test]
    fn a_million_calls_fit_into_400_megabytes() {
        // A vector has room for at most twice what is in it, a table for less than two and a half times.
        let (row, entry) = (size_of::<Row>(), size_of::<(u64, u32)>() + 1);
        assert!(2 * row + 2 * entry * 5 / 2 < 400, "{row} {entry}");
    }
}
