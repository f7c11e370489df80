//! The API of the server that Forgecast takes over from, on its paths and with its fields: whoever fed or showed builds
//! with it goes on unchanged. One adapter: every answer is made of the hub's views, rows and history at the moment it is
//! given. It keeps nothing of a session, and nothing in here decides what a fact means.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use forgecast_hub::session_called;
use forgecast_protocol::{SessionId, SessionRef, SessionView};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Error;
use crate::state::AppState;

pub(crate) mod agents;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod metrics;
mod news;
pub(crate) mod producers;
pub(crate) mod rooms;
pub(crate) mod sessions;
pub(crate) mod tasks;
mod view;
mod words;
pub(crate) mod ws;

/// What is said of a session that is not there.
const NO_SESSION: &str = "Session not found";

/// A session as a path names it. Every text names one, though perhaps none that exists: names that cannot be ids have
/// one made of them, here as where producers send them.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Called(String);

impl Called {
    /// The name as it may be repeated: cleaned like a producer's.
    pub(crate) fn name(&self, shared: &AppState) -> String {
        shared.cleaner.word(&self.0)
    }

    /// The run or the name that is meant.
    pub(crate) fn session(&self, shared: &AppState) -> SessionRef {
        session_called(&self.name(shared))
    }

    /// The session's newest view, if it is there.
    pub(crate) async fn view(&self, shared: &AppState) -> Result<Option<SessionView>, Error> {
        view_of(shared, &self.session(shared)).await
    }
}

/// The newest view of a session, if it is there.
async fn view_of(shared: &AppState, session: &SessionRef) -> Result<Option<SessionView>, Error> {
    let Some(state) = shared.hub.view(session).await? else {
        return Ok(None);
    };
    let view = serde_json::from_slice(&state.json);
    view.map(Some)
        .map_err(|error| Error::internal(format!("read the view of {}", state.id), error))
}

/// The id under which clients know a session: the newest run has the bare name, as before there were runs.
fn id_for_clients(shared: &AppState, id: &SessionId) -> String {
    let newest = shared.hub.resolve(&SessionRef::Newest(id.name().clone()));
    if newest.as_ref() == Some(id) {
        id.name().to_string()
    } else {
        id.to_string()
    }
}

/// An answer that is true now only.
fn answer(body: &impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A refusal in the form that these clients read.
fn refusal(status: StatusCode, why: &str) -> Response {
    (status, answer(&json!({ "error": why }))).into_response()
}

/// `GET /api/health`.
pub(crate) async fn health(State(shared): State<Arc<AppState>>) -> Response {
    answer(&json!({
        "status": "healthy",
        "sessions": shared.hub.counters().sessions,
        "connections": shared.rooms.viewers(),
    }))
}
