//! Folders that come and go: agents used for the first time, new projects, new days, subagents, and too few watches.

use forgecast_ingest::Options;
use forgecast_protocol::health::RootState;

use super::{age, append, archive, call, calls, claude, indexed, messages, session, step};
use crate::support::{home_of, options, project, start, start_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_was_never_used_is_no_problem_and_is_found_when_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let [claude, codex, foundry] = ["claude", "deep/codex", "foundry"].map(|name| folder.path().join(name));
    let running = start(Options {
        agents: vec![
            home_of("claude", &claude),
            home_of("codex", &codex),
            home_of("foundry", &foundry),
        ],
        ..super::claude(&claude)
    })
    .await;
    assert!(running.problems().is_empty());
    assert_eq!(running.health.borrow().roots, [], "nothing to show of what is not used");
    append(&session(&claude, "-srv-app", "5f1c"), call("m1"));
    append(
        &codex.join("sessions/2026/11/20/rollout-2026-11-20T08-00-00-a.jsonl"),
        step(10),
    );
    append(&foundry.join("observatory/events-2026-11-20.jsonl"), "{}\n");
    running.until("calls", |running| calls(running) == 2).await;
    running
        .until("all three", |running| running.health.borrow().transcripts == 3)
        .await;
    assert_eq!(running.health.borrow().roots.len(), 3);
    std::fs::remove_dir_all(&claude).unwrap();
    running
        .until("away", |running| running.health.borrow().roots.len() == 2)
        .await;
    append(&session(&claude, "-srv-app", "6a2d"), call("m2"));
    running
        .until("back", |running| messages(running).contains(&"m2".to_owned()))
        .await;
    assert!(
        !running
            .problems()
            .values()
            .any(|problem| problem.starts_with("Missing"))
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_of_an_agent_appear_one_by_one() {
    let home = tempfile::tempdir().unwrap();
    let running = start(claude(home.path())).await;
    std::fs::create_dir(home.path().join("todos")).unwrap();
    std::fs::create_dir(home.path().join("projects")).unwrap();
    std::fs::create_dir(home.path().join("projects/-srv-app")).unwrap();
    append(&session(home.path(), "-srv-app", "5f1c"), call("m1"));
    running.until("m1", |running| messages(running) == ["m1"]).await;
    append(&session(home.path(), "-srv-other", "6a2d"), call("m2"));
    running.until("m2", |running| calls(running) == 2).await;
    assert_eq!(running.health.borrow().roots[0].state, RootState::Watching);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transcripts_behind_a_link_are_not_read_and_that_is_said() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    append(&session(elsewhere.path(), "-srv-app", "5f1c"), call("m1"));
    let link = home.path().join("projects");
    std::os::unix::fs::symlink(elsewhere.path().join("projects"), &link).unwrap();
    let running = start(claude(home.path())).await;
    assert!(running.problems()[link.to_str().unwrap()].starts_with("Refused"));
    assert_eq!(calls(&running), 0);
    std::fs::remove_file(&link).unwrap();
    append(&session(home.path(), "-srv-app", "6a2d"), call("m2"));
    running.until("a folder", |running| messages(running) == ["m2"]).await;
    running.until("over", |running| running.problems().is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subagents_are_followed_and_only_folders_at_work_are_watched() {
    let home = tempfile::tempdir().unwrap();
    let below = |session: &str, name: &str| home.path().join(format!("projects/-srv-app/{session}/{name}.jsonl"));
    for number in 0..50 {
        let old = below(&format!("old{number}"), "subagents/agent-a");
        archive(&old, call(&format!("old{number}")), number);
        age(old.parent().unwrap(), number);
        age(old.parent().unwrap().parent().unwrap(), number);
    }
    let main = session(home.path(), "-srv-app", "5f1c");
    append(&main, call("m1"));
    append(&below("5f1c", "subagents/agent-a"), call("s1"));
    let running = start(claude(home.path())).await;
    running.until("indexed", indexed).await;
    assert_eq!(calls(&running), 52);
    let health = running.health.borrow().clone();
    // The configuration folder, `projects`, the project, the session's folder and its subagents'.
    assert_eq!((health.watches, health.polled), (5, 0));
    append(&below("5f1c", "subagents/agent-a"), call("s2"));
    append(&below("5f1c", "subagents/agent-b"), call("s3"));
    append(&below("5f1c", "chat"), call("s4"));
    running.until("subagents", |running| calls(running) == 55).await;
    append(&session(home.path(), "-srv-app", "6a2d"), call("m2"));
    append(&below("6a2d", "subagents/agent-c"), call("s5"));
    running.until("a new session", |running| calls(running) == 57).await;
    // An old session is taken up again: its folder is watched again because its own transcript grows.
    append(&below("old7", "subagents/agent-a"), call("s6"));
    append(&session(home.path(), "-srv-app", "old7"), call("m3"));
    running.until("an old session", |running| calls(running) == 59).await;
    append(&below("old7", "subagents/agent-a"), call("s7"));
    running.until("its subagent", |running| calls(running) == 60).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_left_is_watched_no_more_and_found_by_looking_when_it_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let main = session(home.path(), "-srv-app", "5f1c");
    let below = main.with_extension("").join("subagents/agent-a.jsonl");
    append(&main, call("m1"));
    append(&below, call("s1"));
    let running = start(claude(home.path())).await;
    assert_eq!((calls(&running), running.health.borrow().watches), (2, 5));
    for path in [&main, &below] {
        age(path, 20);
    }
    age(below.parent().unwrap(), 20);
    age(below.parent().unwrap().parent().unwrap(), 20);
    running
        .until("left", |running| running.health.borrow().watches == 3)
        .await;
    append(&below, call("s2"));
    running.until("found", |running| calls(running) == 3).await;
    running
        .until("watched again", |running| running.health.borrow().watches == 5)
        .await;
    append(&below, call("s3"));
    running.until("followed", |running| calls(running) == 4).await;
    assert_eq!(running.health.borrow().polled, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folder_of_a_new_day_is_found_at_midnight_though_nobody_worked_for_days() {
    let home = tempfile::tempdir().unwrap();
    let rollout = |day: &str, id: &str| home.path().join(format!("sessions/{day}/rollout-{id}.jsonl"));
    let old = rollout("2026/01/05", "old");
    archive(&old, step(10), 5);
    for folder in ["sessions/2026/01/05", "sessions/2026/01", "sessions/2026", "sessions"] {
        age(&home.path().join(folder), 5);
    }
    let running = start(Options {
        agents: vec![home_of("codex", home.path())],
        // Nothing is found by looking again.
        reconcile_ms: 600_000,
        discover_ms: 600_000,
        ..claude(home.path())
    })
    .await;
    running.until("indexed", indexed).await;
    assert_eq!(running.health.borrow().watches, 5);
    append(&rollout("2026/01/06", "a"), step(20));
    running.until("the next day", |running| calls(running) == 2).await;
    append(&rollout("2026/02/01", "b"), step(30));
    running.until("the next month", |running| calls(running) == 3).await;
    append(&rollout("2027/01/01", "c"), step(40));
    running.until("the next year", |running| calls(running) == 4).await;
    // Put away by the agent: the same bytes are not told again.
    let away = home.path().join("archived_sessions");
    std::fs::create_dir(&away).unwrap();
    std::fs::rename(rollout("2027/01/01", "c"), away.join("rollout-c.jsonl")).unwrap();
    append(&away.join("rollout-c.jsonl"), step(50));
    running.until("put away", |running| calls(running) == 5).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_transcripts_are_followed_without_a_single_watch() {
    let home = tempfile::tempdir().unwrap();
    for number in 0..3_000 {
        let path = session(home.path(), &format!("-srv-p{}", number % 3), &format!("old{number}"));
        archive(&path, call(&format!("old{number}")), 1 + number / 20);
    }
    let live = session(home.path(), "-srv-p0", "live");
    append(&live, call("live"));
    let running = start(Options {
        watch_limit: Some(0),
        ..claude(home.path())
    })
    .await;
    running.until("indexed", indexed).await;
    assert_eq!(calls(&running), 3_001);
    append(&live, call("live2"));
    append(&session(home.path(), "-srv-p1", "old1234"), call("woken"));
    append(&session(home.path(), "-srv-new", "new"), call("new"));
    running.until("all three", |running| calls(running) == 3_004).await;
    assert!(running.problems()["watches"].starts_with("Degraded"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_projects_of_an_agent_go_on_beside_builds_in_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let app = project(folder.path(), "app", "0");
    let home = app.join(".agent");
    append(&session(&home, "-srv-app", "5f1c"), call("m1"));
    let both = || Options {
        agents: vec![home_of("claude", &home)],
        ..options(folder.path())
    };
    let first = start(both()).await;
    assert_eq!(
        (messages(&first), first.details(&app)),
        (vec!["m1".to_owned()], vec!["0".to_owned()])
    );
    let known = first.checkpoints();
    first.stop().await;
    let second = start_with(both(), known).await;
    assert_eq!((calls(&second), second.health.borrow().reads), (0, 0));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_folder_of_ones_own_is_read_and_followed_through_no_further_link() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let real = elsewhere.path().join("-srv-app");
    let file = real.join("5f1c.jsonl");
    append(&file, call("m1"));
    std::fs::create_dir_all(home.path().join("projects")).unwrap();
    // A link within it, and one to what is there anyway.
    std::os::unix::fs::symlink(elsewhere.path(), real.join("deeper")).unwrap();
    append(&elsewhere.path().join("secret.jsonl"), call("never"));
    append(&session(home.path(), "-srv-own", "6a2d"), call("m2"));
    std::os::unix::fs::symlink("-srv-own", home.path().join("projects/-srv-alias")).unwrap();
    let link = home.path().join("projects/-srv-app");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let running = start(claude(home.path())).await;
    let mut told = messages(&running);
    told.sort();
    assert_eq!(told, ["m1", "m2"]);
    append(&file, call("m3"));
    running
        .until("what was appended", |running| {
            messages(running).contains(&"m3".to_owned())
        })
        .await;
    let linked = link.join("5f1c.jsonl");
    let events = running.events();
    let of_link = events
        .iter()
        .filter(|event| event.origin.path.as_deref() == linked.to_str());
    assert!(of_link.count() > 1, "known by the name in the agent's folder");
    assert!(running.problems().is_empty());
    running.stop().await;
}
