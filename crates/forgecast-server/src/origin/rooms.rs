//! Who watches under which name, and what producers send them directly. Holds viewers, never a session: what is sent
//! through here is not kept for those who come later. A viewer that takes nothing is let go; the sender never waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use forgecast_protocol::{SessionName, SessionRef};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Messages that may wait for one viewer.
const WAITING: usize = 256;
/// Bytes that they may have together; one longer message alone may wait, too.
const WAITING_BYTES: usize = 4 * 1024 * 1024;

/// A message that waits for a viewer.
pub(crate) struct Message {
    /// A whole text frame; nothing when there is only something to look at.
    pub(crate) text: Option<Bytes>,
    _room: OwnedSemaphorePermit,
}

struct Guest {
    number: u64,
    /// The run, when it was named by its id.
    run: Option<u32>,
    queue: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Rooms {
    guests: Arc<Mutex<HashMap<SessionName, Vec<Guest>>>>,
    next: Arc<AtomicU64>,
}

/// A viewer's place; given up when it is dropped.
pub(crate) struct Place {
    rooms: Rooms,
    name: SessionName,
    number: u64,
    /// What was sent; it ends when the viewer did not keep up.
    pub(crate) messages: mpsc::Receiver<Message>,
}

impl Rooms {
    /// A place among those who watch this session, from now on.
    pub(crate) fn enter(&self, session: &SessionRef) -> Place {
        let (name, run) = parts(session);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (queue, messages) = mpsc::channel(WAITING);
        let guest = Guest {
            number,
            run,
            queue,
            room: Arc::new(Semaphore::new(WAITING_BYTES)),
        };
        self.guests().entry(name.clone()).or_default().push(guest);
        Place {
            rooms: self.clone(),
            name,
            number,
            messages,
        }
    }

    /// How many viewers there are, in all.
    pub(crate) fn viewers(&self) -> usize {
        self.guests().values().map(Vec::len).sum()
    }

    /// Sends to everybody who watches this session; says how many that were. `newest` is the run that the bare name means.
    pub(crate) fn send(&self, session: &SessionRef, newest: Option<u32>, text: Option<&Bytes>) -> usize {
        let (name, run) = parts(session);
        let run = run.or(newest);
        let mut guests = self.guests();
        let Some(here) = guests.get_mut(&name) else {
            return 0;
        };
        let mut sent = 0;
        here.retain(|guest| {
            let meant = guest.run.or(newest);
            if meant != run {
                return true;
            }
            let kept = guest.offer(text);
            sent += usize::from(kept);
            kept
        });
        sent
    }

    fn guests(&self) -> MutexGuard<'_, HashMap<SessionName, Vec<Guest>>> {
        // Guests come and go in one step each: a panic elsewhere cannot leave one half there.
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Whether there was room for it. Whoever has none left is let go: its queue ends.
    fn offer(&self, text: Option<&Bytes>) -> bool {
        let bytes = text.map_or(0, Bytes::len).clamp(1, WAITING_BYTES);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) else {
            return false;
        };
        let message = Message {
            text: text.cloned(),
            _room: room,
        };
        self.queue.try_send(message).is_ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut guests = self.rooms.guests();
        if let Some(here) = guests.get_mut(&self.name) {
            here.retain(|guest| guest.number != self.number);
            if here.is_empty() {
                guests.remove(&self.name);
            }
        }
    }
}

fn parts(session: &SessionRef) -> (SessionName, Option<u32>) {
    match session {
        SessionRef::Run(id) => (id.name().clone(), Some(id.run())),
        SessionRef::Newest(name) => (name.clone(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(text: &str) -> SessionRef {
        text.parse().unwrap()
    }

    #[test]
    fn everybody_who_means_the_session_gets_it_and_nobody_else() {
        let rooms = Rooms::default();
        let mut places: Vec<Place> = ["a", "a~1", "a~2", "b"].map(|text| rooms.enter(&session(text))).into();
        assert_eq!(rooms.viewers(), 4);
        assert_eq!(rooms.send(&session("a"), Some(2), Some(&Bytes::from_static(b"{}"))), 2);
        let got: Vec<bool> = places
            .iter_mut()
            .map(|place| place.messages.try_recv().is_ok())
            .collect();
        assert_eq!(got, [true, false, true, false]);
        drop(places);
        assert_eq!(rooms.viewers(), 0);
        assert!(rooms.guests().is_empty());
    }

    #[test]
    fn whoever_takes_nothing_is_let_go_by_number_and_by_bytes() {
        for (bytes, most) in [(10, WAITING), (1024 * 1024, 4), (40 * 1024 * 1024, 1)] {
            let rooms = Rooms::default();
            let mut place = rooms.enter(&session("a"));
            let text = Bytes::from(vec![b'x'; bytes]);
            for _ in 0..most {
                assert_eq!(rooms.send(&session("a"), None, Some(&text)), 1);
            }
            assert_eq!(rooms.send(&session("a"), None, Some(&text)), 0);
            for _ in 0..most {
                assert!(place.messages.try_recv().is_ok());
            }
            assert_eq!(
                place.messages.try_recv().err(),
                Some(mpsc::error::TryRecvError::Disconnected)
            );
        }
    }
}
