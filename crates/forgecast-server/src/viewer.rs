//! One viewer's WebSocket with what every viewer's socket needs, whichever protocol is spoken on it: the upgrade, answers to
//! control frames, heartbeats, and closing it when the viewer is idle, its token ended or the server stops.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use forgecast_hub::Listener;
use forgecast_protocol::Timestamp;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use crate::access::Principal;
use crate::connections::ConnectionPermit;
use crate::error::Error;
use crate::state::AppState;
use crate::websocket::{CloseReason, Message, Opcode, Outgoing, Socket, handshake};
use crate::write_timeout::WriteTimeoutStream;

/// What is spoken on a viewer's socket. Dropped before the socket is closed, so that a viewer that closes slowly holds no
/// subscription meanwhile.
pub trait ViewerProtocol: Send + 'static {
    /// Serves the viewer until there is a reason to close its socket.
    fn serve(&mut self, socket: &mut ViewerSocket) -> impl Future<Output = Result<Infallible, CloseReason>> + Send;
}

/// A request that opens a WebSocket, extracted in a handler: refused with 400 when it does not.
#[derive(Debug)]
pub struct ViewerUpgrade {
    response: Response,
    upgrading: OnUpgrade,
    principal: Principal,
    /// Held for as long as the socket is open: it still counts as a connection.
    permit: Arc<ConnectionPermit>,
    state: Arc<AppState>,
}

impl FromRequestParts<Arc<AppState>> for ViewerUpgrade {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, Error> {
        let response = handshake(&parts.method, &parts.headers)?;
        let not_ours = || Error::internal("open a WebSocket", "the connection does not come from the accept loop");
        Ok(Self {
            response,
            upgrading: parts.extensions.remove().ok_or_else(not_ours)?,
            principal: parts.extensions.get().cloned().ok_or_else(not_ours)?,
            permit: parts.extensions.get().cloned().ok_or_else(not_ours)?,
            state: Arc::clone(state),
        })
    }
}

impl ViewerUpgrade {
    /// Answers the request, and serves the viewer in a task of its own once the answer has been sent.
    pub fn serve(self, mut protocol: impl ViewerProtocol) -> Response {
        let Self {
            response,
            upgrading,
            principal,
            permit,
            state,
        } = self;
        tokio::spawn(async move {
            // It fails only when the connection breaks before the answer is out.
            let Ok(upgraded) = upgrading.await else {
                return;
            };
            if let Some(mut socket) = ViewerSocket::new(upgraded, principal, state) {
                let Err(reason) = protocol.serve(&mut socket).await;
                drop(protocol);
                // Boxed, like everything that happens once: it must not make every viewer's task larger.
                Box::pin(socket.close(reason)).await;
            }
            drop(permit);
        });
        response
    }
}

/// What happens next on a viewer's socket.
#[derive(Debug)]
pub enum Turn<D> {
    /// The viewer sent this, which has to be given to [`ViewerSocket::on_message`].
    Message(Message),
    /// There is something to send.
    Delivery(D),
    /// It is time for a heartbeat, and the viewer may go on.
    Heartbeat,
}

/// The open socket of one viewer.
#[derive(Debug)]
pub struct ViewerSocket {
    socket: Socket,
    state: Arc<AppState>,
    principal: Principal,
    heartbeats: Listener,
    /// Whether messages are polled before deliveries: they take turns, so that neither can keep the other waiting.
    messages_first: bool,
    joined_at: Timestamp,
    /// Time since the viewer last gave a sign of life, counted in heartbeats, so that a viewer needs no timer of its own.
    silent_ms: u64,
}

impl ViewerSocket {
    /// `None` when the connection was not accepted by this crate.
    fn new(upgraded: Upgraded, principal: Principal, state: Arc<AppState>) -> Option<Self> {
        let parts = upgraded.downcast::<TokioIo<WriteTimeoutStream>>().ok()?;
        let options = &state.options;
        let write_timeout = Duration::from_millis(options.send_timeout_ms);
        let stream = parts.io.into_inner().into_inner();
        Some(Self {
            socket: Socket::new(stream, &parts.read_buf, options.client_message_bytes, write_timeout),
            // Taken before the viewer listens: no heartbeat that follows is older.
            joined_at: state.clock.now(),
            heartbeats: state.heartbeats.listen(),
            messages_first: false,
            state,
            principal,
            silent_ms: 0,
        })
    }

    /// The server's state.
    #[must_use]
    pub fn state(&self) -> &Arc<AppState> {
        &self.state
    }

    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// When the viewer joined; no heartbeat that it gets is older.
    pub(crate) fn joined_at(&self) -> Timestamp {
        self.joined_at
    }

    /// Waits for the viewer, for the next heartbeat, and for what `poll_delivery` has to send.
    ///
    /// # Errors
    /// The socket has to be closed: the viewer is gone or may not go on, or the server is stopping.
    pub async fn next_turn<D>(
        &mut self,
        mut poll_delivery: impl FnMut(&mut Context<'_>) -> Poll<Result<D, CloseReason>>,
    ) -> Result<Turn<D>, CloseReason> {
        // Sending does not count as work by itself; a viewer to whom there is always something to send still lets others work.
        tokio::task::consume_budget().await;
        self.messages_first = !self.messages_first;
        let turn = poll_fn(|cx| {
            if self.heartbeats.poll_changed(cx).is_ready() {
                return Poll::Ready(Ok(Turn::Heartbeat));
            }
            if self.messages_first
                && let Poll::Ready(message) = self.socket.poll_message(cx)
            {
                return Poll::Ready(message.map(Turn::Message));
            }
            if let Poll::Ready(delivery) = poll_delivery(cx) {
                return Poll::Ready(delivery.map(Turn::Delivery));
            }
            self.socket.poll_message(cx).map_ok(Turn::Message)
        })
        .await?;
        // A stop wakes viewers as a heartbeat does.
        if matches!(turn, Turn::Heartbeat) {
            self.check_allowed()?;
        }
        Ok(turn)
    }

    /// Notes the sign of life and answers control frames; gives back what is text or binary data.
    ///
    /// # Errors
    /// The viewer closes the socket, or the answer cannot be sent.
    pub async fn on_message(&mut self, message: Message) -> Result<Option<Message>, CloseReason> {
        self.silent_ms = 0;
        match message {
            Message::Text(_) | Message::Binary => return Ok(Some(message)),
            Message::Pong => {}
            Message::Ping(payload) => self.send(Outgoing::frame(Opcode::Pong, payload)).await?,
            Message::Close(code) => {
                self.socket.send_close(code, "").await?;
                return Err(CloseReason::Gone);
            }
        }
        Ok(None)
    }

    /// Whether the viewer may go on: asked once at the beginning, and then at each heartbeat.
    ///
    /// # Errors
    /// The server is stopping, or the viewer's token ended.
    pub fn check_allowed(&self) -> Result<(), CloseReason> {
        if self.state.stopping.is_cancelled() {
            Err(CloseReason::Restarting)
        } else if !self.state.access.is_valid(&self.principal) {
            Err(CloseReason::Unauthorized)
        } else {
            Ok(())
        }
    }

    /// Counts a heartbeat and sends `text`, and with it a ping when the viewer has been silent for half of the time that it
    /// may be: browsers and libraries answer by themselves.
    ///
    /// # Errors
    /// The viewer was silent for too long, or does not read.
    pub async fn on_heartbeat(&mut self, text: Option<Bytes>) -> Result<(), CloseReason> {
        let (beat_ms, idle_ms) = (self.state.options.heartbeat_ms, self.state.options.idle_ms);
        self.silent_ms += beat_ms;
        if self.silent_ms > idle_ms {
            return Err(CloseReason::Idle);
        }
        let mut outgoing = Outgoing::texts(text);
        if self.silent_ms > idle_ms / 2 && self.silent_ms - beat_ms <= idle_ms / 2 {
            outgoing.push(Opcode::Ping, Bytes::new());
        }
        self.send(outgoing).await
    }

    /// Sends each of these as a text message, in as few writes as possible.
    ///
    /// # Errors
    /// The viewer is gone or does not read.
    pub async fn send_texts(&mut self, texts: impl IntoIterator<Item = Bytes>) -> Result<(), CloseReason> {
        self.send(Outgoing::texts(texts)).await
    }

    async fn send(&mut self, outgoing: Outgoing) -> Result<(), CloseReason> {
        // Nothing to send must not wait for a socket that takes nothing.
        if outgoing.is_empty() {
            return Ok(());
        }
        self.socket.send(outgoing).await
    }

    async fn close(self, reason: CloseReason) {
        self.state.counts.closed(reason);
        self.socket.close_gracefully(reason).await;
    }
}
