//! The pasts of the sessions that somebody looks back at: folded once from the first fact on, then only what is new. Must
//! never be folded by the hub's task, nor on one thread without a break: a past may have many thousand facts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use forgecast_protocol::{Revision, SessionId, SessionRef, Timeline};
use forgecast_session::{Session, TimelineBuilder};
use forgecast_store::{Beginning, Store};
use tokio::sync::Mutex as Turn;

use crate::error::Error;
use crate::history::{apply, begin};
use crate::hub::Hub;

/// Pasts that are kept folded.
const KEPT: usize = 16;
/// Facts that are folded in one go.
const PAGE: u32 = 512;
/// Most spans, most marks and most times in one answer: what a scale of time can show.
pub const MOST_MARKS: usize = 2_000;

/// The pasts in memory, those that were asked for last at the end.
#[derive(Default)]
pub(crate) struct Pasts {
    kept: Mutex<VecDeque<(SessionId, Arc<Turn<Past>>)>>,
}

/// One past: nothing before it is asked for.
#[derive(Default)]
struct Past {
    /// The `sequence` of the last fact that is in it.
    sequence: u64,
    folded: Option<(Session, TimelineBuilder)>,
}

impl Pasts {
    fn of(&self, session: &SessionId) -> Arc<Turn<Past>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(id, _)| id == session);
        let entry = place
            .and_then(|place| kept.remove(place))
            .unwrap_or_else(|| (session.clone(), Arc::default()));
        let past = entry.1.clone();
        kept.push_back(entry);
        if kept.len() > KEPT {
            kept.pop_front();
        }
        past
    }
}

impl Hub {
    /// What a scale of time shows of a session's past, behind the revision `after`; at most `most` spans, marks and times.
    /// `None` when there is no such session.
    ///
    /// # Errors
    /// The store could not tell.
    pub async fn timeline(
        &self,
        session: &SessionRef,
        after: Revision,
        most: usize,
    ) -> Result<Option<Timeline>, Error> {
        let Some(id) = self.resolve(session) else {
            return Ok(None);
        };
        self.settle().await;
        let past = self.shared.pasts.of(&id);
        // Two who ask for the same past wait for one reading of it.
        let mut past = past.lock().await;
        past.catch_up(&self.shared.store, &id).await?;
        let most = most.clamp(2, MOST_MARKS);
        Ok(Some(match &past.folded {
            Some((session, builder)) => builder.timeline(session, after, most),
            None => nothing(id),
        }))
    }
}

impl Past {
    /// Folds what came since.
    async fn catch_up(&mut self, store: &Store, id: &SessionId) -> Result<(), Error> {
        let beginning = store.beginning(id).await.map_err(unread)?;
        let Some(beginning) = beginning else {
            *self = Self::default();
            return Ok(());
        };
        self.begin_with(id, &beginning);
        loop {
            let page = store.events_after(id, self.sequence, PAGE).await.map_err(unread)?;
            let is_last = page.len() < PAGE as usize;
            for stored in page {
                let (session, builder) = self.folded.get_or_insert_with(|| {
                    let session = begin(id, &stored.event);
                    let builder = TimelineBuilder::new(&session, 0, stored.event.at);
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

    /// Begins anew with the oldest state that is kept, when what was folded reaches back further than can be seen.
    fn begin_with(&mut self, id: &SessionId, beginning: &Beginning) {
        let Some((revision, body)) = &beginning.snapshot else {
            return;
        };
        let known = self.folded.as_ref();
        if known.is_some_and(|(_, builder)| builder.first() >= *revision) {
            return;
        }
        match serde_json::from_slice::<Session>(body) {
            Ok(session) => {
                let view = session.view();
                let at = view.last_seen_at.max(view.last_work_at).or(view.started_at);
                let builder = TimelineBuilder::new(&session, *revision, at.unwrap_or_default());
                self.folded = Some((session, builder));
                self.sequence = beginning.after;
            }
            Err(error) => tracing::error!(session = %id, %error, "a stored snapshot cannot be read"),
        }
    }
}

/// A session of whose past nothing can be seen.
fn nothing(session: SessionId) -> Timeline {
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

fn unread(source: forgecast_store::Error) -> Error {
    Error::Store {
        operation: "read a session's past",
        source,
    }
}
