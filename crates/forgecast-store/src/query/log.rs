//! Pages of a session's log, filtered by level and text. A filter looks at a bounded part of the log, so that a search for
//! what is not there takes no longer than one that finds.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::rest::{LogMatches, LogPage};
use forgecast_protocol::{LogLine, SessionId, Timestamp};
use rusqlite::{OptionalExtension, Result, Row, Transaction};

use crate::read::{From, LogQuery};
use crate::sql::{from_db, level_number, level_of, to_db};

/// Most lines on one page.
const MOST: u32 = 10_000;
/// Most lines that one page of a search looks at.
const LOOKED_AT: u64 = 50_000;

/// The numbers between which a log is kept.
struct Bounds {
    session: i64,
    first: u64,
    end: u64,
}

fn bounds(db: &Transaction<'_>, session: &SessionId) -> Result<Option<Bounds>> {
    let mut statement = db.prepare_cached("SELECT number, log_first, log_next FROM sessions WHERE id = ?1")?;
    let found = statement.query_row([session.to_string()], |row| {
        Ok(Bounds {
            session: row.get(0)?,
            first: from_db(row.get(1)?),
            end: from_db(row.get(2)?),
        })
    });
    found.optional()
}

/// A page; an empty one when the session is not known.
pub(crate) fn page(db: &Transaction<'_>, session: &SessionId, query: &LogQuery) -> Result<LogPage> {
    let Some(bounds) = bounds(db, session)? else {
        return Ok(LogPage::default());
    };
    let limit = usize::try_from(query.limit.clamp(1, MOST)).unwrap_or(1);
    let mut page = LogPage {
        first_offset: bounds.first,
        next_offset: bounds.end,
        end_offset: bounds.end,
        lines: Vec::new(),
    };
    let Some(from) = begin(db, &bounds, query.from)? else {
        page.lines = scan(db, &Scan::backwards(&bounds, query), limit)?;
        page.lines.reverse();
        return Ok(page);
    };
    let range = Scan::forwards(&bounds, query, from);
    page.lines = scan(db, &range, limit)?;
    page.next_offset = match page.lines.last() {
        Some(line) if page.lines.len() == limit => line.offset + 1,
        _ => range.until,
    };
    Ok(page)
}

/// The numbers of matching lines in the part of the log that one search looks at.
pub(crate) fn matches(db: &Transaction<'_>, session: &SessionId, query: &LogQuery) -> Result<LogMatches> {
    let Some(bounds) = bounds(db, session)? else {
        return Ok(LogMatches::default());
    };
    let from = begin(db, &bounds, query.from)?.unwrap_or(bounds.first);
    let range = Scan {
        until: from.max(bounds.first).saturating_add(LOOKED_AT).min(bounds.end),
        ..Scan::forwards(&bounds, query, from)
    };
    let mut offsets = Vec::new();
    range.each(db, |row| {
        offsets.push(from_db(row.get(0)?));
        Ok(true)
    })?;
    Ok(LogMatches {
        first_offset: bounds.first,
        next_offset: range.until,
        end_offset: bounds.end,
        offsets,
    })
}

/// The number at which a page begins; none when it ends with the newest line.
fn begin(db: &Transaction<'_>, bounds: &Bounds, from: From) -> Result<Option<u64>> {
    match from {
        From::Last => Ok(None),
        From::Offset(offset) => Ok(Some(offset)),
        From::Time(time) => Ok(Some(at(db, bounds, time)?)),
    }
}

/// The first line that came at `time` or later, by halving the numbers; the end when there is none.
fn at(db: &Transaction<'_>, bounds: &Bounds, time: Timestamp) -> Result<u64> {
    let mut statement = db.prepare_cached(
        "SELECT offset, at FROM log_lines WHERE session = ?1 AND offset >= ?2 ORDER BY offset LIMIT 1",
    )?;
    let (mut from, mut until) = (bounds.first, bounds.end);
    while from < until {
        let middle = from + (until - from) / 2;
        // Numbers may be missing: what stands behind the hole decides for all of it.
        let line = statement.query_row((bounds.session, to_db(middle)), |row| {
            Ok((from_db(row.get(0)?), row.get::<_, i64>(1)?))
        });
        match line.optional()? {
            Some((offset, came)) if offset < until && came < time.as_millis() => from = offset + 1,
            _ => until = middle,
        }
    }
    Ok(from)
}

/// A part of a log and what is wanted of it.
struct Scan {
    session: i64,
    from: u64,
    /// One behind the last line that is looked at.
    until: u64,
    level: Option<LogLevel>,
    /// In lower case.
    needle: Option<String>,
    order: &'static str,
}

impl Scan {
    fn backwards(bounds: &Bounds, query: &LogQuery) -> Self {
        Self {
            until: bounds.end,
            order: "DESC",
            ..Self::forwards(bounds, query, 0)
        }
    }

    fn forwards(bounds: &Bounds, query: &LogQuery, from: u64) -> Self {
        let filters = query.level.is_some() || query.text.is_some();
        let looked_at = from.max(bounds.first).saturating_add(LOOKED_AT);
        Self {
            session: bounds.session,
            from,
            until: if filters { looked_at.min(bounds.end) } else { bounds.end },
            level: query.level,
            // In here and not in SQL, whose lower case knows only ASCII.
            needle: query.text.as_ref().map(|text| text.to_lowercase()),
            order: "ASC",
        }
    }

    /// Calls `take` for each matching row until it says that it has enough.
    fn each(&self, db: &Transaction<'_>, mut take: impl FnMut(&Row<'_>) -> Result<bool>) -> Result<()> {
        let mut statement = db.prepare_cached(&format!(
            "SELECT offset, at, level, origin, text, spans FROM log_lines
             WHERE session = ?1 AND offset >= ?2 AND offset < ?3 AND (?4 IS NULL OR coalesce(level, ?5) >= ?4)
             ORDER BY offset {}",
            self.order
        ))?;
        let (level, unstated) = (self.level.and_then(level_number), level_number(LogLevel::Info));
        let mut rows = statement.query((self.session, to_db(self.from), to_db(self.until), level, unstated))?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(4)?.as_str().unwrap_or("");
            let wanted = |needle: &String| text.to_lowercase().contains(needle.as_str());
            if self.needle.as_ref().is_none_or(wanted) && !take(row)? {
                break;
            }
        }
        Ok(())
    }
}

/// Matching lines in the order of the scan.
fn scan(db: &Transaction<'_>, range: &Scan, limit: usize) -> Result<Vec<LogLine>> {
    let mut lines = Vec::new();
    range.each(db, |row| {
        lines.push(line(row)?);
        Ok(lines.len() < limit)
    })?;
    Ok(lines)
}

fn line(row: &Row<'_>) -> Result<LogLine> {
    let spans: Option<String> = row.get(5)?;
    Ok(LogLine {
        offset: from_db(row.get(0)?),
        at: Timestamp::from_millis(row.get(1)?),
        level: row.get::<_, Option<i64>>(2)?.and_then(level_of),
        from: row.get(3)?,
        text: row.get(4)?,
        // Colors are no reason to withhold a line.
        spans: spans
            .and_then(|spans| serde_json::from_str(&spans).ok())
            .unwrap_or_default(),
    })
}
