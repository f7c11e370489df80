//! The signals that this process gets on the command's behalf.

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// What is passed on, and what is about the terminal.
const SIGNALS: [Signal; 8] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
    Signal::CONT,
];
/// Signals that may wait; one of a kind that waits stands for all of its kind.
const MAX_WAITING: usize = 32;

/// Receives the signals from now on. Must be called within a runtime.
pub(super) fn receive() -> io::Result<mpsc::Receiver<Signal>> {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let ignored = ignored();
    for kind in SIGNALS {
        // What was started to ignore a signal, as `nohup` does, goes on to, and so does the command.
        if ignored & (1 << (kind.as_raw() - 1)) != 0 {
            continue;
        }
        let mut signals = signal(SignalKind::from_raw(kind.as_raw()))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let _ = sender.try_send(kind);
            }
        });
    }
    Ok(receiver)
}

/// The signals that this process ignores, as bits; none where the system does not say.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// A signal as people write it: `SIGTERM`.
pub(super) fn name(number: i32) -> String {
    match Signal::from_named_raw(number) {
        Some(signal) => format!("{signal:?}").replace("Signal::", "SIG").replace('"', ""),
        None => format!("signal {number}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn signals_have_their_usual_names() {
        assert_eq!(super::name(15), "SIGTERM");
        assert_eq!(super::name(9), "SIGKILL");
        assert_eq!(super::name(64), "signal 64");
    }
}
