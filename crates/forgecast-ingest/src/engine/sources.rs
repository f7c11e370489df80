//! The sources and the work that waits for each: requests add up while a source is read, and come out as one reading.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::{AddAssign, SubAssign};
use std::path::{Path, PathBuf};

use forgecast_protocol::{Batch, Event, Fact, SourceCheckpoint, SourceKey};
use tokio::time::Instant;

use super::jobs::{self, Lane};
use super::unread::Waiting;
use super::{Engine, OUTBOX, WatchTarget};
use crate::clock;
use crate::discover::WalkKind;
use crate::folder::{Number, number};
use crate::processes::Processes;
use crate::reconcile::{ACTIVE, Coverage, PollSchedule, Turn, Turns};
use crate::source::{Source, SourceId, Status};
use crate::source_set::{BUILDLOOP, MARKER, MARKERS, SourceSet, TASKS};
use crate::transcripts::Transcripts;
use crate::watch::WatchId;
use crate::work::{Outcome, Place, ScanDepth, SetKind, Unread, Work, directory_of};

/// How much work one piece of background work is made of.
const TOGETHER: usize = 96;
/// How much work a source is, beside a light look at one.
const CLOSER: usize = 6;

/// Most folders that are remembered because a run began there and they were not found yet.
const MAX_UNTOLD: usize = 1_000;

/// One source and what waits for it.
pub(super) struct SourceEntry {
    /// `None` while it is being read.
    source: Option<Box<dyn Source>>,
    pub(super) directory: PathBuf,
    pub(super) kind: SetKind,
    pub(super) root: usize,
    pub(super) work: Work,
    /// Whether it stands in the queue of urgent work, and in that of background work.
    queued: (bool, bool),
    /// Watches that ended by themselves.
    lost: Vec<WatchId>,
    /// Counts as active until then.
    active_until: Option<Instant>,
    /// Its place among those that wait to be looked at; `None` while it is being read, and before that.
    turn: Option<Turn>,
    looked_at: Instant,
    /// Light looks since the last closer one.
    light: u32,
    /// Read for the first time.
    pub(super) scanned: bool,
    /// As of its last reading.
    pub(super) status: Status,
    /// Transcripts that were not read to their end when it was last done.
    pub(super) unread: Unread,
}

impl SourceEntry {
    fn is_busy(&self) -> bool {
        self.source.is_none() || !self.work.is_empty()
    }

    /// How many of what its root is watched for were found in it.
    fn found(&self) -> u64 {
        match self.kind {
            _ if self.status.gone => 0,
            SetKind::Transcripts(_) | SetKind::Processes(_) => self.status.transcripts,
            SetKind::Project | SetKind::Checkpoint | SetKind::Logs => 1,
        }
    }
}

/// What is counted of all sources: it changes with one of them, so that nobody has to go through all to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Sources that were not read yet.
    pub(super) unscanned: u64,
    /// Sources with transcripts of agents at work that wait or are being read.
    pub(super) unread: u64,
    /// Sources for which something waits or that are being read.
    pub(super) busy: u64,
    /// Folders without a watch.
    pub(super) unwatched: u64,
    pub(super) problems: u64,
    pub(super) projects: u64,
    pub(super) transcripts: u64,
    found: Vec<u64>,
}

impl Totals {
    /// What was found below the root of this number.
    pub(super) fn found(&self, root: usize) -> u64 {
        self.found.get(root).copied().unwrap_or_default()
    }

    fn apply(&mut self, entry: &SourceEntry, apply: impl Fn(&mut u64, u64)) {
        apply(&mut self.unscanned, u64::from(!entry.scanned));
        apply(&mut self.unread, u64::from(entry.unread.live.is_some()));
        apply(&mut self.busy, u64::from(entry.is_busy()));
        apply(&mut self.unwatched, entry.status.unwatched);
        apply(&mut self.problems, entry.status.problems as u64);
        apply(&mut self.projects, u64::from(entry.kind == SetKind::Project));
        apply(&mut self.transcripts, entry.status.transcripts);
        if self.found.len() <= entry.root {
            self.found.resize(entry.root + 1, 0);
        }
        apply(&mut self.found[entry.root], entry.found());
    }
}

/// All sources.
pub(super) struct Sources {
    pub(super) entries: HashMap<SourceId, SourceEntry>,
    pub(super) totals: Totals,
    /// When each of them is looked at by `stat`.
    turns: Turns<SourceId>,
    by_directory: BTreeMap<(PathBuf, SetKind), SourceId>,
    /// Projects by the numbers of the folders that make them projects.
    by_number: HashMap<Number, SourceId>,
    /// Projects of an earlier life that are below no root of this one, by the same numbers.
    elsewhere: HashMap<Number, PathBuf>,
    urgent: VecDeque<SourceId>,
    background: VecDeque<SourceId>,
    /// Sources with transcripts to read that are not being read.
    pub(super) waiting: Waiting,
    /// Folders of projects whose documents are to be told anew as soon as they are found.
    untold: BTreeSet<PathBuf>,
    next: SourceId,
}

impl Sources {
    pub(super) fn new(schedule: PollSchedule) -> Self {
        Self {
            entries: HashMap::new(),
            totals: Totals::default(),
            turns: Turns::new(schedule),
            by_directory: BTreeMap::new(),
            urgent: VecDeque::new(),
            background: VecDeque::new(),
            waiting: Waiting::default(),
            untold: BTreeSet::new(),
            by_number: HashMap::new(),
            elsewhere: HashMap::new(),
            next: 0,
        }
    }

    fn insert(
        &mut self,
        source: Box<dyn Source>,
        directory: PathBuf,
        kind: SetKind,
        root: usize,
        now: Instant,
    ) -> SourceId {
        let id = self.next;
        self.next += 1;
        let entry = SourceEntry {
            status: source.status(),
            source: Some(source),
            directory: directory.clone(),
            kind,
            root,
            work: Work::default(),
            queued: (false, false),
            lost: Vec::new(),
            active_until: None,
            turn: None,
            looked_at: now,
            light: 0,
            scanned: false,
            unread: Unread::default(),
        };
        let numbers = entry.status.numbers.iter().map(|number| (*number, id));
        self.by_number.extend(numbers);
        self.totals.apply(&entry, u64::add_assign);
        self.by_directory.insert((directory, kind), id);
        self.entries.insert(id, entry);
        id
    }

    fn remove(&mut self, id: SourceId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.totals.apply(&entry, u64::sub_assign);
        self.waiting.remove(id, entry.unread);
        if let Some(turn) = entry.turn {
            self.turns.leave(&id, turn);
        }
        self.forget_numbers(id, &entry.status.numbers);
        self.by_directory.remove(&(entry.directory, entry.kind));
    }

    fn forget_numbers(&mut self, id: SourceId, numbers: &[Number]) {
        for number in numbers {
            if self.by_number.get(number) == Some(&id) {
                self.by_number.remove(number);
            }
        }
    }

    /// Changes a source and what is counted of it; `None` if there is no such source. Nothing else may change one.
    pub(super) fn update<T>(&mut self, id: SourceId, change: impl FnOnce(&mut SourceEntry) -> T) -> Option<T> {
        let entry = self.entries.get_mut(&id)?;
        self.totals.apply(entry, u64::sub_assign);
        let result = change(entry);
        self.totals.apply(entry, u64::add_assign);
        Some(result)
    }

    pub(super) fn find(&self, directory: &Path, kind: SetKind) -> Option<SourceId> {
        self.by_directory.get(&(directory.to_owned(), kind)).copied()
    }

    /// Sources in a folder or below it.
    pub(super) fn under(&self, directory: &Path) -> Vec<SourceId> {
        let from = (directory.to_owned(), SetKind::Project);
        let below = self
            .by_directory
            .range(from..)
            .take_while(|((path, _), _)| path.starts_with(directory));
        below.map(|(_, id)| *id).collect()
    }

    /// Requests more work; `lane` says how soon.
    pub(super) fn request_work(&mut self, id: SourceId, lane: Lane, request_work: impl FnOnce(&mut Work)) {
        let is_new = self.update(id, |entry| {
            request_work(&mut entry.work);
            let queued = match lane {
                Lane::Urgent => &mut entry.queued.0,
                _ => &mut entry.queued.1,
            };
            // A source that is being read comes back to the queue when it is done.
            entry.source.is_some() && !std::mem::replace(queued, true)
        });
        if is_new == Some(true) {
            match lane {
                Lane::Urgent => self.urgent.push_back(id),
                _ => self.background.push_back(id),
            }
        }
    }

    pub(super) fn scan(&mut self, id: SourceId, lane: Lane, depth: ScanDepth) {
        self.request_work(id, lane, |work| work.depth = work.depth.max(depth));
    }

    fn take(&mut self, lane: Lane, now: Instant) -> Option<(SourceId, Box<dyn Source>, Work)> {
        loop {
            let id = if lane == Lane::Urgent {
                self.urgent.pop_front()
            } else {
                self.background.pop_front()
            }?;
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            match lane {
                Lane::Urgent => entry.queued.0 = false,
                _ => entry.queued.1 = false,
            }
            if entry.work.is_empty() {
                continue;
            }
            if let Some((source, work)) = self.take_source(id, now) {
                return Some((id, source, work));
            }
        }
    }

    /// Takes a source with all its work, unless it is being read.
    pub(super) fn take_source(&mut self, id: SourceId, now: Instant) -> Option<(Box<dyn Source>, Work)> {
        let (source, work, unread, turn) = self.update(id, |entry| {
            let mut source = entry.source.take()?;
            for watch in entry.lost.drain(..) {
                source.forget_watch(watch);
            }
            let work = std::mem::take(&mut entry.work);
            match work.depth {
                ScanDepth::Named => {}
                ScanDepth::Light => (entry.looked_at, entry.light) = (now, entry.light + 1),
                ScanDepth::Full | ScanDepth::Rescan => (entry.looked_at, entry.light) = (now, 0),
            }
            Some((source, work, entry.unread, entry.turn.take()))
        })??;
        self.waiting.remove(id, unread);
        if let Some(turn) = turn {
            self.turns.leave(&id, turn);
        }
        Some((source, work))
    }
}

impl Engine {
    /// Starts what may start, urgent work first. Nothing starts while the sink does not keep up.
    pub(super) fn start_work(&mut self, now: Instant) {
        while self.outbox.len() < OUTBOX && self.jobs.has_room(Lane::Urgent) {
            let Some((id, mut source, work)) = self.sources.take(Lane::Urgent, now) else {
                break;
            };
            let entry = self.sources.entries.get(&id);
            let local = entry.is_some_and(|entry| !self.roots[entry.root].is_remote());
            if local && source.is_light(&work) {
                let outcome = jobs::read_source(&mut *source, &work, &self.context);
                self.source_done(id, source, outcome, now);
            } else {
                self.jobs.read(Lane::Urgent, vec![(id, source, work)], &self.context);
            }
        }
        while self.outbox.len() < OUTBOX && self.jobs.has_room(Lane::Background) {
            let (mut together, mut size) = (Vec::new(), 0);
            while size < TOGETHER
                && let Some((id, source, work)) = self.sources.take(Lane::Background, now)
            {
                size += if work.depth == ScanDepth::Light { 1 } else { CLOSER };
                together.push((id, source, work));
            }
            if together.is_empty() {
                break;
            }
            self.jobs.read(Lane::Background, together, &self.context);
        }
        self.start_reading(now);
        self.start_walks(now);
    }

    /// Files whose time has come.
    pub(super) fn take_due(&mut self, now: Instant) {
        if self.outbox.len() >= OUTBOX {
            return;
        }
        for (id, path) in self.files.take_due(now) {
            let key = (id, path);
            let again = self.again.remove(&key);
            let (id, path) = key;
            self.sources.request_work(id, Lane::Urgent, |work| {
                if path.is_empty() {
                    work.depth = work.depth.max(ScanDepth::Full);
                } else if again {
                    work.again.insert(path);
                } else {
                    work.changed.insert(path);
                }
            });
        }
    }

    /// A source that was found. It is read at once, and sooner than others when it has just appeared.
    pub(super) fn add_source(&mut self, root: usize, relative: PathBuf, kind: SetKind, soon: bool, now: Instant) {
        let lane = if soon { Lane::Urgent } else { Lane::Background };
        let directory = directory_of(&self.roots[root].path, &relative);
        if let Some(id) = self.sources.find(&directory, kind) {
            if self
                .sources
                .entries
                .get(&id)
                .is_some_and(|entry| entry.status.gone || soon)
            {
                self.sources.scan(id, lane, ScanDepth::Rescan);
            }
            return;
        }
        let known = self.known_below(&directory, kind);
        let path = self.roots[root].path.clone();
        let source: Box<dyn Source> = match kind {
            SetKind::Transcripts(agent) => Box::new(Transcripts::new(agent, path, relative, known)),
            SetKind::Processes(agent) => match &agent.processes {
                Some(files) => Box::new(Processes::new(files, path, known)),
                None => return,
            },
            _ => Box::new(SourceSet::new(kind, path, relative, known)),
        };
        let retell = kind == SetKind::Project && self.sources.untold.remove(&directory);
        let id = self.sources.insert(source, directory, kind, root, now);
        self.sources.request_work(id, lane, |work| work.retell = retell);
        self.sources.scan(id, lane, ScanDepth::Rescan);
    }

    /// Asks the project that has one of these numbers whether it is at this place by now. Returns whether there is one.
    pub(super) fn ask_to_follow(&mut self, place: Place, numbers: &[Number], now: Instant) -> bool {
        if self.sources.find(&place.directory(), SetKind::Project).is_some() {
            return false;
        }
        let known = numbers
            .iter()
            .find_map(|number| self.sources.by_number.get(number).copied());
        let Some(id) = known.or_else(|| self.adopt_from_elsewhere(&place, numbers, now)) else {
            return false;
        };
        self.sources
            .request_work(id, Lane::Urgent, |work| work.place = Some(place));
        true
    }

    /// A project of an earlier life that has one of these numbers and is below no root of this one: a root was renamed.
    fn adopt_from_elsewhere(&mut self, place: &Place, numbers: &[Number], now: Instant) -> Option<SourceId> {
        let is_elsewhere = |directory: &PathBuf| *directory != place.directory();
        let found = numbers.iter().find_map(|number| self.sources.elsewhere.get(number));
        let directory = found.filter(|directory| is_elsewhere(directory)).cloned()?;
        let known = self.known_below(&directory, SetKind::Project);
        let source = SourceSet::new(SetKind::Project, directory.clone(), PathBuf::new(), known);
        let source = Box::new(source);
        let id = self
            .sources
            .insert(source, directory, SetKind::Project, place.number, now);
        Some(id)
    }

    /// A project was asked whether it is at another place by now.
    fn asked_to_follow(&mut self, id: SourceId, place: Place, is_there: bool, now: Instant) {
        let Some(entry) = self.sources.entries.get(&id) else {
            return;
        };
        let (before, old_root) = (entry.directory.clone(), entry.root);
        let below_root = before.strip_prefix(&self.roots[entry.root].path).map(Path::to_owned);
        if !is_there {
            if below_root.is_err() {
                self.sources.remove(id);
            }
            return self.add_source(place.number, place.relative, SetKind::Project, true, now);
        }
        self.sources.update(id, |entry| {
            entry.directory = place.directory();
            entry.root = place.number;
        });
        self.sources.by_directory.remove(&(before, SetKind::Project));
        self.sources
            .by_directory
            .insert((place.directory(), SetKind::Project), id);
        self.sources.scan(id, Lane::Urgent, ScanDepth::Rescan);
        // Another project may stand where it was.
        if let Ok(relative) = below_root {
            self.explore(old_root, relative, 0, false);
        }
    }

    /// Takes the checkpoints of an earlier life that belong to a folder, by path within it.
    fn known_below(&mut self, directory: &Path, kind: SetKind) -> BTreeMap<String, SourceCheckpoint> {
        let folder = format!("{}/", directory.to_string_lossy());
        let cut = folder.len();
        let prefixes = match kind {
            SetKind::Project => {
                let folders = [MARKER, BUILDLOOP].map(|inner| format!("{folder}{inner}/"));
                let lists = TASKS.map(|name| format!("{folder}{name}"));
                folders.into_iter().chain(lists).collect()
            }
            SetKind::Processes(agent) => {
                let files = agent.processes.as_ref();
                let folders = files.into_iter().flat_map(|files| [files.processes, files.jobs]);
                folders.map(|inner| format!("{folder}{inner}/")).collect()
            }
            _ => vec![folder.clone()],
        };
        let mut keys: Vec<SourceKey> = Vec::new();
        for prefix in prefixes {
            let below = self.known.range(SourceKey(prefix.clone())..).map(|(key, _)| key);
            keys.extend(below.take_while(|key| key.0.starts_with(&prefix)).cloned());
        }
        if kind == SetKind::Project {
            keys.extend(MARKERS.map(|name| SourceKey(format!("{folder}{name}"))));
        }
        let taken = keys.into_iter().filter_map(|key| {
            let checkpoint = self.known.remove(&key)?;
            // Kept for a file that is gone: nothing is known of it.
            (checkpoint != SourceCheckpoint::default()).then(|| (key.0[cut..].to_owned(), checkpoint))
        });
        taken.collect()
    }

    /// Projects of an earlier life that lie under a root are sources even if they are gone: that is news, too.
    pub(super) fn adopt_known_projects(&mut self) {
        let endings = [
            format!("/{MARKER}/current-phase.json"),
            format!("/{BUILDLOOP}/run-manifest.json"),
        ];
        let global = self.context.home.as_ref().map(|home| home.join(MARKER));
        let is_global = |key: &&SourceKey| {
            global
                .as_ref()
                .is_some_and(|global| Path::new(&key.0).starts_with(global))
        };
        let project = |key: &'_ SourceKey| {
            endings
                .iter()
                .find_map(|ending| key.0.strip_suffix(ending).map(str::to_owned))
        };
        let of_projects = self.known.keys().filter(|key| !is_global(key)).filter_map(project);
        let folders: Vec<PathBuf> = of_projects.map(PathBuf::from).collect();
        let markers = self.known.iter().filter_map(|(key, known)| {
            let folder = MARKERS
                .iter()
                .find_map(|name| key.0.strip_suffix(&format!("/{name}")))?;
            Some((number(&known.identity), PathBuf::from(folder)))
        });
        self.sources.elsewhere = markers.collect();
        for folder in folders {
            let root = self
                .roots
                .iter()
                .position(|root| root.kind == WalkKind::Projects && folder.starts_with(&root.path));
            if let Some(root) = root
                && let Ok(relative) = folder.strip_prefix(&self.roots[root].path)
            {
                self.add_source(root, relative.to_owned(), SetKind::Project, false, Instant::now());
            }
        }
    }

    /// A source was read.
    pub(super) fn source_done(
        &mut self,
        id: SourceId,
        source: Box<dyn Source>,
        outcome: Option<Outcome>,
        now: Instant,
    ) {
        let outcome = outcome.unwrap_or_else(|| {
            tracing::error!(source = id, "reading a source failed by a fault of Forgecast");
            Outcome::default()
        });
        let active_until = outcome.active_at.and_then(|at| {
            let age = std::time::Duration::from_millis(clock::wall().millis_since(at));
            ACTIVE.checked_sub(age).map(|left| now + left)
        });
        let status = source.status();
        let numbers = status.numbers.clone();
        let updated = self.sources.update(id, |entry| {
            entry.scanned = true;
            entry.unread = outcome.unread;
            entry.active_until = entry.active_until.max(active_until);
            entry.source = Some(source);
            (!entry.work.is_empty(), std::mem::replace(&mut entry.status, status))
        });
        let Some((is_waiting, before)) = updated else { return };
        if before.numbers != numbers {
            self.sources.forget_numbers(id, &before.numbers);
            self.sources
                .by_number
                .extend(numbers.into_iter().map(|number| (number, id)));
        }
        self.sources.waiting.put(id, outcome.unread);
        self.take_turn(id, now);
        if is_waiting {
            self.sources.request_work(id, Lane::Urgent, |_| ());
        }
        for (watch, folder) in outcome.watches {
            self.learn(watch, WatchTarget::Source(id, folder));
            if self.unknown_watches.contains(&watch) {
                self.sources.scan(id, Lane::Urgent, ScanDepth::Full);
            }
        }
        for (path, wait) in outcome.retry {
            let key = (id, path);
            self.files.failed(&key);
            self.files.at(&key, now + wait);
            self.again.insert(key);
        }
        for (path, wait) in outcome.unfinished {
            self.files.at(&(id, path), now + wait);
        }
        if let Some(wait) = outcome.recheck {
            self.files.at(&(id, String::new()), now + wait);
        }
        if !outcome.more.is_empty() {
            self.sources
                .request_work(id, Lane::Background, |work| work.changed.extend(outcome.more));
        }
        self.counters.unknown_records += outcome.unknown_records;
        self.counters.bad_lines += outcome.bad_lines;
        self.counters.reads += outcome.reads;
        self.counters.looks += outcome.looks;
        self.counters.bytes_read += outcome.bytes;
        self.counters.folders_listed += outcome.listed;
        if let Some((place, is_there)) = outcome.place.map(|asked| *asked) {
            self.asked_to_follow(id, place, is_there, now);
        }
        self.retell_documents(&outcome.batch);
        if !outcome.batch.is_empty() {
            self.outbox.push_back(outcome.batch);
        }
        self.indexed(&outcome.indexed);
    }

    /// A run that begins in a folder is whose documents there are from now on: they are told anew, after its beginning.
    fn retell_documents(&mut self, batch: &Batch) {
        let begins = |event: &&Event| matches!(&event.fact, Fact::SessionSeen(seen) if seen.run.is_some());
        let folders = batch.events.iter().filter(begins);
        let folders: BTreeSet<&str> = folders.filter_map(|event| event.subject.directory.as_deref()).collect();
        for folder in folders {
            match self.sources.find(Path::new(folder), SetKind::Project) {
                Some(id) => self.sources.request_work(id, Lane::Urgent, |work| work.retell = true),
                None if self.sources.untold.len() < MAX_UNTOLD => _ = self.sources.untold.insert(folder.into()),
                None => {}
            }
        }
    }

    /// A source that was read waits until it is looked at again.
    fn take_turn(&mut self, id: SourceId, now: Instant) {
        let Some(entry) = self.sources.entries.get_mut(&id) else {
            return;
        };
        let coverage = if entry.status.unwatched > 0 || self.roots[entry.root].is_remote() {
            Coverage::None
        } else if entry.status.is_covered && self.was_notified {
            Coverage::Full
        } else {
            Coverage::Partial
        };
        let pace = self.polls.pace(entry.active_until, coverage, now);
        entry.turn = Some(self.sources.turns.join(&id, pace, entry.looked_at));
    }

    /// Rounds of `stat`.
    pub(super) fn plan_looks(&mut self, now: Instant) {
        for (id, pace) in self.sources.turns.take_due(now) {
            let light = self.sources.update(id, |entry| {
                entry.turn = None;
                entry.light
            });
            let depth = pace.depth(light.unwrap_or_default());
            self.sources.scan(id, Lane::Background, depth);
        }
    }

    /// A watch is for this.
    pub(super) fn learn(&mut self, watch: WatchId, target: WatchTarget) {
        // Nearly every watch is for one.
        let targets = self.targets.entry(watch).or_insert_with(|| Vec::with_capacity(1));
        if !targets.contains(&target) {
            targets.push(target);
        }
    }

    /// A source's watch ended; it is set again by the next look.
    pub(super) fn source_lost_watch(&mut self, id: SourceId, watch: WatchId) {
        self.sources.update(id, |entry| entry.lost.push(watch));
        self.sources.scan(id, Lane::Urgent, ScanDepth::Full);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::work::Context;

    struct Nothing;

    impl Source for Nothing {
        fn work(&mut self, _: &Work, _: &Context) -> Outcome {
            Outcome::default()
        }

        fn status(&self) -> Status {
            Status::default()
        }

        fn forget_watch(&mut self, _: WatchId) {}
    }

    proptest! {
        #[test]
        fn totals_are_what_counting_all_gives(
            steps in prop::collection::vec((0_u8..7, 0_u64..8, 0_u8..4), 1..60),
        ) {
            let schedule = PollSchedule { poll: false, every: Duration::from_secs(5) };
            let mut sources = Sources::new(schedule);
            for (step, id, number) in steps {
                match step {
                    0 => {
                        let directory = PathBuf::from(sources.next.to_string());
                        let kind = [SetKind::Project, SetKind::Logs][usize::from(number % 2)];
                        sources.insert(Box::new(Nothing), directory, kind, number.into(), Instant::now());
                    }
                    1 => sources.scan(id, Lane::Background, ScanDepth::Light),
                    2 => sources.request_work(id, Lane::Urgent, |work| work.retell = true),
                    3 => _ = sources.take_source(id, Instant::now()),
                    4 => _ = sources.take(Lane::Background, Instant::now()),
                    5 => sources.remove(id),
                    _ => _ = sources.update(id, |entry| {
                        entry.source = Some(Box::new(Nothing));
                        entry.scanned = true;
                        entry.unread.live = (number > 1).then_some(1);
                        entry.status = Status {
                            gone: number == 1,
                            unwatched: number.into(),
                            problems: 2,
                            transcripts: number.into(),
                            ..Status::default()
                        };
                    }),
                }
                let mut counted = Totals::default();
                for entry in sources.entries.values() {
                    counted.apply(entry, u64::add_assign);
                }
                counted.found.resize(sources.totals.found.len(), 0);
                prop_assert_eq!(&sources.totals, &counted);
            }
        }
    }
}
