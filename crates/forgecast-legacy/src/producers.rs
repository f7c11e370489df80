//! What producers send: decoded like the same words from a file, folded by the hub, and passed on to the viewers of the
//! session. Answered once it is durable, like every push.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::json as documents;
use forgecast_decode::push::{self, PushError, Pushed};
use forgecast_hub::session_called;
use forgecast_protocol::{SessionRef, Timestamp};
use forgecast_server::{AppState, Error, InPath, QUICK_JSON_BYTES, refusal as refusal_of};
use serde_json::{Map, Value, json};

use crate::answer::{answer, refusal};
use crate::broadcast_rooms::BroadcastRooms;
use crate::session::NamedSession;

/// The session of a phase file that names none.
const DEFAULT_SESSION: &str = "autonomous-build";

/// A body, decoded in two ways.
struct Decoded {
    /// The cleaned object, as viewers get it.
    object: Map<String, Value>,
    /// The facts in it.
    pushed: Result<Pushed, PushError>,
}

/// `POST /api/phase-update`: a phase file. Viewers see the change that it makes, as with the file itself.
pub(crate) async fn phase_update(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
    request: Request,
) -> Result<Response, Error> {
    let decoded = decode(&state, request, Some(DEFAULT_SESSION), push::phase_update).await?;
    let name = state.cleaner().word(&text(&decoded.object, "session_id"));
    if let Some(refused) = fold(&state, decoded.pushed).await? {
        return Ok(refused);
    }
    Ok(answer(&json!({
        "status": "received",
        "session_id": name,
        "phase": decoded.object.get("current_phase"),
        "broadcasted_to": send(&state, &rooms, &session_called(&name), None),
    })))
}

/// `POST /api/agent-update`: the state of one agent, which viewers get as it came.
pub(crate) async fn agent_update(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
    request: Request,
) -> Result<Response, Error> {
    let decoded = decode(&state, request, None, push::agent_update).await?;
    let name = state.cleaner().word(&text(&decoded.object, "session_id"));
    let agent = text(&decoded.object, "agent_id");
    if name.is_empty() || agent.is_empty() {
        let why = "session_id and agent_id are required";
        return Ok(refusal(StatusCode::BAD_REQUEST, why));
    }
    if let Some(refused) = fold(&state, decoded.pushed).await? {
        return Ok(refused);
    }
    let message = json!({ "type": "agent_progress", "session_id": name, "data": decoded.object });
    Ok(answer(&json!({
        "status": "updated",
        "agent_id": agent,
        "broadcasted_to": send(&state, &rooms, &session_called(&name), Some(&message)),
    })))
}

/// `POST /api/broadcast/{session}`: any object, which viewers get as it came. It is folded as far as it is understood; a
/// problem with it is reported beside the count, since viewers got it all the same.
pub(crate) async fn broadcast(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
    InPath(session): InPath<NamedSession>,
    request: Request,
) -> Result<Response, Error> {
    let name = session.name(&state);
    let of_path = name.clone();
    let read = move |body: &[u8], cleaner: &Cleaner, now| push::broadcast(&of_path, body, cleaner, now);
    let decoded = decode(&state, request, None, read).await?;
    let problem = match decoded.pushed {
        Err(PushError::Rejected(why)) => Some(why),
        pushed => {
            if let Some(refused) = fold(&state, pushed).await? {
                return Ok(refused);
            }
            None
        }
    };
    let message = Value::Object(decoded.object);
    let mut sent = json!({ "broadcasted": send(&state, &rooms, &session_called(&name), Some(&message)) });
    if let Some(problem) = problem {
        sent["problem"] = problem.into();
    }
    Ok(answer(&sent))
}

/// Reads a body and decodes it: as the object that is passed on, and by `read` as facts. With `default_session` an object
/// that names no session gets this one.
async fn decode(
    state: &AppState,
    request: Request,
    default_session: Option<&'static str>,
    read: impl FnOnce(&[u8], &Cleaner, Timestamp) -> Result<Pushed, PushError> + Send + 'static,
) -> Result<Decoded, Error> {
    let body = state.read_body(request).await?;
    let (cleaner, now) = (Arc::clone(state.cleaner()), state.now());
    let decode = move |body: &[u8]| {
        let mut object = documents::object(body).map_err(|error| Error::Malformed(error.to_string()))?;
        let pushed = match default_session.filter(|_| names_no_session(&object)) {
            None => read(body, &cleaner, now),
            Some(name) => {
                object.insert("session_id".to_owned(), name.into());
                let named = serde_json::to_vec(&object).map_err(|error| Error::internal("name a body", error))?;
                read(&named, &cleaner, now)
            }
        };
        let object = match cleaner.value(Value::Object(object)) {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        Ok(Decoded { object, pushed })
    };
    body.decode(QUICK_JSON_BYTES, decode).await?
}

/// Hands the facts to the hub and waits until they are durable; gives the refusal when they were not accepted.
async fn fold(state: &AppState, pushed: Result<Pushed, PushError>) -> Result<Option<Response>, Error> {
    let pushed = match pushed {
        Ok(pushed) => pushed,
        Err(error) => return Ok(Some(refusal(StatusCode::BAD_REQUEST, &error.to_string()))),
    };
    let receipt = state.hub().push(pushed.batch).await?;
    let refused = receipt.rejected.first().or(receipt.rejected_logs.first());
    Ok(refused.map(|one| refusal(StatusCode::UNPROCESSABLE_ENTITY, refusal_of(one.reason))))
}

/// Sends to the viewers of a session; gives their number.
fn send(state: &AppState, rooms: &BroadcastRooms, session: &SessionRef, message: Option<&Value>) -> usize {
    let newest = match session {
        SessionRef::Run(id) => SessionRef::Newest(id.name().clone()),
        SessionRef::Newest(_) => session.clone(),
    };
    let newest = state.hub().resolve(&newest).map(|id| id.run());
    let text = message.map(|message| Bytes::from(message.to_string()));
    rooms.send(session, newest, text.as_ref())
}

/// Whether an object says nothing at all about its session. Something that cannot be a name is refused instead.
fn names_no_session(object: &Map<String, Value>) -> bool {
    ["session_id", "session"]
        .into_iter()
        .all(|name| match object.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(_) => false,
        })
}

/// A text, or a number as a text; empty for anything else.
fn text(object: &Map<String, Value>, name: &str) -> String {
    match object.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
