//! The configured folders and the folders between them and the projects: whether they are there, when they are walked,
//! and which of them must be compared by `stat` because nobody tells us of changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use forgecast_protocol::{FileIdentity, ProblemKind};
use tokio::time::Instant;

use super::jobs::{Done, Lane, RootCheck};
use super::{Engine, OUTBOX};
use crate::Error;
use crate::discover::{WATCHED_LEVELS, Walk, WalkKind};
use crate::work::ScanDepth;
use forgecast_open::{Base, OpenError};
use forgecast_protocol::health::RootState;

/// The configured folders are looked at this often: a handful of `stat`s.
pub(super) const CHECK: Duration = Duration::from_secs(1);
/// A walk takes at most this share of the time.
const WALK_SHARE: u32 = 200;

/// A configured folder.
pub(super) struct Root {
    pub(super) path: PathBuf,
    pub(super) kind: WalkKind,
    pub(super) state: RootState,
    pub(super) message: Option<String>,
    /// Others can change it without the system noticing.
    pub(super) remote: bool,
    identity: Option<(u64, u64)>,
    /// Its first walk is over, or it is not there.
    settled: bool,
    next_walk: Option<Instant>,
    walking: bool,
    pub(super) walk_wanted: bool,
    /// When it was last looked at; `None` asks for a look now.
    pub(super) checked: Option<Instant>,
}

impl Root {
    pub(super) fn new(path: &Path, kind: WalkKind) -> Result<Self, Error> {
        let resolve = |source| Error::ResolveFolder {
            path: path.to_owned(),
            source,
        };
        // Of a folder that is there, its real path: two roots that are one are seen as one.
        let real = path
            .canonicalize()
            .or_else(|_| std::path::absolute(path))
            .map_err(resolve)?;
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

    /// Whether nothing is to be found in it that is not known.
    pub(super) fn is_settled(&self) -> bool {
        self.settled && !self.walking && !(self.walk_wanted && self.is_there())
    }

    fn is_there(&self) -> bool {
        matches!(self.state, RootState::Watching | RootState::Polling)
    }

    fn key(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

impl Engine {
    /// Looks at the configured folders.
    pub(super) fn check_roots(&mut self, now: Instant) {
        let due = |root: &Root| root.checked.is_none_or(|at| now.saturating_duration_since(at) >= CHECK);
        if !self.jobs.has_room(Lane::Roots) || !self.roots.iter().any(due) {
            return;
        }
        let paths: Vec<PathBuf> = self.roots.iter().map(|root| root.path.clone()).collect();
        for root in &mut self.roots {
            root.checked = Some(now);
        }
        self.jobs.spawn(Lane::Roots, Vec::new(), move |done| {
            let check = |path: &Path| -> RootCheck {
                let base = Base::open(path)?;
                Ok((base.enter()?, base.is_remote()))
            };
            let states = paths.iter().map(|path| check(path)).collect();
            let _ = done.blocking_send(Done::Roots(states));
        });
    }

    pub(super) fn roots_checked(&mut self, states: Vec<RootCheck>) {
        for (number, state) in states.into_iter().enumerate() {
            match state {
                Ok((identity, remote)) => self.root_is_there(number, &identity, remote),
                Err(error) => self.root_is_away(number, &error),
            }
        }
    }

    fn root_is_there(&mut self, number: usize, identity: &FileIdentity, remote: bool) {
        let polling = self.options.poll || remote || self.without_hints.is_some();
        let root = &mut self.roots[number];
        let which = Some((identity.device, identity.inode));
        let (was_there, same) = (root.is_there(), root.identity == which);
        root.state = if polling {
            RootState::Polling
        } else {
            RootState::Watching
        };
        root.remote = remote;
        root.message = None;
        let (path, key) = (root.path.clone(), root.key());
        if was_there && same {
            return;
        }
        root.identity = which;
        root.walk_wanted = true;
        self.clear_problem(&key);
        self.forget_folder(&path);
        if remote {
            let message = format!("{key} is on a file system that reports no changes of others; it is polled");
            self.report_problem(&format!("{key}#remote"), ProblemKind::Degraded, message, &key);
        }
        for id in self.sources.under(&path) {
            self.sources.scan(id, Lane::Background, ScanDepth::Rescan);
        }
    }

    fn root_is_away(&mut self, number: usize, error: &OpenError) {
        let missing = error.is_missing();
        let root = &mut self.roots[number];
        let (was_there, path, key) = (root.is_there(), root.path.clone(), root.key());
        let (state, kind, message) = if missing {
            let message = format!("the folder {key} is not there; it is watched as soon as it is");
            (RootState::Missing, ProblemKind::Missing, message)
        } else {
            let message = format!("the folder {key} cannot be read; it is watched as soon as it can be");
            (RootState::Unreadable, ProblemKind::Unreadable, message)
        };
        root.state = state;
        root.identity = None;
        root.settled = true;
        if missing && root.kind.is_agent() {
            root.message = None;
            self.clear_problem(&key);
        } else {
            root.message = Some(message.clone());
            self.report_problem(&key, kind, message, &key);
        }
        if was_there {
            self.forget_folder(&path);
        }
    }

    /// Walks that are due by time.
    pub(super) fn plan_walks(&mut self, now: Instant) {
        for root in &mut self.roots {
            if root.is_there() && root.next_walk.is_some_and(|at| at <= now) {
                root.walk_wanted = true;
            }
        }
        let due = self
            .tree
            .later
            .extract_if(.., |(at, _)| *at <= now)
            .map(|(_, walk)| walk);
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
            && let Some(number) = self
                .roots
                .iter()
                .position(|root| root.walk_wanted && root.is_there() && !root.walking)
        {
            let root = &mut self.roots[number];
            (root.walk_wanted, root.walking) = (false, true);
            root.next_walk = Some(now + Duration::from_millis(self.options.discover_ms));
            let walk = Walk::whole(number, root.path.clone(), root.kind);
            self.jobs.walk(vec![walk], true, &self.context);
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
            self.forget_links(walk.root);
        } else if walk.kind == WalkKind::Projects && walk.from.components().count() >= WATCHED_LEVELS {
            self.explore_later(walk, now);
        }
        match result {
            Ok(listed) => self.counters.folders_listed += listed,
            // It is gone again, or the next look at the root says what is wrong.
            Err(error) => tracing::debug!(%error, "a folder could not be walked"),
        }
    }
}
