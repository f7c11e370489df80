//! Connections and the schema: how a database is opened, looked over and brought to the newest version.
//! Only migrations change the schema, all in one transaction, numbered by `PRAGMA user_version`.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::{Error, plain};
use crate::{lock, meta};

/// Marks a file as a database of Forgecast: "Fcst" in the header's application id.
const APPLICATION_ID: i64 = 0x4663_7374;
/// Where the header of a file holds it, and how long a header is.
const APPLICATION_ID_AT: Range<usize> = 68..72;
const HEADER_BYTES: u64 = 100;
/// 3.7.0 to 3.51.2 can corrupt a database in WAL mode when its log is reset.
const OLDEST_SAFE: (i32, &str) = (3_051_003, "3.51.3");
/// In order; the first one leads to version 1.
const MIGRATIONS: [&str; 6] = [
    include_str!("../migrations/sqlite/0001_first.sql"),
    include_str!("../migrations/sqlite/0002_usage.sql"),
    include_str!("../migrations/sqlite/0003_log_ids.sql"),
    include_str!("../migrations/sqlite/0004_notifications.sql"),
    include_str!("../migrations/sqlite/0005_scopes.sql"),
    include_str!("../migrations/sqlite/0006_limits.sql"),
];
/// The version that all migrations lead to.
pub(crate) const NEWEST: i64 = MIGRATIONS.len() as i64;
/// Steps that were still changed before the first release. A database that was written in between lacks something, and gets it
/// before any further step.
const AMENDMENTS: [Amendment; 3] = [
    Amendment {
        versions: 1..=NEWEST,
        table: "sessions",
        column: "row",
        statements: include_str!("../migrations/sqlite/0001_amended.sql"),
    },
    Amendment {
        versions: 2..=2,
        table: "usage_days",
        column: "day",
        statements: include_str!("../migrations/sqlite/0002_amended.sql"),
    },
    Amendment {
        versions: 2..=2,
        table: "usage_totals",
        column: "owner",
        statements: include_str!("../migrations/sqlite/0002_amended_again.sql"),
    },
];

/// What a database of some versions may lack, and what adds it.
struct Amendment {
    versions: RangeInclusive<i64>,
    table: &'static str,
    column: &'static str,
    statements: &'static str,
}

/// What is read at every start. Damage in here is found before anybody relies on it, however large the file is.
const READ_AT_START: [&str; 9] = [
    "meta",
    "sources",
    "sessions",
    "rows",
    "runs",
    "transcripts",
    "notifier",
    "names",
    "limits",
];
/// All tables, each with the version since which it is certain to be there.
const TABLES: [(&str, i64); 19] = [
    ("meta", 1),
    ("sessions", 1),
    ("rows", 1),
    ("events", 1),
    ("snapshots", 1),
    ("sources", 1),
    ("log_lines", 1),
    ("runs", 1),
    ("calls", 2),
    ("call_keys", 2),
    ("usage_owners", 2),
    ("usage", 2),
    ("usage_days", 3),
    ("usage_totals", 3),
    ("transcripts", 2),
    ("notifications", 4),
    ("notifier", 4),
    ("names", 5),
    ("limits", 6),
];
/// How long the rest of the file may be looked over at start: a large one is looked over in part. After an unclean stop
/// longer, for that is when a disk has lost something.
const LOOK_OVER: Duration = Duration::from_millis(50);
const LOOK_OVER_UNCLEAN: Duration = Duration::from_millis(300);
/// How long the writer waits for a lock before it reports and tries again; also the limit for a busy start.
const BUSY: Duration = Duration::from_millis(250);
const BUSY_AT_START: Duration = Duration::from_secs(3);

/// The kind of a file that is to be opened.
pub(crate) enum Found {
    /// A database of ours, or an empty one; the schema may be older than the newest.
    Usable(Connection),
    /// A database of ours with a schema that this version does not know.
    Newer,
    /// Not a usable database.
    Damaged(String),
}

/// The kind of a file of which a whole copy is to be made.
pub(crate) enum Whole {
    /// A whole database of ours, which this version can read.
    Ours,
    /// A database of ours with a schema that this version does not know.
    Newer,
    /// A database of another program, or an empty one.
    Foreign,
    /// A damaged database of ours: what was found first.
    Damaged(String),
}

/// Refuses an SQLite with a known fault.
pub(crate) fn assert_safe_sqlite() -> Result<(), Error> {
    if rusqlite::version_number() >= OLDEST_SAFE.0 {
        return Ok(());
    }
    Err(Error::OldSqlite {
        found: rusqlite::version(),
        needed: OLDEST_SAFE.1,
    })
}

/// Refuses a file that is no database of ours, before anything of it is changed: somebody named the wrong one. A lock beside
/// it, or our mark in its header, says that it is one, however damaged.
pub(crate) fn refuse_foreign(path: &Path) -> Result<(), Error> {
    if lock::path(path).exists() {
        return Ok(());
    }
    let header = match File::open(path) {
        Ok(file) => {
            let mut header = Vec::new();
            let read = file.take(HEADER_BYTES).read_to_end(&mut header);
            read.map_err(|source| Error::open(path, &source))?;
            header
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::open(path, &error)),
    };
    let mark = i32::try_from(APPLICATION_ID).unwrap_or_default().to_be_bytes();
    let is_ours = header.is_empty() || header.get(APPLICATION_ID_AT) == Some(&mark[..]) || is_blank(path, &header);
    if is_ours {
        return Ok(());
    }
    Err(Error::elsewhere(path, "it is no database of Forgecast", ""))
}

/// Whether it is a database without anything in it.
fn is_blank(path: &Path, header: &[u8]) -> bool {
    let tables = || -> rusqlite::Result<i64> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
    };
    // One that keeps a log beside it is in use, and would get files of ours by being opened.
    let keeps_log = header.get(18) == Some(&2);
    header.starts_with(b"SQLite format 3\0") && !keeps_log && tables().is_ok_and(|tables| tables == 0)
}

/// Opens the file for writing and looks it over, within bounded time.
pub(crate) fn look_over(path: &Path) -> Result<Found, Error> {
    let result = connect(path).and_then(judge);
    match result {
        Ok(found) => Ok(found),
        Err(error) if is_damage(&error) => Ok(Found::Damaged(error.to_string())),
        Err(error) => Err(Error::open_sqlite(path, &error)),
    }
}

fn judge(mut connection: Connection) -> rusqlite::Result<Found> {
    let version = user_version(&connection)?;
    let application = application(&connection)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 && version == 0 {
        return Ok(Found::Usable(connection));
    }
    if application != APPLICATION_ID {
        return Ok(Found::Damaged("it belongs to another program".into()));
    }
    if version > NEWEST {
        return Ok(Found::Newer);
    }
    if version < 1 {
        let why = format!("no version of Forgecast writes a schema with the number {version}");
        return Ok(Found::Damaged(why));
    }
    if let Some(table) = missing_table(&connection, version)? {
        return Ok(Found::Damaged(format!("it has no table {table}")));
    }
    let read = tables_of(version).filter(|table| READ_AT_START.contains(table));
    for table in read {
        if let Some(fault) = quick_check(&connection, &format!("PRAGMA quick_check({table})"))? {
            return Ok(Found::Damaged(fault));
        }
    }
    let clean = meta::was_clean(&connection)?;
    let until = Instant::now() + if clean { LOOK_OVER } else { LOOK_OVER_UNCLEAN };
    connection.progress_handler(1000, Some(move || Instant::now() > until))?;
    let whole = quick_check(&connection, "PRAGMA quick_check(1)");
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match whole {
        Ok(Some(fault)) => Ok(Found::Damaged(fault)),
        Ok(None) => Ok(Found::Usable(connection)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Ok(Found::Usable(connection))
        }
        Err(error) => Err(error),
    }
}

/// The tables that a database of this version has.
fn tables_of(version: i64) -> impl Iterator<Item = &'static str> {
    let there = TABLES.into_iter().filter(move |&(_, since)| since <= version);
    there.map(|(table, _)| table)
}

/// The first table that a database of this version has and this one has not.
fn missing_table(connection: &Connection, version: i64) -> rusqlite::Result<Option<&'static str>> {
    let mut statement = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    for table in tables_of(version) {
        if !statement.exists([table])? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// The first fault, or none.
fn quick_check(connection: &Connection, pragma: &str) -> rusqlite::Result<Option<String>> {
    let verdict: String = connection.query_row(pragma, [], |row| row.get(0))?;
    Ok((verdict != "ok").then(|| verdict.chars().take(200).collect()))
}

/// What is wrong and the way out, of an error of an open database.
pub(crate) fn describe(error: &rusqlite::Error) -> String {
    let error_text = plain(error);
    if is_damage(error) || lacks_table(error) {
        return format!(
            "{error_text}: the database is damaged; restart the server, which keeps it aside and begins a new one"
        );
    }
    error_text
}

/// Whether somebody removed a part of the schema.
pub(crate) fn lacks_table(error: &rusqlite::Error) -> bool {
    let text = error.to_string();
    ["no such table", "no such column", "has no column"]
        .iter()
        .any(|lack| text.contains(lack))
}

/// Looks at all of a database, however long that takes.
pub(crate) fn judge_whole(connection: &Connection) -> rusqlite::Result<Whole> {
    if application(connection)? != APPLICATION_ID {
        return Ok(Whole::Foreign);
    }
    let version = user_version(connection)?;
    if version > NEWEST {
        return Ok(Whole::Newer);
    }
    if let Some(table) = missing_table(connection, version)? {
        return Ok(Whole::Damaged(format!("it has no table {table}")));
    }
    let fault = quick_check(connection, "PRAGMA quick_check(1)")?;
    Ok(fault.map_or(Whole::Ours, Whole::Damaged))
}

/// Brings the schema to the newest version and sets what the file itself remembers. All of it or nothing: an older Forgecast
/// never finds a database between two versions.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if user_version(connection)? == 0 {
        // Only an empty database can be told to give pages back later.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let transaction = connection.transaction()?;
    let steps = steps(&transaction)?;
    if steps.is_empty() {
        return Ok(());
    }
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()
}

/// Whether there is anything in the database whose schema is not the newest.
pub(crate) fn is_to_change(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(user_version(connection)? > 0 && !steps(connection)?.is_empty())
}

/// What brings the schema to the newest version, in order.
fn steps(connection: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let version = user_version(connection)?;
    let mut column = connection.prepare("SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2")?;
    let mut steps = Vec::new();
    for amendment in AMENDMENTS {
        if amendment.versions.contains(&version) && !column.exists([amendment.table, amendment.column])? {
            steps.push(amendment.statements);
        }
    }
    let migrations = (1..).zip(MIGRATIONS).filter(|&(leads_to, _)| leads_to > version);
    steps.extend(migrations.map(|(_, migration)| migration));
    Ok(steps)
}

/// A connection that writes. `durable`: what is committed survives a power loss.
pub(crate) fn writing(path: &Path, durable: bool) -> rusqlite::Result<Connection> {
    let connection = connect_with(path, READ_WRITE, BUSY)?;
    let synchronous = if durable { "FULL" } else { "OFF" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // The log is cut back to this when it begins anew, so that one large transaction does not hold the disk for ever.
    connection.query_row("PRAGMA journal_size_limit = 8388608", [], |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -8192)?;
    Ok(connection)
}

/// A connection that writes to a database that was just written as a whole.
pub(crate) fn restored(path: &Path) -> rusqlite::Result<Connection> {
    connect_with(path, READ_WRITE, BUSY)?.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let connection = writing(path, true)?;
    // So that the log is there before anybody looks for it.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect_with(path, READ_WRITE, Duration::from_secs(1))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    Ok(connection)
}

/// A connection to a file that was not looked over yet.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    connect_with(path, READ_WRITE, BUSY_AT_START)
}

/// A connection that writes nothing to the file but may copy it.
pub(crate) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    connect_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY, BUSY_AT_START)
}

const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE;

fn connect_with(path: &Path, flags: OpenFlags, busy: Duration) -> rusqlite::Result<Connection> {
    // No URIs, so that a path may contain any character. No mutex, because each connection stays on one thread.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn application(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

pub(crate) fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Whether the file is not, or no longer, a database.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}
