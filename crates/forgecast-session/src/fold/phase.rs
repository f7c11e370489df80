//! What the phase file (or the same by HTTP) says. `status: completed` is the phase's word: it never ends the build,
//! except for the last phase, Feedback.

use forgecast_protocol::event::{PhaseReported, SourceKind};
use forgecast_protocol::session::{CurrentPhase, PhaseStatus, SourceOfState, Tests};
use forgecast_protocol::{Event, Fact, SessionStatus, Timestamp};

use super::effect::{Effect, Section, percent};
use crate::Session;
use crate::memory::{End, Failure, LiveReport, Wait};
use crate::vocabulary::{self, Meaning};

/// A phase file that changed this long before the checkpoint still counts as live.
pub(crate) const FRESH_MS: i64 = 10_000;

/// A phase file that is seen for the first time and changed less than this ago was made just now.
const JUST_NOW_MS: u64 = 10_000;

/// A report of a phase, whatever source it comes from, in the fold's own words.
pub(crate) struct Report {
    /// Name of the phase; absent when the source names none.
    pub(crate) phase: Option<String>,
    /// What the word for its state means.
    pub(crate) meaning: Meaning,
    /// The word itself.
    pub(crate) word: Option<String>,
    /// Number as written and the total.
    pub(crate) number: (Option<String>, Option<u32>),
    /// What it is doing.
    pub(crate) detail: Option<String>,
    /// The phases called done, by their names here; absent is not the same as empty.
    pub(crate) done: Option<Vec<String>>,
    /// When the report became true.
    pub(crate) at: Timestamp,
    /// When the phase began: known when it begins under our eyes, else the producer's time where that is sane.
    pub(crate) began: Option<Timestamp>,
    /// The same, where the beginning is seen as it happens, so that a duration may be measured from it.
    pub(crate) measured: Option<Timestamp>,
    /// Whether what ended did so under our eyes: at first sight nobody knows when.
    pub(crate) observed: bool,
    /// Whether what is absent is unsaid (a push) rather than gone (a file).
    pub(crate) partial: bool,
}

impl Session {
    pub(crate) fn fold_phase(&mut self, event: &Event, fact: &PhaseReported) -> Effect {
        // What is not a number would be read back from a snapshot as nothing.
        let fact = &PhaseReported {
            context_percent: percent(fact.context_percent),
            ..fact.clone()
        };
        let before = Seen::of(self);
        let time = self.time_of(event);
        let known = self.memory.live.take();
        let repeated = known.as_ref().is_some_and(|live| live.fact == *fact);
        if repeated && self.view.source == SourceOfState::Live {
            self.memory.live = known;
            return Effect::none();
        }
        let taken_back = self.draw_boundary(event, fact);
        let stale = known
            .as_ref()
            .is_some_and(|live| live.time > time && !self.changed_under_our_eyes(&event.origin));
        if stale {
            self.memory.live = known;
            return taken_back;
        }
        let unknown_fields_moved = known
            .as_ref()
            .is_some_and(|live| live.kind == event.origin.kind && live.fact.extra != fact.extra);
        let first = known.is_none();
        self.memory.live = Some(LiveReport {
            fact: fact.clone(),
            kind: event.origin.kind,
            time,
        });
        self.begin_run(event, fact);
        let counts = self.fold_counts(fact);
        if self.live_is_fresh() {
            self.view.source = SourceOfState::Live;
            self.follow(&self.report_of(event, fact));
        }
        let moved = first || unknown_fields_moved || before != Seen::of(self);
        let effect = if moved { Effect::work() } else { Effect::seen() };
        if moved {
            self.memory.waiting = self.waits(event, fact);
        }
        effect.with(counts).with(taken_back)
    }

    /// Whether an event says word for word what another source of the same session said last: a phase file and the same
    /// file by HTTP are one fact.
    #[must_use]
    pub fn repeats_another_source(&self, event: &Event) -> bool {
        let Fact::PhaseReported(fact) = &event.fact else {
            return false;
        };
        let known = self.memory.live.as_ref().filter(|live| live.kind != event.origin.kind);
        let is_shown = self.view.source == SourceOfState::Live;
        is_shown
            && known.is_some_and(|live| {
                let fact = PhaseReported {
                    context_percent: percent(fact.context_percent),
                    ..fact.clone()
                };
                live.fact == fact
            })
    }

    /// Whether the phase file is as new as the checkpoint, or nearly.
    pub(crate) fn live_is_fresh(&self) -> bool {
        match (&self.memory.live, &self.memory.checkpoint) {
            (Some(live), Some(checkpoint)) => live.time.plus_millis(FRESH_MS) >= checkpoint.time,
            (live, _) => live.is_some(),
        }
    }

    fn begin_run(&mut self, event: &Event, fact: &PhaseReported) {
        if self.view.started_at.is_none() {
            let said = fact.started_at.filter(|started| *started <= event.at);
            let seen = self.changed_under_our_eyes(&event.origin).then_some(event.at);
            // A late word of a run that ended cannot move its beginning behind its end.
            let end = self.memory.end.as_ref().map(|end| end.at);
            let began = said.or(seen);
            self.view.started_at = began.filter(|began| end.is_none_or(|end| *began <= end));
        }
    }

    /// The numbers that stand beside the phase: the round of tests, tasks, context.
    fn fold_counts(&mut self, fact: &PhaseReported) -> Effect {
        let mut effect = Effect::none();
        if let Some(iteration) = fact.test_iteration {
            let tests = self.view.tests.get_or_insert_with(Tests::default);
            if tests.iteration < Some(iteration) {
                tests.iteration = Some(iteration);
                effect = effect.and(Section::Tests);
            }
        }
        if self.say_context(None, fact.context_percent) {
            effect = effect.and(Section::Usage);
        }
        effect
    }

    fn report_of(&self, event: &Event, fact: &PhaseReported) -> Report {
        let observed = self.changed_under_our_eyes(&event.origin);
        let at = self.time_of(event);
        let sane = |time: &Timestamp| *time <= event.at;
        let ended = fact.last_updated.filter(|time| sane(time) && !observed);
        let began = fact.started_at.filter(|time| sane(time) && !observed);
        // The file of a new build is read for the first time just after it was written.
        let just_now = observed || event.at.millis_since(at) < JUST_NOW_MS;
        let measured = just_now.then_some(at);
        let meaning = fact.status.as_deref().map_or(Meaning::Active, vocabulary::meaning);
        Report {
            phase: fact.phase.as_deref().and_then(vocabulary::phase),
            meaning,
            word: fact.status.clone(),
            number: fact.phase_number.as_deref().map_or((None, None), split_number),
            detail: fact.detail.clone(),
            done: fact
                .phases_completed
                .as_ref()
                .map(|done| done.iter().filter_map(|name| vocabulary::phase(name)).collect()),
            at: ended.unwrap_or(at),
            began: began.or(measured),
            measured,
            observed,
            partial: event.origin.kind != SourceKind::PhaseFile,
        }
    }

    fn waits(&self, event: &Event, fact: &PhaseReported) -> Option<Wait> {
        let word = fact.status.as_deref()?;
        let waiting = vocabulary::meaning(word) == Meaning::Waiting;
        waiting.then(|| Wait {
            reason: fact.detail.clone().unwrap_or_else(|| word.to_owned()),
            waiting_for: None,
            since: self.time_of(event),
        })
    }

    /// Brings the pipeline to where a report says that it is.
    pub(crate) fn follow(&mut self, report: &Report) {
        if !report.partial || report.word.is_some() {
            self.view.status_word.clone_from(&report.word);
        }
        if std::mem::take(&mut self.memory.phases_of_summary) {
            self.forget_phases();
        }
        self.move_pipeline(report);
        if let Some(name) = &report.phase {
            self.set_current(name, report);
        }
        self.judge(report);
    }

    fn set_current(&mut self, name: &str, report: &Report) {
        let same = self.view.phase.take().filter(|phase| phase.name == name);
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
        self.view.phase = Some(current);
    }

    /// Whether the report ends the build: well when Feedback is done, badly when a phase failed.
    fn judge(&mut self, report: &Report) {
        let feedback = self.view.phases.get(vocabulary::FEEDBACK);
        if feedback.is_some_and(|phase| phase.status == PhaseStatus::Completed) {
            self.end(End {
                status: SessionStatus::Completed,
                reason: "Feedback is completed".to_owned(),
                at: report.at,
                path: None,
            });
        }
        if report.meaning != Meaning::Failed {
            self.memory.failure = None;
        } else if self.memory.failure.is_none() {
            let phase = report.phase.as_deref().unwrap_or("the build");
            let word = report.word.as_deref().unwrap_or("failed");
            self.memory.failure = Some(Failure {
                reason: format!("{phase}: {word}"),
                at: report.at,
            });
        }
    }
}

/// What of a view a phase report can move, to tell work from a mere rewrite.
#[derive(PartialEq)]
struct Seen {
    phase: Option<CurrentPhase>,
    phases: std::collections::BTreeMap<String, forgecast_protocol::session::PhaseView>,
    word: Option<String>,
    iteration: Option<u32>,
    context: Option<f64>,
    tasks: (Option<u32>, Option<u32>),
}

impl Seen {
    fn of(session: &Session) -> Self {
        let view = &session.view;
        let live = session.memory.live.as_ref().map(|live| &live.fact);
        Self {
            phase: view.phase.clone(),
            phases: view.phases.clone(),
            word: view.status_word.clone(),
            iteration: view.tests.as_ref().and_then(|tests| tests.iteration),
            context: view
                .usage
                .as_ref()
                .and_then(|usage| usage.context.as_ref())
                .map(|context| context.percent),
            tasks: live.map_or((None, None), |fact| (fact.tasks_completed, fact.tasks_total)),
        }
    }
}

/// `4/7` → `4` of 7; `?/7` → no number of 7; `4.5` → `4.5` of an unknown total.
fn split_number(written: &str) -> (Option<String>, Option<u32>) {
    let (number, total) = match written.split_once('/') {
        Some((number, total)) => (number, total.trim().parse().ok()),
        None => (written, None),
    };
    let number = number.trim();
    let known = !number.is_empty() && number != "?";
    (known.then(|| number.to_owned()), total)
}

#[cfg(test)]
mod tests {
    use super::split_number;

    #[test]
    fn a_phase_number_is_taken_as_written() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(split_number("4/7"), (some("4"), Some(7)));
        assert_eq!(split_number("?/7"), (None, Some(7)));
        assert_eq!(split_number("0/7"), (some("0"), Some(7)));
        assert_eq!(split_number("7.5/8"), (some("7.5"), Some(8)));
        assert_eq!(split_number("3"), (some("3"), None));
        assert_eq!(split_number(" / "), (None, None));
        assert_eq!(split_number("4/many"), (some("4"), None));
    }
}
