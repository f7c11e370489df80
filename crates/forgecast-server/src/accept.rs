//! The accept loop: takes connections, gives each a deadline for its headers and its writes, and lets them end in order
//! when the server stops. It must survive whatever `accept` returns: running out of descriptors is a pause, not an end.

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
use crate::wire::Wire;
use crate::write_timeout::WriteTimeoutStream;

/// The request line and all headers together, bytes. A session id has 140, a browser's headers have about 2,000.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long to wait when the system has no descriptor left: some connection will have closed by then.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
/// What a connection gets that finds no permit; short enough to fit any socket buffer, so it is written without waiting.
const NO_PLACE: &[u8] =
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
        // A peer that is gone again has no address; there is nobody to serve.
        let Ok(reached) = stream.local_addr() else {
            continue;
        };
        match shared.connections.acquire(peer.ip().to_canonical()) {
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
    // Nobody new: a client that reconnects finds the next server, not this one.
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

/// Whether accepting fails for a reason of our own; said once in the log until it works again.
async fn after_failure(error: &io::Error, failing: bool) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    // The peer gave up before we came: nothing is wrong here.
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
    let _ = stream.try_write(NO_PLACE);
}

/// The two endpoints of a connection.
#[derive(Clone, Copy)]
struct Endpoints {
    peer: SocketAddr,
    /// The address that the peer connected to.
    reached: SocketAddr,
}

/// How a connection is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Http,
    Https,
    /// Plain, from a machine that has to encrypt: it is only told so.
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
    let Some((stream, transport)) = detect_tls(stream, endpoints, &shared).await else {
        return;
    };
    let options = &shared.options;
    let stream = WriteTimeoutStream::new(stream, Duration::from_millis(options.send_timeout_ms));
    let asked = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
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
    // How a connection endpoints (reset, timeout, half a request) is its client's affair; it is seen in the counts.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = shared.stopping.cancelled() => {
            // Whoever has not asked for anything by now gets nothing; hyper would wait for the rest of half a head.
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

/// Finds out how a peer speaks: by its first byte, so that one port is enough. Nothing when it says nothing, or nothing
/// that can be agreed on, in the time that the headers of a request have.
async fn detect_tls(stream: TcpStream, endpoints: Endpoints, shared: &AppState) -> Option<(Wire, Transport)> {
    let Some(tls) = &shared.tls else {
        return Some((Wire::Plain(stream), Transport::Http));
    };
    let opening = async {
        let mut first = [0];
        let read = stream.peek(&mut first).await.ok()?;
        if read == 1 && first[0] == tls::HANDSHAKE {
            let stream = tls.accept(stream).await.ok()?;
            return Some((Wire::Tls(Box::new(stream)), Transport::Https));
        }
        // Local producers know nothing of certificates, and what they say does not leave the machine: not by loopback, and
        // not from the very address that it is sent to.
        let peer = endpoints.peer.ip().to_canonical();
        let near = peer.is_loopback() || peer == endpoints.reached.ip().to_canonical();
        let transport = if near { Transport::Http } else { Transport::HttpRejected };
        (read == 1).then_some((Wire::Plain(stream), transport))
    };
    let limit = Duration::from_millis(shared.options.header_timeout_ms);
    tokio::select! {
        // Apart, so that no connection stays as large as a handshake.
        opened = Box::pin(tokio::time::timeout(limit, opening)) => opened.ok().flatten(),
        () = shared.stopping.cancelled() => None,
    }
}

/// What becomes of a request before any route.
enum Entry {
    In(ClientInfo, Principal),
    /// The same is to be found there.
    Elsewhere(String),
}

/// One request: the guard, the route, the headers that every answer has.
async fn answer(
    mut request: Request<Incoming>,
    connection: (Endpoints, Transport),
    permit: Arc<ConnectionPermit>,
    mut router: Router,
    shared: &AppState,
) -> Result<Response<Body>, Infallible> {
    let mut response = match enter(&mut request, connection, shared) {
        Ok(Entry::In(client, principal)) => {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(permit);
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(principal);
            let response = router.call(request).await?;
            if response.status() == StatusCode::UNAUTHORIZED {
                shared.counts.refused_request();
            }
            response
        }
        Ok(Entry::Elsewhere(permit)) => moved(&permit),
        Err(error) => {
            shared.counts.refused_request();
            error.into_response()
        }
    };
    Guard::seal(response.headers_mut());
    Ok(response)
}

/// Who asks, once the guard let them in; the request is then for an address as the routes know it.
fn enter<B>(request: &mut Request<B>, connection: (Endpoints, Transport), shared: &AppState) -> Result<Entry, Error> {
    let (endpoints, transport) = connection;
    let asked = request.uri().clone();
    let beside = match shared.base.inside(&asked) {
        Inside::Here(uri) => {
            *request.uri_mut() = uri;
            None
        }
        Inside::Beside(permit) => {
            *request.uri_mut() = Uri::from_static("/");
            Some(permit)
        }
    };
    let encrypted = transport == Transport::Https;
    let client = shared
        .guard
        .admit(request, endpoints.peer, endpoints.reached, encrypted)?;
    if transport == Transport::HttpRejected {
        return encrypted_address(request, &asked).map(Entry::Elsewhere);
    }
    if let Some(permit) = beside {
        return Ok(Entry::Elsewhere(permit));
    }
    let principal = shared.access.principal(&client, request.headers())?;
    Ok(Entry::In(client, principal))
}

/// The same address on the same port with https, for whoever typed it; what else was sent in the clear is not sent again
/// without its sender knowing.
fn encrypted_address<B>(request: &Request<B>, asked: &Uri) -> Result<String, Error> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|_| matches!(*request.method(), Method::GET | Method::HEAD)) else {
        return Err(Error::NotEncrypted);
    };
    // No port stands for the one of plain HTTP, and that is the one that answers here.
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let port = if has_port { "" } else { ":80" };
    let path = asked.path_and_query().map_or("/", |path| path.as_str());
    Ok(format!("https://{host}{port}{path}"))
}

/// Not to be remembered: an operator may change the base or the certificate.
fn moved(permit: &str) -> Response<Body> {
    let Ok(permit) = HeaderValue::from_str(permit) else {
        return Error::NotFound("there is nothing at this address".to_owned()).into_response();
    };
    let headers = [
        (header::LOCATION, permit),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::PERMANENT_REDIRECT, headers).into_response()
}
