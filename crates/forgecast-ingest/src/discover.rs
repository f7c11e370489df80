//! Finding projects: a walk through the folders under a root that never follows a link, never asks about single files,
//! and does not enter folders where no project lives. On the way the upper levels are watched, each before it is listed,
//! and at any level the repositories, the folders in which agents make git worktrees, and the worktrees.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use forgecast_protocol::FileIdentity;

use crate::folder::{self, Number};
use crate::source_set::{MARKER, MARKERS};
use crate::watch::{Interest, WatchId};
use crate::work::{Context, SetKind};
use forgecast_decode::agents::Agent;
use forgecast_open::{Base, Entry, EntryKind, OpenError};
use forgecast_protocol::health::RootKind;

/// Folders that hold no projects of their own, only what tools made. Names that people also use for folders of
/// projects (`build`, `dist`, `out`) are not among them.
const PRUNED: [&str; 26] = [
    ".cache",
    ".cargo",
    ".eggs",
    ".git",
    ".gradle",
    ".hg",
    ".m2",
    ".mypy_cache",
    ".next",
    ".npm",
    ".nuxt",
    ".nvm",
    ".pytest_cache",
    ".rustup",
    ".svelte-kit",
    ".svn",
    ".terraform",
    ".tox",
    ".trash",
    ".turbo",
    ".venv",
    ".yarn",
    "__pycache__",
    "node_modules",
    "target",
    "venv",
];

/// The folder of Claude Code in a repository; its worktrees are in `worktrees` below it.
const CLAUDE: &str = ".claude";

/// Levels below a root that are watched: its folders and theirs.
pub(crate) const WATCHED_LEVELS: usize = 2;
/// No walk goes deeper.
const MAX_LEVELS: usize = 24;
/// No walk enters more folders: a root on a whole disk ends somewhere.
const MAX_FOLDERS: u64 = 500_000;

/// What is looked for in a configured folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WalkKind {
    /// Projects.
    Projects,
    /// A folder per session.
    Checkpoints,
    /// Logs.
    Logs,
    /// Transcripts of an agent.
    Agent(&'static Agent),
}

impl WalkKind {
    /// How it is reported.
    pub(crate) fn root_kind(self) -> RootKind {
        match self {
            Self::Projects => RootKind::Projects,
            Self::Checkpoints => RootKind::Checkpoints,
            Self::Logs => RootKind::Logs,
            Self::Agent(agent) => RootKind::Agent(agent.key.into()),
        }
    }

    /// Whether transcripts of an agent are in it. Most people use one agent, so one that is not there is no problem.
    pub(crate) fn is_agent(self) -> bool {
        matches!(self, Self::Agent(_))
    }

    /// Whether the configured folder itself holds all that is read together.
    pub(crate) fn is_one_set(self) -> bool {
        matches!(self, Self::Agent(agent) if agent.group_level == 0)
    }

    /// Levels that are watched from the configured folder on. The files of checkpoints and logs are their sources'
    /// business; only where new sources appear is watched here.
    fn watched_levels(self) -> usize {
        match self {
            Self::Projects => WATCHED_LEVELS,
            Self::Agent(agent) => agent.group_level.saturating_sub(1),
            Self::Checkpoints | Self::Logs => 0,
        }
    }

    /// The deepest level at which something is found.
    fn deepest(self) -> usize {
        match self {
            Self::Projects => MAX_LEVELS,
            Self::Checkpoints => 1,
            Self::Agent(agent) => agent.group_level,
            Self::Logs => 0,
        }
    }

    /// The source whose folder is at this level.
    fn set(self, level: usize, is_project: bool) -> Option<SetKind> {
        let found = match self {
            Self::Projects => return is_project.then_some(SetKind::Project),
            Self::Checkpoints => SetKind::Checkpoint,
            Self::Logs => SetKind::Logs,
            Self::Agent(agent) => SetKind::Transcripts(agent),
        };
        (level == self.deepest()).then_some(found)
    }
}

/// Where a walk begins and how far it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Walk {
    /// Which configured folder.
    pub(crate) root: usize,
    /// Where that is.
    pub(crate) path: PathBuf,
    /// What it is for.
    pub(crate) kind: WalkKind,
    /// The first folder, relative to the root.
    pub(crate) from: PathBuf,
    /// How many levels to go down from there.
    pub(crate) levels: usize,
    /// The first folder is inside a project: its folders are not watched.
    pub(crate) inside: bool,
}

/// What a walk comes across.
#[derive(Debug)]
pub(crate) enum Found {
    /// A folder of the upper levels, or a project's own, and its watch if it got one.
    Folder {
        root: usize,
        relative: PathBuf,
        watch: Option<WatchId>,
        stamp: Option<FileIdentity>,
    },
    /// A link where a folder should be. It is not followed, and that must not look as if there were nothing.
    Link {
        root: usize,
        relative: PathBuf,
        what: &'static str,
    },
    /// Files that are read together.
    Source {
        root: usize,
        relative: PathBuf,
        kind: SetKind,
        /// Of a project: the numbers of the folders that make it one.
        numbers: Vec<Number>,
    },
}

impl Walk {
    /// The whole of a configured folder.
    pub(crate) fn whole(root: usize, path: PathBuf, kind: WalkKind) -> Self {
        Self {
            root,
            path,
            kind,
            from: PathBuf::new(),
            levels: MAX_LEVELS,
            inside: false,
        }
    }

    /// Walks, telling `found` at once what it comes across; `found` answers whether to go on. Returns how many folders
    /// were listed.
    ///
    /// # Errors
    /// When the first folder cannot be listed; folders further down that cannot are passed over.
    pub(crate) fn run(&self, context: &Context, mut found: impl FnMut(Found) -> bool) -> Result<u64, OpenError> {
        let base = Base::open(&self.path)?;
        if let Some(processes) = self.processes() {
            found(processes);
        }
        let home = context
            .home
            .as_deref()
            .and_then(|home| home.strip_prefix(&self.path).ok());
        let mut listed = 0_u64;
        let mut waiting = vec![(self.from.clone(), 0_usize, self.inside)];
        let mut parents_of_repositories = BTreeSet::new();
        while let Some((relative, down, inside)) = waiting.pop() {
            let level = relative.components().count();
            if self.kind.is_agent() && level > 0 && level == self.kind.deepest() {
                // What is in it is the source's business, which lists it anyway.
                if !self.set(&relative, None).into_iter().all(&mut found) {
                    break;
                }
                continue;
            }
            let watched = level <= self.kind.watched_levels() && !inside;
            // Watched before it is listed, so that nothing appears unnoticed in between.
            let followed = watched.then(|| self.followed(context, &base, &relative));
            let entries = match base.list(&relative) {
                Ok(entries) => entries,
                Err(error) if down == 0 => return Err(error),
                Err(_) => continue,
            };
            listed += 1;
            if listed > MAX_FOLDERS {
                break;
            }
            // Context Foundry's global database in the home folder would make everything below it one project.
            let is_global = |name: &OsStr| home == Some(&*relative) && name == MARKER;
            let is_project = self.kind == WalkKind::Projects
                && entries
                    .iter()
                    .any(|entry| entry.kind == EntryKind::Folder && is_marker(&entry.name) && !is_global(&entry.name));
            let is_repository = self.kind == WalkKind::Projects && entries.iter().any(|entry| entry.name == ".git");
            let is_of_interest = is_project || is_repository || self.is_of_worktrees(&relative);
            let followed = followed.or_else(|| is_of_interest.then(|| self.followed(context, &base, &relative)));
            if !followed.into_iter().all(&mut found) {
                break;
            }
            // Beside a repository appears the folder of its worktrees.
            if is_repository
                && let Some(parent) = relative.parent()
                && parents_of_repositories.insert(parent.to_owned())
                && !found(self.followed(context, &base, parent))
            {
                break;
            }
            if !self.link(level, &entries).into_iter().all(&mut found)
                || !self
                    .set(&relative, is_project.then_some(&base))
                    .into_iter()
                    .all(&mut found)
            {
                break;
            }
            // Where worktrees appear is always looked into, however few levels are to be walked.
            let only_worktrees = down >= self.levels.min(self.kind.deepest());
            // A project's own folders are the concern of the periodic walk, except under a root that is a project itself.
            let inside = inside || (is_project && level > 0);
            if !only_worktrees && !self.links(&base, &relative, &entries).into_iter().all(&mut found) {
                break;
            }
            // Depth first in the order of the folder, so that few wait at a time.
            for entry in entries {
                let below = relative.join(&entry.name);
                let is_wanted = !only_worktrees || self.is_of_worktrees(&below);
                if entry.kind == EntryKind::Folder
                    && is_wanted
                    && level < self.kind.deepest()
                    && !self.is_pruned(&below)
                {
                    waiting.push((below, down + 1, inside));
                }
            }
        }
        Ok(listed)
    }

    /// A folder that is watched for what appears in it.
    fn followed(&self, context: &Context, base: &Base, relative: &Path) -> Found {
        Found::Folder {
            root: self.root,
            relative: relative.to_owned(),
            watch: context.watcher.add(&self.place(relative), Interest::Names),
            stamp: folder::stamp(base, relative),
        }
    }

    /// Whether this folder, relative to the root, is one in which agents make git worktrees, is about to hold such a
    /// folder, or is a worktree in one: `.claude/worktrees/fix`, `.worktrees/fix`, `shop-worktrees/fix`.
    fn is_of_worktrees(&self, folder: &Path) -> bool {
        self.kind == WalkKind::Projects
            && (folder.file_name().is_some_and(|name| name == CLAUDE)
                || holds_worktrees(folder)
                || folder.parent().is_some_and(holds_worktrees))
    }

    /// A folder of transcripts with folders of sources in it, when a link stands in its place.
    fn link(&self, level: usize, entries: &[Entry]) -> Option<Found> {
        let WalkKind::Agent(agent) = self.kind else { return None };
        let is_folder = |entry: &&Entry| agent.folders.iter().any(|folder| entry.name == *folder);
        let entry = entries
            .iter()
            .find(|entry| entry.kind == EntryKind::Other && is_folder(entry));
        let entry = entry.filter(|_| level == 0 && agent.group_level > 0)?;
        Some(Found::Link {
            root: self.root,
            relative: PathBuf::from(&entry.name),
            what: "a link",
        })
    }

    /// Folders of sources that are links: those that lead to a folder which may be read are sources like others.
    fn links(&self, base: &Base, relative: &Path, entries: &[Entry]) -> Vec<Found> {
        let level = relative.components().count();
        let WalkKind::Agent(agent) = self.kind else {
            return Vec::new();
        };
        if level == 0 || level + 1 != agent.group_level {
            return Vec::new();
        }
        let links = linked_folders(base, relative, entries).into_iter();
        let found = links.filter_map(|(relative, link)| match link {
            Ok(_) => self.set(&relative, None),
            Err(OpenError::Refused { what, .. }) => Some(Found::Link {
                root: self.root,
                relative,
                what,
            }),
            Err(_) => None,
        });
        found.collect()
    }

    /// What an agent says of its processes in the folder where the walk begins.
    fn processes(&self) -> Option<Found> {
        let WalkKind::Agent(agent) = self.kind else {
            return None;
        };
        let is_of_interest = agent.processes.is_some() && self.from.as_os_str().is_empty();
        is_of_interest.then(|| Found::Source {
            root: self.root,
            relative: PathBuf::new(),
            kind: SetKind::Processes(agent),
            numbers: Vec::new(),
        })
    }

    /// The source whose folder this is; `project` is the root if it is a project.
    fn set(&self, relative: &Path, project: Option<&Base>) -> Option<Found> {
        let kind = self.kind.set(relative.components().count(), project.is_some())?;
        let numbers = project.into_iter().flat_map(|base| {
            let markers = MARKERS.iter().map(|name| base.stat(&relative.join(name)));
            markers.flatten().map(|marker| folder::number(&marker))
        });
        Some(Found::Source {
            root: self.root,
            relative: relative.to_owned(),
            kind,
            numbers: numbers.collect(),
        })
    }

    fn place(&self, relative: &Path) -> PathBuf {
        // The slash at the end: a root may be a link, what is under it may not.
        if relative.as_os_str().is_empty() {
            self.path.join("")
        } else {
            self.path.join(relative)
        }
    }

    /// Whether this folder, relative to the root, holds nothing to be found.
    pub(crate) fn is_pruned(&self, folder: &Path) -> bool {
        match self.kind {
            WalkKind::Projects => folder.file_name().is_some_and(|name| {
                is_marker(name) || name.to_str().is_some_and(|name| PRUNED.binary_search(&name).is_ok())
            }),
            WalkKind::Agent(agent) if agent.group_level == 0 => folder != Path::new(""),
            WalkKind::Agent(agent) => !agent.folders.iter().any(|inner| folder.starts_with(inner)),
            WalkKind::Checkpoints | WalkKind::Logs => false,
        }
    }
}

/// Why a link in the place of an agent's folder of transcripts is not followed.
pub(crate) const LINKED_FOLDER: &str = "the folder of all transcripts must not be a link";

/// The links among an agent's folders of transcripts, and of each why nothing in it is read, if that is so.
#[must_use]
pub fn links(agent: &Agent, home: &Path) -> Vec<(PathBuf, Option<String>)> {
    let Ok(base) = Base::open(home) else {
        return Vec::new();
    };
    let mut links = Vec::new();
    for folder in agent.folders.iter().map(Path::new) {
        if home.join(folder).is_symlink() {
            links.push((home.join(folder), Some(LINKED_FOLDER.to_owned())));
        }
        if agent.group_level != folder.components().count() + 1 {
            continue;
        }
        let entries = base.list(folder).unwrap_or_default();
        let linked = linked_folders(&base, folder, &entries).into_iter();
        links.extend(linked.map(|(path, link)| (home.join(path), link.err().map(|error| error.to_string()))));
    }
    links
}

/// The links in a folder that lead to folders, opened if they may be: see [`Base::sub_or_link`]. One that leads to a
/// folder beside it is none, since that is read as itself.
pub(crate) fn linked_folders(
    base: &Base,
    relative: &Path,
    entries: &[Entry],
) -> Vec<(PathBuf, Result<Base, OpenError>)> {
    let number = |identity: FileIdentity| (identity.device, identity.inode);
    let is_beside = |target: &Base| {
        let target = target.enter().map(number).ok();
        let folders = entries.iter().filter(|entry| entry.kind == EntryKind::Folder);
        let mut folders = folders.filter_map(|entry| base.stat(&relative.join(&entry.name)).ok());
        folders.any(|folder| Some(number(folder)) == target)
    };
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Other) {
        let below = relative.join(&entry.name);
        match base.sub_or_link(&below) {
            Ok(target) if is_beside(&target) => {}
            Err(error) if !matches!(error, OpenError::Refused { .. }) => {}
            link => found.push((below, link)),
        }
    }
    found
}

/// Whether agents make worktrees in a folder of this name.
fn holds_worktrees(folder: &Path) -> bool {
    let Some(name) = folder.file_name().and_then(OsStr::to_str) else {
        return false;
    };
    let is_of_claude = || {
        folder
            .parent()
            .and_then(Path::file_name)
            .is_some_and(|parent| parent == CLAUDE)
    };
    name == ".worktrees" || name.ends_with("-worktrees") || (name == "worktrees" && is_of_claude())
}

/// Whether a folder of this name makes the one it is in a project.
pub(crate) fn is_marker(name: &OsStr) -> bool {
    MARKERS.iter().any(|marker| name == *marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruned_names_are_sorted_and_hide_no_common_folder_of_projects() {
        assert!(PRUNED.is_sorted());
        for name in ["build", "dist", "out", "src", "projects", "work"] {
            assert!(!PRUNED.contains(&name), "{name}");
        }
    }
}
