//! What is written: a [`Commit`] is the unit that is stored as a whole or not at all.

use forgecast_protocol::event::TokenDelta;
use forgecast_protocol::rest::StoredSession;
use forgecast_protocol::{
    Event, EventKey, LogLine, Revision, SessionId, SessionRow, SourceCheckpoint, SourceKey, Timestamp,
};

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
    /// A fact. One that is stored already, by its producer's id, is passed over.
    Event {
        /// The session.
        session: SessionId,
        /// The session's revision after the fact was folded.
        revision: Revision,
        /// The fact.
        event: Event,
    },
    /// The folded session after the facts written so far. The newest one is kept, and one of every 256 facts.
    Snapshot {
        /// The session.
        session: SessionId,
        /// The session's revision.
        revision: Revision,
        /// The version of the fold that made it; another one reads it only where facts are missing.
        fold_version: u32,
        /// The session as the fold serializes it; opaque here.
        body: Vec<u8>,
    },
    /// The session's newest row for the overview.
    Row {
        /// The session.
        session: SessionId,
        /// The revision that the row shows.
        revision: Revision,
        /// The row.
        row: SessionRow,
    },
    /// How far a source was read.
    Checkpoint(SourceKey, SourceCheckpoint),
    /// The source was removed.
    ForgetSource(SourceKey),
    /// Log lines, numbered; a line whose number is stored already is passed over.
    Log {
        /// The session.
        session: SessionId,
        /// By what the message that held them is known; see `known_ids` of the store.
        key: Option<EventKey>,
        /// The lines, in order.
        lines: Vec<LogLine>,
    },
    /// A finished run's durations, for estimates; replaces an earlier one of the session.
    Run(StoredRun),
    /// A call to a model, as the ledger knows it by now; replaces what was stored under the number.
    Call {
        /// Its number, chosen by the ledger.
        number: u64,
        /// By what it is found, beside its number. Keys are added to those that are stored. Several calls may share one:
        /// that is how all calls of one transcript can be found.
        keys: Vec<u64>,
        /// The call as the ledger serializes it; opaque here.
        body: Vec<u8>,
    },
    /// The call is removed, because it proved to be a part of another one.
    ForgetCall(u64),
    /// To which session an agent's transcript belongs; replaces what was said of it before.
    Transcript {
        /// The transcript's id.
        id: String,
        /// The session.
        session: SessionId,
        /// The folder in which the agent was started.
        directory: Option<String>,
    },
    /// What is to be added to the sums that reports are made of. Needs no known session: history outlives sessions.
    Usage(UsageDelta),
    /// What was counted of this owner in this session so far is removed, because a better source reports it.
    ForgetUsage {
        /// Who used it, as in [`UsageDelta::owner`].
        owner: String,
        /// Where it was used, as in [`UsageDelta::session`].
        session: String,
    },
    /// What is known of windows of plans under a key; opaque here. `None` removes it.
    Limit {
        /// The key.
        key: String,
        /// What is known; replaces what was stored.
        body: Option<String>,
    },
}

/// A difference in what was used; nothing of it needs to be positive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageDelta {
    /// The day, counted from 1970-01-01, in the calendar of the machine.
    pub day: i32,
    /// The transcript that tells of it, else the session.
    pub owner: String,
    /// The session it is shown with.
    pub session: String,
    /// The project; empty for none.
    pub project: String,
    /// The model; empty when no source names one.
    pub model: String,
    /// The phase; empty for none.
    pub phase: String,
    /// Tokens by type.
    pub tokens: TokenDelta,
    /// Billionths of a US dollar.
    pub cost_nanos: i64,
    /// Calls.
    pub calls: i64,
    /// Of them, calls whose model has no price.
    pub unpriced: i64,
    /// When the tokens were used.
    pub last_used_at: Timestamp,
}

/// A finished run as history keeps it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StoredRun {
    /// The run.
    pub session: SessionId,
    /// The project it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The record as the estimator writes it; opaque here.
    pub body: serde_json::Value,
}
