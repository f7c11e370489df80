//! The live protocol over a WebSocket: one task per viewer, many topics per socket. Every send has a deadline; a viewer that
//! does not read is closed, and nobody else notices.

use std::task::{Context, Poll};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use forgecast_hub::{Frame, Start, SubscribeError};
use forgecast_protocol::update::ClientMessage;
use forgecast_protocol::{ServerMessage, Topic};

use super::topics::Topics;
use super::{heartbeat, hello, json};
use crate::access::ScopedTopics;
use crate::error::Error;
use crate::viewer::{ViewerProtocol, ViewerSocket, ViewerUpgrade};
use crate::websocket::CloseReason;

/// Longest text of a viewer that is repeated to it in an error.
const ECHO_CHARS: usize = 200;

/// `GET /api/v1/live`.
pub(crate) async fn upgrade(upgrade: ViewerUpgrade) -> LiveSocket {
    LiveSocket(upgrade.serve(LiveProtocol::default()))
}

/// The answer to a handshake.
pub(crate) struct LiveSocket(Response);

impl IntoResponse for LiveSocket {
    fn into_response(self) -> Response {
        self.0
    }
}

/// What one viewer follows.
#[derive(Default)]
struct LiveProtocol {
    topics: Topics,
    /// Only for tokens that show a part.
    scoped: ScopedTopics,
    /// Time since the viewer last followed something, counted in heartbeats.
    unsubscribed_ms: u64,
}

impl ViewerProtocol for LiveProtocol {
    type Delivery = Vec<Frame>;

    async fn begin(&mut self, socket: &mut ViewerSocket) -> Result<(), CloseReason> {
        let hello = hello(socket.joined_at(), socket.state().options.heartbeat_ms);
        send(socket, &hello).await
    }

    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<Frame>, CloseReason>> {
        self.topics.poll_deliveries(cx).map(Ok)
    }

    async fn deliver(&mut self, socket: &mut ViewerSocket, mut frames: Vec<Frame>) -> Result<(), CloseReason> {
        frames.retain_mut(|frame| self.scoped.receives(socket.principal(), frame));
        socket.send_texts(frames.into_iter().map(|frame| frame.json)).await
    }

    async fn on_message(&mut self, socket: &mut ViewerSocket, text: Option<String>) -> Result<(), CloseReason> {
        match parse_message(&text.ok_or(CloseReason::BadMessage)?)? {
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
                self.subscribe(socket, topic, start).await
            }
            Err((topic, error)) => send_error(socket, topic, &error).await,
        }
    }

    async fn on_heartbeat(&mut self, socket: &mut ViewerSocket) -> Result<Option<Bytes>, CloseReason> {
        let state = socket.state();
        if self.topics.len() > 0 {
            self.unsubscribed_ms = 0;
        } else {
            self.unsubscribed_ms += state.options.heartbeat_ms;
        }
        if self.unsubscribed_ms > state.options.idle_ms {
            return Err(CloseReason::Idle);
        }
        let message = heartbeat(state.heartbeats.last(), self.topics.marks(socket.principal()));
        Ok(Some(json(&message).into()))
    }
}

impl LiveProtocol {
    async fn subscribe(&mut self, socket: &mut ViewerSocket, topic: Topic, start: Start) -> Result<(), CloseReason> {
        let hub = socket.state().hub.clone();
        if !socket.principal().can_subscribe(&hub, &topic).await {
            // The answer must not reveal whether the session exists.
            return send_error(socket, Some(topic.to_string()), &Error::Forbidden).await;
        }
        // A viewer that missed something subscribes again. Its old subscription ends first, so that it does not count twice.
        self.topics.remove(&topic);
        if self.topics.len() >= socket.state().options.topics_per_socket {
            return Err(CloseReason::TooManyTopics);
        }
        let start = socket.principal().start(start);
        match hub.subscribe(topic.clone(), start).await {
            Ok(subscription) => {
                self.topics.add(topic, subscription);
                Ok(())
            }
            Err(SubscribeError::TooMany { .. }) => Err(CloseReason::TooManyViewers),
            Err(error) => send_error(socket, Some(topic.to_string()), &error.into()).await,
        }
    }
}

async fn send_error(socket: &mut ViewerSocket, topic: Option<String>, error: &Error) -> Result<(), CloseReason> {
    let problem = error.body();
    send(socket, &ServerMessage::Error { topic, problem }).await
}

async fn send(socket: &mut ViewerSocket, message: &ServerMessage) -> Result<(), CloseReason> {
    socket.send_texts([json(message).into()]).await
}

/// The message of a viewer, or the error to send to it, with the topic as the viewer wrote it.
///
/// # Errors
/// The text is no JSON object: the socket is closed.
fn parse_message(text: &str) -> Result<Result<ClientMessage, (Option<String>, Error)>, CloseReason> {
    let error = match serde_json::from_str(text) {
        Ok(message) => return Ok(Ok(message)),
        Err(error) => error,
    };
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else {
        return Err(CloseReason::BadMessage);
    };
    let topic = object
        .get("topic")
        .and_then(serde_json::Value::as_str)
        .map(|topic| topic.chars().take(ECHO_CHARS).collect());
    Ok(Err((topic, Error::Malformed(error.to_string()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_object_ends_the_socket_and_anything_else_gets_an_answer() {
        for text in ["", "hello", "[]", "\"x\"", "{", "null"] {
            assert_eq!(parse_message(text).unwrap_err(), CloseReason::BadMessage, "{text}");
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
            let (named, _) = parse_message(text).unwrap().unwrap_err();
            assert_eq!(named.as_deref(), topic, "{text}");
        }
        assert!(
            parse_message(r#"{"type":"subscribe","topic":"sessions"}"#)
                .unwrap()
                .is_ok()
        );
    }
}
