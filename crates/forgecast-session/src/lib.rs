//! The pure fold of facts into the live view of one session. No I/O, no clock, no other session.

pub mod estimate;
pub mod patch;
mod run;
mod session;
pub mod vocabulary;

pub use estimate::RunRecord;
pub use run::{Deadline, Limits};
pub use session::Session;

/// Grows whenever the same facts would fold to another view or a stored [`Session`] would be read wrongly: the store
/// then folds its facts anew and the hub begins a new epoch.
pub const FOLD_VERSION: u32 = 1;
