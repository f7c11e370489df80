//! Which files belong to this run. Nothing removes an old run's files, so what was there when its file was first read
//! counts only if it is not older than the run; what changes while the run is followed always counts.
//!
//! A file may be read before the phase file says when the run began, and its own date may come with a later fact of the
//! same reading. Therefore facts are folded at once under the file's name and taken back if they prove too old.

use std::collections::BTreeMap;

use forgecast_protocol::event::{Origin, SourceKind};
use forgecast_protocol::{Event, SessionName, Timestamp};
use serde::{Deserialize, Serialize};

use super::Context;

/// How much older than the phase file an artifact may be when nobody says when the run began.
const A_DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Files that are remembered until the phase file tells their run.
const MAX_FILES: usize = 3000;

/// The files that a session was read from, and when each of them last did any work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Files {
    /// When the run was first heard of: a file that changed later than this changed while the run was followed.
    first_at: Timestamp,
    /// What is older than this and was there already at first sight belongs to an earlier run.
    boundary: Option<Timestamp>,
    /// Files read at first sight whose facts may still turn out to be an earlier run's.
    files: BTreeMap<String, FileAge>,
    /// The last work that does not depend on one of those files.
    work_at: Option<Timestamp>,
}

/// How old what a file says is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct FileAge {
    /// By the file's own account.
    dated: Option<Timestamp>,
    /// By the file system.
    modified_at: Option<Timestamp>,
    /// The work that the file stands for, as long as it counts.
    worked_at: Option<Timestamp>,
}

impl FileAge {
    /// The latest that it can be. The file's own account first: copying a folder renews every other time.
    fn latest(self) -> Option<Timestamp> {
        self.dated.or(self.modified_at.map(latest_by_file_system))
    }
}

/// Until when a file with this time may have been written. Systems stamp files with the time of their last tick, which the
/// producer's own clock is ahead of, and some keep whole seconds only.
fn latest_by_file_system(modified: Timestamp) -> Timestamp {
    const TICK_MS: i64 = 10;
    const SECOND_MS: i64 = 1_000;
    let whole = modified.as_millis() % SECOND_MS == 0;
    modified.plus_millis(if whole { SECOND_MS } else { TICK_MS })
}

impl Files {
    /// Of a run that was first heard of at `first_at`.
    pub(crate) fn new(first_at: Timestamp) -> Self {
        Self {
            first_at,
            ..Self::default()
        }
    }

    /// When the run was first heard of.
    pub(crate) fn first_at(&self) -> Timestamp {
        self.first_at
    }

    /// Whether what this origin says changed while the run was being followed: not its first reading, or a file that
    /// was made or changed after the run was first heard of.
    pub(crate) fn observed(&self, origin: &Origin) -> bool {
        !origin.first_sight || origin.modified_at.is_some_and(|modified| modified > self.first_at)
    }

    /// What the sections may know of an event.
    pub(crate) fn context<'a>(&self, event: &'a Event) -> Context<'a> {
        let Event {
            origin, at: received, ..
        } = event;
        let modified = origin.modified_at.map(|modified| modified.min(*received));
        // What stands in a file when it is first read is as old as it says, and so is what follows a line's own time.
        let at = modified.filter(|_| origin.first_sight).unwrap_or(*received);
        let is_line = matches!(origin.kind, SourceKind::Transcript | SourceKind::Foundry);
        Context {
            origin,
            received: *received,
            at,
            said_at: modified.filter(|_| is_line).unwrap_or(at),
            transcript: event.subject.transcript.as_ref().map(SessionName::as_str),
            observed: self.observed(origin),
        }
    }

    /// Whether a fact of a file counts for this run; `dated` is the producer's own time of the content. If it does not,
    /// facts of the same file that were counted before have to be taken back.
    pub(crate) fn admit(&mut self, cx: &Context<'_>, dated: Option<Timestamp>) -> bool {
        let path = cx.path().unwrap_or_default();
        if cx.observed {
            let worked = self.files.remove(path).and_then(|file| file.worked_at);
            self.work_at = self.work_at.max(worked);
            return true;
        }
        let mut age = self.files.get(path).copied().unwrap_or_default();
        age.dated = dated.or(age.dated);
        age.modified_at = cx.origin.modified_at.or(age.modified_at);
        let has_room = self.files.len() < MAX_FILES && !path.is_empty();
        if has_room || self.files.contains_key(path) {
            self.files.insert(path.to_owned(), age);
        }
        !self.is_too_old(age)
    }

    /// Takes the beginning of the run from the first report of its phase; the files that prove to be older are to be
    /// taken back.
    pub(crate) fn set_boundary(&mut self, cx: &Context<'_>, started_at: Option<Timestamp>) -> Vec<String> {
        if self.boundary.is_some() {
            return Vec::new();
        }
        let modified = cx.origin.modified_at.unwrap_or(cx.received).min(cx.received);
        // Producers often invent the time; one in the future cannot be the beginning.
        let stated = started_at.filter(|started| *started <= cx.received);
        self.boundary = Some(stated.unwrap_or_else(|| modified.plus_millis(-A_DAY_MS)));
        let too_old = self.files.iter().filter(|(_, age)| self.is_too_old(**age));
        too_old.map(|(path, _)| path.clone()).collect()
    }

    fn is_too_old(&self, age: FileAge) -> bool {
        matches!((age.latest(), self.boundary), (Some(time), Some(boundary)) if time < boundary)
    }

    /// Notes work that was told by this source.
    pub(crate) fn work(&mut self, cx: &Context<'_>) {
        let work_at = match self.files.get_mut(cx.path().unwrap_or_default()) {
            Some(file) => &mut file.worked_at,
            None => &mut self.work_at,
        };
        *work_at = (*work_at).max(Some(cx.at));
    }

    /// The work that a file stood for no longer counts; the last work without it.
    pub(crate) fn take_back(&mut self, path: &str) -> Option<Timestamp> {
        if let Some(file) = self.files.get_mut(path) {
            file.worked_at = None;
        }
        let files = self.files.values().filter_map(|file| file.worked_at).max();
        self.work_at.max(files)
    }
}
