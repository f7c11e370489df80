//! What a source hands to the hub in one piece, and what the store commits in one transaction: facts, log lines and the
//! place in the source up to which they were read. Either all of it is kept or none, so nothing is folded twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Event, Subject};
use crate::ids::{EventId, EventKey};
use crate::time::Timestamp;

/// Facts of one reading, with the checkpoints that say how far that reading came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Facts in the order in which they were learned.
    pub events: Vec<Event>,
    /// Log lines, in order.
    pub logs: Vec<LogChunk>,
    /// How far each source was read.
    pub checkpoints: Vec<(SourceKey, SourceCheckpoint)>,
}

impl Batch {
    /// A batch of one event and nothing else.
    #[must_use]
    pub fn of(event: Event) -> Self {
        Self {
            events: vec![event],
            ..Self::default()
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.logs.is_empty() && self.checkpoints.is_empty()
    }
}

/// Names one source of facts in the store: the absolute path of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceKey(pub String);

/// Which file it was, whatever its path: a replaced file has another identity under the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// The device the file is on.
    pub device: u64,
    /// The file's number on the device.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
    /// Last change of the content or the inode, nanoseconds since the Unix epoch; cannot be set by a program, so it
    /// tells a rewrite that kept size and mtime.
    pub ctime_ns: i64,
}

/// How far a source was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCheckpoint {
    /// The file as it was when it was read.
    pub identity: FileIdentity,
    /// For a file that is appended to: the offset after the last complete line that was taken, in bytes.
    pub offset: u64,
    /// For a document that is rewritten: the SHA-256 of its bytes, hexadecimal. For a file that is appended to: a digest
    /// of what stands before the offset, by which a file that was written anew is known; empty when too little was read.
    pub digest: String,
    /// For a file that is appended to: what its decoder has to remember of the lines before the offset, opaque to all
    /// others; empty when that is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
}

/// Lines for the log of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct LogChunk {
    /// Whose log.
    pub subject: Subject,
    /// The producer's id, or what else the message is known by: with the same id it counts once, like that of an event.
    pub id: Option<EventId>,
    /// The lines, in order.
    pub lines: Vec<LogLine>,
}

impl LogChunk {
    /// By what the message is known when it comes again.
    #[must_use]
    pub fn key(&self) -> Option<EventKey> {
        self.id.as_ref().map(|id| EventKey::new(id, &self.subject))
    }
}

/// One line of a log: cleaned of control characters, secrets masked, colors as spans.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Number of the line within the session's log: only grows. Zero until the hub has numbered it.
    #[serde(default)]
    pub offset: u64,
    /// When the line arrived.
    pub at: Timestamp,
    /// `error`, `warn`, `info`, `debug`; absent when the line does not say.
    pub level: Option<LogLevel>,
    /// The name of the file or producer it came from.
    pub from: Option<String>,
    /// The text without any control sequence.
    pub text: String,
    /// Styled parts of the text, in order, not overlapping; what is not covered has no style.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
}

/// How serious a log line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Detail for developers.
    Debug,
    /// What happens.
    Info,
    /// What may need attention.
    Warn,
    /// What failed.
    Error,
}

/// A styled stretch of a line, from the ANSI sequences that were taken out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// First character, counted in UTF-16 code units as browsers do.
    pub start: u32,
    /// The one after the last, in UTF-16 code units.
    pub end: u32,
    /// Space-separated style words: `bold`, `dim`, `italic`, `underline`, `fg-0` to `fg-15`, `bg-0` to `bg-15`.
    pub style: String,
}
