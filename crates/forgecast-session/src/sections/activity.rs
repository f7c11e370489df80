//! What a session is doing now, in one line for its row: the tool that runs, else the newest of what its agents said, its
//! tests counted and its phase is busy with. Everything is compared by the time at which its source says that it happened,
//! so the line is the same in whatever order the sources are read. The viewer ticks the time since.

use forgecast_protocol::event::{AgentReported, ToolUsed, WaitingBegan, WaitingEnded};
use forgecast_protocol::session::{ActivityKind, PhaseStatus, RowActivity, SessionView, WaitingFor};
use forgecast_protocol::{Fact, SessionStatus, Timestamp};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::ledger::key_of_tool;
use crate::vocabulary::{self, TEST};

/// Running tools that are remembered, the newest: agents in parallel have one or a few each.
const MAX_TOOLS: usize = 16;
/// Characters of a line. A row of the overview shows less.
const MAX_CHARS: usize = 160;

/// What is known of what the agents do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ActivityLog {
    /// Tools that run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    running_tools: Vec<RunningTool>,
    /// The newest that is known besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_doing: Option<Doing>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RunningTool {
    /// Hash of the agent's id of this use.
    key: u64,
    /// Hash of the conversation, and of the agent in it.
    conversation: u64,
    agent: u64,
    text: String,
    since: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Doing {
    kind: ActivityKind,
    text: String,
    since: Timestamp,
}

impl ActivityLog {
    /// Notes what a fact says of what the agents do; `is_news` when the sections took it for something new.
    pub(crate) fn note(&mut self, fact: &Fact, is_news: bool, cx: &Context<'_>) {
        match fact {
            Fact::ToolUsed(fact) => self.use_tool(fact, is_news, cx),
            Fact::ActivityReported(fact) => {
                if let Some(words) = fact.words.as_deref().filter(|words| !words.is_empty()) {
                    // An agent speaks again when its tools are over.
                    self.end_tools(cx, fact.agent.as_deref());
                    self.advance(ActivityKind::Words, words, cx.said_at);
                }
            }
            Fact::WaitingBegan(WaitingBegan {
                waiting_for: Some(WaitingFor::Prompt),
                agent,
                ..
            }) => self.end_tools(cx, agent.as_deref()),
            Fact::WaitingEnded(fact) if *fact == WaitingEnded::default() => {
                let conversation = key_of_tool(cx.conversation());
                let is_over = |tool: &RunningTool| tool.conversation == conversation && tool.since < cx.said_at;
                self.running_tools.retain(|tool| !is_over(tool));
                self.advance(ActivityKind::Thinking, "Thinking", cx.said_at);
            }
            Fact::AgentReported(AgentReported {
                id, status: Some(word), ..
            }) if vocabulary::meaning(word).is_end() => self.end_tools(cx, Some(id)),
            _ => {}
        }
    }

    fn use_tool(&mut self, fact: &ToolUsed, is_news: bool, cx: &Context<'_>) {
        let since = cx.said_at;
        let text = one_line(&format!(
            "{} {}",
            fact.tool,
            fact.summary.as_deref().unwrap_or_default()
        ));
        let Some(id) = &fact.use_id else {
            return self.advance(ActivityKind::Tool, &text, since);
        };
        let key = key_of_tool(id);
        let known = self.running_tools.iter().position(|tool| tool.key == key);
        match (known, fact.success) {
            (None, None) if is_news && !text.is_empty() => {
                self.running_tools.push(RunningTool {
                    key,
                    conversation: key_of_tool(cx.conversation()),
                    agent: key_of_tool(fact.agent.as_deref().unwrap_or_default()),
                    text,
                    since,
                });
                if self.running_tools.len() > MAX_TOOLS {
                    self.running_tools.remove(0);
                }
            }
            (Some(known), Some(_)) => {
                let tool = self.running_tools.remove(known);
                self.advance(ActivityKind::Thinking, &format!("Thinking, after {}", tool.text), since);
            }
            _ => {}
        }
    }

    /// Tools that this agent had begun before are over.
    fn end_tools(&mut self, cx: &Context<'_>, agent: Option<&str>) {
        let conversation = key_of_tool(cx.conversation());
        let agent = key_of_tool(agent.unwrap_or_default());
        let is_over =
            |tool: &RunningTool| (tool.conversation, tool.agent) == (conversation, agent) && tool.since < cx.said_at;
        self.running_tools.retain(|tool| !is_over(tool));
    }

    fn advance(&mut self, kind: ActivityKind, text: &str, since: Timestamp) {
        let text = one_line(text);
        if !text.is_empty() && self.last_doing.as_ref().is_none_or(|last| last.since <= since) {
            self.last_doing = Some(Doing { kind, text, since });
        }
    }

    /// What the session does now, with how many sub-agents; nothing for one that is not at work.
    pub(crate) fn current(&self, view: &SessionView, subagents: u32) -> Option<Box<RowActivity>> {
        if !matches!(view.status, SessionStatus::Running | SessionStatus::Stalled) {
            return None;
        }
        let phase = view.phase.as_ref();
        let phase_began = phase.and_then(|phase| phase.started_at);
        // What ran before the phase began and was never said to be over belongs to the one before.
        let tools = self.running_tools.iter().filter(|tool| Some(tool.since) >= phase_began);
        let tool = tools.max_by_key(|tool| tool.since).map(|tool| Doing {
            kind: ActivityKind::Tool,
            text: tool.text.clone(),
            since: tool.since,
        });
        let others = [self.last_doing.clone(), detail_of(view), test_run_of(view)];
        let doing = tool.or_else(|| others.into_iter().flatten().max_by_key(|doing| doing.since))?;
        let attempts = phase
            .and_then(|phase| view.phases.get(&phase.name))
            .map(|phase| phase.attempts);
        Some(Box::new(RowActivity {
            kind: doing.kind,
            text: doing.text,
            since: doing.since,
            attempt: attempts.filter(|attempts| *attempts > 1),
            subagents: (subagents > 0).then_some(subagents),
        }))
    }
}

/// What the phase is busy with, by the producer's account.
fn detail_of(view: &SessionView) -> Option<Doing> {
    let phase = view.phase.as_ref()?;
    let text = one_line(phase.detail.as_deref()?);
    let since = view.changed_at.get("phase").copied().or(phase.started_at)?;
    (!text.is_empty()).then_some(Doing {
        kind: ActivityKind::Phase,
        text,
        since,
    })
}

/// The test run that is going on in the phase Test, with its counts as far as they are known.
fn test_run_of(view: &SessionView) -> Option<Doing> {
    let is_testing = view.phase.as_ref().is_some_and(|phase| phase.name == TEST)
        && view
            .phases
            .get(TEST)
            .is_some_and(|phase| phase.status == PhaseStatus::Active);
    let tests = view.tests.as_ref().filter(|_| is_testing)?;
    let number = tests.iteration.filter(|number| *number > 0)?;
    let run = tests.iterations.get(&number)?;
    let counts = [(run.passed, "passed"), (run.failed, "failed")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter_map(|(count, what)| Some(format!("{} {what}", count?)))
        .collect();
    (!counts.is_empty()).then_some(Doing {
        kind: ActivityKind::Tests,
        text: format!("Test run {number}: {}", counts.join(", ")),
        since: run.at?,
    })
}

/// Bounded, in one line. The text is clean and masked already; facts of other origin than the decoders' are made so here.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim();
    if plain.chars().count() <= MAX_CHARS {
        return plain.to_owned();
    }
    let kept: String = plain.chars().take(MAX_CHARS - 1).collect();
    format!("{}…", kept.trim_end())
}
