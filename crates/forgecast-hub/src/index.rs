//! The index of sessions: one row per session, enough for the overview. What changes within a moment goes out as one
//! patch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forgecast_protocol::event::IndexingProgress;
use forgecast_protocol::{Problem, Revision, SessionId, SessionRow, Timestamp};
use forgecast_session::patch;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::frame::{self, canonical};
use crate::rows::RowChanges;
use crate::topic::{Content, StateTopic};

struct Entry {
    /// As of the last publication.
    row: Bytes,
    unfinished: bool,
    recency: Timestamp,
}

/// The working copy of the hub's task, which publishes it.
pub(crate) struct Index {
    topic: Arc<StateTopic>,
    revision: Revision,
    /// How long changes are collected.
    coalesce: Duration,
    due: Option<Instant>,
    finished_shown: usize,
    entries: HashMap<SessionId, Entry>,
    finished: BTreeSet<(Timestamp, SessionId)>,
    problems: BTreeMap<String, Problem>,
    indexing: Option<IndexingProgress>,
    /// What was touched since the last publication, with the newest row; `None` when it was removed. A row is written as
    /// JSON when it is published, since a session may be touched many times until then.
    dirty: BTreeMap<SessionId, Option<SessionRow>>,
    /// What viewers hold.
    shown: HashMap<SessionId, Bytes>,
    shown_finished: BTreeSet<SessionId>,
    shown_problems: BTreeMap<String, Problem>,
    shown_indexing: Option<IndexingProgress>,
    shown_total: usize,
}

impl Index {
    /// An empty index that shows at most `finished_shown` finished sessions, for a topic that is at revision 1.
    pub(crate) fn new(topic: Arc<StateTopic>, finished_shown: usize, coalesce: Duration) -> Self {
        Self {
            topic,
            revision: 1,
            coalesce,
            due: None,
            finished_shown,
            entries: HashMap::new(),
            finished: BTreeSet::new(),
            problems: BTreeMap::new(),
            indexing: None,
            dirty: BTreeMap::new(),
            shown: HashMap::new(),
            shown_finished: BTreeSet::new(),
            shown_problems: BTreeMap::new(),
            shown_indexing: None,
            shown_total: 0,
        }
    }

    /// Sets a session's row. Rows without a time of their own are ordered by `created_at`.
    pub(crate) fn set(&mut self, row: &SessionRow, created_at: Timestamp) {
        let worked_at = row.ended_at.max(row.last_work_at).or(row.started_at);
        let mut entry = Entry {
            row: Bytes::new(),
            unfinished: row.status.is_active(),
            recency: worked_at.unwrap_or(created_at),
        };
        if let Some(old) = self.entries.get_mut(&row.id) {
            entry.row = std::mem::take(&mut old.row);
            if !old.unfinished {
                self.finished.remove(&(old.recency, row.id.clone()));
            }
        }
        if !entry.unfinished {
            self.finished.insert((entry.recency, row.id.clone()));
        }
        self.entries.insert(row.id.clone(), entry);
        self.dirty.insert(row.id.clone(), Some(row.clone()));
    }

    /// Removes a session.
    pub(crate) fn remove(&mut self, id: &SessionId) {
        if let Some(old) = self.entries.remove(id) {
            self.finished.remove(&(old.recency, id.clone()));
            self.dirty.insert(id.clone(), None);
        }
    }

    /// Shows a problem that belongs to no session, or clears it.
    pub(crate) fn set_problem(&mut self, key: &str, problem: Option<Problem>) {
        match problem {
            Some(problem) => self.problems.insert(key.to_owned(), problem),
            None => self.problems.remove(key),
        };
    }

    /// Whether this problem is shown.
    pub(crate) fn has_problem(&self, key: &str) -> bool {
        self.problems.contains_key(key)
    }

    /// Shows how far the first reading of old sources is, until it is over.
    pub(crate) fn set_indexing(&mut self, progress: IndexingProgress) {
        self.indexing = (progress.done < progress.files).then_some(progress);
    }

    /// Number of sessions.
    pub(crate) fn total(&self) -> usize {
        self.entries.len()
    }

    /// The finished session that is the longest without work: the first to be evicted when there are too many.
    pub(crate) fn oldest_finished(&self) -> Option<&SessionId> {
        self.finished.first().map(|(_, id)| id)
    }

    /// When the index has to be published; `None` when nothing may have changed since the last publication.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        let is_dirty = || {
            !self.dirty.is_empty()
                || self.problems != self.shown_problems
                || self.indexing != self.shown_indexing
                || self.entries.len() != self.shown_total
        };
        if self.due.is_none() && is_dirty() {
            self.due = Some(Instant::now() + self.coalesce);
        }
        self.due
    }

    /// Publishes what changed since the last publication. Returns whether a viewer can see any of it.
    pub(crate) fn publish(&mut self) -> bool {
        self.due = None;
        let (changes, patch) = self.take_changes();
        if patch.is_empty() {
            return false;
        }
        self.revision += 1;
        self.topic.publish(self.revision, &Value::Object(patch), |content| {
            if let Content::Index(rows) = content {
                Arc::make_mut(rows).apply(changes);
            }
        });
        true
    }

    /// What changed since the last publication, and the merge patch that says so to viewers.
    fn take_changes(&mut self) -> (RowChanges, Map<String, Value>) {
        let mut touched = BTreeSet::new();
        for (id, row) in std::mem::take(&mut self.dirty) {
            if let (Some(row), Some(entry)) = (row, self.entries.get_mut(&id)) {
                entry.row = frame::json(&canonical(&row)).into();
            }
            touched.insert(id);
        }
        let newest = self.finished.iter().rev().take(self.finished_shown);
        let newest: BTreeSet<SessionId> = newest.map(|(_, id)| id.clone()).collect();
        touched.extend(newest.symmetric_difference(&self.shown_finished).cloned());

        let mut changes = RowChanges {
            upserts: Vec::new(),
            removals: Vec::new(),
            problems: None,
            indexing: self.indexing,
            total: self.entries.len(),
        };
        let mut sessions = Map::new();
        for id in touched {
            let entry = self.entries.get(&id);
            let entry = entry.filter(|entry| entry.unfinished || newest.contains(&id));
            let row = entry.map(|entry| entry.row.clone());
            self.change_row(id, row, &mut sessions, &mut changes);
        }
        self.shown_finished = newest;

        let mut patch = Map::new();
        if !sessions.is_empty() {
            patch.insert("sessions".into(), sessions.into());
        }
        if self.problems != self.shown_problems {
            let problems = patch::diff(&canonical(&self.shown_problems), &canonical(&self.problems));
            patch.insert("problems".into(), problems.unwrap_or_else(|| json!({})));
            self.shown_problems.clone_from(&self.problems);
            changes.problems = Some(self.problems.clone());
        }
        if self.indexing != self.shown_indexing {
            let indexing = patch::diff(&canonical(&self.shown_indexing), &canonical(&self.indexing));
            patch.insert("indexing".into(), indexing.unwrap_or_default());
            self.shown_indexing = self.indexing;
        }
        if self.shown_total != changes.total {
            patch.insert("total".into(), changes.total.into());
            self.shown_total = changes.total;
        }
        (changes, patch)
    }

    fn change_row(
        &mut self,
        id: SessionId,
        row: Option<Bytes>,
        patch: &mut Map<String, Value>,
        changes: &mut RowChanges,
    ) {
        let parse = |row: &Bytes| serde_json::from_slice::<Value>(row).unwrap_or_default();
        let key = id.to_string();
        let Some(row) = row else {
            if self.shown.remove(&id).is_some() {
                changes.removals.push(key.as_str().into());
                patch.insert(key, Value::Null);
            }
            return;
        };
        let difference = match self.shown.get(&id) {
            Some(old) if *old == row => None,
            Some(old) => patch::diff(&parse(old), &parse(&row)),
            None => Some(parse(&row)),
        };
        if let Some(difference) = difference {
            changes.upserts.push((key.as_str().into(), row.clone()));
            patch.insert(key, difference);
            self.shown.insert(id, row);
        }
    }
}
