//! Puts the files of an open database back into their place, from what its connection still holds: an open file is there until
//! it is closed, whatever became of its name.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use rusqlite::Connection;

use crate::error::Error;
use crate::lock::Lock;
use crate::open::{make_folder, make_private};
use crate::quarantine::with_suffix;
use crate::schema;

/// Writes the database again that has no file of this name any more, durably. Returns a connection to the new file, and its
/// lock.
pub(crate) fn put_back(connection: &Connection, path: &Path) -> Result<(Connection, Lock), Error> {
    let sqlite = |error| Error::open_sqlite(path, &error);
    let io = |error| Error::open(path, &error);
    // One that was moved is complete where it is now.
    let _ = empty_log(connection);
    make_folder(path)?;
    let copy = with_suffix(path, ".restoring");
    remove(&copy).map_err(io)?;
    let file = make_private(&copy)?;
    let name = copy.to_str().ok_or_else(|| io(ErrorKind::InvalidFilename.into()))?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(sqlite)?;
    file.sync_all().map_err(io)?;
    let lock = Lock::hold(file, path)?;
    // SQLite would take a log that stays for that of the new file. What was in it is in the copy.
    for suffix in ["-wal", "-shm"] {
        remove(&with_suffix(path, suffix)).map_err(io)?;
    }
    if path.try_exists().map_err(io)? {
        return Err(io(ErrorKind::AlreadyExists.into()));
    }
    fs::rename(&copy, path).map_err(io)?;
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    let connection = schema::restored(path).map_err(sqlite)?;
    Ok((connection, lock))
}

/// Moves everything in the write-ahead log into the database.
pub(crate) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(busy, None));
    }
    Ok(())
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
