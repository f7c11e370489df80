//! The folders between the roots and the projects: explored when they appear, and compared by `stat` because somebody
//! must notice what no notification tells.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::{FileIdentity, ProblemKind};
use tokio::time::Instant;

use super::jobs::{Done, Lane};
use super::roots::Root;
use super::{Engine, WatchTarget};
use crate::discover::{Found, WATCHED_LEVELS, Walk};
use crate::folder;
use crate::reconcile::{Coverage, PollSchedule, Turn, Turns};
use crate::watch::WatchId;
use crate::work::{Place, ScanDepth, directory_of};
use forgecast_open::{Base, FileSystem};

/// A folder that just appeared deep in the tree may still be filled: it is explored again after these times.
const EXPLORE_AGAIN: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(2)];

/// The number of a folder. Paths are compared part by part, which would be most of what a server at rest does.
type FolderId = u64;

struct Node {
    root: usize,
    relative: PathBuf,
    watch: Option<WatchId>,
    stamp: Option<FileIdentity>,
    turn: Turn,
}

/// The folders that are followed between the roots and the projects.
pub(super) struct Tree {
    nodes: HashMap<FolderId, Node>,
    by_path: BTreeMap<Arc<Path>, FolderId>,
    next: FolderId,
    /// When each of them is compared by `stat`.
    turns: Turns<FolderId>,
    /// How many have no watch.
    pub(super) unwatched: u64,
    /// Folders to be explored.
    pub(super) explore: BTreeSet<Walk>,
    /// Folders to be explored, each at its time.
    pub(super) later: Vec<(Instant, Walk)>,
    explored: HashMap<(usize, PathBuf), usize>,
    /// Links that are not followed, by their paths: of which root, and whether a walk came across them since the last whole
    /// one ended.
    links: BTreeMap<String, (usize, bool)>,
}

impl Tree {
    pub(super) fn new(schedule: PollSchedule) -> Self {
        Self {
            nodes: HashMap::new(),
            by_path: BTreeMap::new(),
            next: 0,
            turns: Turns::new(schedule),
            unwatched: 0,
            explore: BTreeSet::new(),
            later: Vec::new(),
            explored: HashMap::new(),
            links: BTreeMap::new(),
        }
    }

    fn remove(&mut self, path: &Path) -> Option<Node> {
        let id = self.by_path.remove(path)?;
        let node = self.nodes.remove(&id)?;
        self.forget(id, &node);
        Some(node)
    }

    /// What was counted of a node no longer holds.
    fn forget(&mut self, id: FolderId, node: &Node) {
        self.turns.leave(&id, node.turn);
        self.unwatched -= u64::from(node.watch.is_none());
    }

    /// A number for a folder that has none.
    fn number(&mut self, directory: Arc<Path>) -> FolderId {
        let id = self.next;
        self.next += 1;
        self.by_path.insert(directory, id);
        id
    }
}

impl Engine {
    /// A whole walk of a root ended: links that it did not come across are gone, and so is what was said of them.
    pub(super) fn forget_links(&mut self, root: usize) {
        let mut gone = Vec::new();
        self.tree.links.retain(|link, (of, seen)| {
            let is_there = *of != root || std::mem::take(seen);
            if !is_there {
                gone.push(link.clone());
            }
            is_there
        });
        for link in gone {
            self.clear_problem(&link);
        }
    }

    /// A folder appeared or changed: what is in it?
    pub(super) fn explore(&mut self, root: usize, from: PathBuf, levels: usize, inside: bool) {
        let Root { path, kind, .. } = &self.roots[root];
        let walk = Walk {
            root,
            path: path.clone(),
            kind: *kind,
            from,
            levels,
            inside,
        };
        let mut above = walk.from.ancestors().filter(|folder| !folder.as_os_str().is_empty());
        let pruned = above.any(|folder| walk.is_pruned(folder));
        if !pruned {
            self.tree.explore.insert(walk);
        }
    }

    pub(super) fn found(&mut self, found: Found, soon: bool, now: Instant) {
        match found {
            Found::Link { root, relative, what } => {
                let key = directory_of(&self.roots[root].path, &relative);
                let key = key.to_string_lossy().into_owned();
                let message = format!("{key} is {what}, which is not followed: nothing in it is seen");
                self.report_problem(&key, ProblemKind::Refused, message, &key);
                self.tree.links.insert(key, (root, true));
            }
            Found::Source {
                root,
                relative,
                kind,
                numbers,
            } => {
                let place = Place {
                    number: root,
                    root: self.roots[root].path.clone(),
                    relative,
                };
                self.clear_problem(&place.directory().to_string_lossy());
                if !self.ask_to_follow(place.clone(), &numbers, now) {
                    self.add_source(root, place.relative, kind, soon, now);
                }
            }
            Found::Folder {
                root,
                relative,
                watch,
                stamp,
            } => {
                let directory = directory_of(&self.roots[root].path, &relative);
                if let Some(watch) = watch {
                    self.learn(watch, WatchTarget::Folder(root, relative.clone()));
                    if self.unknown_watches.remove(&watch) {
                        self.explore(root, relative.clone(), 1, false);
                    }
                }
                self.clear_problem(&directory.to_string_lossy());
                self.follow_folder(directory.into(), root, relative, watch, stamp, now);
            }
        }
    }

    /// Below the watched levels nobody tells us what is made next in a new folder.
    pub(super) fn explore_later(&mut self, walk: &Walk, now: Instant) {
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

    fn follow_folder(
        &mut self,
        directory: Arc<Path>,
        root: usize,
        relative: PathBuf,
        watch: Option<WatchId>,
        stamp: Option<FileIdentity>,
        now: Instant,
    ) {
        let stamp = folder::settled(stamp);
        let pace = self.polls.pace(None, self.coverage(root, watch, stamp.as_ref()), now);
        let known = self.tree.by_path.get(&directory).copied();
        let id = known.unwrap_or_else(|| self.tree.number(directory));
        if let Some(before) = self.tree.nodes.remove(&id) {
            self.tree.forget(id, &before);
        }
        self.tree.unwatched += u64::from(watch.is_none());
        let node = Node {
            root,
            relative,
            watch,
            stamp,
            turn: self.tree.turns.join(&id, pace, now),
        };
        self.tree.nodes.insert(id, node);
    }

    /// What is known of the notifications for a folder of this root.
    fn coverage(&self, root: usize, watch: Option<WatchId>, stamp: Option<&FileIdentity>) -> Coverage {
        let root = &self.roots[root];
        if watch.is_none() || root.is_remote() {
            Coverage::None
        } else if self.was_notified
            && root.file_system == FileSystem::Local
            && stamp.is_some_and(|stamp| root.is_on(stamp.device))
        {
            Coverage::Full
        } else {
            Coverage::Partial
        }
    }

    /// Compares the folders whose turn has come.
    pub(super) fn check_folders(&mut self, now: Instant) {
        if !self.jobs.has_room(Lane::Folders) {
            return;
        }
        let mut folders = Vec::new();
        for (id, _) in self.tree.turns.take_due(now) {
            let Some(node) = self.tree.nodes.get(&id) else {
                continue;
            };
            let pace = self
                .polls
                .pace(None, self.coverage(node.root, node.watch, node.stamp.as_ref()), now);
            folders.push((
                node.root,
                self.roots[node.root].path.clone(),
                node.relative.clone(),
                node.stamp,
            ));
            let turn = self.tree.turns.join(&id, pace, now);
            if let Some(node) = self.tree.nodes.get_mut(&id) {
                node.turn = turn;
            }
        }
        if folders.is_empty() {
            return;
        }
        self.jobs.spawn(Lane::Folders, Vec::new(), move |done| {
            let mut bases: HashMap<usize, Option<Base>> = HashMap::new();
            let mut differs = |(root, path, relative, stamp): &(usize, PathBuf, PathBuf, Option<FileIdentity>)| {
                let base = bases.entry(*root).or_insert_with(|| Base::open(path).ok()).as_ref();
                let now = base.and_then(|base| folder::stamp(base, relative));
                now.is_some() && now != *stamp
            };
            let changed = folders
                .into_iter()
                .filter(|folder| differs(folder))
                .map(|(root, _, relative, _)| (root, relative))
                .collect();
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
        let below = self
            .tree
            .by_path
            .range::<Path, _>((Bound::Included(directory), Bound::Unbounded));
        let below = below
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(directory));
        let below: Vec<Arc<Path>> = below.cloned().collect();
        for path in below {
            let Some(Node {
                watch: Some(watch),
                root,
                relative,
                ..
            }) = self.tree.remove(&path)
            else {
                continue;
            };
            if let Some(targets) = self.targets.get_mut(&watch) {
                targets.retain(|target| *target != WatchTarget::Folder(root, relative.clone()));
                if targets.is_empty() {
                    self.targets.remove(&watch);
                    self.context.watcher.remove(watch);
                }
            }
        }
        for id in self.sources.under(directory) {
            self.sources.scan(id, Lane::Urgent, ScanDepth::Full);
        }
    }
}
