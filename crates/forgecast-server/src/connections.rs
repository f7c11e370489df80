//! Limits connections, in total and per address. A permit is held as long as its connection is open, also when the connection
//! became a WebSocket, which outlives the HTTP request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::task::task_tracker::{TaskTracker, TaskTrackerToken};

/// Counts open connections.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    in_all: usize,
    per_address: usize,
    open: TaskTracker,
}

/// The right to one connection, returned when the last clone is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    connections: Connections,
    /// Absent for the connection of a proxy, which is not limited by its address.
    address: Option<IpAddr>,
    _open: TaskTrackerToken,
    /// The connection of the proxy through which this one came.
    _through: Option<Arc<ConnectionPermit>>,
}

impl Connections {
    /// Limits for all connections and for those from one address.
    pub(crate) fn new(in_all: usize, per_address: usize) -> Self {
        Self {
            by_address: Arc::default(),
            in_all,
            per_address,
            open: TaskTracker::new(),
        }
    }

    /// A permit for a connection from `address`; `None` when a limit is reached.
    pub(crate) fn acquire(&self, address: IpAddr) -> Option<Arc<ConnectionPermit>> {
        self.acquire_through(None, address)
    }

    /// A permit for a connection of a proxy, on behalf of whoever asks it: only the limit of all connections counts.
    pub(crate) fn acquire_for_proxy(&self) -> Option<Arc<ConnectionPermit>> {
        (self.open.len() < self.in_all).then(|| self.permit(None, None))
    }

    /// A permit for what comes from `address` through the connection of a proxy, which is held with it.
    pub(crate) fn acquire_through(
        &self,
        proxy: Option<Arc<ConnectionPermit>>,
        address: IpAddr,
    ) -> Option<Arc<ConnectionPermit>> {
        let mut by_address = self.by_address();
        if self.open.len() >= self.in_all {
            return None;
        }
        let from_there = by_address.entry(address).or_default();
        if *from_there >= self.per_address {
            return None;
        }
        *from_there += 1;
        Some(self.permit(Some(address), proxy))
    }

    fn permit(&self, address: Option<IpAddr>, through: Option<Arc<ConnectionPermit>>) -> Arc<ConnectionPermit> {
        Arc::new(ConnectionPermit {
            connections: self.clone(),
            address,
            _open: self.open.token(),
            _through: through,
        })
    }

    /// How many connections are open.
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// Returns when every permit was returned.
    pub(crate) async fn all_closed(&self) {
        self.open.close();
        self.open.wait().await;
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A number is changed in one step: a panic elsewhere cannot leave it half changed.
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(address) = &self.address else {
            return;
        };
        let mut by_address = self.connections.by_address();
        if let Some(from_there) = by_address.get_mut(address) {
            *from_there -= 1;
            if *from_there == 0 {
                by_address.remove(address);
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
        drop(other);
        let proxy = connections.acquire_for_proxy();
        assert!(proxy.is_some(), "its address is no limit");
        assert!(connections.acquire_for_proxy().is_none(), "all of them are");
        drop((held, proxy));
        assert_eq!(connections.count(), 0);
        assert!(connections.by_address().is_empty());
    }
}
