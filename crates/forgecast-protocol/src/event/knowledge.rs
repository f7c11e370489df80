//! Facts about what a build leaves behind: files, decisions, patterns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A file of the session was created, changed or removed.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactChanged {
    /// Path relative to the project's folder; also the name by which it is opened.
    pub name: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// Bytes.
    pub size: u64,
    /// When the file was last changed.
    pub modified_at: Timestamp,
    /// The producer's own time of it (`completed_at`), which says whose run it is.
    pub dated: Option<Timestamp>,
    /// The file was removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// `session-summary.json`.
    Summary,
    /// Results of a round of tests.
    TestReport,
    /// What the build learned.
    Feedback,
    /// A pattern library.
    Patterns,
    /// The list of tasks.
    Tasks,
    /// Scout report, architecture and the like.
    Document,
    /// A log.
    Log,
    /// Anything else.
    Other,
}

/// A decision, an issue that was found, or a lesson. Ratings that nobody gave are absent.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionRecorded {
    /// What makes it the same decision when it is read again: file and id.
    pub key: String,
    /// One line.
    pub title: String,
    /// `Testing`, `Architecture`, …
    pub category: Option<String>,
    /// `HIGH`, `MEDIUM`, `LOW`, or the producer's word.
    pub severity: Option<String>,
    /// The phase in which it was made or found.
    pub phase: Option<String>,
    /// The phase that should have found it.
    pub should_detect_in_phase: Option<String>,
    /// Why it came about.
    pub root_cause: Option<String>,
    /// What was or should be done.
    pub solution: Option<String>,
    /// Phases it applies to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applies_to_phases: Vec<String>,
    /// How sure its author is, as written.
    pub confidence: Option<String>,
    /// 1 to 5, when somebody rated it.
    pub quality: Option<f64>,
    /// 1 to 5, when somebody rated it.
    pub difficulty: Option<f64>,
    /// Whether a lesson of an earlier build was applied.
    pub lesson_used: Option<bool>,
}

/// A pattern of the pattern library.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatternRecorded {
    /// The pattern's own id.
    pub id: String,
    /// One line.
    pub title: Option<String>,
    /// The library it stands in: the file's name without its ending.
    pub library: Option<String>,
    /// `HIGH`, `MEDIUM`, `LOW`, or the producer's word.
    pub severity: Option<String>,
    /// How often it was seen.
    pub frequency: Option<u32>,
    /// How often it was prevented.
    pub times_prevented: Option<u32>,
}
