//! What the files of a checkpoint say: the fallback where no live data is fresh, and the only source of some things
//! (the task, the loop's lists and notes, the marker `COMPLETE`).

use forgecast_protocol::event::CheckpointReported;
use forgecast_protocol::session::SourceOfState;
use forgecast_protocol::{Event, SessionStatus};

use super::effect::{Effect, Section, set_some};
use super::phase::Report;
use crate::Session;
use crate::memory::{End, KeptCheckpoint};
use crate::vocabulary::{self, Meaning};

/// Remarks that are kept.
const MAX_NOTES: usize = 50;
/// The phases that the loop goes through, in order; its fourth word is `complete`.
const LOOP: [&str; 3] = [vocabulary::SCOUT, vocabulary::ARCHITECT, vocabulary::BUILDER];

impl Session {
    pub(crate) fn fold_checkpoint(&mut self, event: &Event, fact: &CheckpointReported) -> Effect {
        let known = self.memory.checkpoint.as_ref();
        if known.is_some_and(|known| known.fact == *fact) {
            return Effect::none();
        }
        let (counts, taken_back) = self.counts(event, fact.last_iteration_at);
        if !counts {
            return taken_back;
        }
        let time = self.time_of(event);
        self.memory.checkpoint = Some(KeptCheckpoint {
            fact: fact.clone(),
            time,
        });
        self.memory.checkpoint_path.clone_from(&event.origin.path);
        set_some(&mut self.view.project, fact.project.as_ref());
        set_some(&mut self.view.task, fact.task.as_ref());
        if self.view.working_directory.is_none() {
            set_some(&mut self.view.working_directory, fact.working_directory.as_ref());
        }
        if self.view.started_at.is_none() {
            let end = self.memory.end.as_ref().map_or(event.at, |end| end.at);
            self.view.started_at = fact.started_at.filter(|started| *started <= end.min(event.at));
        }
        let mut effect = Effect::work();
        if self.fold_lists(fact) {
            effect = effect.and(Section::Progress);
        }
        if !self.live_is_fresh() {
            self.view.source = SourceOfState::Checkpoint;
            self.follow(&self.report_of_checkpoint(event, fact));
        }
        if fact.complete || (self.view.source == SourceOfState::Checkpoint && says_complete(fact)) {
            self.end(End {
                status: SessionStatus::Completed,
                reason: "the checkpoint is marked COMPLETE".to_owned(),
                at: time,
                path: event.origin.path.clone(),
            });
        }
        self.memory.waiting = None;
        effect.with(taken_back)
    }

    fn fold_lists(&mut self, fact: &CheckpointReported) -> bool {
        let mut changed = fact.iterations.is_some() && self.view.progress.rounds != fact.iterations;
        set_some(&mut self.view.progress.rounds, fact.iterations.as_ref());
        if let Some(notes) = &fact.notes {
            let notes = notes.iter().take(MAX_NOTES);
            if !self.view.progress.notes.iter().eq(notes.clone()) {
                self.view.progress.notes = notes.cloned().collect();
                changed = true;
            }
        }
        self.fold_task_lists(fact) || changed
    }

    /// A checkpoint that proved to be an earlier run's is as if it had not been read.
    pub(crate) fn take_back_checkpoint(&mut self) {
        self.memory.checkpoint = None;
        self.memory.checkpoint_path = None;
        self.forget_checkpoint_tasks();
        self.view.progress.notes.clear();
        self.view.progress.rounds = None;
        if self.view.source == SourceOfState::Checkpoint {
            self.view.source = SourceOfState::Live;
            self.forget_phases();
            self.view.phase = None;
        }
        if self.memory.live.is_none() {
            self.view.started_at = None;
        }
    }

    fn report_of_checkpoint(&self, event: &Event, fact: &CheckpointReported) -> Report {
        let observed = self.changed_under_our_eyes(&event.origin);
        let at = self.time_of(event);
        let complete = fact.complete || says_complete(fact);
        let word = fact.phase.as_deref();
        let phase = if says_complete(fact) {
            Some(vocabulary::BUILDER.to_owned())
        } else {
            word.and_then(vocabulary::phase)
        };
        let before = LOOP
            .into_iter()
            .take_while(|name| complete || Some(*name) != phase.as_deref());
        let known = phase.as_deref().is_some_and(|name| LOOP.contains(&name));
        let rounds = fact.iterations.map(|rounds| format!("round {rounds} of the loop"));
        Report {
            meaning: if complete { Meaning::Completed } else { Meaning::Active },
            word: None,
            number: (None, None),
            detail: rounds,
            done: (known || complete).then(|| before.map(str::to_owned).collect()),
            phase,
            at,
            began: observed.then_some(at),
            measured: observed.then_some(at),
            observed,
            partial: true,
        }
    }
}

fn says_complete(fact: &CheckpointReported) -> bool {
    let word = fact.phase.as_deref().unwrap_or_default();
    vocabulary::known_phase(word).is_none() && vocabulary::meaning(word) == Meaning::Completed
}
