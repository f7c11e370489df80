//! Sessions under the name of tasks, as the orchestrator's own protocol (MCP) calls them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use forgecast_protocol::Timestamp;
use forgecast_protocol::session::PhaseStatus;
use forgecast_server::{AppState, Error, InPath};
use serde_json::{Value, json};

use crate::answer::answer;
use crate::session::{self, NamedSession, Session};
use crate::{view, vocabulary};

/// `GET /api/mcp/tasks`: the sessions at work.
pub(crate) async fn active(State(state): State<Arc<AppState>>) -> Result<Response, Error> {
    let now = state.now();
    let sessions = session::load_running(&state).await?;
    let tasks: Vec<Value> = sessions.iter().map(|session| task(session, now)).collect();
    Ok(answer(&json!({ "count": tasks.len(), "tasks": tasks })))
}

/// `GET /api/mcp/task/{id}`.
pub(crate) async fn one(
    State(state): State<Arc<AppState>>,
    InPath(name): InPath<NamedSession>,
) -> Result<Response, Error> {
    Ok(match name.load(&state).await? {
        Some(session) => answer(&task(&session, state.now())),
        None => answer(&json!({
            "task_id": name.name(&state),
            "status": "unknown",
            "error": "Task not found",
            "elapsed_seconds": 0,
        })),
    })
}

fn task(Session { id, view }: &Session, now: Timestamp) -> Value {
    let phase = view.phase.as_ref();
    json!({
        "task_id": id,
        "project_name": view.project.as_deref().unwrap_or(&view.name),
        "task_description": view.task,
        "working_directory": view.working_directory,
        "status": vocabulary::status(view.status),
        "current_phase": phase.map_or("Unknown", |phase| phase.name.as_str()),
        "phase_number": view::phase_number(view),
        "phases_completed": vocabulary::phases_that_are(&view::statuses(view), PhaseStatus::Completed),
        "test_iteration": view::iterations(view),
        "started_at": view.started_at,
        "start_time": view.started_at,
        "elapsed_seconds": view::elapsed_s(view, now),
        "progress_detail": phase.and_then(|phase| phase.detail.as_deref()).unwrap_or_default(),
        "source": vocabulary::source(view.source),
        "data_age_seconds": view::age_s(view, now),
    })
}
