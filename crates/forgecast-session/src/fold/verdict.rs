//! Whether the run ended, and how the session stands. Once it is said that a run ended, it stays so for this run; later
//! facts may still refine its tests, artifacts and decisions. That it ended well because its phases did is refuted by a
//! summary or an event that says otherwise. What follows from several facts together (status, progress)
//! is worked out anew after every fact, so it cannot contradict them.

use forgecast_protocol::event::{
    CompletionBasis, CompletionReported, ProcessReported, ProcessStatus, Quiet, WentQuiet,
};
use forgecast_protocol::session::{PhaseStatus, SourceOfState};
use forgecast_protocol::{SessionStatus, Timestamp};

use crate::Session;
use crate::sections::life::{End, Ended, Standing, completion_reason};
use crate::sections::phases::{Completion, Report, has_deployed};
use crate::sections::{Changed, Context, Section, agents, set_some};
use crate::vocabulary::{self, Meaning};

impl Session {
    pub(super) fn report_completion(&mut self, fact: &CompletionReported, cx: &Context<'_>) -> Changed {
        if fact.basis == CompletionBasis::Closed {
            if self.is_agent_session() {
                self.state.life.close(fact, cx);
            }
            self.state.agents.close(cx);
            return Changed::seen();
        }
        self.if_of_run(cx, fact.completed_at, |it| it.complete(fact, cx))
    }

    fn complete(&mut self, fact: &CompletionReported, cx: &Context<'_>) -> Changed {
        let before = (self.state.life.end.clone(), self.view.clone());
        if self.view.task.is_none() {
            set_some(&mut self.view.task, fact.task.as_ref());
        }
        if self.view.started_at.is_none() {
            self.view.started_at = fact.started_at.filter(|began| *began <= cx.at);
        }
        self.state.phases.take_results(fact, cx);
        self.add_links(&fact.links);
        if let Some(success) = fact.success {
            let is_told_late = !cx.observed || cx.is_history();
            let stated = fact.completed_at.filter(|at| *at <= cx.received && is_told_late);
            let status = if success {
                SessionStatus::Completed
            } else {
                SessionStatus::Failed
            };
            // An account of the build knows better than its phases, whichever of them is read first.
            let is_refuted = |end: &mut End| !success && end.is_inferred && end.status == SessionStatus::Completed;
            self.state.life.end.take_if(is_refuted);
            self.end(End {
                status,
                reason: completion_reason(fact, success),
                at: stated.unwrap_or(cx.at),
                undated: cx.is_history() && fact.completed_at.is_none(),
                is_inferred: false,
                path: cx.origin.path.clone().filter(|_| cx.origin.first_sight),
            });
        }
        if let Some(report) = self.state.phases.take_summary(fact, cx) {
            self.pipeline().move_to(&report);
        }
        if before == (self.state.life.end.clone(), self.view.clone()) {
            Changed::nothing()
        } else {
            Changed::work()
        }
    }

    /// A process that is there opens a session that was closed; when the last one ends in order, the session is closed.
    pub(super) fn report_process(&mut self, fact: &ProcessReported, cx: &Context<'_>) -> Changed {
        if !self.state.processes.apply(fact, cx) {
            return Changed::nothing();
        }
        if fact.status.is_alive() {
            self.state.life.reopen();
            return if fact.status == ProcessStatus::Alive {
                Changed::seen()
            } else {
                Changed::work()
            };
        }
        let is_left = fact.status == ProcessStatus::Exited && !self.state.processes.are_alive();
        if is_left && self.is_agent_session() {
            let reason = fact.reason.as_deref().unwrap_or("The agent's process ended");
            self.state.life.leave(reason.to_owned(), cx.at);
        }
        Changed::nothing()
    }

    /// Ends the run, unless it has ended.
    pub(super) fn end(&mut self, end: End) {
        if self.state.life.end.is_some() {
            return;
        }
        let closing = match end.status {
            SessionStatus::Completed => PhaseStatus::Completed,
            _ => PhaseStatus::Failed,
        };
        self.pipeline().close(closing, end.at);
        self.state.life.end = Some(end);
    }

    /// Whether the report ends the build: when Feedback is done or the source says that all is, badly if a phase failed
    /// that was not done again; or when a phase failed, until work goes on.
    pub(super) fn judge(&mut self, report: &Report, path: Option<&str>) {
        let feedback = self.view.phases.get(vocabulary::FEEDBACK);
        let has_looked_back = feedback.is_some_and(|phase| phase.status == PhaseStatus::Completed);
        let name = report.phase.as_deref().unwrap_or("the build");
        let failed = (report.meaning == Meaning::Failed).then(|| Ended {
            reason: failure_reason(name, report),
            at: report.at,
        });
        let life = &mut self.state.life;
        life.report_phase(failed, name, |failed| report.goes_back_to(failed));
        let ends = report.completion.map(Completion::reason);
        if let Some(ends) = ends.or(has_looked_back.then_some("Feedback is completed")) {
            let failure = life.unresolved_failure().map(|failure| failure.reason.clone());
            let failure = failure.filter(|_| report.completion != Some(Completion::Marked));
            self.end(End {
                status: match failure {
                    Some(_) => SessionStatus::Failed,
                    None => SessionStatus::Completed,
                },
                reason: failure.unwrap_or_else(|| ends.to_owned()),
                at: report.at,
                undated: false,
                is_inferred: report.completion.is_none(),
                path: path.map(str::to_owned),
            });
        }
    }

    /// A deadline counts only if there was no work since it was set: work may have come while the fact was under way.
    pub(super) fn go_quiet(&mut self, fact: &WentQuiet) -> Changed {
        if fact.quiet == Quiet::Aged {
            return self.age(fact.since);
        }
        let last = self.quiet_since();
        let changed = fact.followed_at.map_or_else(Changed::nothing, |at| self.leave(at));
        if last <= fact.since && !self.state.life.is_over() {
            match fact.quiet {
                Quiet::Settled if has_deployed(&self.view) => self.end(End {
                    status: SessionStatus::Completed,
                    reason: "Deploy is completed and nothing followed".to_owned(),
                    at: last,
                    undated: false,
                    is_inferred: true,
                    path: None,
                }),
                Quiet::Settled => {}
                quiet => self.state.life.go_quiet(quiet),
            }
        }
        changed
    }

    /// Another run began in the place of this one: what was at work is not any more, and what was written since is not this
    /// run's.
    fn leave(&mut self, at: Timestamp) -> Changed {
        let since = self.view.artifacts.iter().filter(|(_, file)| file.modified_at > at);
        let since: Vec<String> = since.map(|(name, _)| name.clone()).collect();
        let mut changed = Changed::nothing();
        for name in since {
            changed = changed.with(self.take_back(&name));
        }
        self.state.life.follow(at);
        let ended_at = self.quiet_since();
        self.pipeline().close(PhaseStatus::Failed, ended_at);
        let tasks = self.state.tasks.leave(&mut self.view.progress);
        let agents = agents::leave(&mut self.view.agents, ended_at);
        changed
            .and(Section::Progress, tasks)
            .and(Section::Agents, agents)
            .idle()
    }

    /// Live data that has aged yields to a checkpoint that is newer, unless it was renewed while the fact was under way.
    fn age(&mut self, since: Timestamp) -> Changed {
        let is_due = self.state.phases.freshness().is_some_and(|(began, _)| began == since);
        if let (true, Some(report)) = (is_due && !self.state.life.is_over(), self.state.phases.age()) {
            self.view.source = SourceOfState::Checkpoint;
            let path = self.state.phases.checkpoint_path().map(str::to_owned);
            self.follow(&report, path.as_deref());
        }
        Changed::nothing()
    }

    /// Brings what is derived up to date with the facts. Returns how the session stands.
    pub(super) fn derive(&mut self) -> Standing {
        self.pipeline().mark_skipped();
        let standing = self.standing();
        let view = &mut self.view;
        view.status = standing.status;
        view.status_reason.clone_from(&standing.reason);
        view.status_source = standing.source;
        view.attended = self.state.processes.are_attended();
        view.waiting_for = standing.waiting_for;
        // A run does not end before it began, whatever the clocks said.
        view.ended_at = standing.ended_at.max(standing.ended_at.and(view.started_at));
        if view.status.is_final() {
            view.estimate = None;
        }
        let builder = view.phases.get(vocabulary::BUILDER);
        let is_built = builder.is_some_and(|phase| phase.status == PhaseStatus::Completed);
        self.state.tasks.count(
            &mut view.progress,
            self.state.phases.live(),
            is_built || self.state.life.is_completed(),
        );
        let percent = self.percent();
        self.view.progress.percent = match self.is_of_phases() {
            true => self.state.phases.hold_percent(percent, &self.view.phases),
            false => percent,
        };
        standing
    }

    /// Whether its share is that of phases. Through stages every task goes anew, so that tasks are counted instead.
    fn is_of_phases(&self) -> bool {
        !self.view.phases.is_empty() && !self.state.stages.are_known()
    }

    /// Phases that are behind the build, of those that it has; the builder's tasks count within its phase. To one decimal.
    fn percent(&self) -> Option<f64> {
        if self.state.life.is_completed() {
            return Some(100.0);
        }
        let progress = &self.view.progress;
        let tasks = match (progress.tasks_completed, progress.tasks_total) {
            (Some(done), Some(all)) if all > 0 && !self.state.tasks.are_open() => {
                Some(f64::from(done.min(all)) / f64::from(all))
            }
            _ => None,
        };
        let mut done = 0.0;
        let mut all = 0.0;
        for (name, phase) in &self.view.phases {
            match phase.status {
                // What was passed over is behind the build as well.
                PhaseStatus::Completed | PhaseStatus::Skipped => done += 1.0,
                PhaseStatus::Active if name == vocabulary::BUILDER => done += tasks.unwrap_or(0.0),
                _ => {}
            }
            all += 1.0;
        }
        let share = if self.is_of_phases() { Some(done / all) } else { tasks };
        share.map(|share| (share * 1000.0).round() / 10.0)
    }
}

/// Why a phase failed, in one line that names it: what its producer says about it, which is worth more to a reader than the
/// bare word for its state.
fn failure_reason(name: &str, report: &Report) -> String {
    let detail = report.detail.as_deref().filter(|detail| !detail.trim().is_empty());
    let why = detail.or(report.word.as_deref()).unwrap_or("failed");
    format!("{name}: {why}")
}
