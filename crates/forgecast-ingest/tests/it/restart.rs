//! A second life with the checkpoints of the first.

use std::io::Write;

use forgecast_ingest::Options;
use forgecast_protocol::Fact;

use crate::support::{options, phase, phase_file, project, start, start_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_changed_is_silent_and_logs_go_on_where_they_were() {
    let root = tempfile::tempdir().unwrap();
    let [same, changed, gone] = ["same", "changed", "gone"].map(|name| project(root.path(), name, "before"));
    let log = same.join(".context-foundry/build-output-1.txt");
    std::fs::write(&log, "one\ntwo\nhal").unwrap();
    std::fs::write(same.join(".context-foundry/scout-report.md"), "# report").unwrap();
    let first = start(options(root.path())).await;
    let known = first.checkpoints();
    first.stop().await;

    std::fs::write(phase_file(&changed), phase("after")).unwrap();
    std::fs::remove_dir_all(&gone).unwrap();
    std::fs::OpenOptions::new()
        .append(true)
        .open(&log)
        .unwrap()
        .write_all(b"f\nfour\n")
        .unwrap();
    let second = start_with(options(root.path()), known.clone()).await;
    second
        .until("gone", |running| {
            running.has(|fact| matches!(fact, Fact::SourceGone(_)))
        })
        .await;
    assert_eq!(second.details(&changed), ["after"]);
    assert_eq!(second.details(&same), [] as [&str; 0]);
    let texts: Vec<_> = second.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(texts, ["half", "four"]);
    assert!(second.events().iter().all(|event| !event.origin.first_sight));
    let mut known = known;
    known.extend(second.checkpoints());
    second.stop().await;

    let third = start_with(options(root.path()), known).await;
    assert_eq!(third.health.borrow().reads, 0, "nothing changed, nothing is read");
    let phases = third
        .facts()
        .into_iter()
        .filter(|fact| matches!(fact, Fact::PhaseReported(_)))
        .count();
    assert_eq!((phases, third.lines().len()), (0, 0));
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_folder_that_changes_after_a_restart_is_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("weather");
    std::fs::create_dir_all(&session).unwrap();
    std::fs::write(
        session.join("state.json"),
        r#"{"session_id": "weather", "current_phase": "builder"}"#,
    )
    .unwrap();
    let only = || Options {
        checkpoints: vec![folder.path().to_owned()],
        reconcile_ms: 500,
        ..Options::default()
    };
    let first = start(only()).await;
    let known = first.checkpoints();
    first.stop().await;
    let second = start_with(only(), known).await;
    assert_eq!(second.facts(), []);
    std::fs::write(session.join("COMPLETE"), "").unwrap();
    let told = |fact: &Fact| matches!(fact, Fact::CheckpointReported(it) if it.complete && it.phase.as_deref() == Some("builder"));
    second.until("whole", |running| running.has(told)).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_life_said_of_a_broken_file_is_taken_back_when_it_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let projects = ["mended", "restored", "still-broken"].map(|name| project(root.path(), name, "before"));
    let [mended, restored, broken] = &projects;
    let first = start(options(root.path())).await;
    for project in &projects {
        std::fs::write(phase_file(project), r#"{"current_phase": "Te"#).unwrap();
    }
    first
        .until("three problems", |running| running.problems().len() == 3)
        .await;
    let known = first.checkpoints();
    first.stop().await;

    std::fs::write(phase_file(mended), phase("after")).unwrap();
    std::fs::write(phase_file(restored), phase("before")).unwrap();
    let second = start_with(options(root.path()), known).await;
    let taken_back = |project: &std::path::Path, with_parts: bool| {
        let key = phase_file(project).display().to_string();
        let wanted = Fact::ProblemCleared(forgecast_protocol::event::ProblemCleared { key, with_parts });
        second.has(|fact| *fact == wanted)
    };
    second
        .until("taken back", |_| {
            taken_back(mended, true) && taken_back(restored, false)
        })
        .await;
    assert_eq!(second.details(mended), ["after"]);
    assert_eq!(
        second.details(restored),
        [] as [&str; 0],
        "the same content as the last good one"
    );
    assert!(
        !taken_back(broken, true) && !taken_back(broken, false),
        "it is as it was"
    );
    second.stop().await;
}
