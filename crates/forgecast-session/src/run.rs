//! The life of a run: when it begins anew, when it is over, and which deadlines it has.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::Quiet;

/// How long a session may be without work, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until a running session counts as stalled.
    pub stalled_ms: u64,
    /// Until it counts as abandoned.
    pub abandoned_ms: u64,
    /// After Deploy was completed, until the build counts as completed.
    pub settled_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stalled_ms: 15 * 60 * 1000,
            abandoned_ms: 6 * 60 * 60 * 1000,
            settled_ms: 2 * 60 * 1000,
        }
    }
}

/// When the hub has to say `went_quiet`, unless work comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// What to say.
    pub quiet: Quiet,
    /// The last work before it: the fact counts only if it is still the last when the fact is folded.
    pub since: Timestamp,
}
