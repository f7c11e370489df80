//! A viewer in the test's own hands: it reads when told to, leaves when told to, comes back with what it holds, and
//! checks every patch and every digest that it is sent.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::time::Instant;

use forgecast_protocol::{Epoch, Revision, ServerMessage};
use forgecast_session::patch;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tungstenite::{Message, WebSocket};

use crate::viewer::Held;
use crate::world::PATIENCE;

/// A viewer that follows a session and keeps what it received.
pub(crate) struct Follower {
    socket: WebSocket<TcpStream>,
    /// The topic's canonical name, once the server said it.
    topic: Option<String>,
    pub(crate) state: Value,
    pub(crate) position: Option<(Epoch, Revision)>,
    /// How many digests were compared; each was equal.
    pub(crate) digests: u64,
    pub(crate) snapshots: u64,
    pub(crate) patches: u64,
}

/// What one message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Snapshot,
    Patch,
    Heartbeat,
    Other,
}

/// SHA-256 of the canonical JSON of a state: keys in order, no spaces.
pub(crate) fn digest(state: &Value) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(state.to_string()) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

impl Follower {
    /// Follows a topic such as `sessions` or `session/weather-app`; fails when the server is not there.
    pub(crate) fn follow(address: &str, topic: &str, held: Option<&Held>) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://{address}/api/v1/live");
        let (mut socket, _) = tungstenite::client(url, stream).map_err(|error| error.to_string())?;
        let mut subscribe = json!({"type": "subscribe", "topic": topic});
        if let Some(held) = held {
            subscribe["epoch"] = json!(held.position.0);
            subscribe["revision"] = json!(held.position.1);
        }
        socket
            .send(Message::text(subscribe.to_string()))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            socket,
            topic: None,
            state: held.map(|held| held.state.clone()).unwrap_or_default(),
            position: held.map(|held| held.position),
            digests: 0,
            snapshots: 0,
            patches: 0,
        })
    }

    /// Reads one message and folds it.
    pub(crate) fn step(&mut self) -> Result<Step, String> {
        let text = match self.socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(Message::Close(frame)) => return Err(format!("closed: {frame:?}")),
            Ok(_) => return Ok(Step::Other),
            Err(error) => return Err(error.to_string()),
        };
        let message: ServerMessage = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Ok(match message {
            ServerMessage::Snapshot {
                topic,
                epoch,
                revision,
                state,
            } => {
                self.topic = Some(topic.to_string());
                self.state = state;
                self.position = Some((epoch, revision));
                self.snapshots += 1;
                Step::Snapshot
            }
            ServerMessage::Patch {
                topic,
                epoch,
                from,
                revision,
                patch,
            } => {
                assert_eq!(
                    self.position,
                    Some((epoch, from)),
                    "a patch for another revision than the one held"
                );
                assert!(revision > from, "{revision} does not follow {from}");
                self.topic = Some(topic.to_string());
                patch::merge(&mut self.state, &patch);
                self.position = Some((epoch, revision));
                self.patches += 1;
                Step::Patch
            }
            ServerMessage::Heartbeat { revisions, .. } => {
                self.compare(&revisions);
                Step::Heartbeat
            }
            ServerMessage::Error { problem, .. } => panic!("{problem:?}"),
            _ => Step::Other,
        })
    }

    /// Convergence: the announced digest is the digest of what was folded.
    fn compare(&mut self, revisions: &std::collections::BTreeMap<String, forgecast_protocol::update::TopicMark>) {
        assert!(revisions.len() <= 1, "{revisions:?}");
        for (topic, mark) in revisions {
            assert_eq!(
                Some(mark.revision),
                self.position.map(|position| position.1),
                "{topic}: the heartbeat speaks of what was delivered"
            );
            if let Some(announced) = &mark.digest {
                assert_eq!(
                    *announced,
                    digest(&self.state),
                    "{topic} at {}: {}",
                    mark.revision,
                    self.state
                );
                self.digests += 1;
            }
        }
    }

    /// Reads on until the state is as wished.
    pub(crate) fn until(&mut self, what: &str, mut wished: impl FnMut(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wished(&self.state) {
            if let Err(error) = self.step() {
                panic!("{what}: {error}; last seen: {}", self.state);
            }
            assert!(
                Instant::now() < deadline,
                "waited in vain: {what}; last seen: {}",
                self.state
            );
        }
    }

    /// Reads on until a digest was announced for what is held, and was equal.
    pub(crate) fn until_digest(&mut self) {
        let before = self.digests;
        let deadline = Instant::now() + PATIENCE;
        while self.digests == before {
            self.step().unwrap();
            assert!(Instant::now() < deadline, "no heartbeat names a digest");
        }
    }

    /// What a viewer would bring along when it comes back.
    pub(crate) fn held(&self) -> Option<Held> {
        Some(Held {
            position: self.position?,
            state: self.state.clone(),
        })
    }
}
