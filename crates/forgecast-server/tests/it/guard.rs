//! Who is let in: a table of Host, Origin and method against every kind of door, and the headers on every answer.

use std::collections::BTreeSet;

use forgecast_server::Role;
use forgecast_testkit::routes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::hostile_pages::{filled, meet};
use forgecast_testkit::{Answer, Server, bearer, phase};

/// What a WebSocket client sends besides.
const UPGRADE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

async fn upgrade_status(server: &Server, headers: &[(&str, &str)]) -> u16 {
    let mut stream = server.connect().await;
    let mut head = "GET /api/v1/live HTTP/1.1\r\n".to_owned();
    for (name, value) in UPGRADE.iter().chain(headers) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        stream.read_buf(&mut bytes).await.unwrap();
    }
    Answer::parse(&bytes).status
}

#[tokio::test]
async fn strangers_neither_read_nor_write_nor_upgrade() {
    let server = Server::start().await;
    server.settled(phase("secret-project", "Scout", "0")).await;
    let before = server.hub.counters();
    let here = server.address.to_string();
    let own = format!("http://{here}");
    let neighbor = format!("http://127.0.0.1:{}", server.address.port() ^ 1);
    let localhost = format!("localhost:{}", server.address.port());
    let cases: [(&str, Option<&str>, u16); 12] = [
        (&here, None, 200),
        (&here, Some(&own), 200),
        (&localhost, None, 200),
        (&localhost, Some(&own), 403),
        (&here, Some(&neighbor), 403),
        (&here, Some("null"), 403),
        (&here, Some("http://evil.example"), 403),
        (&here, Some("https://127.0.0.1"), 403),
        ("evil.example", None, 421),
        ("evil.example", Some("http://evil.example"), 421),
        ("127.0.0.1.evil.example", None, 421),
        ("0.0.0.0", None, 421),
    ];
    let body = r#"{"id": "x", "session": "secret-project", "type": "custom", "kind": "note"}"#;
    for (host, origin, expected) in cases {
        let mut headers = vec![("host", host)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let allowed = expected == 200;
        let upgraded = upgrade_status(&server, &headers).await;
        assert_eq!(
            upgraded,
            if allowed { 101 } else { expected },
            "upgrade {host} {origin:?}"
        );
        let doors = [
            "/api/v1/sessions",
            "/api/v1/sessions/secret-project",
            "/api/v1/stats",
            "/metrics",
            "/",
            "/healthz",
        ];
        for path in doors {
            let answer = server.request("GET", path, &headers, b"").await;
            assert_eq!(answer.status, expected, "GET {path} {host} {origin:?}");
            assert!(allowed || !answer.text().contains("secret"), "{}", answer.text());
        }
        if !allowed {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let mut headers = headers.clone();
                headers.push(("content-type", "application/json"));
                for path in [
                    "/api/v1/events",
                    "/api/v1/hooks/claude",
                    "/api/v1/sessions/secret-project",
                    "/v1/logs",
                    "/v1/metrics",
                ] {
                    let answer = server.request(method, path, &headers, body.as_bytes()).await;
                    assert_eq!(answer.status, expected, "{method} {path} {host} {origin:?}");
                }
            }
        }
    }
    let after = server.hub.counters();
    assert_eq!(after.received, before.received, "nothing was written");
    assert_eq!(server.get("/api/v1/sessions/secret-project").await.status, 200);
}

#[tokio::test]
async fn a_change_is_taken_as_json_only() {
    let server = Server::start().await;
    let body = br#"{"id": "x", "session": "a", "type": "custom", "kind": "note"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let headers = [("content-type", kind)];
        let answer = server.request("POST", "/api/v1/events", &headers, body).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    assert_eq!(server.request("POST", "/api/v1/events", &[], body).await.status, 415);
    assert_eq!(server.hub.counters().received, 0);
}

#[tokio::test]
async fn a_name_that_was_configured_is_answered() {
    let server = Server::with(|setup| setup.server.allowed_hosts = vec!["builds.example".to_owned()]).await;
    let token = server.keys.add_token(Role::View, "me").unwrap().1;
    let shown = bearer(&token);
    for (origin, expected) in [("http://builds.example", 200), ("https://builds.example", 403)] {
        let headers = [
            ("host", "builds.example"),
            ("origin", origin),
            ("authorization", &*shown),
        ];
        let answer = server.request("GET", "/api/v1/sessions", &headers, b"").await;
        assert_eq!(answer.status, expected, "{origin}");
    }
}

/// All routes, all methods, with and without a page of another origin that asks whether it may ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_the_security_headers_and_none_allows_another_origin() {
    let server = Server::start().await;
    server.settled(phase("secret-project", "Scout", "0")).await;
    let mut paths: BTreeSet<String> = routes().iter().map(|route| filled(route.path)).collect();
    paths.extend(["/", "/session/a", "/nothing.js", "/api/nothing", "/api/v1/sessions/%00"].map(str::to_owned));
    let own = format!("http://{}", server.address);
    let asking = |origin| {
        vec![
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ]
    };
    let manners = [
        Vec::new(),
        asking("http://evil.example"),
        asking("null"),
        asking(&own),
        vec![("host", "evil.example")],
    ];
    for path in &paths {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
        ] {
            for headers in &manners {
                let answer = meet(&server, method, path, headers, b"").await;
                let policy = answer.header("content-security-policy");
                assert!(
                    policy
                        .starts_with("default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
                    "{method} {path} {answer:?}"
                );
                assert!(!policy.contains("unsafe"), "{policy}");
                assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
                assert_eq!(answer.header("x-content-type-options"), "nosniff");
                assert_eq!(answer.header("referrer-policy"), "no-referrer");
                assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
                let cors = answer.headers.keys().find(|name| name.starts_with("access-control-"));
                assert_eq!(cors, None, "{method} {path} {answer:?}");
            }
        }
    }
}
