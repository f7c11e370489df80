//! Reading files that are appended to: from the offset where the last complete line ended, a bounded piece at a time.
//! However the bytes arrive, the lines are the same; a file that was replaced or cut is read from its beginning. What is
//! held between two readings is bounded, however long a line is.

pub(crate) mod seal;

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use forgecast_protocol::{FileIdentity, SourceCheckpoint, Timestamp};

use self::seal::WITNESS_BYTES;
use forgecast_open::{Base, Opened};

/// The longest line of a log that is kept, in bytes; what is beyond is left out and the line says so.
pub(crate) const MAX_LINE_BYTES: usize = 256 * 1024;
/// Bytes read at a time.
pub(crate) const PIECE_BYTES: usize = 256 * 1024;
/// Of a log that was never seen before, only so much is read: its end is what matters.
const FIRST_SIGHT_BYTES: u64 = 16 * 1024 * 1024;

/// How long a last line waits for its end. Then it is taken as it is, as whoever reads the file once takes it.
pub(crate) const LINE_GRACE: Duration = Duration::from_secs(2);

/// How lines are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// So many bytes of a line whose end has not come are held.
    pub(crate) held: usize,
    /// A longer line is read from the file again when its end has come, if it has no more bytes than this; else it is cut.
    pub(crate) whole: usize,
    /// Of a file never seen before only its last so many bytes are read.
    pub(crate) first_sight: u64,
}

/// Lines of a log: cut when they are long.
const LOG: Limits = Limits {
    held: MAX_LINE_BYTES,
    whole: 0,
    first_sight: FIRST_SIGHT_BYTES,
};

/// What is remembered of one file.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// The file as it was when it was last read.
    pub(crate) identity: FileIdentity,
    /// Whether it is there, as far as we know.
    pub(crate) present: bool,
    /// Behind the last complete line.
    offset: u64,
    /// Behind the last byte that was read; what lies between is in `partial` (up to its cap).
    read_to: u64,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    /// Bytes of that line beyond the cap.
    dropped: u64,
    /// The last bytes before `read_to`, when known.
    witness: Vec<u8>,
    /// What stood before `offset`, as a digest; empty when that is not known.
    seal: String,
    /// Nothing was compared with the seal yet: it is of an earlier life or of another name.
    sealed: bool,
    /// The first line is cut off in front: begun in the middle of a file.
    headless: bool,
    /// Whether anything was ever read of it.
    begun: bool,
    /// Since when a last line waits for its end.
    waits_since: Option<Timestamp>,
}

/// One complete line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// At most [`MAX_LINE_BYTES`].
    pub(crate) bytes: Vec<u8>,
    /// How many bytes were left out.
    pub(crate) dropped: u64,
}

impl Line {
    fn of(part: Part<'_>) -> Option<Self> {
        match part {
            Part::Restarted => None,
            Part::Line { bytes, dropped, .. } => Some(Self {
                bytes: bytes.to_vec(),
                dropped,
            }),
        }
    }
}

/// What one reading of a log gave.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Complete lines, in order.
    pub(crate) lines: Vec<Line>,
    /// Bytes read.
    pub(crate) bytes: u64,
    /// There is more to read.
    pub(crate) more: bool,
    /// The file was replaced, cut or rewritten; it is read from its beginning.
    pub(crate) restarted: bool,
}

/// What comes out of a reading, in order.
#[derive(Debug)]
pub(crate) enum Part<'l> {
    /// The file was replaced, cut or rewritten; what comes next is from its beginning.
    Restarted,
    /// A complete line without its end.
    Line {
        bytes: &'l [u8],
        /// Where it begins in the file.
        offset: u64,
        /// How many bytes of it were left out.
        dropped: u64,
    },
}

/// How a reading went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Bytes read.
    pub(crate) bytes: u64,
    /// There is more to read.
    pub(crate) more: bool,
}

impl Tail {
    /// A file of an earlier life.
    pub(crate) fn known(checkpoint: &SourceCheckpoint) -> Self {
        Self {
            identity: checkpoint.identity,
            present: true,
            offset: checkpoint.offset,
            read_to: checkpoint.offset,
            seal: checkpoint.digest.clone(),
            sealed: !checkpoint.digest.is_empty(),
            begun: true,
            ..Self::default()
        }
    }

    /// How far another form of the same file was read: its lines are those of this one, which is now `identity`. `None`
    /// when it is not known what stood before that place, so that it could not be compared.
    pub(crate) fn known_of_other_form(other: &Self, identity: FileIdentity) -> Option<Self> {
        let is_comparable = other.begun && !other.seal.is_empty();
        is_comparable.then(|| {
            Self::known(&SourceCheckpoint {
                // Not like the file, so it is read.
                identity: FileIdentity { size: 0, ..identity },
                ..other.checkpoint(String::new())
            })
        })
    }

    /// How far the lines of a packed file were read; `digest` is that of what stands before. One that is not read whole is
    /// not yet like the file.
    pub(crate) fn of_packed(identity: FileIdentity, offset: u64, digest: String, is_whole: bool) -> Self {
        let mut tail = Self::known(&SourceCheckpoint {
            identity,
            offset,
            digest,
            state: String::new(),
        });
        if !is_whole {
            tail.read_again();
        }
        tail
    }

    /// The next look finds a difference.
    pub(crate) fn read_again(&mut self) {
        self.identity.size = 0;
    }

    /// How far it was read: complete lines only, so that a restart reads an unfinished one again. `state` is what their
    /// decoder has to remember.
    pub(crate) fn checkpoint(&self, state: String) -> SourceCheckpoint {
        SourceCheckpoint {
            identity: self.identity,
            offset: self.offset,
            digest: self.seal.clone(),
            state,
        }
    }

    /// Behind the last complete line that was taken.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether anything was ever read of it.
    pub(crate) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Whether a look by `stat` is a reason to read.
    pub(crate) fn differs(&self, now: &FileIdentity) -> bool {
        !self.present || self.identity != *now
    }

    /// Whether the name now stands for another file than before.
    pub(crate) fn is_replaced_by(&self, now: &FileIdentity) -> bool {
        self.begun && (self.identity.device, self.identity.inode) != (now.device, now.inode)
    }

    /// After a reading to the end: whether a last line waits for its end from now on.
    pub(crate) fn waits_for_end(&mut self, now: Timestamp) -> bool {
        self.waits_since = (self.read_to > self.offset).then_some(now);
        self.waits_since.is_some()
    }

    /// Whether a last line has waited for its end long enough.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        let grace = LINE_GRACE.as_millis();
        self.waits_since
            .is_some_and(|since| u128::from(now.millis_since(since)) >= grace)
    }

    /// Takes the last line without its end, if `is_whole` says of its bytes that no end is missed and nothing came since it
    /// was read. A line end that comes later only ends it; anything else is a line of its own.
    pub(crate) fn finish(
        &mut self,
        opened: &Opened,
        limits: &Limits,
        is_whole: fn(&[u8]) -> bool,
        take: &mut dyn FnMut(Part<'_>),
    ) -> u64 {
        self.waits_since = None;
        let mut read = 0;
        let grew = opened.identity.size != self.read_to;
        if self.read_to == self.offset || self.is_replaced_by(&opened.identity) || grew {
            return read;
        }
        let (mut bytes, mut dropped) = (self.partial.clone(), self.dropped);
        if dropped > 0 && self.read_to - self.offset <= bytes_of(limits.whole) {
            read = reread(opened, self.offset, self.read_to, &mut bytes, &mut dropped);
        }
        if !is_whole(&bytes) {
            return read;
        }
        let begin = self.offset;
        self.offset = self.read_to;
        self.seal = seal::before(&self.witness, self.witness.len(), self.offset);
        (self.partial, self.dropped) = (Vec::new(), 0);
        if !std::mem::take(&mut self.headless) {
            emit(&bytes, begin, dropped, take);
        }
        read
    }

    /// Takes the last line of a log without its end; see [`finish`](Self::finish).
    pub(crate) fn finish_log(&mut self, opened: &Opened, is_whole: fn(&[u8]) -> bool) -> Piece {
        let mut piece = Piece::default();
        let lines = &mut piece.lines;
        piece.bytes = self.finish(opened, &LOG, is_whole, &mut |part| lines.extend(Line::of(part)));
        piece
    }

    /// Reads the next piece of a log.
    pub(crate) fn advance(&mut self, opened: &Opened) -> io::Result<Piece> {
        let mut piece = Piece::default();
        let (lines, restarted) = (&mut piece.lines, &mut piece.restarted);
        let progress = self.read(opened, &LOG, &mut Vec::new(), &mut |part| match part {
            Part::Restarted => *restarted = true,
            line @ Part::Line { .. } => lines.extend(Line::of(line)),
        })?;
        (piece.bytes, piece.more) = (progress.bytes, progress.more);
        Ok(piece)
    }

    /// Reads the next piece of the file and hands its complete lines to `take`. `buffer` is room to work in, used again
    /// and again.
    pub(crate) fn read(
        &mut self,
        opened: &Opened,
        limits: &Limits,
        buffer: &mut Vec<u8>,
        take: &mut dyn FnMut(Part<'_>),
    ) -> io::Result<Progress> {
        let now = opened.identity;
        let mut progress = Progress::default();
        if self.is_replaced_by(&now) || now.size < self.read_to {
            self.restart();
            take(Part::Restarted);
        }
        if !self.begun && now.size > limits.first_sight {
            self.offset = now.size - limits.first_sight;
            self.read_to = self.offset;
            self.headless = true;
        }
        self.begun = true;
        self.present = true;
        let mut filled = self.fill(opened, buffer, &mut progress)?;
        if filled.is_none() {
            // The bytes before the offset are others than those that were read: cut and written again.
            self.restart();
            self.begun = true;
            take(Part::Restarted);
            filled = self.fill(opened, buffer, &mut progress)?;
        }
        let (witness, end) = filled.unwrap_or_default();
        self.split(&buffer[..end], witness, opened, limits, &mut progress, take);
        progress.more = self.read_to < now.size && end > witness;
        self.identity = now;
        if progress.more {
            // Not yet like the file, so the next look finds a difference even if nobody reads the rest before.
            self.identity.size = self.read_to;
        }
        Ok(progress)
    }

    fn restart(&mut self) {
        *self = Self {
            identity: self.identity,
            present: self.present,
            ..Self::default()
        };
    }

    /// Reads the bytes that follow, with those before them that are compared: how many these are, and how many are in the
    /// buffer in all. `None` when the file is not the continuation of what was read.
    fn fill(
        &self,
        opened: &Opened,
        buffer: &mut Vec<u8>,
        progress: &mut Progress,
    ) -> io::Result<Option<(usize, usize)>> {
        let witness = if self.sealed {
            usize::try_from(self.offset).unwrap_or(usize::MAX).min(WITNESS_BYTES)
        } else {
            self.witness.len()
        };
        let from = self.read_to.saturating_sub(bytes_of(witness));
        let left = usize::try_from(opened.identity.size.saturating_sub(from)).unwrap_or(usize::MAX);
        let wanted = left.min(witness + PIECE_BYTES);
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        let filled = read_at(opened, &mut buffer[..wanted], from)?;
        progress.bytes += bytes_of(filled);
        let continues = filled >= witness
            && if self.sealed {
                seal::of(&buffer[..witness]) == self.seal
            } else {
                buffer[..witness] == self.witness
            };
        Ok(continues.then_some((witness, filled)))
    }

    /// Splits what was read behind the `witness` into lines.
    fn split(
        &mut self,
        read: &[u8],
        witness: usize,
        opened: &Opened,
        limits: &Limits,
        progress: &mut Progress,
        take: &mut dyn FnMut(Part<'_>),
    ) {
        let mut at = witness;
        let mut ended = None;
        // Behind a line that was taken without its end, of which a part may have come already.
        let held = usize::try_from(self.read_to - self.offset).unwrap_or(usize::MAX);
        let before = witness.checked_sub(held.saturating_add(1)).map(|place| read[place]);
        let mut is_taken = !self.headless && before.is_some_and(|byte| byte != b'\n');
        for end in memchr::memchr_iter(b'\n', &read[witness..]).map(|end| end + witness) {
            let (begin, rest) = (self.offset, &read[at..end]);
            self.read_to += bytes_of(rest.len() + 1);
            self.offset = self.read_to;
            at = end + 1;
            ended = Some(at);
            let is_blank = self.dropped == 0 && self.partial.trim_ascii().is_empty() && rest.trim_ascii().is_empty();
            if std::mem::take(&mut is_taken) && is_blank {
                self.partial.clear();
                continue;
            }
            if self.partial.is_empty() && self.dropped == 0 && rest.len() <= limits.held.max(limits.whole) {
                if !std::mem::take(&mut self.headless) {
                    emit(rest, begin, 0, take);
                }
                continue;
            }
            self.keep(rest, limits);
            let mut bytes = std::mem::take(&mut self.partial);
            let mut dropped = std::mem::take(&mut self.dropped);
            if dropped > 0 && self.offset - begin <= bytes_of(limits.whole) + 1 {
                progress.bytes += reread(opened, begin, self.offset - 1, &mut bytes, &mut dropped);
            }
            if !std::mem::take(&mut self.headless) {
                emit(&bytes, begin, dropped, take);
            }
        }
        self.keep(&read[at..], limits);
        self.read_to += bytes_of(read.len() - at);
        if let Some(ended) = ended {
            self.seal = seal::before(read, ended, self.offset);
        }
        self.sealed = false;
        self.witness = read[read.len().saturating_sub(WITNESS_BYTES)..].to_vec();
    }

    fn keep(&mut self, part: &[u8], limits: &Limits) {
        let room = limits.held.saturating_sub(self.partial.len()).min(part.len());
        self.partial.extend_from_slice(&part[..room]);
        self.dropped += bytes_of(part.len() - room);
    }
}

/// The file that stood at `path` when it was last read, after another was put in its place: it lies beside it under
/// another name, if it still exists.
pub(crate) fn rotated(base: &Base, path: &str, tail: &Tail) -> Option<(PathBuf, Opened)> {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let entries = base.list(folder).ok()?;
    let old = entries.iter().find(|entry| entry.inode == tail.identity.inode)?;
    let old = folder.join(&old.name);
    let opened = base.file(&old, u64::MAX).ok()?;
    let continues = !tail.is_replaced_by(&opened.identity) && opened.identity.size >= tail.identity.size;
    continues.then_some((old, opened))
}

fn emit(bytes: &[u8], offset: u64, dropped: u64, take: &mut dyn FnMut(Part<'_>)) {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    take(Part::Line { bytes, offset, dropped });
}

/// Reads a long line again, now that it is whole: at most so many bytes as are taken whole. How many were read.
fn reread(opened: &Opened, from: u64, to: u64, bytes: &mut Vec<u8>, dropped: &mut u64) -> u64 {
    let Ok(length) = usize::try_from(to - from) else {
        return 0;
    };
    let mut whole = vec![0; length];
    match read_at(opened, &mut whole, from) {
        Ok(read) if read == length => {
            (*bytes, *dropped) = (whole, 0);
            bytes_of(length)
        }
        // It was cut in this moment: the next look finds that out.
        _ => 0,
    }
}

fn read_at(opened: &Opened, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match opened
            .file
            .read_at(&mut buffer[filled..], from.saturating_add(bytes_of(filled)))
        {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn bytes_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
