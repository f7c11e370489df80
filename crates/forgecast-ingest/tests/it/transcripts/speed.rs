//! What a start with a large archive costs; run by hand, optimized:
//! `cargo test --release -p forgecast-ingest --test it warm_start -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{age, append, archive, call_with, calls, claude, indexed, session};
use crate::support::start_with;

/// CPU time of this process so far, all threads.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

/// So many archives of about ten mebibytes: calls, and three times as much that says nothing of usage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn cold_start_with_archives_of_half_a_gigabyte() {
    let home = tempfile::tempdir().unwrap();
    for number in 0..50_u64 {
        let noise = |n: u64| {
            format!(
                r#"{{"type":"user","uuid":"u{number}-{n}","timestamp":"2026-11-20T08:00:00.000Z","message":{{"role":"user","content":"{}"}}}}"#,
                "w".repeat(4_800)
            ) + "\n"
        };
        let pair = |n: u64| call_with(&format!("m{number}-{n}"), &"w".repeat(1_200)) + &noise(n);
        let text: String = (0..1_600).map(pair).collect();
        archive(
            &session(home.path(), &format!("-srv-p{}", number % 5), &format!("s{number}")),
            text,
            number,
        );
    }
    let begun = cpu();
    let running = start_with(claude(home.path()), BTreeMap::new()).await;
    running.until("indexed", indexed).await;
    let (cost, read) = (cpu() - begun, running.health.borrow().bytes_read);
    assert_eq!(calls(&running), 50 * 1_600);
    println!("cold start: {cost:?} of CPU, the test's own included; {read} bytes read");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn warm_start_with_two_thousand_transcripts() {
    let home = tempfile::tempdir().unwrap();
    // The size of an archive costs nothing at a warm start: small ones stand for large ones here.
    for number in 0..2_000_u64 {
        let path = session(home.path(), &format!("-srv-p{}", number % 40), &format!("s{number}"));
        let text: String = (0..4).map(|n| call_with(&format!("m{number}-{n}"), "words")).collect();
        archive(&path, text, 1 + number / 8);
        if number % 4 == 0 {
            let below = path.with_extension("").join("subagents/agent-a.jsonl");
            archive(&below, call_with(&format!("s{number}"), "words"), 1 + number / 8);
            age(below.parent().unwrap(), 1);
            age(below.parent().unwrap().parent().unwrap(), 1);
        }
    }
    let first = start_with(claude(home.path()), BTreeMap::new()).await;
    first.until("indexed", indexed).await;
    let known = first.checkpoints();
    first.stop().await;
    let appended: String = (0..256)
        .map(|n| call_with(&format!("new{n}"), &"w".repeat(3_700)))
        .collect();
    append(&session(home.path(), "-srv-p7", "s7"), &appended);
    let begun = cpu();
    let second = start_with(claude(home.path()), known).await;
    let cost = cpu() - begun;
    let told = calls(&second);
    assert!(told > 200, "{told}");
    let health = second.health.borrow().clone();
    println!(
        "warm start: {cost:?} of CPU; {} transcripts, {} reads, {} bytes read, {} folders listed",
        health.transcripts, health.reads, health.bytes_read, health.folders_listed
    );
    second.stop().await;
}
