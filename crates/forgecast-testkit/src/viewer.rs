//! A viewer that folds what it receives, refuses gaps and overlaps, and checks the digests that the server announces.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{LIMIT, Server, bearer};

/// What a viewer has of one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicState {
    /// The epoch of the revision.
    pub epoch: String,
    /// The revision of the state.
    pub revision: u64,
    /// The state, folded.
    pub state: Value,
}

/// A viewer on a WebSocket.
#[derive(Debug)]
pub struct Viewer {
    /// The socket, for what a viewer does not do.
    pub socket: WebSocketStream<TcpStream>,
    /// What it has, by topic.
    pub held: BTreeMap<String, TopicState>,
    /// Digests that were checked.
    pub verified: usize,
}

/// What came: a message or the end.
#[derive(Debug, PartialEq)]
pub enum Received {
    /// A message, folded already.
    Message(Value),
    /// The end, with the code and the reason of the close frame.
    Closed(Option<(u16, String)>),
}

impl Viewer {
    /// A viewer that has been greeted.
    pub async fn join(server: &Server) -> Self {
        let mut viewer = Self::over(server, server.connect().await).await;
        let hello = viewer.message().await;
        assert_eq!(hello["type"], "hello");
        viewer
    }

    /// A viewer that shows this token and has been greeted; or the status that it got instead.
    pub async fn with_token(server: &Server, token: &str) -> Result<Self, u16> {
        let mut request = format!("ws://{}/api/v1/live", server.address)
            .into_client_request()
            .unwrap();
        let bearer = bearer(token).parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        match tokio_tungstenite::client_async(request, server.connect().await).await {
            Ok((socket, _)) => {
                let mut viewer = Self {
                    socket,
                    held: BTreeMap::new(),
                    verified: 0,
                };
                assert_eq!(viewer.message().await["type"], "hello");
                Ok(viewer)
            }
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A viewer on this connection; nothing has been read yet.
    pub async fn over(server: &Server, stream: TcpStream) -> Self {
        let request = format!("ws://{}/api/v1/live", server.address)
            .into_client_request()
            .unwrap();
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        Self {
            socket,
            held: BTreeMap::new(),
            verified: 0,
        }
    }

    /// Sends a message.
    pub async fn say(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Subscribes to a topic from now on.
    pub async fn subscribe(&mut self, topic: &str) {
        self.say(&json!({"type": "subscribe", "topic": topic})).await;
    }

    /// Subscribes to a topic after what is known of it.
    pub async fn resume(&mut self, topic: &str, from: &TopicState) {
        self.held.insert(topic.to_owned(), from.clone());
        self.say(&json!({
            "type": "subscribe", "topic": topic, "epoch": from.epoch, "revision": from.revision,
        }))
        .await;
    }

    /// The next message or the end, folded.
    pub async fn hear(&mut self) -> Received {
        loop {
            let next = timeout(LIMIT, self.socket.next()).await.expect("something to hear");
            match next {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    self.fold(&message);
                    return Received::Message(message);
                }
                Some(Ok(Message::Close(frame))) => {
                    let frame: Option<CloseFrame> = frame;
                    return Received::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Received::Closed(None),
            }
        }
    }

    /// The next message; anything else fails the test.
    pub async fn message(&mut self) -> Value {
        match self.hear().await {
            Received::Message(message) => message,
            Received::Closed(frame) => panic!("closed: {frame:?}"),
        }
    }

    /// The next message of this type, folding what comes before it.
    pub async fn message_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.message().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Why the server closes, ignoring what it says before.
    pub async fn closing(&mut self) -> Option<(u16, String)> {
        loop {
            if let Received::Closed(frame) = self.hear().await {
                return frame;
            }
        }
    }

    /// Listens until the topic's state is like this.
    pub async fn until(&mut self, topic: &str, is_so: impl Fn(&Value) -> bool) {
        while !self.held.get(topic).is_some_and(|held| is_so(&held.state)) {
            self.message().await;
        }
    }

    fn fold(&mut self, message: &Value) {
        let topic = message["topic"].as_str().unwrap_or_default().to_owned();
        let revision = message["revision"].as_u64();
        match message["type"].as_str().unwrap() {
            "snapshot" => {
                let held = TopicState {
                    epoch: message["epoch"].as_str().unwrap().to_owned(),
                    revision: revision.unwrap(),
                    state: message["state"].clone(),
                };
                self.held.insert(topic, held);
            }
            "patch" => {
                let held = self.held.get_mut(&topic).expect("a snapshot before a patch");
                assert_eq!(message["from"], held.revision, "a gap or an overlap in {topic}");
                assert_eq!(message["epoch"], held.epoch, "a patch of another epoch in {topic}");
                merge(&mut held.state, &message["patch"]);
                held.revision = revision.unwrap();
            }
            "heartbeat" => {
                for (topic, mark) in message["revisions"].as_object().unwrap() {
                    let Some(held) = self.held.get(topic) else { continue };
                    assert_eq!(mark["revision"], held.revision, "the mark of {topic}");
                    if let Some(digest) = mark["digest"].as_str() {
                        assert_eq!(digest, sha256(&held.state), "the digest of {topic}");
                        self.verified += 1;
                    }
                }
            }
            _ => {}
        }
    }
}

/// RFC 7396, as a viewer that never saw our code would write it.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let object = target.as_object_mut().unwrap();
    for (key, change) in changes {
        if change.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

fn sha256(state: &Value) -> String {
    let digest = Sha256::digest(state.to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
