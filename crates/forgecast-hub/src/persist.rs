//! What goes to the store, behind what was published: one commit per batch, in order. Never makes the hub wait. When the
//! disk cannot keep up, facts from files collapse to the latest per source, and the state goes along so that nothing
//! that was shown is lost. What was counted of calls is never given up.

mod draft;

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;

use forgecast_protocol::{Event, EventId, SessionId};
use forgecast_store::{Commit, Error, Store};
use tokio::sync::oneshot;

use crate::command::{Pushed, Receipt};
use crate::error::PushError;

pub(crate) use draft::{CallRow, Draft};

/// What a commit is for, once it is durable.
pub(crate) struct Behind {
    /// The sessions whose facts it holds, with in how many commits.
    pub(crate) sessions: BTreeMap<SessionId, u32>,
    /// The calls that it holds, with in how many commits.
    pub(crate) calls: BTreeMap<u64, u32>,
    /// Ids of pushed events up to this number are durable with it.
    pub(crate) newest_id: u64,
    /// The ids of its own events.
    pub(crate) pushed: Vec<EventId>,
    /// Who waits for it.
    pub(crate) reply: Option<(oneshot::Sender<Pushed>, Receipt)>,
}

impl Behind {
    fn merge(&mut self, other: Self) {
        for (id, commits) in other.sessions {
            *self.sessions.entry(id).or_default() += commits;
        }
        for (number, commits) in other.calls {
            *self.calls.entry(number).or_default() += commits;
        }
        self.newest_id = self.newest_id.max(other.newest_id);
        self.pushed.extend(other.pushed);
    }
}

struct Pending {
    done: Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>,
    behind: Behind,
    /// It has no writes of its own: it only tells when those before it are durable.
    is_barrier: bool,
}

/// Facts of one session that wait for the disk to keep up.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Facts that were folded since.
    pub(crate) folded: u64,
    /// Of each source, the last facts: one reading.
    latest: BTreeMap<Option<String>, Vec<Event>>,
}

/// See the module.
pub(crate) struct Persist {
    store: Store,
    limit_bytes: u64,
    /// Batches that were published a moment ago.
    unsent: Vec<(Draft, Behind)>,
    pending: VecDeque<Pending>,
    waiting: BTreeMap<SessionId, Waiting>,
    /// Everything else of the batches that wait.
    rest: Draft,
}

impl Persist {
    pub(crate) fn new(store: Store, limit_bytes: u64) -> Self {
        Self {
            store,
            limit_bytes,
            unsent: Vec::new(),
            pending: VecDeque::new(),
            waiting: BTreeMap::new(),
            rest: Draft::default(),
        }
    }

    /// Commits on their way.
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether too much is on its way already: pushes are refused, facts from files collapse.
    pub(crate) fn is_behind(&self) -> bool {
        self.collapses() || self.store.backlog_bytes() > self.limit_bytes
    }

    /// Whether facts wait that are not even queued.
    pub(crate) fn collapses(&self) -> bool {
        !self.waiting.is_empty() || !self.rest.is_empty()
    }

    /// Whether the queue is so short again that what waits can go.
    pub(crate) fn can_flush(&self) -> bool {
        self.collapses() && self.store.backlog_bytes() <= self.limit_bytes / 2
    }

    /// Takes a batch's writes, for [`Self::send`].
    pub(crate) fn queue(&mut self, draft: Draft, behind: Behind) {
        self.unsent.push((draft, behind));
    }

    /// Whether there are batches to send.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Hands what was taken to the store's queue, which writes it out there and then.
    pub(crate) fn send(&mut self) {
        for (draft, behind) in std::mem::take(&mut self.unsent) {
            self.send_one(draft, behind);
        }
    }

    fn send_one(&mut self, draft: Draft, behind: Behind) {
        let done = Box::pin(self.store.commit(draft.into_commit()));
        self.pending.push_back(Pending {
            done,
            behind,
            is_barrier: false,
        });
    }

    /// Keeps of a batch what the newest state does not say by itself. Returns how many log lines are given up.
    pub(crate) fn collapse(&mut self, mut draft: Draft) -> u64 {
        self.rest.take_usage(&mut draft);
        for (id, _, event) in draft.events {
            let waiting = self.waiting.entry(id).or_default();
            waiting.folded += 1;
            let latest = waiting.latest.entry(event.origin.path.clone()).or_default();
            // Facts of one reading have one time.
            latest.retain(|old| old.at == event.at);
            latest.push(event);
        }
        self.rest.sessions.extend(draft.sessions);
        self.rest.runs.extend(draft.runs);
        let mut checkpoints: BTreeMap<_, _> = std::mem::take(&mut self.rest.checkpoints).into_iter().collect();
        checkpoints.extend(draft.checkpoints);
        self.rest.checkpoints = checkpoints.into_iter().collect();
        draft.logs.iter().map(|(_, lines)| lines.len() as u64).sum()
    }

    /// What waits, for the task to add the states and to queue it.
    pub(crate) fn take_waiting(&mut self) -> (BTreeMap<SessionId, Waiting>, Draft) {
        (std::mem::take(&mut self.waiting), std::mem::take(&mut self.rest))
    }

    /// Nothing of this session has to be stored any more.
    pub(crate) fn forget(&mut self, id: &SessionId) {
        self.waiting.remove(id);
        self.rest.sessions.remove(id);
        self.rest.runs.retain(|run| run.session != *id);
        self.rest.transcripts.retain(|_, binding| binding.session != *id);
    }

    /// Whether this call waits.
    pub(crate) fn holds_call(&self, number: u64) -> bool {
        self.rest.calls.contains_key(&number)
    }

    /// Whether facts of this session wait.
    pub(crate) fn holds(&self, id: &SessionId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Waits for the oldest commit. Never resolves when there is none. Cancel-safe.
    ///
    /// The second is why its facts may not be durable, if so.
    pub(crate) async fn next(&mut self) -> (Behind, Result<(), Error>) {
        let result = poll_fn(|context| match self.pending.front_mut() {
            Some(pending) => pending.done.as_mut().poll(context),
            None => std::task::Poll::Pending,
        })
        .await;
        match self.pending.pop_front() {
            Some(Pending { behind, .. }) => (behind, result),
            None => std::future::pending().await,
        }
    }

    /// A commit took too long but stays queued: watch on, behind everything that is queued. One barrier does for all
    /// that are late, or a disk that stands still would collect them.
    pub(crate) fn watch_on(&mut self, behind: Behind) {
        if let Some(last) = self.pending.back_mut()
            && last.is_barrier
        {
            last.behind.merge(behind);
            return;
        }
        let done = Box::pin(self.store.commit(Commit::default()));
        self.pending.push_back(Pending {
            done,
            behind,
            is_barrier: true,
        });
    }

    /// Tells who waits for a commit how it went.
    pub(crate) fn answer(behind: &mut Behind, result: &Result<(), Error>) {
        let Some((reply, receipt)) = behind.reply.take() else {
            return;
        };
        let answer = match result {
            Ok(()) => Ok(receipt),
            Err(error) => Err(push_error(error)),
        };
        // Nobody there any more: the producer hung up, and will send again what it does not know to be stored.
        let _ = reply.send(Pushed::Done(answer));
    }
}

impl Waiting {
    /// The last facts of each source, in the order of arrival.
    pub(crate) fn latest(&mut self) -> Vec<Event> {
        let mut events: Vec<Event> = std::mem::take(&mut self.latest).into_values().flatten().collect();
        events.sort_by_key(|event| event.at);
        events
    }
}

fn push_error(error: &Error) -> PushError {
    match error {
        Error::Delayed { full: true, .. } => PushError::Full,
        Error::Delayed { waited_ms, .. } => PushError::Deadline { waited_ms: *waited_ms },
        Error::ReadOnly => PushError::ReadOnly,
        Error::Closed => PushError::Stopped,
        other => PushError::Refused(other.to_string()),
    }
}
