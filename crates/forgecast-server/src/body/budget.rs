//! What all bodies together may take of the memory, until their readers let go of them. Nobody who holds a part of it may
//! wait for more in a way that two could wait for each other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::Error;

/// The unit in which room is given: the memory that the smallest body takes, more or less.
pub(super) const GRAIN_BYTES: usize = 4 * 1024;
/// So much of each body is its first bytes; most bodies have no others.
pub(super) const FIRST_BYTES: usize = 64 * 1024;
/// The room for the first bytes of all bodies, which they have for themselves: long ones keep no short ones out.
pub(super) const FIRST_ROOM_BYTES: usize = 8 * 1024 * 1024;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct MemoryBudget {
    first: Arc<Semaphore>,
    /// For what follows the first bytes, while there is any.
    rest: Arc<Semaphore>,
    /// Then one body at a time has room for all of it, so that it always comes to its end.
    turn: Arc<Semaphore>,
}

impl MemoryBudget {
    /// So many bytes behind the first ones of each body, for bodies that are no longer than `longest`.
    pub(crate) fn new(bytes: usize, longest: usize) -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(grains(bytes).min(Semaphore::MAX_PERMITS)));
        Self {
            first: room(FIRST_ROOM_BYTES),
            rest: room(bytes.saturating_sub(longest)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

fn grains(bytes: usize) -> usize {
    bytes.div_ceil(GRAIN_BYTES)
}

/// The room that one body takes.
#[derive(Debug)]
pub(super) struct MemoryPermit {
    room: MemoryBudget,
    /// How long it may wait for its turn.
    patience: Duration,
    first: Option<OwnedSemaphorePermit>,
    rest: Option<OwnedSemaphorePermit>,
    turn: Option<OwnedSemaphorePermit>,
}

impl MemoryPermit {
    /// Nothing yet.
    pub(super) fn new(room: MemoryBudget, patience: Duration) -> Self {
        Self {
            room,
            patience,
            first: None,
            rest: None,
            turn: None,
        }
    }

    /// Takes what is missing for so many bytes.
    pub(super) async fn grow(&mut self, length: usize) -> Result<(), Error> {
        if self.turn.is_some() {
            return Ok(());
        }
        let first = length.min(FIRST_BYTES);
        if !take(&mut self.first, &self.room.first, first) {
            return Err(Error::NoRoom);
        }
        if !take(&mut self.rest, &self.room.rest, length - first) {
            let turn = timeout(self.patience, Arc::clone(&self.room.turn).acquire_owned());
            let turn = turn.await.map_err(|_| Error::NoRoom)?;
            self.turn = Some(turn.map_err(|_| Error::NoRoom)?);
        }
        Ok(())
    }
}

/// Whether there was what is missing; never waits.
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
