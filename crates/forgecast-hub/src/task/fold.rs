//! One batch becomes updates: its facts are folded, every session that changed gets one new revision, viewers are told,
//! and what happened is queued for the store behind that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use forgecast_protocol::{
    Batch, Event, Fact, LogChunk, SessionId, SessionName, SourceCheckpoint, SourceKey, SourceKind, Subject, Timestamp,
};
use serde_json::{Value, json};

use super::usage::Added;
use super::{From, Task};
use crate::counters::{Outcome, Reason};
use crate::estimator::Stage;
use crate::history::{self, Restored};
use crate::persist::Draft;
use crate::registry::{Registry, Resolved, Span};

/// By how many the calls in memory may exceed their limit between two looks.
const CALLS_SLACK: usize = 1_024;
/// Facts that are older when they come are history.
const HISTORY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What one batch has done so far.
#[derive(Default)]
pub(super) struct Folding {
    pub(super) outcome: Outcome,
    /// The sessions it touched, with the stage each was in before.
    pub(super) touched: BTreeMap<SessionId, Option<Stage>>,
    pub(super) events: Vec<(SessionId, Event)>,
    /// How many of them each session has.
    pub(super) counts: BTreeMap<SessionId, u64>,
    /// Producers' own events, and what is said of budgets, for viewers as they came.
    pub(super) passed_on: Vec<(SessionId, Value)>,
    /// The same for those who watch the overview.
    pub(super) said: Vec<Value>,
    pub(super) draft: Draft,
    /// When what the batch says of each transcript took place.
    pub(super) spans: HashMap<SessionName, Span>,
    /// Usage that is counted and not folded yet.
    pub(super) added: BTreeMap<SessionId, Added>,
    /// The calls that changed, with further keys under which they are to be found.
    pub(super) calls: BTreeMap<u64, BTreeSet<u64>>,
    /// Whose calls cost something and when they were made at the latest, the last one last.
    pub(super) spenders: Vec<(SessionId, Timestamp)>,
    /// Sessions whose usage is told by a better source than their producer since this batch.
    pub(super) upgraded: BTreeSet<SessionId>,
    /// Agents' own sessions that turned out to belong to a build.
    pub(super) adoptees: Vec<(SessionId, SessionId)>,
}

impl Folding {
    /// A session's call at this moment cost something.
    pub(super) fn spent(&mut self, id: &SessionId, at: Timestamp) {
        let known = self.spenders.iter().position(|(spender, _)| spender == id);
        let before = known.map(|place| self.spenders.remove(place).1);
        self.spenders.push((id.clone(), at.max(before.unwrap_or(at))));
    }

    pub(super) fn push(&mut self, id: SessionId, event: Event) {
        *self.counts.entry(id.clone()).or_default() += 1;
        self.events.push((id, event));
    }
}

/// When what a batch says of each transcript that may be bound anew took place, from the first fact to the last: that
/// is decided once, by all that is known then.
pub(super) fn spans(batch: &Batch, registry: &Registry) -> HashMap<SessionName, Span> {
    let mut spans: HashMap<SessionName, Span> = HashMap::new();
    let facts = batch.events.iter().map(|event| (&event.subject, Span::of_event(event)));
    let logs = batch.logs.iter().filter_map(|chunk| {
        let line = chunk.lines.first()?;
        Some((&chunk.subject, Span::at(line.at)))
    });
    for (subject, span) in facts.chain(logs) {
        let Some(transcript) = &subject.transcript else {
            continue;
        };
        match spans.get_mut(transcript) {
            Some(known) => *known = known.join(span),
            None if !registry.is_settled(transcript) => {
                spans.insert(transcript.clone(), span);
            }
            None => {}
        }
    }
    spans
}

impl Task {
    /// Folds a batch whose sessions and calls are all in memory (or new).
    pub(crate) fn fold(&mut self, batch: Batch, from: From) {
        let mut folding = Folding::default();
        if self.was_read(&batch) {
            folding.outcome.duplicate = batch.events.len() as u64;
        } else {
            folding.spans = spans(&batch, &self.shared.registry());
            for (index, event) in batch.events.into_iter().enumerate() {
                self.fold_event(index, event, &mut folding);
            }
            for (index, chunk) in batch.logs.into_iter().enumerate() {
                self.append_log(index, chunk, &mut folding);
            }
            folding.draft.checkpoints = batch.checkpoints;
        }
        self.close(folding, from);
    }

    /// Ends a batch: its sessions are settled, its facts counted and handed to the store.
    pub(super) fn close(&mut self, mut folding: Folding, from: From) {
        self.fold_added(&mut folding);
        self.settle(&mut folding);
        self.draft_calls(&mut folding);
        let Folding {
            outcome,
            draft,
            adoptees,
            ..
        } = folding;
        if !matches!(from, From::Internal) {
            self.shared.tally.add(&outcome);
        }
        self.keep(draft, outcome, from);
        self.index_changed();
        self.shrink_calls(CALLS_SLACK);
        for (own, build) in adoptees {
            self.adopt(own, build);
        }
    }

    /// Whether every source of this batch was read exactly so far already: then it is the same reading again, by a
    /// reader that was restarted before its progress was durable. What the sources say about themselves (a trouble, a
    /// folder that is gone) is not content, and news also when the content is not.
    fn was_read(&mut self, batch: &Batch) -> bool {
        let is_content = |event: &Event| event.origin.kind != SourceKind::Internal;
        let mut same = !batch.checkpoints.is_empty() && batch.events.iter().all(is_content);
        for (source, checkpoint) in &batch.checkpoints {
            let (source, state) = fingerprint(source, checkpoint);
            same &= self.sources.insert(source, state) == Some(state);
        }
        same
    }

    pub(super) fn fold_event(&mut self, index: usize, event: Event, folding: &mut Folding) {
        if event.id.as_ref().is_some_and(|id| self.recent.contains(id)) {
            folding.outcome.duplicate += 1;
            return;
        }
        if event.subject == Subject::default() {
            match &event.fact {
                Fact::ProblemFound(found) => {
                    self.index.problem(&found.key, Some(found.problem.clone()));
                }
                Fact::ProblemCleared(cleared) => {
                    self.index.problem(&cleared.key, None);
                }
                Fact::IndexingProgress(progress) => self.index.indexing(*progress),
                _ => {
                    folding.outcome.rejected.push((index, Reason::NoSession));
                    return;
                }
            }
            folding.outcome.applied += 1;
            return;
        }
        let id = match self.session_of(&event, folding) {
            Ok(id) => id,
            Err(reason) => {
                if !self.fold_call_of_nobody(reason, &event, folding) {
                    folding.outcome.rejected.push((index, reason));
                }
                return;
            }
        };
        if let Some(event_id) = &event.id {
            self.recent.insert(event_id);
        }
        if matches!(event.fact, Fact::CallReported(_)) {
            self.fold_call(&id, event, folding);
            return;
        }
        let live = self.live.get(&id);
        if live.is_some_and(|live| live.session.repeats_another_source(&event)) {
            folding.outcome.duplicate += 1;
            return;
        }
        folding.outcome.applied += 1;
        self.fold_added_of(&id, folding);
        if let (Fact::Custom(custom), SourceKind::Push) = (&event.fact, event.origin.kind) {
            folding.passed_on.push((id.clone(), as_it_came(&event, custom)));
        }
        self.fold_report(&id, &event, folding);
        if let Some(live) = self.live.get_mut(&id) {
            live.session.apply(&event);
        }
        self.confirm_call(&id, &event, folding);
        folding.push(id, event);
    }

    /// The session that a fact belongs to, in memory, made or begun anew where the fact says so.
    fn session_of(&mut self, event: &Event, folding: &mut Folding) -> Result<SessionId, Reason> {
        let subject = &event.subject;
        let known = subject.transcript.as_ref().and_then(|name| folding.spans.get(name));
        let span = known.copied().unwrap_or_else(|| Span::of_event(event));
        self.make_room(subject, span);
        let seen_at = self.seen_at(event);
        let mut resolved = self.shared.registry_mut().resolve(subject, span, seen_at)?;
        if !resolved.created && !resolved.explicit {
            let live = self.live.get(&resolved.id);
            if live.is_some_and(|live| live.session.begins_new_run(event)) {
                resolved = self.shared.registry_mut().new_run(&resolved.id, seen_at)?;
            }
        }
        self.draft_names(&resolved, subject, folding);
        let id = resolved.id;
        if resolved.created {
            self.admit(&id, Restored::new(history::begin(&id, event)));
            folding.touched.insert(id.clone(), None);
            self.carry_host(&id, event, folding);
            return Ok(id);
        }
        // A batch is folded only when all that it is about is in memory; a fact that got here otherwise was led
        // elsewhere by another fact of the same batch.
        let live = self.live.get(&id).ok_or(Reason::Conflict)?;
        let stage = || Some(Stage::of(live.session.view()));
        folding.touched.entry(id.clone()).or_insert_with(stage);
        Ok(id)
    }

    /// When a session that begins with this fact was first seen: history that is brought over is seen now, however old
    /// it is, or retention would take it away at once.
    fn seen_at(&self, event: &Event) -> Timestamp {
        let now = self.shared.clock.now();
        if event.at.plus_millis(HISTORY_MS) < now {
            now
        } else {
            event.at
        }
    }

    /// What the store has to know of a session before its facts.
    fn draft_names(&mut self, resolved: &Resolved, subject: &Subject, folding: &mut Folding) {
        let id = &resolved.id;
        let registry = self.shared.registry();
        if resolved.changed {
            let stored = registry.stored(id);
            folding.draft.sessions.extend(stored.map(|stored| (id.clone(), stored)));
        }
        if let (true, Some(transcript)) = (resolved.binds, &subject.transcript) {
            let binding = registry.bound(transcript).cloned();
            let bound = binding.map(|binding| (transcript.clone(), binding));
            folding.draft.transcripts.extend(bound);
            let build = registry.adopter(id).filter(|_| !resolved.created);
            folding.adoptees.extend(build.map(|build| (id.clone(), build)));
        }
    }

    /// A source names its machine once per folder, not once per run: a new one works where the one before it did. Said
    /// as a fact of the hub's own, so that replay knows it too.
    fn carry_host(&mut self, id: &SessionId, first: &Event, folding: &mut Folding) {
        let before = self.shared.registry().before(id);
        let before = before.and_then(|before| self.live.get(&before));
        let host = before.and_then(|before| before.session.view().host.clone());
        if let (Some(host), Some(live)) = (host, self.live.get_mut(id)) {
            // It comes first in the history, and a session begins with its first fact: it has to be about the same.
            let seen = history::seen(first.subject.clone(), first.at, Some(host));
            live.session.apply(&seen);
            folding.push(id.clone(), seen);
            self.shared.tally.lock().internal += 1;
        }
    }

    /// Lets the oldest finished session go when this subject would need one more than there may be.
    fn make_room(&mut self, subject: &Subject, span: Span) {
        let is_needed = {
            let registry = self.shared.registry();
            registry.may_make_room() && registry.peek(subject, span).is_none()
        };
        if is_needed && let Some(oldest) = self.index.oldest_finished().cloned() {
            self.forget(&oldest, crate::topic::End::Removed);
            self.shared.tally.lock().evictions += 1;
        }
    }

    fn append_log(&mut self, index: usize, chunk: LogChunk, folding: &mut Folding) {
        let LogChunk { subject, mut lines } = chunk;
        let Some(first) = lines.first() else {
            return;
        };
        // The first that is heard of a session may be its log; a session begins with a fact all the same.
        let seen = history::seen(subject, first.at, None);
        let id = match self.session_of(&seen, folding) {
            Ok(id) => id,
            Err(reason) => {
                let refused = (index, reason, lines.len() as u64);
                folding.outcome.rejected_logs.push(refused);
                return;
            }
        };
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        if live.is_new() && !folding.counts.contains_key(&id) {
            live.session.apply(&seen);
            folding.push(id.clone(), seen);
        }
        live.log.append(&mut lines);
        folding.outcome.log_lines += lines.len() as u64;
        folding.draft.logs.push((id, lines));
    }
}

/// A source and how far it was read, as two numbers.
pub(crate) fn fingerprint(source: &SourceKey, checkpoint: &SourceCheckpoint) -> (u64, u64) {
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    let identity = &checkpoint.identity;
    let state = hash(&|hasher| {
        (identity.device, identity.inode, identity.size).hash(hasher);
        (identity.mtime_ns, identity.ctime_ns).hash(hasher);
        (checkpoint.offset, &checkpoint.digest).hash(hasher);
    });
    (hash(&|hasher| source.hash(hasher)), state)
}

fn as_it_came(event: &Event, custom: &forgecast_protocol::event::Custom) -> Value {
    // An envelope that was kept whole goes out whole.
    if custom.data.get("type").is_some_and(Value::is_string) {
        return custom.data.clone();
    }
    json!({ "type": custom.kind, "at": event.at, "data": custom.data })
}
