//! Hooks of coding agents. The agent stands still until it is answered, so a hook is answered as soon as its body is
//! here: before it is decoded, before the hub, before any disk. What happens to it behind that may never show in the
//! answer, and the answer never has a body: the agent would read it as a command.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use forgecast_protocol::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::error::Error;
use crate::state::AppState;

mod reader;

pub(crate) use self::reader::Reader;

/// `POST /api/v1/hooks/claude`: 204, whatever becomes of it. Only what is no body of a hook by its size or its pace gets
/// another status.
pub(crate) async fn claude(State(shared): State<Arc<AppState>>, request: Request) -> StatusCode {
    match shared.bodies.read_at_once(request).await {
        Ok(body) => shared.hooks.offer(body.into_bytes(), shared.clock.now()),
        // Not the agent's trouble: it can do nothing about it.
        Err(Error::NoRoom) => shared.hooks.count().dropped += 1,
        Err(error) => return error.status(),
    }
    StatusCode::NO_CONTENT
}

/// A body that was acknowledged and is not decoded yet.
#[derive(Debug)]
struct Waiting {
    body: Vec<u8>,
    at: Timestamp,
    _room: OwnedSemaphorePermit,
}

/// Where the bodies have gone: received = read + unreadable + dropped + waiting, at every moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HookCounts {
    /// Decoded; their facts are counted by the hub.
    pub(crate) read: u64,
    /// Could not be decoded.
    pub(crate) unreadable: u64,
    /// Not kept, because too many waited.
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

/// The bodies that wait, bounded in number and in bytes; the newest are dropped when there are too many, for the oldest
/// say how it began.
#[derive(Debug)]
pub(crate) struct Hooks {
    queue: mpsc::Sender<Waiting>,
    most: u64,
    room: Arc<Semaphore>,
    counts: Arc<Mutex<HookCounts>>,
}

impl Hooks {
    /// A queue for so many bodies with so many bytes, and its other end.
    pub(crate) fn new(bodies: usize, bytes: usize) -> (Self, Queue) {
        let bodies = bodies.max(1);
        let (sender, receiver) = mpsc::channel(bodies);
        let counts = Arc::<Mutex<HookCounts>>::default();
        let hooks = Self {
            queue: sender,
            most: bodies as u64,
            room: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            counts: Arc::clone(&counts),
        };
        (hooks, Queue { receiver, counts })
    }

    /// Takes a body, or drops it; never waits.
    fn offer(&self, body: Vec<u8>, at: Timestamp) {
        let bytes = u32::try_from(body.len()).ok();
        let room = bytes.and_then(|bytes| Arc::clone(&self.room).try_acquire_many_owned(bytes).ok());
        // Held until it is counted, so that it is not counted out before it is counted in. Those that are being decoded
        // are counted, too, so there is always a place in the queue for one of the others.
        let mut counts = self.count();
        let room = room.filter(|_| counts.waiting < self.most);
        let taken = room.is_some_and(|_room| self.queue.try_send(Waiting { body, at, _room }).is_ok());
        if taken {
            counts.waiting += 1;
        } else {
            counts.dropped += 1;
        }
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

/// The end of the queue that is read.
#[derive(Debug)]
pub(crate) struct Queue {
    receiver: mpsc::Receiver<Waiting>,
    counts: Arc<Mutex<HookCounts>>,
}
