//! The reports that concern several sections: the phase file (or the same by HTTP), and the checkpoint, which is the
//! fallback where no live data is fresh and the only source of some things (the task, the loop's lists and notes, the
//! marker `COMPLETE`).

use forgecast_protocol::SessionStatus;
use forgecast_protocol::event::{CheckpointReported, PhaseReported, SourceKind};
use forgecast_protocol::session::SourceOfState;

use crate::Session;
use crate::sections::life::End;
use crate::sections::phases::{Completion, Pipeline, Report, storable};
use crate::sections::{Changed, Context, Section, take_stated};
use crate::vocabulary::{self, Meaning};

impl Session {
    /// What the phase file says. `status: completed` is the phase's word: it never ends the build, except for the last
    /// phase, Feedback.
    pub(super) fn report_phase(&mut self, fact: &PhaseReported, cx: &Context<'_>) -> Changed {
        let fact = &storable(fact);
        if self.view.source == SourceOfState::Live && self.state.phases.repeats(fact) {
            return Changed::nothing();
        }
        let is_push = cx.origin.kind != SourceKind::PhaseFile;
        let word = fact.phase.as_deref().filter(|_| is_push).unwrap_or_default();
        if vocabulary::names_beginning(word) || (vocabulary::names_end(word) && !self.state.phases.may_be_over()) {
            return self.report_process_of_build(fact, cx);
        }
        let before = movable(self);
        let too_old = self.state.files.set_boundary(cx, fact.started_at);
        let taken_back = too_old
            .iter()
            .map(|path| self.take_back(path))
            .fold(Changed::nothing(), Changed::with);
        let Some(moved) = self.state.phases.take(fact, cx) else {
            return taken_back;
        };
        let is_of_loop = self.state.phases.are_of_loop();
        self.begin_run(fact, cx);
        let (view, state) = (&mut self.view, &mut self.state);
        let changed = Changed::nothing()
            .and(
                Section::Tests,
                state.tests.report_run(&mut view.tests, fact.test_iteration),
            )
            .and(
                Section::Usage,
                state.usage.report_context(&mut view.usage, None, fact.context_percent),
            )
            .with(taken_back);
        if state.phases.live_is_fresh() {
            if !is_of_loop {
                view.source = SourceOfState::Live;
            }
            self.follow(&Report::of_phase(fact, cx), None);
        }
        if !moved && before == movable(self) {
            return Changed::seen().with(changed);
        }
        let word = fact.status.as_deref();
        match word.filter(|word| vocabulary::meaning(word) == Meaning::Waiting) {
            None => self.producer_works(cx),
            Some(word) => {
                self.state.life.go_on();
                let reason = fact.detail.as_deref().unwrap_or(word);
                self.state.agents.producer_waits(reason, cx);
            }
        }
        Changed::work().with(changed)
    }

    /// A process of the build begins, or ends while a source that knows more goes on: work, and no phase.
    fn report_process_of_build(&mut self, fact: &PhaseReported, cx: &Context<'_>) -> Changed {
        self.begin_run(fact, cx);
        let usage = &mut self.view.usage;
        let changed = self.state.usage.report_context(usage, None, fact.context_percent);
        self.producer_works(cx);
        Changed::work().and(Section::Usage, changed)
    }

    fn begin_run(&mut self, fact: &PhaseReported, cx: &Context<'_>) {
        if self.view.started_at.is_none() {
            let stated = fact.started_at.filter(|started| *started <= cx.received);
            // When history was first heard of is not when it began.
            let began = stated.or((cx.observed && !cx.is_history()).then_some(cx.received));
            // A late word of a run that ended cannot move its beginning behind its end.
            let end = self.state.life.end.as_ref().map(|end| end.at);
            self.view.started_at = began.filter(|began| end.is_none_or(|end| *began <= end));
        }
    }

    pub(super) fn report_checkpoint(&mut self, fact: &CheckpointReported, cx: &Context<'_>) -> Changed {
        if self.state.phases.checkpoint() == Some(fact) {
            return Changed::nothing();
        }
        self.if_of_run(cx, fact.last_iteration_at, |it| it.take_checkpoint(fact, cx))
    }

    fn take_checkpoint(&mut self, fact: &CheckpointReported, cx: &Context<'_>) -> Changed {
        let (view, state) = (&mut self.view, &mut self.state);
        state.phases.take_checkpoint(fact, cx);
        take_stated!(view, fact, project, task);
        if view.working_directory.is_none() {
            view.working_directory.clone_from(&fact.working_directory);
        }
        if view.started_at.is_none() {
            let end = state.life.end.as_ref().map_or(cx.received, |end| end.at);
            view.started_at = fact.started_at.filter(|started| *started <= end.min(cx.received));
        }
        let progress = state.tasks.apply_checkpoint(&mut view.progress, fact);
        if !state.phases.live_is_fresh() {
            view.source = SourceOfState::Checkpoint;
            let report = Report::of_checkpoint(fact, cx.at, cx.observed);
            self.follow(&report, cx.path());
        }
        if fact.complete {
            self.end(End {
                status: SessionStatus::Completed,
                reason: Completion::Marked.reason().to_owned(),
                at: cx.at,
                undated: false,
                is_inferred: false,
                path: cx.origin.path.clone(),
            });
        }
        self.producer_works(cx);
        Changed::work().and(Section::Progress, progress)
    }

    /// The producer of a build moved on.
    pub(super) fn producer_works(&mut self, cx: &Context<'_>) {
        self.state.life.go_on();
        self.state.agents.producer_works(cx);
    }

    /// A checkpoint that proved to be an earlier run's is as if it had not been read.
    pub(super) fn take_back_checkpoint(&mut self) -> Changed {
        let (view, state) = (&mut self.view, &mut self.state);
        let progress = state.tasks.take_back_checkpoint(&mut view.progress);
        if view.source == SourceOfState::Checkpoint {
            view.source = SourceOfState::Live;
            state.phases.forget(&mut view.phases);
            view.phase = None;
        }
        if state.phases.live().is_none() {
            view.started_at = None;
        }
        Changed::nothing().and(Section::Progress, progress)
    }

    /// Brings the phases to where a report says that they are, and the run to its end if they are all done.
    pub(super) fn follow(&mut self, report: &Report, path: Option<&str>) {
        if !report.partial || report.word.is_some() {
            self.view.status_word.clone_from(&report.word);
        }
        self.pipeline().follow(report);
        self.judge(report, path);
    }

    pub(super) fn pipeline(&mut self) -> Pipeline<'_> {
        Pipeline {
            completed: self.state.life.is_completed(),
            memory: &mut self.state.phases,
            current: &mut self.view.phase,
            phases: &mut self.view.phases,
        }
    }
}

/// What of a view a phase report can move, to tell work from a mere rewrite.
fn movable(session: &Session) -> impl PartialEq + use<> {
    let view = &session.view;
    let live = session.state.phases.live();
    let tasks = live.map(|fact| (fact.tasks_completed, fact.tasks_total));
    let run = view.tests.as_ref().and_then(|tests| tests.iteration);
    let context = view.usage.as_ref().and_then(|usage| usage.context.as_ref());
    let context = context.map(|context| context.percent);
    let phases = (view.phase.clone(), view.phases.clone(), view.status_word.clone());
    (phases, run, context, tasks.unwrap_or_default())
}
