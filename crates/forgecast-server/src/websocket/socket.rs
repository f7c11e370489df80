//! One viewer's WebSocket, straight on its connection: whole frames out, whole messages in. Waiting costs no buffer and
//! no timer; only a viewer that does not take what it is sent gets one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::close::CloseReason;
use super::decoder::{Decoder, Message, Violation};
use super::outgoing::{Opcode, Outgoing};
use crate::write_timeout::Wire;

/// Read at a time; on the stack, so that it costs an idle viewer nothing.
const READ: usize = 2 * 1024;

/// How long a viewer that is being closed may take to read its close frame and close.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Why a socket gives nothing more, or takes nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The connection is closed or lost.
    Gone,
    /// The viewer does not speak the protocol, or too much of it.
    Violated(Violation),
    /// The viewer did not take what it was sent in time.
    Slow,
}

/// See the module.
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
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Broken>> {
        loop {
            match self.decoder.next() {
                Ok(Some(message)) => return Poll::Ready(Ok(message)),
                Ok(None) => {}
                Err(violation) => return Poll::Ready(Err(Broken::Violated(violation))),
            }
            match &self.wire {
                Wire::Left(stream) => {
                    if ready!(stream.poll_read_ready(cx)).is_err() {
                        return Poll::Ready(Err(Broken::Gone));
                    }
                    self.read()?;
                }
                Wire::Right(_) => ready!(self.poll_read(cx))?,
            }
        }
    }

    /// Apart, so that the buffer is on the stack only while there is something to read.
    #[inline(never)]
    fn read(&mut self) -> Result<(), Broken> {
        let Wire::Left(stream) = &self.wire else {
            return Ok(());
        };
        let mut buffer = [0; READ];
        match stream.try_read(&mut buffer) {
            Ok(0) => Err(Broken::Gone),
            Ok(read) => {
                self.decoder.feed(&buffer[..read]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(_) => Err(Broken::Gone),
        }
    }

    /// The same through TLS, where what can be read is known only after it was deciphered.
    #[inline(never)]
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let mut buffer = [0; READ];
        let mut buffer = ReadBuf::new(&mut buffer);
        if ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buffer)).is_err() || buffer.filled().is_empty() {
            return Poll::Ready(Err(Broken::Gone));
        }
        self.decoder.feed(buffer.filled());
        Poll::Ready(Ok(()))
    }

    /// Sends all of it in as few writes as possible, within the deadline.
    pub(crate) async fn send(&mut self, mut outgoing: Outgoing) -> Result<(), Broken> {
        // What has to wait does so rarely, and apart: neither the timer nor what is waiting makes every viewer's task larger.
        match &mut self.wire {
            Wire::Left(stream) => match outgoing.write_to(stream) {
                Ok(true) => Ok(()),
                Ok(false) => Box::pin(wait(stream, outgoing, self.write_timeout)).await,
                Err(_) => Err(Broken::Gone),
            },
            Wire::Right(_) => Box::pin(encrypt(&mut self.wire, outgoing, self.write_timeout)).await,
        }
    }

    /// Sends a close frame.
    pub(crate) async fn send_close(&mut self, code: Option<u16>, reason: &str) -> Result<(), Broken> {
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
            Ok::<_, Broken>(())
        };
        // It is over whether the viewer took the close frame or not.
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

async fn wait(stream: &TcpStream, mut outgoing: Outgoing, write_timeout: Duration) -> Result<(), Broken> {
    let sending = async {
        loop {
            stream.writable().await?;
            if outgoing.write_to(stream)? {
                return Ok(());
            }
        }
    };
    within(write_timeout, sending).await
}

async fn encrypt(wire: &mut Wire, mut outgoing: Outgoing, write_timeout: Duration) -> Result<(), Broken> {
    let sending = async {
        outgoing.write_all_to(wire).await?;
        wire.flush().await
    };
    within(write_timeout, sending).await
}

async fn within(write_timeout: Duration, sending: impl Future<Output = io::Result<()>>) -> Result<(), Broken> {
    match timeout(write_timeout, sending).await {
        Ok(sent) => sent.map_err(|_| Broken::Gone),
        Err(_) => Err(Broken::Slow),
    }
}
