//! Records of coding agents, line by line: Claude Code transcripts, Codex rollouts and the event log of the origin's
//! successor become facts and log lines. A reader sees each line once, in order, with its place in the file; what it must
//! remember of earlier lines is its state, so reading goes on in the middle of a file after a restart. Formats are their
//! vendors' own and change without notice: what is not known is counted, never an error, and costs only itself.

mod path;
mod state;
mod told;

use forgecast_protocol::{Event, LogChunk, Origin, SessionName, Timestamp};

use super::{claude, codex, foundry};
use crate::clean::Cleaner;

pub use self::path::path_of;
pub(crate) use self::path::session_name;
pub(crate) use self::state::{kept, restored};
pub(crate) use self::told::{Said, Told, last_part, when};

/// Longest line that is read, in bytes: agents write the whole content of files into one line.
pub const MAX_LINE: usize = 16 << 20;

/// Whose records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TranscriptKind {
    /// Claude Code: `projects/<project>/<session>.jsonl` and what lies in `projects/<project>/<session>/`.
    Claude,
    /// Codex: `sessions/YYYY/MM/DD/rollout-….jsonl` and `archived_sessions/rollout-….jsonl`.
    Codex,
    /// The origin's successor: `observatory/events-YYYY-MM-DD.jsonl`, all its sessions in one file.
    Observatory,
}

/// What the path of a file says about the lines in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TranscriptPath {
    /// The agent's own session. Lines of older formats may say another one, which then counts.
    pub session: SessionName,
    /// The subagent whose file it is; absent for the main one.
    pub agent: Option<String>,
    /// The project as the agent's folders name it (`-home-dev-weather-app`).
    pub project: Option<String>,
}

impl TranscriptPath {
    /// Whether it is a subagent's file of the older layout, whose session only its lines name.
    pub(crate) fn is_older_agent(&self) -> bool {
        let by_path = self.session.as_str().strip_prefix("agent-");
        self.agent.is_some() && by_path == self.agent.as_deref()
    }
}

/// How much of a line is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// Facts and log lines of every kind.
    Everything,
    /// For archives: calls, the title, the folder, subagents; nothing for the log, nothing that is over. Lines that say
    /// nothing of that cost a search and no more.
    UsageOnly,
}

/// What lines became; cleared by nobody but its owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Facts, in the order of the lines.
    pub events: Vec<Event>,
    /// Log lines, in the order of the lines.
    pub logs: Vec<LogChunk>,
    /// Lines of a kind that is not known; they were passed over.
    pub unknown: u64,
    /// Lines that could not be read, or whose usage could not be counted.
    pub bad: u64,
    /// Why the last of them could not; empty when there was none.
    pub last_bad: String,
}

impl Taken {
    /// Counts a line that could not be read or counted.
    pub(crate) fn note(&mut self, why: impl Into<String>) {
        self.bad += 1;
        self.last_bad = why.into();
    }
}

/// Reads the lines of one file in order.
#[derive(Clone, Debug)]
pub struct Reader {
    inner: Inner,
    /// Of the lines so far: what is remembered of them holds no more secrets than what they became.
    cleaner: Option<Cleaner>,
}

#[derive(Clone, Debug)]
enum Inner {
    Claude(claude::Reader),
    Codex(codex::Reader),
    Observatory(foundry::Reader),
}

impl Reader {
    /// A reader for the file at this path. `state` is what [`state`](Self::state) gave when the line before the next one
    /// had been read; empty at the beginning of the file. A state that is not understood is as good as none.
    #[must_use]
    pub fn new(kind: TranscriptKind, path: TranscriptPath, state: &str) -> Self {
        let inner = match kind {
            TranscriptKind::Claude => Inner::Claude(claude::Reader::new(path, state)),
            TranscriptKind::Codex => Inner::Codex(codex::Reader::new(path, state)),
            TranscriptKind::Observatory => Inner::Observatory(foundry::Reader::new(state)),
        };
        Self { inner, cleaner: None }
    }

    /// What has to be remembered of the lines so far, as JSON of a few kilobytes at most; empty when that is nothing.
    #[must_use]
    pub fn state(&self) -> String {
        let state = match &self.inner {
            Inner::Claude(reader) => reader.state(),
            Inner::Codex(reader) => reader.state(),
            Inner::Observatory(reader) => reader.state(),
        };
        match &self.cleaner {
            Some(cleaner) => cleaner.remembered(state),
            None => state,
        }
    }

    /// Reads the next line, without its line end, which stands at `offset` in its file (bytes), and appends to `out`.
    /// `origin` is where the file's facts come from; the facts of a line that has a time of its own carry that as
    /// [`Origin::modified_at`], and log lines as their time, but never a time after `now`.
    #[expect(
        clippy::too_many_arguments,
        reason = "a line, its place, and the surroundings of all lines"
    )]
    pub fn line(
        &mut self,
        line: &[u8],
        offset: u64,
        origin: &Origin,
        cleaner: &Cleaner,
        now: Timestamp,
        depth: Depth,
        out: &mut Taken,
    ) {
        if line.len() > MAX_LINE {
            out.note(format!(
                "{} bytes in one line, more than the {MAX_LINE} that are read",
                line.len()
            ));
            return;
        }
        let told = Told {
            offset,
            origin,
            cleaner,
            now,
            depth,
        };
        if self.cleaner.is_none() {
            self.cleaner = Some(cleaner.clone());
        }
        match &mut self.inner {
            Inner::Claude(reader) => reader.line(line, &told, out),
            Inner::Codex(reader) => reader.line(line, &told, out),
            Inner::Observatory(reader) => reader.line(line, &told, out),
        }
    }
}
