//! What follows when the facts of a batch are folded: every session that changed gets its next revision, its viewers are
//! told, and its row, its deadline and its snapshot are renewed.

use std::collections::BTreeMap;

use forgecast_protocol::{Revision, SessionId, SessionRow};
use forgecast_store::StoredRun;
use tokio::time::Instant;

use super::{BatchContext, HubState};
use crate::command::AttachReply;
use crate::commits::{CollapsedFacts, CommitDraft};
use crate::error::Error;
use crate::estimator::Stage;
use crate::frame::canonical;
use crate::history::{Restored, collapsed, internal};
use crate::live::LiveSessions;
use crate::registry::Span;

/// When a build was at work by the account of a producer that tells its runs.
fn told_span(sessions: &LiveSessions, id: &SessionId) -> Option<Span> {
    let (began, until) = sessions.get(id)?.session.told_span()?;
    Some(Span { began, until })
}

impl HubState {
    /// Gives every touched session that changed its next revision, and tells its viewers.
    pub(super) fn publish_changes(&mut self, context: &mut BatchContext) {
        // The last revision of each session, and how many lead there.
        let mut revisions: BTreeMap<SessionId, (Revision, u64)> = BTreeMap::new();
        for (id, touched) in std::mem::take(&mut context.touched) {
            let is_revised = self.revise_estimate(&id, touched.before, context);
            let Some(live) = self.sessions.get_mut(&id) else {
                continue;
            };
            let steps = touched.past.steps;
            let is_published = live.publish(steps);
            if is_published {
                self.shared.tally.lock().updates += 1;
            }
            live.used = Instant::now();
            live.facts += touched.facts + u64::from(is_revised);
            let revision = live.revision;
            self.describe(&id, &mut context.draft);
            let told = told_span(&self.sessions, &id);
            let agents = self.shared.registry().agent_sessions_of(&id, told).into_iter();
            context.merges.extend(agents.map(|agent| (agent, id.clone())));
            revisions.insert(id, (revision, if is_published { steps } else { 0 }));
        }
        for (id, message) in std::mem::take(&mut context.session_messages) {
            if let Some(live) = self.sessions.get(&id) {
                live.topic.publish_event(&message);
            }
        }
        for message in std::mem::take(&mut context.index_messages) {
            self.shared.index.publish_event(&message);
        }
        for (id, revision, _) in &mut context.draft.events {
            let (last, steps) = revisions.get(id).copied().unwrap_or_default();
            // Until now it was the number of its step.
            *revision = last - steps.saturating_sub(*revision);
        }
    }

    /// Revises the estimate of a session that is at another stage now. Returns whether that was a fact.
    fn revise_estimate(&mut self, id: &SessionId, before: Option<Stage>, context: &mut BatchContext) -> bool {
        let now = self.shared.clock.now();
        let view = self.sessions.get(id).map(|live| live.session.view());
        let moved = view.filter(|view| before != Some(Stage::of(view)));
        let Some(fact) = moved.and_then(|view| self.estimator.revise(view, now)) else {
            return false;
        };
        self.apply_internal(id, internal(id, now, fact), context);
        true
    }

    /// Renews what depends on a session's newest state besides its view: row, deadline, snapshot, record of the run.
    fn describe(&mut self, id: &SessionId, draft: &mut CommitDraft) {
        let Some(live) = self.sessions.get_mut(id) else {
            return;
        };
        let row = live.session.row();
        if row.status.is_final()
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
        draft.states.push(live.row(row.clone()));
        if live.facts >= self.shared.options.snapshot_events {
            live.facts = 0;
            draft.states.push(live.snapshot(id));
        }
        self.shared.registry_mut().set_state(&row, &self.shared.options.limits);
        self.set_row(&row);
        self.set_deadline(id);
    }

    /// Puts a session's row into the index.
    pub(crate) fn set_row(&mut self, row: &SessionRow) {
        let created_at = self.shared.registry().created_at(&row.id);
        self.index.set(row, created_at.unwrap_or_default());
    }

    /// Looks at a session again when its silence will have a meaning.
    fn set_deadline(&mut self, id: &SessionId) {
        if let Some(live) = self.sessions.get(id) {
            let deadline = live.session.next_deadline(&self.shared.options.limits);
            let deadline = deadline.filter(|deadline| live.announced != Some(*deadline));
            self.deadlines.set(id, deadline.map(|deadline| deadline.at));
        }
    }

    /// Puts a session into memory that was loaded, and answers those who wait for it. Returns the session when nothing is
    /// stored of it: it is known by name only, because its facts never reached the disk.
    pub(crate) fn finish_load(
        &mut self,
        id: SessionId,
        result: Result<Option<Restored>, Error>,
        waiters: Vec<AttachReply>,
    ) -> Option<SessionId> {
        if !self.shared.registry().has(&id) {
            // It was removed meanwhile.
            LiveSessions::refuse(&id, waiters, None);
            return None;
        }
        match result {
            Ok(Some(restored)) => {
                let row = restored.session.row();
                self.sessions.admit(&id, restored);
                self.set_row(&row);
                self.shared.tally.lock().activations += 1;
                self.set_deadline(&id);
                for waiter in waiters {
                    self.sessions.answer(&id, waiter);
                }
                None
            }
            Ok(None) => {
                LiveSessions::refuse(&id, waiters, None);
                Some(id)
            }
            Err(error) => {
                tracing::error!(%error, session = %id, "a session could not be loaded");
                LiveSessions::refuse(&id, waiters, Some(&error.to_string()));
                None
            }
        }
    }

    /// Adds what is stored of a session whose facts were collapsed: the last facts of each source, a fact that stands for
    /// all others, the row and a snapshot.
    pub(crate) fn draft_collapsed(&mut self, id: &SessionId, mut facts: CollapsedFacts, draft: &mut CommitDraft) {
        let Some(live) = self.sessions.get_mut(id) else {
            return;
        };
        let latest = facts.latest();
        let lost = facts.folded.saturating_sub(latest.len() as u64);
        self.shared.tally.lock().collapsed += lost;
        let marker = collapsed(id, &live.session, lost, self.shared.clock.now());
        let events = latest.into_iter().chain([marker]);
        let events = events.map(|event| (id.clone(), live.revision, event));
        draft.events.extend(events);
        draft.states.push(live.row(live.session.row()));
        draft.states.push(live.snapshot(id));
        live.facts = 0;
    }
}
