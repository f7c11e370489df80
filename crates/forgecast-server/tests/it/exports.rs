//! Exports: whole however long the session is, written as they are taken, and only so many at once.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use forgecast_testkit::{Answer, Server, bearer, eventually};

/// A session with more facts and log lines than are read at a time.
async fn long(server: &Server) {
    for part in 0..4 {
        let facts = (0..150).map(|number| {
            json!({"id": format!("{part}/{number}"), "session": "a", "directory": "/home/ann/a",
                   "type": "task_reported", "task_id": format!("task {part} {number}"), "status": "pending"})
        });
        let text = (0..900).map(|number| format!("line {part} {number} of /home/ann/a\n"));
        let log = json!({"session": "a", "directory": "/home/ann/a", "type": "log", "text": text.collect::<String>()});
        let body: Vec<Value> = facts.chain([log]).collect();
        let answer = server.post("/api/v1/events", &Value::from(body).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

fn guest(server: &Server) -> String {
    let (_, link) = server
        .keys
        .share("a~1".parse().unwrap(), Duration::from_secs(3600))
        .unwrap();
    link
}

/// Asks for an export, and reads nothing of it.
async fn ask(server: &Server, token: &str) -> TcpStream {
    let mut stream = server.connect().await;
    let bearer = bearer(token);
    let head = server.head("GET", "/api/v1/sessions/a~1/export", &[("authorization", &bearer)], 0);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_long_session_is_exported_whole_and_a_guest_gets_it_without_paths() {
    let server = Server::start().await;
    long(&server).await;
    let export = server.get("/api/v1/sessions/a/export").await;
    assert_eq!(
        (
            export.status,
            export.header("content-type"),
            export.header("cache-control")
        ),
        (200, "application/json", "no-store")
    );
    let export = export.json();
    let stored = server.hub.export(&"a".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((stored.events.len() >= 600, stored.log.len()), (true, 3_600));
    assert_eq!(export, serde_json::to_value(&stored).unwrap());

    let of_guest = server
        .get_as(&guest(&server), "/api/v1/sessions/a~1/export")
        .await
        .json();
    let number = |export: &Value| [&export["events"], &export["log"]].map(|list| list.as_array().unwrap().len());
    assert_eq!(number(&of_guest), number(&export));
    assert!(!of_guest["events"].to_string().contains("/home/ann"));
    assert_eq!(
        of_guest["log"], export["log"],
        "what agents wrote is sent as they wrote it"
    );
}

#[tokio::test]
async fn exports_that_nobody_reads_keep_their_own_caller_out_and_no_other() {
    let server = Server::with(|setup| {
        setup.server.exports = 3;
        setup.server.exports_per_caller = 2;
    })
    .await;
    // More than fits into the buffers of a connection.
    let text = "x".repeat(200);
    for part in 0..30 {
        let lines: String = (0..1_000).map(|number| format!("{part} {number} {text}\n")).collect();
        let body = json!({"session": "a", "type": "log", "text": lines});
        assert_eq!(server.post("/api/v1/events", &body.to_string()).await.status, 200);
    }
    let link = guest(&server);
    let begun = [ask(&server, &link).await, ask(&server, &link).await];
    let refused = eventually_refused(&server, &link).await;
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(
        refused.json()["type"],
        "urn:forgecast:error:too-many-at-once",
        "{}",
        refused.text()
    );
    let other = server.get("/api/v1/sessions/a/export").await;
    assert_eq!(
        (other.status, other.json()["log"].as_array().unwrap().len()),
        (200, 30_000)
    );
    drop(begun);
    eventually("they are over", async || {
        server.get_as(&link, "/api/v1/sessions/a~1/export").await.status == 200
    })
    .await;
}

/// The refusal of an export, as soon as those that were asked for before have begun.
async fn eventually_refused(server: &Server, token: &str) -> Answer {
    loop {
        let answer = server.get_as(token, "/api/v1/sessions/a~1/export").await;
        if answer.status == 429 {
            return answer;
        }
        assert_eq!(answer.status, 200);
    }
}
