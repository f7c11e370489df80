//! Which of the accounts of one message are calls, and which only tell of them once more. The one place of these rules,
//! wherever the accounts are kept.

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::UsageSource;
use forgecast_protocol::session::TokenCounts;

use super::Counted;
use super::account::AccountRef;
use crate::price::{WEB_SEARCH, model_name};

/// Agents round what a call cost to a millionth of a dollar.
const ROUNDING_NANOS: u64 = 1_000;

/// A call that counts: the account that says how much, and all accounts of it, that one among them, the best source
/// first. By their places in the list.
struct Group {
    lead: usize,
    accounts: Vec<usize>,
}

/// What counts of accounts that hang together by their messages and requests; no two of them have the same message,
/// request and source. `confirmed` says which sources besides have seen a call, by the keys of its accounts.
pub(super) fn count(
    accounts: &[AccountRef<'_>],
    confirmed: impl Fn(&mut dyn Iterator<Item = u64>) -> Vec<UsageSource>,
) -> Vec<Counted> {
    let mut counted = Vec::new();
    for group in group(accounts) {
        let lead = &accounts[group.lead];
        if lead.is_call() {
            let members = group.accounts.iter().map(|index| &accounts[*index]);
            let confirmed = confirmed(&mut members.clone().map(|account| account.key()));
            counted.push(count_call(lead, members, confirmed));
        }
        counted.extend(count_searches(lead));
    }
    counted
}

fn count_call<'a>(
    lead: &AccountRef<'_>,
    members: impl Iterator<Item = &'a AccountRef<'a>> + Clone,
    confirmed: Vec<UsageSource>,
) -> Counted {
    let differs = |account: &AccountRef<'_>| account.counts() != lead.counts() || costs_differ(account, lead);
    let disputed = members.clone().any(differs);
    let mut accounts: Vec<_> = members
        .map(|account| (account.source, account.counts(), account.cost))
        .collect();
    for source in confirmed {
        if accounts.iter().all(|(told, _, _)| *told != source) {
            accounts.push((source, TokenCounts::default(), None));
        }
    }
    accounts.sort_by_key(|(source, _, _)| *source);
    Counted {
        accounts,
        disputed,
        ..counted(lead)
    }
}

/// The searches of the web that a call made are counted beside its tokens, so that one sees what either cost.
fn count_searches(lead: &AccountRef<'_>) -> Option<Counted> {
    let cost = lead.search_cost()?;
    Some(Counted {
        model: Some(WEB_SEARCH.to_owned()),
        tokens: TokenCounts::default(),
        cost_nanos: Some(cost),
        accounts: vec![(lead.source, TokenCounts::default(), Some(cost))],
        calls: 0,
        context_tokens: None,
        context_window: None,
        ..counted(lead)
    })
}

/// What counts of a call by its leading account, without what each source says.
fn counted(lead: &AccountRef<'_>) -> Counted {
    let is_main = !lead.sidechain && !lead.nested && lead.agent.is_none();
    let origin = lead.origin;
    Counted {
        session: origin.session.to_owned(),
        owner: origin.owner.to_owned(),
        project: origin.project.to_owned(),
        phase: origin.phase.to_owned(),
        agent: lead.agent.map(str::to_owned),
        model: lead.model.map(|model| model_name(model, lead.fast == Some(true))),
        used_at: Timestamp::from_millis(lead.at),
        tokens: lead.counts(),
        cost_nanos: lead.cost,
        accounts: Vec::new(),
        calls: 1,
        disputed: false,
        context_tokens: is_main.then(|| lead.call_tokens().context()),
        context_window: lead.context_window.filter(|_| is_main),
    }
}

/// Whether two accounts give different prices, by more than the rounding of an agent's own.
fn costs_differ(one: &AccountRef<'_>, other: &AccountRef<'_>) -> bool {
    let costs = one.whole_cost().zip(other.whole_cost());
    costs.is_some_and(|(one, other)| one.abs_diff(other) > ROUNDING_NANOS)
}

fn group(accounts: &[AccountRef<'_>]) -> Vec<Group> {
    if accounts.len() == 1 {
        return vec![Group {
            lead: 0,
            accounts: vec![0],
        }];
    }
    let mut messages: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut requests: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, account) in accounts.iter().enumerate() {
        match message_of(accounts, account) {
            0 => requests.entry(account.request).or_default().push(index),
            message => messages.entry(message).or_default().push(index),
        }
    }
    let of_messages = messages
        .into_values()
        .flat_map(|members| of_message(accounts, &members));
    let of_requests = requests.into_values().map(|mut members| {
        members.sort_by_key(|index| accounts[*index].source);
        Group {
            lead: members[0],
            accounts: members,
        }
    });
    of_messages.chain(of_requests).collect()
}

/// The message that an account tells of: its own, else the one that has its request; 0 for none.
fn message_of(accounts: &[AccountRef<'_>], account: &AccountRef<'_>) -> u64 {
    if account.message != 0 || account.request == 0 {
        return account.message;
    }
    let with_request = accounts.iter().filter(|other| other.request == account.request);
    let named = with_request.filter(|other| other.message != 0);
    named
        .map(|other| (other.nested, other.message))
        .min()
        .map_or(0, |(_, message)| message)
}

/// The best source of a message says which calls there are; the others tell of those.
fn of_message(accounts: &[AccountRef<'_>], members: &[usize]) -> Vec<Group> {
    let rank = |index: &usize| accounts[*index].rank();
    let best = members.iter().map(|index| accounts[*index].source).min();
    let (told, others): (Vec<usize>, Vec<usize>) = members
        .iter()
        .copied()
        .partition(|index| Some(accounts[*index].source) == best);
    let mut by_request: BTreeMap<u64, usize> = BTreeMap::new();
    for index in told {
        let known = by_request.entry(accounts[index].request).or_insert(index);
        if rank(&index) > rank(known) {
            *known = index;
        }
    }
    let mains = by_request.values().copied().filter(|index| !accounts[*index].sidechain);
    let mut leads: Vec<usize> = mains.collect();
    if leads.is_empty() {
        leads.extend(by_request.into_values().max_by_key(rank));
    }
    let Some(first) = leads.iter().copied().max_by_key(rank) else {
        return Vec::new();
    };
    let by_request: BTreeMap<u64, usize> = leads.iter().map(|lead| (accounts[*lead].request, *lead)).collect();
    // What a source says of the very request goes before what it says of a replay under another one.
    let mut beside = BTreeMap::new();
    for index in others {
        let account = &accounts[index];
        let same = by_request.get(&account.request).copied();
        let offer = (same.is_some(), account.rank(), index);
        let known = beside.entry((same.unwrap_or(first), account.source)).or_insert(offer);
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
