//! A row of the overview with the columns that it is found and sorted by.

use forgecast_protocol::{Revision, SessionRow, Timestamp};
use rusqlite::{Connection, Result, params};

use crate::sql::to_db;

/// How much of a text the search looks at, in characters.
const SEARCHED: usize = 500;

/// A row of the table `rows`, and the row of the overview as JSON.
pub(super) struct RowColumns {
    pub(super) revision: Revision,
    status: &'static str,
    active: bool,
    project: Option<String>,
    last_work_at: i64,
    started_at: i64,
    ended_at: Option<i64>,
    tokens: i64,
    cost_usd: f64,
    name_key: String,
    pub(super) search: String,
    pub(super) body: String,
}

impl RowColumns {
    /// The columns of a row whose JSON is `body`.
    pub(super) fn new(revision: Revision, row: &SessionRow, body: String) -> Self {
        let usage = row.usage.clone().unwrap_or_default();
        let id = row.id.to_string();
        let searched = [Some(&id), Some(&row.name), row.project.as_ref(), row.task.as_ref()];
        let searched = searched.into_iter().flatten();
        let search: Vec<String> = searched
            .map(|text| text.chars().take(SEARCHED).collect::<String>().to_lowercase())
            .collect();
        let started_at = row.started_at.map_or(0, Timestamp::as_millis);
        Self {
            revision,
            status: row.status.into(),
            active: row.status.is_active(),
            project: row.project.clone(),
            last_work_at: row.last_work_at.map_or(started_at, Timestamp::as_millis),
            started_at,
            ended_at: row.ended_at.map(Timestamp::as_millis),
            tokens: to_db(usage.tokens),
            cost_usd: usage.cost_usd.filter(|cost| cost.is_finite()).unwrap_or(0.0),
            name_key: row.name.to_lowercase(),
            search: search.join("\n"),
            body,
        }
    }

    /// Writes them; false when a newer row is stored already.
    pub(super) fn write(&self, db: &Connection, session: i64) -> Result<bool> {
        let mut statement = db.prepare_cached(
            "INSERT INTO rows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (session) DO UPDATE SET revision = ?2, status = ?3, active = ?4, project = ?5,
             last_work_at = ?6, started_at = ?7, ended_at = ?8, tokens = ?9, cost_usd = ?10,
             name_key = ?11, search = ?12 WHERE rows.revision <= ?2",
        )?;
        let written = statement.execute(params![
            session,
            to_db(self.revision),
            self.status,
            self.active,
            self.project,
            self.last_work_at,
            self.started_at,
            self.ended_at,
            self.tokens,
            self.cost_usd,
            self.name_key,
            self.search,
        ])?;
        Ok(written > 0)
    }
}
