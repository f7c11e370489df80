//! The configured folders and the folders between them and the projects: whether they are there, when they are walked,
//! and which of them must be compared by `stat` because nobody tells us of changes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::{FileIdentity, ProblemKind};
use tokio::time::Instant;

use super::jobs::{Done, Lane, RootAway, RootCheck, RootSeen};
use super::{Engine, OUTBOX};
use crate::Error;
use crate::discover::{WATCHED_LEVELS, Walk, WalkKind};
use crate::work::ScanDepth;
use forgecast_open::{Base, FileSystem, OpenError};
use forgecast_protocol::health::RootState;

/// The configured folders are looked at this often: a handful of `stat`s.
pub(super) const CHECK: Duration = Duration::from_secs(1);
/// A walk takes at most this share of the time.
const WALK_SHARE: u32 = 200;
/// The same where nothing notifies of new projects, and a walk is all that finds them.
const WALK_SHARE_POLLING: u32 = 20;

/// A configured folder.
pub(super) struct Root {
    /// As configured, made absolute.
    named: PathBuf,
    /// Its real path once it was there: two roots that are one are seen as one, and a project has the same path
    /// whether it was found at the start or later.
    pub(super) path: PathBuf,
    pub(super) kind: WalkKind,
    /// Nobody asked for it by name, so it is no problem if it is not there.
    pub(super) is_optional: bool,
    pub(super) state: RootState,
    pub(super) message: Option<String>,
    pub(super) file_system: FileSystem,
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
    pub(super) fn new(path: &Path, kind: WalkKind, is_optional: bool) -> Result<Self, Error> {
        let named = std::path::absolute(path).map_err(|source| Error::ResolveFolder {
            path: path.to_owned(),
            source,
        })?;
        let real = path.canonicalize().ok().filter(|real| real.is_dir());
        Ok(Self {
            path: real.unwrap_or_else(|| named.clone()),
            named,
            kind,
            // Most people use one agent.
            is_optional: is_optional || kind.is_agent(),
            state: RootState::Missing,
            message: None,
            file_system: FileSystem::Unknown,
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

    /// Whether something on this device is on the same file system.
    pub(super) fn is_on(&self, device: u64) -> bool {
        self.identity.is_some_and(|(mine, _)| mine == device)
    }

    pub(super) fn is_remote(&self) -> bool {
        self.file_system == FileSystem::Remote
    }

    fn key(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

/// Looks at a configured folder. It may be a link, which leads elsewhere from one look to the next.
fn look_at(named: PathBuf) -> RootCheck {
    let path = named.canonicalize().unwrap_or(named);
    let opened = Base::open(&path).and_then(|base| Ok((base.enter()?, base.file_system())));
    match opened {
        Ok((identity, file_system)) => Ok(RootSeen {
            path,
            identity,
            file_system,
        }),
        Err(_) if path.metadata().is_ok_and(|found| !found.is_dir()) => Err(RootAway::NoFolder),
        Err(error) if error.is_missing() => Err(RootAway::Missing),
        Err(error) => Err(RootAway::Closed(error)),
    }
}

impl RootAway {
    /// What is wrong with the folder at `path`, and what to do.
    fn message(&self, path: &str) -> String {
        match self {
            Self::Missing => format!("the folder {path} is not there; it is watched as soon as it is"),
            Self::NoFolder => {
                format!("{path} is not a folder; name another one, or put a folder in its place, which is then watched")
            }
            Self::Closed(OpenError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
                format!("the folder {path} may not be read; let the user that runs Forgecast list and enter it")
            }
            Self::Closed(OpenError::Io { source, .. }) => {
                format!("the folder {path} cannot be read ({source}); it is watched as soon as it can be")
            }
            Self::Closed(error) => format!("the folder {path} cannot be read ({error})"),
        }
    }
}

impl Engine {
    /// Looks at the configured folders.
    pub(super) fn check_roots(&mut self, now: Instant) {
        let due = |root: &Root| root.checked.is_none_or(|at| now.saturating_duration_since(at) >= CHECK);
        if !self.jobs.has_room(Lane::Roots) || !self.roots.iter().any(due) {
            return;
        }
        let paths: Vec<PathBuf> = self.roots.iter().map(|root| root.named.clone()).collect();
        for root in &mut self.roots {
            root.checked = Some(now);
        }
        self.jobs.spawn(Lane::Roots, Vec::new(), move |done| {
            let states = paths.into_iter().map(look_at).collect();
            let _ = done.blocking_send(Done::Roots(states));
        });
    }

    pub(super) fn roots_checked(&mut self, states: Vec<RootCheck>) {
        for (number, state) in states.into_iter().enumerate() {
            match state {
                Ok(seen) => {
                    self.use_real_path(number, seen.path);
                    self.root_is_there(number, &seen.identity, seen.file_system);
                }
                Err(away) => self.root_is_away(number, &away),
            }
        }
    }

    /// A root that was not there at the start may turn out to be a link, or to be below one; and a link may lead elsewhere
    /// now. What was found where it led before goes on as it is.
    fn use_real_path(&mut self, number: usize, real: PathBuf) {
        let root = &mut self.roots[number];
        if root.path == real {
            return;
        }
        let key = root.key();
        let before = std::mem::replace(&mut root.path, real);
        root.identity = None;
        self.clear_problem(&key);
        self.forget_folder(&before);
        let projects = self.roots.iter().filter(|root| root.kind == WalkKind::Projects);
        Arc::make_mut(&mut self.context).roots = projects.map(|root| root.path.clone()).collect();
    }

    fn root_is_there(&mut self, number: usize, identity: &FileIdentity, file_system: FileSystem) {
        let remote = file_system == FileSystem::Remote;
        let polling = self.options.poll || remote || self.without_hints.is_some();
        let root = &mut self.roots[number];
        let which = Some((identity.device, identity.inode));
        let (was_there, same) = (root.is_there(), root.identity == which);
        root.state = if polling {
            RootState::Polling
        } else {
            RootState::Watching
        };
        root.file_system = file_system;
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

    fn root_is_away(&mut self, number: usize, away: &RootAway) {
        let is_hidden = self.is_below_one_that_is_away(number);
        let root = &mut self.roots[number];
        let (was_there, path, key) = (root.is_there(), root.path.clone(), root.key());
        let (state, kind) = match away {
            RootAway::Missing => (RootState::Missing, ProblemKind::Missing),
            RootAway::NoFolder | RootAway::Closed(_) => (RootState::Unreadable, ProblemKind::Unreadable),
        };
        root.identity = None;
        root.settled = true;
        if root.is_optional && (state == RootState::Missing || is_hidden) {
            root.state = RootState::Missing;
            // Only what was said of this root: another kind of root may have the same folder.
            if root.message.take().is_some() {
                self.clear_problem(&key);
            }
        } else {
            let message = away.message(&key);
            root.state = state;
            root.message = Some(message.clone());
            if self.counters.ready {
                self.report_problem(&key, kind, message, &key);
            } else {
                // Whoever starts says what is wrong with the folders, by the health of the roots.
                let fact = self.problems.found_quietly(&key, kind, message, &key);
                self.emit(fact);
            }
        }
        if was_there {
            self.forget_folder(&path);
        }
    }

    /// Whether the root is below another one that is away: what is wrong is said of that one.
    fn is_below_one_that_is_away(&self, number: usize) -> bool {
        let named = &self.roots[number].named;
        let mut away = self.roots.iter().filter(|root| !root.is_there());
        away.any(|other| other.named != *named && named.starts_with(&other.named))
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
            let walks = std::mem::take(&mut self.tree.explore);
            self.jobs.walk(walks.into_iter().collect(), false, &self.context);
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
            let (every, share) = match root.state {
                RootState::Polling => (
                    self.options.discover_ms.min(self.options.reconcile_ms),
                    WALK_SHARE_POLLING,
                ),
                _ => (self.options.discover_ms, WALK_SHARE),
            };
            let wait = Duration::from_millis(every).max(took * share);
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
