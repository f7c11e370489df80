//! What the user, the model and the agent itself say: prompts, answers, uses of tools and their failures, and the lines
//! of the log that they become.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{Fact, ToolUsed, WaitingEnded};

use super::prompt::{Command, is_wrapper, without_preamble};
use super::record::{Block, Message, text_of};
use super::state::{Pending, TitleSource};
use super::turn::TurnEnd;
use super::{Line, Reader};
use super::{asks_user, starts_agent};
use crate::clean::level_named;
use crate::lenient::Text;
use crate::tool_input::Input;
use crate::transcript::{Visitor, closed, failed, message_in, speaks, title_in, tool_line};

/// Most lines of one prompt, answer or error in the log.
const PROMPT_LINES: usize = 8;
const ANSWER_LINES: usize = 20;
/// Of a subagent, whose words are for the agent that started it.
const AGENT_LINES: usize = 5;
const ERROR_LINES: usize = 6;

/// What Claude Code writes when the user stops the agent.
pub(super) const INTERRUPTED: &str = "[Request interrupted by user";

/// What it writes when something in the background is done: no prompt of the user's, but the agent takes it up.
const NOTIFICATION: &str = "<task-notification>";

/// The model of messages that no model wrote.
const SYNTHETIC: &str = "<synthetic>";

/// What is said of a failed request that says nothing itself.
const UNNAMED_ERROR: &str = "the request to the model failed";

impl Reader {
    pub(super) fn user(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let record = line.record;
        for block in line.blocks.iter().filter(|block| block.kind.is("tool_result")) {
            self.tool_answers(line, block, out);
        }
        let content = record.message.0.as_ref().and_then(|message| message.content);
        let was_command = std::mem::take(&mut self.state.command);
        if record.is_compact_summary.is_set() || !line.is_main() {
            return;
        }
        let Some(text) = text_of(content) else {
            return;
        };
        let text = without_preamble(&text);
        if record.is_meta.is_set() {
            // What a command of the project's own turned into is a prompt; of the agent's own commands nothing follows.
            if was_command && !text.is_empty() && !is_wrapper(text) {
                self.prompted(line, out);
            }
        } else if text.starts_with(INTERRUPTED) {
            out.log(&line.context, LogLevel::Warn.into(), "", "interrupted by the user", 1);
            self.turn_ends(line, None, &TurnEnd::Stopped, out);
        } else if let Some(command) = Command::find(text) {
            self.command(line, &command, out);
        } else if text.starts_with(NOTIFICATION) {
            self.goes_on(line, out);
        } else if !text.is_empty() && !is_wrapper(text) {
            self.prompt(line, text, out);
        }
    }

    fn command(&mut self, line: &Line<'_>, command: &Command<'_>, out: &mut dyn Visitor) {
        let text = command.to_string();
        let source = if command.is_task() {
            TitleSource::Prompt
        } else {
            TitleSource::Command
        };
        self.title(&Text(Some(text.as_str().into())), source, line, out);
        out.log(&line.context, None, "› ", &text, 1);
        self.state.command = true;
        if matches!(&*text, "/exit" | "/quit") && line.context.everything() {
            self.state.over = Some(String::new());
            out.fact(&line.context, closed(Some("the user left".to_owned())));
        }
    }

    /// The queue of prompts: what is taken from it is work, and what comes into it while nothing is done is taken at once.
    pub(super) fn queue(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if matches!(line.record.operation.get(), Some("enqueue" | "dequeue")) {
            self.goes_on(line, out);
        }
    }

    fn prompt(&mut self, line: &Line<'_>, text: &str, out: &mut dyn Visitor) {
        if self.state.title < TitleSource::Prompt {
            let title = title_in(text, line.context.cleaner());
            self.title(&Text(title.map(Into::into)), TitleSource::Prompt, line, out);
        }
        self.prompted(line, out);
        out.log(&line.context, None, "› ", text, PROMPT_LINES);
    }

    fn tool_answers(&mut self, line: &Line<'_>, block: &Block<'_>, out: &mut dyn Visitor) {
        let Some(id) = block.tool_use_id.get() else {
            return;
        };
        let tool = self.state.end(id).map(|pending| pending.tool);
        if !line.context.everything() {
            return;
        }
        let failed = block.is_error.is_set();
        let agent = line.context.agent.clone();
        let use_id = Some(line.context.cleaner().word(id));
        let fact = match &tool {
            Some(tool) => Fact::ToolUsed(ToolUsed {
                tool: tool.clone(),
                agent,
                success: Some(!failed),
                use_id,
                summary: None,
            }),
            // Another source may have told that somebody is asked about this use.
            None => Fact::WaitingEnded(WaitingEnded {
                agent,
                use_id,
                tool: None,
            }),
        };
        out.fact(&line.context, fact);
        if !failed {
            return;
        }
        let text = text_of(block.content).unwrap_or_default();
        let text = text.trim();
        let inner = text
            .strip_prefix("<tool_use_error>")
            .and_then(|text| text.strip_suffix("</tool_use_error>"));
        let sign = format!("{} failed: ", tool.as_deref().unwrap_or("a tool"));
        let reason = inner.unwrap_or(text);
        let reason = if reason.trim().is_empty() {
            "no reason given"
        } else {
            reason
        };
        out.log(&line.context, LogLevel::Error.into(), &sign, reason, ERROR_LINES);
    }

    pub(super) fn assistant(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let Some(message) = &line.record.message.0 else {
            return;
        };
        if message.model.is(SYNTHETIC) || line.record.is_api_error_message.is_set() {
            return self.synthetic(line, message, out);
        }
        let id = message.id.get();
        if !self.ended_by(id) {
            self.goes_on(line, out);
        }
        for block in &line.blocks {
            match block.kind.get() {
                Some("text") if line.context.everything() => {
                    let text = text_of(block.text).unwrap_or_default();
                    let limit = if line.is_main() { ANSWER_LINES } else { AGENT_LINES };
                    out.log(&line.context, None, "", &text, limit);
                    if !message.stop_reason.is("end_turn") {
                        self.speaks(line, &text, out);
                    }
                }
                Some("tool_use") => self.tool_use(line, block, out),
                _ => {}
            }
        }
        let says = |kind: &str| line.blocks.iter().any(|block| block.kind.is(kind));
        if message.stop_reason.is("end_turn") && says("text") && !says("tool_use") {
            self.turn_ends(line, id, &TurnEnd::Done, out);
        }
    }

    /// What the agent says in the middle of its turn.
    fn speaks(&mut self, line: &Line<'_>, text: &str, out: &mut dyn Visitor) {
        let agent = line.context.agent.as_deref();
        if let Some(fact) = speaks(agent, text, line.context.cleaner()) {
            self.remember_alive(agent, line);
            out.fact(&line.context, fact);
        }
    }

    /// What the agent itself says in the place of the model ends the turn: that a request failed and is not tried again, or
    /// that nothing was to be answered.
    fn synthetic(&mut self, line: &Line<'_>, message: &Message<'_>, out: &mut dyn Visitor) {
        let text = text_of(message.content);
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let text = text.unwrap_or(UNNAMED_ERROR);
        let failed = line.record.is_api_error_message.is_set() || text.starts_with("API Error");
        if failed {
            self.api_error(line, text, out);
        }
        let how = if failed { TurnEnd::Failed(text) } else { TurnEnd::Done };
        self.turn_ends(line, message.id.get(), &how, out);
    }

    fn tool_use(&mut self, line: &Line<'_>, block: &Block<'_>, out: &mut dyn Visitor) {
        let (Some(tool), Some(id)) = (block.name.get(), block.id.get()) else {
            return;
        };
        let cleaner = line.context.cleaner();
        let starts = starts_agent(tool);
        if !line.context.everything() && !starts {
            return;
        }
        let input = Input::read(block.input);
        let (tool_name, id) = (cleaner.word(tool), cleaner.word(id));
        self.state.begin(Pending {
            id: id.clone(),
            tool: tool_name.clone(),
            agent: starts.then(|| {
                let word = |text: Option<&str>| text.map(|text| cleaner.word(text));
                (word(input.subagent_type.get()), word(input.description.get()))
            }),
        });
        if !line.context.everything() {
            return;
        }
        let summary = input.summary(tool, self.state.cwd.as_deref(), cleaner);
        out.log(&line.context, None, "", &tool_line(&tool_name, summary.as_deref()), 1);
        let used = ToolUsed {
            tool: tool_name,
            summary,
            agent: line.context.agent.clone(),
            success: None,
            use_id: Some(id),
        };
        out.fact(&line.context, Fact::ToolUsed(used.clone()));
        if asks_user(tool) {
            let asked = input.question().map(|question| cleaner.word(question));
            let reason = asked.unwrap_or_else(|| "Asks whether its plan is right".to_owned());
            self.question(line, reason, &used, out);
        }
    }

    pub(super) fn system(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let record = line.record;
        match record.subtype.get() {
            Some("turn_duration" | "stop_hook_summary") => self.turn_ends(line, None, &TurnEnd::Done, out),
            Some("compact_boundary") => compacted(line, out),
            Some("api_error") => {
                let reason = record.error.and_then(|error| message_in(error.get()));
                let retry = match (record.retry_attempt.0, record.max_retries.0) {
                    (Some(attempt), Some(most)) => format!(" (attempt {attempt} of {most})"),
                    _ => String::new(),
                };
                let message = format!("{}{retry}", reason.as_deref().unwrap_or("the request failed"));
                self.api_error(line, &message, out);
            }
            Some("local_command" | "microcompact_boundary" | "away_summary") => {}
            Some(_) if record.content.is_some() => {
                let level = record.level.get().and_then(level_named);
                if let Some(text) = text_of(record.content).filter(|_| level >= Some(LogLevel::Warn)) {
                    out.log(&line.context, level, "", &text, ERROR_LINES);
                }
            }
            _ => out.unknown(),
        }
    }

    fn api_error(&mut self, line: &Line<'_>, text: &str, out: &mut dyn Visitor) {
        if !line.context.everything() {
            return;
        }
        out.log(
            &line.context,
            LogLevel::Error.into(),
            "API error: ",
            text.strip_prefix("API Error: ").unwrap_or(text),
            ERROR_LINES,
        );
        out.fact(&line.context, failed(text, line.context.cleaner()));
    }
}

fn compacted(line: &Line<'_>, out: &mut dyn Visitor) {
    let how = line.record.compact_metadata.0.as_ref();
    let before = how.and_then(|how| how.pre_tokens.0);
    let before = before
        .map(|tokens| format!(", {tokens} tokens before it"))
        .unwrap_or_default();
    let trigger = how.and_then(|how| how.trigger.get()).map(|word| format!(" ({word})"));
    let text = format!("context compacted{}{before}", trigger.unwrap_or_default());
    out.log(&line.context, LogLevel::Info.into(), "", &text, 1);
}
