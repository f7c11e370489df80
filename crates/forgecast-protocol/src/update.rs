//! Updates are changes that go out: the messages of the live protocol, the same over WebSocket and SSE.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::batch::LogLine;
use crate::ids::{Epoch, Revision, Topic};
use crate::problem::ErrorBody;
use crate::time::Timestamp;

/// Version of the protocol that `hello` announces; grows when a viewer of the version before would misread a message.
pub const PROTOCOL_VERSION: u32 = 1;

/// Seconds between heartbeats.
pub const HEARTBEAT_S: u32 = 2;

/// What a viewer sends.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Follow a topic, from what the viewer already has or from the beginning.
    Subscribe {
        /// What to follow.
        topic: Topic,
        /// The epoch of what the viewer has.
        epoch: Option<Epoch>,
        /// The revision of what the viewer has.
        revision: Option<Revision>,
        /// For a log: the number of the first line that is wanted.
        offset: Option<u64>,
    },
    /// Follow it no longer.
    Unsubscribe {
        /// What was followed, by the name that was used or by the canonical one.
        topic: Topic,
    },
}

/// What the server sends.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// First of all.
    Hello {
        /// The version of this protocol, [`PROTOCOL_VERSION`].
        protocol: u32,
        /// The server's time, for the viewer's clock offset.
        server_time: Timestamp,
        /// Seconds between two heartbeats, [`HEARTBEAT_S`].
        heartbeat_s: u32,
    },
    /// The whole state of a topic.
    Snapshot {
        /// The canonical topic.
        topic: Topic,
        /// Within it, revisions can be compared.
        epoch: Epoch,
        /// The revision of this state.
        revision: Revision,
        /// A session's view, or for `sessions` an [`Index`].
        #[schemars(with = "crate::schema::State")]
        state: Value,
    },
    /// The difference between two revisions that follow each other.
    Patch {
        /// The canonical topic.
        topic: Topic,
        /// As in the snapshot.
        epoch: Epoch,
        /// The revision that it applies to, and no other.
        from: Revision,
        /// The revision that it leads to.
        revision: Revision,
        /// JSON Merge Patch (RFC 7396).
        #[schemars(with = "crate::schema::Patch")]
        patch: Value,
    },
    /// Lines of a log.
    Log {
        /// The canonical topic.
        topic: Topic,
        /// The number of the first of these lines.
        offset: u64,
        /// How many lines before them were left out, because the viewer was too slow or the lines are no longer kept.
        skipped: Option<u64>,
        /// The lines, in order.
        lines: Vec<LogLine>,
    },
    /// A producer's own event, as it came.
    Event {
        /// The canonical topic.
        topic: Topic,
        /// The event.
        event: Value,
    },
    /// The topic is no more: its session was removed.
    Removed {
        /// The canonical topic.
        topic: Topic,
    },
    /// A subscription or a message that could not be served.
    Error {
        /// The topic as the viewer named it, when it is about one.
        topic: Option<String>,
        /// What is wrong and the way out.
        problem: ErrorBody,
    },
    /// What the viewer should hold by now, every [`HEARTBEAT_S`] seconds.
    Heartbeat {
        /// The server's time.
        server_time: Timestamp,
        /// Every subscribed topic.
        revisions: BTreeMap<String, TopicMark>,
    },
}

/// The state of a topic in brief; for a log the revision is the number of its next line.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopicMark {
    /// The newest revision.
    pub revision: Revision,
    /// SHA-256 of the canonical state, hexadecimal; opaque to browsers.
    pub digest: Option<String>,
}

/// The `state` of the topic `sessions`.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// Rows by session id: all unfinished sessions and the 500 most recent.
    pub sessions: BTreeMap<String, crate::session::SessionRow>,
    /// How many sessions there are in all, older ones included.
    pub total: u64,
    /// Troubles that belong to no session, by key: a root that is missing, a database that is full.
    pub problems: BTreeMap<String, crate::problem::Problem>,
    /// How far the first reading of old transcripts is, while it goes on.
    pub indexing: Option<crate::event::IndexingProgress>,
}
