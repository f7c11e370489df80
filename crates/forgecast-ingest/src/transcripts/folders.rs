//! The folders of a source of transcripts. An agent leaves thousands behind, so only those where something may happen are
//! watched and compared at every look: the first ones, the newest days, and those of agents at work. The others take turns.

use std::collections::BTreeSet;
use std::path::Path;

use super::{ScanPass, Transcript, Transcripts};
use crate::folder::{self, Folder};
use crate::watch::Interest;
use crate::work::directory_of;
use forgecast_open::{Entry, EntryKind};

/// Files of one folder that are followed.
const MAX_FILES: usize = 100_000;
/// Files and folders at rest that are compared in one look, in turn.
const TURN: usize = 512;
/// Files and folders at rest that are compared in one look where there are no notifications.
const UNWATCHED_TURN: usize = 4_096;
/// Levels of folders below the first ones.
const LEVELS: usize = 4;

impl Transcripts {
    /// The folders of the source that are always watched: that of the source, or those of the agent in its home.
    fn first_folders(&self) -> &'static [&'static str] {
        match self.agent.group_level {
            0 => self.agent.folders,
            _ => &[""],
        }
    }

    /// Whether any folder in which something may happen is not as it was.
    pub(super) fn differs_lightly(&self, pass: &ScanPass<'_>) -> bool {
        let wanted = self.folders.iter().filter(|(_, folder)| folder.wanted);
        let mut paths = wanted
            .map(|(path, _)| path.as_str())
            .chain(self.first_folders().iter().copied());
        paths.any(|path| folder::differs(&self.folders, path, &pass.base))
    }

    /// How many files and folders at rest are looked at now.
    pub(super) fn turn(&self) -> usize {
        if folder::unwatched(&self.folders) > 0 {
            UNWATCHED_TURN
        } else {
            TURN
        }
    }

    /// Lists what differs (or everything) and takes in new files.
    pub(super) fn visit_folders(&mut self, rescan: bool, pass: &mut ScanPass<'_>) {
        let mut waiting: BTreeSet<String> = self.first_folders().iter().map(|path| (*path).to_owned()).collect();
        if rescan {
            waiting.extend(self.folders.keys().cloned());
        } else {
            let wanted = self.folders.iter().filter(|(_, folder)| folder.wanted);
            waiting.extend(wanted.map(|(path, _)| path.clone()));
            let turn = self.turn();
            let at_rest = super::turn_of(&self.folders, &mut self.next_folder, turn, |folder| !folder.wanted);
            waiting.extend(at_rest);
        }
        while let Some(path) = waiting.pop_last() {
            if rescan || folder::differs(&self.folders, &path, &pass.base) {
                waiting.extend(self.list_folder(&path, rescan, pass));
            }
        }
    }

    /// Lists one folder; gives the folders in it that were not known.
    fn list_folder(&mut self, path: &str, rescan: bool, pass: &mut ScanPass<'_>) -> Vec<String> {
        let mut folder = self.folders.remove(path).unwrap_or_default();
        let before = folder::stamp(&pass.base, path);
        folder.wanted |=
            self.first_folders().contains(&path) || before.is_some_and(|folder| pass.is_live(folder.mtime_ns));
        // Watch first, then list: a file that is made in between is seen by one of them.
        if folder.wanted && (rescan || folder.watch.is_none()) {
            self.watch(path, &mut folder, pass);
        }
        // A stamp from before the listing: what is made meanwhile shows as a difference.
        let stamp = if folder.watch.is_some() {
            folder::stamp(&pass.base, path)
        } else {
            before
        };
        match pass.base.list(Path::new(path)) {
            Ok(entries) => {
                pass.outcome.listed += 1;
                let fact = self.problems.cleared(&self.key(path));
                Self::emit(fact, path, pass);
                folder.stamp = folder::settled(stamp);
                self.folders.insert(path.to_owned(), folder);
                self.take_in(path, entries)
            }
            Err(error) => {
                if error.is_missing() {
                    folder
                        .watch
                        .into_iter()
                        .for_each(|watch| pass.context.watcher.remove(watch));
                    let fact = self.problems.cleared(&self.key(path));
                    Self::emit(fact, path, pass);
                } else {
                    folder.stamp = None;
                    self.folders.insert(path.to_owned(), folder);
                    self.report_refused(path, &error, pass);
                }
                Vec::new()
            }
        }
    }

    fn watch(&self, path: &str, folder: &mut Folder, pass: &mut ScanPass<'_>) {
        // The slash at the end of the source's folder: that may be a link, what is in it may not.
        let place = directory_of(&self.root, &self.relative).join(path);
        folder.watch = pass.context.watcher.add(&place, Interest::Content);
        pass.outcome
            .watches
            .extend(folder.watch.map(|watch| (watch, path.to_owned())));
    }

    /// The names in one folder: transcripts are followed from now on, folders that were not known are given back.
    fn take_in(&mut self, path: &str, entries: Vec<Entry>) -> Vec<String> {
        let mut folders = Vec::new();
        let mut taken = 0;
        for entry in entries {
            let Some(name) = entry.name.to_str() else { continue };
            let inside = folder::join(path, name);
            if entry.kind == EntryKind::Folder {
                if self.goes_down(&inside) && !self.folders.contains_key(&inside) {
                    folders.push(inside);
                }
            } else if taken < MAX_FILES && !self.files.contains_key(&inside) && self.is_transcript(&inside) {
                taken += 1;
                self.files.insert(inside, Transcript::default());
            }
        }
        folders
    }

    fn goes_down(&self, path: &str) -> bool {
        path.split('/').count() <= LEVELS && (self.agent.enters)(path)
    }

    /// After a look: watches where something may happen now, none where nothing does any more. What was made in a folder
    /// before its watch was set is looked for once more.
    pub(super) fn settle_watches(&mut self, pass: &mut ScanPass<'_>) {
        for _ in 0..LEVELS {
            let wanted = self.wanted_folders(pass);
            let mut fresh = Vec::new();
            for (path, folder) in &mut self.folders {
                let is_wanted = wanted.contains(path);
                if is_wanted && !folder.wanted {
                    fresh.push(path.clone());
                } else if !is_wanted
                    && folder.wanted
                    && let Some(watch) = folder.watch.take()
                {
                    pass.context.watcher.remove(watch);
                }
                folder.wanted = is_wanted;
            }
            if fresh.is_empty() {
                return;
            }
            for path in fresh {
                let mut waiting = vec![path.clone()];
                while let Some(folder) = waiting.pop() {
                    waiting.extend(self.list_folder(&folder, false, pass));
                }
                let inside = format!("{path}/");
                let files: Vec<String> = self
                    .files
                    .range(inside.clone()..)
                    .map(|(file, _)| file)
                    .take_while(|file| file.starts_with(&inside))
                    .cloned()
                    .collect();
                for file in files {
                    self.examine(&file, false, pass);
                }
            }
        }
    }

    /// The folders in which something may happen.
    fn wanted_folders(&self, pass: &ScanPass<'_>) -> BTreeSet<String> {
        let mut wanted: BTreeSet<String> = self.first_folders().iter().map(|path| (*path).to_owned()).collect();
        if let Some(daily) = self.agent.daily
            && let Some((newest, _)) = self.folders.range(format!("{daily}/")..).next_back()
        {
            // The folder of the next day is made in that of the month, which is the last by name.
            with_parents(newest, &mut wanted);
        }
        for (path, folder) in &self.folders {
            let changed = folder.stamp.map(|stamp| stamp.mtime_ns);
            if changed.map_or(folder.wanted, |changed| pass.is_live(changed)) {
                wanted.insert(path.clone());
            }
        }
        for (path, _) in self.files.iter().filter(|(_, file)| pass.is_live(file.changed_ns)) {
            match path.rsplit_once('/') {
                Some((folder, _)) => with_parents(folder, &mut wanted),
                // A session is at work: its subagents are in a folder of its name.
                None => {
                    let session = path.trim_end_matches(".jsonl");
                    let below = self.folders.range(session.to_owned()..).map(|(folder, _)| folder);
                    let below = below.take_while(|folder| folder.starts_with(session));
                    let below =
                        below.filter(|folder| matches!(folder.as_bytes().get(session.len()), None | Some(b'/')));
                    wanted.extend(below.cloned());
                }
            }
        }
        wanted
    }
}

fn with_parents(folder: &str, into: &mut BTreeSet<String>) {
    into.insert(folder.to_owned());
    for (at, _) in folder.match_indices('/') {
        into.insert(folder[..at].to_owned());
    }
}
