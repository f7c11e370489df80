//! Producers as they are: the very requests that their HTTP clients make, byte by byte.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask::Rules;
use forgecast_decode::push;
use forgecast_protocol::{Batch, Origin, SourceKind};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::phase_file;
use forgecast_testkit::{Answer, LIMIT, Server, now};

/// As the orchestrator's shell sends it: `curl -s -X POST … -H "Content-Type: application/json" -d @file`, which joins lines.
async fn curl(server: &Server, path: &str, body: &str) -> Answer {
    let body = body.replace('\n', "");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.address.port(),
        body.len()
    );
    sent(server, &head, &body).await
}

/// As the Python producers send it.
async fn python(server: &Server, path: &str, body: &str) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{}\r\nUser-Agent: python-requests/2.31.0\r\n\
         Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\n\r\n",
        server.address.port(),
        body.len()
    );
    sent(server, &head, body).await
}

async fn sent(server: &Server, head: &str, body: &str) -> Answer {
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    // These clients keep the connection: an answer ends where its length says so.
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            stream.read_buf(&mut bytes).await.unwrap();
            if bytes.windows(4).any(|four| four == b"\r\n\r\n") {
                let answer = Answer::parse(&bytes);
                if answer.header("content-length").parse() == Ok(answer.body.len()) {
                    return answer;
                }
            }
        }
    };
    timeout(LIMIT, reading).await.unwrap()
}

#[tokio::test]
async fn a_phase_file_by_curl_is_received() {
    let server = Server::start().await;
    let file = serde_json::to_string_pretty(&phase_file("weather-app")).unwrap();
    let answer = curl(&server, "/api/phase-update", &file).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({"status": "received", "session_id": "weather-app", "phase": "Builder", "broadcasted_to": 0})
    );
    let status = server.get("/api/status/weather-app").await.json();
    for (field, value) in [
        ("phase", json!("Builder")),
        ("phase_number", json!("3/7")),
        ("status", json!("running")),
        ("phase_status", json!("building")),
        ("task", json!("Writing the <parser> & its tests")),
        ("phases_completed", json!(["Scout", "Architect"])),
        ("start_time", json!("2026-01-31T08:00:00.000Z")),
        ("elapsed_seconds", json!(900)),
        ("is_complete", json!(false)),
        ("source", json!("live")),
    ] {
        assert_eq!(status[field], value, "{field}");
    }
}

#[tokio::test]
async fn a_phase_file_that_names_no_session_is_the_nameless_build() {
    let server = Server::start().await;
    let mut file = phase_file("x");
    file.as_object_mut().unwrap().remove("session_id");
    assert_eq!(
        curl(&server, "/api/phase-update", &file.to_string()).await.json()["session_id"],
        "autonomous-build"
    );
    assert_eq!(
        server.get("/api/status/autonomous-build").await.json()["phase"],
        "Builder"
    );
}

/// What ingest tells of a phase file in a folder of this name.
fn written(folder: &str, file: &str) -> Batch {
    let cleaner = Cleaner::new(Rules::default());
    let named = file.replacen('{', &format!("{{\"session_id\": \"{folder}\", "), 1);
    let mut batch = push::phase_update(named.as_bytes(), &cleaner, now()).unwrap().batch;
    for event in &mut batch.events {
        event.origin.kind = SourceKind::PhaseFile;
        event.origin.path = Some(".context-foundry/current-phase.json".into());
    }
    batch
}

#[tokio::test]
async fn a_phase_file_without_a_session_belongs_to_the_watched_build_that_wrote_it() {
    let server = Server::start().await;
    let mut file = phase_file("x");
    file.as_object_mut().unwrap().remove("session_id");
    let file = file.to_string();
    server.hub.push(written("weather-app", &file)).await.unwrap();
    let before = server.get("/api/v1/sessions/weather-app").await;
    let answer = curl(&server, "/api/phase-update", &file).await;
    assert_eq!(answer.json()["session_id"], "weather-app");
    let after = server.get("/api/v1/sessions/weather-app").await;
    assert_eq!(before.header("etag"), after.header("etag"));
    assert_eq!(server.get("/api/sessions").await.json()["count"], 1);

    // Sent before it is read.
    let later = file.replace("building", "self-healing");
    let hub = server.hub.clone();
    let write = async {
        tokio::task::yield_now().await;
        hub.push(written("weather-app", &later)).await.unwrap();
    };
    let (answer, ()) = tokio::join!(curl(&server, "/api/phase-update", &later), write);
    assert_eq!(answer.json()["session_id"], "weather-app");
    assert_eq!(server.get("/api/sessions").await.json()["count"], 1);

    // What no watched file says is a build of its own.
    let other = file.replace("building", "deploying");
    let answer = curl(&server, "/api/phase-update", &other).await;
    assert_eq!(answer.json()["session_id"], "autonomous-build");
    assert_eq!(server.get("/api/sessions").await.json()["count"], 2);
}

#[tokio::test]
async fn the_same_phase_file_twice_changes_nothing() {
    let server = Server::start().await;
    let file = phase_file("weather-app").to_string();
    curl(&server, "/api/phase-update", &file).await;
    let before = server.get("/api/v1/sessions/weather-app").await;
    assert_eq!(curl(&server, "/api/phase-update", &file).await.status, 200);
    let after = server.get("/api/v1/sessions/weather-app").await;
    assert_eq!(before.header("etag"), after.header("etag"));
}

#[tokio::test]
async fn a_phase_file_and_the_same_by_http_are_one_fact() {
    let server = Server::start().await;
    let file = phase_file("weather-app").to_string();
    let batch = written("weather-app", &file);
    server.hub.push(batch.clone()).await.unwrap();
    let before = server.hub.counters();
    assert_eq!(curl(&server, "/api/phase-update", &file).await.status, 200);
    let after = server.hub.counters();
    assert_eq!((after.applied, after.duplicate), (before.applied, before.duplicate + 1));
    let facts = server.get("/api/v1/sessions/weather-app/events").await.json();
    assert_eq!(facts["events"].as_array().map(Vec::len), Some(1), "{facts}");
    // Something else in between makes the same words news again.
    let later = file.replace("building", "self-healing");
    curl(&server, "/api/phase-update", &later).await;
    server.hub.push(batch).await.unwrap();
    assert_eq!(
        server.get("/api/status/weather-app").await.json()["phase_status"],
        "building"
    );
}

#[tokio::test]
async fn an_envelope_by_file_and_by_http_is_folded_once() {
    let server = Server::start().await;
    let envelope = json!({
        "type": "task_complete", "session_id": "weather-app", "timestamp": "2026-01-31T09:15:00.123456",
        "sequence": 3, "data": {"task": "Set up", "context_percent": 20}
    })
    .to_string();
    let origin = Origin {
        kind: SourceKind::Log,
        path: Some("events.jsonl".into()),
        first_sight: false,
        modified_at: None,
    };
    let cleaner = Cleaner::new(Rules::default());
    let line = push::line(envelope.as_bytes(), &origin, &cleaner, now()).unwrap();
    let first = server.hub.push(line.batch).await.unwrap();
    assert!(first.accepted > 0);
    let before = server.hub.counters();
    let answer = python(&server, "/api/broadcast/weather-app", &envelope).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"broadcasted": 0})));
    let after = server.hub.counters();
    assert_eq!(after.applied, before.applied);
    assert_eq!(after.duplicate, before.duplicate + first.accepted);
    assert_eq!(
        server.get("/api/status/weather-app").await.json()["tasks"]["completed"],
        json!(["Set up"])
    );
}

#[tokio::test]
async fn every_word_of_the_broadcaster_is_taken() {
    let server = Server::start().await;
    let words = [
        ("phase_change", json!({"phase": "scout", "context_percent": 0})),
        ("iteration_start", json!({"iteration": 1})),
        ("log_line", json!({"line": "Reading the code...", "level": "info"})),
        ("iteration_complete", json!({"iteration": 1, "context_percent": 25})),
        ("task_complete", json!({"task": "Models", "context_percent": 30})),
        ("context_update", json!({"percent": 60, "tokens_used": 120_000})),
        ("error", json!({"message": "npm failed", "details": {"code": 1}})),
        ("something_new", json!({"any": ["thing"]})),
    ];
    for (sequence, (word, data)) in words.into_iter().enumerate() {
        let envelope = json!({
            "type": word, "session_id": "overnight", "timestamp": "2026-01-31T08:15:00.250000",
            "sequence": sequence + 1, "data": data
        });
        let answer = python(&server, "/api/broadcast/overnight", &envelope.to_string()).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"broadcasted": 0})),
            "{word}"
        );
    }
    let status = server.get("/api/status/overnight").await.json();
    assert_eq!(status["phase"], "Scout");
    assert_eq!(status["context"], json!({"percentage": 60.0, "tokens_used": 120_000}));
    assert_eq!(status["tasks"]["completed"], json!(["Models"]));
    let tokens = server.get("/api/token/status/overnight").await.json();
    assert_eq!(
        tokens,
        json!({"used": 120_000, "limit": 200_000, "percentage": 60.0, "level": "warning", "color": "yellow"})
    );
    assert_eq!(
        server.get("/api/logs/overnight").await.json()["logs"],
        json!(["Reading the code..."])
    );
    let done = json!({"type": "completion", "session_id": "overnight", "sequence": 9, "data": {"success": true, "summary": {}}});
    python(&server, "/api/broadcast/overnight", &done.to_string()).await;
    let status = server.get("/api/status/overnight").await.json();
    assert_eq!(
        (&status["is_complete"], &status["status"]),
        (&json!(true), &json!("completed"))
    );
}

#[tokio::test]
async fn an_agents_state_is_taken_and_told() {
    let server = Server::start().await;
    let state = json!({
        "session_id": "weather-app", "agent_id": "builder-001", "agent_type": "Builder", "agent_name": "Builder 1",
        "status": "active", "phase": "Builder", "progress_percent": 25.0, "tokens_used": 10_000, "tokens_limit": 200_000,
        "token_percentage": 5.0, "parent_agent_id": "orchestrator-001"
    });
    let answer = python(&server, "/api/agent-update", &state.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({"status": "updated", "agent_id": "builder-001", "broadcasted_to": 0})
    );
    let done =
        json!({"session_id": "weather-app", "agent_id": "builder-001", "status": "completed", "tokens_used": 50_000});
    python(&server, "/api/agent-update", &done.to_string()).await;
    let agents = server.get("/api/agents/weather-app").await.json();
    assert_eq!(
        (&agents["total_agents"], &agents["active_agents"]),
        (&json!(1), &json!(0))
    );
    let agent = server.get("/api/agent/builder-001").await.json();
    for (field, value) in [
        ("session_id", json!("weather-app")),
        ("agent_type", json!("Builder")),
        ("status", json!("completed")),
        ("progress_percent", json!(25.0)),
        ("tokens_used", json!(50_000)),
        ("token_percentage", json!(25.0)),
        ("parent_agent_id", json!("orchestrator-001")),
    ] {
        assert_eq!(agent[field], value, "{field}");
    }
}

#[tokio::test]
async fn what_lacks_what_it_needs_is_refused_in_the_form_that_is_read() {
    let server = Server::start().await;
    for body in [
        json!({"session_id": "a"}),
        json!({"agent_id": "b"}),
        json!({"session_id": "", "agent_id": "b"}),
    ] {
        let answer = server.post("/api/agent-update", &body.to_string()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"].is_string(), "{body}");
    }
    let strange = server
        .post(
            "/api/phase-update",
            r#"{"session_id": {"a": 1}, "current_phase": "Scout"}"#,
        )
        .await;
    assert_eq!(strange.status, 400, "{}", strange.text());
    for path in ["/api/phase-update", "/api/agent-update", "/api/broadcast/a"] {
        for body in ["", "[]", "7", "{", "nonsense", "{\"a\":"] {
            assert_eq!(server.post(path, body).await.status, 400, "{path} {body:?}");
        }
        let plain = server
            .request("POST", path, &[("content-type", "text/plain")], b"{}")
            .await;
        assert_eq!(plain.status, 415, "{path}");
        let foreign = [
            ("content-type", "application/json"),
            ("origin", "http://localhost:3000"),
        ];
        assert_eq!(
            server.request("POST", path, &foreign, b"{}").await.status,
            403,
            "{path}"
        );
    }
    assert_eq!(server.hub.counters().applied, 0);
}

#[tokio::test]
async fn an_event_that_cannot_be_folded_is_passed_on_and_says_so() {
    let server = Server::start().await;
    let answer = server
        .post("/api/broadcast/a", r#"{"type": "task_complete", "data": {}}"#)
        .await;
    assert_eq!(answer.status, 200);
    let told: Value = answer.json();
    assert_eq!(told["broadcasted"], 0);
    assert!(told["problem"].is_string(), "{told}");
}

#[tokio::test]
async fn a_long_event_is_taken_like_a_short_one() {
    let server = Server::start().await;
    let event = json!({"type": "log_line", "session_id": "a", "data": {"line": "x".repeat(100_000)}});
    let answer = python(&server, "/api/broadcast/a", &event.to_string()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"broadcasted": 0})));
    assert_eq!(
        server.get("/api/logs/a").await.json()["logs"].as_array().map(Vec::len),
        Some(1)
    );
}
