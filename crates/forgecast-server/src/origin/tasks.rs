//! Sessions under another name: the tasks of the orchestrator's own protocol.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::{SessionView, Timestamp};
use serde_json::{Value, json};

use super::{Called, answer, id_for_clients, list, view, view_of, words};
use crate::error::Error;
use crate::extract::InPath;
use crate::state::AppState;

/// Most views that one answer is made of; those that worked last come first.
pub(super) const MOST_VIEWS: usize = 100;

/// `GET /api/mcp/tasks`: those at work.
pub(crate) async fn active(State(shared): State<Arc<AppState>>) -> Result<Response, Error> {
    let now = shared.clock.now();
    let views = views_at_work(&shared).await?;
    let tasks: Vec<Value> = views
        .iter()
        .map(|view| task(view, &id_for_clients(&shared, &view.id), now))
        .collect();
    Ok(answer(&json!({ "count": tasks.len(), "tasks": tasks })))
}

/// `GET /api/mcp/task/{id}`.
pub(crate) async fn one(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<Called>,
) -> Result<Response, Error> {
    Ok(match session.view(&shared).await? {
        Some(view) => answer(&task(&view, &id_for_clients(&shared, &view.id), shared.clock.now())),
        None => answer(&json!({
            "task_id": session.name(&shared),
            "status": "unknown",
            "error": "Task not found",
            "elapsed_seconds": 0,
        })),
    })
}

/// The views of the sessions at work that worked last.
pub(super) async fn views_at_work(shared: &AppState) -> Result<Vec<SessionView>, Error> {
    views_of(
        shared,
        list::rows(shared, words::statuses("running"), MOST_VIEWS).await?,
    )
    .await
}

/// The views of these rows, as far as they are still there.
pub(super) async fn views_of(
    shared: &AppState,
    rows: Vec<forgecast_protocol::SessionRow>,
) -> Result<Vec<SessionView>, Error> {
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        views.extend(view_of(shared, &row.id.into()).await?);
    }
    Ok(views)
}

fn task(session: &SessionView, id: &str, now: Timestamp) -> Value {
    let phase = session.phase.as_ref();
    json!({
        "task_id": id,
        "project_name": session.project.as_deref().unwrap_or(&session.name),
        "task_description": session.task,
        "working_directory": session.working_directory,
        "status": words::status(session.status),
        "current_phase": phase.map_or("Unknown", |phase| phase.name.as_str()),
        "phase_number": view::phase_number(session),
        "phases_completed": words::phases_that_are(&view::statuses(session), PhaseStatus::Completed),
        "test_iteration": view::iterations(session),
        "started_at": session.started_at,
        "start_time": session.started_at,
        "elapsed_seconds": view::elapsed_s(session, now),
        "progress_detail": phase.and_then(|phase| phase.detail.as_deref()).unwrap_or_default(),
        "source": words::source(session.source),
        "data_age_seconds": view::age_s(session, now),
    })
}
