//! Old transcripts are read last, for their usage, with their progress shown.

use forgecast_protocol::Fact;

use super::{age, append, archive, call, call_with, calls, claude, indexed, messages, progress, session};
use crate::support::{launch, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_at_work_come_first_newest_first_and_archives_after_readiness_newest_first() {
    let home = tempfile::tempdir().unwrap();
    for day in 0..300_u64 {
        let path = session(home.path(), &format!("-srv-p{}", day % 7), &format!("old{day}"));
        archive(&path, call(&format!("old{day}")), day);
    }
    append(&session(home.path(), "-srv-p1", "live"), call("live"));
    let running = start(claude(home.path())).await;
    running.until("indexed", indexed).await;
    let told = messages(&running);
    assert_eq!(told.len(), 301);
    assert_eq!(told[0], "live");
    let day = |message: &str| message.strip_prefix("old").unwrap().parse::<u64>().unwrap();
    for project in 0..7 {
        let days: Vec<u64> = told[1..].iter().map(|message| day(message)).collect();
        let days: Vec<u64> = days.into_iter().filter(|day| day % 7 == project).collect();
        assert!(days.is_sorted_by(|a, b| a > b), "{days:?}");
    }
    let progress = progress(&running);
    let last = progress.last().unwrap();
    assert_eq!((last.done, last.files), (300, 300));
    assert_eq!(last.bytes_done, last.bytes);
    assert_eq!(progress.iter().filter(|told| told.done == told.files).count(), 1);
    assert!(progress.is_sorted_by_key(|told| (told.done, told.bytes_done)));
    running
        .until("shown as over", |running| running.health.borrow().indexing.is_none())
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_does_not_wait_for_archives_and_they_wait_for_the_hub() {
    let home = tempfile::tempdir().unwrap();
    for day in 0..50 {
        archive(
            &session(home.path(), "-srv-old", &format!("old{day}")),
            call(&format!("old{day}")),
            day,
        );
    }
    append(&session(home.path(), "-srv-app", "live"), call("live"));
    let running = launch(claude(home.path()), Default::default(), 8);
    // Nothing is taken: what was sent fills the channel, and the archives are not begun.
    let mut health = running.health.clone();
    health.wait_for(|health| health.ready).await.unwrap();
    let indexing = health
        .wait_for(|health| health.indexing.is_some())
        .await
        .unwrap()
        .indexing;
    let indexing = indexing.unwrap();
    assert_eq!((indexing.done, indexing.files), (0, 50));
    assert_eq!(health.borrow().reads, 1);
    running.until("indexed", indexed).await;
    assert_eq!(messages(&running)[0], "live");
    assert_eq!(calls(&running), 51);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_archive_only_usage_is_told_until_it_grows_again() {
    let home = tempfile::tempdir().unwrap();
    let path = session(home.path(), "-srv-app", "5f1c");
    archive(&path, call_with("m1", "said long ago"), 1);
    let running = start(claude(home.path())).await;
    running.until("indexed", indexed).await;
    assert_eq!(messages(&running), ["m1"]);
    assert!(running.lines().is_empty());
    append(&path, call_with("m2", "said just now"));
    running.until("grown", |running| calls(running) == 2).await;
    let lines = running.lines();
    assert!(
        lines.iter().any(|line| line.text.contains("said just now")),
        "{lines:#?}"
    );
    assert!(!lines.iter().any(|line| line.text.contains("said long ago")));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_grows_before_it_was_read_is_read_at_once_and_counts_as_done() {
    let home = tempfile::tempdir().unwrap();
    let [woken, asleep] = ["woken", "asleep"].map(|name| session(home.path(), "-srv-app", name));
    archive(&woken, call("w1"), 1);
    archive(&asleep, call("a1"), 2);
    append(&session(home.path(), "-srv-app", "live"), call("live"));
    let running = launch(claude(home.path()), Default::default(), 8);
    running
        .health
        .clone()
        .wait_for(|health| health.ready && health.indexing.is_some_and(|indexing| indexing.files == 2))
        .await
        .unwrap();
    append(&woken, call("w2"));
    running
        .health
        .clone()
        .wait_for(|health| health.indexing.is_some_and(|indexing| indexing.done == 1))
        .await
        .unwrap();
    running.until("indexed", indexed).await;
    running.until("all", |running| calls(running) == 4).await;
    assert_eq!(messages(&running), ["live", "w1", "w2", "a1"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_was_copied_here_later_is_read_in_the_background_too() {
    let home = tempfile::tempdir().unwrap();
    append(&session(home.path(), "-srv-app", "live"), call("live"));
    let running = start(claude(home.path())).await;
    assert!(progress(&running).is_empty(), "nothing to index, nothing to say");
    let elsewhere = tempfile::tempdir_in(home.path()).unwrap();
    let copied = elsewhere.path().join("copied.jsonl");
    archive(&copied, call("copied"), 9);
    std::fs::rename(&copied, session(home.path(), "-srv-app", "copied")).unwrap();
    running.until("told", |running| calls(running) == 2).await;
    running.until("indexed", indexed).await;
    let last = *progress(&running).last().unwrap();
    assert_eq!((last.done, last.files), (1, 1));
    age(&session(home.path(), "-srv-app", "copied"), 10);
    running
        .until("a changed date is nothing to tell", |running| {
            progress(running).iter().filter(|told| told.done == 1).count() == 2
        })
        .await;
    assert_eq!(calls(&running), 2);
    assert!(!running.has(|fact| matches!(fact, Fact::ProblemFound(_))));
    running.stop().await;
}
