//! Codex rollouts: calls, the title, the folder, tools, errors, turns, and the log of it all. What a thread took over
//! from the one it was made from is read like its own; the ledger sees that the calls are the same.

mod calls;
mod record;

use std::sync::LazyLock;

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{CallReported, ErrorReported, Fact, SessionSeen, ToolUsed, WaitingBegan, WaitingEnded};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Subject, Timestamp};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::calls::Thread;
use self::record::{Answer, Payload, Record};
use super::claude::tools::Input;
use super::transcript::{Said, Taken, Told, TranscriptPath, kept, last_part, restored, when};
use crate::lenient::Text;

/// Most lines of one prompt, answer or error in the log.
const PROMPT_LINES: usize = 8;
const ANSWER_LINES: usize = 20;
const ERROR_LINES: usize = 6;

/// Payloads of lines that say nothing of interest here.
const SILENT: &[&str] = &[
    "agent_message_delta",
    "agent_reasoning",
    "agent_reasoning_raw_content",
    "agent_reasoning_section_break",
    "background_event",
    "entered_review_mode",
    "exec_command_begin",
    "exec_command_end",
    "exec_command_output_delta",
    "exited_review_mode",
    "ghost_snapshot",
    "item_completed",
    "item_started",
    "mcp_tool_call_begin",
    "mcp_tool_call_end",
    "message",
    "patch_apply_begin",
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
pub(crate) fn may_count(line: &[u8]) -> bool {
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    waiting: bool,
}

/// Reads the lines of one file.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    path: TranscriptPath,
    state: State,
}

/// A line's payload, and what surrounds it.
struct Line<'l> {
    payload: &'l Payload<'l>,
    told: &'l Told<'l>,
    subject: Subject,
    at: Option<Timestamp>,
}

impl Line<'_> {
    fn say(&self, fact: Fact, out: &mut Taken) {
        self.told.fact(&self.subject, self.at, fact, out);
    }

    fn log(&self, level: Option<LogLevel>, sign: &str, text: &str, limit: usize, out: &mut Taken) {
        let said = Said {
            at: self.at,
            level,
            sign,
            ..Said::default()
        };
        self.told.log(&self.subject, &said, text, limit, out);
    }
}

impl Reader {
    pub(crate) fn new(path: TranscriptPath, state: &str) -> Self {
        let state = restored(state);
        Self { path, state }
    }

    pub(crate) fn state(&self) -> String {
        kept(&self.state)
    }

    pub(crate) fn line(&mut self, line: &[u8], told: &Told<'_>, out: &mut Taken) {
        let line = line.trim_ascii();
        let wanted = told.everything() || may_count(line) || (!self.state.titled && USER.find(line).is_some());
        if line.is_empty() || !wanted {
            return;
        }
        match serde_json::from_slice::<Record<'_>>(line) {
            Ok(record) => self.take(&record, told, out),
            Err(error) => out.note(format!("no line of a rollout: {error}")),
        }
    }

    /// The call in a line that [`may_count`], and the folder of the session as far as it is known.
    pub(crate) fn count(&mut self, line: &[u8], offset: u64) -> Result<Option<CallReported>, &'static str> {
        let record: Record<'_> = serde_json::from_slice(line).map_err(|_| "no line of a rollout")?;
        let Some(payload) = &record.payload.0 else {
            return Ok(None);
        };
        if let (None, Some(folder)) = (&self.state.cwd, payload.cwd.get()) {
            self.state.cwd = Some(folder.to_owned());
        }
        self.counted(&record, payload, record.timestamp.get().and_then(when), offset)
    }

    /// The folder that the session was started in.
    pub(crate) fn folder(&self) -> Option<&str> {
        self.state.cwd.as_deref()
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

    fn take(&mut self, record: &Record<'_>, told: &Told<'_>, out: &mut Taken) {
        let Some(payload) = &record.payload.0 else {
            out.unknown += 1;
            return;
        };
        let first = self.state.cwd.is_none();
        if let (true, Some(folder)) = (first, payload.cwd.get()) {
            self.state.cwd = Some(told.cleaner.line(folder));
        }
        let line = Line {
            payload,
            told,
            subject: Subject {
                transcript: Some(self.path.session.clone()),
                directory: self.state.cwd.clone(),
                ..Subject::default()
            },
            at: record.timestamp.get().and_then(when),
        };
        if let (true, Some(folder)) = (first, &self.state.cwd) {
            let seen = SessionSeen {
                project: last_part(folder).map(str::to_owned),
                ..SessionSeen::default()
            };
            line.say(Fact::SessionSeen(seen), out);
        }
        match self.counted(record, payload, line.at, told.offset) {
            Ok(Some(call)) => line.say(Fact::CallReported(call), out),
            Ok(None) => {}
            Err(why) => out.note(why),
        }
        match record.kind.get() {
            Some("session_meta" | "turn_context" | "world_state") => {}
            Some("event_msg") => self.event(&line, out),
            Some("response_item") => self.item(&line, out),
            Some("compacted") => line.log(LogLevel::Info.into(), "", "context compacted", 1, out),
            _ => out.unknown += 1,
        }
    }

    fn event(&mut self, line: &Line<'_>, out: &mut Taken) {
        let payload = line.payload;
        let message = payload.message.get().unwrap_or_default().trim();
        match payload.kind.get() {
            Some("token_count" | "context_compacted") => {}
            Some("user_message") => self.prompt(line, message, out),
            Some("agent_message") => line.log(None, "", message, ANSWER_LINES, out),
            Some("task_started" | "turn_started") => self.goes_on(line, out),
            Some("task_complete" | "turn_complete") => self.waits(line, WaitingFor::Prompt, out),
            Some("turn_aborted") => {
                let reason = payload.reason.get().unwrap_or("stopped");
                line.log(LogLevel::Warn.into(), "turn ended: ", reason, 1, out);
                self.waits(line, WaitingFor::Prompt, out);
            }
            Some("exec_approval_request" | "apply_patch_approval_request") => {
                self.waits(line, WaitingFor::Permission, out);
            }
            Some("error" | "stream_error") if line.told.everything() => {
                let message = if message.is_empty() {
                    "the request failed"
                } else {
                    message
                };
                line.log(LogLevel::Error.into(), "", message, ERROR_LINES, out);
                let error = ErrorReported {
                    message: line.told.cleaner.line(message.lines().next().unwrap_or_default()),
                    details: None,
                };
                line.say(Fact::ErrorReported(error), out);
            }
            Some("error" | "stream_error") => {}
            Some(silent) if SILENT.contains(&silent) => {}
            _ => out.unknown += 1,
        }
    }

    fn prompt(&mut self, line: &Line<'_>, text: &str, out: &mut Taken) {
        // What the agent tells itself of its surroundings stands in a tag.
        if text.is_empty() || text.starts_with("<environment_context>") || text.starts_with("<user_instructions>") {
            return;
        }
        if !self.state.titled {
            let mut words = text.lines().map(|part| line.told.cleaner.word(part));
            if let Some(title) = words.find(|part| !part.is_empty()) {
                self.state.titled = true;
                let seen = SessionSeen {
                    title: Some(title),
                    ..SessionSeen::default()
                };
                line.say(Fact::SessionSeen(seen), out);
            }
        }
        self.goes_on(line, out);
        line.log(None, "› ", text, PROMPT_LINES, out);
    }

    fn waits(&mut self, line: &Line<'_>, waiting_for: WaitingFor, out: &mut Taken) {
        if !line.told.everything() || self.state.waiting {
            return;
        }
        self.state.waiting = true;
        let command = line.payload.command.as_command();
        let reason = match (waiting_for, command) {
            (WaitingFor::Prompt, _) => "its turn is over; it waits for the next prompt".to_owned(),
            (_, Some(command)) => format!("asks leave for: {}", line.told.cleaner.word(&command)),
            (_, None) => "asks leave for a change".to_owned(),
        };
        let waiting = WaitingBegan {
            reason,
            waiting_for: Some(waiting_for),
        };
        line.say(Fact::WaitingBegan(waiting), out);
    }

    fn goes_on(&mut self, line: &Line<'_>, out: &mut Taken) {
        if std::mem::take(&mut self.state.waiting) && line.told.everything() {
            line.say(Fact::WaitingEnded(WaitingEnded {}), out);
        }
    }

    fn item(&mut self, line: &Line<'_>, out: &mut Taken) {
        if !line.told.everything() {
            return;
        }
        let payload = line.payload;
        match payload.kind.get() {
            Some("function_call" | "custom_tool_call" | "local_shell_call" | "web_search_call") => {
                self.goes_on(line, out);
                used(line, self.state.cwd.as_deref(), out);
            }
            Some("function_call_output" | "custom_tool_call_output") => {
                self.goes_on(line, out);
                answered(line, out);
            }
            Some(silent) if SILENT.contains(&silent) => {}
            _ => out.unknown += 1,
        }
    }
}

fn used(line: &Line<'_>, folder: Option<&str>, out: &mut Taken) {
    let (payload, cleaner) = (line.payload, line.told.cleaner);
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
    let shown = format!("{tool} {}", summary.as_deref().unwrap_or_default());
    line.log(None, "", shown.trim_end(), 1, out);
    let used = ToolUsed {
        tool,
        summary,
        agent: None,
        success: None,
        use_id: payload.call_id.get().map(|id| cleaner.word(id)),
    };
    line.say(Fact::ToolUsed(used), out);
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
fn answered(line: &Line<'_>, out: &mut Taken) {
    let Some((code, text)) = line.payload.output.and_then(failure) else {
        return;
    };
    line.log(
        LogLevel::Error.into(),
        &format!("failed with exit code {code}: "),
        text.trim(),
        ERROR_LINES,
        out,
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
