//! The agents of a session, one agent, and the sessions that have agents at work.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use forgecast_protocol::session::AgentView;
use forgecast_protocol::{SessionView, Timestamp};
use serde_json::{Value, json};

use super::tasks::{MOST_VIEWS, views_at_work};
use super::view::{seconds_between, share, tenths};
use super::{Called, answer, id_for_clients, list, refusal, view, words};
use crate::error::Error;
use crate::extract::InPath;
use crate::state::AppState;

/// `GET /api/agents/{session}`.
pub(crate) async fn of_session(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<Called>,
) -> Result<Response, Error> {
    let now = shared.clock.now();
    let (id, agents, active) = match session.view(&shared).await? {
        Some(view) => {
            let id = id_for_clients(&shared, &view.id);
            let agents = agents(&view, &id, now);
            (id, agents, at_work(&view))
        }
        None => (session.name(&shared), Vec::new(), 0),
    };
    Ok(answer(&json!({
        "session_id": id,
        "total_agents": agents.len(),
        "active_agents": active,
        "agents": agents,
    })))
}

/// `GET /api/agent/{agent}`: the agent of this id in the session that worked last. Ids of agents are their sessions' own,
/// so only sessions are asked that may still have it: those at work, then the last ones.
pub(crate) async fn one(State(shared): State<Arc<AppState>>, InPath(agent): InPath<Called>) -> Result<Response, Error> {
    let wanted = agent.name(&shared);
    let now = shared.clock.now();
    let mut rows = list::rows(&shared, words::statuses("running"), MOST_VIEWS).await?;
    rows.extend(list::rows(&shared, Vec::new(), MOST_VIEWS).await?);
    let mut asked = BTreeSet::new();
    for row in rows {
        if !asked.insert(row.id.clone()) {
            continue;
        }
        let Some(view) = super::view_of(&shared, &row.id.into()).await? else {
            continue;
        };
        if let Some(agent) = view.agents.get(&wanted) {
            let id = id_for_clients(&shared, &view.id);
            return Ok(answer(&told(&wanted, agent, &id, now)));
        }
    }
    Ok(refusal(StatusCode::NOT_FOUND, "Agent not found"))
}

/// `GET /api/instances`: the sessions at work with what their agents come to.
pub(crate) async fn instances(State(shared): State<Arc<AppState>>) -> Result<Response, Error> {
    let now = shared.clock.now();
    let views = views_at_work(&shared).await?;
    let instances: Vec<Value> = views
        .iter()
        .map(|view| instance(view, &id_for_clients(&shared, &view.id), now))
        .collect();
    Ok(answer(
        &json!({ "total_instances": instances.len(), "instances": instances }),
    ))
}

fn instance(session: &SessionView, id: &str, now: Timestamp) -> Value {
    let usage = session.usage.as_ref();
    json!({
        "session_id": id,
        "task_id": id,
        "project_name": session.project.as_deref().unwrap_or(&session.name),
        "task_description": session.task,
        "working_directory": session.working_directory,
        "status": words::status(session.status),
        "current_phase": session.phase.as_ref().map_or("Unknown", |phase| phase.name.as_str()),
        "phase_number": view::phase_number(session),
        "overall_progress_percent": session.progress.percent.unwrap_or(0.0),
        "start_time": session.started_at,
        "elapsed_seconds": view::elapsed_s(session, now),
        "agents_total": session.agents.len(),
        "agents_active": at_work(session),
        "tokens_used": usage.map_or(0, |usage| usage.tokens.total()),
        "cost_usd": usage.and_then(|usage| usage.cost_usd),
    })
}

/// The agents of a session, the first that began first.
pub(super) fn agents(view: &SessionView, id: &str, now: Timestamp) -> Vec<Value> {
    in_order(view)
        .into_iter()
        .map(|(agent, state)| told(agent, state, id, now))
        .collect()
}

/// The same, as they are.
pub(super) fn in_order(view: &SessionView) -> Vec<(&String, &AgentView)> {
    let mut agents: Vec<_> = view.agents.iter().collect();
    agents.sort_by_key(|(_, agent)| agent.started_at);
    agents
}

/// How many have not ended. One that is idle is still there.
fn at_work(view: &SessionView) -> usize {
    view.agents.values().filter(|agent| agent.ended_at.is_none()).count()
}

fn told(agent: &str, state: &AgentView, session: &str, now: Timestamp) -> Value {
    let limit = state.tokens_limit.unwrap_or(view::USUAL_LIMIT);
    let begun_until_now = seconds_between(state.started_at, state.ended_at.or(Some(now)));
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
        "elapsed_seconds": begun_until_now.unwrap_or_default(),
    })
}
