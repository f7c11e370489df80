//! Limits connections, in total and per address. A permit is held as long as its connection is open, also when the connection
//! became a WebSocket, which outlives the HTTP request. Where an address has as many connections as it may have, a new one
//! takes the place of the oldest that has not sent the head of a request yet: whoever holds those keeps nobody out who is
//! behind the same address.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::{TaskTracker, TaskTrackerToken};

/// Counts open connections.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    by_address: Arc<Mutex<HashMap<IpAddr, FromAddress>>>,
    in_all: usize,
    per_address: usize,
    open: TaskTracker,
}

/// The connections from one address.
#[derive(Debug, Default)]
struct FromAddress {
    open: usize,
    /// Those that have sent no complete head yet, the oldest first.
    without_head: BTreeMap<u64, CancellationToken>,
    next_number: u64,
}

/// The right to one connection, returned when the last clone is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    connections: Connections,
    /// Absent for the connection of a proxy, which is not limited by its address.
    address: Option<IpAddr>,
    /// Until the head of a request has come: its number, and what is cancelled when another connection takes the place. Gone
    /// afterwards, since viewers hold permits for hours.
    without_head: Mutex<Option<(u64, CancellationToken)>>,
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
        let mut by_address = self.by_address();
        if self.open.len() >= self.in_all {
            return None;
        }
        let from_there = by_address.entry(address).or_default();
        if from_there.open >= self.per_address {
            let (_, oldest) = from_there.without_head.pop_first()?;
            oldest.cancel();
        }
        from_there.open += 1;
        from_there.next_number += 1;
        let (number, replaced) = (from_there.next_number, CancellationToken::new());
        from_there.without_head.insert(number, replaced.clone());
        Some(self.permit(Some(address), Some((number, replaced)), None))
    }

    /// A permit for a connection of a proxy, on behalf of whoever asks it: only the limit of all connections counts.
    pub(crate) fn acquire_for_proxy(&self) -> Option<Arc<ConnectionPermit>> {
        (self.open.len() < self.in_all).then(|| self.permit(None, None, None))
    }

    /// A permit for what comes from `address` through the connection of a proxy, which is held with it.
    pub(crate) fn acquire_through(
        &self,
        proxy: Arc<ConnectionPermit>,
        address: IpAddr,
    ) -> Option<Arc<ConnectionPermit>> {
        let mut by_address = self.by_address();
        let from_there = by_address.entry(address).or_default();
        if from_there.open >= self.per_address {
            return None;
        }
        from_there.open += 1;
        Some(self.permit(Some(address), None, Some(proxy)))
    }

    fn permit(
        &self,
        address: Option<IpAddr>,
        without_head: Option<(u64, CancellationToken)>,
        through: Option<Arc<ConnectionPermit>>,
    ) -> Arc<ConnectionPermit> {
        Arc::new(ConnectionPermit {
            connections: self.clone(),
            address,
            without_head: Mutex::new(without_head),
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

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, FromAddress>> {
        // Nothing in here panics half way.
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// The head of a request has come: nobody takes the place of this connection any more.
    pub(crate) fn head_came(&self) {
        let waited = self.without_head().take();
        if let (Some(address), Some((number, _))) = (&self.address, waited)
            && let Some(from_there) = self.connections.by_address().get_mut(address)
        {
            from_there.without_head.remove(&number);
        }
    }

    /// Resolves when another connection takes the place of this one, which has sent no head yet.
    pub(crate) async fn replaced(&self) {
        let replaced = self.without_head().as_ref().map(|(_, replaced)| replaced.clone());
        match replaced {
            Some(replaced) => replaced.cancelled().await,
            None => std::future::pending().await,
        }
    }

    fn without_head(&self) -> MutexGuard<'_, Option<(u64, CancellationToken)>> {
        self.without_head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(address) = &self.address else {
            return;
        };
        let mut by_address = self.connections.by_address();
        if let Some(from_there) = by_address.get_mut(address) {
            from_there.open -= 1;
            if let Some((number, _)) = self.without_head().take() {
                from_there.without_head.remove(&number);
            }
            if from_there.open == 0 {
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
        held.iter().for_each(|permit| permit.head_came());
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

    #[test]
    fn a_new_connection_takes_the_place_of_the_oldest_without_a_head_and_of_no_other() {
        let connections = Connections::new(10, 2);
        let is_replaced = |permit: &ConnectionPermit| {
            let without_head = permit.without_head();
            without_head
                .as_ref()
                .is_some_and(|(_, replaced)| replaced.is_cancelled())
        };
        let working = connections.acquire(HERE).unwrap();
        working.head_came();
        let silent = connections.acquire(HERE).unwrap();
        let next = connections.acquire(HERE).unwrap();
        assert!(is_replaced(&silent) && !is_replaced(&working) && !is_replaced(&next));
        drop(silent);
        next.head_came();
        assert!(connections.acquire(HERE).is_none());
        drop((working, next));
        assert!(connections.by_address().is_empty());
    }
}
