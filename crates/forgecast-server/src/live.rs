//! The live protocol, over WebSocket and as server-sent events: both follow topics of the hub and send its frames as they
//! are. Nothing here may make the hub wait.

use std::collections::BTreeMap;

use forgecast_protocol::ServerMessage;
use forgecast_protocol::Timestamp;
use forgecast_protocol::update::{PROTOCOL_VERSION, TopicMark};

pub(crate) mod sse;
mod topics;
pub(crate) mod ws;

/// The first message to every viewer.
fn hello(now: Timestamp, heartbeat_ms: u64) -> ServerMessage {
    ServerMessage::Hello {
        protocol: PROTOCOL_VERSION,
        server_time: now,
        heartbeat_s: u32::try_from(heartbeat_ms.div_ceil(1000)).unwrap_or(u32::MAX),
    }
}

fn heartbeat(now: Timestamp, revisions: BTreeMap<String, TopicMark>) -> ServerMessage {
    ServerMessage::Heartbeat {
        server_time: now,
        revisions,
    }
}

/// A message as text. Messages are made of types that always serialize.
fn json(message: &ServerMessage) -> String {
    serde_json::to_string(message).unwrap_or_default()
}
