//! Sessions under the name of tasks, as the orchestrator's own protocol (MCP) calls them.

use std::sync::Arc;

use axum::extract::State;
use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::{SessionView, Timestamp};
use forgecast_server::{AppState, InPath};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::{Answer, answer};
use crate::session::{self, IdPath, Session};
use crate::view::{self, Artifacts};
use crate::vocabulary::{self, LegacySource, LegacyStatus};

/// Sessions under the name of tasks.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tasks {
    #[schemars(length(max = 100))]
    tasks: Vec<Task>,
    count: u64,
}

/// One session under the name of a task.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Task {
    #[serde(flatten)]
    summary: TaskSummary,
    session_id: String,
    phases_completed: Vec<String>,
    iterations: u32,
    progress: TaskProgress,
    artifacts: Artifacts,
    last_iteration_time: Option<Timestamp>,
    test_iteration: u32,
    started_at: Option<Timestamp>,
    progress_detail: String,
    source: LegacySource,
    #[schemars(range(min = 0))]
    data_age_seconds: f64,
}

/// The tasks of the build and the remarks on it.
#[derive(Debug, Serialize, JsonSchema)]
struct TaskProgress {
    completed: Vec<String>,
    remaining: Vec<String>,
    notes: Vec<String>,
}

/// What each answer about a session at work says of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskSummary {
    task_id: String,
    project_name: String,
    task_description: Option<String>,
    working_directory: Option<String>,
    status: LegacyStatus,
    current_phase: String,
    phase_number: String,
    start_time: Option<Timestamp>,
    elapsed_seconds: u64,
}

/// That there is no such task.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NoTask {
    task_id: String,
    #[schemars(extend("const" = "unknown"))]
    status: &'static str,
    error: &'static str,
    #[schemars(range(max = 0))]
    elapsed_seconds: u64,
}

/// One task, or that there is none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TaskOrNone {
    Task(Box<Task>),
    None(NoTask),
}

/// `GET /api/mcp/tasks`: the sessions at work.
pub(crate) async fn active(State(state): State<Arc<AppState>>) -> Answer<Tasks> {
    let now = state.now();
    let sessions = session::load_running(&state).await?;
    Ok(answer(Tasks {
        count: sessions.len() as u64,
        tasks: sessions.iter().map(|session| Task::new(session, now)).collect(),
    }))
}

/// `GET /api/mcp/task/{id}`.
pub(crate) async fn one(
    State(state): State<Arc<AppState>>,
    InPath(IdPath { id }): InPath<IdPath>,
) -> Answer<TaskOrNone> {
    Ok(answer(match id.load(&state).await? {
        Some(session) => TaskOrNone::Task(Box::new(Task::new(&session, state.now()))),
        None => TaskOrNone::None(NoTask {
            task_id: id.name(&state),
            status: "unknown",
            error: "Task not found",
            elapsed_seconds: 0,
        }),
    }))
}

impl Task {
    fn new(session: &Session, now: Timestamp) -> Self {
        let view = &session.view;
        let detail = view.phase.as_ref().and_then(|phase| phase.detail.clone());
        Self {
            summary: TaskSummary::new(session, now),
            session_id: session.id.clone(),
            iterations: view.progress.rounds.unwrap_or_default(),
            progress: TaskProgress::of(view),
            artifacts: view::artifacts(view),
            last_iteration_time: view.last_work_at,
            phases_completed: vocabulary::phases_that_are(&view::statuses(view), PhaseStatus::Completed),
            test_iteration: view::iterations(view),
            started_at: view.started_at,
            progress_detail: detail.unwrap_or_default(),
            source: vocabulary::source(view.source),
            data_age_seconds: view::age_s(view, now),
        }
    }
}

impl TaskProgress {
    fn of(view: &SessionView) -> Self {
        let (completed, remaining) = view::listed_tasks(view);
        Self {
            completed,
            remaining,
            notes: view.progress.notes.clone(),
        }
    }
}

impl TaskSummary {
    pub(crate) fn new(Session { id, view }: &Session, now: Timestamp) -> Self {
        Self {
            task_id: id.clone(),
            project_name: view::project(view),
            task_description: view.task.clone(),
            working_directory: view.working_directory.clone(),
            status: vocabulary::status(view.status),
            current_phase: view::current_phase(view),
            phase_number: view::phase_number(view),
            start_time: view.started_at,
            elapsed_seconds: view::elapsed_s(view, now),
        }
    }
}
