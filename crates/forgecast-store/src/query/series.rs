//! Numbers over time, straight from the facts.

use forgecast_protocol::rest::Metric;
use forgecast_protocol::{SessionId, Timestamp};
use rusqlite::{Result, Transaction};

use super::number_of;

/// A point for each step of `resolution_s` seconds in which there is something to say, oldest first. The time is the
/// beginning of the step.
pub(crate) fn series(
    db: &Transaction<'_>,
    session: &SessionId,
    metric: Metric,
    resolution_s: u32,
) -> Result<Vec<(Timestamp, f64)>> {
    let Some(number) = number_of(db, session)? else {
        return Ok(Vec::new());
    };
    let [kind, time, value, gather] = definition(metric);
    let step_ms = i64::from(resolution_s.max(1)) * 1000;
    // With a bare column beside max(sequence) SQLite takes it from the row of that maximum: the last of the step.
    let sql = format!(
        "SELECT step * ?2, {gather}, max(sequence) FROM (
             SELECT {time} / ?2 AS step, sequence, {value} AS value FROM events
             WHERE session = ?1 AND kind = '{kind}'
         ) WHERE value IS NOT NULL GROUP BY step ORDER BY step"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let points = statement.query_map([number, step_ms], |row| {
        Ok((Timestamp::from_millis(row.get(0)?), row.get(1)?))
    })?;
    points.collect()
}

/// Usage is a difference, and belongs to the moment of use: what is taken back is taken from the step that it was added
/// to, however late it is learned. Without that moment it is when the fact was learned.
const USED_AT: &str = "coalesce(CAST(round(unixepoch(body ->> '$.fact.used_at', 'subsec') * 1000) AS INTEGER), at)";

/// Should more be taken back than is known to have been added, nothing was used.
const SUM: &str = "max(total(value), 0.0)";

/// What a metric is made of, in SQL: the kind of the facts, when the value was so (milliseconds), the value of one fact,
/// and how those of one step are put together.
fn definition(metric: Metric) -> [&'static str; 4] {
    match metric {
        Metric::Tokens => [
            "usage_recorded",
            USED_AT,
            // What was estimated was not counted.
            "iif(body ->> '$.fact.source' = 'estimated', NULL,
                 coalesce(body ->> '$.fact.input', 0) + coalesce(body ->> '$.fact.output', 0)
                 + coalesce(body ->> '$.fact.cache_read', 0) + coalesce(body ->> '$.fact.cache_write', 0))",
            SUM,
        ],
        Metric::CostUsd => ["usage_recorded", USED_AT, "body ->> '$.fact.cost_usd'", SUM],
        Metric::TestsPassed => [
            "tests_reported",
            "at",
            "CAST(body ->> '$.fact.passed' AS REAL)",
            "value",
        ],
        Metric::TestsFailed => [
            "tests_reported",
            "at",
            "CAST(body ->> '$.fact.failed' AS REAL)",
            "value",
        ],
        Metric::Progress => [
            "phase_reported",
            "at",
            // Tasks when they are counted, else phases done of the number behind the slash of `4/7`.
            "min(100.0, coalesce(
                 100.0 * (body ->> '$.fact.tasks_completed') / nullif(body ->> '$.fact.tasks_total', 0),
                 100.0 * json_array_length(body, '$.fact.phases_completed')
                 / nullif(CAST(substr(body ->> '$.fact.phase_number',
                     instr(body ->> '$.fact.phase_number', '/') + 1) AS REAL), 0)))",
            "value",
        ],
    }
}
