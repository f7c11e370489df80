//! Writes model calls, and which transcript belongs to which session. The body of a call is opaque here; only the ledger
//! reads it.

use rusqlite::{Connection, Result, params};

/// Writes a call, or what is new about it.
pub(super) fn write_call(db: &Connection, number: u64, keys: &[u64], body: &[u8]) -> Result<usize> {
    let sequence: i64 = db
        .prepare_cached(
            "INSERT INTO calls (number, body) VALUES (?1, ?2)
             ON CONFLICT (number) DO UPDATE SET body = ?2 RETURNING sequence",
        )?
        .query_row(params![number.cast_signed(), body], |row| row.get(0))?;
    let mut statement = db.prepare_cached("INSERT INTO call_keys VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    let mut rows = 1;
    // By its number it is found without a row for it.
    for key in keys.iter().filter(|&&key| key != number) {
        rows += statement.execute([key.cast_signed(), sequence])?;
    }
    Ok(rows)
}

/// Removes a call and its keys.
pub(super) fn forget_call(db: &Connection, number: u64) -> Result<usize> {
    db.prepare_cached("DELETE FROM calls WHERE number = ?1")?
        .execute([number.cast_signed()])
}

/// Binds a transcript to the session of this number.
pub(super) fn write_transcript(db: &Connection, id: &str, session: i64, directory: Option<&str>) -> Result<usize> {
    db.prepare_cached(
        "INSERT INTO transcripts VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET session = ?2, directory = ?3",
    )?
    .execute(params![id, session, directory])
}
