//! Records of coding agents, line by line, become facts and log lines. A reader sees each line once, in order, with its
//! place in the file; what it must remember of earlier lines is its state, so reading goes on in the middle of a file after
//! a restart. Formats are their vendors' own and change without notice: what is not known is counted, never an error, and
//! costs only itself.
//!
//! This is what the readers of all agents share; it knows none of them. The agents are in [`crate::agents`].

mod facts;
mod session;

use std::fmt;
use std::sync::Arc;

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{CallReported, CallTokens};
use forgecast_protocol::{Event, Fact, LogChunk, LogLine, Origin, SessionName, Subject, Timestamp};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::facts::{
    acts, agent, alive, asks, closed, error, failed, last_part, message_in, prompted, seen, speaks, title_in, titled,
    tool_line, turn_failed, turn_is_over, turn_was_stopped, wants_approval,
};
pub(crate) use self::session::{session_name, stem};
use crate::clean::{Cleaner, LogState};
use crate::time;

/// Longest line that is read, in bytes: agents write the whole content of files into one line.
pub const MAX_LINE: usize = 16 << 20;
/// Longest id or name of a model that is taken.
const MAX_ID: usize = 200;

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

/// How much of a line is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// Calls to models and nothing else: for sums over gigabytes.
    Calls,
    /// For archives: calls, the title, the folder, sub-agents, ends of turns; nothing for the log.
    /// Lines that say nothing of that cost a search and no more.
    UsageOnly,
    /// Facts and log lines of every kind.
    Everything,
}

/// A line and its surroundings, as a reader gets it.
pub(crate) struct LineInput<'l> {
    /// The line, without its line end.
    pub(crate) bytes: &'l [u8],
    /// Where it begins in its file, bytes.
    pub(crate) offset: u64,
    pub(crate) cleaner: &'l Cleaner,
    /// No line is later than this.
    pub(crate) now: Timestamp,
    pub(crate) depth: Depth,
}

/// A line of which it is known whose it is.
pub(crate) struct LineContext<'l> {
    pub(crate) input: &'l LineInput<'l>,
    pub(crate) subject: Arc<Subject>,
    /// The line's own time.
    pub(crate) at: Option<Timestamp>,
    /// The subagent that it is of, or another name to show before its log lines.
    pub(crate) agent: Option<String>,
}

impl LineContext<'_> {
    pub(crate) fn cleaner(&self) -> &Cleaner {
        self.input.cleaner
    }

    /// Whether more than usage is wanted.
    pub(crate) fn everything(&self) -> bool {
        self.input.depth == Depth::Everything
    }

    /// A text of the line as a short word; empty is absent.
    pub(crate) fn word(&self, text: Option<&str>) -> Option<String> {
        let word = text.map(|text| self.input.cleaner.word(text));
        word.filter(|word| !word.is_empty())
    }
}

/// Receives what a reader finds. A visitor that wants calls alone ignores the rest.
pub(crate) trait Visitor {
    /// A call to a model.
    fn call(&mut self, line: &LineContext<'_>, call: CallReported);

    /// Any other fact.
    fn fact(&mut self, _line: &LineContext<'_>, _fact: Fact) {}

    /// Text for the log: `sign` and `text`, split at its line ends and at most `limit` of them.
    fn log(&mut self, _line: &LineContext<'_>, _level: Option<LogLevel>, _sign: &str, _text: &str, _limit: usize) {}

    /// A line of a kind that is not known.
    fn unknown(&mut self) {}

    /// A line that could not be read, or whose usage could not be counted.
    fn bad(&mut self, why: &str);
}

/// Reads the lines of one file of one agent, in order.
pub(crate) trait LineReader: fmt::Debug + Send {
    /// Reads a line that is neither empty nor longer than [`MAX_LINE`].
    fn line(&mut self, line: &LineInput<'_>, visitor: &mut dyn Visitor);

    /// What has to be remembered of the lines so far, as JSON; empty when that is nothing.
    fn state(&self) -> String;
}

/// What lines became; cleared by nobody but its owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodedLines {
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

/// Reads the lines of one file in order.
#[derive(Debug)]
pub struct Reader {
    inner: Box<dyn LineReader>,
    /// Of the lines so far: what is remembered of them holds no more secrets than what they became.
    cleaner: Option<Cleaner>,
}

impl Reader {
    pub(crate) fn new(inner: Box<dyn LineReader>) -> Self {
        Self { inner, cleaner: None }
    }

    /// What has to be remembered of the lines so far, as JSON of a few kilobytes at most; empty when that is nothing.
    #[must_use]
    pub fn state(&self) -> String {
        let state = self.inner.state();
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
        out: &mut DecodedLines,
    ) {
        let mut collector = Collector { origin, out };
        if line.len() > MAX_LINE {
            let bytes = line.len();
            return collector.bad(&format!(
                "{bytes} bytes in one line, more than the {MAX_LINE} that are read"
            ));
        }
        if self.cleaner.is_none() {
            self.cleaner = Some(cleaner.clone());
        }
        let input = LineInput {
            bytes: line.trim_ascii(),
            offset,
            cleaner,
            now,
            depth,
        };
        if !input.bytes.is_empty() {
            self.inner.line(&input, &mut collector);
        }
    }
}

/// Makes events and log lines of what a reader finds.
struct Collector<'c> {
    origin: &'c Origin,
    out: &'c mut DecodedLines,
}

impl Visitor for Collector<'_> {
    fn call(&mut self, line: &LineContext<'_>, call: CallReported) {
        self.fact(line, Fact::CallReported(call));
    }

    fn fact(&mut self, line: &LineContext<'_>, fact: Fact) {
        let now = line.input.now;
        let mut origin = self.origin.clone();
        if let Some(at) = line.at {
            origin.modified_at = Some(at.min(now));
        }
        self.out.events.push(line.cleaner().identities(Event {
            id: None,
            subject: (*line.subject).clone(),
            at: now,
            origin,
            fact,
        }));
    }

    fn log(&mut self, line: &LineContext<'_>, level: Option<LogLevel>, sign: &str, text: &str, limit: usize) {
        if !line.everything() {
            return;
        }
        let (cleaner, now) = (line.cleaner(), line.input.now);
        let mut state = LogState::default();
        let mut lines: Vec<LogLine> = Vec::new();
        let mut rest = text.trim_end().split('\n').filter(|part| !part.trim().is_empty());
        for part in rest.by_ref().take(limit) {
            let sign = if lines.is_empty() { sign } else { "  " };
            // The level that the text seems to have is not taken: an agent's prose that mentions an error is none.
            let (text, spans, _) = cleaner.next_log_line(&mut state, &format!("{sign}{part}"));
            lines.push(LogLine {
                offset: 0,
                at: line.at.map_or(now, |at| at.min(now)),
                level,
                from: line.agent.as_deref().map(|name| cleaner.word(name)),
                text,
                spans,
            });
        }
        let left = rest.count();
        if let (Some(last), true) = (lines.last_mut(), left > 0) {
            last.text.push_str(&format!(" … ({left} more lines)"));
        }
        if lines.is_empty() {
            return;
        }
        let mut subject = (*line.subject).clone();
        cleaner.subject(&mut subject);
        match self.out.logs.last_mut() {
            Some(chunk) if chunk.subject == subject => chunk.lines.extend(lines),
            _ => self.out.logs.push(LogChunk {
                subject,
                id: None,
                lines,
            }),
        }
    }

    fn unknown(&mut self) {
        self.out.unknown += 1;
    }

    fn bad(&mut self, why: &str) {
        self.out.bad += 1;
        why.clone_into(&mut self.out.last_bad);
    }
}

/// A time that an agent wrote; agents write UTC, and what has no offset is taken as that.
pub(crate) fn when(text: &str) -> Option<Timestamp> {
    time::parse(text, &TimeZone::UTC)
}

/// What was written to the cache: how much in all, and how much of it is known to be kept for five minutes and for an hour.
/// What the two do not name was written all the same, and five minutes are what an agent asks for unless it says so.
pub(crate) fn cache_writes(written: u64, five_minutes: u64, hour: u64) -> CallTokens {
    let unnamed = written.saturating_sub(five_minutes.saturating_add(hour));
    CallTokens {
        cache_write_5m: five_minutes.saturating_add(unnamed),
        cache_write_1h: hour,
        ..CallTokens::default()
    }
}

/// Whether a text can be an id or a model's name: not long, nothing but what is seen.
pub(crate) fn is_plain_id(text: &str) -> bool {
    text.len() <= MAX_ID && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// The state of a reader from the text that was stored; one that is not understood is as good as none.
pub(crate) fn deserialize_state<S: DeserializeOwned + Default>(text: &str) -> S {
    serde_json::from_str(text).unwrap_or_default()
}

/// The text to store; empty when there is nothing to remember.
pub(crate) fn serialize_state<S: Serialize + Default + PartialEq>(state: &S) -> String {
    if *state == S::default() {
        return String::new();
    }
    serde_json::to_string(state).unwrap_or_default()
}
