//! The queue of the writer's jobs, in the order of their arrival. Adding never blocks; the owner bounds it by checking the
//! backlog and holding back (see [`Store::backlog_bytes`](crate::Store::backlog_bytes)).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use forgecast_protocol::EventKey;
use rusqlite::Transaction;
use tokio::sync::oneshot;

use crate::apply::PreparedCommit;
use crate::error::Error;

/// Who waits for a job; `None` once it was answered, or when it gave up waiting.
pub(crate) type Waiter = Option<oneshot::Sender<Result<(), Error>>>;

/// One piece of work for the writer.
pub(crate) struct Job {
    pub(crate) work: Work,
    /// Nobody waits for it: it may share a transaction with commits that come a little later.
    may_wait: bool,
    /// When it was queued.
    pub(crate) since: Instant,
    /// Who is answered.
    pub(crate) waiter: Waiter,
}

/// The kinds of work.
pub(crate) enum Work {
    /// Goes into one transaction with the commits before and after it.
    Commit(PreparedCommit),
    /// A transaction of its own; may be attempted more than once.
    Task(Task),
    /// Moves the write-ahead log into the database.
    Tidy,
    /// Marks the database clean and ends.
    Close,
}

/// So long commits that may wait are gathered after a transaction, before they are written in one.
const GATHERING: Duration = Duration::from_millis(50);
/// So many bytes are written without waiting for more.
const GATHERED_BYTES: u64 = 256 * 1024;

/// Runs inside a transaction.
pub(crate) type Task = Box<dyn FnMut(&Transaction<'_>) -> rusqlite::Result<()> + Send>;

/// What the writer takes at once.
pub(crate) enum QueueItem {
    /// Commits that follow each other.
    Commits(Vec<Job>),
    /// A task or the end.
    Single(Job),
    /// Nothing arrived for a while.
    Idle,
    /// All handles are gone.
    Ended,
}

/// The jobs that wait, shared by the handles and the writer.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    gathering: Duration,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Ids in commits that are queued or being written, with the number of commits that have them.
    ids: HashMap<EventKey, u32>,
    /// Number of commits that are queued or being written, and their bytes.
    commits: u64,
    bytes: u64,
    /// Since when no more jobs are accepted.
    closing: Option<Instant>,
    /// When the last commits were taken.
    taken: Option<Instant>,
    /// The writer gathers and is not to be woken by a commit that may wait.
    is_gathering: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            gathering: GATHERING,
        }
    }
}

impl Queue {
    /// Adds a job at the end, or answers its waiter that the store is closed. Only a commit `may_wait` for others.
    pub(crate) fn push(&self, work: Work, may_wait: bool, waiter: Waiter) {
        let mut state = self.lock();
        if state.closing.is_some() {
            drop(state);
            respond(waiter, Err(Error::Closed));
            return;
        }
        match &work {
            Work::Commit(prepared) => state.count(prepared),
            Work::Close => state.closing = Some(Instant::now()),
            Work::Task(_) | Work::Tidy => {}
        }
        let since = Instant::now();
        state.jobs.push_back(Job {
            work,
            may_wait,
            since,
            waiter,
        });
        state.is_gathering &= may_wait && state.bytes < GATHERED_BYTES;
        let is_awaited = !state.is_gathering;
        drop(state);
        if is_awaited {
            self.wake.notify_all();
        }
    }

    /// Everything that is queued up to the first task, but not much more than `max_bytes`; waits up to `max_wait` for a
    /// first job, and for more after it when it may wait and the last transaction was a moment ago. So a commit in quiet
    /// times is written at once, and a steady stream of them costs a few transactions a second.
    pub(crate) fn take(&self, max_bytes: u64, max_wait: Duration) -> QueueItem {
        let idle = |state: &mut State| state.jobs.is_empty() && state.closing.is_none();
        let woken = self.wake.wait_timeout_while(self.lock(), max_wait, idle);
        let mut state = woken.unwrap_or_else(PoisonError::into_inner).0;
        if let Some(left) = state.gathers_for(self.gathering) {
            state.is_gathering = true;
            let gathers = |state: &mut State| state.is_gathering && state.closing.is_none();
            let woken = self.wake.wait_timeout_while(state, left, gathers);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            state.is_gathering = false;
        }
        state.take(max_bytes)
    }

    /// Commits were written or given up: they no longer count as backlog.
    pub(crate) fn settle<'a>(&self, commits: impl Iterator<Item = &'a PreparedCommit>) {
        let mut state = self.lock();
        for commit in commits {
            state.discount(commit);
        }
    }

    /// Waits up to `pause`, less when the store is being closed. False when `grace` has passed since closing began.
    pub(crate) fn pause(&self, pause: Duration, grace: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .wake
            .wait_timeout_while(state, pause, |state| state.closing.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        let closing = state.closing;
        drop(state);
        let Some(since) = closing else {
            return true;
        };
        if since.elapsed() >= grace {
            return false;
        }
        // Not in a busy loop while the grace lasts.
        std::thread::park_timeout(Duration::from_millis(50));
        true
    }

    /// Takes the waiters of jobs that have waited for longer than `deadline`. Commits stay queued; a task whose caller is
    /// told that it failed must not happen later, so it goes.
    pub(crate) fn overdue(&self, deadline: Duration) -> Vec<(Duration, Waiter)> {
        let mut state = self.lock();
        let late = overdue(state.jobs.iter_mut(), deadline);
        state
            .jobs
            .retain(|job| job.waiter.is_some() || !matches!(job.work, Work::Task(_)));
        late
    }

    /// The ids among `ids` that are on their way into the database.
    pub(crate) fn known(&self, ids: &[EventKey]) -> BTreeSet<EventKey> {
        let state = self.lock();
        ids.iter().filter(|id| state.ids.contains_key(*id)).cloned().collect()
    }

    /// Number of commits that are queued or being written, and their bytes.
    pub(crate) fn backlog(&self) -> (u64, u64) {
        let state = self.lock();
        (state.commits, state.bytes)
    }

    /// Accepts no more jobs; those that are queued are still done.
    pub(crate) fn end(&self) {
        self.lock().closing.get_or_insert_with(Instant::now);
        self.wake.notify_all();
    }

    /// Accepts no more jobs and drops those that are queued.
    pub(crate) fn abandon(&self) {
        self.end();
        let dropped = std::mem::take(&mut self.lock().jobs);
        for job in dropped {
            respond(job.waiter, Err(Error::Closed));
        }
    }

    /// A poisoned lock is used all the same: no code that holds it can leave the state half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long what is queued is to wait for more.
    fn gathers_for(&self, gathering: Duration) -> Option<Duration> {
        let left = (self.taken? + gathering).checked_duration_since(Instant::now())?;
        let may_wait = self.bytes < GATHERED_BYTES && !self.jobs.is_empty() && self.jobs.iter().all(|job| job.may_wait);
        may_wait.then_some(left)
    }

    fn take(&mut self, max_bytes: u64) -> QueueItem {
        let mut commits = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes
            && let Some(Job {
                work: Work::Commit(prepared),
                ..
            }) = self.jobs.front()
        {
            bytes += prepared.bytes;
            commits.extend(self.jobs.pop_front());
        }
        if !commits.is_empty() {
            self.taken = Some(Instant::now());
            return QueueItem::Commits(commits);
        }
        match self.jobs.pop_front() {
            Some(job) => QueueItem::Single(job),
            None if self.closing.is_some() => QueueItem::Ended,
            None => QueueItem::Idle,
        }
    }

    fn count(&mut self, commit: &PreparedCommit) {
        self.commits += 1;
        self.bytes += commit.bytes;
        for id in &commit.ids {
            *self.ids.entry(id.clone()).or_default() += 1;
        }
    }

    fn discount(&mut self, commit: &PreparedCommit) {
        self.commits = self.commits.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(commit.bytes);
        for id in &commit.ids {
            if let Some(count) = self.ids.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    self.ids.remove(id);
                }
            }
        }
    }
}

/// Takes the waiters that have waited for longer than `deadline`, with how long.
pub(crate) fn overdue<'a>(jobs: impl Iterator<Item = &'a mut Job>, deadline: Duration) -> Vec<(Duration, Waiter)> {
    jobs.filter(|job| job.waiter.is_some() && !matches!(job.work, Work::Close))
        .filter_map(|job| {
            let waited = job.since.elapsed();
            (waited >= deadline).then(|| (waited, job.waiter.take()))
        })
        .collect()
}

/// Answers a waiter, if there is still one.
pub(crate) fn respond(waiter: Waiter, answer: Result<(), Error>) {
    if let Some(waiter) = waiter {
        // A caller that is gone needs no answer; the work was done all the same.
        let _ = waiter.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::Commit;

    /// A queue from which the first commit was just taken, and how many jobs the next take gives: told by another thread.
    fn gathering(queue: &Queue, push: impl FnOnce()) -> usize {
        add(queue, true);
        assert_eq!(taken(queue), 1, "in quiet times a commit waits for nothing");
        std::thread::scope(|scope| {
            let next = scope.spawn(|| taken(queue));
            add(queue, true);
            while !queue.lock().is_gathering {
                std::thread::yield_now();
            }
            push();
            next.join().unwrap()
        })
    }

    fn queue() -> Queue {
        Queue {
            gathering: Duration::from_secs(3600),
            ..Queue::default()
        }
    }

    fn add(queue: &Queue, may_wait: bool) {
        let commit = PreparedCommit::new(Commit::default()).unwrap();
        queue.push(Work::Commit(commit), may_wait, None);
    }

    fn taken(queue: &Queue) -> usize {
        match queue.take(u64::MAX, Duration::from_secs(3600)) {
            QueueItem::Commits(jobs) => {
                queue.settle(jobs.iter().filter_map(|job| match &job.work {
                    Work::Commit(commit) => Some(commit),
                    _ => None,
                }));
                jobs.len()
            }
            _ => 0,
        }
    }

    #[test]
    fn a_commit_that_somebody_waits_for_ends_the_gathering() {
        let queue = queue();
        let together = gathering(&queue, || {
            add(&queue, true);
            add(&queue, false);
            add(&queue, true);
        });
        // Whether the last one was there in time does not matter.
        assert!((3..=4).contains(&together), "{together}");
    }

    #[test]
    fn many_bytes_and_the_end_do_not_wait_either() {
        let queue = queue();
        let bytes = gathering(&queue, || {
            let mut commit = PreparedCommit::new(Commit::default()).unwrap();
            commit.bytes = GATHERED_BYTES;
            queue.push(Work::Commit(commit), true, None);
        });
        assert_eq!(bytes, 2);
        let queue = self::queue();
        assert_eq!(gathering(&queue, || queue.end()), 1);
    }

    #[test]
    fn gathering_ends_by_time() {
        let queue = Queue {
            gathering: Duration::from_millis(1),
            ..Queue::default()
        };
        for _ in 0..3 {
            add(&queue, true);
            assert_eq!(taken(&queue), 1);
        }
    }
}
