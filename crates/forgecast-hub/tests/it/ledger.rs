//! A call to a model counts once: however often it is told, and by whom. What counts, for whom, when and for which phase.

use forgecast_hub::Options;
use forgecast_protocol::event::{TokenDelta, UsageRecorded, UsageSource};
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::session::AgentTotal;
use forgecast_protocol::{Batch, Event, Fact, SourceKind, Timestamp};
use serde_json::json;

use crate::accounts::*;
use crate::bench::{Bench, options, phase, pushed};

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

/// Telemetry behind a gateway that passes on no id of the request.
fn unnamed(bench: &Bench, id: &str, tokens: u64) -> Batch {
    let mut report = call("", "", tokens);
    report.source = UsageSource::Otel;
    report.cost_usd = Some(0.25);
    let subject = transcript("t1", "/p/app");
    let mut event = told(SourceKind::Otlp, subject, bench.clock.now(), Fact::CallReported(report));
    event.id = Some(id.parse().unwrap());
    Batch::of(event)
}

#[tokio::test]
async fn telemetry_without_requests_counts_until_a_transcript_tells_of_the_session() {
    let bench = Bench::new().await;
    for (id, tokens) in [("one", 30), ("two", 20), ("one", 30)] {
        bench.hub.push(unnamed(&bench, id, tokens)).await.unwrap();
    }
    settled(&bench).await;
    let before = usage(&bench, "t1").await;
    assert_eq!(amount(&before), (50, 50, 2), "what is sent again is known");
    assert_eq!(
        (&before["cost_usd"], &before["provenance"]),
        (&json!(0.5), &json!(["otel"]))
    );
    assert_views_add_up(&bench, &["t1"]).await;
    // Some of it names requests.
    let mut named = call("", "r9", 5);
    named.source = UsageSource::Otel;
    let subject = transcript("t1", "/p/app");
    let event = told(
        SourceKind::Otlp,
        subject.clone(),
        bench.clock.now(),
        Fact::CallReported(named),
    );
    bench.hub.push(Batch::of(event)).await.unwrap();
    settled(&bench).await;
    assert_eq!(amount(&usage(&bench, "t1").await), (55, 55, 3));
    assert_views_add_up(&bench, &["t1"]).await;
    // The transcript tells of the same calls.
    for (message, request, tokens) in [("m1", "r1", 30), ("m2", "r2", 20), ("m9", "r9", 5)] {
        let fact = Fact::CallReported(call(message, request, tokens));
        bench.feed(line(&bench, &subject, fact)).await;
    }
    settled(&bench).await;
    bench.hub.push(unnamed(&bench, "three", 7)).await.unwrap();
    settled(&bench).await;
    let after = usage(&bench, "t1").await;
    assert_eq!(amount(&after), (55, 55, 3));
    assert_eq!(after["by_source"]["otel"]["calls"], 4, "what does not count is shown");
    assert_eq!(after["by_source"]["transcript"]["calls"], 3);
    assert_views_add_up(&bench, &["t1"]).await;
    bench.stop().await;
}

#[tokio::test]
async fn what_agents_say_of_their_sessions_stands_beside_what_was_counted_of_them() {
    let bench = Bench::new().await;
    for (session, output) in [("t1", 10), ("t2", 20)] {
        let subject = transcript(session, "/p/app");
        let fact = Fact::CallReported(call(&format!("m-{session}"), "", output));
        bench.feed(line(&bench, &subject, fact)).await;
    }
    let subject = transcript("t1", "/p/app");
    for cost_usd in [0.25, 0.5] {
        let total = UsageRecorded {
            agent_total: Some(AgentTotal {
                cost_usd: Some(cost_usd),
                ..AgentTotal::default()
            }),
            ..UsageRecorded::default()
        };
        bench.feed(line(&bench, &subject, Fact::UsageRecorded(total))).await;
    }
    received(&bench, 4).await;
    let counted = usage(&bench, "t1").await;
    assert_eq!(counted["agent_total"]["cost_usd"], 0.5);
    let report = report(&bench, GroupBy::Day).await;
    let totals = report.agent_totals.unwrap();
    assert_eq!((totals.sessions, totals.cost_usd), (1, 0.5));
    assert_eq!(json!(totals.counted_usd), counted["cost_usd"]);
    assert_views_add_up(&bench, &["t1", "t2"]).await;
    bench.stop().await;
}
