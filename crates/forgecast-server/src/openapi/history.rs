//! What the origin's API answers about many sessions, agents and tasks. Read by the description of the API only.

#![expect(dead_code, reason = "only the schemas are used")]

use forgecast_protocol::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::origin::{DecisionSums, OriginSource, OriginStatus, TaskRow};

/// Tasks and sums over all of them.
#[derive(JsonSchema, Serialize)]
pub(super) struct Historical {
    tasks: Vec<HistoricalTask>,
    total_tasks: u64,
    summary: Summary,
}

/// One session as a row of history, with what it used.
#[derive(JsonSchema, Serialize)]
pub(super) struct HistoricalTask {
    #[serde(flatten)]
    row: TaskRow,
    tokens_used: u64,
    #[schemars(range(min = 0))]
    cost_usd: Option<f64>,
}

/// Sums over all sessions.
#[derive(JsonSchema, Serialize)]
pub(super) struct Summary {
    tasks: TaskSums,
    tokens: TokenSums,
    decisions: SummedDecisions,
}

/// Sums of tasks.
#[derive(JsonSchema, Serialize)]
pub(super) struct TaskSums {
    total_tasks: u64,
    completed_tasks: u64,
    /// Seconds.
    avg_duration: Option<f64>,
}

/// Sums of tokens.
#[derive(JsonSchema, Serialize)]
pub(super) struct TokenSums {
    avg_tokens: Option<f64>,
    max_tokens: Option<u64>,
    avg_percentage: Option<f64>,
}

/// Sums of decisions.
#[derive(JsonSchema, Serialize)]
pub(super) struct SummedDecisions {
    total_decisions: u64,
    #[schemars(range(min = 1, max = 5))]
    avg_quality: Option<f64>,
    lessons_used: u64,
    /// The sessions that worked last; at most 100.
    #[schemars(range(max = 100))]
    sessions_counted: u64,
}

/// Decisions of one session or of many.
#[derive(JsonSchema, Serialize)]
pub(super) struct DecisionAnalytics {
    analytics: DecisionSums,
    task_id: Option<String>,
    #[schemars(range(max = 100))]
    sessions_counted: u64,
}

/// Agents by their kind.
#[derive(JsonSchema, Serialize)]
pub(super) struct AgentAnalytics {
    analytics: Vec<KindSums>,
    agent_type: Option<String>,
    #[schemars(range(max = 100))]
    sessions_counted: u64,
}

/// Agents of one kind.
#[derive(JsonSchema, Serialize)]
pub(super) struct KindSums {
    agent_type: String,
    total_executions: u64,
    avg_duration: Option<f64>,
    success_count: u64,
    avg_issues_found: Option<f64>,
    avg_issues_fixed: Option<f64>,
    avg_tokens_used: Option<f64>,
}

/// The agents of a session.
#[derive(JsonSchema, Serialize)]
pub(super) struct Agents {
    session_id: String,
    agents: Vec<Agent>,
    total_agents: u64,
    active_agents: u64,
}

/// One agent.
#[derive(JsonSchema, Serialize)]
pub(super) struct Agent {
    agent_id: String,
    session_id: String,
    agent_type: Option<String>,
    agent_name: Option<String>,
    /// The producer's word.
    status: String,
    phase: Option<String>,
    #[schemars(range(min = 0, max = 100))]
    progress_percent: f64,
    tokens_used: u64,
    tokens_limit: u64,
    #[schemars(range(min = 0))]
    token_percentage: f64,
    parent_agent_id: Option<String>,
    error_message: Option<String>,
    issues_found: Option<u32>,
    issues_fixed: Option<u32>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    duration_seconds: Option<u64>,
    elapsed_seconds: u64,
}

/// The sessions at work.
#[derive(JsonSchema, Serialize)]
pub(super) struct Instances {
    #[schemars(length(max = 100))]
    instances: Vec<Instance>,
    total_instances: u64,
}

/// One session at work with what its agents come to.
#[derive(JsonSchema, Serialize)]
pub(super) struct Instance {
    session_id: String,
    task_id: String,
    project_name: String,
    task_description: Option<String>,
    working_directory: Option<String>,
    status: OriginStatus,
    current_phase: String,
    phase_number: String,
    #[schemars(range(min = 0, max = 100))]
    overall_progress_percent: f64,
    start_time: Option<Timestamp>,
    elapsed_seconds: u64,
    agents_total: u64,
    agents_active: u64,
    tokens_used: u64,
    #[schemars(range(min = 0))]
    cost_usd: Option<f64>,
}

/// Sessions under the name of tasks.
#[derive(JsonSchema, Serialize)]
pub(super) struct Tasks {
    #[schemars(length(max = 100))]
    tasks: Vec<Task>,
    count: u64,
}

/// One session under the name of a task.
#[derive(JsonSchema, Serialize)]
pub(super) struct Task {
    task_id: String,
    project_name: String,
    task_description: Option<String>,
    working_directory: Option<String>,
    status: OriginStatus,
    current_phase: String,
    phase_number: String,
    phases_completed: Vec<String>,
    test_iteration: u32,
    started_at: Option<Timestamp>,
    start_time: Option<Timestamp>,
    elapsed_seconds: u64,
    progress_detail: String,
    source: OriginSource,
    #[schemars(range(min = 0))]
    data_age_seconds: f64,
}

/// That there is no such task.
#[derive(JsonSchema, Serialize)]
pub(super) struct NoTask {
    task_id: String,
    #[schemars(extend("const" = "unknown"))]
    status: String,
    error: String,
    #[schemars(range(max = 0))]
    elapsed_seconds: u64,
}

/// One task, or that there is none.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
pub(super) enum TaskOrNone {
    Task(Box<Task>),
    None(NoTask),
}

/// How the server is.
#[derive(JsonSchema, Serialize)]
pub(super) struct Health {
    #[schemars(extend("const" = "healthy"))]
    status: String,
    sessions: u64,
    connections: u64,
}

/// What became of a phase file.
#[derive(JsonSchema, Serialize)]
pub(super) struct PhaseReceived {
    #[schemars(extend("const" = "received"))]
    status: String,
    session_id: String,
    /// `current_phase` as it came.
    phase: Value,
    /// How many sockets of the session there are.
    broadcasted_to: u64,
}

/// What became of an agent's state.
#[derive(JsonSchema, Serialize)]
pub(super) struct AgentUpdated {
    #[schemars(extend("const" = "updated"))]
    status: String,
    agent_id: String,
    broadcasted_to: u64,
}

/// What became of a broadcast.
#[derive(JsonSchema, Serialize)]
pub(super) struct Broadcasted {
    /// How many sockets it was sent to.
    broadcasted: u64,
    /// Why it could not be folded; it was sent all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// A phase file; see `docs/inputs.md`. Every field may be missing, others are kept.
#[derive(JsonSchema, Serialize)]
pub(super) struct PhaseFile {
    /// The session; absent: `autonomous-build`.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_phase: Option<String>,
    /// `4/7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    phase_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress_detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_iteration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phases_completed: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated: Option<String>,
}

/// The state of one agent; what is not named here is passed on.
#[derive(JsonSchema, Serialize)]
pub(super) struct AgentState {
    #[schemars(length(min = 1))]
    session_id: String,
    #[schemars(length(min = 1))]
    agent_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_name: Option<String>,
    /// `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}
