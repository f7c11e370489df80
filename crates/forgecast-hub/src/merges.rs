//! A build appears in the folder of an agent that is at work already: the agent's session turns out to belong to it. Its
//! calls and what its agents did move to the build in one commit, then the agent session is removed. Facts about either of
//! the two wait meanwhile.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::event::CompletionBasis;
use forgecast_protocol::{Event, Fact, SessionId};
use forgecast_store::{Commit, Store, StoredCall};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use crate::error::Error;
use crate::ledger::key_of_owner;
use crate::shared::Shared;

/// Facts that are read at a time.
const PAGE: u32 = 1_000;
/// How long the disk may take until it has all of a session: the session's facts wait meanwhile, and viewers with them.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// How long no merge begins after the disk was too slow for one.
const PAUSE: Duration = Duration::from_secs(30);

/// What is known of a session that is merged into a build.
pub(crate) struct MergedSession {
    pub(crate) agent: SessionId,
    pub(crate) build: SessionId,
    pub(crate) calls: Vec<StoredCall>,
    pub(crate) facts: Vec<Event>,
}

/// The end of a step that runs beside the hub's task.
pub(crate) enum MergeStep {
    /// What the store knows of a session was read.
    Read(SessionId, Result<MergedSession, Error>),
    /// A session that was merged was removed from the store.
    Removed(SessionId, Result<(), Error>),
}

/// The sessions that are being merged.
pub(crate) struct SessionMerges {
    shared: Arc<Shared>,
    /// The agent sessions.
    merging: HashSet<SessionId>,
    pub(crate) steps: JoinSet<MergeStep>,
    /// Those that were read and wait until the build is in memory.
    read: Vec<MergedSession>,
    /// No merge begins before this.
    paused_until: Option<Instant>,
}

impl SessionMerges {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            merging: HashSet::new(),
            steps: JoinSet::new(),
            read: Vec::new(),
            paused_until: None,
        }
    }

    /// Whether this session is being merged.
    pub(crate) fn is_merging(&self, agent: &SessionId) -> bool {
        self.merging.contains(agent)
    }

    /// Whether any session is being merged: nothing that the store is asked for may leave memory meanwhile.
    pub(crate) fn are_reading(&self) -> bool {
        !self.merging.is_empty()
    }

    /// Whether any merge, or the removal after one, is under way.
    pub(crate) fn are_active(&self) -> bool {
        self.are_reading() || !self.steps.is_empty()
    }

    /// Whether a merge of this session may begin now. The build's next fact asks again.
    pub(crate) fn may_begin(&self, agent: &SessionId) -> bool {
        !self.is_merging(agent) && self.paused_until.is_none_or(|until| Instant::now() >= until)
    }

    /// Begins a merge: reads the session, after everything that was handed to the store before.
    pub(crate) fn begin(&mut self, agent: SessionId, build: SessionId) {
        self.merging.insert(agent.clone());
        let shared = self.shared.clone();
        self.steps.spawn(async move {
            let read = read(&shared.store, agent.clone(), build).await;
            MergeStep::Read(agent, read)
        });
    }

    /// Removes a merged session from the store, after the commit that moved what it held.
    pub(crate) fn remove(&mut self, agent: SessionId) {
        self.merging.remove(&agent);
        let shared = self.shared.clone();
        self.steps.spawn(async move {
            let removed = shared.remove_from_store(&agent).await;
            MergeStep::Removed(agent, removed)
        });
    }

    /// Notes that a step ended.
    pub(crate) fn step_ended(&mut self, step: Result<MergeStep, JoinError>) {
        match step {
            Ok(MergeStep::Read(_, Ok(merged))) => self.read.push(merged),
            Ok(MergeStep::Read(agent, Err(error))) => {
                tracing::warn!(%error, session = %agent, "a session could not be merged into its build yet");
                self.paused_until = Some(Instant::now() + PAUSE);
                self.merging.remove(&agent);
            }
            Ok(MergeStep::Removed(_, Ok(()))) => {}
            Ok(MergeStep::Removed(agent, Err(error))) => {
                // Nothing of it is shown; the next start tries again.
                tracing::warn!(%error, session = %agent, "a session that belongs to a build could not be removed");
            }
            Err(error) => {
                tracing::error!(%error, "the merge of a session was torn down");
                self.merging.clear();
            }
        }
    }

    /// Takes the sessions that were read. Those that are gone meanwhile are dropped.
    pub(crate) fn take_read(&mut self) -> Vec<MergedSession> {
        let mut read = std::mem::take(&mut self.read);
        let registry = self.shared.registry();
        read.retain(|merged| {
            let is_known = registry.has(&merged.agent) && registry.has(&merged.build);
            if !is_known {
                self.merging.remove(&merged.agent);
            }
            self.merging.contains(&merged.agent)
        });
        read
    }

    /// The build of a session is not in memory yet.
    pub(crate) fn put_back(&mut self, merged: MergedSession) {
        self.read.push(merged);
    }
}

/// Whether a fact of an agent session belongs to the build, too.
fn belongs_to_build(fact: &Fact) -> bool {
    match fact {
        Fact::AgentReported(_)
        | Fact::ApprovalAnswered(_)
        | Fact::ArtifactChanged(_)
        | Fact::BudgetDenied(_)
        | Fact::ErrorReported(_)
        | Fact::ProcessReported(_)
        | Fact::ToolUsed(_)
        | Fact::WaitingBegan(_)
        | Fact::WaitingEnded(_)
        | Fact::ActivityReported(_) => true,
        // Who closed it does not come back to its questions.
        Fact::CompletionReported(completion) => completion.basis == CompletionBasis::Closed,
        // Calls move by themselves.
        Fact::UsageRecorded(usage) => usage.accounts.is_empty(),
        _ => false,
    }
}

/// Reads what is to be moved, after everything that is queued is durable.
async fn read(store: &Store, agent: SessionId, build: SessionId) -> Result<MergedSession, Error> {
    let operation = "read a session that is to be merged";
    let failed = Error::store(operation);
    let slow = |_| Error::Slow {
        operation,
        waited_ms: u64::try_from(MAX_WAIT.as_millis()).unwrap_or(u64::MAX),
    };
    let durable = timeout(MAX_WAIT, store.commit(Commit::default()));
    durable.await.map_err(slow)?.map_err(failed)?;
    let owner = agent.name().as_str();
    let mut calls = store.calls(vec![key_of_owner(owner)]).await.map_err(failed)?;
    if calls.is_empty() {
        // It began so long ago that no key leads to them, or it made none.
        calls = store.calls_that_name(owner.to_owned()).await.map_err(failed)?;
    }
    let mut facts = Vec::new();
    let mut after = 0;
    loop {
        let page = store.events_after(&agent, after, PAGE).await.map_err(failed)?;
        let Some(last) = page.last() else {
            break;
        };
        after = last.sequence;
        let events = page.into_iter().map(|stored| stored.event);
        facts.extend(events.filter(|event| belongs_to_build(&event.fact)));
    }
    Ok(MergedSession {
        agent,
        build,
        calls,
        facts,
    })
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::{Subject, Timestamp};

    use super::*;
    use crate::options::Options;
    use crate::registry::{Producer, Span};
    use crate::shared::testing::shared;

    fn create(shared: &Shared, name: &str) -> SessionId {
        let subject = Subject {
            name: Some(name.to_owned()),
            ..Subject::default()
        };
        let at = Timestamp::from_millis(0);
        let resolved = shared
            .registry_mut()
            .resolve(&subject, Span::at(at), at, &Producer::Files);
        resolved.unwrap().id
    }

    #[tokio::test]
    async fn a_merge_goes_on_when_both_sessions_exist_and_ends_with_the_removal() {
        let shared = shared(Options::default()).await;
        let (agent, build) = (create(&shared, "agent"), create(&shared, "build"));
        let mut merges = SessionMerges::new(shared.clone());
        merges.begin(agent.clone(), build.clone());
        assert!(merges.is_merging(&agent) && !merges.may_begin(&agent) && merges.may_begin(&build));
        let step = merges.steps.join_next().await.unwrap();
        merges.step_ended(step);
        let read = merges.take_read().pop().unwrap();
        assert_eq!((&read.agent, &read.build), (&agent, &build));
        merges.put_back(read);
        shared.registry_mut().remove(&build);
        assert!(merges.take_read().is_empty() && !merges.is_merging(&agent));
        merges.remove(agent.clone());
        assert!(merges.are_active() && !merges.are_reading());
        let step = merges.steps.join_next().await.unwrap();
        merges.step_ended(step);
        assert!(!merges.are_active());
    }
}
