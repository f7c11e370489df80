//! A database that an earlier version left, with another fold: what it knew is still there, and goes on.

use std::path::PathBuf;

use forgecast_protocol::{Event, Origin, SourceKind, Subject, Timestamp};
use forgecast_session::{FOLD_VERSION, Limits};
use forgecast_store::{Commit, StoredSession, Write};
use serde_json::{Value, json};

use crate::bench::{Bench, TestClock, folder, options, phase};

/// The folds that wrote the stored sessions below, each with what it wrote.
const FOLDS_THEN: [(u32, &str); 2] = [
    (3, include_str!("../../../forgecast-session/tests/fixtures/fold-3.json")),
    (4, include_str!("../../../forgecast-session/tests/fixtures/fold-4.json")),
];
const SESSION: &str = "weather-app~1";
const FOLDER: &str = "/home/someone/homelab/weather-app";

struct Then {
    fold: u32,
    events: Vec<Event>,
    build: Value,
}

fn all_then() -> impl Iterator<Item = Then> {
    FOLDS_THEN.into_iter().map(|(fold, text)| {
        let stored: Value = serde_json::from_str(text).unwrap();
        assert!(stored["fold_version"] == fold && fold < FOLD_VERSION);
        Then {
            fold,
            events: serde_json::from_value(stored["events"].clone()).unwrap(),
            build: stored["build"].clone(),
        }
    })
}

impl Then {
    /// The facts, and behind them the state that they were folded to.
    fn writes(&self) -> Vec<Write> {
        let events = (1..).zip(self.events.clone());
        let mut writes: Vec<Write> = events.map(|(at, it)| event(it, at)).collect();
        writes.push(Write::Snapshot {
            session: SESSION.parse().unwrap(),
            revision: 24,
            fold_version: self.fold,
            body: serde_json::to_vec(&self.build).unwrap(),
        });
        writes
    }
}

fn event(event: Event, revision: u64) -> Write {
    let session = SESSION.parse().unwrap();
    Write::Event {
        session,
        revision,
        event,
    }
}

/// A database with these writes, as it was closed then.
async fn left(fold: u32, writes: Vec<Write>) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("forgecast.db");
    let store_options = forgecast_store::Options {
        path: Some(path.clone()),
        ..forgecast_store::Options::default()
    };
    let now = Timestamp::from_millis(1_769_860_800_000);
    let store = forgecast_store::open(store_options, fold, now).await.unwrap().store;
    let known = Write::Session(StoredSession {
        id: SESSION.parse().unwrap(),
        name: "weather-app".to_owned(),
        directory: Some(FOLDER.to_owned()),
        named: false,
        created_at: now,
        pushed_by: None,
    });
    let writes = std::iter::once(known).chain(writes).collect();
    store.commit(Commit { writes }).await.unwrap();
    store.close().await.unwrap();
    (home, path)
}

/// A view without what the folds differ in: the numbers of calls of the sources, and the words of a phase file that aged
/// beside the phase of the checkpoint.
fn comparable(view: &Value) -> Value {
    let mut view = view.clone();
    let sources = view.pointer_mut("/usage/by_source").and_then(Value::as_object_mut);
    for source in sources.into_iter().flat_map(serde_json::Map::values_mut) {
        source.as_object_mut().unwrap().remove("calls");
    }
    let phase = view["phase"].as_object_mut().unwrap();
    phase.retain(|field, _| !["number", "total"].contains(&field.as_str()));
    view.as_object_mut().unwrap().remove("status_word");
    view
}

/// Opens it by now's version and finds the view as it was; then it goes on, also after another start.
async fn goes_on((home, path): (tempfile::TempDir, PathBuf), build: &Value) {
    let long = 1 << 50;
    let patient = forgecast_hub::Options {
        limits: Limits {
            stalled_ms: long,
            abandoned_ms: long,
            settled_ms: long,
            ..Limits::default()
        },
        ..options()
    };
    let mut bench = Bench::open(patient, Some(home), path, TestClock::new()).await;
    let (_, known) = bench.view(SESSION).await.unwrap();
    assert_eq!(comparable(&known), comparable(&build["view"]));
    bench = bench.restart().await;
    assert_eq!(bench.view(SESSION).await.unwrap().1, known);
    bench.fact(folder(FOLDER), phase("Deploy", "under way")).await;
    bench.wait_for(SESSION, "under way").await;
    bench = bench.restart().await;
    let (_, view) = bench.view(SESSION).await.unwrap();
    assert_eq!(view["phase"]["detail"], "under way");
    for part in ["decisions", "usage", "patterns", "agents", "errors"] {
        assert_eq!(view[part], known[part], "{part}");
    }
    bench.stop().await;
}

#[tokio::test]
async fn facts_are_folded_anew() {
    for mut then in all_then() {
        let database = left(then.fold, then.writes()).await;
        if then.fold == 3 {
            // Unlike the states below, this one is made by the fold of today, in its words.
            then.build["view"]["phase"]["detail"] = json!("Iteration 3");
        }
        goes_on(database, &then.build).await;
    }
}

#[tokio::test]
async fn a_state_whose_facts_retention_removed_is_kept() {
    for then in all_then() {
        let (home, path) = left(then.fold, then.writes()).await;
        let database = rusqlite::Connection::open(&path).unwrap();
        database
            .execute_batch(
                "UPDATE sessions SET pruned_to = (SELECT max(sequence) FROM events);
                 DELETE FROM events;",
            )
            .unwrap();
        database.close().unwrap();
        goes_on((home, path), &then.build).await;
    }
}

#[tokio::test]
async fn a_state_in_which_facts_were_collapsed_is_kept() {
    for Then { fold, events, build } in all_then() {
        let mut writes: Vec<Write> = (1..).zip(events).take(3).map(|(at, it)| event(it, at)).collect();
        let collapsed = json!({
            "type": "custom",
            "kind": "facts_collapsed",
            "data": { "count": 21, "fold_version": fold, "state": &build },
        });
        let marker = Event {
            id: None,
            subject: Subject {
                session: Some(SESSION.parse().unwrap()),
                ..Subject::default()
            },
            at: Timestamp::from_millis(1_769_861_520_000),
            origin: Origin {
                kind: SourceKind::Internal,
                path: None,
                first_sight: false,
                modified_at: None,
            },
            fact: serde_json::from_value(collapsed).unwrap(),
        };
        writes.push(event(marker, 24));
        goes_on(left(fold, writes).await, &build).await;
    }
}
