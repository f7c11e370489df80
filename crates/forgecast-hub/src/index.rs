//! The index of sessions: one row per session, enough for the overview. What changes within a moment goes out as one
//! patch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::event::IndexingProgress;
use forgecast_protocol::session::RowActivity;
use forgecast_protocol::{Problem, Revision, SessionId, SessionRow, Timestamp};
use forgecast_session::patch;
use tokio::time::Instant;

use crate::frame::{self, canonical};
use crate::json_object::JsonObject;
use crate::rows::IndexHead;
use crate::topic::{Content, StateTopic};

/// What a session does now is sent at most this often: a quick agent uses many tools in a second.
const ACTIVITY_EVERY: Duration = Duration::from_millis(500);
/// Rows that one patch holds at most. The next one follows at once; nobody waits while thousands are compared, and they
/// are not all in memory as values at the same time.
const ROWS_PER_PATCH: usize = 256;

#[derive(Default)]
struct Entry {
    /// As of the last publication.
    row: JsonObject,
    /// The activity in it, and when that was published.
    activity: Option<(Box<RowActivity>, Instant)>,
    unfinished: bool,
    recency: Timestamp,
}

impl Entry {
    /// Until when the newest activity is held back, because the one before was published a moment ago. The end of all
    /// activity goes with the state that it follows from.
    fn hold_activity(&mut self, row: &SessionRow, now: Instant) -> Option<Instant> {
        let newest = row.activity.as_ref();
        let (shown, at) = match (&self.activity, newest) {
            (Some((shown, at)), Some(_)) => (Some(shown), *at),
            _ => (None, now),
        };
        if shown == newest && newest.is_some() {
            return None;
        }
        let until = at + ACTIVITY_EVERY;
        if shown.is_some() && now < until {
            return Some(until);
        }
        self.activity = newest.map(|newest| (newest.clone(), now));
        None
    }
}

/// The working copy of the hub's task, which publishes it.
pub(crate) struct Index {
    topic: Arc<StateTopic>,
    revision: Revision,
    /// How long changes are collected.
    coalesce: Duration,
    due: Option<Instant>,
    /// Something was touched since the last publication.
    touched: bool,
    /// When activity that was held back may be published.
    held_until: Option<Instant>,
    finished_shown: usize,
    entries: HashMap<SessionId, Entry>,
    finished: BTreeSet<(Timestamp, SessionId)>,
    /// The newest of them may be others since the last publication.
    finished_changed: bool,
    head: IndexHead,
    /// What was touched since the last publication, with the newest row; `None` when it was removed. A row is written as
    /// JSON when it is published, since a session may be touched many times until then.
    dirty: BTreeMap<SessionId, Option<SessionRow>>,
    /// The newest rows of those whose activity is held back, by the time until when.
    held: BTreeMap<SessionId, SessionRow>,
    /// What viewers hold.
    shown: HashMap<SessionId, JsonObject>,
    shown_finished: BTreeSet<SessionId>,
    shown_head: IndexHead,
}

impl Index {
    /// An empty index that shows at most `finished_shown` finished sessions, for a topic that is at revision 1.
    pub(crate) fn new(topic: Arc<StateTopic>, finished_shown: usize, coalesce: Duration) -> Self {
        Self {
            topic,
            revision: 1,
            coalesce,
            due: None,
            touched: false,
            held_until: None,
            finished_shown,
            entries: HashMap::new(),
            finished: BTreeSet::new(),
            finished_changed: false,
            head: IndexHead::default(),
            dirty: BTreeMap::new(),
            held: BTreeMap::new(),
            shown: HashMap::new(),
            shown_finished: BTreeSet::new(),
            shown_head: IndexHead::default(),
        }
    }

    /// Sets a session's row. Rows without a time of their own are ordered by `created_at`.
    pub(crate) fn set(&mut self, row: &SessionRow, created_at: Timestamp) {
        let worked_at = row.ended_at.max(row.last_work_at).or(row.started_at);
        let mut entry = Entry {
            unfinished: row.status.is_active(),
            recency: worked_at.unwrap_or(created_at),
            ..Entry::default()
        };
        let old = self.entries.remove(&row.id);
        let finished_at = |entry: &Entry| (!entry.unfinished).then_some(entry.recency);
        let (before, after) = (old.as_ref().and_then(finished_at), finished_at(&entry));
        if before != after {
            self.set_finished(&row.id, before, after);
        }
        if let Some(old) = old {
            entry.row = old.row;
            entry.activity = old.activity;
        }
        self.entries.insert(row.id.clone(), entry);
        self.dirty.insert(row.id.clone(), Some(row.clone()));
        self.touched = true;
    }

    /// A session is among the finished ones at another place, or no longer.
    fn set_finished(&mut self, id: &SessionId, before: Option<Timestamp>, after: Option<Timestamp>) {
        if let Some(before) = before {
            self.finished.remove(&(before, id.clone()));
        }
        self.finished.extend(after.map(|after| (after, id.clone())));
        self.finished_changed = true;
    }

    /// Removes a session.
    pub(crate) fn remove(&mut self, id: &SessionId) {
        if let Some(old) = self.entries.remove(id) {
            self.set_finished(id, Some(old.recency), None);
            self.held.remove(id);
            self.dirty.insert(id.clone(), None);
            self.touched = true;
        }
    }

    /// Shows a problem that belongs to no session, or clears it.
    pub(crate) fn set_problem(&mut self, key: &str, problem: Option<Problem>) {
        match problem {
            Some(problem) => self.head.problems.insert(key.to_owned(), problem),
            None => self.head.problems.remove(key),
        };
    }

    /// Whether this problem is shown.
    pub(crate) fn has_problem(&self, key: &str) -> bool {
        self.head.problems.contains_key(key)
    }

    /// Shows how far the first reading of old sources is, until it is over.
    pub(crate) fn set_indexing(&mut self, progress: IndexingProgress) {
        self.head.indexing = (progress.done < progress.files).then_some(progress);
    }

    /// Number of sessions.
    pub(crate) fn total(&self) -> usize {
        self.entries.len()
    }

    /// The finished sessions, those that are the longest without work first.
    pub(crate) fn finished_oldest_first(&self) -> impl Iterator<Item = &SessionId> {
        self.finished.iter().map(|(_, id)| id)
    }

    /// When the index has to be published; `None` when nothing may have changed since the last publication.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        self.head.total = self.entries.len();
        if self.due.is_none() && (self.touched || self.head != self.shown_head) {
            self.due = Some(Instant::now() + self.coalesce);
        }
        self.due.into_iter().chain(self.held_until).min()
    }

    /// Whether more changed than the last patch held.
    pub(crate) fn is_behind(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Publishes what changed since the last publication, or as much of it as one patch holds. Returns whether a viewer can
    /// see any of it.
    pub(crate) fn publish(&mut self) -> bool {
        let changed = self.take_changed_rows();
        self.touched = self.is_behind();
        self.due = self.touched.then(Instant::now);
        self.head.total = self.entries.len();
        let Some(patch) = self.patch(&changed) else {
            return false;
        };
        self.shown_head.clone_from(&self.head);
        self.revision += 1;
        self.topic.publish(self.revision, &patch, |content| {
            let Content::Index(rows) = content else {
                return;
            };
            let rows = Arc::make_mut(rows);
            for (id, row) in changed {
                let key = id.to_string();
                match row {
                    Some(row) => {
                        rows.sessions.insert(key.into(), row.clone());
                        self.shown.insert(id, row);
                    }
                    None => {
                        rows.sessions.remove(key.as_str());
                        self.shown.remove(&id);
                    }
                }
            }
            rows.head.clone_from(&self.shown_head);
        });
        true
    }

    /// The rows that are not as viewers hold them, `None` for those that are no longer shown.
    fn take_changed_rows(&mut self) -> Vec<(SessionId, Option<JsonObject>)> {
        let mut touched = BTreeSet::new();
        let now = Instant::now();
        for (id, row) in self.take_touched(now) {
            self.held.remove(&id);
            if let (Some(mut row), Some(entry)) = (row, self.entries.get_mut(&id)) {
                if let Some(until) = entry.hold_activity(&row, now) {
                    self.held_until = Some(self.held_until.map_or(until, |held| held.min(until)));
                    self.held.insert(id.clone(), row.clone());
                    row.activity = entry.activity.as_ref().map(|(shown, _)| shown.clone());
                }
                entry.row = JsonObject::of(&row);
            }
            touched.insert(id);
        }
        if self.held.is_empty() {
            self.held_until = None;
        }
        if std::mem::take(&mut self.finished_changed) {
            let newest = self.finished.iter().rev().take(self.finished_shown);
            let newest: BTreeSet<SessionId> = newest.map(|(_, id)| id.clone()).collect();
            touched.extend(newest.symmetric_difference(&self.shown_finished).cloned());
            self.shown_finished = newest;
        }
        let changed = touched.into_iter().filter_map(|id| {
            let entry = self.entries.get(&id);
            let entry = entry.filter(|entry| entry.unfinished || self.shown_finished.contains(&id));
            let row = entry.map(|entry| entry.row.clone());
            (self.shown.get(&id) != row.as_ref()).then_some((id, row))
        });
        changed.collect()
    }

    /// As many as one patch holds of those that were touched, and of those whose activity was held back until now.
    fn take_touched(&mut self, now: Instant) -> BTreeMap<SessionId, Option<SessionRow>> {
        if self.held_until.take_if(|until| *until <= now).is_some() {
            for (id, row) in std::mem::take(&mut self.held) {
                self.dirty.entry(id).or_insert(Some(row));
            }
        }
        let next = self.dirty.keys().nth(ROWS_PER_PATCH).cloned();
        let rest = next.map(|next| self.dirty.split_off(&next));
        std::mem::replace(&mut self.dirty, rest.unwrap_or_default())
    }

    /// What brings a viewer from what it holds to this, as a merge patch in JSON text; `None` when nothing differs.
    fn patch(&self, changed: &[(SessionId, Option<JsonObject>)]) -> Option<Vec<u8>> {
        let head = patch::diff(&canonical(&self.shown_head), &canonical(&self.head));
        if head.is_none() && changed.is_empty() {
            return None;
        }
        let mut patch = head.map_or_else(|| b"{}".to_vec(), |head| frame::json(&head));
        if !changed.is_empty() {
            // The rows stand before the brace that ends the patch.
            patch.pop();
            if patch.len() > 1 {
                patch.push(b',');
            }
            patch.extend_from_slice(br#""sessions":{"#);
            for (id, row) in changed {
                // An id consists of characters that JSON writes as they are.
                let _ = write!(patch, r#""{id}":"#);
                match (self.shown.get(id), row) {
                    (_, None) => patch.extend_from_slice(b"null"),
                    (None, Some(row)) => patch.extend_from_slice(row.text()),
                    (Some(old), Some(row)) => patch.extend(old.diff(row).unwrap_or_else(|| b"{}".to_vec())),
                }
                patch.push(b',');
            }
            patch.pop();
            patch.extend_from_slice(b"}}");
        }
        Some(patch)
    }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::{Epoch, Problem, ProblemKind};
    use serde_json::{Value, json};

    use super::*;
    use crate::rows::IndexRows;
    use crate::topic::RingLimits;

    fn index() -> Index {
        let rows = Content::Index(Arc::new(IndexRows::default()));
        let limits = RingLimits {
            patches: 8,
            bytes: 4096,
        };
        let topic = Arc::new(StateTopic::new("sessions", Epoch::new(1), limits, 1, rows, Vec::new()));
        Index::new(topic, 1, Duration::ZERO)
    }

    fn shown(index: &Index) -> Value {
        let all: Value = serde_json::from_slice(index.topic.rendered().body()).unwrap();
        all["sessions"]["a~1"].clone()
    }

    #[tokio::test(start_paused = true)]
    async fn activity_is_published_twice_a_second_and_what_else_changes_at_once() {
        let mut index = index();
        let mut row: SessionRow =
            serde_json::from_value(json!({"id": "a~1", "name": "a", "source": "live", "status": "running"})).unwrap();
        let mut does = |index: &mut Index, text: &str, tokens: u64| {
            let activity = json!({"kind": "tool", "text": text, "since": "2026-01-31T12:00:00.000Z"});
            row.activity = serde_json::from_value(activity).unwrap();
            row.usage.get_or_insert_default().tokens = tokens;
            index.set(&row, Timestamp::default());
            assert!(index.due().is_some_and(|due| due <= Instant::now()));
            index.publish();
        };
        does(&mut index, "Read a", 1);
        does(&mut index, "Read b", 2);
        assert_eq!(shown(&index)["activity"]["text"], "Read a", "a moment ago");
        assert_eq!(shown(&index)["usage"]["tokens"], 2);
        let due = index.due().unwrap();
        assert_eq!(due, Instant::now() + ACTIVITY_EVERY);
        tokio::time::advance(ACTIVITY_EVERY).await;
        assert!(index.publish());
        assert_eq!(shown(&index)["activity"]["text"], "Read b");
        assert!(
            index.due().is_none() && !index.publish(),
            "nothing is held back any more"
        );
        does(&mut index, "Read c", 2);
        // The end of all activity goes with the state that it follows from.
        row.activity = None;
        row.status = forgecast_protocol::SessionStatus::Waiting;
        index.set(&row, Timestamp::default());
        assert!(index.publish());
        assert_eq!(shown(&index)["status"], "waiting");
        assert_eq!(shown(&index).get("activity"), None);
        assert!(index.due().is_none());
    }

    #[tokio::test]
    async fn what_is_more_than_one_patch_holds_follows_at_once() {
        let mut index = index();
        let rows = 2 * ROWS_PER_PATCH + 1;
        for number in 0..rows {
            let row = json!({"id": format!("a{number}~1"), "name": "a", "source": "live", "status": "running"});
            index.set(&serde_json::from_value(row).unwrap(), Timestamp::default());
        }
        let mut published = Vec::new();
        while index.due().is_some_and(|due| due <= Instant::now()) {
            assert!(index.publish());
            published.push(index.shown.len());
        }
        assert_eq!(published, [ROWS_PER_PATCH, 2 * ROWS_PER_PATCH, rows]);
    }

    #[tokio::test]
    async fn only_what_a_viewer_can_see_is_published_and_it_gives_the_same_rows() {
        let mut index = index();
        let topic = index.topic.clone();
        assert!(index.due().is_none() && !index.publish());
        let problem = Problem {
            kind: ProblemKind::Store,
            message: "full".into(),
            subject: None,
        };
        index.set_problem("store", Some(problem.clone()));
        assert!(index.due().is_some() && index.publish());
        index.set_problem("store", Some(problem));
        assert!(index.due().is_none() && !index.publish());
        let before: Value = serde_json::from_slice(topic.rendered().body()).unwrap();
        assert_eq!(before["problems"]["store"]["message"], "full");
        index.set_problem("store", None);
        assert!(index.publish());
        let after: Value = serde_json::from_slice(topic.rendered().body()).unwrap();
        assert_eq!(after["problems"], json!({}));
    }
}
