//! Writes calls to models, the sums of what they used, and whose transcripts are whose. Sums are sums of differences:
//! nothing here decides what counts, and no number is taken from a call's body.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::write::UsageDelta;

/// Sums stay within this on both sides, so that no producer's number makes one that the database cannot add to.
const MOST: i64 = 1 << 62;
/// The memory of owners starts anew at this size.
const REMEMBERED: usize = 20_000;

/// Writes a call, or what is new about it.
pub(super) fn write_call(db: &Connection, number: u64, keys: &[u64], body: &[u8]) -> Result<u64> {
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
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// Removes a call and its keys.
pub(super) fn forget_call(db: &Connection, number: u64) -> Result<u64> {
    let removed = db
        .prepare_cached("DELETE FROM calls WHERE number = ?1")?
        .execute([number.cast_signed()])?;
    Ok(u64::try_from(removed).unwrap_or(0))
}

/// Binds a transcript to the session of this number.
pub(super) fn write_transcript(db: &Connection, id: &str, session: i64, directory: Option<&str>) -> Result<u64> {
    db.prepare_cached(
        "INSERT INTO transcripts VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET session = ?2, directory = ?3",
    )?
    .execute(params![id, session, directory])?;
    Ok(1)
}

/// What the writer remembers of owners between transactions. Must be forgotten when a transaction fails or something
/// else removed some.
#[derive(Default)]
pub(super) struct Owners {
    numbers: HashMap<[String; 3], i64>,
}

impl Owners {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Adds a difference to its sum.
    pub(super) fn add(&mut self, db: &Connection, delta: &UsageDelta) -> Result<u64> {
        if delta.tokens.is_zero() && delta.cost_nanos == 0 && delta.calls == 0 && delta.unpriced == 0 {
            return Ok(0);
        }
        let owner = self.number(db, delta)?;
        let within = |number: i64| number.clamp(-MOST, MOST);
        // Two numbers within the limits add up to one that SQLite makes a real number when it must; the limit is whole again.
        let add = |column: &str| format!("{column} = min(max({column} + excluded.{column}, -{MOST}), {MOST})");
        let columns = [
            "input",
            "output",
            "cache_read",
            "cache_write",
            "cost_nanos",
            "calls",
            "unpriced",
        ];
        let empty: bool = db
            .prepare_cached(&format!(
                "INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (day, owner, model, phase) DO UPDATE SET {},
                 last_used_at = max(last_used_at, excluded.last_used_at)
                 RETURNING {} = 0",
                columns.map(add).join(", "),
                columns.join(" = 0 AND "),
            ))?
            .query_row(
                params![
                    delta.day,
                    owner,
                    delta.model,
                    delta.phase,
                    within(delta.tokens.input),
                    within(delta.tokens.output),
                    within(delta.tokens.cache_read),
                    within(delta.tokens.cache_write),
                    within(delta.cost_nanos),
                    within(delta.calls),
                    within(delta.unpriced),
                    delta.last_used_at.as_millis(),
                ],
                |row| row.get(0),
            )?;
        if empty {
            self.remove(db, delta, owner)?;
        }
        Ok(1)
    }

    /// Removes a row that became nothing, and its owner when that was the last one.
    fn remove(&mut self, db: &Connection, delta: &UsageDelta, owner: i64) -> Result<()> {
        db.prepare_cached("DELETE FROM usage WHERE day = ?1 AND owner = ?2 AND model = ?3 AND phase = ?4")?
            .execute(params![delta.day, owner, delta.model, delta.phase])?;
        let gone = db
            .prepare_cached(
                "DELETE FROM usage_owners WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM usage WHERE owner = ?1)",
            )?
            .execute([owner])?;
        if gone > 0 {
            self.numbers.remove(&name(delta));
        }
        Ok(())
    }

    /// The number of a difference's owner, who becomes known when he was not.
    fn number(&mut self, db: &Connection, delta: &UsageDelta) -> Result<i64> {
        let name = name(delta);
        if let Some(&number) = self.numbers.get(&name) {
            return Ok(number);
        }
        let found = db
            .prepare_cached("SELECT number FROM usage_owners WHERE owner = ?1 AND session = ?2 AND project = ?3")?
            .query_row(name.each_ref(), |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                db.prepare_cached("INSERT INTO usage_owners (owner, session, project) VALUES (?1, ?2, ?3)")?
                    .execute(name.each_ref())?;
                db.last_insert_rowid()
            }
        };
        if self.numbers.len() >= REMEMBERED {
            self.numbers.clear();
        }
        self.numbers.insert(name, number);
        Ok(number)
    }
}

fn name(delta: &UsageDelta) -> [String; 3] {
    [delta.owner.clone(), delta.session.clone(), delta.project.clone()]
}
