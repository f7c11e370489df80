//! The numbers of one session: tokens, tests, decisions, agents, patterns. A number that no source stated is null, or 0
//! where clients expect a number; none is derived from the clock.

use std::sync::Arc;

use axum::extract::State;
use forgecast_protocol::rest::Metric;
use forgecast_protocol::session::{DecisionView, PhaseStatus};
use forgecast_protocol::{SessionView, Timestamp};
use forgecast_server::{AppState, Error, InPath};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::agents::in_order;
use crate::analytics::{DecisionSums, TaskRow, agent_succeeded, is_regrettable};
use crate::answer::{Answer, OrMissing, answer};
use crate::session::{IdPath, Session};
use crate::view::{self, TokenStatus, seconds_between, share, tenths};
use crate::vocabulary;

/// Points in time in an answer.
const HISTORY: usize = 20;
/// Decisions in an answer.
const RECENT: usize = 10;
/// Seconds between points in time.
const RESOLUTION_S: u32 = 60;

/// The numbers of one session.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Numbers {
    task: TaskRow,
    metrics: MetricsOfTask,
    decisions: DecisionsOfTask,
    agent_performance: Vec<AgentPerformance>,
    test_iterations: Vec<TestRound>,
    pattern_effectiveness: Vec<PatternRow>,
}

/// Tokens over time.
#[derive(Debug, Serialize, JsonSchema)]
struct MetricsOfTask {
    latest: Option<MetricPoint>,
    /// The last 20.
    #[schemars(length(max = 20))]
    history: Vec<MetricPoint>,
    token_usage: TokenStatus,
}

/// Tokens used until then.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct MetricPoint {
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
#[derive(Debug, Serialize, JsonSchema)]
struct DecisionsOfTask {
    /// The last 10.
    #[schemars(length(max = 10))]
    recent: Vec<LegacyDecision>,
    analytics: DecisionSums,
}

/// One decision.
#[derive(Debug, Serialize, JsonSchema)]
struct LegacyDecision {
    /// The same for the same decision, as the rows of a table would have it.
    id: u32,
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
    pattern_ids: &'static str,
    reasoning: Option<String>,
    outcome: Option<String>,
}

/// One agent's work.
#[derive(Debug, Serialize, JsonSchema)]
struct AgentPerformance {
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

/// One run of the tests.
#[derive(Debug, Serialize, JsonSchema)]
struct TestRound {
    task_id: String,
    iteration_number: u32,
    timestamp: Option<Timestamp>,
    tests_run: Option<u32>,
    tests_passed: Option<u32>,
    tests_failed: Option<u32>,
    passed: Option<bool>,
    test_output: Option<String>,
    /// A list as JSON in a text.
    fixes_applied: &'static str,
    duration_seconds: Option<u64>,
}

/// One pattern.
#[derive(Debug, Serialize, JsonSchema)]
struct PatternRow {
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

/// `GET /api/token/status/{id}`.
pub(crate) async fn tokens(
    State(state): State<Arc<AppState>>,
    InPath(IdPath { id }): InPath<IdPath>,
) -> Answer<TokenStatus> {
    let session = id.load(&state).await?;
    Ok(answer(session.map_or_else(TokenStatus::nothing, |session| {
        TokenStatus::of(&session.view)
    })))
}

/// `GET /api/metrics/{id}`.
pub(crate) async fn of_session(
    State(state): State<Arc<AppState>>,
    InPath(IdPath { id }): InPath<IdPath>,
) -> Result<OrMissing<Numbers>, Error> {
    let Some(Session { id, view }) = id.load(&state).await? else {
        return Ok(OrMissing(Err("Task not found")));
    };
    let used = state
        .hub()
        .series(&view.id.clone().into(), Metric::Tokens, RESOLUTION_S)
        .await?
        .unwrap_or_default();
    let history = history(&used, &view, &id);
    Ok(OrMissing(Ok(Numbers {
        task: task(&view, &id),
        metrics: MetricsOfTask {
            latest: history.last().cloned(),
            history,
            token_usage: TokenStatus::of(&view),
        },
        decisions: DecisionsOfTask {
            recent: decisions(&view, &id),
            analytics: DecisionSums::of([&view]),
        },
        agent_performance: agents(&view, &id),
        test_iterations: tests(&view, &id),
        pattern_effectiveness: patterns(&view, &id),
    })))
}

fn task(view: &SessionView, id: &str) -> TaskRow {
    let completed = vocabulary::phases_that_are(&view::statuses(view), PhaseStatus::Completed);
    TaskRow {
        task_id: id.to_owned(),
        project_name: view::project(view),
        task_description: view.task.clone(),
        working_directory: view.working_directory.clone(),
        status: vocabulary::status(view.status),
        phases_completed: json!(completed).to_string(),
        current_phase: view.phase.as_ref().map(|phase| phase.name.clone()),
        start_time: view.started_at,
        end_time: view.ended_at,
        duration_seconds: seconds_between(view.started_at, view.ended_at),
        github_url: view.links.get("github").or_else(|| view.links.values().next()).cloned(),
        created_at: view.started_at,
    }
}

/// Tokens over time: for each point the total until then.
fn history(used: &[(Timestamp, f64)], view: &SessionView, id: &str) -> Vec<MetricPoint> {
    let window = view.usage.as_ref().and_then(|usage| usage.context.as_ref());
    let limit = window.map_or(view::DEFAULT_LIMIT, |window| window.limit);
    let mut total = 0;
    let points = used.iter().map(|(at, tokens)| {
        total += whole(*tokens);
        let sum = u64::try_from(total).unwrap_or_default();
        MetricPoint {
            task_id: id.to_owned(),
            timestamp: *at,
            phase: phase_at(view, *at).map(str::to_owned),
            token_usage: sum,
            token_percentage: tenths(share(sum, limit)),
            latency_ms: None,
            context_resets: None,
            elapsed_seconds: seconds_between(view.started_at, Some(*at)),
            estimated_remaining_seconds: None,
        }
    });
    last(HISTORY, points.collect())
}

/// The last `most` of a list.
fn last<T>(most: usize, mut list: Vec<T>) -> Vec<T> {
    list.drain(..list.len().saturating_sub(most));
    list
}

/// A sum of whole numbers, as the store gives it.
#[expect(clippy::cast_possible_truncation, reason = "whole, and saturating at the ends")]
fn whole(number: f64) -> i64 {
    number as i64
}

/// The phase that was running then.
fn phase_at(view: &SessionView, at: Timestamp) -> Option<&str> {
    let begun = view
        .phases
        .iter()
        .filter(|(_, phase)| phase.started_at.is_some_and(|began| began <= at));
    let last = begun.max_by_key(|(_, phase)| (phase.started_at, phase.order));
    last.map(|(name, _)| name.as_str())
}

fn decisions(view: &SessionView, id: &str) -> Vec<LegacyDecision> {
    let Some(decisions) = &view.decisions else {
        return Vec::new();
    };
    let mut recent: Vec<(&String, &DecisionView)> = decisions.recent.iter().collect();
    recent.sort_by_key(|(_, decision)| decision.at);
    let list = last(RECENT, recent).into_iter().map(|(key, decision)| LegacyDecision {
        id: view::number_of(key),
        task_id: id.to_owned(),
        timestamp: decision.at,
        phase: decision.phase.clone(),
        decision_type: decision.category.clone(),
        decision_description: decision.title.clone(),
        quality_rating: decision.quality,
        difficulty_rating: decision.difficulty,
        is_regrettable: is_regrettable(decision),
        used_lessons_learned: decision.lesson_used,
        pattern_ids: "[]",
        reasoning: decision.solution.clone(),
        outcome: None,
    });
    list.collect()
}

fn agents(view: &SessionView, id: &str) -> Vec<AgentPerformance> {
    let list = in_order(view).into_iter().map(|(agent, state)| AgentPerformance {
        task_id: id.to_owned(),
        agent_id: agent.clone(),
        agent_type: state.kind.as_ref().or(state.name.as_ref()).unwrap_or(agent).clone(),
        phase: state.phase.clone(),
        start_time: state.started_at,
        end_time: state.ended_at,
        duration_seconds: seconds_between(state.started_at, state.ended_at),
        success: agent_succeeded(state),
        issues_found: state.issues_found.unwrap_or_default(),
        issues_fixed: state.issues_fixed.unwrap_or_default(),
        files_created: None,
        files_modified: None,
        lines_of_code: None,
        tokens_used: state.tokens.unwrap_or_default(),
    });
    list.collect()
}

fn tests(view: &SessionView, id: &str) -> Vec<TestRound> {
    let runs = view.tests.iter().flat_map(|tests| &tests.iterations);
    let list = runs.map(|(number, run)| TestRound {
        task_id: id.to_owned(),
        iteration_number: *number,
        timestamp: run.at,
        tests_run: run.run,
        tests_passed: run.passed,
        tests_failed: run.failed,
        passed: run.verdict,
        test_output: None,
        fixes_applied: "[]",
        duration_seconds: None,
    });
    list.collect()
}

fn patterns(view: &SessionView, id: &str) -> Vec<PatternRow> {
    let list = view.patterns.iter().map(|(key, pattern)| {
        let prevented = pattern.times_prevented.map(|times| times > 0);
        PatternRow {
            task_id: id.to_owned(),
            pattern_id: key.clone(),
            pattern_type: pattern.library.clone(),
            was_applied: prevented,
            prevented_issue: prevented,
            issue_description: pattern.title.clone(),
            severity: pattern.severity.clone(),
            frequency: pattern.frequency,
            times_prevented: pattern.times_prevented,
            timestamp: None,
        }
    });
    list.collect()
}
