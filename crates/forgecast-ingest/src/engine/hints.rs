//! What a hint leads to: a file to be read soon, a folder to be explored, or a group to be looked at.

use std::ffi::OsStr;
use std::path::Path;

use forgecast_protocol::ProblemKind;
use tokio::time::Instant;

use super::groups::GroupId;
use super::jobs::Lane;
use super::{Engine, Place};
use crate::discover::is_marker;
use crate::group::{GroupKind, Look, directory_of, format_of};
use crate::schedule::debounce::Urgency;
use crate::watch::{Change, Hint, WatchId};
use forgecast_decode::Format;

/// The key of the trouble that notifications were lost.
pub(super) const OVERFLOW: &str = "notifications";

impl Engine {
    pub(super) fn hint(&mut self, hint: Hint, now: Instant) {
        match hint {
            Hint::Overflow => self.overflow(),
            Hint::Lost(watch) => self.lost_watch(watch),
            Hint::Name(watch, name, change) => match self.places.get(&watch).cloned() {
                None => {
                    self.strangers.insert(watch);
                }
                Some(places) => {
                    for place in places {
                        match place {
                            Place::Group(id, folder) => self.file_hint(id, &folder, &name, change, now),
                            Place::Folder(root, relative) => self.folder_hint(root, &relative, &name, change),
                        }
                    }
                }
            },
        }
    }

    fn file_hint(&mut self, id: GroupId, folder: &str, name: &OsStr, change: Change, now: Instant) {
        let of_a_folder = matches!(change, Change::FolderCame | Change::FolderGone);
        if of_a_folder {
            self.groups.look(id, Lane::Urgent, Look::Full);
        }
        let Some(name) = name.to_str() else { return };
        let path = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        let Some(kind) = self.groups.slots.get(&id).map(|slot| slot.kind) else {
            return;
        };
        if let GroupKind::Transcripts(_) = kind {
            if path.ends_with(".jsonl") {
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
        let group = self.groups.find(&directory, GroupKind::Project);
        if self.roots[root].kind.is_one_group() {
            // Its one group is the folder itself.
            for id in self.groups.under(&directory) {
                self.groups.look(id, Lane::Urgent, Look::Full);
            }
            return;
        }
        match change {
            Change::FolderCame if is_marker(name) => {
                self.explore(root, relative.to_owned(), 0, false);
            }
            Change::FolderCame => {
                let inside = group.is_some() && !relative.as_os_str().is_empty();
                self.explore(root, relative.join(name), usize::MAX, inside);
            }
            Change::FolderGone if is_marker(name) => {
                if let Some(id) = group {
                    self.groups.look(id, Lane::Urgent, Look::Full);
                }
            }
            Change::FolderGone => self.forget_folder(&directory.join(name)),
            Change::Complete | Change::Partial | Change::Gone => {}
        }
    }

    fn lost_watch(&mut self, watch: WatchId) {
        // A moved folder keeps its watch under a path that is no longer true.
        let Some(places) = self.places.remove(&watch) else {
            return;
        };
        self.context.watcher.remove(watch);
        for place in places {
            match place {
                Place::Group(id, _) => self.group_lost_watch(id, watch),
                Place::Folder(root, relative) => {
                    let directory = directory_of(&self.roots[root].path, &relative);
                    self.forget_folder(&directory);
                    self.roots[root].check_now();
                }
            }
        }
    }

    /// The system lost notifications: everything is looked at again.
    fn overflow(&mut self) {
        self.counters.overflows += 1;
        tracing::warn!("file notifications were lost; everything is looked at again");
        let message = "the system lost file notifications (too many changes at once); everything is read again";
        self.trouble(OVERFLOW, ProblemKind::Overflow, message.to_owned(), OVERFLOW);
        self.rescan_all();
    }

    fn rescan_all(&mut self) {
        let all: Vec<GroupId> = self.groups.slots.keys().copied().collect();
        for id in all {
            self.groups.look(id, Lane::Background, Look::Rescan);
        }
        for root in &mut self.roots {
            root.walk_now();
        }
    }
}
