//! What a stop and a new start leave as it was.

use forgecast_hub::StateAt;
use forgecast_protocol::event::{PatternRecorded, ProcessReported, ProcessStatus, SessionSeen};
use forgecast_protocol::{Batch, Fact, FileIdentity, SourceCheckpoint, SourceKey, SourceKind};

use crate::bench::{Bench, Viewer, agent, eventually, folder, log, named, named_in, phase};
use crate::memory::completed;

async fn with_history() -> (Bench, Viewer) {
    let bench = Bench::new().await;
    for number in 0..20 {
        bench
            .fact(named_in("app", "/p/app"), phase("Scout", &format!("step {number}")))
            .await;
    }
    bench.wait_for("app", "step 19").await;
    let mut viewer = bench.viewer("session/app").await;
    viewer.next().await;
    (bench, viewer)
}

#[tokio::test]
async fn after_a_clean_restart_a_viewer_resumes_by_patches() {
    let (mut bench, mut viewer) = with_history().await;
    let held = viewer.revision;
    for number in 0..5 {
        bench.fact(folder("/p/app"), agent("a", f64::from(number) / 7.0)).await;
    }
    bench = bench.restart().await;
    bench.fact(folder("/p/app"), phase("Builder", "after")).await;
    bench.wait_for("app", "after").await;
    viewer.resume(&bench).await;
    viewer.catch_up();
    assert_eq!((viewer.snapshots, viewer.revision), (1, held + 6));
    assert_eq!(viewer.state["phase"]["detail"], "after");
    viewer.assert_true();
    bench.stop().await;
}

#[tokio::test]
async fn after_a_crash_there_is_a_new_epoch_and_a_snapshot() {
    let (mut bench, mut viewer) = with_history().await;
    let epoch = bench.hub.epoch();
    bench.hub.flush().await.unwrap();
    bench = bench.crash().await;
    assert_ne!(bench.hub.epoch(), epoch);
    viewer.resume(&bench).await;
    viewer.next().await;
    assert_eq!(viewer.snapshots, 2);
    assert_eq!(viewer.state["phase"]["detail"], "step 19");
    viewer.assert_true();
    bench.stop().await;
}

#[tokio::test]
async fn the_view_at_any_revision_is_the_view_that_was_shown() {
    let mut bench = Bench::new().await;
    let session = "app".parse().unwrap();
    let mut shown = Vec::new();
    for number in 0..600u32 {
        bench
            .fact(
                named("app"),
                agent(&format!("a{}", number % 5), f64::from(number) / 7.0),
            )
            .await;
        let revision = u64::from(number) + 1;
        eventually(async || {
            let now = bench.hub.view(&session).await.unwrap();
            now.is_some_and(|now| now.revision == revision)
        })
        .await;
        if number % 37 == 0 {
            shown.push(bench.hub.view(&session).await.unwrap().unwrap());
        }
    }
    for _ in 0..2 {
        for state in &shown {
            let again = bench.hub.view_at(&session, state.revision).await.unwrap().unwrap();
            assert!(again.at.is_some() || again.revision == 600);
            assert_eq!(StateAt { at: None, ..again }, *state);
        }
        assert_eq!(bench.hub.view_at(&session, 0).await.unwrap(), None);
        assert_eq!(bench.hub.view_at(&session, 10_000).await.unwrap(), None);
        bench = bench.restart().await;
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_reading_that_is_repeated_by_a_restarted_reader_is_folded_once() {
    let mut bench = Bench::new().await;
    let checkpoint = |digest: &str| SourceCheckpoint {
        identity: FileIdentity {
            inode: 7,
            ..FileIdentity::default()
        },
        offset: 0,
        state: String::new(),
        digest: digest.into(),
    };
    let usage = forgecast_protocol::Fact::UsageRecorded(forgecast_protocol::event::UsageRecorded {
        tokens: forgecast_protocol::event::TokenDelta {
            input: 10,
            ..Default::default()
        },
        ..Default::default()
    });
    let reading = |bench: &Bench, digest: &str| Batch {
        events: vec![bench.event(named("app"), usage.clone())],
        logs: vec![log(named("app"), bench.clock.now(), &["line"])],
        checkpoints: vec![(SourceKey("/p/app/file".into()), checkpoint(digest))],
    };
    bench.feed(reading(&bench, "one")).await;
    bench.feed(reading(&bench, "one")).await;
    eventually(async || bench.hub.counters().received == 2).await;
    assert_eq!(bench.hub.counters().duplicate, 1);
    bench = bench.restart().await;
    bench.feed(reading(&bench, "one")).await;
    bench.feed(reading(&bench, "two")).await;
    eventually(async || bench.hub.counters().received == 2).await;
    assert_eq!(bench.view("app").await.unwrap().1["usage"]["input"], 20);
    let mut viewer = bench.viewer("log/app").await;
    viewer.until(|viewer| viewer.lines.len() == 2).await;
    bench.stop().await;
}

#[tokio::test]
async fn the_end_of_a_process_whose_file_stays_as_it_was_is_no_repeated_reading() {
    let bench = Bench::new().await;
    let report = |status| {
        let fact = Fact::ProcessReported(ProcessReported {
            process: "4242@7".to_owned(),
            status,
            ..ProcessReported::default()
        });
        let mut event = bench.event(named("app"), fact);
        event.origin.kind = SourceKind::Process;
        Batch {
            events: vec![event],
            checkpoints: vec![(
                SourceKey("/home/sessions/4242.json".into()),
                SourceCheckpoint::default(),
            )],
            ..Batch::default()
        }
    };
    bench.feed(report(ProcessStatus::Waiting)).await;
    eventually(async || {
        bench
            .view("app")
            .await
            .is_some_and(|(_, view)| view["status"] == "waiting")
    })
    .await;
    bench.feed(report(ProcessStatus::Crashed)).await;
    eventually(async || {
        bench
            .view("app")
            .await
            .is_some_and(|(_, view)| view["status"] != "waiting")
    })
    .await;
    bench.stop().await;
}

#[tokio::test]
async fn a_log_goes_on_with_the_next_number() {
    let mut bench = Bench::new().await;
    let logs = vec![log(named("app"), bench.clock.now(), &["one", "two"])];
    bench
        .feed(Batch {
            logs,
            ..Batch::default()
        })
        .await;
    eventually(async || bench.hub.counters().log_lines == 2).await;
    bench = bench.restart().await;
    let logs = vec![log(named("app"), bench.clock.now(), &["three"])];
    bench
        .feed(Batch {
            logs,
            ..Batch::default()
        })
        .await;
    eventually(async || bench.hub.counters().log_lines == 1).await;
    let mut viewer = bench.viewer("log/app").await;
    viewer.until(|viewer| viewer.lines.len() == 3).await;
    let offsets: Vec<u64> = viewer.lines.iter().map(|line| line.offset).collect();
    assert_eq!(offsets, [0, 1, 2]);
    bench.stop().await;
}

#[tokio::test]
async fn the_id_of_a_removed_session_is_not_used_again_after_a_restart() {
    let mut bench = Bench::new().await;
    bench.fact(named_in("app", "/p/app"), phase("Scout", "first")).await;
    bench.wait_for("app", "first").await;
    bench.hub.forget(&"app".parse().unwrap()).await.unwrap();
    bench = bench.restart().await;
    assert_eq!(bench.view("app~1").await, None);
    bench.fact(named_in("app", "/p/app"), phase("Scout", "second")).await;
    bench.wait_for("app", "second").await;
    assert_eq!(bench.hub.resolve(&"app".parse().unwrap()).unwrap().to_string(), "app~2");
    bench.stop().await;
}

#[tokio::test]
async fn a_new_run_has_the_host_and_libraries_of_its_folder_also_after_a_restart() {
    let mut bench = Bench::new().await;
    let seen = Fact::SessionSeen(SessionSeen {
        host: Some("forge".into()),
        ..SessionSeen::default()
    });
    bench.fact(named_in("app", "/p/app"), seen).await;
    let pattern = |id: &str, library: Option<&str>| {
        Fact::PatternRecorded(PatternRecorded {
            id: id.into(),
            title: Some("name routes in the plural".into()),
            library: library.map(str::to_owned),
            severity: None,
            frequency: Some(3),
            times_prevented: None,
        })
    };
    bench
        .fact(named_in("app", "/p/app"), pattern("routes", Some("common-issues")))
        .await;
    bench.fact(named_in("app", "/p/app"), pattern("pushed", None)).await;
    bench.fact(named_in("app", "/p/app"), phase("Builder", "first")).await;
    bench.wait_for("app", "first").await;
    bench.fact(named_in("app", "/p/app"), completed()).await;
    bench.fact(named_in("app", "/p/app"), phase("Scout", "again")).await;
    bench.wait_for("app~2", "again").await;
    bench.fact(named_in("other", "/p/app"), phase("Scout", "renamed")).await;
    bench.wait_for("other", "renamed").await;
    bench.fact(named_in("far", "/p/far"), phase("Scout", "elsewhere")).await;
    bench.wait_for("far", "elsewhere").await;
    let before = bench.view("app~2").await.unwrap();
    bench = bench.restart().await;
    assert_eq!(bench.view("app~2").await.unwrap(), before, "replay knows it, too");
    for session in ["app~2", "other"] {
        let view = bench.view(session).await.unwrap().1;
        assert_eq!(view["host"], "forge", "{session}");
        let patterns = view["patterns"].as_object().unwrap();
        assert_eq!(patterns.keys().collect::<Vec<_>>(), ["routes"], "{session}");
    }
    assert!(bench.view("far").await.unwrap().1.get("host").is_none());
    bench.stop().await;
}

#[tokio::test]
async fn the_index_is_there_at_once_without_a_session_in_memory() {
    let mut bench = Bench::new().await;
    for number in 0..50 {
        bench.fact(named(&format!("s{number}")), phase("Scout", "x")).await;
    }
    bench.wait_for("s49", "Scout").await;
    bench = bench.restart().await;
    let index: serde_json::Value = serde_json::from_slice(&bench.hub.index().await.json).unwrap();
    assert_eq!(index["total"], 50);
    assert_eq!(index["sessions"].as_object().unwrap().len(), 50);
    assert_eq!(bench.hub.counters().sessions_in_memory, 0);
    bench.stop().await;
}
