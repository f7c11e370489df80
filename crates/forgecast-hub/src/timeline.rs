//! The histories of the sessions that somebody looks back at: folded once from the first fact on, then only what is new.
//! A history may have many thousand facts, so it is folded outside the hub's task, and with breaks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use forgecast_protocol::{Revision, SessionId, Timeline};
use forgecast_session::{Session, TimelineBuilder};
use forgecast_store::{Beginning, Store};

use crate::error::Error;
use crate::history::{apply, begin, read_snapshot};

/// Histories that stay in memory.
const MAX_HISTORIES: usize = 16;
/// Facts that are folded in one go.
const PAGE: u32 = 512;
/// The largest number of spans, of marks and of times in one timeline: as many as a scale of time can show.
pub const MOST_MARKS: usize = 2_000;

/// The histories in memory, those that were asked for last at the end.
#[derive(Default)]
pub(crate) struct HistoryCache {
    histories: Mutex<VecDeque<(SessionId, Arc<tokio::sync::Mutex<SessionHistory>>)>>,
}

/// One history, empty until it is asked for.
#[derive(Default)]
struct SessionHistory {
    /// The `sequence` of the last fact that is in it.
    sequence: u64,
    folded: Option<(Session, TimelineBuilder)>,
}

impl HistoryCache {
    fn get(&self, session: &SessionId) -> Arc<tokio::sync::Mutex<SessionHistory>> {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        let known = histories.iter().position(|(id, _)| id == session);
        let entry = known
            .and_then(|index| histories.remove(index))
            .unwrap_or_else(|| (session.clone(), Arc::default()));
        let history = entry.1.clone();
        histories.push_back(entry);
        if histories.len() > MAX_HISTORIES {
            histories.pop_front();
        }
        history
    }

    /// The timeline of a session after a revision, with at most `limit` spans, marks and times each.
    pub(crate) async fn timeline(
        &self,
        store: &Store,
        id: SessionId,
        after: Revision,
        limit: usize,
    ) -> Result<Timeline, Error> {
        let history = self.get(&id);
        // Two who ask for the same history wait for one reading of it.
        let mut history = history.lock().await;
        history.catch_up(store, &id).await?;
        Ok(match &history.folded {
            Some((session, builder)) => builder.timeline(session, after, limit.clamp(2, MOST_MARKS)),
            None => empty(id),
        })
    }
}

impl SessionHistory {
    /// Folds what was stored since it was asked for last.
    async fn catch_up(&mut self, store: &Store, id: &SessionId) -> Result<(), Error> {
        let failed = Error::store("read a session's history");
        let beginning = store.beginning(id).await.map_err(failed)?;
        let Some(beginning) = beginning else {
            *self = Self::default();
            return Ok(());
        };
        self.begin_with(id, &beginning);
        loop {
            let page = store.events_after(id, self.sequence, PAGE).await.map_err(failed)?;
            let is_last = page.len() < PAGE as usize;
            for stored in page {
                let (session, builder) = self.folded.get_or_insert_with(|| {
                    let session = begin(id, &stored.event);
                    let builder = TimelineBuilder::new(&session, 0, session.time_of(&stored.event));
                    (session, builder)
                });
                apply(session, &stored.event);
                builder.note(session, &stored.event, stored.revision);
                self.sequence = stored.sequence;
            }
            if is_last {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Begins again with the oldest state that is stored, when what was folded reaches further back than can be seen.
    fn begin_with(&mut self, id: &SessionId, beginning: &Beginning) {
        let Some((revision, body)) = &beginning.snapshot else {
            return;
        };
        let known = self.folded.as_ref();
        if known.is_some_and(|(_, builder)| builder.first() >= *revision) {
            return;
        }
        if let Some(session) = read_snapshot(id, body) {
            let view = session.view();
            let at = view.last_seen_at.max(view.last_work_at).or(view.started_at);
            let builder = TimelineBuilder::new(&session, *revision, at.unwrap_or_default());
            self.folded = Some((session, builder));
            self.sequence = beginning.after;
        }
    }
}

/// The timeline of a session whose history cannot be seen.
fn empty(session: SessionId) -> Timeline {
    Timeline {
        session,
        revision: 0,
        first_revision: 1,
        spans: Vec::new(),
        marks: Vec::new(),
        times: Vec::new(),
        left_out: 0,
    }
}
