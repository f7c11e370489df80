//! Finds the lines with usage in pieces of a transcript and reads nothing else of it: for whoever wants sums over gigabytes
//! and neither log nor state.

use std::path::Path;
use std::sync::Arc;

use forgecast_protocol::event::CallReported;

use crate::claude::record::Record;
use crate::transcript::{MAX_LINE, TranscriptKind, TranscriptPath, session_name, when};
use crate::{claude, codex, foundry};

/// One account of one call, as a transcript tells it.
#[derive(Clone, Debug)]
pub struct ScannedCall {
    /// Which kind of transcript.
    pub kind: TranscriptKind,
    /// The account; [`used_at`](CallReported::used_at) is always there.
    pub report: CallReported,
    /// The agent's own session: that of the path, or the one that a line of an older format names.
    pub session: Arc<str>,
    /// The folder that the agent was started in, when its lines name one.
    pub directory: Option<Arc<str>>,
    /// What the file's path says.
    pub path: Arc<TranscriptPath>,
    /// The file.
    pub file: Arc<Path>,
}

/// Whose lines are read: the same for all pieces of a file.
#[derive(Clone, Debug)]
pub struct ScannedFile {
    /// Which kind of transcript.
    pub kind: TranscriptKind,
    /// What the file's path says.
    pub path: Arc<TranscriptPath>,
    /// The file, by name only: it is not opened here.
    pub file: Arc<Path>,
}

/// Reads the pieces of one stretch of a file, in order, and hands each account of a call to `each`.
pub struct UsageLines<'p, F> {
    part: &'p ScannedFile,
    each: &'p F,
    session: Option<Arc<str>>,
    directory: Option<Arc<str>>,
    codex: codex::Reader,
    models: foundry::Models,
    /// The digest of the call before.
    last: u64,
    /// Accounts handed out.
    pub calls: u64,
    /// Lines with usage that could not be read or counted.
    pub bad: u64,
}

impl<'p, F: Fn(ScannedCall)> UsageLines<'p, F> {
    /// At the beginning of a stretch.
    #[must_use]
    pub fn new(part: &'p ScannedFile, each: &'p F) -> Self {
        let session = (!part.path.is_older_agent()).then(|| part.path.session.as_str().into());
        Self {
            part,
            each,
            session,
            directory: None,
            codex: codex::Reader::new((*part.path).clone(), ""),
            models: foundry::Models::default(),
            last: 0,
            calls: 0,
            bad: 0,
        }
    }

    /// Reads whole lines, of which the first stands at `offset` in the file.
    pub fn piece(&mut self, piece: &[u8], offset: u64) {
        match self.part.kind {
            TranscriptKind::Claude => self.found(piece, offset),
            TranscriptKind::Codex => self.all(piece, offset, codex::may_count, Self::codex),
            TranscriptKind::Observatory => self.all(piece, offset, foundry::may_count, Self::observatory),
        }
    }

    /// Searches for usage from one find to the next; the lines between are not even told apart.
    fn found(&mut self, piece: &[u8], offset: u64) {
        let mut from = 0;
        while let Some(found) = claude::USAGE.find(&piece[from..]) {
            let at = from + found;
            let start = memchr::memrchr(b'\n', &piece[from..at]).map_or(from, |end| from + end + 1);
            let end = memchr::memchr(b'\n', &piece[at..]).map_or(piece.len(), |end| at + end);
            self.claude(&piece[start..end], offset + start as u64);
            from = (end + 1).min(piece.len());
        }
    }

    fn all(&mut self, piece: &[u8], offset: u64, wanted: fn(&[u8]) -> bool, take: fn(&mut Self, &[u8], u64)) {
        let mut start = 0;
        while start < piece.len() {
            let end = memchr::memchr(b'\n', &piece[start..]).map_or(piece.len(), |end| start + end);
            let line = &piece[start..end];
            if line.len() > MAX_LINE {
                self.bad += 1;
            } else if wanted(line) {
                take(self, line, offset + start as u64);
            }
            start = end + 1;
        }
    }

    fn claude(&mut self, line: &[u8], offset: u64) {
        if line.len() > MAX_LINE {
            self.bad += 1;
            return;
        }
        let Ok(record) = serde_json::from_slice::<Record<'_>>(line) else {
            self.bad += 1;
            return;
        };
        if !claude::has_usage(&record) {
            return;
        }
        let Some(at) = record.timestamp.get().and_then(when) else {
            self.bad += 1;
            return;
        };
        if let (None, Some(folder)) = (&self.directory, record.cwd.get()) {
            self.directory = Some(folder.into());
        }
        if let (None, Some(session)) = (&self.session, record.session_id.get()) {
            self.session = Some(session_name(session).as_str().into());
        }
        let agent = self.part.path.agent.as_deref();
        claude::calls(&record, at, offset, agent, Vec::new(), |call| self.hand_out(call));
    }

    fn codex(&mut self, line: &[u8], offset: u64) {
        match self.codex.count(line, offset) {
            Ok(call) => {
                if self.directory.is_none() {
                    self.directory = self.codex.folder().map(Into::into);
                }
                if let Some(call) = call {
                    self.hand_out(call);
                }
            }
            Err(_) => self.bad += 1,
        }
    }

    fn observatory(&mut self, line: &[u8], offset: u64) {
        match foundry::count(line, offset, &mut self.models) {
            Ok(Some(counted)) => {
                self.session = Some(counted.session.as_str().into());
                self.directory = counted.directory.map(Into::into);
                self.hand_out(counted.call);
            }
            Ok(None) => {}
            Err(_) => self.bad += 1,
        }
    }

    fn hand_out(&mut self, report: CallReported) {
        let digest = claude::digest(&report);
        if digest == self.last && report.call.message.is_some() {
            return;
        }
        self.last = digest;
        self.calls += 1;
        let path = &self.part.path;
        (self.each)(ScannedCall {
            kind: self.part.kind,
            report,
            session: self.session.clone().unwrap_or_else(|| path.session.as_str().into()),
            directory: self.directory.clone(),
            path: path.clone(),
            file: self.part.file.clone(),
        });
    }
}
