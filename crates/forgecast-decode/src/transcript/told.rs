//! What surrounds a line, and how its facts and log lines are made: whose they are, when they were said.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::{Event, Fact, LogChunk, LogLine, Origin, Subject, Timestamp};
use jiff::tz::TimeZone;

use super::{Depth, Taken};
use crate::clean::Cleaner;
use crate::time;

/// A line's place and surroundings.
pub(crate) struct Told<'t> {
    /// Where the line begins in its file, bytes.
    pub(crate) offset: u64,
    pub(crate) origin: &'t Origin,
    pub(crate) cleaner: &'t Cleaner,
    pub(crate) now: Timestamp,
    pub(crate) depth: Depth,
}

impl Told<'_> {
    /// Whether more than usage is wanted.
    pub(crate) fn everything(&self) -> bool {
        self.depth == Depth::Everything
    }

    /// Appends a fact that the line says; `at` is the line's own time.
    pub(crate) fn fact(&self, subject: &Subject, at: Option<Timestamp>, fact: Fact, out: &mut Taken) {
        let mut origin = self.origin.clone();
        if let Some(at) = at {
            origin.modified_at = Some(at.min(self.now));
        }
        let mut event = Event {
            id: None,
            subject: subject.clone(),
            at: self.now,
            origin,
            fact,
        };
        self.cleaner.identities(&mut event);
        out.events.push(event);
    }

    /// Appends log lines, `text` split at its line ends and at most `limit` of them; nothing when only usage is wanted.
    pub(crate) fn log(&self, subject: &Subject, said: &Said<'_>, text: &str, limit: usize, out: &mut Taken) {
        if !self.everything() {
            return;
        }
        let mut state = crate::clean::LogState::default();
        let mut lines: Vec<LogLine> = Vec::new();
        let mut rest = text.trim_end().split('\n');
        for line in rest.by_ref().filter(|line| !line.trim().is_empty()).take(limit) {
            let sign = if lines.is_empty() { said.sign } else { "  " };
            let (text, spans, level) = self.cleaner.next_log_line(&mut state, &format!("{sign}{line}"));
            lines.push(LogLine {
                offset: 0,
                at: said.at.map_or(self.now, |at| at.min(self.now)),
                // An agent's prose that mentions an error is none; only what failed is.
                level: said.level.or(level.filter(|_| said.guess)),
                from: said.from.map(|name| self.cleaner.word(name)),
                text,
                spans,
            });
        }
        let left = rest.filter(|line| !line.trim().is_empty()).count();
        if let (Some(last), true) = (lines.last_mut(), left > 0) {
            last.text.push_str(&format!(" … ({left} more lines)"));
        }
        if lines.is_empty() {
            return;
        }
        let mut subject = subject.clone();
        self.cleaner.subject(&mut subject);
        match out.logs.last_mut() {
            Some(chunk) if chunk.subject == subject => chunk.lines.extend(lines),
            _ => out.logs.push(LogChunk { subject, lines }),
        }
    }
}

/// What is known of log lines besides their text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said<'s> {
    pub(crate) at: Option<Timestamp>,
    pub(crate) level: Option<LogLevel>,
    /// Whether the text may say how serious it is.
    pub(crate) guess: bool,
    /// Stands before the first line.
    pub(crate) sign: &'s str,
    /// The subagent; absent for the main one.
    pub(crate) from: Option<&'s str>,
}

/// A time that an agent wrote; agents write UTC, and what has no offset is taken as that.
pub(crate) fn when(text: &str) -> Option<Timestamp> {
    time::parse(text, &TimeZone::UTC)
}

/// The last part of a path: the name of a folder for people.
pub(crate) fn last_part(path: &str) -> Option<&str> {
    path.trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()
        .filter(|name| !name.is_empty())
}
