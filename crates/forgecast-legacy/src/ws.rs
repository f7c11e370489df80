//! One session over a WebSocket, as clients of Context Foundry follow it: its status at once and again when it changed.
//! What only ticks causes no frame. The socket stays open when the build is over; the end is sent once.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use forgecast_hub::{Frame, Start, SubscribeError, Subscription};
use forgecast_protocol::{ServerMessage, SessionId, SessionRef, Topic};
use forgecast_server::{AppState, CloseReason, InPath, ViewerProtocol, ViewerSocket, ViewerUpgrade};

use crate::broadcast_rooms::{BroadcastRooms, Membership, RoomMessage};
use crate::diff::{KnownFrame, LastSent};
use crate::session::{self, SessionPath};
use crate::sessions::StateOrError;

/// `WS /ws/{session}`.
pub(crate) async fn upgrade(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
    InPath(SessionPath { session }): InPath<SessionPath>,
    upgrade: ViewerUpgrade,
) -> FrameSocket {
    let session = session.reference(&state);
    FrameSocket(upgrade.serve(SessionProtocol {
        // Joined before anything is looked up: what is sent from here on is not missed.
        membership: rooms.join(&session),
        session,
        following: Following::Undecided,
    }))
}

/// The answer to a handshake.
pub(crate) struct FrameSocket(Response);

impl IntoResponse for FrameSocket {
    fn into_response(self) -> Response {
        self.0
    }
}

#[cfg(feature = "openapi")]
impl forgecast_server::openapi::Response for FrameSocket {
    fn describe(
        operation: &mut forgecast_server::openapi::Operation,
        schemas: &mut forgecast_server::openapi::Schemas,
    ) {
        // An event that a producer broadcasts comes as it was sent.
        let frames = serde_json::json!({ "anyOf": [schemas.of::<KnownFrame>(), { "type": "object" }] });
        operation.socket(serde_json::json!({ "receives": null, "sends": frames }));
    }
}

struct SessionProtocol {
    /// As the client named it: a bare name means whichever run is the newest.
    session: SessionRef,
    membership: Membership,
    following: Following,
}

/// What the viewer follows.
enum Following {
    /// Nothing yet.
    Undecided,
    /// The session does not exist; the index shows when it appears.
    Index(Box<Subscription>),
    /// The session exists.
    Session(Box<Followed>),
}

struct Followed {
    id: SessionId,
    view: Subscription,
    /// Absent while its older lines cannot be read.
    log: Option<Subscription>,
    last_sent: LastSent,
}

/// What there is to send.
pub(crate) enum Delivery {
    /// From a producer; `None` when the viewer did not keep up.
    Broadcast(Option<RoomMessage>),
    /// The view may have changed.
    Changed,
    /// The session was removed.
    Removed,
    Lines(Vec<Frame>),
}

impl ViewerProtocol for SessionProtocol {
    type Delivery = Delivery;

    async fn begin(&mut self, socket: &mut ViewerSocket) -> Result<(), CloseReason> {
        self.update(socket).await?;
        match self.following {
            Following::Undecided => self.wait(socket).await,
            _ => Ok(()),
        }
    }

    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, CloseReason>> {
        match self.membership.messages.poll_recv(cx) {
            Poll::Ready(message) => Poll::Ready(Ok(Delivery::Broadcast(message))),
            Poll::Pending => self.following.poll_delivery(cx),
        }
    }

    async fn deliver(&mut self, socket: &mut ViewerSocket, delivery: Delivery) -> Result<(), CloseReason> {
        match delivery {
            Delivery::Broadcast(None) => Err(CloseReason::Slow),
            Delivery::Broadcast(Some(message)) => {
                socket.send_texts(message.text).await?;
                Box::pin(self.follow_newest(socket)).await
            }
            Delivery::Removed => Box::pin(self.wait(socket)).await,
            Delivery::Changed => Box::pin(self.update(socket)).await,
            Delivery::Lines(frames) => socket.send_texts(log_lines(&frames)).await,
        }
    }

    /// Ignores what these clients say.
    async fn on_message(&mut self, _: &mut ViewerSocket, _: Option<String>) -> Result<(), CloseReason> {
        Ok(())
    }

    async fn on_heartbeat(&mut self, socket: &mut ViewerSocket) -> Result<Option<Bytes>, CloseReason> {
        self.follow_newest(socket).await?;
        self.follow_log(socket.state()).await?;
        Ok(None)
    }
}

impl SessionProtocol {
    /// Says that the session does not exist, and waits for it.
    async fn wait(&mut self, socket: &mut ViewerSocket) -> Result<(), CloseReason> {
        let index = socket.state().hub().subscribe(Topic::Sessions, Start::Fresh).await;
        self.following = Following::Index(Box::new(index.map_err(|error| reason(&error))?));
        let data = StateOrError::missing();
        socket.send_texts([KnownFrame::Status { data }.text()]).await?;
        // It may have appeared before the index was listened to.
        self.update(socket).await
    }

    fn followed(&self) -> Option<&SessionId> {
        match &self.following {
            Following::Session(followed) => Some(&followed.id),
            Following::Undecided | Following::Index(_) => None,
        }
    }

    /// Moves on when the name now means another run than the one that is followed.
    async fn follow_newest(&mut self, socket: &mut ViewerSocket) -> Result<(), CloseReason> {
        let meant = socket.state().hub().resolve(&self.session);
        if meant.is_some() && meant.as_ref() != self.followed() {
            self.update(socket).await?;
        }
        Ok(())
    }

    /// Follows the run that the name means now, and sends what is new of it.
    async fn update(&mut self, socket: &mut ViewerSocket) -> Result<(), CloseReason> {
        if let Some(id) = socket.state().hub().resolve(&self.session)
            && self.followed() != Some(&id)
        {
            self.follow(socket.state(), id).await?;
        }
        let Following::Session(followed) = &mut self.following else {
            return Ok(());
        };
        let run = SessionRef::Run(followed.id.clone());
        // Not there when it was removed just now, which its topic reports; a view that cannot be loaded comes with the next
        // change.
        if let Ok(Some(session)) = session::load(socket.state(), &run).await {
            let frames = followed.last_sent.update(&session, socket.state().now());
            socket.send_texts(frames).await?;
        }
        Ok(())
    }

    /// Subscribes to a run.
    async fn follow(&mut self, state: &AppState, id: SessionId) -> Result<(), CloseReason> {
        let topic = Topic::Session(SessionRef::Run(id.clone()));
        let mut view = match state.hub().subscribe(topic, Start::Fresh).await {
            Ok(view) => view,
            // Removed meanwhile.
            Err(SubscribeError::Unknown(_)) => return Ok(()),
            Err(error) => return Err(reason(&error)),
        };
        // The first delivery is what exists already, which is read as a whole.
        view.try_next();
        let waited = !matches!(self.following, Following::Undecided);
        self.following = Following::Session(Box::new(Followed {
            id,
            view,
            log: None,
            last_sent: LastSent::nothing(waited),
        }));
        self.follow_log(state).await
    }

    /// Subscribes to the log from its end, unless that was done.
    async fn follow_log(&mut self, state: &AppState) -> Result<(), CloseReason> {
        let Following::Session(followed) = &mut self.following else {
            return Ok(());
        };
        if followed.log.is_some() {
            return Ok(());
        }
        let topic = Topic::Log(SessionRef::Run(followed.id.clone()));
        match state.hub().subscribe(topic, Start::Fresh).await {
            Ok(mut log) => {
                // Clients ask for existing lines by themselves.
                log.try_next();
                followed.log = Some(log);
                Ok(())
            }
            Err(error @ SubscribeError::TooMany { .. }) => Err(reason(&error)),
            // The view goes on without it; tried again at the next heartbeat.
            Err(_) => Ok(()),
        }
    }
}

impl Following {
    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, CloseReason>> {
        match self {
            Self::Undecided => Poll::Pending,
            Self::Index(index) => {
                let delivery = ready!(index.poll_next(cx));
                // The index ends only with the hub; the session cannot appear any more.
                Poll::Ready(if delivery.ended {
                    Err(CloseReason::Restarting)
                } else {
                    Ok(Delivery::Changed)
                })
            }
            Self::Session(followed) => {
                if let Poll::Ready(delivery) = followed.view.poll_next(cx) {
                    return Poll::Ready(Ok(if delivery.ended {
                        Delivery::Removed
                    } else {
                        Delivery::Changed
                    }));
                }
                let Some(log) = &mut followed.log else {
                    return Poll::Pending;
                };
                let delivery = ready!(log.poll_next(cx));
                // The view ends with it and reports that.
                if delivery.ended {
                    followed.log = None;
                }
                Poll::Ready(Ok(Delivery::Lines(delivery.frames)))
            }
        }
    }
}

fn reason(error: &SubscribeError) -> CloseReason {
    match error {
        SubscribeError::TooMany { .. } => CloseReason::TooManyViewers,
        _ => CloseReason::Restarting,
    }
}

fn log_lines(frames: &[Frame]) -> impl Iterator<Item = bytes::Bytes> {
    let lines = frames
        .iter()
        .filter_map(|frame| match serde_json::from_slice(&frame.json) {
            Ok(ServerMessage::Log { lines, .. }) => Some(lines),
            _ => None,
        });
    lines.flatten().map(|line| KnownFrame::Log { data: line.text }.text())
}
