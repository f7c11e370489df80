//! The folders of a group: watched first, then listed, and listed again only when `stat` says that they differ.

use std::path::Path;

use forgecast_protocol::{FileIdentity, ProblemKind, Timestamp};

use super::{Group, GroupKind, Pass, Source, directory_of};
use crate::clock;
use crate::decode::Format;
use crate::open::EntryKind;

/// The folder that builds write into.
pub(crate) const MARKER: &str = ".context-foundry";
/// A folder that was changed so short a time ago may change again without showing it.
const RACY_MS: u64 = 50;
/// Files of one folder that are followed; a folder of a hundred thousand unrelated files is not taken in.
const MAX_FILES: usize = 2_000;

impl Group {
    /// Whether the folder with the phase file, or the phase file, is not as it was.
    pub(super) fn differs_lightly(&self, pass: &Pass<'_>) -> bool {
        self.lost_once
            || self.gone.is_some()
            || first_folders(self.kind).iter().any(|path| self.folder_differs(path, pass))
            || self.files.iter().any(|(path, source)| {
                matches!(source.format, Format::Phase | Format::Checkpoint(_)) && source.differs(path, pass)
            })
    }

    fn folder_differs(&self, path: &str, pass: &Pass<'_>) -> bool {
        let stamp = self.folders.get(path).and_then(|folder| folder.stamp);
        stamp.is_none() || pass.base.stat(Path::new(path)).ok().map(|now| without_size(&now)) != stamp
    }

    /// Lists what differs (or everything), takes in new files, and goes down into the group's folders.
    pub(super) fn visit_folders(&mut self, rescan: bool, pass: &mut Pass<'_>) {
        let mut waiting: Vec<String> = first_folders(self.kind).iter().map(|path| (*path).to_owned()).collect();
        for path in self.folders.keys() {
            if !waiting.contains(path) {
                waiting.push(path.clone());
            }
        }
        while let Some(path) = waiting.pop() {
            if rescan || self.folder_differs(&path, pass) {
                self.list_folder(&path, rescan, &mut waiting, pass);
            }
        }
    }

    fn list_folder(&mut self, path: &str, rescan: bool, waiting: &mut Vec<String>, pass: &mut Pass<'_>) {
        let mut folder = self.folders.remove(path).unwrap_or_default();
        // Watch first, then list: a file that is made in between is seen by one of them.
        if rescan || folder.watch.is_none() || folder.stamp.is_none() {
            let place = directory_of(&directory_of(&self.root, &self.relative), Path::new(path));
            folder.watch = pass.context.watcher.add(&place).ok();
            pass.outcome.watches.extend(folder.watch.map(|watch| (watch, path.to_owned())));
        }
        let stamp = pass.base.stat(Path::new(path)).ok().map(|now| without_size(&now));
        match pass.base.list(Path::new(path)) {
            Ok(entries) => {
                pass.outcome.listed += 1;
                let fact = self.problems.cleared(&self.key(path));
                self.say(fact, path, pass);
                let mut taken = 0;
                for entry in entries {
                    let Some(name) = entry.name.to_str() else { continue };
                    let inside = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
                    match entry.kind {
                        EntryKind::Folder if self.goes_down(&inside) => {
                            if !self.folders.contains_key(&inside) && !waiting.contains(&inside) {
                                waiting.push(inside);
                            }
                        }
                        // Links and pipes named like our files are looked at too, to be refused where viewers see it;
                        // so are folders in the place of a state file.
                        kind if taken < MAX_FILES && !self.files.contains_key(&inside) => {
                            let source = Source::new(&inside, None);
                            if let Some(source) = source.filter(|source| kind == EntryKind::File || source.is_ours()) {
                                taken += 1;
                                self.files.insert(inside, source);
                            }
                        }
                        _ => {}
                    }
                }
                folder.stamp = stamp.filter(|stamp| !is_recent(stamp));
                self.folders.insert(path.to_owned(), folder);
            }
            Err(error) if error.is_missing() => {
                if let Some(watch) = folder.watch {
                    pass.context.watcher.remove(watch);
                }
                let fact = self.problems.cleared(&self.key(path));
                self.say(fact, path, pass);
                pass.outcome.watches.retain(|(_, watched)| watched != path);
            }
            Err(error) => {
                folder.stamp = None;
                self.folders.insert(path.to_owned(), folder);
                let key = self.key(path);
                let kind = match error {
                    crate::open::OpenError::Refused { .. } => ProblemKind::Refused,
                    _ => ProblemKind::Unreadable,
                };
                let message = pass.context.cleaner.line(&error.to_string());
                let fact = self.problems.found(&key, kind, message, &key);
                self.say(fact, path, pass);
            }
        }
    }

    /// Which folders belong to the group.
    fn goes_down(&self, path: &str) -> bool {
        match self.kind {
            GroupKind::Project => {
                path == MARKER
                    || path.strip_prefix(MARKER).is_some_and(|rest| matches!(rest, "/feedback" | "/patterns" | "/logs"))
            }
            GroupKind::Checkpoint => false,
            GroupKind::Logs => {
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

impl Source {
    /// Whether viewers should hear when something else stands in its place.
    fn is_ours(&self) -> bool {
        !matches!(self.format, Format::Other(_))
    }

    fn differs(&self, path: &str, pass: &Pass<'_>) -> bool {
        match (&self.content, pass.base.stat(Path::new(path))) {
            (super::Content::Document(document), Ok(now)) => document.differs(&now),
            (super::Content::Document(document), Err(_)) => document.present,
            _ => false,
        }
    }
}

fn first_folders(kind: GroupKind) -> &'static [&'static str] {
    match kind {
        GroupKind::Project => &[MARKER],
        GroupKind::Checkpoint | GroupKind::Logs => &[""],
    }
}

/// A folder's size says nothing that its times do not say.
fn without_size(identity: &FileIdentity) -> FileIdentity {
    FileIdentity { size: 0, ..*identity }
}

fn is_recent(stamp: &FileIdentity) -> bool {
    let (now, changed) = (clock::wall(), Timestamp::from_millis(stamp.ctime_ns / 1_000_000));
    now.millis_since(changed) < RACY_MS && changed.millis_since(now) < RACY_MS
}
