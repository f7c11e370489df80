//! Systems other than Linux: the `notify` crate, folder by folder. It does not say when a file was closed, so a change
//! counts as unfinished and is read when the window is over, unless the file was moved here.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{CreateKind, EventKind, ModifyKind, RemoveKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::{Change, Hint, Interest, WatchId};

/// Hints under way; beyond it they are lost, and everything is looked at again.
const QUEUE: usize = 16_384;

/// Watched folders and their numbers, both ways.
#[derive(Default)]
struct Numbers {
    by_path: HashMap<PathBuf, WatchId>,
    by_number: HashMap<WatchId, PathBuf>,
    next: i64,
    /// Hints were dropped since the last that was taken.
    overflowed: bool,
}

pub(super) struct Watches {
    watcher: Mutex<RecommendedWatcher>,
    numbers: Arc<Mutex<Numbers>>,
    limit: usize,
}

pub(super) struct Queue {
    receiver: mpsc::Receiver<Hint>,
    numbers: Arc<Mutex<Numbers>>,
}

pub(super) fn start(limit: usize) -> io::Result<(Watches, Queue)> {
    let numbers = Arc::new(Mutex::new(Numbers::default()));
    let (sender, receiver) = mpsc::channel(QUEUE);
    let known = Arc::clone(&numbers);
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let hints = match event {
            Ok(event) if event.need_rescan() => vec![Hint::Overflow],
            Ok(event) => hints(&event, &known),
            Err(_) => vec![Hint::Overflow],
        };
        for hint in hints {
            known.overflowed |= sender.try_send(hint).is_err();
        }
    });
    let watcher = watcher.map_err(io::Error::other)?;
    let watches = Watches {
        watcher: Mutex::new(watcher),
        numbers: Arc::clone(&numbers),
        limit,
    };
    Ok((watches, Queue { receiver, numbers }))
}

impl Watches {
    pub(super) fn add(&self, folder: &Path, _interest: Interest) -> Option<WatchId> {
        // What the system reports has no slash at the end and no links in it.
        let folder = folder.canonicalize().ok()?;
        {
            let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(number) = numbers.by_path.get(&folder) {
                return Some(*number);
            }
            if numbers.by_path.len() >= self.limit {
                return None;
            }
        }
        // Without the lock of the numbers: the callback takes it, too.
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        watcher.watch(&folder, RecursiveMode::NonRecursive).ok()?;
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.next += 1;
        let number = WatchId(numbers.next);
        numbers.by_path.insert(folder.clone(), number);
        numbers.by_number.insert(number, folder);
        Some(number)
    }

    pub(super) fn remove(&self, watch: WatchId) {
        let folder = {
            let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            let folder = numbers.by_number.remove(&watch);
            folder.inspect(|folder| {
                numbers.by_path.remove(folder);
            })
        };
        if let Some(folder) = folder {
            let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
            // It fails when the folder is gone and the watch with it.
            let _ = watcher.unwatch(&folder);
        }
    }

    pub(super) fn count(&self) -> u64 {
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        u64::try_from(numbers.by_path.len()).unwrap_or(u64::MAX)
    }
}

impl Queue {
    pub(super) async fn next(&mut self, hints: &mut Vec<Hint>) -> io::Result<()> {
        match self.receiver.recv().await {
            Some(hint) => hints.push(hint),
            None => return Err(io::Error::other("the system's notifications ended")),
        }
        while hints.len() < 2_000
            && let Ok(hint) = self.receiver.try_recv()
        {
            hints.push(hint);
        }
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut numbers.overflowed) {
            hints.push(Hint::Overflow);
        }
        Ok(())
    }
}

fn hints(event: &Event, numbers: &Numbers) -> Vec<Hint> {
    let mut hints = Vec::new();
    for path in &event.paths {
        let watched = numbers.by_path.get(path);
        let change = change(&event.kind, path, watched.is_some());
        // A watch goes with the folder that was removed or renamed, also when another stands in its place by now.
        let ends_a_watch = matches!(
            event.kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
        );
        if let Some(watch) = watched.filter(|_| ends_a_watch) {
            hints.push(Hint::Lost(*watch));
        }
        let parent = path.parent().and_then(|parent| numbers.by_path.get(parent));
        if let (Some(watch), Some(name), Some(change)) = (parent, path.file_name().map(OsStr::to_owned), change) {
            hints.push(Hint::Name(*watch, name, change));
        }
    }
    hints
}

/// What happened to a path, with a look at what is there now where the system does not say.
fn change(kind: &EventKind, path: &Path, watched: bool) -> Option<Change> {
    let now = |file| match path.symlink_metadata() {
        Ok(there) if there.is_dir() => Change::FolderCame,
        Ok(_) => file,
        // The event is the same for files and folders, but every folder that matters is watched. To take a file for a
        // folder would cost a full scan for each atomic write, whose temporary name is gone by now.
        Err(_) if watched => Change::FolderGone,
        Err(_) => Change::Gone,
    };
    match kind {
        EventKind::Access(_) => None,
        EventKind::Create(CreateKind::Folder) => Some(Change::FolderCame),
        EventKind::Remove(RemoveKind::Folder) => Some(Change::FolderGone),
        EventKind::Remove(RemoveKind::File) => Some(Change::Gone),
        EventKind::Modify(ModifyKind::Data(_)) => Some(Change::Partial),
        EventKind::Modify(ModifyKind::Name(_)) => Some(now(Change::Complete)),
        _ => Some(now(Change::Partial)),
    }
}
