//! Which of the accounts of one message are calls, and which only tell of them once more.

use std::collections::BTreeMap;

use forgecast_protocol::event::UsageSource;

use super::kept::Rank;

/// What of an account matters here. No two have the same message, request and source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'a> {
    pub(super) message: u64,
    pub(super) request: u64,
    pub(super) source: UsageSource,
    pub(super) aside: bool,
    pub(super) rank: Rank<'a>,
}

/// A call that counts: the account that says how much, and all accounts of it, that one among them, the best source
/// first. By their places in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) lead: usize,
    pub(super) accounts: Vec<usize>,
}

/// Groups accounts that hang together by their messages and requests.
pub(super) fn group(slots: Vec<Slot<'_>>) -> Vec<Group> {
    if slots.len() == 1 {
        return vec![Group {
            lead: 0,
            accounts: vec![0],
        }];
    }
    let mut messages: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut requests: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, slot) in slots.iter().enumerate() {
        match home(&slots, slot) {
            0 => requests.entry(slot.request).or_default().push(index),
            message => messages.entry(message).or_default().push(index),
        }
    }
    let of_messages = messages.into_values().flat_map(|members| of_message(&slots, &members));
    let of_requests = requests.into_values().map(|mut members| {
        members.sort_by_key(|index| slots[*index].source);
        Group {
            lead: members[0],
            accounts: members,
        }
    });
    of_messages.chain(of_requests).collect()
}

/// The message that an account tells of: its own, else the one that has its request; 0 for none.
fn home(slots: &[Slot<'_>], slot: &Slot<'_>) -> u64 {
    if slot.message != 0 || slot.request == 0 {
        return slot.message;
    }
    let with_request = slots.iter().filter(|other| other.request == slot.request);
    let named = with_request.filter(|other| other.message != 0);
    named
        .map(|other| (other.aside, other.message))
        .min()
        .map_or(0, |(_, message)| message)
}

/// The best source of a message says which calls there are; the others tell of those.
fn of_message(slots: &[Slot<'_>], members: &[usize]) -> Vec<Group> {
    let rank = |index: &usize| slots[*index].rank;
    let best = members.iter().map(|index| slots[*index].source).min();
    let (told, others): (Vec<usize>, Vec<usize>) = members
        .iter()
        .copied()
        .partition(|index| Some(slots[*index].source) == best);
    let mut by_request: BTreeMap<u64, usize> = BTreeMap::new();
    for index in told {
        let known = by_request.entry(slots[index].request).or_insert(index);
        if rank(&index) > rank(known) {
            *known = index;
        }
    }
    let mains = by_request.values().copied().filter(|index| rank(index).main);
    let mut leads: Vec<usize> = mains.collect();
    if leads.is_empty() {
        leads.extend(by_request.into_values().max_by_key(rank));
    }
    let Some(first) = leads.iter().copied().max_by_key(rank) else {
        return Vec::new();
    };
    let by_request: BTreeMap<u64, usize> = leads.iter().map(|lead| (slots[*lead].request, *lead)).collect();
    // What a source says of the very request goes before what it says of a replay under another one.
    let mut beside: BTreeMap<(usize, UsageSource), (bool, Rank<'_>, usize)> = BTreeMap::new();
    for index in others {
        let slot = &slots[index];
        let same = by_request.get(&slot.request).copied();
        let offer = (same.is_some(), slot.rank, index);
        let known = beside.entry((same.unwrap_or(first), slot.source)).or_insert(offer);
        *known = (*known).max(offer);
    }
    let group = |lead: usize| {
        let of_lead = beside.range((lead, UsageSource::Transcript)..=(lead, UsageSource::Estimated));
        let accounts = std::iter::once(lead).chain(of_lead.map(|(_, (_, _, index))| *index));
        Group {
            lead,
            accounts: accounts.collect(),
        }
    };
    leads.into_iter().map(group).collect()
}
