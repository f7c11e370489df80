//! One batch becomes updates: its facts are folded, every session that changed gets one new revision, viewers are told,
//! and what happened is queued for the store behind that.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use forgecast_protocol::{
    Batch, Event, Fact, LogChunk, Revision, SessionId, SourceCheckpoint, SourceKey, SourceKind, Subject,
};
use forgecast_session::{FOLD_VERSION, patch};
use forgecast_store::{StoredRun, Write};
use serde_json::{Value, json};

use super::memory::Live;
use super::{From, Task};
use crate::command::{Pushed, Receipt, Rejected};
use crate::counters::{Outcome, Reason};
use crate::estimator::Stage;
use crate::frame;
use crate::history::{self, Restored, internal};
use crate::index::canonical;
use crate::persist::{Behind, Draft};
use crate::topic::Content;

/// What one batch has done so far.
#[derive(Default)]
struct Folding {
    outcome: Outcome,
    /// The sessions it touched, with the stage each was in before.
    touched: BTreeMap<SessionId, Option<Stage>>,
    events: Vec<(SessionId, Event)>,
    /// How many of them each session has.
    counts: BTreeMap<SessionId, u64>,
    /// Producers' own events, for viewers as they came.
    passed_on: Vec<(SessionId, Value)>,
    draft: Draft,
}

impl Folding {
    fn push(&mut self, id: SessionId, event: Event) {
        *self.counts.entry(id.clone()).or_default() += 1;
        self.events.push((id, event));
    }
}

impl Task {
    /// Folds a batch whose sessions are all in memory (or new).
    pub(crate) fn fold(&mut self, batch: Batch, from: From) {
        let mut folding = Folding::default();
        if self.was_read(&batch) {
            folding.outcome.duplicate = batch.events.len() as u64;
        } else {
            for (index, event) in batch.events.into_iter().enumerate() {
                self.fold_event(index, event, &mut folding);
            }
            for (index, chunk) in batch.logs.into_iter().enumerate() {
                self.append_log(index, chunk, &mut folding);
            }
            folding.draft.checkpoints = batch.checkpoints;
        }
        self.settle(&mut folding);
        let Folding { outcome, draft, .. } = folding;
        if !matches!(from, From::Internal) {
            self.shared.tally.add(&outcome);
        }
        self.keep(draft, outcome, from);
        self.index_changed();
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

    fn fold_event(&mut self, index: usize, event: Event, folding: &mut Folding) {
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
                folding.outcome.rejected.push((index, reason));
                return;
            }
        };
        if let Some(event_id) = &event.id {
            self.recent.insert(event_id);
        }
        folding.outcome.applied += 1;
        if let (Fact::Custom(custom), SourceKind::Push) = (&event.fact, event.origin.kind) {
            folding.passed_on.push((id.clone(), as_it_came(&event, custom)));
        }
        if let Some(live) = self.live.get_mut(&id) {
            live.session.apply(&event);
        }
        folding.push(id, event);
    }

    /// The session that a fact belongs to, in memory, made or begun anew where the fact says so.
    fn session_of(&mut self, event: &Event, folding: &mut Folding) -> Result<SessionId, Reason> {
        self.make_room(&event.subject);
        let mut resolved = self.shared.registry_mut().resolve(&event.subject, event.at)?;
        if !resolved.created && !resolved.explicit {
            let live = self.live.get(&resolved.id);
            if live.is_some_and(|live| live.session.begins_new_run(event)) {
                resolved = self.shared.registry_mut().new_run(&resolved.id, event.at)?;
            }
        }
        let id = resolved.id;
        if resolved.changed {
            let stored = self.shared.registry().stored(&id);
            folding.draft.sessions.extend(stored.map(|stored| (id.clone(), stored)));
        }
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
    fn make_room(&mut self, subject: &Subject) {
        let is_needed = {
            let registry = self.shared.registry();
            registry.is_full() && registry.peek(subject).is_none()
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
        if live.revision == 0 && !folding.counts.contains_key(&id) {
            live.session.apply(&seen);
            folding.push(id.clone(), seen);
        }
        live.log.append(&mut lines);
        folding.outcome.log_lines += lines.len() as u64;
        folding.draft.logs.push((id, lines));
    }

    /// Gives every touched session that changed its next revision, and tells its viewers.
    fn settle(&mut self, folding: &mut Folding) {
        let mut revisions: BTreeMap<SessionId, Revision> = BTreeMap::new();
        for (id, before) in std::mem::take(&mut folding.touched) {
            self.revise_estimate(&id, before, folding);
            let Some(live) = self.live.get_mut(&id) else {
                continue;
            };
            if publish(live) {
                self.shared.tally.lock().updates += 1;
            }
            live.used = tokio::time::Instant::now();
            live.facts += folding.counts.get(&id).copied().unwrap_or_default();
            revisions.insert(id.clone(), live.revision);
            self.describe(&id, &mut folding.draft);
        }
        for (id, event) in std::mem::take(&mut folding.passed_on) {
            if let Some(live) = self.live.get(&id) {
                live.topic.publish_event(&event);
            }
        }
        let revision = |id: &SessionId| revisions.get(id).copied().unwrap_or_default();
        let events = std::mem::take(&mut folding.events).into_iter();
        folding.draft.events = events.map(|(id, event)| (id.clone(), revision(&id), event)).collect();
    }

    fn revise_estimate(&mut self, id: &SessionId, before: Option<Stage>, folding: &mut Folding) {
        let Some(live) = self.live.get_mut(id) else {
            return;
        };
        let view = live.session.view();
        if before == Some(Stage::of(view)) {
            return;
        }
        let now = self.shared.clock.now();
        if let Some(fact) = self.estimator.revise(view, now) {
            let event = internal(id, now, fact);
            live.session.apply(&event);
            folding.push(id.clone(), event);
            self.shared.tally.lock().internal += 1;
        }
    }

    /// What follows from a session's newest state besides its updates: row, deadline, snapshot, record.
    fn describe(&mut self, id: &SessionId, draft: &mut Draft) {
        let Some(live) = self.live.get_mut(id) else {
            return;
        };
        let row = live.session.row();
        let is_over = row.status.is_final();
        if is_over
            && let Some(record) = live.session.record()
            && self.estimator.learn(&record)
        {
            draft.runs.push(StoredRun {
                session: id.clone(),
                project: Some(record.project.clone()),
                ended_at: record.ended_at,
                body: canonical(&record),
            });
        }
        draft.states.push(Write::Row {
            session: id.clone(),
            revision: live.revision,
            row: row.clone(),
        });
        if live.facts >= self.shared.options.snapshot_events {
            live.facts = 0;
            draft.states.push(snapshot(id, live));
        }
        self.shared.registry_mut().set_over(id, is_over);
        self.set_row(&row);
        self.set_deadline(id);
    }

    /// Hands a batch to the store, or what will be left of it when the disk cannot keep up.
    fn keep(&mut self, draft: Draft, outcome: Outcome, from: From) {
        let From::Push(reply) = from else {
            if draft.is_empty() {
                return;
            }
            if self.persist.is_behind() {
                let unstored = self.persist.collapse(draft);
                self.shared.tally.lock().log_lines_unstored += unstored;
            } else {
                self.queue(draft, None);
            }
            return;
        };
        let rejected = outcome.rejected.into_iter();
        let rejected_logs = outcome.rejected_logs.into_iter();
        let receipt = Receipt {
            accepted: outcome.applied,
            duplicates: outcome.duplicate,
            rejected: rejected.map(|(index, reason)| Rejected { index, reason }).collect(),
            log_lines: outcome.log_lines,
            rejected_logs: rejected_logs
                .map(|(index, reason, _)| Rejected { index, reason })
                .collect(),
        };
        if receipt.accepted + receipt.duplicates + receipt.log_lines == 0 {
            let _ = reply.send(Pushed::Done(Ok(receipt)));
            return;
        }
        // Also when everything was known already: the first copy may not be durable yet, and this receipt says it is.
        self.queue(draft, Some((reply, receipt)));
    }

    pub(crate) fn queue(&mut self, draft: Draft, reply: Option<(tokio::sync::oneshot::Sender<Pushed>, Receipt)>) {
        let sessions = draft.touched();
        for id in &sessions {
            if let Some(live) = self.live.get_mut(id) {
                live.uncommitted += 1;
            }
        }
        let pushed = draft.events.iter().filter_map(|(_, _, event)| event.id.clone());
        let behind = Behind {
            sessions: sessions.into_iter().map(|id| (id, 1)).collect(),
            newest_id: self.recent.newest(),
            pushed: pushed.collect(),
            reply,
        };
        self.persist.queue(draft, behind);
    }
}

/// Publishes the session's newest state if a viewer can see a difference.
fn publish(live: &mut Live) -> bool {
    let view = Arc::new(canonical(live.session.view()));
    if live.revision == 0 {
        live.revision = 1;
        live.topic.begin(live.revision, Content::View(view));
        return true;
    }
    let patch = live.topic.view().and_then(|before| patch::diff(&before, &view));
    let Some(patch) = patch else {
        return false;
    };
    live.revision += 1;
    live.topic
        .publish(live.revision, &patch, |content| *content = Content::View(view));
    true
}

/// The session as the store keeps it.
pub(crate) fn snapshot(id: &SessionId, live: &Live) -> Write {
    Write::Snapshot {
        session: id.clone(),
        revision: live.revision,
        fold_version: FOLD_VERSION,
        body: frame::json(&live.session),
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
