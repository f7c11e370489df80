//! `POST /api/v1/events`: what is answered is true, the same id counts once, and no body hurts.

use serde_json::json;
use tokio::io::AsyncWriteExt;

use forgecast_testkit::Viewer;
use forgecast_testkit::{Answer, Server};

const PHASE: &str =
    r#"{"id": "e-1", "session": "weather-app", "type": "phase_reported", "phase": "Scout", "status": "in_progress"}"#;

#[tokio::test]
async fn the_same_event_twice_counts_once() {
    let server = Server::start().await;
    let first = server.post("/api/v1/events", PHASE).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.json(), json!({"accepted": 1, "duplicates": 0, "rejected": []}));
    let second = server.post("/api/v1/events", PHASE).await;
    assert_eq!(second.json(), json!({"accepted": 0, "duplicates": 1, "rejected": []}));
    let facts = server.get("/api/v1/sessions/weather-app/events").await.json();
    assert_eq!(facts["events"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_was_acknowledged_is_seen_by_viewers() {
    let server = Server::start().await;
    let mut viewer = Viewer::join(&server).await;
    viewer.subscribe("sessions").await;
    assert_eq!(server.post("/api/v1/events", &format!("[{PHASE}]")).await.status, 200);
    viewer
        .until("sessions", |state| {
            state["sessions"]["weather-app~1"]["phase"]["name"] == "Scout"
        })
        .await;
}

#[tokio::test]
async fn one_bad_envelope_does_not_cost_the_others() {
    let server = Server::start().await;
    let body = format!(r#"[{{"type": 7}}, {PHASE}, "nonsense"]"#);
    let answer = server.post("/api/v1/events", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt = answer.json();
    assert_eq!(receipt["accepted"], 1);
    let places: Vec<_> = receipt["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["index"].clone())
        .collect();
    assert_eq!(places, [0, 2]);
    assert!(receipt["rejected"][0]["problem"].is_string());
}

#[tokio::test]
async fn a_fact_for_a_run_that_is_not_there_is_named_in_the_receipt() {
    let server = Server::start().await;
    let lost = PHASE.replace("weather-app", "weather-app~7");
    let receipt = server
        .post("/api/v1/events", &format!("[{PHASE}, {}]", lost.replace("e-1", "e-2")))
        .await
        .json();
    assert_eq!(
        (&receipt["accepted"], &receipt["rejected"][0]["index"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn log_lines_for_a_run_that_is_not_there_are_named_in_the_receipt() {
    let server = Server::start().await;
    let line = |session: &str| json!({"session_id": session, "type": "log_line", "data": {"line": "hello"}});
    let body = json!([line("weather-app~7"), line("weather-app")]).to_string();
    let receipt = server.post("/api/v1/events", &body).await.json();
    assert_eq!(receipt["accepted"], 1, "{receipt}");
    assert_eq!(receipt["rejected"].as_array().map(Vec::len), Some(1), "{receipt}");
    assert_eq!(receipt["rejected"][0]["index"], 0);
    let alone = server.post("/api/v1/events", &line("weather-app~7").to_string()).await;
    assert_eq!(alone.status, 422, "{}", alone.text());
    let log = server.get("/api/v1/sessions/weather-app/log").await.json();
    assert_eq!(log["lines"].as_array().map(Vec::len), Some(1), "{log}");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_whole() {
    let server = Server::start().await;
    for body in ["", "nonsense", "{", "[1", "\u{feff}{\"a\":"] {
        let answer = server.post("/api/v1/events", body).await;
        assert_eq!(answer.status, 400, "{body:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(server.hub.counters().received, 0);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_however_it_comes() {
    let server = Server::with(|setup| setup.server.body_bytes = 100_000).await;
    let long = format!("[{}]", " ".repeat(200_000));
    assert_eq!(server.post("/api/v1/events", &long).await.status, 413);
    // A length that is announced and never sent: refused at once, without waiting for it.
    let json = [("content-type", "application/json")];
    let mut stream = server.connect().await;
    let head = server.head("POST", "/api/v1/events", &json, 150 * 1024 * 1024);
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 413);
    // Chunks without an end.
    let mut stream = server.connect().await;
    let head = head.replace(
        &format!("content-length: {}", 150 * 1024 * 1024),
        "transfer-encoding: chunked",
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
    let (mut reading, mut writing) = stream.into_split();
    let endless = tokio::spawn(async move { while writing.write_all(chunk.as_bytes()).await.is_ok() {} });
    let mut bytes = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut bytes).await;
    assert_eq!(Answer::parse(&bytes).status, 413);
    endless.await.unwrap();
}
