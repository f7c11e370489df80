//! Changes that no notification tells of, and none at all.

use std::io::{Seek, Write};
use std::time::{Duration, SystemTime};

use forgecast_ingest::Options;

use forgecast_protocol::Fact;

use crate::support::{Running, options, phase, phase_file, project, replace, start};

/// A writer that came by another name of the file, outside of the watched folders: the system tells that folder only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_without_any_notification_is_found_by_stat() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let app = project(root.path(), "app", "first");
    let other = outside.path().join("other");
    std::fs::hard_link(phase_file(&app), &other).unwrap();
    let mut writer = std::fs::OpenOptions::new().write(true).open(&other).unwrap();
    std::fs::remove_file(&other).unwrap();
    let running = start(Options {
        discover_ms: 600_000,
        ..options(root.path())
    })
    .await;
    writer.write_all(phase("other").as_bytes()).unwrap();
    running
        .until("other", |running| running.details(&app) == ["first", "other"])
        .await;
    writer.rewind().unwrap();
    writer.write_all(phase("third").as_bytes()).unwrap();
    running.until("third", |running| running.details(&app).len() == 3).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_size_and_time_with_other_content_is_a_change_and_odd_times_do_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "aaaa");
    let file = phase_file(&app);
    let running = start(Options {
        poll: true,
        ..options(root.path())
    })
    .await;
    let far = Duration::from_secs(136 * 365 * 86_400);
    for (detail, time) in [
        ("bbbb", None),
        ("cccc", Some(SystemTime::UNIX_EPOCH)),
        ("dddd", Some(SystemTime::UNIX_EPOCH + far)),
    ] {
        let before = std::fs::metadata(&file).unwrap();
        std::fs::write(&file, phase(detail)).unwrap();
        let handle = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        handle.set_modified(time.unwrap_or(before.modified().unwrap())).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().len(), before.len());
        running
            .until(detail, |running| {
                running.details(&app).last().map(String::as_str) == Some(detail)
            })
            .await;
    }
    for event in running.events() {
        assert!(
            event.origin.modified_at.is_none_or(|modified| modified <= event.at),
            "{event:?}"
        );
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_change_is_not_read_again_and_says_nothing() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..50 {
        let app = project(root.path(), &format!("p{number}"), "still");
        std::fs::write(app.join(".context-foundry/build-output-1.txt"), "line\n").unwrap();
        std::fs::write(app.join(".context-foundry/scout-report.md"), "# report").unwrap();
    }
    let running = start(Options {
        reconcile_ms: 100,
        discover_ms: 100,
        ..options(root.path())
    })
    .await;
    // What was written just before it was read is read once more, since its times may hide a change.
    let rounds = |running: &crate::support::Running, more: u64| running.health.borrow().looks + more;
    let target = rounds(&running, 200);
    running
        .until("rounds", |running| running.health.borrow().looks > target)
        .await;
    let (reads, batches) = (running.health.borrow().reads, running.batches().len());
    let target = rounds(&running, 500);
    running
        .until("more rounds", |running| running.health.borrow().looks > target)
        .await;
    assert_eq!(running.health.borrow().reads, reads);
    assert_eq!(running.batches().len(), batches);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewrite_of_the_same_content_says_nothing() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "same");
    let running = start(options(root.path())).await;
    let before = running.health.borrow().reads;
    for _ in 0..3 {
        crate::support::replace(&phase_file(&app), &phase("same"));
        let reads = running.health.borrow().reads;
        running
            .until("read", |running| running.health.borrow().reads > reads)
            .await;
    }
    assert!(running.health.borrow().reads > before);
    assert_eq!(running.details(&app), ["same"]);
    assert!(
        running.batches().len() <= 2,
        "at most one batch to keep the new identity"
    );
    running.stop().await;
}

/// A build that begins anew writes the same tasks as the one before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_content_is_passed_on_again_when_it_is_rewritten_in_another_phase() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "first");
    let tasks = app.join(".context-foundry/build-tasks.json");
    let list = r#"{"tasks": [{"id": "task-1", "description": "the cart"}]}"#;
    std::fs::write(&tasks, list).unwrap();
    let running = start(options(root.path())).await;
    let tasks_told = |running: &Running| {
        running
            .facts()
            .iter()
            .filter(|fact| matches!(fact, Fact::TaskReported(_)))
            .count()
    };
    assert_eq!(tasks_told(&running), 1);
    replace(&phase_file(&app), &phase("second").replace("Builder", "Scout"));
    running
        .until("second", |running| running.details(&app).len() == 2)
        .await;
    assert_eq!(tasks_told(&running), 1);
    replace(&tasks, list);
    running
        .until("the tasks again", |running| tasks_told(running) == 2)
        .await;
    running.stop().await;
}
