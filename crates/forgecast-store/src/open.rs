//! Opening: the lock, the folder, the file and its schema, the epoch, the threads. Whatever the file is, this ends soon:
//! with a store, or with one line that says what is wrong and the way out.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use forgecast_protocol::{Epoch, Problem, ProblemKind, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::{Semaphore, oneshot};

use crate::error::Error;
use crate::health::Health;
use crate::lock::Lock;
use crate::options::Options;
use crate::queue::{Queue, respond};
use crate::readers::{READERS, Readers};
use crate::schema::{self, Found};
use crate::store::{Inner, Store};
use crate::writer::{Settings, Writer};
use crate::{meta, quarantine};

/// A store that was opened, and what its owner has to know.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Within it, revisions can be compared. Kept from the last time when the store was closed properly and the fold is
    /// the same; else a new one.
    pub epoch: Epoch,
    /// Whether the store was closed properly the last time (true for a new one).
    pub clean: bool,
    /// What viewers should know about it, by key: a damaged file that was quarantined, a schema that is too new.
    pub notices: Vec<(String, Problem)>,
}

/// What is held as long as a database is open. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: Lock,
    _temporary: Option<TempDir>,
}

/// Opens the database, or makes it. Needs no runtime: the work is done on a thread of its own.
///
/// `fold_version` is the version of the fold whose snapshots are written and read; `now` names a file that is quarantined.
///
/// # Errors
/// [`Error::InUse`] when another process has it, [`Error::Open`] when the disk is full, the folder cannot be written or
/// another program holds the file, [`Error::OldSqlite`].
pub async fn open(options: Options, fold_version: u32, now: Timestamp) -> Result<Opened, Error> {
    let (answer, answered) = oneshot::channel();
    let path = options.path.clone().unwrap_or_default();
    thread::Builder::new()
        .name("store-open".into())
        .spawn(move || answer.send(open_blocking(options, fold_version, now)))
        .map_err(|source| Error::open(&path, &source))?;
    answered.await.map_err(|_| Error::Closed)?
}

fn open_blocking(options: Options, fold_version: u32, now: Timestamp) -> Result<Opened, Error> {
    schema::assert_safe_sqlite()?;
    let (path, temporary) = place(&options)?;
    make_folder(&path)?;
    let held = Held {
        _lock: Lock::take(&path)?,
        _temporary: temporary,
    };
    let mut notices = Vec::new();
    loop {
        make_private(&path)?;
        match schema::look_over(&path)? {
            Found::Usable(connection) => {
                let start = Start {
                    durable: options.path.is_some(),
                    options,
                    path,
                    fold_version,
                    held,
                };
                return start.writable(connection, notices);
            }
            Found::Newer(connection) => {
                drop(connection);
                let start = Start {
                    durable: true,
                    options,
                    path,
                    fold_version,
                    held,
                };
                return start.read_only();
            }
            // The next turn finds an empty file.
            Found::Damaged(why) => notices.push(quarantine::quarantine(&path, now, &why)?),
        }
    }
}

/// What is known once the file was looked over.
struct Start {
    options: Options,
    path: PathBuf,
    durable: bool,
    fold_version: u32,
    held: Held,
}

impl Start {
    fn writable(self, mut connection: Connection, notices: Vec<(String, Problem)>) -> Result<Opened, Error> {
        let failed = |error: rusqlite::Error| Error::open_sqlite(&self.path, &error);
        schema::migrate(&mut connection).map_err(failed)?;
        drop(connection);
        let mut connection = schema::writing(&self.path, self.durable).map_err(failed)?;
        let beginning = meta::begin(&mut connection, self.fold_version).map_err(failed)?;
        let readers = self.readers()?;
        let queue = Arc::new(Queue::default());
        let health = Arc::new(Health::new(&self.path, true));
        let settings = Settings {
            path: self.path.clone(),
            durable: self.durable,
            log_lines: self.options.log_lines_per_session,
            deadline: Duration::from_millis(self.options.commit_deadline_ms),
        };
        let writer = Writer::new(settings, connection, Arc::clone(&queue), Arc::clone(&health));
        let ended = Arc::new(Semaphore::new(0));
        let (held, signal) = (self.held, Arc::clone(&ended));
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let (waiter, answer) = writer.run();
                // A caller that learns that the store has ended can open it again at once.
                drop(held);
                signal.add_permits(1);
                respond(waiter, answer);
            })
            .map_err(|source| Error::open(&self.path, &source))?;
        let inner = Inner {
            queue,
            readers,
            health,
            options: self.options,
            fold_version: self.fold_version,
            writer_ended: Some(ended),
            held: None.into(),
        };
        Ok(Opened {
            store: Store::new(inner),
            epoch: beginning.epoch,
            clean: beginning.clean,
            notices,
        })
    }

    fn read_only(self) -> Result<Opened, Error> {
        tracing::warn!(
            database = %self.path.display(),
            "the database was written by a newer version; it is read, and nothing new is stored"
        );
        let problem = Problem {
            kind: ProblemKind::Store,
            message: "The database was written by a newer forgecast: it is read, and nothing new is stored. \
                      Update this one, or choose another file with --db."
                .into(),
            subject: Some(self.path.display().to_string()),
        };
        let inner = Inner {
            queue: Arc::new(Queue::default()),
            readers: self.readers()?,
            health: Arc::new(Health::new(&self.path, false)),
            options: self.options,
            fold_version: self.fold_version,
            writer_ended: None,
            held: Some(self.held).into(),
        };
        Ok(Opened {
            store: Store::new(inner),
            epoch: meta::passing_epoch(),
            clean: false,
            notices: vec![("store/newer-schema".into(), problem)],
        })
    }

    fn readers(&self) -> Result<Readers, Error> {
        let connections: rusqlite::Result<Vec<Connection>> =
            (0..READERS).map(|_| schema::reading(&self.path)).collect();
        let connections = connections.map_err(|error| Error::open_sqlite(&self.path, &error))?;
        Readers::start(connections).map_err(|source| Error::open(&self.path, &source))
    }
}

/// Where the database is; for a temporary one a folder that goes with it.
fn place(options: &Options) -> Result<(PathBuf, Option<TempDir>), Error> {
    if let Some(path) = &options.path {
        let path = std::path::absolute(path).map_err(|source| Error::open(path, &source))?;
        return Ok((path, None));
    }
    // Not SQLite's own memory databases: they cannot be read and written at the same time.
    let folder = tempfile::Builder::new()
        .prefix("forgecast-")
        .tempdir()
        .map_err(|source| Error::open(Path::new("(temporary)"), &source))?;
    Ok((folder.path().join("forgecast.db"), Some(folder)))
}

/// Makes the folder for nobody but its owner. One that is there keeps its mode: it may be for other things, too.
fn make_folder(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        // What the system says of this ("File exists") names neither the file nor what is wrong with it.
        .map_err(|source| match file_in_the_way(folder) {
            Some(file) => Error::not_a_folder(path, file),
            None => Error::open(folder, &source),
        })
}

/// What stands where a folder should be, on the way to this one or in its place.
fn file_in_the_way(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|place| place.exists())
        .filter(|place| !place.is_dir())
}

/// Makes the file, if need be, and sees to it that only its owner can read it. SQLite gives its other files the same mode.
fn make_private(path: &Path) -> Result<(), Error> {
    let failed = |source: std::io::Error| Error::open(path, &source);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(())
}
