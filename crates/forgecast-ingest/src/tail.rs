//! Reading files that are appended to: from the offset where the last complete line ended, a bounded piece at a time.
//! However the bytes arrive, the lines are the same; a file that was replaced or cut is read from its beginning.

use std::io;
use std::os::unix::fs::FileExt;

use forgecast_protocol::{FileIdentity, SourceCheckpoint};

use crate::open::Opened;

/// The longest line that is kept, in bytes; what is beyond is left out and the line says so.
pub(crate) const MAX_LINE_BYTES: usize = 256 * 1024;
/// Bytes read at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// Of a log that was never seen before, only so much is read: its end is what matters.
const FIRST_SIGHT_BYTES: u64 = 16 * 1024 * 1024;
/// So many bytes before the offset are compared with what was read there, to notice a file that was cut and grew again.
const WITNESS_BYTES: usize = 64;

/// What is remembered of one log.
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
    /// The first line is cut off in front: begun in the middle of a file.
    headless: bool,
    /// Whether anything was ever read of it.
    begun: bool,
}

/// One complete line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// At most [`MAX_LINE_BYTES`].
    pub(crate) bytes: Vec<u8>,
    /// How many bytes were left out.
    pub(crate) dropped: u64,
}

/// What one reading gave.
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
    /// Earlier bytes were passed over because there were too many.
    pub(crate) skipped: u64,
}

impl Tail {
    /// A log of an earlier life.
    pub(crate) fn known(checkpoint: &SourceCheckpoint) -> Self {
        Self {
            identity: checkpoint.identity,
            present: true,
            offset: checkpoint.offset,
            read_to: checkpoint.offset,
            begun: true,
            ..Self::default()
        }
    }

    /// How far it was read: complete lines only, so that a restart reads an unfinished one again.
    pub(crate) fn checkpoint(&self) -> SourceCheckpoint {
        SourceCheckpoint {
            identity: self.identity,
            offset: self.offset,
            digest: String::new(),
            state: String::new(),
        }
    }

    /// Whether a look by `stat` is a reason to read.
    pub(crate) fn differs(&self, now: &FileIdentity) -> bool {
        !self.present || self.identity != *now
    }

    /// Whether the name now stands for another file than before.
    pub(crate) fn is_replaced_by(&self, now: &FileIdentity) -> bool {
        self.begun && (self.identity.device, self.identity.inode) != (now.device, now.inode)
    }

    /// Reads the next piece of the file.
    pub(crate) fn advance(&mut self, opened: &Opened) -> io::Result<Piece> {
        let now = opened.identity;
        let mut piece = Piece::default();
        if self.is_replaced_by(&now) || now.size < self.read_to {
            self.restart();
            piece.restarted = true;
        }
        if !self.begun && now.size > FIRST_SIGHT_BYTES {
            self.offset = now.size - FIRST_SIGHT_BYTES;
            self.read_to = self.offset;
            self.headless = true;
            piece.skipped = self.offset;
        }
        self.begun = true;
        self.present = true;
        let mut fresh = self.read_piece(opened, &mut piece)?;
        if fresh.is_none() {
            // The bytes before the offset are others than those that were read: cut and written again.
            self.restart();
            self.begun = true;
            piece.restarted = true;
            fresh = self.read_piece(opened, &mut piece)?;
        }
        let fresh = fresh.unwrap_or_default();
        self.take(&fresh, &mut piece.lines);
        piece.more = self.read_to < now.size && !fresh.is_empty();
        self.identity = now;
        if piece.more {
            // Not yet like the file, so the next look finds a difference even if nobody reads the rest before.
            self.identity.size = self.read_to;
        }
        Ok(piece)
    }

    fn restart(&mut self) {
        *self = Self {
            identity: self.identity,
            present: self.present,
            ..Self::default()
        };
    }

    /// `None` when the file is not the continuation of what was read.
    fn read_piece(&self, opened: &Opened, piece: &mut Piece) -> io::Result<Option<Vec<u8>>> {
        let witness = self.witness.len();
        let from = self.read_to.saturating_sub(u64::try_from(witness).unwrap_or(0));
        let left = usize::try_from(opened.identity.size.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left.min(witness + PIECE_BYTES)];
        let mut filled = 0;
        while filled < bytes.len() {
            let at = from.saturating_add(u64::try_from(filled).unwrap_or(0));
            match opened.file.read_at(&mut bytes[filled..], at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        piece.bytes += u64::try_from(filled).unwrap_or(0);
        if bytes.len() < witness || bytes[..witness] != self.witness {
            return Ok(None);
        }
        bytes.drain(..witness);
        Ok(Some(bytes))
    }

    /// Splits new bytes into lines.
    fn take(&mut self, fresh: &[u8], lines: &mut Vec<Line>) {
        let mut rest = fresh;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.keep(&rest[..at]);
            self.read_to += u64::try_from(at + 1).unwrap_or(0);
            self.offset = self.read_to;
            rest = &rest[at + 1..];
            let mut bytes = std::mem::take(&mut self.partial);
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
            let dropped = std::mem::take(&mut self.dropped);
            if !std::mem::take(&mut self.headless) {
                lines.push(Line { bytes, dropped });
            }
        }
        self.keep(rest);
        self.read_to += u64::try_from(rest.len()).unwrap_or(0);
        self.remember(fresh);
    }

    fn keep(&mut self, part: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.partial.len()).min(part.len());
        self.partial.extend_from_slice(&part[..room]);
        self.dropped += u64::try_from(part.len() - room).unwrap_or(0);
    }

    fn remember(&mut self, fresh: &[u8]) {
        self.witness
            .extend_from_slice(&fresh[fresh.len().saturating_sub(WITNESS_BYTES)..]);
        let over = self.witness.len().saturating_sub(WITNESS_BYTES);
        self.witness.drain(..over);
    }
}

#[cfg(test)]
mod tests;
