//! What the command printed and nobody has looked at yet: bounded, so that a command that prints faster than it can be
//! reported is not slowed down. The newest lines are kept, because they say how it ended.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that may wait.
const MAX_WAITING: usize = 1 << 20;
/// Bytes after which a line is reported although it goes on.
const MAX_LINE: usize = 64 << 10;

/// The lines that wait, of all streams of the command.
#[derive(Debug, Default)]
pub(super) struct Output {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whole lines.
    bytes: Vec<u8>,
    /// Lines that were left out before these.
    left_out: u64,
    is_closed: bool,
}

/// Lines that were taken to be reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    /// Lines that were left out before these.
    pub(super) left_out: u64,
    /// There are no more.
    pub(super) is_last: bool,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // It is whole after every statement.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds whole lines.
    fn push(&self, lines: &[u8]) {
        let mut waiting = self.lock();
        let excess = (waiting.bytes.len() + lines.len()).saturating_sub(MAX_WAITING);
        if excess > 0 {
            waiting.leave_out(excess);
        }
        waiting.bytes.extend_from_slice(lines);
        drop(waiting);
        self.changed.notify_one();
    }

    /// There is no more to come.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for lines, but not longer than `longest`, then until `due`, and takes all that there are; at once if there is no
    /// more to come.
    pub(super) fn take(&self, longest: Duration, due: Instant) -> Lines {
        let waiting = self.lock();
        let is_empty = |waiting: &mut Waiting| waiting.bytes.is_empty() && !waiting.is_closed;
        let waited = self.changed.wait_timeout_while(waiting, longest, is_empty);
        let (waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let rest = due.saturating_duration_since(Instant::now());
        let waited = self
            .changed
            .wait_timeout_while(waiting, rest, |waiting| !waiting.is_closed);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Lines {
            bytes: std::mem::take(&mut waiting.bytes),
            left_out: std::mem::take(&mut waiting.left_out),
            is_last: waiting.is_closed,
        }
    }
}

impl Waiting {
    /// Leaves out the oldest lines, at least so many bytes of them; some more, so that it is not done for every line.
    fn leave_out(&mut self, excess: usize) {
        let least = excess.max(MAX_WAITING / 4).min(self.bytes.len());
        let end = self.bytes[least..].iter().position(|byte| *byte == b'\n');
        let end = end.map_or(self.bytes.len(), |at| least + at + 1);
        self.left_out += count_lines(&self.bytes[..end]);
        self.bytes.drain(..end);
    }
}

pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Makes whole lines of one stream of the command.
#[derive(Debug)]
pub(super) struct LineWriter {
    output: Arc<Output>,
    /// The beginning of a line.
    begun: Vec<u8>,
}

impl LineWriter {
    pub(super) fn new(output: Arc<Output>) -> Self {
        Self {
            output,
            begun: Vec::new(),
        }
    }

    /// The next bytes of the stream.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(end);
        if !lines.is_empty() {
            if !self.begun.is_empty() {
                self.begun.extend_from_slice(lines);
                self.output.push(&self.begun);
                self.begun.clear();
            } else {
                self.output.push(lines);
            }
        }
        self.begun.extend_from_slice(rest);
        if self.begun.len() > MAX_LINE {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        if !self.begun.is_empty() {
            self.begun.push(b'\n');
            self.output.push(&self.begun);
            self.begun.clear();
        }
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.end_line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(output: &Output) -> Lines {
        output.take(Duration::ZERO, Instant::now())
    }

    #[test]
    fn lines_come_whole_and_the_last_one_at_the_end() {
        let output = Arc::new(Output::default());
        let mut writer = LineWriter::new(Arc::clone(&output));
        writer.write(b"one\ntw");
        assert_eq!(take(&output).bytes, b"one\n");
        writer.write(b"o");
        assert_eq!(take(&output), Lines::default());
        writer.write(b"\nthree");
        drop(writer);
        output.close();
        let lines = take(&output);
        assert_eq!(
            (lines.bytes.as_slice(), lines.is_last),
            (b"two\nthree\n".as_slice(), true)
        );
    }

    #[test]
    fn the_newest_lines_are_kept_and_the_others_counted() {
        let output = Arc::new(Output::default());
        let mut writer = LineWriter::new(Arc::clone(&output));
        let all = 400_000;
        for number in 0..all {
            writer.write(format!("{number}\n").as_bytes());
        }
        let lines = take(&output);
        assert!(lines.bytes.len() <= MAX_WAITING && lines.bytes.ends_with(b"\n399999\n"));
        assert_eq!(lines.left_out + count_lines(&lines.bytes), all);
        let first = lines.bytes.split(|byte| *byte == b'\n').next().unwrap();
        assert_eq!(first, lines.left_out.to_string().as_bytes(), "what follows is whole");
    }

    #[test]
    fn a_line_that_never_ends_is_reported_in_parts() {
        let output = Arc::new(Output::default());
        let mut writer = LineWriter::new(Arc::clone(&output));
        writer.write(&vec![b'x'; MAX_LINE + 1]);
        assert_eq!(take(&output).bytes.len(), MAX_LINE + 2);
    }
}
