//! Writes commits inside a transaction that somebody else begins and ends. What changes with every fact of a session
//! (its revision, its counters, its row) is gathered here and written once at the end of the transaction.

mod calls;
pub(crate) mod sums;

use std::collections::HashMap;

use forgecast_protocol::rest::StoredSession;
use forgecast_protocol::{EventId, LogLine, Revision, SessionId, SourceCheckpoint, SourceKey};
use rusqlite::{Connection, OptionalExtension, Result, params};

use self::sums::Owners;
use crate::prepare::{Prepared, Ready, ReadyRow};
use crate::sql::{from_db, level_number, to_db};

/// One of so many facts has a snapshot that is kept.
pub(crate) const KEYFRAME_EVENTS: u64 = 256;
/// The memory of known sessions starts anew at this size.
const REMEMBERED: usize = 20_000;

/// What the writer remembers of sessions between transactions. Must be forgotten whenever a transaction fails or
/// something else changed the sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    known: HashMap<SessionId, Known>,
    /// Those that [`Sessions::flush`] has to write.
    changed: Vec<SessionId>,
    owners: Owners,
}

/// A session's counters.
struct Known {
    number: i64,
    revision: Revision,
    events: u64,
    log_first: u64,
    log_next: u64,
    row: Option<Box<ReadyRow>>,
    changed: bool,
}

/// What became of a commit.
pub(crate) enum Verdict {
    /// It is in the transaction; so many rows.
    Written(u64),
    /// Nothing of it is, because it names this session.
    Unknown(SessionId),
}

impl Sessions {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.changed.clear();
        self.owners.clear();
    }

    /// Writes one commit, or nothing of it when it names a session that is not known.
    pub(crate) fn write(&mut self, db: &Connection, commit: &Prepared) -> Result<Verdict> {
        if let Some(stranger) = self.stranger(db, commit)? {
            return Ok(Verdict::Unknown(stranger));
        }
        let mut rows = 0;
        for write in &commit.writes {
            rows += self.write_one(db, write)?;
        }
        Ok(Verdict::Written(rows))
    }

    /// The first session that is named and neither stored nor made known by the commit itself.
    fn stranger(&mut self, db: &Connection, commit: &Prepared) -> Result<Option<SessionId>> {
        let mut introduced: Vec<&SessionId> = Vec::new();
        for write in &commit.writes {
            let session = match write {
                Ready::Session(session) => {
                    introduced.push(&session.id);
                    continue;
                }
                Ready::Checkpoint(..)
                | Ready::ForgetSource(_)
                | Ready::Call { .. }
                | Ready::ForgetCall(_)
                | Ready::Usage(_)
                | Ready::ForgetUsage { .. } => continue,
                Ready::Event { session, .. }
                | Ready::Snapshot { session, .. }
                | Ready::Row { session, .. }
                | Ready::Log { session, .. }
                | Ready::Transcript { session, .. } => session,
                Ready::Run { run, .. } => &run.session,
            };
            if !introduced.contains(&session) && !self.find(db, session)? {
                return Ok(Some(session.clone()));
            }
        }
        Ok(None)
    }

    /// Whether the session is stored; remembers it.
    fn find(&mut self, db: &Connection, id: &SessionId) -> Result<bool> {
        if self.known.contains_key(id) {
            return Ok(true);
        }
        let found = db
            .prepare_cached("SELECT number, revision, events, log_first, log_next FROM sessions WHERE id = ?1")?
            .query_row([id.to_string()], |row| {
                Ok(Known {
                    number: row.get(0)?,
                    revision: from_db(row.get(1)?),
                    events: from_db(row.get(2)?),
                    log_first: from_db(row.get(3)?),
                    log_next: from_db(row.get(4)?),
                    row: None,
                    changed: false,
                })
            })
            .optional()?;
        let Some(found) = found else {
            return Ok(false);
        };
        self.known.insert(id.clone(), found);
        Ok(true)
    }

    /// The session's counters, to be changed. It was found before, so a miss is a fault in here.
    fn change(&mut self, id: &SessionId) -> Result<&mut Known> {
        let known = self.known.get_mut(id).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        if !known.changed {
            known.changed = true;
            self.changed.push(id.clone());
        }
        Ok(known)
    }

    fn write_one(&mut self, db: &Connection, write: &Ready) -> Result<u64> {
        match write {
            Ready::Session(session) => self.write_session(db, session),
            Ready::Event {
                session,
                revision,
                at,
                id,
                body,
            } => {
                let known = self.change(session)?;
                let id = id.as_ref().map(EventId::as_str);
                let fresh = insert_event(db, known.number, *revision, *at, id, body)?;
                if fresh {
                    known.events += 1;
                    known.revision = known.revision.max(*revision);
                }
                Ok(u64::from(fresh))
            }
            Ready::Snapshot {
                session,
                revision,
                fold_version,
                body,
            } => {
                let known = self.change(session)?;
                known.revision = known.revision.max(*revision);
                insert_snapshot(db, known, *revision, *fold_version, body)
            }
            Ready::Row { session, row } => {
                let known = self.change(session)?;
                known.revision = known.revision.max(row.revision);
                if known.row.as_ref().is_none_or(|old| row.revision >= old.revision) {
                    known.row = Some(row.clone());
                }
                Ok(0)
            }
            Ready::Log { session, lines } => insert_lines(db, self.change(session)?, lines),
            Ready::Checkpoint(source, checkpoint) => write_checkpoint(db, source, checkpoint),
            Ready::ForgetSource(source) => {
                db.prepare_cached("DELETE FROM sources WHERE path = ?1")?
                    .execute([&source.0])?;
                Ok(1)
            }
            Ready::Run { run, body } => {
                let number = self.change(&run.session)?.number;
                db.prepare_cached(
                    "INSERT INTO runs VALUES (?1, ?2, ?3, ?4) ON CONFLICT (session)
                     DO UPDATE SET project = ?2, ended_at = ?3, body = ?4",
                )?
                .execute(params![number, run.project, run.ended_at.as_millis(), body])?;
                Ok(1)
            }
            Ready::Call { number, keys, body } => calls::write_call(db, *number, keys, body),
            Ready::ForgetCall(number) => calls::forget_call(db, *number),
            Ready::Transcript { id, session, directory } => {
                let number = self.change(session)?.number;
                calls::write_transcript(db, id, number, directory.as_deref())
            }
            Ready::Usage(delta) => self.owners.add(db, delta),
            Ready::ForgetUsage { owner, session } => self.owners.forget(db, owner, session),
        }
    }

    fn write_session(&mut self, db: &Connection, session: &StoredSession) -> Result<u64> {
        db.prepare_cached(
            "INSERT INTO sessions (id, name, directory, named, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET name = ?2, directory = ?3, named = ?4",
        )?
        .execute(params![
            session.id.to_string(),
            session.name,
            session.directory,
            session.named,
            session.created_at.as_millis(),
        ])?;
        self.find(db, &session.id)?;
        Ok(1)
    }

    /// Writes what was gathered, and drops log lines beyond `log_lines` of each session.
    pub(crate) fn flush(&mut self, db: &Connection, log_lines: u64) -> Result<u64> {
        let mut rows = 0;
        for id in std::mem::take(&mut self.changed) {
            let Some(known) = self.known.get_mut(&id) else {
                continue;
            };
            known.changed = false;
            let first = known.log_next.saturating_sub(log_lines.max(1));
            if known.log_first < first {
                db.prepare_cached("DELETE FROM log_lines WHERE session = ?1 AND offset < ?2")?
                    .execute([known.number, to_db(first)])?;
                known.log_first = first;
            }
            let row = known.row.take();
            let newer = match &row {
                Some(row) if write_row(db, known.number, row)? => Some(&row.body),
                _ => None,
            };
            db.prepare_cached(
                "UPDATE sessions SET revision = ?2, events = ?3, log_first = ?4, log_next = ?5,
                 row = coalesce(?6, row) WHERE number = ?1",
            )?
            .execute(params![
                known.number,
                to_db(known.revision),
                to_db(known.events),
                to_db(known.log_first),
                to_db(known.log_next),
                newer,
            ])?;
            rows += 1 + u64::from(newer.is_some());
        }
        // Only here: within a transaction a session that was found has to stay.
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
        Ok(rows)
    }
}

fn write_checkpoint(db: &Connection, source: &SourceKey, checkpoint: &SourceCheckpoint) -> Result<u64> {
    let identity = &checkpoint.identity;
    db.prepare_cached(
        "INSERT INTO sources (path, device, inode, size, mtime_ns, ctime_ns, offset, digest, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (path) DO UPDATE SET device = ?2, inode = ?3, size = ?4,
         mtime_ns = ?5, ctime_ns = ?6, offset = ?7, digest = ?8, state = ?9",
    )?
    .execute(params![
        source.0,
        identity.device.cast_signed(),
        identity.inode.cast_signed(),
        identity.size.cast_signed(),
        identity.mtime_ns,
        identity.ctime_ns,
        to_db(checkpoint.offset),
        checkpoint.digest,
        checkpoint.state,
    ])?;
    Ok(1)
}

/// False when the producer's id is stored already.
fn insert_event(
    db: &Connection,
    session: i64,
    revision: Revision,
    at: i64,
    id: Option<&str>,
    body: &str,
) -> Result<bool> {
    let added = db
        .prepare_cached(
            "INSERT INTO events (session, revision, at, kind, event_id, body)
             VALUES (?1, ?2, ?3, ?5 ->> '$.fact.type', ?4, ?5)
             ON CONFLICT (event_id) WHERE event_id IS NOT NULL DO NOTHING",
        )?
        .execute(params![session, to_db(revision), at, id, body])?;
    Ok(added > 0)
}

/// Keeps the newest snapshot, and of the others those that are [`KEYFRAME_EVENTS`] facts apart.
fn insert_snapshot(db: &Connection, known: &Known, revision: Revision, fold_version: u32, body: &[u8]) -> Result<u64> {
    // The facts lead to all states of another fold, unless some of them were removed.
    db.prepare_cached(
        "DELETE FROM snapshots WHERE session = ?1 AND (keyframe = 0 OR fold_version <> ?2
         AND EXISTS (SELECT 1 FROM sessions WHERE number = ?1 AND pruned_to = 0))",
    )?
    .execute(params![known.number, fold_version])?;
    let last: i64 = db
        .prepare_cached("SELECT coalesce(max(events), 0) FROM snapshots WHERE session = ?1")?
        .query_row([known.number], |row| row.get(0))?;
    let keyframe = known.events >= from_db(last) + KEYFRAME_EVENTS;
    db.prepare_cached(
        "INSERT INTO snapshots (session, revision, sequence, events, keyframe, fold_version, body)
         VALUES (?1, ?2, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), ?3, ?4, ?5, ?6)
         ON CONFLICT (session, revision) DO UPDATE SET sequence = excluded.sequence,
         events = excluded.events, body = excluded.body",
    )?
    .execute(params![
        known.number,
        to_db(revision),
        to_db(known.events),
        keyframe,
        fold_version,
        body
    ])?;
    Ok(1)
}

fn insert_lines(db: &Connection, known: &mut Known, lines: &[LogLine]) -> Result<u64> {
    let mut statement = db.prepare_cached(
        "INSERT INTO log_lines (session, offset, at, level, origin, text, spans)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut rows = 0;
    for line in lines {
        if line.offset < known.log_next {
            continue;
        }
        let spans = (!line.spans.is_empty()).then(|| serde_json::to_string(&line.spans).unwrap_or_default());
        statement.execute(params![
            known.number,
            to_db(line.offset),
            line.at.as_millis(),
            line.level.map(level_number),
            line.from,
            line.text,
            spans,
        ])?;
        if known.log_first == known.log_next {
            known.log_first = line.offset;
        }
        known.log_next = line.offset + 1;
        rows += 1;
    }
    Ok(rows)
}

/// False when a newer row is stored already.
fn write_row(db: &Connection, session: i64, row: &ReadyRow) -> Result<bool> {
    let written = db
        .prepare_cached(
            "INSERT INTO rows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (session) DO UPDATE SET revision = ?2, status = ?3, active = ?4, project = ?5,
         last_work_at = ?6, started_at = ?7, ended_at = ?8, tokens = ?9, cost_usd = ?10,
         name_key = ?11, search = ?12 WHERE rows.revision <= ?2",
        )?
        .execute(params![
            session,
            to_db(row.revision),
            row.status,
            row.active,
            row.project,
            row.last_work_at,
            row.started_at,
            row.ended_at,
            row.tokens,
            row.cost_usd,
            row.name_key,
            row.search,
        ])?;
    Ok(written > 0)
}
