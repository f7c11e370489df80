//! Peers that mean harm or are broken: half requests, trickles, hostile ids, no descriptors left.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use forgecast_server::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use forgecast_testkit::Viewer;
use forgecast_testkit::{Answer, LIMIT, Server, bearer, eventually, phase};

/// Fault F20, with shorter times: half heads, bodies that trickle, sockets that never say who they are and sockets that
/// never say what they want are closed, and a good client does not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_heads_trickling_bodies_and_sockets_without_an_aim_are_closed() {
    let server = Server::with(|setup| {
        setup.server.require_token = true;
        setup.server.connections_per_address = 4_000;
        setup.server.header_timeout_ms = 500;
        setup.server.body_timeout_ms = 500;
        setup.server.heartbeat_ms = 100;
        setup.server.idle_ms = 3_000;
    })
    .await;
    let token = server.keys.add_token(Role::Admin, "me").unwrap().1;
    let shown = bearer(&token);
    server.settled(phase("a", "Scout", "0")).await;
    let mut good = Viewer::with_token(&server, &token).await.ok().unwrap();
    good.subscribe("session/a").await;
    let good = tokio::spawn(async move {
        good.until("session/a~1", |state| state["phase"]["detail"] == "still here")
            .await;
    });
    let mut held = Vec::new();
    for number in 0..800 {
        let mut stream = server.connect().await;
        let head = server.head("GET", "/", &[], 0);
        // Some say nothing at all, some stop anywhere within the head.
        let part = &head.as_bytes()[..number % (head.len() - 1)];
        stream.write_all(part).await.unwrap();
        held.push(stream);
    }
    for _ in 0..200 {
        let mut stream = server.connect().await;
        let head = socket_head(&server, &[]);
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let trickles: Vec<_> = (0..200)
        .map(|_| tokio::spawn(trickle(server.address, shown.clone())))
        .collect();
    let mut aimless = Vec::new();
    for _ in 0..200 {
        aimless.push(Viewer::with_token(&server, &token).await.ok().unwrap());
    }
    for step in 1..=20 {
        server.feed(phase("a", "Scout", &step.to_string())).await;
    }
    assert_eq!(server.get("/healthz").await.status, 200);
    for mut stream in held {
        let mut rest = Vec::new();
        let _ = timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("closed");
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 401"), "{rest:?}");
    }
    for trickle in trickles {
        assert_eq!(timeout(LIMIT, trickle).await.unwrap().unwrap(), 408);
    }
    for mut viewer in aimless {
        assert_eq!(viewer.closing().await, Some((4408, "idle".to_owned())));
    }
    eventually("only the good ones are connected", async || {
        let page = server
            .request("GET", "/metrics", &[("authorization", &shown)], b"")
            .await;
        page.text().contains("forgecast_connections 2\n")
    })
    .await;
    server.feed(phase("a", "Scout", "still here")).await;
    timeout(LIMIT, good).await.unwrap().unwrap();
}

/// What opens a WebSocket.
pub(crate) fn socket_head(server: &Server, headers: &[(&str, &str)]) -> String {
    let upgrade = [
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let head = server.head("GET", "/api/v1/live", &[&upgrade[..], headers].concat(), 0);
    head.replacen("connection: close", "connection: upgrade", 1)
}

/// Sends a body byte by byte; the status that it gets for it.
async fn trickle(address: SocketAddr, shown: String) -> u16 {
    let headers = [("content-type", "application/json"), ("authorization", &*shown)];
    let head = forgecast_testkit::head(address, "POST", "/api/v1/events", &headers, 100_000);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut bytes = Vec::new();
    let answer = reading.read_to_end(&mut bytes);
    let drip = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        while writing.write_all(b" ").await.is_ok() {
            ticks.tick().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! { _ = answer => {}, () = drip => {} }
    Answer::parse(&bytes).status
}

/// Fault F39: no spelling of an id gets past its type, and nothing is made or opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_ids_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(folder.path().join("canary"), "canary").unwrap();
    let server = Server::with(|setup| setup.roots = vec![root.clone()]).await;
    server.settled(phase("a", "Scout", "0")).await;
    eventually("there is one session", async || server.hub.counters().sessions == 1).await;
    let ids = hostile_ids();
    assert!(ids.len() >= 2_000, "{}", ids.len());
    let mut stream = server.connect().await;
    for id in &ids {
        for path in [
            format!("/api/v1/sessions/{id}"),
            format!("/api/v1/sessions/a/files/{id}"),
        ] {
            // One connection for many requests, as long as it lasts.
            let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
            let answer = match ask(&mut stream, &request).await {
                Some(answer) => answer,
                None => {
                    stream = server.connect().await;
                    ask(&mut stream, &request).await.expect("an answer")
                }
            };
            assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
            assert!(!answer.text().contains("canary"), "{path}");
            if answer.header("connection") == "close" {
                stream = server.connect().await;
            }
        }
    }
    let mut viewer = Viewer::join(&server).await;
    for id in &ids {
        viewer.subscribe(&format!("session/{id}")).await;
        assert_eq!(viewer.message().await["type"], "error", "{id}");
    }
    assert_eq!(server.hub.counters().sessions, 1);
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
}

/// One request on a connection that stays open; nothing when the connection was closed instead.
async fn ask(stream: &mut TcpStream, request: &str) -> Option<Answer> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let answer = Answer::parse(&bytes);
            let length: usize = answer.header("content-length").parse().unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some(answer);
            }
        }
        match timeout(LIMIT, stream.read_buf(&mut bytes)).await.unwrap() {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

fn hostile_ids() -> Vec<String> {
    let parts = [
        "..",
        ".",
        "%2e%2e",
        "%2E%2e",
        "..%2f",
        "%2f",
        "%5c",
        "..%5c",
        "%00",
        "a%00",
        "%0a",
        "%0d%0aX:%20y",
        "%7f",
        "%c0%ae%c0%ae",
        "%ff",
        "%e2%80%ae",
        "%f0%9f%98%80",
        "%252e%252e%252f",
        "~",
        "a~",
        "a~0",
        "a~-1",
        "a~01",
        "a~1~2",
        "a~99999999999",
        "-a",
        "_a",
        "a%20b",
        "a%3Fb",
        "a%23b",
        "a:b",
        "a;b",
        "a'b",
        "%22",
        "%3Cscript%3E",
        "$(id)",
        "%60id%60",
        "a*b",
        "a|b",
        "%25",
        "@",
        "a@b",
        "CON:",
        "file:",
        "%2Fetc%2Fpasswd",
    ];
    let mut ids: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    for first in parts {
        for second in parts {
            ids.push(format!("{first}{second}"));
        }
        ids.push(format!("{first}{}", "a".repeat(300)));
        ids.push(format!("{}canary", format!("{first}%2f").repeat(8)));
    }
    for length in [129, 255, 256, 300, 4_000] {
        ids.push("a".repeat(length));
    }
    ids
}

/// Runs an ignored test of this crate in a process of its own, with nothing of other tests in it, and returns what it says.
pub(crate) fn alone(test: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", test, "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    text.into_owned()
}

/// Fault F21: the accept loop survives having no descriptor left. The limit is a process's, so the server has its own.
#[tokio::test]
async fn the_server_survives_running_out_of_descriptors() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "faults::with_few_descriptors", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address: SocketAddr = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("serving on ")?.1.parse().ok())
        .unwrap();
    let descriptors = format!("/proc/{}/fd", child.id());
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(timeout(LIMIT, TcpStream::connect(address)).await.unwrap().unwrap());
    }
    eventually("there is no descriptor left", async || {
        std::fs::read_dir(&descriptors).unwrap().count() >= FEW
    })
    .await;
    drop(held);
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n");
    eventually("it serves again", async || {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let answer = ask(&mut stream, &request).await;
        answer.is_some_and(|answer| answer.status == 200)
    })
    .await;
    assert_eq!(child.try_wait().unwrap(), None, "it is the same server");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

const FEW: usize = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the server that the test above starves; ends with its input"]
async fn with_few_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let server = Server::start().await;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(FEW as u64);
    setrlimit(Resource::Nofile, limit).unwrap();
    println!("serving on {}", server.address);
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let _ = ended.await;
}
