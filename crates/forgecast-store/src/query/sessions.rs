//! What a start needs: which sessions there are, how far the sources were read, and how long earlier runs took.

use std::collections::BTreeMap;

use forgecast_protocol::rest::StoredSession;
use forgecast_protocol::{FileIdentity, SessionRow, SourceCheckpoint, SourceKey, Timestamp};
use rusqlite::{Result, Row, Transaction};

use crate::read::KnownSession;
use crate::sql::{Json, Parsed, from_db};
use crate::write::StoredRun;

/// Estimates look at no more runs than this.
const RUNS: i64 = 10_000;
/// The columns of [`stored_session`].
pub(crate) const SESSION_COLUMNS: &str = "s.id, s.name, s.directory, s.named, s.created_at";

/// All sessions, oldest first.
pub(crate) fn sessions(db: &Transaction<'_>) -> Result<Vec<KnownSession>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {SESSION_COLUMNS}, s.revision, s.log_next, s.row
         FROM sessions s ORDER BY s.number"
    ))?;
    let sessions = statement.query_map([], |row| {
        Ok(KnownSession {
            session: stored_session(row)?,
            revision: from_db(row.get(5)?),
            row: readable_row(row, 7)?,
            next_log_offset: from_db(row.get(6)?),
        })
    })?;
    sessions.collect()
}

/// The first five columns of a query that begins with [`SESSION_COLUMNS`].
pub(crate) fn stored_session(row: &Row<'_>) -> Result<StoredSession> {
    let Parsed(id) = row.get(0)?;
    Ok(StoredSession {
        id,
        name: row.get(1)?,
        directory: row.get(2)?,
        named: row.get(3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
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
