//! The pure fold of facts into the live view of one session. No I/O, no clock, no other session, no randomness: a view
//! is a function of the session's events and nothing else.
//!
//! The laws, each with a test in `tests/it`:
//!
//! - *Total*: any event in any order leaves a valid view; nothing panics.
//! - *Idempotent*: the same state-like fact again changes nothing.
//! - *Patches lead where they say*: `merge(before, diff(before, after)) == after`; a snapshot and the patches after it
//!   give the next snapshot.
//! - *Unknown is absent*: no view holds a `null`.
//! - *Nothing ticks*: a view changes only by a fact. What depends on the clock comes in as a fact of its own
//!   (`went_quiet`), set by [`Session::next_deadline`].
//! - *Completion latches*: a run that ended stays ended. (A phase that `failed` is less than the end of the run: it is
//!   taken back when the phase goes on working.)
//! - *Stored is the same*: a [`Session`] that was written and read back goes on exactly as one that was not.

pub mod estimate;
pub mod ledger;
pub mod patch;
pub mod plan;
pub mod price;

mod fold;
mod row;
mod run;
mod sections;
mod session;
mod timeline;
mod vocabulary;

pub use estimate::RunRecord;
pub use run::{Deadline, Limits};
pub use sections::FOLD_VERSION;
pub use session::Session;
pub use timeline::TimelineBuilder;
pub use vocabulary::order as phase_order;
