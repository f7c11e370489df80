//! The index of sessions: one row per session, enough for the overview. Holds rows as bytes, never a full view, so that
//! ten thousand sessions cost ten thousand rows; what changed within a moment goes out as one patch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use forgecast_protocol::event::IndexingProgress;
use forgecast_protocol::{Problem, SessionId, SessionRow, Timestamp};
use forgecast_session::patch;
use serde_json::{Map, Value, json};

use crate::frame;

/// What the topic `sessions` publishes: [`forgecast_protocol::update::Index`], its rows as JSON already.
#[derive(Clone, Default)]
pub(crate) struct Rows {
    indexing: Option<IndexingProgress>,
    problems: BTreeMap<String, Problem>,
    sessions: BTreeMap<Arc<str>, Bytes>,
    total: usize,
}

impl Rows {
    /// Canonical JSON: what `serde_json` writes of the same state as a `Value`.
    pub(crate) fn json(&self) -> Bytes {
        let size: usize = self.sessions.values().map(|row| row.len() + 64).sum();
        let mut out = Vec::with_capacity(size + 256);
        out.push(b'{');
        if let Some(indexing) = &self.indexing {
            out.extend_from_slice(br#""indexing":"#);
            out.extend_from_slice(&frame::json(&canonical(indexing)));
            out.push(b',');
        }
        out.extend_from_slice(br#""problems":"#);
        out.extend_from_slice(&frame::json(&canonical(&self.problems)));
        out.extend_from_slice(br#","sessions":{"#);
        for (number, (id, row)) in self.sessions.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            // An id consists of characters that JSON writes as they are.
            out.push(b'"');
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(br#"":"#);
            out.extend_from_slice(row);
        }
        out.extend_from_slice(br#"},"total":"#);
        out.extend_from_slice(self.total.to_string().as_bytes());
        out.push(b'}');
        out.into()
    }
}

/// A value whose objects have their keys sorted.
pub(crate) fn canonical<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a state could not be written as JSON");
        Value::Null
    })
}

struct Entry {
    /// As of the last publication.
    row: Bytes,
    unfinished: bool,
    recency: Timestamp,
}

/// What changed since the last publication, ready to be published.
pub(crate) struct Change {
    /// The merge patch for viewers.
    pub(crate) patch: Value,
    upserts: Vec<(Arc<str>, Bytes)>,
    removals: Vec<Arc<str>>,
    problems: Option<BTreeMap<String, Problem>>,
    indexing: Option<IndexingProgress>,
    total: usize,
}

impl Change {
    /// Brings the published rows to the new state.
    pub(crate) fn apply(self, rows: &mut Rows) {
        for id in self.removals {
            rows.sessions.remove(&id);
        }
        rows.sessions.extend(self.upserts);
        if let Some(problems) = self.problems {
            rows.problems = problems;
        }
        rows.indexing = self.indexing;
        rows.total = self.total;
    }
}

/// The working copy of the hub's task; see the module.
pub(crate) struct Index {
    finished_shown: usize,
    entries: HashMap<SessionId, Entry>,
    finished: BTreeSet<(Timestamp, SessionId)>,
    problems: BTreeMap<String, Problem>,
    indexing: Option<IndexingProgress>,
    /// What was touched since the last publication, with the newest row: written as JSON when it is published, since a
    /// session may be touched many times until then.
    dirty: BTreeMap<SessionId, Option<SessionRow>>,
    /// What viewers hold.
    shown: HashMap<SessionId, Bytes>,
    shown_finished: BTreeSet<SessionId>,
    shown_problems: BTreeMap<String, Problem>,
    shown_indexing: Option<IndexingProgress>,
    shown_total: usize,
}

impl Index {
    /// An empty index that shows so many finished sessions.
    pub(crate) fn new(finished_shown: usize) -> Self {
        Self {
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

    /// Sets a session's row. `created_at` places rows that know no time of their own.
    pub(crate) fn set(&mut self, row: &SessionRow, created_at: Timestamp) {
        let id = row.id.clone();
        let old = self.entries.get(&id);
        let entry = Entry {
            row: old.map(|old| old.row.clone()).unwrap_or_default(),
            unfinished: row.status.is_active(),
            recency: row
                .ended_at
                .max(row.last_work_at)
                .or(row.started_at)
                .unwrap_or(created_at),
        };
        if let Some(old) = old
            && !old.unfinished
        {
            self.finished.remove(&(old.recency, id.clone()));
        }
        if !entry.unfinished {
            self.finished.insert((entry.recency, id.clone()));
        }
        self.entries.insert(id.clone(), entry);
        self.dirty.insert(id, Some(row.clone()));
    }

    /// Takes a session out.
    pub(crate) fn remove(&mut self, id: &SessionId) {
        if let Some(old) = self.entries.remove(id) {
            self.finished.remove(&(old.recency, id.clone()));
            self.dirty.insert(id.clone(), None);
        }
    }

    /// Shows a trouble that belongs to no session, or takes it away. Says whether that changed anything.
    pub(crate) fn problem(&mut self, key: &str, problem: Option<Problem>) -> bool {
        match problem {
            Some(problem) => self.problems.insert(key.to_owned(), problem.clone()) != Some(problem),
            None => self.problems.remove(key).is_some(),
        }
    }

    /// Shows how far the first reading of old sources is, until it is over.
    pub(crate) fn indexing(&mut self, progress: IndexingProgress) {
        self.indexing = (progress.done < progress.files).then_some(progress);
    }

    /// Whether this trouble is shown.
    pub(crate) fn has_problem(&self, key: &str) -> bool {
        self.problems.contains_key(key)
    }

    /// How many sessions there are.
    pub(crate) fn total(&self) -> usize {
        self.entries.len()
    }

    /// The finished session that is the longest without work: the first to leave when there are too many.
    pub(crate) fn oldest_finished(&self) -> Option<&SessionId> {
        self.finished.first().map(|(_, id)| id)
    }

    /// Whether something may have changed since the last publication.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
            || self.problems != self.shown_problems
            || self.indexing != self.shown_indexing
            || self.entries.len() != self.shown_total
    }

    /// What changed since the last publication, if anything that a viewer can see did; takes it as published.
    pub(crate) fn take_change(&mut self) -> Option<Change> {
        let mut touched = BTreeSet::new();
        for (id, row) in std::mem::take(&mut self.dirty) {
            if let (Some(row), Some(entry)) = (row, self.entries.get_mut(&id)) {
                entry.row = frame::json(&canonical(&row)).into();
            }
            touched.insert(id);
        }
        let newest: BTreeSet<SessionId> = self
            .finished
            .iter()
            .rev()
            .take(self.finished_shown)
            .map(|(_, id)| id.clone())
            .collect();
        touched.extend(newest.symmetric_difference(&self.shown_finished).cloned());

        let mut change = Change {
            patch: Value::Null,
            upserts: Vec::new(),
            removals: Vec::new(),
            problems: None,
            indexing: self.indexing,
            total: self.entries.len(),
        };
        let mut sessions = Map::new();
        for id in touched {
            let row = self
                .entries
                .get(&id)
                .filter(|entry| entry.unfinished || newest.contains(&id))
                .map(|entry| entry.row.clone());
            self.change_row(id, row, &mut sessions, &mut change);
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
            change.problems = Some(self.problems.clone());
        }
        if self.indexing != self.shown_indexing {
            let indexing = patch::diff(&canonical(&self.shown_indexing), &canonical(&self.indexing));
            patch.insert("indexing".into(), indexing.unwrap_or_default());
            self.shown_indexing = self.indexing;
        }
        if self.shown_total != change.total {
            patch.insert("total".into(), change.total.into());
            self.shown_total = change.total;
        }
        change.patch = Value::Object(patch);
        (change.patch.as_object().is_some_and(|patch| !patch.is_empty())).then_some(change)
    }

    fn change_row(&mut self, id: SessionId, row: Option<Bytes>, patch: &mut Map<String, Value>, change: &mut Change) {
        let parse = |row: &Bytes| serde_json::from_slice::<Value>(row).unwrap_or_default();
        let key = id.to_string();
        let Some(row) = row else {
            if self.shown.remove(&id).is_some() {
                change.removals.push(key.as_str().into());
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
            change.upserts.push((key.as_str().into(), row.clone()));
            patch.insert(key, difference);
            self.shown.insert(id, row);
        }
    }
}
