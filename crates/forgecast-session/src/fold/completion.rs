//! The end of a run. Once it is said that a run ended, it stays so for this run; later facts may still refine its
//! tests, artifacts and decisions.

use forgecast_protocol::event::{CompletionBasis, CompletionReported};
use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::{Event, SessionStatus};

use super::effect::{Effect, set_some};
use super::phase::Report;
use crate::Session;
use crate::memory::End;
use crate::vocabulary::{self, Meaning};

impl Session {
    pub(crate) fn fold_completion(&mut self, event: &Event, fact: &CompletionReported) -> Effect {
        if fact.basis == CompletionBasis::Closed {
            return self.fold_closed(event, fact);
        }
        let (counts, taken_back) = self.counts(event, fact.completed_at);
        if !counts {
            return taken_back;
        }
        let before = (self.memory.end.clone(), self.view.clone());
        if self.view.task.is_none() {
            set_some(&mut self.view.task, fact.task.as_ref());
        }
        self.add_links(&fact.links);
        if let Some(success) = fact.success {
            let seen = self.changed_under_our_eyes(&event.origin);
            let said = fact.completed_at.filter(|at| *at <= event.at && !seen);
            let status = if success {
                SessionStatus::Completed
            } else {
                SessionStatus::Failed
            };
            self.end(End {
                status,
                reason: reason_of(fact, success),
                at: said.unwrap_or_else(|| self.time_of(event)),
                path: event.origin.path.clone().filter(|_| event.origin.first_sight),
            });
        }
        self.fill_pipeline(event, fact);
        let changed = before != (self.memory.end.clone(), self.view.clone());
        let effect = if changed { Effect::work() } else { Effect::none() };
        effect.with(taken_back)
    }

    /// A run without any report of its phases has at least the list of its summary. Where there are reports they are
    /// the better witness: a summary is written by a model, at the end, from memory.
    fn fill_pipeline(&mut self, event: &Event, fact: &CompletionReported) {
        let Some(done) = &fact.phases_completed else {
            return;
        };
        if self.memory.live.is_some() || self.memory.checkpoint.is_some() {
            return;
        }
        self.memory.phases_of_summary = true;
        self.move_pipeline(&Report {
            phase: None,
            meaning: Meaning::Completed,
            word: None,
            number: (None, None),
            detail: None,
            done: Some(done.iter().filter_map(|name| vocabulary::phase(name)).collect()),
            at: self.time_of(event),
            began: None,
            measured: None,
            observed: false,
            partial: true,
        });
    }

    /// Ends the run, unless it has ended.
    pub(crate) fn end(&mut self, end: End) {
        if self.memory.end.is_some() {
            return;
        }
        let closing = match end.status {
            SessionStatus::Completed => PhaseStatus::Completed,
            _ => PhaseStatus::Failed,
        };
        self.close_phases(closing, end.at);
        self.memory.end = Some(end);
    }

    /// Whether the run ended well.
    pub(crate) fn is_completed(&self) -> bool {
        let end = self.memory.end.as_ref();
        end.is_some_and(|end| end.status == SessionStatus::Completed)
    }
}

pub(super) fn reason_of(fact: &CompletionReported, success: bool) -> String {
    let verdict = if success { "completed" } else { "failed" };
    let word = fact.status.as_deref().unwrap_or(verdict);
    match (fact.basis, &fact.summary) {
        (CompletionBasis::Marker, _) => "the marker COMPLETE is there".to_owned(),
        (_, Some(summary)) if !summary.is_empty() => summary.clone(),
        (CompletionBasis::Summary, _) => format!("the session summary says {word}"),
        (CompletionBasis::Reported, _) => format!("its producer says {word}"),
        (CompletionBasis::Closed, _) => "the agent's session was closed".to_owned(),
    }
}
