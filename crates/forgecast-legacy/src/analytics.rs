//! Numbers over many sessions. Rows answer for all of them; what only views know (decisions, agents) is summed over the
//! sessions that worked last, and the answer says over how many.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use forgecast_protocol::session::{AgentView, DecisionView, PhaseStatus};
use forgecast_protocol::words::says_failure;
use forgecast_protocol::{SessionRow, SessionStatus, SessionView, Timestamp};
use forgecast_server::{AppState, InQuery};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{Answer, answer};
use crate::session::{self, NamedSession, id_for_clients};
use crate::view::{seconds_between, tenths};
use crate::vocabulary::{self, LegacyStatus};

/// Tasks and sums over all of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Historical {
    tasks: Vec<HistoricalTask>,
    total_tasks: u64,
    summary: Summary,
}

/// One session as a row of history, with what it used.
#[derive(Debug, Serialize, JsonSchema)]
struct HistoricalTask {
    #[serde(flatten)]
    row: TaskRow,
    tokens_used: u64,
    #[schemars(range(min = 0))]
    cost_usd: Option<f64>,
}

/// One session as a row of history.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskRow {
    pub(crate) task_id: String,
    pub(crate) project_name: String,
    pub(crate) task_description: Option<String>,
    pub(crate) working_directory: Option<String>,
    pub(crate) status: LegacyStatus,
    /// A list as JSON in a text: it was a column of a table.
    pub(crate) phases_completed: String,
    pub(crate) current_phase: Option<String>,
    pub(crate) start_time: Option<Timestamp>,
    pub(crate) end_time: Option<Timestamp>,
    pub(crate) duration_seconds: Option<u64>,
    pub(crate) github_url: Option<String>,
    pub(crate) created_at: Option<Timestamp>,
}

/// Sums over all sessions.
#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    tasks: TaskSums,
    tokens: TokenSums,
    decisions: SummedDecisions,
}

/// Sums of tasks.
#[derive(Debug, Serialize, JsonSchema)]
struct TaskSums {
    total_tasks: u64,
    completed_tasks: u64,
    /// Seconds.
    avg_duration: Option<f64>,
}

/// Sums of tokens.
#[derive(Debug, Serialize, JsonSchema)]
struct TokenSums {
    avg_tokens: Option<f64>,
    max_tokens: Option<u64>,
    avg_percentage: Option<f64>,
}

/// Sums of decisions.
#[derive(Debug, Serialize, JsonSchema)]
struct SummedDecisions {
    total_decisions: u64,
    #[schemars(range(min = 1, max = 5))]
    avg_quality: Option<f64>,
    lessons_used: u64,
    /// The sessions that worked last; at most 100.
    #[schemars(range(max = 100))]
    sessions_counted: u64,
}

/// How many tasks.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct LimitQuery {
    /// Tasks at most; brought into 0 to 1,000.
    #[serde(default = "LimitQuery::default_limit")]
    limit: i64,
}

impl LimitQuery {
    fn default_limit() -> i64 {
        100
    }
}

/// `GET /api/metrics/historical?limit=100`.
pub(crate) async fn historical(
    State(state): State<Arc<AppState>>,
    InQuery(LimitQuery { limit }): InQuery<LimitQuery>,
) -> Answer<Historical> {
    let limit = usize::try_from(limit.clamp(0, 1_000)).unwrap_or_default();
    let rows = session::rows(&state, Vec::new(), usize::MAX).await?;
    let sessions = session::load_last(&state).await?;
    let decisions = DecisionSums::of(sessions.iter().map(|session| &session.view));
    let summary = Summary {
        tasks: task_sums(&rows),
        tokens: token_sums(&rows),
        decisions: SummedDecisions {
            total_decisions: decisions.total_decisions,
            avg_quality: decisions.avg_quality,
            lessons_used: decisions.lessons_used_count,
            sessions_counted: sessions.len() as u64,
        },
    };
    let tasks: Vec<_> = rows.into_iter().take(limit).map(|row| task(&state, row)).collect();
    Ok(answer(Historical {
        total_tasks: tasks.len() as u64,
        tasks,
        summary,
    }))
}

fn task(state: &AppState, row: SessionRow) -> HistoricalTask {
    let completed = vocabulary::phases_that_are(&row.phases, PhaseStatus::Completed);
    HistoricalTask {
        tokens_used: row.usage.as_ref().map_or(0, |usage| usage.tokens),
        cost_usd: row.usage.as_ref().and_then(|usage| usage.cost_usd),
        row: TaskRow {
            task_id: id_for_clients(state, &row.id),
            project_name: row.project.unwrap_or(row.name),
            task_description: row.task,
            working_directory: None,
            status: vocabulary::status(row.status),
            phases_completed: json!(completed).to_string(),
            current_phase: row.phase.map(|phase| phase.name),
            start_time: row.started_at,
            end_time: row.ended_at,
            duration_seconds: seconds_between(row.started_at, row.ended_at),
            github_url: None,
            created_at: row.started_at,
        },
    }
}

fn task_sums(rows: &[SessionRow]) -> TaskSums {
    let completed = rows.iter().filter(|row| row.status == SessionStatus::Completed).count();
    let durations = rows
        .iter()
        .filter_map(|row| seconds_between(row.started_at, row.ended_at));
    TaskSums {
        total_tasks: rows.len() as u64,
        completed_tasks: completed as u64,
        avg_duration: mean(durations.map(as_f64)),
    }
}

fn token_sums(rows: &[SessionRow]) -> TokenSums {
    let used = rows.iter().filter_map(|row| Some(row.usage.as_ref()?.tokens));
    TokenSums {
        avg_tokens: mean(used.clone().map(as_f64)),
        max_tokens: used.max(),
        avg_percentage: None,
    }
}

/// Decisions of one session or of many.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DecisionAnalytics {
    analytics: DecisionSums,
    task_id: Option<String>,
    #[schemars(range(max = 100))]
    sessions_counted: u64,
}

/// Which session; all when absent.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct TaskQuery {
    /// Of one session; absent: of the 100 that worked last.
    task_id: Option<NamedSession>,
}

/// `GET /api/analytics/decisions?task_id=`.
pub(crate) async fn decisions(
    State(state): State<Arc<AppState>>,
    InQuery(query): InQuery<TaskQuery>,
) -> Answer<DecisionAnalytics> {
    let sessions = match &query.task_id {
        Some(name) => name.load(&state).await?.into_iter().collect(),
        None => session::load_last(&state).await?,
    };
    Ok(answer(DecisionAnalytics {
        analytics: DecisionSums::of(sessions.iter().map(|session| &session.view)),
        task_id: query.task_id.map(|name| name.name(&state)),
        sessions_counted: sessions.len() as u64,
    }))
}

/// Agents by their kind.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AgentAnalytics {
    analytics: Vec<KindSums>,
    agent_type: Option<String>,
    #[schemars(range(max = 100))]
    sessions_counted: u64,
}

/// Agents of one kind.
#[derive(Debug, Serialize, JsonSchema)]
struct KindSums {
    agent_type: String,
    total_executions: u64,
    avg_duration: Option<f64>,
    success_count: u64,
    avg_issues_found: Option<f64>,
    avg_issues_fixed: Option<f64>,
    avg_tokens_used: Option<f64>,
}

/// Which kind of agents; all when absent.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct KindQuery {
    /// Only this kind.
    agent_type: Option<String>,
}

/// `GET /api/analytics/agents?agent_type=`.
pub(crate) async fn agents(
    State(state): State<Arc<AppState>>,
    InQuery(query): InQuery<KindQuery>,
) -> Answer<AgentAnalytics> {
    let wanted = query.agent_type.map(|kind| state.cleaner().word(&kind));
    let sessions = session::load_last(&state).await?;
    let mut kinds: BTreeMap<&str, Vec<&AgentView>> = BTreeMap::new();
    for agent in sessions.iter().flat_map(|session| session.view.agents.values()) {
        let kind = agent.kind.as_deref().unwrap_or("unknown");
        if wanted.as_deref().is_none_or(|wanted| wanted == kind) {
            kinds.entry(kind).or_default().push(agent);
        }
    }
    Ok(answer(AgentAnalytics {
        analytics: kinds.iter().map(|(kind, agents)| KindSums::of(kind, agents)).collect(),
        agent_type: wanted,
        sessions_counted: sessions.len() as u64,
    }))
}

impl KindSums {
    fn of(kind: &str, agents: &[&AgentView]) -> Self {
        let mean_of =
            |number: fn(&AgentView) -> Option<u64>| mean(agents.iter().filter_map(|agent| number(agent)).map(as_f64));
        let succeeded = agents.iter().filter(|agent| agent_succeeded(agent) == Some(true));
        Self {
            agent_type: kind.to_owned(),
            total_executions: agents.len() as u64,
            avg_duration: mean_of(|agent| seconds_between(agent.started_at, agent.ended_at)),
            success_count: succeeded.count() as u64,
            avg_issues_found: mean_of(|agent| agent.issues_found.map(u64::from)),
            avg_issues_fixed: mean_of(|agent| agent.issues_fixed.map(u64::from)),
            avg_tokens_used: mean_of(|agent| agent.tokens),
        }
    }
}

/// How an agent ended; nothing while it has not, or when it is not said.
pub(crate) fn agent_succeeded(agent: &AgentView) -> Option<bool> {
    match agent.status.to_ascii_lowercase().as_str() {
        "completed" | "complete" | "done" | "finished" | "success" | "succeeded" | "passed" => Some(true),
        "skipped" | "ended" => None,
        word if agent.ended_at.is_some() || says_failure(word) => Some(false),
        _ => None,
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

/// Decisions, summed up.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct DecisionSums {
    total_decisions: u64,
    #[schemars(range(min = 1, max = 5))]
    avg_quality: Option<f64>,
    #[schemars(range(min = 1, max = 5))]
    avg_difficulty: Option<f64>,
    regrettable_count: u64,
    lessons_used_count: u64,
}

impl DecisionSums {
    /// The sums over the decisions of these sessions.
    pub(crate) fn of<'a>(views: impl IntoIterator<Item = &'a SessionView>) -> Self {
        let mut sums = Self::default();
        // Sum and number of the ratings: a session states the mean of all of its decisions.
        let (mut quality, mut rated) = (0.0, 0);
        let mut difficulties = Vec::new();
        for decisions in views.into_iter().filter_map(|view| view.decisions.as_ref()) {
            let total = u64::from(decisions.total);
            sums.total_decisions += total;
            sums.lessons_used_count += u64::from(decisions.lessons_used);
            if let Some(mean) = decisions.avg_quality {
                quality += mean * as_f64(total);
                rated += total;
            }
            let recent = decisions.recent.values();
            difficulties.extend(recent.clone().filter_map(|decision| decision.difficulty));
            sums.regrettable_count += recent.filter(|decision| is_regrettable(decision) == Some(true)).count() as u64;
        }
        sums.avg_quality = (rated > 0).then(|| quality / as_f64(rated));
        sums.avg_difficulty = mean(difficulties.into_iter());
        sums
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
