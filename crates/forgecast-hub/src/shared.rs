//! What the handle and the hub's task share: the options, the store, the counters, and the state that both read under a
//! lock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use forgecast_protocol::{Clock, Epoch, SessionId};
use forgecast_store::Store;

use crate::counters::Tally;
use crate::error::{Error, PushError};
use crate::hard_budgets::HardBudgets;
use crate::limits::PlanLimits;
use crate::options::Options;
use crate::registry::Registry;
use crate::spending::Spending;
use crate::topic::StateTopic;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) epoch: Epoch,
    pub(crate) store: Store,
    pub(crate) index: Arc<StateTopic>,
    pub(crate) tally: Tally,
    pub(crate) viewers: Arc<AtomicUsize>,
    pub(crate) registry: RwLock<Registry>,
    pub(crate) spending: Mutex<Spending>,
    pub(crate) limits: Mutex<PlanLimits>,
    pub(crate) hard_budgets: Mutex<HardBudgets>,
    /// Ids of pushed events up to this number are durable.
    pub(crate) durable: AtomicU64,
}

impl Shared {
    pub(crate) fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn registry_mut(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spending(&self) -> MutexGuard<'_, Spending> {
        self.spending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn limits(&self) -> MutexGuard<'_, PlanLimits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hard_budgets(&self) -> MutexGuard<'_, HardBudgets> {
        self.hard_budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_durable(&self, newest_id: u64) {
        self.durable.fetch_max(newest_id, Ordering::AcqRel);
    }

    /// The answer to a push that cannot be accepted now.
    pub(crate) fn busy(&self) -> PushError {
        let health = self.store.health();
        if health.full {
            return PushError::Full;
        }
        PushError::Busy {
            backlog_bytes: health.backlog_bytes,
            limit_bytes: self.options.max_backlog_bytes,
        }
    }

    /// Removes a session and everything that is stored of it, after everything that is queued.
    pub(crate) async fn remove_from_store(&self, id: &SessionId) -> Result<(), Error> {
        let removed = self.store.forget(id).await;
        removed.map(drop).map_err(Error::store("forget a session"))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use forgecast_protocol::Timestamp;

    use super::*;
    use crate::rows::IndexRows;
    use crate::topic::{Content, RingLimits};

    /// What components share, on a temporary store and with a clock that stands still.
    pub(crate) async fn shared(options: Options) -> Arc<Shared> {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let opened = forgecast_store::open(forgecast_store::Options::default(), 1, now).await;
        let limits = RingLimits {
            patches: 8,
            bytes: 4096,
        };
        let rows = Content::Index(Arc::new(IndexRows::default()));
        Arc::new(Shared {
            registry: RwLock::new(Registry::new(options.max_sessions)),
            options,
            clock: Clock::new(move || now),
            epoch: Epoch::new(1),
            store: opened.unwrap().store,
            index: Arc::new(StateTopic::new("sessions", Epoch::new(1), limits, 1, rows, Vec::new())),
            tally: Tally::default(),
            viewers: Arc::default(),
            spending: Mutex::default(),
            limits: Mutex::default(),
            hard_budgets: Mutex::default(),
            durable: AtomicU64::new(0),
        })
    }
}
