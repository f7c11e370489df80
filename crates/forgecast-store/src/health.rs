//! The writer's health: counters, sizes and the problem that it has, if any. A problem is logged when it begins and when it
//! is over, not at every attempt.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::quarantine::with_suffix;
use crate::read::StoreHealth;

#[derive(Debug)]
pub(crate) struct Health(Mutex<StoreHealth>);

impl Health {
    /// The health of a store that has not written yet.
    pub(crate) fn new(path: &Path, writable: bool) -> Self {
        let health = Self(Mutex::new(StoreHealth {
            writable,
            ..StoreHealth::default()
        }));
        health.measure(path);
        health
    }

    /// A transaction is durable.
    pub(crate) fn succeeded(&self, path: &Path, commits: usize, rows: u64) {
        self.measure(path);
        let mut health = self.lock();
        if let Some(error) = health.last_error.take() {
            tracing::info!(was = error, "the database takes commits again");
        }
        health.writable = true;
        health.full = false;
        health.transactions += 1;
        health.commits += u64::try_from(commits).unwrap_or(0);
        health.rows += rows;
    }

    /// An attempt failed.
    pub(crate) fn failed(&self, path: &Path, error: &rusqlite::Error, full: bool) {
        self.measure(path);
        let mut health = self.lock();
        if health.writable {
            tracing::error!(%error, "the database does not take commits; they wait in memory");
        }
        health.writable = false;
        health.full = full;
        health.failures += 1;
        health.last_error = Some(error.to_string());
    }

    /// The last error of the database, and whether the disk is full.
    pub(crate) fn problem(&self) -> (String, bool) {
        let health = self.lock();
        let reason = health.last_error.clone();
        (reason.unwrap_or_else(|| "it is busy".into()), health.full)
    }

    pub(crate) fn wal_bytes(&self) -> u64 {
        self.lock().wal_bytes
    }

    /// Measures the files.
    pub(crate) fn measure(&self, path: &Path) {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let (file_bytes, wal_bytes) = (size(path), size(&with_suffix(path, "-wal")));
        let mut health = self.lock();
        health.file_bytes = file_bytes;
        health.wal_bytes = wal_bytes;
    }

    pub(crate) fn report(&self) -> StoreHealth {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, StoreHealth> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
