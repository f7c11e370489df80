//! A server on a free port with a hub in memory, and a small HTTP client that hides nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask::Rules;
use forgecast_hub::Hub;
use forgecast_protocol::event::{CompletionBasis, CompletionReported, PhaseReported};
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Batch, Clock, Event, Fact, Origin, SourceKind, Subject, Timestamp};
use forgecast_server::{App, Keys, Options, Tls};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::viewer::Viewer;

/// Ten times what a loaded machine needs; reached only by a test that fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The time it is, unless it is made later.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_769_847_300_250)
}

/// What a test may change before the server starts.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) server: Options,
    pub(crate) hub: forgecast_hub::Options,
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) tls: Option<Tls>,
    /// Size of the sockets' send buffers, when the system's own would take too much before a peer is slow.
    pub(crate) send_buffer: Option<u32>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) hub: Hub,
    pub(crate) health: watch::Sender<SourceHealth>,
    pub(crate) keys: Arc<Keys>,
    /// Where its files are.
    pub(crate) folder: TempDir,
    clock: Clock,
    /// By how much it is later than [`now`], milliseconds.
    later: Arc<AtomicI64>,
    stopping: CancellationToken,
    serving: JoinHandle<Result<(), forgecast_server::ServeError>>,
    _hub_stopping: tokio_util::sync::DropGuard,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::default();
        // Nothing comes unasked unless a test is about heartbeats.
        setup.server.heartbeat_ms = 60_000;
        setup.server.idle_ms = 600_000;
        setup.hub.index_coalesce_ms = 1;
        change(&mut setup);
        let later = Arc::new(AtomicI64::new(0));
        let clock = {
            let later = Arc::clone(&later);
            Clock::new(move || now().plus_millis(later.load(Ordering::Relaxed)))
        };
        let opened = forgecast_store::open(
            forgecast_store::Options::default(),
            forgecast_session::FOLD_VERSION,
            now(),
        )
        .await
        .unwrap();
        let hub_stopping = CancellationToken::new();
        let (hub, _) = forgecast_hub::start(opened, setup.hub, clock.clone(), hub_stopping.clone())
            .await
            .unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = setup.send_buffer {
            socket.set_send_buffer_size(bytes).unwrap();
        }
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener: TcpListener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let (health, receiver) = watch::channel(SourceHealth {
            ready: true,
            ..SourceHealth::default()
        });
        let folder = tempfile::tempdir().unwrap();
        let keys = Arc::new(Keys::open(&folder.path().join("access.json"), clock.clone()).unwrap());
        let app = App {
            hub: hub.clone(),
            health: receiver,
            cleaner: Arc::new(Cleaner::new(Rules::default())),
            clock: clock.clone(),
            roots: setup.roots,
            access: Arc::clone(&keys),
            tls: setup.tls,
            options: setup.server,
        };
        let stopping = CancellationToken::new();
        let serving = tokio::spawn(forgecast_server::run(listener, app, stopping.clone()));
        Self {
            address,
            hub,
            health,
            keys,
            folder,
            clock,
            later,
            stopping,
            serving,
            _hub_stopping: hub_stopping.drop_guard(),
        }
    }

    /// The same hub and the same keys, for another listener.
    pub(crate) fn app(&self, options: Options) -> App {
        App {
            hub: self.hub.clone(),
            health: self.health.subscribe(),
            cleaner: Arc::new(Cleaner::new(Rules::default())),
            clock: self.clock.clone(),
            roots: Vec::new(),
            access: Arc::clone(&self.keys),
            tls: None,
            options,
        }
    }

    /// Hands a fact in as a source would.
    pub(crate) async fn feed(&self, event: Event) {
        self.hub.intake().send(Batch::of(event)).await.unwrap();
    }

    /// Hands a fact in and waits until viewers can see it: what is pushed is answered after its commit.
    pub(crate) async fn settled(&self, event: Event) {
        self.hub.push(Batch::of(event)).await.unwrap();
    }

    /// Makes it later.
    pub(crate) fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.later.fetch_add(millis, Ordering::Relaxed);
    }

    /// Begins to stop, as a signal would.
    pub(crate) fn stop(&self) {
        self.stopping.cancel();
    }

    /// Waits for the end of [`forgecast_server::run`].
    pub(crate) async fn ended(self) {
        tokio::time::timeout(LIMIT, self.serving)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"").await
    }

    /// The index, as a viewer gets it first.
    pub(crate) async fn index(&self) -> Value {
        let mut viewer = Viewer::join(self).await;
        viewer.subscribe("sessions").await;
        viewer.message().await["state"].clone()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let json = [("content-type", "application/json")];
        self.request("POST", path, &json, body.as_bytes()).await
    }

    /// Removes a session, which only an administrator may.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        let bearer = bearer(&self.keys.process_key());
        self.request("DELETE", path, &[("authorization", &bearer)], b"").await
    }

    /// One request on a connection of its own. A `host` among the headers replaces the right one.
    pub(crate) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        let head = self.head(method, path, headers, body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may refuse by the head alone and close: then not everything can be sent, and need not.
        let _ = stream.write_all(body).await;
        Answer::read(&mut stream).await
    }

    pub(crate) fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
        head(self.address, method, path, headers, length)
    }
}

/// The head of a request on a connection of its own. A `host` among the headers replaces the right one.
pub(crate) fn head(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {length}\r\n\r\n"));
    head
}

/// How a program shows its token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset behind a complete answer is not the answer's fault.
        let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut bytes))
            .await
            .unwrap();
        Self::parse(&bytes)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a whole head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .map(|line| line.split_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut body = bytes[end + 4..].to_vec();
        if headers
            .get("transfer-encoding")
            .is_some_and(|coding| coding == "chunked")
        {
            body = unchunked(&body);
        }
        Self { status, headers, body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let from = end + 2;
        body.extend_from_slice(&bytes[from..from + size]);
        if size == 0 {
            break;
        }
        bytes = &bytes[from + size + 2..];
    }
    body
}

/// The value of a metric without labels.
pub(crate) fn metric(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

/// Waits until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(LIMIT, waiting).await.is_err() {
        panic!("never came true: {what}");
    }
}

/// A fact about the session of this name.
pub(crate) fn event(name: &str, fact: Fact) -> Event {
    Event {
        id: None,
        subject: Subject {
            name: Some(name.to_owned()),
            ..Subject::default()
        },
        at: now(),
        origin: Origin {
            kind: SourceKind::Push,
            path: None,
            first_sight: false,
            modified_at: None,
        },
        fact,
    }
}

/// A build says that it is over, not how.
pub(crate) fn completion() -> CompletionReported {
    CompletionReported {
        success: None,
        status: None,
        summary: None,
        task: None,
        phases_completed: None,
        completed_at: None,
        duration_minutes: None,
        links: BTreeMap::new(),
        basis: CompletionBasis::Reported,
    }
}

/// What a phase file of this name would say.
pub(crate) fn phase(name: &str, phase: &str, detail: &str) -> Event {
    event(
        name,
        Fact::PhaseReported(PhaseReported {
            phase: Some(phase.to_owned()),
            status: Some("in_progress".to_owned()),
            detail: Some(detail.to_owned()),
            ..PhaseReported::default()
        }),
    )
}
