//! Numbers over many sessions. Rows answer for all of them; what only views know (decisions, agents) is summed over the
//! sessions that worked last, and the answer says over how many.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use forgecast_protocol::session::{AgentView, DecisionView, PhaseStatus};
use forgecast_protocol::{SessionRow, SessionStatus, SessionView};
use forgecast_server::{AppState, Error, InQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::answer;
use crate::session::{self, NamedSession, id_for_clients};
use crate::view::{seconds_between, tenths};
use crate::vocabulary;

/// Tasks when the client does not say, and at most.
const TASKS: (i64, i64) = (100, 1_000);

/// How many tasks.
#[derive(Debug, Deserialize)]
pub(crate) struct LimitQuery {
    limit: Option<i64>,
}

/// `GET /api/metrics/historical?limit=100`.
pub(crate) async fn historical(
    State(state): State<Arc<AppState>>,
    InQuery(query): InQuery<LimitQuery>,
) -> Result<Response, Error> {
    let (default, most) = TASKS;
    let limit = usize::try_from(query.limit.unwrap_or(default).clamp(0, most)).unwrap_or_default();
    let rows = session::rows(&state, Vec::new(), usize::MAX).await?;
    let tasks: Vec<Value> = rows
        .iter()
        .take(limit)
        .map(|row| task(row, &id_for_clients(&state, &row.id)))
        .collect();
    let sessions = session::load_last(&state).await?;
    let decisions = DecisionSums::of(sessions.iter().map(|session| &session.view));
    Ok(answer(&json!({
        "total_tasks": tasks.len(),
        "tasks": tasks,
        "summary": {
            "tasks": task_sums(&rows),
            "tokens": token_sums(&rows),
            "decisions": {
                "total_decisions": decisions.total,
                "avg_quality": decisions.quality(),
                "lessons_used": decisions.lessons,
                "sessions_counted": sessions.len(),
            },
        },
    })))
}

fn task(row: &SessionRow, id: &str) -> Value {
    json!({
        "task_id": id,
        "project_name": row.project.as_deref().unwrap_or(&row.name),
        "task_description": row.task,
        "working_directory": null,
        "status": vocabulary::status(row.status),
        "phases_completed": json!(vocabulary::phases_that_are(&row.phases, PhaseStatus::Completed)).to_string(),
        "current_phase": row.phase.as_ref().map(|phase| phase.name.as_str()),
        "start_time": row.started_at,
        "end_time": row.ended_at,
        "duration_seconds": seconds_between(row.started_at, row.ended_at),
        "github_url": null,
        "created_at": row.started_at,
        "tokens_used": row.usage.as_ref().map_or(0, |usage| usage.tokens),
        "cost_usd": row.usage.as_ref().and_then(|usage| usage.cost_usd),
    })
}

fn task_sums(rows: &[SessionRow]) -> Value {
    let completed = rows.iter().filter(|row| row.status == SessionStatus::Completed).count();
    let durations = rows
        .iter()
        .filter_map(|row| seconds_between(row.started_at, row.ended_at));
    json!({
        "total_tasks": rows.len(),
        "completed_tasks": completed,
        "avg_duration": mean(durations.map(as_f64)),
    })
}

fn token_sums(rows: &[SessionRow]) -> Value {
    let used: Vec<u64> = rows.iter().filter_map(|row| Some(row.usage.as_ref()?.tokens)).collect();
    json!({
        "avg_tokens": mean(used.iter().copied().map(as_f64)),
        "max_tokens": used.iter().max(),
        "avg_percentage": null,
    })
}

/// Which session; all when absent.
#[derive(Debug, Deserialize)]
pub(crate) struct TaskQuery {
    task_id: Option<NamedSession>,
}

/// `GET /api/analytics/decisions?task_id=`.
pub(crate) async fn decisions(
    State(state): State<Arc<AppState>>,
    InQuery(query): InQuery<TaskQuery>,
) -> Result<Response, Error> {
    let sessions = match &query.task_id {
        Some(name) => name.load(&state).await?.into_iter().collect(),
        None => session::load_last(&state).await?,
    };
    Ok(answer(&json!({
        "analytics": DecisionSums::of(sessions.iter().map(|session| &session.view)).to_json(),
        "task_id": query.task_id.map(|name| name.name(&state)),
        "sessions_counted": sessions.len(),
    })))
}

/// Which kind of agents; all when absent.
#[derive(Debug, Deserialize)]
pub(crate) struct KindQuery {
    agent_type: Option<String>,
}

/// `GET /api/analytics/agents?agent_type=`.
pub(crate) async fn agents(
    State(state): State<Arc<AppState>>,
    InQuery(query): InQuery<KindQuery>,
) -> Result<Response, Error> {
    let wanted = query.agent_type.map(|kind| state.cleaner().word(&kind));
    let sessions = session::load_last(&state).await?;
    let mut kinds: BTreeMap<&str, Vec<&AgentView>> = BTreeMap::new();
    for agent in sessions.iter().flat_map(|session| session.view.agents.values()) {
        let kind = agent.kind.as_deref().unwrap_or("unknown");
        if wanted.as_deref().is_none_or(|wanted| wanted == kind) {
            kinds.entry(kind).or_default().push(agent);
        }
    }
    let analytics: Vec<Value> = kinds.iter().map(|(kind, agents)| kind_sums(kind, agents)).collect();
    Ok(answer(
        &json!({ "analytics": analytics, "agent_type": wanted, "sessions_counted": sessions.len() }),
    ))
}

fn kind_sums(kind: &str, agents: &[&AgentView]) -> Value {
    let of = |number: fn(&AgentView) -> Option<u64>| mean(agents.iter().filter_map(|agent| number(agent)).map(as_f64));
    json!({
        "agent_type": kind,
        "total_executions": agents.len(),
        "avg_duration": of(|agent| seconds_between(agent.started_at, agent.ended_at)),
        "success_count": agents.iter().filter(|agent| agent_succeeded(agent) == Some(true)).count(),
        "avg_issues_found": of(|agent| agent.issues_found.map(u64::from)),
        "avg_issues_fixed": of(|agent| agent.issues_fixed.map(u64::from)),
        "avg_tokens_used": of(|agent| agent.tokens),
    })
}

/// How an agent ended; nothing while it has not, or when it is not said.
pub(crate) fn agent_succeeded(agent: &AgentView) -> Option<bool> {
    agent.ended_at?;
    match agent.status.to_ascii_lowercase().as_str() {
        "completed" | "complete" | "done" | "finished" | "success" | "succeeded" | "passed" => Some(true),
        "skipped" => None,
        _ => Some(false),
    }
}

/// Whether a decision was rated worst or called regrettable (an imported decision keeps that as its severity); `None` when
/// it was neither rated nor called so.
pub(crate) fn is_regrettable(decision: &DecisionView) -> Option<bool> {
    let called = decision.severity.as_deref();
    if called.is_some_and(|word| word.eq_ignore_ascii_case("regrettable")) {
        return Some(true);
    }
    decision.quality.map(|quality| quality <= 1.0)
}

/// Sums over decisions.
#[derive(Debug, Default)]
pub(crate) struct DecisionSums {
    total: u64,
    lessons: u64,
    regretted: u64,
    /// Mean of a session's decisions and how many it has.
    qualities: Vec<(f64, u64)>,
    difficulties: Vec<f64>,
}

impl DecisionSums {
    /// The sums over the decisions of these sessions.
    pub(crate) fn of<'a>(views: impl IntoIterator<Item = &'a SessionView>) -> Self {
        let mut sums = Self::default();
        views.into_iter().for_each(|view| sums.add(view));
        sums
    }

    fn add(&mut self, view: &SessionView) {
        let Some(decisions) = &view.decisions else {
            return;
        };
        let total = u64::from(decisions.total);
        self.total += total;
        self.lessons += u64::from(decisions.lessons_used);
        self.qualities.extend(decisions.avg_quality.map(|mean| (mean, total)));
        let recent = decisions.recent.values();
        self.difficulties
            .extend(recent.clone().filter_map(|decision| decision.difficulty));
        self.regretted += recent.filter(|decision| is_regrettable(decision) == Some(true)).count() as u64;
    }

    fn quality(&self) -> Option<f64> {
        let weight: u64 = self.qualities.iter().map(|(_, count)| count).sum();
        let sum: f64 = self.qualities.iter().map(|(mean, count)| mean * as_f64(*count)).sum();
        (weight > 0).then(|| sum / as_f64(weight))
    }

    /// As clients read them.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "total_decisions": self.total,
            "avg_quality": self.quality(),
            "avg_difficulty": mean(self.difficulties.iter().copied()),
            "regrettable_count": self.regretted,
            "lessons_used_count": self.lessons,
        })
    }
}

/// The mean, rounded to one decimal; `None` of no numbers.
fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for number in numbers {
        sum += number;
        count += 1.0;
    }
    (count > 0.0).then(|| tenths(sum / count))
}

#[expect(clippy::cast_precision_loss, reason = "a mean is shown with one decimal")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_regretted_when_it_is_rated_worst_or_called_so() {
        for (severity, quality, regretted) in [
            (None, None, None),
            (Some("HIGH"), None, None),
            (None, Some(1.0), Some(true)),
            (None, Some(1.5), Some(false)),
            (Some("regrettable"), None, Some(true)),
            (Some("Regrettable"), Some(4.0), Some(true)),
        ] {
            let decision = DecisionView {
                severity: severity.map(str::to_owned),
                quality,
                ..DecisionView::default()
            };
            assert_eq!(is_regrettable(&decision), regretted, "{severity:?} {quality:?}");
        }
    }
}
