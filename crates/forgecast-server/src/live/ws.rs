//! The live protocol over a WebSocket: one task per viewer, many topics per socket. Every send has a deadline; whoever
//! does not read is closed, and nobody else notices.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, rejection};
use axum::response::Response;
use bytes::Bytes;
use forgecast_hub::{Start, SubscribeError};
use forgecast_protocol::update::ClientMessage;
use forgecast_protocol::{ServerMessage, Timestamp, Topic};
use futures_util::SinkExt;
use tokio::sync::watch;
use tokio::time::timeout;

use super::topics::Topics;
use super::{heartbeat, hello, json};
use crate::Shared;
use crate::connections::Place;
use crate::error::Error;

/// Viewers say little; a buffer of tungstenite's own size would cost 128 KiB for each of them.
const READ_BUFFER: usize = 1024;
/// Frames up to here are joined before they are written; one that is larger goes out at once.
const WRITE_BUFFER: usize = 4 * 1024;
/// How long a viewer that is being closed may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);
/// Longest text of a viewer that is repeated to it in an error.
const ECHO_CHARS: usize = 200;

/// Why a socket is closed, as the viewer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The viewer left, or the connection broke: there is nobody to tell.
    Gone,
    /// What it sent is no message at all.
    BadMessage,
    /// It followed nothing, or gave no sign of life.
    Idle,
    /// It did not read what it was sent.
    Slow,
    /// It follows as many topics as one socket may.
    TooManyTopics,
    /// The topic, or the server, has as many viewers as it may have.
    TooManyViewers,
    /// The server stops; come back.
    Restarting,
}

impl Ending {
    /// The close code and its reason; nothing when there is nobody to tell.
    pub(crate) fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone => None,
            Self::BadMessage => Some((4400, "bad message")),
            Self::Idle => Some((4408, "idle")),
            Self::Slow => Some((4408, "slow")),
            Self::TooManyTopics => Some((4413, "too many topics")),
            Self::TooManyViewers => Some((4429, "too many viewers")),
            Self::Restarting => Some((1012, "restarting")),
        }
    }
}

/// `GET /api/v1/live`.
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(place): Extension<Arc<Place>>,
    upgrade: Result<WebSocketUpgrade, rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let upgrade = upgrade.map_err(|rejection| Error::Malformed(rejection.body_text()))?;
    let longest = shared.options.client_message_bytes;
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(longest)
        .max_frame_size(longest)
        .on_upgrade(move |socket| async move {
            let mut viewer = Viewer::new(socket, shared);
            let ending = viewer.follow().await;
            viewer.close(ending).await;
            // Held until here: a connection that became a socket still takes its place.
            drop(place);
        }))
}

struct Viewer {
    socket: WebSocket,
    shared: Arc<Shared>,
    beats: watch::Receiver<Timestamp>,
    topics: Topics,
    /// Time since the viewer last gave a sign of life, and since it last followed something; counted in heartbeats, so
    /// that a viewer has no timer of its own.
    silent_ms: u64,
    aimless_ms: u64,
}

impl Viewer {
    fn new(socket: WebSocket, shared: Arc<Shared>) -> Self {
        Self {
            socket,
            beats: shared.beats.clone(),
            shared,
            topics: Topics::default(),
            silent_ms: 0,
            aimless_ms: 0,
        }
    }

    /// Serves the viewer until there is a reason to stop.
    async fn follow(&mut self) -> Ending {
        match self.serve().await {
            Ok(never) => match never {},
            Err(ending) => ending,
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Ending> {
        let stopping = self.shared.stopping.clone();
        let hello = hello(self.shared.clock.now(), self.shared.options.heartbeat_ms);
        self.say(&hello).await?;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Err(Ending::Restarting),
                received = self.socket.recv() => match received {
                    // Apart from the rest: what a viewer rarely says must not make its task larger for all time.
                    Some(Ok(message)) => Box::pin(self.heard(message)).await?,
                    Some(Err(error)) => return Err(after_failure(&error)),
                    None => return Err(Ending::Gone),
                },
                frames = self.topics.deliveries() => {
                    self.send(frames.into_iter().map(|frame| text(frame.json))).await?;
                }
                beat = self.beats.changed() => {
                    // The ticker ends only when the server stops.
                    beat.map_err(|_| Ending::Restarting)?;
                    let now = *self.beats.borrow_and_update();
                    self.on_beat(now).await?;
                }
            }
        }
    }

    async fn heard(&mut self, message: Message) -> Result<(), Ending> {
        self.silent_ms = 0;
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(Ending::Gone),
            Message::Binary(_) => return Err(Ending::BadMessage),
        };
        match understood(&text)? {
            Ok(ClientMessage::Unsubscribe { topic }) => {
                self.topics.remove(&topic);
                Ok(())
            }
            Ok(ClientMessage::Subscribe {
                topic,
                epoch,
                revision,
                offset,
            }) => {
                let start = match (&topic, epoch, revision, offset) {
                    (Topic::Log(_), _, _, Some(offset)) => Start::LogFrom(offset),
                    (_, Some(epoch), Some(revision), _) => Start::After { epoch, revision },
                    _ => Start::Fresh,
                };
                self.subscribe(topic, start).await
            }
            Err((topic, error)) => self.complain(topic, &error).await,
        }
    }

    async fn subscribe(&mut self, topic: Topic, start: Start) -> Result<(), Ending> {
        // A viewer that missed something subscribes again; it must not count twice meanwhile.
        self.topics.remove(&topic);
        if self.topics.len() >= self.shared.options.topics_per_socket {
            return Err(Ending::TooManyTopics);
        }
        match self.shared.hub.subscribe(topic.clone(), start).await {
            Ok(subscription) => {
                self.topics.add(topic, subscription);
                Ok(())
            }
            Err(SubscribeError::TooMany { .. }) => Err(Ending::TooManyViewers),
            Err(error) => self.complain(Some(topic.to_string()), &error.into()).await,
        }
    }

    async fn on_beat(&mut self, now: Timestamp) -> Result<(), Ending> {
        let (beat_ms, idle_ms) = (self.shared.options.heartbeat_ms, self.shared.options.idle_ms);
        self.silent_ms += beat_ms;
        self.aimless_ms = if self.topics.len() == 0 {
            self.aimless_ms + beat_ms
        } else {
            0
        };
        if self.silent_ms > idle_ms || self.aimless_ms > idle_ms {
            return Err(Ending::Idle);
        }
        let beat = Message::Text(json(&heartbeat(now, self.topics.marks())).into());
        // Asked halfway, a living viewer answers in time: browsers do so by themselves.
        let halfway = self.silent_ms > idle_ms / 2 && self.silent_ms - beat_ms <= idle_ms / 2;
        let ping = halfway.then(|| Message::Ping(Bytes::new()));
        self.send([beat].into_iter().chain(ping)).await
    }

    async fn complain(&mut self, topic: Option<String>, error: &Error) -> Result<(), Ending> {
        let problem = error.body();
        self.say(&ServerMessage::Error { topic, problem }).await
    }

    async fn say(&mut self, message: &ServerMessage) -> Result<(), Ending> {
        self.send([Message::Text(json(message).into())]).await
    }

    /// Sends all of it in as few writes as possible, within the deadline.
    async fn send(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), Ending> {
        let deadline = Duration::from_millis(self.shared.options.send_timeout_ms);
        let sending = async {
            for message in messages {
                self.socket.feed(message).await?;
            }
            self.socket.flush().await
        };
        match timeout(deadline, sending).await {
            Ok(sent) => sent.map_err(|error| after_failure(&error)),
            Err(_) => Err(Ending::Slow),
        }
    }

    /// Says why, as far as the viewer still listens, and counts it.
    async fn close(mut self, ending: Ending) {
        self.shared.counts.closed(ending);
        // Given up first: a viewer that says goodbye slowly takes no other's place at the hub.
        self.topics = Topics::default();
        let goodbye = async {
            if let Some((code, reason)) = ending.frame() {
                let reason = Utf8Bytes::from_static(reason);
                let frame = CloseFrame { code, reason };
                self.socket.send(Message::Close(Some(frame))).await?;
            }
            // Reading on sends the answer to a viewer's own goodbye. And a socket that is closed with unread bytes in it
            // is reset by the system: the viewer would lose the reason.
            while let Some(Ok(_)) = self.socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

/// What the viewer wants; or what to tell it (with the topic as it named it), or that it makes no sense at all.
fn understood(text: &str) -> Result<Result<ClientMessage, (Option<String>, Error)>, Ending> {
    let error = match serde_json::from_str(text) {
        Ok(message) => return Ok(Ok(message)),
        Err(error) => error,
    };
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else {
        return Err(Ending::BadMessage);
    };
    let topic = object
        .get("topic")
        .and_then(serde_json::Value::as_str)
        .map(|topic| topic.chars().take(ECHO_CHARS).collect());
    Ok(Err((topic, Error::Malformed(error.to_string()))))
}

/// A frame of the hub as a message. The hub writes JSON, which is UTF-8; the check is the library's, once per viewer.
fn text(json: Bytes) -> Message {
    Message::Text(Utf8Bytes::try_from(json).unwrap_or_default())
}

/// What a broken socket means: mostly nothing, but one that took no bytes for too long is a slow viewer.
fn after_failure(error: &axum::Error) -> Ending {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::TimedOut => Ending::Slow,
                _ => Ending::Gone,
            };
        }
        cause = error.source();
    }
    Ending::Gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_object_ends_the_socket_and_anything_else_gets_an_answer() {
        for text in ["", "hello", "[]", "\"x\"", "{", "null"] {
            assert_eq!(understood(text).unwrap_err(), Ending::BadMessage, "{text}");
        }
        for (text, topic) in [
            (r#"{"type":"dance"}"#, None),
            (r#"{"type":"subscribe"}"#, None),
            (r#"{"type":"subscribe","topic":"session/../x"}"#, Some("session/../x")),
            (
                r#"{"type":"subscribe","topic":"sessions","epoch":"x"}"#,
                Some("sessions"),
            ),
        ] {
            let (named, _) = understood(text).unwrap().unwrap_err();
            assert_eq!(named.as_deref(), topic, "{text}");
        }
        assert!(
            understood(r#"{"type":"subscribe","topic":"sessions"}"#)
                .unwrap()
                .is_ok()
        );
    }
}
