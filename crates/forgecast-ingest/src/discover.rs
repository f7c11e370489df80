//! Finding projects: a walk through the folders under a root that never follows a link, never asks about single files,
//! and does not enter folders where no project lives. On the way the upper levels are watched, each before it is listed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use forgecast_protocol::FileIdentity;

use crate::group::{BUILDLOOP, Context, GroupKind, MARKER};
use crate::watch::{Interest, WatchId};
use forgecast_decode::transcript::TranscriptKind;
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

/// Where Claude Code keeps transcripts, one folder per project.
const TRANSCRIPTS: &str = "projects";
/// Levels below a root that are watched: its folders and theirs.
pub(crate) const WATCHED_LEVELS: usize = 2;
/// No walk goes deeper.
const MAX_LEVELS: usize = 24;
/// No walk enters more folders: a root on a whole disk ends somewhere.
const MAX_FOLDERS: u64 = 500_000;

/// Where a walk begins and how far it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Which configured folder.
    pub(crate) root: usize,
    /// Where that is.
    pub(crate) path: PathBuf,
    /// What it is for.
    pub(crate) kind: RootKind,
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
    Link { root: usize, relative: PathBuf },
    /// Files that are read together.
    Group {
        root: usize,
        relative: PathBuf,
        kind: GroupKind,
    },
}

impl Walk {
    /// The whole of a configured folder.
    pub(crate) fn whole(root: usize, path: PathBuf, kind: RootKind) -> Self {
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
        let mut listed = 0_u64;
        let mut waiting = vec![(self.from.clone(), 0_usize, self.inside)];
        while let Some((relative, down, inside)) = waiting.pop() {
            let level = relative.components().count();
            if self.kind == RootKind::Claude && level == self.deepest() {
                // What is in it is the group's business, which lists it anyway.
                if !self.group(&relative, false).into_iter().all(&mut found) {
                    break;
                }
                continue;
            }
            let watched = level <= self.watched_levels() && !inside;
            let (mut watch, mut stamp) = (None, None);
            if watched {
                watch = context.watcher.add(&self.place(&relative), Interest::Names).ok();
                stamp = base.stat(&relative).ok();
            }
            let entries = match base.list(&relative) {
                Ok(entries) => entries,
                Err(error) if down == 0 => return Err(error),
                Err(_) => continue,
            };
            listed += 1;
            if listed > MAX_FOLDERS {
                break;
            }
            let is_project = self.kind == RootKind::Projects
                && entries
                    .iter()
                    .any(|entry| entry.kind == EntryKind::Folder && is_marker(&entry.name));
            if is_project && !watched {
                watch = context.watcher.add(&self.place(&relative), Interest::Names).ok();
                stamp = base.stat(&relative).ok();
            }
            let stamp = stamp.map(|stamp| FileIdentity { size: 0, ..stamp });
            if (watched || is_project)
                && !found(Found::Folder {
                    root: self.root,
                    relative: relative.clone(),
                    watch,
                    stamp,
                })
            {
                break;
            }
            if !self.link(level, &entries).into_iter().all(&mut found)
                || !self.group(&relative, is_project).into_iter().all(&mut found)
            {
                break;
            }
            if down >= self.levels.min(self.deepest()) {
                continue;
            }
            // A project's own folders are the concern of the periodic walk, except under a root that is a project itself.
            let inside = inside || (is_project && level > 0);
            // Depth first in the order of the folder, so that few wait at a time.
            for entry in entries {
                let below = relative.join(&entry.name);
                if entry.kind == EntryKind::Folder && level < self.deepest() && !self.is_pruned(&below) {
                    waiting.push((below, down + 1, inside));
                }
            }
        }
        Ok(listed)
    }

    /// The folder of transcripts, when a link stands in its place.
    fn link(&self, level: usize, entries: &[Entry]) -> Option<Found> {
        if self.kind != RootKind::Claude || level > 0 {
            return None;
        }
        let linked = |entry: &&Entry| entry.kind == EntryKind::Other && entry.name == TRANSCRIPTS;
        let entry = entries.iter().find(linked)?;
        Some(Found::Link {
            root: self.root,
            relative: PathBuf::from(&entry.name),
        })
    }

    /// The group whose folder this is.
    fn group(&self, relative: &Path, is_project: bool) -> Option<Found> {
        let level = relative.components().count();
        let kind = match self.kind {
            RootKind::Projects => is_project.then_some(GroupKind::Project),
            RootKind::Checkpoints => (level == 1).then_some(GroupKind::Checkpoint),
            RootKind::Logs => (level == 0).then_some(GroupKind::Logs),
            RootKind::Claude => (level == 2).then_some(GroupKind::Transcripts(TranscriptKind::Claude)),
            RootKind::Codex => (level == 0).then_some(GroupKind::Transcripts(TranscriptKind::Codex)),
            RootKind::Foundry => (level == 0).then_some(GroupKind::Transcripts(TranscriptKind::Observatory)),
        }?;
        Some(Found::Group {
            root: self.root,
            relative: relative.to_owned(),
            kind,
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

    /// The files of checkpoints and logs are their groups' business; only where new groups appear is watched here.
    fn watched_levels(&self) -> usize {
        match self.kind {
            RootKind::Projects => WATCHED_LEVELS,
            RootKind::Claude => 1,
            RootKind::Checkpoints | RootKind::Logs | RootKind::Codex | RootKind::Foundry => 0,
        }
    }

    fn deepest(&self) -> usize {
        match self.kind {
            RootKind::Projects => MAX_LEVELS,
            RootKind::Checkpoints => 1,
            RootKind::Claude => 2,
            RootKind::Logs | RootKind::Codex | RootKind::Foundry => 0,
        }
    }

    /// Whether this folder, relative to the root, holds nothing to be found.
    pub(crate) fn is_pruned(&self, folder: &Path) -> bool {
        match self.kind {
            RootKind::Projects => folder.file_name().is_some_and(|name| {
                is_marker(name) || name.to_str().is_some_and(|name| PRUNED.binary_search(&name).is_ok())
            }),
            RootKind::Claude => !folder.starts_with(TRANSCRIPTS),
            RootKind::Codex | RootKind::Foundry => folder != Path::new(""),
            RootKind::Checkpoints | RootKind::Logs => false,
        }
    }
}

/// Whether a folder of this name makes the one it is in a project.
pub(crate) fn is_marker(name: &OsStr) -> bool {
    name == MARKER || name == BUILDLOOP
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
