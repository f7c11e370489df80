//! The writer's health: counters, sizes and its problem, if it has one. A problem is logged when it begins and when it is
//! over, not at every attempt.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::quarantine::with_suffix;
use crate::read::StoreHealth;

/// A transaction that takes longer than this is reported: the disk does not answer.
const HANGING: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) path: PathBuf,
    /// How often the files of the database were replaced by the writer: connections of before lead nowhere.
    pub(crate) generation: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: StoreHealth,
    /// What was said when the database could not be read, while that lasts.
    read_error: Option<String>,
    /// When the transaction began that is under way.
    writing_since: Option<Instant>,
}

impl Health {
    /// The health of a store that has not written yet.
    pub(crate) fn new(path: &Path, writable: bool) -> Self {
        let health = Self {
            path: path.to_owned(),
            generation: AtomicU64::new(0),
            state: Mutex::new(State {
                known: StoreHealth {
                    writable,
                    readable: true,
                    ..StoreHealth::default()
                },
                read_error: None,
                writing_since: None,
            }),
        };
        health.measure();
        health
    }

    /// An attempt to write begins.
    pub(crate) fn begun(&self) {
        self.lock().writing_since = Some(Instant::now());
    }

    /// A transaction is durable.
    pub(crate) fn succeeded(&self, commits: usize, rows: usize) {
        let mut state = self.measured();
        let took = state.writing_since.map(|since| since.elapsed());
        state.well();
        let health = &mut state.known;
        health.transactions += 1;
        health.durations.add(took.unwrap_or_default());
        health.commits += commits as u64;
        health.rows += rows as u64;
    }

    /// Nothing waits to be written, and nothing is in the way.
    pub(crate) fn well(&self) {
        self.lock().well();
    }

    /// An attempt failed: what is wrong, and whether that is a full disk.
    pub(crate) fn failed(&self, error: String, full: bool) {
        let mut state = self.measured();
        state.writing_since = None;
        let health = &mut state.known;
        if health.writable {
            tracing::error!(error, "the database does not take commits; they wait in memory");
        }
        health.writable = false;
        health.full = full;
        health.failures += 1;
        health.last_error = Some(error);
    }

    /// The database could not be read.
    pub(crate) fn read_failed(&self, error: String) {
        let mut state = self.lock();
        if state.read_error.is_none() {
            tracing::error!(error, "the database cannot be read");
        }
        state.read_error = Some(error);
    }

    /// The database was read.
    pub(crate) fn read_succeeded(&self) {
        if let Some(error) = self.lock().read_error.take() {
            tracing::info!(was = error, "the database can be read again");
        }
    }

    /// The last error of the database.
    pub(crate) fn last_error(&self) -> String {
        self.report().last_error.unwrap_or_else(|| "it is busy".into())
    }

    /// Measures the files.
    pub(crate) fn measure(&self) {
        drop(self.measured());
    }

    fn measured(&self) -> MutexGuard<'_, State> {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let (file_bytes, wal_bytes) = (size(&self.path), size(&with_suffix(&self.path, "-wal")));
        let mut state = self.lock();
        state.known.file_bytes = file_bytes;
        state.known.wal_bytes = wal_bytes;
        state
    }

    pub(crate) fn report(&self) -> StoreHealth {
        let state = self.lock();
        let mut health = state.known.clone();
        let hanging = state
            .writing_since
            .map(|since| since.elapsed())
            .filter(|took| *took > HANGING);
        if let Some(took) = hanging {
            health.writable = false;
            let error = || format!("the disk has not answered for {} s", took.as_secs());
            health.last_error.get_or_insert_with(error);
        }
        health.readable = state.read_error.is_none();
        health.last_error = health.last_error.or_else(|| state.read_error.clone());
        health
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn well(&mut self) {
        self.writing_since = None;
        if let Some(error) = self.known.last_error.take() {
            tracing::info!(was = error, "the database takes commits again");
        }
        self.known.writable = true;
        self.known.full = false;
    }
}
