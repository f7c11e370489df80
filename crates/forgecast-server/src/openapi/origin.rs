//! What the origin's API answers. Here, and only here, what is unknown is null or 0. Read by the description of the API
//! only, which is compared with real answers by the tests.

#![expect(dead_code, reason = "only the schemas are used")]

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::session::ArtifactView;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// There are three words for a session's state.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OriginStatus {
    /// At work in any way, also while it waits or stalls.
    Running,
    Completed,
    /// Also when it was abandoned.
    Failed,
}

/// The state of a phase.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OriginPhaseStatus {
    Pending,
    InProgress,
    Completed,
    Failed,
    Skipped,
}

/// Where a state comes from.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OriginSource {
    Live,
    Checkpoint,
}

/// What is wrong, in the form that these clients read.
#[derive(JsonSchema, Serialize)]
pub(super) struct OriginError {
    /// In words.
    error: String,
}

/// Sessions.
#[derive(JsonSchema, Serialize)]
pub(super) struct OriginSessions {
    /// The last that worked first.
    sessions: Vec<OriginSession>,
    /// How many they are.
    count: u64,
}

/// One session in a list.
#[derive(JsonSchema, Serialize)]
pub(super) struct OriginSession {
    /// The name for the newest run, the id for an older one.
    id: String,
    project: String,
    task: String,
    /// In lower case for a session of a checkpoint, and `complete` when it is.
    phase: String,
    current_phase: String,
    /// `3/7`, with `?` for what nobody said.
    phase_number: String,
    status: OriginStatus,
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
    source: OriginSource,
}

/// One session.
#[derive(JsonSchema, Serialize)]
pub(super) struct SessionState {
    id: String,
    session_id: String,
    project: String,
    task: String,
    phase: String,
    current_phase: String,
    phase_number: String,
    /// The producer's own word.
    phase_status: String,
    phases_completed: Vec<String>,
    progress_detail: String,
    status: OriginStatus,
    status_reason: Option<String>,
    iterations: u32,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    #[schemars(range(min = 0, max = 100))]
    overall_progress_percent: f64,
    tasks: OriginTasks,
    phase_breakdown: PhaseBreakdown,
    context: OriginContext,
    artifacts: BTreeMap<String, ArtifactView>,
    is_complete: bool,
    notes: Vec<String>,
    source: OriginSource,
    /// Not known here.
    timeout_minutes: Option<f64>,
    elapsed_seconds: u64,
    estimated_remaining_seconds: u64,
    #[schemars(range(min = 0))]
    data_age_seconds: f64,
}

/// One session, or that there is none.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
pub(super) enum StateOrError {
    State(Box<SessionState>),
    Error(OriginError),
}

/// The tasks of a build; of one that lists none, its phases.
#[derive(JsonSchema, Serialize)]
pub(super) struct OriginTasks {
    completed: Vec<String>,
    remaining: Vec<String>,
    total: u64,
    #[schemars(range(min = 0, max = 100))]
    progress_percent: u64,
}

/// The phases by their state.
#[derive(JsonSchema, Serialize)]
pub(super) struct PhaseBreakdown {
    completed: Vec<String>,
    current: Option<String>,
    remaining: Vec<String>,
}

/// The context window.
#[derive(JsonSchema, Serialize)]
pub(super) struct OriginContext {
    #[schemars(range(min = 0, max = 100))]
    percentage: f64,
    tokens_used: u64,
}

/// The pipeline, phase by phase.
#[derive(JsonSchema, Serialize)]
pub(super) struct Phases {
    session_id: String,
    total_phases: u64,
    phases_completed_count: u64,
    current_phase_number: u32,
    #[schemars(range(min = 0, max = 100))]
    overall_progress_percent: f64,
    phases: Vec<OriginPhase>,
}

/// One phase.
#[derive(JsonSchema, Serialize)]
pub(super) struct OriginPhase {
    number: u32,
    name: String,
    emoji: String,
    status: OriginPhaseStatus,
    description: String,
    detail: Option<String>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    attempts: u32,
}

/// The last lines of a log.
#[derive(JsonSchema, Serialize)]
pub(super) struct Logs {
    session_id: String,
    /// Oldest first.
    #[schemars(length(max = 1000))]
    logs: Vec<String>,
}

/// How full the context is.
#[derive(JsonSchema, Serialize)]
pub(super) struct TokenStatus {
    used: u64,
    #[schemars(range(min = 1))]
    limit: u64,
    /// May pass 100 where all tokens stand for the context that nobody told.
    #[schemars(range(min = 0))]
    percentage: f64,
    level: TokenLevel,
    color: TokenColor,
}

/// `warning` from 50 %, `critical` from 75 %.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenLevel {
    Safe,
    Warning,
    Critical,
}

/// The colour of a level.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenColor {
    Green,
    Yellow,
    Red,
}

/// The numbers of one session.
#[derive(JsonSchema, Serialize)]
pub(super) struct Numbers {
    task: TaskRow,
    metrics: MetricsOfTask,
    decisions: DecisionsOfTask,
    agent_performance: Vec<AgentPerformance>,
    test_iterations: Vec<TestRound>,
    pattern_effectiveness: Vec<PatternRow>,
}

/// One session as a row of history.
#[derive(JsonSchema, Serialize)]
pub(super) struct TaskRow {
    task_id: String,
    project_name: String,
    task_description: Option<String>,
    working_directory: Option<String>,
    status: OriginStatus,
    /// A list as JSON in a text.
    phases_completed: String,
    current_phase: Option<String>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    duration_seconds: Option<u64>,
    github_url: Option<String>,
    created_at: Option<Timestamp>,
}

/// Tokens over time.
#[derive(JsonSchema, Serialize)]
pub(super) struct MetricsOfTask {
    latest: Option<MetricPoint>,
    /// The last 20.
    #[schemars(length(max = 20))]
    history: Vec<MetricPoint>,
    token_usage: TokenStatus,
}

/// Tokens used until then.
#[derive(JsonSchema, Serialize)]
pub(super) struct MetricPoint {
    task_id: String,
    timestamp: Timestamp,
    phase: Option<String>,
    token_usage: u64,
    #[schemars(range(min = 0))]
    token_percentage: f64,
    latency_ms: Option<f64>,
    context_resets: Option<u64>,
    elapsed_seconds: Option<u64>,
    estimated_remaining_seconds: Option<u64>,
}

/// Decisions of one session.
#[derive(JsonSchema, Serialize)]
pub(super) struct DecisionsOfTask {
    /// The last 10.
    #[schemars(length(max = 10))]
    recent: Vec<OriginDecision>,
    analytics: DecisionSums,
}

/// One decision.
#[derive(JsonSchema, Serialize)]
pub(super) struct OriginDecision {
    id: String,
    task_id: String,
    timestamp: Option<Timestamp>,
    phase: Option<String>,
    decision_type: Option<String>,
    decision_description: String,
    #[schemars(range(min = 1, max = 5))]
    quality_rating: Option<f64>,
    #[schemars(range(min = 1, max = 5))]
    difficulty_rating: Option<f64>,
    is_regrettable: Option<bool>,
    used_lessons_learned: Option<bool>,
    /// A list as JSON in a text.
    pattern_ids: String,
    reasoning: Option<String>,
    outcome: Option<String>,
}

/// Decisions, summed up.
#[derive(JsonSchema, Serialize)]
pub(super) struct DecisionSums {
    total_decisions: u64,
    #[schemars(range(min = 1, max = 5))]
    avg_quality: Option<f64>,
    #[schemars(range(min = 1, max = 5))]
    avg_difficulty: Option<f64>,
    regrettable_count: u64,
    lessons_used_count: u64,
}

/// One agent's work.
#[derive(JsonSchema, Serialize)]
pub(super) struct AgentPerformance {
    task_id: String,
    agent_id: String,
    agent_type: String,
    phase: Option<String>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    duration_seconds: Option<u64>,
    success: Option<bool>,
    issues_found: u32,
    issues_fixed: u32,
    files_created: Option<u64>,
    files_modified: Option<u64>,
    lines_of_code: Option<u64>,
    tokens_used: u64,
}

/// One round of the tests.
#[derive(JsonSchema, Serialize)]
pub(super) struct TestRound {
    task_id: String,
    iteration_number: u32,
    timestamp: Option<Timestamp>,
    tests_run: Option<u32>,
    tests_passed: Option<u32>,
    tests_failed: Option<u32>,
    passed: Option<bool>,
    test_output: Option<String>,
    /// A list as JSON in a text.
    fixes_applied: String,
    duration_seconds: Option<u64>,
}

/// One pattern.
#[derive(JsonSchema, Serialize)]
pub(super) struct PatternRow {
    task_id: String,
    pattern_id: String,
    pattern_type: Option<String>,
    was_applied: Option<bool>,
    prevented_issue: Option<bool>,
    issue_description: String,
    severity: Option<String>,
    frequency: Option<u32>,
    times_prevented: Option<u32>,
    timestamp: Option<Timestamp>,
}

/// A frame of the origin's WebSocket; a broadcast event comes as its producer wrote it.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
pub(super) enum OriginFrame {
    Known(KnownFrame),
    Broadcast(Map<String, Value>),
}

/// The frames that Forgecast makes itself.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum KnownFrame {
    /// At once, and again when it really changed.
    Status { data: Box<StateOrError> },
    /// The phase moved; the whole status with the report on top.
    PhaseUpdate { data: Map<String, Value> },
    /// The state of an agent as it was posted.
    AgentProgress {
        session_id: String,
        data: Map<String, Value>,
    },
    /// A new line.
    Log { data: String },
    /// Once, when the build is complete.
    Complete { message: String, session_id: String },
}
