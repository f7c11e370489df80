//! The limits of the live protocol, each with the code and the reason it ends with.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use forgecast_testkit::{LIMIT, Server, eventually, phase};
use forgecast_testkit::{Received, Viewer};

#[tokio::test]
async fn a_socket_may_follow_so_many_topics() {
    let server = Server::with(|setup| setup.server.topics_per_socket = 2).await;
    for name in ["a", "b", "c"] {
        server.settled(phase(name, "Scout", "0")).await;
    }
    let mut viewer = Viewer::join(&server).await;
    for topic in ["session/a", "session/b", "session/b", "session/c"] {
        viewer.subscribe(topic).await;
    }
    assert_eq!(viewer.closing().await, Some((4413, "too many topics".to_owned())));
}

#[tokio::test]
async fn a_session_may_have_so_many_viewers_and_a_place_becomes_free() {
    let server = Server::with(|setup| setup.hub.viewers_per_session = 2).await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut seated = Vec::new();
    for _ in 0..2 {
        let mut viewer = Viewer::join(&server).await;
        viewer.subscribe("session/a").await;
        viewer.message().await;
        // Again, because something was missed: that is not a second viewer.
        viewer.subscribe("session/a").await;
        viewer.message().await;
        seated.push(viewer);
    }
    let mut late = Viewer::join(&server).await;
    late.subscribe("session/a").await;
    assert_eq!(late.closing().await, Some((4429, "too many viewers".to_owned())));
    let answer = server.get("/api/v1/sessions/a/live").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "10"));
    drop(seated);
    eventually("a place is free", async || {
        let mut viewer = Viewer::join(&server).await;
        viewer.subscribe("session/a").await;
        matches!(viewer.hear().await, Received::Message(_))
    })
    .await;
}

#[tokio::test]
async fn a_message_may_be_so_long() {
    let server = Server::start().await;
    let mut viewer = Viewer::join(&server).await;
    let _ = viewer.socket.send(Message::text(" ".repeat(65 * 1024))).await;
    assert_eq!(viewer.closing().await, Some((1009, "message too long".to_owned())));
    let mut other = Viewer::join(&server).await;
    other.subscribe("sessions").await;
    other.message().await;
}

#[tokio::test]
async fn what_is_no_websocket_traffic_is_closed_and_the_reason_arrives() {
    let server = Server::start().await;
    let unmasked: &[u8] = b"\x81\x01x";
    let not_text: &[u8] = b"\x81\x81\x00\x00\x00\x00\xff";
    for (bytes, code) in [(unmasked, 1002), (not_text, 1007)] {
        let mut viewer = Viewer::join(&server).await;
        viewer.socket.get_mut().write_all(bytes).await.unwrap();
        assert_eq!(viewer.closing().await.map(|(code, _)| code), Some(code));
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_what_it_carried() {
    let server = Server::start().await;
    let mut viewer = Viewer::join(&server).await;
    viewer.socket.send(Message::Ping("there?".into())).await.unwrap();
    loop {
        match viewer.socket.next().await.unwrap().unwrap() {
            Message::Pong(payload) => break assert_eq!(&payload[..], b"there?"),
            other => assert!(other.is_text(), "{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_socket_that_follows_nothing_is_closed() {
    let server = Server::with(|setup| {
        setup.server.heartbeat_ms = 10;
        setup.server.idle_ms = 100;
    })
    .await;
    let mut viewer = Viewer::join(&server).await;
    assert_eq!(viewer.closing().await, Some((4408, "idle".to_owned())));
}

#[tokio::test]
async fn a_silent_viewer_that_answers_pings_stays_and_one_that_is_gone_is_closed() {
    let server = Server::with(|setup| {
        setup.server.heartbeat_ms = 10;
        setup.server.idle_ms = 500;
    })
    .await;
    let mut alive = Viewer::join(&server).await;
    alive.subscribe("sessions").await;
    let mut gone = Viewer::join(&server).await;
    gone.subscribe("sessions").await;
    // `gone` no longer reads: it answers no ping.
    let mut beats = 0;
    while server.hub.counters().viewers > 1 || beats < 200 {
        assert_ne!(alive.message().await["type"], "error");
        beats += 1;
    }
    assert_eq!(gone.closing().await, Some((4408, "idle".to_owned())));
}

#[tokio::test]
async fn connections_are_limited_and_whoever_finds_no_place_is_told_at_once() {
    let server = Server::with(|setup| setup.server.connections_per_address = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Viewer::join(&server).await);
    }
    assert_eq!(server.get("/healthz").await.status, 503);
    held.pop();
    eventually("a place is free", async || server.get("/healthz").await.status == 200).await;
}

fn begins_with(state: &Value, start: &str) -> bool {
    state["phase"]["detail"]
        .as_str()
        .is_some_and(|detail| detail.starts_with(start))
}

/// Fault F23: one viewer never reads, the others do not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_never_reads_is_closed_as_slow_and_the_others_get_everything() {
    const GOOD: usize = 100;
    const PATCHES: usize = 200;
    let server = Server::with(|setup| {
        setup.hub.viewers_per_session = GOOD + 2;
        setup.hub.ring_bytes = 64 * 1024 * 1024;
        setup.hub.ring_patches = 10 * PATCHES;
        setup.server.send_timeout_ms = 1_000;
        setup.send_buffer = Some(16 * 1024);
    })
    .await;
    server.settled(phase("a", "Scout", "start")).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut slow = Viewer::over(&server, stream).await;
    slow.subscribe("session/a").await;
    let mut good = Vec::new();
    for _ in 0..GOOD {
        let mut viewer = Viewer::join(&server).await;
        viewer.subscribe("session/a").await;
        viewer.message().await;
        good.push(tokio::spawn(async move {
            let last = format!("{PATCHES} ");
            viewer.until("session/a~1", |state| begins_with(state, &last)).await;
            viewer.held["session/a~1"].revision
        }));
    }
    let mut pacer = Viewer::join(&server).await;
    pacer.subscribe("session/a").await;
    let mut was_behind = false;
    for number in 1..=PATCHES {
        // A large field that differs all over; one revision each, for nobody is so slow that a snapshot is shorter.
        let start = format!("{number} ");
        let detail = start.clone() + &"x".repeat(2_000);
        server.feed(phase("a", "Scout", &detail)).await;
        pacer.until("session/a~1", |state| begins_with(state, &start)).await;
        was_behind = was_behind
            || server
                .get("/metrics")
                .await
                .text()
                .contains("forgecast_viewers_behind 1\n");
    }
    assert!(was_behind, "a viewer that takes nothing counts as behind");
    for viewer in good {
        let revision = timeout(LIMIT, viewer).await.unwrap().unwrap();
        assert_eq!(usize::try_from(revision).unwrap(), PATCHES + 1);
    }
    eventually("the slow viewer is closed as slow", async || {
        server
            .get("/metrics")
            .await
            .text()
            .contains("forgecast_viewers_closed_total{reason=\"slow\"} 1\n")
    })
    .await;
    assert!(
        server
            .get("/metrics")
            .await
            .text()
            .contains("forgecast_viewers_behind 0\n")
    );
    drop(pacer);
    eventually("no viewer is left", async || server.hub.counters().viewers == 0).await;
}

#[tokio::test]
async fn an_event_stream_that_nobody_reads_gives_its_place_back() {
    let server = Server::with(|setup| {
        setup.server.send_timeout_ms = 200;
        setup.send_buffer = Some(8 * 1024);
    })
    .await;
    server.settled(phase("a", "Scout", "0")).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let head = server.head("GET", "/api/v1/sessions/a/live", &[], 0);
    stream.write_all(head.as_bytes()).await.unwrap();
    eventually("it is followed", async || server.hub.counters().viewers == 1).await;
    let mut number = 0;
    eventually("it is given up", async || {
        number += 1;
        let detail = format!("{number} {}", "x".repeat(2_000));
        server.feed(phase("a", "Scout", &detail)).await;
        server.hub.counters().viewers == 0
    })
    .await;
}

/// Fault F45.
#[tokio::test]
async fn a_stop_tells_viewers_to_come_back_and_finishes_requests() {
    let server = Server::start().await;
    let mut viewers = Vec::new();
    for _ in 0..20 {
        let mut viewer = Viewer::join(&server).await;
        viewer.subscribe("sessions").await;
        viewer.message().await;
        viewers.push(viewer);
    }
    // A push whose body is still on its way.
    let body = r#"{"id": "late", "session": "a", "type": "custom", "kind": "note"}"#;
    let mut pushing = server.connect().await;
    let json = [("content-type", "application/json")];
    let head = server.head("POST", "/api/v1/events", &json, body.len());
    pushing.write_all(head.as_bytes()).await.unwrap();
    pushing.write_all(&body.as_bytes()[..10]).await.unwrap();
    // An idle connection, and one that never gets further than half a head.
    let _idle = server.connect().await;
    let mut half = server.connect().await;
    half.write_all(b"GET / HT").await.unwrap();
    eventually("all are connected", async || {
        server
            .get("/metrics")
            .await
            .text()
            .contains("forgecast_connections 24\n")
    })
    .await;
    server.stop();
    for viewer in &mut viewers {
        assert_eq!(viewer.closing().await, Some((1012, "restarting".to_owned())));
    }
    pushing.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut answer = String::new();
    pushing.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    timeout(Duration::from_secs(60), server.ended()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_when_the_time_for_stopping_is_over() {
    let server = Server::with(|setup| setup.server.stop_ms = 50).await;
    let mut pushing = server.connect().await;
    let json = [("content-type", "application/json")];
    let head = server.head("POST", "/api/v1/events", &json, 1000);
    pushing.write_all(head.as_bytes()).await.unwrap();
    eventually("it is being served", async || {
        server
            .get("/metrics")
            .await
            .text()
            .contains("forgecast_connections 2\n")
    })
    .await;
    server.stop();
    server.ended().await;
    let mut rest = Vec::new();
    let _ = pushing.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn connections_that_send_no_request_keep_nobody_out_who_has_the_same_address() {
    let server = Server::with(|setup| setup.server.connections_per_address = 4).await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("session/a").await;
    viewer.message().await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /heal").await.unwrap();
        silent.push(stream);
    }
    for _ in 0..5 {
        assert_eq!(server.get("/healthz").await.status, 200);
    }
    // Those that were replaced are closed; the viewer is not.
    let mut rest = Vec::new();
    let ended = timeout(LIMIT, silent[0].read_to_end(&mut rest)).await.expect("closed");
    assert!(ended.is_err() || rest.is_empty(), "{rest:?}");
    viewer.subscribe("session/a").await;
    viewer.message().await;
}
