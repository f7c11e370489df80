//! The groups and the work that waits for each: wishes add up while a group is read, and come out as one reading.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};

use forgecast_protocol::{SourceCheckpoint, SourceKey};
use tokio::time::Instant;

use super::jobs::{self, Lane};
use super::unread::Waiting;
use super::{Engine, OUTBOX, Place};
use crate::clock;
use crate::discover::WalkKind;
use crate::group::{BUILDLOOP, GroupKind, Look, MARKER, Outcome, TASKS, Work, directory_of};
use crate::reconcile::{ACTIVE, Turn};
use crate::transcripts::Unread;
use crate::unit::Unit;
use crate::watch::WatchId;

/// A group's number, for as long as the process runs.
pub(super) type GroupId = u64;

/// So many groups are looked at in one piece of background work.
const TOGETHER: usize = 16;

/// One group and what waits for it.
pub(super) struct Slot {
    /// `None` while it is being read.
    group: Option<Box<Unit>>,
    pub(super) directory: PathBuf,
    pub(super) kind: GroupKind,
    pub(super) root: usize,
    pub(super) work: Work,
    /// Whether it stands in the queue of urgent work, and in that of background work.
    queued: (bool, bool),
    /// Watches that ended by themselves.
    lost: Vec<WatchId>,
    turn: Turn,
    /// Read for the first time.
    pub(super) scanned: bool,
    pub(super) gone: bool,
    pub(super) unwatched: u64,
    pub(super) troubles: usize,
    /// Transcripts known in it.
    pub(super) transcripts: u64,
    /// Those that were not read to their end when it was last done.
    pub(super) unread: Unread,
}

/// All groups.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) slots: HashMap<GroupId, Slot>,
    by_directory: BTreeMap<(PathBuf, GroupKind), GroupId>,
    urgent: VecDeque<GroupId>,
    background: VecDeque<GroupId>,
    /// Groups with transcripts to read that are not being read.
    pub(super) waiting: Waiting,
    next: GroupId,
}

impl Groups {
    pub(super) fn find(&self, directory: &Path, kind: GroupKind) -> Option<GroupId> {
        self.by_directory.get(&(directory.to_owned(), kind)).copied()
    }

    /// Groups in a folder or below it.
    pub(super) fn under(&self, directory: &Path) -> Vec<GroupId> {
        let from = (directory.to_owned(), GroupKind::Project);
        let below = self
            .by_directory
            .range(from..)
            .take_while(|((path, _), _)| path.starts_with(directory));
        below.map(|(_, id)| *id).collect()
    }

    /// Wishes for more work; `lane` says how soon.
    pub(super) fn wish(&mut self, id: GroupId, lane: Lane, wish: impl FnOnce(&mut Work)) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        wish(&mut slot.work);
        let (queue, queued) = match lane {
            Lane::Urgent => (&mut self.urgent, &mut slot.queued.0),
            _ => (&mut self.background, &mut slot.queued.1),
        };
        // A group that is being read comes back to the queue when it is done.
        if slot.group.is_some() && !std::mem::replace(queued, true) {
            queue.push_back(id);
        }
    }

    pub(super) fn look(&mut self, id: GroupId, lane: Lane, look: Look) {
        self.wish(id, lane, |work| work.look = work.look.max(look));
    }

    pub(super) fn all_scanned(&self) -> bool {
        self.slots.values().all(|slot| slot.scanned)
    }

    /// Whether nothing waits and nothing is being read.
    pub(super) fn is_quiet(&self) -> bool {
        self.slots
            .values()
            .all(|slot| slot.group.is_some() && slot.work.is_empty())
    }

    fn take(&mut self, lane: Lane, now: Instant) -> Option<(GroupId, Box<Unit>, Work)> {
        loop {
            let id = if lane == Lane::Urgent {
                self.urgent.pop_front()
            } else {
                self.background.pop_front()
            }?;
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            match lane {
                Lane::Urgent => slot.queued.0 = false,
                _ => slot.queued.1 = false,
            }
            if slot.work.is_empty() {
                continue;
            }
            if let Some((group, work)) = self.take_group(id, now) {
                return Some((id, group, work));
            }
        }
    }

    /// Takes a group with all its work, unless it is being read.
    pub(super) fn take_group(&mut self, id: GroupId, now: Instant) -> Option<(Box<Unit>, Work)> {
        let slot = self.slots.get_mut(&id)?;
        let mut group = slot.group.take()?;
        self.waiting.remove(id, slot.unread);
        for watch in slot.lost.drain(..) {
            group.forget_watch(watch);
        }
        let work = std::mem::take(&mut slot.work);
        if work.look > Look::Named {
            slot.turn.looked_at = now;
            slot.turn.light = if work.look == Look::Light {
                slot.turn.light + 1
            } else {
                0
            };
        }
        Some((group, work))
    }
}

impl Engine {
    /// Starts what may start, urgent work first. Nothing starts while the sink does not keep up.
    pub(super) fn start_work(&mut self, now: Instant) {
        while self.outbox.len() < OUTBOX && self.jobs.has_room(Lane::Urgent) {
            let Some((id, mut group, work)) = self.groups.take(Lane::Urgent, now) else {
                break;
            };
            let local = self
                .groups
                .slots
                .get(&id)
                .is_some_and(|slot| !self.roots[slot.root].remote);
            if local && group.is_light(&work) {
                let outcome = jobs::read_group(&mut group, &work, &self.context);
                self.group_done(id, group, outcome, now);
            } else {
                self.jobs.read(Lane::Urgent, vec![(id, group, work)], &self.context);
            }
        }
        while self.outbox.len() < OUTBOX && self.jobs.has_room(Lane::Background) {
            let mut together = Vec::new();
            while together.len() < TOGETHER
                && let Some(work) = self.groups.take(Lane::Background, now)
            {
                together.push(work);
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
            self.groups.wish(id, Lane::Urgent, |work| {
                if path.is_empty() {
                    work.look = work.look.max(Look::Full);
                } else if again {
                    work.again.insert(path);
                } else {
                    work.changed.insert(path);
                }
            });
        }
    }

    /// A group that was found. It is read at once, and sooner than others when it has just appeared.
    pub(super) fn add_group(&mut self, root: usize, relative: PathBuf, kind: GroupKind, soon: bool, now: Instant) {
        let lane = if soon { Lane::Urgent } else { Lane::Background };
        let directory = directory_of(&self.roots[root].path, &relative);
        if let Some(id) = self.groups.find(&directory, kind) {
            if self.groups.slots.get(&id).is_some_and(|slot| slot.gone || soon) {
                self.groups.look(id, lane, Look::Rescan);
            }
            return;
        }
        let known = self.known_below(&directory, kind);
        let group = Unit::new(kind, self.roots[root].path.clone(), relative, known);
        let id = self.groups.next;
        self.groups.next += 1;
        let slot = Slot {
            group: Some(Box::new(group)),
            directory: directory.clone(),
            kind,
            root,
            work: Work::default(),
            queued: (false, false),
            lost: Vec::new(),
            turn: Turn {
                active_until: None,
                unwatched: true,
                looked_at: now,
                light: 0,
            },
            scanned: false,
            gone: false,
            unwatched: 0,
            troubles: 0,
            transcripts: 0,
            unread: Unread::default(),
        };
        self.groups.slots.insert(id, slot);
        self.groups.by_directory.insert((directory, kind), id);
        self.groups.look(id, lane, Look::Rescan);
    }

    /// Takes the checkpoints of an earlier life that belong to a folder, by path within it.
    fn known_below(&mut self, directory: &Path, kind: GroupKind) -> BTreeMap<String, SourceCheckpoint> {
        let folder = format!("{}/", directory.to_string_lossy());
        let cut = folder.len();
        let prefixes = match kind {
            GroupKind::Project => vec![
                format!("{folder}{MARKER}/"),
                format!("{folder}{BUILDLOOP}/"),
                format!("{folder}{TASKS}"),
            ],
            _ => vec![folder],
        };
        let mut keys: Vec<SourceKey> = Vec::new();
        for prefix in prefixes {
            let below = self.known.range(SourceKey(prefix.clone())..).map(|(key, _)| key);
            keys.extend(below.take_while(|key| key.0.starts_with(&prefix)).cloned());
        }
        let taken = keys.into_iter().filter_map(|key| {
            let checkpoint = self.known.remove(&key)?;
            // Kept for a file that is gone: nothing is known of it.
            (checkpoint != SourceCheckpoint::default()).then(|| (key.0[cut..].to_owned(), checkpoint))
        });
        taken.collect()
    }

    /// Projects of an earlier life that lie under a root are groups even if they are gone: that is news, too.
    pub(super) fn adopt_known_projects(&mut self) {
        let endings = [
            format!("/{MARKER}/current-phase.json"),
            format!("/{BUILDLOOP}/run-manifest.json"),
        ];
        let project = |key: &'_ SourceKey| {
            endings
                .iter()
                .find_map(|ending| key.0.strip_suffix(ending).map(str::to_owned))
        };
        let folders: Vec<PathBuf> = self.known.keys().filter_map(project).map(PathBuf::from).collect();
        for folder in folders {
            let root = self
                .roots
                .iter()
                .position(|root| root.kind == WalkKind::Projects && folder.starts_with(&root.path));
            if let Some(root) = root
                && let Ok(relative) = folder.strip_prefix(&self.roots[root].path)
            {
                self.add_group(root, relative.to_owned(), GroupKind::Project, false, Instant::now());
            }
        }
    }

    /// A group was read.
    pub(super) fn group_done(&mut self, id: GroupId, group: Box<Unit>, outcome: Option<Outcome>, now: Instant) {
        let outcome = outcome.unwrap_or_else(|| {
            tracing::error!(group = id, "reading a group failed by a fault of Forgecast");
            Outcome::default()
        });
        let remote = self
            .groups
            .slots
            .get(&id)
            .is_some_and(|slot| self.roots[slot.root].remote);
        let Some(slot) = self.groups.slots.get_mut(&id) else {
            return;
        };
        slot.scanned = true;
        slot.gone = group.is_gone();
        slot.unwatched = group.unwatched();
        slot.troubles = group.troubles();
        slot.transcripts = group.transcripts();
        slot.unread = outcome.unread;
        slot.turn.unwatched = slot.unwatched > 0 || remote;
        if let Some(at) = outcome.active_at {
            let age = std::time::Duration::from_millis(clock::wall().millis_since(at));
            slot.turn.active_until = slot
                .turn
                .active_until
                .max(ACTIVE.checked_sub(age).map(|left| now + left));
        }
        slot.group = Some(group);
        self.groups.waiting.put(id, outcome.unread);
        let waiting = !slot.work.is_empty();
        if waiting {
            self.groups.wish(id, Lane::Urgent, |_| ());
        }
        for (watch, folder) in outcome.watches {
            self.learn(watch, Place::Group(id, folder));
            if self.strangers.contains(&watch) {
                self.groups.look(id, Lane::Urgent, Look::Full);
            }
        }
        for (path, wait) in outcome.retry {
            let key = (id, path);
            self.files.failed(&key);
            self.files.at(&key, now + wait);
            self.again.insert(key);
        }
        if let Some(wait) = outcome.recheck {
            self.files.at(&(id, String::new()), now + wait);
        }
        if !outcome.more.is_empty() {
            self.groups
                .wish(id, Lane::Background, |work| work.changed.extend(outcome.more));
        }
        self.counters.unknown_records += outcome.unknown_records;
        self.counters.bad_lines += outcome.bad_lines;
        self.counters.reads += outcome.reads;
        self.counters.looks += outcome.looks;
        self.counters.bytes_read += outcome.bytes;
        self.counters.folders_listed += outcome.listed;
        if !outcome.batch.is_empty() {
            self.outbox.push_back(outcome.batch);
        }
        self.indexed(&outcome.indexed);
    }

    /// Rounds of `stat`.
    pub(super) fn plan_looks(&mut self, now: Instant) {
        let active = |slot: &Slot| slot.turn.active_until.is_some_and(|until| until > now);
        let idle = self.groups.slots.values().filter(|slot| !active(slot)).count();
        let due: Vec<(GroupId, Look)> = self
            .groups
            .slots
            .iter()
            .filter(|(_, slot)| slot.scanned && slot.group.is_some() && slot.work.is_empty())
            .filter_map(|(id, slot)| Some((*id, self.rounds.due(&slot.turn, idle, now)?)))
            .collect();
        for (id, look) in due {
            self.groups.look(id, Lane::Background, look);
        }
    }

    /// A watch is for this.
    pub(super) fn learn(&mut self, watch: WatchId, place: Place) {
        let places = self.places.entry(watch).or_default();
        if !places.contains(&place) {
            places.push(place);
        }
    }

    /// A group's watch ended; it is set again by the next look.
    pub(super) fn group_lost_watch(&mut self, id: GroupId, watch: WatchId) {
        if let Some(slot) = self.groups.slots.get_mut(&id) {
            slot.lost.push(watch);
        }
        self.groups.look(id, Lane::Urgent, Look::Full);
    }
}
