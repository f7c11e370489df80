//! When a file is read after hints about it: at once when it was quiet and whoever wrote it is done, otherwise once at
//! the end of a window, never more often than that and never later because of more hints (a busy writer cannot hide).

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How a file must be treated when something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Whoever wrote it is done (or it is a log, whose end does not matter): read it as soon as the window allows.
    Complete,
    /// It may still be written to: read it at the end of the window.
    Partial,
    /// Half of it looks like a whole: read it when it has been left alone for the settling time.
    Settle,
}

/// So many settling times after the first change a file is read even if it never came to rest.
const MAX_SETTLING: u32 = 10;

/// Files by when they are due.
#[derive(Debug)]
pub(crate) struct Debounce<K> {
    window: Duration,
    settle: Duration,
    files: HashMap<K, Times>,
    due: BTreeSet<(Instant, K)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    due: Option<Instant>,
    /// Not again before this instant.
    quiet_until: Option<Instant>,
    /// The first change that waits for the file to settle.
    unsettled_since: Option<Instant>,
}

impl<K: Clone + Eq + Ord + Hash> Debounce<K> {
    pub(crate) fn new(window: Duration, settle: Duration) -> Self {
        Self {
            window,
            settle,
            files: HashMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// Something happened to the file.
    pub(crate) fn changed(&mut self, key: &K, urgency: Urgency, now: Instant) {
        let times = self.files.get(key).copied().unwrap_or_default();
        let wanted = match urgency {
            Urgency::Complete => times.quiet_until.map_or(now, |until| until.max(now)),
            Urgency::Partial => now + self.window,
            Urgency::Settle => {
                let since = times.unsettled_since.unwrap_or(now);
                let at = (now + self.settle).min(since + self.settle * MAX_SETTLING);
                self.files.entry(key.clone()).or_default().unsettled_since = Some(since);
                self.set(key, Some(at));
                return;
            }
        };
        self.at(key, wanted);
    }

    /// The file shall be read at this instant, or before if it is due before.
    pub(crate) fn at(&mut self, key: &K, wanted: Instant) {
        let due = self.files.get(key).and_then(|times| times.due);
        if due.is_none_or(|due| wanted < due) {
            self.set(key, Some(wanted));
        }
    }

    /// The reading gave nothing that can be used: the next complete change is read at once again.
    pub(crate) fn failed(&mut self, key: &K) {
        if let Some(times) = self.files.get_mut(key) {
            times.quiet_until = None;
        }
    }

    /// Takes the files that are due, to be read now; their windows begin.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<K> {
        let mut taken = Vec::new();
        while let Some((at, key)) = self.due.first().cloned() {
            if at > now {
                break;
            }
            self.set(&key, None);
            if let Some(times) = self.files.get_mut(&key) {
                times.unsettled_since = None;
                times.quiet_until = Some(now + self.window);
            }
            taken.push(key);
        }
        taken
    }

    /// When the next file is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Forgets files whose window is over and that nothing is expected of. Called from time to time.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.files
            .retain(|_, times| times.due.is_some() || times.quiet_until.is_some_and(|until| until > now));
    }

    fn set(&mut self, key: &K, due: Option<Instant>) {
        let times = self.files.entry(key.clone()).or_default();
        if let Some(old) = std::mem::replace(&mut times.due, due) {
            self.due.remove(&(old, key.clone()));
        }
        if let Some(due) = due {
            self.due.insert((due, key.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
