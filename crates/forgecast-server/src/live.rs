//! The live protocol, over WebSocket and as SSE: both follow topics of the hub and send its frames as they are. What is
//! common to both stands here; nothing here may make the hub wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forgecast_hub::{Bell, Listener};
use forgecast_protocol::ServerMessage;
use forgecast_protocol::time::{Clock, Timestamp};
use forgecast_protocol::update::{PROTOCOL_VERSION, TopicMark};
use tokio::time::MissedTickBehavior;

use crate::state::AppState;

pub(crate) mod decoder;
pub(crate) mod handshake;
pub(crate) mod outgoing;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod topics;
pub(crate) mod ws;

/// The heartbeat of all viewers: thousands of them share one timer.
pub(crate) struct HeartbeatClock {
    bell: Arc<Bell>,
    /// When it last beat. Held while the bell rings, so that nobody begins to listen between a beat's time and its ring:
    /// what a listener hears first would be older than itself.
    last: Mutex<Timestamp>,
}

impl HeartbeatClock {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            bell: Arc::default(),
            last: Mutex::new(now),
        }
    }

    /// Hears the stop and every beat from now on, not the one before.
    pub(crate) fn listen(&self) -> Listener {
        let _no_beat = self.lock();
        self.bell.listen()
    }

    /// When it last beat.
    pub(crate) fn last(&self) -> Timestamp {
        *self.lock()
    }

    fn beat(&self, clock: &Clock) {
        let mut last = self.lock();
        *last = clock.now();
        self.bell.ring();
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        // A time is written in one step: a panic elsewhere cannot leave half of one.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// HeartbeatClock until `stopping`, then rings once more so that everybody looks. Whether a token was revoked is looked up once
/// before each beat, not by each viewer.
pub(crate) async fn beat(every: Duration, shared: Arc<AppState>) {
    let AppState {
        heartbeats,
        clock,
        access,
        ..
    } = &*shared;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => {
                heartbeats.bell.ring();
                return;
            }
            _ = ticks.tick() => {
                access.refresh();
                heartbeats.beat(clock);
            }
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
