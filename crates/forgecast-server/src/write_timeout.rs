//! A connection whose writes fail after a while when the peer takes nothing. Everything that is sent goes through it, so that
//! no answer, event stream or WebSocket waits forever for a peer that does not read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// A connection: plain TCP, or TLS. TLS is boxed, since most connections are plain and need not be as large.
pub(crate) type Wire = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A connection with a limit on how long a write may be stalled.
#[derive(Debug)]
pub(crate) struct WriteTimeoutStream {
    stream: Wire,
    write_timeout: Duration,
    /// Runs only while the peer takes nothing, so that a stream that flows costs no timer.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl WriteTimeoutStream {
    /// Writes to `stream` fail with `TimedOut` once nothing could be written for `write_timeout`.
    pub(crate) fn new(stream: Wire, write_timeout: Duration) -> Self {
        Self {
            stream,
            write_timeout,
            stalled: None,
        }
    }

    /// The stream itself, for a user that limits its writes in another way.
    pub(crate) fn into_inner(self) -> Wire {
        self.stream
    }

    fn limited<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let write_timeout = self.write_timeout;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for WriteTimeoutStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for WriteTimeoutStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limited(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limited(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        match &self.stream {
            // A plain socket holds nothing back: what the system does not take, a write reports.
            Wire::Left(_) => flushed,
            Wire::Right(_) => self.limited(cx, flushed),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limited(cx, shut)
    }
}
