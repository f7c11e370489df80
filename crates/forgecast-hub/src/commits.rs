//! What goes to the store after it was published: one commit per batch, in order. The queue never makes the hub wait.
//! When the disk cannot keep up, facts from files collapse to the latest ones per source, and the state is stored with
//! them, so that nothing that was shown is lost. What was counted of calls is never dropped.

mod draft;

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;

use forgecast_protocol::{Event, EventKey, SessionId};
use forgecast_store::{Commit, Error, Store};
use tokio::sync::oneshot;

use crate::command::PushAnswer;
use crate::counters::Receipt;
use crate::error::PushError;

pub(crate) use draft::{CallRow, CommitDraft};

/// Whom a commit concerns once it is durable.
pub(crate) struct CommitContext {
    /// The sessions whose facts it holds, with the number of commits that hold them.
    pub(crate) sessions: BTreeMap<SessionId, u32>,
    /// The calls that it holds, with the number of commits that hold them.
    pub(crate) calls: BTreeMap<u64, u32>,
    /// Ids of pushed events up to this number are durable with it.
    pub(crate) newest_id: u64,
    /// The ids of its own events.
    pub(crate) pushed: Vec<EventKey>,
    /// Who waits for it.
    pub(crate) reply: Option<(oneshot::Sender<PushAnswer>, Receipt)>,
}

impl CommitContext {
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

    /// Tells the producer that waits for this commit, if any, how it went.
    pub(crate) fn answer(&mut self, result: &Result<(), Error>) {
        if let Some((reply, receipt)) = self.reply.take() {
            let answer = result.as_ref().map(|()| receipt).map_err(push_error);
            // A producer that hung up sends again what it does not know to be stored.
            let _ = reply.send(PushAnswer::Done(answer));
        }
    }
}

/// A commit that the store has not answered yet.
struct PendingCommit {
    done: Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>,
    context: CommitContext,
    /// It has no writes of its own: it only shows when those before it are durable.
    is_barrier: bool,
}

/// Facts of one session that wait until the disk can keep up.
#[derive(Default)]
pub(crate) struct CollapsedFacts {
    /// Facts that were folded since the disk could not keep up.
    pub(crate) folded: u64,
    /// Of each source, the facts of its last reading.
    latest: BTreeMap<Option<String>, Vec<Event>>,
}

/// The commits on their way to the store, and what waits because the disk cannot keep up.
pub(crate) struct CommitQueue {
    store: Store,
    limit_bytes: u64,
    /// Batches that were published but not handed to the store yet.
    unsent: Vec<(CommitDraft, CommitContext)>,
    pending: VecDeque<PendingCommit>,
    collapsed: BTreeMap<SessionId, CollapsedFacts>,
    /// Everything else of the batches that were collapsed.
    rest: CommitDraft,
}

impl CommitQueue {
    pub(crate) fn new(store: Store, limit_bytes: u64) -> Self {
        Self {
            store,
            limit_bytes,
            unsent: Vec::new(),
            pending: VecDeque::new(),
            collapsed: BTreeMap::new(),
            rest: CommitDraft::default(),
        }
    }

    /// Number of commits on their way.
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether too much is on its way already: pushes are refused and facts from files collapse.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.has_collapsed() || self.store.backlog_bytes() > self.limit_bytes
    }

    /// Whether facts wait that are not queued yet.
    pub(crate) fn has_collapsed(&self) -> bool {
        !self.collapsed.is_empty() || !self.rest.is_empty()
    }

    /// Whether the queue is short enough again to store what was collapsed.
    pub(crate) fn can_flush(&self) -> bool {
        self.has_collapsed() && self.store.backlog_bytes() <= self.limit_bytes / 2
    }

    /// Queues the writes of a batch for [`Self::send`].
    pub(crate) fn enqueue(&mut self, draft: CommitDraft, context: CommitContext) {
        self.unsent.push((draft, context));
    }

    /// Whether there are batches to send.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Hands what is queued to the store, which serializes it at once.
    pub(crate) fn send(&mut self) {
        for (draft, context) in std::mem::take(&mut self.unsent) {
            let commit = draft.into_commit();
            // What came from files waits for nobody's sake: if it is lost, the files are read again.
            if context.reply.is_some() {
                self.push_pending(self.store.commit(commit), context, false);
            } else {
                self.push_pending(self.store.commit_with_others(commit), context, false);
            }
        }
    }

    fn push_pending(
        &mut self,
        done: impl Future<Output = Result<(), Error>> + Send + 'static,
        context: CommitContext,
        is_barrier: bool,
    ) {
        self.pending.push_back(PendingCommit {
            done: Box::pin(done),
            context,
            is_barrier,
        });
    }

    /// Keeps of a batch only what the newest state does not contain. Returns the number of log lines that are dropped.
    pub(crate) fn collapse(&mut self, mut draft: CommitDraft) -> u64 {
        self.rest.take_usage(&mut draft);
        for (id, _, event) in draft.events {
            let collapsed = self.collapsed.entry(id).or_default();
            collapsed.folded += 1;
            let latest = collapsed.latest.entry(event.origin.path.clone()).or_default();
            // Facts of one reading have one time.
            latest.retain(|old| old.at == event.at);
            latest.push(event);
        }
        self.rest.sessions.extend(draft.sessions);
        self.rest.runs.extend(draft.runs);
        let mut checkpoints: BTreeMap<_, _> = std::mem::take(&mut self.rest.checkpoints).into_iter().collect();
        checkpoints.extend(draft.checkpoints);
        self.rest.checkpoints = checkpoints.into_iter().collect();
        draft.logs.iter().map(|(_, _, lines)| lines.len() as u64).sum()
    }

    /// Takes what was collapsed, for the task to add the states and to queue it.
    pub(crate) fn take_collapsed(&mut self) -> (BTreeMap<SessionId, CollapsedFacts>, CommitDraft) {
        (std::mem::take(&mut self.collapsed), std::mem::take(&mut self.rest))
    }

    /// Drops what was collapsed of a session that was removed.
    pub(crate) fn forget(&mut self, id: &SessionId) {
        self.collapsed.remove(id);
        self.rest.sessions.remove(id);
        self.rest.runs.retain(|run| run.session != *id);
        self.rest.transcripts.retain(|_, binding| binding.session != *id);
    }

    /// Whether this call was collapsed.
    pub(crate) fn holds_call(&self, number: u64) -> bool {
        self.rest.calls.contains_key(&number)
    }

    /// Whether facts of this session were collapsed.
    pub(crate) fn holds_session(&self, id: &SessionId) -> bool {
        self.collapsed.contains_key(id)
    }

    /// Waits for the oldest commit and returns how it went. Never resolves when there is none. Cancel-safe.
    pub(crate) async fn next(&mut self) -> (CommitContext, Result<(), Error>) {
        let result = poll_fn(|cx| match self.pending.front_mut() {
            Some(pending) => pending.done.as_mut().poll(cx),
            None => std::task::Poll::Pending,
        })
        .await;
        match self.pending.pop_front() {
            Some(PendingCommit { context, .. }) => (context, result),
            None => std::future::pending().await,
        }
    }

    /// Waits again for a commit that took too long and stays queued: until everything that is queued is durable. All late
    /// commits share one barrier, so that they do not pile up while the disk stands still.
    pub(crate) fn watch_again(&mut self, context: CommitContext) {
        if let Some(last) = self.pending.back_mut()
            && last.is_barrier
        {
            last.context.merge(context);
            return;
        }
        self.push_pending(self.store.commit(Commit::default()), context, true);
    }
}

impl CollapsedFacts {
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

#[cfg(test)]
mod tests {
    use forgecast_protocol::{Fact, Timestamp};

    use super::*;
    use crate::history::internal;
    use crate::options::Options;
    use crate::shared::testing::shared;

    fn draft(id: &SessionId, path: &str, at: i64) -> CommitDraft {
        let seen = Fact::SessionSeen(forgecast_protocol::event::SessionSeen::default());
        let mut event = internal(id, Timestamp::from_millis(at), seen);
        event.origin.path = Some(path.into());
        let mut draft = CommitDraft::default();
        draft.events.push((id.clone(), 1, event));
        draft
    }

    fn context(pushed: u64) -> CommitContext {
        CommitContext {
            sessions: BTreeMap::new(),
            calls: BTreeMap::new(),
            newest_id: pushed,
            pushed: Vec::new(),
            reply: None,
        }
    }

    #[tokio::test]
    async fn facts_collapse_to_the_last_reading_of_each_source() {
        let mut commits = CommitQueue::new(shared(Options::default()).await.store.clone(), 1024);
        let id: SessionId = "a~1".parse().unwrap();
        for (path, at) in [("one", 1), ("two", 2), ("one", 3), ("one", 3)] {
            assert_eq!(commits.collapse(draft(&id, path, at)), 0);
        }
        assert!(commits.has_collapsed() && commits.is_overloaded() && commits.holds_session(&id));
        let (mut collapsed, _) = commits.take_collapsed();
        let mut facts = collapsed.remove(&id).unwrap();
        let times: Vec<i64> = facts.latest().iter().map(|event| event.at.as_millis()).collect();
        assert_eq!((facts.folded, times), (4, vec![2, 3, 3]));
        commits.collapse(draft(&id, "one", 4));
        commits.forget(&id);
        assert!(!commits.has_collapsed());
    }

    #[tokio::test]
    async fn commits_end_in_order_and_late_ones_share_a_barrier() {
        let mut commits = CommitQueue::new(shared(Options::default()).await.store.clone(), 1024);
        for number in 1..=2 {
            commits.enqueue(CommitDraft::default(), context(number));
        }
        commits.send();
        assert_eq!((commits.has_unsent(), commits.len()), (false, 2));
        let (first, result) = commits.next().await;
        assert!(result.is_ok() && first.newest_id == 1);
        let (second, _) = commits.next().await;
        commits.watch_again(second);
        commits.watch_again(first);
        assert_eq!(commits.len(), 1);
        assert_eq!(commits.next().await.0.newest_id, 2);
    }
}
