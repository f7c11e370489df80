//! One viewer's WebSocket, straight on its TCP stream: whole frames out, whole messages in. Waiting costs no buffer and
//! no timer; only a viewer that does not take what it is sent gets one.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::decoder::{Decoder, Message, Violation};
use super::outgoing::{Opcode, Outgoing};

/// Read at a time; on the stack, so that it costs an idle viewer nothing.
const READ: usize = 2 * 1024;

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
    stream: TcpStream,
    decoder: Decoder,
    patience: Duration,
}

impl Socket {
    /// A socket on an upgraded connection; `read` came with the request already. Messages up to `longest` bytes are
    /// understood; whatever is sent has to be taken within `patience`.
    pub(crate) fn new(stream: TcpStream, read: &[u8], longest: usize, patience: Duration) -> Self {
        let mut decoder = Decoder::new(longest);
        decoder.feed(read);
        Self {
            stream,
            decoder,
            patience,
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
            if ready!(self.stream.poll_read_ready(cx)).is_err() {
                return Poll::Ready(Err(Broken::Gone));
            }
            self.read()?;
        }
    }

    /// Apart, so that the buffer is on the stack only while there is something to read.
    #[inline(never)]
    fn read(&mut self) -> Result<(), Broken> {
        let mut buffer = [0; READ];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => Err(Broken::Gone),
            Ok(read) => {
                self.decoder.feed(&buffer[..read]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(_) => Err(Broken::Gone),
        }
    }

    /// Sends all of it in as few writes as possible, within the deadline.
    pub(crate) async fn send(&mut self, mut outgoing: Outgoing) -> Result<(), Broken> {
        match outgoing.write_to(&self.stream) {
            Ok(true) => Ok(()),
            // Rarely, and apart: neither the timer nor what is waiting makes every viewer's task larger.
            Ok(false) => Box::pin(self.wait(outgoing)).await,
            Err(_) => Err(Broken::Gone),
        }
    }

    async fn wait(&self, mut outgoing: Outgoing) -> Result<(), Broken> {
        let sending = async {
            loop {
                self.stream.writable().await?;
                if outgoing.write_to(&self.stream)? {
                    return Ok::<_, io::Error>(());
                }
            }
        };
        match timeout(self.patience, sending).await {
            Ok(sent) => sent.map_err(|_| Broken::Gone),
            Err(_) => Err(Broken::Slow),
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

    /// Sends the answer to a ping.
    pub(crate) async fn send_pong(&mut self, payload: Bytes) -> Result<(), Broken> {
        self.send(Outgoing::frame(Opcode::Pong, payload)).await
    }

    /// Says that nothing follows, and reads on, whatever it is, until the viewer closes: a socket that is closed with unread bytes in it is reset by
    /// the system, and the viewer would lose what it was sent last.
    pub(crate) async fn finish(&mut self) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let mut buffer = [0; 256];
        while self.stream.readable().await.is_ok() {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
