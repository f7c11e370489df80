//! Keeps what happened: facts, snapshots of views, log lines and how far each source was read. SQLite today.

mod error;
mod options;
mod read;
mod store;
mod write;

pub use error::Error;
pub use options::Options;
pub use read::{
    Cursor, Exported, From, InvalidCursor, InvalidMetric, KnownSession, LogPage, LogQuery, Metric, Pruned, RowPage,
    RowQuery, Sort, StoreHealth, StoredEvent, StoredState,
};
pub use store::{Opened, Store, open};
pub use write::{Commit, StoredRun, StoredSession, Write};
