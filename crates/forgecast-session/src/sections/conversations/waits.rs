//! Waits for a person, each with the use of a tool that it is about. A wait ends by the answer to that use, by the end of
//! its agent or its turn, or by a newer prompt; what another agent does, another tool of the same agent, and what is told
//! late never end it.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CutShort, ToolUsed, WaitingBegan, WaitingEnded};
use forgecast_protocol::session::WaitingFor;
use serde::{Deserialize, Serialize};

use super::{Agent, Conversation, Conversations, MAX_USES, TRAILING_MS, is_later};
use crate::ledger::key_of_tool;
use crate::sections::{Changed, Context};

/// Waits of one agent that are remembered, the newest.
const MAX_WAITS: usize = 16;

/// A use of a tool, as far as it is needed to tell a repeated word from a new one, and an answer from any other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ToolUse {
    /// Hash of the agent's id of it.
    key: u64,
    /// Hash of the conversation and the agent.
    by: u32,
    /// Hash of the tool.
    tool: u32,
    /// Hash of what it is used on.
    #[serde(rename = "on")]
    summary: u32,
    /// When it was approved, refused or answered, or gave its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered_at: Option<Timestamp>,
    /// It gave its result.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    over: bool,
}

/// What one agent waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wait {
    /// One line.
    pub(super) reason: String,
    /// What kind of wait, if that is said.
    pub(super) waiting_for: Option<WaitingFor>,
    pub(super) since: Timestamp,
    /// When it was told first, however often it is told again.
    begun: Timestamp,
    /// The use of a tool that it is about, as a hash, as soon as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_use: Option<u64>,
    /// The use was not told but found by its tool and what it is used on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    found: bool,
    /// The tool, and what it would be used on, as hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<u32>,
}

/// Tells one wait from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaitKey {
    /// Hash of the conversation and the agent; 0 for a turn that an error ended.
    agent: u32,
    /// The use of a tool that it is about, as a hash, as soon as that is known.
    tool_use: Option<u64>,
    begun: Timestamp,
}

impl WaitKey {
    /// The end of a turn by an error at this time.
    pub(super) fn of_error(begun: Timestamp) -> Self {
        Self {
            agent: 0,
            tool_use: None,
            begun,
        }
    }

    /// Whether it is another wait, and not the same one of which more is known.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let is_other_use = match (self.tool_use, other.tool_use) {
            (Some(known), Some(now)) => known != now,
            _ => is_later(self.begun, other.begun) || is_later(other.begun, self.begun),
        };
        self.agent != other.agent || is_other_use
    }
}

impl Wait {
    /// A producer waits by its own word.
    pub(super) fn of_producer(reason: &str, since: Timestamp) -> Self {
        Self {
            reason: reason.to_owned(),
            waiting_for: None,
            since,
            begun: since,
            tool_use: None,
            found: false,
            tool: None,
            summary: None,
        }
    }

    fn of(fact: &WaitingBegan, tool_use: Option<u64>, since: Timestamp) -> Self {
        Self {
            reason: fact.reason.clone(),
            waiting_for: fact.waiting_for,
            since,
            begun: since,
            tool_use,
            found: fact.use_id.is_none() && tool_use.is_some(),
            tool: fact.tool.as_deref().map(hash),
            summary: fact.summary.as_deref().map(hash),
        }
    }

    /// Whether it is about one use of a tool and nothing else, so that only the answer to that can be its answer.
    pub(super) fn is_of_tool(&self) -> bool {
        self.tool_use.is_some()
    }

    pub(super) fn key(&self, agent: (&str, &str)) -> WaitKey {
        WaitKey {
            agent: hash_of_agent(agent.0, Some(agent.1)),
            tool_use: self.tool_use,
            begun: self.begun,
        }
    }

    /// Whether it is an agent's state by the word of its producer.
    pub(super) fn is_by_word(&self) -> bool {
        self.waiting_for.is_none() && self.tool_use.is_none() && self.tool.is_none()
    }

    /// Whether it may be about this use. A wait that names no tool is about none.
    fn matches(&self, tool_use: &ToolUse) -> bool {
        self.names_tool_of(tool_use) && self.summary.is_none_or(|summary| summary == tool_use.summary)
    }

    fn names_tool_of(&self, tool_use: &ToolUse) -> bool {
        self.tool == Some(tool_use.tool)
    }

    /// Whether another wait of the same agent is this one, told again or better.
    fn is_retold_by(&self, other: &Self) -> bool {
        match (self.tool_use, other.tool_use) {
            (Some(known), Some(other)) => known == other,
            (None, None) => self.tool.is_none() || (self.tool, self.summary) == (other.tool, other.summary),
            (None, Some(_)) => self.tool.is_none() || self.tool == other.tool && self.summary.is_none(),
            (Some(_), None) => false,
        }
    }
}

impl Conversations {
    /// A tool is used or gave its result. Each is told by several sources and counts once.
    pub(crate) fn use_tool(&mut self, fact: &ToolUsed, cx: &Context<'_>) -> Changed {
        let at = cx.said_at;
        let over = fact.success.is_some();
        let by = hash_of_agent(cx.conversation(), fact.agent.as_deref());
        let Some(id) = &fact.use_id else {
            let agent = self.conversation(cx).agent(fact.agent.as_deref());
            agent.waits.retain(|wait| wait.is_of_tool() || wait.since > at);
            agent.work(at);
            return Changed::work();
        };
        let key = key_of_tool(id);
        let answered_at = over.then_some(at);
        let tool_use = match self.recent_uses.iter_mut().find(|known| known.key == key) {
            Some(known) if known.over || !over => return Changed::nothing(),
            Some(known) => {
                known.over = true;
                known.answered_at = known.answered_at.or(answered_at);
                known.clone()
            }
            None => {
                let tool_use = ToolUse {
                    key,
                    by,
                    tool: hash(&fact.tool),
                    summary: hash(fact.summary.as_deref().unwrap_or_default()),
                    answered_at,
                    over,
                };
                self.remember(tool_use.clone());
                tool_use
            }
        };
        if over {
            self.answer(key, at);
        }
        let agent = self.conversation(cx).agent(fact.agent.as_deref());
        if over {
            agent.result_at = agent.result_at.max(Some(at));
            agent
                .waits
                .retain(|wait| wait.is_of_tool() || wait.since > at || !wait.matches(&tool_use));
        } else {
            agent.began_at = agent.began_at.max(Some(at));
            agent.find_wait_of(&tool_use, at);
        }
        agent.work(at);
        Changed::work()
    }

    fn remember(&mut self, tool_use: ToolUse) {
        self.recent_uses.push_back(tool_use);
        while self.recent_uses.len() > MAX_USES {
            self.recent_uses.pop_front();
        }
    }

    /// Whoever waits for the answer to this use has it. An answer from before the question shows that the use was not the
    /// one that was found for it.
    fn answer(&mut self, key: u64, at: Timestamp) {
        let conversations = self.conversations.values_mut();
        for agent in conversations.flat_map(|conversation| conversation.agents.values_mut()) {
            let mistaken = |wait: &Wait| wait.found && wait.since > at;
            agent.waits.retain(|wait| wait.tool_use != Some(key) || mistaken(wait));
            for wait in agent.waits.iter_mut().filter(|wait| wait.tool_use == Some(key)) {
                (wait.tool_use, wait.found) = (None, false);
            }
        }
    }

    /// An agent waits, or its turn is over.
    pub(crate) fn begin_wait(&mut self, fact: &WaitingBegan, cx: &Context<'_>) -> Changed {
        let at = cx.said_at;
        let agent = fact.agent.as_deref();
        if fact.waiting_for == Some(WaitingFor::Prompt) {
            if fact.cut_short == Some(CutShort::User) {
                self.conversation(cx).stop_subagents(at);
            }
            let by_error = fact.cut_short == Some(CutShort::Error);
            let stopped = self.conversation(cx).agent(agent).stop(at, &fact.reason, by_error);
            return if stopped { Changed::work() } else { Changed::nothing() };
        }
        let Ok(tool_use) = self.tool_use_of(fact, at, cx) else {
            return Changed::nothing();
        };
        let wait = Wait::of(fact, tool_use, at);
        let conversation = self.conversation(cx);
        let settled_at = conversation.settled_at.max(conversation.agent(agent).settled_at);
        if settled_at > Some(at) || conversation.has_said(&wait, agent) {
            return Changed::nothing();
        }
        let agent = conversation.agent(agent);
        agent.work(at);
        agent.wait(wait)
    }

    /// The use of a tool that a wait is about, as a hash, as far as that is known; an error when it was answered already.
    fn tool_use_of(&self, fact: &WaitingBegan, at: Timestamp, cx: &Context<'_>) -> Result<Option<u64>, ()> {
        if let Some(id) = &fact.use_id {
            let key = key_of_tool(id);
            let known = self.recent_uses.iter().find(|known| known.key == key);
            let is_answered = known.is_some_and(|known| known.answered_at.is_some());
            return if is_answered { Err(()) } else { Ok(Some(key)) };
        }
        let by = hash_of_agent(cx.conversation(), fact.agent.as_deref());
        let wait = Wait::of(fact, None, at);
        let uses = self.recent_uses.iter().rev().filter(|known| known.by == by);
        let mut matching = uses.clone().filter(|known| wait.matches(known));
        let open = |known: &&ToolUse| known.answered_at.is_none();
        if let Some(found) = matching.clone().find(open) {
            return Ok(Some(found.key));
        }
        if matching.any(|known| known.answered_at > Some(at)) {
            return Err(());
        }
        // Another source may say otherwise what the tool is used on.
        let mut similar = uses.filter(open).filter(|known| wait.names_tool_of(known));
        let found = similar.next().map(|known| known.key);
        Ok(found.filter(|_| similar.next().is_none()))
    }

    /// A wait is over, or a prompt was given.
    pub(crate) fn end_wait(&mut self, fact: &WaitingEnded, cx: &Context<'_>) -> Changed {
        let at = cx.said_at;
        let mut was_answered = false;
        if let Some(id) = &fact.use_id {
            let key = key_of_tool(id);
            match self.recent_uses.iter_mut().find(|known| known.key == key) {
                Some(known) => was_answered = known.answered_at.replace(known.answered_at.unwrap_or(at)).is_some(),
                None => self.remember(ToolUse {
                    key,
                    by: hash_of_agent(cx.conversation(), fact.agent.as_deref()),
                    tool: hash(fact.tool.as_deref().unwrap_or_default()),
                    summary: 0,
                    answered_at: Some(at),
                    over: false,
                }),
            }
            self.answer(key, at);
        }
        let conversation = self.conversation(cx);
        match (&fact.use_id, &fact.tool, &fact.agent) {
            (None, None, None) => {
                conversation.settle(at);
                conversation.agent(None).work(at);
            }
            (None, None, Some(agent)) => conversation.agent(Some(agent)).waits.retain(|wait| wait.since > at),
            (_, Some(tool), agent) if !was_answered => {
                let any_use = fact.use_id.is_none();
                conversation.answer_tool(agent.as_deref(), hash(tool), any_use, at);
            }
            _ => {}
        }
        Changed::work()
    }
}

impl Conversation {
    /// A tool was approved or refused: the wait for it that began first is over, of this agent if one is named. `any_use`
    /// when also a wait that is known to be about some use of it may be meant.
    fn answer_tool(&mut self, agent: Option<&str>, tool: u32, any_use: bool, at: Timestamp) {
        let is_over = |wait: &Wait| (any_use || !wait.is_of_tool()) && wait.tool == Some(tool) && wait.since <= at;
        let agents = self
            .agents
            .iter_mut()
            .filter(|(id, _)| agent.is_none_or(|agent| agent == id.as_str()));
        let first = agents
            .flat_map(|(_, known)| {
                let mut waits = known.waits.iter();
                let position = waits.position(is_over);
                position.map(|position| (&mut known.waits, position))
            })
            .min_by_key(|(waits, position)| waits.get(*position).map(|wait| wait.since));
        if let Some((waits, position)) = first {
            waits.remove(position);
        }
    }

    /// Whether a wait says less than one that is known: that somebody in the conversation asks for an approval, where who
    /// asks and for what is known already.
    fn has_said(&self, wait: &Wait, agent: Option<&str>) -> bool {
        let is_vague = wait.tool_use.is_none() && wait.summary.is_none() && agent.is_none();
        let mut waits = self.agents.values().flat_map(|agent| &agent.waits);
        is_vague
            && waits.any(|known| {
                known.is_of_tool() || (known.summary.is_some() && wait.tool.is_none_or(|tool| known.tool == Some(tool)))
            })
    }
}

impl Agent {
    /// Whether it still waits, as far as that depends on what else it did. Of a wait whose use of a tool is known only the
    /// answer is the end; any other is over when the agent went on.
    pub(super) fn still_waits(&self, wait: &Wait) -> bool {
        let went_on = self.began_at.is_some_and(|at| is_later(at, wait.since));
        let has_result = wait.tool.is_none() && self.result_at > Some(wait.since);
        wait.is_of_tool() || !(went_on || has_result)
    }

    /// Adds a wait, or takes what is told better of one that is known.
    pub(super) fn wait(&mut self, mut wait: Wait) -> Changed {
        let position = self.waits.iter().position(|known| known.is_retold_by(&wait));
        let is_same = position.is_some_and(|known| self.still_waits(&self.waits[known]));
        let Some(known) = position.and_then(|known| self.waits.get_mut(known)) else {
            self.waits.push(wait);
            if self.waits.len() > MAX_WAITS {
                self.waits.remove(0);
            }
            return Changed::work();
        };
        if is_same {
            wait.begun = known.begun;
        }
        // A source that does not say for what must not take away what another one said.
        let is_repeated = known.reason == wait.reason;
        wait.waiting_for = wait.waiting_for.or(known.waiting_for.filter(|_| is_repeated));
        if is_repeated && wait.waiting_for == known.waiting_for && wait.since <= known.since.plus_millis(TRAILING_MS) {
            known.tool_use = known.tool_use.or(wait.tool_use);
            return Changed::nothing();
        }
        if known.tool_use.is_some() {
            wait.since = known.since.min(wait.since);
        }
        *known = wait;
        Changed::work()
    }

    /// The use that a wait is about, which was told before it.
    fn find_wait_of(&mut self, tool_use: &ToolUse, at: Timestamp) {
        let is_near = |wait: &Wait| !is_later(at, wait.since) && !is_later(wait.since, at);
        let matches = |wait: &Wait| !wait.is_of_tool() && wait.matches(tool_use);
        let similar = |wait: &Wait| !wait.is_of_tool() && wait.names_tool_of(tool_use) && is_near(wait);
        let position = self
            .waits
            .iter()
            .position(matches)
            .or_else(|| self.waits.iter().position(similar));
        if let Some(wait) = position.and_then(|position| self.waits.get_mut(position)) {
            (wait.tool_use, wait.found) = (Some(tool_use.key), true);
        }
    }
}

/// A hash that is good enough to tell tools and agents of one session from each other.
fn hash(text: &str) -> u32 {
    let [.., a, b, c, d] = key_of_tool(text).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn hash_of_agent(conversation: &str, agent: Option<&str>) -> u32 {
    hash(&format!("{conversation}\0{}", agent.unwrap_or_default()))
}
