//! The accept loop: takes connections, gives each a deadline for its headers and its writes, and lets them end in order
//! when the server stops. It must survive every error of `accept`: if the descriptors run out, it pauses and tries again.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::access::Principal;
use crate::connections::ConnectionPermit;
use crate::error::Error;
use crate::guard::{ClientInfo, Guard, Inside};
use crate::state::AppState;
use crate::tls;
use crate::write_timeout::{Wire, WriteTimeoutStream};

/// The request line and all headers together, bytes. A session id has 140, a browser's headers have about 2,000.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long to wait when the system has no descriptor left: some connection will have closed by then.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
/// The answer to a connection beyond the limits. It fits into any socket buffer, so that writing it does not wait.
const TOO_MANY_CONNECTIONS: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 5\r\n\r\n";

/// Serves connections until `shared.stopping`, then waits until they have ended, at most the configured time.
pub(crate) async fn serve(listener: TcpListener, router: Router, shared: Arc<AppState>) {
    // Cancelled when the time for ending in order is over.
    let overdue = CancellationToken::new();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            () = shared.stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                failing = after_failure(&error, failing).await;
                continue;
            }
        };
        failing = false;
        // The peer has already closed the connection.
        let Ok(reached) = stream.local_addr() else {
            continue;
        };
        // Everybody behind a proxy has its address. They are told apart once it says whom it forwards.
        let acquired = if shared.guard.is_proxy(peer.ip()) {
            shared.connections.acquire_for_proxy()
        } else {
            shared.connections.acquire(peer.ip().to_canonical())
        };
        match acquired {
            Some(permit) => {
                let endpoints = Endpoints { peer, reached };
                let connection = serve_one(
                    stream,
                    endpoints,
                    permit,
                    router.clone(),
                    Arc::clone(&shared),
                    overdue.clone(),
                );
                tokio::spawn(connection);
            }
            None => turn_away(&stream),
        }
    }
    // From here on, a client that reconnects reaches the next server.
    drop(listener);
    let limit = Duration::from_millis(shared.options.stop_ms);
    if tokio::time::timeout(limit, shared.connections.all_closed())
        .await
        .is_err()
    {
        tracing::warn!(open = shared.connections.count(), "connections were cut off at the end");
    }
    overdue.cancel();
}

/// Whether accepting fails for a reason of our own, which is logged once until it works again.
async fn after_failure(error: &io::Error, failing: bool) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    // The peer closed the connection before it was accepted; that is no error of this server.
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return failing;
    }
    if !failing {
        tracing::warn!(%error, "cannot accept connections at the moment");
    }
    tokio::time::sleep(EXHAUSTED_PAUSE).await;
    true
}

fn turn_away(stream: &TcpStream) {
    // The peer may be gone or not reading; it is turned away either way.
    let _ = stream.try_write(TOO_MANY_CONNECTIONS);
}

/// The two ends of a connection.
#[derive(Clone, Copy)]
struct Endpoints {
    peer: SocketAddr,
    /// The address that the peer connected to.
    reached: SocketAddr,
}

/// What a connection carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Http,
    Https,
    /// HTTP from a machine that has to use https: it gets a redirect or an error.
    HttpRejected,
}

async fn serve_one(
    stream: TcpStream,
    endpoints: Endpoints,
    permit: Arc<ConnectionPermit>,
    router: Router,
    shared: Arc<AppState>,
    overdue: CancellationToken,
) {
    // Frames are small and each matters now; waiting to fill a packet would add 40 ms. Not vital if it fails.
    let _ = stream.set_nodelay(true);
    let detected = tokio::select! {
        detected = detect_tls(stream, endpoints, &shared) => detected,
        () = permit.replaced() => None,
    };
    let Some((stream, transport)) = detected else {
        return;
    };
    let options = &shared.options;
    let stream = WriteTimeoutStream::new(stream, Duration::from_millis(options.send_timeout_ms));
    let asked = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        if !asked.swap(true, Ordering::Relaxed) {
            permit.head_came();
        }
        let permit = Arc::clone(&permit);
        answer(request, (endpoints, transport), permit, router.clone(), &shared)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(options.header_timeout_ms))
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // A connection that ends with an error (reset, timeout, half a request) is not an error of the server.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = permit.replaced() => {}
        () = shared.stopping.cancelled() => {
            // A client that has sent no complete request gets no answer; hyper would wait for the rest of its head.
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection.as_mut() => {}
                () = overdue.cancelled() => {}
            }
        }
    }
}

/// Detects TLS by the first byte, so that one port is enough. `None` when the peer sends nothing, or the TLS handshake fails,
/// within the time that the headers of a request may take.
async fn detect_tls(stream: TcpStream, endpoints: Endpoints, shared: &AppState) -> Option<(Wire, Transport)> {
    let Some(tls) = &shared.tls else {
        return Some((Wire::Left(stream), Transport::Http));
    };
    let opening = async {
        let mut first = [0];
        let read = stream.peek(&mut first).await.ok()?;
        if read == 1 && first[0] == tls::HANDSHAKE {
            let stream = tls.accept(stream).await.ok()?;
            return Some((Wire::Right(Box::new(stream)), Transport::Https));
        }
        // Producers on this machine do not know the certificate, and what they send does not leave the machine: the peer is
        // loopback, or has the address that it connected to.
        let peer = endpoints.peer.ip().to_canonical();
        let near = peer.is_loopback() || peer == endpoints.reached.ip().to_canonical();
        let transport = if near { Transport::Http } else { Transport::HttpRejected };
        (read == 1).then_some((Wire::Left(stream), transport))
    };
    let limit = Duration::from_millis(shared.options.header_timeout_ms);
    tokio::select! {
        // Boxed, so that no connection stays as large as a handshake.
        opened = Box::pin(tokio::time::timeout(limit, opening)) => opened.ok().flatten(),
        () = shared.stopping.cancelled() => None,
    }
}

/// The decision about a request before routing.
enum Entry {
    Allow(ClientInfo, Principal),
    /// The address to go to instead.
    Redirect(String),
}

/// One request: the guard, the route, the headers that every answer has.
async fn answer(
    mut request: Request<Incoming>,
    connection: (Endpoints, Transport),
    permit: Arc<ConnectionPermit>,
    mut router: Router,
    shared: &AppState,
) -> Result<Response<Body>, Infallible> {
    let mut response = match admit(&mut request, connection, shared) {
        Ok(Entry::Allow(client, principal)) => {
            let (endpoints, _) = connection;
            let permit = if shared.guard.is_proxy(endpoints.peer.ip()) {
                shared.forwarded.acquire_through(permit, client.address)
            } else {
                Some(permit)
            };
            let Some(permit) = permit else {
                let mut response = Error::TooManyAtOnce.into_response();
                Guard::seal(response.headers_mut());
                return Ok(response);
            };
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(permit);
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(principal);
            request.extensions_mut().insert(shared.hub.clone());
            let response = router.call(request).await?;
            if response.status() == StatusCode::UNAUTHORIZED {
                shared.counts.refused_request();
            }
            response
        }
        Ok(Entry::Redirect(location)) => redirect(&location),
        Err(error) => {
            shared.counts.refused_request();
            error.into_response()
        }
    };
    Guard::seal(response.headers_mut());
    Ok(response)
}

/// Checks a request with the guard and authenticates it; its address is then one that the routes know.
fn admit<B>(request: &mut Request<B>, connection: (Endpoints, Transport), shared: &AppState) -> Result<Entry, Error> {
    let (endpoints, transport) = connection;
    let asked = request.uri().clone();
    let beside = match shared.base.strip(&asked) {
        Inside::Here(uri) => {
            *request.uri_mut() = uri;
            None
        }
        Inside::Redirect(location) => {
            *request.uri_mut() = Uri::from_static("/");
            Some(location)
        }
    };
    let encrypted = transport == Transport::Https;
    let client = shared
        .guard
        .admit(request, endpoints.peer, endpoints.reached, encrypted)?;
    if transport == Transport::HttpRejected {
        return encrypted_address(request, &asked).map(Entry::Redirect);
    }
    if let Some(location) = beside {
        return Ok(Entry::Redirect(location));
    }
    let principal = shared.access.principal(&client, request.headers())?;
    Ok(Entry::Allow(client, principal))
}

/// The same address with https on the same port. Only for GET and HEAD: what else was sent in the clear is not repeated
/// without its sender knowing.
fn encrypted_address<B>(request: &Request<B>, asked: &Uri) -> Result<String, Error> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|_| matches!(*request.method(), Method::GET | Method::HEAD)) else {
        return Err(Error::NotEncrypted);
    };
    // Without a port the client used port 80, so this server answers there.
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let port = if has_port { "" } else { ":80" };
    let path = asked.path_and_query().map_or("/", |path| path.as_str());
    Ok(format!("https://{host}{port}{path}"))
}

/// A redirect that must not be cached: an operator may change the base path or the certificate.
fn redirect(location: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(location) else {
        return Error::NotFound("there is nothing at this address".to_owned()).into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::PERMANENT_REDIRECT, headers).into_response()
}
