//! Keeps what happened: facts, snapshots of sessions, rows of the overview, log lines, how far each source was read, and
//! calls to models with the sums of what they used. On SQLite; SQL stays in here.
//!
//! # The contract
//! 1. *A [`Commit`] is stored as a whole or not at all*, in the order in which commits were queued. So a source's
//!    checkpoint never says more than the facts beside it, and nothing is folded twice.
//! 2. *When [`Store::commit`] resolves, the commit survives* a kill and a power loss (`synchronous = FULL`).
//! 3. *Queueing never blocks and never fails because of the disk.* One thread writes; it takes all that queued while the
//!    last transaction was under way and commits at once when it is idle. A full, locked or failing disk makes commits
//!    wait, and [`Store::health`] says so; their owner bounds them by [`Store::backlog_bytes`].
//! 4. *Reading never waits for writing*, sees what is durable, and is bounded in time.
//! 5. *The epoch is kept only when revisions can be trusted*: same fold, and closed properly the last time.
//! 6. *Nothing is ever deleted because it is damaged*: it is quarantined, and viewers see a problem.
//! 7. *Retention never removes an unfinished session*. While the database is larger than it may be, such a session loses the
//!    older part of its log, and facts that a snapshot holds. And what a session used stays in the sums when it is gone; only
//!    [`Store::forget`] takes it out of them.
//! 8. *The database of this name is the one that is written.* SQLite goes on with a file that was removed, replaced or cut
//!    under it. The writer looks before it writes and before it answers: a file that is gone is written again from the one
//!    that is still open, and until everything is in its place nothing is acknowledged.
//! 9. *No id is used twice*, neither that of a session nor that of a run of it: of a name whose sessions were removed the
//!    number of the newest run stays.
//! 10. *Sums are sums of differences, and none is reported below zero.* A call that is taken back is taken from where it was
//!     added. A sum that is below zero all the same (its session was forgotten, its calls are still corrected) counts as
//!     nothing and takes nothing from others.
//! 11. *A copy is whole.* A backup holds everything that was acknowledged before it began; a database is kept as it was before
//!     its schema changes.

mod apply;
mod backup;
mod error;
mod files;
mod finished;
mod health;
mod legacy_db;
mod lock;
mod meta;
mod notifications;
mod open;
mod options;
mod quarantine;
mod query;
mod queue;
mod read;
mod readers;
mod replace;
mod retain;
mod schema;
mod sql;
mod store;
mod write;
mod writer;

pub use backup::{Contents, Restored, backup, restore};
pub use error::Error;
pub use finished::Finished;
pub use forgecast_protocol::rest::{Exported, StoredEvent, StoredSession};
pub use legacy_db::{LegacyDb, LegacyDbError, LegacyRow, LegacyTable};
pub use notifications::{NotificationWrite, StoredNotifications};
pub use open::{Opened, open};
pub use options::Options;
pub use read::{
    Beginning, From, KnownSession, LogQuery, Pruned, StoreHealth, StoredCall, StoredState, StoredTranscript,
    UsageGroup, UsageQuery,
};
pub use store::Store;
pub use write::{Commit, StoredRun, UsageDelta, Write};
