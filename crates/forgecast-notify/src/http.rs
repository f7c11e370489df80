//! One POST to an address that was checked. No redirect is followed, no proxy is asked, and nothing of an answer is kept but
//! its status and how long to wait.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::address::{self, AllowedAddress};
use crate::dispatch::Outcome;
use crate::message::Request;
use crate::target::Endpoint;

/// The most bytes that are read of an answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Why a message did not arrive.
pub(crate) struct Failure {
    error: String,
    /// Whether the request may have been read.
    uncertain: bool,
}

impl From<Failure> for Outcome {
    fn from(Failure { error, uncertain }: Failure) -> Self {
        Self::Failed {
            error,
            uncertain,
            pause_ms: None,
        }
    }
}

/// It was not sent at all.
fn unsent(error: impl Into<String>) -> Failure {
    Failure {
        error: error.into(),
        uncertain: false,
    }
}

/// Trusts what this machine trusts. None when it trusts nobody, which only matters for https.
pub(crate) fn tls() -> Option<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
    let config = config.ok().filter(|_| !roots.is_empty())?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}

/// Sends a request.
///
/// # Errors
/// The address may not be connected to, nobody is there, or no answer came. The texts contain the host and nothing else of
/// the endpoint.
pub(crate) async fn post(
    endpoint: &Endpoint,
    request: Request,
    allowed: &[AllowedAddress],
    tls: Option<&TlsConnector>,
) -> Result<Outcome, Failure> {
    let stream = connect(endpoint, allowed).await?;
    if !endpoint.is_encrypted() {
        return exchange(stream, endpoint, request).await;
    }
    let tls = tls.ok_or_else(|| unsent("no certificates are trusted on this machine; install ca-certificates"))?;
    let host = endpoint.host().to_owned();
    let name = ServerName::try_from(host).map_err(|_| unsent("the host is not a name that a certificate can have"))?;
    let encrypted = tls.connect(name, stream).await;
    let encrypted =
        encrypted.map_err(|error| unsent(format!("no encrypted connection to {}: {error}", endpoint.host())))?;
    exchange(encrypted, endpoint, request).await
}

/// Connects to the first address of the host that may be connected to and is there. What was checked is what is connected
/// to: the name is not looked up again.
async fn connect(endpoint: &Endpoint, allowed: &[AllowedAddress]) -> Result<TcpStream, Failure> {
    let host = endpoint.host();
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, endpoint.port())],
        Err(_) => {
            let found = lookup_host((host, endpoint.port())).await;
            found
                .map_err(|error| unsent(format!("cannot resolve {host}: {error}")))?
                .collect()
        }
    };
    let mut failure = unsent(format!("{host} has no address"));
    for at in addresses {
        if !address::may_connect(at.ip(), allowed) {
            failure = unsent(format!(
                "{host} is at {}, which is not a public address; add it to notify.allowed_addresses if that is intended",
                at.ip()
            ));
            continue;
        }
        if !endpoint.is_encrypted() && !address::is_listed(at.ip(), allowed) {
            failure = unsent(format!(
                "{host} would be sent to without encryption; use https, or add {} to notify.allowed_addresses",
                at.ip()
            ));
            continue;
        }
        match TcpStream::connect(at).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = unsent(format!("cannot connect to {host}: {error}")),
        }
    }
    Err(failure)
}

async fn exchange<S>(stream: S, endpoint: &Endpoint, request: Request) -> Result<Outcome, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let host = endpoint.host();
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_ANSWER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unsent(format!("cannot talk to {host}: {error}")))?;
    let mut built = hyper::Request::builder()
        .method(Method::POST)
        .uri(request.path)
        .header(HOST, endpoint.authority())
        .header(USER_AGENT, concat!("forgecast/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_LENGTH, request.body.len());
    for (name, value) in request.headers {
        built = built.header(name, value);
    }
    // The builder's error may repeat a header, and one of them is a secret.
    let built = built
        .body(Full::new(Bytes::from(request.body)))
        .map_err(|_| unsent("the target's address or token has characters that a request cannot have"))?;
    let answer = async {
        let answer = sender.send_request(built).await.map_err(|error| Failure {
            error: format!("no answer of {host}: {error}"),
            uncertain: true,
        })?;
        Ok(read(answer, host).await)
    };
    tokio::pin!(connection);
    tokio::pin!(answer);
    // The connection is driven by this task, so nothing of it is left when the task is dropped.
    let mut is_open = true;
    loop {
        tokio::select! {
            biased;
            outcome = &mut answer => return outcome,
            _ = &mut connection, if is_open => is_open = false,
        }
    }
}

async fn read(answer: Response<hyper::body::Incoming>, host: &str) -> Outcome {
    let status = answer.status();
    let retry_after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if status.is_success() {
        // A receiver that is still writing would take a closed connection for a failure.
        let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        return Outcome::Delivered;
    }
    if status == StatusCode::GONE {
        return Outcome::Gone(format!("{host} answered 410 Gone: it wants no more messages"));
    }
    let hint = if status.is_redirection() {
        "; redirects are not followed"
    } else {
        ""
    };
    Outcome::Failed {
        error: format!("{host} answered {status}{hint}"),
        uncertain: false,
        pause_ms: retry_after.map(|seconds| seconds.saturating_mul(1_000)),
    }
}
