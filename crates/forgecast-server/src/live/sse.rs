//! One topic as server-sent events, made for `curl -N`: the messages of the WebSocket, each under its type, with
//! `id: <epoch>:<revision>` so that `Last-Event-ID` resumes where the viewer was.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use forgecast_hub::{Frame, Listener, Start, Subscription};
use forgecast_protocol::rest::SessionPath;
use forgecast_protocol::{Epoch, Revision, Topic};
use futures_util::stream;

use super::{heartbeat, hello, json};
use crate::access::{Principal, ScopedTopics};
use crate::connections::ConnectionPermit;
use crate::error::Error;
use crate::extract::InPath;
use crate::state::AppState;

/// How long a browser waits before it connects again, milliseconds.
const RETRY_MS: u32 = 2_000;

/// `GET /api/v1/sessions/live`: the index.
pub(crate) async fn sessions(
    State(shared): State<Arc<AppState>>,
    Extension(permit): Extension<Arc<ConnectionPermit>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
) -> Result<EventStream, Error> {
    follow(Topic::Sessions, &headers, shared, (principal, permit)).await
}

/// `GET /api/v1/sessions/{id}/live`: one session.
pub(crate) async fn session(
    State(shared): State<Arc<AppState>>,
    Extension(permit): Extension<Arc<ConnectionPermit>>,
    Extension(principal): Extension<Principal>,
    InPath(SessionPath { id }): InPath<SessionPath>,
    headers: HeaderMap,
) -> Result<EventStream, Error> {
    follow(Topic::Session(id), &headers, shared, (principal, permit)).await
}

async fn follow(
    topic: Topic,
    headers: &HeaderMap,
    shared: Arc<AppState>,
    (principal, permit): (Principal, Arc<ConnectionPermit>),
) -> Result<EventStream, Error> {
    let start = match position(headers) {
        Some((epoch, revision)) => Start::After { epoch, revision },
        None => Start::Fresh,
    };
    let subscription = shared.hub.subscribe(topic, principal.start(start)).await?;
    // The hello is made before the stream listens, so that no heartbeat that follows is older than it.
    let opening = opening(&shared);
    let events = Events {
        heartbeats: shared.heartbeats.listen(),
        shared,
        principal,
        scoped: ScopedTopics::default(),
        subscription,
        over: false,
        _place: permit,
    };
    let stream = stream::unfold((Some(opening), events), async |(opening, mut events)| {
        let chunk = match opening {
            Some(opening) => opening,
            None => events.next().await?,
        };
        Some((Ok::<_, Infallible>(chunk), (None, events)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Tells proxies not to buffer the response, which would delay every event.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok(EventStream((headers, Body::from_stream(stream)).into_response()))
}

/// A stream of messages.
pub(crate) struct EventStream(Response);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        self.0
    }
}

/// The epoch and revision in `Last-Event-ID`, if they have the form of an `id:` that was sent; otherwise `None`.
fn position(headers: &HeaderMap) -> Option<(Epoch, Revision)> {
    let text = headers.get("last-event-id")?.to_str().ok()?;
    let (epoch, revision) = text.split_once(':')?;
    Some((epoch.parse().ok()?, revision.parse().ok()?))
}

fn opening(shared: &AppState) -> Bytes {
    let hello = hello(shared.clock.now(), shared.options.heartbeat_ms);
    format!("retry: {RETRY_MS}\nevent: hello\ndata: {}\n\n", json(&hello)).into()
}

struct Events {
    shared: Arc<AppState>,
    principal: Principal,
    scoped: ScopedTopics,
    subscription: Subscription,
    heartbeats: Listener,
    over: bool,
    _place: Arc<ConnectionPermit>,
}

impl Events {
    /// The next chunk, or nothing when the topic has ended or the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        tokio::select! {
            () = self.shared.stopping.cancelled() => None,
            mut delivery = self.subscription.next() => {
                delivery.frames.retain_mut(|frame| self.scoped.receives(&self.principal, frame));
                self.over = delivery.ended;
                Some(written(&delivery.frames))
            }
            () = self.heartbeats.changed() => {
                // A stop wakes viewers as a heartbeat does. A token that was revoked ends the stream at the next heartbeat.
                if self.shared.stopping.is_cancelled() || !self.shared.access.is_valid(&self.principal) {
                    return None;
                }
                let now = self.shared.heartbeats.last();
                let mark = self.principal.receive_mark(self.subscription.mark());
                let message = heartbeat(now, [(self.subscription.topic().to_string(), mark)].into());
                Some(format!("event: heartbeat\ndata: {}\n\n", json(&message)).into())
            }
        }
    }
}

/// All frames of a delivery in one chunk.
fn written(frames: &[Frame]) -> Bytes {
    let mut text = String::with_capacity(frames.iter().map(|frame| frame.json.len() + 64).sum());
    for frame in frames {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "event: {}", frame.kind.as_ref());
        if let Some(position) = &frame.position {
            let _ = writeln!(text, "id: {}:{}", position.epoch, position.revision);
        }
        // Compact JSON has no line breaks of its own.
        let _ = write!(text, "data: {}\n\n", String::from_utf8_lossy(&frame.json));
    }
    text.into()
}
