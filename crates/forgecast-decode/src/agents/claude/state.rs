//! What is remembered of a Claude Code transcript from one line to the next, and over restarts: a few kilobytes, however
//! long the file.

use std::collections::VecDeque;

use forgecast_protocol::SessionName;
use forgecast_protocol::event::CallReported;
use serde::{Deserialize, Deserializer, Serialize};

/// Most uses of tools whose results are waited for.
const MAX_PENDING: usize = 32;
/// Most agents that are remembered as begun, and as alive.
const MAX_AGENTS: usize = 32;

/// What is remembered, as the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// The session, where the lines say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<SessionName>,
    /// The folder that the agent was started in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cwd: Option<String>,
    /// The session was announced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) seen: bool,
    /// What its title was taken from.
    #[serde(
        rename = "titled",
        deserialize_with = "title_source",
        skip_serializing_if = "TitleSource::is_none"
    )]
    pub(super) title: TitleSource,
    /// The turn is over; by which message, where one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) over: Option<String>,
    /// The last line was a command of the user's, which may turn out to be a prompt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) command: bool,
    /// When a sign of life of an agent, the main one without an id, was told last, milliseconds;
    /// the newest last.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pub(super) alive: VecDeque<(Option<String>, i64)>,
    /// Of a subagent's own file: whether it was said to be at work or over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<AgentState>,
    /// Uses of tools whose results are not there yet, oldest first.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pub(super) pending: VecDeque<Pending>,
    /// Subagents that were said to be at work, oldest first.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pub(super) agents: VecDeque<String>,
    /// The hash of the call that was told last: the same again says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_call: Option<u64>,
}

/// What a session's title was taken from, the weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TitleSource {
    /// It has none.
    #[default]
    None,
    /// A command that is no task: one of the agent's own, or one without words.
    Command,
    /// The first prompt, or a command with its words.
    Prompt,
    /// The agent named it.
    Agent,
    /// The user named it.
    User,
}

impl TitleSource {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A version before only knew whether there was a title.
fn title_source<'de, D: Deserializer<'de>>(stored: D) -> Result<TitleSource, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Known(bool),
        Source(TitleSource),
    }
    Ok(match Stored::deserialize(stored)? {
        Stored::Known(false) => TitleSource::None,
        Stored::Known(true) => TitleSource::Prompt,
        Stored::Source(source) => source,
    })
}

/// What was said of a subagent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AgentState {
    Active,
    /// Its last word was read.
    Completed,
    /// What was read of it is so old that it cannot be at work.
    Past,
    Cancelled,
    Failed,
}

/// The use of a tool without its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The id of the use.
    pub(super) id: String,
    /// The tool.
    pub(super) tool: String,
    /// Of a tool that starts a subagent: its type and its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<(Option<String>, Option<String>)>,
}

impl State {
    /// Whether the call says anything that the one before it did not.
    pub(super) fn is_new(&mut self, call: &CallReported) -> bool {
        let digest = digest(call);
        self.last_call.replace(digest) != Some(digest)
    }

    /// Whether a title of this source counts; remembered. The first prompt stays what it was, names are changed.
    pub(super) fn takes_title(&mut self, source: TitleSource) -> bool {
        let takes = source > self.title || (source == self.title && source >= TitleSource::Agent);
        if takes {
            self.title = source;
        }
        takes
    }

    pub(super) fn begin(&mut self, pending: Pending) {
        if self.pending.len() >= MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(pending);
    }

    /// The use of a tool whose result is there; forgotten.
    pub(super) fn end(&mut self, id: &str) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.id == id)?;
        self.pending.remove(at)
    }

    /// When a sign of life of this agent was told last, milliseconds.
    pub(super) fn alive_at(&self, agent: Option<&str>) -> Option<i64> {
        let mut alive = self.alive.iter();
        alive.find(|(known, _)| known.as_deref() == agent).map(|(_, at)| *at)
    }

    /// Remembers when a sign of life of this agent was told.
    pub(super) fn set_alive_at(&mut self, agent: Option<&str>, at: i64) {
        self.alive.retain(|(known, _)| known.as_deref() != agent);
        if self.alive.len() >= MAX_AGENTS {
            self.alive.pop_front();
        }
        self.alive.push_back((agent.map(str::to_owned), at));
    }

    /// Whether a subagent begins; remembered.
    pub(super) fn begins(&mut self, agent: &str) -> bool {
        if self.agents.iter().any(|known| known == agent) {
            return false;
        }
        if self.agents.len() >= MAX_AGENTS {
            self.agents.pop_front();
        }
        self.agents.push_back(agent.to_owned());
        true
    }
}

/// What a call says, as a number: FNV-1a over everything but its place and its time. Stays the same over versions, and
/// nobody gains by a collision.
fn digest(call: &CallReported) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut add = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    let id = &call.call;
    for text in [&id.message, &id.request, &call.model, &call.agent] {
        add(text.as_deref().unwrap_or_default().as_bytes());
    }
    for tool in &call.tools {
        add(tool.as_bytes());
    }
    // Only where there are any, so that the hash of other calls is that of the versions before.
    if call.web_searches > 0 {
        add(&call.web_searches.to_le_bytes());
    }
    if let Some(geo) = &call.inference_geo {
        add(geo.as_bytes());
    }
    add(&[u8::from(id.sidechain), call.fast.map_or(2, u8::from)]);
    let tokens = &call.tokens;
    let counts = [
        tokens.input,
        tokens.output,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
    ];
    for count in counts {
        add(&count.to_le_bytes());
    }
    add(&call.cost_usd.unwrap_or(-1.0).to_bits().to_le_bytes());
    hash
}
