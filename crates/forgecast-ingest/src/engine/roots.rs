//! The configured folders and the folders between them and the projects: whether they are there, when they are walked,
//! and which of them must be compared by `stat` because nobody tells us of changes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use forgecast_protocol::{FileIdentity, ProblemKind, Timestamp};
use tokio::time::Instant;

use super::jobs::{Done, Lane, RootCheck};
use super::{Engine, OUTBOX, Place};
use crate::clock;
use crate::discover::{Found, WATCHED_LEVELS, Walk};
use crate::group::{Look, directory_of};
use crate::health::{RootKind, RootState};
use crate::open::{Base, OpenError};
use crate::watch::WatchId;
use crate::Error;

/// The configured folders are looked at this often: a handful of `stat`s.
const CHECK: Duration = Duration::from_secs(1);
/// A walk takes at most this share of the time.
const WALK_SHARE: u32 = 200;
/// A folder that just appeared deep in the tree may still be filled: it is explored again after these times.
const EXPLORE_AGAIN: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(2)];
/// Watched folders compared by `stat` per second, all together.
const FOLDERS_PER_SECOND: usize = 200;

/// A configured folder.
pub(super) struct Root {
    pub(super) path: PathBuf,
    pub(super) kind: RootKind,
    pub(super) state: RootState,
    pub(super) message: Option<String>,
    /// Others can change it without the system noticing.
    pub(super) remote: bool,
    identity: Option<(u64, u64)>,
    /// Its first walk is over, or it is not there.
    pub(super) settled: bool,
    next_walk: Option<Instant>,
    walking: bool,
    walk_wanted: bool,
    checked: Option<Instant>,
}

impl Root {
    pub(super) fn new(path: &Path, kind: RootKind) -> Result<Self, Error> {
        let resolve = |source| Error::ResolveFolder { path: path.to_owned(), source };
        // Of a folder that is there, its real path: two roots that are one are seen as one.
        let real = path.canonicalize().or_else(|_| std::path::absolute(path)).map_err(resolve)?;
        Ok(Self {
            path: real,
            kind,
            state: RootState::Missing,
            message: None,
            remote: false,
            identity: None,
            settled: false,
            next_walk: None,
            walking: false,
            walk_wanted: false,
            checked: None,
        })
    }

    pub(super) fn check_now(&mut self) {
        self.checked = None;
    }

    pub(super) fn walk_now(&mut self) {
        self.walk_wanted = true;
    }

    fn is_there(&self) -> bool {
        matches!(self.state, RootState::Watching | RootState::Polling)
    }

    fn key(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

struct Node {
    root: usize,
    relative: PathBuf,
    watch: Option<WatchId>,
    stamp: Option<FileIdentity>,
    compared: Instant,
}

/// The folders that are followed between the roots and the projects.
#[derive(Default)]
pub(super) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    /// Folders to be explored.
    explore: Vec<Walk>,
    /// The same, later.
    later: Vec<(Instant, Walk)>,
    explored: HashMap<(usize, PathBuf), usize>,
}

impl Tree {
    /// Folders without a watch.
    pub(super) fn unwatched(&self) -> u64 {
        u64::try_from(self.nodes.values().filter(|node| node.watch.is_none()).count()).unwrap_or(u64::MAX)
    }

    pub(super) fn is_exploring(&self) -> bool {
        !self.explore.is_empty()
    }
}

impl Engine {
    /// Looks at the configured folders.
    pub(super) fn check_roots(&mut self, now: Instant) {
        let due = |root: &Root| root.checked.is_none_or(|at| now.saturating_duration_since(at) >= CHECK);
        if !self.jobs.has_room(Lane::Roots) || !self.roots.iter().any(due) {
            return;
        }
        let paths: Vec<(usize, PathBuf)> =
            self.roots.iter().enumerate().map(|(number, root)| (number, root.path.clone())).collect();
        for root in &mut self.roots {
            root.checked = Some(now);
        }
        self.jobs.spawn(Lane::Roots, Vec::new(), move |done| {
            let check = |path: &Path| -> RootCheck {
                let base = Base::open(path)?;
                Ok((base.enter()?, base.is_remote()))
            };
            let states = paths.into_iter().map(|(number, path)| (number, check(&path))).collect();
            let _ = done.blocking_send(Done::Roots(states));
        });
    }

    pub(super) fn roots_checked(&mut self, states: Vec<(usize, RootCheck)>, now: Instant) {
        for (number, state) in states {
            match state {
                Ok((identity, remote)) => self.root_is_there(number, &identity, remote, now),
                Err(error) => self.root_is_away(number, &error),
            }
        }
    }

    fn root_is_there(&mut self, number: usize, identity: &FileIdentity, remote: bool, now: Instant) {
        let polling = self.options.poll || remote || self.without_hints.is_some();
        let root = &mut self.roots[number];
        let which = Some((identity.device, identity.inode));
        let (was_there, same) = (root.is_there(), root.identity == which);
        root.state = if polling { RootState::Polling } else { RootState::Watching };
        root.remote = remote;
        root.message = None;
        let (path, key) = (root.path.clone(), root.key());
        if was_there && same {
            return;
        }
        root.identity = which;
        root.next_walk = Some(now);
        self.trouble_over(&key);
        self.forget_folder(&path);
        if remote {
            let message = format!("{key} is on a file system that reports no changes of others; it is polled");
            self.trouble(&format!("{key}#remote"), ProblemKind::Degraded, message, &key);
        }
        for id in self.groups.under(&path) {
            self.groups.look(id, Lane::Background, Look::Rescan);
        }
    }

    fn root_is_away(&mut self, number: usize, error: &OpenError) {
        let missing = error.is_missing();
        let root = &mut self.roots[number];
        let (was_there, path, key) = (root.is_there(), root.path.clone(), root.key());
        root.state = if missing { RootState::Missing } else { RootState::Unreadable };
        root.identity = None;
        root.settled = true;
        let message = if missing {
            format!("the folder {key} is not there; it is watched as soon as it is")
        } else {
            format!("the folder {key} cannot be read; it is watched as soon as it can be")
        };
        root.message = Some(message.clone());
        let kind = if missing { ProblemKind::Missing } else { ProblemKind::Unreadable };
        self.trouble(&key, kind, message, &key);
        if was_there {
            self.forget_folder(&path);
            for id in self.groups.under(&path) {
                self.groups.look(id, Lane::Urgent, Look::Full);
            }
        }
    }

    /// Walks that are due by time.
    pub(super) fn plan_walks(&mut self, now: Instant) {
        for root in &mut self.roots {
            if root.is_there() && root.next_walk.is_some_and(|at| at <= now) {
                root.walk_wanted = true;
            }
        }
        let due = self.tree.later.extract_if(.., |(at, _)| *at <= now).map(|(_, walk)| walk);
        self.tree.explore.extend(due);
    }

    /// Starts walks: folders that appeared at once, whole roots one at a time.
    pub(super) fn start_walks(&mut self, now: Instant) {
        if self.outbox.len() >= OUTBOX {
            return;
        }
        if !self.tree.explore.is_empty() && self.jobs.has_room(Lane::Explore) {
            let mut walks = std::mem::take(&mut self.tree.explore);
            walks.dedup();
            self.jobs.walk(walks, false, &self.context);
        }
        if self.jobs.has_room(Lane::Walk)
            && let Some(number) = self.roots.iter().position(|root| root.walk_wanted && root.is_there() && !root.walking)
        {
            let root = &mut self.roots[number];
            (root.walk_wanted, root.walking) = (false, true);
            root.next_walk = Some(now + Duration::from_millis(self.options.discover_ms));
            let walk = Walk::whole(number, root.path.clone(), root.kind);
            self.jobs.walk(vec![walk], true, &self.context);
        }
    }

    /// A folder appeared or changed: what is in it?
    pub(super) fn explore(&mut self, root: usize, from: PathBuf, levels: usize, inside: bool) {
        let Root { path, kind, .. } = &self.roots[root];
        let walk = Walk { root, path: path.clone(), kind: *kind, from, levels, inside };
        let pruned = walk.from.components().any(|part| walk.is_pruned(part.as_os_str()));
        if !pruned && !self.tree.explore.contains(&walk) {
            self.tree.explore.push(walk);
        }
    }

    pub(super) fn found(&mut self, found: Found, soon: bool, now: Instant) {
        match found {
            Found::Group { root, relative, kind } => self.add_group(root, relative, kind, soon, now),
            Found::Folder { root, relative, watch, stamp } => {
                let directory = directory_of(&self.roots[root].path, &relative);
                if let Some(watch) = watch {
                    self.learn(watch, Place::Folder(root, relative.clone()));
                    if self.strangers.remove(&watch) {
                        self.explore(root, relative.clone(), 1, false);
                    }
                }
                let stamp = stamp.filter(|stamp| !is_recent(stamp));
                self.tree.nodes.insert(directory, Node { root, relative, watch, stamp, compared: now });
            }
        }
    }

    pub(super) fn walked(
        &mut self,
        walk: &Walk,
        whole: bool,
        result: Result<u64, OpenError>,
        took: Duration,
        now: Instant,
    ) {
        let root = &mut self.roots[walk.root];
        if whole {
            root.walking = false;
            root.settled = true;
            let wait = Duration::from_millis(self.options.discover_ms).max(took * WALK_SHARE);
            root.next_walk = Some(now + wait);
        } else if walk.from.components().count() >= WATCHED_LEVELS && !walk.from.as_os_str().is_empty() {
            self.explore_later(walk, now);
        }
        match result {
            Ok(listed) => self.counters.folders_listed += listed,
            // It is gone again, or the next look at the root says what is wrong.
            Err(error) => tracing::debug!(%error, "a folder could not be walked"),
        }
    }

    /// Below the watched levels nobody tells us what is made next in a new folder.
    fn explore_later(&mut self, walk: &Walk, now: Instant) {
        let key = (walk.root, walk.from.clone());
        let times = self.tree.explored.entry(key.clone()).or_default();
        match EXPLORE_AGAIN.get(*times) {
            Some(wait) => {
                *times += 1;
                self.tree.later.push((now + *wait, walk.clone()));
            }
            None => {
                self.tree.explored.remove(&key);
            }
        }
    }

    /// Compares folders: all those that nobody tells us about, and a few of the others in turn.
    pub(super) fn check_folders(&mut self, now: Instant) {
        if !self.jobs.has_room(Lane::Folders) {
            return;
        }
        let wait = if self.options.poll { CHECK } else { self.rounds.every.mul_f64(0.6) };
        let mut left = FOLDERS_PER_SECOND.div_ceil(2);
        let mut folders = Vec::new();
        for node in self.tree.nodes.values_mut() {
            let unwatched = node.watch.is_none() || self.roots[node.root].remote;
            let age = now.saturating_duration_since(node.compared);
            if age < if unwatched { wait } else { self.rounds.every } || (!unwatched && left == 0) {
                continue;
            }
            left = if unwatched { left } else { left - 1 };
            node.compared = now;
            folders.push((node.root, self.roots[node.root].path.clone(), node.relative.clone(), node.stamp));
        }
        if folders.is_empty() {
            return;
        }
        self.jobs.spawn(Lane::Folders, Vec::new(), move |done| {
            let mut bases: HashMap<usize, Option<Base>> = HashMap::new();
            let differs = |(root, path, relative, stamp): &(usize, PathBuf, PathBuf, Option<FileIdentity>)| {
                let base = bases.entry(*root).or_insert_with(|| Base::open(path).ok()).as_ref();
                let now = base.and_then(|base| base.stat(relative).ok());
                now.is_some_and(|now| Some(FileIdentity { size: 0, ..now }) != *stamp)
            };
            let mut folders = folders;
            let mut differs = differs;
            folders.retain(|folder| differs(folder));
            let changed = folders.into_iter().map(|(root, _, relative, _)| (root, relative)).collect();
            let _ = done.blocking_send(Done::Changed(changed));
        });
    }

    pub(super) fn folders_changed(&mut self, folders: Vec<(usize, PathBuf)>) {
        for (root, relative) in folders {
            let levels = (WATCHED_LEVELS + 1).saturating_sub(relative.components().count());
            self.explore(root, relative, levels, false);
        }
    }

    /// A folder is gone or is another one now: its watches and those below it say nothing true any more.
    pub(super) fn forget_folder(&mut self, directory: &Path) {
        let below: Vec<PathBuf> = self
            .tree
            .nodes
            .range(directory.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(directory))
            .cloned()
            .collect();
        for path in below {
            let Some(Node { watch: Some(watch), root, relative, .. }) = self.tree.nodes.remove(&path) else { continue };
            if let Some(places) = self.places.get_mut(&watch) {
                places.retain(|place| *place != Place::Folder(root, relative.clone()));
                if places.is_empty() {
                    self.places.remove(&watch);
                    self.context.watcher.remove(watch);
                }
            }
        }
        for id in self.groups.under(directory) {
            self.groups.look(id, Lane::Urgent, Look::Full);
        }
    }
}

fn is_recent(stamp: &FileIdentity) -> bool {
    let (now, changed) = (clock::wall(), Timestamp::from_millis(stamp.ctime_ns / 1_000_000));
    now.millis_since(changed) < 50 && changed.millis_since(now) < 50
}
