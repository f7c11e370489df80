//! Packed transcripts: an agent packs a file that was long at rest (`x.jsonl` becomes
//! `x.jsonl.zst`, a Zstandard file with the same lines) and removes it, and unpacks it to go on
//! with it. A packed file is written once and read from its beginning. It is somebody else's:
//! neither its window nor what it unpacks to is without a bound.

use std::fs::File;
use std::io::{self, BufReader, Read};

use forgecast_decode::transcript::MAX_LINE;
use forgecast_open::Opened;
use forgecast_protocol::FileIdentity;
use zstd::stream::read::Decoder;

use crate::tail::{PIECE_BYTES, Part, Progress, Tail, seal};

/// How a packed file's name ends, behind that of the file.
const ENDING: &str = ".zst";
/// How transcripts' names end.
const LINES: &str = ".jsonl";
/// The largest window of a file that is unpacked, as a power of two: 128 MiB of memory, what `zstd
/// -d` takes, too.
const WINDOW_LOG: u32 = 27;
/// A file is unpacked up to this size, bytes.
const MAX_UNPACKED: u64 = 2 << 30;

/// Whether a file of this name is packed.
pub(crate) fn is_packed(path: &str) -> bool {
    path.strip_suffix(ENDING).is_some_and(|name| name.ends_with(LINES))
}

/// The name of the same file packed when it is not, and unpacked when it is.
pub(crate) fn other_form(path: &str) -> String {
    match path.strip_suffix(ENDING) {
        Some(name) if is_packed(path) => name.to_owned(),
        _ => format!("{path}{ENDING}"),
    }
}

/// The bytes of a packed file, unpacked. Reading beyond the bound is an error.
pub(crate) struct Unpacked {
    decoder: Decoder<'static, BufReader<File>>,
    /// How many more bytes are unpacked.
    left: u64,
}

impl Unpacked {
    pub(crate) fn of(file: File) -> io::Result<Self> {
        Self::up_to(file, MAX_UNPACKED)
    }

    fn up_to(file: File, left: u64) -> io::Result<Self> {
        let mut decoder = Decoder::new(file)?;
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(Self { decoder, left })
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            return match self.decoder.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "it unpacks to more bytes than are read (2 GiB); what follows is not counted",
                )),
            };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.decoder.read(&mut buffer[..most])?;
        self.left -= u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }
}

/// The lines of a packed file, piece by piece.
pub(crate) struct Unpacking {
    path: String,
    identity: FileIdentity,
    bytes: Unpacked,
    /// What is not yet handed out, with the bytes before it that may be compared.
    buffer: Vec<u8>,
    /// Where what is not yet handed out begins in the buffer, and in the file.
    start: usize,
    offset: u64,
    /// Bytes left out of the line that begins there.
    dropped: u64,
}

impl std::fmt::Debug for Unpacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.path, self.offset)
    }
}

/// The place up to which lines were read before, and the digest of what stands before it.
pub(crate) struct ReadBefore {
    pub(crate) offset: u64,
    pub(crate) digest: String,
}

/// The lines are not those that were read before.
#[derive(Debug)]
pub(crate) struct OtherContent;

impl Unpacking {
    pub(crate) fn begin(path: &str, opened: Opened) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: opened.identity,
            bytes: Unpacked::of(opened.file)?,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            dropped: 0,
        })
    }

    /// Whether it is this file, as it is now.
    pub(crate) fn is_of(&self, path: &str, identity: &FileIdentity) -> bool {
        self.path == path && self.identity == *identity
    }

    /// How far its lines were handed out.
    pub(crate) fn tail(&self, is_whole: bool) -> Tail {
        let digest = seal::before(&self.buffer, self.start, self.offset);
        Tail::of_packed(self.identity, self.offset, digest, is_whole)
    }

    /// Unpacks about `budget` bytes and hands out the lines behind those that were read before.
    pub(crate) fn advance(
        &mut self,
        budget: u64,
        before: &ReadBefore,
        take: &mut dyn FnMut(Part<'_>),
    ) -> io::Result<Result<Progress, OtherContent>> {
        let mut progress = Progress { bytes: 0, more: true };
        while progress.more && progress.bytes < budget {
            let read = self.fill()?;
            progress.bytes += bytes_of(read);
            progress.more = read > 0;
            while let Some(length) = memchr::memchr(b'\n', &self.buffer[self.start..]) {
                if !self.hand_out(length, before, take) {
                    return Ok(Err(OtherContent));
                }
            }
            self.bound_line();
        }
        if !progress.more {
            if self.offset < before.offset {
                return Ok(Err(OtherContent));
            }
            // A last line without an end counts, and is read again when it has one.
            if self.start < self.buffer.len() {
                self.line(self.buffer.len() - self.start, take);
            }
        }
        Ok(Ok(progress))
    }

    /// Adds a piece to the buffer; 0 at the end of the file.
    fn fill(&mut self) -> io::Result<usize> {
        let behind = self.start.saturating_sub(seal::WITNESS_BYTES);
        self.buffer.drain(..behind);
        self.start -= behind;
        let filled = self.buffer.len();
        self.buffer.resize(filled + PIECE_BYTES, 0);
        let read = self.bytes.read(&mut self.buffer[filled..]);
        self.buffer.truncate(filled + read.as_ref().copied().unwrap_or(0));
        read
    }

    /// Goes on behind the next line, which it hands out unless it was read before. Whether the line
    /// is what was read.
    fn hand_out(&mut self, length: usize, before: &ReadBefore, take: &mut dyn FnMut(Part<'_>)) -> bool {
        let began = self.offset;
        if began >= before.offset {
            self.line(length, take);
        }
        self.offset += bytes_of(length + 1) + self.dropped;
        self.start += length + 1;
        self.dropped = 0;
        if self.offset == before.offset {
            return seal::before(&self.buffer, self.start, self.offset) == before.digest;
        }
        began >= before.offset || self.offset < before.offset
    }

    fn line(&self, length: usize, take: &mut dyn FnMut(Part<'_>)) {
        let bytes = &self.buffer[self.start..self.start + length];
        take(Part::Line {
            bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
            offset: self.offset,
            dropped: self.dropped,
        });
    }

    /// Leaves out what a line has beyond the longest that is read.
    fn bound_line(&mut self) {
        let length = self.buffer.len() - self.start;
        if length > MAX_LINE {
            self.buffer.truncate(self.start);
            self.dropped += bytes_of(length);
        }
    }
}

fn bytes_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn a_packed_file_has_the_name_of_the_file_and_an_ending() {
        assert!(is_packed("a/x.jsonl.zst") && !is_packed("a/x.jsonl") && !is_packed("a/x.zst"));
        for name in ["a/x.jsonl", "a/x.jsonl.zst"] {
            assert_ne!(other_form(name), name);
            assert_eq!(other_form(&other_form(name)), name);
        }
    }

    #[test]
    fn what_unpacks_to_more_than_the_bound_is_read_up_to_it_and_then_an_error() {
        let packed = zstd::encode_all(&[b'a'; 3_000][..], 3).unwrap();
        let mut all = Vec::new();
        Unpacked::up_to(file(&packed), 3_000)
            .unwrap()
            .read_to_end(&mut all)
            .unwrap();
        assert_eq!(all.len(), 3_000);
        all.clear();
        let error = Unpacked::up_to(file(&packed), 2_999)
            .unwrap()
            .read_to_end(&mut all)
            .unwrap_err();
        assert_eq!((error.kind(), all.len()), (io::ErrorKind::FileTooLarge, 2_999));
    }

    #[test]
    fn a_window_beyond_the_bound_is_refused_before_it_takes_memory() {
        // The head of a frame that asks for a window of a terabyte.
        let head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (40 - 10) << 3, 0, 0, 0];
        let error = Unpacked::of(file(&head)).unwrap().read(&mut [0; 10]).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
    }

    #[test]
    fn frames_behind_one_another_are_one_file_and_half_a_frame_is_incomplete() {
        let mut packed = zstd::encode_all(&b"one\n"[..], 1).unwrap();
        packed.extend(zstd::encode_all(&b"two\n"[..], 19).unwrap());
        let mut all = Vec::new();
        Unpacked::of(file(&packed)).unwrap().read_to_end(&mut all).unwrap();
        assert_eq!(all, b"one\ntwo\n");
        let half = &packed[..packed.len() - 3];
        let error = Unpacked::of(file(half)).unwrap().read_to_end(&mut all).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
