//! What producers send: read by ingest like the same words from a file, folded by the hub, and passed on to those who
//! watch. Answered when it is durable, like every push.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::json as documents;
use forgecast_decode::push::{self, PushError, Pushed};
use forgecast_hub::session_called;
use forgecast_protocol::{SessionRef, Timestamp};
use serde_json::{Map, Value, json};

use super::{Called, answer, refusal};
use crate::body::LimitedBody;
use crate::error::Error;
use crate::events;
use crate::extract::InPath;
use crate::state::AppState;

/// The session of a phase file that names none.
const NAMELESS: &str = "autonomous-build";
/// Bodies up to here are decoded on the spot; longer ones would keep other connections of the same thread waiting.
const QUICK_BYTES: usize = 64 * 1024;

/// What a body says, and itself, clean.
struct Read {
    object: Map<String, Value>,
    pushed: Result<Pushed, PushError>,
}

type Decode = Box<dyn FnOnce(&[u8], &Cleaner, Timestamp) -> Result<Pushed, PushError> + Send>;

/// `POST /api/phase-update`: a phase file. Whoever watches is told by what it changes, as by the file itself.
pub(crate) async fn phase_update(State(shared): State<Arc<AppState>>, request: Request) -> Result<Response, Error> {
    let body = shared.bodies.read(request).await?;
    let read = read(&shared, body, Some(NAMELESS), Box::new(push::phase_update)).await?;
    let name = shared.cleaner.word(&text(&read.object, "session_id"));
    if let Some(refused) = fold(&shared, read.pushed).await? {
        return Ok(refused);
    }
    Ok(answer(&json!({
        "status": "received",
        "session_id": name,
        "phase": read.object.get("current_phase"),
        "broadcasted_to": send(&shared, &session_called(&name), None),
    })))
}

/// `POST /api/agent-update`: the state of one agent. Passed on as it came.
pub(crate) async fn agent_update(State(shared): State<Arc<AppState>>, request: Request) -> Result<Response, Error> {
    let body = shared.bodies.read(request).await?;
    let read = read(&shared, body, None, Box::new(push::agent_update)).await?;
    let name = shared.cleaner.word(&text(&read.object, "session_id"));
    let agent = text(&read.object, "agent_id");
    if name.is_empty() || agent.is_empty() {
        let why = "session_id and agent_id are required";
        return Ok(refusal(StatusCode::BAD_REQUEST, why));
    }
    if let Some(refused) = fold(&shared, read.pushed).await? {
        return Ok(refused);
    }
    let message = json!({ "type": "agent_progress", "session_id": name, "data": read.object });
    Ok(answer(&json!({
        "status": "updated",
        "agent_id": agent,
        "broadcasted_to": send(&shared, &session_called(&name), Some(&message)),
    })))
}

/// `POST /api/broadcast/{session}`: any object. Passed on as it came, and folded as far as it is understood; what is not
/// understood is said beside the count, for it reached its viewers all the same.
pub(crate) async fn broadcast(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<Called>,
    request: Request,
) -> Result<Response, Error> {
    let body = shared.bodies.read(request).await?;
    let name = session.name(&shared);
    let decode: Decode = {
        let name = name.clone();
        Box::new(move |body, cleaner, now| push::broadcast(&name, body, cleaner, now))
    };
    let read = read(&shared, body, None, decode).await?;
    let problem = match read.pushed {
        Err(PushError::Rejected(why)) => Some(why),
        pushed => {
            if let Some(refused) = fold(&shared, pushed).await? {
                return Ok(refused);
            }
            None
        }
    };
    let sent = send(&shared, &session_called(&name), Some(&Value::Object(read.object)));
    let mut told = json!({ "broadcasted": sent });
    if let Some(problem) = problem {
        told["problem"] = problem.into();
    }
    Ok(answer(&told))
}

/// Reads a body twice over: as what is passed on, and as facts.
async fn read(
    shared: &AppState,
    body: LimitedBody,
    nameless: Option<&'static str>,
    decode: Decode,
) -> Result<Read, Error> {
    let (cleaner, now) = (Arc::clone(&shared.cleaner), shared.clock.now());
    let quick = body.len() <= QUICK_BYTES;
    let work = move || {
        let mut object = documents::object(&body).map_err(|error| Error::Malformed(error.to_string()))?;
        let pushed = match nameless.filter(|_| names_none(&object)) {
            None => decode(&body, &cleaner, now),
            Some(name) => {
                object.insert("session_id".to_owned(), name.into());
                let named = serde_json::to_vec(&object).map_err(|error| Error::internal("name a body", error))?;
                decode(&named, &cleaner, now)
            }
        };
        let object = match cleaner.value(Value::Object(object)) {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        Ok(Read { object, pushed })
    };
    if quick {
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("decode a push", error))?
}

/// Hands the facts to the hub and waits until they are durable; gives the refusal when they were not taken.
async fn fold(shared: &AppState, pushed: Result<Pushed, PushError>) -> Result<Option<Response>, Error> {
    let pushed = match pushed {
        Ok(pushed) => pushed,
        Err(error) => return Ok(Some(refusal(StatusCode::BAD_REQUEST, &error.to_string()))),
    };
    let receipt = shared.hub.push(pushed.batch).await?;
    let refused = receipt.rejected.first().or(receipt.rejected_logs.first());
    Ok(refused.map(|one| refusal(StatusCode::UNPROCESSABLE_ENTITY, events::refusal(one.reason))))
}

/// Sends to whoever watches the session; says how many they are.
fn send(shared: &AppState, session: &SessionRef, message: Option<&Value>) -> usize {
    let newest = match session {
        SessionRef::Run(id) => SessionRef::Newest(id.name().clone()),
        SessionRef::Newest(_) => session.clone(),
    };
    let newest = shared.hub.resolve(&newest).map(|id| id.run());
    let text = message.map(|message| Bytes::from(message.to_string()));
    shared.rooms.send(session, newest, text.as_ref())
}

/// Whether nothing at all is said about the session; something that cannot be a name is refused instead.
fn names_none(object: &Map<String, Value>) -> bool {
    ["session_id", "session"]
        .into_iter()
        .all(|name| match object.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(_) => false,
        })
}

/// A text, or a number as a text; nothing for anything else.
fn text(object: &Map<String, Value>, name: &str) -> String {
    match object.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
