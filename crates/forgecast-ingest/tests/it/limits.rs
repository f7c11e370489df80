//! Fewer watches than folders, no notifications at all, polling by choice.

use std::path::PathBuf;

use forgecast_ingest::Options;
use forgecast_protocol::health::RootState;

use crate::support::{options, phase, phase_file, project, replace, start};

async fn everything_is_found(options: Options, root: tempfile::TempDir, degraded: bool) {
    let projects: Vec<PathBuf> = (0..200)
        .map(|number| project(root.path(), &format!("p{number}"), "0"))
        .collect();
    let running = start(options).await;
    let health = running.health.borrow().clone();
    assert_eq!(health.projects, 200);
    assert!(health.polled >= 390, "{health:#?}");
    if degraded {
        running
            .until("shown", |running| running.problems().contains_key("watches"))
            .await;
        assert!(running.problems()["watches"].starts_with("Degraded"));
    } else {
        assert!(running.problems().is_empty());
    }
    for project in &projects {
        replace(&phase_file(project), &phase("changed"));
    }
    let late = project(root.path(), "deep/late", "new");
    for project in &projects {
        running
            .until("changed", |running| {
                running.details(project).last().map(String::as_str) == Some("changed")
            })
            .await;
    }
    running.until("late", |running| running.details(&late) == ["new"]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_beyond_the_limit_of_watches_are_polled_and_that_is_shown() {
    let root = tempfile::tempdir().unwrap();
    everything_is_found(
        Options {
            watch_limit: Some(10),
            ..options(root.path())
        },
        root,
        true,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_single_watch_everything_is_polled() {
    let root = tempfile::tempdir().unwrap();
    everything_is_found(
        Options {
            watch_limit: Some(0),
            ..options(root.path())
        },
        root,
        true,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_by_choice_finds_everything_and_is_no_problem() {
    let root = tempfile::tempdir().unwrap();
    everything_is_found(
        Options {
            poll: true,
            ..options(root.path())
        },
        root,
        false,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polled_root_says_so() {
    let root = tempfile::tempdir().unwrap();
    let running = start(Options {
        poll: true,
        ..options(root.path())
    })
    .await;
    assert_eq!(running.health.borrow().roots[0].state, RootState::Polling);
    assert_eq!(running.health.borrow().watches, 0);
    running.stop().await;
}
