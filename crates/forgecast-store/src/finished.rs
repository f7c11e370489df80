//! Finished sessions in brief, for the reports of the history. They are read from the narrow table by which the overview is
//! sorted, never from the rows of the overview, so that ten thousand of them take a few milliseconds.

use forgecast_protocol::{SessionStatus, Timestamp};
use rusqlite::{Result, Transaction};

use crate::error::Error;
use crate::store::Store;

/// A session that is over, in brief.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The project.
    pub project: Option<String>,
    /// How it ended.
    pub status: SessionStatus,
    /// Its beginning, when it is known.
    pub started_at: Option<Timestamp>,
    /// Its end; of one whose end nobody stated, its last work.
    pub ended_at: Timestamp,
}

impl Store {
    /// The sessions that are over, in no order: those that ended at `since` or later, of one project or of all.
    ///
    /// # Errors
    /// The database cannot be read, or is too busy.
    pub async fn finished(
        &self,
        since: Option<Timestamp>,
        project: Option<String>,
    ) -> std::result::Result<Vec<Finished>, Error> {
        self.read("listing finished sessions", move |db| {
            finished(db, since, project.as_deref())
        })
        .await
    }
}

fn finished(db: &Transaction<'_>, since: Option<Timestamp>, project: Option<&str>) -> Result<Vec<Finished>> {
    let mut statement = db.prepare_cached(
        "SELECT project, status, started_at, COALESCE(ended_at, last_work_at) AS ended FROM rows
         WHERE status IN ('completed', 'failed', 'abandoned') AND (?1 IS NULL OR ended >= ?1)
         AND (?2 IS NULL OR project = ?2)",
    )?;
    let rows = statement.query_map((since.map(Timestamp::as_millis), project), |row| {
        let started_at: i64 = row.get(2)?;
        Ok(Finished {
            project: row.get(0)?,
            status: match row.get_ref(1)?.as_str()? {
                "completed" => SessionStatus::Completed,
                "failed" => SessionStatus::Failed,
                _ => SessionStatus::Abandoned,
            },
            started_at: (started_at != 0).then(|| Timestamp::from_millis(started_at)),
            ended_at: Timestamp::from_millis(row.get(3)?),
        })
    })?;
    rows.collect()
}
