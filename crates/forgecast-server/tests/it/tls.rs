//! https and plain HTTP on one port: who may speak which.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::Timestamp;
use forgecast_server::{Options, Role, Tls};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion, version};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;

use forgecast_testkit::{Answer, LIMIT, Server, bearer, eventually, head, now, phase};

/// A client's clock that shows what the server's does.
#[derive(Debug)]
struct Always(Timestamp);

impl TimeProvider for Always {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.as_millis()).unwrap();
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

/// A client that trusts the certificate in `folder` and nothing else.
fn client(folder: &Path, versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> TlsConnector {
    let pem = fs::read(folder.join("certificate.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Always(now())))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

fn usual(folder: &Path) -> TlsConnector {
    client(folder, &[&version::TLS13, &version::TLS12], &["h2", "http/1.1"])
}

pub(crate) fn own(folder: &Path, names: &[&str]) -> Tls {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Tls::self_signed(folder, &names, now()).unwrap()
}

async fn secure(client: &TlsConnector, stream: TcpStream, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    timeout(LIMIT, client.connect(name, stream)).await.unwrap()
}

/// One request, and its answer to the end of the connection; a connection through TLS has to end with a word.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str) -> Answer {
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    Answer::parse(&bytes)
}

#[tokio::test]
async fn https_and_the_plain_http_of_this_machine_share_one_port() {
    let folder = tempfile::tempdir().unwrap();
    let tls = own(folder.path(), &["builds.example"]);
    let server = Server::with(|setup| {
        setup.tls = Some(tls);
        setup.server.allowed_hosts = vec!["builds.example".to_owned()];
    })
    .await;
    server.settled(phase("a", "Scout", "0")).await;
    assert_eq!(server.get("/api/v1/sessions/a").await.status, 200);
    assert_eq!(
        server
            .post(
                "/api/v1/events",
                r#"{"id": "x", "session": "a", "type": "custom", "kind": "note"}"#
            )
            .await
            .status,
        200
    );
    let expected = [
        (&version::TLS13, ProtocolVersion::TLSv1_3),
        (&version::TLS12, ProtocolVersion::TLSv1_2),
    ];
    for (version, spoken) in expected {
        let client = client(folder.path(), &[version], &["h2", "http/1.1"]);
        for name in ["localhost", "127.0.0.1", "::1", "builds.example"] {
            let stream = secure(&client, server.connect().await, name).await.unwrap();
            let (_, session) = stream.get_ref();
            assert_eq!(session.protocol_version(), Some(spoken));
            assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
            let answer = ask(stream, &server.head("GET", "/api/v1/sessions/a", &[], 0)).await;
            assert_eq!(answer.status, 200, "{spoken:?} {name}");
            assert_eq!(answer.header("strict-transport-security"), "");
        }
        let stranger = secure(&client, server.connect().await, "evil.example").await;
        assert!(stranger.is_err(), "the certificate is not for this name");
    }
    let only_h2 = client(folder.path(), &[&version::TLS13], &["h2"]);
    assert!(secure(&only_h2, server.connect().await, "localhost").await.is_err());
}

#[tokio::test]
async fn a_page_that_came_through_https_is_one_of_https() {
    let folder = tempfile::tempdir().unwrap();
    let tls = own(folder.path(), &[]);
    let server = Server::with(|setup| setup.tls = Some(tls)).await;
    let client = usual(folder.path());
    let (http, https) = (
        format!("http://{}", server.address),
        format!("https://{}", server.address),
    );
    for (origin, expected) in [(&http, 403), (&https, 200)] {
        let stream = secure(&client, server.connect().await, "localhost").await.unwrap();
        let head = server.head("GET", "/api/v1/sessions", &[("origin", origin)], 0);
        assert_eq!(ask(stream, &head).await.status, expected, "https {origin}");
        let plain = server
            .request("GET", "/api/v1/sessions", &[("origin", origin)], b"")
            .await;
        assert_eq!(plain.status, 603 - expected, "http {origin}");
    }
    // What signs in through https is not sent through anything else.
    let token = server.keys.add_token(Role::View, "phone").unwrap().1;
    let body = json!({ "token": token }).to_string();
    let headers = [("origin", &*https), ("content-type", "application/json")];
    let head = server.head("POST", "/api/v1/login", &headers, body.len());
    let stream = secure(&client, server.connect().await, "localhost").await.unwrap();
    let answer = ask(stream, &format!("{head}{body}")).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(answer.header("set-cookie").contains("; Secure"), "{answer:?}");
}

type SecureSocket = WebSocketStream<TlsStream<TcpStream>>;

async fn socket(server: &Server, client: &TlsConnector, stream: TcpStream) -> SecureSocket {
    let stream = secure(client, stream, "localhost").await.unwrap();
    let address = server.address;
    let mut request = format!("ws://{address}/api/v1/live").into_client_request().unwrap();
    let origin = format!("https://{address}").parse().unwrap();
    request.headers_mut().insert("origin", origin);
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    socket
}

async fn hear(socket: &mut SecureSocket) -> Message {
    timeout(LIMIT, socket.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_follows_through_https_whatever_the_size_and_is_told_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let tls = own(folder.path(), &[]);
    let server = Server::with(|setup| setup.tls = Some(tls)).await;
    server.settled(phase("a", "Scout", "start")).await;
    let client = usual(folder.path());
    let mut viewer = socket(&server, &client, server.connect().await).await;
    let subscribe = json!({"type": "subscribe", "topic": "session/a"});
    viewer.send(Message::text(subscribe.to_string())).await.unwrap();
    viewer.send(Message::Ping("there?".into())).await.unwrap();
    let mut answered = false;
    for length in [1_usize, 100, 2_000, 4_000] {
        let detail = format!("{length} {}", "x".repeat(length));
        server.settled(phase("a", "Scout", &detail)).await;
        loop {
            match hear(&mut viewer).await {
                Message::Pong(payload) => answered = payload == "there?",
                Message::Text(text) if text.contains(&format!("\"{length} ")) => break,
                Message::Text(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(answered, "a ping is answered");
    // More than one record and more than any socket buffer: everything that a session's log holds.
    for number in 0..200 {
        let detail = format!("{number} {}", "y".repeat(2_000));
        server.settled(phase(&format!("b{number}"), "Scout", &detail)).await;
        let subscribe = json!({"type": "subscribe", "topic": format!("session/b{number}")});
        if number < 60 {
            viewer.send(Message::text(subscribe.to_string())).await.unwrap();
        }
    }
    let mut snapshots = 0;
    while snapshots < 60 {
        if let Message::Text(text) = hear(&mut viewer).await {
            let message: Value = serde_json::from_str(&text).unwrap();
            snapshots += usize::from(message["type"] == "snapshot");
        }
    }
    server.stop();
    loop {
        match hear(&mut viewer).await {
            Message::Close(frame) => break assert_eq!(u16::from(frame.unwrap().code), 1012),
            Message::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
    drop(viewer);
    server.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_never_reads_is_closed_as_slow_through_https_too() {
    let folder = tempfile::tempdir().unwrap();
    let tls = own(folder.path(), &[]);
    let server = Server::with(|setup| {
        setup.tls = Some(tls);
        setup.server.send_timeout_ms = 500;
        setup.send_buffer = Some(16 * 1024);
    })
    .await;
    server.settled(phase("a", "Scout", "0")).await;
    let small = TcpSocket::new_v4().unwrap();
    small.set_recv_buffer_size(4 * 1024).unwrap();
    let stream = small.connect(server.address).await.unwrap();
    let mut viewer = socket(&server, &usual(folder.path()), stream).await;
    let subscribe = json!({"type": "subscribe", "topic": "session/a"});
    viewer.send(Message::text(subscribe.to_string())).await.unwrap();
    let mut number = 0;
    eventually("it is closed as slow", async || {
        number += 1;
        let detail = format!("{number} {}", "x".repeat(2_000));
        server.feed(phase("a", "Scout", &detail)).await;
        let page = server.get("/metrics").await.text();
        page.contains("forgecast_viewers_closed_total{reason=\"slow\"} 1\n")
    })
    .await;
    drop(viewer);
    eventually("its place is free", async || server.hub.counters().viewers == 0).await;
}

/// Whoever connects and does not get on with it is gone when a request's headers would have to be there.
#[tokio::test]
async fn a_handshake_has_the_time_of_a_requests_headers_and_takes_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let tls = own(folder.path(), &[]);
    let server = Server::with(|setup| {
        setup.tls = Some(tls);
        setup.server.header_timeout_ms = 300;
    })
    .await;
    let client = usual(folder.path());
    let openings: [&[u8]; 5] = [
        b"",
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x01\xff\xff\xff\xff",
        b"\x16GET / HTTP/1.1\r\n\r\n",
    ];
    let mut held = Vec::new();
    for number in 0..100 {
        let mut stream = server.connect().await;
        stream.write_all(openings[number % openings.len()]).await.unwrap();
        held.push(stream);
    }
    let good = secure(&client, server.connect().await, "localhost").await.unwrap();
    assert_eq!(ask(good, &server.head("GET", "/healthz", &[], 0)).await.status, 200);
    for mut stream in held {
        let mut rest = Vec::new();
        let _ = timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("closed");
        assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    }
    // One that agreed on everything and then says nothing.
    let mut silent = secure(&client, server.connect().await, "localhost").await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(LIMIT, silent.read_to_end(&mut rest)).await.expect("closed");
    eventually("all places are free", async || {
        let page = server.get("/metrics").await.text();
        page.contains("forgecast_connections 1\n")
    })
    .await;
    let server = Server::with(|setup| {
        setup.tls = Some(own(folder.path(), &[]));
        setup.server.connections = 1;
    })
    .await;
    let _handshaking = server.connect().await;
    eventually("a handshake takes a place", async || {
        server.get("/healthz").await.status == 503
    })
    .await;
    server.stop();
    server.ended().await;
}

/// An address of this machine that is not loopback, when it has one.
fn elsewhere() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: only a way is looked for.
    socket.connect("203.0.113.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test]
async fn who_speaks_plainly_from_elsewhere_is_sent_to_https() {
    let Some(address) = elsewhere() else {
        println!("this machine has no address but loopback: there is no elsewhere");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let token = server.keys.add_token(Role::Admin, "me").unwrap().1;
    let mut app = server.app(Options {
        base_path: "/x".to_owned(),
        ..Options::default()
    });
    app.tls = Some(own(folder.path(), &[&address.to_string()]));
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let here = SocketAddr::from(([127, 0, 0, 1], port));
    let stopping = CancellationToken::new();
    let serving = tokio::spawn(forgecast_server::run(listener, app, stopping.clone()));
    let shown = bearer(&token);
    // From one address of this machine to another: to the server that is a machine elsewhere.
    let connect = || async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address, 0)).unwrap();
        socket.connect(here).await.unwrap()
    };
    let shows = [("authorization", &*shown)];

    let answer = ask(connect().await, &head(here, "GET", "/x/session/a?at=3", &shows, 0)).await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), format!("https://{here}/x/session/a?at=3"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("content-security-policy").is_empty());
    // No port in the host is the one of plain HTTP.
    let bare = [("host", "localhost")];
    let answer = ask(connect().await, &head(here, "GET", "/", &bare, 0)).await;
    assert_eq!(answer.header("location"), "https://localhost:80/");
    let json = [("content-type", "application/json"), shows[0]];
    let answer = ask(connect().await, &head(here, "POST", "/api/v1/events", &json, 0)).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("https://"), "{answer:?}");
    let stranger = [("host", "evil.example")];
    let answer = ask(connect().await, &head(here, "GET", "/", &stranger, 0)).await;
    let place = (answer.status, answer.header("location"));
    assert_eq!(place, (421, ""), "nobody is sent to another's name");

    let client = usual(folder.path());
    for (path, headers, expected) in [("/x/api/v1/sessions", &shows[..], 200), ("/api/v1/sessions", &[], 401)] {
        let stream = secure(&client, connect().await, "127.0.0.1").await.unwrap();
        let answer = ask(stream, &head(here, "GET", path, headers, 0)).await;
        assert_eq!(answer.status, expected, "{path}");
    }
    stopping.cancel();
    serving.await.unwrap().unwrap();
}
