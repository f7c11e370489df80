//! Facts about the sources themselves, which Forgecast states and nobody else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// A source has a problem that viewers are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemFound {
    /// Names the trouble, so that the same one is shown once: the file's path and, for a field, its name.
    pub key: String,
    /// The trouble.
    pub problem: Problem,
}

/// The problem of a source is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemCleared {
    /// The key under which it was found.
    pub key: String,
    /// Also what was found in parts of it, under keys that begin with this one and `#`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_parts: bool,
}

/// The folder or file that the session is read from is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceGone {
    /// What is gone.
    pub path: String,
}

/// The folder or file that the session is read from is back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceReturned {
    /// What is back.
    pub path: String,
}

/// The folder that the session is read from has another path, by its own name or by that of a folder above it. It is the
/// same session, which goes on there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceMoved {
    /// The absolute path that it had.
    pub from: String,
    /// The absolute path that it has.
    pub to: String,
}

/// How far the first reading of old sources is. When `done` equals `files`, it is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IndexingProgress {
    /// Files read to their end.
    pub done: u64,
    /// Files in all.
    pub files: u64,
    /// Bytes read.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes: u64,
}
