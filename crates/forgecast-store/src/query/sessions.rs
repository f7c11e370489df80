//! What a start needs: which sessions there are, how far the sources were read, and how long earlier runs took.

use std::collections::BTreeMap;

use forgecast_protocol::rest::StoredSession;
use forgecast_protocol::{FileIdentity, SessionRow, SourceCheckpoint, SourceKey, Timestamp};
use rusqlite::{Row, Transaction};

use super::{decode, malformed};
use crate::read::KnownSession;
use crate::readers::Failure;
use crate::sql::from_db;
use crate::write::StoredRun;

/// Estimates look at no more runs than this.
const RUNS: i64 = 10_000;
/// The columns of [`stored_session`].
pub(crate) const SESSION_COLUMNS: &str = "s.id, s.name, s.directory, s.named, s.created_at";

/// All sessions, oldest first.
pub(crate) fn sessions(db: &Transaction<'_>) -> Result<Vec<KnownSession>, Failure> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {SESSION_COLUMNS}, s.revision, s.log_next, s.row
         FROM sessions s ORDER BY s.number"
    ))?;
    let mut rows = statement.query([])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let body: Option<String> = row.get(7)?;
        sessions.push(KnownSession {
            session: stored_session(row)?,
            revision: from_db(row.get(5)?),
            row: body.as_deref().and_then(readable_row),
            next_log_offset: from_db(row.get(6)?),
        });
    }
    Ok(sessions)
}

/// The first five columns of a query that begins with [`SESSION_COLUMNS`].
pub(crate) fn stored_session(row: &Row<'_>) -> Result<StoredSession, Failure> {
    let id: String = row.get(0)?;
    Ok(StoredSession {
        id: id.parse().map_err(|error| malformed("a session id", &error))?,
        name: row.get(1)?,
        directory: row.get(2)?,
        named: row.get(3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
    })
}

/// A row can be made again from the facts: one that cannot be read is as good as none.
pub(crate) fn readable_row(body: &str) -> Option<SessionRow> {
    serde_json::from_str(body)
        .inspect_err(|error| tracing::warn!(%error, "a stored row cannot be read; it is left out"))
        .ok()
}

/// How far each source was read.
pub(crate) fn sources(db: &Transaction<'_>) -> Result<BTreeMap<SourceKey, SourceCheckpoint>, Failure> {
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
    Ok(sources.collect::<rusqlite::Result<_>>()?)
}

/// The newest runs, oldest of them first.
pub(crate) fn runs(db: &Transaction<'_>) -> Result<Vec<StoredRun>, Failure> {
    let mut statement = db.prepare_cached(
        "SELECT s.id, r.project, r.ended_at, r.body FROM runs r JOIN sessions s ON s.number = r.session
         ORDER BY r.ended_at DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([RUNS])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let body: String = row.get(3)?;
        runs.push(StoredRun {
            session: id.parse().map_err(|error| malformed("a session id", &error))?,
            project: row.get(1)?,
            ended_at: Timestamp::from_millis(row.get(2)?),
            body: decode("a run", &body)?,
        });
    }
    runs.reverse();
    Ok(runs)
}
