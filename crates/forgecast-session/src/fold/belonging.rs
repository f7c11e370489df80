//! Whose run a file's facts are. Nothing removes an old run's files, so what was there at first sight counts only if it
//! is not older than the run; what changes under our eyes always counts.
//!
//! A file may be read before the phase file says when the run began, and its own date may come with a later fact of the
//! same reading. Therefore facts are folded at once under the file's name and taken back when they prove too old.

use forgecast_protocol::event::{Origin, PhaseReported};
use forgecast_protocol::{Event, Timestamp};

use super::effect::{Effect, Section};
use crate::Session;

/// How much older than the phase file an artifact may be when nobody says when the run began.
const A_DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Files that are remembered until the phase file tells their run.
const MAX_FILES: usize = 3000;

impl Session {
    /// Whether what this origin says changed while the run was being followed: not its first reading, or a file that
    /// was made or changed after the run was first heard of.
    pub(crate) fn changed_under_our_eyes(&self, origin: &Origin) -> bool {
        !origin.first_sight
            || origin
                .modified_at
                .is_some_and(|modified| modified > self.memory.first_at)
    }

    /// Whether a fact of a file counts for this run; `dated` is the producer's own time of the content. Facts of the
    /// same file that were counted before are taken back when the date shows that they should not have been.
    pub(crate) fn counts(&mut self, event: &Event, dated: Option<Timestamp>) -> (bool, Effect) {
        let path = event.origin.path.as_deref().unwrap_or_default();
        if self.changed_under_our_eyes(&event.origin) {
            let worked = self.memory.files.remove(path).and_then(|file| file.worked_at);
            self.memory.work_at = self.memory.work_at.max(worked);
            return (true, Effect::none());
        }
        let mut age = self.memory.files.get(path).copied().unwrap_or_default();
        age.dated = dated.or(age.dated);
        age.modified_at = event.origin.modified_at.or(age.modified_at);
        let room = self.memory.files.len() < MAX_FILES && !path.is_empty();
        if room || self.memory.files.contains_key(path) {
            self.memory.files.insert(path.to_owned(), age);
        }
        if self.is_too_old(age.latest()) {
            (false, self.take_back(path))
        } else {
            (true, Effect::none())
        }
    }

    /// Takes the beginning of the run from the first report of its phase, and takes back what proves to be older.
    pub(crate) fn draw_boundary(&mut self, event: &Event, fact: &PhaseReported) -> Effect {
        if self.memory.boundary.is_some() {
            return Effect::none();
        }
        let modified = event.origin.modified_at.unwrap_or(event.at).min(event.at);
        // Producers often invent the time; one in the future cannot be the beginning.
        let said = fact.started_at.filter(|started| *started <= event.at);
        self.memory.boundary = Some(said.unwrap_or_else(|| modified.plus_millis(-A_DAY_MS)));
        let too_old: Vec<String> = self
            .memory
            .files
            .iter()
            .filter(|(_, age)| self.is_too_old(age.latest()))
            .map(|(path, _)| path.clone())
            .collect();
        too_old
            .iter()
            .map(|path| self.take_back(path))
            .fold(Effect::none(), Effect::with)
    }

    fn is_too_old(&self, time: Option<Timestamp>) -> bool {
        matches!((time, self.memory.boundary), (Some(time), Some(boundary)) if time < boundary)
    }

    /// Removes everything that a file said.
    fn take_back(&mut self, path: &str) -> Effect {
        let mut effect = Effect::none();
        let mut gone = |section, removed: bool| {
            if removed {
                effect.sections.push(section);
            }
        };
        gone(Section::Artifacts, self.view.artifacts.remove(path).is_some());
        gone(Section::Tests, self.take_back_tests(path));
        gone(Section::Decisions, self.take_back_decisions(path));
        gone(Section::Progress, self.take_back_tasks(path));
        self.memory.end.take_if(|end| end.path.as_deref() == Some(path));
        let old_checkpoint = self.memory.checkpoint_path.as_deref() == Some(path);
        if old_checkpoint {
            self.take_back_checkpoint();
        }
        if let Some(file) = self.memory.files.get_mut(path) {
            file.worked_at = None;
        }
        let files = self.memory.files.values().filter_map(|file| file.worked_at).max();
        self.view.last_work_at = self.memory.work_at.max(files);
        effect
    }
}
