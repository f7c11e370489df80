//! Reads request bodies with limits on size, pace and the memory of all bodies together. A body that trickles holds a
//! connection and memory, so it has a deadline that only arriving bytes move. A compressed body is decompressed as it
//! arrives, and its limit counts decompressed bytes.

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

/// The least pace of a body: far below any network, far above a trickle.
const BYTES_PER_SECOND: u64 = 32 * 1024;
/// Bytes of a refused body that are read and discarded: most clients send all of it before they read the answer, and closing
/// earlier would lose the answer.
const DISCARDED_BYTES: u64 = 256 * 1024 * 1024;
/// How long that may take, and how long nothing may arrive meanwhile.
const DISCARDING: Duration = Duration::from_secs(5);
const DISCARDING_IDLE: Duration = Duration::from_millis(250);

/// Why a body cannot be decoded, for whoever sent it: unlike a file, a truncated body is not still being written.
pub(crate) fn why(error: &Unparsable) -> String {
    if error.is_truncated() {
        "it ends too early".to_owned()
    } else {
        error.to_string()
    }
}

/// A whole body, and the memory that it holds of what all bodies may take together.
#[derive(Debug)]
pub(crate) struct LimitedBody {
    bytes: Vec<u8>,
    _room: MemoryPermit,
}

/// JSON up to here is decoded on the spot; a longer body would keep other connections of the same thread waiting.
pub(crate) const QUICK_JSON_BYTES: usize = 64 * 1024;

impl LimitedBody {
    /// Decodes the body: on the spot when it has at most `quick_bytes`, else on a thread where it keeps nobody waiting.
    ///
    /// # Errors
    /// `decode` panicked.
    pub(crate) async fn decode<T: Send + 'static>(
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

    /// The bytes, without the memory permit: for a caller that has a limit of its own.
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

/// The limits of bodies.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    /// Most bytes of one body, decompressed.
    pub(crate) limit: usize,
    /// How long a body may take to begin with. Each 32 KiB that arrive earn it a second, up to this time from then on.
    pub(crate) patience: Duration,
    /// Shared by all.
    pub(crate) budget: MemoryBudget,
}

impl Bodies {
    /// Reads the whole body of a request. The rest of a refused body is discarded after the answer.
    ///
    /// # Errors
    /// It is too long, too slow, has an unknown coding or is malformed, or there was no memory for it in time.
    pub(crate) async fn read(&self, request: Request) -> Result<LimitedBody, Error> {
        self.read_waiting(request, self.patience).await
    }

    /// Reads the whole body of a request without waiting for memory, for clients that must not wait because of others.
    ///
    /// # Errors
    /// It is too long, too slow, has an unknown coding or is malformed, or there is no memory for it now.
    pub(crate) async fn read_at_once(&self, request: Request) -> Result<LimitedBody, Error> {
        self.read_waiting(request, Duration::ZERO).await
    }

    async fn read_waiting(&self, request: Request, for_room: Duration) -> Result<LimitedBody, Error> {
        let (parts, mut body) = request.into_parts();
        let buffer = BodyBuffer::new(self.limit, MemoryPermit::new(self.budget.clone(), for_room));
        let read = match Sink::new(&parts.headers, buffer) {
            Ok(sink) => self.read_all(&mut body, sink).await,
            Err(error) => Err(error),
        };
        // A client that sent `Expect` waits for the refusal before it sends the body.
        if read.is_err() && !parts.headers.contains_key(header::EXPECT) {
            tokio::spawn(discard(body));
        }
        read
    }

    async fn read_all(&self, body: &mut Body, mut sink: Sink) -> Result<LimitedBody, Error> {
        // A body whose stated length is too long is not read at all.
        if body.size_hint().lower() > self.limit as u64 {
            return Err(Error::TooLarge(self.limit));
        }
        let mut deadline = Instant::now() + self.patience;
        let mut body = pin!(body);
        let mut came = 0;
        loop {
            let frame = timeout_at(deadline, body.frame()).await.map_err(|_| Error::TooSlow)?;
            let Some(frame) = frame else {
                return sink.finish();
            };
            // The connection broke or the framing is wrong: nobody is there to read more about it.
            let frame = frame.map_err(|_| Error::Malformed("the body ended too early".to_owned()))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            came += data.len();
            // Compressed bytes count as well, though they are not kept.
            if came > self.limit {
                return Err(Error::TooLarge(self.limit));
            }
            let taking = Instant::now();
            sink.take(&data).await?;
            // Waiting for memory is not the sender's fault. What came quickly at first is no reason to trickle afterwards.
            let earned = Duration::from_millis(data.len() as u64 * 1000 / BYTES_PER_SECOND);
            let now = Instant::now();
            deadline = (deadline + taking.elapsed() + earned).min(now + self.patience);
        }
    }
}

/// Where the bytes of a body go as they arrive.
enum Sink {
    Plain(BodyBuffer),
    Gzip(Box<Gzip>),
}

impl Sink {
    /// A sink for the content coding that the headers of a request state.
    ///
    /// # Errors
    /// A coding other than gzip, or several.
    fn new(headers: &HeaderMap, buffer: BodyBuffer) -> Result<Self, Error> {
        let mut given = headers.get_all(header::CONTENT_ENCODING).iter();
        let (coding, None) = (given.next(), given.next()) else {
            return Err(Error::Coding);
        };
        let coding = coding.map(|coding| coding.as_bytes().trim_ascii().to_ascii_lowercase());
        match coding.as_deref() {
            None | Some(b"" | b"identity") => Ok(Self::Plain(buffer)),
            Some(b"gzip" | b"x-gzip") => Ok(Self::Gzip(Box::new(Gzip::new(buffer)))),
            Some(_) => Err(Error::Coding),
        }
    }

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

/// Discards what still arrives, within limits; the connection ends with whatever is left.
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
