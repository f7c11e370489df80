//! The log of one session: lines with numbers that only grow, the newest of them in memory. Lines are not events: they
//! have no revision, and lines that are too old for memory are read from the store.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use forgecast_protocol::{Epoch, LogLine};

use crate::frame::{self, Frame, FrameKind};
use crate::topic::{RingLimits, TopicHandle};

/// How many lines a viewer gets that does not say from where it wants them.
pub(crate) const LAST_LINES: u64 = 500;

struct Chunk {
    offset: u64,
    frame: Bytes,
}

struct State {
    /// Number of the oldest line in memory.
    first: u64,
    /// Number of the line that comes next.
    next: u64,
    /// Each line as JSON, a slice of the frame that it was published with.
    lines: VecDeque<Bytes>,
    bytes: usize,
    /// The frames as they were published, for viewers that are up to date.
    chunks: VecDeque<Chunk>,
}

/// The topic `log/a~1`.
pub(crate) struct LogTopic {
    pub(crate) handle: TopicHandle,
    state: Mutex<State>,
}

impl LogTopic {
    /// A log whose next line has the number `next`, with no line in memory.
    pub(crate) fn new(name: &str, epoch: Epoch, limits: RingLimits, next: u64) -> Self {
        Self {
            handle: TopicHandle::new(name, epoch, limits),
            state: Mutex::new(State {
                first: next,
                next,
                lines: VecDeque::new(),
                bytes: 0,
                chunks: VecDeque::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of the oldest line in memory and of the next one to come.
    pub(crate) fn range(&self) -> (u64, u64) {
        let state = self.state();
        (state.first, state.next)
    }

    /// Numbers the lines and publishes them.
    pub(crate) fn append(&self, lines: &mut [LogLine]) {
        if lines.is_empty() {
            return;
        }
        // Only the hub's task appends, so the number cannot move between the two locks.
        let offset = self.state().next;
        for (line, number) in lines.iter_mut().zip(offset..) {
            line.offset = number;
        }
        let (frame, slices) = frame::log(&self.handle.name, offset, lines);
        let mut state = self.state();
        state.next += lines.len() as u64;
        state.bytes += frame.len();
        state.lines.extend(slices);
        state.chunks.push_back(Chunk { offset, frame });
        state.shrink(self.handle.limits);
        drop(state);
        self.handle.changed.notify_all();
    }

    /// A frame of lines that were read from the store, for a viewer that comes from far back.
    pub(crate) fn older(&self, offset: u64, skipped: u64, lines: &[LogLine]) -> Frame {
        let json: Vec<Vec<u8>> = lines.iter().map(frame::json).collect();
        let next = offset + lines.len() as u64;
        let json = frame::log_of(&self.handle.name, offset, skipped, json.iter().map(AsRef::as_ref));
        self.frame(json, next)
    }

    fn frame(&self, json: Bytes, next: u64) -> Frame {
        Frame::new(FrameKind::Log, json, Some(self.handle.position(next)))
    }

    /// Appends the lines from number `cursor` on to `out`, and moves it.
    pub(crate) fn take(&self, cursor: &mut u64, out: &mut Vec<Frame>) {
        let state = self.state();
        if *cursor < state.next {
            let shared = state.chunks.partition_point(|chunk| chunk.offset < *cursor);
            let shared_from = state.chunks.get(shared).map_or(state.next, |chunk| chunk.offset);
            let begin = (*cursor).max(state.first);
            let skipped = begin - *cursor;
            if begin < shared_from || skipped > 0 {
                let count = usize::try_from(shared_from - begin).unwrap_or(usize::MAX);
                let from = usize::try_from(begin - state.first).unwrap_or(usize::MAX);
                let lines = state.lines.iter().skip(from).take(count).map(AsRef::as_ref);
                let json = frame::log_of(&self.handle.name, begin, skipped, lines);
                out.push(self.frame(json, shared_from));
            }
            for (number, chunk) in state.chunks.iter().enumerate().skip(shared) {
                let next = state.chunks.get(number + 1).map_or(state.next, |chunk| chunk.offset);
                out.push(self.frame(chunk.frame.clone(), next));
            }
            *cursor = state.next;
        }
    }
}

impl State {
    fn shrink(&mut self, limits: RingLimits) {
        while self.lines.len() > limits.patches || self.bytes > limits.bytes {
            if self.lines.len() <= 1 {
                break;
            }
            let Some(line) = self.lines.pop_front() else {
                break;
            };
            self.first += 1;
            self.bytes = self.bytes.saturating_sub(line.len());
            while self.chunks.front().is_some_and(|chunk| chunk.offset < self.first) {
                self.chunks.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::{ServerMessage, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn lines(count: usize) -> Vec<LogLine> {
        (0..count)
            .map(|number| LogLine {
                offset: 0,
                at: Timestamp::from_millis(0),
                level: None,
                from: None,
                text: format!("line {number}"),
                spans: Vec::new(),
            })
            .collect()
    }

    fn topic(next: u64) -> LogTopic {
        let limits = RingLimits {
            patches: 10,
            bytes: 1 << 20,
        };
        LogTopic::new("log/a~1", Epoch::new(1), limits, next)
    }

    proptest! {
        #[test]
        fn every_line_arrives_once_and_in_order_or_is_counted_as_skipped(
            appends in proptest::collection::vec(0usize..6, 1..30),
            reads in proptest::collection::vec(any::<bool>(), 30),
            start in 0u64..20,
        ) {
            let topic = topic(15);
            let (mut cursor, mut expected) = (start, start);
            for (count, read) in appends.into_iter().zip(reads) {
                topic.append(&mut lines(count));
                if !read {
                    continue;
                }
                let mut frames = Vec::new();
                topic.take(&mut cursor, &mut frames);
                for frame in frames {
                    let ServerMessage::Log { offset, skipped, lines, .. } =
                        serde_json::from_slice(&frame.json).unwrap() else { panic!() };
                    prop_assert_eq!(offset, expected + skipped.unwrap_or(0));
                    for (line, number) in lines.iter().zip(offset..) {
                        prop_assert_eq!(line.offset, number);
                    }
                    expected = offset + lines.len() as u64;
                    prop_assert_eq!(frame.position.unwrap().revision, expected);
                }
            }
        }
    }
}
