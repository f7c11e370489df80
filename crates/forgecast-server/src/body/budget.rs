//! The memory that all request bodies may take together until they are dropped. A body that holds a part of it never waits
//! for more in a way that two bodies could wait for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::counts::GaugeGuard;
use crate::error::Error;

/// The unit of permits: about the memory that the smallest body takes.
pub(super) const GRAIN_BYTES: usize = 4 * 1024;
/// The first bytes of a body; most bodies are not longer.
pub(super) const FIRST_BYTES: usize = 64 * 1024;
/// Memory for the first bytes of all bodies. It is separate, so that long bodies keep no short ones out.
pub(super) const FIRST_ROOM_BYTES: usize = 8 * 1024 * 1024;

/// So long a body may be the one that takes all it needs while others wait for that: a slow one must not keep them out.
const TURN: Duration = Duration::from_secs(10);

/// The budget, shared by all bodies.
#[derive(Clone, Debug)]
pub(crate) struct MemoryBudget {
    first: Arc<Semaphore>,
    /// For what follows the first bytes, as long as it lasts.
    rest: Arc<Semaphore>,
    /// Beyond that, one body at a time may take all that it needs, so that it always completes, unless it is slow and others
    /// wait.
    turn: Arc<Semaphore>,
    /// How many wait for that.
    waiting: Arc<AtomicU64>,
}

impl MemoryBudget {
    /// A budget of so many bytes besides the first ones of each body; no body is longer than `longest`.
    pub(crate) fn new(bytes: usize, longest: usize) -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(grains(bytes).min(Semaphore::MAX_PERMITS)));
        Self {
            first: room(FIRST_ROOM_BYTES),
            rest: room(bytes.saturating_sub(longest)),
            turn: Arc::new(Semaphore::new(1)),
            waiting: Arc::default(),
        }
    }
}

fn grains(bytes: usize) -> usize {
    bytes.div_ceil(GRAIN_BYTES)
}

/// The memory that one body holds.
#[derive(Debug)]
pub(super) struct MemoryPermit {
    room: MemoryBudget,
    /// How long it may wait to be the one that takes all it needs.
    patience: Duration,
    first: Option<OwnedSemaphorePermit>,
    rest: Option<OwnedSemaphorePermit>,
    /// With when it was got.
    turn: Option<(OwnedSemaphorePermit, Instant)>,
}

impl MemoryPermit {
    /// A permit for no bytes yet.
    pub(super) fn new(room: MemoryBudget, patience: Duration) -> Self {
        Self {
            room,
            patience,
            first: None,
            rest: None,
            turn: None,
        }
    }

    /// Extends the permit to so many bytes.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub(super) async fn grow(&mut self, length: usize) -> Result<(), Error> {
        if let Some((_, since)) = &self.turn {
            let is_in_the_way = since.elapsed() > TURN && self.room.waiting.load(Ordering::Relaxed) > 0;
            return if is_in_the_way { Err(Error::NoRoom) } else { Ok(()) };
        }
        let first = length.min(FIRST_BYTES);
        if !take(&mut self.first, &self.room.first, first) {
            return Err(Error::NoRoom);
        }
        if !take(&mut self.rest, &self.room.rest, length - first) {
            let turn = timeout(self.patience, Arc::clone(&self.room.turn).acquire_owned());
            let waits = GaugeGuard::count(&self.room.waiting);
            let turn = turn.await.map_err(|_| Error::NoRoom)?;
            drop(waits);
            self.turn = Some((turn.map_err(|_| Error::NoRoom)?, Instant::now()));
        }
        Ok(())
    }
}

/// Extends a permit without waiting; `false` when there is not enough.
fn take(taken: &mut Option<OwnedSemaphorePermit>, room: &Arc<Semaphore>, bytes: usize) -> bool {
    let held = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let missing = u32::try_from(grains(bytes).saturating_sub(held));
    let more = match missing {
        Ok(0) => return true,
        Ok(missing) => Arc::clone(room).try_acquire_many_owned(missing).ok(),
        Err(_) => None,
    };
    match (taken, more) {
        (_, None) => return false,
        (Some(taken), Some(more)) => taken.merge(more),
        (taken @ None, more) => *taken = more,
    }
    true
}
