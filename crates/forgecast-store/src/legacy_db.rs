//! Context Foundry's metrics database, read row by row as plain values for `forgecast import`. The database is never opened in
//! place, because SQLite may write beside a database that it only reads. A copy is opened, made while nothing changed.
//! Nothing in it is trusted: tables and columns may be missing or unknown, or contain anything.

mod copy;

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Number, Value};
use tempfile::TempDir;

use crate::schema::is_damage;
use crate::sql::from_db;

/// Longest text of one column that is returned, in bytes.
const MAX_TEXT: usize = 64 << 10;
/// Most rows in a batch.
const MAX_ROWS: u32 = 1_000;

/// The tables that are read. Each row belongs to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::AsRefStr, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LegacyTable {
    /// The tasks themselves; a task is a build.
    Tasks,
    /// How many tokens were in use, over time.
    Metrics,
    /// Decisions.
    Decisions,
    /// One row for each time that an agent was at work.
    #[strum(serialize = "agent_performance")]
    Agents,
    /// One row for each agent, as it last reported itself.
    #[strum(serialize = "agent_instances")]
    Instances,
    /// Test runs.
    #[strum(serialize = "test_iterations")]
    Tests,
    /// Patterns that were applied.
    #[strum(serialize = "pattern_effectiveness")]
    Patterns,
}

impl LegacyTable {
    /// All of them, tasks first.
    pub const ALL: [Self; 7] = [
        Self::Tasks,
        Self::Metrics,
        Self::Decisions,
        Self::Agents,
        Self::Instances,
        Self::Tests,
        Self::Patterns,
    ];

    /// The column that names the task of a row.
    fn task(self) -> &'static str {
        match self {
            Self::Instances => "session_id",
            _ => "task_id",
        }
    }
}

/// One row, unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct LegacyRow {
    /// Its number within the table.
    pub number: i64,
    /// Its columns by name; those that hold nothing, or bytes, are absent. Texts are cut at 64 KiB.
    pub columns: Map<String, Value>,
}

/// Why a metrics database cannot be read. Each message names the file and what can be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyDbError {
    /// The file cannot be read or copied.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The database.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not a database, changes all the time, or is damaged.
    #[error("{} {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what can be done.
        reason: String,
    },
    /// The database belongs to another program.
    #[error("{} contains no build metrics: it has none of the tables {tables}, or their rows name no task", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
        /// The tables that were looked for.
        tables: String,
    },
    /// A query failed.
    #[error("cannot read the table {table} of {}: {source}", path.display())]
    Query {
        /// The database.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl LegacyDbError {
    fn unusable(path: &Path, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.to_owned(), reason.into());
        Self::Unusable { path, reason }
    }

    fn damaged(path: &Path, finding: &str) -> Self {
        // SQLite reports several lines; an error has one.
        let line: Vec<&str> = finding.split_whitespace().collect();
        let line: String = line.join(" ").chars().take(200).collect();
        let way_out = "repair a copy of it with `sqlite3 FILE .recover` and import that";
        Self::unusable(path, format!("is damaged ({line}); {way_out}"))
    }
}

/// An opened metrics database.
#[derive(Debug)]
pub struct LegacyDb {
    path: PathBuf,
    connection: Connection,
    tables: Vec<LegacyTable>,
    _copy: TempDir,
}

impl LegacyDb {
    /// Opens the database; the file and what is beside it stay as they are. Blocks: it is copied first.
    ///
    /// # Errors
    /// See [`LegacyDbError`].
    pub fn open(path: &Path) -> Result<Self, LegacyDbError> {
        let (folder, copied) = copy::copy(path)?;
        let failed = |error: rusqlite::Error| LegacyDbError::damaged(path, &error.to_string());
        let connection = open_copy(&copied).map_err(failed)?;
        let verdict: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(failed)?;
        if verdict != "ok" {
            return Err(LegacyDbError::damaged(path, &verdict));
        }
        let mut tables = Vec::new();
        for table in LegacyTable::ALL {
            if has_table(&connection, table).map_err(failed)? {
                tables.push(table);
            }
        }
        if tables.is_empty() {
            return Err(LegacyDbError::Foreign {
                path: path.to_owned(),
                tables: LegacyTable::ALL.map(<&str>::from).join(", "),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            connection,
            tables,
            _copy: folder,
        })
    }

    /// The ids of tasks after this one, in order, at most 1,000; also of those that only other tables name.
    ///
    /// # Errors
    /// [`LegacyDbError::Query`], [`LegacyDbError::Unusable`].
    pub fn task_ids(&self, after: &str, limit: u32) -> Result<Vec<String>, LegacyDbError> {
        let parts: Vec<String> = self
            .tables
            .iter()
            .map(|table| {
                // Each part is limited to the size of the batch.
                format!(
                    "SELECT * FROM (SELECT DISTINCT {task} AS id FROM \"{}\"
                     WHERE typeof({task}) = 'text' AND {task} > ?1 ORDER BY {task} LIMIT ?2)",
                    table.as_ref(),
                    task = table.task(),
                )
            })
            .collect();
        let sql = format!("{} ORDER BY id LIMIT ?2", parts.join(" UNION "));
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let ids = statement.query_map((after, limit.clamp(1, MAX_ROWS)), |row| {
                row.get_ref(0).and_then(|id| Ok(lossy(id.as_bytes()?)))
            })?;
            ids.collect()
        };
        read().map_err(|source| self.failed(LegacyTable::Tasks, source))
    }

    /// How many tasks there are, also of those that only other tables name.
    ///
    /// # Errors
    /// [`LegacyDbError::Query`], [`LegacyDbError::Unusable`].
    pub fn task_count(&self) -> Result<u64, LegacyDbError> {
        let parts = self.tables.iter().map(|table| {
            let task = table.task();
            format!(
                "SELECT {task} AS id FROM \"{}\" WHERE typeof({task}) = 'text' AND {task} > ''",
                table.as_ref()
            )
        });
        let sql = format!("SELECT count(*) FROM ({})", parts.collect::<Vec<_>>().join(" UNION "));
        let count = self.connection.query_row(&sql, [], |row| row.get(0).map(from_db));
        count.map_err(|source| self.failed(LegacyTable::Tasks, source))
    }

    /// The rows of a task after this row, in order, at most 1,000; none if the table does not exist.
    ///
    /// # Errors
    /// [`LegacyDbError::Query`], [`LegacyDbError::Unusable`].
    pub fn rows(
        &self,
        table: LegacyTable,
        task: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LegacyRow>, LegacyDbError> {
        if !self.tables.contains(&table) {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT rowid, * FROM \"{}\" WHERE {} = ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3",
            table.as_ref(),
            table.task(),
        );
        let read = || -> rusqlite::Result<Vec<LegacyRow>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let rows = statement.query_map((task, after, limit.clamp(1, MAX_ROWS)), |row| plain(row, &names))?;
            rows.collect()
        };
        read().map_err(|source| self.failed(table, source))
    }

    /// How many rows name no task, so that they cannot be imported.
    ///
    /// # Errors
    /// [`LegacyDbError::Query`], [`LegacyDbError::Unusable`].
    pub fn unnamed(&self) -> Result<u64, LegacyDbError> {
        let mut sum: u64 = 0;
        for table in &self.tables {
            let sql = format!(
                "SELECT count(*) FROM \"{}\" WHERE typeof({task}) <> 'text' OR {task} = ''",
                table.as_ref(),
                task = table.task(),
            );
            let count: rusqlite::Result<i64> = self.connection.query_row(&sql, [], |row| row.get(0));
            let count = count.map_err(|source| self.failed(*table, source))?;
            sum = sum.saturating_add(u64::try_from(count).unwrap_or_default());
        }
        Ok(sum)
    }

    fn failed(&self, table: LegacyTable, source: rusqlite::Error) -> LegacyDbError {
        if is_damage(&source) {
            return LegacyDbError::damaged(&self.path, &source.to_string());
        }
        let (path, table) = (self.path.clone(), table.into());
        LegacyDbError::Query { path, table, source }
    }
}

fn open_copy(path: &Path) -> rusqlite::Result<Connection> {
    // The copy is opened for writing, because SQLite plays a journal beside it back into it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // A foreign schema may contain anything: it must not call functions or virtual tables with side effects.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Whether there is a table (no view) of this name whose rows name tasks.
fn has_table(connection: &Connection, table: LegacyTable) -> rusqlite::Result<bool> {
    let count: i64 = connection.query_row(
        "SELECT count(*) FROM pragma_table_list AS listed, pragma_table_info(listed.name) AS columns
         WHERE listed.schema = 'main' AND listed.type = 'table' AND listed.wr = 0 AND listed.name = ?1
               AND columns.name = ?2",
        [table.as_ref(), table.task()],
        |row| row.get(0),
    )?;
    Ok(count > 0)
}

fn plain(row: &Row<'_>, names: &[String]) -> rusqlite::Result<LegacyRow> {
    let number = row.get(0)?;
    let mut columns = Map::new();
    for (index, name) in names.iter().enumerate().skip(1) {
        let value = match row.get_ref(index)? {
            ValueRef::Null | ValueRef::Blob(_) => continue,
            ValueRef::Integer(value) => Value::from(value),
            ValueRef::Real(value) => match Number::from_f64(value) {
                Some(number) => Value::Number(number),
                None => continue,
            },
            ValueRef::Text(bytes) => Value::String(lossy(bytes)),
        };
        columns.insert(name.clone(), value);
    }
    Ok(LegacyRow { number, columns })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..MAX_TEXT).unwrap_or(bytes)).into_owned()
}
