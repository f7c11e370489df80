//! What is removed, and in which order: sessions past their time, then, while the database is too large, the oldest
//! finished sessions' logs, their facts (their last state stays), calls that became known long ago, the sessions themselves,
//! and in the end the older part of the logs and facts of unfinished sessions: a build that writes without end must not fill
//! the disk. Never an unfinished session, and never what sessions used: sums are small, and they are history. Work comes in
//! small transactions, so that commits get their turn in between.

use forgecast_protocol::SessionId;
use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::apply::sums;
use crate::read::Pruned;
use crate::sql::{Parsed, from_db};

/// Log lines removed in one step.
const LINES: i64 = 20_000;
/// Facts removed in one step.
const EVENTS: i64 = 10_000;
/// Calls removed in one step.
const CALLS: i64 = 5_000;
/// So many of the newest calls stay, however small the database has to become: months of work in some 100 MB. A call
/// that is told again after it was removed counts again, which happens when a conversation as old as that is taken up
/// again. That is rare, and less of a loss than all finished sessions; so it comes before those.
const CALLS_KEPT: i64 = 250_000;
/// Pages given back to the file system in one step.
const PAGES: i64 = 2_000;

/// When a session was last of interest. Counted from the day it was first seen: an old build that was found today is
/// shown for as long as a new one.
const LAST: &str = "max(coalesce(r.ended_at, 0), coalesce(r.last_work_at, 0), s.created_at)";
/// Sessions that may be removed.
const FINISHED: &str = "sessions s LEFT JOIN rows r ON r.session = s.number WHERE coalesce(r.active, 0) = 0";
/// Sessions that stay.
const UNFINISHED: &str = "sessions s JOIN rows r ON r.session = s.number WHERE r.active = 1";
/// So many of the newest log lines of an unfinished session stay.
const LINES_KEPT: i64 = 5_000;

/// Removes a session, everything of it, and what it used, also when retention removed the session before; false when
/// nothing of it was there. Calls stay: only the ledger can read whose they are, and as long as they are known, neither
/// another reading of the transcript nor a later conversation that repeats it counts them again.
pub(crate) fn forget(db: &Connection, session: &SessionId) -> Result<bool> {
    let id = session.to_string();
    let used = sums::forget(db, &id, None)?;
    keep_name(db, session)?;
    let removed = db.execute("DELETE FROM sessions WHERE id = ?1", [&id])?;
    Ok(used + removed > 0)
}

/// One step towards no finished session whose last moment of interest is before `before_ms`.
pub(crate) fn expire(db: &Connection, before_ms: i64) -> Result<Pruned> {
    let expired = db
        .prepare_cached(&format!(
            "SELECT s.number FROM {FINISHED} AND {LAST} < ?1 ORDER BY s.number LIMIT 1"
        ))?
        .query_row([before_ms], |row| row.get(0))
        .optional()?;
    match expired {
        Some(number) => remove(db, number),
        None => Ok(Pruned::default()),
    }
}

/// One step towards a database of at most `max_bytes`; empty when it is there or nothing can be removed.
pub(crate) fn shrink(db: &Connection, max_bytes: u64, fold_version: u32) -> Result<Pruned> {
    if used_bytes(db)? <= max_bytes {
        return Ok(Pruned::default());
    }
    let first = |of: &str, which: &str, order: &str| {
        db.prepare_cached(&format!(
            "SELECT s.number FROM {of} AND {which} ORDER BY {order}, s.number LIMIT 1"
        ))?
        .query_row([], |row| row.get(0))
        .optional()
    };
    let oldest = |which: &str| first(FINISHED, which, LAST);
    if let Some(number) = oldest("s.log_next > s.log_first")? {
        return remove_lines(db, number, 0);
    }
    // Facts that a snapshot holds: without them the past cannot be replayed, but the last state is still there.
    let covered = format!(
        "EXISTS (SELECT 1 FROM snapshots n JOIN events e ON e.session = n.session AND e.sequence <= n.sequence
         WHERE n.session = s.number AND n.fold_version = {fold_version})"
    );
    if let Some(number) = oldest(&covered)? {
        return remove_covered(db, number, fold_version);
    }
    let calls = remove_calls(db, CALLS_KEPT)?;
    if calls > 0 {
        return Ok(Pruned {
            calls: calls as u64,
            ..Pruned::default()
        });
    }
    if let Some(number) = oldest("1")? {
        return remove(db, number);
    }
    let lines = "s.log_next - s.log_first";
    let long = format!("{lines} > {LINES_KEPT}");
    if let Some(number) = first(UNFINISHED, &long, &format!("{lines} DESC"))? {
        return remove_lines(db, number, LINES_KEPT);
    }
    match first(UNFINISHED, &covered, LAST)? {
        Some(number) => remove_covered(db, number, fold_version),
        None => Ok(Pruned::default()),
    }
}

/// Bytes in use, free pages not counted.
pub(crate) fn used_bytes(db: &Connection) -> Result<u64> {
    let pragma =
        |name: &str| -> Result<u64> { db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0).map(from_db)) };
    let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
    Ok(pages.saturating_mul(pragma("page_size")?))
}

/// Gives some free pages back to the file system; whether there are more.
pub(crate) fn give_back(db: &Connection) -> Result<bool> {
    let mut statement = db.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut rows = statement.query([])?;
    // Each page is one step of the statement.
    while rows.next()?.is_some() {}
    db.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0))
        .map(|free| free > 0)
}

/// A step of removing a session: its log in parts, then the rest at once, so that it never stands there without facts.
fn remove(db: &Connection, number: i64) -> Result<Pruned> {
    let step = remove_lines(db, number, 0)?;
    if step != Pruned::default() {
        return Ok(step);
    }
    let Parsed(id) = db.query_row("SELECT id FROM sessions WHERE number = ?1", [number], |row| row.get(0))?;
    keep_name(db, &id)?;
    let events = db.execute("DELETE FROM events WHERE session = ?1", [number])?;
    db.execute("DELETE FROM sessions WHERE number = ?1", [number])?;
    Ok(Pruned {
        sessions: vec![id],
        events: events as u64,
        ..Pruned::default()
    })
}

/// Remembers the number of a run that goes, so that no other one gets its id.
fn keep_name(db: &Connection, id: &SessionId) -> Result<usize> {
    db.prepare_cached(
        "INSERT INTO names VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET newest = max(newest, excluded.newest)",
    )?
    .execute(params![id.name().as_str(), id.run()])
}

/// A step of removing log lines, oldest first; the newest `keep` stay.
fn remove_lines(db: &Connection, number: i64, keep: i64) -> Result<Pruned> {
    let removed = db.execute(
        "DELETE FROM log_lines WHERE session = ?1
         AND offset < (SELECT min(offset) + ?2 FROM log_lines WHERE session = ?1)
         AND offset < (SELECT log_next - ?3 FROM sessions WHERE number = ?1)",
        [number, LINES, keep],
    )?;
    db.execute(
        "UPDATE sessions SET log_first =
         coalesce((SELECT min(offset) FROM log_lines WHERE session = ?1), log_next) WHERE number = ?1",
        [number],
    )?;
    Ok(Pruned {
        log_lines: removed as u64,
        ..Pruned::default()
    })
}

/// A step towards no more than about the newest `keep` calls. Rows are numbered in the order in which they came; numbers
/// of rows that proved to be parts of others are missing, so a few less may stay.
fn remove_calls(db: &Connection, keep: i64) -> Result<usize> {
    db.execute(
        "DELETE FROM calls WHERE sequence <= (SELECT min(max(sequence) - ?1, min(sequence) + ?2) FROM calls)",
        [keep, CALLS],
    )
}

fn remove_covered(db: &Connection, number: i64, fold_version: u32) -> Result<Pruned> {
    let border: i64 = db.query_row(
        "SELECT max(sequence) FROM (SELECT sequence FROM events WHERE session = ?1 AND sequence <=
             (SELECT max(sequence) FROM snapshots WHERE session = ?1 AND fold_version = ?2)
         ORDER BY sequence LIMIT ?3)",
        [number, i64::from(fold_version), EVENTS],
        |row| row.get(0),
    )?;
    let removed = db.execute(
        "DELETE FROM events WHERE session = ?1 AND sequence <= ?2",
        [number, border],
    )?;
    db.execute("UPDATE sessions SET pruned_to = ?2 WHERE number = ?1", [number, border])?;
    // Those before the border lead nowhere any more.
    db.execute(
        "DELETE FROM snapshots WHERE session = ?1 AND sequence < ?2",
        [number, border],
    )?;
    Ok(Pruned {
        events: removed as u64,
        ..Pruned::default()
    })
}
