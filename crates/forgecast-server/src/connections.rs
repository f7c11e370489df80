//! Limits connections, in total and per address. A permit is held as long as its connection is open, also when the connection
//! became a WebSocket, which outlives the HTTP request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::task::task_tracker::{TaskTracker, TaskTrackerToken};

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts open connections.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    counts: Arc<Mutex<Counts>>,
    in_all: usize,
    per_address: usize,
    open: TaskTracker,
}

/// The right to one connection, returned when the last clone is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    connections: Connections,
    address: IpAddr,
    _open: TaskTrackerToken,
}

impl Connections {
    /// Limits for all connections and for those from one address.
    pub(crate) fn new(in_all: usize, per_address: usize) -> Self {
        Self {
            counts: Arc::default(),
            in_all,
            per_address,
            open: TaskTracker::new(),
        }
    }

    /// A permit for a connection from `address`; `None` when a limit is reached.
    pub(crate) fn acquire(&self, address: IpAddr) -> Option<Arc<ConnectionPermit>> {
        let mut counts = self.counts();
        if counts.all >= self.in_all {
            return None;
        }
        let from_there = counts.by_address.entry(address).or_default();
        if *from_there >= self.per_address {
            return None;
        }
        *from_there += 1;
        counts.all += 1;
        Some(Arc::new(ConnectionPermit {
            connections: self.clone(),
            address,
            _open: self.open.token(),
        }))
    }

    /// How many connections are open.
    pub(crate) fn count(&self) -> usize {
        self.counts().all
    }

    /// Returns when every permit was returned.
    pub(crate) async fn all_closed(&self) {
        self.open.close();
        self.open.wait().await;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Two numbers that are always changed together: a panic elsewhere cannot leave them half changed.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.connections.counts();
        counts.all = counts.all.saturating_sub(1);
        if let Some(from_there) = counts.by_address.get_mut(&self.address) {
            *from_there -= 1;
            if *from_there == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

    #[test]
    fn places_are_limited_per_address_and_in_all() {
        let connections = Connections::new(3, 2);
        let held: Vec<_> = (0..2).filter_map(|_| connections.acquire(HERE)).collect();
        assert!(connections.acquire(HERE).is_none());
        let other = connections.acquire(THERE);
        assert!(other.is_some());
        assert!(connections.acquire(THERE).is_none());
        drop((held, other));
        assert_eq!(connections.count(), 0);
        assert!(connections.counts().by_address.is_empty());
    }
}
