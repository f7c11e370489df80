//! Linux: inotify with a mask that never includes `OPEN` or `ACCESS`, so that our own reading does not wake us.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use super::{Change, Hint, Interest, WatchId};

const NAMES: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::EXCL_UNLINK)
    // A folder may be watched for two purposes; the second must not take away what the first asked for.
    .union(WatchFlags::MASK_ADD);
const CONTENT: WatchFlags = NAMES.union(WatchFlags::CLOSE_WRITE).union(WatchFlags::MODIFY);

/// Room for about two thousand events per `read`.
const BUFFER: usize = 64 * 1024;
/// No more `read`s at a time, so that a flood of events leaves room for acting on them.
const READS_AT_ONCE: usize = 4;

pub(super) struct Watches {
    descriptor: Arc<OwnedFd>,
    limit: usize,
    /// The numbers given out and not taken back.
    known: Mutex<BTreeSet<i32>>,
}

pub(super) struct Queue {
    descriptor: AsyncFd<Arc<OwnedFd>>,
    buffer: Box<[MaybeUninit<u8>]>,
}

pub(super) fn start(limit: usize) -> io::Result<(Watches, Queue)> {
    let descriptor = Arc::new(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?);
    #[allow(
        deprecated,
        reason = "its successor is unsafe because a type may give out changing descriptors; an owned one does not"
    )]
    let registered = AsyncFd::with_interest(Arc::clone(&descriptor), tokio::io::Interest::READABLE)?;
    let queue = Queue {
        descriptor: registered,
        buffer: vec![MaybeUninit::uninit(); BUFFER].into_boxed_slice(),
    };
    let watches = Watches {
        descriptor,
        limit,
        known: Mutex::new(BTreeSet::new()),
    };
    Ok((watches, queue))
}

impl Watches {
    pub(super) fn add(&self, folder: &Path, interest: Interest) -> Option<WatchId> {
        let mask = match interest {
            Interest::Names => NAMES,
            Interest::Content => CONTENT,
        };
        // The system call is made without the lock: it may block on a file system that hangs.
        let number = inotify::add_watch(&*self.descriptor, folder, mask).ok()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&number) && known.len() >= self.limit {
            drop(known);
            let _ = inotify::remove_watch(&*self.descriptor, number);
            return None;
        }
        known.insert(number);
        Some(WatchId(i64::from(number)))
    }

    pub(super) fn remove(&self, watch: WatchId) {
        let Ok(number) = i32::try_from(watch.0) else { return };
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&number);
        // It fails when the folder is gone and the watch with it.
        let _ = inotify::remove_watch(&*self.descriptor, number);
    }

    pub(super) fn count(&self) -> u64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        u64::try_from(known.len()).unwrap_or(u64::MAX)
    }
}

impl Queue {
    pub(super) async fn next(&mut self, hints: &mut Vec<Hint>) -> io::Result<()> {
        while hints.is_empty() {
            let mut ready = self.descriptor.readable().await?;
            if drain(ready.get_inner().as_fd(), &mut self.buffer, hints)? {
                ready.clear_ready();
            }
        }
        Ok(())
    }
}

/// Reads what is queued; true when nothing is left.
fn drain(descriptor: BorrowedFd<'_>, buffer: &mut [MaybeUninit<u8>], hints: &mut Vec<Hint>) -> io::Result<bool> {
    let mut reader = inotify::Reader::new(descriptor, buffer);
    let mut reads = 0;
    loop {
        if reader.is_buffer_empty() {
            if reads == READS_AT_ONCE {
                return Ok(false);
            }
            reads += 1;
        }
        match reader.next() {
            Ok(event) => hints.extend(hint(&event)),
            Err(Errno::AGAIN) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn hint(event: &inotify::Event<'_>) -> Option<Hint> {
    let flags = event.events();
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Some(Hint::Overflow);
    }
    let watch = WatchId(i64::from(event.wd()));
    if flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT | ReadFlags::IGNORED) {
        return Some(Hint::Lost(watch));
    }
    let name = OsStr::from_bytes(event.file_name()?.to_bytes()).to_owned();
    let came = ReadFlags::CREATE | ReadFlags::MOVED_TO;
    let went = ReadFlags::DELETE | ReadFlags::MOVED_FROM;
    let change = if flags.contains(ReadFlags::ISDIR) {
        if flags.intersects(came) {
            Change::FolderCame
        } else if flags.intersects(went) {
            Change::FolderGone
        } else {
            return None;
        }
    } else if flags.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO) {
        Change::Complete
    } else if flags.intersects(went) {
        Change::Gone
    } else {
        Change::Partial
    };
    Some(Hint::Name(watch, name, change))
}
