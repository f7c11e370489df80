//! A receiver of webhooks on a socket, which behaves as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How it treats the next requests.
#[derive(Clone, Debug)]
pub(crate) enum Behavior {
    /// Answers with this status line and headers.
    Answers(String),
    /// Reads the request and never answers.
    Hangs,
    /// Closes the connection before it answers.
    HangsUp,
    /// Answers 200 with a body that never ends.
    Floods,
}

impl Behavior {
    pub(crate) fn answers(head: &str) -> Self {
        Self::Answers(head.to_owned())
    }
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: Value,
    /// Whether it was answered with success.
    pub(crate) taken: bool,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Session and number of each need in it.
    pub(crate) fn needed(&self) -> Vec<(String, u64)> {
        numbers(&self.body["data"]["needed"])
    }

    pub(crate) fn resolved(&self) -> Vec<(String, u64)> {
        numbers(&self.body["data"]["resolved"])
    }
}

fn numbers(items: &Value) -> Vec<(String, u64)> {
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| {
            (
                item["session"].as_str().unwrap().to_owned(),
                item["seq"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// A server that takes requests, behaves as it is told and notes what it got.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    behavior: Arc<Mutex<Behavior>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            behavior: Arc::new(Mutex::new(Behavior::answers("HTTP/1.1 204 No Content"))),
            received: Arc::default(),
        };
        let (behavior, received) = (Arc::clone(&this.behavior), Arc::clone(&this.received));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let behavior = behavior.lock().unwrap().clone();
                tokio::spawn(serve(stream, behavior, Arc::clone(&received)));
            }
        });
        this
    }

    pub(crate) fn behaves(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, behavior: Behavior, received: Arc<Mutex<Vec<Received>>>) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let line = head
            .lines()
            .find(|line| line.to_lowercase().starts_with("content-length:"))?;
        let length: usize = line.split_once(": ")?.1.parse().ok()?;
        break (head.to_owned(), length);
    };
    while bytes.len() < head.len() + 4 + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    let body = serde_json::from_slice(&bytes[head.len() + 4..]).ok()?;
    let taken = matches!(&behavior, Behavior::Answers(head) if head.starts_with("HTTP/1.1 2"));
    received.lock().unwrap().push(Received { head, body, taken });
    match behavior {
        Behavior::Answers(head) => {
            let answer = format!("{head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
        Behavior::HangsUp => {}
        // Until the sender has enough of it.
        Behavior::Hangs => drop(stream.read_buf(&mut bytes).await),
        Behavior::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
            while stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {}
        }
    }
    Some(())
}
