//! Lists of sessions, made of rows alone: ten thousand sessions cost ten thousand rows and not one view.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::{SessionRow, SessionStatus, Timestamp};
use forgecast_server::{AppState, Error};
use serde_json::{Value, json};

use crate::answer::answer;
use crate::session::{id_for_clients, rows};
use crate::view::seconds_between;
use crate::vocabulary;

/// `GET /api/sessions`.
pub(crate) async fn all(State(state): State<Arc<AppState>>) -> Result<Response, Error> {
    list(&state, Vec::new()).await
}

/// `GET /api/sessions/active`.
pub(crate) async fn active(State(state): State<Arc<AppState>>) -> Result<Response, Error> {
    list(&state, vocabulary::statuses("running")).await
}

/// `GET /api/sessions/completed`.
pub(crate) async fn completed(State(state): State<Arc<AppState>>) -> Result<Response, Error> {
    list(&state, vocabulary::statuses("completed")).await
}

/// `GET /api/sessions/failed`.
pub(crate) async fn failed(State(state): State<Arc<AppState>>) -> Result<Response, Error> {
    list(&state, vocabulary::statuses("failed")).await
}

async fn list(state: &AppState, status: Vec<SessionStatus>) -> Result<Response, Error> {
    let rows = rows(state, status, usize::MAX).await?;
    let now = state.now();
    let sessions: Vec<Value> = rows
        .iter()
        .map(|row| session(row, &id_for_clients(state, &row.id), now))
        .collect();
    Ok(answer(&json!({ "count": sessions.len(), "sessions": sessions })))
}

fn session(row: &SessionRow, id: &str, now: Timestamp) -> Value {
    let phase = row.phase.as_ref();
    let name = phase.map(|phase| phase.name.as_str());
    let phases_completed = vocabulary::phases_that_are(&row.phases, PhaseStatus::Completed);
    let skipped = vocabulary::phases_that_are(&row.phases, PhaseStatus::Skipped).len();
    let (completed, total) = row.tasks.as_ref().map_or(
        (phases_completed.len() as u64, (row.phases.len() - skipped) as u64),
        |tasks| (tasks.completed.into(), tasks.total.into()),
    );
    json!({
        "id": id,
        "project": row.project.as_deref().unwrap_or(&row.name),
        "task": row.task.as_deref().unwrap_or_default(),
        "phase": vocabulary::phase(name, row.source, row.status),
        "current_phase": name.unwrap_or("Unknown"),
        "phase_number": vocabulary::phase_number(
            phase.and_then(|phase| phase.number.as_deref()),
            phase.and_then(|phase| phase.total),
        ),
        "status": vocabulary::status(row.status),
        "status_reason": row.status_reason,
        "iterations": row.iteration.unwrap_or_default(),
        "start_time": row.started_at,
        "end_time": row.ended_at,
        "elapsed_seconds": seconds_between(row.started_at, row.ended_at.or(Some(now))).unwrap_or_default(),
        "last_update": row.last_work_at.or(row.started_at),
        "phases_completed": phases_completed,
        "completed_tasks": completed,
        "total_tasks": total,
        "progress_percent": row.progress_percent.unwrap_or(0.0),
        "is_complete": row.status == SessionStatus::Completed,
        "source": vocabulary::source(row.source),
    })
}
