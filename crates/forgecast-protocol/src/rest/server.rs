//! How the server itself is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::IndexingProgress;
use crate::health::RootHealth;

/// Whether everything works, and what does not.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// All of it in one word.
    pub status: Ready,
    /// The configured folders; a folder of an agent only while it is there.
    pub sources: Vec<RootHealth>,
    /// The database.
    pub store: StoreState,
    /// The places for sessions.
    #[serde(default)]
    pub sessions: SessionPlaces,
    /// How far the reading of archives is, while it goes on. No reason to be unwell: what is live is shown.
    pub indexing: Option<IndexingProgress>,
}

/// How many of the places for sessions are taken. Finished sessions leave theirs to new ones, unfinished ones do not.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SessionPlaces {
    /// Sessions that are unfinished.
    pub unfinished: u64,
    /// Sessions that there may be (`sessions.max`).
    pub max: u64,
    /// Whether all of them are taken: no build that begins now is shown.
    pub full: bool,
    /// Whose new sessions are refused and the way out, while any are.
    pub refused: Option<String>,
}

/// How the server is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// Everything works.
    Ready,
    /// The folders are read for the first time.
    Starting,
    /// A part is down.
    Degraded,
}

fn yes() -> bool {
    true
}

/// How the database is.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreState {
    /// Whether it takes facts.
    pub writable: bool,
    /// Whether it can be read.
    #[serde(default = "yes")]
    pub readable: bool,
    /// Whether the disk is full.
    pub full: bool,
    /// Bytes that wait to be written.
    pub backlog_bytes: u64,
    /// What went wrong last, while it lasts.
    pub last_error: Option<String>,
}
