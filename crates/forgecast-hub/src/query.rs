//! Questions about the present and the past. The present comes from memory; the past from the store, after what is still
//! on its way there. Must never be answered by the hub's task itself.

use bytes::Bytes;
use forgecast_protocol::{Epoch, Revision, SessionId, SessionRef, Timestamp, Topic};
// Part of the hub's own interface: whoever asks knows the hub, not the store.
pub use forgecast_store::{
    Cursor, Exported, From, InvalidCursor, InvalidMetric, LogMatches, LogPage, LogQuery, Metric, RowPage, RowQuery,
    Sort, StoreHealth, StoredEvent,
};

use crate::command::SeatAt;
use crate::error::{Error, SubscribeError};
use crate::frame;
use crate::history::{Labels, Restored, restore};
use crate::hub::Hub;

/// A session's view at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateAt {
    /// The session, by its canonical id.
    pub id: SessionId,
    /// Within it, the revision means something.
    pub epoch: Epoch,
    /// The revision.
    pub revision: Revision,
    /// SHA-256 of `json`, hexadecimal.
    pub digest: String,
    /// The view as canonical JSON: keys sorted, no white space.
    pub json: Bytes,
    /// When the revision came; only of the past.
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
        let attached = match self.attach(session.clone(), SeatAt::Nowhere).await {
            Ok(attached) => attached,
            Err(SubscribeError::Unavailable { source, .. }) => return Err(*source),
            Err(_) => return Ok(None),
        };
        let rendered = attached.state.rendered();
        Ok(Some(StateAt {
            id: attached.id,
            epoch: attached.state.epoch(),
            revision: rendered.revision,
            digest: rendered.digest().to_owned(),
            json: rendered.body().clone(),
            at: None,
        }))
    }

    /// A session's view as it was at a revision. `None` when there is no such session or it never had that revision (or
    /// what led there is no longer kept).
    ///
    /// # Errors
    /// The store could not tell.
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
        let topic = Topic::Session(newest.id.clone().into()).to_string();
        let labels = Labels {
            topic: &topic,
            epoch: newest.epoch,
        };
        let found = |restored: Option<Restored>| restored.filter(|state| state.revision == revision);
        let mut state = found(restore(&self.shared.store, &newest.id, Some(revision), labels).await?);
        if state.is_none() {
            // It may have been published a moment ago, and be on its way.
            self.flush().await?;
            state = found(restore(&self.shared.store, &newest.id, Some(revision), labels).await?);
        }
        Ok(state.map(|state| {
            let json: Bytes = frame::json(state.view.as_ref()).into();
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
            epoch: self.shared.index.epoch(),
            revision: rendered.revision,
            digest: rendered.digest().to_owned(),
            json: rendered.body().clone(),
        }
    }

    /// Rows of sessions, older ones than the index holds included.
    ///
    /// # Errors
    /// The store could not tell.
    pub async fn rows(&self, query: RowQuery) -> Result<RowPage, Error> {
        self.settle().await;
        let page = self.shared.store.rows(query).await;
        page.map_err(|source| store_error("list sessions", source))
    }

    /// Lines of a session's log. `None` when there is no such session.
    ///
    /// # Errors
    /// The store could not tell.
    pub async fn log(&self, session: &SessionRef, query: LogQuery) -> Result<Option<LogPage>, Error> {
        let Some(id) = self.resolve(session) else {
            return Ok(None);
        };
        self.settle().await;
        let page = self.shared.store.log(&id, query).await;
        page.map(Some).map_err(|source| store_error("read a log", source))
    }

    /// The numbers of the lines of a session's log that match. `None` when there is no such session.
    ///
    /// # Errors
    /// The store could not tell.
    pub async fn log_matches(&self, session: &SessionRef, query: LogQuery) -> Result<Option<LogMatches>, Error> {
        let Some(id) = self.resolve(session) else {
            return Ok(None);
        };
        self.settle().await;
        let found = self.shared.store.log_matches(&id, query).await;
        found.map(Some).map_err(|source| store_error("search a log", source))
    }

    /// The facts of a session behind the one with the number `after`, oldest first. `None` when there is no such session.
    ///
    /// # Errors
    /// The store could not tell.
    pub async fn events(
        &self,
        session: &SessionRef,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredEvent>>, Error> {
        let Some(id) = self.resolve(session) else {
            return Ok(None);
        };
        self.settle().await;
        let events = self.shared.store.events_after(&id, after, limit).await;
        events.map(Some).map_err(|source| store_error("read facts", source))
    }

    /// A number over time. `None` when there is no such session.
    ///
    /// # Errors
    /// The store could not tell.
    pub async fn series(
        &self,
        session: &SessionRef,
        metric: Metric,
        resolution_s: u32,
    ) -> Result<Option<Vec<(Timestamp, f64)>>, Error> {
        let Some(id) = self.resolve(session) else {
            return Ok(None);
        };
        self.settle().await;
        let series = self.shared.store.series(&id, metric, resolution_s).await;
        series.map(Some).map_err(|source| store_error("read a series", source))
    }

    /// Everything that is stored of a session. `None` when there is no such session.
    ///
    /// # Errors
    /// The store could not tell.
    pub async fn export(&self, session: &SessionRef) -> Result<Option<Exported>, Error> {
        let Some(id) = self.resolve(session) else {
            return Ok(None);
        };
        self.settle().await;
        let exported = self.shared.store.export(&id).await;
        exported.map_err(|source| store_error("export a session", source))
    }

    /// Gives what is on its way to the disk a moment to arrive. A disk that does not take it is no reason to keep what it
    /// has from whoever asks.
    pub(crate) async fn settle(&self) {
        if self.shared.tally.lock().commits_pending > 0 || self.shared.store.backlog_bytes() > 0 {
            let _ = self.flush().await;
        }
    }
}

fn store_error(operation: &'static str, source: forgecast_store::Error) -> Error {
    Error::Store { operation, source }
}
