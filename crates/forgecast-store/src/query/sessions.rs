//! What a start needs: which sessions there are, how far the sources were read, and how long earlier runs took.

use std::collections::BTreeMap;

use forgecast_protocol::rest::StoredSession;
use forgecast_protocol::{
    FileIdentity, SessionId, SessionName, SessionRef, SessionRow, SourceCheckpoint, SourceKey, Timestamp,
};
use rusqlite::{OptionalExtension, Result, Row, Transaction};

use crate::read::KnownSession;
use crate::sql::{Json, Parsed, from_db, to_db};
use crate::write::StoredRun;

/// Estimates look at no more runs than this.
const RUNS: i64 = 10_000;
/// The columns of [`stored_session`].
pub(crate) const SESSION_COLUMNS: &str = "s.id, s.name, s.directory, s.named, s.created_at, s.pushed_by";

/// The columns of [`known_session`].
const KNOWN_COLUMNS: &str =
    "s.id, s.name, s.directory, s.named, s.created_at, s.pushed_by, s.revision, s.log_next, s.row";

/// All sessions, oldest first.
pub(crate) fn sessions(db: &Transaction<'_>) -> Result<Vec<KnownSession>> {
    let mut statement = db.prepare_cached(&format!("SELECT {KNOWN_COLUMNS} FROM sessions s ORDER BY s.number"))?;
    let sessions = statement.query_map([], known_session)?;
    sessions.collect()
}

/// The unfinished sessions and the `limit` that worked last, oldest first.
pub(crate) fn newest(db: &Transaction<'_>, limit: u64) -> Result<Vec<KnownSession>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {KNOWN_COLUMNS}
         FROM sessions s LEFT JOIN rows r ON r.session = s.number
         WHERE coalesce(r.active, 1) = 1 OR s.number IN (
             SELECT s.number FROM sessions s LEFT JOIN rows r ON r.session = s.number
             ORDER BY max(coalesce(r.last_work_at, 0), s.created_at) DESC, s.number DESC LIMIT ?1)
         ORDER BY s.number"
    ))?;
    let sessions = statement.query_map([to_db(limit)], known_session)?;
    sessions.collect()
}

/// A row of [`KNOWN_COLUMNS`].
fn known_session(row: &Row<'_>) -> Result<KnownSession> {
    Ok(KnownSession {
        session: stored_session(row)?,
        revision: from_db(row.get(6)?),
        row: readable_row(row, 8)?,
        next_log_offset: from_db(row.get(7)?),
    })
}

/// The session that is meant: this run, or of a name the newest one that is stored.
pub(crate) fn find(db: &Transaction<'_>, session: &SessionRef) -> Result<Option<KnownSession>> {
    let select = |which: &str, parameter: &str| {
        db.prepare_cached(&format!(
            "SELECT {KNOWN_COLUMNS} FROM sessions s WHERE s.revision > 0 AND {which}"
        ))?
        .query_row([parameter], known_session)
        .optional()
    };
    match session {
        SessionRef::Run(id) => select("s.id = ?1", &id.to_string()),
        // All ids of a name lie between "name~" and what follows it; a run has at most ten digits.
        SessionRef::Newest(name) => select(
            "s.id > ?1 || '~' AND s.id < ?1 || char(127) ORDER BY length(s.id) DESC, s.id DESC LIMIT 1",
            name.as_str(),
        ),
    }
}

/// The names that there ever were, each with a run of it; of a name there may be several, and the newest is among them.
pub(crate) fn names(db: &Transaction<'_>) -> Result<Vec<(SessionName, u32)>> {
    let mut statement =
        db.prepare_cached("SELECT name || '~' || newest FROM names UNION ALL SELECT id FROM sessions")?;
    let names = statement.query_map([], |row| {
        let Parsed::<SessionId>(id) = row.get(0)?;
        Ok((id.name().clone(), id.run()))
    })?;
    names.collect()
}

/// The first six columns of a query that begins with [`SESSION_COLUMNS`].
pub(crate) fn stored_session(row: &Row<'_>) -> Result<StoredSession> {
    let Parsed(id) = row.get(0)?;
    Ok(StoredSession {
        id,
        name: row.get(1)?,
        directory: row.get(2)?,
        named: row.get(3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        pushed_by: row.get(5)?,
    })
}

/// A row of the overview that stands in this column. It can be made again from the facts: one that cannot be read is as
/// good as none.
pub(crate) fn readable_row(row: &Row<'_>, column: usize) -> Result<Option<SessionRow>> {
    let body: Option<String> = row.get(column)?;
    Ok(body.and_then(|body| {
        serde_json::from_str(&body)
            .inspect_err(|error| tracing::warn!(%error, "a stored row cannot be read; it is left out"))
            .ok()
    }))
}

/// How far each source was read.
pub(crate) fn sources(db: &Transaction<'_>) -> Result<BTreeMap<SourceKey, SourceCheckpoint>> {
    let mut statement =
        db.prepare_cached("SELECT path, device, inode, size, mtime_ns, ctime_ns, offset, digest, state FROM sources")?;
    let sources = statement.query_map([], |row| {
        let identity = FileIdentity {
            device: row.get::<_, i64>(1)?.cast_unsigned(),
            inode: row.get::<_, i64>(2)?.cast_unsigned(),
            size: row.get::<_, i64>(3)?.cast_unsigned(),
            mtime_ns: row.get(4)?,
            ctime_ns: row.get(5)?,
        };
        let checkpoint = SourceCheckpoint {
            identity,
            offset: from_db(row.get(6)?),
            digest: row.get(7)?,
            state: row.get(8)?,
        };
        Ok((SourceKey(row.get(0)?), checkpoint))
    })?;
    sources.collect()
}

/// The newest runs, oldest of them first.
pub(crate) fn runs(db: &Transaction<'_>) -> Result<Vec<StoredRun>> {
    let mut statement = db.prepare_cached(
        "SELECT s.id, r.project, r.ended_at, r.body FROM runs r JOIN sessions s ON s.number = r.session
         ORDER BY r.ended_at DESC LIMIT ?1",
    )?;
    let runs = statement.query_map([RUNS], |row| {
        let (Parsed(session), Json(body)) = (row.get(0)?, row.get(3)?);
        Ok(StoredRun {
            session,
            project: row.get(1)?,
            ended_at: Timestamp::from_millis(row.get(2)?),
            body,
        })
    })?;
    let mut runs: Vec<StoredRun> = runs.collect::<Result<_>>()?;
    runs.reverse();
    Ok(runs)
}
