//! The past of a session: its facts, numbers over time, and all of it as one document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::LogLine;
use crate::event::Event;
use crate::ids::{Revision, SessionId};
use crate::session::SessionRow;
use crate::time::Timestamp;

/// Which part of a timeline.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    /// The newest revision that is known: what followed it is told.
    #[serde(default)]
    pub after: Revision,
    /// Most spans, most marks and most times; brought into 2 to 2,000.
    #[serde(default = "marks")]
    pub limit: u32,
}

fn marks() -> u32 {
    2_000
}

/// Which facts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// The `sequence` of the last fact that is known.
    #[serde(default)]
    pub after: u64,
    /// Facts in a page, at most 10,000.
    #[serde(default = "page")]
    pub limit: u32,
}

fn page() -> u32 {
    100
}

/// Facts, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// The facts; the last one's `sequence` is the `after` of the next page.
    pub events: Vec<StoredEvent>,
}

/// A fact with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredEvent {
    /// Grows with every fact of every session; never reused.
    pub sequence: u64,
    /// The session's revision after it.
    pub revision: Revision,
    /// The fact.
    pub event: Event,
}

/// What to draw.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesQuery {
    /// Which number.
    pub metric: Metric,
    /// Seconds that a point stands for; 0 means 1.
    #[serde(default = "minute")]
    pub resolution: u32,
}

fn minute() -> u32 {
    60
}

/// What can be drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// One number over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Which.
    pub metric: Metric,
    /// Seconds that a point stands for.
    #[schemars(range(min = 1))]
    pub resolution_s: u32,
    /// The beginning of a step and its value, in the order of time; steps in which nothing happened are left out.
    pub points: Vec<(Timestamp, f64)>,
}

/// Everything that is stored of one session: `forgecast import` and `POST /api/v1/import` read it back.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exported {
    /// What makes it the one it is.
    pub session: StoredSession,
    /// Its newest stored revision.
    pub revision: Revision,
    /// Its newest row in the overview.
    pub row: Option<SessionRow>,
    /// All facts that are kept.
    pub events: Vec<StoredEvent>,
    /// All log lines that are kept.
    pub log: Vec<LogLine>,
}

/// What makes a session the one it is.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredSession {
    /// Its id.
    pub id: SessionId,
    /// Its name as a producer or a folder gave it.
    pub name: String,
    /// The absolute path of the project's folder.
    pub directory: Option<String>,
    /// Whether a producer named it (else the name is the folder's).
    pub named: bool,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// Who pushed it first; absent when it was read from files. The server's own affair: no part of an export.
    #[serde(skip)]
    pub pushed_by: Option<String>,
}
