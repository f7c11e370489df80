//! Batches that wait until the sessions they are about, and what is known of the calls they tell of, are in memory. Later
//! batches about the same sessions wait behind them, so that order is kept; all others go past.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use forgecast_protocol::{Batch, Fact, SessionId, Subject};
use forgecast_session::ledger::keys_of;
use forgecast_store::{Error, StoredCall};
use tokio::task::{JoinError, JoinSet};

use super::fold::spans;
use super::usage::tool_of;
use super::{From, Task};
use crate::command::Pushed;
use crate::counters::{Outcome, Reason};
use crate::error::PushError;
use crate::registry::{Registry, Span};

/// Batches that may wait; beyond it the sources wait too.
const ROOM: usize = 4_096;
/// Of them, batches that tell of calls: what is known of their calls stays in memory meanwhile.
const CALLS_ROOM: usize = 64;
/// Calls that may wait for the disk, at least; beyond it batches that tell of calls wait, too.
const UNCOMMITTED: usize = 4_096;
/// Look-ups of calls that run at a time; the store has a few readers, and they have to answer viewers too.
const LOOKUPS: usize = 2;

/// A batch with all that decides whether it can be folded.
struct Waiting {
    number: u64,
    batch: Batch,
    from: From,
    needs: Needs,
    about: BTreeSet<String>,
    /// What the store knows of its calls is not in memory yet.
    is_looked_up: bool,
    /// It is empty, and waits until everything before it is folded.
    is_question: bool,
}

/// What a batch needs in memory.
struct Needs {
    /// Its subjects, with when what is said of them took place.
    subjects: Vec<(Subject, Span)>,
    /// The keys of the calls that it tells of.
    keys: Vec<u64>,
}

/// Number of the batch, the keys that were asked for, what is known of them.
type Found = (u64, Vec<u64>, Result<Vec<StoredCall>, Error>);

/// See the module.
#[derive(Default)]
pub(crate) struct Parked {
    batches: VecDeque<Waiting>,
    /// How many of them tell of calls.
    with_calls: usize,
    next_number: u64,
    queue: VecDeque<(u64, Vec<u64>)>,
    lookups: JoinSet<Found>,
    /// Look-ups that failed: tried again after a moment.
    failed: Vec<(u64, Vec<u64>)>,
    /// Whether a batch waits for nothing but calls that are not durable yet.
    waits_for_disk: bool,
}

impl Parked {
    /// Whether more may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.batches.len() < ROOM
    }

    /// Whether more may wait of those that tell of calls.
    pub(crate) fn has_room_for_calls(&self) -> bool {
        self.has_room() && self.with_calls < CALLS_ROOM
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether a look-up is under way.
    pub(crate) fn looks_up(&self) -> bool {
        !self.lookups.is_empty()
    }

    /// The next look-up that ends; nothing when none is under way. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Found, JoinError>> {
        self.lookups.join_next().await
    }
}

impl Needs {
    fn of(batch: &Batch, task: &Task) -> Self {
        let registry = task.shared.registry();
        let spans = spans(batch, &registry);
        let mut subjects: BTreeMap<&Subject, Span> = BTreeMap::new();
        for event in &batch.events {
            subjects.entry(&event.subject).or_insert_with(|| Span::of_event(event));
        }
        for chunk in &batch.logs {
            let at = chunk.lines.first().map(|line| line.at).unwrap_or_default();
            subjects.entry(&chunk.subject).or_insert_with(|| Span::at(at));
        }
        let subjects = subjects.into_iter().map(|(subject, span)| {
            let joined = subject.transcript.as_ref().and_then(|name| spans.get(name));
            (subject.clone(), joined.copied().unwrap_or(span))
        });
        Self {
            subjects: subjects.collect(),
            keys: task.keys_of(batch),
        }
    }

    /// Everything by which two batches can be about the same session.
    fn about(&self, registry: &Registry) -> BTreeSet<String> {
        let mut about = BTreeSet::new();
        for (subject, span) in &self.subjects {
            let directory = subject.directory.iter();
            about.extend(directory.map(|directory| format!("directory {directory}")));
            about.extend(subject.name.iter().map(|name| format!("name {name}")));
            let session = subject.session.as_ref().map(|session| format!("session {session}"));
            about.extend(session);
            let transcript = subject.transcript.as_ref();
            about.extend(transcript.map(|transcript| format!("transcript {transcript}")));
            let known = registry.peek(subject, *span);
            about.extend(known.map(|id| format!("session {id}")));
        }
        about
    }
}

impl Task {
    /// The keys of the calls that a batch tells of.
    fn keys_of(&self, batch: &Batch) -> Vec<u64> {
        let mut keys = Vec::new();
        for event in &batch.events {
            match &event.fact {
                Fact::CallReported(report) => keys.extend(keys_of(report)),
                Fact::ToolUsed(_) => {
                    let tool = tool_of(event);
                    keys.extend(tool.and_then(|(tool, _)| self.tools.call_of(tool)));
                }
                _ => {}
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The sessions that a batch is about, or whose calls it may change, and that are known but not in memory.
    fn absent(&self, needs: &Needs) -> BTreeSet<SessionId> {
        let registry = self.shared.registry();
        let known = needs.subjects.iter();
        let known = known.filter_map(|(subject, span)| registry.peek(subject, *span));
        let numbers = self.calls.find(&needs.keys);
        let counted = numbers.iter().filter_map(|number| self.calls.get(*number));
        let owners = counted.flat_map(|call| call.counted().into_iter().map(|counted| counted.session));
        let owners: BTreeSet<String> = owners.collect();
        let owners = owners.iter().filter_map(|id| id.parse().ok());
        known
            .chain(owners.filter(|id| registry.has(id)))
            .filter(|id| !self.live.contains_key(id) || self.adoptions.moves(id))
            .collect()
    }

    /// Whether there is room for what a batch may make of its calls.
    fn has_room_for(&self, needs: &Needs) -> bool {
        needs.keys.is_empty() || self.calls.uncommitted() < self.shared.options.calls_in_memory.max(UNCOMMITTED)
    }

    /// Calls became durable: folds what waited for that.
    pub(super) fn unpark_after_commit(&mut self) {
        let limit = self.shared.options.calls_in_memory.max(UNCOMMITTED);
        if self.parked.waits_for_disk && self.calls.uncommitted() < limit {
            self.unpark();
        }
    }

    /// Folds a batch, now or as soon as all that it needs is in memory.
    pub(crate) fn ingest(&mut self, batch: Batch, from: From) {
        // Whoever pushes nothing asks whether everything before it is folded.
        let is_question = batch.is_empty() && matches!(from, From::Push(_)) && !self.parked.is_empty();
        let needs = Needs::of(&batch, self);
        let missing = self.calls.missing(&needs.keys);
        let absent = self.absent(&needs);
        let is_ready = !is_question && absent.is_empty() && missing.is_empty() && self.has_room_for(&needs);
        if is_ready && self.parked.is_empty() {
            self.fold(batch, from);
            return;
        }
        let about = needs.about(&self.shared.registry());
        let waits_behind = self.parked.batches.iter().any(|other| !other.about.is_disjoint(&about));
        if is_ready && !waits_behind {
            self.fold(batch, from);
            return;
        }
        self.calls.want(&needs.keys);
        self.parked.with_calls += usize::from(!needs.keys.is_empty());
        self.parked.next_number += 1;
        let number = self.parked.next_number;
        let is_looked_up = missing.is_empty();
        self.parked.batches.push_back(Waiting {
            number,
            batch,
            from,
            needs,
            about,
            is_looked_up,
            is_question,
        });
        if !is_looked_up {
            self.parked.queue.push_back((number, missing));
            self.start_lookups();
        }
        self.parked.waits_for_disk |= absent.is_empty() && is_looked_up;
        self.load_all(&absent);
    }

    fn load_all(&mut self, absent: &BTreeSet<SessionId>) {
        for id in absent {
            self.load(id);
        }
    }

    fn start_lookups(&mut self) {
        while self.parked.lookups.len() < LOOKUPS
            && let Some((number, keys)) = self.parked.queue.pop_front()
        {
            let store = self.store.clone();
            self.parked.lookups.spawn(async move {
                let found = store.calls(keys.clone()).await;
                (number, keys, found)
            });
        }
    }

    /// A look-up came back.
    pub(crate) fn looked_up(&mut self, found: Result<Found, JoinError>) {
        match found {
            Ok((number, _, Ok(calls))) => {
                self.calls.load(&calls);
                let mut batches = self.parked.batches.iter_mut();
                if let Some(waiting) = batches.find(|waiting| waiting.number == number) {
                    waiting.is_looked_up = true;
                }
            }
            Ok((number, keys, Err(error))) => {
                tracing::warn!(%error, "calls could not be looked up; trying again");
                self.parked.failed.push((number, keys));
            }
            Err(error) => tracing::error!(%error, "a look-up was torn down"),
        }
        self.start_lookups();
        self.unpark();
    }

    /// Tries again what could not be looked up.
    pub(crate) fn look_up_again(&mut self) {
        let failed = std::mem::take(&mut self.parked.failed);
        self.parked.queue.extend(failed);
        self.start_lookups();
    }

    /// Folds what no longer has to wait.
    pub(crate) fn unpark(&mut self) {
        let mut blocked: BTreeSet<String> = BTreeSet::new();
        self.parked.waits_for_disk = false;
        for waiting in std::mem::take(&mut self.parked.batches) {
            let is_its_turn = !waiting.is_question || self.parked.batches.is_empty();
            let may_go = is_its_turn && waiting.is_looked_up && waiting.about.is_disjoint(&blocked);
            let has_room = self.has_room_for(&waiting.needs);
            self.parked.waits_for_disk |= may_go && !has_room;
            if may_go && has_room {
                let absent = self.absent(&waiting.needs);
                if absent.is_empty() {
                    self.parked.with_calls -= usize::from(!waiting.needs.keys.is_empty());
                    self.fold(waiting.batch, waiting.from);
                    self.calls.release(&waiting.needs.keys);
                    continue;
                }
                self.load_all(&absent);
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
