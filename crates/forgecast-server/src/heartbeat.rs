//! The heartbeat of all viewers: thousands of them share one timer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forgecast_hub::{Listener, Notifier};
use forgecast_protocol::{Clock, Timestamp};

/// Wakes every viewer at each heartbeat, and when the server stops.
#[derive(Debug)]
pub(crate) struct HeartbeatClock {
    notifier: Arc<Notifier>,
    /// When the last heartbeat was. Held while viewers are woken, so that nobody begins to listen between a heartbeat's time
    /// and its signal: the first heartbeat that a listener gets would be older than the listener.
    last: Mutex<Timestamp>,
}

impl HeartbeatClock {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            notifier: Arc::default(),
            last: Mutex::new(now),
        }
    }

    /// Listens to every heartbeat from now on, and to the stop.
    pub(crate) fn listen(&self) -> Listener {
        let _no_beat = self.lock();
        self.notifier.listen()
    }

    /// When the last heartbeat was.
    pub(crate) fn last(&self) -> Timestamp {
        *self.lock()
    }

    /// Sends a heartbeat.
    pub(crate) fn beat(&self, clock: &Clock) {
        let mut last = self.lock();
        *last = clock.now();
        self.notifier.notify_all();
    }

    /// Wakes all listeners without a heartbeat, so that they see that the server stops.
    pub(crate) fn wake_all(&self) {
        self.notifier.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        // A time is written in one step: a panic elsewhere cannot leave half of one.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
