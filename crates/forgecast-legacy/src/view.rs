//! One session as clients of Context Foundry see it. The status is made without what only ticks (ages, elapsed and remaining
//! time), so that two statuses are equal when there is nothing new; [`SessionState`] adds it when an answer or a frame is made.

use std::collections::BTreeMap;

use forgecast_protocol::session::{ArtifactView, BudgetLevel, PhaseStatus, PhaseView, SourceOfState, TaskView};
use forgecast_protocol::{SessionStatus, SessionView, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::session::Session;
use crate::vocabulary::{self, LegacySource, LegacyStatus};

/// Size of a context window, in tokens, when no source states it.
pub(crate) const DEFAULT_LIMIT: u64 = 200_000;

/// One session.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SessionState {
    #[serde(flatten)]
    status: Status,
    elapsed_seconds: u64,
    estimated_remaining_seconds: u64,
    #[schemars(range(min = 0))]
    data_age_seconds: f64,
}

/// A session's status without what only ticks.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Status {
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
    status: LegacyStatus,
    status_reason: Option<String>,
    iterations: u32,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    #[schemars(range(min = 0, max = 100))]
    overall_progress_percent: f64,
    tasks: LegacyTasks,
    phase_breakdown: PhaseBreakdown,
    context: LegacyContext,
    artifacts: Artifacts,
    is_complete: bool,
    notes: Vec<String>,
    source: LegacySource,
    /// Not known here.
    timeout_minutes: Option<f64>,
}

/// What a checkpoint holds under `artifacts`, as it stands there, and the files that were seen, by path.
pub(crate) type Artifacts = BTreeMap<String, Artifact>;

/// One artifact.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Artifact {
    /// A file that was seen.
    File(ArtifactView),
    /// Whatever the checkpoint holds under this name.
    OfCheckpoint(Value),
}

/// The tasks of a build; of one that lists none, its phases.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct LegacyTasks {
    completed: Vec<String>,
    remaining: Vec<String>,
    total: u64,
    #[schemars(range(min = 0, max = 100))]
    progress_percent: u64,
}

/// The phases by their state.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct PhaseBreakdown {
    completed: Vec<String>,
    current: Option<String>,
    remaining: Vec<String>,
}

/// The context window.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct LegacyContext {
    #[schemars(range(min = 0, max = 100))]
    percentage: f64,
    tokens_used: u64,
}

impl SessionState {
    /// The state of a session as of `now`.
    pub(crate) fn new(session: &Session, now: Timestamp) -> Self {
        Self::with_clock(Status::new(session), &session.view, now)
    }

    /// A status with what ticks, as of `now`.
    pub(crate) fn with_clock(status: Status, view: &SessionView, now: Timestamp) -> Self {
        Self {
            status,
            elapsed_seconds: elapsed_s(view, now),
            estimated_remaining_seconds: remaining_s(view, now),
            data_age_seconds: age_s(view, now),
        }
    }
}

impl Status {
    pub(crate) fn new(Session { id, view }: &Session) -> Self {
        let phase = view.phase.as_ref();
        let name = phase.map(|phase| phase.name.as_str());
        let detail = phase.and_then(|phase| phase.detail.clone());
        let statuses = statuses(view);
        let key = |name: String| vocabulary::phase_key(name, view.source);
        let keys = |names: Vec<String>| names.into_iter().map(key).collect();
        let breakdown = PhaseBreakdown {
            completed: keys(vocabulary::phases_that_are(&statuses, PhaseStatus::Completed)),
            current: name
                .filter(|name| statuses.get(*name) == Some(&PhaseStatus::Active))
                .map(|name| key(name.to_owned())),
            remaining: keys(remaining(view)),
        };
        Self {
            id: id.clone(),
            session_id: id.clone(),
            project: project(view),
            task: view.task.clone().or(detail.clone()).unwrap_or_default(),
            phase: vocabulary::phase(name, view.source, view.status),
            current_phase: current_phase(view),
            phase_number: phase_number(view),
            phase_status: phase_status(view),
            phases_completed: breakdown.completed.clone(),
            progress_detail: detail.unwrap_or_default(),
            status: vocabulary::status(view.status),
            status_reason: view.status_reason.clone(),
            iterations: iterations(view),
            start_time: view.started_at,
            end_time: view.ended_at,
            overall_progress_percent: view.progress.percent.unwrap_or(0.0),
            tasks: tasks(view, &breakdown),
            phase_breakdown: breakdown,
            context: context(view),
            artifacts: artifacts(view),
            is_complete: view.status == SessionStatus::Completed,
            notes: view.progress.notes.clone(),
            source: vocabulary::source(view.source),
            timeout_minutes: None,
        }
    }
}

/// The content of a `phase_update` without the time of the last fact, which is no news by itself.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct PhaseReport {
    session_id: String,
    current_phase: String,
    phase_number: String,
    status: String,
    progress_detail: String,
    test_iteration: u32,
    phases_completed: Vec<String>,
    started_at: Option<Timestamp>,
}

impl PhaseReport {
    pub(crate) fn new(status: &Status, view: &SessionView) -> Self {
        Self {
            session_id: status.id.clone(),
            current_phase: status.current_phase.clone(),
            phase_number: status.phase_number.clone(),
            status: status.phase_status.clone(),
            progress_detail: status.progress_detail.clone(),
            test_iteration: status.iterations,
            phases_completed: status.phases_completed.clone(),
            started_at: view.started_at,
        }
    }
}

/// The `data` of a `phase_update`: the report and the whole status, since some pages show it like a status.
pub(crate) fn phase_update(
    status: &Status,
    report: &PhaseReport,
    view: &SessionView,
    now: Timestamp,
) -> Map<String, Value> {
    let mut data = Map::new();
    for part in [
        json!(SessionState::with_clock(status.clone(), view, now)),
        json!(report),
        json!({ "last_updated": view.last_work_at }),
    ] {
        if let Value::Object(part) = part {
            data.extend(part);
        }
    }
    data
}

/// The pipeline, phase by phase.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Phases {
    session_id: String,
    total_phases: u64,
    phases_completed_count: u64,
    current_phase_number: u32,
    #[schemars(range(min = 0, max = 100))]
    overall_progress_percent: f64,
    phases: Vec<LegacyPhase>,
}

/// One phase.
#[derive(Debug, Serialize, JsonSchema)]
struct LegacyPhase {
    number: u32,
    name: String,
    emoji: &'static str,
    #[schemars(extend("enum" = vocabulary::PHASE_STATUSES))]
    status: &'static str,
    description: &'static str,
    detail: Option<String>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    attempts: u32,
}

impl Phases {
    pub(crate) fn new(Session { id, view }: &Session) -> Self {
        let mut phases: Vec<_> = view.phases.iter().collect();
        phases.sort_by_key(|(_, phase)| phase.order);
        let current = view.phase.as_ref();
        let number = current
            .and_then(|current| view.phases.get(&current.name))
            .map(|phase| phase.order);
        let phase = |(name, phase): (&String, &PhaseView)| LegacyPhase {
            number: phase.order,
            name: name.clone(),
            emoji: vocabulary::emoji(name),
            status: vocabulary::phase_status(phase.status),
            description: vocabulary::description(name),
            detail: current
                .filter(|current| current.name == *name)
                .and_then(|current| current.detail.clone()),
            started_at: phase.started_at,
            completed_at: phase.ended_at,
            attempts: phase.attempts,
        };
        Self {
            session_id: id.clone(),
            total_phases: phases.len() as u64,
            phases_completed_count: vocabulary::phases_that_are(&statuses(view), PhaseStatus::Completed).len() as u64,
            current_phase_number: number.unwrap_or_default(),
            overall_progress_percent: view.progress.percent.unwrap_or(0.0),
            phases: phases.into_iter().map(phase).collect(),
        }
    }
}

/// How full the context is.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenStatus {
    used: u64,
    #[schemars(range(min = 1))]
    limit: u64,
    /// May pass 100 where all tokens stand for the context that nobody told.
    #[schemars(range(min = 0))]
    percentage: f64,
    /// `warning` from 50 %, `critical` from 75 %.
    level: BudgetLevel,
    /// The color of a level.
    #[schemars(extend("enum" = ["green", "yellow", "red"]))]
    color: &'static str,
}

impl TokenStatus {
    /// How full the context window is; when no source states the window, all tokens that were counted.
    pub(crate) fn of(view: &SessionView) -> Self {
        let usage = view.usage.as_ref();
        let window = usage.and_then(|usage| usage.context.as_ref());
        let limit = window.map_or(DEFAULT_LIMIT, |window| window.limit).max(1);
        let used = match window {
            Some(window) => window.used.unwrap_or_default(),
            None => usage.map_or(0, |usage| usage.tokens.total()),
        };
        let percent = window.map_or_else(|| share(used, limit), |window| window.percent);
        Self::new(used, limit, percent)
    }

    /// That of a session that does not exist.
    pub(crate) fn nothing() -> Self {
        Self::new(0, DEFAULT_LIMIT, 0.0)
    }

    fn new(used: u64, limit: u64, percent: f64) -> Self {
        let (level, color) = vocabulary::level(percent);
        Self {
            used,
            limit,
            percentage: tenths(percent),
            level,
            color,
        }
    }
}

fn context(view: &SessionView) -> LegacyContext {
    let window = view.usage.as_ref().and_then(|usage| usage.context.as_ref());
    LegacyContext {
        percentage: window.map_or(0.0, |window| tenths(window.percent)),
        tokens_used: window.and_then(|window| window.used).unwrap_or_default(),
    }
}

/// The artifacts. A name that the checkpoint uses is the checkpoint's.
pub(crate) fn artifacts(view: &SessionView) -> Artifacts {
    let files = view.artifacts.iter();
    let files = files.map(|(path, file)| (path.clone(), Artifact::File(file.clone())));
    let stated = view.progress.checkpoint_artifacts.iter();
    let stated = stated.map(|(name, value)| (name.clone(), Artifact::OfCheckpoint(value.clone())));
    files.chain(stated).collect()
}

/// The project; the session's name when no source states one.
pub(crate) fn project(view: &SessionView) -> String {
    view.project.as_ref().unwrap_or(&view.name).clone()
}

/// The name of the current phase.
pub(crate) fn current_phase(view: &SessionView) -> String {
    view.phase.as_ref().map_or("Unknown", |phase| &phase.name).to_owned()
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

/// The phases that are not over, in order: the one at work, too.
fn remaining(view: &SessionView) -> Vec<String> {
    let mut phases: Vec<_> = view
        .phases
        .iter()
        .filter(|(_, phase)| matches!(phase.status, PhaseStatus::Pending | PhaseStatus::Active))
        .collect();
    phases.sort_by_key(|(_, phase)| phase.order);
    phases.into_iter().map(|(name, _)| name.clone()).collect()
}

/// The tasks of the build; its phases when it lists no tasks and is not a loop.
fn tasks(view: &SessionView, phases: &PhaseBreakdown) -> LegacyTasks {
    let progress = &view.progress;
    if progress.tasks.is_empty() && view.source != SourceOfState::Checkpoint && progress.tasks_total.is_none() {
        let all = view.phases.values();
        let total = all.filter(|phase| phase.status != PhaseStatus::Skipped).count();
        let (done, left) = (phases.completed.clone(), phases.remaining.clone());
        let completed = done.len();
        return LegacyTasks::new(done, left, completed, total);
    }
    let (done, left) = listed_tasks(view);
    let count = |stated: Option<u32>, listed: usize| {
        let stated = stated.and_then(|stated| usize::try_from(stated).ok());
        stated.unwrap_or_default().max(listed)
    };
    let completed = count(progress.tasks_completed, done.len());
    let total = count(progress.tasks_total, done.len() + left.len());
    LegacyTasks::new(done, left, completed, total)
}

/// What the tasks that the build lists are about: those that are done, and the others.
pub(crate) fn listed_tasks(view: &SessionView) -> (Vec<String>, Vec<String>) {
    let mut tasks: Vec<_> = view.progress.tasks.values().collect();
    tasks.sort_by_key(|task| task.order);
    let (done, left): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| task.status == "completed");
    let described = |list: Vec<&TaskView>| list.iter().map(|task| task.description.clone()).collect();
    (described(done), described(left))
}

impl LegacyTasks {
    fn new(completed: Vec<String>, remaining: Vec<String>, done: usize, total: usize) -> Self {
        let percent = (done.min(total) * 100).checked_div(total).unwrap_or_default();
        Self {
            completed,
            remaining,
            total: total as u64,
            progress_percent: percent as u64,
        }
    }
}

/// Seconds from its start to its end, or to now; of one that is over and whose end nobody knows, to its last work.
pub(crate) fn elapsed_s(view: &SessionView, now: Timestamp) -> u64 {
    let until = view.ended_at.or(if view.status.is_final() {
        view.last_work_at
    } else {
        Some(now)
    });
    seconds_between(view.started_at, until).unwrap_or_default()
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

/// The number of something that is known by a text, where clients expect the number of a table's row: a hash (FNV-1a).
pub(crate) fn number_of(key: &str) -> u32 {
    let hash = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    key.bytes().fold(2_166_136_261, hash)
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
