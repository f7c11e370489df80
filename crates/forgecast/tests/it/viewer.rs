//! Viewers that fold what they are sent, over WebSocket and over SSE, and keep every state and message they saw.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use forgecast_protocol::{Epoch, Revision, ServerMessage};
use forgecast_session::patch;
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::world::{PATIENCE, Server};

/// How a viewer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    WebSocket,
    Sse,
}

pub(crate) const WIRES: [Wire; 2] = [Wire::WebSocket, Wire::Sse];

/// What a viewer has seen of one topic.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) state: Value,
    pub(crate) position: Option<(Epoch, Revision)>,
    /// Every state it was shown, in order.
    pub(crate) states: Vec<Value>,
    /// The words `snapshot` and `patch`, in order.
    pub(crate) kinds: Vec<&'static str>,
    /// The close code of a WebSocket, or 0 when the stream just ended.
    pub(crate) closed: Option<u16>,
}

/// What a viewer brings along from earlier.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) position: (Epoch, Revision),
    pub(crate) state: Value,
}

/// A viewer of one session.
pub(crate) struct Viewer {
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Viewer {
    /// Follows a session, from what it holds already when that is given.
    pub(crate) fn of(server: &Server, session: &str, wire: Wire, held: Option<&Held>) -> Self {
        let mut seen = Seen::default();
        if let Some(held) = held {
            seen.position = Some(held.position);
            seen.state = held.state.clone();
        }
        let after = seen.position;
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let sink = Arc::clone(&seen);
        let address = server.address().to_owned();
        let session = session.to_owned();
        std::thread::spawn(move || {
            let code = match wire {
                Wire::WebSocket => web_socket(&address, &session, after, &sink),
                Wire::Sse => events(&address, &session, after, &sink),
            };
            sink.0.lock().unwrap().closed = Some(code);
            sink.1.notify_all();
        });
        Self { seen }
    }

    /// Waits until what was seen is as wished, and returns what `wished` makes of it.
    pub(crate) fn until<T>(&self, what: &str, mut wished: impl FnMut(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            if let Some(found) = wished(&seen) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited in vain: {what}; last seen: {:?}, closed: {:?}",
                seen.state,
                seen.closed
            );
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the detail of the phase is this one.
    pub(crate) fn until_detail(&self, detail: &str) {
        self.until(detail, |seen| (detail_of(&seen.state) == detail).then_some(()));
    }
}

/// What the phase is doing, by a view.
pub(crate) fn detail_of(view: &Value) -> &str {
    view["phase"]["detail"].as_str().unwrap_or_default()
}

type Sink = (Mutex<Seen>, Condvar);

fn web_socket(address: &str, session: &str, after: Option<(Epoch, Revision)>, sink: &Sink) -> u16 {
    let stream = TcpStream::connect(address).unwrap();
    let (mut socket, _) = tungstenite::client(format!("ws://{address}/api/v1/live"), stream).unwrap();
    let mut subscribe = json!({"type": "subscribe", "topic": format!("session/{session}")});
    if let Some((epoch, revision)) = after {
        subscribe["epoch"] = json!(epoch);
        subscribe["revision"] = json!(revision);
    }
    socket.send(Message::text(subscribe.to_string())).unwrap();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => fold(&text, sink),
            Ok(Message::Close(frame)) => return frame.map_or(0, |frame| CloseCode::into(frame.code)),
            Ok(_) => {}
            Err(_) => return 0,
        }
    }
}

fn events(address: &str, session: &str, after: Option<(Epoch, Revision)>, sink: &Sink) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let last = after
        .map(|(epoch, revision)| format!("Last-Event-ID: {epoch}:{revision}\r\n"))
        .unwrap_or_default();
    write!(
        stream,
        "GET /api/v1/sessions/{session}/live HTTP/1.0\r\nHost: {address}\r\n{last}\r\n"
    )
    .unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if let Some(data) = line.strip_prefix("data: ") {
            fold(data, sink);
        }
    }
    0
}

fn fold(text: &str, (seen, news): &Sink) {
    let message: ServerMessage = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut seen = seen.lock().unwrap();
    match message {
        ServerMessage::Snapshot {
            epoch, revision, state, ..
        } => {
            seen.state = state;
            seen.position = Some((epoch, revision));
            seen.kinds.push("snapshot");
        }
        ServerMessage::Patch {
            epoch,
            from,
            revision,
            patch,
            ..
        } => {
            if let Some(position) = seen.position {
                assert_eq!(
                    position,
                    (epoch, from),
                    "a patch for another revision than the one held"
                );
            }
            patch::merge(&mut seen.state, &patch);
            seen.position = Some((epoch, revision));
            seen.kinds.push("patch");
        }
        ServerMessage::Error { problem, .. } => panic!("{problem:?}"),
        _ => return,
    }
    let state = seen.state.clone();
    seen.states.push(state);
    news.notify_all();
}
