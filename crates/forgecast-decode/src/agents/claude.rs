//! Claude Code transcripts: calls, the title, the folder, subagents, tools, errors, turns, and the log of it all. Lines of
//! replayed conversations are read like any other; which of several accounts of a call counts is the ledger's business.

pub(crate) mod answers;
mod calls;
pub(crate) mod hooks;
pub(super) mod limits;
mod messages;
mod path;
mod process;
mod prompt;
mod record;
mod state;
pub(crate) mod status_line;
mod subagents;
mod total;
mod turn;

use std::sync::{Arc, LazyLock};

use aho_corasick::AhoCorasick;
use forgecast_protocol::{SourceKind, Subject};
use memchr::memmem::Finder;

use self::calls::Place;
use self::record::{Block, Record};
use self::state::{State, TitleSource};
use super::{Agent, Home, ProcessFiles, line_around};
use crate::lenient::Text;
use crate::transcript::{
    Depth, LineContext, LineInput, LineReader, TranscriptPath, Visitor, deserialize_state, seen, serialize_state,
    session_name, titled, when,
};

pub(super) static AGENT: Agent = Agent {
    key: "claude",
    label: "Claude Code",
    home: Home {
        variable: Some("CLAUDE_CONFIG_DIR"),
        separator: Some(','),
        folder: ".claude",
        config_folder: Some("claude"),
    },
    folders: &["projects"],
    group_level: 2,
    enters: path::enters,
    daily: None,
    independent_lines: true,
    continues: false,
    drives: false,
    processes: Some(ProcessFiles {
        processes: "sessions",
        jobs: "jobs",
        job: "state.json",
        read_process: process::process,
        read_job: process::job,
    }),
    hooks: Some(hooks::HOOKS),
    source: SourceKind::Transcript,
    path: path::of,
    reader: |path, state| Box::new(Reader::new(path, state)),
    next_usage: |piece| find_usage(piece).map(|at| line_around(at, piece)),
};

/// Kinds of lines that say nothing of interest here.
const SILENT: &[&str] = &[
    "agent-color",
    "agent-name",
    "agent-setting",
    "api-request",
    "api-request-blob",
    "api-request-resumed",
    "api-request-shape",
    "artifact-autoreact-ledger",
    "artifact-comment-monitor",
    "atis-latch",
    "attachment",
    "bridge-session",
    "content-replacement",
    "continued-in",
    "data-flow-incomplete",
    "data-flow-records",
    "derived-from",
    "dev-mods",
    "ended-by-model",
    "file-history-snapshot",
    "frame-link",
    "history-suppression",
    "host-row",
    "hybrid-organization",
    "isolation-latch",
    "last-prompt",
    "memory-mode",
    "mode",
    "permission-mode",
    "pr-link",
    "resume-head-vouch",
    "session-owner",
    "summary",
    "tag",
    "tools-used",
    "worktree-state",
];

/// What a line with usage must contain; searched for in the bytes, which costs a hundredth of reading the line. Searches of
/// the web and the agent's own total stand in lines of their own.
static USAGE: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(["\"usage\"", "\"searchCount\"", "\"cost-state\""]).ok());
static USER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"user\""));
static CWD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"cwd\""));
static CUSTOM_TITLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"customTitle\""));
static AI_TITLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"aiTitle\""));

/// Reads the lines of one file.
#[derive(Debug)]
struct Reader {
    path: TranscriptPath,
    state: State,
    /// Whose the lines are, as far as they have said.
    subject: Option<Arc<Subject>>,
}

/// A line, and what surrounds it.
struct Line<'l> {
    record: &'l Record<'l>,
    context: LineContext<'l>,
    /// The parts of its message, when it has a message.
    blocks: Vec<Block<'l>>,
}

impl Line<'_> {
    /// Whether it is of the main conversation, not of a subagent or a replay.
    fn is_main(&self) -> bool {
        self.context.agent.is_none() && !self.record.is_sidechain.is_set()
    }
}

impl LineReader for Reader {
    fn line(&mut self, line: &LineInput<'_>, out: &mut dyn Visitor) {
        let skipped = line.depth == Depth::UsageOnly && !self.may_matter(line.bytes);
        if skipped || is_request(line.bytes) {
            return;
        }
        match serde_json::from_slice::<Record<'_>>(line.bytes) {
            Ok(record) => self.record(&record, line, out),
            Err(error) => out.bad(&format!("no line of a transcript: {error}")),
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

    /// Whether a line of an archive may say what is wanted of it; found by search alone.
    fn may_matter(&self, line: &[u8]) -> bool {
        let is_main = self.path.agent.is_none();
        find_usage(line).is_some()
            || (!self.state.seen && CWD.find(line).is_some())
            || (self.state.title < TitleSource::Prompt && is_main && USER.find(line).is_some())
            || (line.len() < 2_000 && (CUSTOM_TITLE.find(line).is_some() || AI_TITLE.find(line).is_some()))
    }

    fn record(&mut self, record: &Record<'_>, input: &LineInput<'_>, out: &mut dyn Visitor) {
        let mut line = Line {
            record,
            context: LineContext {
                input,
                subject: self.subject(record, input),
                at: record.timestamp.get().and_then(when),
                agent: None,
            },
            blocks: Vec::new(),
        };
        self.total(&line, out);
        if input.depth == Depth::Calls {
            return self.calls(&line, out);
        }
        let agent = record.agent_id.get().or(self.path.agent.as_deref());
        line.context.agent = agent.map(|id| input.cleaner.word(id));
        if let Some(message) = &record.message.0 {
            line.blocks = record::blocks_of(message.content);
        }
        self.announce(&line, out);
        self.calls(&line, out);
        self.subagents(&line, out);
        self.kind(&line, out);
    }

    /// Whose the line is. The session is that of the file, unless it is a subagent's file of the older layout, whose lines
    /// say it; the folder is the first that a line names.
    fn subject(&mut self, record: &Record<'_>, input: &LineInput<'_>) -> Arc<Subject> {
        if let (None, Some(folder)) = (&self.state.cwd, record.cwd.get()) {
            self.state.cwd = Some(input.cleaner.folder(folder));
            self.subject = None;
        }
        if path::is_older_agent(&self.path)
            && let (None, Some(session)) = (&self.state.session, record.session_id.get())
        {
            self.state.session = Some(session_name(&input.cleaner.identity(session)));
            self.subject = None;
        }
        let made = || {
            let session = self.state.session.as_ref().unwrap_or(&self.path.session);
            Arc::new(Subject {
                transcript: Some(session.clone()),
                directory: self.state.cwd.clone(),
                ..Subject::default()
            })
        };
        self.subject.get_or_insert_with(made).clone()
    }

    /// Says once that the session is there, and where.
    fn announce(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let Some(folder) = self.state.cwd.as_deref().filter(|_| !self.state.seen) else {
            return;
        };
        self.state.seen = true;
        out.fact(&line.context, seen(Some(folder)));
    }

    fn calls(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let uses = line.blocks.iter().filter(|block| block.kind.is("tool_use"));
        let tools = uses.filter_map(|block| block.id.owned()).collect();
        let place = Place {
            session: self.path.session.as_str(),
            agent: self.path.agent.as_deref(),
            offset: line.context.input.offset,
        };
        let state = &mut self.state;
        let is_dated = calls::calls(line.record, line.context.at, &place, tools, |call| {
            if state.is_new(&call) {
                out.call(&line.context, call);
            }
        });
        if !is_dated {
            out.bad("usage in a line without a time: not counted");
        }
    }

    fn kind(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        let record = line.record;
        match record.kind.get() {
            Some("user") => self.user(line, out),
            Some("assistant") => self.assistant(line, out),
            Some("system") => self.system(line, out),
            Some("progress") => self.progress(line, out),
            Some("queue-operation") => self.queue(line, out),
            Some("custom-title") => self.title(&record.custom_title, TitleSource::User, line, out),
            Some("ai-title") => self.title(&record.ai_title, TitleSource::Agent, line, out),
            Some("cost-state") => {}
            Some(silent) if SILENT.contains(&silent) => {}
            // Whatever its kind, a line with usage was understood as far as it matters.
            _ if calls::has_usage(record) => {}
            _ => out.unknown(),
        }
    }

    /// Takes a title, unless the session has one of a better source.
    fn title(&mut self, title: &Text<'_>, source: TitleSource, line: &Line<'_>, out: &mut dyn Visitor) {
        if let Some(title) = line.context.word(title.get()).filter(|_| line.is_main())
            && self.state.takes_title(source)
        {
            out.fact(&line.context, titled(title));
        }
    }
}

/// Whether a line keeps a request to the model whole: the largest lines there are, and they say nothing that others do
/// not. Told by its first bytes, so that it need not be read.
fn is_request(line: &[u8]) -> bool {
    let words: [&[u8]; 4] = [b"{", b"\"type\"", b":", b"\"api-request"];
    let mut words = words.into_iter();
    let rest = words.try_fold(line, |rest, word| rest.trim_ascii_start().strip_prefix(word));
    rest.is_some()
}

/// Where something stands that only a line with usage has.
fn find_usage(bytes: &[u8]) -> Option<usize> {
    let found = USAGE.as_ref()?.find(bytes)?;
    Some(found.start())
}

/// Whether a tool starts a subagent.
fn starts_agent(tool: &str) -> bool {
    matches!(tool, "Task" | "Agent")
}

/// What a tool waits for by being used: it asks the user.
fn asks_user(tool: &str) -> bool {
    matches!(tool, "AskUserQuestion" | "ExitPlanMode")
}
