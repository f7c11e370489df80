//! A build appears in the folder of an agent that is at work already: the agent's own session turns out to belong to it.
//! Its calls and what its agents did move to the build in one commit; then the own session is removed. Facts about either
//! of its names wait meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use forgecast_protocol::{Event, Fact, SessionId};
use forgecast_session::ledger::{Belonging, Counted};
use forgecast_store::{Commit, Store, StoredCall};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::fold::Folding;
use super::usage::{Cause, key_of_owner, project_of};
use super::{From, Task};
use crate::error::Error;
use crate::history::{internal, of_run};
use crate::hub::remove;
use crate::topic::End;

/// Facts that are read at a time.
const PAGE: u32 = 1_000;
/// How long a disk may take to have all of a session: its facts wait meanwhile, and viewers with them.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a disk was too slow nothing is taken over for so long.
const PAUSE: Duration = Duration::from_secs(30);

/// What is known of a session that is taken over.
pub(crate) struct Moved {
    own: SessionId,
    build: SessionId,
    calls: Vec<StoredCall>,
    facts: Vec<Event>,
}

/// What ends beside the hub's task.
pub(crate) enum Ended {
    /// What the store knows of a session that is to be taken over.
    Read(SessionId, Result<Moved, Error>),
    /// A session that was taken over is gone from the store.
    Removed(SessionId, Result<(), Error>),
}

/// The sessions that are being taken over.
#[derive(Default)]
pub(crate) struct Adoptions {
    /// By which build.
    moving: HashMap<SessionId, SessionId>,
    jobs: JoinSet<Ended>,
    /// Those that are read and wait for the build to be in memory.
    read: Vec<Moved>,
    /// Nothing is taken over before this.
    paused_until: Option<Instant>,
}

impl Adoptions {
    /// Whether this session is being taken over.
    pub(crate) fn moves(&self, own: &SessionId) -> bool {
        self.moving.contains_key(own)
    }

    /// Whether anything is on its way.
    pub(super) fn are_under_way(&self) -> bool {
        !self.moving.is_empty() || !self.jobs.is_empty()
    }

    fn is_paused(&self) -> bool {
        self.paused_until.is_some_and(|until| Instant::now() < until)
    }

    /// What ends next; nothing when nothing is under way. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Ended, JoinError>> {
        self.jobs.join_next().await
    }
}

/// What of an agent's own session belongs to the build, too.
fn is_of_build(fact: &Fact) -> bool {
    match fact {
        Fact::AgentReported(_)
        | Fact::ArtifactChanged(_)
        | Fact::ErrorReported(_)
        | Fact::WaitingBegan(_)
        | Fact::WaitingEnded(_) => true,
        // Calls move by themselves.
        Fact::UsageRecorded(usage) => usage.accounts.is_empty(),
        _ => false,
    }
}

/// Reads what is to be moved, after everything that is queued is durable.
async fn read(store: &Store, own: SessionId, build: SessionId) -> Result<Moved, Error> {
    let operation = "read what is to be moved";
    let failed = |source| Error::Store { operation, source };
    let slow = |_| Error::Slow {
        operation,
        waited_ms: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX),
    };
    let durable = timeout(PATIENCE, store.commit(Commit::default()));
    durable.await.map_err(slow)?.map_err(failed)?;
    let calls = store
        .calls(vec![key_of_owner(own.name().as_str())])
        .await
        .map_err(failed)?;
    let mut facts = Vec::new();
    let mut after = 0;
    loop {
        let page = store.events_after(&own, after, PAGE).await.map_err(failed)?;
        let Some(last) = page.last() else {
            break;
        };
        after = last.sequence;
        let of_build = page.into_iter().map(|stored| stored.event);
        facts.extend(of_build.filter(|event| is_of_build(&event.fact)));
    }
    Ok(Moved {
        own,
        build,
        calls,
        facts,
    })
}

impl Task {
    /// Begins to move an agent's own session into a build.
    pub(super) fn adopt(&mut self, own: SessionId, build: SessionId) {
        // A disk that cannot keep up does not know all of it; the build's next fact asks again.
        if self.adoptions.moves(&own) || self.adoptions.is_paused() {
            return;
        }
        if self.persist.collapses() || !self.may_move(&own) {
            return;
        }
        self.adoptions.moving.insert(own.clone(), build.clone());
        self.calls.hold();
        self.persist.send();
        let store = self.store.clone();
        self.adoptions.jobs.spawn(async move {
            let moved = read(&store, own.clone(), build).await;
            Ended::Read(own, moved)
        });
    }

    /// After a start: what was begun, or could have been, and did not come to its end.
    pub(crate) fn resume_adoptions(&mut self) {
        let (taken_over, pending) = {
            let registry = self.shared.registry();
            (registry.taken_over(), registry.adoptable())
        };
        for own in taken_over {
            self.forget(&own, End::Removed);
            self.remove_from_store(own);
        }
        for (own, build) in pending {
            self.adopt(own, build);
        }
    }

    fn remove_from_store(&mut self, own: SessionId) {
        let (store, now) = (self.store.clone(), self.shared.clock.now());
        self.adoptions.jobs.spawn(async move {
            let removed = remove(&store, own.clone(), now).await;
            Ended::Removed(own, removed)
        });
    }

    pub(crate) fn adoption_ended(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended::Read(_, Ok(moved))) => {
                self.adoptions.read.push(moved);
                self.finish_adoptions();
            }
            Ok(Ended::Read(own, Err(error))) => {
                tracing::warn!(%error, session = %own, "a session could not be moved to its build yet");
                self.adoptions.paused_until = Some(Instant::now() + PAUSE);
                self.end_adoption(&own);
            }
            Ok(Ended::Removed(_, Ok(()))) => {}
            Ok(Ended::Removed(own, Err(error))) => {
                // Nothing of it is shown; the next start tries again.
                tracing::warn!(%error, session = %own, "a session that belongs to a build could not be removed");
            }
            Err(error) => {
                tracing::error!(%error, "the move of a session was torn down");
                let moving: Vec<SessionId> = self.adoptions.moving.keys().cloned().collect();
                moving.iter().for_each(|own| self.end_adoption(own));
            }
        }
        self.unpark();
    }

    fn end_adoption(&mut self, own: &SessionId) {
        if self.adoptions.moving.remove(own).is_some() {
            self.calls.let_go();
        }
    }

    /// Moves what is read, as soon as the build is in memory.
    pub(super) fn finish_adoptions(&mut self) {
        for moved in std::mem::take(&mut self.adoptions.read) {
            let known = {
                let registry = self.shared.registry();
                let there = registry.has(&moved.own) && registry.has(&moved.build);
                there && self.adoptions.moves(&moved.own)
            };
            if !known {
                self.end_adoption(&moved.own);
            } else if self.live.contains_key(&moved.build) {
                self.finish(moved);
            } else {
                self.load(&moved.build);
                self.adoptions.read.push(moved);
            }
        }
    }

    fn finish(&mut self, moved: Moved) {
        let Moved {
            own,
            build,
            calls,
            facts,
        } = moved;
        let mut folding = Folding::default();
        let bindings = self.shared.registry_mut().rebind(&own, &build);
        folding.draft.transcripts.extend(bindings);
        self.forget(&own, End::Removed);
        self.rebind_calls(&own, &build, &calls, &mut folding);
        for (index, event) in facts.into_iter().enumerate() {
            let event = Event {
                id: None,
                subject: of_run(&build),
                ..event
            };
            self.fold_event(index, event, &mut folding);
        }
        self.close(folding, From::Internal);
        self.shared.tally.lock().adoptions += 1;
        self.end_adoption(&own);
        // Behind the commit that moved everything.
        self.persist.send();
        self.remove_from_store(own);
    }

    fn rebind_calls(&mut self, own: &SessionId, build: &SessionId, calls: &[StoredCall], folding: &mut Folding) {
        self.calls.load(calls);
        let numbers: Vec<u64> = calls.iter().map(|call| call.number).collect();
        let seen = Fact::SessionSeen(forgecast_protocol::event::SessionSeen::default());
        let cause = internal(build, self.shared.clock.now(), seen);
        let cause = Cause::of(build, &cause);
        for number in self.calls.find(&numbers) {
            let Some((mut call, commits)) = self.calls.take(number) else {
                continue;
            };
            let before: Vec<Counted> = call.counted();
            let changed = self.live.get(build).is_some_and(|live| {
                let project = project_of(live.session.view());
                call.rebind(own.name().as_str(), |at| Belonging {
                    session: build.to_string(),
                    phase: live.session.phase_at(at).unwrap_or_default().to_owned(),
                    project: project.clone(),
                })
            });
            if changed {
                self.record_all(&before, &call.counted(), &cause, folding);
                folding.calls.entry(number).or_default();
            }
            self.calls.put_back(number, call, commits);
        }
    }
}
