//! The folders of a source: whether each has a watch, and what `stat` said of it before it was last listed.

use std::collections::BTreeMap;
use std::path::Path;

use forgecast_protocol::FileIdentity;

use crate::clock;
use crate::watch::{WatchId, Watcher};
use forgecast_open::Base;

/// A folder that was changed so short a time ago may change again without showing it, milliseconds.
const RACY_MS: u64 = 50;

/// One folder of a source.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// Its watch, when it has one.
    pub(crate) watch: Option<WatchId>,
    /// Something may happen in it, so that it should have a watch.
    pub(crate) wanted: bool,
    /// The folder as it was before it was last listed; `None` when the next look must list it.
    pub(crate) stamp: Option<FileIdentity>,
}

/// A file's device and its number there: the same for as long as it exists, whatever its path.
pub(crate) type Number = (u64, u64);

pub(crate) fn number(identity: &FileIdentity) -> Number {
    (identity.device, identity.inode)
}

/// Folders by path within their source. In boxes: a map has places for eleven from its first entry on, and a project has
/// one or two.
pub(crate) type Folders = BTreeMap<String, Box<Folder>>;

/// The folder as it is now. A folder's size says nothing that its times do not say, so it is left out.
pub(crate) fn stamp(base: &Base, path: impl AsRef<Path>) -> Option<FileIdentity> {
    let now = base.stat(path.as_ref()).ok()?;
    Some(FileIdentity { size: 0, ..now })
}

/// The stamp, if a later change cannot show the same one.
pub(crate) fn settled(stamp: Option<FileIdentity>) -> Option<FileIdentity> {
    stamp.filter(|stamp| !clock::is_recent(stamp.ctime_ns, RACY_MS))
}

/// Whether the folder at this path is not as it was when it was last listed.
pub(crate) fn differs(folders: &Folders, path: &str, base: &Base) -> bool {
    let now = stamp(base, path);
    match folders.get(path) {
        Some(folder) => folder.stamp.is_none() || folder.stamp != now,
        None => now.is_some(),
    }
}

/// How many folders should have a watch and have none.
pub(crate) fn unwatched(folders: &Folders) -> u64 {
    let unwatched = folders
        .values()
        .filter(|folder| folder.wanted && folder.watch.is_none());
    u64::try_from(unwatched.count()).unwrap_or(u64::MAX)
}

/// A watch ended by itself; the next look sets it again.
pub(crate) fn forget_watch(folders: &mut Folders, watch: WatchId) {
    for folder in folders.values_mut().filter(|folder| folder.watch == Some(watch)) {
        **folder = Folder::default();
    }
}

/// Forgets all folders and removes their watches: a folder that was moved would go on to report a place that is not ours.
pub(crate) fn leave(folders: &mut Folders, watcher: &Watcher) {
    for folder in std::mem::take(folders).into_values() {
        folder.watch.into_iter().for_each(|watch| watcher.remove(watch));
    }
}

/// The path of a name in a folder; the folder itself when the name is empty.
pub(crate) fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", path) | (path, "") => path.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}
