//! The folders of a source: watched first, then listed, and listed again only when `stat` says that they differ.

use std::path::Path;

use super::{ScanPass, SetKind, SourceFile, SourceSet, directory_of};
use crate::folder;
use crate::watch::Interest;
use forgecast_decode::Format;
use forgecast_open::{Entry, EntryKind, OpenError};

/// The folder that builds write into.
pub(crate) const MARKER: &str = ".context-foundry";
/// The folder that Foundry writes into.
pub(crate) const BUILDLOOP: &str = ".buildloop";
/// Its lists of tasks, in the project's own folder.
pub(crate) const TASKS: [&str; 2] = ["TASKS.md", "IMPL_PLAN.md"];
/// Files of one folder that are followed; a folder of a hundred thousand unrelated files is not taken in.
const MAX_FILES: usize = 2_000;

impl SourceSet {
    /// Whether the folder with the phase file, or the phase file, is not as it was.
    pub(super) fn differs_lightly(&self, pass: &ScanPass<'_>) -> bool {
        self.lost_once
            || self.gone.is_some()
            || first_folders(self.kind)
                .iter()
                .any(|path| folder::differs(&self.folders, path, &pass.base))
            || self.files.iter().any(|(path, source)| {
                matches!(source.format, Format::Phase | Format::Checkpoint(_)) && source.differs(path, pass)
            })
    }

    /// Lists what differs (or everything), takes in new files, and goes down into the source's folders.
    pub(super) fn visit_folders(&mut self, rescan: bool, pass: &mut ScanPass<'_>) {
        let mut waiting: Vec<String> = first_folders(self.kind).iter().map(|path| (*path).to_owned()).collect();
        for path in self.folders.keys() {
            if !waiting.contains(path) {
                waiting.push(path.clone());
            }
        }
        while let Some(path) = waiting.pop() {
            if rescan || folder::differs(&self.folders, &path, &pass.base) {
                self.list_folder(&path, rescan, &mut waiting, pass);
            }
        }
    }

    fn list_folder(&mut self, path: &str, rescan: bool, waiting: &mut Vec<String>, pass: &mut ScanPass<'_>) {
        let mut folder = self.folders.remove(path).unwrap_or_default();
        folder.wanted = true;
        // Watch first, then list: a file that is made in between is seen by one of them.
        if rescan || folder.watch.is_none() || folder.stamp.is_none() {
            let place = directory_of(&directory_of(&self.root, &self.relative), Path::new(path));
            folder.watch = pass.context.watcher.add(&place, Interest::Content);
        }
        let stamp = folder::stamp(&pass.base, path);
        match self.entries(path, pass) {
            Ok(entries) => {
                self.clear_file(path, pass);
                self.take_in(path, entries, waiting);
                folder.stamp = folder::settled(stamp);
            }
            Err(error) if error.is_missing() => {
                folder
                    .watch
                    .into_iter()
                    .for_each(|watch| pass.context.watcher.remove(watch));
                self.clear_file(path, pass);
                return;
            }
            Err(error) => {
                folder.stamp = None;
                self.report_refused(path, &error, pass);
            }
        }
        pass.outcome
            .watches
            .extend(folder.watch.map(|watch| (watch, path.to_owned())));
        self.folders.insert(path.to_owned(), folder);
    }

    fn entries(&self, path: &str, pass: &mut ScanPass<'_>) -> Result<Vec<Entry>, OpenError> {
        if self.kind == SetKind::Project && path.is_empty() {
            // Two names in it are ours: no reason to list all that people keep there.
            let lists = TASKS.iter().filter_map(|name| {
                let task_list = pass.base.stat(Path::new(name)).ok()?;
                Some(Entry {
                    name: name.into(),
                    kind: EntryKind::File,
                    inode: task_list.inode,
                })
            });
            return Ok(lists.collect());
        }
        let entries = pass.base.list(Path::new(path))?;
        pass.outcome.listed += 1;
        Ok(entries)
    }

    /// The names in one folder: files that are ours are followed from now on, folders that are ours are visited next.
    fn take_in(&mut self, path: &str, entries: Vec<Entry>, waiting: &mut Vec<String>) {
        let mut taken = 0;
        for entry in entries {
            let Some(name) = entry.name.to_str() else { continue };
            let inside = folder::join(path, name);
            if entry.kind == EntryKind::Folder && self.goes_down(&inside) {
                if !self.folders.contains_key(&inside) && !waiting.contains(&inside) {
                    waiting.push(inside);
                }
            } else if taken < MAX_FILES && !self.files.contains_key(&inside) {
                // Links, pipes and folders in the place of our files are looked at too: refused where viewers see it.
                let source = SourceFile::new(self.kind, &inside, None);
                if let Some(source) = source.filter(|source| entry.kind == EntryKind::File || source.is_ours()) {
                    taken += 1;
                    self.files.insert(inside, source);
                }
            }
        }
    }

    /// Which folders belong to the source.
    fn goes_down(&self, path: &str) -> bool {
        match self.kind {
            SetKind::Project => {
                matches!(path, MARKER | BUILDLOOP)
                    || path
                        .strip_prefix(MARKER)
                        .is_some_and(|rest| matches!(rest, "/feedback" | "/patterns" | "/logs" | "/builder-logs"))
            }
            SetKind::Checkpoint | SetKind::Transcripts(_) | SetKind::Processes(_) => false,
            SetKind::Logs => {
                let mut parts = path.split('/');
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(first), None, None) => first == "events" || first.starts_with("ralph_"),
                    (Some("events"), Some(_), None) => true,
                    _ => false,
                }
            }
        }
    }
}

impl SourceFile {
    /// Whether viewers should hear when something else stands in its place.
    fn is_ours(&self) -> bool {
        !matches!(self.format, Format::Other(_))
    }

    fn differs(&self, path: &str, pass: &ScanPass<'_>) -> bool {
        match (&self.content, pass.base.stat(Path::new(path))) {
            (super::Content::Document(document), Ok(now)) => document.differs(&now),
            (super::Content::Document(document), Err(_)) => document.present,
            _ => false,
        }
    }
}

/// What the file at this path within a source is; `None` when it is not the source's to read.
pub(crate) fn format_of(kind: SetKind, path: &str) -> Option<Format> {
    let format = Format::of(path)?;
    let ours = match kind {
        SetKind::Project if path.starts_with(MARKER) => true,
        SetKind::Project if path.starts_with(BUILDLOOP) => !format.is_appended(),
        SetKind::Project => format == Format::TasksMd,
        SetKind::Checkpoint | SetKind::Logs => true,
        SetKind::Transcripts(_) | SetKind::Processes(_) => false,
    };
    ours.then_some(format)
}

fn first_folders(kind: SetKind) -> &'static [&'static str] {
    match kind {
        // In the project's own folder there is the task list, and nothing else of ours.
        SetKind::Project => &[MARKER, BUILDLOOP, ""],
        SetKind::Checkpoint | SetKind::Logs | SetKind::Transcripts(_) | SetKind::Processes(_) => &[""],
    }
}
