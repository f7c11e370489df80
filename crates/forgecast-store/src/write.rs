//! What is written: a [`Commit`] is the unit that is stored as a whole or not at all.

use forgecast_protocol::{Event, LogLine, Revision, SessionId, SessionRow, SourceCheckpoint, SourceKey, Timestamp};

/// Writes that belong together: they are stored in one transaction, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// The writes. None is fine: such a commit resolves when everything before it is durable.
    pub writes: Vec<Write>,
}

/// One write. Everything about a session needs its [`Write::Session`] first, in this commit or an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Makes the session known, or changes what is known of it. Repeating it is harmless.
    Session(StoredSession),
    /// A fact. One whose producer's id is stored already is passed over.
    Event {
        /// Whose.
        session: SessionId,
        /// The session's revision after the fact was folded.
        revision: Revision,
        /// The fact.
        event: Event,
    },
    /// The folded session after the facts written so far. The newest one is kept, and one of every 256 facts.
    Snapshot {
        /// Whose.
        session: SessionId,
        /// The session's revision.
        revision: Revision,
        /// The version of the fold that made it; another one cannot read it.
        fold_version: u32,
        /// The session as the fold serialises it; opaque here.
        body: Vec<u8>,
    },
    /// The session's newest row for the overview.
    Row {
        /// Whose.
        session: SessionId,
        /// The revision that the row shows.
        revision: Revision,
        /// The row.
        row: SessionRow,
    },
    /// How far a source was read.
    Checkpoint(SourceKey, SourceCheckpoint),
    /// The source is no more.
    ForgetSource(SourceKey),
    /// Log lines, numbered; a line whose number is stored already is passed over.
    Log {
        /// Whose.
        session: SessionId,
        /// The lines, in order.
        lines: Vec<LogLine>,
    },
    /// A finished run's durations, for estimates; replaces an earlier one of the session.
    Run(StoredRun),
}

/// What makes a session the one it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredSession {
    /// Its id.
    pub id: SessionId,
    /// Its name as a producer or a folder gave it.
    pub name: String,
    /// The absolute path of the project's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Whether a producer named it (else the name is the folder's).
    pub named: bool,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// A finished run as history keeps it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StoredRun {
    /// Which run.
    pub session: SessionId,
    /// The project it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The record as the estimator writes it; opaque here.
    pub body: serde_json::Value,
}
