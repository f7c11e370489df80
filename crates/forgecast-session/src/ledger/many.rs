//! The ledger in memory, for a scan of all files without a server: the same rules as for a [`Call`](super::Call), in
//! less than two hundred bytes per call. Forgets which tools were used, which only the live view needs.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallReported, UsageSource};

use super::count::{self, Group, Slot};
use super::kept::{self, Rank};
use super::{Account, Counted};
use crate::price::{Prices, model_name};

/// Stands for "nothing" in a number of a [`Row`].
const NONE: u32 = u32::MAX;

/// Where calls were read and to whom they belong; see [`Account`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// The session.
    pub session: &'a str,
    /// The agent's own session.
    pub owner: &'a str,
    /// The file.
    pub path: &'a str,
    /// The phase; empty for none.
    pub phase: &'a str,
    /// The project; empty for none.
    pub project: &'a str,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Ledger {
    prices: Prices,
    rows: Vec<Row>,
    /// The last row of each message, and of each request that came without a message; the others follow from it.
    index: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    /// The row of each message, request and source.
    slots: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    /// Whether any row has a request and no message: only then requests have to be looked up.
    loose: bool,
    places: Vec<[Box<str>; 5]>,
    place_numbers: HashMap<[Box<str>; 5], u32>,
    last_place: Option<u32>,
    names: Vec<Box<str>>,
    name_numbers: HashMap<Box<str>, u32>,
}

/// One account, the strings by number.
#[derive(Clone, Copy, Debug)]
struct Row {
    message: u64,
    request: u64,
    tokens: [u64; 5],
    /// Billionths of a dollar; `u64::MAX` for none.
    cost: u64,
    at: i64,
    offset: u64,
    place: u32,
    model: u32,
    agent: u32,
    /// The next row of the same message.
    next: u32,
    source: UsageSource,
    flags: u8,
}

const SIDECHAIN: u8 = 1;
const ASIDE: u8 = 2;
const FAST: u8 = 4;
const FAST_IS_KNOWN: u8 = 8;

impl Row {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn fast(&self) -> Option<bool> {
        self.has(FAST_IS_KNOWN).then(|| self.has(FAST))
    }

    fn key(&self) -> u64 {
        if self.message == 0 { self.request } else { self.message }
    }

    /// The number of message, request and source together, mixed like the keys it is made of.
    fn slot(&self) -> u64 {
        let request = self.request.rotate_left(23).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let source = u64::from(self.source as u8).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.message ^ request ^ source
    }
}

/// Keys are mixed already.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
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
            index: HashMap::default(),
            slots: HashMap::default(),
            loose: false,
            places: Vec::new(),
            place_numbers: HashMap::new(),
            last_place: None,
            names: Vec::new(),
            name_numbers: HashMap::new(),
        }
    }

    /// Takes an account in.
    pub fn observe(&mut self, account: &Account) {
        let place = Place {
            session: &account.session,
            owner: &account.owner,
            path: &account.path,
            phase: &account.phase,
            project: &account.project,
        };
        self.observe_at(&account.report, account.at, &place);
    }

    /// The same without an [`Account`] having to be made.
    pub fn observe_at(&mut self, report: &CallReported, at: Timestamp, place: &Place<'_>) {
        let (message, request) = kept::keys(report);
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let row = Row {
            message,
            request,
            tokens: kept::flat(&report.tokens),
            cost: kept::cost_of(report, &self.prices).unwrap_or(u64::MAX),
            at: at.as_millis(),
            offset: report.offset,
            place: self.place_number(place),
            model: self.name_number(report.model.as_deref()),
            agent: self.name_number(report.agent.as_deref()),
            next: NONE,
            source: report.source,
            flags: flag(report.call.sidechain, SIDECHAIN)
                | flag(kept::is_aside(report), ASIDE)
                | flag(report.fast == Some(true), FAST)
                | flag(report.fast.is_some(), FAST_IS_KNOWN),
        };
        self.take(row);
    }

    /// Takes in what another ledger has, of files that were read elsewhere.
    pub fn absorb(&mut self, other: &Self) {
        for row in &other.rows {
            let [session, owner, path, phase, project] = &other.places[at(row.place)];
            let place = Place {
                session,
                owner,
                path,
                phase,
                project,
            };
            let row = Row {
                place: self.place_number(&place),
                model: self.name_number(other.name(row.model)),
                agent: self.name_number(other.name(row.agent)),
                next: NONE,
                ..*row
            };
            self.take(row);
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

    fn take(&mut self, mut row: Row) {
        let number = number(self.rows.len());
        if number == NONE {
            return;
        }
        let key = row.key();
        if key != 0 {
            // Found directly, since a message may come under any number of requests.
            let known = *self.slots.entry(row.slot()).or_insert(number);
            if let Some(old) = self.rows.get(at(known)) {
                if self.rank(&row) > self.rank(old) {
                    row.next = old.next;
                    self.rows[at(known)] = row;
                }
                return;
            }
            self.loose |= row.message == 0;
            row.next = self.index.insert(key, number).unwrap_or(NONE);
        }
        self.rows.push(row);
    }

    /// What counts: calls in no order that means anything, but always the same.
    pub fn rows(&self) -> impl Iterator<Item = Counted> + '_ {
        let homes = self.homes();
        let mut guests: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (guest, message) in &homes {
            guests.entry(*message).or_default().push(*guest);
        }
        (0..number(self.rows.len())).flat_map(move |first| self.counted_from(first, &homes, &guests))
    }

    /// Of rows with a request and no message: the message that has the request.
    fn homes(&self) -> BTreeMap<u32, u64> {
        let mut homes = BTreeMap::new();
        if !self.loose {
            return homes;
        }
        let mut messages: HashMap<u64, (bool, u64)> = HashMap::new();
        for row in self.rows.iter().filter(|row| row.message != 0 && row.request != 0) {
            let message = (row.has(ASIDE), row.message);
            let known = messages.entry(row.request).or_insert(message);
            *known = message.min(*known);
        }
        for (index, row) in self.rows.iter().enumerate().filter(|(_, row)| row.message == 0) {
            if let Some((_, message)) = messages.get(&row.request) {
                homes.insert(number(index), *message);
            }
        }
        homes
    }

    /// The calls of the message whose first row this is; nothing for any other row.
    fn counted_from(&self, first: u32, homes: &BTreeMap<u32, u64>, guests: &BTreeMap<u64, Vec<u32>>) -> Vec<Counted> {
        let key = self.rows[at(first)].key();
        let is_first = key == 0 || self.index.get(&key) == Some(&first);
        if !is_first || homes.contains_key(&first) {
            return Vec::new();
        }
        let mut members = vec![first];
        let mut next = self.rows[at(first)].next;
        while let Some(row) = self.rows.get(at(next)) {
            members.push(next);
            next = row.next;
        }
        members.extend(guests.get(&key).into_iter().flatten());
        // The order in which they came must decide nothing.
        members.sort_by_key(|row| {
            let row = &self.rows[at(*row)];
            (row.message, row.request, row.source)
        });
        let groups = count::group(members.iter().map(|row| self.slot(*row)).collect());
        groups.iter().map(|group| self.count(group, &members)).collect()
    }

    fn count(&self, group: &Group, members: &[u32]) -> Counted {
        let row = |index: usize| &self.rows[at(members[index])];
        let accounts = group.accounts.iter().map(|index| {
            let row = row(*index);
            let tokens = kept::counts(&kept::unflat(row.tokens));
            (row.source, tokens, cost(row))
        });
        let accounts: Vec<_> = accounts.collect();
        let lead = row(group.lead);
        let [session, owner, _, phase, project] = &self.places[at(lead.place)];
        let tokens = kept::unflat(lead.tokens);
        let agent = self.name(lead.agent);
        let main = !lead.has(SIDECHAIN) && !lead.has(ASIDE) && agent.is_none();
        Counted {
            session: session.to_string(),
            owner: owner.to_string(),
            project: project.to_string(),
            phase: phase.to_string(),
            agent: agent.map(str::to_owned),
            model: self.name(lead.model).map(|model| model_name(model, lead.has(FAST))),
            used_at: Timestamp::from_millis(lead.at),
            tokens: kept::counts(&tokens),
            cost_nanos: cost(lead),
            disputed: accounts.iter().any(|(_, tokens, _)| *tokens != accounts[0].1),
            accounts,
            context_tokens: main.then(|| tokens.context()),
        }
    }

    fn slot(&self, number: u32) -> Slot<'_> {
        let row = &self.rows[at(number)];
        Slot {
            message: row.message,
            request: row.request,
            source: row.source,
            aside: row.has(ASIDE),
            rank: self.rank(row),
        }
    }

    fn rank(&self, row: &Row) -> Rank<'_> {
        let [session, owner, path, phase, project] = &self.places[at(row.place)];
        Rank::new(
            !row.has(SIDECHAIN),
            row.tokens,
            row.fast(),
            (path, row.offset, row.at),
            (self.name(row.model), self.name(row.agent)),
            [owner, session, phase, project],
        )
    }

    fn place_number(&mut self, place: &Place<'_>) -> u32 {
        let parts = [place.session, place.owner, place.path, place.phase, place.project];
        let is_same = |known: &[Box<str>; 5]| known.iter().map(|part| &**part).eq(parts);
        // Calls come file by file.
        if self.last_place.is_some_and(|last| is_same(&self.places[at(last)])) {
            return self.last_place.unwrap_or(NONE);
        }
        let parts = parts.map(Box::from);
        let new = number(self.places.len());
        let number = *self.place_numbers.entry(parts.clone()).or_insert(new);
        if number == new {
            self.places.push(parts);
        }
        self.last_place = Some(number);
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

fn cost(row: &Row) -> Option<u64> {
    (row.cost != u64::MAX).then_some(row.cost)
}

/// A number of a row, a place or a name as the rows hold it.
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
