//! Copies of a whole database: what `backup` writes, what `restore` puts in place, and what is kept before a migration.
//!
//! A copy is one consistent state of the database. Writers go on while it is made, and whatever was committed before it began
//! is in it. It is written under a name of its own and gets the requested name when it is complete and durable, so nothing
//! ever finds half a copy there. A copy counts as not closed properly, so that it begins an epoch of its own: what viewers
//! hold may be newer than what it holds.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use forgecast_protocol::Timestamp;
use rusqlite::Connection;
use tempfile::NamedTempFile;

use crate::error::{Error, plain};
use crate::lock::Lock;
use crate::open::{behind_links, make_folder, make_private};
use crate::quarantine::{set_aside, with_suffix};
use crate::replace::empty_log;
use crate::schema::{self, NEWEST};
use crate::sql::from_db;

/// What a copy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its size in bytes.
    pub bytes: u64,
    /// How many sessions.
    pub sessions: u64,
    /// How many facts.
    pub facts: u64,
    /// How many log lines.
    pub log_lines: u64,
    /// When the newest fact happened.
    pub newest: Option<Timestamp>,
}

/// A database that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What it holds now.
    pub contents: Contents,
    /// Where the database is that was there before.
    pub replaced: Option<PathBuf>,
}

/// Copies a database, which may be open elsewhere, to a file that does not exist yet. Only its owner can read that file.
/// Returns when it is durable.
///
/// # Errors
/// There is no database, it is damaged or not ours, the file exists, or the disk does not take it.
pub fn backup(database: &Path, to: &Path) -> Result<Contents, Error> {
    schema::assert_safe_sqlite()?;
    let exists = || Error::Exists { path: to.into() };
    if to.symlink_metadata().is_ok() {
        return Err(exists());
    }
    // Not read-only: SQLite would leave an empty log beside it.
    let source = open_whole(database, schema::connect)?;
    let copy = write_copy(&source, folder_of(to)).map_err(|reason| Error::copy(to, &reason))?;
    let contents = contents_of(copy.path()).map_err(|error| Error::copy(to, plain(&error)))?;
    copy.persist_noclobber(to).map_err(|failed| match failed.error.kind() {
        ErrorKind::AlreadyExists => exists(),
        _ => Error::copy(to, &failed.error),
    })?;
    sync_folder(to).map_err(|error| Error::copy(to, &error))?;
    Ok(contents)
}

/// Puts a copy of `backup`, which is not changed, in the place of `database`. What is there is renamed and never deleted;
/// `now` is part of its new name. Returns when the database is durable.
///
/// # Errors
/// [`Error::InUse`] while a process has the database open; the file is no database of ours, damaged or of a newer version; or
/// the disk does not take it. The database is unchanged then.
pub fn restore(backup: &Path, database: &Path, now: Timestamp) -> Result<Restored, Error> {
    schema::assert_safe_sqlite()?;
    let database = std::path::absolute(database).map_err(|source| Error::open(database, &source))?;
    let database = behind_links(database);
    let source = open_whole(backup, schema::read_only)?;
    schema::refuse_foreign(&database)?;
    make_folder(&database)?;
    let _lock = Lock::take(&database)?;
    let exists = database.exists();
    let present = if exists {
        Some(Lock::hold(make_private(&database)?, &database)?)
    } else {
        None
    };
    let copy = write_copy(&source, folder_of(&database)).map_err(|reason| Error::copy(&database, &reason))?;
    drop(source);
    let contents = contents_of(copy.path()).map_err(|error| Error::copy(&database, plain(&error)))?;
    let replaced = if present.is_some() {
        // Then it is complete without its log. A damaged one is set aside as it is.
        let _ = schema::connect(&database).and_then(|connection| empty_log(&connection));
        Some(set_aside(&database, now, "replaced")?)
    } else {
        None
    };
    let placed = copy.persist_noclobber(&database).map_err(|failed| failed.error);
    placed
        .and_then(|_| sync_folder(&database))
        .map_err(|source| Error::open(&database, &source))?;
    Ok(Restored { contents, replaced })
}

/// Keeps the database as it is if its schema is about to change: as `<name>.before-<version>`, with the number of the
/// version that the migration leads to. An older copy of this kind is removed once this one is in place.
///
/// # Errors
/// The copy cannot be written. The schema must not be changed then.
pub(crate) fn keep_before_migration(connection: &Connection, path: &Path) -> Result<(), Error> {
    let version = schema::user_version(connection).map_err(|error| Error::open_sqlite(path, &error))?;
    if !schema::is_to_change(connection).map_err(|error| Error::open_sqlite(path, &error))? {
        return Ok(());
    }
    let kept = with_suffix(path, &format!("{BEFORE}{NEWEST}"));
    let refused = |reason: &dyn std::fmt::Display| {
        let size = fs::metadata(path).map_or(0, |found| found.len()).div_ceil(1 << 20);
        Error::elsewhere(
            path,
            format_args!(
                "this version changes its schema, and the copy that is kept before that, {}, cannot be written ({reason}). \
                 Nothing was changed",
                kept.display()
            ),
            &format!("make room for {size} MiB beside it, or "),
        )
    };
    let copy = write_copy(connection, folder_of(path)).map_err(|reason| refused(&reason))?;
    copy.persist(&kept).map_err(|failed| refused(&failed.error))?;
    sync_folder(&kept).map_err(|error| refused(&error))?;
    remove_older(path, &kept);
    tracing::info!(
        database = %path.display(), kept_as = %kept.display(), from = version, to = NEWEST,
        "the schema of the database changes; it was kept as it is"
    );
    Ok(())
}

/// What follows the name of a database in the name of its copy from before a migration.
const BEFORE: &str = ".before-";

/// Removes the copies from before earlier migrations. One that cannot be removed only takes space.
fn remove_older(path: &Path, kept: &Path) {
    let name = with_suffix(path, BEFORE);
    let Some(prefix) = name.file_name() else {
        return;
    };
    for entry in fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let version = file_name.as_bytes().strip_prefix(prefix.as_bytes());
        let is_copy = version.is_some_and(|version| !version.is_empty() && version.iter().all(u8::is_ascii_digit));
        if is_copy && Some(&*file_name) != kept.file_name() {
            let removed = fs::remove_file(entry.path());
            tracing::info!(file = %entry.path().display(), ?removed, "an older copy of the database is no longer needed");
        }
    }
}

/// A connection to a whole database of ours.
fn open_whole(path: &Path, connect: fn(&Path) -> rusqlite::Result<Connection>) -> Result<Connection, Error> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(Error::NotOurs { path: path.into() }),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::Missing { path: path.into() }),
        Err(source) => return Err(Error::open(path, &source)),
    }
    let judged = connect(path).and_then(|connection| Ok((schema::judge_whole(&connection)?, connection)));
    match judged {
        Ok((schema::Whole::Ours, connection)) => Ok(connection),
        Ok((schema::Whole::Foreign, _)) => Err(Error::NotOurs { path: path.into() }),
        Ok((schema::Whole::Newer, _)) => Err(Error::Newer { path: path.into() }),
        Ok((schema::Whole::Damaged(fault), _)) => Err(Error::Damaged {
            path: path.into(),
            fault,
        }),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(Error::NotOurs { path: path.into() })
        }
        Err(error) if schema::is_damage(&error) => Err(Error::Damaged {
            path: path.into(),
            fault: plain(&error),
        }),
        Err(error) => Err(Error::open_sqlite(path, &error)),
    }
}

/// Writes a copy into a folder, durably, under a name that nothing has. It is removed again unless it is given another.
fn write_copy(from: &Connection, folder: &Path) -> Result<NamedTempFile, String> {
    let text = |error: rusqlite::Error| plain(&error);
    let copy = tempfile::Builder::new()
        .prefix(".forgecast-")
        .suffix(".partial")
        .tempfile_in(folder)
        .map_err(|error| error.to_string())?;
    // As bytes, because the name of a folder need not be UTF-8.
    from.execute("VACUUM INTO CAST(?1 AS TEXT)", [copy.path().as_os_str().as_bytes()])
        .map_err(text)?;
    schema::connect(copy.path())
        .and_then(|connection| crate::meta::mark_in_use(&connection))
        .map_err(text)?;
    copy.as_file().sync_all().map_err(|error| error.to_string())?;
    Ok(copy)
}

/// Counts what is in a copy.
fn contents_of(copy: &Path) -> rusqlite::Result<Contents> {
    let connection = schema::read_only(copy)?;
    let count = |sql| connection.query_row(sql, [], |row| Ok(from_db(row.get(0)?)));
    let newest: Option<i64> = connection.query_row("SELECT max(at) FROM events", [], |row| row.get(0))?;
    Ok(Contents {
        bytes: count("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")?,
        sessions: count("SELECT count(*) FROM sessions")?,
        facts: count("SELECT count(*) FROM events")?,
        log_lines: count("SELECT count(*) FROM log_lines")?,
        newest: newest.map(Timestamp::from_millis),
    })
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Makes the name of a file durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}
