//! Adds up what was used: for each owner, day, model and phase, and what counts of that for each day and project, and for
//! each owner. Sums are sums of differences; what counts is decided by the ledger, which makes them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql, params, params_from_iter};

use crate::write::UsageDelta;

/// When this many owners are remembered, all are forgotten.
const REMEMBERED: usize = 20_000;

/// A table of sums: its statements. Each row begins with its key and ends with the columns of [`Sums`].
struct Table {
    select: &'static str,
    replace: &'static str,
    delete: &'static str,
}

macro_rules! table {
    ($name:literal, $key:literal, $marks:literal) => {
        Table {
            select: concat!(
                "SELECT input, output, cache_read, cache_write, cost_nanos, calls, unpriced, last_used_at FROM ",
                $name,
                " WHERE (",
                $key,
                ") = (",
                $marks,
                ")"
            ),
            replace: concat!("REPLACE INTO ", $name, " VALUES (", $marks, ", ?, ?, ?, ?, ?, ?, ?, ?)"),
            delete: concat!("DELETE FROM ", $name, " WHERE (", $key, ") = (", $marks, ")"),
        }
    };
}

/// What was used.
const USAGE: Table = table!("usage", "owner, day, model, phase", "?, ?, ?, ?");
/// What counts of it, over all owners of a project.
const DAYS: Table = table!("usage_days", "day, project, model, phase", "?, ?, ?, ?");
/// What counts of it, over all days of an owner.
const TOTALS: Table = table!("usage_totals", "owner, model", "?, ?");

/// The numbers of a row: tokens (sent, written, read from the cache, written to it), cost, calls, unpriced ones; and when
/// it was used last.
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

    /// Adds with saturation, whatever numbers producers send.
    fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        for (number, more) in sum.numbers.iter_mut().zip(other.numbers) {
            *number = number.saturating_add(more);
        }
        sum.last_used_at = sum.last_used_at.max(other.last_used_at);
        sum
    }

    /// The numbers as reports count them: below zero counts as zero.
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
    fn add(&self, db: &Connection, key: &[&dyn ToSql], by: &Sums) -> Result<(Sums, Sums)> {
        let before = db
            .prepare_cached(self.select)?
            .query_row(key, |row| Sums::read(row, 0))
            .optional()?;
        let after = before.map_or(*by, |before| before.plus(by));
        if after.is_nothing() {
            db.prepare_cached(self.delete)?.execute(key)?;
        } else {
            let numbers = after.numbers.iter().chain([&after.last_used_at]);
            let values = key.iter().copied().chain(numbers.map(|number| number as &dyn ToSql));
            db.prepare_cached(self.replace)?.execute(params_from_iter(values))?;
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
    /// Adds a difference to its sums. The number of rows written.
    pub(super) fn add(&mut self, db: &Connection, delta: &UsageDelta) -> Result<usize> {
        let by = Sums::of(delta);
        if by.is_nothing() {
            return Ok(0);
        }
        let owner = self.number(db, delta)?;
        let UsageDelta { day, model, phase, .. } = delta;
        let (before, after) = USAGE.add(db, &[&owner, day, model, phase], &by)?;
        let counts = after.counted().minus(&before.counted());
        let mut rows = 1;
        if !counts.is_nothing() {
            DAYS.add(db, &[day, &delta.project, model, phase], &counts)?;
            TOTALS.add(db, &[&owner, model], &counts)?;
            rows += 2;
        }
        if after.is_nothing() {
            self.leave(db, delta, owner)?;
        }
        Ok(rows)
    }

    /// Removes what was counted of an owner in a session. The number of owners removed.
    pub(super) fn forget(&mut self, db: &Connection, owner: &str, session: &str) -> Result<usize> {
        self.numbers.clear();
        forget(db, session, Some(owner))
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

    /// The number of a difference's owner, which is stored if it is new.
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

/// Removes what a session used, or what one owner used in it. The number of owners removed.
pub(crate) fn forget(db: &Connection, session: &str, owner: Option<&str>) -> Result<usize> {
    let mut statement = db.prepare_cached(
        "SELECT day, project, model, phase,
         input, output, cache_read, cache_write, cost_nanos, calls, unpriced, last_used_at
         FROM usage_owners o JOIN usage u ON u.owner = o.number
         WHERE o.session = ?1 AND (?2 IS NULL OR o.owner = ?2)",
    )?;
    let mut rows = statement.query(params![session, owner])?;
    while let Some(row) = rows.next()? {
        let day: i64 = row.get(0)?;
        let [project, model, phase]: [String; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        let counts = Sums::default().minus(&Sums::read(row, 4)?.counted());
        DAYS.add(db, &[&day, &project, &model, &phase], &counts)?;
    }
    db.execute(
        "DELETE FROM usage WHERE owner IN
         (SELECT number FROM usage_owners WHERE session = ?1 AND (?2 IS NULL OR owner = ?2))",
        params![session, owner],
    )?;
    // Their totals go with them.
    db.execute(
        "DELETE FROM usage_owners WHERE session = ?1 AND (?2 IS NULL OR owner = ?2)",
        params![session, owner],
    )
}
