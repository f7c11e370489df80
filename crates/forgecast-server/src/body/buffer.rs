//! Where a body is put together: never more than its limit, and every byte of it with its room.

use std::io;

use super::{LimitedBody, MemoryPermit};
use crate::error::Error;

/// From here on a body gets a block of its own that is large enough for all of it.
const LONG_BYTES: usize = 256 * 1024;
/// The least size of such a block. Only what is written to takes memory, and above 32 MiB allocators give a block back
/// to the system at once; shorter ones they keep for long, some for each thread.
const BLOCK_BYTES: usize = 33 * 1024 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct BodyBuffer {
    bytes: Vec<u8>,
    limit: usize,
    taken: MemoryPermit,
    /// Why it takes no more, once it does not.
    refusal: Option<Error>,
}

impl BodyBuffer {
    /// An empty one that takes at most `limit` bytes.
    pub(super) fn new(limit: usize, taken: MemoryPermit) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            taken,
            refusal: None,
        }
    }

    /// Adds to it; waits for room.
    pub(super) async fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        let length = self.bytes.len() + data.len();
        if length <= self.limit {
            self.taken.grow(length).await?;
        }
        self.add(data)
    }

    /// Waits for the room of what was added before.
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

    /// How much there is.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Why a write failed, when it was for a reason of its own.
    pub(super) fn refusal(&mut self) -> Option<Error> {
        self.refusal.take()
    }

    /// All of it.
    pub(super) fn finish(self) -> LimitedBody {
        LimitedBody {
            bytes: self.bytes,
            _room: self.taken,
        }
    }
}

/// For what unpacks into it, in small steps, each of which is settled before the next one.
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
