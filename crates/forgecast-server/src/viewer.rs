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
use crate::counts::GaugeGuard;
use crate::error::Error;
use crate::state::AppState;
use crate::websocket::{CloseReason, Message, Opcode, Outgoing, Socket, handshake};
use crate::write_timeout::WriteTimeoutStream;

/// What is spoken on a viewer's socket. The socket itself answers control frames, sends heartbeats and closes.
///
/// Every future but that of [`deliver`](Self::deliver) is boxed while it runs, so that what is rare does not make every
/// viewer's task larger.
pub trait ViewerProtocol: Send + 'static {
    /// What there is to send to the viewer.
    type Delivery: Send;

    /// Sends what a viewer gets first.
    fn begin(&mut self, socket: &mut ViewerSocket) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// What there is to send next; otherwise the task is woken when there is something.
    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::Delivery, CloseReason>>;

    /// Sends it.
    fn deliver(
        &mut self,
        socket: &mut ViewerSocket,
        delivery: Self::Delivery,
    ) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// Handles a message of the viewer; `None` is binary data.
    fn on_message(
        &mut self,
        socket: &mut ViewerSocket,
        text: Option<String>,
    ) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// The text to send with a heartbeat, if any.
    fn on_heartbeat(
        &mut self,
        socket: &mut ViewerSocket,
    ) -> impl Future<Output = Result<Option<Bytes>, CloseReason>> + Send;
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
        let response = handshake(&parts.method, parts.version, &parts.headers)?;
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
                let Err(reason) = socket.serve(&mut protocol).await;
                // A viewer that closes slowly holds no subscription meanwhile.
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
enum Turn<D> {
    Message(Message),
    Delivery(D),
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

    /// Serves the viewer until there is a reason to close its socket.
    async fn serve<P: ViewerProtocol>(&mut self, protocol: &mut P) -> Result<Infallible, CloseReason> {
        self.check_allowed()?;
        Box::pin(protocol.begin(self)).await?;
        loop {
            // Sending does not count as work by itself; a viewer to whom there is always something to send still lets others
            // work.
            tokio::task::consume_budget().await;
            match poll_fn(|cx| self.poll_turn(protocol, cx)).await? {
                Turn::Delivery(delivery) => protocol.deliver(self, delivery).await?,
                Turn::Message(message) => Box::pin(self.on_message(protocol, message)).await?,
                Turn::Heartbeat => Box::pin(self.on_heartbeat(protocol)).await?,
            }
        }
    }

    fn poll_turn<P: ViewerProtocol>(
        &mut self,
        protocol: &mut P,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Turn<P::Delivery>, CloseReason>> {
        if self.heartbeats.poll_changed(cx).is_ready() {
            return Poll::Ready(Ok(Turn::Heartbeat));
        }
        self.messages_first = !self.messages_first;
        if self.messages_first
            && let Poll::Ready(message) = self.socket.poll_message(cx)
        {
            return Poll::Ready(message.map(Turn::Message));
        }
        if let Poll::Ready(delivery) = protocol.poll_delivery(cx) {
            return Poll::Ready(delivery.map(Turn::Delivery));
        }
        self.socket.poll_message(cx).map_ok(Turn::Message)
    }

    /// Notes the sign of life and answers control frames; everything else is the protocol's.
    async fn on_message(&mut self, protocol: &mut impl ViewerProtocol, message: Message) -> Result<(), CloseReason> {
        self.silent_ms = 0;
        match message {
            Message::Text(text) => protocol.on_message(self, Some(text)).await,
            Message::Binary => protocol.on_message(self, None).await,
            Message::Pong => Ok(()),
            Message::Ping(payload) => self.send(Outgoing::frame(Opcode::Pong, payload)).await,
            Message::Close(code) => {
                self.socket.send_close(code, "").await?;
                Err(CloseReason::Gone)
            }
        }
    }

    /// Whether the viewer may go on: asked once at the beginning, and then at each heartbeat. A stop wakes viewers as a
    /// heartbeat does.
    fn check_allowed(&self) -> Result<(), CloseReason> {
        if self.state.stopping.is_cancelled() {
            Err(CloseReason::Restarting)
        } else if !self.state.access.is_valid(&self.principal) {
            Err(CloseReason::Unauthorized)
        } else {
            Ok(())
        }
    }

    /// Counts a heartbeat and sends it, and with it a ping when the viewer has been silent for half of the time that it may
    /// be: browsers and libraries answer by themselves.
    async fn on_heartbeat(&mut self, protocol: &mut impl ViewerProtocol) -> Result<(), CloseReason> {
        self.check_allowed()?;
        let (beat_ms, idle_ms) = (self.state.options.heartbeat_ms, self.state.options.idle_ms);
        self.silent_ms += beat_ms;
        if self.silent_ms > idle_ms {
            return Err(CloseReason::Idle);
        }
        let mut outgoing = Outgoing::texts(protocol.on_heartbeat(self).await?);
        if self.silent_ms > idle_ms / 2 && self.silent_ms - beat_ms <= idle_ms / 2 {
            outgoing.push(Opcode::Ping, Bytes::new());
        }
        self.send(outgoing).await
    }

    /// Sends all of it in as few writes as possible, within the deadline; the viewer counts as behind while it waits.
    async fn send(&mut self, mut outgoing: Outgoing) -> Result<(), CloseReason> {
        if self.socket.send_at_once(&mut outgoing)? {
            return Ok(());
        }
        // Boxed, as it is rare: it must not make every viewer's task larger.
        let waiting = Box::pin(self.socket.send_waiting(outgoing));
        let _behind = GaugeGuard::count(&self.state.counts.behind);
        waiting.await
    }

    /// Sends each of these as a text message, in as few writes as possible.
    ///
    /// # Errors
    /// The viewer is gone or does not read.
    pub async fn send_texts(&mut self, texts: impl IntoIterator<Item = Bytes>) -> Result<(), CloseReason> {
        self.send(Outgoing::texts(texts)).await
    }

    async fn close(self, reason: CloseReason) {
        self.state.counts.closed(reason);
        self.socket.close_gracefully(reason).await;
    }
}
