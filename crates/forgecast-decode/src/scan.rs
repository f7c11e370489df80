//! Finds the lines with usage in pieces of a transcript and reads nothing else of it: for whoever wants sums over gigabytes
//! and neither log nor state.

use std::path::Path;
use std::sync::Arc;

use forgecast_protocol::event::{CallReported, Fact, SessionSeen, UsageRecorded};
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
    /// What a session is called.
    Title(ScannedTitle),
}

/// What a session is called by the beginning of its transcript.
#[derive(Clone, Debug)]
pub struct ScannedTitle {
    /// The agent's own session.
    pub session: Arc<str>,
    /// Its title.
    pub title: String,
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

    /// Looks for the title in the beginning of a main transcript, whole lines, which are read beside the usage in them.
    pub fn title(&self, beginning: &[u8]) {
        let part = self.found.part;
        if part.path.agent.is_some() {
            return;
        }
        let mut reader = (part.agent.reader)((*part.path).clone(), "");
        let mut title = Title::default();
        let mut offset = 0;
        for bytes in beginning.split(|byte| *byte == b'\n') {
            if (1..=MAX_LINE).contains(&bytes.len()) {
                let line = LineInput {
                    bytes,
                    offset,
                    cleaner: self.cleaner,
                    now: Timestamp::from_millis(i64::MAX),
                    depth: Depth::UsageOnly,
                };
                reader.line(&line, &mut title);
            }
            offset += bytes.len() as u64 + 1;
        }
        if let Some((session, title)) = title.0 {
            let session = session.unwrap_or_else(|| part.path.session.as_str().into());
            (self.found.each)(Scanned::Title(ScannedTitle { session, title }));
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

/// The agent's own session, when the line names one.
fn named_session(line: &LineContext<'_>) -> Option<Arc<str>> {
    let session = line.subject.transcript.as_ref();
    session.map(|name| name.as_str().into())
}

/// The last title among lines, with the session that its line names.
#[derive(Default)]
struct Title(Option<(Option<Arc<str>>, String)>);

impl Visitor for Title {
    fn call(&mut self, _: &LineContext<'_>, _: CallReported) {}

    fn fact(&mut self, line: &LineContext<'_>, fact: Fact) {
        if let Fact::SessionSeen(SessionSeen { title: Some(title), .. }) = fact {
            self.0 = Some((named_session(line), title));
        }
    }

    fn bad(&mut self, _: &str) {}
}

impl<F: Fn(Scanned)> Visitor for Found<'_, F> {
    fn call(&mut self, line: &LineContext<'_>, report: CallReported) {
        if !Arc::ptr_eq(&self.subject, &line.subject) {
            self.subject = line.subject.clone();
            if let Some(session) = named_session(line) {
                self.session = session;
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
            (self.each)(Scanned::Total(ScannedTotal {
                session: named_session(line).unwrap_or_else(|| self.session.clone()),
                total,
                offset: line.input.offset,
            }));
        }
    }

    fn bad(&mut self, _: &str) {
        self.bad += 1;
    }
}
