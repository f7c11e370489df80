//! Unpacks a body as it comes: what came packed is not kept, and what comes out is bounded before it is made. A few bytes
//! may stand for very many, so no step unpacks much before others have their turn.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use super::buffer::BodyBuffer;
use crate::error::Error;

/// Packed bytes of one step: at most about 1,000 times as many come out of them.
const STEP_BYTES: usize = 64;
/// Unpacked bytes after which others have their turn.
const TURN_BYTES: usize = 256 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Gzip {
    decoder: MultiGzDecoder<BodyBuffer>,
    /// Whether anything came at all: nothing is not an empty gzip.
    begun: bool,
}

impl Gzip {
    /// Unpacks into `buffer`.
    pub(super) fn new(buffer: BodyBuffer) -> Self {
        Self {
            decoder: MultiGzDecoder::new(buffer),
            begun: false,
        }
    }

    /// Adds packed bytes.
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

    /// What was unpacked, when it ended where it should.
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
