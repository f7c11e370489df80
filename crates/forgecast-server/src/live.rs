//! The live protocol, over WebSocket and as SSE: both follow topics of the hub and send its frames as they are. What is
//! common to both stands here; nothing here may make the hub wait.

use std::collections::BTreeMap;
use std::time::Duration;

use forgecast_protocol::ServerMessage;
use forgecast_protocol::time::{Clock, Timestamp};
use forgecast_protocol::update::{PROTOCOL_VERSION, TopicMark};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub(crate) mod sse;
pub(crate) mod topics;
pub(crate) mod ws;

/// Ticks for all viewers at once: thousands of viewers share one timer.
pub(crate) async fn beat(every: Duration, clock: Clock, beats: watch::Sender<Timestamp>, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => { beats.send_replace(clock.now()); }
        }
    }
}

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

/// A message as text. Messages are made of types that always serialise.
fn json(message: &ServerMessage) -> String {
    serde_json::to_string(message).unwrap_or_default()
}
