//! The writer's health: counters, sizes and its problem, if it has one. A problem is logged when it begins and when it is
//! over, not at every attempt.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::quarantine::with_suffix;
use crate::read::StoreHealth;

#[derive(Debug)]
pub(crate) struct Health {
    path: PathBuf,
    state: Mutex<StoreHealth>,
}

impl Health {
    /// The health of a store that has not written yet.
    pub(crate) fn new(path: &Path, writable: bool) -> Self {
        let health = Self {
            path: path.to_owned(),
            state: Mutex::new(StoreHealth {
                writable,
                ..StoreHealth::default()
            }),
        };
        drop(health.measure());
        health
    }

    /// A transaction is durable.
    pub(crate) fn succeeded(&self, commits: usize, rows: usize, took: Duration) {
        let mut health = self.measure();
        if let Some(error) = health.last_error.take() {
            tracing::info!(was = error, "the database takes commits again");
        }
        health.writable = true;
        health.full = false;
        health.transactions += 1;
        health.durations.add(took);
        health.commits += commits as u64;
        health.rows += rows as u64;
    }

    /// An attempt failed.
    pub(crate) fn failed(&self, error: &rusqlite::Error) {
        let mut health = self.measure();
        if health.writable {
            tracing::error!(%error, "the database does not take commits; they wait in memory");
        }
        health.writable = false;
        health.full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
        health.failures += 1;
        health.last_error = Some(error.to_string());
    }

    /// The last error of the database.
    pub(crate) fn last_error(&self) -> String {
        self.lock().last_error.clone().unwrap_or_else(|| "it is busy".into())
    }

    /// Measures the files.
    pub(crate) fn measure(&self) -> MutexGuard<'_, StoreHealth> {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let (file_bytes, wal_bytes) = (size(&self.path), size(&with_suffix(&self.path, "-wal")));
        let mut health = self.lock();
        health.file_bytes = file_bytes;
        health.wal_bytes = wal_bytes;
        health
    }

    pub(crate) fn report(&self) -> StoreHealth {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, StoreHealth> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
