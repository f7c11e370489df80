//! What a build leaves behind: decisions, patterns, files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::ArtifactKind;
use crate::time::Timestamp;

/// Decisions and lessons.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decisions {
    /// How many there are.
    #[serde(default)]
    pub total: u32,
    /// Mean of the ratings that were given, 1 to 5.
    #[schemars(range(min = 1, max = 5))]
    pub avg_quality: Option<f64>,
    /// How many applied a lesson of an earlier build.
    #[serde(default)]
    pub lessons_used: u32,
    /// The newest 50 by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recent: BTreeMap<String, DecisionView>,
}

/// One decision.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionView {
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
    /// How sure its author is, as written.
    pub confidence: Option<String>,
    /// 1 to 5, when somebody rated it.
    #[schemars(range(min = 1, max = 5))]
    pub quality: Option<f64>,
    /// 1 to 5, when somebody rated it.
    #[schemars(range(min = 1, max = 5))]
    pub difficulty: Option<f64>,
    /// Whether a lesson of an earlier build was applied.
    pub lesson_used: Option<bool>,
    /// When it was learned.
    pub at: Option<Timestamp>,
}

/// One pattern.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatternView {
    /// One line.
    pub title: String,
    /// The library it stands in.
    pub library: Option<String>,
    /// `HIGH`, `MEDIUM`, `LOW`, or the producer's word.
    pub severity: Option<String>,
    /// How often it was seen.
    pub frequency: Option<u32>,
    /// How often it was prevented.
    pub times_prevented: Option<u32>,
}

/// One file of the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactView {
    /// What it is.
    pub kind: ArtifactKind,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
    /// Last change.
    pub modified_at: Timestamp,
}
