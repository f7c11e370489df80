//! Behind a reverse proxy: one that changes nothing, one that changes the host, one that says for whom it asks; at the root
//! and on a sub-path.

use std::net::SocketAddr;
use std::sync::Arc;

use forgecast_server::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use forgecast_testkit::{Answer, LIMIT, Server, bearer, phase};

/// A reverse proxy: changes the head of what is asked, and passes everything else on as it comes, upgrades included.
struct Proxy {
    address: SocketAddr,
    running: AbortHandle,
}

impl Proxy {
    async fn start(upstream: SocketAddr, change: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let change = Arc::new(change);
        let running = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let change = Arc::clone(&change);
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let end = loop {
                        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                            break end + 4;
                        }
                        if client.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                    };
                    let rest = bytes.split_off(end);
                    let head = change(String::from_utf8(bytes).unwrap());
                    let mut server = TcpStream::connect(upstream).await.unwrap();
                    server.write_all(head.as_bytes()).await.unwrap();
                    server.write_all(&rest).await.unwrap();
                    // Either side may break it off.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self {
            address,
            running: running.abort_handle(),
        }
    }

    /// What a browser gets that has a page of this proxy open.
    async fn ask(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Answer {
        let origin = format!("http://{}", self.address);
        let mut headers = vec![("origin", &*origin), ("sec-fetch-site", "same-origin")];
        if method == "POST" {
            headers.push(("content-type", "application/json"));
        }
        if more.iter().any(|(name, _)| *name == "origin") {
            headers.remove(0);
        }
        headers.extend(more);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = forgecast_testkit::head(self.address, method, path, &headers, body.len());
        if more.iter().any(|(name, _)| *name == "upgrade") {
            head = head.replacen("connection: close\r\n", "connection: upgrade\r\n", 1);
        }
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let reading = async {
            while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {
                // Of a socket the first message is enough, and of a refusal what it says.
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    continue;
                };
                let answer = Answer::parse(&bytes[..end + 4]);
                let length = answer.header("content-length").parse().unwrap_or(usize::MAX);
                let greeted = answer.status == 101 && bytes.windows(7).any(|part| part == b"\"hello\"");
                if greeted || bytes.len() - end - 4 >= length {
                    return;
                }
            }
        };
        timeout(LIMIT, reading).await.unwrap();
        Answer::parse(&bytes)
    }

    async fn opens_a_socket(&self, path: &str, more: &[(&str, &str)]) -> u16 {
        let upgrade = [
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers = [&upgrade[..], more].concat();
        self.ask("GET", path, &headers, "").await.status
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.running.abort();
    }
}

const EVENT: &str = r#"{"id": "x", "session": "a", "type": "custom", "kind": "note"}"#;

/// Everything that a page does, below `base`; each answer's status.
async fn visit(proxy: &Proxy, base: &str, more: &[(&str, &str)]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for page in ["/", "/session/a~1", "/history"] {
        let page = format!("{base}{page}");
        let answer = proxy.ask("GET", &page, more, "").await;
        statuses.push(answer.status);
        if answer.status != 200 {
            continue;
        }
        for file in files(&page, &answer.text()) {
            let answer = proxy.ask("GET", &file, more, "").await;
            let kind = answer.header("content-type");
            assert!(
                answer.status == 200 && !kind.starts_with("text/html"),
                "{page} → {file}: {kind}"
            );
        }
    }
    statuses.push(
        proxy
            .ask("GET", &format!("{base}/api/v1/sessions"), more, "")
            .await
            .status,
    );
    statuses.push(
        proxy
            .ask("POST", &format!("{base}/api/v1/events"), more, EVENT)
            .await
            .status,
    );
    statuses.push(proxy.opens_a_socket(&format!("{base}/api/v1/live"), more).await);
    statuses
}

const ALL_WELL: [u16; 6] = [200, 200, 200, 200, 200, 101];

/// The files that a page names, as a browser finds them: beside the page, for all names are relative.
fn files(page: &str, html: &str) -> Vec<String> {
    let (folder, _) = page.rsplit_once('/').unwrap();
    let mut files = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for part in html.split(attribute).skip(1) {
            let (name, _) = part.split_once('"').unwrap();
            if name.starts_with("data:") || name.starts_with('#') {
                continue;
            }
            let name = name.strip_prefix("./").unwrap_or(name);
            assert!(
                !name.starts_with('/') && !name.contains(':'),
                "{name} leads out of the sub-path"
            );
            files.push(format!("{folder}/{name}"));
        }
    }
    assert!(files.len() > 1, "{html}");
    files
}

#[tokio::test]
async fn behind_a_proxy_that_changes_nothing_it_works_as_it_is() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    let proxy = Proxy::start(server.address, |head| head).await;
    assert_eq!(visit(&proxy, "", &[]).await, ALL_WELL);
    let other = [("origin", "http://localhost:1")];
    assert_eq!(proxy.opens_a_socket("/api/v1/live", &other).await, 403);
}

#[tokio::test]
async fn behind_a_proxy_that_asks_under_another_host_its_origin_has_to_be_allowed() {
    let taken = Proxy::start("127.0.0.1:1".parse().unwrap(), |head| head).await;
    let presented = format!("http://{}", taken.address);
    drop(taken);
    let allowed = presented.clone();
    let server = Server::with(|setup| setup.server.allowed_origins = vec![allowed]).await;
    server.settled(phase("a", "Scout", "0")).await;
    let upstream = server.address;
    let proxy = Proxy::start(upstream, move |head| {
        let host = head.lines().find(|line| line.starts_with("host: ")).unwrap().to_owned();
        head.replace(&host, &format!("host: {upstream}"))
    })
    .await;
    // Where pages of this proxy come from is not where those of the allowed one do.
    let own = visit(&proxy, "", &[]).await;
    assert_eq!(own, [403; 6]);
    let presents = [("origin", &*presented)];
    assert_eq!(visit(&proxy, "", &presents).await, ALL_WELL);
    let cross = [("origin", &*presented), ("sec-fetch-site", "cross-site")];
    assert_eq!(proxy.opens_a_socket("/api/v1/live", &cross).await, 403);
}

#[tokio::test]
async fn whoever_is_passed_on_by_a_proxy_that_says_so_needs_a_token() {
    let server = Server::start().await;
    server.settled(phase("a", "Scout", "0")).await;
    let token = server.keys.add_token(Role::Admin, "me").unwrap().1;
    let shown = bearer(&token);
    for line in [
        "x-forwarded-for: 203.0.113.7",
        "forwarded: for=203.0.113.7",
        "via: 1.1 edge",
    ] {
        let proxy = Proxy::start(server.address, move |head| {
            head.replacen("\r\n", &format!("\r\n{line}\r\n"), 1)
        })
        .await;
        let stranger = visit(&proxy, "", &[]).await;
        assert_eq!(stranger, [200, 200, 200, 401, 401, 401], "{line}");
        assert_eq!(
            visit(&proxy, "", &[("authorization", &shown)]).await,
            ALL_WELL,
            "{line}"
        );
    }
}

/// The proxy speaks https with the world and asks under its own name for us.
#[tokio::test]
async fn a_trusted_proxy_says_for_which_host_and_how_it_was_asked() {
    let server = Server::with(|setup| {
        setup.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        setup.server.allowed_hosts = vec!["builds.example".to_owned()];
    })
    .await;
    server.settled(phase("a", "Scout", "0")).await;
    let token = server.keys.add_token(Role::Admin, "me").unwrap().1;
    let shown = bearer(&token);
    let says = |lines: &'static str| {
        move |head: String| {
            let host = head.lines().find(|line| line.starts_with("host: ")).unwrap().to_owned();
            head.replace(&host, &format!("host: upstream\r\n{lines}"))
        }
    };
    for lines in [
        "x-forwarded-for: 203.0.113.7\r\nx-forwarded-proto: https\r\nx-forwarded-host: builds.example",
        "forwarded: for=203.0.113.7;proto=https;host=builds.example",
    ] {
        let proxy = Proxy::start(server.address, says(lines)).await;
        let browser = [("origin", "https://builds.example"), ("authorization", &*shown)];
        assert_eq!(visit(&proxy, "", &browser).await, ALL_WELL, "{lines}");
        let stranger = visit(&proxy, "", &browser[..1]).await;
        assert_eq!(stranger, [200, 200, 200, 401, 401, 401], "{lines}");
        let plain = [("origin", "http://builds.example"), ("authorization", &*shown)];
        assert_eq!(visit(&proxy, "", &plain).await, [403; 6], "{lines}");
    }
    let rebound = "x-forwarded-for: 203.0.113.7\r\nx-forwarded-host: evil.example";
    let proxy = Proxy::start(server.address, says(rebound)).await;
    let page = [("origin", "http://evil.example"), ("authorization", &*shown)];
    assert_eq!(visit(&proxy, "", &page).await, [421; 6]);
}

#[tokio::test]
async fn on_a_sub_path_it_works_whether_the_proxy_takes_it_off_or_not() {
    let server = Server::with(|setup| setup.server.base_path = "/x/y".to_owned()).await;
    server.settled(phase("a", "Scout", "0")).await;
    let keeps = Proxy::start(server.address, |head| head).await;
    let takes_off = Proxy::start(server.address, |head| head.replacen(" /x/y/", " /", 1)).await;
    for proxy in [&keeps, &takes_off] {
        assert_eq!(visit(proxy, "/x/y", &[]).await, ALL_WELL);
    }
    for (asked, place) in [("/x/y", "/x/y/"), ("/x/y?a=b", "/x/y/?a=b")] {
        let answer = keeps.ask("GET", asked, &[], "").await;
        assert_eq!((answer.status, answer.header("location")), (308, place));
    }
    assert_eq!(keeps.ask("GET", "/x/yz", &[], "").await.status, 404);
    let other = keeps.ask("GET", "/x/y", &[("origin", "http://evil.example")], "").await;
    assert_eq!(other.status, 403, "not even where to go");
    // What signs in below the path is sent below it only.
    let token = server.keys.add_token(Role::View, "me").unwrap().1;
    let body = format!(r#"{{"token": "{token}"}}"#);
    for proxy in [&keeps, &takes_off] {
        let answer = proxy.ask("POST", "/x/y/api/v1/login", &[], &body).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("; Path=/x/y/"), "{cookie}");
    }
}
