//! Claude Code transcripts: calls, the title, the folder, subagents, tools, errors, turns, and the log of it all. Lines of
//! replayed conversations are read like any other; which of several accounts of a call counts is the ledger's business.

mod agents;
mod calls;
pub(crate) mod record;
mod said;
mod state;
pub(crate) mod tools;
mod turn;

use std::sync::LazyLock;

use forgecast_protocol::event::{Fact, SessionSeen};
use forgecast_protocol::{SessionName, Subject, Timestamp};
use memchr::memmem::Finder;

use self::record::{Block, Record};
use self::state::State;
use super::transcript::{Taken, Told, TranscriptPath, kept, last_part, restored, session_name, when};

pub(crate) use self::calls::{calls, has_usage, is_plain_id};
pub(crate) use self::state::digest;

/// Kinds of lines that say nothing of interest here.
const SILENT: &[&str] = &[
    "agent-color",
    "agent-name",
    "ai-title",
    "attachment",
    "content-replacement",
    "file-history-snapshot",
    "last-prompt",
    "mode",
    "permission-mode",
    "pr-link",
    "progress",
    "queue-operation",
    "summary",
    "tag",
    "worktree-state",
];

/// What a line with usage must contain; searched for in the bytes, which costs a hundredth of reading the line.
pub(crate) static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
static USER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"user\""));
static CWD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"cwd\""));
static CUSTOM_TITLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"customTitle\""));

/// Reads the lines of one file.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    path: TranscriptPath,
    state: State,
}

/// A line, and what surrounds it.
struct Line<'l> {
    record: &'l Record<'l>,
    told: &'l Told<'l>,
    subject: Subject,
    at: Option<Timestamp>,
    /// The subagent that it is of: by the line, else by the file.
    agent: Option<String>,
    /// The parts of its message, when it has a message.
    blocks: Vec<Block<'l>>,
}

impl Line<'_> {
    fn say(&self, fact: Fact, out: &mut Taken) {
        self.told.fact(&self.subject, self.at, fact, out);
    }

    /// Whether it is of the main conversation, not of a subagent or a replay.
    fn is_main(&self) -> bool {
        self.agent.is_none() && !self.record.is_sidechain.is_set()
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
        if line.is_empty() || (!told.everything() && !self.may_matter(line)) {
            return;
        }
        match serde_json::from_slice::<Record<'_>>(line) {
            Ok(record) => self.take(&record, told, out),
            Err(error) => out.note(format!("no line of a transcript: {error}")),
        }
    }

    /// Whether a line of an archive may say what is wanted of it; found by search alone.
    fn may_matter(&self, line: &[u8]) -> bool {
        USAGE.find(line).is_some()
            || (!self.state.seen && CWD.find(line).is_some())
            || (!self.state.titled && self.path.agent.is_none() && USER.find(line).is_some())
            || (line.len() < 2_000 && CUSTOM_TITLE.find(line).is_some())
    }

    fn take(&mut self, record: &Record<'_>, told: &Told<'_>, out: &mut Taken) {
        if let (None, Some(folder)) = (&self.state.cwd, record.cwd.get()) {
            self.state.cwd = Some(told.cleaner.line(folder));
        }
        let subject = Subject {
            transcript: Some(self.session(record, told)),
            directory: self.state.cwd.clone(),
            ..Subject::default()
        };
        let agent = record.agent_id.get().or(self.path.agent.as_deref());
        let message = record.message.0.as_ref();
        let line = Line {
            record,
            told,
            subject,
            at: record.timestamp.get().and_then(when),
            agent: agent.map(|id| told.cleaner.word(id)),
            blocks: message
                .map(|message| record::blocks_of(message.content))
                .unwrap_or_default(),
        };
        self.announce(&line, out);
        self.take_calls(&line, out);
        self.take_agents(&line, out);
        self.take_kind(&line, out);
    }

    /// The session of the file; a subagent's file of the older layout says it in its lines.
    fn session(&mut self, record: &Record<'_>, told: &Told<'_>) -> SessionName {
        let by_path = self.path.session.as_str();
        let older = self
            .path
            .agent
            .as_deref()
            .is_some_and(|id| by_path.strip_prefix("agent-") == Some(id));
        if !older {
            return self.path.session.clone();
        }
        if let (None, Some(session)) = (&self.state.session, record.session_id.get()) {
            self.state.session = Some(session_name(&told.cleaner.identity(session)));
        }
        self.state.session.clone().unwrap_or_else(|| self.path.session.clone())
    }

    /// Says once that the session is there, and where.
    fn announce(&mut self, line: &Line<'_>, out: &mut Taken) {
        let Some(folder) = self.state.cwd.as_deref().filter(|_| !self.state.seen) else {
            return;
        };
        self.state.seen = true;
        let seen = SessionSeen {
            project: last_part(folder).map(str::to_owned),
            ..SessionSeen::default()
        };
        line.say(Fact::SessionSeen(seen), out);
    }

    fn take_calls(&mut self, line: &Line<'_>, out: &mut Taken) {
        if !has_usage(line.record) {
            return;
        }
        let Some(at) = line.at else {
            out.note("usage in a line without a time: not counted");
            return;
        };
        let uses = line.blocks.iter().filter(|block| block.kind.is("tool_use"));
        let tools = uses.filter_map(|block| block.id.owned()).collect();
        calls(
            line.record,
            at,
            line.told.offset,
            self.path.agent.as_deref(),
            tools,
            |call| {
                if self.state.is_new(&call) {
                    line.say(Fact::CallReported(call), out);
                }
            },
        );
    }

    fn take_kind(&mut self, line: &Line<'_>, out: &mut Taken) {
        let record = line.record;
        match record.kind.get() {
            Some("user") => self.user(line, out),
            Some("assistant") => self.assistant(line, out),
            Some("system") => self.system(line, out),
            Some("custom-title") => self.custom_title(line, out),
            Some(silent) if SILENT.contains(&silent) => {}
            // Whatever its kind, a line with usage was understood as far as it matters.
            _ if has_usage(record) => {}
            _ => out.unknown += 1,
        }
    }

    fn custom_title(&mut self, line: &Line<'_>, out: &mut Taken) {
        let title = line
            .record
            .custom_title
            .get()
            .map(|title| line.told.cleaner.word(title));
        self.title(title.as_deref(), line, out);
    }

    fn title(&mut self, title: Option<&str>, line: &Line<'_>, out: &mut Taken) {
        let Some(title) = title.filter(|title| !title.is_empty()) else {
            return;
        };
        self.state.titled = true;
        let seen = SessionSeen {
            title: Some(title.to_owned()),
            ..SessionSeen::default()
        };
        line.say(Fact::SessionSeen(seen), out);
    }
}
