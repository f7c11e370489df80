//! Numbers over many sessions. Rows answer for all of them; what only views know (decisions, agents) is summed up over
//! the sessions that worked last, and the answer says over how many.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use forgecast_protocol::session::{AgentView, DecisionView, PhaseStatus};
use forgecast_protocol::{SessionRow, SessionStatus, SessionView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tasks::{MOST_VIEWS, views_of};
use super::view::{seconds_between, tenths};
use super::{Called, answer, id_for_clients, list, words};
use crate::error::Error;
use crate::extract::InQuery;
use crate::state::AppState;

/// Tasks when the client does not say, and the most.
const TASKS: (i64, i64) = (100, 1_000);

/// How many tasks.
#[derive(Debug, Deserialize)]
pub(crate) struct LimitQuery {
    limit: Option<i64>,
}

/// `GET /api/metrics/historical?limit=100`.
pub(crate) async fn historical(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<LimitQuery>,
) -> Result<Response, Error> {
    let (usual, most) = TASKS;
    let limit = usize::try_from(query.limit.unwrap_or(usual).clamp(0, most)).unwrap_or_default();
    let rows = list::rows(&shared, Vec::new(), usize::MAX).await?;
    let tasks: Vec<Value> = rows
        .iter()
        .take(limit)
        .map(|row| task(row, &id_for_clients(&shared, &row.id)))
        .collect();
    let (rated, counted) = rated(&shared).await?;
    Ok(answer(&json!({
        "total_tasks": tasks.len(),
        "tasks": tasks,
        "summary": {
            "tasks": task_sums(&rows),
            "tokens": token_sums(&rows),
            "decisions": {
                "total_decisions": rated.total,
                "avg_quality": rated.quality(),
                "lessons_used": rated.lessons,
                "sessions_counted": counted,
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
        "status": words::status(row.status),
        "phases_completed": json!(words::phases_that_are(&row.phases, PhaseStatus::Completed)).to_string(),
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

/// Of which session.
#[derive(Debug, Deserialize)]
pub(crate) struct TaskQuery {
    task_id: Option<Called>,
}

/// `GET /api/analytics/decisions?task_id=`.
pub(crate) async fn decisions(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<TaskQuery>,
) -> Result<Response, Error> {
    let Some(session) = query.task_id else {
        let (rated, counted) = rated(&shared).await?;
        return Ok(answer(
            &json!({ "analytics": rated.told(), "task_id": null, "sessions_counted": counted }),
        ));
    };
    let mut rated = Rated::default();
    let view = session.view(&shared).await?;
    view.iter().for_each(|view| rated.add(view));
    Ok(answer(&json!({
        "analytics": rated.told(),
        "task_id": session.name(&shared),
        "sessions_counted": usize::from(view.is_some()),
    })))
}

async fn rated(shared: &AppState) -> Result<(Rated, usize), Error> {
    let views = last_views(shared).await?;
    let mut rated = Rated::default();
    views.iter().for_each(|view| rated.add(view));
    Ok((rated, views.len()))
}

async fn last_views(shared: &AppState) -> Result<Vec<SessionView>, Error> {
    views_of(shared, list::rows(shared, Vec::new(), MOST_VIEWS).await?).await
}

/// Which kind of agents.
#[derive(Debug, Deserialize)]
pub(crate) struct KindQuery {
    agent_type: Option<String>,
}

/// `GET /api/analytics/agents?agent_type=`.
pub(crate) async fn agents(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<KindQuery>,
) -> Result<Response, Error> {
    let wanted = query.agent_type.map(|kind| shared.cleaner.word(&kind));
    let views = last_views(&shared).await?;
    let mut kinds: BTreeMap<&str, Vec<&AgentView>> = BTreeMap::new();
    for agent in views.iter().flat_map(|view| view.agents.values()) {
        let kind = agent.kind.as_deref().unwrap_or("unknown");
        if wanted.as_deref().is_none_or(|wanted| wanted == kind) {
            kinds.entry(kind).or_default().push(agent);
        }
    }
    let analytics: Vec<Value> = kinds.iter().map(|(kind, agents)| kind_sums(kind, agents)).collect();
    Ok(answer(
        &json!({ "analytics": analytics, "agent_type": wanted, "sessions_counted": views.len() }),
    ))
}

fn kind_sums(kind: &str, agents: &[&AgentView]) -> Value {
    let of = |number: fn(&AgentView) -> Option<u64>| mean(agents.iter().filter_map(|agent| number(agent)).map(as_f64));
    json!({
        "agent_type": kind,
        "total_executions": agents.len(),
        "avg_duration": of(|agent| seconds_between(agent.started_at, agent.ended_at)),
        "success_count": agents.iter().filter(|agent| ended_well(agent) == Some(true)).count(),
        "avg_issues_found": of(|agent| agent.issues_found.map(u64::from)),
        "avg_issues_fixed": of(|agent| agent.issues_fixed.map(u64::from)),
        "avg_tokens_used": of(|agent| agent.tokens),
    })
}

/// How an agent ended; nothing while it has not, or when it is not said.
pub(super) fn ended_well(agent: &AgentView) -> Option<bool> {
    agent.ended_at?;
    match agent.status.to_ascii_lowercase().as_str() {
        "completed" | "complete" | "done" | "finished" | "success" | "succeeded" | "passed" => Some(true),
        "skipped" => None,
        _ => Some(false),
    }
}

/// What was rated worst, or was called so: an imported decision keeps it as its severity. Nothing when nobody says.
pub(super) fn is_regrettable(decision: &DecisionView) -> Option<bool> {
    let called = decision.severity.as_deref();
    if called.is_some_and(|word| word.eq_ignore_ascii_case("regrettable")) {
        return Some(true);
    }
    decision.quality.map(|quality| quality <= 1.0)
}

/// Decisions, summed up.
#[derive(Debug, Default)]
pub(super) struct Rated {
    total: u64,
    lessons: u64,
    regretted: u64,
    /// Mean of a session's decisions and how many it has.
    qualities: Vec<(f64, u64)>,
    difficulties: Vec<f64>,
}

impl Rated {
    /// Adds the decisions of a session.
    pub(super) fn add(&mut self, view: &SessionView) {
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

    /// As these clients read them.
    pub(super) fn told(&self) -> Value {
        json!({
            "total_decisions": self.total,
            "avg_quality": self.quality(),
            "avg_difficulty": mean(self.difficulties.iter().copied()),
            "regrettable_count": self.regretted,
            "lessons_used_count": self.lessons,
        })
    }
}

/// The mean, with one digit behind the point; nothing of nothing.
fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for number in numbers {
        sum += number;
        count += 1.0;
    }
    (count > 0.0).then(|| tenths(sum / count))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a mean is shown with one digit behind the point"
)]
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
