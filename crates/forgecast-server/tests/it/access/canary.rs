//! Tokens that may be found nowhere but with whoever holds them: not in the log, not in an answer, not in a file.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use forgecast_server::Role;
use forgecast_testkit::routes;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{HOUR, closed_with, id};
use forgecast_testkit::Viewer;
use forgecast_testkit::bearer;

/// Everything that anybody says, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0.lock().unwrap(), " {field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let _ = write!(self.0.lock().unwrap(), "\n{:?}", event.metadata());
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn tokens_and_cookies_are_in_no_log_no_answer_and_no_file() {
    let log = Log::default();
    let _listening = tracing::subscriber::set_default(log.clone());
    let server = closed_with(|options| options.wrong_tokens_per_address = 30).await;
    let (_, admin) = server.keys.add_token(Role::Admin, "me").unwrap();
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let wrong = "fc_a_canarycanarycanarycanarycanarycanarycanary".to_owned();
    let body = json!({ "token": admin }).to_string();
    let signed_in = server.post("/api/v1/login", &body).await;
    let (cookie, _) = signed_in.header("set-cookie").split_once(';').unwrap();
    let cookie = cookie.to_owned();
    let forged = format!("{cookie}x");
    let signature = cookie.rsplit_once('.').unwrap().1.to_owned();
    let mut answers = Vec::new();
    for token in [&admin, &link, &wrong, &server.keys.process_key()] {
        let shown = bearer(token);
        for route in routes() {
            // A stream would not end.
            if route.path.ends_with("/live") || route.path.starts_with("/ws/") {
                continue;
            }
            let path = route
                .path
                .replace("{id}", "weather~1")
                .replace("{session}", "weather~1");
            let path = path
                .replace("{revision}", "1")
                .replace("{*name}", "x")
                .replace("{agent}", "x");
            let path = format!("{path}?token={wrong}");
            if route.method == "DELETE" {
                continue;
            }
            let mut headers = vec![("authorization", &*shown), ("cookie", &*forged)];
            headers.push(("content-type", "application/json"));
            // An agent may find one in its environment and say it.
            let body = json!({ "token": token, "id": token, "session": "weather", "type": "custom", "kind": "note",
                "line": format!("curl -H {token}"), "detail": format!("uses {token}") });
            let body = body.to_string();
            let answer = server.request(route.method, &path, &headers, body.as_bytes()).await;
            answers.push((route.path, answer));
        }
        for path in [
            "/",
            "/nothing",
            "/api/v1/sessions/weather~1/export",
            "/metrics",
            "/api/v1/sessions/weather~1",
        ] {
            answers.push((path, server.get_as(token, path).await));
        }
        if let Ok(mut viewer) = Viewer::with_token(&server, token).await {
            viewer.subscribe("session/weather~1").await;
            viewer.message_of("snapshot").await;
        }
    }
    let browser = [("cookie", &*cookie)];
    answers.push(("cookie", server.request("GET", "/api/v1/sessions", &browser, b"").await));
    std::fs::write(server.folder.path().join("access.json"), "nonsense").unwrap();
    answers.push(("nonsense", server.get_as(&admin, "/api/v1/sessions").await));

    let secrets = [
        &admin[5..],
        &link[5..],
        &wrong[5..],
        &server.keys.process_key()[5..],
        &*signature,
    ];
    let log = log.0.lock().unwrap().clone();
    assert!(
        log.contains("serving") && log.contains("cannot be read"),
        "the log was heard: {log}"
    );
    for secret in secrets {
        assert!(!log.contains(secret), "{log}");
        for (path, answer) in &answers {
            let said = format!("{:?} {}", answer.headers, answer.text());
            assert!(!said.contains(secret), "{path}: {said}");
        }
    }
}
