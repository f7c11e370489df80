//! Which viewers watch which session, and what producers send them directly. It holds viewers, never a session: what is
//! sent through here is not kept for viewers who come later. A viewer that does not read is let go; the sender never waits.

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
#[derive(Debug)]
pub(crate) struct RoomMessage {
    /// A whole text frame; `None` when the viewer only has to look for changes.
    pub(crate) text: Option<Bytes>,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Member {
    number: u64,
    /// The run, when it was named by its id.
    run: Option<u32>,
    queue: mpsc::Sender<RoomMessage>,
    room: Arc<Semaphore>,
}

/// The viewers of all sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct BroadcastRooms {
    members: Arc<Mutex<HashMap<SessionName, Vec<Member>>>>,
    next: Arc<AtomicU64>,
}

/// A viewer's membership, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Membership {
    rooms: BroadcastRooms,
    name: SessionName,
    number: u64,
    /// What was sent; the channel ends when the viewer did not keep up.
    pub(crate) messages: mpsc::Receiver<RoomMessage>,
}

impl BroadcastRooms {
    /// Joins the viewers of a session.
    pub(crate) fn join(&self, session: &SessionRef) -> Membership {
        let (name, run) = parts(session);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (queue, messages) = mpsc::channel(WAITING);
        let member = Member {
            number,
            run,
            queue,
            room: Arc::new(Semaphore::new(WAITING_BYTES)),
        };
        self.members().entry(name.clone()).or_default().push(member);
        Membership {
            rooms: self.clone(),
            name,
            number,
            messages,
        }
    }

    /// How many viewers there are of all sessions.
    pub(crate) fn viewer_count(&self) -> usize {
        self.members().values().map(Vec::len).sum()
    }

    /// Sends to the viewers of a session and gives their number. `newest` is the run that the bare name means.
    pub(crate) fn send(&self, session: &SessionRef, newest: Option<u32>, text: Option<&Bytes>) -> usize {
        let (name, run) = parts(session);
        let run = run.or(newest);
        let mut members = self.members();
        let Some(here) = members.get_mut(&name) else {
            return 0;
        };
        let mut sent = 0;
        here.retain(|member| {
            let meant = member.run.or(newest);
            if meant != run {
                return true;
            }
            let kept = member.offer(text);
            sent += usize::from(kept);
            kept
        });
        sent
    }

    fn members(&self) -> MutexGuard<'_, HashMap<SessionName, Vec<Member>>> {
        // Members come and go in one step each: a panic elsewhere cannot leave one half there.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Queues a message; `false` when there is no room for it, and then the viewer is let go.
    fn offer(&self, text: Option<&Bytes>) -> bool {
        let bytes = text.map_or(0, Bytes::len).clamp(1, WAITING_BYTES);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) else {
            return false;
        };
        let message = RoomMessage {
            text: text.cloned(),
            _room: room,
        };
        self.queue.try_send(message).is_ok()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut members = self.rooms.members();
        if let Some(here) = members.get_mut(&self.name) {
            here.retain(|member| member.number != self.number);
            if here.is_empty() {
                members.remove(&self.name);
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
        let rooms = BroadcastRooms::default();
        let mut places: Vec<Membership> = ["a", "a~1", "a~2", "b"].map(|text| rooms.join(&session(text))).into();
        assert_eq!(rooms.viewer_count(), 4);
        assert_eq!(rooms.send(&session("a"), Some(2), Some(&Bytes::from_static(b"{}"))), 2);
        let got: Vec<bool> = places
            .iter_mut()
            .map(|place| place.messages.try_recv().is_ok())
            .collect();
        assert_eq!(got, [true, false, true, false]);
        drop(places);
        assert_eq!(rooms.viewer_count(), 0);
        assert!(rooms.members().is_empty());
    }

    #[test]
    fn whoever_takes_nothing_is_let_go_by_number_and_by_bytes() {
        for (bytes, most) in [(10, WAITING), (1024 * 1024, 4), (40 * 1024 * 1024, 1)] {
            let rooms = BroadcastRooms::default();
            let mut place = rooms.join(&session("a"));
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
