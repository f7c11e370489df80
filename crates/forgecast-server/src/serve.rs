//! Runs the server: checks that it may listen where it should, wires the state that its connections share, and ends in order.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forgecast_decode::clean::Cleaner;
use forgecast_hub::Hub;
use forgecast_notify::Notifier;
use forgecast_protocol::Clock;
use forgecast_protocol::health::SourceHealth;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::accept;
use crate::access::{Gate, Keys};
use crate::approvals::WaitingApprovals;
use crate::body::{Bodies, MemoryBudget};
use crate::concurrency::Concurrency;
use crate::connections::Connections;
use crate::counts::Counts;
use crate::guard::{Base, Guard};
use crate::heartbeat::HeartbeatClock;
use crate::hook_queue::HookQueue;
use crate::options::Options;
use crate::router::{Routes, router};
use crate::state::AppState;
use crate::tls::Tls;

/// What the server serves, wired by the binary.
pub struct App {
    /// The live state.
    pub hub: Hub,
    /// How the sources are doing; shown by `/readyz` and `/metrics`.
    pub health: watch::Receiver<SourceHealth>,
    /// Cleans what is pushed and what is read from artifacts.
    pub cleaner: Arc<Cleaner>,
    /// Calls people; it is asked for what it sent.
    pub notifier: Notifier,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The folders below which artifacts may be opened, as the operator named them.
    pub roots: Vec<PathBuf>,
    /// The tokens and share links that open it.
    pub access: Arc<Keys>,
    /// With it machines elsewhere have to speak https, on the same port; nothing where a proxy does, or nobody needs to.
    pub tls: Option<Tls>,
    /// Routes of other crates that are served beside the server's own.
    pub mounted: Routes,
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
fn check_exposure(address: IpAddr, keys: &Keys) -> Result<(), Exposed> {
    // `::ffff:127.0.0.1` is 127.0.0.1, and `::ffff:0.0.0.0` is everybody.
    if address.to_canonical().is_loopback() || !keys.is_empty() {
        Ok(())
    } else {
        Err(Exposed(address))
    }
}

/// Serves until `shutdown`, then tells viewers to connect again, finishes open requests (at most `stop_ms`), hands over the
/// hooks that were acknowledged (at most `stop_ms`) and returns.
///
/// # Errors
/// The listener is unusable, or reachable from other machines while there is no token; see [`ServeError`].
pub async fn run(listener: TcpListener, app: App, shutdown: CancellationToken) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    check_exposure(address.ip(), &app.access)?;
    let (hooks, reader) = HookQueue::new(
        app.options.hooks_waiting,
        app.options.hooks_waiting_bytes,
        Arc::clone(&app.cleaner),
        app.clock.clone(),
    );
    let closing = CancellationToken::new();
    let mut reading = tokio::spawn(reader.run(app.hub.clone(), closing.clone()));
    let stop = Duration::from_millis(app.options.stop_ms);
    let router = router(app.mounted);
    let options = app.options;
    let state = Arc::new(AppState {
        access: Gate::new(app.access, &options),
        guard: Guard::new(&options),
        base: Base::new(&options.base_path),
        tls: app.tls,
        bodies: Bodies {
            limit: options.body_bytes,
            patience: Duration::from_millis(options.body_timeout_ms),
            budget: MemoryBudget::new(options.bodies_bytes, options.body_bytes),
        },
        hooks,
        approvals: WaitingApprovals::default(),
        sequences: Arc::default(),
        connections: Connections::new(options.connections, options.connections_per_address),
        forwarded: Connections::new(usize::MAX, options.connections_per_address),
        exports: Concurrency::new(options.exports, options.exports_per_caller),
        imports: Concurrency::new(options.imports, options.imports_per_caller),
        readers: Arc::new(Semaphore::new(options.file_readers)),
        heartbeats: HeartbeatClock::new(app.clock.now()),
        counts: Counts::default(),
        stopping: shutdown,
        hub: app.hub,
        notifier: app.notifier,
        health: app.health,
        cleaner: app.cleaner,
        clock: app.clock,
        roots: app.roots,
        options,
    });
    tokio::spawn(beat(Arc::clone(&state)));
    tracing::info!(%address, "serving");
    accept::serve(listener, router.with_state(Arc::clone(&state)), state).await;
    // Hooks were acknowledged before anything else happened to them: now it has to.
    closing.cancel();
    if tokio::time::timeout(stop, &mut reading).await.is_err() {
        reading.abort();
        tracing::warn!("hooks that were acknowledged are lost: the hub did not take them in time");
    }
    Ok(())
}

/// Sends heartbeats until the server stops, then wakes all viewers once more so that they see it. Whether a token was
/// revoked is looked up once before each heartbeat, not by each viewer.
async fn beat(state: Arc<AppState>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(state.options.heartbeat_ms.max(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = state.stopping.cancelled() => return state.heartbeats.wake_all(),
            _ = ticks.tick() => {
                state.access.keys.refresh();
                state.heartbeats.beat(&state.clock);
            }
        }
    }
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
            assert!(check_exposure(address.parse().unwrap(), &keys).is_ok(), "{address}");
        }
        for address in exposed {
            let refusal = check_exposure(address.parse().unwrap(), &keys).unwrap_err().to_string();
            assert!(
                refusal.contains("127.0.0.1") && refusal.contains("forgecast token"),
                "{refusal}"
            );
        }
        keys.share("a~1".parse().unwrap(), Duration::from_secs(60)).unwrap();
        assert!(
            check_exposure("0.0.0.0".parse().unwrap(), &keys).is_err(),
            "a share link is no token"
        );
        keys.add_token(Role::View, "phone").unwrap();
        for address in exposed {
            assert!(check_exposure(address.parse().unwrap(), &keys).is_ok(), "{address}");
        }
    }
}
