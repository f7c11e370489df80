//! What viewers and the server say to each other.

use std::collections::BTreeMap;

use forgecast_protocol::update::{HEARTBEAT_S, PROTOCOL_VERSION, TopicMark};
use forgecast_protocol::{ClientMessage, Epoch, ErrorBody, LogLine, ServerMessage, Span, Timestamp, batch::LogLevel};
use serde_json::json;

fn at() -> Timestamp {
    Timestamp::from_millis(1_769_847_300_250)
}

fn written(message: &ServerMessage) -> String {
    let text = serde_json::to_string(message).unwrap();
    let back: ServerMessage = serde_json::from_str(&text).unwrap();
    assert_eq!(&back, message, "what is written must be read back");
    text
}

#[test]
fn hello_comes_first_and_tells_the_version_and_the_time() {
    let hello = ServerMessage::Hello {
        protocol: PROTOCOL_VERSION,
        server_time: at(),
        heartbeat_s: HEARTBEAT_S,
    };
    insta::assert_snapshot!(written(&hello), @r#"{"type":"hello","protocol":1,"server_time":"2026-01-31T08:15:00.250Z","heartbeat_s":2}"#);
}

#[test]
fn a_snapshot_carries_the_canonical_topic_and_its_place() {
    let snapshot = ServerMessage::Snapshot {
        topic: "session/weather-app~1".parse().unwrap(),
        epoch: Epoch::new(0x51ab_03ff),
        revision: 42,
        state: json!({"name": "weather-app"}),
    };
    insta::assert_snapshot!(written(&snapshot), @r#"{"type":"snapshot","topic":"session/weather-app~1","epoch":"51ab03ff","revision":42,"state":{"name":"weather-app"}}"#);
}

#[test]
fn a_patch_names_the_revision_it_applies_to_and_the_one_it_leads_to() {
    let patch = ServerMessage::Patch {
        topic: "sessions".parse().unwrap(),
        epoch: Epoch::new(1),
        from: 42,
        revision: 43,
        patch: json!({"sessions": {"weather-app~1": {"status_reason": null}}}),
    };
    insta::assert_snapshot!(written(&patch), @r#"{"type":"patch","topic":"sessions","epoch":"00000001","from":42,"revision":43,"patch":{"sessions":{"weather-app~1":{"status_reason":null}}}}"#);
}

#[test]
fn log_lines_carry_their_numbers_and_styles() {
    let log = ServerMessage::Log {
        topic: "log/weather-app~1".parse().unwrap(),
        offset: 1200,
        skipped: Some(7),
        lines: vec![LogLine {
            offset: 1200,
            at: at(),
            level: Some(LogLevel::Warn),
            from: Some("build-output-1.txt".into()),
            text: "2 tests failed".into(),
            spans: vec![Span {
                start: 0,
                end: 1,
                style: "bold fg-1".into(),
            }],
        }],
    };
    insta::assert_snapshot!(written(&log), @r#"{"type":"log","topic":"log/weather-app~1","offset":1200,"skipped":7,"lines":[{"offset":1200,"at":"2026-01-31T08:15:00.250Z","level":"warn","from":"build-output-1.txt","text":"2 tests failed","spans":[{"start":0,"end":1,"style":"bold fg-1"}]}]}"#);
}

#[test]
fn events_removals_and_errors_name_their_topic() {
    let event = ServerMessage::Event {
        topic: "session/a~1".parse().unwrap(),
        event: json!({"type": "lunch"}),
    };
    insta::assert_snapshot!(written(&event), @r#"{"type":"event","topic":"session/a~1","event":{"type":"lunch"}}"#);
    let removed = ServerMessage::Removed {
        topic: "session/a~1".parse().unwrap(),
    };
    insta::assert_snapshot!(written(&removed), @r#"{"type":"removed","topic":"session/a~1"}"#);
    let error = ServerMessage::Error {
        topic: Some("session/nobody".into()),
        problem: ErrorBody {
            kind: "urn:forgecast:error:unknown-session".into(),
            title: "Unknown session".into(),
            status: 404,
            detail: Some("no session is called nobody".into()),
            request_id: None,
        },
    };
    insta::assert_snapshot!(written(&error), @r#"{"type":"error","topic":"session/nobody","problem":{"type":"urn:forgecast:error:unknown-session","title":"Unknown session","status":404,"detail":"no session is called nobody"}}"#);
}

#[test]
fn a_heartbeat_says_what_the_viewer_should_hold() {
    let heartbeat = ServerMessage::Heartbeat {
        server_time: at(),
        revisions: BTreeMap::from([
            (
                "log/a~1".into(),
                TopicMark {
                    revision: 12,
                    digest: None,
                },
            ),
            (
                "session/a~1".into(),
                TopicMark {
                    revision: 45,
                    digest: Some("c0ffee".into()),
                },
            ),
        ]),
    };
    insta::assert_snapshot!(written(&heartbeat), @r#"{"type":"heartbeat","server_time":"2026-01-31T08:15:00.250Z","revisions":{"log/a~1":{"revision":12},"session/a~1":{"revision":45,"digest":"c0ffee"}}}"#);
}

#[test]
fn a_viewer_subscribes_from_what_it_has() {
    let understood = |text: &str| serde_json::from_str::<ClientMessage>(text);
    assert_eq!(
        understood(r#"{"type":"subscribe","topic":"session/a~1","epoch":"00000001","revision":41}"#).unwrap(),
        ClientMessage::Subscribe {
            topic: "session/a~1".parse().unwrap(),
            epoch: Some(Epoch::new(1)),
            revision: Some(41),
            offset: None,
        }
    );
    assert!(understood(r#"{"type":"subscribe","topic":"sessions"}"#).is_ok());
    assert!(understood(r#"{"type":"unsubscribe","topic":"log/a"}"#).is_ok());
    for refused in [
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","topic":"session/../etc"}"#,
        r#"{"type":"subscribe","topic":"sessions","revision":-1}"#,
        r#"{"type":"subscribe","topic":"sessions","surprise":1}"#,
        r#"{"type":"shutdown"}"#,
        "[]",
        "",
    ] {
        assert!(understood(refused).is_err(), "{refused}");
    }
}

/// The vectors that the dashboard's `messages.test.ts` goes through as well.
fn shared_vectors(side: &str) -> Vec<(String, serde_json::Value)> {
    let text = include_str!("../../../../fixtures/vectors/messages.json");
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let vectors = all[side].as_array().unwrap();
    vectors
        .iter()
        .map(|vector| (vector["name"].as_str().unwrap().to_owned(), vector["message"].clone()))
        .collect()
}

#[test]
fn the_shared_vectors_are_what_the_server_writes() {
    let mut kinds: Vec<String> = Vec::new();
    for (name, message) in shared_vectors("server") {
        let read: ServerMessage = serde_json::from_value(message.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), message, "{name}");
        kinds.push(message["type"].as_str().unwrap().to_owned());
    }
    kinds.sort_unstable();
    kinds.dedup();
    let every_kind = [
        "error",
        "event",
        "heartbeat",
        "hello",
        "log",
        "patch",
        "removed",
        "snapshot",
    ];
    assert_eq!(kinds, every_kind);
}

#[test]
fn the_shared_vectors_are_what_a_viewer_says() {
    for (name, message) in shared_vectors("client") {
        let read: ClientMessage = serde_json::from_value(message.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), message, "{name}");
    }
}
