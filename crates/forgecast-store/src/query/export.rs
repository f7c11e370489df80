//! What the export of a session begins with; its facts and log lines follow in pages.

use forgecast_protocol::SessionId;
use forgecast_protocol::rest::Exported;
use rusqlite::{OptionalExtension, Result, Transaction};

use super::sessions::{SESSION_COLUMNS, readable_row, stored_session};
use crate::sql::from_db;

/// Everything but facts and log lines, with the sequence of the newest fact and the number that the next line gets.
pub(crate) fn head(db: &Transaction<'_>, session: &SessionId) -> Result<Option<(Exported, u64, u64)>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {SESSION_COLUMNS}, s.revision, s.row, s.log_next,
         (SELECT max(sequence) FROM events e WHERE e.session = s.number)
         FROM sessions s WHERE s.id = ?1"
    ))?;
    let head = statement.query_row([session.to_string()], |row| {
        let exported = Exported {
            session: stored_session(row)?,
            revision: from_db(row.get(6)?),
            row: readable_row(row, 7)?,
            events: Vec::new(),
            log: Vec::new(),
        };
        let newest: Option<i64> = row.get(9)?;
        Ok((exported, newest.map_or(0, from_db), from_db(row.get(8)?)))
    });
    head.optional()
}
