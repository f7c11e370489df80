//! One session as clients of Context Foundry see it. The status is made without what only ticks (ages, elapsed and remaining
//! time), so that two statuses are equal when there is nothing new; [`with_clock`] adds it when an answer or a frame is made.

use std::collections::BTreeMap;

use forgecast_protocol::session::{PhaseStatus, Progress, SourceOfState};
use forgecast_protocol::{SessionStatus, SessionView, Timestamp};
use serde_json::{Map, Value, json};

use crate::vocabulary;

/// Size of a context window, in tokens, when no source states it.
pub(crate) const DEFAULT_LIMIT: u64 = 200_000;

/// The object in a `json!`.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A session's status without what only ticks.
pub(crate) fn status(view: &SessionView, id: &str) -> Map<String, Value> {
    let phase = view.phase.as_ref();
    let name = phase.map(|phase| phase.name.as_str());
    let detail = phase.and_then(|phase| phase.detail.as_deref());
    let statuses = statuses(view);
    let completed = vocabulary::phases_that_are(&statuses, PhaseStatus::Completed);
    let remaining = remaining(view);
    let current = name.filter(|name| statuses.get(*name) == Some(&PhaseStatus::Active));
    object(json!({
        "id": id,
        "session_id": id,
        "project": view.project.as_deref().unwrap_or(&view.name),
        "task": view.task.as_deref().or(detail).unwrap_or_default(),
        "phase": vocabulary::phase(name, view.source, view.status),
        "current_phase": name.unwrap_or("Unknown"),
        "phase_number": phase_number(view),
        "phase_status": phase_status(view),
        "phases_completed": completed,
        "progress_detail": detail.unwrap_or_default(),
        "status": vocabulary::status(view.status),
        "status_reason": view.status_reason,
        "iterations": iterations(view),
        "start_time": view.started_at,
        "end_time": view.ended_at,
        "overall_progress_percent": view.progress.percent.unwrap_or(0.0),
        "tasks": tasks(view, &completed, &remaining),
        "phase_breakdown": { "completed": completed, "current": current, "remaining": remaining },
        "context": context(view),
        "artifacts": view.artifacts,
        "is_complete": view.status == SessionStatus::Completed,
        "notes": view.progress.notes,
        "source": vocabulary::source(view.source),
        "timeout_minutes": null,
    }))
}

/// A status with what ticks, as of `now`.
pub(crate) fn with_clock(mut status: Map<String, Value>, view: &SessionView, now: Timestamp) -> Map<String, Value> {
    status.insert("elapsed_seconds".to_owned(), json!(elapsed_s(view, now)));
    status.insert("estimated_remaining_seconds".to_owned(), json!(remaining_s(view, now)));
    status.insert("data_age_seconds".to_owned(), json!(age_s(view, now)));
    status
}

/// The content of a `phase_update` without the time of the last fact, which is no news by itself.
pub(crate) fn phase_report(view: &SessionView, id: &str) -> Map<String, Value> {
    let phase = view.phase.as_ref();
    object(json!({
        "session_id": id,
        "current_phase": phase.map_or("Unknown", |phase| phase.name.as_str()),
        "phase_number": phase_number(view),
        "status": phase_status(view),
        "progress_detail": phase.and_then(|phase| phase.detail.as_deref()).unwrap_or_default(),
        "test_iteration": iterations(view),
        "phases_completed": vocabulary::phases_that_are(&statuses(view), PhaseStatus::Completed),
        "started_at": view.started_at,
    }))
}

/// The `data` of a `phase_update`: the report and the whole status, since some pages show it like a status.
pub(crate) fn phase_update(
    status: &Map<String, Value>,
    report: &Map<String, Value>,
    view: &SessionView,
    now: Timestamp,
) -> Map<String, Value> {
    let mut data = with_clock(status.clone(), view, now);
    data.extend(report.clone());
    data.insert("last_updated".to_owned(), json!(view.last_work_at));
    data
}

/// The pipeline, phase by phase.
pub(crate) fn phases(view: &SessionView, id: &str) -> Value {
    let mut phases: Vec<_> = view.phases.iter().collect();
    phases.sort_by_key(|(_, phase)| phase.order);
    let current = view.phase.as_ref();
    let number = current
        .and_then(|current| view.phases.get(&current.name))
        .map(|phase| phase.order);
    let completed = vocabulary::phases_that_are(&statuses(view), PhaseStatus::Completed).len();
    let list: Vec<_> = phases
        .into_iter()
        .map(|(name, phase)| {
            let detail = current.filter(|current| current.name == *name);
            json!({
                "number": phase.order,
                "name": name,
                "emoji": vocabulary::emoji(name),
                "status": vocabulary::phase_status(phase.status),
                "description": vocabulary::description(name),
                "detail": detail.and_then(|current| current.detail.as_deref()),
                "started_at": phase.started_at,
                "completed_at": phase.ended_at,
                "attempts": phase.attempts,
            })
        })
        .collect();
    json!({
        "session_id": id,
        "total_phases": list.len(),
        "phases_completed_count": completed,
        "current_phase_number": number.unwrap_or_default(),
        "overall_progress_percent": view.progress.percent.unwrap_or(0.0),
        "phases": list,
    })
}

/// How full the context window is; when no source states the window, all tokens that were counted.
pub(crate) fn token_status(view: &SessionView) -> Value {
    let usage = view.usage.as_ref();
    let window = usage.and_then(|usage| usage.context.as_ref());
    let limit = window.map_or(DEFAULT_LIMIT, |window| window.limit).max(1);
    let used = match window {
        Some(window) => window.used.unwrap_or_default(),
        None => usage.map_or(0, |usage| usage.tokens.total()),
    };
    let percent = window.map_or_else(|| share(used, limit), |window| window.percent);
    token_level(used, limit, percent)
}

/// The token status of a session that does not exist.
pub(crate) fn no_tokens() -> Value {
    token_level(0, DEFAULT_LIMIT, 0.0)
}

fn token_level(used: u64, limit: u64, percent: f64) -> Value {
    let (level, color) = vocabulary::level(percent);
    json!({
        "used": used,
        "limit": limit,
        "percentage": tenths(percent),
        "level": level,
        "color": color,
    })
}

fn context(view: &SessionView) -> Value {
    let window = view.usage.as_ref().and_then(|usage| usage.context.as_ref());
    json!({
        "percentage": window.map_or(0.0, |window| tenths(window.percent)),
        "tokens_used": window.and_then(|window| window.used).unwrap_or_default(),
    })
}

/// `part` of `all`, in percent; 0 of 0.
#[expect(clippy::cast_precision_loss, reason = "a percentage is shown with one decimal")]
pub(crate) fn share(part: u64, all: u64) -> f64 {
    if all == 0 {
        0.0
    } else {
        part as f64 * 100.0 / all as f64
    }
}

/// Rounded to one decimal.
pub(crate) fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The current iteration of the tests, else of the loop; 0 before the first.
pub(crate) fn iterations(view: &SessionView) -> u32 {
    let tests = view.tests.as_ref().and_then(|tests| tests.iteration);
    tests.or(view.progress.rounds).unwrap_or_default()
}

/// `3/7`.
pub(crate) fn phase_number(view: &SessionView) -> String {
    let phase = view.phase.as_ref();
    vocabulary::phase_number(
        phase.and_then(|phase| phase.number.as_deref()),
        phase.and_then(|phase| phase.total),
    )
}

/// The producer's word for the status of the current phase, else ours.
fn phase_status(view: &SessionView) -> String {
    let phase = view.phase.as_ref().and_then(|phase| view.phases.get(&phase.name));
    let word = view.status_word.as_deref();
    word.or(phase.map(|phase| vocabulary::phase_status(phase.status)))
        .unwrap_or("unknown")
        .to_owned()
}

/// The status of each phase.
pub(crate) fn statuses(view: &SessionView) -> BTreeMap<String, PhaseStatus> {
    let phases = view.phases.iter();
    phases.map(|(name, phase)| (name.clone(), phase.status)).collect()
}

/// The pending phases, in order.
fn remaining(view: &SessionView) -> Vec<&str> {
    let mut names: Vec<_> = view
        .phases
        .iter()
        .filter(|(_, phase)| phase.status == PhaseStatus::Pending)
        .collect();
    names.sort_by_key(|(_, phase)| phase.order);
    names.into_iter().map(|(name, _)| name.as_str()).collect()
}

/// The tasks of the build; its phases when it lists no tasks and is not a loop.
fn tasks(view: &SessionView, phases_done: &[&str], phases_left: &[&str]) -> Value {
    let Progress {
        tasks,
        tasks_completed,
        tasks_total,
        ..
    } = &view.progress;
    if tasks.is_empty() && view.source != SourceOfState::Checkpoint && tasks_total.is_none() {
        let all = view.phases.values();
        let total = all.filter(|phase| phase.status != PhaseStatus::Skipped).count();
        return task_lists(json!(phases_done), json!(phases_left), phases_done.len(), total);
    }
    let mut tasks: Vec<_> = tasks.values().collect();
    tasks.sort_by_key(|task| task.order);
    let (done, left): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| task.status == "completed");
    let described = |list: &[&forgecast_protocol::session::TaskView]| -> Vec<String> {
        list.iter().map(|task| task.description.clone()).collect()
    };
    let count = |said: &Option<u32>, listed: usize| {
        let said = said.and_then(|said| usize::try_from(said).ok());
        said.unwrap_or_default().max(listed)
    };
    let completed = count(tasks_completed, done.len());
    let total = count(tasks_total, done.len() + left.len());
    task_lists(json!(described(&done)), json!(described(&left)), completed, total)
}

fn task_lists(completed: Value, remaining: Value, done: usize, total: usize) -> Value {
    let percent = (done.min(total) * 100).checked_div(total).unwrap_or_default();
    json!({ "completed": completed, "remaining": remaining, "total": total, "progress_percent": percent })
}

/// Seconds from its start to its end, or to now.
pub(crate) fn elapsed_s(view: &SessionView, now: Timestamp) -> u64 {
    seconds_between(view.started_at, view.ended_at.or(Some(now))).unwrap_or_default()
}

/// Whole seconds from one time to another; `None` when one is unknown.
pub(crate) fn seconds_between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    Some(to?.millis_since(from?) / 1000)
}

/// Estimated seconds that remain from now; 0 when there is no estimate.
pub(crate) fn remaining_s(view: &SessionView, now: Timestamp) -> u64 {
    let estimate = view.estimate.as_ref().filter(|_| view.status.is_active());
    estimate.map_or(0, |estimate| {
        estimate
            .remaining_s
            .saturating_sub(now.millis_since(estimate.at) / 1000)
    })
}

/// Seconds since the last sign of the session.
pub(crate) fn age_s(view: &SessionView, now: Timestamp) -> f64 {
    let seen = view.last_seen_at.max(view.last_work_at).or(view.started_at);
    seen.map_or(0.0, |seen| age_of(seen, now))
}

/// Seconds since then, to the millisecond.
#[expect(clippy::cast_precision_loss, reason = "no age comes near 2^53 milliseconds")]
pub(crate) fn age_of(then: Timestamp, now: Timestamp) -> f64 {
    now.millis_since(then) as f64 / 1000.0
}
