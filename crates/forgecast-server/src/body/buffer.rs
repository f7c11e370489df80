//! Collects the bytes of one body: never more than its limit, and each byte covered by a memory permit.

use std::io;

use super::{LimitedBody, MemoryPermit};
use crate::error::Error;

/// From this size on a body gets one allocation that is large enough for all of it.
const LONG_BYTES: usize = 256 * 1024;
/// The least size of such an allocation. Only pages that are written to take memory, and above 32 MiB allocators return an
/// allocation to the system at once; smaller ones they keep, some per thread.
const BLOCK_BYTES: usize = 33 * 1024 * 1024;

/// The bytes so far.
#[derive(Debug)]
pub(super) struct BodyBuffer {
    bytes: Vec<u8>,
    limit: usize,
    taken: MemoryPermit,
    /// Why a write failed.
    refusal: Option<Error>,
}

impl BodyBuffer {
    /// An empty buffer for at most `limit` bytes.
    pub(super) fn new(limit: usize, taken: MemoryPermit) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            taken,
            refusal: None,
        }
    }

    /// Adds bytes; waits for a memory permit.
    pub(super) async fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        let length = self.bytes.len() + data.len();
        if length <= self.limit {
            self.taken.grow(length).await?;
        }
        self.add(data)
    }

    /// Waits for a memory permit for the bytes that were written before.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        self.taken.grow(self.bytes.len()).await
    }

    fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        let length = self.bytes.len() + data.len();
        if length > self.limit {
            return Err(Error::TooLarge(self.limit));
        }
        if length > LONG_BYTES && length > self.bytes.capacity() {
            let block = self.limit.max(BLOCK_BYTES) - self.bytes.len();
            self.bytes.try_reserve_exact(block).map_err(|_| Error::NoRoom)?;
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// The number of bytes so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Why the last write failed, when this buffer refused it.
    pub(super) fn refusal(&mut self) -> Option<Error> {
        self.refusal.take()
    }

    /// The whole body.
    pub(super) fn finish(self) -> LimitedBody {
        LimitedBody {
            bytes: self.bytes,
            _room: self.taken,
        }
    }
}

/// For a decompressor, which writes in small steps and calls [`BodyBuffer::settle`] after each.
impl io::Write for BodyBuffer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.add(data) {
            Ok(()) => Ok(data.len()),
            Err(error) => {
                self.refusal = Some(error);
                Err(io::ErrorKind::OutOfMemory.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
