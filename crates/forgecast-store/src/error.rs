//! The errors of the store. Each names the operation and its subject in one line that a person can act on.

use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use forgecast_protocol::SessionId;
use rusqlite::ErrorCode;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has this database open.
    #[error(
        "the database {} is in use by another forgecast; stop that one, or choose another file with --db",
        path.display()
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The database could not be opened or prepared.
    #[error("cannot open the database {}: {reason}", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// What is wrong and what can be done.
        reason: String,
    },
    /// There is no such file.
    #[error("there is no database {}; name another file", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a database of ours.
    #[error("{} is no database of Forgecast; name another file", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{} was written by a newer Forgecast; update this one, or name another file", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of ours, and damaged.
    #[error(
        "the database {} is damaged ({fault}); a server that is started on it keeps it aside and begins a new one",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found first.
        fault: String,
    },
    /// A file that was to be written exists.
    #[error("{} exists, and nothing is overwritten; choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A copy of the database could not be written.
    #[error("cannot write the copy {}: {reason}", path.display())]
    Copy {
        /// The file that it was to be.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The SQLite that this program is linked with has a bug that corrupts databases.
    #[error("SQLite {found} is older than {needed}; build with the bundled one")]
    OldSqlite {
        /// The version that is linked.
        found: &'static str,
        /// The oldest one that is safe.
        needed: &'static str,
    },
    /// The database was written by a newer version and is only read.
    #[error("the database was written by a newer forgecast and is opened read-only; nothing new is stored")]
    ReadOnly,
    /// The disk did not take the commit in time. It stays queued and is written as soon as that is possible.
    #[error("the database has not taken the commit within {waited_ms} ms: {reason}")]
    Delayed {
        /// How long the commit waited, in milliseconds.
        waited_ms: u64,
        /// The last error of the database.
        reason: String,
        /// Whether the disk is full (a server answers 507 instead of 503).
        full: bool,
    },
    /// A commit names a session that the store does not know; nothing of that commit was stored.
    #[error("no session {session} in the database")]
    UnknownSession {
        /// The session.
        session: SessionId,
    },
    /// A commit that the database refuses whatever the state of the disk; nothing of it was stored.
    #[error("the database refused the commit: {reason}")]
    Refused {
        /// The error of the database.
        reason: String,
    },
    /// A query took longer than it may.
    #[error("{operation} took longer than {limit_ms} ms")]
    Slow {
        /// The query.
        operation: &'static str,
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// A query failed.
    #[error("{operation} failed")]
    Query {
        /// The query.
        operation: &'static str,
        /// The error of SQLite.
        #[source]
        source: rusqlite::Error,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The store ended before everything queued could be written.
    #[error("{commits} commits ({bytes} bytes) could not be written before the end: {reason}")]
    Unwritten {
        /// Commits that are lost.
        commits: usize,
        /// Their size.
        bytes: u64,
        /// The last error of the database.
        reason: String,
    },
}

impl Error {
    /// A file or folder that cannot be used, with what can be done.
    pub(crate) fn open(path: &Path, source: &std::io::Error) -> Self {
        let way_out = match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FREE_SPACE,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "make it writable, or ",
            _ => "",
        };
        Self::elsewhere(path, source, way_out)
    }

    /// A copy that could not be written.
    pub(crate) fn copy(path: &Path, reason: impl Display) -> Self {
        Self::Copy {
            path: path.into(),
            reason: reason.to_string(),
        }
    }

    /// The error of SQLite for a database that cannot be opened, with what can be done.
    pub(crate) fn open_sqlite(path: &Path, source: &rusqlite::Error) -> Self {
        let way_out = match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => FREE_SPACE,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds it: end that one, or ",
            _ => "",
        };
        Self::elsewhere(path, plain(source), way_out)
    }

    /// A database that cannot be where it is to be, with what can be done besides choosing another place.
    pub(crate) fn elsewhere(path: &Path, reason: impl Display, way_out: &str) -> Self {
        Self::Open {
            path: path.into(),
            reason: format!("{reason}; {way_out}choose another place with --db"),
        }
    }
}

/// An error of SQLite without the statement that it happened in, which says nothing to anybody else.
pub(crate) fn plain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

const FREE_SPACE: &str = "free some space, or ";
