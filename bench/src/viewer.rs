//! Viewers: one thread each, so that a slow one shows.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use tungstenite::protocol::WebSocket;
use tungstenite::{Message, client};

/// A viewer over WebSocket.
pub(crate) struct Viewer {
    socket: WebSocket<TcpStream>,
}

impl Viewer {
    /// Connects to `path`, for example `/api/v1/live`.
    pub(crate) fn connect(address: SocketAddr, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let (socket, _) = client(format!("ws://{address}{path}"), stream).context("the WebSocket handshake")?;
        Ok(Self { socket })
    }

    /// Connects to the live protocol and follows `topics`; returns when every topic has its snapshot.
    pub(crate) fn follow(address: SocketAddr, topics: &[String]) -> Result<Self> {
        let mut viewer = Self::connect(address, "/api/v1/live")?;
        for topic in topics {
            viewer.subscribe(topic)?;
        }
        let mut missing = topics.len();
        while missing > 0 {
            let frame = viewer.next()?;
            if frame.starts_with(r#"{"type":"snapshot""#) {
                missing -= 1;
            } else if frame.starts_with(r#"{"type":"error""#) {
                anyhow::bail!("refused: {frame}");
            }
        }
        Ok(viewer)
    }

    /// Asks to follow one more topic.
    pub(crate) fn subscribe(&mut self, topic: &str) -> Result<()> {
        self.say(&serde_json::json!({"type": "subscribe", "topic": topic}))
    }

    /// Sends a message.
    pub(crate) fn say(&mut self, message: &serde_json::Value) -> Result<()> {
        Ok(self.socket.send(Message::text(message.to_string()))?)
    }

    /// The next text frame.
    pub(crate) fn next(&mut self) -> Result<String> {
        loop {
            match self.socket.read()? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(frame) => anyhow::bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next text frame that is not a heartbeat or hello.
    pub(crate) fn next_data(&mut self) -> Result<String> {
        loop {
            let frame = self.next()?;
            if is_data(&frame) {
                return Ok(frame);
            }
        }
    }

    /// How long to wait for a frame.
    pub(crate) fn wait_at_most(&mut self, time: Duration) -> Result<()> {
        Ok(self.socket.get_ref().set_read_timeout(Some(time))?)
    }
}

/// Whether a frame says that something changed.
pub(crate) fn is_data(frame: &str) -> bool {
    !frame.starts_with(r#"{"type":"heartbeat""#) && !frame.starts_with(r#"{"type":"hello""#)
}
