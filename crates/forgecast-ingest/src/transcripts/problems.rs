//! What is wrong with transcripts: one problem per file for all its lines that gave nothing, one for a file or folder that
//! cannot be opened. Records of kinds that are not known are normal after an update of the agent; they are said, too.

use forgecast_protocol::event::{Fact, ProblemCleared};
use forgecast_protocol::{ProblemKind, SourceCheckpoint, Subject};

use super::{ScanPass, Transcript, Transcripts};
use crate::facts;
use crate::problem::field_key;
use crate::work::GRACE;
use forgecast_open::OpenError;

/// Lines of a file that gave nothing, in this life of the process.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) unknown: u64,
    pub(super) bad: u64,
    /// Longer than is read.
    pub(super) long: u64,
    /// Why the last bad one could not be read.
    pub(super) last_bad: String,
    /// How many there were when it was last said.
    said: u64,
}

impl Lines {
    fn all(&self) -> u64 {
        self.unknown + self.bad + self.long
    }

    /// Whether it is worth saying again: a file that goes wrong line by line is not said line by line.
    fn is_news(&self) -> bool {
        self.all() > 0 && (self.said == 0 || self.all() >= self.said.saturating_mul(2))
    }

    fn kind(&self) -> ProblemKind {
        if self.bad == 0 && self.long > 0 {
            ProblemKind::Oversize
        } else {
            ProblemKind::Unparsable
        }
    }

    fn message(&self, path: &str) -> String {
        let mut parts = Vec::new();
        if self.bad > 0 {
            parts.push(format!(
                "{} could not be read (the last: {})",
                lines(self.bad),
                self.last_bad
            ));
        }
        if self.long > 0 {
            parts.push(format!("{} longer than 16 MiB left out", lines(self.long)));
        }
        if self.unknown > 0 {
            parts.push(format!("{} of a kind that is not known", lines(self.unknown)));
        }
        format!("{path}: {}", parts.join(", "))
    }
}

fn lines(count: u64) -> String {
    format!("{count} line{}", if count == 1 { "" } else { "s" })
}

impl Transcripts {
    /// An event of the sources themselves.
    pub(super) fn emit(fact: Option<Fact>, path: &str, pass: &mut ScanPass<'_>) {
        if let Some(fact) = fact {
            let origin = facts::internal(Some(path));
            let event = facts::event(&Subject::default(), pass.now, &origin, fact);
            pass.outcome.batch.events.push(event);
        }
    }

    /// After a reading: lines that gave nothing, when there are notably more than were said.
    pub(super) fn report_lines(&mut self, path: &str, transcript: &mut Transcript, pass: &mut ScanPass<'_>) {
        if !transcript.lines.is_news() {
            return;
        }
        transcript.lines.said = transcript.lines.all();
        let file = self.key(path);
        let message = pass.context.cleaner.line(&transcript.lines.message(path));
        let key = field_key(&file, "lines");
        let fact = self.problems.found(&key, transcript.lines.kind(), message, &file);
        Self::emit(fact, path, pass);
    }

    /// The file is read from its beginning again: what was wrong with its lines is no more.
    pub(super) fn forget_lines(&mut self, path: &str, transcript: &mut Transcript, pass: &mut ScanPass<'_>) {
        transcript.lines = Lines::default();
        let fact = self.problems.cleared(&field_key(&self.key(path), "lines"));
        Self::emit(fact, path, pass);
    }

    /// It can be read: what was said of it as a whole is over, also what an earlier life said.
    pub(super) fn recovered(&mut self, path: &str, transcript: &mut Transcript, pass: &mut ScanPass<'_>) {
        transcript.refused = false;
        let key = self.key(path);
        let inherited = std::mem::take(&mut transcript.inherited).then(|| {
            Fact::ProblemCleared(ProblemCleared {
                key: key.clone(),
                with_parts: false,
            })
        });
        Self::emit(inherited, path, pass);
        let fact = self.problems.cleared(&key);
        Self::emit(fact, path, pass);
    }

    /// A file or folder could not be opened or read.
    pub(super) fn report_refused(&mut self, path: &str, error: &OpenError, pass: &mut ScanPass<'_>) {
        let fact = self.problems.refused(&self.key(path), error, &pass.context.cleaner);
        Self::emit(fact, path, pass);
    }

    /// A file that is not there: given a moment, since a replacement looks the same, and then forgotten. Its session stays
    /// what it is: agents remove old transcripts. Returns whether it is still to be remembered.
    pub(super) fn absent(&mut self, path: &str, transcript: &mut Transcript, pass: &mut ScanPass<'_>) -> bool {
        self.backlog.done(path);
        if !transcript.tail.is_begun() && !transcript.refused {
            return false;
        }
        if !std::mem::replace(&mut transcript.absent_once, true) {
            pass.outcome.retry.push((path.to_owned(), GRACE));
            return true;
        }
        self.forget_lines(path, transcript, pass);
        self.recovered(path, transcript, pass);
        self.checkpoint(path, SourceCheckpoint::default(), pass);
        false
    }
}
