//! A process that is killed and started again tells what one that ran through would have told.

use std::collections::BTreeMap;

use forgecast_protocol::event::CallReported;
use forgecast_protocol::{Fact, SourceCheckpoint, SourceKey};

use super::{append, archive, call, call_with, calls, claude, indexed, session, step};
use crate::support::{Running, home_of, launch, start, start_with};

fn reported(running: &Running) -> Vec<CallReported> {
    let facts = running.facts().into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::CallReported(call) => Some(call),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_lives_tells_the_calls_of_one() {
    let home = tempfile::tempdir().unwrap();
    let codex = home.path().join("codex");
    let both = || forgecast_ingest::Options {
        agents: vec![home_of("claude", home.path()), home_of("codex", &codex)],
        ..claude(home.path())
    };
    let model = r#"{"timestamp":"2026-11-20T08:00:00.000Z","type":"turn_context","payload":{"model":"gpt-5.5"}}"#;
    let mut texts = [
        (0..200)
            .map(|n| call_with(&format!("m{n}"), &"x".repeat(n * 7)))
            .collect::<String>(),
        format!("{model}\n") + &(1..200).map(|n| step(n * 10)).collect::<String>(),
    ]
    .map(String::into_bytes);
    let paths = [
        session(home.path(), "-srv-app", "5f1c"),
        codex.join("sessions/2026/11/20/rollout-a.jsonl"),
    ];
    let mut known: BTreeMap<SourceKey, SourceCheckpoint> = BTreeMap::new();
    let mut told = Vec::new();
    let mut cut = 1_000;
    while texts.iter().any(|text| !text.is_empty()) {
        for (path, text) in paths.iter().zip(&mut texts) {
            append(path, text.drain(..cut.min(text.len())).collect::<Vec<u8>>());
        }
        cut = cut * 3 / 2 + 17;
        let life = start_with(both(), known.clone()).await;
        told.extend(reported(&life));
        known.extend(life.checkpoints());
        life.stop().await;
    }
    let whole = start(both()).await;
    let mut whole_told = reported(&whole);
    whole.stop().await;
    let order = |call: &CallReported| (call.call.message.clone(), call.offset, call.used_at);
    told.sort_by_key(order);
    whole_told.sort_by_key(order);
    assert_eq!(told.len(), 399);
    assert_eq!(told, whole_told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_archives_are_not_read_again_and_an_interrupted_reading_goes_on() {
    let home = tempfile::tempdir().unwrap();
    for number in 0..40 {
        let text: String = (0..20).map(|n| call(&format!("m{number}-{n}"))).collect();
        archive(&session(home.path(), "-srv-app", &format!("old{number}")), text, number);
    }
    // Larger than what is read in one piece of work.
    let large: String = (0..30_000).map(|n| call(&format!("l{n}"))).collect();
    archive(&session(home.path(), "-srv-app", "large"), large, 50);
    let first = launch(claude(home.path()), BTreeMap::new(), 4);
    first.until("some of it", |running| calls(running) > 0).await;
    let mut told = reported(&first);
    let mut known = first.checkpoints();
    first.stop().await;
    assert!(told.len() < 30_000, "{}", told.len());

    let second = start_with(claude(home.path()), known.clone()).await;
    second.until("indexed", indexed).await;
    told.extend(reported(&second));
    known.extend(second.checkpoints());
    second.stop().await;
    assert_eq!(told.len(), 30_800);
    let mut messages: Vec<_> = told.into_iter().filter_map(|call| call.call.message).collect();
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 30_800);

    let third = start_with(claude(home.path()), known).await;
    assert_eq!(third.facts(), []);
    let health = third.health.borrow().clone();
    assert_eq!((health.reads, health.bytes_read, health.transcripts), (0, 0, 41));
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_written_anew_while_nobody_watched_is_read_from_its_beginning() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    append(&path, call("m1"));
    let first = start(claude(home.path())).await;
    let known = first.checkpoints();
    first.stop().await;
    std::fs::write(&path, call_with("other1", "something longer") + &call("other2")).unwrap();
    let second = start_with(claude(home.path()), known).await;
    second.until("both", |running| calls(running) == 2).await;
    second.stop().await;
}
