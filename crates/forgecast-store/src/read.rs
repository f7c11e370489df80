//! What is asked and what is answered: the shapes of the queries. No SQL here.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::health::Durations;
use forgecast_protocol::report::{GroupBy, UsageAmount};
use forgecast_protocol::rest::{StoredEvent, StoredSession};
use forgecast_protocol::session::TokenCounts;
use forgecast_protocol::{Revision, SessionId, SessionRow, Timestamp};
use serde::Serialize;

/// A session as it stands at start.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownSession {
    /// What makes it the one it is.
    pub session: StoredSession,
    /// Its newest stored revision; 0 when no fact is stored.
    pub revision: Revision,
    /// Its newest row.
    pub row: Option<SessionRow>,
    /// The number that its next log line gets.
    pub next_log_offset: u64,
}

/// What leads to a session's state: fold the events, in their order, onto the snapshot (or onto nothing).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredState {
    /// The revision of the base and its body as it was written.
    pub snapshot: Option<(Revision, Vec<u8>)>,
    /// The facts after the base.
    pub events: Vec<StoredEvent>,
}

/// With what the kept past of a session begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginning {
    /// The oldest state that can be seen, its revision and its body as it was written; none when the first fact is kept.
    pub snapshot: Option<(Revision, Vec<u8>)>,
    /// The `sequence` behind which its facts come.
    pub after: u64,
}

/// Where a page of a log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the line with this number, or the first one kept after it.
    Offset(u64),
    /// So that the page ends with the newest line.
    Last,
    /// At the first line that arrived at this time or later. Found by halving, because numbers and times grow together:
    /// where the clock was set back it is one of the places where the time was passed.
    Time(Timestamp),
}

/// Which lines of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Where the page begins.
    pub from: From,
    /// At most so many lines; brought into 1 to 10,000.
    pub limit: u32,
    /// Only lines that are at least this serious; one that does not say counts as [`LogLevel::Info`].
    pub level: Option<LogLevel>,
    /// Only lines that contain this text, whatever the case.
    pub text: Option<String>,
}

/// A call to a model as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCall {
    /// Its number.
    pub number: u64,
    /// As the ledger serialized it.
    pub body: Vec<u8>,
}

/// To which session an agent's transcript belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTranscript {
    /// The transcript's id.
    pub id: String,
    /// The session.
    pub session: SessionId,
    /// The folder in which the agent was started.
    pub directory: Option<String>,
}

/// Which usage, and how it is put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// What makes a group.
    pub group_by: GroupBy,
    /// From this day on, counted from 1970-01-01 in the calendar of the machine.
    pub since_day: Option<i32>,
    /// Up to this day, that day included.
    pub until_day: Option<i32>,
    /// Only what belongs to this session, or was reported by the transcript of this name.
    pub session: Option<String>,
    /// Only this project; the empty one is what has no project.
    pub project: Option<String>,
}

/// What was used of one model within one group. Nothing in it is negative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageGroup {
    /// The group: a day as `2026-11-22`; a project, a model, a phase, each empty for none; for sessions the transcript,
    /// else the session.
    pub key: String,
    /// The model; empty when no source names one.
    pub model: String,
    /// Tokens by type.
    pub tokens: TokenCounts,
    /// Billionths of a US dollar, of the calls that have a price.
    pub cost_nanos: u64,
    /// Calls.
    pub calls: u64,
    /// Of them, calls whose model has no price.
    pub unpriced: u64,
    /// When tokens of it were last used.
    pub last_used_at: Timestamp,
}

impl UsageGroup {
    /// The amount as reports show it.
    #[must_use]
    pub fn amount(&self) -> UsageAmount {
        UsageAmount {
            tokens: self.tokens,
            cost_usd: dollars(self.cost_nanos),
            calls: self.calls,
            unpriced_calls: self.unpriced,
        }
    }
}

/// Billionths of a US dollar in dollars.
#[allow(
    clippy::cast_precision_loss,
    reason = "exact up to nine million dollars, and to the cent far beyond"
)]
fn dollars(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// What retention removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Sessions that are gone.
    pub sessions: Vec<SessionId>,
    /// Facts that are gone, those of the sessions included.
    pub events: u64,
    /// Log lines that are gone, those of the sessions included.
    pub log_lines: u64,
    /// Calls to models that are no longer known one by one; what they added up to stays.
    pub calls: u64,
    /// The size of the database file afterwards, bytes.
    pub file_bytes: u64,
    /// The database is still larger than it may be: what is left is the newest of unfinished sessions, the newest calls and
    /// sums.
    pub still_too_large: bool,
}

/// How the store is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreHealth {
    /// Whether the last transaction could be written (true when there was none).
    pub writable: bool,
    /// Whether the last query could be answered.
    pub readable: bool,
    /// What is wrong when it cannot be written or read, while that lasts.
    pub last_error: Option<String>,
    /// Whether that is a full disk.
    pub full: bool,
    /// Commits that are durable.
    pub commits: u64,
    /// Transactions that took; fewer than commits when several went together.
    pub transactions: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Rows written.
    pub rows: u64,
    /// How long a transaction took, from its beginning until it was durable; for `/metrics` only.
    #[serde(skip)]
    pub durations: Durations,
    /// Commits that wait.
    pub queued: u64,
    /// Their size in bytes.
    pub backlog_bytes: u64,
    /// The size of the database file, bytes.
    pub file_bytes: u64,
    /// The size of the write-ahead log, bytes.
    pub wal_bytes: u64,
}
