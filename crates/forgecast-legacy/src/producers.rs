//! What producers send: decoded like the same words from a file, folded by the hub, and passed on to the viewers of the
//! session. Answered once it is durable, like every push.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use bytes::Bytes;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::json as documents;
use forgecast_decode::push::{self, PushError, Pushed};
use forgecast_hub::session_called;
use forgecast_protocol::{Fact, SessionId, SessionRef, Subject, Timestamp};
use forgecast_server::{AppState, Error, InBody, InPath, refusal};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::answer::{OrRefused, Refusal};
use crate::broadcast_rooms::BroadcastRooms;
use crate::diff::KnownFrame;
use crate::session::IdPath;

/// The session of a phase file that names none, and that no watched build has.
const DEFAULT_SESSION: &str = "autonomous-build";
/// How often a watched build is looked for whose phase file is what was sent, and how long: it may be read a moment later
/// than it is sent.
const LOOK: Duration = Duration::from_millis(25);
const LOOKS: u32 = 10;

/// A body, decoded in two ways.
struct Decoded {
    /// The cleaned object, as viewers get it.
    object: Map<String, Value>,
    /// The facts in it.
    pushed: Result<Pushed, PushError>,
    /// It names no session of its own.
    is_nameless: bool,
}

/// A phase file; see `docs/inputs.md`. Every field may be missing, others are kept.
#[expect(dead_code, reason = "says what a body holds; the decoder reads it")]
#[derive(Debug, JsonSchema)]
#[schemars(example = json!({
    "session_id": "weather-app", "current_phase": "Builder", "phase_number": "3/7", "status": "building",
    "progress_detail": "Writing the parser", "phases_completed": ["Scout", "Architect"],
}))]
pub(crate) struct PhaseFile {
    /// The session; absent: the build whose watched phase file this is, else `autonomous-build`.
    session_id: Option<String>,
    current_phase: Option<String>,
    /// `4/7`.
    phase_number: Option<String>,
    status: Option<String>,
    progress_detail: Option<String>,
    test_iteration: Option<u32>,
    phases_completed: Option<Vec<String>>,
    started_at: Option<String>,
    last_updated: Option<String>,
}

/// The state of one agent; what is not named here is passed on.
#[expect(dead_code, reason = "says what a body holds; the decoder reads it")]
#[derive(Debug, JsonSchema)]
#[schemars(example = json!({
    "session_id": "weather-app", "agent_id": "builder-1", "agent_type": "Builder", "status": "active", "progress_percent": 40,
}))]
pub(crate) struct AgentState {
    #[schemars(length(min = 1))]
    session_id: String,
    #[schemars(length(min = 1))]
    agent_id: String,
    agent_type: Option<String>,
    agent_name: Option<String>,
    /// `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word.
    status: Option<String>,
    phase: Option<String>,
    progress_percent: Option<f64>,
    tokens_used: Option<u64>,
    tokens_limit: Option<u64>,
    parent_agent_id: Option<String>,
    error_message: Option<String>,
}

/// Any object.
#[expect(dead_code, reason = "says what a body holds; the decoder reads it")]
#[derive(Debug, JsonSchema)]
#[schemars(transparent, example = json!({ "type": "log_line", "data": { "line": "compiling" } }))]
pub(crate) struct BroadcastEvent(Map<String, Value>);

/// What became of a phase file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PhaseReceived {
    #[schemars(extend("const" = "received"))]
    status: &'static str,
    session_id: String,
    /// `current_phase` as it came.
    phase: Value,
    /// How many sockets of the session there are.
    broadcasted_to: u64,
}

/// What became of an agent's state.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AgentUpdated {
    #[schemars(extend("const" = "updated"))]
    status: &'static str,
    agent_id: String,
    broadcasted_to: u64,
}

/// What became of a broadcast.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Broadcasted {
    /// How many sockets it was sent to.
    broadcasted: u64,
    /// Why it could not be folded; it was sent all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// `POST /api/phase-update`: a phase file. Viewers see the change that it makes, as with the file itself.
pub(crate) async fn phase_update(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
    InBody(request, _): InBody<PhaseFile>,
) -> Result<OrRefused<PhaseReceived>, Error> {
    let mut decoded = decode(&state, request, Some(DEFAULT_SESSION), push::phase_update).await?;
    let mut session_id = state.cleaner().word(&text(&decoded.object, "session_id"));
    if decoded.is_nameless
        && let Ok(pushed) = &mut decoded.pushed
        && let Some(build) = whose_file_it_is(&state, pushed).await?
    {
        session_id = build.name().to_string();
        for event in &mut pushed.batch.events {
            event.subject = Subject {
                session: Some(build.clone().into()),
                ..Subject::default()
            };
        }
    }
    let folded = fold(&state, decoded.pushed).await?;
    Ok(OrRefused(folded.map(|()| PhaseReceived {
        status: "received",
        phase: decoded.object.remove("current_phase").unwrap_or_default(),
        broadcasted_to: send(&state, &rooms, &session_called(&session_id), None),
        session_id,
    })))
}

/// The watched build whose phase file is what was sent: a producer writes the file and sends it.
async fn whose_file_it_is(state: &AppState, pushed: &Pushed) -> Result<Option<SessionId>, Error> {
    let Some(Fact::PhaseReported(report)) = pushed.batch.events.first().map(|event| &event.fact) else {
        return Ok(None);
    };
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(LOOK).await;
        }
        if let Some(build) = state.hub().whose_phase_file_says(report.clone()).await? {
            return Ok(Some(build));
        }
    }
    Ok(None)
}

/// `POST /api/agent-update`: the state of one agent, which viewers get as it came.
pub(crate) async fn agent_update(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
    InBody(request, _): InBody<AgentState>,
) -> Result<OrRefused<AgentUpdated>, Error> {
    let Decoded { object, pushed, .. } = decode(&state, request, None, push::agent_update).await?;
    let session_id = state.cleaner().word(&text(&object, "session_id"));
    let agent_id = text(&object, "agent_id");
    if session_id.is_empty() || agent_id.is_empty() {
        let why = "session_id and agent_id are required".to_owned();
        return Ok(OrRefused(Err(Refusal(StatusCode::BAD_REQUEST, why))));
    }
    let folded = fold(&state, pushed).await?;
    Ok(OrRefused(folded.map(|()| {
        let session = session_called(&session_id);
        let data = object;
        let message = KnownFrame::AgentProgress { session_id, data };
        AgentUpdated {
            status: "updated",
            agent_id,
            broadcasted_to: send(&state, &rooms, &session, Some(&message.text())),
        }
    })))
}

/// `POST /api/broadcast/{id}`: any object, which viewers get as it came. It is folded as far as it is understood; a problem
/// with it is reported beside the count, since viewers got it all the same.
pub(crate) async fn broadcast(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
    InPath(IdPath { id }): InPath<IdPath>,
    InBody(request, _): InBody<BroadcastEvent>,
) -> Result<OrRefused<Broadcasted>, Error> {
    let name = id.name(&state);
    let of_path = name.clone();
    let read = move |body: &[u8], cleaner: &Cleaner, now| push::broadcast(&of_path, body, cleaner, now);
    let Decoded { object, pushed, .. } = decode(&state, request, None, read).await?;
    let problem = match pushed {
        Err(PushError::Rejected(why)) => Some(why),
        pushed => match fold(&state, pushed).await? {
            Ok(()) => None,
            Err(refusal) => return Ok(OrRefused(Err(refusal))),
        },
    };
    let message = Value::Object(object).to_string().into();
    let broadcasted = send(&state, &rooms, &session_called(&name), Some(&message));
    Ok(OrRefused(Ok(Broadcasted { broadcasted, problem })))
}

/// Reads a body and decodes it: as the object that is passed on, and by `read` as facts. With `default_session` an object
/// that names no session gets this one.
async fn decode(
    state: &AppState,
    request: Request,
    default_session: Option<&'static str>,
    read: impl FnOnce(&[u8], &Cleaner, Timestamp) -> Result<Pushed, PushError> + Send + 'static,
) -> Result<Decoded, Error> {
    let decode = move |body: &[u8], cleaner: &Cleaner, now| {
        let mut object = documents::object(body).map_err(|error| Error::Malformed(error.to_string()))?;
        let default_session = default_session.filter(|_| names_no_session(&object));
        let pushed = match default_session {
            None => read(body, cleaner, now),
            Some(name) => {
                object.insert("session_id".to_owned(), name.into());
                let named = serde_json::to_vec(&object).map_err(|error| Error::internal("name a body", error))?;
                read(&named, cleaner, now)
            }
        };
        let object = match cleaner.value(Value::Object(object)) {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        Ok(Decoded {
            object,
            pushed,
            is_nameless: default_session.is_some(),
        })
    };
    state.decode_body(request, decode).await?
}

/// Hands the facts to the hub and waits until they are durable; gives the refusal when they were not accepted.
async fn fold(state: &AppState, pushed: Result<Pushed, PushError>) -> Result<Result<(), Refusal>, Error> {
    let pushed = match pushed {
        Ok(pushed) => pushed,
        Err(error) => return Ok(Err(Refusal(StatusCode::BAD_REQUEST, error.to_string()))),
    };
    let receipt = state.hub().push(pushed.batch).await?;
    let refused = receipt.rejected.first().or(receipt.rejected_logs.first());
    Ok(refused.map_or(Ok(()), |one| {
        Err(Refusal(
            StatusCode::UNPROCESSABLE_ENTITY,
            refusal(one.reason).to_owned(),
        ))
    }))
}

/// Sends to the viewers of a session; gives their number.
fn send(state: &AppState, rooms: &BroadcastRooms, session: &SessionRef, text: Option<&Bytes>) -> u64 {
    let newest = match session {
        SessionRef::Run(id) => SessionRef::Newest(id.name().clone()),
        SessionRef::Newest(_) => session.clone(),
    };
    let newest = state.hub().resolve(&newest).map(|id| id.run());
    rooms.send(session, newest, text) as u64
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
