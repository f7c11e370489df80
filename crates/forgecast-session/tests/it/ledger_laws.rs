//! The law of the ledger: what counts depends on the set of accounts alone, and differences add up to it.

use std::collections::BTreeMap;

use forgecast_protocol::Fact;
use forgecast_protocol::event::{CallTokens, UsageSource};
use forgecast_protocol::session::TokenCounts;
use forgecast_session::ledger::{Account, Call, Counted, Difference, Ledger, differences, keys_of};
use forgecast_session::price::{Prices, WEB_SEARCH, dollars};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::ledger::{account, call, in_file, observe};
use crate::support::*;

fn any_account() -> impl Strategy<Value = Account> {
    let ids = (
        select(vec!["", "m1", "m1", "m2", "m2:advisor:0"]),
        select(vec!["", "r1", "r2", "r3", "codex:1/1"]),
    );
    let source = prop_oneof![
        6 => Just(UsageSource::Transcript),
        2 => Just(UsageSource::Otel),
        1 => Just(UsageSource::Reported),
    ];
    let model = of(select(vec!["claude-opus-4-6", "claude-sonnet-4-5", "?"]));
    let how = (
        any::<bool>(),
        of(any::<bool>()),
        of(0.0..3.0_f64),
        of(select(vec!["a1", "a2"])),
        (
            prop_oneof![3 => Just(0_u64), 1 => 1..5_u64],
            of(select(vec!["us", "eu"])),
        ),
    );
    let what = (select(vec![0_u64, 10, 300_000]), 0_u64..4, 0_u64..3, 0_u64..3);
    let place = (
        select(vec!["0a", "0b", "0c"]),
        0_u64..50,
        0_i64..9,
        select(vec!["", "Builder", "Test"]),
    );
    (ids, source, model, how, what, place, select(vec!["t1", "t2", "t3"])).prop_map(
        |(
            (message, request),
            source,
            model,
            (sidechain, fast, cost_usd, agent, (web_searches, geo)),
            what,
            place,
            tool,
        )| {
            let (input, output, cache_write_5m, cache_write_1h) = what;
            let (owner, offset, at, phase) = place;
            let mut account = in_file(account(message, request), owner);
            account.report.source = source;
            account.report.call.sidechain = sidechain && source == UsageSource::Transcript;
            account.report.model = model.map(str::to_owned);
            account.report.fast = fast;
            account.report.cost_usd = cost_usd;
            account.report.web_searches = web_searches;
            account.report.inference_geo = geo.map(str::to_owned);
            account.report.agent = agent.map(str::to_owned);
            account.report.tools = vec![tool.to_owned()];
            account.report.offset = offset;
            account.report.tokens = CallTokens {
                input,
                output,
                cache_read: input / 2,
                cache_write_5m,
                cache_write_1h,
            };
            account.at = minute(at);
            phase.clone_into(&mut account.phase);
            account
        },
    )
}

/// One place in a file holds one account.
fn any_accounts(most: usize) -> impl Strategy<Value = Vec<Account>> {
    vec(any_account(), 0..most).prop_map(|mut accounts| {
        let mut places = std::collections::BTreeSet::new();
        accounts.retain(|account| places.insert((account.path.clone(), account.report.offset)));
        accounts
    })
}

/// The calls as a store with keys holds them, and the differences that were told on the way.
#[derive(Default)]
struct Books {
    calls: Vec<Call>,
    told: Vec<Difference>,
}

impl Books {
    fn observe(&mut self, account: &Account) {
        let keys = keys_of(&account.report);
        let mut call = Call::default();
        let mut before = Vec::new();
        let (found, others) = std::mem::take(&mut self.calls)
            .into_iter()
            .partition(|known: &Call| known.keys().iter().any(|key| keys.contains(key)));
        self.calls = others;
        for known in found {
            before.extend(known.counted());
            call.absorb(known);
        }
        call.observe(account.clone(), &Prices::embedded());
        self.told.extend(differences(&before, &call.counted()));
        self.calls.push(call);
    }

    fn confirm(&mut self, tool: &str) {
        for call in &mut self.calls {
            let before = call.counted();
            call.confirm(UsageSource::Hook, tool);
            self.told.extend(differences(&before, &call.counted()));
        }
    }

    fn counted(&self) -> Vec<Counted> {
        let mut counted: Vec<Counted> = self.calls.iter().flat_map(Call::counted).collect();
        counted.sort_by_cached_key(|call| format!("{call:?}"));
        counted
    }
}

type Sums = BTreeMap<(String, String, Option<String>, Option<String>), [i64; 8]>;

fn sums_of_counted(counted: &[Counted]) -> Sums {
    let mut sums = Sums::new();
    for call in counted {
        let key = (
            call.session.clone(),
            call.phase.clone(),
            call.model.clone(),
            call.agent.clone(),
        );
        let sum = sums.entry(key).or_default();
        let tokens = &call.tokens;
        let parts = [
            tokens.input,
            tokens.output,
            tokens.cache_read,
            tokens.cache_write,
            call.cost_nanos.unwrap_or(0),
            call.calls,
            u64::from(call.cost_nanos.is_none()),
            u64::from(call.disputed),
        ];
        for (sum, part) in sum.iter_mut().zip(parts) {
            *sum += i64::try_from(part).unwrap();
        }
    }
    sums
}

fn sums_of_told(told: &[Difference]) -> Sums {
    let mut sums = Sums::new();
    for change in told {
        let usage = &change.usage;
        let key = (
            change.session.clone(),
            change.phase.clone(),
            usage.model.clone(),
            usage.agent.clone(),
        );
        let sum = sums.entry(key).or_default();
        let tokens = &usage.tokens;
        let parts = [
            tokens.input,
            tokens.output,
            tokens.cache_read,
            tokens.cache_write,
            change.cost_nanos,
            usage.calls,
            usage.unpriced,
            usage.disputed,
        ];
        for (sum, part) in sum.iter_mut().zip(parts) {
            *sum += part;
        }
    }
    sums.retain(|_, sum| *sum != [0; 8]);
    sums
}

/// Each source's own account: tokens, calls.
fn accounts_of_counted(counted: &[Counted]) -> BTreeMap<UsageSource, (i64, i64)> {
    let mut sums = BTreeMap::new();
    for call in counted {
        for (source, tokens, _) in &call.accounts {
            let sum: &mut (i64, i64) = sums.entry(*source).or_default();
            sum.0 += i64::try_from(tokens.total()).unwrap();
            sum.1 += i64::try_from(call.calls).unwrap();
        }
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

fn accounts_of_told(told: &[Difference]) -> BTreeMap<UsageSource, (i64, i64)> {
    let mut sums = BTreeMap::new();
    for account in told.iter().flat_map(|change| &change.usage.accounts) {
        let sum: &mut (i64, i64) = sums.entry(account.source).or_default();
        let tokens = &account.tokens;
        sum.0 += tokens.input + tokens.output + tokens.cache_read + tokens.cache_write;
        sum.1 += account.calls;
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

proptest! {
    #[test]
    fn what_counts_is_a_function_of_the_set_of_accounts(
        (accounts, shuffled) in any_accounts(24).prop_flat_map(|accounts| {
            let named: Vec<Account> = accounts.into_iter().filter(|it| !keys_of(&it.report).is_empty()).collect();
            (Just(named.clone()), Just(named).prop_shuffle())
        }),
        again in vec(0_usize..24, 0..8),
    ) {
        let (mut one, mut other) = (Books::default(), Books::default());
        accounts.iter().for_each(|account| one.observe(account));
        for (index, account) in shuffled.iter().enumerate() {
            other.observe(account);
            // Some of it is told again.
            for again in again.iter().filter(|again| **again <= index) {
                other.observe(&shuffled[*again]);
            }
        }
        prop_assert_eq!(one.counted(), other.counted());
    }

    #[test]
    fn calls_that_were_gathered_apart_join_to_the_same(accounts in any_accounts(16), split in 0_usize..16) {
        let split = split.min(accounts.len());
        let (here, there) = accounts.split_at(split);
        let whole = call(&accounts);
        let mut joined = call(there);
        joined.absorb(call(here));
        prop_assert_eq!(&joined, &whole);
        let stored = serde_json::to_vec(&joined).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Call>(&stored).unwrap(), whole);
    }

    #[test]
    fn the_differences_add_up_to_what_counts(accounts in any_accounts(24), tools in vec(0_usize..24, 0..4)) {
        let mut books = Books::default();
        for (index, account) in accounts.iter().enumerate() {
            books.observe(account);
            if tools.contains(&index) {
                books.confirm("t1");
            }
        }
        let counted = books.counted();
        prop_assert_eq!(sums_of_told(&books.told), sums_of_counted(&counted));
        prop_assert_eq!(accounts_of_told(&books.told), accounts_of_counted(&counted));
        for change in &books.told {
            prop_assert!(!change.usage.accounts.is_empty(), "{:?}", change);
        }
    }

    #[test]
    fn the_ledger_in_memory_counts_the_same(accounts in any_accounts(24), split in 0_usize..24) {
        let mut books = Books::default();
        let (mut ledger, mut second) = (Ledger::new(Prices::embedded()), Ledger::new(Prices::embedded()));
        for (index, account) in accounts.iter().enumerate() {
            books.observe(account);
            observe(if index < split { &mut ledger } else { &mut second }, account);
        }
        ledger.absorb(&second);
        let mut rows: Vec<Counted> = ledger.rows().collect();
        rows.sort_by_cached_key(|call| format!("{call:?}"));
        prop_assert_eq!(rows, books.counted());
    }

    #[test]
    fn the_views_show_what_counts(accounts in any_accounts(24), tools in vec(0_usize..24, 0..4)) {
        let mut books = Books::default();
        for (index, account) in accounts.iter().enumerate() {
            books.observe(account);
            if tools.contains(&index) {
                books.confirm("t1");
            }
        }
        let counted = books.counted();
        for name in ["0a~1", "0b~1", "0c~1"] {
            let mut view = session();
            for change in books.told.iter().filter(|change| change.session == name) {
                view.apply(&from_transcript(minute(30), Fact::UsageRecorded(change.usage.clone())));
            }
            let ours: Vec<&Counted> = counted.iter().filter(|call| call.session == name).collect();
            let usage = view.view().usage.clone().unwrap_or_default();
            let mut tokens = TokenCounts::default();
            ours.iter().for_each(|call| tokens.add(&call.tokens));
            prop_assert_eq!(usage.tokens, tokens);
            prop_assert_eq!(usage.calls, ours.iter().map(|call| call.calls).sum::<u64>());
            let count = |is: fn(&Counted) -> bool| ours.iter().filter(|call| is(call)).count() as u64;
            prop_assert_eq!(usage.unpriced_calls, count(|call| call.cost_nanos.is_none()));
            prop_assert_eq!(usage.disputed_calls, count(|call| call.disputed));
            let nanos: u64 = ours.iter().filter_map(|call| call.cost_nanos).sum();
            prop_assert_eq!(usage.cost_usd.unwrap_or_default(), dollars(nanos));
            for (model, share) in &usage.by_model {
                let of_model = ours.iter().filter(|call| call.model.as_deref() == Some(model));
                let total: u64 = of_model.map(|call| call.tokens.total()).sum();
                prop_assert_eq!(share.tokens.total(), total, "{}", model);
            }
            for (phase, share) in &usage.by_phase {
                let of_phase = ours.iter().filter(|call| call.phase == *phase);
                let total: u64 = of_phase.map(|call| call.tokens.total()).sum();
                prop_assert_eq!(share.tokens.total(), total, "{}", phase);
            }
            let searches: u64 = ours.iter().filter(|call| call.calls == 0).filter_map(|call| call.cost_nanos).sum();
            let shown = usage.by_model.get(WEB_SEARCH).and_then(|share| share.cost_usd);
            prop_assert_eq!(shown.unwrap_or_default(), dollars(searches));
            let calls = ours.iter().filter(|call| call.calls > 0);
            let mut sources: Vec<UsageSource> = calls.flat_map(|call| &call.accounts).map(|told| told.0).collect();
            sources.sort_unstable();
            sources.dedup();
            prop_assert_eq!(usage.provenance, sources);
        }
    }
}
