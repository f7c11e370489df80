//! The published index: one row per session as JSON bytes, so that ten thousand sessions cost ten thousand rows and not
//! ten thousand views.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use forgecast_protocol::Problem;
use forgecast_protocol::event::IndexingProgress;
use serde::Serialize;

use crate::frame::{self, canonical};
use crate::json_object::JsonObject;

/// What the index shows besides the rows.
#[derive(Clone, Default, PartialEq, Serialize)]
pub(crate) struct IndexHead {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) indexing: Option<IndexingProgress>,
    pub(crate) problems: BTreeMap<String, Problem>,
    pub(crate) total: usize,
}

/// What the topic `sessions` publishes: a [`forgecast_protocol::update::Index`] whose rows are JSON already.
#[derive(Clone, Default)]
pub(crate) struct IndexRows {
    pub(crate) head: IndexHead,
    pub(crate) sessions: BTreeMap<Arc<str>, JsonObject>,
}

impl IndexRows {
    /// Canonical JSON: the bytes that `serde_json` writes for the same state as a `Value`.
    pub(crate) fn json(&self) -> Bytes {
        let size: usize = self.sessions.values().map(|row| row.canonical().len() + 64).sum();
        let mut out = Vec::with_capacity(size + 256);
        out.push(b'{');
        if let Some(indexing) = &self.head.indexing {
            out.extend_from_slice(br#""indexing":"#);
            out.extend_from_slice(&frame::json(&canonical(indexing)));
            out.push(b',');
        }
        out.extend_from_slice(br#""problems":"#);
        out.extend_from_slice(&frame::json(&canonical(&self.head.problems)));
        out.extend_from_slice(br#","sessions":{"#);
        for (number, (id, row)) in self.sessions.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            // An id consists of characters that JSON writes as they are.
            out.push(b'"');
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(br#"":"#);
            out.extend_from_slice(row.canonical());
        }
        out.extend_from_slice(br#"},"total":"#);
        out.extend_from_slice(self.head.total.to_string().as_bytes());
        out.push(b'}');
        out.into()
    }
}
