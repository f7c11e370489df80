//! The published state of one topic: the newest revision, the patches that led to it and, made on demand, its snapshot.
//! One writer publishes; any number of viewers hold a cursor and look up what is new to them. Nothing here waits for a
//! viewer and nothing grows with their number.

mod rendered;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use forgecast_protocol::{Epoch, Revision};
use serde_json::Value;

use crate::bell::{Bell, Listener};
use crate::frame::{self, Frame, FrameKind, Position};

pub(crate) use rendered::{Content, Rendered};

/// Below this many bytes retained patches are sent without asking whether a snapshot would be smaller.
const SMALL: usize = 4096;
/// Producers' own events that are kept for viewers that are a little behind.
const EVENTS: usize = 64;

/// A patch that is kept for viewers that come back.
#[derive(Clone)]
pub(crate) struct Kept {
    /// The revision that it applies to.
    pub(crate) from: Revision,
    /// The revision that it leads to.
    pub(crate) revision: Revision,
    /// The `patch` message.
    pub(crate) frame: Bytes,
}

struct KeptEvent {
    number: u64,
    /// The newest revision when it came: the event goes out behind that one.
    after: Revision,
    frame: Bytes,
}

struct State {
    head: Revision,
    content: Content,
    ring: VecDeque<Kept>,
    ring_bytes: usize,
    rendered: Option<Arc<Rendered>>,
    events: VecDeque<KeptEvent>,
    next_event: u64,
    end: Option<End>,
}

/// Why a topic gives nothing more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its session was removed.
    Removed,
    /// The hub stops.
    Stopped,
}

/// How much a topic keeps for viewers that come back.
#[derive(Clone, Copy)]
pub(crate) struct RingLimits {
    /// Patches.
    pub(crate) patches: usize,
    /// Bytes of them.
    pub(crate) bytes: usize,
}

/// See the module.
pub(crate) struct StateTopic {
    name: Arc<str>,
    epoch: Epoch,
    limits: RingLimits,
    state: Mutex<State>,
    changed: Arc<Bell>,
    /// Subscriptions at the moment.
    pub(crate) viewers: Arc<AtomicUsize>,
}

/// What one viewer has: nothing at first, then a position and the number of the next event.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cursor {
    /// What the viewer holds of the state.
    pub(crate) position: Option<Position>,
    next_event: u64,
    said_end: bool,
}

impl StateTopic {
    /// A topic whose newest revision is `head`, with the patches that lead there.
    pub(crate) fn new(
        name: &str,
        epoch: Epoch,
        limits: RingLimits,
        head: Revision,
        content: Content,
        kept: Vec<Kept>,
    ) -> Self {
        let mut state = State {
            head,
            content,
            ring: VecDeque::new(),
            ring_bytes: 0,
            rendered: None,
            events: VecDeque::new(),
            next_event: 0,
            end: None,
        };
        for patch in kept {
            state.keep(patch, limits);
        }
        Self {
            name: name.into(),
            epoch,
            limits,
            state: Mutex::new(state),
            changed: Arc::default(),
            viewers: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves the state as it was before or after a publication; both are valid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The canonical name, `session/a~1`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The epoch of its revisions.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether somebody follows it.
    pub(crate) fn is_watched(&self) -> bool {
        self.viewers.load(Ordering::Acquire) > 0
    }

    /// Hears whenever there may be something new.
    pub(crate) fn wakes(&self) -> Listener {
        self.changed.listen()
    }

    /// The newest state of a session.
    pub(crate) fn view(&self) -> Option<Arc<Value>> {
        match &self.state().content {
            Content::View(view) => Some(view.clone()),
            Content::Index(_) => None,
        }
    }

    /// Publishes the first revision, which no patch leads to.
    pub(crate) fn begin(&self, revision: Revision, content: Content) {
        let mut state = self.state();
        state.rendered = None;
        state.content = content;
        state.head = revision;
        drop(state);
        self.changed.ring();
    }

    /// Publishes the next revision: `change` brings the content there, `patch` brings a viewer there.
    pub(crate) fn publish(&self, revision: Revision, patch: &Value, change: impl FnOnce(&mut Content)) {
        // Only the hub's task publishes, so the head cannot move between the two locks; the patch is written outside.
        let from = self.state().head;
        let frame = frame::patch(&self.name, self.epoch, from, revision, patch);
        let mut state = self.state();
        state.rendered = None;
        change(&mut state.content);
        state.head = revision;
        state.keep(Kept { from, revision, frame }, self.limits);
        drop(state);
        self.changed.ring();
    }

    /// Passes a producer's own event on.
    pub(crate) fn publish_event(&self, event: &Value) {
        if !self.is_watched() {
            return;
        }
        let frame = frame::event(&self.name, event);
        let mut state = self.state();
        let (number, after) = (state.next_event, state.head);
        state.next_event += 1;
        state.events.push_back(KeptEvent { number, after, frame });
        if state.events.len() > EVENTS {
            state.events.pop_front();
        }
        drop(state);
        self.changed.ring();
    }

    /// Ends the topic.
    pub(crate) fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.changed.ring();
    }

    /// The newest revision as bytes; made once per revision.
    pub(crate) fn rendered(&self) -> Arc<Rendered> {
        self.state().rendered(&self.name, self.epoch)
    }

    /// The digest of the state at `position`, if that is the newest.
    pub(crate) fn digest_at(&self, position: Position) -> Option<String> {
        let rendered = self.rendered();
        (rendered.position() == position).then(|| rendered.digest().to_owned())
    }

    /// A cursor for a viewer that holds `position` (or nothing).
    pub(crate) fn cursor(&self, position: Option<Position>) -> Cursor {
        Cursor {
            position,
            next_event: self.state().next_event,
            said_end: false,
        }
    }

    /// What is new to a viewer, in order, moving its cursor; and whether the topic ended. What is handed out and the
    /// place from which the viewer goes on come from one step under the lock: there is neither gap nor overlap.
    pub(crate) fn take(&self, cursor: &mut Cursor, out: &mut Vec<Frame>) -> bool {
        let mut state = self.state();
        let retained = state.retained_bytes(cursor.position, self.epoch);
        if retained.is_none_or(|bytes| bytes > SMALL) {
            let rendered = state.rendered(&self.name, self.epoch);
            drop(state);
            // Serialised without the lock, once per revision: the publisher does not wait for it.
            let size = rendered.snapshot().len();
            if retained.is_none_or(|bytes| bytes > size) {
                out.push(Frame {
                    json: rendered.snapshot().clone(),
                    position: Some(rendered.position()),
                    kind: FrameKind::Snapshot,
                });
                cursor.position = Some(rendered.position());
            }
            state = self.state();
        }
        // Also what was published while the snapshot was written. Should that have left the ring meanwhile, the viewer's
        // next turn resets it again.
        state.give(cursor, self.epoch, out);
        if state.end == Some(End::Removed) && !std::mem::replace(&mut cursor.said_end, true) {
            out.push(Frame {
                json: frame::removed(&self.name),
                position: None,
                kind: FrameKind::Removed,
            });
        }
        state.end.is_some()
    }
}

impl State {
    fn keep(&mut self, patch: Kept, limits: RingLimits) {
        if self.ring.back().is_some_and(|last| last.revision != patch.from) {
            // A hole in the ring would be a silent gap for whoever resumes across it.
            self.ring.clear();
            self.ring_bytes = 0;
        }
        self.ring_bytes += patch.frame.len();
        self.ring.push_back(patch);
        while self.ring.len() > limits.patches || self.ring_bytes > limits.bytes {
            let Some(oldest) = self.ring.pop_front() else {
                break;
            };
            self.ring_bytes -= oldest.frame.len();
        }
    }

    fn rendered(&mut self, topic: &Arc<str>, epoch: Epoch) -> Arc<Rendered> {
        let (content, revision) = (&self.content, self.head);
        self.rendered
            .get_or_insert_with(|| Arc::new(Rendered::new(topic.clone(), epoch, revision, content.clone())))
            .clone()
    }

    /// The place in the ring from which a viewer at `position` goes on; nothing when it needs a snapshot.
    fn place(&self, position: Option<Position>, epoch: Epoch) -> Option<usize> {
        let held = position.filter(|position| position.epoch == epoch)?.revision;
        if held == self.head {
            return Some(self.ring.len());
        }
        self.ring
            .binary_search_by_key(&held, |kept| kept.from)
            .ok()
            .filter(|_| held != 0)
    }

    fn retained_bytes(&self, position: Option<Position>, epoch: Epoch) -> Option<usize> {
        let place = self.place(position, epoch)?;
        Some(self.ring.range(place..).map(|kept| kept.frame.len()).sum())
    }

    fn give(&self, cursor: &mut Cursor, epoch: Epoch, out: &mut Vec<Frame>) {
        let Some(place) = self.place(cursor.position, epoch) else {
            return;
        };
        let mut patches = self.ring.range(place..).peekable();
        let patch_frame = |kept: &Kept| Frame {
            json: kept.frame.clone(),
            position: Some(Position {
                epoch,
                revision: kept.revision,
            }),
            kind: FrameKind::Patch,
        };
        let first_new = self.events.partition_point(|event| event.number < cursor.next_event);
        for event in self.events.range(first_new..) {
            while let Some(kept) = patches.next_if(|kept| kept.revision <= event.after) {
                out.push(patch_frame(kept));
            }
            out.push(Frame {
                json: event.frame.clone(),
                position: None,
                kind: FrameKind::Event,
            });
        }
        out.extend(patches.map(patch_frame));
        cursor.next_event = self.next_event;
        cursor.position = Some(Position {
            epoch,
            revision: self.head,
        });
    }
}

#[cfg(test)]
mod tests;
