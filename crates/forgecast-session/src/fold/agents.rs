//! What the agents of a build are doing.

use forgecast_protocol::Event;
use forgecast_protocol::event::AgentReported;

use super::effect::{Effect, Section, percent, put, set_some};
use crate::Session;
use crate::vocabulary;

/// Agents that are kept; the oldest that has finished goes first.
const MAX_AGENTS: usize = 500;

impl Session {
    pub(crate) fn fold_agent(&mut self, event: &Event, fact: &AgentReported) -> Effect {
        let at = self.time_of(event);
        let known = self.view.agents.get(&fact.id);
        let mut agent = known.cloned().unwrap_or_default();
        if known.is_none() {
            "active".clone_into(&mut agent.status);
            agent.started_at = Some(at);
        }
        set_some(&mut agent.kind, fact.kind.as_ref());
        set_some(&mut agent.name, fact.name.as_ref());
        set_some(&mut agent.parent, fact.parent.as_ref());
        set_some(&mut agent.tokens, fact.tokens.as_ref());
        set_some(&mut agent.tokens_limit, fact.tokens_limit.as_ref());
        set_some(&mut agent.error, fact.error.as_ref());
        set_some(&mut agent.issues_found, fact.issues_found.as_ref());
        set_some(&mut agent.issues_fixed, fact.issues_fixed.as_ref());
        let phase = fact.phase.as_deref().and_then(vocabulary::phase);
        set_some(&mut agent.phase, phase.as_ref());
        set_some(&mut agent.progress_percent, percent(fact.progress_percent).as_ref());
        if let Some(status) = &fact.status {
            agent.status.clone_from(status);
        }
        if vocabulary::meaning(&agent.status).is_end() {
            agent.ended_at = agent.ended_at.or(Some(at));
        } else {
            agent.ended_at = None;
        }
        agent.tokens = self.tokens_of_calls(&fact.id).or(agent.tokens);
        let changed = put(&mut self.view.agents, &fact.id, agent);
        while self.view.agents.len() > MAX_AGENTS {
            self.evict_agent(&fact.id);
        }
        Effect::of(Section::Agents, changed)
    }

    fn evict_agent(&mut self, newest: &str) {
        let others = self.view.agents.iter().filter(|(id, _)| *id != newest);
        // Those that ended come first, the longest ago before the others; then those that began longest ago.
        let oldest = others.min_by_key(|(_, agent)| (agent.ended_at.is_none(), agent.ended_at, agent.started_at));
        if let Some(id) = oldest.map(|(id, _)| id.clone()) {
            self.view.agents.remove(&id);
        }
    }

    pub(crate) fn agents_at_work(&self) -> u32 {
        let agents = self.view.agents.values();
        let count = agents.filter(|agent| vocabulary::is_at_work(&agent.status)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}
