//! Owns the live state: events come in as facts, updates go out as changes, and only the hub turns one into the other.
//!
//! [`start()`] runs the hub's task on an opened store and returns the [`Hub`], the handle that everyone else holds.
//!
//! # Invariants
//!
//! 1. *One writer.* Only the hub's task (`task`) folds facts into sessions. It folds a batch, gives every session whose view
//!    changed its next revision, tells the viewers, and queues the facts for the store.
//! 2. *A revision is a number per session that only grows and is valid within an epoch.* It is stored with the facts, so
//!    that folding them again gives the same numbers and a viewer resumes across a restart. The epoch is the store's; the
//!    index, which is not stored, has an epoch per process.
//! 3. *A subscription is atomic.* What a viewer is handed and the position from which it goes on are taken in one step under
//!    the topic's lock: there is neither gap nor overlap, whatever is published meanwhile.
//! 4. *Resume or reset, never silence.* A cursor that is still in the ring gets the retained patches, or a snapshot when that
//!    is smaller; any other cursor gets a snapshot. Patches are never composed: RFC 7396 is not closed under composition.
//! 5. *Nothing waits for a viewer, and the live view never waits for the store.* A viewer is a cursor; a revision is
//!    serialized once for all of them. Facts may be 64 MiB ahead of the disk; beyond it facts from files collapse to the
//!    latest per source (their state is stored whole) and pushes are refused.
//! 6. *Only facts change a view.* Silence and estimates enter as facts of the hub's own (`went_quiet`,
//!    `estimate_revised`); what folds to the same view publishes nothing.
//! 7. *A push is acknowledged when it is durable*, and counts once however often it is sent.
//! 8. *A model call counts once*, however often and by however many sources it is reported, in whatever order, across
//!    restarts. Facts about calls wait until what is known of these calls is in memory; what they change is stored with the
//!    calls in one commit.
//! 9. *A session that is listed can be reached.* There are so many places for sessions in memory; a finished one leaves its
//!    place to a new one, and is made known again from the store when somebody asks for it. Unfinished ones stay, so what is
//!    pushed may take only a part of the places with them, and one producer only a part of those.
//! 10. *Received = applied + duplicate + rejected + dropped*, at every moment at which the counters are read.
//!
//! Sessions that nobody watches and nothing changes are rows of the index; they are loaded into memory when somebody asks.

mod batch;
mod command;
mod commits;
mod counters;
mod deadlines;
mod error;
mod estimator;
mod export;
mod frame;
mod hard_budgets;
mod history;
mod hub;
mod import;
mod index;
mod json_object;
mod ledger;
mod limits;
mod live;
mod log;
mod merges;
mod notifications;
mod notifier;
mod options;
mod outcomes;
mod pending;
mod query;
mod recent;
mod registry;
mod report;
mod rows;
mod shared;
mod slug;
mod spending;
mod start;
mod state;
mod subscription;
mod task;
mod timeline;
mod topic;
mod usage;

pub use counters::{Counters, Reason, Receipt, Rejected};
pub use error::{Error, PushError, SubscribeError};
pub use export::Export;
// Part of the hub's own interface: its callers know the hub, not the store.
pub use forgecast_session::patch;
pub use forgecast_store::{From, LogQuery, NotificationWrite, StoreHealth, StoredNotifications};
pub use frame::{Frame, FrameKind, Position};
pub use hard_budgets::HardLimits;
pub use hub::Hub;
pub use import::{ImportOutcome, Refusal};
pub use notifier::{Listener, Notifier};
pub use options::Options;
pub use query::{IndexAt, StateAt};
pub use report::rows as usage_rows;
pub use slug::session_called;
pub use spending::Budgets;
pub use start::start;
pub use subscription::{Delivery, Start, Subscription};
pub use timeline::MOST_MARKS;
