//! The live protocol over WebSocket: what is said, in which order, and that nothing else is.

use forgecast_protocol::event::{ArtifactChanged, ArtifactKind};
use forgecast_protocol::{Batch, Fact, LogChunk, LogLine, Subject};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use forgecast_testkit::{Received, TopicState, Viewer};
use forgecast_testkit::{Server, event, eventually, now, phase};

const TOPIC: &str = "session/weather-app~1";

/// Epochs are random; everything else is the same in every run.
fn without_epoch(mut message: Value) -> Value {
    if let Some(epoch) = message.get_mut("epoch") {
        *epoch = "[epoch]".into();
    }
    message
}

#[tokio::test]
async fn the_first_message_is_hello() {
    let server = Server::start().await;
    let mut viewer = Viewer::over(&server, server.connect().await).await;
    insta::assert_json_snapshot!(viewer.message().await, @r#"
    {
      "heartbeat_s": 60,
      "protocol": 1,
      "server_time": "2026-01-31T08:15:00.250Z",
      "type": "hello"
    }
    "#);
}

#[tokio::test]
async fn a_viewer_gets_a_snapshot_under_the_canonical_name_and_then_patches() {
    let server = Server::start().await;
    server.settled(phase("weather-app", "Scout", "looking around")).await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("session/weather-app").await;
    let snapshot = viewer.message().await;
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(snapshot["topic"], TOPIC);
    assert_eq!(snapshot["state"]["phase"]["name"], "Scout");
    server.feed(phase("weather-app", "Scout", "found a lake")).await;
    let patch = viewer.message().await;
    insta::assert_json_snapshot!(without_epoch(patch), @r#"
    {
      "epoch": "[epoch]",
      "from": 1,
      "patch": {
        "phase": {
          "detail": "found a lake"
        }
      },
      "revision": 2,
      "topic": "session/weather-app~1",
      "type": "patch"
    }
    "#);
    assert_eq!(viewer.held[TOPIC].state["phase"]["detail"], "found a lake");
}

#[tokio::test]
async fn what_a_viewer_folded_has_the_digest_that_the_heartbeat_names() {
    let server = Server::with(|setup| setup.server.heartbeat_ms = 20).await;
    server.settled(phase("weather-app", "Scout", "0")).await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("sessions").await;
    viewer.subscribe(TOPIC).await;
    for step in 1..=20 {
        server.settled(phase("weather-app", "Scout", &step.to_string())).await;
    }
    viewer.until(TOPIC, |state| state["phase"]["detail"] == "20").await;
    let checked = viewer.verified;
    while viewer.verified < checked + 4 {
        viewer.message().await;
    }
}

#[tokio::test]
async fn a_heartbeat_names_every_topic() {
    let server = Server::with(|setup| setup.server.heartbeat_ms = 50).await;
    server.settled(phase("weather-app", "Scout", "looking")).await;
    let mut viewer = Viewer::join(&server).await;
    for topic in ["sessions", TOPIC, "log/weather-app~1"] {
        viewer.subscribe(topic).await;
    }
    loop {
        let beat = viewer.message_of("heartbeat").await;
        let named: Vec<&String> = beat["revisions"].as_object().unwrap().keys().collect();
        if named.len() == 3 && viewer.held.len() == 2 {
            assert_eq!(named, ["log/weather-app~1", TOPIC, "sessions"]);
            assert_eq!(beat["server_time"], now().to_string());
            assert_eq!(beat["revisions"][TOPIC]["revision"], viewer.held[TOPIC].revision);
            break;
        }
    }
}

#[tokio::test]
async fn the_first_heartbeat_is_the_next_one_not_the_one_before() {
    let server = Server::with(|setup| setup.server.heartbeat_ms = 20).await;
    for _ in 0..20 {
        let stream = server.connect().await;
        let mut viewer = Viewer::over(&server, stream).await;
        let hello = viewer.message_of("hello").await;
        let beat = viewer.message_of("heartbeat").await;
        // Both have the same form and length, so they compare as texts.
        let (began, beat) = (&hello["server_time"], &beat["server_time"]);
        assert!(began.as_str().unwrap() <= beat.as_str().unwrap(), "{began} {beat}");
    }
}

#[tokio::test]
async fn nothing_but_heartbeats_comes_while_nothing_changes() {
    let server = Server::with(|setup| setup.server.heartbeat_ms = 10).await;
    server.settled(phase("weather-app", "Scout", "looking")).await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("sessions").await;
    viewer.subscribe(TOPIC).await;
    while viewer.held.len() < 2 {
        viewer.message().await;
    }
    // What was on its way from the beginning has come by the second heartbeat that agrees with what is held.
    while viewer.verified < 4 {
        viewer.message().await;
    }
    for _ in 0..50 {
        server.feed(phase("weather-app", "Scout", "looking")).await;
        assert_eq!(viewer.message().await["type"], "heartbeat");
    }
}

#[tokio::test]
async fn a_viewer_that_comes_back_gets_only_what_it_missed() {
    let server = Server::start().await;
    server.settled(phase("weather-app", "Scout", "0")).await;
    let mut first = Viewer::join(&server).await;
    first.subscribe(TOPIC).await;
    first.until(TOPIC, |state| state["phase"]["detail"] == "0").await;
    let held = first.held[TOPIC].clone();
    drop(first);
    for step in 1..=3 {
        server.settled(phase("weather-app", "Scout", &step.to_string())).await;
    }
    let mut second = Viewer::join(&server).await;
    second.resume(TOPIC, &held).await;
    for _ in 0..3 {
        assert_eq!(second.message().await["type"], "patch");
    }
    assert_eq!(second.held[TOPIC].state["phase"]["detail"], "3");
    let mut third = Viewer::join(&server).await;
    third.resume(TOPIC, &second.held[TOPIC]).await;
    server.settled(phase("weather-app", "Scout", "4")).await;
    assert_eq!(third.message().await["type"], "patch", "nothing is repeated");
}

#[tokio::test]
async fn a_viewer_of_another_epoch_gets_a_snapshot() {
    let server = Server::start().await;
    server.settled(phase("weather-app", "Scout", "0")).await;
    let mut viewer = Viewer::join(&server).await;
    let stale = TopicState {
        epoch: "00000000".to_owned(),
        revision: 1,
        state: json!({"from": "another life"}),
    };
    viewer.resume(TOPIC, &stale).await;
    assert_eq!(viewer.message().await["type"], "snapshot");
}

#[tokio::test]
async fn what_cannot_be_followed_is_an_error_message_and_the_socket_goes_on() {
    let server = Server::start().await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("session/nobody").await;
    insta::assert_json_snapshot!(viewer.message().await, @r#"
    {
      "problem": {
        "detail": "there is no session nobody",
        "status": 404,
        "title": "Not found",
        "type": "urn:forgecast:error:not-found"
      },
      "topic": "session/nobody",
      "type": "error"
    }
    "#);
    viewer.subscribe("session/../../etc/passwd").await;
    insta::assert_json_snapshot!(viewer.message().await, @r#"
    {
      "problem": {
        "detail": "a session name must be 1 to 128 letters, digits, dots, underscores or hyphens, beginning with a letter or digit",
        "status": 400,
        "title": "Malformed request",
        "type": "urn:forgecast:error:malformed"
      },
      "topic": "session/../../etc/passwd",
      "type": "error"
    }
    "#);
    viewer.say(&json!({"type": "dance"})).await;
    insta::assert_json_snapshot!(viewer.message().await, @r#"
    {
      "problem": {
        "detail": "unknown variant `dance`, expected `subscribe` or `unsubscribe` at line 1 column 15",
        "status": 400,
        "title": "Malformed request",
        "type": "urn:forgecast:error:malformed"
      },
      "type": "error"
    }
    "#);
    viewer.subscribe("sessions").await;
    assert_eq!(viewer.message().await["type"], "snapshot");
}

#[tokio::test]
async fn what_is_no_message_at_all_ends_the_socket() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    let server = Server::start().await;
    for message in [Message::text("hello?"), Message::binary(vec![1, 2, 3])] {
        let mut viewer = Viewer::join(&server).await;
        viewer.socket.send(message).await.unwrap();
        assert_eq!(viewer.closing().await, Some((4400, "bad message".to_owned())));
    }
}

#[tokio::test]
async fn after_unsubscribing_by_either_name_nothing_comes() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    server.settled(phase("b", "Scout", "0")).await;
    for name in ["session/a", "session/a~1"] {
        let mut viewer = Viewer::join(&server).await;
        viewer.subscribe("session/a").await;
        viewer.subscribe("session/b").await;
        viewer.message().await;
        viewer.message().await;
        viewer.say(&json!({"type": "unsubscribe", "topic": name})).await;
        // Answered in order: when the refusal has come, the unsubscription is done.
        viewer.subscribe("session/nobody").await;
        assert_eq!(viewer.message().await["type"], "error");
        server.settled(phase("a", "Builder", name)).await;
        server.settled(phase("b", "Builder", name)).await;
        assert_eq!(viewer.message().await["topic"], "session/b~1");
    }
}

#[tokio::test]
async fn one_session_under_two_names_is_one_topic() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("session/a").await;
    viewer.subscribe("session/a~1").await;
    viewer.message().await;
    viewer.message().await;
    server.settled(phase("a", "Scout", "1")).await;
    server.settled(phase("a", "Scout", "2")).await;
    assert_eq!(viewer.message().await["patch"]["phase"]["detail"], "1");
    assert_eq!(viewer.message().await["patch"]["phase"]["detail"], "2");
}

#[tokio::test]
async fn log_lines_come_in_order_from_the_offset_that_was_asked_for() {
    let server = Server::start().await;
    let lines = |texts: &[&str]| Batch {
        logs: vec![LogChunk {
            id: None,
            subject: Subject {
                name: Some("a".to_owned()),
                ..Subject::default()
            },
            lines: texts
                .iter()
                .map(|text| LogLine {
                    offset: 0,
                    at: now(),
                    level: None,
                    from: None,
                    text: (*text).to_owned(),
                    spans: Vec::new(),
                })
                .collect(),
        }],
        ..Batch::of(phase("a", "Scout", "0"))
    };
    server.hub.push(lines(&["zero", "one", "two"])).await.unwrap();
    let mut viewer = Viewer::join(&server).await;
    viewer
        .say(&json!({"type": "subscribe", "topic": "log/a", "offset": 1}))
        .await;
    let log = viewer.message().await;
    assert_eq!(log["type"], "log");
    assert_eq!(log["topic"], "log/a~1");
    assert_eq!(log["offset"], 1);
    assert_eq!(log["lines"][0]["text"], "one");
    assert_eq!(log["lines"][1]["text"], "two");
    server.hub.push(lines(&["three"])).await.unwrap();
    let log = viewer.message().await;
    assert_eq!((&log["offset"], &log["lines"][0]["text"]), (&json!(3), &json!("three")));
}

#[tokio::test]
async fn a_session_that_is_removed_ends_its_topic() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("session/a").await;
    viewer.message().await;
    let answer = server.delete("/api/v1/sessions/a~1").await;
    assert_eq!(answer.status, 204);
    let removed = viewer.message().await;
    assert_eq!(removed, json!({"type": "removed", "topic": "session/a~1"}));
    viewer.subscribe("session/a").await;
    assert_eq!(viewer.message().await["type"], "error");
}

#[tokio::test]
async fn a_socket_that_leaves_gives_everything_back() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut viewers = Vec::new();
    for _ in 0..10 {
        let mut viewer = Viewer::join(&server).await;
        viewer.subscribe("session/a").await;
        viewer.message().await;
        viewers.push(viewer);
    }
    assert_eq!(server.hub.counters().viewers, 10);
    for (number, mut viewer) in viewers.into_iter().enumerate() {
        // Some say goodbye, some vanish.
        if number % 2 == 0 {
            let frame = CloseFrame {
                code: CloseCode::Normal,
                reason: "bye".into(),
            };
            viewer.socket.close(Some(frame)).await.unwrap();
            assert!(matches!(viewer.hear().await, Received::Closed(Some((1000, _)))));
        }
    }
    eventually("no viewer is counted", async || server.hub.counters().viewers == 0).await;
    eventually("no connection is open", async || {
        server
            .get("/metrics")
            .await
            .text()
            .contains("forgecast_connections 1\n")
    })
    .await;
}

#[tokio::test]
async fn artifacts_show_up_in_the_view() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("session/a").await;
    viewer.message().await;
    let artifact = Fact::ArtifactChanged(ArtifactChanged {
        name: ".context-foundry/architecture.md".to_owned(),
        kind: ArtifactKind::Document,
        size: 12,
        modified_at: now(),
        dated: None,
        removed: false,
    });
    server.settled(event("a", artifact)).await;
    viewer
        .until("session/a~1", |state| {
            state["artifacts"][".context-foundry/architecture.md"]["size"] == 12
        })
        .await;
}
