//! Codex rollouts: calls, the title, the folder, tools, errors, turns, and the log of it all. Older versions report what was
//! said by events of their own, newer ones by items that are complete; both are read.

mod calls;
mod history;
mod hooks;
mod items;
mod limits;
mod path;
mod prompt;
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

use self::calls::{Thread, UsageLine};
use self::record::{Answer, Payload, Record};
use super::{Agent, Home, line_that};
use crate::lenient::Text;
use crate::tool_input::Input;
use crate::transcript::{
    Depth, LineContext, LineInput, LineReader, TranscriptPath, Visitor, acts, deserialize_state, failed, message_in,
    prompted, seen, serialize_state, speaks, title_in, titled, tool_line, turn_failed, turn_is_over, turn_was_stopped,
    when,
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
    continues: false,
    drives: false,
    processes: None,
    hooks: Some(hooks::HOOKS),
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
/// What stands before an exit code in the answers of `shell` and of `exec_command`.
const EXIT_CODES: [&str; 2] = ["Exit code: ", "Process exited with code "];

/// Lines that say nothing of interest here, or nothing but of usage.
const SILENT_LINES: &[&str] = &[
    "agent_response_observation",
    "inter_agent_communication",
    "inter_agent_communication_metadata",
    "realtime_item",
    "retained_context",
    "security_risk_score",
    "session_meta",
    "token_usage_record",
    "turn_context",
    "world_state",
];

/// Payloads of lines that say nothing of interest here.
const SILENT: &[&str] = &[
    "additional_tools",
    "agent_message",
    "agent_message_delta",
    "agent_reasoning",
    "agent_reasoning_raw_content",
    "agent_reasoning_section_break",
    "background_event",
    "compaction",
    "configuration_update",
    "context_compaction",
    "entered_review_mode",
    "exec_command_end",
    "exec_command_output_delta",
    "exited_review_mode",
    "ghost_snapshot",
    "image_generation_call",
    "item_started",
    "mcp_tool_call_end",
    "message",
    "patch_apply_end",
    "plan_update",
    "reasoning",
    "session_configured",
    "thread_goal_updated",
    "thread_rolled_back",
    "tool_search_call",
    "tool_search_output",
    "turn_diff",
    "view_image_tool_call",
    "warning",
    "web_search_begin",
    "web_search_end",
];

/// Kinds of lines and payloads that say something of usage: what was used, with which model, whose thread it is.
static USAGE: LazyLock<[Finder<'static>; 6]> = LazyLock::new(|| {
    [
        &b"\"token_count\""[..],
        b"\"token_usage_record\"",
        b"\"session_meta\"",
        b"\"turn_context\"",
        b"\"task_started\"",
        b"\"thread_settings_applied\"",
    ]
    .map(Finder::new)
});
/// Kinds that say the title: the first prompt, and a name given later.
static PROMPT: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| [&b"\"user_message\""[..], b"\"UserMessage\""].map(Finder::new));
static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"thread_name_updated\""));
/// Kinds that end a turn.
static ENDS: LazyLock<[Finder<'static>; 4]> = LazyLock::new(|| {
    [
        &b"\"task_complete\""[..],
        b"\"turn_complete\"",
        b"\"turn_aborted\"",
        b"\"error\"",
    ]
    .map(Finder::new)
});

/// How far into a line its kind is searched for, bytes: the vendor writes it first; lines that are of interest are
/// shorter than this anyway, however they are written, but for the first.
const HEAD: usize = 2_000;

/// Whether a line may say something of usage.
fn may_count(line: &[u8]) -> bool {
    let head = head(line);
    USAGE.iter().any(|kind| kind.find(head).is_some())
}

/// Whether a line may end a turn.
fn may_end_turn(line: &[u8]) -> bool {
    let head = head(line);
    ENDS.iter().any(|kind| kind.find(head).is_some())
}

fn head(line: &[u8]) -> &[u8] {
    &line[..line.len().min(HEAD)]
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
    /// Uses of tools that one of their two lines told, the model's request or the item, and whose
    /// other line has not come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<String>,
    /// How much of the plan is used up, as it was said last.
    #[serde(skip_serializing_if = "limits::LimitState::is_empty")]
    limits: limits::LimitState,
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
        let wanted = || may_count(line.bytes) || self.may_title(line.bytes) || may_end_turn(line.bytes);
        if line.depth == Depth::UsageOnly && !wanted() {
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

    /// Whether a line may say what the session is called.
    fn may_title(&self, line: &[u8]) -> bool {
        let is_prompt = || PROMPT.iter().any(|kind| kind.find(line).is_some());
        (!self.state.titled && is_prompt()) || NAME.find(head(line)).is_some()
    }

    fn counted(
        &mut self,
        record: &Record<'_>,
        payload: &Payload<'_>,
        at: Option<Timestamp>,
        offset: u64,
    ) -> Result<Option<CallReported>, &'static str> {
        let thread = &mut self.state.thread;
        let line = || {
            at.map(|at| UsageLine {
                payload,
                at,
                ordinal: record.ordinal.0,
                offset,
                session: self.path.session.as_str(),
            })
            .ok_or("usage in a line without a time: not counted")
        };
        match (record.kind.get(), payload.kind.get()) {
            (Some("session_meta"), _) => thread.begins(payload, at),
            (Some("turn_context"), _) => thread.turns(payload),
            (Some("token_usage_record"), _) => return Ok(thread.records(line()?)),
            (Some("event_msg"), Some("task_started")) => thread.has_window(payload.model_context_window),
            (Some("event_msg"), Some("thread_settings_applied")) => thread.applies(payload),
            (Some("event_msg"), Some("token_count")) => {
                // Without it the line says only how much is left of the plan's limits.
                let Some(info) = &payload.info.0 else {
                    return Ok(None);
                };
                return Ok(thread.counts(info, line()?));
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
        // What another thread said and did is shown there.
        if input.depth == Depth::Calls || self.state.thread.is_copied(record.ordinal.0) {
            return;
        }
        self.limits(&line, out);
        match record.kind.get() {
            Some(kind) if SILENT_LINES.contains(&kind) => {}
            Some("event_msg") => self.event(&line, out),
            Some("response_item") => self.item(&line, out),
            Some("compacted") => out.log(&line.context, LogLevel::Info.into(), "", "context compacted", 1),
            _ => out.unknown(),
        }
    }

    /// How much of the plan is used up.
    fn limits(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let (Some(limits), Some(at)) = (&line.payload.rate_limits.0, line.context.at) else {
            return;
        };
        let now = line.context.input.now;
        let news = self.state.limits.news(limits, at.min(now), now, line.context.cleaner());
        for fact in news {
            out.fact(&line.context, Fact::LimitReported(fact));
        }
    }

    /// Whose the line is: the folder is the first that a line names.
    fn subject(&mut self, payload: &Payload<'_>, input: &LineInput<'_>) -> Arc<Subject> {
        if let (None, Some(folder)) = (&self.state.cwd, payload.cwd.get()) {
            self.state.cwd = Some(input.cleaner.folder(folder));
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
            Some("token_count" | "context_compacted" | "thread_settings_applied") => {}
            Some("user_message") => self.prompt(line, message, out),
            Some("agent_message") => {
                out.log(&line.context, None, "", message, ANSWER_LINES);
                if let Some(fact) = speaks(None, message, line.context.cleaner()) {
                    out.fact(&line.context, fact);
                }
            }
            Some("item_completed") => self.completed(line, out),
            Some("thread_name_updated") => self.named(line, out),
            Some("task_started" | "turn_started") => self.goes_on(line, out),
            Some("task_complete" | "turn_complete") => self.turn_completes(line, out),
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
                self.asks(line, WaitingFor::Answer, question(line), out);
            }
            Some("exec_command_begin" | "patch_apply_begin" | "mcp_tool_call_begin") => self.approval_given(line, out),
            Some("error" | "stream_error") => self.fails(line, payload.kind.is("error"), message, out),
            Some(silent) if SILENT.contains(&silent) => {}
            _ => out.unknown(),
        }
    }

    /// The turn is complete. Newer versions say here what failed in it, and nowhere else.
    fn turn_completes(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        match line.payload.error {
            Some(_) if self.state.over => {}
            Some(error) => {
                let message = message_in(error.get()).unwrap_or_default();
                self.fails(line, true, &message, out);
            }
            None => self.turn_ends(line, turn_is_over(), out),
        }
    }

    /// A request failed, which may be the end of the turn: a stream that broke is taken up again;
    /// after an error nothing follows. The message may be what the API answered, as it came.
    fn fails(&mut self, line: &Line<'_>, is_end: bool, message: &str, out: &mut dyn Visitor) {
        let answered = message_in(message);
        let message = match answered.as_deref().unwrap_or(message) {
            "" => "the request failed",
            message => message,
        };
        let cleaner = line.context.cleaner();
        if line.context.everything() {
            out.log(&line.context, LogLevel::Error.into(), "", message, ERROR_LINES);
            out.fact(&line.context, failed(message, cleaner));
        }
        if is_end {
            self.turn_ends(line, turn_failed(message, cleaner), out);
        }
    }

    fn prompt(&mut self, line: &Line<'_>, text: &str, out: &mut dyn Visitor) {
        let Some(text) = prompt::request(text) else {
            return;
        };
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

    /// The thread was given a name.
    fn named(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if self.state.thread.is_foreign(line.payload) {
            return;
        }
        let name = line.payload.thread_name.get();
        if let Some(title) = name.and_then(|name| title_in(name, line.context.cleaner())) {
            self.state.titled = true;
            out.fact(&line.context, titled(title));
        }
    }

    /// The turn is over. What is behind the end only says it again.
    fn turn_ends(&mut self, line: &Line<'_>, fact: Fact, out: &mut dyn Visitor) {
        if std::mem::replace(&mut self.state.over, true) {
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
        self.asks(line, WaitingFor::Permission, reason, out);
    }

    /// A person is asked something, in clean words, with the use of a tool where the line says
    /// which.
    fn asks(&mut self, line: &Line<'_>, waiting_for: WaitingFor, reason: String, out: &mut dyn Visitor) {
        if !line.context.everything() {
            return;
        }
        self.goes_on(line, out);
        let id = line.payload.call_id.get().map(|id| line.context.cleaner().word(id));
        let pending = self
            .state
            .pending
            .iter_mut()
            .find(|pending| Some(&pending.id) == id.as_ref());
        if let Some(pending) = pending {
            pending.asks = true;
        }
        let waits = WaitingBegan {
            reason,
            waiting_for: Some(waiting_for),
            use_id: id,
            ..WaitingBegan::default()
        };
        out.fact(&line.context, Fact::WaitingBegan(waits));
    }

    /// A command begins: whoever had to approve of it has.
    fn approval_given(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
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
                // A search of the web has only the id of its item, which may come before it.
                let id = payload.call_id.get().or(payload.id.get());
                if payload.kind.is("web_search_call") && self.was_told(id) {
                    return;
                }
                self.remember_told(id);
                let used = used(line, self.state.cwd.as_deref(), out);
                self.begins(line, &used, out);
            }
            Some("function_call_output" | "custom_tool_call_output") => self.ends(line, out),
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
            self.asks(line, WaitingFor::Answer, question(line), out);
        }
    }

    /// A tool answers. Of a use that is not known, somebody may still have been asked to approve.
    fn ends(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let failure = line.payload.output.and_then(failure);
        if let Some((code, text)) = &failure {
            tell_failure(line, *code, text, out);
        }
        let Some(id) = line.payload.call_id.get().map(|id| line.context.cleaner().word(id)) else {
            return;
        };
        let known = self.state.pending.iter().position(|pending| pending.id == id);
        let fact = match known.and_then(|known| self.state.pending.remove(known)) {
            Some(pending) => Fact::ToolUsed(ToolUsed {
                tool: pending.tool,
                success: Some(failure.is_none()),
                use_id: Some(id),
                ..ToolUsed::default()
            }),
            None => Fact::WaitingEnded(WaitingEnded {
                use_id: Some(id),
                ..WaitingEnded::default()
            }),
        };
        out.fact(&line.context, fact);
    }
}

/// What a person is asked, in clean words.
fn question(line: &Line<'_>) -> String {
    let asked = line.context.word(line.payload.asked().as_deref());
    asked.unwrap_or_else(|| "Waits for an answer".to_owned())
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
    tell_use(line, tool, summary, payload.call_id.get(), out)
}

/// The use of a tool, which is logged.
fn tell_use(
    line: &Line<'_>,
    tool: &str,
    summary: Option<String>,
    use_id: Option<&str>,
    out: &mut dyn Visitor,
) -> ToolUsed {
    let cleaner = line.context.cleaner();
    let tool = cleaner.word(tool);
    out.log(&line.context, None, "", &tool_line(&tool, summary.as_deref()), 1);
    ToolUsed {
        tool,
        summary,
        agent: None,
        success: None,
        use_id: use_id.map(|id| cleaner.word(id)),
    }
}

/// A command failed, as lines of the log.
fn tell_failure(line: &Line<'_>, code: i64, text: &str, out: &mut dyn Visitor) {
    let sign = format!("failed with exit code {code}: ");
    out.log(&line.context, LogLevel::Error.into(), &sign, text.trim(), ERROR_LINES);
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

/// The exit code that is not 0, and what was printed: `{"output", "metadata": {"exit_code"}}` as
/// text in older versions; later plain text whose head, before the line `Output:`, has the code in
/// a line of its own.
fn failure(output: &RawValue) -> Option<(i64, String)> {
    let text: Text<'_> = serde_json::from_str(output.get()).ok()?;
    let text = text.get()?;
    #[expect(clippy::cast_possible_truncation, reason = "an exit code has 8 bits")]
    if let Ok(answer) = serde_json::from_str::<Answer<'_>>(text) {
        let code = answer.metadata.0?.exit_code.0? as i64;
        return (code != 0).then(|| (code, answer.output.owned().unwrap_or_default()));
    }
    let (head, rest) = text.split_once("Output:\n").unwrap_or((text, ""));
    let code_in = |line: &str| {
        let mut signs = EXIT_CODES.iter();
        signs.find_map(|sign| line.strip_prefix(sign))?.trim().parse().ok()
    };
    let code = head.lines().find_map(code_in);
    code.filter(|code| *code != 0).map(|code| (code, rest.to_owned()))
}
