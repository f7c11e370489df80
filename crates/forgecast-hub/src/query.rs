//! Questions about the present and the past. The present is answered from memory; the past from the store, after what is
//! still on its way there. None of them is answered by the hub's task itself.

use bytes::Bytes;
use forgecast_protocol::rest::{LogMatches, LogPage, Metric, SessionList, SessionsQuery, StoredEvent};
use forgecast_protocol::{Epoch, Revision, SessionId, SessionRef, Timeline, Timestamp};
use forgecast_store::{LogQuery, Store};

use crate::command::Command;
use crate::error::{Error, SubscribeError};
use crate::frame;
use crate::history::restore;
use crate::hub::Hub;

/// A session's view at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateAt {
    /// The session, by its canonical id.
    pub id: SessionId,
    /// The epoch within which the revision is valid.
    pub epoch: Epoch,
    /// The revision.
    pub revision: Revision,
    /// SHA-256 of `json`, hexadecimal.
    pub digest: String,
    /// The view as canonical JSON: keys sorted, no white space.
    pub json: Bytes,
    /// When the last fact of the revision became true; only of the past.
    pub at: Option<Timestamp>,
}

/// The index of sessions at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexAt {
    /// The epoch of the index: one per process.
    pub epoch: Epoch,
    /// The revision.
    pub revision: Revision,
    /// SHA-256 of `json`, hexadecimal.
    pub digest: String,
    /// A `forgecast_protocol::update::Index` as canonical JSON.
    pub json: Bytes,
}

impl Hub {
    /// A session's newest view. `None` when there is no such session.
    ///
    /// # Errors
    /// It could not be loaded.
    pub async fn view(&self, session: &SessionRef) -> Result<Option<StateAt>, Error> {
        let attached = match self.attach(session.clone()).await {
            Ok(attached) => attached,
            Err(SubscribeError::Unavailable { source, .. }) => return Err(*source),
            Err(_) => return Ok(None),
        };
        let rendered = attached.state.rendered();
        Ok(Some(StateAt {
            id: attached.id,
            epoch: attached.state.handle.epoch,
            revision: rendered.revision,
            digest: rendered.digest().to_owned(),
            json: rendered.body().clone(),
            at: None,
        }))
    }

    /// A session's view as it was at a revision. `None` when there is no such session, it never had that revision, or the
    /// facts that led there are no longer stored.
    ///
    /// # Errors
    /// The store failed.
    pub async fn view_at(&self, session: &SessionRef, revision: Revision) -> Result<Option<StateAt>, Error> {
        let Some(newest) = self.view(session).await? else {
            return Ok(None);
        };
        if revision == newest.revision {
            return Ok(Some(newest));
        }
        if revision > newest.revision || revision == 0 {
            return Ok(None);
        }
        self.settle().await;
        let find = async || {
            let restored = restore(&self.shared, &newest.id, Some(revision)).await?;
            Ok::<_, Error>(restored.filter(|state| state.revision == revision))
        };
        let mut state = find().await?;
        if state.is_none() {
            // It may have been published a moment ago, and be on its way.
            self.flush().await?;
            state = find().await?;
        }
        Ok(state.map(|state| {
            let json = state.view.canonical().clone();
            StateAt {
                digest: frame::sha256_hex(&json),
                revision,
                json,
                at: state.at,
                ..newest
            }
        }))
    }

    /// The index of sessions as viewers have it.
    pub async fn index(&self) -> IndexAt {
        let rendered = self.shared.index.rendered();
        IndexAt {
            epoch: self.shared.index.handle.epoch,
            revision: rendered.revision,
            digest: rendered.digest().to_owned(),
            json: rendered.body().clone(),
        }
    }

    /// Rows of sessions, older ones than the index holds included.
    ///
    /// # Errors
    /// The store failed.
    pub async fn rows(&self, query: SessionsQuery) -> Result<SessionList, Error> {
        self.settle().await;
        let page = self.shared.store.rows(query).await;
        page.map_err(Error::store("list sessions"))
    }

    /// Asks the store about a session, after what is on its way there.
    async fn ask_store<T>(
        &self,
        session: &SessionRef,
        operation: &'static str,
        ask: impl AsyncFnOnce(&Store, &SessionId) -> Result<T, forgecast_store::Error>,
    ) -> Result<Option<T>, Error> {
        let Some(id) = self.find(session).await? else {
            return Ok(None);
        };
        self.settle().await;
        let answer = ask(&self.shared.store, &id).await;
        answer.map(Some).map_err(Error::store(operation))
    }

    /// Lines of a session's log. `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn log(&self, session: &SessionRef, query: LogQuery) -> Result<Option<LogPage>, Error> {
        let ask = async |store: &Store, id: &SessionId| store.log(id, query).await;
        self.ask_store(session, "read a log", ask).await
    }

    /// The numbers of the lines of a session's log that match. `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn log_matches(&self, session: &SessionRef, query: LogQuery) -> Result<Option<LogMatches>, Error> {
        let ask = async |store: &Store, id: &SessionId| store.log_matches(id, query).await;
        self.ask_store(session, "search a log", ask).await
    }

    /// The facts of a session after the one with the number `after`, oldest first. `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn events(
        &self,
        session: &SessionRef,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredEvent>>, Error> {
        let ask = async |store: &Store, id: &SessionId| store.events_after(id, after, limit).await;
        self.ask_store(session, "read facts", ask).await
    }

    /// A number over time. `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn series(
        &self,
        session: &SessionRef,
        metric: Metric,
        resolution_s: u32,
    ) -> Result<Option<Vec<(Timestamp, f64)>>, Error> {
        let ask = async |store: &Store, id: &SessionId| store.series(id, metric, resolution_s).await;
        self.ask_store(session, "read a series", ask).await
    }

    /// What a scale of time shows of a session's history after a revision: at most `limit` spans, marks and times each.
    /// `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn timeline(
        &self,
        session: &SessionRef,
        after: Revision,
        limit: usize,
    ) -> Result<Option<Timeline>, Error> {
        let Some(id) = self.find(session).await? else {
            return Ok(None);
        };
        self.settle().await;
        let timeline = self.histories.timeline(&self.shared.store, id, after, limit).await;
        timeline.map(Some)
    }

    /// Waits a moment for what is on its way to the disk. When the disk is stuck, the question is answered with what the
    /// store has.
    pub(crate) async fn settle(&self) {
        // What viewers were shown is handed to the store a moment later: the loop answers when it has done that.
        let _ = self.ask(Command::Flush).await;
        if self.shared.store.backlog_bytes() > 0 {
            let _ = self.wait_stored().await;
        }
    }
}
