//! Pages of the overview. A page continues behind the last row's sort value and number (not behind a count), so that
//! rows that come or go in between move nothing across the border of two pages.

use forgecast_protocol::rest::{Cursor, SessionList, SessionsQuery, Sort, SortKey};
use rusqlite::types::Value;
use rusqlite::{Result, Transaction, params_from_iter};

use super::sessions::readable_row;

const DEFAULT: u32 = 100;
const MOST: u32 = 1000;
/// The end of what is over; of the rest, its last work.
const ENDED: &str = "COALESCE(ended_at, last_work_at)";
/// Milliseconds; -1 for what is not over or began nobody knows when.
const DURATION: &str = "(CASE WHEN ended_at IS NULL OR started_at = 0 THEN -1 ELSE ended_at - started_at END)";

/// A page.
pub(crate) fn page(db: &Transaction<'_>, query: &SessionsQuery) -> Result<SessionList> {
    let limit = match query.limit {
        0 => DEFAULT,
        limit => limit.min(MOST),
    };
    let (sql, parameters) = select(query, limit);
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = SessionList::default();
    let mut seen = 0;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if seen == wanted {
            page.next_cursor = last;
            break;
        }
        seen += 1;
        let key = match row.get(0)? {
            Value::Integer(number) => SortKey::Whole(number),
            Value::Real(number) => SortKey::Real(number),
            Value::Text(text) => SortKey::Text(text),
            Value::Null | Value::Blob(_) => SortKey::Whole(0),
        };
        last = Some(Cursor {
            sort: query.sort,
            key,
            number: row.get(1)?,
        });
        page.sessions.extend(readable_row(row, 2)?);
    }
    Ok(page)
}

/// The column and the direction of a sort.
fn column(sort: Sort) -> (&'static str, &'static str, &'static str) {
    match sort {
        Sort::LastWork => ("last_work_at", "DESC", "<"),
        Sort::Started => ("started_at", "DESC", "<"),
        Sort::Name => ("name_key", "ASC", ">"),
        Sort::Cost => ("cost_usd", "DESC", "<"),
        Sort::Tokens => ("tokens", "DESC", "<"),
        Sort::Ended => (ENDED, "DESC", "<"),
        Sort::Duration => (DURATION, "DESC", "<"),
    }
}

/// The statement for a query, with one row more than asked for: it tells whether there is a next page.
fn select(query: &SessionsQuery, limit: u32) -> (String, Vec<Value>) {
    let (key, direction, beyond) = column(query.sort);
    let mut conditions = Vec::new();
    let mut parameters: Vec<Value> = Vec::new();
    if !query.status.is_empty() {
        let marks = vec!["?"; query.status.len()];
        conditions.push(format!("status IN ({})", marks.join(", ")));
        let words = query.status.iter().map(AsRef::as_ref);
        parameters.extend(words.map(|word| Value::from(word.to_owned())));
    }
    if let Some(project) = &query.project {
        conditions.push("(project = ? OR project IS NULL AND name_key = ?)".into());
        parameters.extend([project.clone().into(), project.to_lowercase().into()]);
    }
    if let Some(since) = query.since {
        conditions.push(format!("{ENDED} >= ?"));
        parameters.push(since.as_millis().into());
    }
    if let Some(text) = query.q.as_ref().filter(|text| !text.is_empty()) {
        conditions.push("instr(search, ?) > 0".into());
        parameters.push(text.to_lowercase().into());
    }
    if let Some(cursor) = query.cursor.as_ref().filter(|c| c.sort == query.sort) {
        conditions.push(format!("({key}, session) {beyond} (?, ?)"));
        parameters.push(match &cursor.key {
            SortKey::Whole(number) => (*number).into(),
            SortKey::Real(number) => (*number).into(),
            SortKey::Text(text) => text.clone().into(),
        });
        parameters.push(cursor.number.into());
    }
    let conditions = if conditions.is_empty() {
        String::new()
    } else {
        format!("WHERE {}", conditions.join(" AND "))
    };
    // Sorted by the narrow table first: rows that are not on the page are never touched.
    let sql = format!(
        "SELECT p.key, p.session, s.row FROM (SELECT {key} AS key, session FROM rows {conditions}
         ORDER BY {key} {direction}, session {direction} LIMIT {}) AS p JOIN sessions s ON s.number = p.session
         ORDER BY p.key {direction}, p.session {direction}",
        limit + 1
    );
    (sql, parameters)
}
