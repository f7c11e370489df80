//! From a signal to a graceful stop. SIGINT and SIGTERM ask for it; a second SIGINT, a person's second Ctrl-C, ends the
//! process at once. A repeated SIGTERM changes nothing: supervisors send it twice, and the stop has a deadline anyway.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a shell calls "ended by SIGINT".
const ENDED_BY_INTERRUPT: i32 = 130;

/// How long a graceful stop may take: viewers are told, what is uncommitted is committed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// A token that is cancelled by the first signal.
///
/// # Errors
/// When the system refuses a signal handler.
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
