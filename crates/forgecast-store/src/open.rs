//! Opens a store: the lock, the folder, the file and its schema, the epoch, the threads. Whatever the file contains, this
//! ends soon, with a store or with one line that says what is wrong and what can be done.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use forgecast_protocol::{Epoch, Problem, ProblemKind, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::{Semaphore, oneshot};

use crate::backup;
use crate::error::Error;
use crate::files::Files;
use crate::health::Health;
use crate::lock::{Lock, OpenGuard};
use crate::meta::{self, Beginning};
use crate::options::Options;
use crate::quarantine::quarantine;
use crate::queue::respond;
use crate::readers::{READERS, Readers};
use crate::schema::{self, Found};
use crate::store::{Inner, Store};
use crate::writer::{Settings, Writer};

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
    /// What viewers should know about it, by key: a damaged file that was quarantined, a schema that is too new. Whoever
    /// opens the store says it to the user.
    pub notices: Vec<(String, Problem)>,
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
    let (path, temporary) = locate(&options)?;
    make_folder(&path)?;
    schema::refuse_foreign(&path)?;
    let lock = Lock::take(&path)?;
    let start = Start {
        options,
        path,
        fold_version,
    };
    let mut notices = Vec::new();
    let (file, usable) = loop {
        let file = Lock::hold(make_private(&start.path)?, &start.path)?;
        match schema::look_over(&start.path)? {
            // The next turn finds an empty file.
            Found::Damaged(why) => notices.push(quarantine(&start.path, now, &why)?),
            Found::Usable(connection) => break (file, Some(connection)),
            Found::Newer => break (file, None),
        }
    };
    let held = OpenGuard {
        _lock: lock,
        file,
        _temporary: temporary,
    };
    match usable {
        Some(connection) => start.writable(connection, held, notices),
        None => start.read_only(held),
    }
}

/// What is known once the file was looked over.
struct Start {
    options: Options,
    path: PathBuf,
    fold_version: u32,
}

impl Start {
    fn writable(
        self,
        connection: Connection,
        held: OpenGuard,
        notices: Vec<(String, Problem)>,
    ) -> Result<Opened, Error> {
        backup::keep_before_migration(&connection, &self.path)?;
        let (connection, beginning) = self
            .begin(connection)
            .map_err(|error| Error::open_sqlite(&self.path, &error))?;
        let (path, ended) = (self.path.clone(), Arc::new(Semaphore::new(0)));
        let settings = Settings {
            path: self.path.clone(),
            durable: self.is_durable(),
            log_lines: self.options.log_lines_per_session,
            deadline: Duration::from_millis(self.options.commit_deadline_ms),
        };
        let files = Files::of(&path).map_err(|source| Error::open(&path, &source))?;
        let inner = self.inner(Some(Arc::clone(&ended)), None)?;
        let writer = Writer::new(settings, connection, files, held, &inner.queue, &inner.health);
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                // A caller that learns that the store has ended can open it again at once.
                let (waiter, answer) = writer.run();
                ended.add_permits(1);
                respond(waiter, answer);
            })
            .map_err(|source| Error::open(&path, &source))?;
        Ok(Opened {
            store: Store::new(inner),
            epoch: beginning.epoch,
            clean: beginning.clean,
            notices,
        })
    }

    /// Brings the schema to the newest version, opens the writer's connection and works out the epoch.
    fn begin(&self, mut connection: Connection) -> rusqlite::Result<(Connection, Beginning)> {
        schema::migrate(&mut connection)?;
        drop(connection);
        let mut connection = schema::writing(&self.path, self.is_durable())?;
        let beginning = meta::begin(&mut connection, self.fold_version)?;
        Ok((connection, beginning))
    }

    /// A temporary database goes with its process, so it need not survive a power loss.
    fn is_durable(&self) -> bool {
        self.options.path.is_some()
    }

    fn read_only(self, held: OpenGuard) -> Result<Opened, Error> {
        let problem = Problem {
            kind: ProblemKind::Store,
            message:
                "Read-only: the database was written by a newer Forgecast. It is read, and nothing new is stored. \
                      Update this Forgecast, or choose another file with --db."
                    .into(),
            subject: Some(self.path.display().to_string()),
        };
        Ok(Opened {
            store: Store::new(self.inner(None, Some(held))?),
            epoch: meta::passing_epoch(),
            clean: false,
            notices: vec![("store/newer-schema".into(), problem)],
        })
    }

    fn inner(self, writer_ended: Option<Arc<Semaphore>>, held: Option<OpenGuard>) -> Result<Inner, Error> {
        let connections: rusqlite::Result<Vec<Connection>> =
            (0..READERS).map(|_| schema::reading(&self.path)).collect();
        let connections = connections.map_err(|error| Error::open_sqlite(&self.path, &error))?;
        let health = Arc::new(Health::new(&self.path, writer_ended.is_some()));
        let readers = Readers::start(connections, &health);
        Ok(Inner {
            queue: Arc::default(),
            readers: readers.map_err(|source| Error::open(&self.path, &source))?,
            health,
            options: self.options,
            fold_version: self.fold_version,
            writer_ended,
            held: Mutex::new(held),
        })
    }
}

/// Where the database is; for a temporary one a folder that goes with it.
fn locate(options: &Options) -> Result<(PathBuf, Option<TempDir>), Error> {
    if let Some(path) = &options.path {
        let path = std::path::absolute(path).map_err(|source| Error::open(path, &source))?;
        return Ok((behind_links(path), None));
    }
    // Not SQLite's own memory databases: they cannot be read and written at the same time.
    let folder = tempfile::Builder::new()
        .prefix("forgecast-")
        .tempdir()
        .map_err(|source| Error::open(Path::new("(temporary)"), &source))?;
    Ok((folder.path().join("forgecast.db"), Some(folder)))
}

/// The file that a link leads to: SQLite keeps its other files beside that one, and so do we.
pub(crate) fn behind_links(path: PathBuf) -> PathBuf {
    let beside = |target| path.parent().map_or_else(|| path.clone(), |folder| folder.join(target));
    let target = || fs::read_link(&path).ok().map(beside);
    fs::canonicalize(&path).ok().or_else(target).unwrap_or(path)
}

/// Makes the folder for nobody but its owner. One that is there keeps its mode: it may be for other things, too.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        // What the system says of this ("File exists") names neither the file nor what is wrong with it.
        .map_err(|source| match folder.ancestors().find(|place| place.exists()) {
            Some(file) if !file.is_dir() => {
                Error::elsewhere(path, format_args!("{} is not a folder", file.display()), "")
            }
            _ => Error::open(folder, &source),
        })
}

/// Makes the file, if need be, and sees to it that only its owner can read it. SQLite gives its other files the same mode.
pub(crate) fn make_private(path: &Path) -> Result<File, Error> {
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
    Ok(file)
}
