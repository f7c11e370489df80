//! How sessions ended and how long they took: the answer of `GET /api/v1/outcomes`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By what finished sessions are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomesBy {
    /// The day on which they ended, by this machine's calendar.
    #[default]
    Day,
    /// The project.
    Project,
}

/// Finished sessions, grouped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeReport {
    /// By what the rows are grouped.
    pub group_by: OutcomesBy,
    /// The groups: days newest first, projects by how many sessions they have, the most first.
    pub rows: Vec<OutcomeRow>,
    /// All of them together.
    pub totals: Outcomes,
}

/// One group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeRow {
    /// The day, `2026-11-22`, or the project; what has no project has the empty one.
    pub key: String,
    /// Its sessions.
    #[serde(flatten)]
    pub outcomes: Outcomes,
}

/// How many sessions ended in which way, and how long those took that were completed.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcomes {
    /// Sessions that were completed.
    pub completed: u32,
    /// Sessions that failed.
    pub failed: u32,
    /// Sessions that were given up: neither a success nor a failure.
    pub abandoned: u32,
    /// Seconds, median of the completed ones whose beginning and end are known; absent without one.
    pub median_s: Option<u64>,
    /// Seconds, longest of the same.
    pub longest_s: Option<u64>,
}
