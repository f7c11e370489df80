//! Converts a metrics database of Context Foundry to envelopes of `POST /api/v1/events`, task by task. It only reads, and
//! knows nothing about existing sessions.

mod facts;
mod stream;
mod value;

use forgecast_store::{LegacyDb, LegacyDbError, LegacyTable};
use serde_json::Value;

use self::facts::Task;
use self::stream::Stream;

/// Tasks per query.
const TASKS: u32 = 500;
/// The prefix of the ids of all facts from a metrics database.
pub(crate) const ID: &str = "origin-metrics/";

/// How much of a task is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImportScope {
    /// All of it, because this import creates its session.
    Everything,
    /// Only what a session that was recorded live does not know: decisions, agents, tests, patterns.
    Supplement,
}

/// Calls `each` with the id of every task, in order.
///
/// # Errors
/// The database cannot be read, and the errors of `each`.
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

/// Calls `each` with every envelope of a task, ordered by time if the rows of each table are.
///
/// # Errors
/// The database cannot be read, and the errors of `each`.
pub(crate) fn envelopes(
    db: &LegacyDb,
    id: &str,
    scope: ImportScope,
    mut each: impl FnMut(Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let row = db.rows(LegacyTable::Tasks, id, i64::MIN, 1)?.into_iter().next();
    let mut streams = LegacyTable::ALL
        .into_iter()
        .filter(|table| *table != LegacyTable::Tasks)
        .map(|table| Stream::new(db, table, id))
        .collect::<Result<Vec<_>, LegacyDbError>>()?;
    let earliest = streams.iter().filter_map(Stream::at).min();
    let mut task = Task::new(id, row.map(|row| row.columns).unwrap_or_default(), earliest, scope);
    for envelope in task.begin() {
        each(envelope)?;
    }
    loop {
        // At equal times the first table wins, so that every import has the same order.
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
