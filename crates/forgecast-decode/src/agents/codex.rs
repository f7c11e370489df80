//! Codex rollouts: calls, the title, the folder, tools, errors, turns, and the log of it all. What a thread took over
//! from the one it was made from is read like its own; the ledger sees that the calls are the same.

mod calls;
mod path;
mod record;

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{AgentActivity, CallReported, Fact, ToolUsed, WaitingBegan, WaitingEnded};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{SourceKind, Subject, Timestamp};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::calls::Thread;
use self::record::{Answer, Payload, Record};
use super::{Agent, Home, line_that};
use crate::lenient::Text;
use crate::tool_input::Input;
use crate::transcript::{
    Depth, LineContext, LineInput, LineReader, TranscriptPath, Visitor, acts, deserialize_state, failed, prompted,
    seen, serialize_state, title_in, titled, tool_line, turn_failed, turn_is_over, turn_was_stopped, when,
};

pub(super) static AGENT: Agent = Agent {
    key: "codex",
    label: "Codex",
    home: Home {
        variable: Some("CODEX_HOME"),
        separator: None,
        folder: ".codex",
        config_folder: None,
    },
    folders: &["sessions", "archived_sessions"],
    group_level: 0,
    enters: |path| path.starts_with("sessions/"),
    daily: Some("sessions"),
    independent_lines: false,
    processes: None,
    source: SourceKind::Transcript,
    path: path::of,
    reader: |path, state| Box::new(Reader::new(path, state)),
    next_usage: |piece| line_that(may_count, piece),
};

/// Most lines of one prompt, answer or error in the log.
const PROMPT_LINES: usize = 8;
const ANSWER_LINES: usize = 20;
const ERROR_LINES: usize = 6;
/// Most uses of tools whose answers are waited for.
const MAX_PENDING: usize = 32;
/// The tool that asks the user.
const ASKS_USER: &str = "request_user_input";

/// Payloads of lines that say nothing of interest here.
const SILENT: &[&str] = &[
    "agent_message_delta",
    "agent_reasoning",
    "agent_reasoning_raw_content",
    "agent_reasoning_section_break",
    "background_event",
    "entered_review_mode",
    "exec_command_end",
    "exec_command_output_delta",
    "exited_review_mode",
    "ghost_snapshot",
    "item_completed",
    "item_started",
    "mcp_tool_call_end",
    "message",
    "patch_apply_end",
    "plan_update",
    "reasoning",
    "session_configured",
    "thread_name_updated",
    "thread_rolled_back",
    "thread_settings_applied",
    "turn_diff",
    "view_image_tool_call",
    "warning",
    "web_search_begin",
    "web_search_end",
];

static TOKEN_COUNT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"token_count\""));
static META: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"session_meta\""));
static CONTEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"turn_context\""));
static USER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"user_message\""));

/// How far into a line its kind is searched for, bytes: the vendor writes it first; lines that are of interest are
/// shorter than this anyway, however they are written, but for the first.
const HEAD: usize = 2_000;

/// Whether a line may say something of usage: what it used, with which model, whose thread it is.
fn may_count(line: &[u8]) -> bool {
    let head = &line[..line.len().min(HEAD)];
    TOKEN_COUNT.find(head).is_some() || META.find(head).is_some() || CONTEXT.find(head).is_some()
}

/// What is remembered of a rollout from one line to the next, and over restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct State {
    #[serde(flatten)]
    thread: Thread,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    titled: bool,
    /// The turn is over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    over: bool,
    /// Uses of tools whose answers are not there yet, oldest first.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pending: VecDeque<Pending>,
}

/// The use of a tool without its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    id: String,
    tool: String,
    /// It waits for a person, and goes on before it has an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    asks: bool,
}

/// Reads the lines of one file.
#[derive(Debug)]
struct Reader {
    path: TranscriptPath,
    state: State,
    /// Whose the lines are, as far as they have said.
    subject: Option<Arc<Subject>>,
}

/// A line's payload, and what surrounds it.
struct Line<'l> {
    payload: &'l Payload<'l>,
    context: LineContext<'l>,
}

impl LineReader for Reader {
    fn line(&mut self, line: &LineInput<'_>, out: &mut dyn Visitor) {
        let wanted = line.depth != Depth::UsageOnly
            || may_count(line.bytes)
            || (!self.state.titled && USER.find(line.bytes).is_some());
        if !wanted {
            return;
        }
        match serde_json::from_slice::<Record<'_>>(line.bytes) {
            Ok(record) => self.record(&record, line, out),
            Err(error) => out.bad(&format!("no line of a rollout: {error}")),
        }
    }

    fn state(&self) -> String {
        serialize_state(&self.state)
    }
}

impl Reader {
    fn new(path: TranscriptPath, state: &str) -> Self {
        Self {
            path,
            state: deserialize_state(state),
            subject: None,
        }
    }

    fn counted(
        &mut self,
        record: &Record<'_>,
        payload: &Payload<'_>,
        at: Option<Timestamp>,
        offset: u64,
    ) -> Result<Option<CallReported>, &'static str> {
        match record.kind.get() {
            Some("session_meta") => self.state.thread.begins(payload),
            Some("turn_context") => self.state.thread.turns(payload),
            Some("event_msg") if payload.kind.is("token_count") => {
                // Without it the line says only how much is left of the plan's limits.
                let Some(info) = &payload.info.0 else {
                    return Ok(None);
                };
                let at = at.ok_or("usage in a line without a time: not counted")?;
                let session = self.path.session.as_str();
                return Ok(self.state.thread.counts(info, at, offset, session));
            }
            _ => {}
        }
        Ok(None)
    }

    fn record(&mut self, record: &Record<'_>, input: &LineInput<'_>, out: &mut dyn Visitor) {
        let Some(payload) = &record.payload.0 else {
            return out.unknown();
        };
        let first = self.state.cwd.is_none() && payload.cwd.get().is_some();
        let line = Line {
            payload,
            context: LineContext {
                input,
                subject: self.subject(payload, input),
                at: record.timestamp.get().and_then(when),
                agent: None,
            },
        };
        if first {
            out.fact(&line.context, seen(self.state.cwd.as_deref()));
        }
        match self.counted(record, payload, line.context.at, input.offset) {
            Ok(Some(call)) => out.call(&line.context, call),
            Ok(None) => {}
            Err(why) => out.bad(why),
        }
        if input.depth == Depth::Calls {
            return;
        }
        match record.kind.get() {
            Some("session_meta" | "turn_context" | "world_state") => {}
            Some("event_msg") => self.event(&line, out),
            Some("response_item") => self.item(&line, out),
            Some("compacted") => out.log(&line.context, LogLevel::Info.into(), "", "context compacted", 1),
            _ => out.unknown(),
        }
    }

    /// Whose the line is: the folder is the first that a line names.
    fn subject(&mut self, payload: &Payload<'_>, input: &LineInput<'_>) -> Arc<Subject> {
        if let (None, Some(folder)) = (&self.state.cwd, payload.cwd.get()) {
            self.state.cwd = Some(input.cleaner.line(folder));
            self.subject = None;
        }
        let made = || {
            Arc::new(Subject {
                transcript: Some(self.path.session.clone()),
                directory: self.state.cwd.clone(),
                ..Subject::default()
            })
        };
        self.subject.get_or_insert_with(made).clone()
    }

    fn event(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let payload = line.payload;
        let message = payload.message.get().unwrap_or_default().trim();
        match payload.kind.get() {
            Some("token_count" | "context_compacted") => {}
            Some("user_message") => self.prompt(line, message, out),
            Some("agent_message") => out.log(&line.context, None, "", message, ANSWER_LINES),
            Some("task_started" | "turn_started") => self.goes_on(line, out),
            Some("task_complete" | "turn_complete") => self.turn_ends(line, turn_is_over(), out),
            Some("turn_aborted") => {
                let reason = payload.reason.get().unwrap_or("stopped");
                out.log(&line.context, LogLevel::Warn.into(), "turn ended: ", reason, 1);
                self.state.over = false;
                self.turn_ends(line, turn_was_stopped(), out);
            }
            Some("exec_approval_request" | "apply_patch_approval_request" | "request_permissions") => {
                self.asks_approval(line, out);
            }
            Some("request_user_input" | "elicitation_request") => {
                let reason = payload.asked().unwrap_or_else(|| "Waits for an answer".to_owned());
                self.asks(line, WaitingFor::Answer, &reason, out);
            }
            Some("exec_command_begin" | "patch_apply_begin" | "mcp_tool_call_begin") => self.was_let(line, out),
            Some("error" | "stream_error") if line.context.everything() => {
                let message = if message.is_empty() {
                    "the request failed"
                } else {
                    message
                };
                out.log(&line.context, LogLevel::Error.into(), "", message, ERROR_LINES);
                out.fact(&line.context, failed(message, line.context.cleaner()));
                // A stream that broke is taken up again; after an error nothing follows.
                if payload.kind.is("error") {
                    self.turn_ends(line, turn_failed(message, line.context.cleaner()), out);
                }
            }
            Some("error" | "stream_error") => {}
            Some(silent) if SILENT.contains(&silent) => {}
            _ => out.unknown(),
        }
    }

    fn prompt(&mut self, line: &Line<'_>, text: &str, out: &mut dyn Visitor) {
        // What the agent tells itself of its surroundings stands in a tag.
        if text.is_empty() || text.starts_with("<environment_context>") || text.starts_with("<user_instructions>") {
            return;
        }
        if !self.state.titled
            && let Some(title) = title_in(text, line.context.cleaner())
        {
            self.state.titled = true;
            out.fact(&line.context, titled(title));
        }
        self.state.over = false;
        if line.context.everything() {
            out.fact(&line.context, prompted());
        }
        out.log(&line.context, None, "› ", text, PROMPT_LINES);
    }

    /// The turn is over. What is behind the end only says it again.
    fn turn_ends(&mut self, line: &Line<'_>, fact: Fact, out: &mut dyn Visitor) {
        if !line.context.everything() || std::mem::replace(&mut self.state.over, true) {
            return;
        }
        self.state.pending.clear();
        out.fact(&line.context, fact);
    }

    fn goes_on(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if std::mem::take(&mut self.state.over) && line.context.everything() {
            out.fact(&line.context, acts(None, AgentActivity::Working));
        }
    }

    /// A tool is to be used when a person approves of it.
    fn asks_approval(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let reason = match line.payload.command.as_command() {
            Some(command) => format!("Wants to run: {}", line.context.cleaner().word(&command)),
            None => "Wants to make a change".to_owned(),
        };
        self.asks(line, WaitingFor::Permission, &reason, out);
    }

    /// A person is asked something, with the use of a tool where the line says which.
    fn asks(&mut self, line: &Line<'_>, waiting_for: WaitingFor, reason: &str, out: &mut dyn Visitor) {
        if !line.context.everything() {
            return;
        }
        self.goes_on(line, out);
        let cleaner = line.context.cleaner();
        let id = line.payload.call_id.get().map(|id| cleaner.word(id));
        let pending = self
            .state
            .pending
            .iter_mut()
            .find(|pending| Some(&pending.id) == id.as_ref());
        if let Some(pending) = pending {
            pending.asks = true;
        }
        let waits = WaitingBegan {
            reason: cleaner.word(reason),
            waiting_for: Some(waiting_for),
            use_id: id,
            ..WaitingBegan::default()
        };
        out.fact(&line.context, Fact::WaitingBegan(waits));
    }

    /// A command begins: whoever had to approve of it has.
    fn was_let(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let Some(id) = line.payload.call_id.get().map(|id| line.context.cleaner().word(id)) else {
            return;
        };
        let mut pending = self.state.pending.iter_mut();
        if let Some(pending) = pending.find(|pending| pending.id == id && pending.asks) {
            pending.asks = false;
            let over = WaitingEnded {
                use_id: Some(id),
                ..WaitingEnded::default()
            };
            out.fact(&line.context, Fact::WaitingEnded(over));
        }
    }

    fn item(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if !line.context.everything() {
            return;
        }
        let payload = line.payload;
        match payload.kind.get() {
            Some("function_call" | "custom_tool_call" | "local_shell_call" | "web_search_call") => {
                self.goes_on(line, out);
                let used = used(line, self.state.cwd.as_deref(), out);
                self.begins(line, &used, out);
            }
            Some("function_call_output" | "custom_tool_call_output") => {
                self.ends(line, out);
                answered(line, out);
            }
            Some(silent) if SILENT.contains(&silent) => {}
            _ => out.unknown(),
        }
    }

    /// A tool is used; one of them asks the user.
    fn begins(&mut self, line: &Line<'_>, used: &ToolUsed, out: &mut dyn Visitor) {
        out.fact(&line.context, Fact::ToolUsed(used.clone()));
        let Some(id) = used.use_id.clone() else {
            return;
        };
        if self.state.pending.len() >= MAX_PENDING {
            self.state.pending.pop_front();
        }
        let tool = used.tool.clone();
        self.state.pending.push_back(Pending { id, tool, asks: false });
        if used.tool == ASKS_USER {
            let reason = line.payload.asked().unwrap_or_else(|| "Waits for an answer".to_owned());
            self.asks(line, WaitingFor::Answer, &reason, out);
        }
    }

    /// A tool answers.
    fn ends(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let Some(id) = line.payload.call_id.get().map(|id| line.context.cleaner().word(id)) else {
            return;
        };
        let known = self.state.pending.iter().position(|pending| pending.id == id);
        let Some(pending) = known.and_then(|known| self.state.pending.remove(known)) else {
            return;
        };
        let failed = line.payload.output.and_then(failure).is_some();
        out.fact(
            &line.context,
            Fact::ToolUsed(ToolUsed {
                tool: pending.tool,
                success: Some(!failed),
                use_id: Some(id),
                ..ToolUsed::default()
            }),
        );
    }
}

/// The use of a tool that a line is about, which is logged.
fn used(line: &Line<'_>, folder: Option<&str>, out: &mut dyn Visitor) -> ToolUsed {
    let (payload, cleaner) = (line.payload, line.context.cleaner());
    let tool = payload.name.get().unwrap_or(match payload.kind.get() {
        Some("web_search_call") => "web_search",
        _ => "shell",
    });
    let arguments = payload.arguments.get();
    let input = arguments.and_then(|text| serde_json::from_str::<Input<'_>>(text).ok());
    let summary = match (&input, &payload.action.0) {
        (Some(input), _) => input.summary(tool, folder, cleaner),
        (None, Some(action)) => action.summary(tool, folder, cleaner),
        (None, None) => patched(payload.input.get()).map(|files| cleaner.word(&files)),
    };
    let tool = cleaner.word(tool);
    out.log(&line.context, None, "", &tool_line(&tool, summary.as_deref()), 1);
    ToolUsed {
        tool,
        summary,
        agent: None,
        success: None,
        use_id: payload.call_id.get().map(|id| cleaner.word(id)),
    }
}

/// The files that a patch changes, by its headings.
fn patched(patch: Option<&str>) -> Option<String> {
    let headings = ["*** Update File: ", "*** Add File: ", "*** Delete File: "];
    let files = patch?
        .lines()
        .filter_map(|line| headings.iter().find_map(|heading| line.strip_prefix(heading)));
    let files: Vec<&str> = files.take(20).collect();
    if files.is_empty() {
        return patch?.lines().next().map(str::to_owned);
    }
    Some(files.join(", "))
}

/// The answer of a tool; only what failed is of interest.
fn answered(line: &Line<'_>, out: &mut dyn Visitor) {
    let Some((code, text)) = line.payload.output.and_then(failure) else {
        return;
    };
    out.log(
        &line.context,
        LogLevel::Error.into(),
        &format!("failed with exit code {code}: "),
        text.trim(),
        ERROR_LINES,
    );
}

/// The exit code that is not 0, and what was printed: `{"output", "metadata": {"exit_code"}}` as text in older versions,
/// later plain text that begins with the code.
fn failure(output: &RawValue) -> Option<(i64, String)> {
    let text: Text<'_> = serde_json::from_str(output.get()).ok()?;
    let text = text.get()?;
    #[expect(clippy::cast_possible_truncation, reason = "an exit code has 8 bits")]
    if let Ok(answer) = serde_json::from_str::<Answer<'_>>(text) {
        let code = answer.metadata.0?.exit_code.0? as i64;
        return (code != 0).then(|| (code, answer.output.owned().unwrap_or_default()));
    }
    let (head, rest) = text.split_once("Output:\n").unwrap_or((text, ""));
    let code = head
        .lines()
        .find_map(|line| line.strip_prefix("Exit code: ")?.trim().parse().ok());
    code.filter(|code| *code != 0).map(|code| (code, rest.to_owned()))
}
