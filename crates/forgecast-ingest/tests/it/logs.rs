//! Logs and checkpoints.

use std::io::Write;
use std::path::Path;

use forgecast_ingest::Options;
use forgecast_protocol::Fact;

use crate::support::{Running, options, phase_file, project, start, start_with};

fn append(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn texts(running: &Running) -> Vec<String> {
    running.lines().into_iter().map(|line| line.text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_come_when_they_are_complete_through_growth_rotation_and_truncation() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let log = app.join(".context-foundry/build-output-1.txt");
    append(&log, "one\ntw");
    let running = start(options(root.path())).await;
    assert_eq!(texts(&running), ["one"]);
    append(&log, "o\nthree\n");
    running
        .until("three", |running| texts(running) == ["one", "two", "three"])
        .await;
    // Rotated with lines that were written just before.
    append(&log, "four\n");
    std::fs::rename(&log, log.with_extension("txt.1")).unwrap();
    append(&log, "five\n");
    running
        .until("five", |running| {
            texts(running).last().map(String::as_str) == Some("five")
        })
        .await;
    assert_eq!(texts(&running), ["one", "two", "three", "four", "five"]);
    std::fs::write(&log, "six\n").unwrap();
    running
        .until("six", |running| {
            texts(running).last().map(String::as_str) == Some("six")
        })
        .await;
    assert_eq!(running.lines()[0].from.as_deref(), Some("build-output-1.txt"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_logs_gives_lines_to_the_session_that_its_path_names() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    append(&logs.join("ralph_weather/session.jsonl"), "{\"a\": 1}\n");
    let running = start(Options {
        logs: vec![logs.clone()],
        ..Options::default()
    })
    .await;
    append(&logs.join("server.log"), "begun\n");
    append(&logs.join("ralph_tides/session.jsonl"), "{\"b\": 2}\n");
    running.until("all", |running| running.lines().len() == 3).await;
    assert_eq!(log_owners(&running), ["server", "tides", "weather"]);
    running.stop().await;
}

/// The sessions that were given lines, in the order of their names.
fn log_owners(running: &Running) -> Vec<String> {
    let batches = running.batches();
    let chunks = batches.iter().flat_map(|batch| &batch.logs);
    let mut names: Vec<_> = chunks.filter_map(|chunk| chunk.subject.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overnight_log_is_the_sessions_that_it_names_and_none_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    let log = logs.join("overnight_20260131_220000.log");
    let nobody = logs.join("overnight_20260201_220000.log");
    append(&log, "STARTED\nProject: ");
    append(&nobody, &"no word of a session\n".repeat(300));
    let options = || Options {
        logs: vec![logs.clone()],
        ..Options::default()
    };
    let running = start(options()).await;
    append(&logs.join("overnight_tides_7.log"), "high\n");
    running
        .until("a log named after a session", |running| running.lines().len() == 1)
        .await;
    append(&log, "notes\niteration 1\n");
    running.until("the project", |running| running.lines().len() == 4).await;
    assert_eq!(log_owners(&running), ["notes_20260131_220000", "tides_7"]);
    let named = |event: &forgecast_protocol::Event| {
        event
            .subject
            .name
            .as_deref()
            .is_some_and(|name| name.starts_with("overnight"))
    };
    assert!(!running.events().iter().any(named), "{:?}", running.events());
    let known = running.checkpoints();
    running.stop().await;
    // A later life goes on behind what was read.
    append(&log, "iteration 2\n");
    let running = start_with(options(), known).await;
    running
        .until("the new line", |running| texts(running) == ["iteration 2"])
        .await;
    assert_eq!(log_owners(&running), ["notes_20260131_220000"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_of_a_log_is_said_as_work_but_not_for_every_line() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let running = start(options(root.path())).await;
    let log = app.join(".context-foundry/build-output-1.txt");
    for line in 0..20 {
        append(&log, &format!("{line}\n"));
        running.until("line", |running| running.lines().len() > line).await;
    }
    let grown =
        |fact: &Fact| matches!(fact, Fact::ArtifactChanged(artifact) if artifact.name.ends_with("output-1.txt"));
    assert_eq!(running.facts().into_iter().filter(grown).count(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_a_checkpoint_are_one_fact() {
    let folder = tempfile::tempdir().unwrap();
    let (root, ralph) = (folder.path().join("builds"), folder.path().join("checkpoints/ralph"));
    let app = project(&root, "app", "0");
    std::fs::remove_file(phase_file(&app)).unwrap();
    let session = ralph.join("weather");
    std::fs::create_dir_all(&session).unwrap();
    let state = |phase: &str, folder: &Path| {
        format!(
            r#"{{"session_id": "weather", "current_phase": "{phase}", "iterations": 3, "working_directory": "{}"}}"#,
            folder.display()
        )
    };
    std::fs::write(session.join("state.json"), state("builder", &app)).unwrap();
    std::fs::write(
        session.join("progress.json"),
        r#"{"completed": ["a"], "remaining": ["b"], "notes": []}"#,
    )
    .unwrap();
    let running = start(Options {
        checkpoints: vec![ralph.clone()],
        ..options(&root)
    })
    .await;
    let reported = |running: &Running| {
        let events = running.events().into_iter();
        events
            .filter(|event| matches!(event.fact, Fact::CheckpointReported(_)))
            .collect::<Vec<_>>()
    };
    running.until("first", |running| reported(running).len() == 1).await;
    let first = reported(&running).remove(0);
    assert_eq!(first.subject.directory.as_deref(), app.to_str());
    assert_eq!(first.subject.name.as_deref(), Some("weather"));
    std::fs::write(session.join("COMPLETE"), "").unwrap();
    running.until("complete", |running| reported(running).len() == 2).await;
    let Fact::CheckpointReported(last) = reported(&running).remove(1).fact else {
        unreachable!()
    };
    assert!(last.complete);
    assert_eq!(last.completed.as_deref(), Some(&["a".to_owned()][..]));
    assert_eq!(last.phase.as_deref(), Some("builder"));
    // A new session, whose folder is only text to us.
    let other = ralph.join("tides");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("state.json"), state("scout", Path::new("/etc"))).unwrap();
    running.until("other", |running| reported(running).len() == 3).await;
    assert_eq!(reported(&running).remove(2).subject.directory, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_line_is_cut_and_flagged_and_others_go_on() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let log = app.join(".context-foundry/build-output-1.txt");
    append(&log, &"x".repeat(3 * 1024 * 1024));
    append(&log, "\nafter\n");
    let running = start(options(root.path())).await;
    running
        .until("after", |running| {
            texts(running).last().map(String::as_str) == Some("after")
        })
        .await;
    assert_eq!(running.lines().len(), 2);
    assert!(running.lines()[0].text.len() <= 300 * 1024);
    assert!(
        running
            .problems()
            .values()
            .any(|problem| problem.starts_with("Oversize"))
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_written_in_pieces_is_masked_in_every_line_of_the_log() {
    let canary = "C4n4ryC4n4ry".repeat(5);
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let log = app.join(".context-foundry/build-output-1.txt");
    append(&log, "begun\n");
    let running = start(options(root.path())).await;
    // A line in two writes, a key in many, and lines around the sizes of the pieces that are read.
    for (count, piece) in [
        "token ghp_C4n4ryC4n4ry".to_owned(),
        "C4n4ryC4n4ryC4n4ryC4n4ry\n-----BEGIN RSA PRIV".to_owned(),
        format!("ATE KEY-----\n{canary}\n{canary}"),
        format!("\n{canary}\n-----END RSA PRIVATE KEY-----\nbetween\n"),
        format!("{} password={canary}\n", "word ".repeat(810)),
        format!("{} ghp_{}\n", "word ".repeat(13_100), &canary[..36]),
        format!("{}\n", format!("\u{1b}[31mghp_{}\u{1b}[0m ", &canary[..36]).repeat(900)),
        "done\n".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        append(&log, &piece);
        // The next piece comes when this one was read, as far as it has complete lines.
        if piece.ends_with('\n') {
            running
                .until("the piece", |running| {
                    texts(running).len() > count && !texts(running).is_empty()
                })
                .await;
        }
    }
    running
        .until("done", |running| {
            texts(running).last().map(String::as_str) == Some("done")
        })
        .await;
    let lines = texts(&running);
    assert!(lines.iter().any(|line| line == "between"), "{lines:?}");
    assert!(!format!("{:?}", running.batches()).contains("C4n4"), "{lines:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_line_without_its_end_is_a_line_after_a_while_and_its_end_is_none() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let log = app.join(".context-foundry/build-output-1.txt");
    append(&log, "one\ntwo");
    let running = start(options(root.path())).await;
    running.until("two", |running| texts(running) == ["one", "two"]).await;
    append(&log, "\nthree\n");
    running
        .until("three", |running| texts(running) == ["one", "two", "three"])
        .await;
    running.stop().await;
}
