//! Passes bytes on unchanged: what the command prints to the user, and the user's keys to the command's terminal. Each
//! direction has a thread of its own, which ends when the other end is closed, or shortly after it is told to stop.

use std::fs::File;
use std::io::{self, PipeReader, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::output::LineWriter;

/// How long after the command's end its last words may take; what it left in the background may print forever.
const SILENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};
const LONGEST_REST: Duration = Duration::from_secs(1);

/// What the command prints on one stream.
pub(super) struct OutputRelay {
    pub(super) from: OwnedFd,
    /// Where the user sees it.
    pub(super) to: File,
    /// Whether it is a terminal, whose other end does not learn that nobody listens any more.
    pub(super) is_terminal: bool,
    pub(super) lines: LineWriter,
}

impl OutputRelay {
    /// Copies until the stream ends, or until a while after the writing end of `stop` was closed.
    pub(super) fn run(mut self, stop: &PipeReader) {
        let mut buffer = vec![0; 64 << 10];
        let mut stopped_at: Option<Instant> = None;
        let mut is_heard = true;
        loop {
            match wait(self.from.as_fd(), stop, stopped_at.is_some()) {
                Ready::Bytes => {}
                Ready::Stopped => {
                    stopped_at = Some(Instant::now());
                    continue;
                }
                Ready::Nothing => return,
            }
            let length = match rustix::io::read(&self.from, &mut buffer) {
                Err(Errno::INTR) => continue,
                // A terminal has an error where others have an end.
                Ok(0) | Err(_) => return,
                Ok(length) => length,
            };
            let bytes = &buffer[..length];
            is_heard = is_heard && self.to.write_all(bytes).is_ok();
            self.lines.write(bytes);
            // Without a reader, the command shall get the signal that it would get without us.
            let is_over = stopped_at.is_some_and(|at| at.elapsed() > LONGEST_REST);
            if is_over || (!is_heard && !self.is_terminal) {
                return;
            }
        }
    }
}

/// Copies the user's keys until either end is closed, or the writing end of `stop` is.
pub(super) fn keys(from: BorrowedFd<'_>, to: OwnedFd, stop: &PipeReader) {
    let mut to = File::from(to);
    let mut buffer = [0; 4 << 10];
    while matches!(wait(from, stop, false), Ready::Bytes) {
        match rustix::io::read(from, &mut buffer) {
            Err(Errno::INTR) => {}
            Ok(length) if length > 0 && to.write_all(&buffer[..length]).is_ok() => {}
            _ => return,
        }
    }
}

enum Ready {
    /// Bytes, or the end.
    Bytes,
    Stopped,
    /// Nothing came for a while after it was stopped.
    Nothing,
}

fn wait(from: BorrowedFd<'_>, stop: &PipeReader, is_stopped: bool) -> Ready {
    loop {
        let ready = if is_stopped {
            let mut waits = [PollFd::from_borrowed_fd(from, PollFlags::IN)];
            poll(&mut waits, Some(&SILENCE)).map(|_| (false, !waits[0].revents().is_empty()))
        } else {
            let stop = PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN);
            let mut waits = [stop, PollFd::from_borrowed_fd(from, PollFlags::IN)];
            let polled = poll(&mut waits, None);
            polled.map(|_| (!waits[0].revents().is_empty(), !waits[1].revents().is_empty()))
        };
        return match ready {
            Err(Errno::INTR) => continue,
            Ok((true, _)) => Ready::Stopped,
            Ok((_, true)) => Ready::Bytes,
            _ => Ready::Nothing,
        };
    }
}

/// A stream of this process as a file of its own, without a buffer.
pub(super) fn unbuffered(stream: impl AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}
