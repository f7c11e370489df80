//! The live protocol over a WebSocket: one task per viewer, many topics per socket. Every send has a deadline; whoever
//! does not read is closed, and nobody else notices.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use forgecast_hub::{Frame, Listener, Start, SubscribeError};
use forgecast_protocol::update::ClientMessage;
use forgecast_protocol::{ServerMessage, Timestamp, Topic};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::decoder::{Message, Violation};
use super::outgoing::{Opcode, Outgoing};
use super::socket::{Broken, Socket};
use super::topics::Topics;
use super::{handshake, heartbeat, hello, json};
use crate::access::Principal;
use crate::connections::ConnectionPermit;
use crate::error::Error;
use crate::state::AppState;
use crate::write_timeout::WriteTimeoutStream;

/// How long a viewer that is being closed may take to send_message close_gracefully.
const GOODBYE: Duration = Duration::from_millis(500);
/// Longest text of a viewer that is repeated to it in an error.
const ECHO_CHARS: usize = 200;

/// Why a socket is closed, as the viewer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The viewer left, or the connection broke: there is nobody to tell.
    Gone,
    /// What it sent is no message at all.
    BadMessage,
    /// What it came in with was revoked or has expired.
    Unauthorized,
    /// It followed nothing, or gave no sign of life.
    Idle,
    /// It does not speak WebSocket, or too much of it at a time.
    Violated(Violation),
    /// It did not read what it was sent.
    Slow,
    /// It follows as many topics as one socket may.
    TooManyTopics,
    /// The topic, or the server, has as many viewers as it may have.
    TooManyViewers,
    /// The server stops; come back.
    Restarting,
}

impl CloseReason {
    /// The close code and its reason; nothing when there is nobody to tell.
    pub(crate) fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone => None,
            Self::BadMessage => Some((4400, "bad message")),
            Self::Violated(Violation::Protocol) => Some((1002, "protocol error")),
            Self::Violated(Violation::NotText) => Some((1007, "text that is not UTF-8")),
            Self::Violated(Violation::TooLong) => Some((1009, "message too long")),
            Self::Unauthorized => Some((4401, "not authorised")),
            Self::Idle => Some((4408, "idle")),
            Self::Slow => Some((4408, "slow")),
            Self::TooManyTopics => Some((4413, "too many topics")),
            Self::TooManyViewers => Some((4429, "too many viewers")),
            Self::Restarting => Some((1012, "restarting")),
        }
    }
}

impl From<Broken> for CloseReason {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Gone => Self::Gone,
            Broken::Violated(violation) => Self::Violated(violation),
            Broken::Slow => Self::Slow,
        }
    }
}

/// `GET /api/v1/live`.
pub(crate) async fn upgrade(
    State(shared): State<Arc<AppState>>,
    Extension(permit): Extension<Arc<ConnectionPermit>>,
    Extension(principal): Extension<Principal>,
    mut request: Request,
) -> Result<Response, Error> {
    let response = handshake::answer(&request)?;
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // It fails only when the connection breaks before the answer is out.
        let Ok(upgraded) = upgrading.await else {
            return;
        };
        // Taken before the viewer listens: no beat that follows is older than the greeting.
        let joined = shared.clock.now();
        if let Some(mut viewer) = Viewer::new(upgraded, principal, shared) {
            let ending = viewer.follow(joined).await;
            // Apart from the rest, like everything that happens once: it must not make every viewer's task larger.
            Box::pin(viewer.close(ending)).await;
        }
        // Held until here: a connection that became a socket still takes its permit.
        drop(permit);
    });
    Ok(response)
}

struct Viewer {
    socket: Socket,
    shared: Arc<AppState>,
    principal: Principal,
    heartbeats: Listener,
    topics: Topics,
    /// Whether topics are looked at before the socket: each in turn, so that neither can keep the other waiting.
    topics_first: bool,
    /// Time since the viewer last gave a sign of life, and since it last followed something; counted in heartbeats, so
    /// that a viewer has no timer of its own.
    silent_ms: u64,
    aimless_ms: u64,
}

/// What happens next.
enum Turn {
    Message(Message),
    Deliver(Vec<Frame>),
    Heartbeat,
}

impl Viewer {
    /// Nothing when the connection is none of our accept loop.
    fn new(upgraded: Upgraded, principal: Principal, shared: Arc<AppState>) -> Option<Self> {
        let parts = upgraded.downcast::<TokioIo<WriteTimeoutStream>>().ok()?;
        let options = &shared.options;
        let write_timeout = Duration::from_millis(options.send_timeout_ms);
        let stream = parts.io.into_inner().into_inner();
        Some(Self {
            socket: Socket::new(stream, &parts.read_buf, options.client_message_bytes, write_timeout),
            heartbeats: shared.heartbeats.listen(),
            shared,
            principal,
            topics: Topics::default(),
            topics_first: false,
            silent_ms: 0,
            aimless_ms: 0,
        })
    }

    /// Serves the viewer until there is a reason to stop.
    async fn follow(&mut self, joined: Timestamp) -> CloseReason {
        match self.serve(joined).await {
            Ok(never) => match never {},
            Err(ending) => ending,
        }
    }

    async fn serve(&mut self, joined: Timestamp) -> Result<std::convert::Infallible, CloseReason> {
        let hello = hello(joined, self.shared.options.heartbeat_ms);
        self.send_message(&hello).await?;
        // A stop rings the bell as a beat does; one that came before this viewer listened has to be looked for.
        self.check_allowed()?;
        loop {
            match poll_fn(|cx| self.poll_turn(cx)).await? {
                Turn::Deliver(mut frames) => {
                    frames.retain(|frame| self.principal.can_receive(frame));
                    let texts = Outgoing::texts(frames.into_iter().map(|frame| frame.json));
                    self.socket.send(texts).await?;
                }
                Turn::Message(message) => Box::pin(self.on_message(message)).await?,
                Turn::Heartbeat => {
                    self.check_allowed()?;
                    Box::pin(self.on_heartbeat()).await?;
                }
            }
            // Sending does not count as work by itself; a viewer whose topics never rest still lets others work.
            tokio::task::consume_budget().await;
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, CloseReason>> {
        if self.heartbeats.poll_heard(cx).is_ready() {
            return Poll::Ready(Ok(Turn::Heartbeat));
        }
        self.topics_first = !self.topics_first;
        if self.topics_first
            && let Poll::Ready(frames) = self.topics.poll_deliveries(cx)
        {
            return Poll::Ready(Ok(Turn::Deliver(frames)));
        }
        if let Poll::Ready(message) = self.socket.poll_message(cx) {
            return Poll::Ready(Ok(Turn::Message(message?)));
        }
        let frames = ready!(self.topics.poll_deliveries(cx));
        Poll::Ready(Ok(Turn::Deliver(frames)))
    }

    fn check_allowed(&self) -> Result<(), CloseReason> {
        if self.shared.stopping.is_cancelled() {
            return Err(CloseReason::Restarting);
        }
        if !self.shared.access.holds(&self.principal) {
            return Err(CloseReason::Unauthorized);
        }
        Ok(())
    }

    async fn on_message(&mut self, message: Message) -> Result<(), CloseReason> {
        self.silent_ms = 0;
        let text = match message {
            Message::Text(text) => text,
            Message::Pong => return Ok(()),
            Message::Ping(payload) => return Ok(self.socket.send_pong(payload).await?),
            Message::Close(code) => {
                self.socket.send_close(code, "").await?;
                return Err(CloseReason::Gone);
            }
            Message::Binary => return Err(CloseReason::BadMessage),
        };
        match parse_message(&text)? {
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
            Err((topic, error)) => self.send_error(topic, &error).await,
        }
    }

    async fn subscribe(&mut self, topic: Topic, start: Start) -> Result<(), CloseReason> {
        if !self.principal.can_subscribe(&topic) {
            // Whether there is such a session is none of its business either.
            return self.send_error(Some(topic.to_string()), &Error::Forbidden).await;
        }
        // A viewer that missed something subscribes again; it must not count twice meanwhile.
        self.topics.remove(&topic);
        if self.topics.len() >= self.shared.options.topics_per_socket {
            return Err(CloseReason::TooManyTopics);
        }
        match self.shared.hub.subscribe(topic.clone(), start).await {
            Ok(subscription) => {
                self.topics.add(topic, subscription);
                Ok(())
            }
            Err(SubscribeError::TooMany { .. }) => Err(CloseReason::TooManyViewers),
            Err(error) => self.send_error(Some(topic.to_string()), &error.into()).await,
        }
    }

    async fn on_heartbeat(&mut self) -> Result<(), CloseReason> {
        let (beat_ms, idle_ms) = (self.shared.options.heartbeat_ms, self.shared.options.idle_ms);
        self.silent_ms += beat_ms;
        self.aimless_ms = if self.topics.len() == 0 {
            self.aimless_ms + beat_ms
        } else {
            0
        };
        if self.silent_ms > idle_ms || self.aimless_ms > idle_ms {
            return Err(CloseReason::Idle);
        }
        let beat = heartbeat(self.shared.heartbeats.last(), self.topics.marks());
        let mut outgoing = Outgoing::frame(Opcode::Text, json(&beat).into());
        // Asked halfway, a living viewer answers in time: browsers do so by themselves.
        if self.silent_ms > idle_ms / 2 && self.silent_ms - beat_ms <= idle_ms / 2 {
            outgoing.push(Opcode::Ping, Bytes::new());
        }
        Ok(self.socket.send(outgoing).await?)
    }

    async fn send_error(&mut self, topic: Option<String>, error: &Error) -> Result<(), CloseReason> {
        let problem = error.body();
        self.send_message(&ServerMessage::Error { topic, problem }).await
    }

    async fn send_message(&mut self, message: &ServerMessage) -> Result<(), CloseReason> {
        let message = Outgoing::frame(Opcode::Text, json(message).into());
        Ok(self.socket.send(message).await?)
    }

    /// Says why, as far as the viewer still listens, and counts it.
    async fn close(self, ending: CloseReason) {
        self.shared.counts.closed(ending);
        let Self { socket, topics, .. } = self;
        // Given up first: a viewer that says close_gracefully slowly takes no other's permit at the hub.
        drop(topics);
        close_gracefully(socket, ending).await;
    }
}

/// Says why a socket ends, as far as the viewer still listens.
pub(crate) async fn close_gracefully(mut socket: Socket, ending: CloseReason) {
    let close_gracefully = async {
        if let Some((code, reason)) = ending.frame() {
            socket.send_close(Some(code), reason).await?;
        }
        socket.finish().await;
        Ok::<_, Broken>(())
    };
    // Whether the viewer on_message it or not, it is over.
    let _ = timeout(GOODBYE, close_gracefully).await;
}

/// What the viewer wants; or what to tell it (with the topic as it named it), or that it makes no sense at all.
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
