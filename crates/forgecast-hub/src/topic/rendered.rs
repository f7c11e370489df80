//! One revision of a topic as bytes: its state, its snapshot, its digest. Each is made once, when it is first asked for,
//! and never under the topic's lock.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use forgecast_protocol::Revision;

use super::TopicHandle;
use crate::frame;
use crate::json_object::JsonObject;
use crate::rows::IndexRows;

/// What the newest revision consists of.
#[derive(Clone)]
pub(crate) enum Content {
    /// A session's view.
    View(JsonObject),
    /// The index.
    Index(Arc<IndexRows>),
}

impl Content {
    fn json(&self) -> Bytes {
        match self {
            Self::View(view) => view.canonical().clone(),
            Self::Index(rows) => rows.json(),
        }
    }
}

/// One revision as bytes, each form made when it is first asked for and then shared.
pub(crate) struct Rendered {
    /// The revision.
    pub(crate) revision: Revision,
    content: Content,
    body: OnceLock<Bytes>,
    snapshot: OnceLock<Bytes>,
    digest: OnceLock<String>,
}

impl Rendered {
    pub(super) fn new(revision: Revision, content: Content) -> Self {
        Self {
            revision,
            content,
            body: OnceLock::new(),
            snapshot: OnceLock::new(),
            digest: OnceLock::new(),
        }
    }

    /// The state as canonical JSON: keys sorted, no white space.
    pub(crate) fn body(&self) -> &Bytes {
        self.body.get_or_init(|| self.content.json())
    }

    /// The `snapshot` message of the topic that this is a revision of.
    pub(super) fn snapshot(&self, topic: &TopicHandle) -> &Bytes {
        self.snapshot.get_or_init(|| {
            let state = self.body.get().cloned().unwrap_or_else(|| self.content.json());
            let snapshot = frame::snapshot(&topic.name, topic.epoch, self.revision, &state);
            // The message ends with the state and a brace, so that the index of many sessions is in memory once.
            let end = snapshot.len() - 1;
            let _ = self.body.set(snapshot.slice(end - state.len()..end));
            snapshot
        })
    }

    /// SHA-256 of [`Rendered::body`].
    pub(crate) fn digest(&self) -> &str {
        self.digest.get_or_init(|| frame::sha256_hex(self.body()))
    }
}
