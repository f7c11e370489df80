//! Finds the lines with usage in pieces of a transcript and reads nothing else of it: for whoever wants sums over gigabytes
//! and neither log nor state.

use std::path::Path;
use std::sync::Arc;

use forgecast_protocol::event::{CallReported, Fact, UsageRecorded};
use forgecast_protocol::session::AgentTotal;
use forgecast_protocol::{Subject, Timestamp};

use crate::agents::Agent;
use crate::clean::Cleaner;
use crate::transcript::{Depth, LineContext, LineInput, LineReader, MAX_LINE, TranscriptPath, Visitor};

/// One account of one call, as a transcript tells it.
#[derive(Clone, Debug)]
pub struct ScannedCall {
    /// Whose transcript.
    pub agent: &'static Agent,
    /// The account; [`used_at`](CallReported::used_at) is always there.
    pub report: CallReported,
    /// The agent's own session: that of the path, or the one that the lines name.
    pub session: Arc<str>,
    /// The folder that the agent was started in, when its lines name one.
    pub directory: Option<Arc<str>>,
    /// What the file's path says.
    pub path: Arc<TranscriptPath>,
    /// The file.
    pub file: Arc<Path>,
}

/// What is found in transcripts.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "handed on one by one, and nearly all of them are calls"
)]
pub enum Scanned {
    /// An account of a call.
    Call(ScannedCall),
    /// What an agent says that its session used in all.
    Total(ScannedTotal),
}

/// What an agent says that its session used in all; of several the last one counts.
#[derive(Clone, Debug)]
pub struct ScannedTotal {
    /// The agent's own session.
    pub session: Arc<str>,
    /// What it says.
    pub total: AgentTotal,
    /// Where it stands in its file, bytes.
    pub offset: u64,
}

/// Whose lines are read: the same for all pieces of a file.
#[derive(Clone, Debug)]
pub struct ScannedFile {
    /// Whose transcript.
    pub agent: &'static Agent,
    /// What the file's path says.
    pub path: Arc<TranscriptPath>,
    /// The file, by name only: it is not opened here.
    pub file: Arc<Path>,
}

/// Reads the pieces of one stretch of a file, in order, and hands each account of a call to `each`.
pub struct UsageLines<'p, F> {
    cleaner: &'p Cleaner,
    reader: Box<dyn LineReader>,
    found: Found<'p, F>,
}

struct Found<'p, F> {
    part: &'p ScannedFile,
    each: &'p F,
    /// Whose the call before was, with its session and folder to share.
    subject: Arc<Subject>,
    session: Arc<str>,
    directory: Option<Arc<str>>,
    calls: u64,
    bad: u64,
}

impl<'p, F: Fn(Scanned)> UsageLines<'p, F> {
    /// At the beginning of a stretch.
    #[must_use]
    pub fn new(part: &'p ScannedFile, cleaner: &'p Cleaner, each: &'p F) -> Self {
        Self {
            cleaner,
            reader: (part.agent.reader)((*part.path).clone(), ""),
            found: Found {
                part,
                each,
                subject: Arc::default(),
                session: part.path.session.as_str().into(),
                directory: None,
                calls: 0,
                bad: 0,
            },
        }
    }

    /// Reads whole lines, of which the first stands at `offset` in the file.
    pub fn piece(&mut self, piece: &[u8], offset: u64) {
        let mut from = 0;
        while let Some(found) = piece.get(from..).and_then(self.found.part.agent.next_usage) {
            let line = LineInput {
                bytes: &piece[from + found.start..from + found.end],
                offset: offset + (from + found.start) as u64,
                cleaner: self.cleaner,
                now: Timestamp::from_millis(i64::MAX),
                depth: Depth::Calls,
            };
            if line.bytes.len() > MAX_LINE {
                self.found.bad += 1;
            } else {
                self.reader.line(&line, &mut self.found);
            }
            from += found.end + 1;
        }
    }

    /// Accounts handed out so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.found.calls
    }

    /// Lines with usage that could not be read or counted so far.
    #[must_use]
    pub fn bad(&self) -> u64 {
        self.found.bad
    }
}

impl<F: Fn(Scanned)> Visitor for Found<'_, F> {
    fn call(&mut self, line: &LineContext<'_>, report: CallReported) {
        if !Arc::ptr_eq(&self.subject, &line.subject) {
            self.subject = line.subject.clone();
            if let Some(session) = &line.subject.transcript {
                self.session = session.as_str().into();
            }
            self.directory = line.subject.directory.as_deref().map(Into::into);
        }
        self.calls += 1;
        (self.each)(Scanned::Call(ScannedCall {
            agent: self.part.agent,
            report,
            session: self.session.clone(),
            directory: self.directory.clone(),
            path: self.part.path.clone(),
            file: self.part.file.clone(),
        }));
    }

    fn fact(&mut self, line: &LineContext<'_>, fact: Fact) {
        if let Fact::UsageRecorded(UsageRecorded {
            agent_total: Some(total),
            ..
        }) = fact
        {
            let session = line.subject.transcript.as_ref();
            (self.each)(Scanned::Total(ScannedTotal {
                session: session.map_or_else(|| self.session.clone(), |name| name.as_str().into()),
                total,
                offset: line.input.offset,
            }));
        }
    }

    fn bad(&mut self, _: &str) {
        self.bad += 1;
    }
}
