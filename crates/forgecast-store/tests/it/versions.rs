//! Databases of every schema that there ever was. Each is made by the statements of its time, holds a row in every table that
//! it has, and opens with all of it; the database as it was is kept beside it.

use forgecast_protocol::event::TokenDelta;
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::rest::{Notification, NotificationEvent, NotificationState, SessionsQuery};
use forgecast_protocol::session::SessionStatus;
use forgecast_protocol::{EventKey, Subject};
use forgecast_store::{Error, From, LogQuery, Store, UsageDelta, UsageQuery, Write, open};
use rusqlite::{Connection, params};

use crate::helpers::*;

const FIRST: &str = include_str!("../../migrations/sqlite/0001_first.sql");
const USAGE: &str = include_str!("../../migrations/sqlite/0002_usage.sql");
const LOG_IDS: &str = include_str!("../../migrations/sqlite/0003_log_ids.sql");
const NOTIFICATIONS: &str = include_str!("../../migrations/sqlite/0004_notifications.sql");
const SCOPES: &str = include_str!("../../migrations/sqlite/0005_scopes.sql");
const LIMITS: &str = include_str!("../../migrations/sqlite/0006_limits.sql");
const NEWEST: usize = 6;

const ROWS_WITH_BODIES: &str = include_str!("schemas/0001_rows_with_bodies.sql");
const USAGE_BY_DAY: &str = include_str!("schemas/0002_usage_by_day.sql");
const USAGE_WITHOUT_TOTALS: &str = include_str!("schemas/0002_without_totals.sql");

/// Makes a database of the version that the last step leads to, with something in each table.
fn old(place: &Place, steps: &[&str]) -> Connection {
    let old = Connection::open(place.path()).unwrap();
    old.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").unwrap();
    old.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    for (version, step) in (1..).zip(steps) {
        old.execute_batch(step).unwrap();
        fill(&old, version, step);
    }
    old.pragma_update(None, "application_id", 0x4663_7374).unwrap();
    old.pragma_update(None, "user_version", i64::try_from(steps.len()).unwrap())
        .unwrap();
    old
}

/// Fills what is new in a version.
fn fill(old: &Connection, version: usize, step: &str) {
    let batch = |text: &str| old.execute_batch(text).unwrap();
    match version {
        1 => fill_first(old, step == ROWS_WITH_BODIES),
        2 => {
            batch(
                "UPDATE sources SET state = 'after 42';
                 INSERT INTO calls VALUES (1, 7, CAST('a call' AS BLOB));
                 INSERT INTO call_keys VALUES (2, 1);
                 INSERT INTO usage_owners VALUES (1, 't1', 'a~1', 'a'), (2, 't2', 'a~1', 'a');
                 INSERT INTO usage (owner, day, model, phase, input, output, cache_read, cache_write, cost_nanos, calls,
                    unpriced, last_used_at)
                 VALUES (1, 20000, 'm', 'Test', 10, 1, 0, 0, 5, 1, 0, 9), (2, 20000, 'm', 'Test', 4, 1, 0, 0, 5, 1, 0, 8),
                    (2, 20001, 'm', 'Test', -3, 0, 0, 0, 0, 0, 0, 7);
                 INSERT INTO transcripts VALUES ('t1', 1, '/builds/a')",
            );
            if step != USAGE_BY_DAY {
                batch("INSERT INTO usage_days VALUES (20000, 'a', 'm', 'Test', 14, 2, 0, 0, 10, 2, 0, 9)");
            }
            if step == USAGE {
                batch(
                    "INSERT INTO usage_totals VALUES (1, 'm', 10, 1, 0, 0, 5, 1, 0, 9), (2, 'm', 4, 1, 0, 0, 5, 1, 0, 8)",
                );
            }
        }
        3 => batch("UPDATE log_lines SET event_id = 'of a line'"),
        4 => {
            let body = serde_json::to_string(&notification()).unwrap();
            let insert = "INSERT INTO notifications (id, state, body) VALUES ('n1', 'waiting', ?1)";
            old.execute(insert, [body]).unwrap();
            batch("INSERT INTO notifier VALUES ('silence', '1')");
        }
        5 => batch("INSERT INTO names VALUES ('gone', 7)"),
        NEWEST => batch("INSERT INTO limits VALUES ('one', '1')"),
        other => panic!("nothing is known of version {other}"),
    }
}

fn fill_first(old: &Connection, rows_have_bodies: bool) {
    old.execute_batch(&format!(
        "INSERT INTO meta VALUES ('epoch', 77), ('clean', 1), ('fold_version', {FOLD});
         INSERT INTO sessions (number, id, name, directory, named, created_at, revision, events, log_next)
            VALUES (1, 'a~1', 'a', '/builds/a', 0, 5, 2, 2, 1);
         INSERT INTO log_lines (session, offset, at, origin, text) VALUES (1, 0, 5, 'build.log', 'hello');
         INSERT INTO snapshots VALUES (1, 1, 1, 1, 0, {FOLD}, CAST('a state' AS BLOB));
         INSERT INTO runs VALUES (1, 'a', 9, '{{\"a\":1}}');
         INSERT INTO sources (path, device, inode, size, mtime_ns, ctime_ns, offset, digest)
            VALUES ('/a.log', -1, 7, 42, -1, 5, 42, 'ab')"
    ))
    .unwrap();
    for number in 1..=2_u64 {
        let event = with_id(numbered(number), &format!("e{number}"));
        old.execute(
            "INSERT INTO events (session, revision, at, kind, event_id, body) VALUES (1, ?1, ?2, 'custom', ?3, ?4)",
            params![
                number.cast_signed(),
                NOW_MS,
                format!("e{number}"),
                serde_json::to_string(&event).unwrap()
            ],
        )
        .unwrap();
    }
    let row = serde_json::to_string(&row("a~1", SessionStatus::Completed, NOW_MS)).unwrap();
    let columns = "session, revision, status, active, project, last_work_at, started_at, ended_at, tokens, cost_usd, name_key, search";
    let values = format!("1, 1, 'completed', 0, NULL, {NOW_MS}, 5, NULL, 0, 0.0, 'a', 'a'");
    if rows_have_bodies {
        let insert = format!("INSERT INTO rows ({columns}, body) VALUES ({values}, ?1)");
        old.execute(&insert, [row]).unwrap();
    } else {
        let insert = format!("INSERT INTO rows ({columns}) VALUES ({values})");
        old.execute(&insert, []).unwrap();
        old.execute("UPDATE sessions SET row = ?1", [row]).unwrap();
    }
}

fn notification() -> Notification {
    Notification {
        state: NotificationState::Waiting,
        ..Notification::new("n1".into(), "phone", NotificationEvent::Test, time(NOW_MS))
    }
}

/// Everything that version 1 holds.
async fn holds_facts(store: &Store) {
    let known = store.sessions().await.unwrap();
    assert_eq!((known[0].revision, known[0].next_log_offset), (2, 1));
    let facts = store.events_after(&id("a~1"), 0, 9).await.unwrap();
    let numbers: Vec<u64> = facts.iter().map(|stored| number_of(&stored.event)).collect();
    assert_eq!(numbers, [1, 2]);
    let unnamed = |id: &str| EventKey::new(&id.parse().unwrap(), &Subject::default());
    assert_eq!(
        store.known_ids(vec![unnamed("e1"), unnamed("e3")]).await.unwrap().len(),
        1
    );
    let rows = store.rows(SessionsQuery::default()).await.unwrap().sessions;
    assert_eq!(rows, [row("a~1", SessionStatus::Completed, NOW_MS)]);
    let state = store.load(&id("a~1"), Some(2)).await.unwrap().unwrap();
    assert_eq!(state.snapshot, Some((1, b"a state".to_vec())));
    let lines = LogQuery {
        from: From::Last,
        limit: 9,
        level: None,
        text: None,
    };
    assert_eq!(store.log(&id("a~1"), lines).await.unwrap().lines[0].text, "hello");
    assert_eq!(store.runs().await.unwrap().len(), 1);
    let source = store.sources().await.unwrap().into_values().next().unwrap();
    assert_eq!((source.offset, source.identity.device), (42, u64::MAX));
}

/// Everything that came with later versions.
async fn holds_what_came_later(store: &Store, version: usize) {
    if version >= 2 {
        assert_eq!(
            store.sources().await.unwrap().into_values().next().unwrap().state,
            "after 42"
        );
        assert_eq!(store.calls(vec![2]).await.unwrap()[0].body, b"a call");
        assert_eq!(store.transcripts().await.unwrap()[0].id, "t1");
        sums_to(store, 14).await;
    }
    if version >= 3 {
        let of_line = EventKey::new(&"of a line".parse().unwrap(), &Subject::default());
        assert_eq!(store.known_ids(vec![of_line]).await.unwrap().len(), 1);
    }
    if version >= 4 {
        let stored = store.stored_notifications().await.unwrap();
        assert_eq!((stored.waiting, stored.memory.len()), (vec![notification()], 1));
    }
    if version >= 5 {
        let gone = id("gone~7");
        assert!(store.names().await.unwrap().contains(&(gone.name().clone(), 7)));
    }
    if version >= 6 {
        assert_eq!(store.limits().await.unwrap(), [("one".to_owned(), "1".to_owned())]);
    }
}

/// The sent tokens, added up by day, by transcript, and by transcript within dates.
async fn sums_to(store: &Store, input: u64) {
    let query = |group_by, since_day| UsageQuery {
        group_by,
        since_day,
        ..UsageQuery::default()
    };
    for query in [
        query(GroupBy::Day, None),
        query(GroupBy::Session, None),
        query(GroupBy::Session, Some(1)),
    ] {
        let groups = store.usage(query.clone()).await.unwrap();
        let sum: u64 = groups.iter().map(|group| group.tokens.input).sum();
        assert_eq!(sum, input, "{query:?}: {groups:?}");
    }
}

/// Opens with all it holds, takes what is new, has the schema of a new database, and stays beside it as it was.
async fn opens(steps: &[&str]) {
    let place = Place::new();
    drop(old(&place, steps));
    let opened = place.open().await;
    assert!(opened.clean && opened.notices.is_empty(), "{:?}", opened.notices);
    let store = opened.store;
    holds_facts(&store).await;
    holds_what_came_later(&store, steps.len()).await;
    let delta = UsageDelta {
        owner: "t2".into(),
        session: "a~1".into(),
        project: "a".into(),
        day: 20_001,
        model: "m".into(),
        phase: "Test".into(),
        tokens: TokenDelta {
            input: 5,
            ..TokenDelta::default()
        },
        ..UsageDelta::default()
    };
    let writes = [
        event("a~1", 3, numbered(3)),
        checkpoint("/a.log", 43),
        Write::Usage(delta),
    ];
    store.commit(commit(writes)).await.unwrap();
    // Of the five, three make good what was below zero.
    let before = if steps.len() >= 2 { 14 + 2 } else { 5 };
    sums_to(&store, before).await;
    store.close().await.unwrap();
    assert_eq!(
        place.store().await.events_after(&id("a~1"), 0, 9).await.unwrap().len(),
        3
    );

    let kept = place.folder.path().join(format!("forgecast.db.before-{NEWEST}"));
    assert_eq!(
        kept.exists(),
        steps != ALL,
        "a copy is made when something changes, and only then"
    );
    if kept.exists() {
        let kept = Connection::open(kept).unwrap();
        let version: isize = kept.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        let facts: isize = kept
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
            .unwrap();
        assert_eq!((version, facts), (steps.len().cast_signed(), 2));
    }
    let new = Place::new();
    new.store().await.close().await.unwrap();
    assert_eq!(columns(&place), columns(&new));
}

/// All columns of tables and indexes, sorted.
fn columns(place: &Place) -> Vec<(String, String)> {
    let raw = Connection::open(place.path()).unwrap();
    let mut statement = raw
        .prepare(
            "SELECT t.name, c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk FROM sqlite_schema t,
             pragma_table_info(t.name) c WHERE t.type = 'table'
             UNION ALL SELECT t.name, c.seqno || ' ' || c.name FROM sqlite_schema t, pragma_index_info(t.name) c
             WHERE t.type = 'index' ORDER BY 1, 2",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

const ALL: [&str; NEWEST] = [FIRST, USAGE, LOG_IDS, NOTIFICATIONS, SCOPES, LIMITS];

#[tokio::test]
async fn a_database_of_version_1_opens() {
    opens(&ALL[..1]).await;
}

#[tokio::test]
async fn a_database_of_version_2_opens() {
    opens(&ALL[..2]).await;
}

#[tokio::test]
async fn a_database_of_version_3_opens() {
    opens(&ALL[..3]).await;
}

#[tokio::test]
async fn a_database_of_version_4_opens() {
    opens(&ALL[..4]).await;
}

#[tokio::test]
async fn a_database_of_version_5_opens() {
    opens(&ALL[..5]).await;
}

#[tokio::test]
async fn a_database_of_version_6_opens() {
    opens(&ALL).await;
}

#[tokio::test]
async fn a_database_whose_rows_had_bodies_opens() {
    opens(&[ROWS_WITH_BODIES]).await;
}

#[tokio::test]
async fn a_database_whose_rows_had_bodies_opens_whatever_came_after() {
    opens(&[ROWS_WITH_BODIES, USAGE, LOG_IDS, NOTIFICATIONS, SCOPES, LIMITS]).await;
}

#[tokio::test]
async fn a_database_whose_usage_was_ordered_by_day_opens() {
    opens(&[FIRST, USAGE_BY_DAY]).await;
}

#[tokio::test]
async fn a_database_without_totals_opens() {
    opens(&[FIRST, USAGE_WITHOUT_TOTALS]).await;
}

#[tokio::test]
async fn only_the_newest_copy_from_before_a_migration_is_kept() {
    let place = Place::new();
    drop(old(&place, &ALL[..5]));
    let beside = |name: &str| place.folder.path().join(name);
    for name in [
        "forgecast.db.before-3",
        "forgecast.db.before-6",
        "forgecast.db.before-now",
        "other.db.before-3",
    ] {
        std::fs::write(beside(name), "old").unwrap();
    }
    place.store().await.close().await.unwrap();
    assert_eq!(
        place.names(),
        [
            "forgecast.db",
            "forgecast.db.before-6",
            "forgecast.db.before-now",
            "forgecast.db.lock",
            "other.db.before-3"
        ]
    );
    assert_ne!(std::fs::read(beside("forgecast.db.before-6")).unwrap(), b"old");
}

#[tokio::test]
async fn a_database_that_cannot_be_copied_is_not_migrated() {
    let place = Place::new();
    drop(old(&place, &ALL[..5]));
    // A folder of that name cannot be replaced, like a disk without room.
    let kept = place.folder.path().join("forgecast.db.before-6");
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join("something"), "").unwrap();
    let error = open(place.options(), FOLD, time(NOW_MS)).await.unwrap_err();
    assert!(matches!(error, Error::Open { .. }));
    let said = error.to_string();
    assert!(
        said.contains("before-6, cannot be written") && said.contains("Nothing was changed; make room for 1 MiB"),
        "{said}"
    );
    let raw = Connection::open(place.path()).unwrap();
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 5);
    drop(raw);
    std::fs::remove_file(kept.join("something")).unwrap();
    std::fs::remove_dir(&kept).unwrap();
    holds_facts(&place.store().await).await;
}
