//! Who of a session's agents is at work, and what each of them waits for. A session has one conversation for each
//! transcript and one, without a name, for its producer; a conversation has a main agent and subagents.
//!
//! Sources of one agent (its file, hooks, telemetry, its process) tell of the same moment earlier or later, and at first
//! sight all at once. So nothing here follows from the order of arrival: every statement has a time of its own, each agent
//! keeps the latest time of each kind of statement, and the verdict compares those. Only statements of the same millisecond
//! are taken in the order in which they come, which within a file is the order of its lines.

mod waits;

use std::collections::{BTreeMap, VecDeque};

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{
    ActivityReported, AgentActivity, AgentReported, SCHEDULE, UsageRecorded, UsageSource, WaitingBegan,
};
use forgecast_protocol::session::WaitingFor;
use serde::{Deserialize, Serialize};

pub(crate) use self::waits::WaitKey;
use self::waits::{ToolUse, Wait};
use super::{Changed, Context, count, evict};
use crate::vocabulary::{self, Meaning};

/// Uses of tools that are remembered, the newest: one is told by transcript, telemetry and hook within seconds.
const MAX_USES: usize = 128;
/// Agents that are remembered in one conversation, and conversations of one session: those heard of last.
const MAX_AGENTS: usize = 64;
const MAX_CONVERSATIONS: usize = 64;
/// Sources of one agent tell of the same moment within this: a tool that was used this much later than a question is
/// another one than the question was about.
const TRAILING_MS: i64 = 5_000;
/// An agent that was heard of longer before the end of another's turn is not at work beside it.
const SILENT_MS: i64 = 15 * 60 * 1000;

/// What is known of the agents of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Conversations {
    /// By the name of the transcript; the producer's own has the empty name.
    /// In boxes, like agents: a map has places for eleven from its first entry on, and most have one.
    conversations: BTreeMap<String, Box<Conversation>>,
    /// Uses of tools that were told, the newest last.
    recent_uses: VecDeque<ToolUse>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Conversation {
    /// When its latest prompt was given, or it was closed: what was asked before is settled.
    settled_at: Option<Timestamp>,
    /// When its subagents were last stopped, all together.
    stopped_at: Option<Timestamp>,
    /// By id; the main agent has the empty one.
    agents: BTreeMap<String, Box<Agent>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Agent {
    /// Its latest work.
    worked_at: Option<Timestamp>,
    /// The latest use of a tool that it began, or call to a model that it made.
    began_at: Option<Timestamp>,
    /// The latest result of a tool.
    result_at: Option<Timestamp>,
    /// Its turn, or its task, is over, and nothing was begun since.
    stop: Option<Stop>,
    /// The latest end of a turn, whatever came since: what was asked before is settled.
    settled_at: Option<Timestamp>,
    /// What it waits for.
    waits: Vec<Wait>,
}

/// The end of a turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Stop {
    at: Timestamp,
    /// One line.
    reason: String,
    /// A failed request that ended it, or ended it before something else said so, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<(Timestamp, String)>,
}

/// What the agents of a session come to, together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AgentsStanding<'a> {
    /// Nothing is known of any agent.
    Unknown,
    /// At least one is at work.
    AtWork,
    /// One needs a person, whatever the others do. Of several, the one that has waited longest.
    Asks {
        reason: &'a str,
        waiting_for: Option<WaitingFor>,
        since: Timestamp,
        /// Tells this wait from any other of the session.
        wait: WaitKey,
    },
    /// A turn is over and nobody else is at work.
    Over { reason: &'a str, since: Timestamp },
}

impl Agent {
    /// It did something at this time.
    fn work(&mut self, at: Timestamp) {
        self.worked_at = self.worked_at.max(Some(at));
        self.stop.take_if(|stop| at >= stop.at);
        if let Some(stop) = &mut self.stop {
            stop.error.take_if(|(failed_at, _)| at >= *failed_at);
        }
    }

    /// Its turn ended; `by_error` when a failed request ended it. What it had asked before is settled.
    fn stop(&mut self, at: Timestamp, reason: &str, by_error: bool) -> bool {
        let before = self.stop.clone();
        self.settled_at = self.settled_at.max(Some(at));
        self.waits.retain(|wait| wait.since > at);
        if self.worked_at.is_some_and(|worked_at| worked_at > at) {
            return false;
        }
        let stop = self.stop.get_or_insert_with(|| Stop {
            at,
            reason: reason.to_owned(),
            error: None,
        });
        if at >= stop.at {
            stop.at = at;
            reason.clone_into(&mut stop.reason);
        }
        // The agent's own words come first; a hook names only the kind of error, a moment later.
        if by_error && stop.error.as_ref().is_none_or(|(failed_at, _)| at < *failed_at) {
            stop.error = Some((at, reason.to_owned()));
        }
        self.stop != before
    }

    fn is_at_work(&self) -> bool {
        self.worked_at.is_some() && self.stop.is_none()
    }

    /// When this agent was heard of last.
    fn heard_at(&self) -> Option<Timestamp> {
        self.worked_at.max(self.stop.as_ref().map(|stop| stop.at))
    }
}

impl Conversation {
    fn agent(&mut self, id: Option<&str>) -> &mut Agent {
        let id = id.unwrap_or_default();
        if !self.agents.contains_key(id) {
            self.agents.insert(id.to_owned(), Box::default());
            evict(
                &mut self.agents,
                MAX_AGENTS,
                id,
                |id, agent| (id.is_empty(), !agent.waits.is_empty(), agent.heard_at()),
                |_, _| {},
            );
        }
        self.agents.entry(id.to_owned()).or_default()
    }

    /// What any of its agents asked before this is settled.
    fn settle(&mut self, at: Timestamp) {
        self.settled_at = self.settled_at.max(Some(at));
        for agent in self.agents.values_mut() {
            agent.waits.retain(|wait| wait.since > at);
        }
    }

    /// Its subagents work no longer, and what any of its agents asked is settled.
    fn stop_subagents(&mut self, at: Timestamp) {
        self.stopped_at = self.stopped_at.max(Some(at));
        self.settle(at);
    }

    /// Whether this agent of it is at work.
    fn is_at_work(&self, id: &str, agent: &Agent) -> bool {
        let stopped_at = self.stopped_at.filter(|_| !id.is_empty());
        agent.is_at_work() && agent.worked_at > stopped_at
    }

    fn heard_at(&self) -> Option<Timestamp> {
        self.agents.values().filter_map(|agent| agent.heard_at()).max()
    }

    /// Whether any of its agents asked something that was not answered.
    fn asks(&self) -> bool {
        self.agents.values().any(|agent| !agent.waits.is_empty())
    }
}

impl Conversations {
    fn conversation(&mut self, cx: &Context<'_>) -> &mut Conversation {
        let name = cx.conversation();
        if !self.conversations.contains_key(name) {
            self.conversations.insert(name.to_owned(), Box::default());
            evict(
                &mut self.conversations,
                MAX_CONVERSATIONS,
                name,
                |name, known| (name.is_empty(), known.asks(), known.heard_at()),
                |_, _| {},
            );
        }
        self.conversations.entry(name.to_owned()).or_default()
    }

    /// What an agent is said to be doing.
    pub(crate) fn report_activity(&mut self, fact: &ActivityReported, cx: &Context<'_>) -> Changed {
        let at = cx.said_at;
        let conversation = self.conversation(cx);
        let agent = fact.agent.as_deref();
        match fact.activity {
            AgentActivity::Alive => {
                let agent = conversation.agent(agent);
                if !agent.is_at_work() {
                    return Changed::seen();
                }
                agent.work(at);
            }
            AgentActivity::Working => conversation.agent(agent).work(at),
        }
        Changed::work()
    }

    /// An agent was reported, with the producer's word for its state.
    pub(crate) fn report_agent(&mut self, fact: &AgentReported, cx: &Context<'_>) {
        let Some(word) = &fact.status else {
            return;
        };
        let at = cx.said_at;
        match vocabulary::meaning(word) {
            meaning if meaning.is_end() || fact.times.is_some_and(|times| times.ended_at.is_some()) => {
                self.conversation(cx).agent(Some(&fact.id)).stop(at, word, false);
            }
            Meaning::Waiting => {
                let name = fact.name.as_ref().or(fact.kind.as_ref()).unwrap_or(&fact.id);
                let waits = WaitingBegan {
                    reason: format!("{name}: {word}"),
                    agent: Some(fact.id.clone()),
                    ..WaitingBegan::default()
                };
                self.begin_wait(&waits, cx);
            }
            _ => {
                let agent = self.conversation(cx).agent(Some(&fact.id));
                agent.waits.retain(|wait| wait.since > at || !wait.is_by_word());
                if vocabulary::is_at_work(word) {
                    agent.work(at);
                }
            }
        }
    }

    /// A call to a model, told by the agent's own transcript: telemetry also tells of calls beside the conversation, such
    /// as the one that finds a title.
    pub(crate) fn call_model(&mut self, fact: &UsageRecorded, at: Timestamp, cx: &Context<'_>) {
        let mut accounts = fact.accounts.iter();
        if fact.calls <= 0 || !accounts.any(|account| account.source == UsageSource::Transcript && account.calls > 0) {
            return;
        }
        let agent = self.conversation(cx).agent(fact.agent.as_deref());
        agent.began_at = agent.began_at.max(Some(at));
        // The last words of a turn are a call, too, and are told after its end by a slower source.
        if agent.stop.as_ref().is_none_or(|stop| at > stop.at) {
            agent.work(at);
        }
    }

    /// The producer of a build moved on: what it had said that it waits for is over.
    pub(crate) fn producer_works(&mut self, cx: &Context<'_>) {
        let at = cx.said_at;
        let producer = self.conversations.entry(String::new()).or_default().agent(None);
        producer.waits.retain(|wait| wait.since > at);
        producer.work(at);
    }

    /// The producer of a build says that it waits.
    pub(crate) fn producer_waits(&mut self, reason: &str, cx: &Context<'_>) {
        let producer = self.conversations.entry(String::new()).or_default().agent(None);
        producer.work(cx.said_at);
        producer.waits.retain(Wait::is_by_word);
        producer.wait(Wait::of_producer(reason, cx.said_at));
    }

    /// The conversation was closed: whatever it did or asked is over.
    pub(crate) fn close(&mut self, cx: &Context<'_>) {
        let at = cx.said_at;
        let conversation = self.conversation(cx);
        conversation.stop_subagents(at);
        let main = conversation.agent(None);
        if main.is_at_work() {
            main.stop(at, "The agent's session was closed", false);
        }
    }

    /// What they come to, together. `silent` when nobody has been heard of for longer than the limit: a turn that is over
    /// then stands beside nobody at work. `driven` when a producer gives each agent its only prompt: the end of a turn
    /// waits for nobody then.
    pub(crate) fn standing(&self, silent: bool, driven: bool) -> AgentsStanding<'_> {
        if let Some((wait, key)) = self.longest_wait() {
            return AgentsStanding::Asks {
                reason: &wait.reason,
                waiting_for: wait.waiting_for,
                since: wait.since,
                wait: key,
            };
        }
        if driven {
            return match self.conversations.is_empty() {
                true => AgentsStanding::Unknown,
                false => AgentsStanding::AtWork,
            };
        }
        let stops = self.mains().filter_map(|main| main.stop.as_ref());
        if let Some((at, reason)) = stops
            .clone()
            .filter_map(|stop| stop.error.as_ref())
            .min_by_key(|error| error.0)
        {
            return AgentsStanding::Asks {
                reason,
                waiting_for: Some(WaitingFor::Prompt),
                since: *at,
                wait: WaitKey::of_error(*at),
            };
        }
        match stops.max_by_key(|stop| stop.at) {
            Some(stop) if silent || !self.is_anybody_at_work(Some(stop.at)) => AgentsStanding::Over {
                reason: &stop.reason,
                since: stop.at,
            },
            Some(_) => AgentsStanding::AtWork,
            None if self.is_anybody_at_work(None) => AgentsStanding::AtWork,
            None => AgentsStanding::Unknown,
        }
    }

    /// How many subagents are at work.
    pub(crate) fn subagents_at_work(&self) -> u32 {
        let subagents = self.conversations.values().flat_map(|conversation| {
            let agents = conversation.agents.iter();
            let is_subagent = |id: &str| !id.is_empty() && id != SCHEDULE;
            agents.filter(move |(id, agent)| is_subagent(id) && conversation.is_at_work(id, agent))
        });
        count(subagents.count())
    }

    fn agents(&self) -> impl Iterator<Item = (&str, &str, &Agent)> {
        let conversations = self.conversations.iter();
        conversations.flat_map(|(name, conversation)| {
            let agents = conversation.agents.iter();
            agents.map(move |(id, agent)| (name.as_str(), id.as_str(), &**agent))
        })
    }

    fn mains(&self) -> impl Iterator<Item = &Agent> + Clone {
        let conversations = self.conversations.values();
        conversations.filter_map(|conversation| conversation.agents.get("").map(|agent| &**agent))
    }

    /// Whether any agent is at work, beside one whose turn ended at this time if there is one. What the producer says of
    /// the build may come from that very agent, so it counts only when it was said later.
    fn is_anybody_at_work(&self, ended_at: Option<Timestamp>) -> bool {
        self.conversations.iter().any(|(name, conversation)| {
            let grace = if name.is_empty() { 0 } else { SILENT_MS };
            let mut agents = conversation.agents.iter();
            agents.any(|(id, agent)| {
                let heard_at = agent.worked_at.map(|at| at.plus_millis(grace));
                conversation.is_at_work(id, agent) && heard_at > ended_at
            })
        })
    }

    /// The wait that has lasted longest.
    fn longest_wait(&self) -> Option<(&Wait, WaitKey)> {
        let waits = self.agents().flat_map(|(conversation, id, agent)| {
            let waits = agent.waits.iter().filter(|wait| agent.still_waits(wait));
            waits.map(move |wait| (wait, (conversation, id)))
        });
        let (wait, agent) = waits.min_by_key(|(wait, agent)| (wait.since, *agent))?;
        Some((wait, wait.key(agent)))
    }
}

/// Whether something that one source tells of is later than what another one tells of.
fn is_later(at: Timestamp, than: Timestamp) -> bool {
    at > than.plus_millis(TRAILING_MS)
}
