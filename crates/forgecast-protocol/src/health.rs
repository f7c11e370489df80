//! What viewers and operators see of the sources: the state of each configured folder, and counters of the work done.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::IndexingProgress;

/// How the sources are, as the sources last reported.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SourceHealth {
    /// Everything that was there at the start was read and handed over, archives of transcripts aside.
    pub ready: bool,
    /// How far the reading of archives is; absent when none waits to be read.
    pub indexing: Option<IndexingProgress>,
    /// The configured folders; a default folder, or one of an agent, only while it is there.
    pub roots: Vec<RootHealth>,
    /// Folders with a system watch.
    pub watches: u64,
    /// Folders that are polled because the system gives no (more) watches.
    pub polled: u64,
    /// How often the system's queue of notifications overflowed.
    pub overflows: u64,
    /// Files read (not: looked at by `stat`).
    pub reads: u64,
    /// Bytes read from them.
    pub bytes_read: u64,
    /// Looks by `stat` at the files of a group, for whatever reason.
    pub looks: u64,
    /// Folders listed, by search and by reconciling.
    pub folders_listed: u64,
    /// Projects known, gone ones included.
    pub projects: u64,
    /// Transcripts known.
    pub transcripts: u64,
    /// Records of transcripts that are of a kind that is not known.
    pub unknown_records: u64,
    /// Lines of transcripts that could not be read.
    pub bad_lines: u64,
    /// Readings that did not answer in time and still occupy a thread.
    pub stuck: u64,
    /// Problems that are open at the moment.
    pub problems: u64,
}

/// One configured folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RootHealth {
    /// Where it is.
    pub path: PathBuf,
    /// What it is for.
    pub kind: RootKind,
    /// How it is observed.
    pub state: RootState,
    /// Projects (sessions, for a folder of checkpoints; transcripts, for a folder of an agent) found in it.
    pub projects: u64,
    /// What is wrong and the way out; null when nothing is.
    pub message: Option<String>,
}

/// What a configured folder is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RootKind {
    /// Projects are looked for in it.
    Projects,
    /// It holds a folder per session (`checkpoints/ralph`).
    Checkpoints,
    /// It holds logs.
    Logs,
    /// It is the home of the coding agent with this key (`claude`), with transcripts in it.
    #[serde(untagged)]
    Agent(Cow<'static, str>),
}

/// How a configured folder is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum RootState {
    /// By notifications, and by `stat` from time to time.
    Watching,
    /// By `stat` only.
    Polling,
    /// It is not there; awaited.
    Missing,
    /// It cannot be read; tried again.
    Unreadable,
}

impl RootState {
    /// Whether what happens in the folder is seen.
    #[must_use]
    pub fn is_observed(self) -> bool {
        matches!(self, Self::Watching | Self::Polling)
    }
}

/// How long something took, each time that it happened: how often it took at most so long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How often it took longer than the bound before and at most this one; the last is for what exceeds every bound.
    counts: [u64; Self::BOUNDS.len() + 1],
    total: Duration,
}

impl Durations {
    /// The bounds, ascending.
    pub const BOUNDS: [Duration; 12] = [
        Duration::from_micros(50),
        Duration::from_micros(100),
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2_500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(50),
        Duration::from_millis(250),
        Duration::from_secs(1),
        Duration::from_secs(5),
    ];

    /// It happened once more and took so long.
    pub fn add(&mut self, took: Duration) {
        self.counts[Self::BOUNDS.partition_point(|bound| *bound < took)] += 1;
        self.total += took;
    }

    /// For each bound how often it took at most so long.
    pub fn at_most(&self) -> impl Iterator<Item = (Duration, u64)> {
        let sums = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        Self::BOUNDS.into_iter().zip(sums)
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long it took all together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_below_every_bound_that_it_does_not_exceed() {
        let mut durations = Durations::default();
        for micros in [50, 51, 6_000_000] {
            durations.add(Duration::from_micros(micros));
        }
        let sums: Vec<u64> = durations.at_most().map(|(_, count)| count).collect();
        assert_eq!(sums, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(
            (durations.count(), durations.total()),
            (3, Duration::from_micros(6_000_101))
        );
    }
}
