//! The person: a receiver of webhooks that takes everything and drops doubles by their id.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::Value;

/// One need in a message.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) at: Instant,
    /// Its name, without the number of the run.
    pub(super) session: String,
    pub(super) seq: u64,
    pub(super) kind: String,
    pub(super) text: String,
}

/// A webhook that notes what it is sent.
pub(super) struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
}

#[derive(Default)]
struct Received {
    ids: BTreeSet<String>,
    calls: Vec<Call>,
    resolved: Vec<String>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Received>> = Arc::default();
        let shared = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A sender that is killed in the middle of a message sends it again.
                let _ = receive(stream, &shared);
            }
        });
        Self { address, received }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that was called for, in order.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.received.lock().unwrap().calls.clone()
    }

    /// How often it was told that a session needs nobody any more.
    pub(super) fn resolved(&self, session: &str) -> usize {
        let received = self.received.lock().unwrap();
        received.resolved.iter().filter(|name| *name == session).count()
    }
}

fn receive(mut stream: TcpStream, received: &Mutex<Received>) -> Option<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    let (head, length) = loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            break (head.to_owned(), header(head, "content-length")?.parse::<usize>().ok()?);
        }
    };
    while bytes.len() < head.len() + 4 + length {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
    }
    let body: Value = serde_json::from_slice(&bytes[head.len() + 4..]).ok()?;
    let at = Instant::now();
    let mut received = received.lock().unwrap();
    if received.ids.insert(header(&head, "webhook-id")?.to_owned()) {
        let needed = body["data"]["needed"].as_array()?.iter().map(|item| Call {
            at,
            session: name(item),
            seq: item["seq"].as_u64().unwrap_or_default(),
            kind: item["kind"].as_str().unwrap_or_default().to_owned(),
            text: item["text"].as_str().unwrap_or_default().to_owned(),
        });
        received.calls.extend(needed);
        received
            .resolved
            .extend(body["data"]["resolved"].as_array()?.iter().map(name));
    }
    drop(received);
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .ok()
}

fn name(item: &Value) -> String {
    let id = item["session"].as_str().unwrap_or_default();
    id.split('~').next().unwrap_or_default().to_owned()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| *known == name).map(|(_, value)| value)
}
