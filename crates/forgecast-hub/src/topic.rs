//! The published state of one topic: the newest revision, the patches that led to it and, made on demand, its snapshot.
//! One writer publishes; any number of viewers hold a cursor and look up what is new to them. Publishing never waits for a
//! viewer, and memory does not grow with their number.

mod rendered;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use forgecast_protocol::{Epoch, Revision};
use serde_json::Value;

use crate::frame::{self, Frame, FrameKind, Position};
use crate::json_object::JsonObject;
use crate::notifier::Notifier;

pub(crate) use rendered::{Content, Rendered};

/// Below this many bytes retained patches are sent without comparing them with a snapshot.
const SMALL_BYTES: usize = 4096;
/// Producers' own events that are retained for viewers that are a little late.
const MAX_EVENTS: usize = 64;

/// A patch that is retained for viewers that come back.
#[derive(Clone)]
pub(crate) struct RetainedPatch {
    /// The revision that it applies to.
    pub(crate) from: Revision,
    /// The revision that it leads to.
    pub(crate) revision: Revision,
    /// The `patch` message.
    pub(crate) frame: Bytes,
}

struct RetainedEvent {
    number: u64,
    /// The newest revision when it came: the event goes out after that one.
    after: Revision,
    frame: Bytes,
}

struct State {
    head: Revision,
    content: Content,
    ring: VecDeque<RetainedPatch>,
    ring_bytes: usize,
    rendered: Option<Arc<Rendered>>,
    events: VecDeque<RetainedEvent>,
    next_event: u64,
}

/// Why nothing more is published on a topic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its session was removed.
    Removed,
    /// The hub stops.
    Stopped,
}

/// How much a topic retains for viewers that come back.
#[derive(Clone, Copy)]
pub(crate) struct RingLimits {
    /// Number of patches, or of log lines.
    pub(crate) patches: usize,
    /// Their size in bytes.
    pub(crate) bytes: usize,
}

/// What every topic has, whatever is published on it.
pub(crate) struct TopicHandle {
    /// The canonical name, `session/a~1`.
    pub(crate) name: Arc<str>,
    pub(crate) epoch: Epoch,
    pub(crate) limits: RingLimits,
    pub(crate) changed: Arc<Notifier>,
    /// Number of subscriptions at the moment.
    pub(crate) viewers: Arc<AtomicUsize>,
    /// Why nothing more is published on it, once it ended. What is published comes before that, so whoever looks here
    /// first finds all of it.
    pub(crate) end: OnceLock<End>,
}

impl TopicHandle {
    pub(crate) fn new(name: &str, epoch: Epoch, limits: RingLimits) -> Self {
        Self {
            name: name.into(),
            epoch,
            limits,
            changed: Arc::default(),
            viewers: Arc::default(),
            end: OnceLock::new(),
        }
    }

    /// Whether any viewer follows it.
    pub(crate) fn is_watched(&self) -> bool {
        self.viewers.load(Ordering::Acquire) > 0
    }

    /// What a viewer holds that has this revision.
    pub(crate) fn position(&self, revision: Revision) -> Position {
        let epoch = self.epoch;
        Position { epoch, revision }
    }

    /// Ends the topic, unless it has ended, and wakes its viewers.
    pub(crate) fn close(&self, end: End) {
        self.end.get_or_init(|| end);
        self.changed.notify_all();
    }
}

/// A topic whose viewers follow a state: a session's view, or the index.
pub(crate) struct StateTopic {
    pub(crate) handle: TopicHandle,
    state: Mutex<State>,
}

/// What one viewer holds: nothing at first, then a revision, and the number of the next event.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cursor {
    /// The revision of this epoch that the viewer holds.
    pub(crate) held: Option<Revision>,
    next_event: u64,
}

impl StateTopic {
    /// A topic whose newest revision is `head`, with the patches that lead there.
    pub(crate) fn new(
        name: &str,
        epoch: Epoch,
        limits: RingLimits,
        head: Revision,
        content: Content,
        patches: Vec<RetainedPatch>,
    ) -> Self {
        let mut state = State {
            head,
            content,
            ring: VecDeque::new(),
            ring_bytes: 0,
            rendered: None,
            events: VecDeque::new(),
            next_event: 0,
        };
        for patch in patches {
            state.retain(patch, limits);
        }
        Self {
            handle: TopicHandle::new(name, epoch, limits),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves the state as it was before or after a publication; both are valid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest state of a session.
    pub(crate) fn view(&self) -> Option<JsonObject> {
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
        self.handle.changed.notify_all();
    }

    /// Publishes the next revision: `change` brings the content there, `patch` brings a viewer there.
    pub(crate) fn publish(&self, revision: Revision, patch: &[u8], change: impl FnOnce(&mut Content)) {
        // Only the hub's task publishes, so the head cannot move between the two locks; the patch is written outside.
        let from = self.state().head;
        let frame = frame::patch(&self.handle.name, self.handle.epoch, from, revision, patch);
        let mut state = self.state();
        state.rendered = None;
        change(&mut state.content);
        state.head = revision;
        state.retain(RetainedPatch { from, revision, frame }, self.handle.limits);
        drop(state);
        self.handle.changed.notify_all();
    }

    /// Publishes a producer's own event, which belongs to no revision.
    pub(crate) fn publish_event(&self, event: &Value) {
        if !self.handle.is_watched() {
            return;
        }
        let frame = frame::event(&self.handle.name, event);
        let mut state = self.state();
        let (number, after) = (state.next_event, state.head);
        state.next_event += 1;
        state.events.push_back(RetainedEvent { number, after, frame });
        if state.events.len() > MAX_EVENTS {
            state.events.pop_front();
        }
        drop(state);
        self.handle.changed.notify_all();
    }

    /// The newest revision as bytes; made once per revision.
    pub(crate) fn rendered(&self) -> Arc<Rendered> {
        self.state().rendered()
    }

    /// The digest of the state at a revision, if that is the newest.
    pub(crate) fn digest_at(&self, revision: Revision) -> Option<String> {
        let rendered = self.rendered();
        (rendered.revision == revision).then(|| rendered.digest().to_owned())
    }

    /// A cursor for a viewer that holds `position` (or nothing). What it holds of another epoch is worth nothing.
    pub(crate) fn cursor(&self, position: Option<Position>) -> Cursor {
        let of_this_epoch = position.filter(|position| position.epoch == self.handle.epoch);
        Cursor {
            held: of_this_epoch.map(|position| position.revision),
            next_event: self.state().next_event,
        }
    }

    /// Appends what is new to a viewer to `out`, in order, and moves its cursor. What is handed out and the position from
    /// which the viewer goes on come from one step under the lock: there is neither gap nor overlap.
    pub(crate) fn take(&self, cursor: &mut Cursor, out: &mut Vec<Frame>) {
        let mut state = self.state();
        let retained = state.retained_bytes(cursor.held);
        if retained.is_none_or(|bytes| bytes > SMALL_BYTES) {
            let rendered = state.rendered();
            drop(state);
            // Serialized without the lock, once per revision: the publisher does not wait for it.
            let snapshot = rendered.snapshot(&self.handle);
            if retained.is_none_or(|bytes| bytes > snapshot.len()) {
                let position = self.handle.position(rendered.revision);
                out.push(Frame::new(FrameKind::Snapshot, snapshot.clone(), Some(position)));
                cursor.held = Some(rendered.revision);
            }
            state = self.state();
        }
        // Also what was published while the snapshot was written. Should that have left the ring meanwhile, the viewer's
        // next turn resets it again.
        state.give(cursor, &self.handle, out);
    }
}

impl State {
    fn retain(&mut self, patch: RetainedPatch, limits: RingLimits) {
        if self.ring.back().is_some_and(|last| last.revision != patch.from) {
            // A hole in the ring would be a silent gap for a viewer that resumes across it.
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

    fn rendered(&mut self) -> Arc<Rendered> {
        let render = || Arc::new(Rendered::new(self.head, self.content.clone()));
        self.rendered.get_or_insert_with(render).clone()
    }

    /// The index in the ring from which a viewer goes on that holds a revision; `None` when it needs a snapshot.
    fn ring_index(&self, held: Option<Revision>) -> Option<usize> {
        let held = held?;
        if held == self.head {
            return Some(self.ring.len());
        }
        self.ring
            .binary_search_by_key(&held, |patch| patch.from)
            .ok()
            .filter(|_| held != 0)
    }

    fn retained_bytes(&self, held: Option<Revision>) -> Option<usize> {
        let index = self.ring_index(held)?;
        Some(self.ring.range(index..).map(|patch| patch.frame.len()).sum())
    }

    fn give(&self, cursor: &mut Cursor, topic: &TopicHandle, out: &mut Vec<Frame>) {
        let Some(index) = self.ring_index(cursor.held) else {
            return;
        };
        let mut patches = self.ring.range(index..).peekable();
        let patch_frame = |patch: &RetainedPatch| {
            let position = topic.position(patch.revision);
            Frame::new(FrameKind::Patch, patch.frame.clone(), Some(position))
        };
        let first_new = self.events.partition_point(|event| event.number < cursor.next_event);
        for event in self.events.range(first_new..) {
            while let Some(patch) = patches.next_if(|patch| patch.revision <= event.after) {
                out.push(patch_frame(patch));
            }
            out.push(Frame::new(FrameKind::Event, event.frame.clone(), None));
        }
        out.extend(patches.map(patch_frame));
        cursor.next_event = self.next_event;
        cursor.held = Some(self.head);
    }
}

#[cfg(test)]
mod tests;
