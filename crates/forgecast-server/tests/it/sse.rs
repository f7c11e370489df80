//! The live protocol as server-sent events, read from a raw socket as `curl -N` would.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use forgecast_testkit::{LIMIT, Server, phase};

struct Events {
    lines: BufReader<TcpStream>,
    pub(crate) head: String,
}

#[derive(Debug)]
struct Received {
    kind: String,
    id: Option<String>,
    data: Value,
}

impl Events {
    async fn open(server: &Server, path: &str, last: Option<&str>) -> Self {
        let mut stream = server.connect().await;
        let mut head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n",
            server.address
        );
        if let Some(last) = last {
            head.push_str(&format!("last-event-id: {last}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut events = Self {
            lines: BufReader::new(stream),
            head: String::new(),
        };
        loop {
            let line = events.line().await.expect("a head");
            if line.is_empty() {
                break;
            }
            events.head.push_str(&line);
            events.head.push('\n');
        }
        events
    }

    /// A line without its end; nothing at the end of the stream.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(LIMIT, self.lines.read_line(&mut line)).await.unwrap();
        (read.unwrap_or(0) > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn next(&mut self) -> Option<Received> {
        let (mut kind, mut id) = (String::new(), None);
        loop {
            let line = self.line().await?;
            if let Some(word) = line.strip_prefix("event: ") {
                word.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.to_owned());
            } else if let Some(json) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(json).unwrap();
                return Some(Received { kind, id, data });
            } else if line == "0" {
                return None;
            }
            // Chunk sizes, blank lines and `retry` are of no interest here.
        }
    }

    async fn some(&mut self) -> Received {
        self.next().await.expect("another event")
    }
}

#[tokio::test]
async fn a_session_is_followed_by_events_named_after_their_messages() {
    let server = Server::start().await;
    server.settled(phase("weather-app", "Scout", "0")).await;
    let mut events = Events::open(&server, "/api/v1/sessions/weather-app/live", None).await;
    assert!(events.head.starts_with("HTTP/1.1 200 OK"), "{}", events.head);
    assert!(
        events.head.contains("content-type: text/event-stream"),
        "{}",
        events.head
    );
    assert_eq!(events.some().await.kind, "hello");
    let snapshot = events.some().await;
    assert_eq!(snapshot.kind, "snapshot");
    assert_eq!(snapshot.data["topic"], "session/weather-app~1");
    let epoch = snapshot.data["epoch"].as_str().unwrap();
    let revision = snapshot.data["revision"].as_u64().unwrap();
    assert_eq!(snapshot.id, Some(format!("{epoch}:{revision}")));
    server.settled(phase("weather-app", "Scout", "1")).await;
    let patch = events.some().await;
    assert_eq!((patch.kind.as_str(), &patch.data["from"]), ("patch", &revision.into()));
    assert_eq!(patch.id, Some(format!("{epoch}:{}", revision + 1)));
}

#[tokio::test]
async fn the_last_event_id_resumes() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    let path = "/api/v1/sessions/a/live";
    let mut first = Events::open(&server, path, None).await;
    first.some().await;
    let id = first.some().await.id.unwrap();
    drop(first);
    server.settled(phase("a", "Scout", "1")).await;
    let mut second = Events::open(&server, path, Some(&id)).await;
    second.some().await;
    let patch = second.some().await;
    assert_eq!(
        (patch.kind.as_str(), &patch.data["patch"]["phase"]["detail"]),
        ("patch", &"1".into())
    );
    for nonsense in ["", "x", "1:2:3", "zzzzzzzz:1", "00000000:-1"] {
        let mut events = Events::open(&server, path, Some(nonsense)).await;
        events.some().await;
        assert_eq!(events.some().await.kind, "snapshot", "{nonsense:?}");
    }
}

#[tokio::test]
async fn the_index_is_followed_the_same_way() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "/api/v1/sessions/live", None).await;
    events.some().await;
    assert_eq!(events.some().await.data["topic"], "sessions");
    server.settled(phase("a", "Scout", "0")).await;
    let patch = events.some().await;
    assert_eq!(patch.data["patch"]["sessions"]["a~1"]["phase"]["name"], "Scout");
}

#[tokio::test]
async fn heartbeats_are_events_without_an_id() {
    let server = Server::with(|setup| setup.server.heartbeat_ms = 20).await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut events = Events::open(&server, "/api/v1/sessions/a/live", None).await;
    loop {
        let event = events.some().await;
        if event.kind == "heartbeat" && event.data["revisions"]["session/a~1"]["digest"].is_string() {
            assert_eq!(event.id, None);
            break;
        }
    }
}

#[tokio::test]
async fn the_first_heartbeat_is_the_next_one_not_the_one_before() {
    let server = Server::with(|setup| setup.server.heartbeat_ms = 20).await;
    for _ in 0..20 {
        let mut events = Events::open(&server, "/api/v1/sessions/live", None).await;
        let hello = events.some().await.data;
        let mut event = events.some().await;
        while event.kind != "heartbeat" {
            event = events.some().await;
        }
        // Both have the same form and length, so they compare as texts.
        let (began, beat) = (&hello["server_time"], &event.data["server_time"]);
        assert!(began.as_str().unwrap() <= beat.as_str().unwrap(), "{began} {beat}");
    }
}

#[tokio::test]
async fn the_stream_ends_when_the_server_stops_or_the_session_is_removed() {
    let server = Server::start().await;
    for name in ["a", "b"] {
        server.settled(phase(name, "Scout", "0")).await;
    }
    let mut removed = Events::open(&server, "/api/v1/sessions/a/live", None).await;
    let mut stopped = Events::open(&server, "/api/v1/sessions/b/live", None).await;
    for events in [&mut removed, &mut stopped] {
        events.some().await;
        events.some().await;
    }
    server.delete("/api/v1/sessions/a").await;
    assert_eq!(removed.some().await.kind, "removed");
    assert!(removed.next().await.is_none());
    server.stop();
    assert!(stopped.next().await.is_none());
    server.ended().await;
}

#[tokio::test]
async fn a_session_that_is_not_there_is_a_problem_not_a_stream() {
    let server = Server::start().await;
    let answer = server.get("/api/v1/sessions/nobody/live").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (404, "application/problem+json")
    );
}
