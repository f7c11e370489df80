//! Calls come and go between memory and the disk, and count once all the same: across restarts and crashes, when there are
//! more than may be in memory, when the disk cannot keep up, in any order and in any slices.

use forgecast_hub::Options;
use forgecast_protocol::event::{CallReported, UsageSource};
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::{Batch, Fact, SourceKind, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::accounts::*;
use crate::bench::{Bench, eventually, named, options, phase};

const DAY_MS: i64 = 86_400_000;

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
async fn a_call_of_more_tokens_than_any_has_is_a_problem_and_counts_nothing() {
    let bench = Bench::new().await;
    let subject = transcript("t1", "/p/app");
    let feed = async |message: &str, output: u64| {
        let call = Fact::CallReported(call(message, "", output));
        let told = told(SourceKind::Transcript, subject.clone(), bench.clock.now(), call);
        bench.feed(Batch::of(told)).await;
    };
    feed("m1", 5).await;
    feed("m2", i64::MAX as u64).await;
    feed("m3", u64::MAX).await;
    feed("m4", 7).await;
    received(&bench, 4).await;
    assert_conserved(&bench);
    assert_eq!(bench.hub.counters().rejected.get("implausible"), Some(&2));
    let (_, view) = bench.view("t1").await.unwrap();
    assert_eq!(view["usage"]["output"], 12);
    let problems = view["problems"].as_object().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let message = problems.values().next().unwrap()["message"].as_str().unwrap();
    assert!(message.contains("expected at most 1000000000"), "{message}");
    let report = report(&bench, GroupBy::Session).await;
    assert_eq!(report.totals.tokens.output, 12);
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

#[tokio::test]
async fn the_context_window_is_the_records_else_the_models_else_assumed() {
    let bench = Bench::new().await;
    let window = async |name: &str, model: &str, stated: Option<u64>| {
        let mut made = call(name, &format!("of {name}"), 10);
        made.model = Some(model.to_owned());
        made.context_window = stated;
        let fact = Fact::CallReported(made);
        bench
            .hub
            .push(line(&bench, &transcript(name, "/p"), fact))
            .await
            .unwrap();
        let context = bench.view(name).await.unwrap().1["usage"]["context"].clone();
        (
            context["limit"].as_u64().unwrap(),
            context["limit_from"].as_str().map(str::to_owned),
        )
    };
    assert_eq!(
        window("t1", "gpt-5.4", Some(258_400)).await,
        (258_400, Some("record".to_owned()))
    );
    assert_eq!(
        window("t2", "claude-opus-4-8", None).await,
        (1_000_000, Some("model".to_owned()))
    );
    assert_eq!(window("t3", "someones-own-model", None).await, (200_000, None));
    bench.stop().await;
}
