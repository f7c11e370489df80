//! What the owner of a store may choose. Values only; defaults are the ones of a normal installation.

use std::path::PathBuf;

/// Where the database is and how much of the past it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The database file; its folder is made when it is missing. `None`: a temporary one, removed when the store ends.
    pub path: Option<PathBuf>,
    /// How many days a session is kept after its end or its last work.
    pub retention_days: u32,
    /// How large the database may grow, in bytes, before the oldest finished sessions lose their logs, then their facts,
    /// then calls but the newest 250,000 are no longer known one by one, finished sessions go, and unfinished ones lose
    /// the older part of their logs and facts.
    pub max_bytes: u64,
    /// How many log lines one session keeps; older ones are dropped.
    pub log_lines_per_session: u64,
    /// How long a commit may wait for the disk before its future answers [`Error::Delayed`](crate::Error::Delayed), in
    /// milliseconds. The data stays queued.
    pub commit_deadline_ms: u64,
    /// How long one query may take, waiting for its turn included, in milliseconds.
    pub read_deadline_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: None,
            retention_days: 90,
            max_bytes: 2 * 1024 * 1024 * 1024,
            log_lines_per_session: 200_000,
            commit_deadline_ms: 10_000,
            read_deadline_ms: 5_000,
        }
    }
}
