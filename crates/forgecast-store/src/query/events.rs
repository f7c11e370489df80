//! Facts in their order, and the snapshots from which a state is folded.

use std::collections::BTreeSet;

use forgecast_protocol::rest::StoredEvent;
use forgecast_protocol::{Event, EventId, Revision, SessionId};
use rusqlite::{OptionalExtension, Params, Transaction};

use super::number_of;
use crate::apply::KEYFRAME_EVENTS;
use crate::read::{Beginning, StoredState};
use crate::readers::Failure;
use crate::sql::{from_db, to_db};

/// What leads to a session's newest state, or to its state at a revision; none when the session or that much of its
/// past is not kept.
pub(crate) fn load(
    db: &Transaction<'_>,
    session: &SessionId,
    at: Option<Revision>,
    fold_version: u32,
) -> Result<Option<StoredState>, Failure> {
    let counters = db
        .prepare_cached("SELECT number, events, pruned_to FROM sessions WHERE id = ?1")?
        .query_row([session.to_string()], |row| {
            Ok((row.get(0)?, from_db(row.get(1)?), row.get(2)?))
        })
        .optional()?;
    let Some((number, events, pruned_to)) = counters else {
        return Ok(None);
    };
    let number: i64 = number;
    let pruned_to: i64 = pruned_to;
    let usable = Usable {
        session: number,
        pruned_to,
        fold_version,
    };
    let base = match at {
        Some(revision) => usable.newest(db, "=", revision, u64::MAX)?,
        // So far back that the facts after it refill what viewers resume from.
        None => usable.newest(db, "=", u64::MAX, events.saturating_sub(KEYFRAME_EVENTS))?,
    };
    let base = match base {
        None if pruned_to > 0 => usable.newest_where_facts_are_missing(db, at)?,
        other => other,
    };
    if base.is_none() && pruned_to > 0 {
        return Ok(None);
    }
    let after = base.as_ref().map_or(0, |base| base.sequence);
    let events = collect(
        db,
        "SELECT sequence, revision, body FROM events
         WHERE session = ?1 AND sequence > ?2 AND revision <= ?3 ORDER BY sequence",
        (number, after, to_db(at.unwrap_or(u64::MAX))),
    )?;
    Ok(Some(StoredState {
        snapshot: base.map(|base| (base.revision, base.body)),
        events,
    }))
}

struct Base {
    revision: Revision,
    sequence: i64,
    body: Vec<u8>,
}

/// Which snapshots can be folded on: those with no removed fact after them.
struct Usable {
    session: i64,
    pruned_to: i64,
    fold_version: u32,
}

impl Usable {
    /// The newest one although facts are missing: of this fold if there is any, else of another one. What another fold
    /// made of the facts is worth more than what this one would make of a part of them.
    fn newest_where_facts_are_missing(
        &self,
        db: &Transaction<'_>,
        at: Option<Revision>,
    ) -> Result<Option<Base>, Failure> {
        let revision = at.unwrap_or(u64::MAX);
        let of_this_fold = self.newest(db, "=", revision, u64::MAX)?;
        match of_this_fold {
            None => self.newest(db, "<>", revision, u64::MAX),
            base => Ok(base),
        }
    }

    /// The newest one with at most this revision and this many facts in it; of this fold (`=`) or of another (`<>`).
    fn newest(
        &self,
        db: &Transaction<'_>,
        fold: &'static str,
        revision: Revision,
        events: u64,
    ) -> Result<Option<Base>, Failure> {
        let mut statement = db.prepare_cached(&format!(
            "SELECT revision, sequence, body FROM snapshots
             WHERE session = ?1 AND fold_version {fold} ?2 AND sequence >= ?3 AND revision <= ?4 AND events <= ?5
             ORDER BY revision DESC LIMIT 1",
        ))?;
        let base = statement.query_row(
            (
                self.session,
                self.fold_version,
                self.pruned_to,
                to_db(revision),
                to_db(events),
            ),
            |row| {
                Ok(Base {
                    revision: from_db(row.get(0)?),
                    sequence: row.get(1)?,
                    body: row.get(2)?,
                })
            },
        );
        Ok(base.optional()?)
    }
}

/// With what the kept past of a session begins; none when the session is not known, or nothing of its past can be seen.
pub(crate) fn beginning(db: &Transaction<'_>, session: &SessionId) -> Result<Option<Beginning>, Failure> {
    let known = db
        .prepare_cached("SELECT number, pruned_to FROM sessions WHERE id = ?1")?
        .query_row([session.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((number, pruned_to)) = known else {
        return Ok(None);
    };
    let (number, pruned_to): (i64, i64) = (number, pruned_to);
    if pruned_to == 0 {
        return Ok(Some(Beginning {
            snapshot: None,
            after: 0,
        }));
    }
    let mut statement = db.prepare_cached(
        "SELECT revision, sequence, body FROM snapshots
         WHERE session = ?1 AND sequence >= ?2 ORDER BY revision LIMIT 1",
    )?;
    let snapshot = statement.query_row((number, pruned_to), |row| {
        Ok(Beginning {
            snapshot: Some((from_db(row.get(0)?), row.get(2)?)),
            after: from_db(row.get(1)?),
        })
    });
    Ok(snapshot.optional()?)
}

/// Facts after a sequence number, oldest first; none when the session is not known.
pub(crate) fn after(
    db: &Transaction<'_>,
    session: &SessionId,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredEvent>, Failure> {
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
fn collect(db: &Transaction<'_>, sql: &str, parameters: impl Params) -> Result<Vec<StoredEvent>, Failure> {
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

/// The ids among `ids` that are stored.
pub(crate) fn known(db: &Transaction<'_>, ids: &[EventId]) -> Result<BTreeSet<EventId>, Failure> {
    let mut statement = db.prepare_cached("SELECT 1 FROM events WHERE event_id = ?1")?;
    let mut known = BTreeSet::new();
    for id in ids {
        if statement.exists([id.as_str()])? {
            known.insert(id.clone());
        }
    }
    Ok(known)
}
