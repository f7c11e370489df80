//! Transcripts that are not read to their end, newest first: those of agents at work, and archives, which wait for them.
//! What becomes of archives is counted, so that their reading can be shown.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use forgecast_protocol::event::IndexingProgress;

use crate::work::Unread;

/// One way of reading's files.
#[derive(Debug, Default)]
struct Queue {
    order: BTreeSet<(Reverse<i64>, String)>,
    files: HashMap<String, Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    changed_ns: i64,
    /// Bytes left to read, as far as known.
    left: u64,
}

impl Queue {
    fn put(&mut self, path: &str, waiting: Waiting) -> Option<Waiting> {
        let before = self.remove(path);
        self.order.insert((Reverse(waiting.changed_ns), path.to_owned()));
        self.files.insert(path.to_owned(), waiting);
        before
    }

    fn remove(&mut self, path: &str) -> Option<Waiting> {
        let before = self.files.remove(path)?;
        self.order.remove(&(Reverse(before.changed_ns), path.to_owned()));
        Some(before)
    }

    fn first(&self) -> Option<String> {
        self.order.first().map(|(_, path)| path.clone())
    }

    fn newest(&self) -> Option<i64> {
        self.order.first().map(|(Reverse(changed_ns), _)| *changed_ns)
    }
}

/// The files of one folder that wait to be read.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    live: Queue,
    archives: Queue,
    /// What became of archives since it was last taken.
    counted: IndexingProgress,
}

impl Backlog {
    /// This file of an agent at work has so much to read.
    pub(super) fn live(&mut self, path: &str, changed_ns: i64, left: u64) {
        self.archive_is_done(path);
        self.live.put(path, Waiting { changed_ns, left });
    }

    /// This archive has so much to read.
    pub(super) fn archive(&mut self, path: &str, changed_ns: i64, left: u64) {
        self.live.remove(path);
        match self.archives.put(path, Waiting { changed_ns, left }) {
            Some(before) => self.counted.bytes += left.saturating_sub(before.left),
            None => {
                self.counted.files += 1;
                self.counted.bytes += left;
            }
        }
    }

    /// So many bytes of an archive were read and more is left.
    pub(super) fn archive_was_read(&mut self, path: &str, bytes: u64) {
        if let Some(waiting) = self.archives.files.get_mut(path) {
            let read = bytes.min(waiting.left);
            waiting.left -= read;
            self.counted.bytes_done += read;
        }
    }

    /// Nothing of it waits any more, for whatever reason.
    pub(super) fn done(&mut self, path: &str) {
        self.live.remove(path);
        self.archive_is_done(path);
    }

    fn archive_is_done(&mut self, path: &str) {
        if let Some(waiting) = self.archives.remove(path) {
            self.counted.done += 1;
            self.counted.bytes_done += waiting.left;
        }
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        while let Some(path) = self.next_live().or_else(|| self.next_archive()) {
            self.done(&path);
        }
    }

    pub(super) fn next_live(&self) -> Option<String> {
        self.live.first()
    }

    pub(super) fn next_archive(&self) -> Option<String> {
        self.archives.first()
    }

    pub(super) fn unread(&self) -> Unread {
        Unread {
            live: self.live.newest(),
            archives: self.archives.newest(),
        }
    }

    /// What became of archives since this was last asked: differences that only grow what they are added to.
    pub(super) fn take_counted(&mut self) -> IndexingProgress {
        std::mem::take(&mut self.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_an_archive_that_grows_again_is_live() {
        let mut backlog = Backlog::default();
        backlog.archive("old", 1, 100);
        backlog.archive("older", 0, 50);
        backlog.live("new", 9, 10);
        assert_eq!(
            backlog.unread(),
            Unread {
                live: Some(9),
                archives: Some(1)
            }
        );
        assert_eq!(backlog.next_archive().as_deref(), Some("old"));
        backlog.archive_was_read("old", 30);
        backlog.live("old", 10, 70);
        assert_eq!(backlog.next_live().as_deref(), Some("old"));
        assert_eq!(backlog.next_archive().as_deref(), Some("older"));
        backlog.clear();
        assert_eq!(backlog.unread(), Unread::default());
        let all = IndexingProgress {
            done: 2,
            files: 2,
            bytes_done: 150,
            bytes: 150,
        };
        assert_eq!(backlog.take_counted(), all);
        assert_eq!(backlog.take_counted(), IndexingProgress::default());
    }
}
