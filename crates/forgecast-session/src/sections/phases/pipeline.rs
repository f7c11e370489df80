//! The phases of the pipeline: which have begun, which are done, how often, how long. A loop back (self-healing) shows
//! as a further attempt; phases behind it that are to be done again are pending until they begin.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::Timestamp;
use forgecast_protocol::session::{CurrentPhase, PhaseStatus, PhaseView, SessionView};

use super::{LOOP, Phases, Report};
use crate::sections::count;
use crate::vocabulary::{self, Meaning};

/// Phases of a producer's own that are kept; more are not added.
const MAX_CUSTOM: u32 = 50;
/// Pipelines of this length have a phase of screenshots.
const WITH_SCREENSHOT: u32 = 8;

/// The pipeline while it is moved: its part of the view and what it remembers.
pub(crate) struct Pipeline<'a> {
    pub(crate) memory: &'a mut Phases,
    pub(crate) current: &'a mut Option<CurrentPhase>,
    pub(crate) phases: &'a mut BTreeMap<String, PhaseView>,
    /// Whether the run ended well.
    pub(crate) completed: bool,
}

impl Pipeline<'_> {
    /// Brings the pipeline to where a report says that it is.
    pub(crate) fn follow(&mut self, report: &Report) {
        if std::mem::take(&mut self.memory.phases_of_summary) {
            self.memory.forget(self.phases);
        }
        self.move_to(report);
        if let Some(name) = &report.phase {
            self.set_current(name, report);
        }
    }

    fn set_current(&mut self, name: &str, report: &Report) {
        let same = self.current.take().filter(|phase| phase.name == name);
        let (number, total) = report.number.clone();
        let mut current = CurrentPhase {
            name: name.to_owned(),
            number,
            total,
            detail: report.detail.clone(),
            started_at: self.memory.attempt_began,
        };
        if let (true, Some(before)) = (report.partial, same) {
            current.number = current.number.or(before.number);
            current.total = current.total.or(before.total);
            current.detail = current.detail.or(before.detail);
        }
        *self.current = Some(current);
    }

    /// Moves the phases to where the report says they are.
    pub(crate) fn move_to(&mut self, report: &Report) {
        self.list_phases(report);
        if let Some(done) = &report.done {
            self.follow_list(done, report);
        }
        let Some(name) = &report.phase else {
            return;
        };
        self.leave_others(name, report);
        let status = match report.meaning.phase_status() {
            // A late word of a run that is complete does not open it again.
            PhaseStatus::Active if self.completed => PhaseStatus::Completed,
            status => status,
        };
        match status {
            PhaseStatus::Active => self.begin(name, report),
            PhaseStatus::Completed | PhaseStatus::Failed => {
                self.finish(name, status, Some(report.at), report.began);
                if !self.is_current(name) {
                    self.memory.attempt_began = self.phases.get(name).and_then(|phase| phase.started_at);
                }
            }
            PhaseStatus::Pending | PhaseStatus::Skipped => {
                if let Some(phase) = self.phases.get_mut(name) {
                    phase.status = status;
                }
            }
        }
    }

    fn is_current(&self, name: &str) -> bool {
        self.current.as_ref().is_some_and(|current| current.name == name)
    }

    /// Enters the phases that the pipeline is known to have, so that viewers see what is to come.
    fn list_phases(&mut self, report: &Report) {
        let named = report.phase.iter().chain(report.done.iter().flatten());
        let mut names: Vec<String> = named.cloned().collect();
        if names.iter().any(|name| vocabulary::order(name).is_some()) {
            let is_loop = self.memory.are_of_loop();
            let long = report.number.1.is_some_and(|total| total >= WITH_SCREENSHOT);
            let usual = vocabulary::PHASES.into_iter().filter(|name| match *name {
                vocabulary::CODEBASE_ANALYSIS => false,
                vocabulary::SCREENSHOT => long,
                name => !is_loop || LOOP.contains(&name),
            });
            names.extend(usual.map(str::to_owned));
            if is_loop {
                self.phases
                    .retain(|name, phase| phase.attempts > 0 || LOOP.contains(&name.as_str()));
            }
        }
        for name in names {
            if self.phases.contains_key(&name) {
                continue;
            }
            let custom = self.phases.keys().filter(|name| vocabulary::order(name).is_none());
            let custom = count(custom.count());
            let order = match vocabulary::order(&name) {
                Some(order) => order,
                None if custom < MAX_CUSTOM => 9 + custom,
                None => continue,
            };
            let phase = PhaseView {
                order,
                ..PhaseView::default()
            };
            self.phases.insert(name, phase);
        }
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
            self.finish(name, PhaseStatus::Completed, end, None);
        }
        let here = self.phases.get(current).map_or(0, |phase| phase.order);
        for name in self.memory.last_list.difference(&list) {
            if let Some(phase) = self.phases.get_mut(name)
                && phase.order >= here
                && phase.status == PhaseStatus::Completed
                && name != current
            {
                phase.status = PhaseStatus::Pending;
            }
        }
        self.memory.last_list = list;
    }

    /// Ends the phases that were at work when another one begins: going on means that they are done, unless there is a
    /// list of what is done and they are not in it; going back means that they are to be done again.
    fn leave_others(&mut self, name: &str, report: &Report) {
        let here = self.phases.get(name).map(|phase| phase.order);
        let is_known = |name: &str| vocabulary::order(name).is_some();
        for (other, order) in self.active() {
            if other == name {
                continue;
            }
            let back = is_known(&other) == is_known(name) && here < Some(order);
            let is_listed = report.done.as_ref().is_none_or(|done| done.contains(&other));
            let status = if !back && (is_listed || self.memory.has_result(&other)) {
                PhaseStatus::Completed
            } else {
                PhaseStatus::Pending
            };
            self.finish(&other, status, Some(report.at), None);
        }
    }

    /// The phase that a run is in ends with it.
    pub(crate) fn close(&mut self, status: PhaseStatus, at: Timestamp) {
        for (name, _) in self.active() {
            self.finish(&name, status, Some(at), None);
        }
    }

    /// Names and places of the phases that are at work.
    fn active(&self) -> Vec<(String, u32)> {
        let active = self
            .phases
            .iter()
            .filter(|(_, phase)| phase.status == PhaseStatus::Active);
        active.map(|(name, phase)| (name.clone(), phase.order)).collect()
    }

    fn begin(&mut self, name: &str, report: &Report) {
        let Some(phase) = self.phases.get_mut(name) else {
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
    fn finish(&mut self, name: &str, status: PhaseStatus, end: Option<Timestamp>, began: Option<Timestamp>) {
        let is_current = self.is_current(name);
        let Some(phase) = self.phases.get_mut(name) else {
            return;
        };
        if phase.status == status {
            return;
        }
        let was_active = phase.status == PhaseStatus::Active;
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

    /// Of what never began a summary may say how it ended. Else, while later phases began or the build ended well, it was
    /// passed over.
    pub(crate) fn mark_skipped(&mut self) {
        let is_known = |name: &str| vocabulary::order(name).is_some();
        let begun = self.phases.iter().filter(|(_, phase)| phase.attempts > 0);
        let known = begun.filter(|(name, _)| is_known(name));
        let furthest = known.map(|(_, phase)| phase.order).max();
        for (name, phase) in self.phases.iter_mut() {
            let result = self.memory.results.get(name);
            if phase.attempts == 0 && is_known(name) {
                let passed = self.completed || furthest > Some(phase.order);
                phase.status = match result {
                    Some(result) => result.status,
                    None if passed => PhaseStatus::Skipped,
                    None => PhaseStatus::Pending,
                };
                phase.started_at = result.and_then(|result| result.began);
                phase.ended_at = result.and_then(|result| result.ended);
            }
        }
    }
}

/// The phase that the build was in at a time: the present one if that had begun, else the one that went on then, else
/// the last that had begun by then. Nothing for a build without phases.
pub(crate) fn phase_at(view: &SessionView, attempt_began: Option<Timestamp>, at: Timestamp) -> Option<&str> {
    let current = view.phase.as_ref().map(|current| current.name.as_str());
    if current.is_some() && attempt_began.is_some_and(|began| began <= at) {
        return current;
    }
    let begun = view.phases.iter();
    let begun = begun.filter(|(_, phase)| phase.started_at.is_some_and(|started| started <= at));
    let goes_on = |phase: &PhaseView| match phase.ended_at {
        Some(ended) => at <= ended,
        None => phase.status == PhaseStatus::Active,
    };
    let then = begun.max_by_key(|(_, phase)| (goes_on(phase), phase.started_at, phase.order));
    then.map(|(name, _)| name.as_str()).or(current)
}

/// Whether Deploy is completed and nothing has begun after it.
pub(crate) fn has_deployed(view: &SessionView) -> bool {
    let status = |name: &str| view.phases.get(name).map(|phase| (phase.status, phase.attempts));
    let is_active = view.phases.values().any(|phase| phase.status == PhaseStatus::Active);
    let meaning = view.status_word.as_deref().map(vocabulary::meaning);
    matches!(status(vocabulary::DEPLOY), Some((PhaseStatus::Completed, _)))
        && !matches!(status(vocabulary::FEEDBACK), Some((_, 1..)))
        && !is_active
        && !matches!(meaning, Some(Meaning::Failed | Meaning::Waiting))
}
