//! Reads a stretch of a file in pieces of whole lines, each from a buffer that is used again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::files::Part;
use crate::packed as pack;
use forgecast_decode::transcript::MAX_LINE;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Hands over all whole lines that begin in the stretch, many at once, with the offset of the first in the file; also a
/// last line without an end. Lines longer than are read are passed over. Gives the bytes that were read, and how many
/// lines were too long.
pub(super) fn pieces(
    part: &Part,
    buffer: &mut Vec<u8>,
    mut take: impl FnMut(&[u8], u64),
) -> Result<(u64, u64), String> {
    let opened = part
        .base
        .file(&part.relative, u64::MAX)
        .map_err(|error| error.to_string())?;
    read(part, opened.file, buffer, &mut take).map_err(|error| format!("cannot read it: {error}"))
}

fn read(part: &Part, file: File, buffer: &mut Vec<u8>, take: &mut impl FnMut(&[u8], u64)) -> io::Result<(u64, u64)> {
    let mut reading = Reading {
        bytes: bytes_of(part, file)?,
        buffer,
        filled: 0,
        // The line that reaches into the stretch belongs to the one before it.
        offset: part.range.start.saturating_sub(1),
        read: 0,
        too_long: 0,
    };
    reading.run(part, take)?;
    Ok((reading.read, reading.too_long))
}

/// The bytes of the file's lines from the one before the stretch on.
fn bytes_of(part: &Part, mut file: File) -> io::Result<Box<dyn Read>> {
    if part.is_packed {
        return Ok(Box::new(pack::Unpacked::of(file)?));
    }
    file.seek(SeekFrom::Start(part.range.start.saturating_sub(1)))?;
    Ok(Box::new(file))
}

struct Reading<'b> {
    bytes: Box<dyn Read>,
    buffer: &'b mut Vec<u8>,
    /// Bytes of the buffer that are of the file.
    filled: usize,
    /// Where the buffer begins in the file.
    offset: u64,
    read: u64,
    too_long: u64,
}

impl Reading<'_> {
    fn run(&mut self, part: &Part, take: &mut impl FnMut(&[u8], u64)) -> io::Result<()> {
        if self.buffer.len() < PIECE {
            self.buffer.resize(PIECE, 0);
        }
        let mut skipping = part.range.start > 0;
        loop {
            let ended = match self.fill() {
                Ok(ended) => ended,
                Err(error) => {
                    // The whole lines that came before it count.
                    let whole = memchr::memrchr(b'\n', &self.buffer[..self.filled]).map_or(0, |at| at + 1);
                    if !skipping {
                        take(&self.buffer[..whole], self.offset);
                    }
                    return Err(error);
                }
            };
            if skipping {
                skipping = !self.skip_line();
            } else {
                let left = usize::try_from(part.range.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
                if left == 0 {
                    return Ok(());
                }
                skipping = self.hand_over(left, ended, take);
            }
            if ended || self.offset >= part.range.end {
                return Ok(());
            }
        }
    }

    /// Hands over the whole lines in the buffer that begin within its first `left` bytes. True when the line that it
    /// ends with is longer than is read, so that the rest of it has to be passed over.
    fn hand_over(&mut self, left: usize, ended: bool, take: &mut impl FnMut(&[u8], u64)) -> bool {
        let held = &self.buffer[..self.filled];
        let end = if left < held.len() {
            // The last line that begins in the stretch ends at the first line end at or behind its last byte.
            memchr::memchr(b'\n', &held[left - 1..]).map(|at| left + at)
        } else {
            memchr::memrchr(b'\n', held).map(|at| at + 1)
        };
        match end {
            Some(end) if end >= left || !ended => {
                take(&held[..end], self.offset);
                self.drop(end);
            }
            _ if ended => {
                take(held, self.offset);
                self.drop(self.filled);
            }
            // Whole lines, none of them the last of the stretch: taken when there is more.
            Some(_) => {}
            None if self.filled > MAX_LINE => {
                self.too_long += 1;
                self.drop(self.filled);
                return true;
            }
            None if self.filled == self.buffer.len() => self.buffer.resize(self.buffer.len() * 2, 0),
            None => {}
        }
        false
    }

    /// Drops everything up to the next line end; false when there is none in the buffer.
    fn skip_line(&mut self) -> bool {
        let end = memchr::memchr(b'\n', &self.buffer[..self.filled]);
        self.drop(end.map_or(self.filled, |at| at + 1));
        end.is_some()
    }

    fn drop(&mut self, bytes: usize) {
        self.buffer.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
        self.offset += bytes as u64;
    }

    /// Reads until the buffer is full; true at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        while self.filled < self.buffer.len() {
            match self.bytes.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Ok(true),
                Ok(bytes) => {
                    self.filled += bytes;
                    self.read += bytes as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
