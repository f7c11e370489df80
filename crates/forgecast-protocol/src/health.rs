//! What viewers and operators see of the sources: the state of each configured folder, and counters of the work done.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::IndexingProgress;

/// How the sources are, as the sources last reported.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SourceHealth {
    /// Everything that was there at the start was read and handed over, archives of transcripts aside.
    pub ready: bool,
    /// How far the reading of archives is; absent when none waits to be read.
    pub indexing: Option<IndexingProgress>,
    /// The configured folders; a default folder, or one of an agent, only while it is there.
    pub roots: Vec<RootHealth>,
    /// Folders with a system watch.
    pub watches: u64,
    /// Folders that are polled because the system gives no (more) watches.
    pub polled: u64,
    /// How often the system's queue of notifications overflowed.
    pub overflows: u64,
    /// Files read (not: looked at by `stat`).
    pub reads: u64,
    /// Bytes read from them.
    pub bytes_read: u64,
    /// Looks by `stat` at the files of a group, for whatever reason.
    pub looks: u64,
    /// Folders listed, by search and by reconciling.
    pub folders_listed: u64,
    /// Projects known, gone ones included.
    pub projects: u64,
    /// Transcripts known.
    pub transcripts: u64,
    /// Records of transcripts that are of a kind that is not known.
    pub unknown_records: u64,
    /// Lines of transcripts that could not be read.
    pub bad_lines: u64,
    /// Readings that did not answer in time and still occupy a thread.
    pub stuck: u64,
    /// Problems that are open at the moment.
    pub problems: u64,
}

/// One configured folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RootHealth {
    /// Where it is.
    pub path: PathBuf,
    /// What it is for.
    pub kind: RootKind,
    /// How it is observed.
    pub state: RootState,
    /// Projects (sessions, for a folder of checkpoints; transcripts, for a folder of an agent) found in it.
    pub projects: u64,
    /// What is wrong and the way out; null when nothing is.
    pub message: Option<String>,
}

/// What a configured folder is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RootKind {
    /// Projects are looked for in it.
    Projects,
    /// It holds a folder per session (`checkpoints/ralph`).
    Checkpoints,
    /// It holds logs.
    Logs,
    /// It is the home of the coding agent with this key (`claude`), with transcripts in it.
    #[serde(untagged)]
    Agent(Cow<'static, str>),
}

/// How a configured folder is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum RootState {
    /// By notifications, and by `stat` from time to time.
    Watching,
    /// By `stat` only.
    Polling,
    /// It is not there; awaited.
    Missing,
    /// It cannot be read; tried again.
    Unreadable,
}

impl RootState {
    /// Whether what happens in the folder is seen.
    #[must_use]
    pub fn is_observed(self) -> bool {
        matches!(self, Self::Watching | Self::Polling)
    }
}
