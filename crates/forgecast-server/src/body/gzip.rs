//! Decompresses a body as it arrives. Compressed bytes are not kept, and the output is bounded before it is produced. A few
//! bytes may expand to very many, so no step runs long before other tasks get their turn.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use super::buffer::BodyBuffer;
use crate::error::Error;

/// Compressed bytes per step; they expand at most about 1,000 times.
const STEP_BYTES: usize = 64;
/// Decompressed bytes after which other tasks get their turn.
const TURN_BYTES: usize = 256 * 1024;

/// A decompressor that writes into a [`BodyBuffer`].
#[derive(Debug)]
pub(super) struct Gzip {
    decoder: MultiGzDecoder<BodyBuffer>,
    /// Whether any byte arrived: no bytes are not an empty gzip.
    begun: bool,
}

impl Gzip {
    /// Decompresses into `buffer`.
    pub(super) fn new(buffer: BodyBuffer) -> Self {
        Self {
            decoder: MultiGzDecoder::new(buffer),
            begun: false,
        }
    }

    /// Adds compressed bytes.
    pub(super) async fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        let mut turn = self.decoder.get_ref().len() + TURN_BYTES;
        for step in data.chunks(STEP_BYTES) {
            self.begun = true;
            let written = self.decoder.write_all(step);
            written.map_err(|error| self.refused(&error))?;
            self.decoder.get_mut().settle().await?;
            if self.decoder.get_ref().len() >= turn {
                turn = self.decoder.get_ref().len() + TURN_BYTES;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// The decompressed body; an error when it is truncated.
    pub(super) fn finish(mut self) -> Result<BodyBuffer, Error> {
        if !self.begun {
            return Err(Error::Malformed("the body is empty, which no gzip is".to_owned()));
        }
        let ended = self.decoder.try_finish();
        ended.map_err(|error| self.refused(&error))?;
        self.decoder
            .finish()
            .map_err(|error| Error::Malformed(format!("the body is not gzip: {error}")))
    }

    fn refused(&mut self, error: &io::Error) -> Error {
        let own = self.decoder.get_mut().refusal();
        own.unwrap_or_else(|| Error::Malformed(format!("the body is not gzip: {error}")))
    }
}
