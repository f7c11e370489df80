//! The questions that can be asked, one file per kind. Each function runs inside one reading transaction; none writes.

pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod log;
pub(crate) mod rows;
pub(crate) mod series;
pub(crate) mod sessions;
pub(crate) mod usage;

use forgecast_protocol::SessionId;
use rusqlite::{OptionalExtension, Result, Transaction};

/// The number by which other tables know a session.
fn number_of(db: &Transaction<'_>, session: &SessionId) -> Result<Option<i64>> {
    db.prepare_cached("SELECT number FROM sessions WHERE id = ?1")?
        .query_row([session.to_string()], |row| row.get(0))
        .optional()
}
