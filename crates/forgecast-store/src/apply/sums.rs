//! Adds up what was used: for each owner, day, model and phase, and what counts of that for each day and project. Sums
//! are sums of differences; what counts is decided by the ledger, which makes them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql, params};

use crate::write::UsageDelta;

/// The memory of owners starts anew at this size.
const REMEMBERED: usize = 20_000;
/// The columns of both tables behind their keys.
const SUMS: &str = "input, output, cache_read, cache_write, cost_nanos, calls, unpriced, last_used_at";

/// A table of sums.
struct Table {
    name: &'static str,
    /// The columns that its rows begin with.
    key: &'static str,
}

const USAGE: Table = Table {
    name: "usage",
    key: "owner, day, model, phase",
};
const DAYS: Table = Table {
    name: "usage_days",
    key: "day, project, model, phase",
};

/// The numbers of a row, in the order of [`SUMS`], and when it was used last.
#[derive(Clone, Copy, Default, PartialEq)]
struct Sums {
    numbers: [i64; 7],
    last_used_at: i64,
}

impl Sums {
    fn of(delta: &UsageDelta) -> Self {
        let tokens = &delta.tokens;
        Self {
            numbers: [
                tokens.input,
                tokens.output,
                tokens.cache_read,
                tokens.cache_write,
                delta.cost_nanos,
                delta.calls,
                delta.unpriced,
            ],
            last_used_at: delta.last_used_at.as_millis(),
        }
    }

    /// From columns beginning with this one.
    fn read(row: &Row<'_>, first: usize) -> Result<Self> {
        let mut sums = Self::default();
        for (at, number) in sums.numbers.iter_mut().enumerate() {
            *number = row.get(first + at)?;
        }
        sums.last_used_at = row.get(first + 7)?;
        Ok(sums)
    }

    fn is_nothing(&self) -> bool {
        self.numbers == [0; 7]
    }

    /// Stays in range, whatever producers say.
    fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        for (number, more) in sum.numbers.iter_mut().zip(other.numbers) {
            *number = number.saturating_add(more);
        }
        sum.last_used_at = sum.last_used_at.max(other.last_used_at);
        sum
    }

    /// What reports count of it: below zero is nothing.
    fn counted(&self) -> Self {
        Self {
            numbers: self.numbers.map(|number| number.max(0)),
            ..*self
        }
    }

    fn minus(&self, other: &Self) -> Self {
        self.plus(&Self {
            numbers: other.numbers.map(i64::saturating_neg),
            ..*other
        })
    }
}

impl Table {
    /// Adds to a row; one that becomes nothing is removed. What it was before and what it is now.
    fn add(&self, db: &Connection, key: [&dyn ToSql; 4], by: &Sums) -> Result<(Sums, Sums)> {
        let Self { name, key: columns } = self;
        let before = db
            .prepare_cached(&format!(
                "SELECT {SUMS} FROM {name} WHERE ({columns}) = (?1, ?2, ?3, ?4)"
            ))?
            .query_row(key, |row| Sums::read(row, 0))
            .optional()?;
        let after = before.map_or(*by, |before| before.plus(by));
        if after.is_nothing() {
            db.prepare_cached(&format!("DELETE FROM {name} WHERE ({columns}) = (?1, ?2, ?3, ?4)"))?
                .execute(key)?;
        } else {
            let [a, b, c, d] = key;
            let [input, output, read, write, cost, calls, unpriced] = after.numbers;
            db.prepare_cached(&format!(
                "REPLACE INTO {name} ({columns}, {SUMS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            ))?
            .execute(params![
                a,
                b,
                c,
                d,
                input,
                output,
                read,
                write,
                cost,
                calls,
                unpriced,
                after.last_used_at
            ])?;
        }
        Ok((before.unwrap_or_default(), after))
    }
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

    /// Adds a difference to its sums. The number of rows written.
    pub(super) fn add(&mut self, db: &Connection, delta: &UsageDelta) -> Result<u64> {
        let by = Sums::of(delta);
        if by.is_nothing() {
            return Ok(0);
        }
        let owner = self.number(db, delta)?;
        let key: [&dyn ToSql; 4] = [&owner, &delta.day, &delta.model, &delta.phase];
        let (before, after) = USAGE.add(db, key, &by)?;
        if after.is_nothing() {
            self.leave(db, delta, owner)?;
        }
        let counts = after.counted().minus(&before.counted());
        if counts.is_nothing() {
            return Ok(1);
        }
        let key: [&dyn ToSql; 4] = [&delta.day, &delta.project, &delta.model, &delta.phase];
        DAYS.add(db, key, &counts)?;
        Ok(2)
    }

    /// Removes what was counted of an owner in a session. The number of rows removed.
    pub(super) fn forget(&mut self, db: &Connection, owner: &str, session: &str) -> Result<u64> {
        self.clear();
        let removed = forget_all(db, session, Some(owner))?;
        Ok(u64::try_from(removed).unwrap_or(0))
    }

    /// Removes an owner of whom nothing is left.
    fn leave(&mut self, db: &Connection, delta: &UsageDelta, owner: i64) -> Result<()> {
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

/// Removes what a session used; false when it used nothing.
pub(crate) fn forget(db: &Connection, session: &str) -> Result<bool> {
    Ok(forget_all(db, session, None)? > 0)
}

fn forget_all(db: &Connection, session: &str, owner: Option<&str>) -> Result<usize> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT day, project, model, phase, {SUMS} FROM usage_owners o JOIN usage u ON u.owner = o.number
         WHERE o.session = ?1 AND (?2 IS NULL OR o.owner = ?2)"
    ))?;
    let mut rows = statement.query(params![session, owner])?;
    while let Some(row) = rows.next()? {
        let (day, project, model, phase): (i64, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let counts = Sums::default().minus(&Sums::read(row, 4)?.counted());
        DAYS.add(db, [&day, &project, &model, &phase], &counts)?;
    }
    db.execute(
        "DELETE FROM usage WHERE owner IN
         (SELECT number FROM usage_owners WHERE session = ?1 AND (?2 IS NULL OR owner = ?2))",
        params![session, owner],
    )?;
    db.execute(
        "DELETE FROM usage_owners WHERE session = ?1 AND (?2 IS NULL OR owner = ?2)",
        params![session, owner],
    )
}
