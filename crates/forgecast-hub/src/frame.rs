//! The bytes of the live protocol's messages, written without a copy of the state: exactly the bytes that
//! `forgecast_protocol::ServerMessage` would be written as.

use std::fmt::Write as _;

use bytes::Bytes;
use forgecast_protocol::{Epoch, LogLine, Revision, hex};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The type of a message: frames are counted by it, and SSE events are named by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum FrameKind {
    /// `snapshot`
    Snapshot,
    /// `patch`
    Patch,
    /// `log`
    Log,
    /// `event`
    Event,
    /// `removed`
    Removed,
}

/// What a viewer holds after a frame. It presents this when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch of the revision.
    pub epoch: Epoch,
    /// The revision that the viewer then holds; for a log the number of the next line.
    pub revision: Revision,
}

/// One complete message, the same bytes for every viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// A complete `ServerMessage` as UTF-8 JSON.
    pub json: Bytes,
    /// What the viewer holds after it; `None` when the frame changes nothing of that (`event`, `removed`).
    pub position: Option<Position>,
    /// The type of the message.
    pub kind: FrameKind,
}

impl Frame {
    pub(crate) fn new(kind: FrameKind, json: Bytes, position: Option<Position>) -> Self {
        Self { json, position, kind }
    }
}

/// JSON text of plain data: writing it cannot fail.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a message could not be written as JSON");
        b"null".to_vec()
    })
}

/// A value whose objects have their keys sorted.
pub(crate) fn canonical<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a state could not be written as JSON");
        Value::Null
    })
}

fn head(kind: FrameKind, topic: &str, capacity: usize) -> String {
    let mut text = String::with_capacity(capacity + topic.len() + 96);
    let _ = write!(text, r#"{{"type":"{}","topic":"{topic}""#, kind.as_ref());
    text
}

fn close(head: String, body: &[u8]) -> Bytes {
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes.push(b'}');
    bytes.into()
}

/// A `snapshot` message around a state that is JSON already.
pub(crate) fn snapshot(topic: &str, epoch: Epoch, revision: Revision, state: &[u8]) -> Bytes {
    let mut head = head(FrameKind::Snapshot, topic, state.len());
    let _ = write!(head, r#","epoch":"{epoch}","revision":{revision},"state":"#);
    close(head, state)
}

/// A `patch` message from one revision to another, around a merge patch that is JSON already.
pub(crate) fn patch(topic: &str, epoch: Epoch, from: Revision, revision: Revision, patch: &[u8]) -> Bytes {
    let mut head = head(FrameKind::Patch, topic, patch.len());
    let _ = write!(
        head,
        r#","epoch":"{epoch}","from":{from},"revision":{revision},"patch":"#
    );
    close(head, patch)
}

/// An `event` message with a producer's own event.
pub(crate) fn event(topic: &str, event: &Value) -> Bytes {
    let body = json(event);
    let mut head = head(FrameKind::Event, topic, body.len());
    head.push_str(r#","event":"#);
    close(head, &body)
}

/// A `removed` message: the topic no longer exists.
pub(crate) fn removed(topic: &str) -> Bytes {
    close(head(FrameKind::Removed, topic, 0), b"")
}

/// A `log` message of lines that are JSON already.
pub(crate) fn log_of<'a>(topic: &str, offset: u64, skipped: u64, lines: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut bytes = log_head(topic, offset, skipped, 4096).into_bytes();
    for (number, line) in lines.enumerate() {
        if number > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(line);
    }
    bytes.extend_from_slice(b"]}");
    bytes.into()
}

/// A `log` message, and each of its lines as a slice of it.
pub(crate) fn log(topic: &str, offset: u64, lines: &[LogLine]) -> (Bytes, Vec<Bytes>) {
    let mut bytes = log_head(topic, offset, 0, lines.len() * 120).into_bytes();
    let mut spans = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            bytes.push(b',');
        }
        let begin = bytes.len();
        bytes.extend_from_slice(&json(line));
        spans.push(begin..bytes.len());
    }
    bytes.extend_from_slice(b"]}");
    let frame = Bytes::from(bytes);
    let slices = spans.into_iter().map(|span| frame.slice(span)).collect();
    (frame, slices)
}

fn log_head(topic: &str, offset: u64, skipped: u64, capacity: usize) -> String {
    let mut head = head(FrameKind::Log, topic, capacity);
    let _ = write!(head, r#","offset":{offset}"#);
    if skipped > 0 {
        let _ = write!(head, r#","skipped":{skipped}"#);
    }
    head.push_str(r#","lines":["#);
    head
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::{ServerMessage, Timestamp};
    use serde_json::json;

    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            offset: 7,
            at: Timestamp::from_millis(0),
            level: None,
            from: None,
            text: text.into(),
            spans: Vec::new(),
        }
    }

    #[test]
    fn every_frame_is_what_the_protocol_would_write() {
        let (topic, epoch) = ("session/a~1", Epoch::new(7));
        let state = json!({"b": [1, 2.5], "a": "\u{1F600}\"\n"});
        let (log, lines) = log("log/a~1", 7, &[line("x\"y"), line("z")]);
        let joined = log_of("log/a~1", 7, 3, lines.iter().map(AsRef::as_ref));
        for frame in [
            snapshot(topic, epoch, 3, &super::json(&state)),
            patch(topic, epoch, 2, 3, &super::json(&state)),
            event(topic, &state),
            removed(topic),
            log,
            joined,
        ] {
            let message: ServerMessage = serde_json::from_slice(&frame).unwrap();
            assert_eq!(serde_json::to_vec(&message).unwrap(), frame);
        }
    }

    #[test]
    fn objects_are_written_with_sorted_keys_so_that_a_digest_means_the_state() {
        let value: Value = serde_json::from_str(r#"{"b":1,"a":{"d":1,"c":2}}"#).unwrap();
        assert_eq!(value.to_string(), r#"{"a":{"c":2,"d":1},"b":1}"#);
    }

    #[test]
    fn a_number_read_back_is_the_same_number() {
        for text in ["14.285714285714286", "0.1", "1e-7", "123456789.12345679"] {
            let value: Value = serde_json::from_str(text).unwrap();
            let again: Value = serde_json::from_str(&value.to_string()).unwrap();
            assert_eq!(value, again);
        }
    }
}
