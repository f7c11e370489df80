//! Graceful shutdown on SIGINT or SIGTERM. A second SIGINT (Ctrl-C) ends the process immediately. A repeated SIGTERM changes
//! nothing, because supervisors send it twice and the shutdown has a deadline.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit status for "ended by SIGINT" by the convention of shells.
const ENDED_BY_INTERRUPT: i32 = 130;

/// How long a graceful shutdown may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// A token that is cancelled by the first signal.
///
/// # Errors
/// A signal handler cannot be installed.
pub(crate) fn on_signals() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
        interrupt.recv().await;
        std::process::exit(ENDED_BY_INTERRUPT);
    });
    Ok(token)
}
