//! Long lines and huge files: read whole, and never held whole.

use std::io::{Seek, SeekFrom, Write};

use super::{age, append, call, call_with, calls, claude, indexed, messages, padded, session};
use crate::support::{launch, start};

const MIB: usize = 1024 * 1024;
/// The bench measures three gigabytes; here it is about how they are read.
const SIZE: u64 = 400 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_sixteen_mebibytes_is_read_and_a_longer_one_left_out_and_flagged() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    let running = start(claude(home.path())).await;
    let fixed = call_with("long", "").len() - 1;
    let long = call_with("long", &"x".repeat(16 * MIB - fixed));
    let (head, tail) = long.split_at(9 * MIB);
    append(&path, call("m1") + head);
    running.until("the first", |running| messages(running) == ["m1"]).await;
    append(&path, tail);
    append(&path, call_with("longer", &"x".repeat(16 * MIB - fixed + 1)));
    append(&path, call("m2"));
    running
        .until("the last", |running| messages(running) == ["m1", "long", "m2"])
        .await;
    let problems = running.problems();
    let key = format!("{}#lines", path.display());
    assert_eq!(
        problems[&key],
        "Oversize: 5f1c.jsonl: 1 line longer than 16 MiB left out"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_bounded_while_nobody_takes_it() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    let count = 4_000;
    append(
        &path,
        (0..count).map(|n| padded(&format!("m{n}"), 10_000)).collect::<String>(),
    );
    let size = std::fs::metadata(&path).unwrap().len();
    let running = launch(claude(home.path()), Default::default(), 1);
    let mut health = running.health.clone();
    // Until its reading stands still; should it go on, the bound holds all the same.
    let mut read = 0;
    let still = std::time::Duration::from_millis(700);
    while let Ok(now) = tokio::time::timeout(still, health.wait_for(|health| health.bytes_read > read)).await {
        read = now.unwrap().bytes_read;
    }
    assert!(read > 0 && size > 38 * MIB as u64);
    assert!(
        read <= 20 * MIB as u64,
        "{read} bytes were read and nobody took anything"
    );
    running.until("all", |running| calls(running) == count).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_archive_streams_by_in_pieces() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    append(&path, call("first"));
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(SIZE)).unwrap();
    file.write_all(("\n".to_owned() + &call("last")).as_bytes()).unwrap();
    drop(file);
    age(&path, 3);
    let running = start(claude(home.path())).await;
    running.until("indexed", indexed).await;
    assert_eq!(messages(&running), ["first", "last"]);
    let read = running.health.borrow().bytes_read;
    // Once, but for what stands before each piece and, when the system interrupts, a piece or two.
    assert!(read < SIZE + SIZE / 50, "{read} bytes of {SIZE}");
    assert!(
        running
            .problems()
            .values()
            .all(|problem| problem.starts_with("Oversize"))
    );
    running.stop().await;
}
