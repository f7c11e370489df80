//! What a hint leads to: a file to be read soon, a folder to be explored, or a source to be looked at.

use std::ffi::OsStr;
use std::path::Path;

use forgecast_protocol::ProblemKind;
use tokio::time::Instant;

use super::jobs::Lane;
use super::{Engine, WatchTarget};
use crate::discover::{WalkKind, is_marker};
use crate::folder;
use crate::packed;
use crate::processes::Processes;
use crate::schedule::Urgency;
use crate::source::SourceId;
use crate::source_set::format_of;
use crate::watch::{Change, Hint, WatchId};
use crate::work::{ScanDepth, SetKind, directory_of};
use forgecast_decode::Format;

/// The key of the problem that notifications were lost.
pub(super) const OVERFLOW: &str = "notifications";

impl Engine {
    pub(super) fn hint(&mut self, hint: Hint, now: Instant) {
        self.was_notified |= matches!(hint, Hint::Name(..));
        match hint {
            Hint::Overflow => self.overflow(),
            Hint::Lost(watch) => self.lost_watch(watch),
            Hint::Name(watch, name, change) => match self.targets.get(&watch).cloned() {
                None => {
                    self.unknown_watches.insert(watch);
                }
                Some(targets) => {
                    for target in targets {
                        match target {
                            WatchTarget::Source(id, folder) => self.file_hint(id, &folder, &name, change, now),
                            WatchTarget::Folder(root, relative) => self.folder_hint(root, &relative, &name, change),
                        }
                    }
                }
            },
        }
    }

    fn file_hint(&mut self, id: SourceId, folder: &str, name: &OsStr, change: Change, now: Instant) {
        let of_a_folder = matches!(change, Change::FolderCame | Change::FolderGone);
        if of_a_folder {
            self.sources.scan(id, Lane::Urgent, ScanDepth::Full);
        }
        let Some(name) = name.to_str() else { return };
        let path = folder::join(folder, name);
        let Some(kind) = self.sources.entries.get(&id).map(|entry| entry.kind) else {
            return;
        };
        if let SetKind::Transcripts(_) = kind {
            if path.ends_with(".jsonl") || packed::is_packed(&path) {
                self.files.changed(&(id, path), Urgency::Complete, now);
            }
            return;
        }
        if let SetKind::Processes(agent) = kind {
            if agent
                .processes
                .as_ref()
                .is_some_and(|files| Processes::is_one(files, &path))
            {
                self.files.changed(&(id, path), Urgency::Complete, now);
            }
            return;
        }
        let Some(format) = format_of(kind, &path) else { return };
        if of_a_folder && matches!(format, Format::Other(_)) {
            // A folder like any other, not one in the place of a file of ours.
            return;
        }
        let urgency = if format.must_settle() || matches!(format, Format::Other(_)) {
            Urgency::Settle
        } else if format.is_appended() || change != Change::Partial {
            Urgency::Complete
        } else {
            Urgency::Partial
        };
        self.files.changed(&(id, path), urgency, now);
    }

    fn folder_hint(&mut self, root: usize, relative: &Path, name: &OsStr, change: Change) {
        let directory = directory_of(&self.roots[root].path, relative);
        let source = self.sources.find(&directory, SetKind::Project);
        if self.roots[root].kind.is_one_set() {
            // Its one source is the folder itself.
            for id in self.sources.under(&directory) {
                self.sources.scan(id, Lane::Urgent, ScanDepth::Full);
            }
            return;
        }
        if let WalkKind::Agent(agent) = self.roots[root].kind {
            // The folders of its processes may be made by its first run.
            if let Some(id) = self.sources.find(&directory, SetKind::Processes(agent)) {
                self.sources.scan(id, Lane::Urgent, ScanDepth::Full);
            }
        }
        match change {
            Change::FolderCame if is_marker(name) => {
                self.explore(root, relative.to_owned(), 0, false);
            }
            Change::FolderCame => {
                let inside = source.is_some() && !relative.as_os_str().is_empty();
                self.explore(root, relative.join(name), usize::MAX, inside);
            }
            Change::FolderGone if is_marker(name) => {
                if let Some(id) = source {
                    self.sources.scan(id, Lane::Urgent, ScanDepth::Full);
                }
            }
            Change::FolderGone => self.forget_folder(&directory.join(name)),
            Change::Complete | Change::Partial | Change::Gone => {}
        }
    }

    fn lost_watch(&mut self, watch: WatchId) {
        // A moved folder keeps its watch under a path that is no longer true.
        let Some(targets) = self.targets.remove(&watch) else {
            return;
        };
        self.context.watcher.remove(watch);
        for target in targets {
            match target {
                WatchTarget::Source(id, _) => self.source_lost_watch(id, watch),
                WatchTarget::Folder(root, relative) => {
                    let directory = directory_of(&self.roots[root].path, &relative);
                    self.forget_folder(&directory);
                    self.roots[root].checked = None;
                }
            }
        }
    }

    /// The system lost notifications: everything is looked at again.
    fn overflow(&mut self) {
        self.counters.overflows += 1;
        tracing::warn!("file notifications were lost; everything is looked at again");
        let message = "the system lost file notifications (too many changes at once); everything is read again";
        self.report_problem(OVERFLOW, ProblemKind::Overflow, message.to_owned(), OVERFLOW);
        self.rescan_all();
    }

    fn rescan_all(&mut self) {
        let all: Vec<SourceId> = self.sources.entries.keys().copied().collect();
        for id in all {
            self.sources.scan(id, Lane::Background, ScanDepth::Rescan);
        }
        for root in &mut self.roots {
            root.walk_wanted = true;
        }
    }
}
