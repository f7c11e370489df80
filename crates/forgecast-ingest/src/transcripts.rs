//! The transcripts of one folder of an agent: those of one project of Claude Code, or all of another
//! agent. A look finds by `stat` what is to be read; what agents at work wrote is read at once, the rest of it newest
//! first, and archives after everything else and for their usage only. Files that continue each other are read in the order
//! of their names. Like a [`SourceSet`](crate::source_set::SourceSet), all state
//! moves as a whole onto a blocking thread; this code starts nothing, waits for nothing and knows no channel.

mod backlog;
mod folders;
mod moved;
mod packed;
mod problems;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use forgecast_protocol::{FileIdentity, ProblemKind, SourceCheckpoint, SourceKey, Timestamp};

use self::backlog::Backlog;
use self::problems::Lines;
use crate::facts;
use crate::folder::{self, Folders};
use crate::packed::{self as pack, Unpacking};
use crate::problem::Problems;
use crate::source::{Source, Status};
use crate::tail::Tail;
use crate::watch::WatchId;
use crate::work::{Context, GRACE, Outcome, ScanDepth, Work, directory_of};
use forgecast_decode::agents::Agent;
use forgecast_decode::transcript::{Depth, TranscriptPath};
use forgecast_open::{Base, FileSystem, OpenError};

/// Bytes of agents at work that are read in one piece of work, so that none keeps others waiting for long and none of
/// them fills the queue to the hub with more than it has room for.
const LIVE_BYTES: u64 = 256 * 1024;
/// Bytes of archives.
const ARCHIVE_BYTES: u64 = 4 * 1024 * 1024;

/// One transcript.
#[derive(Debug)]
struct Transcript {
    tail: Tail,
    /// What the decoder has to remember.
    state: String,
    /// When it was last changed, as far as known: nanoseconds since the Unix epoch.
    changed_ns: i64,
    /// Never read to its end.
    first_sight: bool,
    /// Was not there when it was last looked for.
    absent_once: bool,
    /// It could not be opened when it was last looked at.
    refused: bool,
    /// It is packed, and ended too early when it was last read: it may just be written.
    incomplete_once: bool,
    /// An earlier life may have said that it could not be read.
    inherited: bool,
    /// Lines that gave nothing.
    lines: Lines,
}

/// The transcripts of one folder, and how far each was read.
#[derive(Debug)]
pub(crate) struct Transcripts {
    agent: &'static Agent,
    root: PathBuf,
    relative: PathBuf,
    /// The folder as text.
    directory: String,
    /// What stands before a path in this source to make it one in the agent's folder.
    prefix: String,
    folders: Folders,
    files: BTreeMap<String, Transcript>,
    backlog: Backlog,
    /// A packed transcript that is read piece by piece.
    unpacking: Option<Unpacking>,
    problems: Problems,
    /// The folder could not be entered when it was last tried, and the time before.
    lost: (bool, bool),
    /// On what the folder is, as of the last close look.
    file_system: FileSystem,
    /// Where the next turn of files at rest begins, and that of folders.
    next_file: String,
    next_folder: String,
}

/// One run of work: the folder, open, and what comes of it.
struct ScanPass<'a> {
    context: &'a Context,
    base: Base,
    now: Timestamp,
    /// What was changed since this time belongs to agents at work.
    live_since_ns: i64,
    /// Files that were read before, by device and number; made when first needed.
    numbers: Option<HashMap<(u64, u64), String>>,
    outcome: Outcome,
}

impl Transcripts {
    /// `relative` to `root`; `known` are checkpoints by path within the source's folder.
    pub(crate) fn new(
        agent: &'static Agent,
        root: PathBuf,
        relative: PathBuf,
        known: BTreeMap<String, SourceCheckpoint>,
    ) -> Self {
        let mut prefix = relative.to_string_lossy().into_owned();
        if !prefix.is_empty() {
            prefix.push('/');
        }
        let mut transcripts = Self {
            agent,
            directory: directory_of(&root, &relative).to_string_lossy().into_owned(),
            prefix,
            folders: Folders::new(),
            files: BTreeMap::new(),
            backlog: Backlog::default(),
            unpacking: None,
            problems: Problems::default(),
            lost: (false, false),
            file_system: FileSystem::Unknown,
            next_file: String::new(),
            next_folder: String::new(),
            root,
            relative,
        };
        let known = known.into_iter().filter(|(path, _)| transcripts.is_transcript(path));
        transcripts.files = known
            .map(|(path, checkpoint)| (path, Transcript::known(checkpoint)))
            .collect();
        transcripts
    }

    /// Whether a file of this name is one, by its path within the source's folder.
    fn is_transcript(&self, path: &str) -> bool {
        self.path_of(path).is_some()
    }

    fn path_of(&self, path: &str) -> Option<TranscriptPath> {
        self.agent.path_of(&format!("{}{path}", self.prefix))
    }

    /// Finds what is to be read. What is named was just written to, and is read.
    fn scan(&mut self, work: &Work, pass: &mut ScanPass<'_>) {
        let mut depth = work.depth;
        if depth == ScanDepth::Light && self.differs_lightly(pass) {
            depth = ScanDepth::Full;
        }
        pass.outcome.looks += u64::from(depth > ScanDepth::Named);
        let named = work.changed.union(&work.again);
        let named: BTreeSet<String> = named.filter(|path| self.is_transcript(path)).cloned().collect();
        let mut others = BTreeSet::new();
        if depth >= ScanDepth::Full {
            self.file_system = pass.base.file_system();
            self.visit_folders(depth == ScanDepth::Rescan, pass);
            let turn = if depth == ScanDepth::Rescan {
                usize::MAX
            } else {
                self.turn()
            };
            let live_since = pass.live_since_ns;
            let at_rest = |file: &Transcript| file.tail.is_begun() && file.changed_ns < live_since;
            others.extend(turn_of(&self.files, &mut self.next_file, turn, at_rest));
            let at_work = self.files.iter().filter(|(_, file)| !at_rest(file));
            others.extend(at_work.map(|(path, _)| path.clone()));
        }
        // New names first: one of them may be a known file that was renamed, whose old name must not be read as another.
        let paths = named.iter().chain(others.difference(&named));
        let (known, new): (Vec<_>, Vec<_>) =
            paths.partition(|path| self.files.get(*path).is_some_and(|file| file.tail.is_begun()));
        let mut woke = depth >= ScanDepth::Full;
        for path in new.into_iter().chain(known) {
            woke |= self.examine(path, named.contains(path), pass);
        }
        if woke {
            self.settle_watches(pass);
        }
    }

    /// Looks at one file by `stat`: what it has to be read waits for its turn, or is read when it was `named`. Whether it
    /// woke up: was not known to be at work and is.
    fn examine(&mut self, path: &str, named: bool, pass: &mut ScanPass<'_>) -> bool {
        let mut transcript = self.files.remove(path).unwrap_or_default();
        let now = match pass.base.stat(Path::new(path)) {
            Ok(now) => now,
            Err(error) => {
                if self.failed(path, &mut transcript, &error, pass) {
                    self.files.insert(path.to_owned(), transcript);
                }
                return false;
            }
        };
        transcript.absent_once = false;
        // Its name says more than its number, which may have been that of a file that is gone.
        self.adopt_other_form(path, &mut transcript, &now, pass);
        if !transcript.tail.is_begun() {
            self.adopt_moved(path, &mut transcript, &now, pass);
        }
        // Nobody works on a packed file: it is an archive from the moment it is written.
        let live = (pass.is_live(now.mtime_ns) || self.agent.continues) && !pack::is_packed(path);
        let differs = transcript.tail.differs(&now) || transcript.tail.is_overdue(pass.now);
        let woke = live && !pass.is_live(transcript.changed_ns);
        transcript.changed_ns = now.mtime_ns;
        let left = match transcript.tail.is_replaced_by(&now) {
            true => now.size,
            false => now.size.saturating_sub(transcript.tail.offset()),
        };
        self.files.insert(path.to_owned(), transcript);
        match (differs, live, named) {
            (false, ..) => self.backlog.done(path),
            (true, true, true) if !self.agent.continues => {
                self.backlog.live(path, now.mtime_ns, left);
                let mut budget = LIVE_BYTES;
                self.read(path, Depth::Everything, &mut budget, pass);
            }
            (true, true, _) => self.backlog.live(path, self.turn_of_live(&now), left),
            (true, false, _) => self.backlog.archive(path, now.mtime_ns, left),
        }
        woke
    }

    /// When a file of an agent at work has its turn: the newest first, and those that continue each other before all others,
    /// in the order of their names.
    fn turn_of_live(&self, identity: &FileIdentity) -> i64 {
        if self.agent.continues {
            i64::MAX
        } else {
            identity.mtime_ns
        }
    }

    /// Reads what waits, in its turn.
    fn catch_up(&mut self, work: &Work, pass: &mut ScanPass<'_>) {
        let mut budget = if work.live || self.agent.continues {
            LIVE_BYTES
        } else {
            0
        };
        while budget > 0
            && let Some(path) = self.backlog.next_live()
        {
            self.read(&path, Depth::Everything, &mut budget, pass);
        }
        let mut budget = if work.archives { ARCHIVE_BYTES } else { 0 };
        while budget > 0
            && let Some(path) = self.backlog.next_archive()
        {
            self.read(&path, Depth::UsageOnly, &mut budget, pass);
        }
    }

    /// A file could not be looked at or read. Whether it is to be remembered.
    fn failed(&mut self, path: &str, transcript: &mut Transcript, error: &OpenError, pass: &mut ScanPass<'_>) -> bool {
        if error.is_missing() {
            return self.absent(path, transcript, pass);
        }
        transcript.absent_once = false;
        transcript.refused = true;
        self.backlog.done(path);
        self.report_refused(path, error, pass);
        true
    }

    /// The source's folder cannot be entered.
    fn away(&mut self, error: &OpenError, now: Timestamp, context: &Context) -> Outcome {
        let mut outcome = Outcome::default();
        self.lost.1 = std::mem::replace(&mut self.lost.0, true);
        if !self.lost.1 {
            outcome.recheck = Some(GRACE);
            return outcome;
        }
        folder::leave(&mut self.folders, &context.watcher);
        self.backlog.clear();
        let key = self.directory.clone();
        let fact = if error.is_missing() {
            self.problems.cleared(&key)
        } else {
            let message = context.cleaner.line(&error.to_string());
            self.problems.found(&key, ProblemKind::Unreadable, message, &key)
        };
        let origin = facts::internal(None);
        let event = fact.map(|fact| facts::event(&Default::default(), now, &origin, fact));
        outcome.batch.events.extend(event);
        outcome
    }

    fn checkpoint(&self, path: &str, checkpoint: SourceCheckpoint, pass: &mut ScanPass<'_>) {
        let key = SourceKey(self.key(path));
        pass.outcome.batch.checkpoints.push((key, checkpoint));
    }

    /// The absolute path as text: the name of a source and of its problems.
    fn key(&self, path: &str) -> String {
        folder::join(&self.directory, path)
    }
}

impl Source for Transcripts {
    fn work(&mut self, work: &Work, context: &Context) -> Outcome {
        let now = context.clock.now();
        let live_since = i64::try_from(context.archive_after_ms).map_or(i64::MIN, |after| {
            now.as_millis().saturating_sub(after).saturating_mul(1_000_000)
        });
        let mut outcome = match Base::open(&self.root).and_then(|root| root.sub_or_link(&self.relative)) {
            Err(error) => self.away(&error, now, context),
            Ok(base) => {
                self.lost = (false, false);
                let mut pass = ScanPass {
                    context,
                    base,
                    now,
                    live_since_ns: live_since,
                    numbers: None,
                    outcome: Outcome::default(),
                };
                self.scan(work, &mut pass);
                self.catch_up(work, &mut pass);
                pass.outcome
            }
        };
        outcome.unread = self.backlog.unread();
        outcome.indexed = self.backlog.take_counted();
        outcome
    }

    fn status(&self) -> Status {
        Status {
            gone: self.lost.1,
            unwatched: folder::unwatched(&self.folders),
            // Folders at rest have no watch.
            is_covered: self.file_system == FileSystem::Local
                && self.folders.values().all(|folder| folder.watch.is_some()),
            problems: self.problems.len(),
            transcripts: u64::try_from(self.files.len()).unwrap_or(u64::MAX),
            numbers: Vec::new(),
        }
    }

    fn forget_watch(&mut self, watch: WatchId) {
        folder::forget_watch(&mut self.folders, watch);
    }
}

impl ScanPass<'_> {
    fn is_live(&self, changed_ns: i64) -> bool {
        changed_ns >= self.live_since_ns
    }

    fn touched(&mut self, identity: &FileIdentity) {
        let at = facts::modified(identity, self.now);
        self.outcome.active_at = self.outcome.active_at.max(Some(at));
    }
}

impl Default for Transcript {
    fn default() -> Self {
        Self {
            tail: Tail::default(),
            state: String::new(),
            changed_ns: i64::MIN,
            first_sight: true,
            absent_once: false,
            refused: false,
            incomplete_once: false,
            inherited: false,
            lines: Lines::default(),
        }
    }
}

impl Transcript {
    /// A file of an earlier life.
    fn known(mut checkpoint: SourceCheckpoint) -> Self {
        Self {
            state: std::mem::take(&mut checkpoint.state),
            changed_ns: checkpoint.identity.mtime_ns,
            first_sight: false,
            inherited: true,
            tail: Tail::known(&checkpoint),
            ..Self::default()
        }
    }
}

/// The next so many entries for which `wanted` holds, from where the last turn ended and round the end.
fn turn_of<T>(
    entries: &BTreeMap<String, T>,
    next: &mut String,
    most: usize,
    wanted: impl Fn(&T) -> bool,
) -> Vec<String> {
    let from = entries.range((Bound::Included(next.clone()), Bound::Unbounded));
    let round = entries.range((Bound::Unbounded, Bound::Excluded(next.clone())));
    let mut turn = from
        .chain(round)
        .filter(|(_, entry)| wanted(entry))
        .map(|(path, _)| path);
    let taken: Vec<String> = turn.by_ref().take(most).cloned().collect();
    *next = turn.next().cloned().unwrap_or_default();
    taken
}

#[cfg(test)]
mod tests;
