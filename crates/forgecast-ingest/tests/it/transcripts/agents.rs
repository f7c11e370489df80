//! What Foundry leaves in projects and in its home.

use forgecast_ingest::Options;
use forgecast_protocol::{Fact, SourceKind};

use super::append;
use crate::support::{Running, home_of, options, project, replace, start, start_with};

fn tasks(running: &Running) -> Vec<(String, Option<String>)> {
    let facts = running.facts().into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::TaskReported(task) => Some((task.id, task.status)),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_list_and_the_manifest_of_a_project_are_read_and_followed() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let other = root.path().join("deep/down/other");
    std::fs::create_dir_all(other.join(".buildloop")).unwrap();
    let plain = root.path().join("plain");
    for folder in [&app, &other, &plain] {
        append(&folder.join("TASKS.md"), "# Tasks\n\n- [ ] T1.1: Begin [S]\n");
        append(&folder.join("server.log"), "not ours\n");
        append(&folder.join("state.json"), "{}");
    }
    let running = start(options(root.path())).await;
    running.until("both lists", |running| tasks(running).len() == 2).await;
    assert_eq!(running.health.borrow().projects, 2);
    assert!(running.lines().is_empty());
    let events = running.events();
    let task = events.iter().find(|event| matches!(event.fact, Fact::TaskReported(_)));
    assert_eq!(task.unwrap().origin.kind, SourceKind::Artifact);
    replace(
        &app.join("TASKS.md"),
        "# Tasks\n\n- [x] T1.1: Begin [S]\n- [ ] T1.2: Go on [S]\n",
    );
    running.until("more tasks", |running| tasks(running).len() == 4).await;
    std::fs::create_dir_all(app.join(".buildloop")).unwrap();
    replace(
        &app.join(".buildloop/run-manifest.json"),
        r#"{"schema_version": 1, "run_id": "r1", "task_id": "T1.1", "completion_path": "full", "invocations": [{"role": "builder", "provider": "claude", "model": "claude-opus-4-8"}]}"#,
    );
    running
        .until("the manifest", |running| {
            running
                .events()
                .iter()
                .any(|event| event.origin.path.as_deref() == Some(".buildloop/run-manifest.json"))
        })
        .await;
    let known = running.checkpoints();
    running.stop().await;

    let second = start_with(options(root.path()), known.clone()).await;
    assert_eq!(second.health.borrow().reads, 0, "known and unchanged");
    second.stop().await;
    // Projects of an earlier life are followed even if they are gone.
    std::fs::remove_dir_all(&app).unwrap();
    let third = start_with(options(root.path()), known).await;
    third
        .until("gone", |running| {
            running.has(|fact| matches!(fact, Fact::SourceGone(_)))
        })
        .await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_days_of_an_event_log_are_read_in_their_order_and_go_on_over_midnight() {
    let home = tempfile::tempdir().unwrap();
    let day = |day: &str| home.path().join(format!("observatory/{day}.jsonl"));
    let event = |kind: &str, payload: &str| {
        format!(
            r#"{{"timestamp":"2026-11-20T08:00:00Z","session_id":"s1","project_dir":"/srv/app","event_type":"{kind}","payload":{payload}}}"#
        ) + "\n"
    };
    // The newest was written first, and the oldest last: only their names say the order.
    let failed = event("agent_done", r#"{"role":"IMPLEMENT","success":false}"#);
    let started = event("task_started", r#"{"task_id":"T2"}"#);
    append(&day("events-2026-11-21"), &failed);
    append(
        &day("events-2026-11-20"),
        event("task_started", r#"{"task_id":"T1"}"#) + &failed + &started,
    );
    append(&day(".archived/events-2026-11-19"), event("session_started", "{}"));
    let options = || Options {
        agents: vec![home_of("foundry", home.path())],
        reconcile_ms: 500,
        ..Options::default()
    };
    let running = start(options()).await;
    let told = |running: &Running| -> Vec<String> {
        let events = running.events();
        let told = events.iter().filter_map(|event| match &event.fact {
            Fact::SessionSeen(seen) => Some(format!("run {}", seen.run.as_deref()?)),
            Fact::TaskReported(task) => Some(format!("{} {}", task.id, task.status.as_deref()?)),
            _ => None,
        });
        told.collect()
    };
    let expected = ["run s1", "T1 in_progress", "T1 failed", "T2 in_progress", "T2 failed"];
    running
        .until("all days", |running| told(running).len() == expected.len())
        .await;
    assert_eq!(told(&running), expected);
    let known = running.checkpoints();
    running.stop().await;
    // A day that is moved away while nobody looks is not read again, and the next one goes on where it ended.
    append(&day("events-2026-11-21"), event("task_started", r#"{"task_id":"T3"}"#));
    std::fs::rename(day("events-2026-11-20"), day(".archived/events-2026-11-20")).unwrap();
    append(&day("events-2026-11-22"), &failed);
    let second = start_with(options(), known).await;
    second.until("the next day", |running| told(running).len() == 2).await;
    assert_eq!(told(&second), ["T3 in_progress", "T3 failed"]);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_begins_in_a_folder_is_told_what_its_documents_say() {
    let root = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let app = root.path().join("app");
    std::fs::create_dir_all(app.join(".buildloop")).unwrap();
    append(&app.join("TASKS.md"), "- [ ] T1: Begin\n");
    append(&app.join(".buildloop/current-plan.md"), "# Plan\n");
    let running = start(Options {
        agents: vec![home_of("foundry", home.path())],
        ..options(root.path())
    })
    .await;
    running.until("the list", |running| tasks(running).len() == 1).await;
    let begins = format!(
        r#"{{"timestamp":"2026-11-20T08:00:00Z","session_id":"s1","project_dir":{:?},"event_type":"session_started","payload":{{}}}}"#,
        app.canonicalize().unwrap()
    );
    append(&home.path().join("observatory/events-2026-11-20.jsonl"), begins + "\n");
    running
        .until("the list again", |running| tasks(running).len() == 2)
        .await;
    let events = running.events();
    let run = events
        .iter()
        .position(|event| matches!(&event.fact, Fact::SessionSeen(seen) if seen.run.is_some()));
    let after = &events[run.unwrap()..];
    let names: Vec<_> = after
        .iter()
        .filter_map(|event| event.origin.path.as_deref())
        .skip(1)
        .collect();
    assert_eq!(names, [".buildloop/current-plan.md", "TASKS.md", "TASKS.md"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_log_of_foundry_is_followed_and_the_next_day_found() {
    let home = tempfile::tempdir().unwrap();
    let day = |day: &str| home.path().join(format!("observatory/events-{day}.jsonl"));
    let event = |kind: &str, payload: &str| {
        format!(
            r#"{{"timestamp":"2026-11-20T08:00:00Z","session_id":"s1","project_dir":"/srv/app","event_type":"{kind}","payload":{payload}}}"#
        ) + "\n"
    };
    append(&day("2026-11-20"), event("session_started", "{}"));
    let running = start(Options {
        agents: vec![home_of("foundry", home.path())],
        reconcile_ms: 500,
        ..Options::default()
    })
    .await;
    let begun = running.events().len();
    assert!(begun > 0);
    assert!(
        running
            .events()
            .iter()
            .all(|event| event.origin.kind == SourceKind::Foundry)
    );
    append(
        &day("2026-11-20"),
        event(
            "task_started",
            r#"{"task_id":"T1","description":"Begin","complexity":"low"}"#,
        ),
    );
    running
        .until("a task", |running| {
            running.has(|fact| matches!(fact, Fact::TaskReported(_)))
        })
        .await;
    append(
        &day("2026-11-21"),
        event(
            "agent_done",
            r#"{"role":"builder","success":true,"duration_secs":3,"tokens_in":10,"tokens_out":5,"cost_usd":0.1}"#,
        ),
    );
    running
        .until("the next day", |running| running.events().len() > begun + 1)
        .await;
    assert!(running.problems().is_empty(), "{:#?}", running.problems());
    running.stop().await;
}
