//! Many changes at once.

use std::path::PathBuf;

use forgecast_ingest::Options;
use forgecast_protocol::Fact;

use crate::support::{options, phase, phase_file, project, replace, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_value_of_every_project_arrives_after_a_storm_of_renames() {
    let root = tempfile::tempdir().unwrap();
    let projects: Vec<PathBuf> = (0..100)
        .map(|number| project(root.path(), &format!("p{number}"), "0"))
        .collect();
    let running = start(options(root.path())).await;
    let files: Vec<PathBuf> = projects.iter().map(|project| phase_file(project)).collect();
    let writer = tokio::task::spawn_blocking(move || {
        for round in 1..=20 {
            for file in &files {
                replace(file, &phase(&round.to_string()));
            }
        }
    });
    writer.await.unwrap();
    for project in &projects {
        running
            .until("20", |running| {
                running.details(project).last().map(String::as_str) == Some("20")
            })
            .await;
    }
    for project in &projects {
        let seen: Vec<u32> = running
            .details(project)
            .iter()
            .map(|detail| detail.parse().unwrap())
            .collect();
        assert!(seen.is_sorted(), "{seen:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_folder_that_is_made_and_filled_at_once_is_found_at_two_depths() {
    let root = tempfile::tempdir().unwrap();
    // Rounds of reconciling and walks so far apart that only the notifications can have found them.
    let slow = Options {
        reconcile_ms: 600_000,
        discover_ms: 600_000,
        ..options(root.path())
    };
    let running = start(slow).await;
    for round in 0..20 {
        let base = root.path().to_owned();
        let writer = tokio::task::spawn_blocking(move || {
            for number in 0..300 {
                let name = format!("r{round}-{number}");
                let path = if number % 2 == 0 {
                    name
                } else {
                    format!("group-{round}-{}/{name}", number / 50)
                };
                project(&base, &path, "made");
            }
        });
        writer.await.unwrap();
    }
    let made = |running: &crate::support::Running| {
        running
            .facts()
            .iter()
            .filter(|fact| matches!(fact, Fact::PhaseReported(_)))
            .count()
    };
    running
        .until("6000", |running| running.health.borrow().projects == 6_000)
        .await;
    running.until("6000 read", |running| made(running) == 6_000).await;
    running.stop().await;
}

/// On one thread the sources cannot take notifications while the test makes changes: the queue must overflow.
#[tokio::test]
async fn an_overflow_is_counted_once_shown_and_leads_to_the_truth() {
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let root = tempfile::tempdir().unwrap();
    let projects: Vec<PathBuf> = (0..20)
        .map(|number| project(root.path(), &format!("p{number}"), "0"))
        .collect();
    let slow = Options {
        reconcile_ms: 600_000,
        discover_ms: 600_000,
        ..options(root.path())
    };
    let running = start(slow).await;
    // Writing beside and renaming makes five events, each unlike the one before, so that none are merged.
    let rounds = limit / 20 / 4;
    for round in 0..=rounds {
        for project in &projects {
            replace(&phase_file(project), &phase(&format!("round {round}")));
        }
    }
    let late = project(root.path(), "late", "made during the overflow");
    let last = format!("round {rounds}");
    for project in &projects {
        running
            .until(&last, |running| running.details(project).last() == Some(&last))
            .await;
    }
    running.until("late", |running| running.details(&late).len() == 1).await;
    running
        .until("counted", |running| running.health.borrow().overflows > 0)
        .await;
    assert_eq!(running.health.borrow().overflows, 1);
    let overflow = |fact: &Fact| matches!(fact, Fact::ProblemFound(found) if found.key == "notifications");
    assert_eq!(running.facts().iter().filter(|fact| overflow(fact)).count(), 1);
    running.until("over", |running| running.problems().is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_atomic_write_of_a_quiet_file_is_one_reading_and_a_burst_is_two() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let long = Options {
        debounce_ms: 2_000,
        reconcile_ms: 600_000,
        ..options(root.path())
    };
    let running = start(long).await;
    let before = running.health.borrow().reads;
    for round in 1..=50 {
        replace(&phase_file(&app), &phase(&round.to_string()));
    }
    running
        .until("50", |running| {
            running.details(&app).last().map(String::as_str) == Some("50")
        })
        .await;
    running
        .until("counted", |running| running.health.borrow().reads > before)
        .await;
    assert_eq!(
        running.details(&app).len(),
        3,
        "at the start, at once, and at the end of the window"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_stands_still_loses_nothing_and_changes_add_up() {
    let root = tempfile::tempdir().unwrap();
    let projects: Vec<PathBuf> = (0..200)
        .map(|number| project(root.path(), &format!("p{number}"), "0"))
        .collect();
    let (sink, mut source) = tokio::sync::mpsc::channel(1);
    let (report, _health) = tokio::sync::watch::channel(forgecast_protocol::health::SourceHealth::default());
    let shutdown = tokio_util::sync::CancellationToken::new();
    let clock = forgecast_ingest::system_clock();
    let log = projects[0].join(".context-foundry/build-output-1.txt");
    let run = forgecast_ingest::run(
        options(root.path()),
        Default::default(),
        sink,
        clock,
        report,
        shutdown.clone(),
    );
    let task = tokio::spawn(run);
    for round in 1..=30 {
        let lines: String = (0..100).map(|line| format!("{round}-{line}\n")).collect();
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&log)
            .unwrap();
        std::io::Write::write_all(&mut file, lines.as_bytes()).unwrap();
        for project in &projects {
            replace(&phase_file(project), &phase(&round.to_string()));
        }
        tokio::task::yield_now().await;
    }
    let (mut last, mut lines) = (std::collections::BTreeMap::new(), Vec::new());
    let all = async {
        while last.len() < 200 || last.values().any(|detail| detail != "30") || lines.len() < 3_000 {
            let batch = source.recv().await.unwrap();
            lines.extend(
                batch
                    .logs
                    .into_iter()
                    .flat_map(|chunk| chunk.lines)
                    .map(|line| line.text),
            );
            for event in batch.events {
                if let Fact::PhaseReported(phase) = event.fact {
                    last.insert(event.subject.directory.unwrap(), phase.detail.unwrap());
                }
            }
        }
    };
    tokio::time::timeout(crate::support::LIMIT, all)
        .await
        .expect("every last value and every line");
    let expected = (1..=30).flat_map(|round| (0..100).map(move |line| format!("{round}-{line}")));
    assert!(lines.into_iter().eq(expected), "each line once, in order");
    shutdown.cancel();
    task.await.unwrap().unwrap();
}
