//! Databases of earlier versions: they open, keep what they hold, and take what is new.

use forgecast_protocol::{Event, EventKey, Subject};
use forgecast_store::{UsageDelta, UsageQuery, Write};
use rusqlite::{Connection, params};

use crate::helpers::*;

/// What made the first version, as it was released.
const FIRST: &str = include_str!("../../migrations/sqlite/0001_first.sql");

/// A database as the first version left it: a session with facts, a row, a log and a source, closed properly.
fn version_1(place: &Place) {
    let old = Connection::open(place.path()).unwrap();
    old.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").unwrap();
    old.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    old.execute_batch(FIRST).unwrap();
    old.pragma_update(None, "application_id", 0x4663_7374).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(&format!(
        "INSERT INTO meta VALUES ('epoch', 77), ('clean', 1), ('fold_version', {FOLD});
         INSERT INTO sessions VALUES (1, 'a~1', 'A', '/builds/a', 0, 5, 2, 2, 0, 0, 1, NULL);
         INSERT INTO log_lines VALUES (1, 0, 5, NULL, 'build.log', 'hello', NULL);
         INSERT INTO sources VALUES ('/a.log', -1, 7, 100, -1, 5, 42, 'ab')"
    ))
    .unwrap();
    for number in 1..=2_u64 {
        let body = serde_json::to_string(&numbered(number)).unwrap();
        old.execute(
            "INSERT INTO events (session, revision, at, kind, body) VALUES (1, ?1, ?2, 'custom', ?3)",
            params![number.cast_signed(), NOW_MS, body],
        )
        .unwrap();
    }
}

fn limit(key: &str, body: Option<&str>) -> Write {
    Write::Limit {
        key: key.to_owned(),
        body: body.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_database_of_the_first_version_keeps_its_facts_and_takes_calls() {
    let place = Place::new();
    version_1(&place);
    let opened = place.open().await;
    assert!(opened.clean && opened.notices.is_empty(), "{:?}", opened.notices);
    assert_eq!(opened.epoch.to_string(), forgecast_protocol::Epoch::new(77).to_string());
    let store = opened.store;
    let stored = store.events_after(&id("a~1"), 0, 9).await.unwrap();
    let numbers: Vec<u64> = stored.iter().map(|stored| number_of(&stored.event)).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(store.sessions().await.unwrap()[0].next_log_offset, 1);
    let sources = store.sources().await.unwrap();
    let source = sources.values().next().unwrap();
    assert_eq!(
        (source.offset, source.digest.as_str(), source.state.as_str()),
        (42, "ab", "")
    );

    let bound = Write::Transcript {
        id: "258c".into(),
        session: id("a~1"),
        directory: None,
    };
    let delta = UsageDelta {
        calls: 1,
        ..UsageDelta::default()
    };
    let writes = [
        event("a~1", 3, numbered(3)),
        checkpoint("/a.log", 43),
        call(1, &[2], "a call"),
        bound,
        Write::Usage(delta),
        limit("one", Some("1")),
        limit("two", Some("2")),
    ];
    store.commit(commit(writes)).await.unwrap();
    let writes = [limit("one", None), limit("two", Some("3"))];
    store.commit(commit(writes)).await.unwrap();
    store.close().await.unwrap();

    let store = place.store().await;
    assert_eq!(store.events_after(&id("a~1"), 0, 9).await.unwrap().len(), 3);
    assert_eq!(
        store.sources().await.unwrap().values().next().unwrap().state,
        "after 43"
    );
    assert_eq!(store.calls(vec![2]).await.unwrap().len(), 1);
    assert_eq!(store.transcripts().await.unwrap().len(), 1);
    assert_eq!(store.usage(UsageQuery::default()).await.unwrap()[0].key, "1970-01-01");
    assert_eq!(store.limits().await.unwrap(), [("two".to_owned(), "3".to_owned())]);
}

/// What brought the schema to its fourth version, as it was released.
const TO_FOURTH: [&str; 3] = [
    include_str!("../../migrations/sqlite/0002_usage.sql"),
    include_str!("../../migrations/sqlite/0003_log_ids.sql"),
    include_str!("../../migrations/sqlite/0004_notifications.sql"),
];

#[tokio::test]
async fn ids_of_an_existing_database_count_within_what_their_producers_named() {
    let place = Place::new();
    version_1(&place);
    let old = Connection::open(place.path()).unwrap();
    TO_FOURTH.iter().for_each(|step| old.execute_batch(step).unwrap());
    old.pragma_update(None, "user_version", 4).unwrap();
    let subject = |session: Option<&str>, name: Option<&str>, directory: Option<&str>| Subject {
        session: session.map(|session| session.parse().unwrap()),
        name: name.map(str::to_owned),
        directory: directory.map(str::to_owned),
        transcript: None,
        command: None,
    };
    let subjects = [
        ("of a folder", subject(None, None, Some("/builds/a"))),
        ("of a name", subject(Some("a"), Some("a"), None)),
        ("of a run", subject(Some("a~1"), None, None)),
        ("of both", subject(None, Some("My app!"), Some("/builds/a"))),
        ("b:0123", subject(Some("a"), Some("a"), None)),
    ];
    for (id, subject) in &subjects {
        let event = Event {
            subject: subject.clone(),
            ..with_id(numbered(3), id)
        };
        old.execute(
            "INSERT INTO events (session, revision, at, kind, event_id, body) VALUES (1, 3, 0, 'custom', ?1, ?2)",
            params![id, serde_json::to_string(&event).unwrap()],
        )
        .unwrap();
    }
    old.execute_batch(
        "UPDATE log_lines SET event_id = 'of a line';
         INSERT INTO sessions (number, id, name, named, created_at) VALUES (2, 'gone~7', 'gone', 0, 5)",
    )
    .unwrap();
    drop(old);

    let store = place.store().await;
    let named = |name: &str| subject(Some(name), Some(name), None);
    for (id, own) in &subjects {
        let key = |subject: &Subject| EventKey::new(&id.parse().unwrap(), subject);
        assert_eq!(store.known_ids(vec![key(own)]).await.unwrap().len(), 1, "{id}");
        let is_of_content = id.starts_with("b:");
        let elsewhere = store.known_ids(vec![key(&named("other"))]).await.unwrap();
        assert_eq!(elsewhere.len(), usize::from(is_of_content), "{id}");
    }
    // Over all runs of the name.
    let of_name = EventKey::new(&"of a run".parse().unwrap(), &named("a"));
    assert_eq!(store.known_ids(vec![of_name]).await.unwrap().len(), 1);
    let of_line = EventKey::new(&"of a line".parse().unwrap(), &named("whoever"));
    assert_eq!(store.known_ids(vec![of_line]).await.unwrap().len(), 1);
    assert!(store.names().await.unwrap().contains(&(id("gone~7").name().clone(), 7)));
    assert_eq!(store.sessions().await.unwrap().len(), 1);
    let again = Event {
        subject: named("other"),
        ..with_id(numbered(4), "of a folder")
    };
    store.commit(commit([event("a~1", 4, again)])).await.unwrap();
    assert_eq!(store.events_after(&id("a~1"), 0, 99).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_migrated_database_has_the_schema_of_a_new_one() {
    let schema = |place: &Place| -> Vec<(String, Option<String>)> {
        let raw = Connection::open(place.path()).unwrap();
        let mut statement = raw
            .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let (old, new) = (Place::new(), Place::new());
    version_1(&old);
    old.store().await.close().await.unwrap();
    new.store().await.close().await.unwrap();
    assert_eq!(schema(&old), schema(&new));
}
