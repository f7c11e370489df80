//! One viewer's WebSocket, directly on its connection: it sends whole frames and receives whole messages. While it waits it
//! has no buffer and no timer; a timer is started only when a viewer does not take what it is sent.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::close::CloseReason;
use super::decoder::{Decoder, Message};
use super::outgoing::{Opcode, Outgoing};
use crate::write_timeout::Wire;

/// Bytes per read. The buffer is on the stack, so that an idle viewer has none.
const READ: usize = 2 * 1024;

/// How long a viewer that is being closed may take to read its close frame and close.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The WebSocket of one viewer.
#[derive(Debug)]
pub(crate) struct Socket {
    wire: Wire,
    decoder: Decoder,
    write_timeout: Duration,
}

impl Socket {
    /// A socket on an upgraded connection; `read` came with the request already. Messages up to `longest` bytes are
    /// understood; whatever is sent has to be taken within `write_timeout`.
    pub(crate) fn new(wire: Wire, read: &[u8], longest: usize, write_timeout: Duration) -> Self {
        let mut decoder = Decoder::new(longest);
        decoder.feed(read);
        Self {
            wire,
            decoder,
            write_timeout,
        }
    }

    /// The next message. Cancel-safe.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, CloseReason>> {
        loop {
            match self.decoder.next() {
                Ok(Some(message)) => return Poll::Ready(Ok(message)),
                Ok(None) => ready!(self.poll_read(cx))?,
                Err(reason) => return Poll::Ready(Err(reason)),
            }
        }
    }

    /// Not inlined, so that the buffer is on the stack only while something is read.
    #[inline(never)]
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut buffer = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut buffer);
        if ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buffer)).is_err() || buffer.filled().is_empty() {
            return Poll::Ready(Err(CloseReason::Gone));
        }
        self.decoder.feed(buffer.filled());
        Poll::Ready(Ok(()))
    }

    /// Sends all of it in as few writes as possible, within the deadline.
    pub(crate) async fn send(&mut self, mut outgoing: Outgoing) -> Result<(), CloseReason> {
        if self.send_at_once(&mut outgoing)? {
            return Ok(());
        }
        // Boxed, because a plain connection rarely has to wait: neither the timer nor the waiting frames make every viewer's
        // task larger.
        Box::pin(self.send_waiting(outgoing)).await
    }

    /// Sends what the peer takes at once; returns whether that was everything. TLS always has to wait.
    pub(crate) fn send_at_once(&self, outgoing: &mut Outgoing) -> Result<bool, CloseReason> {
        // Nothing to send must not wait for a socket that takes nothing.
        if outgoing.is_empty() {
            return Ok(true);
        }
        match &self.wire {
            Wire::Left(stream) => outgoing.write_to(stream).map_err(|_| CloseReason::Gone),
            Wire::Right(_) => Ok(false),
        }
    }

    /// Sends the rest, within the deadline.
    pub(crate) async fn send_waiting(&mut self, mut outgoing: Outgoing) -> Result<(), CloseReason> {
        let sending = async {
            outgoing.write_all_to(&mut self.wire).await?;
            self.wire.flush().await
        };
        match timeout(self.write_timeout, sending).await {
            Ok(sent) => sent.map_err(|_| CloseReason::Gone),
            Err(_) => Err(CloseReason::Slow),
        }
    }

    /// Sends a close frame.
    pub(crate) async fn send_close(&mut self, code: Option<u16>, reason: &str) -> Result<(), CloseReason> {
        let mut payload = BytesMut::new();
        if let Some(code) = code {
            payload.extend_from_slice(&code.to_be_bytes());
            payload.extend_from_slice(reason.as_bytes());
        }
        self.send(Outgoing::frame(Opcode::Close, payload.freeze())).await
    }

    /// Sends the close frame of `reason` and waits a moment for the viewer to close.
    pub(crate) async fn close_gracefully(mut self, reason: CloseReason) {
        let closing = async {
            if let Some((code, text)) = reason.frame() {
                self.send_close(Some(code), text).await?;
            }
            self.drain().await;
            Ok::<_, CloseReason>(())
        };
        // The connection ends whether the viewer took the close frame or not.
        let _ = timeout(CLOSE_TIMEOUT, closing).await;
    }

    /// Ends the sending half, then reads and discards until the viewer closes: the system resets a socket that is closed
    /// with unread bytes in it, and the viewer would lose what it was sent last.
    async fn drain(&mut self) {
        if self.wire.shutdown().await.is_err() {
            return;
        }
        let mut buffer = [0; 256];
        while matches!(self.wire.read(&mut buffer).await, Ok(1..)) {}
    }
}
