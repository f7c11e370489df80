//! One session over a WebSocket, as these clients follow it: its status at once and again when it really changed. What
//! ticks never causes a frame. The socket stays open when the build is over; the end is said once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use forgecast_hub::{Frame, Listener, Start, SubscribeError, Subscription};
use forgecast_protocol::{ServerMessage, SessionId, SessionRef, Topic};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;

use super::news::{Told, text};
use super::rooms::{self, Place as Seat};
use super::{Called, NO_SESSION, id_for_clients, view_of};
use crate::access::Principal;
use crate::connections::ConnectionPermit;
use crate::error::Error;
use crate::extract::InPath;
use crate::live::decoder::Message;
use crate::live::handshake;
use crate::live::outgoing::{Opcode, Outgoing};
use crate::live::socket::Socket;
use crate::live::ws::{CloseReason, close_gracefully};
use crate::state::AppState;
use crate::write_timeout::WriteTimeoutStream;

/// `WS /ws/{session}`.
pub(crate) async fn upgrade(
    State(shared): State<Arc<AppState>>,
    Extension(place): Extension<Arc<ConnectionPermit>>,
    Extension(principal): Extension<Principal>,
    InPath(session): InPath<Called>,
    mut request: Request,
) -> Result<Response, Error> {
    let response = handshake::answer(&request)?;
    let session = session.session(&shared);
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // It fails only when the connection breaks before the answer is out.
        let Ok(upgraded) = upgrading.await else {
            return;
        };
        if let Some(mut viewer) = Viewer::new(upgraded, principal, session, shared) {
            let ending = viewer.follow().await;
            viewer.shared.counts.closed(ending);
            let Viewer {
                socket,
                seat,
                following,
                ..
            } = viewer;
            // Given up first: a viewer that says goodbye slowly takes no other's place.
            drop((seat, following));
            Box::pin(close_gracefully(socket, ending)).await;
        }
        // Held until here: a connection that became a socket still takes its place.
        drop(place);
    });
    Ok(response)
}

struct Viewer {
    socket: Socket,
    shared: Arc<AppState>,
    principal: Principal,
    /// As it was asked for: a bare name means whatever run is the newest.
    session: SessionRef,
    seat: Seat,
    heartbeats: Listener,
    following: Following,
    socket_first: bool,
    /// Time since the viewer last gave a sign of life, counted in heartbeats.
    silent_ms: u64,
}

/// What is looked at.
enum Following {
    /// Nothing yet.
    Nowhere,
    /// The session is not there: the index tells when it comes.
    Nothing(Box<Subscription>),
    /// It is there.
    Session(Box<Followed>),
}

struct Followed {
    id: SessionId,
    view: Subscription,
    /// Nothing while its older lines cannot be read.
    log: Option<Subscription>,
    /// What the viewer was told last.
    told: Told,
}

/// What happens next.
enum Turn {
    Heard(Message),
    Sent(Option<rooms::Message>),
    /// The view may have changed; or it is no more.
    Changed {
        ended: bool,
    },
    Lines(Vec<Frame>),
    Beat,
}

impl Viewer {
    /// Nothing when the connection is none of our accept loop.
    fn new(upgraded: Upgraded, principal: Principal, session: SessionRef, shared: Arc<AppState>) -> Option<Self> {
        let parts = upgraded.downcast::<TokioIo<WriteTimeoutStream>>().ok()?;
        let options = &shared.options;
        let patience = Duration::from_millis(options.send_timeout_ms);
        let stream = parts.io.into_inner().into_inner();
        Some(Self {
            socket: Socket::new(stream, &parts.read_buf, options.client_message_bytes, patience),
            heartbeats: shared.heartbeats.listen(),
            // Before anything is looked up: what is sent from here on is not missed.
            seat: shared.rooms.enter(&session),
            session,
            shared,
            principal,
            following: Following::Nowhere,
            socket_first: false,
            silent_ms: 0,
        })
    }

    async fn follow(&mut self) -> CloseReason {
        match self.serve().await {
            Ok(never) => match never {},
            Err(ending) => ending,
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, CloseReason> {
        self.continues()?;
        self.look().await?;
        if matches!(self.following, Following::Nowhere) {
            self.wait().await?;
        }
        loop {
            match poll_fn(|cx| self.poll_turn(cx)).await? {
                Turn::Heard(message) => self.heard(message).await?,
                Turn::Sent(None) => return Err(CloseReason::Slow),
                Turn::Sent(Some(message)) => {
                    if let Some(text) = message.text {
                        self.socket.send(Outgoing::texts([text])).await?;
                    }
                    self.turn().await?;
                }
                Turn::Changed { ended: true } => self.wait().await?,
                Turn::Changed { ended: false } => self.look().await?,
                Turn::Lines(frames) => self.lines(frames).await?,
                Turn::Beat => {
                    self.continues()?;
                    self.on_beat().await?;
                }
            }
            // Sending does not count as work by itself; a viewer whose session never rests still lets others work.
            tokio::task::consume_budget().await;
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, CloseReason>> {
        if self.heartbeats.poll_heard(cx).is_ready() {
            return Poll::Ready(Ok(Turn::Beat));
        }
        // Each in turn first, so that neither can keep the other waiting.
        self.socket_first = !self.socket_first;
        if self.socket_first
            && let Poll::Ready(message) = self.socket.poll_message(cx)
        {
            return Poll::Ready(Ok(Turn::Heard(message?)));
        }
        if let Poll::Ready(message) = self.seat.messages.poll_recv(cx) {
            return Poll::Ready(Ok(Turn::Sent(message)));
        }
        if let Poll::Ready(message) = self.socket.poll_message(cx) {
            return Poll::Ready(Ok(Turn::Heard(message?)));
        }
        match &mut self.following {
            Following::Nowhere => Poll::Pending,
            Following::Nothing(index) => {
                let delivery = ready!(index.poll_next(cx));
                // The index ends with the hub only; the session cannot come any more.
                if delivery.ended {
                    return Poll::Ready(Err(CloseReason::Restarting));
                }
                Poll::Ready(Ok(Turn::Changed { ended: false }))
            }
            Following::Session(followed) => {
                if let Poll::Ready(delivery) = followed.view.poll_next(cx) {
                    return Poll::Ready(Ok(Turn::Changed { ended: delivery.ended }));
                }
                let Some(log) = &mut followed.log else {
                    return Poll::Pending;
                };
                // Its end is that of the view, which says so itself.
                let delivery = ready!(log.poll_next(cx));
                if delivery.ended {
                    followed.log = None;
                }
                Poll::Ready(Ok(Turn::Lines(delivery.frames)))
            }
        }
    }

    fn continues(&self) -> Result<(), CloseReason> {
        if self.shared.stopping.is_cancelled() {
            return Err(CloseReason::Restarting);
        }
        if !self.shared.access.holds(&self.principal) {
            return Err(CloseReason::Unauthorized);
        }
        Ok(())
    }

    async fn heard(&mut self, message: Message) -> Result<(), CloseReason> {
        self.silent_ms = 0;
        match message {
            // Whatever these clients say, nobody ever listened to it.
            Message::Text(_) | Message::Binary | Message::Pong => Ok(()),
            Message::Ping(payload) => Ok(self.socket.send_pong(payload).await?),
            Message::Close(code) => {
                self.socket.send_close(code, "").await?;
                Err(CloseReason::Gone)
            }
        }
    }

    async fn on_beat(&mut self) -> Result<(), CloseReason> {
        let (beat_ms, idle_ms) = (self.shared.options.heartbeat_ms, self.shared.options.idle_ms);
        self.silent_ms += beat_ms;
        if self.silent_ms > idle_ms {
            return Err(CloseReason::Idle);
        }
        // Asked halfway, a living viewer answers in time: browsers and libraries do so by themselves.
        if self.silent_ms > idle_ms / 2 && self.silent_ms - beat_ms <= idle_ms / 2 {
            let ping = Outgoing::frame(Opcode::Ping, Bytes::new());
            self.socket.send(ping).await?;
        }
        self.turn().await?;
        self.listen().await
    }

    /// The session is not there, or no longer: says so, and waits for it.
    async fn wait(&mut self) -> Result<(), CloseReason> {
        let index = self.shared.hub.subscribe(Topic::Sessions, Start::Fresh).await;
        self.following = match index {
            Ok(index) => Following::Nothing(Box::new(index)),
            Err(SubscribeError::TooMany { .. }) => return Err(CloseReason::TooManyViewers),
            Err(_) => return Err(CloseReason::Restarting),
        };
        let absent = json!({ "type": "status", "data": { "error": NO_SESSION } });
        self.socket.send(Outgoing::texts([text(&absent)])).await?;
        // It may have come before the index was listened to.
        self.look().await
    }

    fn followed(&self) -> Option<&SessionId> {
        match &self.following {
            Following::Session(followed) => Some(&followed.id),
            Following::Nowhere | Following::Nothing(_) => None,
        }
    }

    /// Looks when the name means another run than the one that is followed.
    async fn turn(&mut self) -> Result<(), CloseReason> {
        let meant = self.shared.hub.resolve(&self.session);
        if meant.is_some() && meant.as_ref() != self.followed() {
            self.look().await?;
        }
        Ok(())
    }

    /// Follows the run that is meant now, and says what is new of it.
    async fn look(&mut self) -> Result<(), CloseReason> {
        if let Some(id) = self.shared.hub.resolve(&self.session)
            && self.followed() != Some(&id)
        {
            self.turn_to(id).await?;
        }
        let Following::Session(followed) = &mut self.following else {
            return Ok(());
        };
        let session = SessionRef::Run(followed.id.clone());
        // Removed just now, which is said by its topic; or it cannot be loaded, and then the next change tells.
        let Ok(Some(view)) = view_of(&self.shared, &session).await else {
            return Ok(());
        };
        let id = id_for_clients(&self.shared, &view.id);
        let frames = followed.told.news(&view, &id, self.shared.clock.now());
        if !frames.is_empty() {
            self.socket.send(Outgoing::texts(frames)).await?;
        }
        Ok(())
    }

    /// Takes a place among those who watch a run.
    async fn turn_to(&mut self, id: SessionId) -> Result<(), CloseReason> {
        let session = SessionRef::Run(id.clone());
        let view = self.shared.hub.subscribe(Topic::Session(session), Start::Fresh).await;
        let mut view = match view {
            Ok(view) => view,
            Err(SubscribeError::TooMany { .. }) => return Err(CloseReason::TooManyViewers),
            // It went as it came.
            Err(SubscribeError::Unknown(_)) => return Ok(()),
            Err(_) => return Err(CloseReason::Restarting),
        };
        // What is there already is read as a whole.
        view.try_next();
        let waited = !matches!(self.following, Following::Nowhere);
        self.following = Following::Session(Box::new(Followed {
            id,
            view,
            log: None,
            told: Told::nothing(waited),
        }));
        self.listen().await
    }

    /// Follows the log from its end, unless it is followed.
    async fn listen(&mut self) -> Result<(), CloseReason> {
        let Following::Session(followed) = &mut self.following else {
            return Ok(());
        };
        if followed.log.is_some() {
            return Ok(());
        }
        let topic = Topic::Log(SessionRef::Run(followed.id.clone()));
        match self.shared.hub.subscribe(topic, Start::Fresh).await {
            Ok(mut log) => {
                // Pages ask for what is there already by themselves.
                log.try_next();
                followed.log = Some(log);
                Ok(())
            }
            Err(SubscribeError::TooMany { .. }) => Err(CloseReason::TooManyViewers),
            // The view goes on without it; asked again at the next beat.
            Err(_) => Ok(()),
        }
    }

    async fn lines(&mut self, frames: Vec<Frame>) -> Result<(), CloseReason> {
        let mut lines = Vec::new();
        for frame in frames {
            if let Ok(ServerMessage::Log { lines: new, .. }) = serde_json::from_slice(&frame.json) {
                lines.extend(
                    new.iter()
                        .map(|line| text(&json!({ "type": "log", "data": line.text }))),
                );
            }
        }
        Ok(self.socket.send(Outgoing::texts(lines)).await?)
    }
}
