//! Estimates what remains of a build, when one of its phases begins or ends, from the finished runs that the store keeps.
//! The result enters as a fact like any other, so that the view stays a function of its facts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use forgecast_protocol::event::EstimateRevised;
use forgecast_protocol::{Fact, SessionView, Timestamp};
use forgecast_session::RunRecord;
use forgecast_session::estimate::estimate;
use forgecast_store::StoredRun;

/// The newest runs that are remembered.
const MAX_RUNS: usize = 2_000;

/// The finished runs, oldest first.
#[derive(Default)]
pub(crate) struct Estimator {
    runs: Vec<RunRecord>,
}

/// Which phases a view has and where they are, as a hash: an estimate is revised when that changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage(u64);

impl Stage {
    /// The stage of a view.
    pub(crate) fn of(view: &SessionView) -> Self {
        let mut hasher = DefaultHasher::new();
        view.phase.as_ref().map(|phase| &phase.name).hash(&mut hasher);
        for (name, phase) in &view.phases {
            (name, discriminant(&phase.status), phase.attempts).hash(&mut hasher);
        }
        (view.phases.len(), view.status.is_final()).hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl Estimator {
    /// From the runs that are stored.
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

    /// Adds a finished run, or replaces what was known of it. Returns whether that changed anything.
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
        let surplus = self.runs.len().saturating_sub(MAX_RUNS);
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
