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
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::Shared;
use crate::connections::Place;
use crate::guard::Guard;
use crate::stream::PatientStream;

/// The request line and all headers together, bytes. A session id has 140, a browser's headers have about 2,000.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long to wait when the system has no descriptor left: some connection will have closed by then.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
/// What a connection gets that finds no place; short enough to fit any socket buffer, so it is written without waiting.
const NO_PLACE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 5\r\n\r\n";

/// Serves connections until `shared.stopping`, then waits until they have ended, at most the configured time.
pub(crate) async fn serve(listener: TcpListener, router: Router, shared: Arc<Shared>) {
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
        match shared.connections.take(peer.ip().to_canonical()) {
            Some(place) => {
                let ends = Ends { peer, reached };
                let connection = serve_one(
                    stream,
                    ends,
                    place,
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

/// The two ends of a connection.
#[derive(Clone, Copy)]
struct Ends {
    peer: SocketAddr,
    /// The address that the peer connected to.
    reached: SocketAddr,
}

async fn serve_one(
    stream: TcpStream,
    ends: Ends,
    place: Arc<Place>,
    router: Router,
    shared: Arc<Shared>,
    overdue: CancellationToken,
) {
    // Frames are small and each matters now; waiting to fill a packet would add 40 ms. Not vital if it fails.
    let _ = stream.set_nodelay(true);
    let options = &shared.options;
    let stream = PatientStream::new(stream, Duration::from_millis(options.send_timeout_ms));
    let asked = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let place = Arc::clone(&place);
        answer(request, ends, place, router.clone(), &shared)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(options.header_timeout_ms))
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // How a connection ends (reset, timeout, half a request) is its client's affair; it is seen in the counts.
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

/// One request: the guard, the route, the headers that every answer has.
async fn answer(
    request: Request<Incoming>,
    ends: Ends,
    place: Arc<Place>,
    mut router: Router,
    shared: &Shared,
) -> Result<Response<Body>, Infallible> {
    let admitted = shared.guard.admit(&request, ends.peer, ends.reached, false);
    let known = admitted.and_then(|visitor| Ok((visitor, shared.access.caller(&visitor, request.headers())?)));
    let mut response = match known {
        Ok((visitor, caller)) => {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(place);
            request.extensions_mut().insert(visitor);
            request.extensions_mut().insert(caller);
            let response = router.call(request).await?;
            if response.status() == StatusCode::UNAUTHORIZED {
                shared.counts.refused_request();
            }
            response
        }
        Err(error) => {
            shared.counts.refused_request();
            error.into_response()
        }
    };
    Guard::seal(response.headers_mut());
    Ok(response)
}
