//! What the agents of a build are doing.

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{AgentReported, SourceKind};
use forgecast_protocol::session::AgentView;

use super::{Context, count, evict, money, percent, put, set_some, take_stated};
use crate::vocabulary;

/// Agents that are kept. Those that ended are dropped first, the longest ago before the others; then those that began
/// longest ago.
const MAX_AGENTS: usize = 500;

/// Folds a report about one agent; `tokens_of_calls` is what its calls to a model used, which is better known than what
/// it reports itself. Whether that changed anything.
pub(crate) fn apply(
    view: &mut BTreeMap<String, AgentView>,
    fact: &AgentReported,
    tokens_of_calls: Option<u64>,
    cx: &Context<'_>,
) -> bool {
    let mut agent = view.get(&fact.id).cloned().unwrap_or_else(|| AgentView {
        status: "active".to_owned(),
        started_at: Some(cx.at),
        ..AgentView::default()
    });
    take_stated!(
        agent,
        fact,
        kind,
        name,
        parent,
        tokens,
        tokens_limit,
        error,
        issues_found,
        issues_fixed,
        provider,
        model
    );
    let phase = fact.phase.as_deref().and_then(vocabulary::phase);
    set_some(&mut agent.phase, phase.as_ref());
    set_some(&mut agent.progress_percent, percent(fact.progress_percent).as_ref());
    if let Some(status) = &fact.status {
        take_status(&mut agent, status, view.contains_key(&fact.id), fact, cx);
    }
    match fact.times {
        Some(times) => (agent.started_at, agent.ended_at) = (times.started_at, times.ended_at),
        None => {
            let ended = vocabulary::meaning(&agent.status).is_end();
            agent.ended_at = ended.then(|| agent.ended_at.unwrap_or(cx.at));
        }
    }
    agent.tokens = tokens_of_calls.or(agent.tokens);
    let changed = put(view, &fact.id, agent);
    let rank = |_: &str, agent: &AgentView| (agent.ended_at.is_none(), agent.ended_at, agent.started_at);
    evict(view, MAX_AGENTS, &fact.id, rank, |_, _| {});
    changed
}

/// Takes the word for an agent's state. An agent that ended and is at work again has begun another run; a run that ends
/// adds what it cost and how long it took.
fn take_status(agent: &mut AgentView, status: &str, is_known: bool, fact: &AgentReported, cx: &Context<'_>) {
    let had_ended = is_known && agent.ended_at.is_some();
    if vocabulary::is_at_work(status) && (had_ended || !is_known) {
        if cx.origin.kind == SourceKind::Foundry {
            // Its agents are known by their roles, which are taken again for every task.
            agent.runs = Some(agent.runs.unwrap_or_default().saturating_add(1));
        }
        agent.started_at = Some(cx.at);
        agent.error.clone_from(&fact.error);
    }
    if vocabulary::meaning(status).is_end() && !had_ended {
        add(&mut agent.cost_usd, money(fact.cost_usd));
        add(
            &mut agent.duration_seconds,
            fact.duration_seconds.filter(|seconds| seconds.is_finite()),
        );
    }
    status.clone_into(&mut agent.status);
}

fn add(sum: &mut Option<f64>, more: Option<f64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or_default() + more);
    }
}

/// Agents that were at work when another run took the place of theirs did not come to their end.
pub(crate) fn leave(view: &mut BTreeMap<String, AgentView>, at: Timestamp) -> bool {
    let left = view.values_mut().filter(|agent| vocabulary::is_at_work(&agent.status));
    let left = left.map(|agent| {
        "failed".clone_into(&mut agent.status);
        agent.error = Some("another run began in its place".to_owned());
        agent.ended_at = Some(at);
    });
    left.count() > 0
}

/// An agent's tokens are those of its calls, once there are any; whether that changed anything.
pub(crate) fn set_tokens(view: &mut BTreeMap<String, AgentView>, agent: &str, tokens_of_calls: Option<u64>) -> bool {
    let known = view.get_mut(agent);
    let Some(agent) = known.filter(|agent| tokens_of_calls.is_some() && agent.tokens != tokens_of_calls) else {
        return false;
    };
    agent.tokens = tokens_of_calls;
    true
}

/// How many agents are at work.
pub(crate) fn active(view: &BTreeMap<String, AgentView>) -> u32 {
    let agents = view.values();
    count(agents.filter(|agent| vocabulary::is_at_work(&agent.status)).count())
}
