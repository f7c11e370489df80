//! The agents of a session, one agent, and the sessions that have agents at work.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use forgecast_protocol::session::AgentView;
use forgecast_protocol::{SessionView, Timestamp};
use forgecast_server::{AppState, Error, InPath};
use serde_json::{Value, json};

use crate::answer::{answer, refusal};
use crate::session::{self, MOST_VIEWS, NamedSession, Session};
use crate::view::{seconds_between, share, tenths};
use crate::{view, vocabulary};

/// `GET /api/agents/{session}`.
pub(crate) async fn of_session(
    State(state): State<Arc<AppState>>,
    InPath(name): InPath<NamedSession>,
) -> Result<Response, Error> {
    let now = state.now();
    let (id, agents, active) = match name.load(&state).await? {
        Some(Session { id, view }) => {
            let agents = in_order(&view).into_iter();
            let agents = agents
                .map(|(agent, state)| agent_json(agent, state, &id, now))
                .collect();
            (id, agents, running_agents(&view))
        }
        None => (name.name(&state), Vec::new(), 0),
    };
    Ok(answer(&json!({
        "session_id": id,
        "total_agents": agents.len(),
        "active_agents": active,
        "agents": agents,
    })))
}

/// `GET /api/agent/{agent}`: the agent of this id in the session that worked last. Ids of agents are unique only within
/// their session, so the sessions that may still have it are asked: those at work, then the last ones.
pub(crate) async fn one(
    State(state): State<Arc<AppState>>,
    InPath(agent): InPath<NamedSession>,
) -> Result<Response, Error> {
    let wanted = agent.name(&state);
    let now = state.now();
    let mut rows = session::rows(&state, vocabulary::statuses("running"), MOST_VIEWS).await?;
    rows.extend(session::rows(&state, Vec::new(), MOST_VIEWS).await?);
    let mut asked = BTreeSet::new();
    for row in rows {
        if asked.insert(row.id.clone())
            && let Some(Session { id, view }) = session::load(&state, &row.id.into()).await?
            && let Some(agent) = view.agents.get(&wanted)
        {
            return Ok(answer(&agent_json(&wanted, agent, &id, now)));
        }
    }
    Ok(refusal(StatusCode::NOT_FOUND, "Agent not found"))
}

/// `GET /api/instances`: the sessions at work, with the numbers of their agents.
pub(crate) async fn instances(State(state): State<Arc<AppState>>) -> Result<Response, Error> {
    let now = state.now();
    let sessions = session::load_running(&state).await?;
    let instances: Vec<Value> = sessions.iter().map(|session| instance(session, now)).collect();
    Ok(answer(
        &json!({ "total_instances": instances.len(), "instances": instances }),
    ))
}

fn instance(Session { id, view }: &Session, now: Timestamp) -> Value {
    let usage = view.usage.as_ref();
    json!({
        "session_id": id,
        "task_id": id,
        "project_name": view.project.as_deref().unwrap_or(&view.name),
        "task_description": view.task,
        "working_directory": view.working_directory,
        "status": vocabulary::status(view.status),
        "current_phase": view.phase.as_ref().map_or("Unknown", |phase| phase.name.as_str()),
        "phase_number": view::phase_number(view),
        "overall_progress_percent": view.progress.percent.unwrap_or(0.0),
        "start_time": view.started_at,
        "elapsed_seconds": view::elapsed_s(view, now),
        "agents_total": view.agents.len(),
        "agents_active": running_agents(view),
        "tokens_used": usage.map_or(0, |usage| usage.tokens.total()),
        "cost_usd": usage.and_then(|usage| usage.cost_usd),
    })
}

/// The agents of a session, the first that began first.
pub(crate) fn in_order(view: &SessionView) -> Vec<(&String, &AgentView)> {
    let mut agents: Vec<_> = view.agents.iter().collect();
    agents.sort_by_key(|(_, agent)| agent.started_at);
    agents
}

/// How many agents have not ended. An idle one has not.
fn running_agents(view: &SessionView) -> usize {
    view.agents.values().filter(|agent| agent.ended_at.is_none()).count()
}

fn agent_json(agent: &str, state: &AgentView, session: &str, now: Timestamp) -> Value {
    let limit = state.tokens_limit.unwrap_or(view::DEFAULT_LIMIT);
    let elapsed = seconds_between(state.started_at, state.ended_at.or(Some(now)));
    json!({
        "agent_id": agent,
        "session_id": session,
        "agent_type": state.kind,
        "agent_name": state.name.as_deref().or(state.kind.as_deref()),
        "status": state.status,
        "phase": state.phase,
        "progress_percent": state.progress_percent.unwrap_or(0.0),
        "tokens_used": state.tokens.unwrap_or_default(),
        "tokens_limit": limit,
        "token_percentage": tenths(share(state.tokens.unwrap_or_default(), limit)),
        "parent_agent_id": state.parent,
        "error_message": state.error,
        "issues_found": state.issues_found,
        "issues_fixed": state.issues_fixed,
        "start_time": state.started_at,
        "end_time": state.ended_at,
        "duration_seconds": seconds_between(state.started_at, state.ended_at),
        "elapsed_seconds": elapsed.unwrap_or_default(),
    })
}
