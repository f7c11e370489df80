//! What was acknowledged is there afterwards, in its order, and several commits share a transaction.

use std::collections::BTreeSet;

use forgecast_protocol::{SourceKey, Timestamp};
use forgecast_store::{Commit, Error, Options, StoredRun, Write, open};

use crate::helpers::*;

#[tokio::test]
async fn everything_written_is_read_back_after_reopening() {
    let place = Place::new();
    let store = place.store().await;
    let run = StoredRun {
        session: id("a~1"),
        project: Some("p".into()),
        ended_at: time(NOW_MS),
        body: serde_json::json!({"total_ms": 5}),
    };
    let shown = row("a~1", forgecast_protocol::SessionStatus::Running, NOW_MS);
    store
        .commit(commit([
            session("a~1"),
            event("a~1", 1, with_id(phase("Scout"), "e-1")),
            event("a~1", 2, phase("Builder")),
            row_write(shown.clone()),
            checkpoint("/builds/a/phase.json", 12),
            checkpoint("/builds/a/gone", 1),
            Write::ForgetSource(SourceKey("/builds/a/gone".into())),
            lines("a~1", 0..3),
            Write::Run(run.clone()),
        ]))
        .await
        .unwrap();
    store.close().await.unwrap();

    let store = place.store().await;
    let known = store.sessions().await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(Write::Session(known[0].session.clone()), session("a~1"));
    assert_eq!(known[0].revision, 2);
    assert_eq!(known[0].row, Some(shown));
    assert_eq!(known[0].next_log_offset, 3);
    let sources = store.sources().await.unwrap();
    let sources: Vec<Write> = sources
        .into_iter()
        .map(|(key, checkpoint)| Write::Checkpoint(key, checkpoint))
        .collect();
    assert_eq!(sources, [checkpoint("/builds/a/phase.json", 12)]);
    assert_eq!(store.runs().await.unwrap(), [run]);

    let (_, newest, end) = store.export_head(&id("a~1")).await.unwrap().unwrap();
    let events = store.events_after(&id("a~1"), 0, 10).await.unwrap();
    assert_eq!(events[0].event, with_id(phase("Scout"), "e-1"));
    assert_eq!(events[1].event, phase("Builder"));
    assert_eq!((events.last().map(|last| last.sequence), end), (Some(newest), 3));
    assert_eq!(store.export_head(&id("b~1")).await.unwrap(), None);
}

#[tokio::test]
async fn commits_that_queue_up_share_transactions() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    let before = store.health();
    let pending: Vec<_> = (1..=500)
        .map(|revision| store.commit(commit([event("a~1", revision, numbered(revision))])))
        .collect();
    for done in pending {
        done.await.unwrap();
    }
    let after = store.health();
    assert_eq!(after.commits - before.commits, 500);
    let transactions = after.transactions - before.transactions;
    assert!(transactions < 500, "{transactions} transactions");
    assert_eq!((after.queued, after.backlog_bytes), (0, 0));
}

#[tokio::test]
async fn commits_are_stored_in_the_order_in_which_they_were_queued() {
    let place = Place::new();
    let store = place.store().await;
    drop(store.commit(commit([session("a~1")])));
    for revision in 1..=300 {
        drop(store.commit(commit([event("a~1", revision, numbered(revision))])));
    }
    // An empty commit is a barrier.
    store.commit(Commit::default()).await.unwrap();
    let events = store.events_after(&id("a~1"), 0, 1000).await.unwrap();
    let numbers: Vec<u64> = events.iter().map(|stored| number_of(&stored.event)).collect();
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    let page = store.events_after(&id("a~1"), events[9].sequence, 5).await.unwrap();
    assert_eq!(page, events[10..15]);
}

#[tokio::test]
async fn the_same_producer_id_is_stored_once_and_known_from_the_moment_it_is_queued() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1"), session("b~1")])).await.unwrap();
    let pending = store.commit(commit([event("a~1", 1, with_id(numbered(1), "x"))]));
    let ids = ["x", "y"].map(key);
    let known = store.known_ids(ids.to_vec()).await.unwrap();
    assert_eq!(known, BTreeSet::from([ids[0].clone()]));
    pending.await.unwrap();
    assert_eq!(store.known_ids(ids.to_vec()).await.unwrap(), known);

    let again = commit([event("b~1", 1, with_id(numbered(2), "x")), event("b~1", 1, numbered(3))]);
    store.commit(again).await.unwrap();
    let stored = store.events_after(&id("b~1"), 0, 10).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(number_of(&stored[0].event), 3);
}

#[tokio::test]
async fn a_commit_that_names_an_unknown_session_is_refused_whole_and_alone() {
    let place = Place::new();
    let store = place.store().await;
    let good = store.commit(commit([session("a~1"), event("a~1", 1, numbered(1))]));
    let bad = store.commit(commit([
        checkpoint("/x", 5),
        event("a~1", 2, numbered(2)),
        event("nobody~1", 1, numbered(3)),
    ]));
    let also_good = store.commit(commit([event("a~1", 2, numbered(4))]));
    good.await.unwrap();
    assert!(matches!(bad.await, Err(Error::UnknownSession { session }) if session == id("nobody~1")));
    also_good.await.unwrap();
    assert!(store.sources().await.unwrap().is_empty());
    assert_eq!(store.events_after(&id("a~1"), 0, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_temporary_store_works_like_any_other_and_leaves_nothing() {
    let opened = open(Options::default(), FOLD, Timestamp::from_millis(NOW_MS))
        .await
        .unwrap();
    let store = opened.store;
    store
        .commit(commit([session("a~1"), event("a~1", 1, numbered(1))]))
        .await
        .unwrap();
    assert_eq!(store.events_after(&id("a~1"), 0, 10).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn after_the_end_everything_is_answered_closed() {
    let place = Place::new();
    let store = place.store().await;
    let other = store.clone();
    store.close().await.unwrap();
    assert!(matches!(other.commit(Commit::default()).await, Err(Error::Closed)));
    assert!(matches!(other.sessions().await, Err(Error::Closed)));
    assert!(matches!(other.prune(time(NOW_MS)).await, Err(Error::Closed)));
    other.close().await.unwrap_err();
}

#[tokio::test]
async fn a_store_that_is_dropped_still_writes_what_was_queued() {
    let place = Place::new();
    let store = place.store().await;
    let last = store.commit(commit([session("a~1"), event("a~1", 1, numbered(1))]));
    drop(store);
    last.await.unwrap();
}
