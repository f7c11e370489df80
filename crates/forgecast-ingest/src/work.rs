//! What a source is asked to do and what comes of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use forgecast_protocol::event::IndexingProgress;
use forgecast_protocol::{Batch, Clock, Timestamp};

use crate::watch::{WatchId, Watcher};
use forgecast_decode::agents::Agent;
use forgecast_decode::clean::Cleaner;

/// How long something may be away before it counts as gone.
pub(crate) const GRACE: Duration = Duration::from_millis(300);

/// What all sources share.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) cleaner: Cleaner,
    pub(crate) clock: Clock,
    pub(crate) watcher: Watcher,
    /// The folders under which projects are looked for.
    pub(crate) roots: Vec<PathBuf>,
    /// The user's home folder.
    pub(crate) home: Option<PathBuf>,
    pub(crate) host: Option<String>,
    /// A transcript that was not changed for so many milliseconds is an archive.
    pub(crate) archive_after_ms: u64,
    /// How long a configured folder may be away before what was found in it counts as gone.
    pub(crate) away_ms: u64,
}

/// What a source is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SetKind {
    /// A folder with `.context-foundry` or `.buildloop` in it.
    Project,
    /// A folder of `checkpoints/ralph`.
    Checkpoint,
    /// A folder of logs.
    Logs,
    /// A folder with transcripts of an agent.
    Transcripts(&'static Agent),
    /// The home of an agent, for what it says of its processes.
    Processes(&'static Agent),
}

/// How closely a source is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ScanDepth {
    /// Only at the files that are named.
    #[default]
    Named,
    /// At the folder and the phase file by `stat`; closer when they differ.
    Light,
    /// At every folder and file by `stat`.
    Full,
    /// Every folder is watched (again) and listed, every file is looked at.
    Rescan,
}

/// What is to be done next for a source. Requests that come while it is busy add up here.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) depth: ScanDepth,
    /// Files that may have changed.
    pub(crate) changed: BTreeSet<String>,
    /// Files that could not be used and are read again whatever `stat` says.
    pub(crate) again: BTreeSet<String>,
    /// Where the project may be by now.
    pub(crate) place: Option<Place>,
    /// Tell anew what Foundry's documents say.
    pub(crate) retell: bool,
    /// Go on with transcripts of agents at work that are not read to their end.
    pub(crate) live: bool,
    /// Go on with archives of transcripts.
    pub(crate) archives: bool,
}

impl Work {
    pub(crate) fn is_empty(&self) -> bool {
        self.depth == ScanDepth::Named
            && self.changed.is_empty()
            && self.again.is_empty()
            && self.place.is_none()
            && !self.retell
            && !self.live
            && !self.archives
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Facts and how far their sources were read.
    pub(crate) batch: Batch,
    /// Where the project was asked to go, and whether it is there now.
    pub(crate) place: Option<Box<(Place, bool)>>,
    /// Files to be read again after a while: half-written, or perhaps about to be replaced.
    pub(crate) retry: Vec<(String, Duration)>,
    /// Files to be looked at after a while whose last line waits for its end.
    pub(crate) unfinished: Vec<(String, Duration)>,
    /// Look at the whole source again after a while.
    pub(crate) recheck: Option<Duration>,
    /// Logs with more to read.
    pub(crate) more: Vec<String>,
    /// Watches that were set, with their folder within the source.
    pub(crate) watches: Vec<(WatchId, String)>,
    /// When the newest change happened that was read, by the files' own times.
    pub(crate) active_at: Option<Timestamp>,
    /// Transcripts that are not read to their end.
    pub(crate) unread: Unread,
    /// What became of archives of transcripts: differences.
    pub(crate) indexed: IndexingProgress,
    /// Records of transcripts of kinds that are not known, and lines that could not be read.
    pub(crate) unknown_records: u64,
    pub(crate) bad_lines: u64,
    pub(crate) reads: u64,
    pub(crate) bytes: u64,
    pub(crate) looks: u64,
    pub(crate) listed: u64,
}

/// When the newest files that wait were changed, nanoseconds since the Unix epoch; `None` when none waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) live: Option<i64>,
    pub(crate) archives: Option<i64>,
}

/// Where a source is: a folder below a configured one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the configured folder, and its path.
    pub(crate) number: usize,
    pub(crate) root: PathBuf,
    /// The path below it.
    pub(crate) relative: PathBuf,
}

impl Place {
    /// The absolute path.
    pub(crate) fn directory(&self) -> PathBuf {
        directory_of(&self.root, &self.relative)
    }
}

/// Where a source is.
pub(crate) fn directory_of(root: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() {
        root.to_owned()
    } else {
        root.join(relative)
    }
}
