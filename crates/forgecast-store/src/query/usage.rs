//! Calls by their keys, and what was used, from the sums: each row that is asked for is read once, in one pass. Calls are
//! never read for that.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use forgecast_protocol::report::{AgentTotals, GroupBy};
use forgecast_protocol::session::TokenCounts;
use forgecast_protocol::{Timestamp, calendar};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Result, Row, Transaction, params_from_iter};

use crate::read::{StoredCall, StoredTranscript, UsageGroup, UsageQuery};
use crate::sql::{Parsed, from_db, to_db};

/// The calls that have any of the keys, each once, in the order of their numbers.
pub(crate) fn calls(db: &Transaction<'_>, keys: &[u64]) -> Result<Vec<StoredCall>> {
    let mut by_number = db.prepare_cached("SELECT number, body FROM calls WHERE number = ?1")?;
    let mut by_key = db.prepare_cached(
        "SELECT c.number, c.body FROM call_keys k JOIN calls c ON c.sequence = k.call WHERE k.key = ?1",
    )?;
    let mut calls: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for key in keys {
        for statement in [&mut by_number, &mut by_key] {
            let mut rows = statement.query([key.cast_signed()])?;
            while let Some(row) = rows.next()? {
                let number = row.get::<_, i64>(0)?.cast_unsigned();
                if let Entry::Vacant(free) = calls.entry(number) {
                    free.insert(row.get(1)?);
                }
            }
        }
    }
    Ok(calls
        .into_iter()
        .map(|(number, body)| StoredCall { number, body })
        .collect())
}

/// The calls in whose body this text stands, in the order of their numbers: looks at every call.
pub(crate) fn calls_that_name(db: &Transaction<'_>, text: &str) -> Result<Vec<StoredCall>> {
    let mut statement =
        db.prepare_cached("SELECT number, body FROM calls WHERE instr(body, ?1) > 0 ORDER BY number")?;
    let calls = statement.query_map([text.as_bytes()], |row| {
        Ok(StoredCall {
            number: row.get::<_, i64>(0)?.cast_unsigned(),
            body: row.get(1)?,
        })
    })?;
    calls.collect()
}

/// All bindings of transcripts, by their ids.
pub(crate) fn transcripts(db: &Transaction<'_>) -> Result<Vec<StoredTranscript>> {
    let mut statement = db.prepare_cached(
        "SELECT t.id, s.id, t.directory FROM transcripts t JOIN sessions s ON s.number = t.session ORDER BY t.id",
    )?;
    let transcripts = statement.query_map([], |row| {
        let Parsed(session) = row.get(1)?;
        Ok(StoredTranscript {
            id: row.get(0)?,
            session,
            directory: row.get(2)?,
        })
    })?;
    transcripts.collect()
}

/// What is known of windows of plans, by key.
pub(crate) fn limits(db: &Transaction<'_>) -> Result<Vec<(String, String)>> {
    let mut statement = db.prepare_cached("SELECT key, body FROM limits ORDER BY key")?;
    let limits = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    limits.collect()
}

/// What the transcripts of stored sessions are called, by their ids: the title of the session that is theirs, or the id of
/// the build that they belong to.
pub(crate) fn titles(db: &Transaction<'_>) -> Result<HashMap<String, String>> {
    let mut statement = db.prepare_cached(
        "SELECT o.owner,
                iif(s.row ->> '$.source' = 'transcript' OR instr(s.id, o.owner || '~') = 1, s.row ->> '$.name', s.id)
         FROM usage_owners o JOIN sessions s ON s.id = o.session
         WHERE o.owner <> o.session AND s.row IS NOT NULL ORDER BY o.number",
    )?;
    let titles = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // One without a title is called by its id.
    let titles = titles.filter(|titled| !matches!(titled, Ok((id, title)) if id == title));
    titles.collect()
}

/// What was used, by group and model, both in their order.
pub(crate) fn groups(db: &Transaction<'_>, query: &UsageQuery) -> Result<Vec<UsageGroup>> {
    let mut groups = Groups::default();
    scan(db, query, |row| groups.take(row))?;
    Ok(groups.finish())
}

/// What was spent: billionths of a US dollar, and tokens.
pub(crate) fn spent(
    db: &Transaction<'_>,
    since_day: Option<i32>,
    until_day: Option<i32>,
) -> Result<(i64, TokenCounts)> {
    let query = UsageQuery {
        since_day,
        until_day,
        ..UsageQuery::default()
    };
    let mut sum = UsageGroup::default();
    scan(db, &query, |row| add(&mut sum, row))?;
    Ok((to_db(sum.cost_nanos), sum.tokens))
}

/// What agents say of their own sessions, beside what was counted of them.
pub(crate) fn agent_totals(db: &Transaction<'_>) -> Result<AgentTotals> {
    let mut statement = db.prepare_cached(
        "SELECT count(*), coalesce(sum(row ->> '$.usage.agent_total_usd'), 0.0), coalesce(sum(row ->> '$.usage.cost_usd'), 0.0)
         FROM sessions WHERE instr(row, '\"agent_total_usd\"') > 0",
    )?;
    statement.query_row([], |row| {
        Ok(AgentTotals {
            sessions: from_db(row.get(0)?),
            cost_usd: row.get(1)?,
            counted_usd: row.get(2)?,
        })
    })
}

/// Each row of sums that is asked for, once: the group's key, the model, the sums.
fn scan(db: &Transaction<'_>, query: &UsageQuery, mut take: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let (sql, parameters) = select(query);
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// The statement for a query. By sessions, or of one of them, it reads the sums of owners; else the few of days.
fn select(query: &UsageQuery) -> (String, Vec<Value>) {
    let mut conditions = Vec::new();
    let mut parameters: Vec<Value> = Vec::new();
    let dated = query.since_day.is_some() || query.until_day.is_some();
    if dated {
        conditions.push("day BETWEEN ? AND ?");
        let since = query.since_day.unwrap_or(i32::MIN);
        let until = query.until_day.unwrap_or(i32::MAX);
        parameters.extend([since.into(), until.into()]);
    }
    if let Some(session) = &query.session {
        conditions.push("(o.session = ? OR o.owner = ?)");
        parameters.extend([session.clone().into(), session.clone().into()]);
    }
    if let Some(project) = &query.project {
        conditions.push("project = ?");
        parameters.push(project.clone().into());
    }
    let key = match query.group_by {
        GroupBy::Day => "day",
        GroupBy::Project => "project",
        GroupBy::Model => "model",
        GroupBy::Phase => "phase",
        GroupBy::Session => "o.owner",
    };
    // The owners first: one look for each.
    let table = match (query.group_by, &query.session) {
        (GroupBy::Session, _) if !dated => "usage_owners o CROSS JOIN usage_totals u ON u.owner = o.number",
        (GroupBy::Session, _) | (_, Some(_)) => "usage_owners o CROSS JOIN usage u ON u.owner = o.number",
        (_, None) => "usage_days",
    };
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!("WHERE {}", conditions.join(" AND "))
    };
    let sql = format!(
        "SELECT {key}, model, input, output, cache_read, cache_write, cost_nanos, calls, unpriced, last_used_at
         FROM {table} {filter}"
    );
    (sql, parameters)
}

/// Adds the sums of a row. A number below zero counts as nothing: it takes back what is no longer in any row, and must
/// not take it from another one.
fn add(sum: &mut UsageGroup, row: &Row<'_>) -> Result<()> {
    let tokens = &mut sum.tokens;
    let columns = [
        (2, &mut tokens.input),
        (3, &mut tokens.output),
        (4, &mut tokens.cache_read),
        (5, &mut tokens.cache_write),
        (6, &mut sum.cost_nanos),
        (7, &mut sum.calls),
        (8, &mut sum.unpriced),
    ];
    for (column, sum) in columns {
        *sum = sum.saturating_add(from_db(row.get(column)?));
    }
    sum.last_used_at = sum.last_used_at.max(Timestamp::from_millis(row.get(9)?));
    Ok(())
}

/// Rows put together by group, then by model, of which each has few.
#[derive(Default)]
struct Groups {
    groups: Vec<Vec<UsageGroup>>,
    /// Which one belongs to a day, and which to a name.
    days: HashMap<i32, usize>,
    names: HashMap<String, usize>,
}

impl Groups {
    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        let next = self.groups.len();
        let at = match row.get_ref(0)? {
            ValueRef::Integer(_) => *self.days.entry(row.get(0)?).or_insert(next),
            name => {
                let name = name.as_str()?;
                let known = self.names.get(name).copied();
                known.unwrap_or_else(|| {
                    self.names.insert(name.to_owned(), next);
                    next
                })
            }
        };
        if at == next {
            self.groups.push(Vec::new());
        }
        let models = &mut self.groups[at];
        let model = row.get_ref(1)?.as_str()?;
        let known = models.iter().position(|known| known.model == model);
        let at = known.unwrap_or_else(|| {
            models.push(UsageGroup {
                model: model.to_owned(),
                ..UsageGroup::default()
            });
            models.len() - 1
        });
        add(&mut models[at], row)
    }

    fn finish(mut self) -> Vec<UsageGroup> {
        let days = self.days.into_iter().map(|(day, at)| (calendar::date(day), at));
        for (key, at) in days.chain(self.names) {
            self.groups[at].iter_mut().for_each(|group| group.key.clone_from(&key));
        }
        let groups = self.groups.into_iter().flatten();
        let mut groups: Vec<UsageGroup> = groups.filter(|group| !is_nothing(group)).collect();
        groups.sort_unstable_by(|a, b| (&a.key, &a.model).cmp(&(&b.key, &b.model)));
        groups
    }
}

/// Whether all that is left of it is a sum below zero.
fn is_nothing(group: &UsageGroup) -> bool {
    group.tokens.total() == 0 && group.cost_nanos == 0 && group.calls == 0 && group.unpriced == 0
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::schema;

    /// 200 sessions of 4 projects that work on 50 days with 3 models.
    fn filled() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        schema::migrate(&mut db).unwrap();
        db.execute_batch(
            "CREATE TEMP TABLE n AS WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 199)
             SELECT n FROM n;
             INSERT INTO usage_owners SELECT n, 't' || n, 's' || n || '~1', 'p' || (n % 4) FROM n;
             INSERT INTO usage SELECT o.n, d.n, 'm' || m.n, '', 1, 1, 1, 1, 1, 1, 1, 1 FROM n o, n d, n m
                 WHERE d.n < 50 AND m.n < 3;
             INSERT INTO usage_days SELECT day, project, model, phase, sum(input), 1, 1, 1, 1, 1, 1, 1
                 FROM usage u JOIN usage_owners o ON o.number = u.owner GROUP BY 1, 2, 3, 4;
             INSERT INTO usage_totals SELECT owner, model, sum(input), 1, 1, 1, 1, 1, 1, 1 FROM usage GROUP BY 1, 2",
        )
        .unwrap();
        db
    }

    /// How SQLite goes about it, and how many rows it hands over.
    fn plan(db: &mut Connection, query: &UsageQuery) -> (Vec<String>, usize) {
        let transaction = db.transaction().unwrap();
        let (sql, parameters) = select(query);
        let mut statement = transaction.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement
            .query_map(params_from_iter(parameters), |row| row.get(3))
            .unwrap();
        let steps = steps.collect::<Result<_>>().unwrap();
        let mut rows = 0;
        scan(&transaction, query, |_| {
            rows += 1;
            Ok(())
        })
        .unwrap();
        (steps, rows)
    }

    #[test]
    fn a_report_visits_the_rows_it_is_made_of_and_no_call() {
        let mut db = filled();
        let by = |group_by| UsageQuery {
            group_by,
            ..UsageQuery::default()
        };
        let of_a_day = |group_by| UsageQuery {
            since_day: Some(7),
            until_day: Some(7),
            ..by(group_by)
        };
        let days = ["SCAN usage_days"].as_slice();
        let day = ["SEARCH usage_days USING PRIMARY KEY (day>? AND day<?)"].as_slice();
        let sessions = ["SCAN o", "SEARCH u USING PRIMARY KEY (owner=?)"].as_slice();
        let sessions_of_a_day = ["SCAN o", "SEARCH u USING PRIMARY KEY (owner=? AND day>? AND day<?)"].as_slice();
        for (query, steps, rows) in [
            (by(GroupBy::Day), days, 50 * 4 * 3),
            (by(GroupBy::Project), days, 50 * 4 * 3),
            (by(GroupBy::Model), days, 50 * 4 * 3),
            (by(GroupBy::Phase), days, 50 * 4 * 3),
            (of_a_day(GroupBy::Day), day, 4 * 3),
            (of_a_day(GroupBy::Phase), day, 4 * 3),
            (by(GroupBy::Session), sessions, 200 * 3),
            (of_a_day(GroupBy::Session), sessions_of_a_day, 200 * 3),
        ] {
            let (found, visited) = plan(&mut db, &query);
            assert_eq!(
                (found.iter().map(String::as_str).collect::<Vec<_>>(), visited),
                (steps.to_vec(), rows),
                "{query:?}"
            );
        }
    }

    #[test]
    fn a_report_of_one_session_or_project_finds_its_owners_by_an_index() {
        let mut db = filled();
        let session = UsageQuery {
            session: Some("s7~1".into()),
            ..UsageQuery::default()
        };
        let project = UsageQuery {
            project: Some("p1".into()),
            group_by: GroupBy::Session,
            ..UsageQuery::default()
        };
        for (query, rows) in [(session, 50 * 3), (project, 50 * 3)] {
            let (steps, visited) = plan(&mut db, &query);
            assert_eq!(visited, rows, "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("SCAN")), "{steps:?}");
        }
    }
}
