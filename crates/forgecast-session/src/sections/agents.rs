//! What the agents of a build are doing.

use std::collections::BTreeMap;

use forgecast_protocol::event::AgentReported;
use forgecast_protocol::session::AgentView;

use super::{Context, count, evict, percent, put, set_some, take_stated};
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
        issues_fixed
    );
    let phase = fact.phase.as_deref().and_then(vocabulary::phase);
    set_some(&mut agent.phase, phase.as_ref());
    set_some(&mut agent.progress_percent, percent(fact.progress_percent).as_ref());
    if let Some(status) = &fact.status {
        agent.status.clone_from(status);
    }
    let ended = vocabulary::meaning(&agent.status).is_end();
    agent.ended_at = ended.then(|| agent.ended_at.unwrap_or(cx.at));
    agent.tokens = tokens_of_calls.or(agent.tokens);
    let changed = put(view, &fact.id, agent);
    let rank = |_: &str, agent: &AgentView| (agent.ended_at.is_none(), agent.ended_at, agent.started_at);
    evict(view, MAX_AGENTS, &fact.id, rank, |_, _| {});
    changed
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
