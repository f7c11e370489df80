//! Hooks that were acknowledged and are not decoded yet, bounded in number and bytes, and the task that decodes them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forgecast_decode::agents::Hooks;
use forgecast_decode::clean::Cleaner;
use forgecast_protocol::event::BudgetDenied;
use forgecast_protocol::{Clock, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

mod reader;

pub(crate) use self::reader::HookReader;

/// A body that was acknowledged and is not decoded yet.
#[derive(Debug)]
struct QueuedHook {
    hooks: &'static Hooks,
    body: Vec<u8>,
    at: Timestamp,
    /// The budget that it was refused for.
    denied: Option<BudgetDenied>,
    _room: OwnedSemaphorePermit,
}

/// Where the bodies have gone: received = read + unreadable + dropped + waiting, at every moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HookCounts {
    /// Decoded; their facts are counted by the hub.
    pub(crate) read: u64,
    /// Could not be decoded.
    pub(crate) unreadable: u64,
    /// Dropped because the queue was full.
    pub(crate) dropped: u64,
    /// Acknowledged and not decoded yet.
    pub(crate) waiting: u64,
}

impl HookCounts {
    /// All of them.
    pub(crate) fn received(&self) -> u64 {
        self.read + self.unreadable + self.dropped + self.waiting
    }
}

/// The sending end. When it is full the newest bodies are dropped: the oldest say how a session began.
#[derive(Debug)]
pub(crate) struct HookQueue {
    queue: mpsc::Sender<QueuedHook>,
    most: u64,
    room: Arc<Semaphore>,
    counts: Arc<Mutex<HookCounts>>,
}

impl HookQueue {
    /// A queue for at most so many bodies of at most so many bytes together, and the task that empties it.
    pub(crate) fn new(bodies: usize, bytes: usize, cleaner: Arc<Cleaner>, clock: Clock) -> (Self, HookReader) {
        let bodies = bodies.max(1);
        let (sender, queue) = mpsc::channel(bodies);
        let counts = Arc::<Mutex<HookCounts>>::default();
        let hooks = Self {
            queue: sender,
            most: bodies as u64,
            room: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            counts: Arc::clone(&counts),
        };
        let reader = HookReader {
            queue,
            counts,
            cleaner,
            clock,
            failure: None,
        };
        (hooks, reader)
    }

    /// Queues a body of an agent's hook, with the budget that it is to be refused for, or drops it when the queue is full;
    /// never waits. Whether it was queued.
    pub(crate) fn offer(
        &self,
        hooks: &'static Hooks,
        body: Vec<u8>,
        at: Timestamp,
        denied: Option<BudgetDenied>,
    ) -> bool {
        let bytes = u32::try_from(body.len()).ok();
        let room = bytes.and_then(|bytes| Arc::clone(&self.room).try_acquire_many_owned(bytes).ok());
        // Held until it is counted, so that it is not counted out before it is counted in. Those that are being decoded
        // are counted, too, so there is always a place in the queue for one of the others.
        let mut counts = self.count();
        let room = room.filter(|_| counts.waiting < self.most);
        let queued = room.is_some_and(|_room| {
            let hook = QueuedHook {
                hooks,
                body,
                at,
                denied,
                _room,
            };
            self.queue.try_send(hook).is_ok()
        });
        if queued {
            counts.waiting += 1;
        } else {
            counts.dropped += 1;
        }
        queued
    }

    /// The counts.
    pub(crate) fn count(&self) -> MutexGuard<'_, HookCounts> {
        locked(&self.counts)
    }
}

fn locked(counts: &Mutex<HookCounts>) -> MutexGuard<'_, HookCounts> {
    // Numbers that are right after every statement: a panic elsewhere cannot leave them half changed.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
