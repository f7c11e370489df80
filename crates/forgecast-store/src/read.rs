//! What is asked and what is answered: the shapes of the queries. No SQL here.

use std::fmt;
use std::str::FromStr;

use forgecast_protocol::report::{GroupBy, UsageAmount};
use forgecast_protocol::session::{SessionStatus, TokenCounts};
use forgecast_protocol::{Event, LogLine, Revision, SessionId, SessionRow, Timestamp, batch::LogLevel};
use serde::{Deserialize, Serialize};

use crate::write::StoredSession;

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

/// A fact with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Grows with every fact of every session; never reused.
    pub sequence: u64,
    /// The session's revision after it.
    pub revision: Revision,
    /// The fact.
    pub event: Event,
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

/// A page of a log, oldest line first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The number of the oldest line that is kept.
    pub first_offset: u64,
    /// Where the page after this one begins: one behind the last line that was looked at.
    pub next_offset: u64,
    /// The number that the log's next line gets; the log is read to its end when `next_offset` is here.
    pub end_offset: u64,
    /// The lines. A page that filters ends early, even without a line, when it has looked at enough of the log.
    pub lines: Vec<LogLine>,
}

/// The numbers of the lines that match, for a viewer that shows how many there are and goes from one to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogMatches {
    /// As in [`LogPage`].
    pub first_offset: u64,
    /// As in [`LogPage`]: it went so far and no further, to be asked again from here.
    pub next_offset: u64,
    /// As in [`LogPage`].
    pub end_offset: u64,
    /// The numbers, growing.
    pub offsets: Vec<u64>,
}

/// By what the overview is sorted; ties by age, so that the order is total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Last work, newest first.
    #[default]
    LastWork,
    /// Beginning of the run, newest first.
    Started,
    /// Name, A first, whatever the case.
    Name,
    /// Cost, dearest first.
    Cost,
    /// Tokens, most first.
    Tokens,
    /// End, newest first; of what is not over, its last work.
    Ended,
    /// From beginning to end, longest first; sessions that are not over come last.
    Duration,
}

/// Which rows of the overview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowQuery {
    /// Only these statuses; empty means any.
    pub status: Vec<SessionStatus>,
    /// Only this project.
    pub project: Option<String>,
    /// Only rows of sessions that ended at this moment or later; of those that are not over, that worked then or later.
    pub since: Option<Timestamp>,
    /// Only rows whose id, name, project or task contains this text, whatever the case.
    pub q: Option<String>,
    /// The order.
    pub sort: Sort,
    /// At most so many; brought into 1 to 1,000; 0 means 100.
    pub limit: u32,
    /// Where the page before this one ended; made by the same sort.
    pub cursor: Option<Cursor>,
}

/// A page of the overview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowPage {
    /// The rows, in order.
    pub rows: Vec<SessionRow>,
    /// Where the next page begins; absent on the last one.
    pub next_cursor: Option<Cursor>,
}

/// The place between two rows of a sorted overview; opaque text of letters and digits on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    pub(crate) sort: Sort,
    pub(crate) key: SortKey,
    pub(crate) number: i64,
}

/// The value by which a row is sorted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SortKey {
    Whole(i64),
    Real(f64),
    Text(String),
}

/// The text is not a cursor that this version made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this server; begin with the first page")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        json.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.is_ascii() || text.len() > 4096 || !text.len().is_multiple_of(2) {
            return Err(InvalidCursor);
        }
        let bytes: Result<Vec<u8>, _> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
            .collect();
        let cursor: Self = serde_json::from_slice(&bytes.map_err(|_| InvalidCursor)?).map_err(|_| InvalidCursor)?;
        match (cursor.sort, &cursor.key) {
            (Sort::Name, SortKey::Text(_))
            | (Sort::Cost, SortKey::Real(_))
            | (Sort::LastWork | Sort::Started | Sort::Tokens | Sort::Ended | Sort::Duration, SortKey::Whole(_)) => {
                Ok(cursor)
            }
            _ => Err(InvalidCursor),
        }
    }
}

/// What can be drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Tokens of all types used within each step.
    Tokens,
    /// US dollars spent within each step, as far as prices are known.
    CostUsd,
    /// Tests passed, by the last result within each step.
    TestsPassed,
    /// Tests failed, by the last result within each step.
    TestsFailed,
    /// Progress by the producer's own count, 0 to 100, the last within each step.
    Progress,
}

impl FromStr for Metric {
    type Err = InvalidMetric;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tokens" => Ok(Self::Tokens),
            "cost_usd" => Ok(Self::CostUsd),
            "tests_passed" => Ok(Self::TestsPassed),
            "tests_failed" => Ok(Self::TestsFailed),
            "progress" => Ok(Self::Progress),
            _ => Err(InvalidMetric),
        }
    }
}

/// The text names no metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a metric is tokens, cost_usd, tests_passed, tests_failed or progress")]
pub struct InvalidMetric;

/// A call to a model as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCall {
    /// Its number.
    pub number: u64,
    /// As the ledger serialised it.
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

/// Everything that is stored of one session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// What makes it the one it is.
    pub session: StoredSession,
    /// Its newest stored revision.
    pub revision: Revision,
    /// Its newest row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<SessionRow>,
    /// All facts that are kept.
    pub events: Vec<StoredEvent>,
    /// All log lines that are kept.
    pub log: Vec<LogLine>,
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
    /// The database is still larger than it may be: what is left are unfinished sessions, the newest calls and sums.
    pub still_too_large: bool,
}

/// How the store is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreHealth {
    /// Whether the last transaction could be written (true when there was none).
    pub writable: bool,
    /// What the database said when it could not be written, while that lasts.
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
    /// Commits that wait.
    pub queued: u64,
    /// Their size in bytes.
    pub backlog_bytes: u64,
    /// The size of the database file, bytes.
    pub file_bytes: u64,
    /// The size of the write-ahead log, bytes.
    pub wal_bytes: u64,
}
