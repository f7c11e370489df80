//! What the server itself counts, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::websocket::CloseReason;

/// What the server itself counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Viewers that do not take what is sent to them at the moment.
    pub(crate) behind: AtomicU64,
    pub(crate) slow: AtomicU64,
    pub(crate) idle: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) requests_refused: AtomicU64,
    pub(crate) telemetry_rejected: AtomicU64,
    pub(crate) telemetry_ignored: AtomicU64,
}

impl Counts {
    /// The guard refused a request.
    pub(crate) fn refused_request(&self) {
        self.requests_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Records of telemetry that became nothing: they could not be taken, or say nothing of interest.
    pub(crate) fn telemetry(&self, rejected: u64, ignored: u64) {
        self.telemetry_rejected.fetch_add(rejected, Ordering::Relaxed);
        self.telemetry_ignored.fetch_add(ignored, Ordering::Relaxed);
    }

    /// A WebSocket ended.
    pub(crate) fn closed(&self, reason: CloseReason) {
        let counter = match reason {
            CloseReason::Slow => &self.slow,
            CloseReason::Idle => &self.idle,
            CloseReason::Unauthorized
            | CloseReason::BadMessage
            | CloseReason::ProtocolError
            | CloseReason::InvalidText
            | CloseReason::MessageTooLong
            | CloseReason::TooManyTopics
            | CloseReason::TooManyViewers => &self.refused,
            CloseReason::Gone | CloseReason::Restarting => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// One more in a number of what is so at the moment, for as long as this lives.
pub(crate) struct GaugeGuard<'a>(&'a AtomicU64);

impl<'a> GaugeGuard<'a> {
    /// Counts one more.
    pub(crate) fn count(number: &'a AtomicU64) -> Self {
        number.fetch_add(1, Ordering::Relaxed);
        Self(number)
    }
}

impl Drop for GaugeGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
