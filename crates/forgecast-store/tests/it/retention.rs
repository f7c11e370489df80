//! What retention removes, in which order, and what it never touches.

use forgecast_protocol::report::GroupBy;
use forgecast_protocol::session::SessionStatus::{self, *};
use forgecast_store::{Options, Store, UsageDelta, UsageQuery, Write, open};

use crate::helpers::*;

/// Sessions `a~1`, `b~1`, … with these statuses, the first one the oldest, each with facts, a snapshot and a log.
async fn with_sessions(options: Options, statuses: &[SessionStatus]) -> Store {
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    for (at, status) in statuses.iter().enumerate() {
        let name = name(at);
        let mut writes = vec![session(&name)];
        let padding = "x".repeat(500);
        for number in 1..=300 {
            let mut fact = phase(&padding);
            fact.id = Some(format!("{name}/{number}").parse().unwrap());
            writes.push(event(&name, number, fact));
        }
        writes.push(snapshot(&name, 300, "the last state"));
        writes.push(lines(&name, 0..1000));
        writes.push(row_write(row(&name, *status, NOW_MS + i64::try_from(at).unwrap())));
        store.commit(commit(writes)).await.unwrap();
    }
    store
}

fn name(at: usize) -> String {
    format!("{}~1", char::from(b'a' + u8::try_from(at).unwrap()))
}

async fn left(store: &Store) -> Vec<String> {
    let known = store.sessions().await.unwrap();
    known.iter().map(|known| known.session.id.to_string()).collect()
}

#[tokio::test]
async fn finished_sessions_go_after_their_time_and_unfinished_ones_never() {
    let place = Place::new();
    let statuses = [Running, Completed, Waiting, Failed, Stalled, Abandoned];
    let store = with_sessions(place.options(), &statuses).await;
    let nothing = store.prune(time(NOW_MS + 90 * DAY_MS)).await.unwrap();
    assert!(nothing.sessions.is_empty());
    let pruned = store.prune(time(NOW_MS + 91 * DAY_MS)).await.unwrap();
    assert_eq!(pruned.sessions, [id("b~1"), id("d~1"), id("f~1")]);
    assert_eq!((pruned.events, pruned.log_lines), (900, 3000));
    assert!(!pruned.still_too_large);
    assert_eq!(left(&store).await, ["a~1", "c~1", "e~1"]);
    assert_eq!(store.events_after(&id("a~1"), 0, 1000).await.unwrap().len(), 300);
    assert!(store.rows(Default::default()).await.unwrap().sessions.len() == 3);
}

#[tokio::test]
async fn an_old_build_that_is_found_today_is_kept_like_a_new_one() {
    let place = Place::new();
    let store = place.store().await;
    let mut old = row("a~1", Completed, NOW_MS - 400 * DAY_MS);
    old.ended_at = Some(time(NOW_MS - 400 * DAY_MS));
    store.commit(commit([session("a~1"), row_write(old)])).await.unwrap();
    assert!(store.prune(time(NOW_MS + DAY_MS)).await.unwrap().sessions.is_empty());
}

#[tokio::test]
async fn a_session_without_a_row_goes_by_its_first_day() {
    let place = Place::new();
    let store = place.store().await;
    store.commit(commit([session("a~1")])).await.unwrap();
    assert!(store.prune(time(NOW_MS)).await.unwrap().sessions.is_empty());
    let pruned = store.prune(time(NOW_MS + 91 * DAY_MS)).await.unwrap();
    assert_eq!(pruned.sessions, [id("a~1")]);
}

#[tokio::test]
async fn a_database_that_is_too_large_loses_logs_first_then_facts_then_sessions() {
    let place = Place::new();
    let statuses = [Completed, Running, Failed];
    let store = with_sessions(place.options(), &statuses).await;
    let full = store.prune(time(NOW_MS)).await.unwrap().file_bytes;
    store.close().await.unwrap();

    // Just too large: the oldest finished session's log is enough.
    let options = Options {
        max_bytes: full - 20_000,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    let pruned = store.prune(time(NOW_MS)).await.unwrap();
    assert_eq!((pruned.log_lines, pruned.events, pruned.sessions.len()), (1000, 0, 0));
    assert!(pruned.file_bytes < full && !pruned.still_too_large, "{pruned:?}");
    let query = forgecast_store::LogQuery {
        from: forgecast_store::From::Offset(0),
        limit: 9,
        level: None,
        text: None,
    };
    let log = store.log(&id("a~1"), query).await.unwrap();
    assert_eq!((log.first_offset, log.end_offset), (1000, 1000));
    store.close().await.unwrap();

    // Facts next; the last state stays.
    let options = Options {
        max_bytes: pruned.file_bytes - 100_000,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    let pruned = store.prune(time(NOW_MS)).await.unwrap();
    assert_eq!((pruned.log_lines, pruned.events, pruned.sessions.len()), (1000, 300, 0));
    let state = store.load(&id("a~1"), None).await.unwrap().unwrap();
    assert_eq!(state.snapshot, Some((300, b"the last state".to_vec())));
    assert!(state.events.is_empty());
    assert!(
        store.load(&id("a~1"), Some(100)).await.unwrap().is_none(),
        "no longer kept"
    );
    assert_eq!(store.sessions().await.unwrap()[0].revision, 300);
    store.commit(commit([event("a~1", 301, numbered(1))])).await.unwrap();
    assert_eq!(store.load(&id("a~1"), None).await.unwrap().unwrap().events.len(), 1);
    store.close().await.unwrap();

    // In the end the finished sessions, and nothing more.
    let options = Options {
        max_bytes: 1,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    let pruned = store.prune(time(NOW_MS)).await.unwrap();
    assert!(pruned.still_too_large);
    assert_eq!(left(&store).await, ["b~1"]);
    assert_eq!(
        (pruned.log_lines, pruned.events),
        (0, 601),
        "one of a, all of c, and what a snapshot of b holds"
    );
    assert_eq!(
        store.load(&id("b~1"), None).await.unwrap().unwrap().snapshot.unwrap().0,
        300
    );
    let query = forgecast_store::LogQuery {
        from: forgecast_store::From::Offset(0),
        limit: 9,
        level: None,
        text: None,
    };
    assert_eq!(
        store.log(&id("b~1"), query).await.unwrap().first_offset,
        0,
        "its log is short"
    );
}

#[tokio::test]
async fn a_build_that_writes_without_end_keeps_its_newest_lines_and_the_database_its_size() {
    let place = Place::new();
    let options = Options {
        max_bytes: 1024 * 1024,
        ..place.options()
    };
    let store = open(options, FOLD, time(NOW_MS)).await.unwrap().store;
    let at_work = row_write(row("a~1", Running, NOW_MS));
    store.commit(commit([session("a~1"), at_work])).await.unwrap();
    for round in 0..6 {
        let first = round * 10_000;
        store
            .commit(commit([lines("a~1", first..first + 10_000)]))
            .await
            .unwrap();
    }
    store.commit(commit([])).await.unwrap();
    store.prune(time(NOW_MS)).await.unwrap();
    let pruned = store.prune(time(NOW_MS)).await.unwrap();
    assert!(!pruned.still_too_large && !store.is_too_large(), "{pruned:?}");
    let query = forgecast_store::LogQuery {
        from: forgecast_store::From::Last,
        limit: 1,
        level: None,
        text: None,
    };
    let log = store.log(&id("a~1"), query).await.unwrap();
    assert_eq!(log.end_offset, 60_000);
    assert!(
        log.first_offset >= 30_000 && log.first_offset <= 55_000,
        "{}",
        log.first_offset
    );
}

#[tokio::test]
async fn a_forgotten_session_leaves_nothing_and_its_producers_ids_are_free_again() {
    let place = Place::new();
    let store = with_sessions(place.options(), &[Running, Running]).await;
    let run = forgecast_store::StoredRun {
        session: id("a~1"),
        project: None,
        ended_at: time(NOW_MS),
        body: serde_json::json!({}),
    };
    store.commit(commit([Write::Run(run)])).await.unwrap();
    let late = store.commit(commit([lines("a~1", 1000..1010)]));
    assert!(store.forget(&id("a~1")).await.unwrap());
    late.await.unwrap();
    assert!(!store.forget(&id("a~1")).await.unwrap());
    assert_eq!(left(&store).await, ["b~1"]);
    assert!(store.known_ids(vec![key("a~1/1")]).await.unwrap().is_empty());
    assert!(store.names().await.unwrap().contains(&(id("a~1").name().clone(), 1)));
    assert!(store.runs().await.unwrap().is_empty());
    store.close().await.unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    for table in ["events", "log_lines", "snapshots", "rows"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE session <> 2");
        let count: i64 = raw.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

/// A call of the session, its usage and its transcript.
fn used(session: &str, number: u64) -> [Write; 3] {
    let delta = UsageDelta {
        owner: format!("transcript of {session}"),
        session: session.into(),
        calls: 1,
        ..UsageDelta::default()
    };
    let transcript = Write::Transcript {
        id: delta.owner.clone(),
        session: id(session),
        directory: None,
    };
    [call(number, &[], session), Write::Usage(delta), transcript]
}

async fn owners(store: &Store) -> Vec<String> {
    let query = UsageQuery {
        group_by: GroupBy::Session,
        ..UsageQuery::default()
    };
    let groups = store.usage(query).await.unwrap();
    groups.into_iter().map(|group| group.key).collect()
}

#[tokio::test]
async fn what_a_session_used_outlives_it() {
    let place = Place::new();
    let store = with_sessions(place.options(), &[Completed]).await;
    store.commit(commit(used("a~1", 1))).await.unwrap();
    let pruned = store.prune(time(NOW_MS + 91 * DAY_MS)).await.unwrap();
    assert_eq!((pruned.sessions.len(), pruned.calls), (1, 0));
    assert_eq!(owners(&store).await, ["transcript of a~1"]);
    assert_eq!(store.calls(vec![1]).await.unwrap().len(), 1);
    assert!(
        store.transcripts().await.unwrap().is_empty(),
        "there is no such session"
    );
    // Work that comes after all makes the session anew.
    store.commit(commit([session("a~1")])).await.unwrap();
    store.commit(commit(used("a~1", 2))).await.unwrap();
    assert_eq!(store.transcripts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_forgotten_session_is_in_no_report_and_its_calls_are_not_counted_again() {
    let place = Place::new();
    let store = with_sessions(place.options(), &[Running, Running]).await;
    store.commit(commit(used("a~1", 1))).await.unwrap();
    store.commit(commit(used("b~1", 2))).await.unwrap();
    let late = store.commit(commit(used("a~1", 3)));
    assert!(store.forget(&id("a~1")).await.unwrap());
    late.await.unwrap();
    assert_eq!(owners(&store).await, ["transcript of b~1"]);
    assert_eq!(store.transcripts().await.unwrap().len(), 1);
    let known = store.calls(vec![1, 2, 3]).await.unwrap();
    assert_eq!(known.len(), 3, "a copy of the transcript brings nothing back");
    // One that was removed by age before is forgotten all the same.
    store
        .commit(commit([Write::Row {
            session: id("b~1"),
            revision: 301,
            row: row("b~1", Completed, NOW_MS),
        }]))
        .await
        .unwrap();
    store.prune(time(NOW_MS + 91 * DAY_MS)).await.unwrap();
    assert_eq!((left(&store).await.len(), owners(&store).await.len()), (0, 1));
    assert!(store.forget(&id("b~1")).await.unwrap());
    assert!(!store.forget(&id("b~1")).await.unwrap());
    assert!(owners(&store).await.is_empty());
    assert!(store.usage(UsageQuery::default()).await.unwrap().is_empty());
    store.close().await.unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    for table in ["usage", "usage_owners", "usage_days", "usage_totals"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = raw.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

#[tokio::test]
async fn a_database_that_is_too_large_sheds_old_calls_before_its_sessions() {
    let place = Place::new();
    let store = with_sessions(place.options(), &[Completed, Running]).await;
    store.commit(commit(used("a~1", 1))).await.unwrap();
    store.close().await.unwrap();
    // As many as months bring.
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.execute_batch(
        "INSERT INTO calls (number, body) WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 255000)
         SELECT n, zeroblob(100) FROM n;
         INSERT INTO call_keys SELECT number + 1000000, sequence FROM calls",
    )
    .unwrap();
    drop(raw);
    let options = |max_bytes| Options {
        max_bytes,
        ..place.options()
    };
    let store = open(place.options(), FOLD, time(NOW_MS)).await.unwrap().store;
    let full = store.prune(time(NOW_MS)).await.unwrap();
    assert_eq!((full.calls, full.still_too_large), (0, false));
    store.close().await.unwrap();

    let store = open(options(full.file_bytes - 900_000), FOLD, time(NOW_MS))
        .await
        .unwrap()
        .store;
    let pruned = store.prune(time(NOW_MS)).await.unwrap();
    assert_eq!((pruned.calls, pruned.sessions.len()), (5_000, 0), "{pruned:?}");
    assert_eq!(
        (pruned.log_lines, pruned.events),
        (1000, 300),
        "what is left of finished sessions went before"
    );
    for key in [5_000, 5_001] {
        let found = [key, key + 1_000_000]
            .map(|key| vec![key])
            .map(|keys| store.calls(keys));
        for calls in found {
            assert_eq!(calls.await.unwrap().len(), usize::from(key > 5_000), "{key}");
        }
    }
    assert_eq!(owners(&store).await, ["transcript of a~1"], "sums stay");
    store.close().await.unwrap();

    let store = open(options(1), FOLD, time(NOW_MS)).await.unwrap().store;
    let pruned = store.prune(time(NOW_MS)).await.unwrap();
    assert!(pruned.still_too_large);
    assert_eq!((pruned.calls, pruned.sessions.len()), (0, 1), "the newest calls stay");
}

#[tokio::test]
async fn commits_get_their_turn_while_the_store_is_pruned() {
    let place = Place::new();
    let store = with_sessions(place.options(), &[Completed; 8]).await;
    let running = row_write(row("z~1", Running, NOW_MS));
    store.commit(commit([session("z~1"), running])).await.unwrap();
    let other = store.clone();
    let pruning = async { other.prune(time(NOW_MS + 91 * DAY_MS)).await.unwrap() };
    let writing = async {
        for number in 1..=20 {
            store
                .commit(commit([event("z~1", number, numbered(number))]))
                .await
                .unwrap();
        }
    };
    let (pruned, ()) = tokio::join!(pruning, writing);
    assert_eq!(pruned.sessions.len(), 8);
}

#[tokio::test]
async fn a_start_learns_of_unfinished_sessions_and_of_those_that_worked_last() {
    let place = Place::new();
    let store = place.store().await;
    for number in 1..=6 {
        let id = format!("s{number}~1");
        let status = if number == 1 { Running } else { Completed };
        let row = row_write(row(&id, status, NOW_MS + number * 1000));
        store
            .commit(commit([session(&id), event(&id, 1, numbered(1)), row]))
            .await
            .unwrap();
    }
    let known = store.newest_sessions(2).await.unwrap();
    let ids: Vec<String> = known.iter().map(|known| known.session.id.to_string()).collect();
    assert_eq!(ids, ["s1~1", "s5~1", "s6~1"]);
    assert_eq!(store.names().await.unwrap().len(), 6);
    let found = async |text: &str| {
        let found = store.find(&text.parse().unwrap()).await.unwrap();
        found.map(|found| found.session.id.to_string())
    };
    assert_eq!(found("s2").await.as_deref(), Some("s2~1"));
    assert_eq!(found("s2~1").await.as_deref(), Some("s2~1"));
    assert_eq!((found("s2~2").await, found("s").await), (None, None));
}
