//! Writes commits inside a transaction that somebody else begins and ends. What changes with every fact of a session
//! (its revision, its counters, its row) is gathered here and written once at the end of the transaction.

mod calls;
mod prepare;
mod row;
pub(crate) mod sums;

use std::collections::HashMap;
use std::sync::Arc;

use forgecast_protocol::rest::StoredSession;
use forgecast_protocol::{EventKey, LogLine, Revision, SessionId, SourceCheckpoint, SourceKey, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, params};

use self::row::RowColumns;
use self::sums::Owners;
use crate::sql::{from_db, level_number, to_db};
use crate::write::StoredRun;

/// Every so many facts, a snapshot is stored permanently.
pub(crate) const KEYFRAME_EVENTS: u64 = 256;
/// When this many sessions are remembered, all are forgotten.
const REMEMBERED: usize = 20_000;

/// A commit, serialized and ready to be written as often as it takes.
#[derive(Default)]
pub(crate) struct PreparedCommit {
    /// Its writes, in order.
    actions: Vec<Action>,
    /// What it holds that has a producer's id.
    pub(crate) ids: Vec<EventKey>,
    /// Roughly the memory it takes.
    pub(crate) bytes: u64,
}

/// One write.
enum Action {
    /// Makes a session known.
    Introduce(StoredSession),
    /// Writes something of a session, which has to be known.
    OfSession(SessionId, Run<Counters>),
    /// Writes what needs no session.
    Alone(Run<Owners>),
}

/// Writes, with what is remembered of the session or of the owners. Gives the number of rows written.
type Run<T> = Box<dyn Fn(&Connection, &mut T) -> Result<usize> + Send>;

/// What the writer remembers of sessions between transactions. Must be forgotten whenever a transaction fails or
/// something else changed the sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    known: HashMap<SessionId, Counters>,
    /// Those that [`Sessions::flush`] has to write.
    changed: Vec<SessionId>,
    owners: Owners,
}

/// A session's number and counters.
struct Counters {
    number: i64,
    revision: Revision,
    events: u64,
    log_first: u64,
    log_next: u64,
    row: Option<Arc<RowColumns>>,
    changed: bool,
}

impl Sessions {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes one commit and gives the number of its rows, or writes nothing of it and gives the session that it names
    /// and that is not known.
    pub(crate) fn write(
        &mut self,
        db: &Connection,
        commit: &PreparedCommit,
    ) -> Result<std::result::Result<usize, SessionId>> {
        if let Some(unknown) = self.unknown(db, commit)? {
            return Ok(Err(unknown));
        }
        let mut rows = 0;
        for action in &commit.actions {
            rows += match action {
                Action::Introduce(session) => self.introduce(db, session)?,
                Action::OfSession(session, run) => run(db, self.change(session)?)?,
                Action::Alone(run) => run(db, &mut self.owners)?,
            };
        }
        Ok(Ok(rows))
    }

    /// The first session that is named and neither stored nor made known by the commit itself.
    fn unknown(&mut self, db: &Connection, commit: &PreparedCommit) -> Result<Option<SessionId>> {
        let mut introduced = Vec::new();
        for action in &commit.actions {
            match action {
                Action::Introduce(session) => introduced.push(&session.id),
                Action::OfSession(id, _) if !introduced.contains(&id) && !self.find(db, id)? => {
                    return Ok(Some(id.clone()));
                }
                Action::OfSession(..) | Action::Alone(_) => {}
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
                Ok(Counters {
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
        let is_stored = found.is_some();
        self.known.extend(found.map(|found| (id.clone(), found)));
        Ok(is_stored)
    }

    /// The session's counters, to be changed. The session was found before, so a miss is a bug.
    fn change(&mut self, id: &SessionId) -> Result<&mut Counters> {
        let known = self.known.get_mut(id).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        if !known.changed {
            known.changed = true;
            self.changed.push(id.clone());
        }
        Ok(known)
    }

    fn introduce(&mut self, db: &Connection, session: &StoredSession) -> Result<usize> {
        db.prepare_cached(
            "INSERT INTO sessions (id, name, directory, named, created_at, pushed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET name = ?2, directory = ?3, named = ?4",
        )?
        .execute(params![
            session.id.to_string(),
            session.name,
            session.directory,
            session.named,
            session.created_at.as_millis(),
            session.pushed_by,
        ])?;
        self.find(db, &session.id)?;
        Ok(1)
    }

    /// Writes what was gathered, and drops log lines beyond `log_lines` of each session.
    pub(crate) fn flush(&mut self, db: &Connection, log_lines: u64) -> Result<usize> {
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
                Some(row) if row.write(db, known.number)? => Some(&row.body),
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
            rows += 1 + usize::from(newer.is_some());
        }
        // Only here: within a transaction a session that was found has to stay.
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
        Ok(rows)
    }
}

impl Counters {
    /// Adds a fact, unless its producer's id is stored already.
    fn add_event(
        &mut self,
        db: &Connection,
        revision: Revision,
        at: Timestamp,
        key: Option<&EventKey>,
        body: &str,
    ) -> Result<usize> {
        let mut statement = db.prepare_cached(
            "INSERT INTO events (session, revision, at, kind, event_id, id_scope, body)
             VALUES (?1, ?2, ?3, ?6 ->> '$.fact.type', ?4, ?5, ?6)
             ON CONFLICT (event_id, id_scope) WHERE event_id IS NOT NULL DO NOTHING",
        )?;
        let (id, scope) = columns(key);
        let added = statement.execute(params![self.number, to_db(revision), at.as_millis(), id, scope, body])?;
        if added > 0 {
            self.events += 1;
            self.revision = self.revision.max(revision);
        }
        Ok(added)
    }

    /// Keeps the newest snapshot, and of the others those that are [`KEYFRAME_EVENTS`] facts apart.
    fn add_snapshot(&mut self, db: &Connection, revision: Revision, fold_version: u32, body: &[u8]) -> Result<usize> {
        self.revision = self.revision.max(revision);
        // The facts lead to all states of another fold, unless some of them were removed.
        db.prepare_cached(
            "DELETE FROM snapshots WHERE session = ?1 AND (keyframe = 0 OR fold_version <> ?2
             AND EXISTS (SELECT 1 FROM sessions WHERE number = ?1 AND pruned_to = 0))",
        )?
        .execute(params![self.number, fold_version])?;
        let last: i64 = db
            .prepare_cached("SELECT coalesce(max(events), 0) FROM snapshots WHERE session = ?1")?
            .query_row([self.number], |row| row.get(0))?;
        let keyframe = self.events >= from_db(last) + KEYFRAME_EVENTS;
        db.prepare_cached(
            "INSERT INTO snapshots (session, revision, sequence, events, keyframe, fold_version, body)
             VALUES (?1, ?2, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), ?3, ?4, ?5, ?6)
             ON CONFLICT (session, revision) DO UPDATE SET sequence = excluded.sequence,
             events = excluded.events, body = excluded.body",
        )?
        .execute(params![
            self.number,
            to_db(revision),
            to_db(self.events),
            keyframe,
            fold_version,
            body
        ])
    }

    /// Remembers a row for the end of the transaction, unless a newer one is. No row of a table is written yet.
    fn show(&mut self, row: &Arc<RowColumns>) -> usize {
        self.revision = self.revision.max(row.revision);
        if self.row.as_ref().is_none_or(|old| row.revision >= old.revision) {
            self.row = Some(Arc::clone(row));
        }
        0
    }

    fn add_lines(&mut self, db: &Connection, key: Option<&EventKey>, lines: &[LogLine]) -> Result<usize> {
        let mut statement = db.prepare_cached(
            "INSERT INTO log_lines (session, offset, at, level, origin, text, spans, event_id, id_scope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let mut rows = 0;
        let mut key = key;
        for line in lines {
            if line.offset < self.log_next {
                continue;
            }
            // The first line of a message stands for all of it.
            let (id, scope) = columns(key.take());
            let spans = (!line.spans.is_empty()).then(|| serde_json::to_string(&line.spans).unwrap_or_default());
            rows += statement.execute(params![
                self.number,
                to_db(line.offset),
                line.at.as_millis(),
                line.level.and_then(level_number),
                line.from,
                line.text,
                spans,
                id,
                scope,
            ])?;
            if self.log_first == self.log_next {
                self.log_first = line.offset;
            }
            self.log_next = line.offset + 1;
        }
        Ok(rows)
    }

    fn set_run(&mut self, db: &Connection, run: &StoredRun, body: &str) -> Result<usize> {
        db.prepare_cached(
            "INSERT INTO runs VALUES (?1, ?2, ?3, ?4) ON CONFLICT (session)
             DO UPDATE SET project = ?2, ended_at = ?3, body = ?4",
        )?
        .execute(params![self.number, run.project, run.ended_at.as_millis(), body])
    }
}

/// The columns of a key.
fn columns(key: Option<&EventKey>) -> (Option<&str>, Option<&str>) {
    (key.map(|key| key.id.as_str()), key.map(|key| &*key.scope))
}

fn write_checkpoint(db: &Connection, source: &SourceKey, checkpoint: &SourceCheckpoint) -> Result<usize> {
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
    ])
}

fn forget_source(db: &Connection, source: &SourceKey) -> Result<usize> {
    db.prepare_cached("DELETE FROM sources WHERE path = ?1")?
        .execute([&source.0])
}

fn write_limit(db: &Connection, key: &str, body: Option<&str>) -> Result<usize> {
    match body {
        Some(body) => db
            .prepare_cached("INSERT INTO limits VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = ?2")?
            .execute([key, body]),
        None => db.prepare_cached("DELETE FROM limits WHERE key = ?1")?.execute([key]),
    }
}
