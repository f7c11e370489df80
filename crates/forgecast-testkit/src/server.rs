//! A server on a free port with a hub in memory.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask::Rules;
use forgecast_hub::Hub;
use forgecast_notify::Notifier;
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Batch, Clock, Event};
use forgecast_server::{App, Keys, Options, ServeError, Tls};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Answer, LIMIT, Viewer, bearer, head, now};

/// What a test may change before the server starts.
#[derive(Debug, Default)]
pub struct Setup {
    /// Of the server. Heartbeats and the end of idle viewers are far away by default.
    pub server: Options,
    /// Of the hub.
    pub hub: forgecast_hub::Options,
    /// Of who calls people; nobody is called by default.
    pub notify: forgecast_notify::Options,
    /// Folders below which artifacts may be opened.
    pub roots: Vec<PathBuf>,
    /// With it machines elsewhere have to use https.
    pub tls: Option<Tls>,
    /// Size of the sockets' send buffers, when the system's own would take too much before a peer is slow.
    pub send_buffer: Option<u32>,
}

/// A running server with the routes of the binary. It stops when it is dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its hub.
    pub hub: Hub,
    /// Calls people.
    pub notifier: Notifier,
    /// How the sources are doing, as it sees them.
    pub health: watch::Sender<SourceHealth>,
    /// Its tokens and share links.
    pub keys: Arc<Keys>,
    /// Where its files are.
    pub folder: TempDir,
    clock: Clock,
    /// By how much it is later than [`now`], milliseconds.
    later: Arc<AtomicI64>,
    stopping: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
    _hub_stopping: tokio_util::sync::DropGuard,
}

impl Server {
    /// A server with the usual options.
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A server with options changed.
    pub async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::default();
        // Nothing comes unasked unless a test is about heartbeats.
        setup.server.heartbeat_ms = 60_000;
        setup.server.idle_ms = 600_000;
        setup.hub.index_coalesce_ms = 1;
        // However slow the disk of a loaded machine is, unless a test is about that.
        setup.hub.store_deadline_ms = 60_000;
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
        let (notifier, _) = forgecast_notify::start(setup.notify, hub.clone(), clock.clone(), hub_stopping.clone());
        let app = App {
            hub: hub.clone(),
            notifier: notifier.clone(),
            health: receiver,
            cleaner: Arc::new(Cleaner::new(Rules::default())),
            clock: clock.clone(),
            roots: setup.roots,
            access: Arc::clone(&keys),
            tls: setup.tls,
            mounted: forgecast_legacy::routes(),
            options: setup.server,
        };
        let stopping = CancellationToken::new();
        let serving = tokio::spawn(forgecast_server::run(listener, app, stopping.clone()));
        Self {
            address,
            hub,
            notifier,
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
    pub fn app(&self, options: Options) -> App {
        App {
            hub: self.hub.clone(),
            notifier: self.notifier.clone(),
            health: self.health.subscribe(),
            cleaner: Arc::new(Cleaner::new(Rules::default())),
            clock: self.clock.clone(),
            roots: Vec::new(),
            access: Arc::clone(&self.keys),
            tls: None,
            mounted: forgecast_legacy::routes(),
            options,
        }
    }

    /// Hands a fact in as a source would.
    pub async fn feed(&self, event: Event) {
        self.hub.intake().send(Batch::of(event)).await.unwrap();
    }

    /// Hands a fact in and waits until viewers can see it: what is pushed is answered after its commit.
    pub async fn settled(&self, event: Event) {
        self.hub.push(Batch::of(event)).await.unwrap();
    }

    /// Makes it later.
    pub fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.later.fetch_add(millis, Ordering::Relaxed);
    }

    /// Begins to stop, as a signal would.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Waits for the end of [`forgecast_server::run`].
    pub async fn ended(self) {
        tokio::time::timeout(LIMIT, self.serving)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// A connection to it.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The answer to a `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"").await
    }

    /// The answer to a `GET` with this token.
    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        let bearer = bearer(token);
        self.request("GET", path, &[("authorization", &bearer)], b"").await
    }

    /// The answer to a `GET` with this token from another address of this machine.
    pub async fn get_from(&self, address: &str, token: &str, path: &str) -> Answer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let bearer = bearer(token);
        let head = head(self.address, "GET", path, &[("authorization", &bearer)], 0);
        stream.write_all(head.as_bytes()).await.unwrap();
        Answer::read(&mut stream).await
    }

    /// The index, as a viewer gets it first.
    pub async fn index(&self) -> Value {
        let mut viewer = Viewer::join(self).await;
        viewer.subscribe("sessions").await;
        viewer.message().await["state"].clone()
    }

    /// The answer to a `POST` of JSON.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let json = [("content-type", "application/json")];
        self.request("POST", path, &json, body.as_bytes()).await
    }

    /// Removes a session, which only an administrator may.
    pub async fn delete(&self, path: &str) -> Answer {
        let bearer = bearer(&self.keys.process_key());
        self.request("DELETE", path, &[("authorization", &bearer)], b"").await
    }

    /// One request on a connection of its own. A `host` among the headers replaces the right one.
    pub async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        let head = self.head(method, path, headers, body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may refuse by the head alone and close: then not everything can be sent, and need not.
        let _ = stream.write_all(body).await;
        Answer::read(&mut stream).await
    }

    /// The head of a request to it.
    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
        head(self.address, method, path, headers, length)
    }
}
