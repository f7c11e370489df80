//! A few threads that read, each with its own connection. A query waits its turn and runs within one deadline; SQLite
//! itself is stopped when that has passed, so that no query can hold a thread or the write-ahead log for long.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::error::Error;
use crate::health::Health;
use crate::schema;

/// How many queries run at once.
pub(crate) const READERS: u32 = 3;
/// How many wait at most; more are refused at once, for they could not be answered in time.
const WAITING: usize = 4096;
/// SQLite looks at the clock after so many of its steps.
const STEPS: i32 = 1000;
/// How much longer than it may a query takes whose thread does not come back: the disk does not answer.
const HANGING: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The handle of the pool, whose threads run until [`Readers::end`].
pub(crate) struct Readers(Arc<Shared>);

struct Shared {
    /// None when no more queries are taken.
    jobs: Mutex<Option<SyncSender<Job>>>,
    /// Locked by the thread that waits for the next job, not while it does one.
    waiting: Mutex<Receiver<Job>>,
    /// Gets a permit from each thread that ends.
    ended: Semaphore,
    health: Arc<Health>,
}

impl Readers {
    /// Starts one thread for each connection.
    pub(crate) fn start(connections: Vec<Connection>, health: &Arc<Health>) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING);
        let readers = Self(Arc::new(Shared {
            jobs: Mutex::new(Some(jobs)),
            waiting: Mutex::new(waiting),
            ended: Semaphore::new(0),
            health: Arc::clone(health),
        }));
        for connection in connections {
            let shared = Arc::clone(&readers.0);
            thread::Builder::new().name("store-reader".into()).spawn(move || {
                shared.work(connection);
                shared.ended.add_permits(1);
            })?;
        }
        Ok(readers)
    }

    /// Runs a query, all of whose statements see the database as of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        limit: Duration,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let slow = Error::Slow {
            operation,
            limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        };
        let until = Instant::now() + limit;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // The caller may have gone while the query waited.
            if !answer.is_closed() {
                let in_time = Instant::now() < until;
                let _ = answer.send(in_time.then(|| run(connection, until, query)));
            }
        });
        let pushed = self.0.with_sender(|jobs| jobs.as_ref().map(|jobs| jobs.try_send(job)));
        match pushed {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => return Err(slow),
            Some(Err(TrySendError::Disconnected(_))) | None => return Err(Error::Closed),
        }
        let health = &self.0.health;
        let Ok(answer) = timeout(limit + HANGING, answered).await else {
            let seconds = (limit + HANGING).as_secs();
            health.read_failed(format!(
                "{operation} has not ended for {seconds} s: the disk does not answer"
            ));
            return Err(slow);
        };
        match answer {
            Err(_) => Err(Error::Closed),
            Ok(None) => Err(slow),
            Ok(Some(Err(error))) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Err(slow),
            Ok(Some(Err(source))) => {
                if let Some(failure) = failure(&source) {
                    health.read_failed(failure);
                }
                Err(Error::Query { operation, source })
            }
            Ok(Some(Ok(value))) => {
                health.read_succeeded();
                Ok(value)
            }
        }
    }

    /// Takes no more queries; those that wait are answered [`Error::Closed`].
    pub(crate) fn end(&self) {
        self.0.with_sender(Option::take);
    }

    /// Resolves when all threads have ended; each ends with the query it is at.
    pub(crate) async fn ended(&self) {
        let _ = self.0.ended.acquire_many(READERS).await;
    }
}

/// What is wrong with the database, when that is why a query failed.
fn failure(error: &rusqlite::Error) -> Option<String> {
    let is_of_query = error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted);
    let of_database = error.sqlite_error_code().filter(|_| !is_of_query);
    of_database.map(|_| schema::describe(error))
}

fn run<T>(
    connection: &mut Connection,
    until: Instant,
    query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.progress_handler(STEPS, Some(move || Instant::now() >= until))?;
    query(&connection.transaction()?)
}

impl Shared {
    fn work(&self, mut connection: Connection) {
        let mut generation = 0;
        loop {
            let job = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                // What still waits when the pool ends is dropped, which answers it.
                Ok(job) if self.with_sender(|jobs| jobs.is_some()) => {
                    let newest = self.health.generation.load(Ordering::Acquire);
                    if newest != generation
                        && let Ok(anew) = schema::reading(&self.health.path)
                    {
                        (connection, generation) = (anew, newest);
                    }
                    job(&mut connection);
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    fn with_sender<R>(&self, act: impl FnOnce(&mut Option<SyncSender<Job>>) -> R) -> R {
        act(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
