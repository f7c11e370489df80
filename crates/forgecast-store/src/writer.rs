//! The one thread that writes, with group commit: it takes everything that was queued while the last transaction was being
//! written, writes it in one transaction, and answers when that is durable. When it is idle it commits at once; only what
//! nobody waits for is gathered for a moment ([`Queue::take`]). When the disk fails it tries again and never drops a
//! commit.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use forgecast_protocol::SessionId;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::apply::{PreparedCommit, Sessions};
use crate::error::Error;
use crate::files::{Displaced, Files};
use crate::health::Health;
use crate::lock::OpenGuard;
use crate::queue::{Job, Queue, QueueItem, Task, Waiter, Work, overdue, respond};
use crate::{meta, replace, schema};

/// A transaction is not made much larger than this, so that one attempt and the write-ahead log stay small.
const GROUP_BYTES: u64 = 8 * 1024 * 1024;
/// Pauses between attempts grow from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// How long a store that is being closed keeps trying.
const GRACE: Duration = Duration::from_secs(3);
/// A write-ahead log above this is brought into the database and cut when there is nothing else to do.
const LARGE_WAL: u64 = 8 * 1024 * 1024;
/// How often that is tried while something keeps it from happening.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// How often an idle writer looks whether the files of the database are where they were.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the writer needs to know.
pub(crate) struct Settings {
    pub(crate) path: PathBuf,
    /// Whether commits survive a power loss: true but for temporary databases.
    pub(crate) durable: bool,
    pub(crate) log_lines: u64,
    pub(crate) deadline: Duration,
}

/// The writer's state; lives on its thread.
pub(crate) struct Writer {
    settings: Settings,
    connection: Connection,
    files: Files,
    held: OpenGuard,
    queue: Arc<Queue>,
    health: Arc<Health>,
    sessions: Sessions,
    /// Commits that could not be written before the end, and their bytes.
    lost: (usize, u64),
}

impl Writer {
    pub(crate) fn new(
        settings: Settings,
        connection: Connection,
        files: Files,
        held: OpenGuard,
        queue: &Arc<Queue>,
        health: &Arc<Health>,
    ) -> Self {
        Self {
            settings,
            connection,
            files,
            held,
            queue: Arc::clone(queue),
            health: Arc::clone(health),
            sessions: Sessions::default(),
            lost: (0, 0),
        }
    }

    /// Works until the store is closed, abandoned or nobody holds it any more. Returns who is answered about the end, to be
    /// done when everything of the store is released.
    pub(crate) fn run(mut self) -> (Waiter, Result<(), Error>) {
        loop {
            let large = self.health.report().wal_bytes > LARGE_WAL;
            match self
                .queue
                .take(GROUP_BYTES, if large { TIDY_EVERY } else { LOOK_EVERY })
            {
                QueueItem::Commits(jobs) => self.write(jobs),
                QueueItem::Single(job) => match job.work {
                    Work::Task(task) => self.perform(task, job.since, job.waiter),
                    Work::Tidy => {
                        self.tidy();
                        respond(job.waiter, Ok(()));
                    }
                    Work::Close | Work::Commit(_) => return (job.waiter, self.close()),
                },
                QueueItem::Idle => {
                    if large {
                        self.tidy();
                    }
                    self.look();
                }
                QueueItem::Ended => return (None, Ok(())),
            }
        }
    }

    /// Writes commits, trying until it works, and answers.
    fn write(&mut self, mut jobs: Vec<Job>) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(&jobs) {
                Ok(group) => return self.confirm(jobs, group),
                Err(trouble) if trouble.is_passing() => {
                    if !self.wait_after(&trouble, &mut jobs, &mut pause) {
                        return self.give_up(jobs, &trouble);
                    }
                }
                // One of them is at fault, whatever the disk does: find it by writing each alone.
                Err(_) if jobs.len() > 1 => {
                    jobs.into_iter().for_each(|job| self.write(vec![job]));
                    return;
                }
                Err(trouble) => return self.refuse(jobs, &trouble),
            }
        }
    }

    fn attempt(&mut self, jobs: &[Job]) -> Result<Group, Trouble> {
        self.health.begun();
        self.keep_in_place()?;
        let result = write_group(&mut self.connection, &mut self.sessions, jobs, self.settings.log_lines);
        if result.is_err() {
            self.sessions.clear();
        }
        Ok(result?)
    }

    /// Answers for what was written once it is certain that it stands in the database of this name. Until then it is neither
    /// written again nor answered for.
    fn confirm(&mut self, mut jobs: Vec<Job>, group: Group) {
        match self.wait_until_in_place(&mut jobs) {
            Ok(()) => self.written(jobs, group),
            Err(trouble) => self.give_up(jobs, &trouble),
        }
    }

    /// Fails when the time to try again is over.
    fn wait_until_in_place(&mut self, jobs: &mut [Job]) -> Result<(), Trouble> {
        let mut pause = FIRST_PAUSE;
        while let Err(displaced) = self.keep_in_place() {
            let trouble = displaced.into();
            if !self.wait_after(&trouble, jobs, &mut pause) {
                return Err(trouble);
            }
        }
        Ok(())
    }

    /// Sees to it that the database is where it should be: one that is gone is written again from the file that is still
    /// open, with all that it holds.
    fn keep_in_place(&mut self) -> Result<(), Displaced> {
        match self.files.check(&self.connection) {
            Err(Displaced::Missing(path)) => {
                let failed = |error: Error| Displaced::Hidden {
                    path: path.clone(),
                    reason: format!("it is gone, and cannot be put back: {error}"),
                };
                let (connection, file) = replace::put_back(&self.connection, &path).map_err(failed)?;
                self.held.file = file;
                self.reopened(connection, &path)?;
                tracing::warn!(database = %path.display(), "the database file was gone; it was written again");
                Ok(())
            }
            Err(Displaced::LogMissing(path)) => {
                replace::empty_log(&self.connection).map_err(|error| hidden(&path, &error))?;
                let connection = schema::writing(&path, self.settings.durable);
                self.reopened(connection.map_err(|error| hidden(&path, &error))?, &path)?;
                tracing::warn!(database = %path.display(), "the write-ahead log was gone; what it held was kept");
                Ok(())
            }
            checked => checked,
        }
    }

    /// The writer goes on with another connection, and so do the readers.
    fn reopened(&mut self, connection: Connection, path: &Path) -> Result<(), Displaced> {
        self.connection = connection;
        self.sessions.clear();
        self.health.generation.fetch_add(1, Ordering::Release);
        self.files = Files::of(path).map_err(|error| hidden(path, &error))?;
        Ok(())
    }

    /// Looks after the files while nothing is to be written.
    fn look(&mut self) {
        match self.keep_in_place() {
            Ok(()) => self.health.well(),
            Err(displaced) => self.health.failed(displaced.to_string(), false),
        }
    }

    fn written(&mut self, jobs: Vec<Job>, group: Group) {
        self.queue.settle(commits(&jobs));
        let written = group.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        self.health.succeeded(written, group.rows);
        for (job, outcome) in jobs.into_iter().zip(group.outcomes) {
            respond(job.waiter, outcome.map_err(|session| Error::UnknownSession { session }));
        }
    }

    fn refuse(&mut self, jobs: Vec<Job>, error: &Trouble) {
        tracing::error!(%error, "the database refused a commit; it is dropped");
        self.queue.settle(commits(&jobs));
        for job in jobs {
            let reason = error.to_string();
            respond(job.waiter, Err(Error::Refused { reason }));
        }
    }

    fn give_up(&mut self, jobs: Vec<Job>, error: &Trouble) {
        self.queue.settle(commits(&jobs));
        self.lost.0 += jobs.len();
        self.lost.1 += commits(&jobs).map(|commit| commit.bytes).sum::<u64>();
        for job in jobs {
            respond(job.waiter, Err(self.unwritten(error.to_string())));
        }
    }

    fn unwritten(&self, reason: String) -> Error {
        Error::Unwritten {
            commits: self.lost.0,
            bytes: self.lost.1,
            reason,
        }
    }

    /// Runs a task in a transaction of its own, trying until it works or nobody waits for it any more.
    fn perform(&mut self, mut task: Task, since: Instant, waiter: Waiter) {
        let mut pause = FIRST_PAUSE;
        let answer = loop {
            self.health.begun();
            match self.attempt_task(&mut task) {
                Ok(()) => {
                    if self.wait_until_in_place(&mut []).is_err() {
                        break Err(self.delayed(since.elapsed()));
                    }
                    self.health.succeeded(0, 0);
                    break Ok(());
                }
                Err(error) if error.is_passing() => {
                    let again = self.wait_after(&error, &mut [], &mut pause);
                    if !again || since.elapsed() >= self.settings.deadline {
                        break Err(self.delayed(since.elapsed()));
                    }
                }
                Err(error) => {
                    let reason = error.to_string();
                    break Err(Error::Refused { reason });
                }
            }
        };
        respond(waiter, answer);
    }

    fn attempt_task(&mut self, task: &mut Task) -> Result<(), Trouble> {
        self.sessions.clear();
        self.keep_in_place()?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        task(&transaction)?;
        Ok(transaction.commit()?)
    }

    /// Reports a failure, answers those who have waited long enough, and pauses. Returns false when the time to try again is
    /// over.
    fn wait_after(&mut self, trouble: &Trouble, jobs: &mut [Job], pause: &mut Duration) -> bool {
        self.health.failed(trouble.to_string(), trouble.is_full());
        let deadline = self.settings.deadline;
        let mut late = overdue(jobs.iter_mut(), deadline);
        late.extend(self.queue.overdue(deadline));
        for (waited, waiter) in late {
            respond(waiter, Err(self.delayed(waited)));
        }
        // After an I/O error what a connection believes of its files may be wrong.
        if trouble.is_io()
            && self.files.check(&self.connection).is_ok()
            && let Ok(connection) = schema::writing(&self.settings.path, self.settings.durable)
        {
            self.connection = connection;
        }
        let again = self.queue.pause(*pause, GRACE);
        *pause = (*pause * 2).min(LAST_PAUSE);
        again
    }

    fn delayed(&self, waited: Duration) -> Error {
        Error::Delayed {
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            reason: self.health.last_error(),
            full: self.health.report().full,
        }
    }

    /// Brings a large write-ahead log into the database, if no reader stands in the way.
    fn tidy(&mut self) {
        truncate_wal(&self.connection);
        self.health.measure();
    }

    /// Marks the database clean, unless something was lost, and brings the write-ahead log into it.
    fn close(&mut self) -> Result<(), Error> {
        let marked = if self.lost.0 > 0 {
            Err(self.unwritten(self.health.last_error()))
        } else if let Err(displaced) = self.keep_in_place() {
            Err(self.unwritten(displaced.to_string()))
        } else {
            meta::mark_clean(&self.connection).map_err(|error| self.unwritten(error.to_string()))
        };
        truncate_wal(&self.connection);
        marked
    }
}

/// What one transaction wrote.
struct Group {
    /// For each commit, whether it is in the transaction; else the unknown session that it names.
    outcomes: Vec<Result<(), SessionId>>,
    rows: usize,
}

fn write_group(
    connection: &mut Connection,
    sessions: &mut Sessions,
    jobs: &[Job],
    log_lines: u64,
) -> rusqlite::Result<Group> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut rows = 0;
    let write = |commit| {
        let outcome = sessions.write(&transaction, commit)?;
        Ok(outcome.map(|written| rows += written))
    };
    let outcomes = commits(jobs).map(write).collect::<rusqlite::Result<_>>()?;
    rows += sessions.flush(&transaction, log_lines)?;
    transaction.commit()?;
    Ok(Group { outcomes, rows })
}

fn commits(jobs: &[Job]) -> impl Iterator<Item = &PreparedCommit> {
    jobs.iter().filter_map(|job| match &job.work {
        Work::Commit(prepared) => Some(prepared),
        _ => None,
    })
}

fn hidden(path: &Path, error: &dyn std::fmt::Display) -> Displaced {
    Displaced::Hidden {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{}", schema::describe(.0))]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Displaced(#[from] Displaced),
}

impl Trouble {
    /// Whether the same commit may well be taken later: it is the disk or another program, not the commit.
    fn is_passing(&self) -> bool {
        match self {
            Self::Displaced(_) => true,
            Self::Sqlite(error) => is_passing(error),
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Displaced(_) => None,
            Self::Sqlite(error) => error.sqlite_error_code(),
        }
    }

    fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    fn is_io(&self) -> bool {
        self.code() == Some(ErrorCode::SystemIoFailure)
    }
}

/// See [`Trouble::is_passing`].
fn is_passing(error: &rusqlite::Error) -> bool {
    let is_of_disk = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
        )
    );
    is_of_disk || schema::lacks_table(error)
}

/// A reader in the way is no failure: it is tried again.
fn truncate_wal(connection: &Connection) {
    let result = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = result {
        tracing::debug!(%error, "the write-ahead log was not cut this time");
    }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::Timestamp;
    use forgecast_protocol::rest::StoredSession;
    use tokio::sync::oneshot;

    use super::*;
    use crate::lock::Lock;
    use crate::write::{Commit, Write};

    /// A writer on a new database, not started yet.
    fn writer(folder: &tempfile::TempDir, deadline_ms: u64) -> Writer {
        let path = folder.path().join("a.db");
        let mut connection = Connection::open(&path).unwrap();
        schema::migrate(&mut connection).unwrap();
        let connection = schema::writing(&path, true).unwrap();
        let health = Arc::new(Health::new(&path, true));
        let lock = Lock::take(&path).unwrap();
        let file = Lock::hold(std::fs::File::open(&path).unwrap(), &path).unwrap();
        let held = OpenGuard {
            _lock: lock,
            file,
            _temporary: None,
        };
        let files = Files::of(&path).unwrap();
        let settings = Settings {
            path,
            durable: true,
            log_lines: 100,
            deadline: Duration::from_millis(deadline_ms),
        };
        Writer::new(settings, connection, files, held, &Arc::default(), &health)
    }

    fn push(writer: &Writer, work: Work) -> oneshot::Receiver<Result<(), Error>> {
        let (waiter, answer) = oneshot::channel();
        writer.queue.push(work, false, Some(waiter));
        answer
    }

    fn commit(name: &str) -> Work {
        let session = Write::Session(StoredSession {
            id: "a~1".parse().unwrap(),
            name: name.into(),
            directory: None,
            named: false,
            created_at: Timestamp::default(),
            pushed_by: None,
        });
        let writes = vec![session];
        Work::Commit(PreparedCommit::new(Commit { writes }).unwrap())
    }

    #[test]
    fn a_full_disk_delays_commits_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 0);
        // A limit on pages gives the same answer as a disk without room, on any machine.
        writer
            .connection
            .query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))
            .unwrap();
        let (queue, health) = (Arc::clone(&writer.queue), Arc::clone(&writer.health));
        let waiting = push(&writer, commit(&"x".repeat(100_000)));
        let thread = std::thread::spawn(|| writer.run());
        let answer = waiting.blocking_recv().unwrap();
        assert!(matches!(answer, Err(Error::Delayed { full: true, .. })), "{answer:?}");
        assert!(health.report().full && !health.report().writable);
        assert_eq!(queue.backlog().0, 1, "it stays queued");
        queue.end();
        let (_, ended) = thread.join().unwrap();
        ended.unwrap();
    }

    #[test]
    fn a_commit_at_fault_is_refused_alone() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 10_000);
        let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON sessions WHEN NEW.name = 'bad'
                       BEGIN SELECT RAISE(ABORT, 'no'); END";
        writer.connection.execute_batch(trigger).unwrap();
        let answers = ["good", "bad", "good"].map(|name| push(&writer, commit(name)));
        let close = push(&writer, Work::Close);
        let (waiter, ended) = writer.run();
        respond(waiter, ended);
        let answers = answers.map(|answer| answer.blocking_recv().unwrap());
        assert!(matches!(answers, [Ok(()), Err(Error::Refused { .. }), Ok(())]));
        close.blocking_recv().unwrap().unwrap();
    }

    #[test]
    fn what_is_committed_is_forced_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 0);
        let pragma = |name: &str| -> rusqlite::types::Value {
            let sql = format!("PRAGMA {name}");
            writer.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("synchronous"), 2_i64.into(), "FULL");
        assert_eq!(pragma("auto_vacuum"), 2_i64.into(), "INCREMENTAL");
    }
}
