//! The files of an open database, as they stand in their folder. SQLite goes on with a file that was removed, moved, replaced
//! or cut under it, and says that everything is stored; so the writer looks before it writes and before it answers.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::quarantine::with_suffix;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
        }
    }
}

/// What happened to a file of the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Displaced {
    /// Nothing has its name any more.
    #[error("the database file {} is gone", .0.display())]
    Missing(PathBuf),
    /// The write-ahead log has its name no more; what it holds is not in the database yet.
    #[error("the write-ahead log of {} is gone", .0.display())]
    LogMissing(PathBuf),
    /// Another file has its name.
    #[error(
        "another file stands in the place of the database {}: restart the server to use that one, or move it away, and the \
         server puts its own back",
        .0.display()
    )]
    Replaced(PathBuf),
    /// It is shorter than what was written to it.
    #[error(
        "the database file {} was cut: restart the server, which keeps what is left of it aside and begins a new one",
        .0.display()
    )]
    Cut(PathBuf),
    /// It cannot be looked at.
    #[error("the database file {} cannot be looked at: {reason}", path.display())]
    Hidden {
        /// Where it should be.
        path: PathBuf,
        /// The error of the system.
        reason: String,
    },
}

/// The files of a database as they were when it was opened.
#[derive(Debug)]
pub(crate) struct Files {
    path: PathBuf,
    main: Identity,
    /// The write-ahead log, once it is there.
    log: Option<Identity>,
    /// The size of the file when it was looked at last. It grows, except when pages are given back.
    size: u64,
}

impl Files {
    /// The files of the database that is open at `path`.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let main = fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            main: Identity::of(&main),
            log: fs::metadata(with_suffix(path, "-wal")).ok().as_ref().map(Identity::of),
            size: main.len(),
        })
    }

    /// Whether everything is where `connection` writes it.
    ///
    /// # Errors
    /// It is not: what happened.
    pub(crate) fn check(&mut self, connection: &Connection) -> Result<(), Displaced> {
        let main = match fs::metadata(&self.path) {
            Ok(main) => main,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Displaced::Missing(self.path.clone())),
            Err(error) => {
                return Err(Displaced::Hidden {
                    path: self.path.clone(),
                    reason: error.to_string(),
                });
            }
        };
        if Identity::of(&main) != self.main {
            return Err(Displaced::Replaced(self.path.clone()));
        }
        // A checkpoint that gives pages back leaves as many as there are; any other file that shrinks was cut.
        if main.len() < self.size && main.len() < size_by_database(connection) {
            return Err(Displaced::Cut(self.path.clone()));
        }
        self.size = main.len();
        let log = fs::metadata(with_suffix(&self.path, "-wal")).ok();
        let log = log.as_ref().map(Identity::of);
        if self.log.is_some() && log != self.log {
            return Err(Displaced::LogMissing(self.path.clone()));
        }
        self.log = log;
        Ok(())
    }
}

/// How large the database is by its own account, the pages in its log included; as large as can be when it cannot say.
fn size_by_database(connection: &Connection) -> u64 {
    let pragma = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let pages = pragma("PRAGMA page_count").ok();
    let size = pages.zip(pragma("PRAGMA page_size").ok());
    size.map_or(u64::MAX, |(pages, size)| pages.saturating_mul(size).unsigned_abs())
}
