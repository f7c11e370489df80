//! Owns the live state. Events are facts that come in; updates are changes that go out; only the hub turns one into the
//! other.
//!
//! # Invariants
//!
//! 1. *One writer.* Only the hub's task (`task`) folds facts into sessions. It folds a batch; every session whose view
//!    changed gets the next revision of its own; viewers are told; the facts are queued for the store.
//! 2. *A revision is a number that only grows, per session, and means something within an epoch.* It is stored with the
//!    facts, so that folding them again gives the same numbers and a viewer resumes across a restart. The epoch is the
//!    store's; the index, which is not stored, has one per process.
//! 3. *A subscription is atomic.* What a viewer is handed and the place from which it goes on are taken in one step under
//!    the topic's lock: neither gap nor overlap, whatever is published meanwhile.
//! 4. *Resume or reset, never silence.* A cursor still in the ring gets the retained patches, or a snapshot when that is
//!    smaller; any other cursor gets a snapshot. Patches are never composed: RFC 7396 is not closed under composition.
//! 5. *Nothing waits for a viewer, and the live view never waits for the store.* A viewer is a cursor; a revision is
//!    serialised once for all of them. Facts may be 64 MiB ahead of the disk; beyond it facts from files collapse to the
//!    latest per source (their state is stored whole) and pushes are refused.
//! 6. *Only facts change a view.* Silence and estimates enter as facts of the hub's own (`went_quiet`,
//!    `estimate_revised`); what folds to the same view publishes nothing.
//! 7. *A push is acknowledged when it is durable*, and counts once however often it is sent.
//! 8. *A call to a model counts once*, however often and by however many sources it is told, in whatever order, across
//!    restarts. Facts about calls wait until what is known of these calls is in memory; what they change is stored with
//!    the calls in one commit.
//! 9. *Received = applied + duplicate + rejected + dropped*, at every moment at which the counters are read.
//!
//! Sessions that nobody watches and nothing moves are rows of the index; they come back into memory when somebody asks.

mod bell;
mod brought;
mod calls;
mod command;
mod counters;
mod deadlines;
mod error;
mod estimator;
mod frame;
mod history;
mod hub;
mod index;
mod log;
mod options;
mod outcomes;
mod past;
mod persist;
pub mod query;
mod recent;
mod registry;
mod report;
mod slug;
mod spending;
mod start;
mod subscription;
mod task;
mod tools;
mod topic;

pub use bell::{Bell, Listener};
pub use brought::{Brought, Refusal};
pub use command::{Receipt, Rejected};
pub use counters::{Counters, Reason};
pub use error::{Error, PushError, SubscribeError};
pub use forgecast_store::{Cursor, Exported, From, LogQuery, Metric, RowQuery, Sort, StoreHealth};
pub use frame::{Frame, FrameKind, Position};
pub use hub::Hub;
pub use options::Options;
pub use outcomes::OutcomeQuery;
pub use past::MOST_MARKS;
pub use query::{IndexAt, StateAt};
pub use report::{ReportQuery, rows as usage_rows};
pub use slug::session_called;
pub use spending::Budgets;
pub use start::start;
pub use subscription::{Delivery, Start, Subscription};
