//! Peers that mean harm or are broken: half requests, trickles, hostile ids, no descriptors left.

use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Answer, LIMIT, Server, eventually, phase};
use crate::viewer::Viewer;

/// Fault F20, with shorter times: half heads and bodies that trickle are closed, and a good client does not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_heads_and_trickling_bodies_are_closed() {
    let server = Server::with(|setup| {
        setup.server.header_timeout_ms = 500;
        setup.server.body_timeout_ms = 500;
    })
    .await;
    server.settled(phase("a", "Scout", "0")).await;
    let mut good = Viewer::join(&server).await;
    good.subscribe("session/a").await;
    good.message().await;
    let mut halves = Vec::new();
    for number in 0..400 {
        let mut stream = server.connect().await;
        let head = server.head("GET", "/", &[], 0);
        // Some say nothing at all, some stop anywhere within the head.
        stream
            .write_all(&head.as_bytes()[..number % (head.len() - 1)])
            .await
            .unwrap();
        halves.push(stream);
    }
    let json = [("content-type", "application/json")];
    let trickles: Vec<_> = (0..50)
        .map(|_| {
            let head = server.head("POST", "/api/v1/events", &json, 100_000);
            let address = server.address;
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(head.as_bytes()).await.unwrap();
                let (mut reading, mut writing) = stream.split();
                let mut bytes = Vec::new();
                let answer = reading.read_to_end(&mut bytes);
                let drip = async {
                    while writing.write_all(b" ").await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    std::future::pending::<()>().await;
                };
                tokio::select! { _ = answer => {}, () = drip => {} }
                Answer::parse(&bytes).status
            })
        })
        .collect();
    for step in 1..=20 {
        server.feed(phase("a", "Scout", &step.to_string())).await;
    }
    good.until("session/a~1", |state| state["phase"]["detail"] == "20")
        .await;
    assert_eq!(server.get("/healthz").await.status, 200);
    for mut stream in halves {
        let mut rest = Vec::new();
        let _ = timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("closed");
    }
    for trickle in trickles {
        assert_eq!(timeout(LIMIT, trickle).await.unwrap().unwrap(), 408);
    }
    eventually("only the good ones are connected", async || {
        server
            .get("/metrics")
            .await
            .text()
            .contains("forgecast_connections 2\n")
    })
    .await;
    server.feed(phase("a", "Scout", "still here")).await;
    good.until("session/a~1", |state| state["phase"]["detail"] == "still here")
        .await;
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

/// Fault F21: the accept loop survives having no descriptor left. The limit is the process's, so it runs in its own.
#[test]
fn the_server_survives_running_out_of_descriptors() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "faults::with_few_descriptors", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "lowers the limit of its process; run by the test above"]
async fn with_few_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let server = Server::start().await;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(128);
    setrlimit(Resource::Nofile, limit).unwrap();
    // Client and server share the descriptors, so connecting fails first here and accepting there.
    let mut held = Vec::new();
    for _ in 0..400 {
        match timeout(Duration::from_millis(200), TcpStream::connect(server.address)).await {
            Ok(Ok(stream)) => held.push(stream),
            _ => break,
        }
    }
    assert!(held.len() > 20, "{}", held.len());
    drop(held);
    eventually("it serves again", async || {
        let Ok(mut stream) = TcpStream::connect(server.address).await else {
            return false;
        };
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
        ask(&mut stream, &request)
            .await
            .is_some_and(|answer| answer.status == 200)
    })
    .await;
}
