//! A process that is killed while it commits: what it acknowledged is there, and facts and checkpoints agree.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};

use forgecast_protocol::SourceKey;
use forgecast_store::{Store, UsageDelta, UsageQuery, Write, open};

use crate::helpers::*;

const ROUNDS: u64 = 20;
/// Keys begin behind all numbers.
const KEY: u64 = 1 << 40;

/// One call more; each third one takes back all but one of what was added since the last such.
fn usage(number: u64) -> UsageDelta {
    UsageDelta {
        owner: "a~1".into(),
        calls: if number.is_multiple_of(3) { -1 } else { 1 },
        ..UsageDelta::default()
    }
}

/// Calls, their keys and the sums say what the facts say.
async fn calls_agree(store: &Store, last: u64) {
    let calls = store
        .calls((1..=last).map(|number| KEY + number).collect())
        .await
        .unwrap();
    let bodies: Vec<u64> = calls
        .iter()
        .map(|call| std::str::from_utf8(&call.body).unwrap().parse().unwrap())
        .collect();
    let newest = |call: u64| (call * 3 + 2).min(last);
    let expected: Vec<u64> = if last == 0 {
        vec![]
    } else {
        (0..=last / 3).map(newest).collect()
    };
    assert_eq!(bodies, expected, "the newest of each call");
    let sum: u64 = store
        .usage(UsageQuery::default())
        .await
        .unwrap()
        .iter()
        .map(|group| group.calls)
        .sum();
    assert_eq!(sum, last - 2 * (last / 3), "each difference once");
}

/// Runs as a process of its own (see the test below), in the folder of the database.
#[tokio::test]
#[ignore = "started by the kill test, in a folder of its own"]
async fn child_that_commits_until_it_is_killed() {
    let path = std::path::Path::new("forgecast.db");
    let store = open(options(path), FOLD, time(NOW_MS)).await.unwrap().store;
    let known = store.sessions().await.unwrap();
    let mut number = known.first().map_or(0, |known| known.revision);
    store.commit(commit([session("a~1")])).await.unwrap();
    // Ends by itself when nobody kills it.
    for _ in 0..200 {
        let mut pending = Vec::new();
        for _ in 0..16 {
            number += 1;
            let writes = [
                event("a~1", number, numbered(number)),
                checkpoint("/log", number),
                // Each third one is the same call again.
                call(number / 3, &[KEY + number], &number.to_string()),
                Write::Usage(usage(number)),
            ];
            pending.push((number, store.commit(commit(writes))));
        }
        for (number, done) in pending {
            done.await.unwrap();
            let mut out = std::io::stdout().lock();
            writeln!(out, "\nacknowledged {number}").unwrap();
            out.flush().unwrap();
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let place = Place::new();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        acknowledged = acknowledged.max(run_and_kill(&place, round));
        let opened = place.open().await;
        assert!(!opened.clean, "a kill is no clean stop");
        assert!(opened.notices.is_empty(), "{:?}", opened.notices);
        let store = opened.store;
        let events = store.events_after(&id("a~1"), 0, u32::MAX).await.unwrap();
        let numbers: Vec<u64> = events.iter().map(|stored| number_of(&stored.event)).collect();
        let last = numbers.last().copied().unwrap_or(0);
        assert!(
            last >= acknowledged,
            "round {round}: {acknowledged} acknowledged, {last} stored"
        );
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "each fact once, none missing");
        let sources = store.sources().await.unwrap();
        let offset = sources.get(&SourceKey("/log".into())).map_or(0, |source| source.offset);
        assert_eq!(offset, last, "the checkpoint says what the facts say");
        calls_agree(&store, last).await;
        store.abandon().await;
    }
    assert!(acknowledged > 0);
}

/// The highest number that the process acknowledged before it was killed, in the middle of its work.
fn run_and_kill(place: &Place, round: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_that_commits_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .current_dir(place.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Another number of commits each time, so that the kill falls into other moments of a transaction.
    let patience = 1 + (round * 37) % 90;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    let mut number = |line: std::io::Result<String>| {
        if let Some(number) = line.unwrap().strip_prefix("acknowledged ") {
            acknowledged = number.parse().unwrap();
            return true;
        }
        false
    };
    let mut seen = 0;
    while seen < patience {
        match lines.next() {
            Some(line) => seen += u64::from(number(line)),
            None => break,
        }
    }
    child.kill().unwrap();
    // What it still said before it died counts, too.
    lines.for_each(|line| {
        number(line);
    });
    child.wait().unwrap();
    acknowledged
}
