//! Logs: pages of lines, and searches in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::unless_empty;
use crate::batch::{LogLevel, LogLine};
use crate::time::Timestamp;

/// Which lines of a log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// The number of the first line; absent: the last lines.
    pub offset: Option<u64>,
    /// Begins with the first line of this moment or later; not together with `offset`.
    #[schemars(with = "Option<crate::schema::Moment>")]
    pub at: Option<Timestamp>,
    /// Lines in a page; brought into 1 to 10,000.
    #[serde(default = "page")]
    pub limit: u32,
    /// Only lines that are at least this serious; one that does not say its level counts as `info`.
    pub level: Option<LogLevel>,
    /// Only lines that contain this, whatever the case.
    #[serde(default, deserialize_with = "unless_empty")]
    pub q: Option<String>,
}

/// As many as a viewer of the log gets at first.
fn page() -> u32 {
    500
}

/// A page of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPage {
    /// The number of the oldest line that is kept.
    pub first_offset: u64,
    /// Where the next page begins: one behind the last line that was looked at.
    pub next_offset: u64,
    /// The number that the next new line will have; the log is read to its end when `next_offset` is here.
    pub end_offset: u64,
    /// The lines, oldest first. A page that filters ends early, even without a line, when it looked at enough of the log.
    pub lines: Vec<LogLine>,
}

/// Which lines are looked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogMatchesQuery {
    /// Where the search begins.
    #[serde(default)]
    pub offset: u64,
    /// Only lines that are at least this serious; one that does not say its level counts as `info`.
    pub level: Option<LogLevel>,
    /// Only lines that contain this, whatever the case.
    #[serde(default, deserialize_with = "unless_empty")]
    pub q: Option<String>,
}

/// The numbers of the lines that match, as far as one look goes, for a viewer that shows how many there are and goes
/// from one to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogMatches {
    /// The number of the oldest line that is kept.
    pub first_offset: u64,
    /// Where the next look begins.
    pub next_offset: u64,
    /// The number that the next new line will have.
    pub end_offset: u64,
    /// The numbers of the lines that match, in order.
    pub offsets: Vec<u64>,
}
