//! The handle that everyone else holds: what may be asked of a store. The work is done on the store's own threads, never
//! on the caller's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forgecast_protocol::report::AgentTotals;
use forgecast_protocol::rest::{Exported, LogMatches, LogPage, Metric, SessionList, SessionsQuery, StoredEvent};
use forgecast_protocol::session::TokenCounts;
use forgecast_protocol::{
    EventKey, Revision, SessionId, SessionName, SessionRef, SourceCheckpoint, SourceKey, Timestamp,
};
use rusqlite::Transaction;
use tokio::sync::{Semaphore, oneshot};

use crate::apply::PreparedCommit;
use crate::error::Error;
use crate::health::Health;
use crate::lock::OpenGuard;
use crate::options::Options;
use crate::query;
use crate::queue::{Queue, Work};
use crate::read::{
    Beginning, KnownSession, LogQuery, Pruned, StoreHealth, StoredCall, StoredState, StoredTranscript, UsageGroup,
    UsageQuery,
};
use crate::readers::Readers;
use crate::retain;
use crate::write::{Commit, StoredRun};

const DAY_MS: i64 = 86_400_000;

/// A store. Cheap to clone; all clones are the same store. When the last one is dropped without [`Store::close`], what is
/// queued is still written, but the next start takes it for an unclean stop.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) queue: Arc<Queue>,
    pub(crate) readers: Readers,
    pub(crate) health: Arc<Health>,
    pub(crate) options: Options,
    pub(crate) fold_version: u32,
    /// Gets a permit when the writer has ended; absent when the database is only read.
    pub(crate) writer_ended: Option<Arc<Semaphore>>,
    /// What the writer holds otherwise.
    pub(crate) held: Mutex<Option<OpenGuard>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers.end();
        self.queue.end();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

/// Writing.
impl Store {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Queues a commit, in the order of the calls, and never blocks. The future resolves when the commit is durable;
    /// dropping it changes nothing. A commit without writes resolves when everything queued before it is durable.
    ///
    /// # Errors
    /// [`Error::Delayed`] when the disk has not taken it within `commit_deadline_ms`: it stays queued and is written
    /// later, so a producer that sends it again must be told by [`Store::known_ids`]. [`Error::UnknownSession`] and
    /// [`Error::Refused`]: nothing of it is stored. [`Error::ReadOnly`], [`Error::Closed`], [`Error::Unwritten`].
    pub fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), Error>> + Send + 'static + use<> {
        self.queue_commit(commit, false)
    }

    /// Like [`Store::commit`], for what nobody waits for: when the last transaction was a moment ago it may wait up to
    /// 50 ms for others, to share a transaction with them. Anything else that is queued ends the wait.
    ///
    /// # Errors
    /// Those of [`Store::commit`].
    pub fn commit_with_others(
        &self,
        commit: Commit,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static + use<> {
        self.queue_commit(commit, true)
    }

    fn queue_commit(
        &self,
        commit: Commit,
        may_wait: bool,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static + use<> {
        let queued = self.queue(may_wait, || PreparedCommit::new(commit).map(Work::Commit));
        async move { queued?.await.unwrap_or(Err(Error::Closed)) }
    }

    fn queue(
        &self,
        may_wait: bool,
        work: impl FnOnce() -> Result<Work, Error>,
    ) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
        if self.inner.writer_ended.is_none() {
            return Err(Error::ReadOnly);
        }
        let (waiter, answer) = oneshot::channel();
        self.inner.queue.push(work()?, may_wait, Some(waiter));
        Ok(answer)
    }

    /// Runs `task` in a transaction of its own, behind everything that is queued.
    pub(crate) async fn perform<T: Send + 'static>(
        &self,
        mut task: impl FnMut(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::new(Mutex::new(None));
        let result = Arc::clone(&slot);
        let answer = self.queue(false, || {
            Ok(Work::Task(Box::new(move |transaction| {
                let value = task(transaction)?;
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
                Ok(())
            })))
        })?;
        answer.await.unwrap_or(Err(Error::Closed))?;
        let value = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or(Error::Closed)
    }

    /// Removes a session, everything of it and what it used, behind everything that is queued. Whether there was anything
    /// of it. Its calls stay known (their bodies are the ledger's), so that nothing tells them a second time as new.
    ///
    /// # Errors
    /// The disk did not take it; then it is not removed.
    pub async fn forget(&self, session: &SessionId) -> Result<bool, Error> {
        let session = session.clone();
        self.perform(move |db| retain::forget(db, &session)).await
    }

    /// Removes finished sessions past their time, then what must go for the database to become small enough. Made of
    /// many small transactions; commits get their turn in between.
    ///
    /// # Errors
    /// The disk did not take a step; those before it are done.
    pub async fn prune(&self, now: Timestamp) -> Result<Pruned, Error> {
        let options = &self.inner.options;
        let before = now.as_millis() - i64::from(options.retention_days) * DAY_MS;
        let (max, fold) = (options.max_bytes, self.inner.fold_version);
        let mut pruned = Pruned::default();
        while self.step(&mut pruned, move |db| retain::expire(db, before)).await? {}
        while self.step(&mut pruned, move |db| retain::shrink(db, max, fold)).await? {}
        while self.perform(|db| retain::give_back(db)).await? {}
        pruned.still_too_large = self.perform(|db| retain::used_bytes(db)).await? > max;
        self.queue(false, || Ok(Work::Tidy))?
            .await
            .unwrap_or(Err(Error::Closed))?;
        pruned.file_bytes = self.inner.health.report().file_bytes;
        Ok(pruned)
    }

    /// One step of pruning; false when there was nothing to do.
    async fn step(
        &self,
        pruned: &mut Pruned,
        step: impl FnMut(&Transaction<'_>) -> rusqlite::Result<Pruned> + Send + 'static,
    ) -> Result<bool, Error> {
        let step = self.perform(step).await?;
        let removed = step != Pruned::default();
        pruned.sessions.extend(step.sessions);
        pruned.events += step.events;
        pruned.log_lines += step.log_lines;
        pruned.calls += step.calls;
        Ok(removed)
    }

    /// Whether the database is larger than it may be: [`Store::prune`] makes it smaller.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.inner.health.report().file_bytes > self.inner.options.max_bytes
    }

    /// Bytes of commits that are not durable yet. The owner holds back when this grows.
    #[must_use]
    pub fn backlog_bytes(&self) -> u64 {
        self.inner.queue.backlog().1
    }

    /// How the store is doing.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        let (queued, backlog_bytes) = self.inner.queue.backlog();
        StoreHealth {
            queued,
            backlog_bytes,
            ..self.inner.health.report()
        }
    }

    /// Writes what is queued, marks the database clean and ends. Every clone answers [`Error::Closed`] from then on. When
    /// this has resolved, the database can be opened again.
    ///
    /// # Errors
    /// [`Error::Unwritten`] when the disk did not take everything within three seconds; the next start is an unclean one.
    pub async fn close(self) -> Result<(), Error> {
        self.inner.readers.end();
        self.inner.readers.ended().await;
        match self.queue(false, || Ok(Work::Close)) {
            Ok(answer) => answer.await.unwrap_or(Err(Error::Closed)),
            Err(_) => {
                self.release();
                Ok(())
            }
        }
    }

    /// Ends at once, as a crash would: what is queued is lost and the next start is an unclean one. For tests of what
    /// comes after a crash.
    pub async fn abandon(self) {
        self.inner.readers.end();
        self.inner.queue.abandon();
        self.inner.readers.ended().await;
        if let Some(ended) = &self.inner.writer_ended {
            // Never closed, so this waits for the permit.
            let _ = ended.acquire().await;
        }
        self.release();
    }

    fn release(&self) {
        let held = self.inner.held.lock();
        held.unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Reading: what is durable at that moment. Each query is answered within `read_deadline_ms` (else [`Error::Slow`]).
impl Store {
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.inner.readers.read(operation, self.limit(), query).await
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.inner.options.read_deadline_ms)
    }

    /// Looks whether anything can be read; [`Store::health`] knows the answer.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn probe(&self) -> Result<(), Error> {
        let probe = |db: &Transaction<'_>| db.query_row("SELECT count(*) FROM meta", [], |_| Ok(()));
        self.read("looking whether the database can be read", probe).await
    }

    /// How far each source was read.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn sources(&self) -> Result<BTreeMap<SourceKey, SourceCheckpoint>, Error> {
        self.read("reading the sources", query::sessions::sources).await
    }

    /// All sessions, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn sessions(&self) -> Result<Vec<KnownSession>, Error> {
        self.read("reading the sessions", query::sessions::sessions).await
    }

    /// The sessions that a start has to know: unfinished ones, and the `limit` that worked last. Oldest first.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn newest_sessions(&self, limit: u64) -> Result<Vec<KnownSession>, Error> {
        self.read("reading the sessions", move |db| query::sessions::newest(db, limit))
            .await
    }

    /// The session that is meant, if any fact of it is stored: this run, or of a name the newest one.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn find(&self, session: &SessionRef) -> Result<Option<KnownSession>, Error> {
        let session = session.clone();
        self.read("looking for a session", move |db| query::sessions::find(db, &session))
            .await
    }

    /// The names that there ever were, each with a run of it; of a name there may be several, and the newest is among them.
    /// So no id is used again, also when its session was removed.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn names(&self) -> Result<Vec<(SessionName, u32)>, Error> {
        self.read("reading the names of sessions", query::sessions::names).await
    }

    /// What leads to a session's newest state, or to the one at a revision. Without `at` the base lies at least 256 facts
    /// back (when there are as many), so that folding the rest also refills what viewers resume from. None when the
    /// session is not known or that part of its past is no longer kept.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn load(&self, session: &SessionId, at: Option<Revision>) -> Result<Option<StoredState>, Error> {
        let (session, fold) = (session.clone(), self.inner.fold_version);
        self.read("loading a session", move |db| {
            query::events::load(db, &session, at, fold)
        })
        .await
    }

    /// With what the kept past of a session begins; none when nothing of it can be seen.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn beginning(&self, session: &SessionId) -> Result<Option<Beginning>, Error> {
        let session = session.clone();
        self.read("looking for the oldest state", move |db| {
            query::events::beginning(db, &session)
        })
        .await
    }

    /// A session's facts after a sequence number (0: from the first), oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn events_after(&self, session: &SessionId, after: u64, limit: u32) -> Result<Vec<StoredEvent>, Error> {
        let session = session.clone();
        self.read("reading facts", move |db| {
            query::events::after(db, &session, after, limit)
        })
        .await
    }

    /// Which of these ids are stored or queued. Whoever answers "already there" to a producer must first wait for an empty
    /// commit: what is queued may still be lost.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn known_ids(&self, ids: Vec<EventKey>) -> Result<BTreeSet<EventKey>, Error> {
        // The queue first: what leaves it afterwards is found in the database.
        let mut known = self.inner.queue.known(&ids);
        if known.len() < ids.len() {
            known.extend(
                self.read("looking for event ids", move |db| query::events::known(db, &ids))
                    .await?,
            );
        }
        Ok(known)
    }

    /// A page of a session's log.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn log(&self, session: &SessionId, query: LogQuery) -> Result<LogPage, Error> {
        let session = session.clone();
        self.read("reading a log", move |db| query::log::page(db, &session, &query))
            .await
    }

    /// The numbers of the log lines that match, from where the query begins; its `limit` is not looked at.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn log_matches(&self, session: &SessionId, query: LogQuery) -> Result<LogMatches, Error> {
        let session = session.clone();
        self.read("searching a log", move |db| query::log::matches(db, &session, &query))
            .await
    }

    /// A page of the overview.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn rows(&self, query: SessionsQuery) -> Result<SessionList, Error> {
        self.read("reading the overview", move |db| query::rows::page(db, &query))
            .await
    }

    /// The newest 10,000 finished runs, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn runs(&self) -> Result<Vec<StoredRun>, Error> {
        self.read("reading earlier runs", query::sessions::runs).await
    }

    /// A metric over time: one point for each step of `resolution_s` seconds in which there is something to say.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn series(
        &self,
        session: &SessionId,
        metric: Metric,
        resolution_s: u32,
    ) -> Result<Vec<(Timestamp, f64)>, Error> {
        let session = session.clone();
        self.read("reading a series", move |db| {
            query::series::series(db, &session, metric, resolution_s)
        })
        .await
    }

    /// All calls to models that have any of the keys (their numbers among them), each once.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn calls(&self, keys: Vec<u64>) -> Result<Vec<StoredCall>, Error> {
        self.read("looking for calls", move |db| query::usage::calls(db, &keys))
            .await
    }

    /// The calls in whose body this text stands. Looks at every call there is: for what is asked once in a while, where no
    /// key leads to them.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn calls_that_name(&self, text: String) -> Result<Vec<StoredCall>, Error> {
        self.read("looking through the calls", move |db| {
            query::usage::calls_that_name(db, &text)
        })
        .await
    }

    /// Which transcript belongs to which session: all bindings, by the transcripts' ids.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn transcripts(&self) -> Result<Vec<StoredTranscript>, Error> {
        self.read("reading the transcripts", query::usage::transcripts).await
    }

    /// What is known of windows of plans: all keys with what stands under them, see [`Write::Limit`](crate::Write).
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn limits(&self) -> Result<Vec<(String, String)>, Error> {
        self.read("reading the windows of plans", query::usage::limits).await
    }

    /// What was used, put together by group and model, in the order of the groups, then the models.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn usage(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, Error> {
        self.read("adding up usage", move |db| query::usage::groups(db, &query))
            .await
    }

    /// What agents say of their own sessions, beside what was counted of them.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn agent_totals(&self) -> Result<AgentTotals, Error> {
        self.read("adding up what agents say", query::usage::agent_totals).await
    }

    /// What the transcripts of stored sessions are called, by their ids: the title of the session, or the id of the build
    /// that they belong to.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn titles(&self) -> Result<HashMap<String, String>, Error> {
        self.read("looking up titles", query::usage::titles).await
    }

    /// What was spent from one day to another, both included: billionths of a US dollar, and tokens. Days are counted
    /// from 1970-01-01 in the calendar of the machine.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn spent(&self, since_day: Option<i32>, until_day: Option<i32>) -> Result<(i64, TokenCounts), Error> {
        self.read("adding up what was spent", move |db| {
            query::usage::spent(db, since_day, until_day)
        })
        .await
    }

    /// What an export begins with: everything of the session but its facts and log lines, the sequence of its newest fact,
    /// and the number that its next log line gets. None when it is not known.
    ///
    /// # Errors
    /// [`Error::Query`], [`Error::Slow`], [`Error::Closed`].
    pub async fn export_head(&self, session: &SessionId) -> Result<Option<(Exported, u64, u64)>, Error> {
        let session = session.clone();
        self.read("exporting a session", move |db| query::export::head(db, &session))
            .await
    }
}
