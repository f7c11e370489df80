//! Transcripts that their agent packed. Such a file is an archive: it is read once, for its usage,
//! a piece at a time, from where the unpacked file was read to. When it is unpacked again, reading
//! goes on there as well.

use std::io;
use std::path::Path;

use forgecast_protocol::FileIdentity;

use super::{ScanPass, Transcript, Transcripts};
use crate::packed::{self as pack, OtherContent, ReadBefore, Unpacking};
use crate::tail::{Part, Progress, Tail};
use crate::work::GRACE;
use forgecast_decode::transcript::Depth;
use forgecast_open::OpenError;

impl Transcripts {
    /// A file that is new under its name may be one that is known, packed or unpacked since: its
    /// lines were read.
    pub(super) fn adopt_other_form(
        &self,
        path: &str,
        transcript: &mut Transcript,
        now: &FileIdentity,
        pass: &mut ScanPass<'_>,
    ) {
        if !transcript.tail.differs(now) {
            return;
        }
        let other_path = pack::other_form(path);
        let Some(other) = self.files.get(&other_path) else {
            return;
        };
        // The number of a file that was removed may be given to the next one: what was read further
        // knows more.
        let is_new = !transcript.tail.is_begun() || transcript.tail.is_replaced_by(now);
        if !is_new && other.tail.offset() <= transcript.tail.offset() {
            return;
        }
        if let Some(tail) = Tail::known_of_other_form(&other.tail, *now) {
            tracing::debug!(path, "a transcript was packed or unpacked");
            transcript.tail = tail;
            transcript.state.clone_from(&other.state);
            transcript.first_sight = other.first_sight;
            // A life that begins before it is read knows it, too, when the other form is gone by
            // then. The other's own checkpoint says that it comes after what was read there.
            let known = other.tail.checkpoint(other.state.clone());
            self.checkpoint(&other_path, known, pass);
            let checkpoint = transcript.tail.checkpoint(transcript.state.clone());
            self.checkpoint(path, checkpoint, pass);
        }
    }

    /// Reads a packed file on, about `budget` bytes of its lines, which it takes away from it.
    pub(super) fn read_packed(
        &mut self,
        path: &str,
        transcript: &mut Transcript,
        budget: &mut u64,
        pass: &mut ScanPass<'_>,
    ) -> Result<(), OpenError> {
        let now = pass.base.stat(Path::new(path))?;
        let Some(location) = self.path_of(path).filter(|_| transcript.tail.differs(&now)) else {
            self.backlog.done(path);
            return Ok(());
        };
        let mut unpacking = match self.unpacking.take() {
            Some(unpacking) if unpacking.is_of(path, &now) => unpacking,
            _ => self.unpack(path, pass)?,
        };
        let mut decoding = self.decoding(path, location, transcript, &now, Depth::UsageOnly, pass);
        let mut before = ReadBefore::of(&transcript.tail);
        let result = loop {
            match unpacking.advance(*budget, &before, &mut |part| decoding.part(part)) {
                Ok(Ok(progress)) => break Ok(progress),
                Err(error) => break Err(error),
                Ok(Err(OtherContent)) => {
                    // It is another file than the one whose lines were read.
                    decoding.part(Part::Restarted);
                    before = ReadBefore::nothing();
                    unpacking = self.unpack(path, pass)?;
                }
            }
        };
        self.take_lines(path, transcript, decoding.end(), pass);
        let is_whole = !matches!(&result, Ok(progress) if progress.more);
        let tail = unpacking.tail(is_whole);
        // Lines that were read before are not handed out; until they are passed, the place stays
        // what it was.
        if tail.offset() >= before.offset || is_whole {
            transcript.tail = tail;
        }
        match result {
            Ok(Progress { bytes, more }) => {
                *budget = budget.saturating_sub(bytes);
                pass.outcome.reads += 1;
                pass.outcome.bytes += bytes;
                transcript.incomplete_once = false;
                if more {
                    self.unpacking = Some(unpacking);
                }
                self.was_read(path, transcript, Depth::UsageOnly, bytes, more, pass);
                Ok(())
            }
            Err(error) => self.unpacking_failed(path, transcript, error, pass),
        }
    }

    fn unpack(&self, path: &str, pass: &ScanPass<'_>) -> Result<Unpacking, OpenError> {
        let opened = pass.base.file(Path::new(path), u64::MAX)?;
        Unpacking::begin(path, opened).map_err(|error| cannot_unpack(path, error))
    }

    /// A packed file cannot be read to its end. What was read counts; the file is read again when
    /// it changes. One that only ends too early may just be written, and is given a moment.
    fn unpacking_failed(
        &mut self,
        path: &str,
        transcript: &mut Transcript,
        error: io::Error,
        pass: &mut ScanPass<'_>,
    ) -> Result<(), OpenError> {
        let may_be_written =
            error.kind() == io::ErrorKind::UnexpectedEof && !std::mem::replace(&mut transcript.incomplete_once, true);
        if may_be_written {
            transcript.tail.read_again();
        }
        let checkpoint = transcript.tail.checkpoint(transcript.state.clone());
        self.checkpoint(path, checkpoint, pass);
        if may_be_written {
            self.backlog.done(path);
            pass.outcome.retry.push((path.to_owned(), GRACE));
            return Ok(());
        }
        Err(cannot_unpack(path, error))
    }
}

impl ReadBefore {
    fn of(tail: &Tail) -> Self {
        let known = tail.checkpoint(String::new());
        Self {
            offset: known.offset,
            digest: known.digest,
        }
    }

    fn nothing() -> Self {
        Self {
            offset: 0,
            digest: String::new(),
        }
    }
}

fn cannot_unpack(path: &str, source: io::Error) -> OpenError {
    OpenError::Io {
        operation: "unpack",
        path: path.to_owned(),
        source,
    }
}
