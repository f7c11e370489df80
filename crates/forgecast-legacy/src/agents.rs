//! The agents of a session, one agent, and the sessions that have agents at work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use forgecast_protocol::session::AgentView;
use forgecast_protocol::{SessionView, Timestamp};
use forgecast_server::{AppState, Error, InPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analytics::agent_succeeded;
use crate::answer::{Answer, OrMissing, answer};
use crate::session::{self, MOST_VIEWS, NamedSession, Session, SessionPath};
use crate::tasks::TaskSummary;
use crate::view::{self, seconds_between, share, tenths};
use crate::vocabulary::{self, LegacyStatus};

/// The agents of a session.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Agents {
    session_id: String,
    agents: Vec<Agent>,
    total_agents: u64,
    active_agents: u64,
}

/// One agent.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Agent {
    /// The same for the same agent, as the rows of a table would have it.
    id: u32,
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
    /// No source says it of one agent.
    estimated_remaining_seconds: Option<u64>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    /// Always empty: what producers add is passed on to viewers as it comes.
    metadata: BTreeMap<String, String>,
}

/// The sessions at work.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Instances {
    #[schemars(length(max = 100))]
    instances: Vec<Instance>,
    total_instances: u64,
}

/// One session at work with the numbers of its agents.
#[derive(Debug, Serialize, JsonSchema)]
struct Instance {
    session_id: String,
    #[serde(flatten)]
    task: TaskSummary,
    #[schemars(range(min = 0, max = 100))]
    overall_progress_percent: f64,
    #[schemars(range(min = 0, max = 100))]
    progress_percent: f64,
    duration_seconds: u64,
    agents_total: u64,
    agents_active: u64,
    tokens_used: u64,
    #[schemars(range(min = 0))]
    cost_usd: Option<f64>,
}

/// The path of an agent.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AgentPath {
    /// The agent's id.
    #[schemars(length(min = 1), example = "builder-1")]
    agent: NamedSession,
}

/// `GET /api/agents/{session}`.
pub(crate) async fn of_session(
    State(state): State<Arc<AppState>>,
    InPath(SessionPath { session }): InPath<SessionPath>,
) -> Answer<Agents> {
    let now = state.now();
    let (session_id, agents, active_agents) = match session.load(&state).await? {
        Some(Session { id, view }) => {
            let agents = in_order(&view).into_iter();
            let agents = agents
                .map(|(agent, state)| Agent::new(agent, state, &id, now))
                .collect();
            (id, agents, running_agents(&view))
        }
        None => (session.name(&state), Vec::new(), 0),
    };
    Ok(answer(Agents {
        session_id,
        total_agents: agents.len() as u64,
        active_agents,
        agents,
    }))
}

/// `GET /api/agent/{agent}`: the agent of this id in the session that worked last. Ids of agents are unique only within
/// their session, so the sessions that may still have it are asked: those at work, then the last ones.
pub(crate) async fn one(
    State(state): State<Arc<AppState>>,
    InPath(AgentPath { agent }): InPath<AgentPath>,
) -> Result<OrMissing<Agent>, Error> {
    let wanted = agent.name(&state);
    let now = state.now();
    let mut rows = session::rows(&state, vocabulary::statuses(LegacyStatus::Running), MOST_VIEWS).await?;
    rows.extend(session::rows(&state, Vec::new(), MOST_VIEWS).await?);
    let mut asked = BTreeSet::new();
    for row in rows {
        if asked.insert(row.id.clone())
            && let Some(Session { id, view }) = session::load(&state, &row.id.into()).await?
            && let Some(agent) = view.agents.get(&wanted)
        {
            return Ok(OrMissing(Ok(Agent::new(&wanted, agent, &id, now))));
        }
    }
    Ok(OrMissing(Err("Agent not found")))
}

/// `GET /api/instances`: the sessions at work, with the numbers of their agents.
pub(crate) async fn instances(State(state): State<Arc<AppState>>) -> Answer<Instances> {
    let now = state.now();
    let sessions = session::load_running(&state).await?;
    Ok(answer(Instances {
        total_instances: sessions.len() as u64,
        instances: sessions.iter().map(|session| Instance::new(session, now)).collect(),
    }))
}

impl Instance {
    fn new(session: &Session, now: Timestamp) -> Self {
        let view = &session.view;
        let usage = view.usage.as_ref();
        Self {
            session_id: session.id.clone(),
            task: TaskSummary::new(session, now),
            overall_progress_percent: view.progress.percent.unwrap_or(0.0),
            progress_percent: view.progress.percent.unwrap_or(0.0),
            duration_seconds: view::elapsed_s(view, now),
            agents_total: view.agents.len() as u64,
            agents_active: running_agents(view),
            tokens_used: usage.map_or(0, |usage| usage.tokens.total()),
            cost_usd: usage.and_then(|usage| usage.cost_usd),
        }
    }
}

/// The agents of a session, the first that began first.
pub(crate) fn in_order(view: &SessionView) -> Vec<(&String, &AgentView)> {
    let mut agents: Vec<_> = view.agents.iter().collect();
    agents.sort_by_key(|(_, agent)| agent.started_at);
    agents
}

/// How many agents have not ended. An idle one has not.
fn running_agents(view: &SessionView) -> u64 {
    view.agents.values().filter(|agent| is_running(agent)).count() as u64
}

/// Whether an agent has not ended, as far as is known.
fn is_running(agent: &AgentView) -> bool {
    agent.ended_at.is_none() && agent_succeeded(agent).is_none() && agent.status != "unknown"
}

impl Agent {
    fn new(agent: &str, state: &AgentView, session: &str, now: Timestamp) -> Self {
        let (used, limit) = (
            state.tokens.unwrap_or_default(),
            state.tokens_limit.unwrap_or(view::DEFAULT_LIMIT),
        );
        let until = state.ended_at.or(is_running(state).then_some(now));
        Self {
            id: view::number_of(agent),
            agent_id: agent.to_owned(),
            session_id: session.to_owned(),
            agent_type: state.kind.clone(),
            agent_name: state.name.clone().or(state.kind.clone()),
            status: state.status.clone(),
            phase: state.phase.clone(),
            progress_percent: state.progress_percent.unwrap_or(0.0),
            tokens_used: used,
            tokens_limit: limit,
            token_percentage: tenths(share(used, limit)),
            parent_agent_id: state.parent.clone(),
            error_message: state.error.clone(),
            issues_found: state.issues_found,
            issues_fixed: state.issues_fixed,
            start_time: state.started_at,
            end_time: state.ended_at,
            duration_seconds: seconds_between(state.started_at, state.ended_at),
            elapsed_seconds: seconds_between(state.started_at, until).unwrap_or_default(),
            estimated_remaining_seconds: None,
            created_at: state.started_at,
            updated_at: state.ended_at.or(state.started_at),
            metadata: BTreeMap::new(),
        }
    }
}
