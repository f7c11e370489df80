//! Lists of sessions, made of rows alone: ten thousand sessions cost ten thousand rows and not one view.

use std::sync::Arc;

use axum::extract::State;
use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::{SessionRow, SessionStatus, Timestamp};
use forgecast_server::AppState;
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::{Answer, answer};
use crate::session::{id_for_clients, rows};
use crate::view::seconds_between;
use crate::vocabulary::{self, LegacySource, LegacyStatus};

/// Sessions.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LegacySessions {
    /// The last that worked first.
    sessions: Vec<LegacySession>,
    /// How many they are.
    count: u64,
}

/// One session in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct LegacySession {
    /// The name for the newest run, the id for an older one.
    id: String,
    project: String,
    task: String,
    /// In lower case for a session of a checkpoint, and `complete` when it is.
    phase: String,
    current_phase: String,
    /// `3/7`, with `?` for an unknown number.
    phase_number: String,
    status: LegacyStatus,
    status_reason: Option<String>,
    iterations: u32,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    elapsed_seconds: u64,
    last_update: Option<Timestamp>,
    phases_completed: Vec<String>,
    completed_tasks: u64,
    total_tasks: u64,
    #[schemars(range(min = 0, max = 100))]
    progress_percent: f64,
    /// Of the build, never of a phase.
    is_complete: bool,
    source: LegacySource,
}

/// `GET /api/sessions`.
pub(crate) async fn all(State(state): State<Arc<AppState>>) -> Answer<LegacySessions> {
    list(&state, Vec::new()).await
}

/// `GET /api/sessions/active`.
pub(crate) async fn active(State(state): State<Arc<AppState>>) -> Answer<LegacySessions> {
    list(&state, vocabulary::statuses(LegacyStatus::Running)).await
}

/// `GET /api/sessions/completed`.
pub(crate) async fn completed(State(state): State<Arc<AppState>>) -> Answer<LegacySessions> {
    list(&state, vocabulary::statuses(LegacyStatus::Completed)).await
}

/// `GET /api/sessions/failed`.
pub(crate) async fn failed(State(state): State<Arc<AppState>>) -> Answer<LegacySessions> {
    list(&state, vocabulary::statuses(LegacyStatus::Failed)).await
}

async fn list(state: &AppState, status: Vec<SessionStatus>) -> Answer<LegacySessions> {
    let rows = rows(state, status, usize::MAX).await?;
    let now = state.now();
    let count = rows.len() as u64;
    let sessions = rows.into_iter().map(|row| session(state, row, now)).collect();
    Ok(answer(LegacySessions { sessions, count }))
}

fn session(state: &AppState, row: SessionRow, now: Timestamp) -> LegacySession {
    let phase = row.phase.as_ref();
    let name = phase.map(|phase| phase.name.as_str());
    let phases_completed = vocabulary::phases_that_are(&row.phases, PhaseStatus::Completed);
    let skipped = vocabulary::phases_that_are(&row.phases, PhaseStatus::Skipped).len();
    let (completed_tasks, total_tasks) = row.tasks.as_ref().map_or(
        (phases_completed.len() as u64, (row.phases.len() - skipped) as u64),
        |tasks| (tasks.completed.into(), tasks.total.into()),
    );
    LegacySession {
        id: id_for_clients(state, &row.id),
        phase: vocabulary::phase(name, row.source, row.status),
        current_phase: name.unwrap_or("Unknown").to_owned(),
        phase_number: vocabulary::phase_number(
            phase.and_then(|phase| phase.number.as_deref()),
            phase.and_then(|phase| phase.total),
        ),
        project: row.project.unwrap_or(row.name),
        task: row.task.unwrap_or_default(),
        status: vocabulary::status(row.status),
        status_reason: row.status_reason,
        iterations: row.iteration.unwrap_or_default(),
        start_time: row.started_at,
        end_time: row.ended_at,
        elapsed_seconds: seconds_between(row.started_at, row.ended_at.or(Some(now))).unwrap_or_default(),
        last_update: row.last_work_at.or(row.started_at),
        phases_completed,
        completed_tasks,
        total_tasks,
        progress_percent: row.progress_percent.unwrap_or(0.0),
        is_complete: row.status == SessionStatus::Completed,
        source: vocabulary::source(row.source),
    }
}
