//! Fault F36: what pages of others can send, through every door there is. A page on another port of this machine has this
//! server's cookie sent along, so everything here comes with a cookie and a token that open all doors.

use std::collections::BTreeMap;

use forgecast_server::{Access, Role, Route};
use forgecast_testkit::routes;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use forgecast_testkit::{Answer, LIMIT, Server, bearer, eventually, metric, phase};

/// What no answer to a stranger's page may hold.
const SECRET: &str = "secret-project";

/// A route's path with something in each of its places.
pub(crate) fn filled(path: &str) -> String {
    path.replace("{id}", SECRET)
        .replace("{session}", SECRET)
        .replace("{agent}", SECRET)
        .replace("{revision}", "1")
        .replace("{*name}", "session-summary.json")
}

/// One request on a connection of its own; its answer as far as it says how long it is. A stream or a socket would go on.
pub(crate) async fn meet(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = server.connect().await;
    let mut head = server.head(method, path, headers, body.len());
    if headers.iter().any(|(name, _)| *name == "upgrade") {
        head = head.replacen("connection: close\r\n", "", 1);
    }
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
    let mut bytes = Vec::new();
    let reading = async {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert_ne!(stream.read_buf(&mut bytes).await.unwrap_or(0), 0, "{method} {path}");
        };
        let mut answer = Answer::parse(&bytes[..head]);
        let length: usize = match method {
            "HEAD" => 0,
            _ => answer.header("content-length").parse().unwrap_or(0),
        };
        while bytes.len() < head + length && stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {}
        answer.body = bytes.split_off(head.min(bytes.len()));
        answer.body.truncate(length);
        answer
    };
    timeout(LIMIT, reading).await.expect("an answer")
}

/// One way in: a route with what has to be sent to it, or a page.
struct Door {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static [u8],
}

fn doors() -> Vec<Door> {
    const EVENT: &[u8] = br#"{"id": "x", "session": "secret-project", "type": "custom", "kind": "note"}"#;
    let of_route = |Route { method, path, .. }: Route| {
        let upgrade = path == "/api/v1/live" || path.starts_with("/ws/");
        let headers = match method {
            "GET" if upgrade => vec![
                ("connection", "upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ],
            "POST" => vec![("content-type", "application/json")],
            _ => Vec::new(),
        };
        let body = if method == "POST" { EVENT } else { b"" };
        Door {
            method,
            path: filled(path),
            headers,
            body,
        }
    };
    let mut doors: Vec<Door> = routes().into_iter().map(of_route).collect();
    // What a form or a script of another page can send without asking first.
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/x-protobuf",
    ] {
        for path in ["/api/v1/events", "/v1/logs", "/v1/metrics", "/api/phase-update"] {
            doors.push(Door {
                method: "POST",
                path: path.to_owned(),
                headers: vec![("content-type", kind)],
                body: EVENT,
            });
        }
    }
    for path in ["/", "/session/secret-project", "/history", "/docs", "/favicon.svg"] {
        doors.push(Door {
            method: "GET",
            path: path.to_owned(),
            headers: Vec::new(),
            body: b"",
        });
    }
    doors
}

/// How a browser presents a page that asks: `Host`, `Origin`, `Sec-Fetch-…`.
#[derive(Clone, Debug)]
struct Manner {
    host: String,
    origin: Option<String>,
    fetch: &'static [(&'static str, &'static str)],
}

const SAME: &[(&str, &str)] = &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")];
const TYPED: &[(&str, &str)] = &[
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];
const CROSS: &[(&str, &str)] = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-dest", "script"),
];
const PORT: &[(&str, &str)] = &[
    ("sec-fetch-site", "same-site"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-dest", "image"),
];
const FRAME: &[(&str, &str)] = &[
    ("sec-fetch-site", "same-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "iframe"),
];
const LINK: &[(&str, &str)] = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

impl Manner {
    fn all(server: &Server) -> Vec<Self> {
        let port = server.address.port();
        let mut all = Vec::new();
        let hosts = [
            server.address.to_string(),
            format!("localhost:{port}"),
            format!("evil.example:{port}"),
            format!("127.0.0.1.evil.example:{port}"),
        ];
        for host in hosts {
            let origins = [
                None,
                Some(format!("http://{host}")),
                Some(format!("https://{host}")),
                Some(format!("http://localhost:{}", port ^ 1)),
                Some("http://evil.example".to_owned()),
                Some("null".to_owned()),
            ];
            for origin in origins {
                for fetch in [&[], SAME, TYPED, CROSS, PORT, FRAME, LINK] {
                    all.push(Self {
                        host: host.clone(),
                        origin: origin.clone(),
                        fetch,
                    });
                }
            }
        }
        all
    }

    /// Whether a page of ours could ask like this, or a program; written down anew, not asked of the guard.
    fn is_ours(&self) -> bool {
        !self.host.contains("evil")
            && self
                .origin
                .as_ref()
                .is_none_or(|origin| *origin == format!("http://{}", self.host))
            && (self.fetch.is_empty() || self.fetch == SAME || self.fetch == TYPED)
    }

    /// Whether it is nothing but a link that somebody follows.
    fn is_link(&self) -> bool {
        let plain = Self {
            fetch: &[],
            ..self.clone()
        };
        plain.is_ours() && self.fetch == LINK
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_others_read_nothing_write_nothing_and_open_no_socket() {
    let server = Server::start().await;
    server.settled(phase(SECRET, "Scout", SECRET)).await;
    let token = server.keys.add_token(Role::Admin, "me").unwrap().1;
    let cookie = sign_in(&server, &token).await;
    let (port, shown) = (server.address.port(), bearer(&token));
    let forwarded = [
        vec![],
        vec![
            ("x-forwarded-host", format!("localhost:{port}")),
            ("x-forwarded-proto", "http".to_owned()),
        ],
        vec![("forwarded", format!("for=127.0.0.1;host=localhost:{port};proto=http"))],
    ];
    let shows = [vec![], vec![("cookie", cookie)], vec![("authorization", shown)]];
    let before = (server.hub.counters().received, server.hub.counters().viewers);
    let refused = metric(&server.get("/metrics").await.text(), "forgecast_requests_refused_total");
    let mut told: BTreeMap<u16, u64> = BTreeMap::new();
    let doors = doors();
    for (number, manner) in Manner::all(&server).iter().enumerate() {
        if manner.is_ours() {
            continue;
        }
        for (place, door) in doors.iter().enumerate() {
            // Each door meets each manner, and in turn what may be shown and forwarded besides.
            let turn = number + place;
            let mut headers = vec![("host", &*manner.host)];
            headers.extend(manner.origin.iter().map(|origin| ("origin", &**origin)));
            headers.extend(manner.fetch);
            headers.extend(&door.headers);
            headers.extend(shows[turn % 3].iter().map(|(name, value)| (*name, &**value)));
            headers.extend(forwarded[turn / 3 % 3].iter().map(|(name, value)| (*name, &**value)));
            let answer = meet(&server, door.method, &door.path, &headers, door.body).await;
            let page = matches!(&*door.path, "/" | "/history" | "/docs") || door.path.starts_with("/session/");
            if manner.is_link() && page {
                assert_eq!(answer.status, 200, "{manner:?} {}", door.path);
                assert!(!answer.text().contains(SECRET), "a page holds no data");
                continue;
            }
            let what = format!("{} {} {manner:?}", door.method, door.path);
            assert!(matches!(answer.status, 403 | 421), "{what} {answer:?}");
            assert!(!answer.text().contains(SECRET), "{what} {answer:?}");
            *told.entry(answer.status).or_default() += 1;
        }
    }
    let all: u64 = told.values().sum();
    assert!(all > 8_000 && told.len() == 2, "{told:?}");
    println!("refused: {told:?}");
    assert_eq!((server.hub.counters().received, server.hub.counters().viewers), before);
    let page = server.get("/metrics").await.text();
    assert_eq!(metric(&page, "forgecast_requests_refused_total") - refused, all);
    assert_eq!(server.get(&format!("/api/v1/sessions/{SECRET}")).await.status, 200);
    // The cookie is still good: nobody was signed out.
    let me = server
        .request("GET", "/api/v1/me", &[("cookie", &*shows[1][0].1)], b"")
        .await;
    assert_eq!(me.json()["role"], "admin");
}

async fn sign_in(server: &Server, token: &str) -> String {
    let answer = server
        .post("/api/v1/login", &json!({ "token": token }).to_string())
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let (cookie, _) = answer.header("set-cookie").split_once(';').unwrap();
    cookie.to_owned()
}

/// The same doors from a page of ours: what is refused above is refused for whose it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_ours_pass_the_same_doors() {
    let server = Server::start().await;
    server.settled(phase(SECRET, "Scout", "0")).await;
    let token = server.keys.add_token(Role::Admin, "me").unwrap().1;
    let shown = bearer(&token);
    let approver = bearer(&server.keys.add_token(Role::Approve, "phone").unwrap().1);
    let doors = doors();
    for (number, manner) in Manner::all(&server).iter().enumerate() {
        if !manner.is_ours() {
            continue;
        }
        for door in &doors {
            // Forgetting it is for later; a form is nobody's way in.
            if door.method == "DELETE" || door.headers.iter().any(|(_, value)| value.contains("text/plain")) {
                continue;
            }
            let shown = if door.path.ends_with("/approvals") {
                &approver
            } else {
                &shown
            };
            let mut headers = vec![("host", &*manner.host), ("authorization", &**shown)];
            headers.extend(manner.origin.iter().map(|origin| ("origin", &**origin)));
            headers.extend(manner.fetch);
            headers.extend(&door.headers);
            let answer = meet(&server, door.method, &door.path, &headers, door.body).await;
            let what = format!("{number} {} {} {manner:?}", door.method, door.path);
            assert!(!matches!(answer.status, 401 | 403 | 421), "{what} {answer:?}");
            if door.headers.iter().any(|(name, _)| *name == "upgrade") {
                assert_eq!(answer.status, 101, "{what} {answer:?}");
            }
        }
    }
    eventually("sockets and streams that were left are gone", async || {
        server.hub.counters().viewers == 0
    })
    .await;
    assert!(server.hub.counters().received > 1, "something was written");
    let everyone = routes().into_iter().any(|route| route.access == Access::Open);
    assert!(
        everyone,
        "some doors are open to all, and were refused to pages of others all the same"
    );
}
