//! Another program, a full disk, a slow query: commits wait and are written later, reading goes on, and nobody is told
//! that something is stored when it is not.

use std::path::Path;

use forgecast_store::{Error, Options, Store, open};
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
    let known = store.known_ids(vec![key("x")]).await.unwrap();
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

/// Commits one more numbered fact and gives the answer.
async fn commit_one(store: &Store, number: u64) -> Result<(), Error> {
    store.commit(commit([event("a~1", number, numbered(number))])).await
}

/// How many facts a later opening finds.
async fn found_later(place: &Place) -> usize {
    let store = place.store().await;
    let found = store.events_after(&id("a~1"), 0, 1000).await.unwrap().len();
    store.close().await.unwrap();
    found
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => {}
    }
}

#[tokio::test]
async fn a_database_file_that_is_removed_or_moved_is_written_again_with_all_that_it_held() {
    for (with_log, moved) in [(true, false), (false, false), (false, true)] {
        let place = Place::new();
        let store = place.store().await;
        store.commit(commit([session("a~1")])).await.unwrap();
        commit_one(&store, 1).await.unwrap();
        if moved {
            std::fs::rename(place.path(), place.folder.path().join("elsewhere.db")).unwrap();
        } else {
            remove(&place.path());
        }
        if with_log {
            for suffix in ["-wal", "-shm"] {
                remove(&place.folder.path().join(format!("forgecast.db{suffix}")));
            }
        }
        for number in 2..=25 {
            commit_one(&store, number).await.unwrap();
        }
        let health = store.health();
        assert!(health.writable && health.readable, "{health:?}");
        assert_eq!(store.events_after(&id("a~1"), 0, 100).await.unwrap().len(), 25);
        store.abandon().await;
        assert_eq!(found_later(&place).await, 25, "{with_log} {moved}");
    }
}

#[tokio::test]
async fn what_a_write_ahead_log_held_that_was_removed_is_kept() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    commit_one(&store, 1).await.unwrap();
    remove(&place.folder.path().join("forgecast.db-wal"));
    commit_one(&store, 2).await.unwrap();
    store.abandon().await;
    assert_eq!(found_later(&place).await, 2);
}

#[tokio::test]
async fn an_idle_store_notices_that_its_file_is_gone() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    remove(&place.path());
    eventually("it is there again", async || place.path().exists()).await;
    store.close().await.unwrap();
    assert_eq!(place.store().await.sessions().await.unwrap().len(), 1);
}

/// Nothing is acknowledged, and the health of the store names what is wrong.
async fn assert_unwell(place: &Place, hurt: impl FnOnce(&Path), names: &str) -> Store {
    let options = Options {
        commit_deadline_ms: 50,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    store
        .commit(commit([session("a~1"), lines("a~1", 0..2000)]))
        .await
        .unwrap();
    // What stands in the log is in the file by now.
    store.prune(time(NOW_MS)).await.unwrap();
    hurt(&place.path());
    let answer = commit_one(&store, 1).await;
    assert!(matches!(answer, Err(Error::Delayed { .. })), "{answer:?}");
    let health = store.health();
    assert!(!health.writable, "{health:?}");
    let error = health.last_error.unwrap();
    assert!(error.contains(names), "{error}");
    assert!(!error.contains("INSERT"), "{error}");
    store
}

#[tokio::test]
async fn nothing_is_acknowledged_while_another_file_stands_in_the_place_of_the_database() {
    let place = Place::new();
    let aside = place.folder.path().join("aside.db");
    let replace = |path: &Path| {
        std::fs::rename(path, &aside).unwrap();
        std::fs::write(path, "somebody else's").unwrap();
    };
    let store = assert_unwell(&place, replace, "another file stands in the place").await;
    // Moved away, it makes room for the one that is open.
    remove(&place.path());
    eventually("it recovers", async || store.health().writable).await;
    assert_eq!(store.events_after(&id("a~1"), 0, 10).await.unwrap().len(), 1);
    store.abandon().await;
    assert_eq!(found_later(&place).await, 1);
}

#[tokio::test]
async fn nothing_is_acknowledged_into_a_file_that_was_cut_or_a_table_that_is_gone() {
    let cut = |path: &Path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(4096).unwrap();
    };
    let empty = |path: &Path| {
        std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(path)
            .unwrap();
    };
    let drop_table = |path: &Path| {
        let other = Connection::open(path).unwrap();
        other.execute_batch("DROP TABLE events").unwrap();
    };
    let hurts = [
        (&cut as &dyn Fn(&Path), "was cut: restart the server"),
        (&empty, "was cut: restart the server"),
        (
            &drop_table,
            "no such table: events: the database is damaged; restart the server",
        ),
    ];
    for (hurt, names) in hurts {
        let place = Place::new();
        let store = assert_unwell(&place, hurt, names).await;
        store.abandon().await;
        // A restart does what was said of it, unless nothing is left that could be damaged.
        let opened = place.open().await;
        assert!(opened.notices.len() <= 1, "{names}");
        let store = opened.store;
        store.commit(commit([session("a~1")])).await.unwrap();
        commit_one(&store, 1).await.unwrap();
    }
}

#[tokio::test]
async fn reads_that_fail_show_in_the_health_until_one_succeeds() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("ALTER TABLE sessions RENAME TO aside").unwrap();
    assert!(matches!(store.sessions().await, Err(Error::Query { .. })));
    let health = store.health();
    assert!(!health.readable && health.last_error.is_some_and(|error| error.contains("no such table")));
    other.execute_batch("ALTER TABLE aside RENAME TO sessions").unwrap();
    store.probe().await.unwrap();
    assert!(store.health().readable && store.health().last_error.is_none());
}

#[tokio::test]
async fn links_do_not_open_a_database_twice() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    let (soft, hard) = (place.folder.path().join("soft.db"), place.folder.path().join("hard.db"));
    std::os::unix::fs::symlink(place.path(), &soft).unwrap();
    std::fs::hard_link(place.path(), &hard).unwrap();
    for link in [&soft, &hard] {
        let error = open(options(link), FOLD, time(NOW_MS)).await.unwrap_err();
        assert!(matches!(error, Error::InUse { .. }), "{error}");
    }
    store.close().await.unwrap();
    let by_link = open(options(&soft), FOLD, time(NOW_MS)).await.unwrap().store;
    assert_eq!(by_link.sessions().await.unwrap().len(), 1);
}
