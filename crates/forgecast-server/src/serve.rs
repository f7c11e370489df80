//! Runs the server: checks that it may listen where it should, wires the state that its connections share, and ends in order.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forgecast_decode::clean::Cleaner;
use forgecast_hub::Hub;
use forgecast_protocol::Clock;
use forgecast_protocol::health::SourceHealth;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::access::Keys;
use crate::options::Options;
use crate::state::AppState;
use crate::tls::Tls;
use crate::{accept, access, body, connections, guard, hooks, live, metrics, origin, router};

/// What the server serves, wired by the binary.
pub struct App {
    /// The live state.
    pub hub: Hub,
    /// How the sources are doing; shown by `/readyz` and `/metrics`.
    pub health: watch::Receiver<SourceHealth>,
    /// Cleans what is pushed and what is read from artifacts.
    pub cleaner: Arc<Cleaner>,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The folders below which artifacts may be opened, as the operator named them.
    pub roots: Vec<PathBuf>,
    /// The tokens and share links that open it.
    pub access: Arc<Keys>,
    /// With it machines elsewhere have to speak https, on the same port; nothing where a proxy does, or nobody needs to.
    pub tls: Option<Tls>,
    /// Limits.
    pub options: Options,
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener has no address: it is not bound, or already closed.
    #[error("cannot tell the address of the listener")]
    Listener(#[source] std::io::Error),
    /// The listener is open to others than this machine.
    #[error(transparent)]
    Exposed(#[from] Exposed),
}

/// The address is reachable from elsewhere, and there is nothing that would tell friends from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "refusing to listen on {0} without an access token: whoever reaches that address could watch and feed every build; make a token \
     with `forgecast token`, or listen on 127.0.0.1 and reach it from elsewhere through a tunnel (ssh -L 8600:127.0.0.1:<port> <this machine>)"
)]
pub struct Exposed(IpAddr);

/// Refuses every address that others than this machine could reach, whatever its spelling, while there is no token.
fn expose(address: IpAddr, keys: &Keys) -> Result<(), Exposed> {
    // `::ffff:127.0.0.1` is 127.0.0.1, and `::ffff:0.0.0.0` is everybody.
    if address.to_canonical().is_loopback() || !keys.is_empty() {
        Ok(())
    } else {
        Err(Exposed(address))
    }
}

/// Serves until `shutdown`, then tells viewers to come back, finishes requests (at most `stop_ms`), hands over the hooks
/// that it acknowledged (the same) and returns.
///
/// # Errors
/// The listener is unusable, or reachable from other machines while there is no token; see [`ServeError`].
pub async fn run(listener: TcpListener, app: App, shutdown: CancellationToken) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    expose(address.ip(), &app.access)?;
    let options = app.options;
    let bodies = body::Bodies {
        limit: options.body_bytes,
        patience: Duration::from_millis(options.body_timeout_ms),
        room: body::MemoryBudget::new(options.bodies_bytes, options.body_bytes),
    };
    let (hooks, waiting) = hooks::Hooks::new(options.hooks_waiting, options.hooks_waiting_bytes);
    let reader = hooks::Reader::new(waiting, Arc::clone(&app.cleaner), app.clock.clone());
    let closing = CancellationToken::new();
    let mut reading = tokio::spawn(reader.run(app.hub.clone(), closing.clone()));
    let stop = Duration::from_millis(options.stop_ms);
    let shared = Arc::new(AppState {
        access: access::gate::Gate::new(app.access, &options),
        guard: guard::Guard::new(&options),
        base: guard::Base::new(&options.base_path),
        tls: app.tls,
        bodies,
        hooks,
        rooms: origin::rooms::Rooms::default(),
        sequences: Arc::default(),
        connections: connections::Connections::new(options.connections, options.connections_per_address),
        readers: Arc::new(Semaphore::new(options.file_readers)),
        heartbeats: Arc::new(live::HeartbeatClock::new(app.clock.now())),
        counts: metrics::Counts::default(),
        stopping: shutdown,
        hub: app.hub,
        health: app.health,
        cleaner: app.cleaner,
        clock: app.clock,
        roots: app.roots,
        options,
    });
    let every = Duration::from_millis(shared.options.heartbeat_ms.max(1));
    tokio::spawn(live::beat(every, Arc::clone(&shared)));
    tracing::info!(%address, "serving");
    accept::serve(listener, router::router(Arc::clone(&shared)), shared).await;
    // Hooks were acknowledged before anything else happened to them: now it has to.
    closing.cancel();
    if tokio::time::timeout(stop, &mut reading).await.is_err() {
        reading.abort();
        tracing::warn!("hooks that were acknowledged are lost: the hub did not take them in time");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn only_loopback_is_not_exposed_while_there_is_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(&folder.path().join("access.json"), Clock::new(Default::default)).unwrap();
        let exposed = ["0.0.0.0", "::", "192.168.1.5", "::ffff:0.0.0.0", "fe80::1", "8.8.8.8"];
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(expose(address.parse().unwrap(), &keys).is_ok(), "{address}");
        }
        for address in exposed {
            let refusal = expose(address.parse().unwrap(), &keys).unwrap_err().to_string();
            assert!(
                refusal.contains("127.0.0.1") && refusal.contains("forgecast token"),
                "{refusal}"
            );
        }
        keys.share("a~1".parse().unwrap(), Duration::from_secs(60)).unwrap();
        assert!(
            expose("0.0.0.0".parse().unwrap(), &keys).is_err(),
            "a share link is no token"
        );
        keys.add_token(Role::View, "phone").unwrap();
        for address in exposed {
            assert!(expose(address.parse().unwrap(), &keys).is_ok(), "{address}");
        }
    }
}
