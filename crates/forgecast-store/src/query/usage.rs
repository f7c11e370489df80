//! What was used, from the sums: the rows of the asked-for days (or owners) are read once each, in one pass. Calls are
//! never read for it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use forgecast_protocol::report::GroupBy;
use forgecast_protocol::session::TokenCounts;
use forgecast_protocol::{SessionId, Timestamp};
use rusqlite::{Row, Transaction};

use super::malformed;
use crate::read::{StoredCall, StoredTranscript, UsageGroup, UsageQuery};
use crate::readers::Failure;
use crate::sql::{from_db, to_db};

const DAY_MS: i64 = 86_400_000;

/// The calls that have any of the keys, each once, in the order of their numbers.
pub(crate) fn calls(db: &Transaction<'_>, keys: &[u64]) -> Result<Vec<StoredCall>, Failure> {
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

/// All bindings of transcripts, by their ids.
pub(crate) fn transcripts(db: &Transaction<'_>) -> Result<Vec<StoredTranscript>, Failure> {
    let mut statement = db.prepare_cached(
        "SELECT t.id, s.id, t.directory FROM transcripts t JOIN sessions s ON s.number = t.session ORDER BY t.id",
    )?;
    let mut rows = statement.query([])?;
    let mut transcripts = Vec::new();
    while let Some(row) = rows.next()? {
        let session: String = row.get(1)?;
        let session: SessionId = session.parse().map_err(|error| malformed("a session id", &error))?;
        transcripts.push(StoredTranscript {
            id: row.get(0)?,
            session,
            directory: row.get(2)?,
        });
    }
    Ok(transcripts)
}

/// What was used, by group and model, both in their order.
pub(crate) fn groups(db: &Transaction<'_>, query: &UsageQuery) -> Result<Vec<UsageGroup>, Failure> {
    let filtered = query.session.is_some() || query.project.is_some();
    let named = matches!(query.group_by, GroupBy::Project | GroupBy::Session);
    let owners = if filtered || named {
        owners(db, query)?
    } else {
        Vec::new()
    };
    let mut groups = Groups::new(query.group_by, &owners);
    let mut take = |row: &Row<'_>| groups.take(row);
    if filtered {
        for (owner, _) in &owners {
            scan(db, query, Some(*owner), &mut take)?;
        }
    } else {
        scan(db, query, None, &mut take)?;
    }
    Ok(groups.finish())
}

/// What was spent: billionths of a US dollar, and tokens.
pub(crate) fn spent(
    db: &Transaction<'_>,
    since_day: Option<i32>,
    until_day: Option<i32>,
) -> Result<(i64, TokenCounts), Failure> {
    let query = UsageQuery {
        since_day,
        until_day,
        ..UsageQuery::default()
    };
    let mut sum = UsageGroup::default();
    scan(db, &query, None, &mut |row| add(&mut sum, row))?;
    Ok((to_db(sum.cost_nanos), sum.tokens))
}

/// The owners that are asked for: their numbers, and the name of the group that each belongs to.
fn owners(db: &Transaction<'_>, query: &UsageQuery) -> Result<Vec<(i64, String)>, Failure> {
    let name = if query.group_by == GroupBy::Project {
        "project"
    } else {
        "owner"
    };
    let mut statement = db.prepare_cached(&format!(
        "SELECT number, {name} FROM usage_owners
         WHERE (?1 IS NULL OR session = ?1 OR owner = ?1) AND (?2 IS NULL OR project = ?2)"
    ))?;
    let owners = statement.query_map((&query.session, &query.project), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(owners.collect::<rusqlite::Result<_>>()?)
}

/// The statement that reads the sums of the days `?1` to `?2`, or of one owner `?3` within them.
fn select(owner: bool) -> &'static str {
    if owner {
        "SELECT day, owner, model, phase, input, output, cache_read, cache_write, cost_nanos, calls, unpriced,
         last_used_at FROM usage WHERE owner = ?3 AND day BETWEEN ?1 AND ?2"
    } else {
        "SELECT day, owner, model, phase, input, output, cache_read, cache_write, cost_nanos, calls, unpriced,
         last_used_at FROM usage WHERE day BETWEEN ?1 AND ?2"
    }
}

/// Each row of the days, or of one owner within them, once.
fn scan(
    db: &Transaction<'_>,
    query: &UsageQuery,
    owner: Option<i64>,
    take: &mut impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), Failure> {
    let mut statement = db.prepare_cached(select(owner.is_some()))?;
    let since = query.since_day.unwrap_or(i32::MIN);
    let until = query.until_day.unwrap_or(i32::MAX);
    let mut rows = match owner {
        Some(owner) => statement.query((since, until, owner))?,
        None => statement.query((since, until))?,
    };
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// Adds the sums of a row. A number below zero counts as nothing: it takes back what is no longer in any row, and must
/// not take it from another one.
fn add(sum: &mut UsageGroup, row: &Row<'_>) -> rusqlite::Result<()> {
    let tokens = &mut sum.tokens;
    let columns = [
        (4, &mut tokens.input),
        (5, &mut tokens.output),
        (6, &mut tokens.cache_read),
        (7, &mut tokens.cache_write),
        (8, &mut sum.cost_nanos),
        (9, &mut sum.calls),
        (10, &mut sum.unpriced),
    ];
    for (column, sum) in columns {
        *sum = sum.saturating_add(from_db(row.get(column)?));
    }
    sum.last_used_at = sum.last_used_at.max(Timestamp::from_millis(row.get(11)?));
    Ok(())
}

/// Rows put together by group and model.
struct Groups {
    by: GroupBy,
    names: Names,
    /// The group of each owner, when they make the groups.
    owners: HashMap<i64, i64>,
    /// By the day or the number of the name; few models each.
    found: HashMap<i64, Vec<UsageGroup>>,
}

impl Groups {
    fn new(by: GroupBy, owners: &[(i64, String)]) -> Self {
        let mut names = Names::default();
        let owners = owners
            .iter()
            .map(|(owner, name)| (*owner, names.number(name)))
            .collect();
        Self {
            by,
            names,
            owners,
            found: HashMap::new(),
        }
    }

    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let model = row.get_ref(2)?.as_str()?;
        let group = match self.by {
            GroupBy::Day => row.get(0)?,
            GroupBy::Model => self.names.number(model),
            GroupBy::Phase => self.names.number(row.get_ref(3)?.as_str()?),
            // A foreign key sees to it that the owner is there.
            GroupBy::Project | GroupBy::Session => self.owners.get(&row.get(1)?).copied().unwrap_or(-1),
        };
        let models = self.found.entry(group).or_default();
        let at = models.iter().position(|known| known.model == model).unwrap_or_else(|| {
            models.push(UsageGroup {
                model: model.to_owned(),
                ..UsageGroup::default()
            });
            models.len() - 1
        });
        add(&mut models[at], row)
    }

    fn finish(self) -> Vec<UsageGroup> {
        let (by, names) = (self.by, self.names);
        let named = self.found.into_iter().flat_map(|(group, mut models)| {
            let key = match by {
                GroupBy::Day => date(group),
                _ => names.name(group),
            };
            models.iter_mut().for_each(|model| model.key.clone_from(&key));
            models
        });
        let mut groups: Vec<UsageGroup> = named.filter(|group| !is_nothing(group)).collect();
        groups.sort_unstable_by(|a, b| (&a.key, &a.model).cmp(&(&b.key, &b.model)));
        groups
    }
}

/// Whether nothing is left of it but the memory that there was something.
fn is_nothing(group: &UsageGroup) -> bool {
    group.tokens.total() == 0 && group.cost_nanos == 0 && group.calls == 0 && group.unpriced == 0
}

/// A day as `2026-11-22`.
fn date(day: i64) -> String {
    let time = Timestamp::from_millis(day.saturating_mul(DAY_MS)).to_string();
    time.split('T').next().unwrap_or_default().to_owned()
}

/// Numbers for texts that come again and again.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, i64>,
    texts: Vec<String>,
}

impl Names {
    fn number(&mut self, text: &str) -> i64 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = i64::try_from(self.texts.len()).unwrap_or(i64::MAX);
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn name(&self, number: i64) -> String {
        let at = usize::try_from(number).ok();
        at.and_then(|at| self.texts.get(at)).cloned().unwrap_or_default()
    }
}
