//! What follows from several facts together: status with its reason, progress, the end of the run. Worked out anew after
//! every fact, so it cannot contradict them.

use forgecast_protocol::SessionStatus;
use forgecast_protocol::event::Quiet;
use forgecast_protocol::session::PhaseStatus;

use crate::Session;
use crate::vocabulary;

impl Session {
    /// Brings what is derived up to date with the facts.
    pub(crate) fn derive(&mut self) {
        self.mark_skipped();
        let (status, reason) = self.status();
        self.view.status = status;
        let waiting = self
            .memory
            .waiting
            .as_ref()
            .filter(|_| status == SessionStatus::Waiting);
        self.view.waiting_for = waiting.and_then(|wait| wait.waiting_for);
        self.view.status_reason = reason;
        let end = self.memory.end.as_ref().map(|end| end.at);
        let failed = self.memory.failure.as_ref().map(|failure| failure.at);
        let own = || self.own_end().map(|(at, _)| at);
        let ended = if status.is_final() {
            end.or(failed).or_else(own)
        } else {
            None
        };
        // A run does not end before it began, whatever the clocks said.
        self.view.ended_at = ended.max(ended.and(self.view.started_at));
        if status.is_final() {
            self.view.estimate = None;
        }
        let (done, all) = self.count_tasks();
        self.view.progress.tasks_completed = done;
        self.view.progress.tasks_total = all;
        self.view.progress.percent = self.percent();
    }

    /// The strongest statement first: a run that ended stays ended; then what makes it impossible to be at work; then
    /// what the producer says; then silence.
    fn status(&self) -> (SessionStatus, Option<String>) {
        let memory = &self.memory;
        if let Some(end) = &memory.end {
            return (end.status, Some(end.reason.clone()));
        }
        if let Some(failure) = &memory.failure {
            return (SessionStatus::Failed, Some(failure.reason.clone()));
        }
        if let Some((_, reason)) = self.own_end() {
            return (SessionStatus::Completed, Some(reason));
        }
        if let Some(path) = memory.gone.first() {
            return (SessionStatus::Abandoned, Some(format!("{path} is gone")));
        }
        if memory.quiet == Some(Quiet::Abandoned) {
            return (SessionStatus::Abandoned, Some(self.silence()));
        }
        if let Some(wait) = &memory.waiting {
            return (SessionStatus::Waiting, Some(wait.reason.clone()));
        }
        if memory.quiet == Some(Quiet::Stalled) {
            return (SessionStatus::Stalled, Some(self.silence()));
        }
        (SessionStatus::Running, None)
    }

    fn silence(&self) -> String {
        format!("no work since {}", self.quiet_since())
    }

    /// Phases that are done, of those that the run has; the builder's tasks count within its phase. To one decimal.
    fn percent(&self) -> Option<f64> {
        if self.is_completed() {
            return Some(100.0);
        }
        let progress = &self.view.progress;
        let tasks = match (progress.tasks_completed, progress.tasks_total) {
            (Some(done), Some(all)) if all > 0 => Some(f64::from(done.min(all)) / f64::from(all)),
            _ => None,
        };
        let mut done = 0.0;
        let mut all = 0.0;
        for (name, phase) in &self.view.phases {
            match phase.status {
                PhaseStatus::Skipped => continue,
                PhaseStatus::Completed => done += 1.0,
                PhaseStatus::Active if name == vocabulary::BUILDER => done += tasks.unwrap_or(0.0),
                _ => {}
            }
            all += 1.0;
        }
        let share = if all > 0.0 { Some(done / all) } else { tasks };
        share.map(|share| (share * 1000.0).round() / 10.0)
    }
}
