//! What is in memory, what leaves it, and what time does without a fact.

use forgecast_hub::{From, LogQuery, Options, Reason};
use forgecast_protocol::event::{CompletionBasis, CompletionReported};
use forgecast_protocol::rest::SessionsQuery;
use forgecast_protocol::{Batch, Fact, SessionRef, SourceKind};
use forgecast_session::Limits;

use crate::bench::{Bench, agent, eventually, log, named, named_in, options, phase};

pub(crate) fn completed() -> Fact {
    Fact::CompletionReported(CompletionReported {
        success: Some(true),
        ..CompletionReported::of(CompletionBasis::Reported)
    })
}

#[tokio::test]
async fn sessions_that_nobody_needs_leave_memory_and_come_back_as_they_were() {
    let options = Options {
        idle_unfinished: 2,
        idle_finished: 1,
        ..options()
    };
    let bench = Bench::with(options).await;
    for number in 0..20 {
        let name = format!("s{number}");
        bench.fact(named(&name), phase("Scout", "begins")).await;
        if number % 2 == 0 {
            bench.fact(named(&name), completed()).await;
        }
    }
    bench.wait_for("s19", "begins").await;
    let mut viewer = bench.viewer("session/s7").await;
    viewer.next().await;
    let before = bench.view("s4").await.unwrap();
    eventually(async || bench.hub.counters().sessions_in_memory == 4).await;
    assert_eq!(bench.view("s4").await.unwrap(), before);
    for number in 0..20 {
        bench.fact(named(&format!("s{number}")), agent("a", 1.0)).await;
    }
    for number in 0..20 {
        bench.wait_for(&format!("s{number}"), "\"a\"").await;
    }
    viewer.until(|viewer| viewer.state["agents"]["a"].is_object()).await;
    viewer.assert_true();
    assert!(bench.hub.counters().activations > 0);
    bench.stop().await;
}

#[tokio::test]
async fn facts_of_a_session_that_is_being_loaded_keep_their_order_and_others_pass() {
    let mut bench = Bench::new().await;
    for number in 0..10 {
        bench
            .fact(
                named_in(&format!("s{number}"), &format!("/p/s{number}")),
                phase("Scout", "old"),
            )
            .await;
    }
    bench.wait_for("s9", "old").await;
    bench = bench.restart().await;
    for step in 0..30 {
        for number in 0..10 {
            let subject = named_in(&format!("s{number}"), &format!("/p/s{number}"));
            bench.fact(subject, phase("Scout", &format!("step {step}"))).await;
        }
    }
    for number in 0..10 {
        bench.wait_for(&format!("s{number}"), "step 29").await;
        assert_eq!(
            bench.view(&format!("s{number}")).await.unwrap().0,
            31,
            "every step was a revision"
        );
    }
    bench.stop().await;
}

#[tokio::test]
async fn silence_gets_a_meaning_when_its_time_comes_also_across_a_restart() {
    let limits = Limits {
        stalled_ms: 60_000,
        abandoned_ms: 120_000,
        settled_ms: 10_000,
        ..Limits::default()
    };
    let mut bench = Bench::with(Options { limits, ..options() }).await;
    bench.fact(named("app"), phase("Builder", "works")).await;
    bench.wait_for("app", "works").await;
    let mut viewer = bench.viewer("session/app").await;
    viewer.next().await;
    assert_eq!(viewer.state["status"], "running");
    bench.clock.jump(61_000);
    viewer.until(|viewer| viewer.state["status"] == "stalled").await;
    bench = bench.restart().await;
    bench.clock.jump(61_000);
    viewer.resume(&bench).await;
    viewer.until(|viewer| viewer.state["status"] == "abandoned").await;
    assert_eq!(viewer.snapshots, 1);
    viewer.assert_true();
    assert!(bench.hub.counters().internal > 0);
    bench.fact(named("app"), phase("Builder", "works again")).await;
    viewer.until(|viewer| viewer.state["status"] == "running").await;
    bench.stop().await;
}

#[tokio::test]
async fn a_clock_that_jumps_makes_no_negative_duration_and_no_false_silence() {
    let bench = Bench::new().await;
    let hour = 3_600_000;
    for jump in [hour, -hour, -24 * hour, 24 * hour, -hour] {
        bench.clock.jump(jump);
        for name in ["Scout", "Architect", "Builder", "Test"] {
            bench.fact(named("app"), phase(name, &format!("{name} {jump}"))).await;
        }
        bench.wait_for("app", &format!("Test {jump}")).await;
        let (_, view) = bench.view("app").await.unwrap();
        assert_eq!(view["status"], "running");
        for phase in view["phases"].as_object().unwrap().values() {
            let (begin, end) = (phase["started_at"].as_str(), phase["ended_at"].as_str());
            if let (Some(begin), Some(end)) = (begin, end) {
                assert!(begin <= end, "{view:#}");
            }
        }
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_finished_run_teaches_the_next_one_of_the_project_what_to_expect() {
    let mut bench = Bench::new().await;
    for run in 0..4 {
        for (name, minutes) in [("Scout", 5), ("Architect", 10), ("Builder", 30), ("Test", 10)] {
            bench
                .fact(named_in("app", "/p/app"), phase(name, &format!("run {run}")))
                .await;
            bench.wait_for("app", &format!("run {run}")).await;
            bench.clock.jump(minutes * 60_000);
        }
        bench.fact(named_in("app", "/p/app"), completed()).await;
        bench.wait_for("app", "\"completed\"").await;
        bench.clock.jump(60_000);
        if run == 1 {
            bench = bench.restart().await;
        }
    }
    bench
        .fact(named_in("app", "/p/app"), phase("Scout", "the next one"))
        .await;
    bench.wait_for("app", "the next one").await;
    let runs = bench.hub.resolve(&"app".parse().unwrap()).unwrap().run();
    let (_, view) = bench.view("app").await.unwrap();
    assert!(runs > 1 && view["estimate"].is_object(), "run {runs}: {view:#}");
    bench.stop().await;
}

#[tokio::test]
async fn the_oldest_finished_session_makes_room_and_unfinished_ones_stay() {
    let bench = Bench::with(Options {
        max_sessions: 5,
        ..options()
    })
    .await;
    for number in 0..5 {
        let name = format!("s{number}");
        bench.fact(named(&name), phase("Scout", "x")).await;
        if number < 2 {
            bench.fact(named(&name), completed()).await;
        }
    }
    for number in 5..8 {
        bench.fact(named(&format!("s{number}")), phase("Scout", "x")).await;
    }
    eventually(async || bench.hub.counters().received == 10).await;
    let counters = bench.hub.counters();
    assert_eq!(
        (counters.evictions, counters.rejected.get("too_many_sessions")),
        (2, Some(&1))
    );
    eventually(async || {
        let index = bench.hub.index().await;
        let index = String::from_utf8_lossy(&index.json);
        !index.contains("s0~1") && index.contains("s2~1")
    })
    .await;
    bench.stop().await;
}

#[tokio::test]
async fn any_number_of_names_may_come_one_after_the_other_also_across_a_restart() {
    let mut bench = Bench::with(Options {
        max_sessions: 5,
        ..options()
    })
    .await;
    for number in 0..40 {
        let name = format!("s{number}");
        bench.fact(named(&name), phase("Scout", "x")).await;
        bench.fact(named(&name), completed()).await;
    }
    bench.fact(named("s0"), phase("Scout", "again")).await;
    bench.wait_for("s0~2", "again").await;
    bench = bench.restart().await;
    bench.fact(named("s7"), phase("Scout", "after the restart")).await;
    bench.wait_for("s7~2", "after the restart").await;
    bench.fact(named_in("app", "/p/app"), phase("Scout", "a build")).await;
    bench.wait_for("app~1", "a build").await;
    assert_eq!(bench.hub.counters().rejected.get("too_many_sessions"), None);
    bench.stop().await;
}

#[tokio::test]
async fn no_id_is_used_again_when_retention_or_a_person_removed_its_session() {
    let mut bench = Bench::new().await;
    bench.fact(named("app"), phase("Scout", "x")).await;
    bench.wait_for("app", "x").await;
    assert!(bench.hub.forget(&"app~1".parse().unwrap()).await.unwrap());
    bench = bench.restart().await;
    assert!(bench.view("app~1").await.is_none());
    bench.fact(named("app"), phase("Scout", "y")).await;
    bench.wait_for("app~2", "y").await;
    bench.stop().await;
}

#[tokio::test]
async fn a_session_that_left_memory_is_reached_like_any_other() {
    let bench = Bench::with(Options {
        max_sessions: 3,
        ..options()
    })
    .await;
    for number in 0..6 {
        let name = format!("s{number}");
        bench.fact(named(&name), phase("Scout", &name)).await;
        let chunk = log(named(&name), bench.clock.now(), &["a line"]);
        bench
            .feed(Batch {
                logs: vec![chunk],
                ..Batch::default()
            })
            .await;
        bench.fact(named(&name), completed()).await;
    }
    eventually(async || bench.hub.counters().evictions == 3).await;
    let listed = bench.hub.rows(SessionsQuery::default()).await.unwrap();
    assert_eq!(listed.sessions.len(), 6);
    for row in &listed.sessions {
        let id: SessionRef = row.id.clone().into();
        let whole = LogQuery {
            from: From::Offset(0),
            limit: 10,
            level: None,
            text: None,
        };
        assert_eq!(bench.hub.log(&id, whole).await.unwrap().unwrap().lines.len(), 1, "{id}");
        assert!(!bench.hub.events(&id, 0, 10).await.unwrap().unwrap().is_empty(), "{id}");
        assert!(bench.hub.export(&id).await.unwrap().is_some(), "{id}");
        assert!(bench.hub.timeline(&id, 0, 10).await.unwrap().is_some(), "{id}");
        let (_, view) = bench.view(&id.to_string()).await.unwrap();
        assert_eq!(view["status"], "completed", "{id}");
        let mut viewer = bench.viewer(&format!("session/{id}")).await;
        viewer.next().await;
        assert_eq!(viewer.state["name"], row.name.as_str());
    }
    // By its name as well, and facts go on where they would have gone.
    assert_eq!(bench.view("s1").await.unwrap().1["id"], "s1~1");
    bench.fact(named("s1"), phase("Scout", "the next run")).await;
    bench.wait_for("s1~2", "the next run").await;
    assert!(bench.hub.forget(&"s0".parse().unwrap()).await.unwrap());
    assert!(bench.view("s0").await.is_none());
    assert!(bench.hub.rows(SessionsQuery::default()).await.unwrap().sessions.len() >= 6);
    bench.stop().await;
}

#[tokio::test]
async fn pushed_sessions_that_never_end_keep_neither_builds_nor_other_producers_out() {
    let bench = Bench::with(Options {
        max_sessions: 8,
        ..options()
    })
    .await;
    let push = async |who: &str, name: &str| {
        let mut event = bench.event(named(name), phase("Scout", "x"));
        event.origin.kind = SourceKind::Push;
        let receipt = bench.hub.push_by(who, Batch::of(event)).await.unwrap();
        receipt.rejected.first().map(|one| one.reason)
    };
    for number in 0..8 {
        let refused = (number >= 4).then_some(Reason::TooManyPushed);
        assert_eq!(push("one", &format!("one{number}")).await, refused, "{number}");
    }
    for number in 0..4 {
        let refused = (number >= 2).then_some(Reason::TooManyPushed);
        assert_eq!(push("other", &format!("other{number}")).await, refused, "{number}");
    }
    let index = || bench.hub.index();
    eventually(async || {
        String::from_utf8_lossy(&index().await.json).contains("sessions that were pushed are unfinished")
    })
    .await;
    bench.fact(named_in("app", "/p/app"), phase("Scout", "a build")).await;
    bench.wait_for("app", "a build").await;
    let places = bench.hub.session_places();
    assert_eq!((places.unfinished, places.max, places.full), (7, 8, false));
    assert!(places.refused.is_some());
    bench.fact(named("one0"), completed()).await;
    eventually(async || bench.hub.session_places().refused.is_none()).await;
    assert_eq!(push("one", "one8").await, None);
    bench.stop().await;
}

#[tokio::test]
async fn ten_thousand_known_sessions_start_as_rows_only() {
    let mut bench = Bench::with(Options {
        idle_unfinished: 16,
        idle_finished: 16,
        ..options()
    })
    .await;
    for chunk in 0..100 {
        let events = (0..100).flat_map(|number| {
            let name = format!("s{chunk}-{number}");
            [
                bench.event(named(&name), phase("Scout", "x")),
                bench.event(named(&name), completed()),
            ]
        });
        let batch = Batch {
            events: events.collect(),
            ..Batch::default()
        };
        bench.feed(batch).await;
    }
    eventually(async || bench.hub.counters().applied == 20_000).await;
    bench = bench.restart().await;
    let counters = bench.hub.counters();
    assert_eq!((counters.sessions, counters.sessions_in_memory), (10_000, 0));
    bench.view("s3-7").await.unwrap();
    bench.stop().await;
}
