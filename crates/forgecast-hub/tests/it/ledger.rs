//! A call to a model counts once: however often it is told, by whom, in which order, and whatever ends in between.

use forgecast_hub::Options;
use forgecast_protocol::event::{CallReported, TokenDelta, UsageRecorded, UsageSource};
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::{Batch, Event, Fact, SourceKind, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::json;

use crate::accounts::*;
use crate::bench::{Bench, eventually, named, options, phase, pushed};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn a_call_that_grows_counts_its_last_total() {
    let bench = Bench::new().await;
    let subject = transcript("t1", "/p/app");
    for (number, tokens) in [3, 10, 10, 7, 40].into_iter().enumerate() {
        bench
            .feed(line(&bench, &subject, Fact::CallReported(call("m1", "r1", tokens))))
            .await;
        received(&bench, number as u64 + 1).await;
    }
    let usage = usage(&bench, "t1").await;
    assert_eq!(amount(&usage), (40, 40, 1));
    assert_eq!(usage["cost_usd"], json!(0.0012));
    assert_eq!(usage["by_model"][MODEL]["output"], 40);
    assert_eq!(usage["context"]["used"], 40);
    let counters = bench.hub.counters();
    assert_eq!((counters.applied, counters.duplicate), (3, 2));
    assert_views_add_up(&bench, &["t1"]).await;
    bench.stop().await;
}

fn by_three(bench: &Bench) -> [Event; 3] {
    let subject = transcript("t1", "/p/app");
    let mut of_transcript = call("m1", "r1", 50);
    of_transcript.tools = vec!["toolu_1".into()];
    let mut of_telemetry = call("", "r1", 50);
    of_telemetry.source = UsageSource::Otel;
    of_telemetry.cost_usd = Some(0.0015);
    let event = |kind, fact| told(kind, subject.clone(), bench.clock.now(), fact);
    [
        event(SourceKind::Transcript, Fact::CallReported(of_transcript)),
        event(SourceKind::Otlp, Fact::CallReported(of_telemetry)),
        event(SourceKind::Hook, tool("toolu_1")),
    ]
}

#[tokio::test]
async fn a_call_told_by_transcript_telemetry_and_hook_counts_once_in_every_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for in_one in [false, true] {
            let bench = Bench::new().await;
            let told = by_three(&bench);
            let events = order.map(|index| told[index].clone());
            if in_one {
                let batch = Batch {
                    events: events.into(),
                    ..Batch::default()
                };
                bench.feed(batch).await;
            } else {
                for event in events {
                    bench.feed(Batch::of(event)).await;
                }
            }
            received(&bench, 3).await;
            let usage = usage(&bench, "t1").await;
            assert_eq!(amount(&usage), (50, 50, 1), "{order:?}");
            assert_eq!(usage["provenance"], json!(["transcript", "otel", "hook"]), "{order:?}");
            assert_eq!(usage["by_source"]["otel"]["input"], 50);
            assert_eq!(usage["disputed_calls"], 0);
            assert_views_add_up(&bench, &["t1"]).await;
            bench.stop().await;
        }
    }
}

#[tokio::test]
async fn accounts_that_differ_are_shown_side_by_side_and_never_added() {
    let bench = Bench::new().await;
    let [mut of_transcript, of_telemetry, _] = by_three(&bench);
    of_transcript.fact = Fact::CallReported(call("m1", "r1", 70));
    for event in [of_telemetry, of_transcript] {
        bench.feed(Batch::of(event)).await;
    }
    received(&bench, 2).await;
    let usage = usage(&bench, "t1").await;
    assert_eq!(amount(&usage), (70, 70, 1));
    assert_eq!(usage["disputed_calls"], 1);
    assert_eq!(usage["by_source"]["transcript"]["output"], 70);
    assert_eq!(usage["by_source"]["otel"]["output"], 50);
    bench.stop().await;
}

#[tokio::test]
async fn a_hook_confirms_a_call_that_left_memory_long_ago() {
    let bench = Bench::with(Options {
        calls_in_memory: 1,
        ..options()
    })
    .await;
    let [of_transcript, _, hook] = by_three(&bench);
    bench.feed(Batch::of(of_transcript)).await;
    received(&bench, 1).await;
    for number in 0..3_000u64 {
        let fact = Fact::CallReported(call(&format!("x{number}"), "", 1));
        bench.feed(line(&bench, &transcript("t2", ""), fact)).await;
    }
    received(&bench, 3_001).await;
    assert!(bench.hub.counters().calls_evicted > 0);
    bench.feed(Batch::of(hook)).await;
    received(&bench, 3_002).await;
    assert_eq!(usage(&bench, "t1").await["provenance"], json!(["transcript", "hook"]));
    bench.stop().await;
}

/// Many calls of some sessions as batches, as a scan of an archive would give them.
fn archive(bench: &Bench) -> Vec<Batch> {
    let batch = |number: u64| {
        let events = (0..40).map(|index| {
            let id = number * 25 + index;
            let mut told_call = call(&format!("m{id}"), &format!("r{id}"), 1 + id % 7 + number % 3);
            told_call.used_at = Some(Timestamp::from_millis(
                1_799_000_000_000 + i64::try_from(id).unwrap() * 10_000_000,
            ));
            told_call.offset = id;
            let subject = transcript(&format!("t{}", number % 4), "");
            told(
                SourceKind::Transcript,
                subject,
                bench.clock.now(),
                Fact::CallReported(told_call),
            )
        });
        Batch {
            events: events.collect(),
            ..Batch::default()
        }
    };
    (0..60).map(batch).collect()
}

const ARCHIVE_SESSIONS: [&str; 4] = ["t0", "t1", "t2", "t3"];
/// 59 steps of 25 calls and the last 40.
const ARCHIVE_CALLS: u64 = 59 * 25 + 40;

#[tokio::test]
async fn neither_a_crash_nor_a_restart_loses_a_call_or_counts_one_twice() {
    let mut bench = Bench::with(Options {
        calls_in_memory: 64,
        ..options()
    })
    .await;
    let batches = archive(&bench);
    let mut seen = None;
    for (round, upto) in [20, 45, 60, 60].into_iter().enumerate() {
        for batch in &batches[..upto] {
            bench.feed(batch.clone()).await;
        }
        // The first one ends in the middle of it, wherever that is.
        if round > 0 {
            received(&bench, 40 * upto as u64).await;
            assert_conserved(&bench);
            assert_views_add_up(&bench, &ARCHIVE_SESSIONS).await;
        }
        bench = if round % 2 == 0 {
            bench.crash().await
        } else {
            bench.restart().await
        };
        if round >= 2 {
            let report = report(&bench, GroupBy::Session).await;
            assert_eq!(report.totals.calls, ARCHIVE_CALLS);
            let rows = report.rows;
            assert!(seen.replace(rows.clone()).is_none_or(|seen| seen == rows));
        }
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_disk_that_cannot_keep_up_costs_facts_and_no_calls() {
    // Nothing may be on its way: whatever comes while a commit runs collapses.
    let mut bench = Bench::with(Options {
        max_backlog_bytes: 0,
        calls_in_memory: 16,
        ..options()
    })
    .await;
    let batches = archive(&bench);
    for (round, upto) in [30, 60, 60].into_iter().enumerate() {
        for batch in &batches[..upto] {
            bench.feed(batch.clone()).await;
        }
        eventually(async || bench.hub.counters().received >= 40 * upto as u64).await;
        if round == 0 {
            bench = bench.crash().await;
            continue;
        }
        let mut views = Vec::new();
        for session in ARCHIVE_SESSIONS {
            views.push(bench.view(session).await);
        }
        bench = bench.restart().await;
        for (session, view) in ARCHIVE_SESSIONS.iter().zip(views) {
            assert_eq!(bench.view(session).await, view);
        }
        assert_eq!(report(&bench, GroupBy::Day).await.totals.calls, ARCHIVE_CALLS);
        assert_views_add_up(&bench, &ARCHIVE_SESSIONS).await;
    }
    bench.stop().await;
}

#[tokio::test]
async fn what_may_be_in_memory_is_bounded_and_what_left_it_is_known_all_the_same() {
    let bench = Bench::with(Options {
        calls_in_memory: 50,
        ..options()
    })
    .await;
    let subject = transcript("t1", "");
    let told_all = |tokens: u64| {
        let batches = (0..200u64).map(move |batch| {
            let ids = (0..50).map(move |index| batch * 50 + index);
            ids.map(|id| call(&format!("m{id}"), &format!("r{id}"), tokens))
                .collect::<Vec<_>>()
        });
        batches.collect::<Vec<_>>()
    };
    for (round, tokens) in [2, 1, 3].into_iter().enumerate() {
        for calls in told_all(tokens) {
            let events = calls.into_iter().map(|call| {
                told(
                    SourceKind::Transcript,
                    subject.clone(),
                    bench.clock.now(),
                    Fact::CallReported(call),
                )
            });
            let batch = Batch {
                events: events.collect(),
                ..Batch::default()
            };
            bench.feed(batch).await;
        }
        received(&bench, (round as u64 + 1) * 10_000).await;
    }
    assert_eq!(amount(&usage(&bench, "t1").await), (30_000, 30_000, 10_000));
    let counters = bench.hub.counters();
    assert_eq!((counters.applied, counters.duplicate), (20_000, 10_000));
    assert!(counters.calls_evicted >= 28_000, "{}", counters.calls_evicted);
    eventually(async || bench.hub.counters().calls_in_memory <= 50).await;
    assert_views_add_up(&bench, &["t1"]).await;
    bench.stop().await;
}

#[tokio::test]
async fn history_counts_the_calls_of_more_sessions_than_there_may_be() {
    let mut bench = Bench::with(Options {
        max_sessions: 10,
        calls_in_memory: 20,
        ..options()
    })
    .await;
    for number in 0..300u64 {
        let mut old = call(&format!("m{number}"), "", 1);
        old.used_at = Some(Timestamp::from_millis(1_700_000_000_000));
        let subject = transcript(&format!("t{number}"), "/p/app");
        let mut told = told(
            SourceKind::Transcript,
            subject,
            bench.clock.now(),
            Fact::CallReported(old),
        );
        told.origin.first_sight = true;
        told.origin.modified_at = Some(Timestamp::from_millis(1_700_000_000_000));
        bench.feed(Batch::of(told)).await;
    }
    received(&bench, 300).await;
    assert_conserved(&bench);
    let counters = bench.hub.counters();
    assert_eq!(
        (counters.applied, counters.sessions <= 10),
        (300, true),
        "{counters:#?}"
    );
    for _ in 0..2 {
        let report = report(&bench, GroupBy::Session).await;
        assert_eq!((report.rows.len(), report.totals.calls), (300, 300));
        bench = bench.restart().await;
    }
    bench.stop().await;
}

#[tokio::test]
async fn facts_behind_a_call_that_is_looked_up_keep_their_order_and_others_pass() {
    let mut bench = Bench::new().await;
    let subject = transcript("t1", "/p/app");
    bench
        .feed(Batch::of(
            bench.event(crate::bench::folder("/p/app"), phase("Scout", "begins")),
        ))
        .await;
    for number in 0..50 {
        bench
            .feed(line(
                &bench,
                &subject,
                Fact::CallReported(call(&format!("m{number}"), "", 1)),
            ))
            .await;
    }
    received(&bench, 51).await;
    bench = bench.restart().await;
    for number in 0..50u64 {
        bench
            .feed(line(
                &bench,
                &subject,
                Fact::CallReported(call(&format!("m{number}"), "", number + 2)),
            ))
            .await;
        let detail = format!("step {number}");
        bench
            .fact(crate::bench::folder("/p/app"), phase("Scout", &detail))
            .await;
        bench.fact(named("other"), phase("Scout", &detail)).await;
    }
    bench.wait_for("app", "step 49").await;
    bench.wait_for("other", "step 49").await;
    let (revision, view) = bench.view("app").await.unwrap();
    let expected: u64 = (0..50).map(|number| number + 2).sum();
    assert_eq!(amount(&view["usage"]), (expected, expected, 50));
    assert_eq!(revision, 51 + 100, "every fact was a revision");
    assert_eq!(bench.view("other").await.unwrap().0, 50);
    bench.stop().await;
}

#[tokio::test]
async fn who_pushes_nothing_is_answered_when_everything_before_it_is_folded() {
    let mut bench = Bench::new().await;
    for round in 1..20u64 {
        for number in 0..30 {
            let fact = Fact::CallReported(call(&format!("m{number}"), "", round));
            bench.feed(line(&bench, &transcript("t1", "/p/app"), fact)).await;
        }
        settled(&bench).await;
        assert_eq!(amount(&usage(&bench, "t1").await), (30 * round, 30 * round, 30));
        if round % 5 == 0 {
            bench = bench.restart().await;
        }
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_call_whose_better_account_is_anothers_moves_there() {
    let mut bench = Bench::new().await;
    let (first, second) = (transcript("t1", ""), transcript("t2", ""));
    let mut aside = call("m1", "r2", 90);
    aside.call.sidechain = true;
    aside.agent = Some("a1".into());
    bench.feed(line(&bench, &first, Fact::CallReported(aside))).await;
    received(&bench, 1).await;
    assert_eq!(amount(&usage(&bench, "t1").await), (90, 90, 1));
    // The session with the call is neither in memory nor the one that is spoken of.
    bench = bench.restart().await;
    bench
        .feed(line(&bench, &second, Fact::CallReported(call("m1", "r1", 30))))
        .await;
    received(&bench, 1).await;
    assert_eq!(amount(&usage(&bench, "t1").await), (0, 0, 0));
    assert_eq!(amount(&usage(&bench, "t2").await), (30, 30, 1));
    assert_views_add_up(&bench, &["t1", "t2"]).await;
    let sessions = report(&bench, GroupBy::Session).await.rows;
    let keys: Vec<_> = sessions.iter().map(forgecast_protocol::report::UsageRow::key).collect();
    assert_eq!(keys, ["t2"]);
    bench.stop().await;
}

#[tokio::test]
async fn a_session_that_repeats_anothers_messages_is_there_and_has_used_nothing() {
    let bench = Bench::new().await;
    for name in ["t1", "t2"] {
        let fact = Fact::CallReported(call("m1", "r1", 30));
        bench.feed(line(&bench, &transcript(name, ""), fact)).await;
    }
    received(&bench, 2).await;
    assert_eq!(amount(&usage(&bench, "t1").await), (30, 30, 1));
    assert!(bench.view("t2").await.is_some());
    assert_eq!(amount(&usage(&bench, "t2").await), (0, 0, 0));
    assert_eq!(bench.view("t2").await.unwrap().1["source"], "transcript");
    bench.restart().await.stop().await;
}

#[tokio::test]
async fn a_call_belongs_to_one_day_as_a_whole() {
    let bench = Bench::new().await;
    let midnight = (bench.clock.now().as_millis() / DAY_MS) * DAY_MS;
    for (millis, tokens) in [(-1, 10), (1, 25)] {
        let mut told_call = call("m1", "r1", tokens);
        told_call.used_at = Some(Timestamp::from_millis(midnight + millis));
        bench
            .feed(line(&bench, &transcript("t1", ""), Fact::CallReported(told_call)))
            .await;
    }
    received(&bench, 2).await;
    let days = report(&bench, GroupBy::Day).await.rows;
    let amounts: Vec<_> = days
        .iter()
        .map(|day| (day.amount.tokens.input, day.amount.calls))
        .collect();
    assert_eq!(amounts, [(25, 1)]);
    assert_eq!(amount(&usage(&bench, "t1").await), (25, 25, 1));
    bench.stop().await;
}

#[tokio::test]
async fn what_a_producer_says_counts_until_a_better_source_names_calls() {
    let bench = Bench::new().await;
    let said = |id: &str| {
        let fact = Fact::UsageRecorded(UsageRecorded {
            tokens: TokenDelta {
                input: 500,
                output: 500,
                ..TokenDelta::default()
            },
            cost_usd: Some(2.0),
            calls: 1,
            ..UsageRecorded::default()
        });
        pushed(id, crate::bench::named_in("app", "/p/app"), bench.clock.now(), fact)
    };
    bench.hub.push(Batch::of(said("one"))).await.unwrap();
    assert_eq!(amount(&usage(&bench, "app").await), (500, 500, 1));
    assert_views_add_up(&bench, &["app"]).await;
    bench
        .fact(crate::bench::folder("/p/app"), phase("Builder", "works"))
        .await;
    let fact = Fact::CallReported(call("m1", "r1", 30));
    bench.feed(line(&bench, &transcript("t1", "/p/app"), fact)).await;
    received(&bench, 3).await;
    bench.hub.push(Batch::of(said("two"))).await.unwrap();
    assert_eq!(amount(&usage(&bench, "app").await), (30, 30, 1));
    assert_views_add_up(&bench, &["app"]).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_call_counts_for_the_phase_in_which_it_was_made() {
    let bench = Bench::new().await;
    let (build, agent) = (crate::bench::folder("/p/app"), transcript("t1", "/p/app"));
    bench.fact(build.clone(), phase("Scout", "begins")).await;
    bench.wait_for("app", "begins").await;
    let in_scout = bench.clock.now();
    bench.clock.jump(60_000);
    bench.fact(build.clone(), phase("Builder", "works")).await;
    for (message, used_at) in [("m1", Some(in_scout)), ("m2", None)] {
        let mut told_call = call(message, "", 10);
        told_call.used_at = used_at;
        bench.feed(line(&bench, &agent, Fact::CallReported(told_call))).await;
    }
    received(&bench, 4).await;
    let view = usage(&bench, "app").await;
    assert_eq!(view["by_phase"]["Scout"]["input"], 10, "{view:#}");
    assert_eq!(view["by_phase"]["Builder"]["input"], 10);
    let phases = report(&bench, GroupBy::Phase).await.rows;
    let mut phases: Vec<_> = phases
        .iter()
        .map(|row| (row.key().to_owned(), row.amount.calls))
        .collect();
    phases.sort();
    assert_eq!(phases, [("Builder".to_owned(), 1), ("Scout".to_owned(), 1)]);
    let projects = report(&bench, GroupBy::Project).await.rows;
    assert_eq!(projects[0].key(), "app");
    bench.stop().await;
}

/// One account of a set in which the same few calls are told by several transcripts and by telemetry.
#[derive(Clone, Debug)]
struct Told {
    session: usize,
    report: CallReported,
}

fn account() -> impl Strategy<Value = Told> {
    let ids = (0usize..4, 0usize..6, any::<bool>(), any::<bool>());
    (0usize..3, ids, 1u64..6, 0u64..4, 0i64..3).prop_map(
        |(session, (message, request, sidechain, otel), tokens, offset, day)| {
            let (message, request) = (format!("m{message}"), format!("r{request}"));
            let mut report = call(if otel { "" } else { &message }, &request, tokens);
            report.call.sidechain = sidechain && !otel;
            report.source = if otel {
                UsageSource::Otel
            } else {
                UsageSource::Transcript
            };
            report.offset = offset;
            report.used_at = Some(Timestamp::from_millis(1_800_000_000_000 + day * DAY_MS / 2));
            Told { session, report }
        },
    )
}

/// In batches of these sizes, with an end behind some of them.
fn slices() -> impl Strategy<Value = Vec<(usize, u8)>> {
    proptest::collection::vec((1usize..6, 0u8..8), 40)
}

/// The rows of all reports, and what the sessions' views say.
async fn outcome(accounts: &[Told], slices: &[(usize, u8)]) -> (Vec<String>, Vec<(u64, u64, u64)>) {
    let mut bench = Bench::with(Options {
        calls_in_memory: 2,
        ..options()
    })
    .await;
    let mut rest = accounts;
    let mut slices = slices.iter();
    let mut fed = 0;
    while !rest.is_empty() {
        let (size, end) = slices.next().copied().unwrap_or((3, 9));
        let (now, later) = rest.split_at(size.min(rest.len()));
        let batch = || {
            let events = now.iter().map(|account| {
                let subject = transcript(&format!("t{}", account.session), "");
                let kind = match account.report.source {
                    UsageSource::Otel => SourceKind::Otlp,
                    _ => SourceKind::Transcript,
                };
                told(
                    kind,
                    subject,
                    bench.clock.now(),
                    Fact::CallReported(account.report.clone()),
                )
            });
            Batch {
                events: events.collect(),
                ..Batch::default()
            }
        };
        let batch = batch();
        bench.feed(batch.clone()).await;
        fed += now.len() as u64;
        if end < 2 {
            // What was fed last may be lost with the crash; its source reads it again.
            bench = if end == 0 {
                bench.crash().await
            } else {
                bench.restart().await
            };
            bench.feed(batch).await;
            fed = now.len() as u64;
        }
        received(&bench, fed).await;
        assert_conserved(&bench);
        rest = later;
    }
    let mut rows = Vec::new();
    for group_by in [GroupBy::Day, GroupBy::Model, GroupBy::Session] {
        let report = report(&bench, group_by).await;
        let rows_of_group = report.rows.into_iter().map(|mut row| {
            // When a row was last touched is also by what was taken back.
            row.last_used_at = None;
            serde_json::to_string(&row).unwrap()
        });
        let mut of_group: Vec<String> = rows_of_group.collect();
        of_group.sort();
        rows.extend(of_group);
    }
    let mut views = Vec::new();
    for session in ["t0", "t1", "t2"] {
        views.push(amount(&usage(&bench, session).await));
    }
    assert_views_add_up(&bench, &["t0", "t1", "t2"]).await;
    bench.stop().await;
    (rows, views)
}

proptest! {
    #![proptest_config(Config { cases: 32, ..Config::default() })]

    #[test]
    fn what_counts_is_a_function_of_the_set_of_accounts(
        accounts in proptest::collection::vec(account(), 1..24),
        seed in any::<u64>(),
        one in slices(),
        other in slices(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut shuffled = accounts.clone();
        let mut state = seed | 1;
        for index in (1..shuffled.len()).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            shuffled.swap(index, usize::try_from(state % (index as u64 + 1)).unwrap());
        }
        // Some of them are told twice.
        shuffled.extend(accounts.iter().take(5).cloned());
        runtime.block_on(async {
            let one = outcome(&accounts, &one).await;
            let other = outcome(&shuffled, &other).await;
            assert_eq!(one, other);
        });
    }
}
