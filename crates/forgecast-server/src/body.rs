//! Reads the body of a request: up to a size, at a pace, and within what all bodies together may take of the memory. A
//! body that trickles holds a connection and memory, so it gets a deadline that only bytes move. What is compressed is
//! unpacked as it comes, and its size counts unpacked.

use std::ops::Deref;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use forgecast_decode::Unparsable;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::Error;

mod budget;
mod buffer;
mod gzip;

pub(crate) use self::budget::MemoryBudget;
use self::budget::MemoryPermit;
use self::buffer::BodyBuffer;
use self::gzip::Gzip;

/// What a body must bring in a second to be allowed to go on: far below any network, far above a trickle.
const BYTES_PER_SECOND: u64 = 32 * 1024;
/// Of a body that was refused so much is read and thrown away: most clients send all of it before they read the answer,
/// and to close before would take the answer from them.
const DISCARDED_BYTES: u64 = 256 * 1024 * 1024;
/// How long that may take in all, and how long nothing may come meanwhile.
const DISCARDING: Duration = Duration::from_secs(5);
const DISCARDING_IDLE: Duration = Duration::from_millis(250);

/// Why a body says nothing, for whoever sent it: what ends too early is not still being written, as a file may be.
pub(crate) fn why(error: &Unparsable) -> String {
    if error.is_truncated() {
        "it ends too early".to_owned()
    } else {
        error.to_string()
    }
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// Not at all.
    Identity,
    /// `Content-Encoding: gzip`.
    Gzip,
}

impl Coding {
    /// What the headers say.
    ///
    /// # Errors
    /// Another coding, or several.
    fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let mut given = headers.get_all(header::CONTENT_ENCODING).iter();
        let (coding, None) = (given.next(), given.next()) else {
            return Err(Error::Coding);
        };
        match coding.map(|coding| coding.as_bytes().trim_ascii().to_ascii_lowercase()) {
            None => Ok(Self::Identity),
            Some(coding) if coding.is_empty() || coding == b"identity" => Ok(Self::Identity),
            Some(coding) if coding == b"gzip" || coding == b"x-gzip" => Ok(Self::Gzip),
            Some(_) => Err(Error::Coding),
        }
    }
}

/// A whole body, and the memory that it holds of what all bodies may take together.
#[derive(Debug)]
pub struct LimitedBody {
    bytes: Vec<u8>,
    _room: MemoryPermit,
}

/// JSON up to here is decoded on the spot; a longer body would keep other connections of the same thread waiting.
pub const QUICK_JSON_BYTES: usize = 64 * 1024;

impl LimitedBody {
    /// Decodes the body: on the spot when it has at most `quick_bytes`, else on a thread where it keeps nobody waiting.
    ///
    /// # Errors
    /// `decode` panicked.
    pub async fn decode<T: Send + 'static>(
        self,
        quick_bytes: usize,
        decode: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Error> {
        if self.len() <= quick_bytes {
            return Ok(decode(&self));
        }
        tokio::task::spawn_blocking(move || decode(&self))
            .await
            .map_err(|error| Error::internal("decode a body", error))
    }

    /// The bytes, for one who bounds by himself what he keeps.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Deref for LimitedBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// How bodies are read.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    /// Most bytes of one body, unpacked.
    pub(crate) limit: usize,
    /// How long one may take to begin with; it has a second more for each 32 KiB that came.
    pub(crate) patience: Duration,
    /// Shared by all.
    pub(crate) budget: MemoryBudget,
}

impl Bodies {
    /// The whole body of a request. Of one that is refused the rest is thrown away behind the answer.
    ///
    /// # Errors
    /// It is too long, too slow, packed in an unknown way or broken, or there was no room for it in time.
    pub(crate) async fn read(&self, request: Request) -> Result<LimitedBody, Error> {
        self.read_waiting(request, self.patience).await
    }

    /// The same for one who may not be kept waiting because of others.
    ///
    /// # Errors
    /// The same; there is no room for it now.
    pub(crate) async fn read_at_once(&self, request: Request) -> Result<LimitedBody, Error> {
        self.read_waiting(request, Duration::ZERO).await
    }

    async fn read_waiting(&self, request: Request, for_room: Duration) -> Result<LimitedBody, Error> {
        let (parts, mut body) = request.into_parts();
        let buffer = BodyBuffer::new(self.limit, MemoryPermit::new(self.budget.clone(), for_room));
        let read = match Coding::of(&parts.headers) {
            Ok(Coding::Identity) => self.read_all(&mut body, Sink::Plain(buffer)).await,
            Ok(Coding::Gzip) => self.read_all(&mut body, Sink::Gzip(Box::new(Gzip::new(buffer)))).await,
            Err(error) => Err(error),
        };
        // Who asked whether to send it at all has been answered by the refusal.
        if read.is_err() && !parts.headers.contains_key(header::EXPECT) {
            tokio::spawn(discard(body));
        }
        read
    }

    async fn read_all(&self, body: &mut Body, mut sink: Sink) -> Result<LimitedBody, Error> {
        // What says beforehand that it is too long is not read at all.
        if body.size_hint().lower() > self.limit as u64 {
            return Err(Error::TooLarge(self.limit));
        }
        let mut begun = Instant::now();
        let mut body = pin!(body);
        let mut came = 0;
        loop {
            let earned = Duration::from_millis(came as u64 * 1000 / BYTES_PER_SECOND);
            let frame = timeout_at(begun + self.patience + earned, body.frame())
                .await
                .map_err(|_| Error::TooSlow)?;
            let Some(frame) = frame else {
                return sink.finish();
            };
            // The connection broke or the framing is wrong: whoever sent it is not there to read more about it.
            let frame = frame.map_err(|_| Error::Malformed("the body ended too early".to_owned()))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            came += data.len();
            // What is packed may not be longer either, though nothing of it is kept.
            if came > self.limit {
                return Err(Error::TooLarge(self.limit));
            }
            let taking = Instant::now();
            sink.take(&data).await?;
            // That it had to wait for others is not its sender's fault.
            begun += taking.elapsed();
        }
    }
}

/// Where the bytes of a body go as they come.
enum Sink {
    Plain(BodyBuffer),
    Gzip(Box<Gzip>),
}

impl Sink {
    async fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::Plain(buffer) => buffer.take(data).await,
            Self::Gzip(gzip) => gzip.take(data).await,
        }
    }

    fn finish(self) -> Result<LimitedBody, Error> {
        match self {
            Self::Plain(buffer) => Ok(buffer.finish()),
            Self::Gzip(gzip) => Ok(gzip.finish()?.finish()),
        }
    }
}

/// Throws away what still comes, within limits; the connection ends with whatever is left.
async fn discard(mut body: Body) {
    let mut left = DISCARDED_BYTES;
    let rest = async {
        while let Ok(Some(Ok(frame))) = timeout(DISCARDING_IDLE, body.frame()).await {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            left = match left.checked_sub(bytes) {
                Some(left) => left,
                None => break,
            };
        }
    };
    // Nobody waits for it, so it does not matter how it ends.
    let _ = timeout(DISCARDING, rest).await;
}

#[cfg(test)]
mod tests;
