//! Subagents: a file of their own says that they are at work and when they are done; the main conversation says what they
//! were started for and how they ended.

use forgecast_protocol::event::{AgentReported, Fact};

use super::messages::INTERRUPTED;
use super::record::{ToolResult, text_of};
use super::state::{AgentState, Pending};
use super::{Line, Reader};
use crate::transcript::{Visitor, agent};

/// Files of subagents that sum up the conversation when the context is compacted begin with this.
const COMPACTION: &str = "acompact";

/// What was said longer ago is no sign that the subagent is still at work, milliseconds.
const LONG_AGO_MS: u64 = 15 * 60 * 1000;

impl Reader {
    /// What a line says of subagents.
    pub(super) fn subagents(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if self.path.agent.is_some() {
            self.own_file(line, out);
        }
        if let Some(result) = &line.record.tool_use_result.0 {
            self.result(line, result, out);
        }
    }

    /// A tool reports while it runs: a subagent, whose own words it may repeat, or a long command.
    pub(super) fn progress(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let progress = line.record.data.0.as_ref();
        let agent = progress.filter(|progress| progress.kind.is("agent_progress"));
        let agent = agent.and_then(|progress| line.context.word(progress.agent_id.get()));
        if let Some(id) = &agent {
            let used = line.record.parent_tool_use_id.get();
            self.started(line, id, used, out);
        }
        // Hooks also run at the end of a turn and before the first.
        if !progress.is_some_and(|progress| progress.kind.is("hook_progress")) {
            let lives = agent.as_deref().or(line.context.agent.as_deref());
            self.lives(lives, line, out);
        }
    }

    /// A line in a subagent's own file: it is at work, or that was its last word.
    fn own_file(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let (Some(id), true) = (&line.context.agent, line.record.message.0.is_some()) else {
            return;
        };
        let is_last = line.record.kind.is("assistant") && is_last_word(line);
        let is_stopped = line.record.kind.is("user") && is_stopped(line);
        // Many subagents never say that they are done, and files are read in any order: what is long past is over.
        let is_past = line
            .context
            .at
            .is_some_and(|at| line.context.input.now.millis_since(at) > LONG_AGO_MS);
        let state = if is_stopped {
            AgentState::Cancelled
        } else if line.record.is_api_error_message.is_set() {
            AgentState::Failed
        } else if is_last {
            AgentState::Completed
        } else if is_past || !line.context.everything() {
            AgentState::Past
        } else {
            AgentState::Active
        };
        if self.state.agent == Some(state) {
            if state == AgentState::Active {
                self.lives(Some(id), line, out);
            }
            return;
        }
        self.state.agent = Some(state);
        self.remember_alive(Some(id), line);
        let kind = id.starts_with(COMPACTION).then(|| "compaction".to_owned());
        out.fact(&line.context, agent(id.clone(), kind, word(state)));
    }

    /// The main conversation hears of a subagent for the first time.
    fn started(&mut self, line: &Line<'_>, id: &str, used: Option<&str>, out: &mut dyn Visitor) {
        if !line.context.everything() || !self.state.begins(id) {
            return;
        }
        let pending = used.and_then(|used| self.state.pending.iter().find(|pending| pending.id == used));
        let agent = AgentReported {
            status: Some(word(AgentState::Active).to_owned()),
            ..described(line, id, pending)
        };
        out.fact(&line.context, Fact::AgentReported(agent));
    }

    /// The tool that started a subagent answers: it is done, or goes on in the background.
    fn result(&mut self, line: &Line<'_>, result: &ToolResult<'_>, out: &mut dyn Visitor) {
        let Some(id) = result.agent_id.get().map(|id| line.context.cleaner().word(id)) else {
            return;
        };
        let block = line.blocks.iter().find(|block| block.kind.is("tool_result"));
        let used = block.and_then(|block| block.tool_use_id.get());
        let failed = block.is_some_and(|block| block.is_error.is_set());
        if result.status.is("async_launched") {
            self.started(line, &id, used, out);
            return;
        }
        let _ = self.state.begins(&id);
        let pending = used.and_then(|used| self.state.pending.iter().find(|pending| pending.id == used));
        let status = if failed { "failed" } else { word(AgentState::Completed) };
        let agent = AgentReported {
            status: Some(status.to_owned()),
            tokens: result.total_tokens.0,
            ..described(line, &id, pending)
        };
        out.fact(&line.context, Fact::AgentReported(agent));
    }
}

fn described(line: &Line<'_>, id: &str, pending: Option<&Pending>) -> AgentReported {
    let (kind, name) = pending.and_then(|pending| pending.agent.clone()).unwrap_or_default();
    AgentReported {
        id: id.to_owned(),
        kind,
        name,
        parent: line.context.agent.clone(),
        ..AgentReported::default()
    }
}

fn word(state: AgentState) -> &'static str {
    match state {
        AgentState::Active => "active",
        AgentState::Completed | AgentState::Past => "completed",
        AgentState::Cancelled => "cancelled",
        AgentState::Failed => "failed",
    }
}

/// Whether the user stopped the subagent together with the agent that it works for.
fn is_stopped(line: &Line<'_>) -> bool {
    let mut texts = line.blocks.iter().filter(|block| block.kind.is("text"));
    let content = match texts.next() {
        Some(block) => block.text,
        None if line.blocks.is_empty() => line.record.message.0.as_ref().and_then(|message| message.content),
        None => None,
    };
    text_of(content).is_some_and(|text| text.trim_start().starts_with(INTERRUPTED))
}

/// Whether the subagent ends its turn: it says so, or it is one that gives a single answer.
fn is_last_word(line: &Line<'_>) -> bool {
    let Some(message) = &line.record.message.0 else {
        return false;
    };
    let text = line.blocks.iter().any(|block| block.kind.is("text"));
    let tool = line.blocks.iter().any(|block| block.kind.is("tool_use"));
    let single = line
        .context
        .agent
        .as_deref()
        .is_some_and(|id| id.starts_with(COMPACTION));
    text && !tool && (message.stop_reason.is("end_turn") || single)
}
