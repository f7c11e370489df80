//! A few threads that read, each with its own connection. A query waits its turn and runs within one deadline; SQLite
//! itself is stopped when that has passed, so that no query can hold a thread or the write-ahead log for long.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction};
use tokio::sync::{Semaphore, oneshot};

use crate::error::Error;
use crate::schema;

/// How many queries run at once.
pub(crate) const READERS: u32 = 3;
/// How many wait at most; more are refused at once, for they could not be answered in time.
const WAITING: usize = 4096;
/// SQLite looks at the clock after so many of its steps.
const STEPS: i32 = 1000;

/// Why a query failed, as the functions in `query` say it.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Malformed { what: &'static str, reason: String },
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

type Job = Box<dyn FnOnce(&mut Connection, &Limit) + Send>;

/// The handle of the pool.
#[derive(Clone)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: Mutex<Jobs>,
    wake: Condvar,
    /// Gets a permit from each thread that ends.
    ended: Semaphore,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    closed: bool,
}

/// Until when the query of one thread may run, in milliseconds since `start`; 0 stops it at once.
struct Limit {
    start: Instant,
    until_ms: AtomicU64,
}

impl Limit {
    fn set(&self, until: Instant) {
        let millis = until.saturating_duration_since(self.start).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        self.until_ms.store(millis, Ordering::Relaxed);
    }

    fn passed(&self) -> bool {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        millis >= self.until_ms.load(Ordering::Relaxed)
    }
}

impl Readers {
    /// Starts one thread for each connection.
    pub(crate) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            jobs: Mutex::default(),
            wake: Condvar::new(),
            ended: Semaphore::new(0),
        });
        for connection in connections {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("store-reader".into()).spawn(move || {
                shared.work(connection);
                shared.ended.add_permits(1);
            })?;
        }
        Ok(Self { shared })
    }

    /// Runs a query, all of whose statements see the database as of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        limit: Duration,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let slow = Error::Slow {
            operation,
            limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        };
        let until = Instant::now() + limit;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection, limit| {
            // The caller may have gone while the query waited.
            if answer.is_closed() {
                return;
            }
            limit.set(until);
            let _ = answer.send(run(connection, limit, query));
        });
        if !self.shared.push(job)? {
            return Err(slow);
        }
        match answered.await {
            Err(_) => Err(Error::Closed),
            Ok(None) => Err(slow),
            Ok(Some(Ok(value))) => Ok(value),
            Ok(Some(Err(Failure::Malformed { what, reason }))) => Err(Error::Malformed { what, reason }),
            Ok(Some(Err(Failure::Sqlite(source)))) => Err(Error::Query { operation, source }),
        }
    }

    /// Takes no more queries; those that wait are answered [`Error::Closed`].
    pub(crate) fn end(&self) {
        let dropped = {
            let mut jobs = self.shared.lock();
            jobs.closed = true;
            std::mem::take(&mut jobs.waiting)
        };
        self.shared.wake.notify_all();
        drop(dropped);
    }

    /// Resolves when all threads have ended; each ends with the query it is at.
    pub(crate) async fn ended(&self) {
        let _ = self.shared.ended.acquire_many(READERS).await;
    }
}

/// The query's result, or none when its time is over.
fn run<T>(
    connection: &mut Connection,
    limit: &Limit,
    query: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
) -> Option<Result<T, Failure>> {
    if limit.passed() {
        return None;
    }
    let result = match connection.transaction() {
        Ok(transaction) => query(&transaction),
        Err(error) => Err(error.into()),
    };
    match result {
        Err(Failure::Sqlite(error)) if schema::code(&error) == Some(ErrorCode::OperationInterrupted) => None,
        other => Some(other),
    }
}

impl Shared {
    fn push(&self, job: Job) -> Result<bool, Error> {
        let mut jobs = self.lock();
        if jobs.closed {
            return Err(Error::Closed);
        }
        if jobs.waiting.len() >= WAITING {
            return Ok(false);
        }
        jobs.waiting.push_back(job);
        drop(jobs);
        self.wake.notify_one();
        Ok(true)
    }

    fn work(&self, mut connection: Connection) {
        let limit = Arc::new(Limit {
            start: Instant::now(),
            until_ms: AtomicU64::new(0),
        });
        let watched = Arc::clone(&limit);
        if let Err(error) = connection.progress_handler(STEPS, Some(move || watched.passed())) {
            tracing::warn!(%error, "queries run without a limit");
        }
        while let Some(job) = self.next() {
            job(&mut connection, &limit);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        loop {
            if jobs.closed {
                return None;
            }
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
