//! What one batch has to store. The writes go out in the order in which the store has to learn of them.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::{Event, EventKey, LogLine, Revision, SessionId, SessionName, SourceCheckpoint, SourceKey};
use forgecast_store::{Commit, StoredRun, StoredSession, UsageDelta, Write};

use crate::registry::Binding;

/// A call as it is to be stored.
pub(crate) struct CallRow {
    pub(crate) keys: Vec<u64>,
    pub(crate) body: Vec<u8>,
}

/// The sum of the history that a difference belongs to: day, owner, session, project, model and phase.
type SumKey = (i32, String, String, String, String, String);

/// The writes of one commit while they are collected.
#[derive(Default)]
pub(crate) struct CommitDraft {
    pub(crate) sessions: BTreeMap<SessionId, StoredSession>,
    pub(crate) events: Vec<(SessionId, Revision, Event)>,
    pub(crate) logs: Vec<(SessionId, Option<EventKey>, Vec<LogLine>)>,
    pub(crate) states: Vec<Write>,
    pub(crate) runs: Vec<StoredRun>,
    pub(crate) checkpoints: Vec<(SourceKey, SourceCheckpoint)>,
    pub(crate) transcripts: BTreeMap<SessionName, Binding>,
    pub(crate) calls: BTreeMap<u64, CallRow>,
    pub(crate) forgotten_calls: BTreeSet<u64>,
    /// What is known of windows of plans, by key; none for what is removed.
    pub(crate) limits: BTreeMap<String, Option<String>>,
    usage: BTreeMap<SumKey, UsageDelta>,
    /// Owners and sessions whose earlier sums are void.
    forgotten_usage: BTreeSet<(String, String)>,
}

impl CommitDraft {
    /// The producers' ids of what it holds.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EventKey> {
        let events = self.events.iter().filter_map(|(_, _, event)| event.key());
        events.chain(self.logs.iter().filter_map(|(_, key, _)| key.clone()))
    }

    /// The sessions whose facts, log lines or names it holds.
    pub(crate) fn sessions_touched(&self) -> BTreeSet<SessionId> {
        let events = self.events.iter().map(|(id, _, _)| id);
        let logs = self.logs.iter().map(|(id, ..)| id);
        events.chain(logs).chain(self.sessions.keys()).cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
            && self.events.is_empty()
            && self.logs.is_empty()
            && self.checkpoints.is_empty()
            && self.transcripts.is_empty()
            && self.calls.is_empty()
            && self.forgotten_calls.is_empty()
            && self.limits.is_empty()
            && self.usage.is_empty()
            && self.forgotten_usage.is_empty()
    }

    /// Voids what was counted of this owner in this session before.
    pub(crate) fn forget_usage(&mut self, owner: &str, session: &str) {
        self.usage.retain(|key, _| key.1 != owner || key.2 != session);
        self.forgotten_usage.insert((owner.to_owned(), session.to_owned()));
    }

    /// Adds a difference to the sums of the history.
    pub(crate) fn add_usage(&mut self, delta: UsageDelta) {
        let key = (
            delta.day,
            delta.owner.clone(),
            delta.session.clone(),
            delta.project.clone(),
            delta.model.clone(),
            delta.phase.clone(),
        );
        let Some(sum) = self.usage.get_mut(&key) else {
            self.usage.insert(key, delta);
            return;
        };
        sum.tokens.add(&delta.tokens);
        sum.cost_nanos = sum.cost_nanos.saturating_add(delta.cost_nanos);
        sum.calls = sum.calls.saturating_add(delta.calls);
        sum.unpriced = sum.unpriced.saturating_add(delta.unpriced);
        sum.last_used_at = sum.last_used_at.max(delta.last_used_at);
    }

    /// Takes over what another draft holds of calls, their bindings, their sums and of plans: nothing of that may be
    /// dropped.
    pub(super) fn take_usage(&mut self, other: &mut Self) {
        self.transcripts.append(&mut other.transcripts);
        self.limits.append(&mut other.limits);
        for number in std::mem::take(&mut other.forgotten_calls) {
            self.calls.remove(&number);
            self.forgotten_calls.insert(number);
        }
        for (number, call) in std::mem::take(&mut other.calls) {
            self.forgotten_calls.remove(&number);
            self.calls.insert(number, call);
        }
        for (owner, session) in std::mem::take(&mut other.forgotten_usage) {
            self.forget_usage(&owner, &session);
        }
        for delta in std::mem::take(&mut other.usage).into_values() {
            self.add_usage(delta);
        }
    }

    pub(super) fn into_commit(self) -> Commit {
        let mut writes: Vec<Write> = self.sessions.into_values().map(Write::Session).collect();
        writes.extend(self.events.into_iter().map(|(session, revision, event)| Write::Event {
            session,
            revision,
            event,
        }));
        let logs = self.logs.into_iter();
        writes.extend(logs.map(|(session, key, lines)| Write::Log { session, key, lines }));
        writes.extend(self.states);
        writes.extend(self.runs.into_iter().map(Write::Run));
        let transcripts = self.transcripts.into_iter();
        writes.extend(transcripts.map(|(transcript, binding)| Write::Transcript {
            id: transcript.to_string(),
            session: binding.session,
            directory: binding.directory,
        }));
        writes.extend(self.forgotten_calls.into_iter().map(Write::ForgetCall));
        let calls = self.calls.into_iter();
        writes.extend(calls.map(|(number, CallRow { keys, body })| Write::Call { number, keys, body }));
        let forgotten = self.forgotten_usage.into_iter();
        writes.extend(forgotten.map(|(owner, session)| Write::ForgetUsage { owner, session }));
        writes.extend(self.usage.into_values().map(Write::Usage));
        let limits = self.limits.into_iter();
        writes.extend(limits.map(|(key, body)| Write::Limit { key, body }));
        let checkpoints = self.checkpoints.into_iter();
        writes.extend(checkpoints.map(|(source, checkpoint)| Write::Checkpoint(source, checkpoint)));
        Commit { writes }
    }
}
