//! The handle that everyone else holds.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use forgecast_protocol::{Epoch, EventId, Problem, Revision, SessionId, SourceCheckpoint, SourceKey, Timestamp};

use crate::error::Error;
use crate::options::Options;
use crate::read::{
    Exported, KnownSession, LogPage, LogQuery, Metric, Pruned, RowPage, RowQuery, StoreHealth, StoredEvent, StoredState,
};
use crate::write::{Commit, StoredRun};

/// A store that was opened, and what its owner has to know.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Within it, revisions can be compared.
    pub epoch: Epoch,
    /// Whether the store was closed properly the last time (true for a new one).
    pub clean: bool,
    /// What viewers should know about it, by key.
    pub notices: Vec<(String, Problem)>,
}

/// Opens the database, or makes it.
///
/// # Errors
/// The database is in use, cannot be opened, or the folder cannot be written.
pub async fn open(_options: Options, _fold_version: u32, _now: Timestamp) -> Result<Opened, Error> {
    Err(Error::Closed)
}

/// A store. Cheap to clone; all clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Queues a commit, in the order of the calls, without ever blocking; the future resolves when it is durable.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn commit(&self, _commit: Commit) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        async { Err(Error::Closed) }
    }
    /// Bytes queued.
    #[must_use]
    pub fn backlog_bytes(&self) -> u64 {
        0
    }
    /// Health.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        StoreHealth::default()
    }
    /// Sources.
    ///
    /// # Errors
    /// The query failed.
    pub async fn sources(&self) -> Result<BTreeMap<SourceKey, SourceCheckpoint>, Error> {
        Err(Error::Closed)
    }
    /// Sessions.
    ///
    /// # Errors
    /// The query failed.
    pub async fn sessions(&self) -> Result<Vec<KnownSession>, Error> {
        Err(Error::Closed)
    }
    /// State.
    ///
    /// # Errors
    /// The query failed.
    pub async fn load(&self, _session: &SessionId, _at: Option<Revision>) -> Result<Option<StoredState>, Error> {
        Err(Error::Closed)
    }
    /// Events.
    ///
    /// # Errors
    /// The query failed.
    pub async fn events_after(
        &self,
        _session: &SessionId,
        _after: u64,
        _limit: u32,
    ) -> Result<Vec<StoredEvent>, Error> {
        Err(Error::Closed)
    }
    /// Ids.
    ///
    /// # Errors
    /// The query failed.
    pub async fn known_ids(&self, _ids: Vec<EventId>) -> Result<BTreeSet<EventId>, Error> {
        Err(Error::Closed)
    }
    /// Log.
    ///
    /// # Errors
    /// The query failed.
    pub async fn log(&self, _session: &SessionId, _query: LogQuery) -> Result<LogPage, Error> {
        Err(Error::Closed)
    }
    /// Rows.
    ///
    /// # Errors
    /// The query failed.
    pub async fn rows(&self, _query: RowQuery) -> Result<RowPage, Error> {
        Err(Error::Closed)
    }
    /// Runs.
    ///
    /// # Errors
    /// The query failed.
    pub async fn runs(&self) -> Result<Vec<StoredRun>, Error> {
        Err(Error::Closed)
    }
    /// Series.
    ///
    /// # Errors
    /// The query failed.
    pub async fn series(
        &self,
        _session: &SessionId,
        _metric: Metric,
        _resolution_s: u32,
    ) -> Result<Vec<(Timestamp, f64)>, Error> {
        Err(Error::Closed)
    }
    /// Export.
    ///
    /// # Errors
    /// The query failed.
    pub async fn export(&self, _session: &SessionId) -> Result<Option<Exported>, Error> {
        Err(Error::Closed)
    }
    /// Forget; whether there was such a session.
    ///
    /// # Errors
    /// The disk did not take it.
    pub async fn forget(&self, _session: &SessionId) -> Result<bool, Error> {
        Err(Error::Closed)
    }
    /// Prune.
    ///
    /// # Errors
    /// The disk did not take it.
    pub async fn prune(&self, _now: Timestamp) -> Result<Pruned, Error> {
        Err(Error::Closed)
    }
    /// Close.
    ///
    /// # Errors
    /// Not everything could be written.
    pub async fn close(self) -> Result<(), Error> {
        Err(Error::Closed)
    }
    /// Ends as a crash would.
    pub async fn abandon(self) {}
}
