//! A target behind https whose certificate is from a local authority: it is sent to when the authority is trusted and the
//! certificate is for its name. Otherwise it is sent nothing, the reason is shown, and the message waits.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::world::{PATIENCE, Server, World, eventually, request, write_private};

/// Issues certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What a server of this name needs.
    fn certify(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// What came over one connection.
#[derive(Clone, Debug)]
struct Received {
    /// The name that the sender asked for.
    name: Option<String>,
    /// The request; empty if the sender did not go on.
    request: String,
}

/// A webhook that speaks https and keeps what it is sent.
struct Receiver {
    address: SocketAddr,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            config: Arc::new(Mutex::new(config)),
            received: Arc::default(),
        };
        let (config, received) = (Arc::clone(&this.config), Arc::clone(&this.received));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let config = config.lock().unwrap().clone();
                let connection = receive(stream, config);
                received.lock().unwrap().push(connection);
            }
        });
        this
    }

    /// Has another certificate from now on.
    fn shows(&self, config: Arc<ServerConfig>) {
        *self.config.lock().unwrap() = config;
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Takes one request, or what comes of it before the sender gives up.
fn receive(stream: TcpStream, config: Arc<ServerConfig>) -> Received {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let (mut request, mut buffer) = (String::new(), [0; 8192]);
    while !is_complete(&request) {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => request += &String::from_utf8_lossy(&buffer[..count]),
            _ => break,
        }
    }
    let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(answer).and_then(|()| stream.flush());
    let name = stream.conn.server_name().map(str::to_owned);
    Received { name, request }
}

/// Whether the body is as long as the head says.
fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lines = head.lines().map(str::to_lowercase);
    let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length == Some(body.len())
}

/// A server that trusts the authority in `trusted` and nobody else, and sends to localhost.
fn serve(world: &World, receiver: &Receiver, trusted: &Path) -> Server {
    let secret = world.path("webhook-secret");
    write_private(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let config = format!(
        "[notify]\nallowed_addresses = [\"127.0.0.1\"]\n\
         [[notify.targets]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"https://localhost:{}/hook\"\nsecret_file = {:?}\n",
        receiver.address.port(),
        secret.display().to_string()
    );
    let file = world.path("forgecast.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = world.command(&["serve", "--port", "0", "--config", file.to_str().unwrap()]);
    command.env("SSL_CERT_FILE", trusted);
    Server::start(command)
}

/// The only message, when its last attempt ended like this.
fn message_when(server: &Server, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || {
        let shown = server.json("/api/v1/notifications");
        let messages = shown["notifications"].as_array()?;
        messages.first().filter(|message| wished(message)).cloned()
    })
}

fn failed_with(server: &Server, words: &str) -> Value {
    let message = message_when(server, words, |message| {
        message["error"].as_str().is_some_and(|error| error.contains(words))
    });
    let error = message["error"].as_str().unwrap();
    assert!(error.contains("no encrypted connection to localhost"), "{error}");
    // Nothing was sent, so nobody can have read it.
    assert_eq!(
        (&message["state"], &message["uncertain"]),
        (&json!("waiting"), &Value::Null)
    );
    message
}

#[test]
fn a_target_behind_https_is_sent_to_only_with_a_certificate_for_its_name() {
    let world = World::new();
    let (local, other) = (Authority::new("local"), Authority::new("other"));
    let trusted = world.path("authority.pem");
    std::fs::write(&trusted, local.0.pem()).unwrap();
    let receiver = Receiver::start(local.certify("elsewhere.example"));
    let server = serve(&world, &receiver, &trusted);
    let asks = json!({"session": "weather", "type": "waiting_began", "reason": "Wants to run: make",
        "waiting_for": "permission"});
    let (status, answer) = request(server.address(), "POST", "/api/v1/events", &asks.to_string());
    assert_eq!(status, 200, "{answer}");

    let first = failed_with(&server, "not valid for name \"localhost\"");
    receiver.shows(other.certify("localhost"));
    let second = failed_with(&server, "UnknownIssuer");
    assert!(
        second["attempts"].as_u64() > first["attempts"].as_u64(),
        "tried again: {second}"
    );
    let attempts = receiver.received();
    assert!(attempts.len() >= 2, "{attempts:?}");
    assert!(attempts.iter().all(|one| one.request.is_empty()), "{attempts:?}");

    receiver.shows(local.certify("localhost"));
    let delivered = message_when(&server, "delivered", |message| message["state"] == "delivered");
    assert_eq!(delivered["id"], first["id"]);
    let attempts = eventually("the request", || {
        let attempts = receiver.received();
        attempts.iter().any(|one| !one.request.is_empty()).then_some(attempts)
    });
    let Received { name, request } = attempts.last().unwrap();
    assert_eq!(name.as_deref(), Some("localhost"));
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("weather~1"), "{request}");
    let others = attempts.iter().filter(|one| !one.request.is_empty());
    assert_eq!(others.count(), 1, "sent once: {attempts:?}");
}
