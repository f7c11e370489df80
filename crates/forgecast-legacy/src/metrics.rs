//! The numbers of one session: tokens, tests, decisions, agents, patterns. A number that no source stated is null, or 0
//! where clients expect a number; none is derived from the clock.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use forgecast_protocol::rest::Metric;
use forgecast_protocol::session::{DecisionView, PhaseStatus};
use forgecast_protocol::{SessionView, Timestamp};
use forgecast_server::{AppState, Error, InPath};
use serde_json::{Value, json};

use crate::agents::in_order;
use crate::analytics::{DecisionSums, agent_succeeded, is_regrettable};
use crate::answer::{answer, refusal};
use crate::session::{NamedSession, Session};
use crate::view::{self, seconds_between, share, tenths};
use crate::vocabulary;

/// Points in time in an answer.
const HISTORY: usize = 20;
/// Decisions in an answer.
const RECENT: usize = 10;
/// Seconds between points in time.
const RESOLUTION_S: u32 = 60;

/// `GET /api/token/status/{id}`.
pub(crate) async fn tokens(
    State(state): State<Arc<AppState>>,
    InPath(name): InPath<NamedSession>,
) -> Result<Response, Error> {
    let session = name.load(&state).await?;
    let status = session.map_or_else(view::no_tokens, |session| view::token_status(&session.view));
    Ok(answer(&status))
}

/// `GET /api/metrics/{id}`.
pub(crate) async fn of_session(
    State(state): State<Arc<AppState>>,
    InPath(name): InPath<NamedSession>,
) -> Result<Response, Error> {
    let Some(Session { id, view }) = name.load(&state).await? else {
        return Ok(refusal(StatusCode::NOT_FOUND, "Task not found"));
    };
    let used = state
        .hub()
        .series(&view.id.clone().into(), Metric::Tokens, RESOLUTION_S)
        .await?
        .unwrap_or_default();
    let history = history(&used, &view, &id);
    let sums = DecisionSums::of([&view]);
    Ok(answer(&json!({
        "task": task(&view, &id),
        "metrics": {
            "latest": history.last(),
            "history": history,
            "token_usage": view::token_status(&view),
        },
        "decisions": { "recent": decisions(&view, &id), "analytics": sums.to_json() },
        "agent_performance": agents(&view, &id),
        "test_iterations": tests(&view, &id),
        "pattern_effectiveness": patterns(&view, &id),
    })))
}

fn task(view: &SessionView, id: &str) -> Value {
    let statuses = view::statuses(view);
    let completed = vocabulary::phases_that_are(&statuses, PhaseStatus::Completed);
    json!({
        "task_id": id,
        "project_name": view.project.as_deref().unwrap_or(&view.name),
        "task_description": view.task,
        "working_directory": view.working_directory,
        "status": vocabulary::status(view.status),
        // A list as text: it was a column of a table.
        "phases_completed": json!(completed).to_string(),
        "current_phase": view.phase.as_ref().map(|phase| phase.name.as_str()),
        "start_time": view.started_at,
        "end_time": view.ended_at,
        "duration_seconds": seconds_between(view.started_at, view.ended_at),
        "github_url": view.links.get("github").or_else(|| view.links.values().next()),
        "created_at": view.started_at,
    })
}

/// Tokens over time: for each point the total until then.
fn history(used: &[(Timestamp, f64)], view: &SessionView, id: &str) -> Vec<Value> {
    let window = view.usage.as_ref().and_then(|usage| usage.context.as_ref());
    let limit = window.map(|window| window.limit);
    let mut total = 0;
    let points: Vec<Value> = used
        .iter()
        .map(|(at, tokens)| {
            total += whole(*tokens);
            let sum = u64::try_from(total).unwrap_or_default();
            json!({
                "task_id": id,
                "timestamp": at,
                "phase": phase_at(view, *at),
                "token_usage": sum,
                "token_percentage": tenths(share(sum, limit.unwrap_or(view::DEFAULT_LIMIT))),
                "latency_ms": null,
                "context_resets": null,
                "elapsed_seconds": seconds_between(view.started_at, Some(*at)),
                "estimated_remaining_seconds": null,
            })
        })
        .collect();
    let from = points.len().saturating_sub(HISTORY);
    points[from..].to_vec()
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

fn decisions(view: &SessionView, id: &str) -> Vec<Value> {
    let Some(decisions) = &view.decisions else {
        return Vec::new();
    };
    let mut recent: Vec<(&String, &DecisionView)> = decisions.recent.iter().collect();
    recent.sort_by_key(|(_, decision)| decision.at);
    let from = recent.len().saturating_sub(RECENT);
    let list = recent[from..].iter().map(|(key, decision)| {
        json!({
            "id": key,
            "task_id": id,
            "timestamp": decision.at,
            "phase": decision.phase,
            "decision_type": decision.category,
            "decision_description": decision.title,
            "quality_rating": decision.quality,
            "difficulty_rating": decision.difficulty,
            "is_regrettable": is_regrettable(decision),
            "used_lessons_learned": decision.lesson_used,
            "pattern_ids": "[]",
            "reasoning": decision.root_cause,
            "outcome": decision.solution,
        })
    });
    list.collect()
}

fn agents(view: &SessionView, id: &str) -> Vec<Value> {
    let list = in_order(view).into_iter().map(|(agent, state)| {
        json!({
            "task_id": id,
            "agent_id": agent,
            "agent_type": state.kind.as_deref().or(state.name.as_deref()).unwrap_or(agent),
            "phase": state.phase,
            "start_time": state.started_at,
            "end_time": state.ended_at,
            "duration_seconds": seconds_between(state.started_at, state.ended_at),
            "success": agent_succeeded(state),
            "issues_found": state.issues_found.unwrap_or_default(),
            "issues_fixed": state.issues_fixed.unwrap_or_default(),
            "files_created": null,
            "files_modified": null,
            "lines_of_code": null,
            "tokens_used": state.tokens.unwrap_or_default(),
        })
    });
    list.collect()
}

fn tests(view: &SessionView, id: &str) -> Vec<Value> {
    let rounds = view.tests.iter().flat_map(|tests| &tests.iterations);
    let list = rounds.map(|(number, round)| {
        json!({
            "task_id": id,
            "iteration_number": number,
            "timestamp": round.at,
            "tests_run": round.run,
            "tests_passed": round.passed,
            "tests_failed": round.failed,
            "passed": round.verdict,
            "test_output": null,
            "fixes_applied": "[]",
            "duration_seconds": null,
        })
    });
    list.collect()
}

fn patterns(view: &SessionView, id: &str) -> Vec<Value> {
    let list = view.patterns.iter().map(|(key, pattern)| {
        json!({
            "task_id": id,
            "pattern_id": key,
            "pattern_type": pattern.library,
            "was_applied": pattern.times_prevented.map(|times| times > 0),
            "prevented_issue": pattern.times_prevented.map(|times| times > 0),
            "issue_description": pattern.title,
            "severity": pattern.severity,
            "frequency": pattern.frequency,
            "times_prevented": pattern.times_prevented,
            "timestamp": null,
        })
    });
    list.collect()
}
