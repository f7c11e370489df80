//! `WS /ws/{session}`: what comes, in which order, and that nothing else comes.

use forgecast_protocol::Fact;
use forgecast_protocol::event::EstimateRevised;
use forgecast_protocol::session::Estimate;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::phase_file;
use forgecast_testkit::{LIMIT, Server, event, eventually, now};

struct Page {
    socket: WebSocketStream<TcpStream>,
}

impl Page {
    async fn open(server: &Server, session: &str) -> Self {
        let request = format!("ws://{}/ws/{session}", server.address)
            .into_client_request()
            .unwrap();
        let (socket, _) = tokio_tungstenite::client_async(request, server.connect().await)
            .await
            .unwrap();
        Self { socket }
    }

    /// The next frame, or the code that the server closes with.
    async fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match timeout(LIMIT, self.socket.next()).await.expect("a frame") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next frame, which has this type.
    async fn frame(&mut self, kind: &str) -> Value {
        let frame = self.next().await.unwrap();
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }
}

async fn post_phase(server: &Server, change: impl FnOnce(&mut Value)) -> Value {
    let mut file = phase_file("weather-app");
    change(&mut file);
    let answer = server.post("/api/phase-update", &file.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn broadcast(server: &Server, event: &Value) -> Value {
    let answer = server.post("/api/broadcast/weather-app", &event.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn the_status_comes_at_once_and_again_when_it_changed() {
    let server = Server::start().await;
    post_phase(&server, |_| ()).await;
    let mut page = Page::open(&server, "weather-app").await;
    let first = page.frame("status").await;
    assert_eq!(first["data"], server.get("/api/status/weather-app").await.json());
    let told = post_phase(&server, |file| file["progress_detail"] = "Running them".into()).await;
    assert_eq!(told["broadcasted_to"], 1);
    let update = page.frame("phase_update").await;
    insta::assert_json_snapshot!("phase_update", update);
    assert_eq!(page.frame("status").await["data"]["task"], "Running them");
}

#[tokio::test]
async fn what_changes_nothing_causes_no_frame() {
    let server = Server::start().await;
    post_phase(&server, |_| ()).await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    for _ in 0..3 {
        post_phase(&server, |_| ()).await;
    }
    // A later time and another estimate are no news to a page: both tick.
    post_phase(&server, |file| file["last_updated"] = "2026-01-31T08:14:30Z".into()).await;
    let estimate = EstimateRevised {
        estimate: Some(Estimate {
            at: now(),
            remaining_s: 600,
            low_s: 300,
            high_s: 900,
            basis: "median of 4 earlier runs".into(),
        }),
    };
    server
        .settled(event("weather-app", Fact::EstimateRevised(estimate)))
        .await;
    broadcast(&server, &json!({"type": "mark"})).await;
    page.frame("mark").await;
    broadcast(&server, &json!({"type": "mark", "number": 2})).await;
    page.frame("mark").await;
}

#[tokio::test]
async fn who_comes_before_the_session_is_told_when_it_appears() {
    let server = Server::start().await;
    let mut page = Page::open(&server, "weather-app").await;
    let absent = json!({"type": "status", "data": {"error": "Session not found"}});
    assert_eq!(page.next().await.unwrap(), absent);
    let told = post_phase(&server, |_| ()).await;
    assert_eq!(told["broadcasted_to"], 1);
    page.frame("phase_update").await;
    let status = page.frame("status").await;
    assert_eq!(status["data"]["current_phase"], "Builder");
    assert_eq!(server.get("/api/health").await.json()["connections"], 1);
}

#[tokio::test]
async fn a_session_that_appears_by_a_source_is_told_too() {
    let server = Server::start().await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    server
        .feed(forgecast_testkit::phase("weather-app", "Scout", "looking"))
        .await;
    page.frame("phase_update").await;
    assert_eq!(page.frame("status").await["data"]["phase"], "Scout");
}

#[tokio::test]
async fn the_end_of_a_phase_is_no_end_and_the_end_of_the_build_is_said_once() {
    let server = Server::start().await;
    post_phase(&server, |_| ()).await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    post_phase(&server, |file| file["status"] = "completed".into()).await;
    page.frame("phase_update").await;
    assert_eq!(page.frame("status").await["data"]["is_complete"], false);
    let done = json!({"type": "completion", "session_id": "weather-app", "data": {"success": true, "summary": {}}});
    broadcast(&server, &done).await;
    let mut kinds = Vec::new();
    while !["completion", "status", "complete"]
        .iter()
        .all(|kind| kinds.iter().any(|seen| seen == kind))
    {
        kinds.push(page.next().await.unwrap()["type"].as_str().unwrap().to_owned());
    }
    assert!(
        kinds.iter().filter(|kind| *kind == "complete").count() == 1,
        "{kinds:?}"
    );
    // The socket stays open, and nothing repeats the end.
    broadcast(&server, &done).await;
    page.frame("completion").await;
    broadcast(&server, &json!({"type": "mark"})).await;
    page.frame("mark").await;
    // Whoever comes later is told, too, once.
    let mut late = Page::open(&server, "weather-app").await;
    assert_eq!(late.frame("status").await["data"]["status"], "completed");
    late.frame("complete").await;
}

#[tokio::test]
async fn a_new_run_of_the_name_is_followed() {
    let server = Server::start().await;
    post_phase(&server, |_| ()).await;
    let done = json!({"type": "completion", "session_id": "weather-app", "data": {"success": true, "summary": {}}});
    broadcast(&server, &done).await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    page.frame("complete").await;
    let mut first_run = Page::open(&server, "weather-app~1").await;
    first_run.frame("status").await;
    first_run.frame("complete").await;
    post_phase(&server, |file| {
        file["current_phase"] = "Scout".into();
        file["status"] = "starting".into();
        file["phases_completed"] = json!([]);
        file["started_at"] = "2026-01-31T08:14:59Z".into();
    })
    .await;
    page.frame("phase_update").await;
    let status = page.frame("status").await;
    assert_eq!(
        (&status["data"]["phase"], &status["data"]["is_complete"]),
        (&json!("Scout"), &json!(false))
    );
    // The one who named the run stays with it, under the id that is now its only one.
    assert_eq!(
        server.get("/api/status/weather-app~1").await.json()["id"],
        "weather-app~1"
    );
}

#[tokio::test]
async fn events_agents_and_log_lines_come_as_they_came() {
    let server = Server::start().await;
    post_phase(&server, |_| ()).await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    let made_up = json!({"type": "confetti", "session_id": "weather-app", "timestamp": "2026-01-31T08:15:00", "sequence": 1,
                         "data": {"colors": ["red", 7, null, {"deep": true}]}});
    assert_eq!(broadcast(&server, &made_up).await, json!({"broadcasted": 1}));
    assert_eq!(page.next().await.unwrap(), made_up);
    let agent = json!({"session_id": "weather-app", "agent_id": "a-1", "status": "active", "mood": "fine"});
    let told = server.post("/api/agent-update", &agent.to_string()).await.json();
    assert_eq!(told["broadcasted_to"], 1);
    assert_eq!(
        page.next().await.unwrap(),
        json!({"type": "agent_progress", "session_id": "weather-app", "data": agent})
    );
    let line =
        json!({"type": "log_line", "session_id": "weather-app", "data": {"line": "<b>one</b>\ntwo", "level": "info"}});
    broadcast(&server, &line).await;
    let mut lines = Vec::new();
    let mut events = Vec::new();
    while lines.len() < 2 || events.is_empty() {
        let frame = page.next().await.unwrap();
        if frame["type"] == "log" {
            lines.push(frame["data"].clone());
        } else {
            events.push(frame);
        }
    }
    assert_eq!(lines, ["<b>one</b>", "two"]);
    assert_eq!(events, [line]);
}

#[tokio::test]
async fn what_is_passed_on_is_clean() {
    let server = Server::start().await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    let event = json!({"type": "note", "data": {"text": "\u{1b}[2J AKIAIOSFODNN7EXAMPLE", "password": "hunter2"}});
    broadcast(&server, &event).await;
    let mut frame = page.next().await.unwrap();
    while frame["type"] != "note" {
        frame = page.next().await.unwrap();
    }
    let frame = frame.to_string();
    for hidden in ["\u{1b}", "\\u001b", "AKIAIOSFODNN7EXAMPLE", "hunter2"] {
        assert!(!frame.contains(hidden), "{frame}");
    }
}

#[tokio::test]
async fn pages_of_other_sessions_hear_nothing() {
    let server = Server::start().await;
    let mut other = Page::open(&server, "other").await;
    other.frame("status").await;
    let told = broadcast(&server, &json!({"type": "mark"})).await;
    assert_eq!(told["broadcasted"], 0);
    server.post("/api/broadcast/other", r#"{"type": "own"}"#).await;
    // The event makes the session known, which is told in its own time.
    while other.next().await.unwrap()["type"] != "own" {}
}

#[tokio::test]
async fn a_session_that_is_removed_is_not_found_any_more() {
    let server = Server::start().await;
    post_phase(&server, |_| ()).await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    assert_eq!(server.delete("/api/v1/sessions/weather-app").await.status, 204);
    assert_eq!(
        page.frame("status").await["data"],
        json!({"error": "Session not found"})
    );
}

#[tokio::test]
async fn viewers_are_limited_like_all_others() {
    let server = Server::with(|setup| setup.hub.viewers_per_session = 2).await;
    post_phase(&server, |_| ()).await;
    let mut pages = Vec::new();
    for _ in 0..2 {
        let mut page = Page::open(&server, "weather-app").await;
        page.frame("status").await;
        pages.push(page);
    }
    let mut third = Page::open(&server, "weather-app").await;
    assert_eq!(third.next().await, Err(Some(4429)));
    drop(pages);
    eventually("the places are free again", async || {
        server.get("/api/health").await.json()["connections"] == 0
    })
    .await;
    let mut again = Page::open(&server, "weather-app").await;
    again.frame("status").await;
}

#[tokio::test]
async fn a_viewer_that_reads_nothing_is_let_go_and_holds_nobody_up() {
    let server = Server::with(|setup| {
        setup.send_buffer = Some(4_096);
        setup.server.send_timeout_ms = 200;
    })
    .await;
    post_phase(&server, |_| ()).await;
    let stuck = Page::open(&server, "weather-app").await;
    let mut good = Page::open(&server, "weather-app").await;
    good.frame("status").await;
    let long = "x".repeat(10_000);
    let mut sent = 0;
    // Until the stuck one is gone; every event reaches the other.
    loop {
        sent += 1;
        let told = broadcast(&server, &json!({"type": "bulk", "number": sent, "text": long})).await;
        assert_eq!(good.frame("bulk").await["number"], sent);
        if told["broadcasted"] == 1 {
            break;
        }
        assert!(sent < 5_000, "the stuck viewer is still there");
    }
    drop(stuck);
}

#[tokio::test]
async fn whatever_a_page_says_is_not_listened_to() {
    let server = Server::start().await;
    post_phase(&server, |_| ()).await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    for message in [
        Message::text("hello"),
        Message::text("{}"),
        Message::binary(vec![0, 159]),
    ] {
        page.socket.send(message).await.unwrap();
    }
    page.socket
        .send(Message::Ping(b"there?".to_vec().into()))
        .await
        .unwrap();
    broadcast(&server, &json!({"type": "mark"})).await;
    page.frame("mark").await;
}

#[tokio::test]
async fn a_stop_says_so() {
    let server = Server::start().await;
    let mut page = Page::open(&server, "weather-app").await;
    page.frame("status").await;
    server.stop();
    assert_eq!(page.next().await, Err(Some(1012)));
    server.ended().await;
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_socket() {
    let server = Server::start().await;
    let upgrade = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("origin", "http://localhost:1"),
    ];
    assert_eq!(
        server.request("GET", "/ws/weather-app", &upgrade, b"").await.status,
        403
    );
    assert_eq!(server.get("/ws/weather-app").await.status, 400);
}
