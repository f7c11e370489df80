//! Ensures that one process at a time has a database open. The locks are those of the operating system, so that they end with
//! their process, however that ends. There are two: of a file beside the database, which keeps others out while a damaged
//! database is quarantined, and of the database file itself, whatever name it was opened by. The lock file is never removed:
//! otherwise two processes could each lock a file of this name.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Error;
use crate::quarantine::with_suffix;

/// What must not go while a database is open. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct OpenGuard {
    pub(crate) _lock: Lock,
    /// Of the database file itself. SQLite's own locks are of another kind, and are not disturbed as long as this file stays
    /// open.
    pub(crate) file: Lock,
    pub(crate) _temporary: Option<TempDir>,
}

/// Held as long as the database is open.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// The lock file of the database at `path`.
pub(crate) fn path(path: &Path) -> PathBuf {
    with_suffix(path, ".lock")
}

impl Lock {
    /// Takes the lock of the database at `path`.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let lock_path = self::path(path);
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|source| Error::open(&lock_path, &source))?;
        Self::hold(file, path)
    }

    /// Locks an open file of the database at `path`.
    pub(crate) fn hold(file: File, path: &Path) -> Result<Self, Error> {
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.into() }),
            Err(TryLockError::Error(source)) => Err(Error::open(path, &source)),
        }
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child process that is just being started holds a copy of it for a moment.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock of the database was not released by hand; closing it does that");
        }
    }
}
