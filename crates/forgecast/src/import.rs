//! What `forgecast import` reads: Context Foundry's metrics database as envelopes of `POST /api/v1/events`, task by task. Reads
//! only, and decides nothing about sessions that are here.

mod facts;
mod stream;
mod value;

use forgecast_store::{LegacyDb, LegacyDbError, LegacyTable};
use serde_json::Value;

use self::facts::Task;
use self::stream::Stream;

/// Tasks that are asked for at a time.
const TASKS: u32 = 500;
/// What every id of a fact begins with that comes from a metrics database.
pub(crate) const ID: &str = "origin-metrics/";

/// How much of a task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it: its session is made by this import.
    All,
    /// Only what a session that was followed here can't know by itself: decisions, agents, tests, patterns.
    Beside,
}

/// Calls `each` with the id of every task, in order.
///
/// # Errors
/// What the database says, and what `each` returns.
pub(crate) fn tasks(db: &LegacyDb, mut each: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut last = String::new();
    loop {
        let ids = db.task_ids(&last, TASKS)?;
        let Some(newest) = ids.last() else {
            return Ok(());
        };
        newest.clone_into(&mut last);
        for id in &ids {
            each(id)?;
        }
    }
}

/// Calls `each` with every envelope of a task, by time as far as the rows of each table are.
///
/// # Errors
/// What the database says, and what `each` returns.
pub(crate) fn envelopes(
    db: &LegacyDb,
    id: &str,
    extent: Extent,
    mut each: impl FnMut(Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let row = db.rows(LegacyTable::Tasks, id, i64::MIN, 1)?.into_iter().next();
    let mut streams = LegacyTable::ALL
        .into_iter()
        .filter(|table| *table != LegacyTable::Tasks)
        .map(|table| Stream::new(db, table, id))
        .collect::<Result<Vec<_>, LegacyDbError>>()?;
    let earliest = streams.iter().filter_map(Stream::at).min();
    let mut task = Task::new(id, row.map(|row| row.columns).unwrap_or_default(), earliest, extent);
    for envelope in task.begin() {
        each(envelope)?;
    }
    loop {
        // Ties go to the table that comes first, so that every import has the same order.
        let next = streams.iter_mut().filter(|stream| stream.has_row());
        let Some(stream) = next.min_by_key(|stream| stream.at()) else {
            break;
        };
        let table = stream.table();
        let Some((row, at)) = stream.take(db, id)? else {
            break;
        };
        for envelope in task.row(table, &row, at) {
            each(envelope)?;
        }
    }
    for envelope in task.end() {
        each(envelope)?;
    }
    Ok(())
}
