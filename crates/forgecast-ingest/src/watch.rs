//! System notifications behind one small door: folders are watched (never single files, never recursively), and what
//! comes out are hints that something in a folder may have changed. Hints carry no content and prove nothing.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

#[cfg(all(target_os = "linux", not(feature = "portable-watch")))]
mod inotify;
#[cfg(any(not(target_os = "linux"), feature = "portable-watch"))]
mod notify;

#[cfg(all(target_os = "linux", not(feature = "portable-watch")))]
use self::inotify as system;
#[cfg(any(not(target_os = "linux"), feature = "portable-watch"))]
use self::notify as system;

/// One watched folder, as the system numbers it. The same folder under two paths may have one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WatchId(pub(crate) i64);

/// What may have happened to a name in a watched folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A file was closed after writing or moved here: whoever wrote it is done.
    Complete,
    /// A file was written to, or made; more may follow.
    Partial,
    /// A folder was made or moved here.
    FolderCame,
    /// A name is gone.
    Gone,
    /// A folder's name is gone.
    FolderGone,
}

/// What the system says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Something happened to a name in a watched folder.
    Name(WatchId, OsString, Change),
    /// The watched folder itself was removed, moved or unmounted; the watch says nothing useful any more.
    Lost(WatchId),
    /// The system's queue overflowed: anything may have happened anywhere.
    Overflow,
}

/// What is wanted to be known of a folder. Asked for both, a folder tells both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Which names come and go.
    Names,
    /// That, and writing to its files.
    Content,
}

/// Adds and removes watches; may block, so it is used on blocking threads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watcher(Option<Arc<system::Watches>>);

impl Watcher {
    /// A watcher that has no watch to give.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Watches a folder; once more is harmless and gives the same number. `None` when the system (or the configuration)
    /// gives no more watches, or the folder is not there, no folder, or not ours to read.
    pub(crate) fn add(&self, folder: &Path, interest: Interest) -> Option<WatchId> {
        self.0.as_ref()?.add(folder, interest)
    }

    /// Stops watching. What was queued before may still come.
    pub(crate) fn remove(&self, watch: WatchId) {
        if let Some(watches) = &self.0 {
            watches.remove(watch);
        }
    }

    /// How many folders are watched.
    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |watches| watches.count())
    }
}

/// The stream of hints.
pub(crate) struct Hints(Option<system::Queue>);

impl Hints {
    /// A stream that never says anything.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Waits for hints and appends them in order; at most a few thousand at once. Nothing is lost when the wait is
    /// given up.
    pub(crate) async fn next(&mut self, hints: &mut Vec<Hint>) -> std::io::Result<()> {
        match &mut self.0 {
            Some(queue) => queue.next(hints).await,
            None => std::future::pending().await,
        }
    }
}

/// Opens the system's notifications with at most `limit` watches.
///
/// # Errors
/// When the system has none for us (no instance left, not supported here).
pub(crate) fn start(limit: Option<usize>) -> std::io::Result<(Watcher, Hints)> {
    let (watches, queue) = system::start(limit.unwrap_or(usize::MAX))?;
    Ok((Watcher(Some(Arc::new(watches))), Hints(Some(queue))))
}
