//! Facts in their order, and the snapshots from which a state is folded.

use std::collections::BTreeSet;

use forgecast_protocol::rest::StoredEvent;
use forgecast_protocol::{Event, EventKey, Revision, SessionId};
use rusqlite::{OptionalExtension, Params, Result, Row, Transaction};

use super::number_of;
use crate::apply::KEYFRAME_EVENTS;
use crate::read::{Beginning, StoredState};
use crate::sql::{from_db, to_db};

/// What leads to a session's newest state, or to its state at a revision; none when the session or that much of its
/// past is not kept.
pub(crate) fn load(
    db: &Transaction<'_>,
    session: &SessionId,
    at: Option<Revision>,
    fold_version: u32,
) -> Result<Option<StoredState>> {
    let counters: Option<(i64, i64, i64)> = db
        .prepare_cached("SELECT number, events, pruned_to FROM sessions WHERE id = ?1")?
        .query_row([session.to_string()], |row| row.try_into())
        .optional()?;
    let Some((number, events, pruned_to)) = counters else {
        return Ok(None);
    };
    let revision = at.map_or(i64::MAX, to_db);
    // The newest snapshot, of this fold (`=`) or of another (`<>`), with no removed fact after it and at most so many
    // facts in it.
    let newest = |fold: &str, events: i64| {
        db.prepare_cached(&format!(
            "SELECT revision, body, sequence FROM snapshots
             WHERE session = ?1 AND fold_version {fold} ?2 AND sequence >= ?3 AND revision <= ?4 AND events <= ?5
             ORDER BY revision DESC LIMIT 1",
        ))?
        .query_row((number, fold_version, pruned_to, revision, events), snapshot)
        .optional()
    };
    let mut base = match at {
        Some(_) => newest("=", i64::MAX)?,
        // So far back that the facts after it refill what viewers resume from.
        None => newest("=", events.saturating_sub_unsigned(KEYFRAME_EVENTS).max(0))?,
    };
    if base.is_none() && pruned_to > 0 {
        base = newest("=", i64::MAX)?;
    }
    // What another fold made of the facts is worth more than what this one would make of a part of them.
    if base.is_none() && pruned_to > 0 {
        base = newest("<>", i64::MAX)?;
    }
    if base.is_none() && pruned_to > 0 {
        return Ok(None);
    }
    let Beginning { snapshot, after } = base.unwrap_or_default();
    let events = collect(
        db,
        "SELECT sequence, revision, body FROM events
         WHERE session = ?1 AND sequence > ?2 AND revision <= ?3 ORDER BY sequence",
        (number, to_db(after), revision),
    )?;
    Ok(Some(StoredState { snapshot, events }))
}

/// A snapshot's revision, body and sequence.
fn snapshot(row: &Row<'_>) -> Result<Beginning> {
    Ok(Beginning {
        snapshot: Some((from_db(row.get(0)?), row.get(1)?)),
        after: from_db(row.get(2)?),
    })
}

/// With what the kept past of a session begins; none when the session is not known, or nothing of its past can be seen.
pub(crate) fn beginning(db: &Transaction<'_>, session: &SessionId) -> Result<Option<Beginning>> {
    let known: Option<(i64, i64)> = db
        .prepare_cached("SELECT number, pruned_to FROM sessions WHERE id = ?1")?
        .query_row([session.to_string()], |row| row.try_into())
        .optional()?;
    match known {
        None => Ok(None),
        Some((_, 0)) => Ok(Some(Beginning::default())),
        Some(known) => db
            .prepare_cached(
                "SELECT revision, body, sequence FROM snapshots
                 WHERE session = ?1 AND sequence >= ?2 ORDER BY revision LIMIT 1",
            )?
            .query_row(known, snapshot)
            .optional(),
    }
}

/// Facts after a sequence number, oldest first; none when the session is not known.
pub(crate) fn after(db: &Transaction<'_>, session: &SessionId, after: u64, limit: u32) -> Result<Vec<StoredEvent>> {
    let Some(number) = number_of(db, session)? else {
        return Ok(Vec::new());
    };
    collect(
        db,
        "SELECT sequence, revision, body FROM events
         WHERE session = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        (number, to_db(after), limit),
    )
}

/// The events of a query for sequence, revision and body. One that cannot be read (a newer version wrote it) is left out
/// with a warning: the others are worth more than the complaint.
fn collect(db: &Transaction<'_>, sql: &str, parameters: impl Params) -> Result<Vec<StoredEvent>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence = from_db(row.get(0)?);
        let event: Event = match serde_json::from_str(row.get_ref(2)?.as_str().unwrap_or("")) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(sequence, %error, "a stored fact cannot be read; it is left out");
                continue;
            }
        };
        events.push(StoredEvent {
            sequence,
            revision: from_db(row.get(1)?),
            event,
        });
    }
    Ok(events)
}

/// Those of them that are stored. Of messages with log lines that an earlier version stored it is not known what their
/// producer named: their ids count everywhere.
pub(crate) fn known(db: &Transaction<'_>, keys: &[EventKey]) -> Result<BTreeSet<EventKey>> {
    let mut statement = db.prepare_cached(
        "SELECT 1 FROM events WHERE event_id = ?1 AND id_scope = ?2
         UNION ALL SELECT 1 FROM log_lines WHERE event_id = ?1 AND (id_scope = ?2 OR id_scope IS NULL)",
    )?;
    let mut known = BTreeSet::new();
    for key in keys {
        if statement.exists([key.id.as_str(), &key.scope])? {
            known.insert(key.clone());
        }
    }
    Ok(known)
}
