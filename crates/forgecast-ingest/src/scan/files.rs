//! Which files are transcripts, and how the work on them is dealt out: the largest first, and those that are larger than
//! a thread should have alone in parts.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ScanSummary;
use crate::AgentHomes;
use crate::discover::{LINKED_FOLDER, linked_folders};
use crate::packed as pack;
use forgecast_decode::agents::Agent;
use forgecast_decode::scan::ScannedFile;
use forgecast_open::{Base, Entry, EntryKind};

/// Deepest folder in which transcripts are looked for.
const MAX_DEPTH: usize = 8;
/// A file of independent lines that is larger is read in parts of this size, bytes.
const PART: u64 = 64 << 20;

/// A stretch of a file: the lines that begin in it.
pub(super) struct Part {
    pub(super) scanned: ScannedFile,
    pub(super) base: Arc<Base>,
    /// Relative to the base.
    pub(super) relative: PathBuf,
    /// Bytes of its lines, of a packed file as they are unpacked.
    pub(super) range: Range<u64>,
    /// Bytes that it takes on the disk.
    pub(super) size: u64,
    pub(super) is_packed: bool,
}

/// All there is to read, largest first.
pub(super) fn parts(roots: &AgentHomes, summary: &mut ScanSummary) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut roots = roots.clone();
    roots.sort();
    roots.dedup();
    let folders = roots
        .iter()
        .flat_map(|(agent, root)| agent.folders.iter().map(move |folder| (*agent, root, *folder)));
    for (agent, root, folder) in folders {
        let directory = root.join(folder);
        match Base::open(root).and_then(|home| home.sub(Path::new(folder))) {
            Ok(base) => {
                let mut search = Search {
                    agent,
                    folder: PathBuf::from(folder),
                    base: Arc::new(base),
                    directory,
                    parts: &mut parts,
                    summary,
                };
                search.folder(Path::new(""), MAX_DEPTH);
            }
            Err(_) if directory.is_symlink() => {
                summary.problems.push((directory, LINKED_FOLDER.to_owned()));
            }
            Err(error) if error.is_missing() => {}
            Err(error) => summary.problems.push((directory, error.to_string())),
        }
    }
    // Among equals by name, so that a run is like the one before it.
    parts.sort_by(|one, other| {
        let size = |part: &Part| part.range.end - part.range.start;
        size(other)
            .cmp(&size(one))
            .then_with(|| one.scanned.file.cmp(&other.scanned.file))
    });
    parts
}

struct Search<'s> {
    agent: &'static Agent,
    /// Where the base is in the agent's home.
    folder: PathBuf,
    base: Arc<Base>,
    directory: PathBuf,
    parts: &'s mut Vec<Part>,
    summary: &'s mut ScanSummary,
}

impl Search<'_> {
    fn folder(&mut self, relative: &Path, depth: usize) {
        let entries = match self.base.list(relative) {
            Ok(entries) => entries,
            Err(error) => return self.problem(relative, error.to_string()),
        };
        if self.folder.components().count() + 1 == self.agent.group_level {
            self.links(&entries, depth);
        }
        for entry in entries {
            let inner = relative.join(&entry.name);
            match entry.kind {
                EntryKind::Folder if depth > 0 => self.folder(&inner, depth - 1),
                EntryKind::File => self.file(inner),
                EntryKind::Folder | EntryKind::Other => {}
            }
        }
    }

    /// Folders that are links, as the server reads them.
    fn links(&mut self, entries: &[Entry], depth: usize) {
        for (name, link) in linked_folders(&self.base, Path::new(""), entries) {
            match link {
                Ok(base) => {
                    let mut search = Search {
                        agent: self.agent,
                        folder: self.folder.join(&name),
                        base: Arc::new(base),
                        directory: self.directory.join(&name),
                        parts: self.parts,
                        summary: self.summary,
                    };
                    search.folder(Path::new(""), depth.saturating_sub(1));
                }
                Err(error) => self.problem(&name, error.to_string()),
            }
        }
    }

    fn file(&mut self, relative: PathBuf) {
        let name = self.folder.join(&relative);
        let Some(path) = self.agent.path_of(&name.to_string_lossy()) else {
            return;
        };
        let size = match self.base.stat(&relative) {
            Ok(identity) => identity.size,
            Err(error) if error.is_missing() => return,
            Err(error) => return self.problem(&relative, error.to_string()),
        };
        let scanned = ScannedFile {
            agent: self.agent,
            path: Arc::new(path),
            file: self.directory.join(&relative).into(),
        };
        if pack::is_packed(&name.to_string_lossy()) {
            // How long its lines are in all is not known.
            return self.parts.push(Part {
                scanned,
                base: self.base.clone(),
                relative,
                range: 0..u64::MAX,
                size,
                is_packed: true,
            });
        }
        // Only lines that need nothing of those before them can be read in parts.
        let step = if self.agent.independent_lines { PART } else { u64::MAX };
        let mut start = 0;
        while start < size {
            let end = start.saturating_add(step).min(size);
            self.parts.push(Part {
                scanned: scanned.clone(),
                base: self.base.clone(),
                relative: relative.clone(),
                range: start..end,
                size: end - start,
                is_packed: false,
            });
            start = end;
        }
    }

    fn problem(&mut self, relative: &Path, why: String) {
        if self.summary.problems.len() < super::MAX_PROBLEMS {
            self.summary.problems.push((self.directory.join(relative), why));
        }
    }
}
