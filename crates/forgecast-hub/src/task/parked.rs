//! Batches that wait until the sessions they are about are in memory. Later batches about the same sessions wait behind
//! them, so that order is kept; all others go past.

use std::collections::{BTreeSet, VecDeque};

use forgecast_protocol::{Batch, SessionId, Subject};

use super::{From, Task};
use crate::command::Pushed;
use crate::counters::{Outcome, Reason};
use crate::error::PushError;
use crate::registry::Registry;

/// Batches that may wait; beyond it the sources wait too.
const ROOM: usize = 4_096;

struct Waiting {
    batch: Batch,
    from: From,
    about: BTreeSet<String>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Parked {
    batches: VecDeque<Waiting>,
}

impl Parked {
    /// Whether more may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.batches.len() < ROOM
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

fn subjects(batch: &Batch) -> impl Iterator<Item = &Subject> {
    let events = batch.events.iter().map(|event| &event.subject);
    events.chain(batch.logs.iter().map(|chunk| &chunk.subject))
}

/// Everything by which two batches can be about the same session.
fn about(batch: &Batch, registry: &Registry) -> BTreeSet<String> {
    let mut about = BTreeSet::new();
    for subject in subjects(batch) {
        about.extend(
            subject
                .directory
                .iter()
                .map(|directory| format!("directory {directory}")),
        );
        about.extend(subject.name.iter().map(|name| format!("name {name}")));
        let session = subject.session.as_ref().map(|session| format!("session {session}"));
        about.extend(session);
        about.extend(registry.peek(subject).map(|id| format!("session {id}")));
    }
    about
}

impl Task {
    /// The sessions that a batch is about and that are known but not in memory.
    fn absent(&self, batch: &Batch) -> BTreeSet<SessionId> {
        let registry = self.shared.registry();
        let known = subjects(batch).filter_map(|subject| registry.peek(subject));
        known.filter(|id| !self.live.contains_key(id)).collect()
    }

    /// Folds a batch, now or as soon as its sessions are in memory.
    pub(crate) fn ingest(&mut self, batch: Batch, from: From) {
        let absent = self.absent(&batch);
        if absent.is_empty() && self.parked.is_empty() {
            self.fold(batch, from);
            return;
        }
        let about = about(&batch, &self.shared.registry());
        let waits_behind = self.parked.batches.iter().any(|other| !other.about.is_disjoint(&about));
        if absent.is_empty() && !waits_behind {
            self.fold(batch, from);
            return;
        }
        self.parked.batches.push_back(Waiting { batch, from, about });
        for id in absent {
            self.load(&id);
        }
    }

    /// Folds what no longer has to wait.
    pub(crate) fn unpark(&mut self) {
        let mut blocked: BTreeSet<String> = BTreeSet::new();
        for waiting in std::mem::take(&mut self.parked.batches) {
            let absent = self.absent(&waiting.batch);
            if absent.is_empty() && waiting.about.is_disjoint(&blocked) {
                self.fold(waiting.batch, waiting.from);
                continue;
            }
            for id in &absent {
                self.load(id);
            }
            blocked.extend(waiting.about.iter().cloned());
            self.parked.batches.push_back(waiting);
        }
    }

    /// Gives up what still waits when the hub stops: it was not stored, so its sources are read again.
    pub(crate) fn drop_parked(&mut self) {
        for waiting in std::mem::take(&mut self.parked.batches) {
            let facts = 0..waiting.batch.events.len();
            self.shared.tally.add(&Outcome {
                dropped: facts.map(|index| (index, Reason::Shutdown)).collect(),
                ..Outcome::default()
            });
            if let From::Push(reply) = waiting.from {
                let _ = reply.send(Pushed::Done(Err(PushError::Stopped)));
            }
        }
    }
}
