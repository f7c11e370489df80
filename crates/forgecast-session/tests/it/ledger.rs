//! The ledger: each rule as a sentence. The laws are in `ledger_laws`.

use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};
use forgecast_session::ledger::{
    Account, Belonging, Call, CallOrigin, Counted, Difference, Ledger, differences, keys_of,
};
use forgecast_session::price::Prices;

use crate::support::*;

/// An account of 100 tokens that a transcript gives in its main chain.
pub(crate) fn account(message: &str, request: &str) -> Account {
    let id = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    Account {
        report: CallReported {
            call: CallId {
                message: id(message),
                request: id(request),
                sidechain: false,
            },
            source: UsageSource::Transcript,
            used_at: Some(minute(1)),
            model: Some("claude-opus-4-6".to_owned()),
            fast: None,
            web_searches: 0,
            inference_geo: None,
            tokens: CallTokens {
                input: 40,
                output: 60,
                ..CallTokens::default()
            },
            cost_usd: None,
            agent: None,
            context_window: None,
            tools: Vec::new(),
            offset: 10,
        },
        session: "weather-app~1".to_owned(),
        owner: "0b1d".to_owned(),
        path: "projects/weather-app/0b1d.jsonl".to_owned(),
        at: minute(1),
        phase: "Builder".to_owned(),
        project: "weather-app".to_owned(),
    }
}

fn telemetry(request: &str) -> Account {
    let mut account = account("", request);
    account.report.source = UsageSource::Otel;
    account.path = "/v1/logs".to_owned();
    account
}

fn sidechain(mut account: Account) -> Account {
    account.report.call.sidechain = true;
    account.report.agent = Some("a1".to_owned());
    account
}

fn with_output(mut account: Account, output: u64) -> Account {
    account.report.tokens.output = output;
    account
}

pub(crate) fn in_file(mut account: Account, owner: &str) -> Account {
    owner.clone_into(&mut account.owner);
    account.session = format!("{owner}~1");
    account.path = format!("projects/weather-app/{owner}.jsonl");
    account
}

pub(crate) fn observe(ledger: &mut Ledger, account: &Account) {
    let origin = CallOrigin {
        session: &account.session,
        owner: &account.owner,
        path: &account.path,
        phase: &account.phase,
        project: &account.project,
    };
    ledger.observe(&account.report, account.at, origin);
}

pub(crate) fn call(accounts: &[Account]) -> Call {
    let mut call = Call::default();
    for account in accounts {
        call.observe(account.clone(), &Prices::embedded());
    }
    call
}

/// What counts of these, which is the same in every order of two.
fn counted(accounts: &[Account]) -> Vec<Counted> {
    let counted = call(accounts).counted();
    let reversed: Vec<Account> = accounts.iter().rev().cloned().collect();
    assert_eq!(call(&reversed).counted(), counted);
    counted
}

fn outputs(counted: &[Counted]) -> Vec<u64> {
    let mut outputs: Vec<u64> = counted.iter().map(|call| call.tokens.output).collect();
    outputs.sort_unstable();
    outputs
}

#[test]
fn a_call_on_several_lines_counts_once_with_its_largest_total() {
    let lines = [5, 200, 60].map(|output| with_output(account("m", "r"), output));
    assert_eq!(outputs(&counted(&lines)), [200]);
}

#[test]
fn the_same_account_again_is_nothing_new() {
    let mut call = call(&[account("m", "r")]);
    assert!(!call.observe(account("m", "r"), &Prices::embedded()));
    assert!(!call.observe(with_output(account("m", "r"), 1), &Prices::embedded()));
    assert!(call.observe(with_output(account("m", "r"), 61), &Prices::embedded()));
}

#[test]
fn a_resumed_session_that_repeats_a_message_counts_it_once_in_the_first_file() {
    let counted = counted(&[in_file(account("m", "r"), "0b"), in_file(account("m", "r"), "0a")]);
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0].session, "0a~1");
}

#[test]
fn one_message_under_two_requests_of_the_main_chain_is_two_calls() {
    let two = [account("m", "r1"), with_output(account("m", "r2"), 7)];
    assert_eq!(outputs(&counted(&two)), [7, 60]);
}

#[test]
fn a_side_chain_that_replays_its_parent_adds_nothing_however_large_it_is() {
    let replay = sidechain(with_output(account("m", "r2"), 900));
    assert_eq!(outputs(&counted(&[account("m", "r1"), replay.clone()])), [60]);
    let same = sidechain(with_output(account("m", "r1"), 900));
    assert_eq!(outputs(&counted(&[account("m", "r1"), same, replay])), [60]);
}

#[test]
fn side_chains_alone_are_one_call() {
    let two = [1, 2].map(|number| sidechain(with_output(account("m", &format!("r{number}")), number)));
    assert_eq!(outputs(&counted(&two)), [2]);
    assert_eq!(counted(&two)[0].context_tokens, None);
}

#[test]
fn of_two_equal_accounts_the_one_that_knows_the_speed_counts() {
    let mut fast = account("m", "r");
    fast.report.fast = Some(true);
    fast.report.offset = 99;
    let counted = counted(&[account("m", "r"), fast]);
    assert_eq!(counted[0].model.as_deref(), Some("claude-opus-4-6-fast"));
    assert_eq!(counted[0].cost_nanos, Some(6 * (40 * 5_000 + 60 * 25_000)));
}

#[test]
fn what_names_neither_message_nor_request_has_no_key() {
    assert_eq!(call(&[account("", "")]).keys(), [] as [u64; 0]);
    assert_eq!(keys_of(&account("", "").report), [] as [u64; 0]);
    assert_eq!(call(&[account("", "")]).counted().len(), 1);
    assert_eq!(keys_of(&account("", "r").report), [] as [u64; 0], "a transcript's");
    assert_eq!(keys_of(&telemetry("r").report).len(), 1);
}

#[test]
fn keys_are_the_same_for_ever() {
    let keys = keys_of(&account("msg_01A", "req_01A").report);
    assert_eq!(keys, [KEY_OF_MESSAGE, KEY_OF_REQUEST]);
    assert_eq!(call(&[account("msg_01A", "req_01A")]).keys(), keys);
}

const KEY_OF_MESSAGE: u64 = 6_419_644_505_684_489_545;
const KEY_OF_REQUEST: u64 = 4_680_167_208_150_956_959;

#[test]
fn a_call_by_transcript_telemetry_and_hook_counts_once_and_says_all_three() {
    let mut asked = account("m", "r");
    asked.report.tools = vec!["toolu_1".to_owned()];
    for accounts in [[asked.clone(), telemetry("r")], [telemetry("r"), asked]] {
        let mut call = call(&accounts);
        assert!(!call.confirm(UsageSource::Hook, "toolu_9"), "another call's");
        assert!(call.confirm(UsageSource::Hook, "toolu_1"));
        assert!(!call.confirm(UsageSource::Hook, "toolu_1"));
        let counted = call.counted();
        assert_eq!(outputs(&counted), [60]);
        let sources: Vec<UsageSource> = counted[0].accounts.iter().map(|(source, _, _)| *source).collect();
        assert_eq!(sources, [UsageSource::Transcript, UsageSource::Otel, UsageSource::Hook]);
        assert!(!counted[0].disputed);
        assert_eq!(counted[0].owner, "0b1d", "by the transcript");
    }
}

#[test]
fn telemetry_that_comes_first_is_counted_and_gives_way_to_the_transcript() {
    let prices = Prices::embedded();
    let mut early = call(&[telemetry("r")]);
    let before = early.counted();
    assert_eq!(outputs(&before), [60]);
    let mut late = call(&[with_output(account("m", "r"), 80)]);
    let number = late.keys()[0];
    let mut joined = late.clone();
    joined.absorb(early.clone());
    early.absorb(late.clone());
    assert_eq!(joined, early);
    assert_eq!(joined.keys()[0], number);
    late.observe(telemetry("r"), &prices);
    assert_eq!(joined, late);
    let after = joined.counted();
    assert!(after[0].disputed, "60 and 80");
    let changes = differences(&before, &after);
    let total: i64 = changes.iter().map(|change| change.usage.tokens.output).sum();
    assert_eq!(total, 20);
    assert_eq!(changes.iter().map(|change| change.usage.calls).sum::<i64>(), 0);
    assert_eq!(changes.iter().map(|change| change.usage.disputed).sum::<i64>(), 1);
}

#[test]
fn telemetry_of_a_replay_is_not_the_calls_when_the_call_has_its_own() {
    let of_replay = {
        let mut other = telemetry("r2");
        other.report.tokens.output = 7;
        other
    };
    let all = [
        account("m", "r1"),
        sidechain(account("m", "r2")),
        telemetry("r1"),
        of_replay.clone(),
    ];
    assert!(!counted(&all)[0].disputed);
    let without = [account("m", "r1"), sidechain(account("m", "r2")), of_replay];
    assert_eq!(counted(&without).len(), 1);
    assert_eq!(counted(&without)[0].accounts.len(), 2);
}

#[test]
fn an_unknown_model_has_tokens_and_no_price_and_the_sources_own_price_goes_first() {
    let mut own = account("m", "r");
    own.report.model = Some("someones-own-model".to_owned());
    assert_eq!(counted(std::slice::from_ref(&own))[0].cost_nanos, None);
    let fact = &differences(&[], &counted(std::slice::from_ref(&own)))[0].usage;
    assert_eq!((fact.calls, fact.unpriced, fact.cost_usd), (1, 1, None));
    own.report.cost_usd = Some(0.25);
    assert_eq!(counted(&[own])[0].cost_nanos, Some(250_000_000));
    let mut nothing = account("m", "r");
    nothing.report.model = None;
    nothing.report.tokens = CallTokens::default();
    assert_eq!(counted(&[nothing])[0].cost_nanos, Some(0), "nothing costs nothing");
}

#[test]
fn advice_within_a_call_is_a_call_of_its_own_and_no_step_of_the_conversation() {
    let mut advice = account("m:advisor:0", "r");
    advice.report.model = Some("claude-opus-5".to_owned());
    let both = counted(&[account("m", "r"), advice, telemetry("r")]);
    assert_eq!(outputs(&both), [60, 60]);
    let context: Vec<Option<u64>> = both.iter().map(|call| call.context_tokens).collect();
    assert!(context.contains(&None) && context.contains(&Some(40)));
    let of_telemetry = both.iter().find(|call| call.accounts.len() == 2).unwrap();
    assert_eq!(of_telemetry.model.as_deref(), Some("claude-opus-4-6"));
}

#[test]
fn a_call_that_moves_to_another_session_leaves_the_first_one() {
    let mut call = call(&[account("m", "r")]);
    let before = call.counted();
    let there = |_| Belonging {
        session: "other~3".to_owned(),
        phase: "Test".to_owned(),
        project: "weather-app".to_owned(),
    };
    assert!(!call.rebind("someone-else", there));
    assert!(call.rebind("0b1d", there));
    assert!(!call.rebind("0b1d", there));
    let mut changes = differences(&before, &call.counted());
    changes.sort_by_key(|change| change.usage.calls);
    let brief = |change: &Difference| {
        let usage = &change.usage;
        let tokens = usage.tokens.input;
        (
            change.session.clone(),
            usage.phase.clone().unwrap(),
            usage.calls,
            tokens,
            change.cost_nanos,
        )
    };
    let cost = 40 * 5_000 + 60 * 25_000;
    assert_eq!(
        changes.iter().map(brief).collect::<Vec<_>>(),
        [
            ("weather-app~1".to_owned(), "Builder".to_owned(), -1, -40, -cost),
            ("other~3".to_owned(), "Test".to_owned(), 1, 40, cost),
        ]
    );
    assert_eq!(changes[0].usage.accounts[0].calls, -1);
    assert_eq!(changes[0].usage.context_tokens, None);
}

#[test]
fn what_the_store_keeps_of_a_call_is_small_and_gives_the_same_call_back() {
    let mut asked = account("msg_01FdAeiSDPJGBYpQzDxvXKiy", "req_011CY1ucUBGrLWmaNVvEjLAH");
    asked.report.tools = vec!["toolu_01".to_owned()];
    let mut call = call(&[asked, telemetry("req_011CY1ucUBGrLWmaNVvEjLAH")]);
    call.confirm(UsageSource::Hook, "toolu_01");
    let text = serde_json::to_string(&call).unwrap();
    assert_eq!(serde_json::from_str::<Call>(&text).unwrap(), call);
    insta::assert_snapshot!(text);
}

#[test]
fn one_message_under_any_number_of_requests_is_found_as_fast_as_many_messages() {
    let mut ledger = Ledger::new(Prices::embedded());
    for _ in 0..2 {
        for number in 0..50_000 {
            observe(&mut ledger, &account("m", &format!("r{number}")));
        }
    }
    assert_eq!(ledger.len(), 50_000);
    assert_eq!(ledger.rows().count(), 50_000);
}

/// What a transcript tells of a call that was copied from another one: the totals after it, and nothing else.
fn copied(totals: &str, owner: &str) -> Account {
    sidechain(in_file(account("", totals), owner))
}

fn counted_owners(accounts: &[Account]) -> Vec<String> {
    let mut owners: Vec<String> = orders(accounts)
        .swap_remove(0)
        .iter()
        .map(|call| call.owner.clone())
        .collect();
    owners.sort();
    owners
}

/// What counts of these accounts, in several orders and in both ledgers: the same each time.
fn orders(accounts: &[Account]) -> Vec<Vec<Counted>> {
    let mut all = Vec::new();
    for turn in 0..accounts.len() {
        let mut turned = accounts.to_vec();
        turned.rotate_left(turn);
        for order in [turned.clone(), turned.into_iter().rev().collect()] {
            let (mut call, mut ledger) = (Call::default(), Ledger::new(Prices::embedded()));
            for account in &order {
                call.observe(account.clone(), &Prices::embedded());
                observe(&mut ledger, account);
            }
            for mut counted in [call.counted(), ledger.rows().collect()] {
                counted.sort_by_cached_key(|call| format!("{call:?}"));
                all.push(counted);
            }
        }
    }
    assert!(all.iter().all(|counted| *counted == all[0]), "{all:#?}");
    all
}

#[test]
fn a_copied_call_is_that_of_the_thread_that_made_it_wherever_it_lies() {
    let own = in_file(account("codex:zz:5/5", "codex:5/5"), "zz");
    assert_eq!(
        counted_owners(&[own.clone(), copied("codex:5/5", "aa"), copied("codex:5/5", "bb")]),
        ["zz"]
    );
    // A record names the response; the totals stand with it as a second account.
    let record = in_file(account("codex:resp_1:5", "codex:9/5"), "zz");
    let link = sidechain(in_file(account("codex:resp_1:5", "codex:5/5"), "zz"));
    assert_eq!(counted_owners(&[record, link, copied("codex:5/5", "aa")]), ["zz"]);
}

#[test]
fn copies_of_a_call_whose_own_transcript_is_gone_are_one_call() {
    assert_eq!(
        counted_owners(&[copied("codex:5/5", "aa"), copied("codex:5/5", "bb")]),
        ["aa"]
    );
}

#[test]
fn calls_of_different_threads_that_lead_to_the_same_totals_all_count() {
    let own = |thread: &str| in_file(account(&format!("codex:{thread}:5/5"), "codex:5/5"), thread);
    assert_eq!(
        counted_owners(&[own("aa"), own("bb"), copied("codex:5/5", "cc")]),
        ["aa", "bb"]
    );
}

#[test]
fn searches_of_the_web_are_counted_beside_the_call_and_once() {
    let mut searching = account("m1", "r1");
    searching.report.web_searches = 3;
    let mut again = in_file(searching.clone(), "0c");
    again.report.web_searches = 2;
    let counted = call(&[again, searching.clone()]).counted();
    assert_eq!(counted.len(), 2);
    assert_eq!((counted[0].calls, counted[1].calls), (1, 0));
    assert_eq!(counted[1].model.as_deref(), Some("web-search"));
    assert_eq!(
        (counted[1].tokens.total(), counted[1].cost_nanos),
        (0, Some(30_000_000))
    );
    searching.report.model = None;
    searching.report.tokens = CallTokens::default();
    let alone = call(&[searching.clone()]).counted();
    assert_eq!((alone.len(), alone[0].calls, alone[0].context_tokens), (1, 0, None));
    searching.report.cost_usd = Some(0.5);
    let whole = call(&[searching]).counted();
    assert_eq!(
        (whole.len(), whole[0].cost_nanos),
        (1, Some(500_000_000)),
        "a stated cost is of all"
    );
}

#[test]
fn what_has_to_run_in_one_place_costs_a_tenth_more() {
    let mut there = account("m1", "r1");
    let anywhere = call(std::slice::from_ref(&there)).counted()[0].cost_nanos.unwrap();
    there.report.inference_geo = Some("not_available".to_owned());
    assert_eq!(
        call(std::slice::from_ref(&there)).counted()[0].cost_nanos,
        Some(anywhere)
    );
    there.report.inference_geo = Some("us".to_owned());
    assert_eq!(call(&[there]).counted()[0].cost_nanos, Some(anywhere * 11 / 10));
}

#[test]
fn a_call_is_disputed_when_the_tokens_agree_and_the_prices_do_not() {
    let said = account("m1", "r1");
    let nanos = call(std::slice::from_ref(&said)).counted()[0].cost_nanos.unwrap();
    for (usd, disputed) in [
        (nanos as f64 / 1e9, false),
        (nanos as f64 / 1e9 + 4e-7, false),
        (1.0, true),
    ] {
        let mut other = telemetry("r1");
        other.report.cost_usd = Some(usd);
        assert_eq!(call(&[said.clone(), other]).counted()[0].disputed, disputed, "{usd}");
    }
}
