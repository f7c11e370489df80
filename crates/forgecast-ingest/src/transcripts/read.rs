//! Reading one transcript on: from its offset, a bounded number of bytes, each line once and in order. What the decoder
//! has to remember is stored with the offset, so a new life goes on as if there had been one.

use std::ops::Bound;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use forgecast_protocol::{FileIdentity, Origin, Timestamp};

use super::{ScanPass, Transcript, Transcripts};
use crate::facts;
use crate::packed as pack;
use crate::tail::{LINE_GRACE, Limits, Part, Tail, rotated};
use forgecast_decode::agents::Agent;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::transcript::{DecodedLines, Depth, MAX_LINE, Reader, TranscriptPath};
use forgecast_open::{OpenError, Opened};

/// Lines are decoded whole, however long, up to what a decoder reads; nothing is passed over at first sight.
const LINES: Limits = Limits {
    held: 64 * 1024,
    whole: MAX_LINE,
    first_sight: u64::MAX,
};
/// What opening a file costs, in bytes that could be read instead.
const PER_FILE: u64 = 4 * 1024;
/// Of a file that was rotated away, so much is read at most.
const ROTATED_BYTES: u64 = 64 * 1024 * 1024;

/// Lines on their way through the decoder of one file.
pub(super) struct Decoding<'d> {
    agent: &'static Agent,
    path: TranscriptPath,
    reader: Reader,
    origin: Origin,
    cleaner: &'d Cleaner,
    now: Timestamp,
    depth: Depth,
    decoded: DecodedLines,
    /// Lines that were too long.
    long: u64,
    /// The file was read from its beginning again.
    restarted: bool,
}

/// What a reading of a file gave.
pub(super) struct ReadLines {
    decoded: DecodedLines,
    /// Lines that were too long.
    long: u64,
    /// What the decoder has to remember.
    state: String,
    /// The file was read from its beginning again.
    restarted: bool,
}

impl Decoding<'_> {
    pub(super) fn end(self) -> ReadLines {
        ReadLines {
            state: self.reader.state(),
            decoded: self.decoded,
            long: self.long,
            restarted: self.restarted,
        }
    }

    pub(super) fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Restarted => self.restart(),
            Part::Line { dropped: 1.., .. } => self.long += 1,
            Part::Line { bytes, offset, .. } if !bytes.trim_ascii_start().is_empty() => self.line(bytes, offset),
            Part::Line { .. } => {}
        }
    }

    fn restart(&mut self) {
        self.reader = self.agent.reader(self.path.clone(), "");
        self.restarted = true;
    }

    fn line(&mut self, bytes: &[u8], offset: u64) {
        let (reader, decoded) = (&mut self.reader, &mut self.decoded);
        let decode = || {
            reader.line(
                bytes,
                offset,
                &self.origin,
                self.cleaner,
                self.now,
                self.depth,
                &mut *decoded,
            );
        };
        // A fault of a decoder must cost no more than the line that found it.
        if std::panic::catch_unwind(AssertUnwindSafe(decode)).is_err() {
            self.decoded.bad += 1;
            "reading it failed by a fault of Forgecast; please report it with this file"
                .clone_into(&mut self.decoded.last_bad);
        }
    }
}

impl Transcripts {
    /// Reads a file on, at most `budget` bytes, which it takes away from it.
    pub(super) fn read(&mut self, path: &str, depth: Depth, budget: &mut u64, pass: &mut ScanPass<'_>) {
        *budget = budget.saturating_sub(PER_FILE);
        let Some(mut transcript) = self.files.remove(path) else {
            self.backlog.done(path);
            return;
        };
        let remember = match self.read_on(path, &mut transcript, depth, budget, pass) {
            Ok(()) => true,
            Err(error) => self.failed(path, &mut transcript, &error, pass),
        };
        if remember {
            self.files.insert(path.to_owned(), transcript);
        }
    }

    fn read_on(
        &mut self,
        path: &str,
        transcript: &mut Transcript,
        depth: Depth,
        budget: &mut u64,
        pass: &mut ScanPass<'_>,
    ) -> Result<(), OpenError> {
        if pack::is_packed(path) {
            return self.read_packed(path, transcript, budget, pass);
        }
        let now = pass.base.stat(Path::new(path))?;
        let differs = transcript.tail.differs(&now);
        let is_due = differs || transcript.tail.is_overdue(pass.now);
        let Some(location) = self.path_of(path).filter(|_| is_due) else {
            self.backlog.done(path);
            return Ok(());
        };
        let mut decoding = self.decoding(path, location, transcript, &now, depth, pass);
        let mut read = 0;
        if transcript.tail.is_replaced_by(&now) {
            read += self.finish_rotated(path, &mut transcript.tail, &mut decoding, pass);
        }
        let result = pass
            .base
            .file(Path::new(path), u64::MAX)
            .and_then(|opened| match differs {
                true => advance(path, &mut transcript.tail, &opened, &mut decoding, budget),
                false => Ok((finish(&mut transcript.tail, &opened, &mut decoding), false)),
            });
        if differs && matches!(result, Ok((_, false))) && transcript.tail.waits_for_end(pass.now) {
            pass.outcome.unfinished.push((path.to_owned(), LINE_GRACE));
        }
        let lines = decoding.end();
        pass.outcome.bytes += read;
        self.take_lines(path, transcript, lines, pass);
        let (read, more) = result?;
        pass.outcome.reads += 1;
        pass.outcome.bytes += read;
        self.was_read(path, transcript, depth, read, more, pass);
        Ok(())
    }

    /// At the beginning of a reading of a file, which goes on where the last one ended.
    pub(super) fn decoding<'p>(
        &self,
        path: &str,
        location: TranscriptPath,
        transcript: &Transcript,
        identity: &FileIdentity,
        depth: Depth,
        pass: &ScanPass<'p>,
    ) -> Decoding<'p> {
        let origin = self.origin(path, identity, transcript.first_sight, pass.now);
        let state = match transcript.tail.is_begun() {
            true => &transcript.state,
            false => self.state_before(path),
        };
        Decoding {
            agent: self.agent,
            reader: self.agent.reader(location.clone(), state),
            path: location,
            now: facts::learned_at(&origin, pass.now),
            origin,
            cleaner: &pass.context.cleaner,
            depth,
            decoded: DecodedLines::default(),
            long: 0,
            restarted: false,
        }
    }

    /// What the decoder has to remember at the beginning of a file: what it remembers of the file that this one continues.
    fn state_before(&self, path: &str) -> &str {
        let before = (Bound::Unbounded, Bound::Excluded(path));
        let before = self.files.range::<str, _>(before).next_back();
        match before.filter(|_| self.agent.continues) {
            Some((_, before)) => &before.state,
            None => "",
        }
    }

    /// At the end of a reading: what the lines became goes on its way.
    pub(super) fn take_lines(
        &mut self,
        path: &str,
        transcript: &mut Transcript,
        lines: ReadLines,
        pass: &mut ScanPass<'_>,
    ) {
        let ReadLines {
            mut decoded,
            long,
            state,
            restarted,
        } = lines;
        facts::date_lines(&mut decoded.events);
        if restarted {
            self.forget_lines(path, transcript, pass);
        }
        transcript.state = state;
        pass.outcome.unknown_records += decoded.unknown;
        pass.outcome.bad_lines += decoded.bad + long;
        transcript.lines.unknown += decoded.unknown;
        transcript.lines.bad += decoded.bad;
        transcript.lines.long += long;
        if decoded.bad > 0 {
            transcript.lines.last_bad = decoded.last_bad;
        }
        pass.outcome.batch.events.extend(decoded.events);
        pass.outcome.batch.logs.extend(decoded.logs);
        self.report_lines(path, transcript, pass);
    }

    /// Behind a reading: what is left, what is stored, what is over.
    pub(super) fn was_read(
        &mut self,
        path: &str,
        transcript: &mut Transcript,
        depth: Depth,
        read: u64,
        more: bool,
        pass: &mut ScanPass<'_>,
    ) {
        self.recovered(path, transcript, pass);
        let identity = transcript.tail.identity;
        transcript.changed_ns = identity.mtime_ns;
        if depth == Depth::Everything {
            pass.touched(&identity);
        }
        if !more {
            transcript.first_sight = false;
            self.backlog.done(path);
        } else if depth == Depth::Everything {
            let left = identity.size.saturating_sub(transcript.tail.offset());
            self.backlog.live(path, self.turn_of_live(&identity), left);
        } else {
            self.backlog.archive_was_read(path, read);
        }
        let checkpoint = transcript.tail.checkpoint(transcript.state.clone());
        self.checkpoint(path, checkpoint, pass);
    }

    fn origin(&self, path: &str, identity: &FileIdentity, first_sight: bool, now: Timestamp) -> Origin {
        Origin {
            kind: self.agent.source,
            // The whole path: which of two equal accounts counts is told by it.
            path: Some(self.key(path)),
            first_sight,
            modified_at: Some(facts::modified(identity, now)),
        }
    }

    /// Reads what was written to the old file between our last reading and its rotation, unless it has the name of another
    /// transcript now. Returns how many bytes were read.
    fn finish_rotated(&self, path: &str, tail: &mut Tail, decoding: &mut Decoding<'_>, pass: &ScanPass<'_>) -> u64 {
        let Some((old, opened)) = rotated(&pass.base, path, tail) else {
            return 0;
        };
        if old.to_str().is_some_and(|old| self.is_transcript(old)) {
            return 0;
        }
        let mut budget = ROTATED_BYTES;
        advance(path, tail, &opened, decoding, &mut budget).map_or(0, |(read, _)| read)
    }
}

/// Reads piece after piece until the end or until nothing is left of the budget: how much was read, whether more is left.
fn advance(
    path: &str,
    tail: &mut Tail,
    opened: &Opened,
    decoding: &mut Decoding<'_>,
    budget: &mut u64,
) -> Result<(u64, bool), OpenError> {
    let mut buffer = Vec::new();
    let mut read = 0;
    loop {
        let progress = tail.read(opened, &LINES, &mut buffer, &mut |part| decoding.part(part));
        let progress = progress.map_err(|source| OpenError::Io {
            operation: "read",
            path: path.to_owned(),
            source,
        })?;
        read += progress.bytes;
        *budget = budget.saturating_sub(progress.bytes);
        if !progress.more || *budget == 0 {
            return Ok((read, progress.more));
        }
    }
}

/// Takes the last line without its end, if it is a whole record. Gives how many bytes were read for that.
fn finish(tail: &mut Tail, opened: &Opened, decoding: &mut Decoding<'_>) -> u64 {
    tail.finish(opened, &LINES, facts::is_object, &mut |part| decoding.part(part))
}
