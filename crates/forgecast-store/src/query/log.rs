//! Pages of a session's log, filtered by level and text.

use forgecast_protocol::{LogLine, SessionId, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction};

use crate::read::{From, LogPage, LogQuery};
use crate::readers::Failure;
use crate::sql::{from_db, level_number, level_of, to_db};

/// Most lines on one page.
const MOST: u32 = 10_000;

/// A page; an empty one when the session is not known.
pub(crate) fn page(db: &Transaction<'_>, session: &SessionId, query: &LogQuery) -> Result<LogPage, Failure> {
    let bounds = db
        .prepare_cached("SELECT number, log_first, log_next FROM sessions WHERE id = ?1")?
        .query_row([session.to_string()], |row| {
            Ok((row.get(0)?, from_db(row.get(1)?), from_db(row.get(2)?)))
        })
        .optional()?;
    let Some((number, first_offset, end_offset)) = bounds else {
        return Ok(LogPage::default());
    };
    let limit = usize::try_from(query.limit.clamp(1, MOST)).unwrap_or(1);
    let mut lines = scan(db, number, query, limit)?;
    let next_offset = match query.from {
        From::Last => {
            lines.reverse();
            end_offset
        }
        From::Offset(_) if lines.len() < limit => end_offset,
        From::Offset(_) => lines.last().map_or(end_offset, |line| line.offset + 1),
    };
    Ok(LogPage {
        first_offset,
        next_offset,
        end_offset,
        lines,
    })
}

/// All lines that are kept.
pub(crate) fn all(db: &Transaction<'_>, number: i64) -> Result<Vec<LogLine>, Failure> {
    let query = LogQuery {
        from: From::Offset(0),
        limit: MOST,
        level: None,
        text: None,
    };
    scan(db, number, &query, usize::MAX)
}

/// Matching lines in the order of the scan: forwards from an offset, backwards from the newest.
fn scan(db: &Transaction<'_>, session: i64, query: &LogQuery, limit: usize) -> Result<Vec<LogLine>, Failure> {
    let (from, order) = match query.from {
        From::Offset(offset) => (to_db(offset), "ASC"),
        From::Last => (0, "DESC"),
    };
    let mut statement = db.prepare_cached(&format!(
        "SELECT offset, at, level, origin, text, spans FROM log_lines
         WHERE session = ?1 AND offset >= ?2 AND (?3 IS NULL OR level >= ?3) ORDER BY offset {order}"
    ))?;
    let mut rows = statement.query((session, from, query.level.map(level_number)))?;
    // In here and not in SQL, whose lower case knows only ASCII.
    let needle = query.text.as_ref().map(|text| text.to_lowercase());
    let mut lines = Vec::new();
    while lines.len() < limit
        && let Some(row) = rows.next()?
    {
        let text = row.get_ref(4)?.as_str().unwrap_or("");
        let wanted = |needle: &String| text.to_lowercase().contains(needle.as_str());
        if needle.as_ref().is_none_or(wanted) {
            lines.push(line(row)?);
        }
    }
    Ok(lines)
}

fn line(row: &Row<'_>) -> rusqlite::Result<LogLine> {
    let spans: Option<String> = row.get(5)?;
    Ok(LogLine {
        offset: from_db(row.get(0)?),
        at: Timestamp::from_millis(row.get(1)?),
        level: row.get::<_, Option<i64>>(2)?.and_then(level_of),
        from: row.get(3)?,
        text: row.get(4)?,
        // Colours are no reason to withhold a line.
        spans: spans
            .and_then(|spans| serde_json::from_str(&spans).ok())
            .unwrap_or_default(),
    })
}
