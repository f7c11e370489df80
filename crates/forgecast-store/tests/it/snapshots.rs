//! Which snapshots are kept, and from which one a state is folded.

use forgecast_store::{Options, StoredState, Write, open};

use crate::helpers::*;

/// What a load gave: the revision and body of the base, the first and the last number of the facts after it.
type Shape = (Option<(u64, String)>, Option<(u64, u64)>);

fn shape(state: Option<StoredState>) -> Shape {
    let state = state.unwrap();
    let base = state
        .snapshot
        .map(|(revision, body)| (revision, String::from_utf8(body).unwrap()));
    let numbers: Vec<u64> = state.events.iter().map(|stored| number_of(&stored.event)).collect();
    for pair in numbers.windows(2) {
        assert_eq!(pair[0] + 1, pair[1], "facts follow each other");
    }
    (base, numbers.first().copied().zip(numbers.last().copied()))
}

/// Facts `1..=count`, each a revision, with a snapshot after every `every`.
fn build(count: u64, every: u64) -> Vec<Write> {
    let mut writes = vec![session("a~1")];
    for number in 1..=count {
        writes.push(event("a~1", number, numbered(number)));
        if number % every == 0 {
            writes.push(snapshot("a~1", number, &format!("after {number}")));
        }
    }
    writes
}

#[tokio::test]
async fn the_base_of_the_newest_state_lies_at_least_256_facts_back() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit(build(700, 256))).await.unwrap();
    let newest = shape(store.load(&id("a~1"), None).await.unwrap());
    assert_eq!(newest, (Some((256, "after 256".into())), Some((257, 700))));
}

#[tokio::test]
async fn a_short_session_is_folded_from_its_first_fact() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit(build(255, 10))).await.unwrap();
    let newest = shape(store.load(&id("a~1"), None).await.unwrap());
    assert_eq!(newest, (None, Some((1, 255))));
    assert!(store.load(&id("b~1"), None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_state_of_the_past_is_folded_from_the_snapshot_before_it() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit(build(700, 256))).await.unwrap();
    for (at, base, facts) in [
        (100, None, Some((1, 100))),
        (256, Some((256, "after 256".into())), None),
        (600, Some((512, "after 512".into())), Some((513, 600))),
    ] {
        assert_eq!(
            shape(store.load(&id("a~1"), Some(at)).await.unwrap()),
            (base, facts),
            "at {at}"
        );
    }
}

#[tokio::test]
async fn facts_that_change_no_revision_are_folded_again_after_the_snapshot() {
    let place = Place::new();
    let store = place.store().await;
    let mut writes = build(256, 256);
    writes.extend([event("a~1", 256, numbered(257)), event("a~1", 256, numbered(258))]);
    store.commit(commit(writes)).await.unwrap();
    let state = shape(store.load(&id("a~1"), Some(256)).await.unwrap());
    assert_eq!(state, (Some((256, "after 256".into())), Some((257, 258))));
}

#[tokio::test]
async fn of_many_snapshots_one_in_256_facts_and_the_newest_are_kept() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit(build(600, 10))).await.unwrap();
    store.close().await.unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    let mut statement = raw.prepare("SELECT revision FROM snapshots ORDER BY revision").unwrap();
    let kept: Vec<i64> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(kept, [260, 520, 600]);
}

#[tokio::test]
async fn a_snapshot_of_another_fold_is_never_a_base() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit(build(700, 256))).await.unwrap();
    store.close().await.unwrap();
    let opened = open(Options { ..place.options() }, FOLD + 1, time(NOW_MS))
        .await
        .unwrap();
    let newest = shape(opened.store.load(&id("a~1"), None).await.unwrap());
    assert_eq!(newest, (None, Some((1, 700))));
}

#[tokio::test]
async fn where_facts_are_missing_the_last_snapshot_of_another_fold_is_the_base() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit(build(700, 256))).await.unwrap();
    store.close().await.unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.execute_batch(
        "UPDATE sessions SET pruned_to = (SELECT sequence FROM snapshots WHERE revision = 256);
         DELETE FROM events WHERE sequence <= (SELECT pruned_to FROM sessions);",
    )
    .unwrap();
    raw.close().unwrap();
    let store = open(place.options(), FOLD + 1, time(NOW_MS)).await.unwrap().store;
    let newest = shape(store.load(&id("a~1"), None).await.unwrap());
    assert_eq!(newest, (Some((512, "after 512".into())), Some((513, 700))));
    let past = shape(store.load(&id("a~1"), Some(300)).await.unwrap());
    assert_eq!(past, (Some((256, "after 256".into())), Some((257, 300))));
    let beginning = store.beginning(&id("a~1")).await.unwrap().unwrap();
    assert_eq!(beginning.snapshot, Some((256, b"after 256".to_vec())));

    // From the first snapshot of this fold on, that is the base; the past from before it stays.
    let new = Write::Snapshot {
        session: id("a~1"),
        revision: 701,
        fold_version: FOLD + 1,
        body: b"anew".to_vec(),
    };
    store
        .commit(commit([event("a~1", 701, numbered(701)), new]))
        .await
        .unwrap();
    let newest = shape(store.load(&id("a~1"), None).await.unwrap());
    assert_eq!(newest, (Some((701, "anew".into())), None));
    let past = shape(store.load(&id("a~1"), Some(300)).await.unwrap());
    assert_eq!(past, (Some((256, "after 256".into())), Some((257, 300))));
}
