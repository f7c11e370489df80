//! Another program, a full disk, a slow query: commits wait and are written later, reading goes on, and nobody is told
//! that something is stored when it is not.

use forgecast_store::{Error, Options, open};
use rusqlite::Connection;

use crate::helpers::*;

#[tokio::test]
async fn commits_wait_while_another_program_holds_the_lock_and_reading_goes_on() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let waiting = store.commit(commit([event("a~1", 1, with_id(numbered(1), "x"))]));
    eventually("the trouble is reported", async || !store.health().writable).await;
    let health = store.health();
    assert!(health.last_error.is_some() && !health.full);
    assert_eq!(health.queued, 1);
    assert!(store.backlog_bytes() > 0);
    assert_eq!(store.sessions().await.unwrap().len(), 1);
    assert!(store.events_after(&id("a~1"), 0, 10).await.unwrap().is_empty());

    other.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap();
    let health = store.health();
    assert!(health.writable && health.last_error.is_none());
    assert_eq!(store.backlog_bytes(), 0);
    assert_eq!(store.events_after(&id("a~1"), 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_has_waited_long_enough_is_told_and_the_data_is_written_all_the_same() {
    let place = Place::new();
    let options = Options {
        commit_deadline_ms: 50,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    store.commit(commit([session("a~1")])).await.unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let first = store.commit(commit([event("a~1", 1, with_id(numbered(1), "x"))]));
    let second = store.commit(commit([event("a~1", 2, numbered(2))]));
    for delayed in [first.await, second.await] {
        assert!(
            matches!(delayed, Err(Error::Delayed { full: false, .. })),
            "{delayed:?}"
        );
    }
    assert!(matches!(store.forget(&id("a~1")).await, Err(Error::Delayed { .. })));
    let known = store.known_ids(vec!["x".parse().unwrap()]).await.unwrap();
    assert_eq!(known.len(), 1, "sent again, it is known");

    other.execute_batch("COMMIT").unwrap();
    eventually("it is written", async || {
        store.events_after(&id("a~1"), 0, 10).await.unwrap().len() == 2
    })
    .await;
}

#[tokio::test]
async fn a_store_that_cannot_write_ends_all_the_same_and_says_what_is_lost() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let waiting = store.commit(commit([event("a~1", 1, numbered(1))]));
    let ended = store.close().await;
    assert!(matches!(ended, Err(Error::Unwritten { commits: 1, .. })), "{ended:?}");
    assert!(matches!(waiting.await, Err(Error::Unwritten { .. })));
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    assert!(!place.open().await.clean);
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let place = Place::new();
    let options = Options {
        read_deadline_ms: 0,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    let slow = store.sessions().await;
    assert!(matches!(slow, Err(Error::Slow { limit_ms: 0, .. })), "{slow:?}");
}

#[tokio::test]
async fn the_write_ahead_log_is_cut_after_a_reader_that_held_it_has_gone() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    let mut other = Connection::open(place.path()).unwrap();
    let reading = other.transaction().unwrap();
    reading
        .query_row("SELECT count(*) FROM sessions", [], |_| Ok(()))
        .unwrap();
    let text = "x".repeat(100_000);
    for number in 0..200 {
        let mut fact = phase(&text);
        fact.at = time(number);
        drop(store.commit(commit([event("a~1", 1, fact)])));
    }
    store.commit(commit([])).await.unwrap();
    let grown = store.health().wal_bytes;
    assert!(grown > 16 * 1024 * 1024, "{grown}");
    drop(reading);
    eventually("the log is cut", async || store.health().wal_bytes == 0).await;
}
