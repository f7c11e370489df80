//! Transcripts that are not read to their end: those of agents at work go on as soon as nothing more urgent waits, newest
//! first; archives when everything else was read and the hub has nothing to do, so that they delay nobody.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use forgecast_protocol::Fact;
use forgecast_protocol::event::IndexingProgress;
use tokio::time::Instant;

use super::jobs::Lane;
use super::{Engine, OUTBOX};
use crate::source::SourceId;
use crate::work::Unread;

/// The reading of archives is told this often.
const TOLD: Duration = Duration::from_secs(1);
/// While archives wait for the hub, it is asked this often whether it has nothing to do: its queue does not tell.
const ASK: Duration = Duration::from_millis(5);

/// Sources by when the newest of their files that wait were changed.
#[derive(Default)]
pub(super) struct Waiting {
    live: BTreeSet<(Reverse<i64>, SourceId)>,
    archives: BTreeSet<(Reverse<i64>, SourceId)>,
}

impl Waiting {
    pub(super) fn put(&mut self, id: SourceId, unread: Unread) {
        self.live.extend(unread.live.map(|newest| (Reverse(newest), id)));
        self.archives
            .extend(unread.archives.map(|newest| (Reverse(newest), id)));
    }

    pub(super) fn remove(&mut self, id: SourceId, unread: Unread) {
        if let Some(newest) = unread.live {
            self.live.remove(&(Reverse(newest), id));
        }
        if let Some(newest) = unread.archives {
            self.archives.remove(&(Reverse(newest), id));
        }
    }

    fn next(&self, archives: bool) -> Option<SourceId> {
        let waiting = if archives { &self.archives } else { &self.live };
        waiting.first().map(|(_, id)| *id)
    }
}

/// How the reading of archives is, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Indexing {
    progress: IndexingProgress,
    told: IndexingProgress,
    told_at: Option<Instant>,
}

impl Indexing {
    fn add(&mut self, more: &IndexingProgress) {
        let progress = &mut self.progress;
        progress.files += more.files;
        progress.done += more.done;
        progress.bytes += more.bytes;
        progress.bytes_done = (progress.bytes_done + more.bytes_done).min(progress.bytes);
    }

    /// What there is to tell now.
    fn tell(&mut self, now: Instant) -> Option<IndexingProgress> {
        let over = self.progress.files > 0 && self.progress.done >= self.progress.files;
        let early = self.told_at.is_some_and(|at| now.saturating_duration_since(at) < TOLD);
        if self.progress == self.told || (early && !over) {
            return None;
        }
        self.told_at = Some(now);
        self.told = self.progress;
        let told = self.progress;
        if over {
            (self.progress, self.told) = Default::default();
        }
        Some(told)
    }

    /// As it is; absent when no archive waits.
    pub(super) fn now(&self) -> Option<IndexingProgress> {
        (self.progress.files > self.progress.done).then_some(self.progress)
    }
}

impl Engine {
    /// Goes on with what is not read to its end.
    pub(super) fn start_reading(&mut self, now: Instant) {
        while self.outbox.len() < OUTBOX
            && self.jobs.has_room(Lane::Background)
            && let Some(id) = self.sources.waiting.next(false)
        {
            self.read_unread(id, Lane::Background, now);
        }
        while (self.counters.ready || self.jobs.are_hanging())
            && self.sources.waiting.next(false).is_none()
            && self.jobs.has_room(Lane::Archives)
            && self.hub_is_idle()
            && let Some(id) = self.sources.waiting.next(true)
        {
            self.read_unread(id, Lane::Archives, now);
        }
    }

    fn read_unread(&mut self, id: SourceId, lane: Lane, now: Instant) {
        self.sources.update(id, |entry| {
            entry.work.live |= lane == Lane::Background;
            entry.work.archives |= lane == Lane::Archives;
        });
        let taken = self.sources.take_source(id, now);
        if let Some((source, work)) = taken {
            self.jobs.read(lane, vec![(id, source, work)], &self.context);
        }
    }

    /// Next to nothing waits for the hub. Not nothing at all: a steady trickle must not keep archives unread for ever.
    fn hub_is_idle(&self) -> bool {
        let (free, room) = (self.sink.capacity(), self.sink.max_capacity());
        self.outbox.is_empty() && free.saturating_mul(8) >= room.saturating_mul(7)
    }

    /// When archives that wait only for the hub are to be thought of again.
    pub(super) fn next_asking(&self, now: Instant) -> Option<Instant> {
        let wait = (self.counters.ready || self.jobs.are_hanging())
            && self.sources.waiting.next(true).is_some()
            && self.jobs.has_room(Lane::Archives)
            && !self.hub_is_idle();
        wait.then(|| now + ASK)
    }

    /// Something became of archives.
    pub(super) fn indexed(&mut self, more: &IndexingProgress) {
        if *more != IndexingProgress::default() {
            self.indexing.add(more);
            self.tell_indexing(Instant::now());
        }
    }

    pub(super) fn tell_indexing(&mut self, now: Instant) {
        if self.outbox.len() >= OUTBOX {
            return;
        }
        if let Some(progress) = self.indexing.tell(now) {
            self.emit(Some(Fact::IndexingProgress(progress)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_at_once_then_every_second_and_once_that_it_is_over() {
        let (mut indexing, start) = (Indexing::default(), Instant::now());
        assert_eq!(indexing.tell(start), None, "nothing to index, nothing to tell");
        let found = IndexingProgress {
            files: 10,
            bytes: 1_000,
            ..Default::default()
        };
        let read = IndexingProgress {
            done: 1,
            bytes_done: 100,
            ..Default::default()
        };
        indexing.add(&found);
        let mut told = Vec::new();
        for file in 0..10 {
            let now = start + TOLD * file / 4;
            told.extend(indexing.tell(now));
            assert_eq!(indexing.tell(now), None);
            indexing.add(&read);
        }
        // Over before the second is.
        told.extend(indexing.tell(start + TOLD * 9 / 4));
        let done: Vec<u64> = told.iter().map(|told| told.done).collect();
        assert_eq!(done, [0, 4, 8, 10]);
        assert_eq!(
            told.last().map(|last| (last.bytes_done, last.bytes)),
            Some((1_000, 1_000))
        );
        assert_eq!(indexing.now(), None);
        assert_eq!(indexing.tell(start + TOLD * 9), None);
        indexing.add(&found);
        assert_eq!(
            indexing.tell(start + TOLD * 9),
            Some(found),
            "the next ones are counted from nothing"
        );
    }

    #[test]
    fn the_group_with_the_newest_file_is_next() {
        let mut waiting = Waiting::default();
        let unread = |live, archives| Unread { live, archives };
        waiting.put(1, unread(Some(5), Some(1)));
        waiting.put(2, unread(Some(9), None));
        waiting.put(3, unread(None, Some(4)));
        assert_eq!((waiting.next(false), waiting.next(true)), (Some(2), Some(3)));
        waiting.remove(2, unread(Some(9), None));
        waiting.remove(3, unread(None, Some(4)));
        assert_eq!((waiting.next(false), waiting.next(true)), (Some(1), Some(1)));
    }
}
