//! What is likely to remain of a build, worked out when a phase begins or ends, from the finished runs that the store
//! keeps. The result enters as a fact like any other, so that the view stays a function of its facts.

use forgecast_protocol::event::EstimateRevised;
use forgecast_protocol::{Fact, SessionView, Timestamp};
use forgecast_session::RunRecord;
use forgecast_session::estimate::estimate;
use forgecast_store::StoredRun;

/// Runs that are remembered, the newest ones.
const RUNS: usize = 2_000;

/// The finished runs, oldest first.
#[derive(Default)]
pub(crate) struct Estimator {
    runs: Vec<RunRecord>,
}

/// What of a view decides whether an estimate has to be worked out anew: which phases are where.
#[derive(PartialEq)]
pub(crate) struct Stage {
    phase: Option<String>,
    phases: Vec<(String, forgecast_protocol::session::PhaseStatus, u32)>,
    over: bool,
}

impl Stage {
    /// The stage of a view.
    pub(crate) fn of(view: &SessionView) -> Self {
        Self {
            phase: view.phase.as_ref().map(|phase| phase.name.clone()),
            phases: view
                .phases
                .iter()
                .map(|(name, phase)| (name.clone(), phase.status, phase.attempts))
                .collect(),
            over: view.status.is_final(),
        }
    }
}

impl Estimator {
    /// The history as the store keeps it.
    pub(crate) fn of(stored: Vec<StoredRun>) -> Self {
        let mut runs: Vec<RunRecord> = stored
            .into_iter()
            .filter_map(|run| serde_json::from_value(run.body).ok())
            .collect();
        runs.sort_by_key(|run| run.ended_at);
        let mut estimator = Self { runs };
        estimator.shrink();
        estimator
    }

    /// Adds a finished run, or replaces what was known of it. Says whether that is news.
    pub(crate) fn learn(&mut self, run: &RunRecord) -> bool {
        if self.runs.contains(run) {
            return false;
        }
        self.runs.retain(|known| known.session != run.session);
        self.runs.push(run.clone());
        self.shrink();
        true
    }

    fn shrink(&mut self) {
        let surplus = self.runs.len().saturating_sub(RUNS);
        self.runs.drain(..surplus);
    }

    /// The fact that revises the view's estimate, if it changes anything.
    pub(crate) fn revise(&self, view: &SessionView, at: Timestamp) -> Option<Fact> {
        let estimate = if view.status.is_final() {
            None
        } else {
            estimate(view, &self.runs, at)
        };
        (estimate != view.estimate).then_some(Fact::EstimateRevised(EstimateRevised { estimate }))
    }
}
