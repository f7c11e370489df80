//! What viewers see while things happen.

use forgecast_hub::{FrameKind, Start, SubscribeError};
use forgecast_protocol::event::{ProblemCleared, ProblemFound, SessionSeen};
use forgecast_protocol::{Batch, Fact, Problem, ProblemKind, Subject, Topic};
use serde_json::json;

use crate::bench::{Bench, agent, custom, eventually, folder, log, named, named_in, options, phase, pushed};
use crate::memory::completed;

#[tokio::test]
async fn a_fact_becomes_a_session_that_viewers_see_change() {
    let bench = Bench::new().await;
    bench
        .fact(named_in("weather-app", "/p/weather-app"), phase("Scout", "reading"))
        .await;
    bench.wait_for("weather-app", "reading").await;
    let mut viewer = bench.viewer("session/weather-app").await;
    assert_eq!(viewer.subscription.topic().to_string(), "session/weather-app~1");
    viewer.next().await;
    assert_eq!(viewer.state["phase"]["detail"], "reading");

    bench.fact(folder("/p/weather-app"), phase("Scout", "thinking")).await;
    let delivery = viewer.next().await;
    assert_eq!(delivery.frames.len(), 1, "one change is one frame");
    assert_eq!(delivery.frames[0].kind, FrameKind::Patch);
    assert_eq!(viewer.state["phase"]["detail"], "thinking");
    viewer.assert_true();
    bench.stop().await;
}

#[tokio::test]
async fn a_run_in_whose_place_another_one_begins_is_at_work_no_longer() {
    let mut bench = Bench::new().await;
    let begins = |run: &str| {
        Fact::SessionSeen(SessionSeen {
            run: Some(run.to_owned()),
            ..SessionSeen::default()
        })
    };
    for (number, run) in ["first", "second", "third"].into_iter().enumerate() {
        bench.fact(named_in("app", "/p/app"), begins(run)).await;
        bench.fact(named_in("app", "/p/app"), phase("Builder", run)).await;
        bench.wait_for("app", run).await;
        if run == "second" {
            bench.fact(named_in("app", "/p/app"), completed()).await;
            bench.wait_for("app", "\"completed\"").await;
        }
        let id = bench.hub.resolve(&"app".parse().unwrap()).unwrap();
        assert_eq!(usize::try_from(id.run()).unwrap(), number + 1);
    }
    for _ in 0..2 {
        for (id, status) in [("app~1", "abandoned"), ("app~2", "completed"), ("app~3", "running")] {
            assert_eq!(bench.view(id).await.unwrap().1["status"], status, "{id}");
        }
        bench = bench.restart().await;
    }
    bench.stop().await;
}

#[tokio::test]
async fn what_folds_to_the_same_view_publishes_nothing() {
    let bench = Bench::new().await;
    let fact = agent("a", 50.0);
    let first = bench.event(named("quiet"), fact.clone());
    bench.feed(Batch::of(first.clone())).await;
    bench.wait_for("quiet", "50").await;
    let (revision, view) = bench.view("quiet").await.unwrap();
    bench.feed(Batch::of(first)).await;
    bench.hub.push(Batch::default()).await.unwrap();
    eventually(async || bench.hub.counters().applied == 2).await;
    assert_eq!(bench.view("quiet").await.unwrap(), (revision, view));
    bench.stop().await;
}

#[tokio::test]
async fn the_facts_of_one_batch_are_one_revision() {
    let bench = Bench::new().await;
    bench.fact(named("one"), phase("Scout", "begins")).await;
    bench.wait_for("one", "begins").await;
    let mut viewer = bench.viewer("session/one").await;
    viewer.next().await;
    let events = ["a", "b", "c"].map(|id| bench.event(named("one"), agent(id, 1.0)));
    let batch = Batch {
        events: events.into(),
        ..Batch::default()
    };
    bench.feed(batch).await;
    let before = viewer.revision;
    viewer.next().await;
    assert_eq!(viewer.revision, before + 1);
    assert_eq!(viewer.state["agents"].as_object().unwrap().len(), 3);
    bench.stop().await;
}

#[tokio::test]
async fn a_producers_own_event_goes_out_as_it_came_and_moves_no_revision_of_its_own() {
    let bench = Bench::new().await;
    bench.fact(named("noisy"), phase("Scout", "begins")).await;
    bench.wait_for("noisy", "begins").await;
    let mut viewer = bench.viewer("session/noisy").await;
    viewer.next().await;
    let mut event = pushed("c1", named("noisy"), bench.clock.now(), custom("coffee"));
    if let Fact::Custom(custom) = &mut event.fact {
        custom.data = json!({ "type": "coffee", "session_id": "noisy", "data": { "cups": 2 } });
    }
    bench.hub.push(Batch::of(event)).await.unwrap();
    viewer.until(|viewer| !viewer.events.is_empty()).await;
    assert_eq!(
        viewer.events[0],
        json!({ "type": "coffee", "session_id": "noisy", "data": { "cups": 2 } })
    );
    viewer.assert_true();
    bench.stop().await;
}

#[tokio::test]
async fn the_index_folded_by_a_viewer_is_the_index() {
    let bench = Bench::new().await;
    let mut viewer = bench.viewer("sessions").await;
    viewer.next().await;
    for number in 0..30 {
        let name = format!("s{}", number % 7);
        bench
            .fact(named(&name), agent(&format!("a{number}"), f64::from(number) / 7.0))
            .await;
    }
    viewer.until(|viewer| viewer.state["total"] == 7).await;
    // A fact that is still under way would begin the session anew.
    eventually(async || bench.hub.counters().applied == 30).await;
    bench.hub.forget(&"s3".parse().unwrap()).await.unwrap();
    viewer.until(|viewer| viewer.state["total"] == 6).await;
    assert!(viewer.state["sessions"].get("s3~1").is_none());
    eventually(async || {
        viewer.catch_up();
        let index = bench.hub.index().await;
        viewer.revision == index.revision && viewer.digest() == index.digest
    })
    .await;
    viewer.assert_true();
    bench.stop().await;
}

#[tokio::test]
async fn a_trouble_of_no_session_is_shown_in_the_index_until_it_is_over() {
    let bench = Bench::new().await;
    let mut viewer = bench.viewer("sessions").await;
    let found = Fact::ProblemFound(ProblemFound {
        key: "root /p".into(),
        problem: Problem {
            kind: ProblemKind::Missing,
            message: "/p is not there".into(),
            subject: None,
        },
    });
    bench.fact(Subject::default(), found).await;
    viewer
        .until(|viewer| viewer.state["problems"]["root /p"]["kind"] == "missing")
        .await;
    let key = "root /p".into();
    bench
        .fact(
            Subject::default(),
            Fact::ProblemCleared(ProblemCleared { key, with_parts: false }),
        )
        .await;
    viewer.until(|viewer| viewer.state["problems"] == json!({})).await;
    bench.stop().await;
}

#[tokio::test]
async fn log_lines_are_numbered_and_a_viewer_gets_them_from_where_it_wants() {
    let bench = Bench::new().await;
    let feed = async |texts: &[&str]| {
        let chunk = log(named("l"), bench.clock.now(), texts);
        let logs = vec![chunk];
        bench
            .feed(Batch {
                logs,
                ..Batch::default()
            })
            .await;
    };
    feed(&["one", "two"]).await;
    eventually(async || bench.hub.resolve(&"l".parse().unwrap()).is_some()).await;
    let mut viewer = bench.viewer("log/l").await;
    viewer.until(|viewer| viewer.lines.len() == 2).await;
    feed(&["three"]).await;
    viewer.until(|viewer| viewer.lines.len() == 3).await;
    assert_eq!(viewer.subscription.mark().revision, 3);
    let mut later = bench.viewer_from("log/l", Start::LogFrom(1)).await;
    later.until(|viewer| viewer.lines.len() == 2).await;
    assert_eq!(later.lines[0].text, "two");
    bench.stop().await;
}

#[tokio::test]
async fn a_log_viewer_from_before_what_is_in_memory_gets_older_lines_from_the_store() {
    let mut options = options();
    options.log_lines = 10;
    let bench = Bench::with(options).await;
    for number in 0..40 {
        let text = format!("line {number}");
        let logs = vec![log(named("l"), bench.clock.now(), &[&text])];
        bench
            .feed(Batch {
                logs,
                ..Batch::default()
            })
            .await;
    }
    eventually(async || bench.hub.counters().log_lines == 40).await;
    bench.hub.flush().await.unwrap();
    let mut near = bench.viewer_from("log/l", Start::LogFrom(25)).await;
    near.until(|viewer| viewer.lines.len() == 15).await;
    assert_eq!((near.skipped, near.lines[0].offset), (0, 25));
    let mut far = bench.viewer_from("log/l", Start::LogFrom(3)).await;
    far.until(|viewer| viewer.lines.len() == 20).await;
    assert_eq!((far.skipped, far.lines[0].offset), (17, 20));
    bench.stop().await;
}

#[tokio::test]
async fn too_many_viewers_are_told_how_many_there_are_and_a_leaving_one_makes_room() {
    let mut options = options();
    (options.viewers_per_session, options.viewers) = (2, 3);
    let bench = Bench::with(options).await;
    bench.fact(named("busy"), phase("Scout", "x")).await;
    bench.wait_for("busy", "Scout").await;
    let topic: Topic = "session/busy".parse().unwrap();
    let one = bench.viewer("session/busy").await;
    let _two = bench.viewer("session/busy").await;
    match bench.hub.subscribe(topic.clone(), Start::Fresh).await.err() {
        Some(SubscribeError::TooMany { viewers, limit, .. }) => assert_eq!((viewers, limit), (2, 2)),
        other => panic!("{other:?}"),
    }
    let _index = bench.viewer("sessions").await;
    match bench.hub.subscribe(Topic::Sessions, Start::Fresh).await.err() {
        Some(SubscribeError::TooMany { viewers, limit, .. }) => assert_eq!((viewers, limit), (3, 3)),
        other => panic!("{other:?}"),
    }
    drop(one);
    bench.viewer("session/busy").await;
    assert!(matches!(
        bench
            .hub
            .subscribe("session/nobody".parse().unwrap(), Start::Fresh)
            .await
            .err(),
        Some(SubscribeError::Unknown(_))
    ));
    bench.stop().await;
}

#[tokio::test]
async fn a_removed_session_says_so_to_its_viewers_and_its_id_is_not_used_again() {
    let bench = Bench::new().await;
    bench.fact(named("gone"), phase("Scout", "x")).await;
    bench.wait_for("gone", "Scout").await;
    let mut viewer = bench.viewer("session/gone").await;
    viewer.next().await;
    assert!(bench.hub.forget(&"gone".parse().unwrap()).await.unwrap());
    assert!(viewer.next().await.ended && viewer.removed);
    assert!(viewer.next().await.ended, "an ended topic says so at once");
    assert!(!bench.hub.forget(&"gone".parse().unwrap()).await.unwrap());
    assert_eq!(bench.view("gone~1").await, None);
    bench.fact(named("gone"), phase("Scout", "again")).await;
    bench.wait_for("gone", "again").await;
    assert_eq!(
        bench.hub.resolve(&"gone".parse().unwrap()).unwrap().to_string(),
        "gone~2"
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_stop_ends_every_subscription_after_its_last_update() {
    let bench = Bench::new().await;
    bench.fact(named("last"), phase("Scout", "first")).await;
    bench.wait_for("last", "first").await;
    let mut viewer = bench.viewer("session/last").await;
    viewer.next().await;
    bench.fact(named("last"), phase("Scout", "final words")).await;
    bench.stop().await;
    let mut ended = false;
    while !ended {
        ended = viewer.next().await.ended;
    }
    assert_eq!(viewer.state["phase"]["detail"], "final words");
    assert!(!viewer.removed);
}

#[tokio::test]
async fn nothing_fed_to_one_session_changes_a_byte_of_another() {
    let bench = Bench::new().await;
    bench.fact(named_in("a", "/p/a"), phase("Scout", "mine")).await;
    bench.wait_for("a", "mine").await;
    let before = bench.hub.view(&"a".parse().unwrap()).await.unwrap().unwrap();
    for subject in [named_in("b", "/p/b"), named("c"), folder("/q/a"), named_in("a", "/r/a")] {
        for fact in [phase("Test", "theirs"), agent("x", 3.0), custom("y")] {
            bench.fact(subject.clone(), fact).await;
        }
    }
    eventually(async || bench.hub.counters().applied == 13).await;
    let after = bench.hub.view(&"a~1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(before, after);
    bench.stop().await;
}
