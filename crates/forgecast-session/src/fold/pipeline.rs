//! The phases of the pipeline: which have begun, which are done, how often, how long. A loop back (self-healing) shows
//! as a further attempt; phases behind it that are to be done again are pending until they begin.

use std::collections::BTreeSet;

use forgecast_protocol::Timestamp;
use forgecast_protocol::session::{PhaseStatus, PhaseView};

use super::phase::Report;
use crate::Session;
use crate::vocabulary::{self, Meaning};

/// Phases of a producer's own that are kept; more are not added.
const MAX_CUSTOM: usize = 50;
/// Pipelines of this length have a phase of screenshots.
const WITH_SCREENSHOT: u32 = 8;

impl Session {
    /// Moves the phases to where the report says they are.
    pub(crate) fn move_pipeline(&mut self, report: &Report) {
        self.list_phases(report);
        if let Some(done) = &report.done {
            self.follow_list(done, report);
        }
        let Some(name) = &report.phase else {
            return;
        };
        self.leave_others(name, report.at);
        let status = match report.meaning.phase_status() {
            // A late word of a run that is complete does not open it again.
            PhaseStatus::Active if self.is_completed() => PhaseStatus::Completed,
            status => status,
        };
        match status {
            PhaseStatus::Active => self.begin_phase(name, report),
            PhaseStatus::Completed | PhaseStatus::Failed => {
                self.finish_phase(name, status, Some(report.at), report.began);
                if self.view.phase.as_ref().is_none_or(|phase| phase.name != *name) {
                    self.memory.attempt_began = self.view.phases.get(name).and_then(|it| it.started_at);
                }
            }
            PhaseStatus::Pending | PhaseStatus::Skipped => {
                if let Some(phase) = self.view.phases.get_mut(name) {
                    phase.status = status;
                }
            }
        }
    }

    /// Begins the pipeline anew, for a better witness.
    pub(crate) fn forget_phases(&mut self) {
        self.view.phases.clear();
        self.memory.last_list.clear();
        self.memory.longest_list = None;
    }

    /// Enters the phases that the pipeline is known to have, so that viewers see what is to come.
    fn list_phases(&mut self, report: &Report) {
        let named = report.phase.iter().chain(report.done.iter().flatten());
        let mut names: Vec<String> = named.cloned().collect();
        if names.iter().any(|name| vocabulary::order(name).is_some()) {
            let long = report.number.1.is_some_and(|total| total >= WITH_SCREENSHOT);
            let usual = vocabulary::PHASES.into_iter().filter(|name| match *name {
                vocabulary::CODEBASE_ANALYSIS => false,
                vocabulary::SCREENSHOT => long,
                _ => true,
            });
            names.extend(usual.map(str::to_owned));
        }
        for name in names {
            if self.view.phases.contains_key(&name) {
                continue;
            }
            let custom = self.custom_phases();
            let order = match vocabulary::order(&name) {
                Some(order) => order,
                None if usize::try_from(custom).is_ok_and(|count| count < MAX_CUSTOM) => 9 + custom,
                None => continue,
            };
            let phase = PhaseView {
                order,
                ..PhaseView::default()
            };
            self.view.phases.insert(name, phase);
        }
    }

    fn custom_phases(&self) -> u32 {
        let custom = self.view.phases.keys();
        let count = custom.filter(|name| vocabulary::order(name).is_none()).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Marks the phases of the list done, and those taken off it by a loop back to be done again.
    fn follow_list(&mut self, done: &[String], report: &Report) {
        let current = report.phase.as_deref().unwrap_or_default();
        let at_work = !report.meaning.is_end();
        // At the beginning of a run the list may still be the last one's.
        let stale = at_work && vocabulary::is_first(current);
        let list: BTreeSet<String> = done
            .iter()
            .filter(|name| !(at_work && *name == current))
            .filter(|name| !(stale && vocabulary::order(name) > vocabulary::order(current)))
            .cloned()
            .collect();
        let longest = self.memory.longest_list.unwrap_or(0);
        self.memory.longest_list = Some(longest.max(list.len()));
        let end = report.observed.then_some(report.at);
        // The current phase has a word of its own.
        for name in list.iter().filter(|name| *name != current) {
            self.finish_phase(name, PhaseStatus::Completed, end, None);
        }
        let here = self.view.phases.get(current).map_or(0, |phase| phase.order);
        for name in self.memory.last_list.difference(&list) {
            if let Some(phase) = self.view.phases.get_mut(name)
                && phase.order >= here
                && phase.status == PhaseStatus::Completed
                && name != current
            {
                phase.status = PhaseStatus::Pending;
            }
        }
        self.memory.last_list = list;
    }

    /// Ends the phases that were at work when another one begins: going on means that they are done, going back that
    /// they are to be done again.
    fn leave_others(&mut self, name: &str, at: Timestamp) {
        let here = self.view.phases.get(name).map(|phase| phase.order);
        let leaving: Vec<(String, PhaseStatus)> = self
            .view
            .phases
            .iter()
            .filter(|(other, phase)| *other != name && phase.status == PhaseStatus::Active)
            .map(|(other, phase)| {
                let same_kind = vocabulary::order(other).is_some() == vocabulary::order(name).is_some();
                let back = same_kind && here < Some(phase.order);
                let status = if back {
                    PhaseStatus::Pending
                } else {
                    PhaseStatus::Completed
                };
                (other.clone(), status)
            })
            .collect();
        for (other, status) in leaving {
            self.finish_phase(&other, status, Some(at), None);
        }
    }

    fn begin_phase(&mut self, name: &str, report: &Report) {
        let Some(phase) = self.view.phases.get_mut(name) else {
            return;
        };
        if phase.status == PhaseStatus::Active {
            return;
        }
        phase.status = PhaseStatus::Active;
        phase.attempts = phase.attempts.saturating_add(1);
        phase.started_at = phase.started_at.or(report.began);
        phase.ended_at = None;
        self.memory.attempt_began = report.began;
        self.memory.attempt_seen = report.measured;
    }

    /// Ends a phase, whether or not its beginning was seen.
    pub(crate) fn finish_phase(
        &mut self,
        name: &str,
        status: PhaseStatus,
        end: Option<Timestamp>,
        began: Option<Timestamp>,
    ) {
        let Some(phase) = self.view.phases.get_mut(name) else {
            return;
        };
        if phase.status == status {
            return;
        }
        let was_active = phase.status == PhaseStatus::Active;
        let is_current = self.view.phase.as_ref().is_some_and(|current| current.name == name);
        if phase.attempts == 0 {
            phase.attempts = 1;
            // What came and went between two readings has no length that anybody saw.
            phase.started_at = began.filter(|began| end.is_none_or(|end| *began < end));
        }
        if was_active || phase.ended_at.is_none() {
            // An end before the beginning is a clock that was set, not a negative duration.
            phase.ended_at = end.map(|end| phase.started_at.map_or(end, |started| end.max(started)));
        }
        phase.status = status;
        if was_active
            && is_current
            && let Some(seen) = self.memory.attempt_seen.take()
            && let Some(end) = end
        {
            let spent = self.memory.spent_ms.entry(name.to_owned()).or_insert(0);
            *spent = spent.saturating_add(end.millis_since(seen));
        }
    }

    /// What never began while later phases did, or while the build ended well, was passed over.
    pub(crate) fn mark_skipped(&mut self) {
        let completed = self.is_completed();
        let known = |name: &str| vocabulary::order(name).is_some();
        let furthest = self
            .view
            .phases
            .iter()
            .filter(|(name, phase)| known(name) && phase.attempts > 0)
            .map(|(_, phase)| phase.order)
            .max();
        for (name, phase) in &mut self.view.phases {
            let untouched = phase.attempts == 0 && matches!(phase.status, PhaseStatus::Pending | PhaseStatus::Skipped);
            if untouched && known(name) {
                let passed = completed || furthest > Some(phase.order);
                phase.status = if passed {
                    PhaseStatus::Skipped
                } else {
                    PhaseStatus::Pending
                };
            }
        }
    }

    /// The phase that a run is in ends with it.
    pub(crate) fn close_phases(&mut self, status: PhaseStatus, at: Timestamp) {
        let active: Vec<String> = self
            .view
            .phases
            .iter()
            .filter(|(_, phase)| phase.status == PhaseStatus::Active)
            .map(|(name, _)| name.clone())
            .collect();
        for name in active {
            self.finish_phase(&name, status, Some(at), None);
        }
    }

    /// The phase that the build was in at a time: the present one when that had begun, else the one that went on then,
    /// else the last that had begun by then. Nothing for a build without phases.
    #[must_use]
    pub fn phase_at(&self, at: Timestamp) -> Option<&str> {
        let current = self.view.phase.as_ref();
        let began = self.memory.attempt_began;
        if let Some(current) = current.filter(|_| began.is_some_and(|began| began <= at)) {
            return Some(&current.name);
        }
        let begun = self
            .view
            .phases
            .iter()
            .filter(|(_, phase)| phase.started_at <= Some(at));
        let begun = begun.filter(|(_, phase)| phase.started_at.is_some());
        let goes_on = |phase: &PhaseView| match phase.ended_at {
            Some(ended) => at <= ended,
            None => phase.status == PhaseStatus::Active,
        };
        let then = begun.max_by_key(|(_, phase)| (goes_on(phase), phase.started_at, phase.order));
        let then = then.map(|(name, _)| name.as_str());
        then.or(current.map(|current| current.name.as_str()))
    }

    /// Whether any phase is at work.
    pub(crate) fn any_active(&self) -> bool {
        let mut phases = self.view.phases.values();
        phases.any(|phase| phase.status == PhaseStatus::Active)
    }

    /// Whether Deploy is completed and nothing has begun after it.
    pub(crate) fn has_deployed(&self) -> bool {
        let status = |name: &str| self.view.phases.get(name).map(|phase| (phase.status, phase.attempts));
        let failed = matches!(self.meaning_now(), Some(Meaning::Failed | Meaning::Waiting));
        matches!(status(vocabulary::DEPLOY), Some((PhaseStatus::Completed, _)))
            && !matches!(status(vocabulary::FEEDBACK), Some((_, 1..)))
            && !self.any_active()
            && !failed
    }

    fn meaning_now(&self) -> Option<Meaning> {
        self.view.status_word.as_deref().map(vocabulary::meaning)
    }
}
