//! All that is stored of one session.

use forgecast_protocol::SessionId;
use forgecast_protocol::rest::Exported;
use rusqlite::{OptionalExtension, Result, Transaction};

use super::sessions::{SESSION_COLUMNS, readable_row, stored_session};
use super::{events, log};
use crate::sql::from_db;

/// Everything, as of one moment; none when the session is not known.
pub(crate) fn export(db: &Transaction<'_>, session: &SessionId) -> Result<Option<Exported>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {SESSION_COLUMNS}, s.number, s.revision, s.row
         FROM sessions s WHERE s.id = ?1"
    ))?;
    let exported = statement.query_row([session.to_string()], |row| {
        Ok(Exported {
            session: stored_session(row)?,
            revision: from_db(row.get(7)?),
            row: readable_row(row, 8)?,
            events: events::after(db, session, 0, u32::MAX)?,
            log: log::all(db, row.get(6)?)?,
        })
    });
    exported.optional()
}
