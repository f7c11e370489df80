//! What follows from a folded batch: every session that changed gets its next revision, its viewers are told, and what is
//! to be stored is queued behind that.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgecast_protocol::{Revision, SessionId};
use forgecast_session::{FOLD_VERSION, patch};
use forgecast_store::{StoredRun, Write};

use super::fold::Folding;
use super::memory::Live;
use super::{From, Task};
use crate::command::{Pushed, Receipt, Rejected};
use crate::counters::Outcome;
use crate::estimator::Stage;
use crate::frame;
use crate::history::internal;
use crate::index::canonical;
use crate::persist::{Behind, Draft};
use crate::topic::Content;

impl Task {
    /// Gives every touched session that changed its next revision, and tells its viewers.
    pub(super) fn settle(&mut self, folding: &mut Folding) {
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
            let registry = self.shared.registry();
            let adoptees = registry.adoptees(&id).into_iter();
            folding.adoptees.extend(adoptees.map(|own| (own, id.clone())));
        }
        for (id, event) in std::mem::take(&mut folding.passed_on) {
            if let Some(live) = self.live.get(&id) {
                live.topic.publish_event(&event);
            }
        }
        for event in std::mem::take(&mut folding.said) {
            self.shared.index.publish_event(&event);
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
        self.shared.registry_mut().set_state(&row, &self.shared.options.limits);
        self.set_row(&row);
        self.set_deadline(id);
    }

    /// Hands a batch to the store, or what will be left of it when the disk cannot keep up.
    pub(super) fn keep(&mut self, draft: Draft, outcome: Outcome, from: From) {
        let From::Push(reply) = from else {
            if draft.is_empty() {
                return;
            }
            if self.persist.is_behind() {
                for number in draft.calls.keys().filter(|number| !self.persist.holds_call(**number)) {
                    self.calls.committing(*number);
                }
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
        let calls: BTreeMap<u64, u32> = draft.calls.keys().map(|number| (*number, 1)).collect();
        for number in calls.keys() {
            self.calls.committing(*number);
        }
        let pushed = draft.events.iter().filter_map(|(_, _, event)| event.id.clone());
        let behind = Behind {
            sessions: sessions.into_iter().map(|id| (id, 1)).collect(),
            calls,
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
