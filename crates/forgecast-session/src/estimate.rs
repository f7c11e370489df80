//! What is likely to remain of a build, from the phases of runs that completed. Must never invent a number: without
//! enough history there is no estimate.

use std::collections::BTreeMap;

use forgecast_protocol::session::{Estimate, PhaseStatus};
use forgecast_protocol::{SessionId, SessionView, Timestamp};
use serde::{Deserialize, Serialize};

use crate::vocabulary;

/// Runs of the same project that are needed.
const OF_PROJECT: usize = 2;
/// Runs of any project that are needed otherwise.
const OF_ALL: usize = 3;

/// How long a finished run took: what the history keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run.
    pub session: SessionId,
    /// What makes two runs those of one project: the folder, else the name of the project, else that of the session.
    pub project: String,
    /// Milliseconds spent in each phase, loops back included, by the phase's name; only what was seen as it happened.
    pub phases: BTreeMap<String, u64>,
    /// Milliseconds from the beginning to the end of the run.
    pub total_ms: u64,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whether it ended well; only those runs say how long a build takes.
    pub completed: bool,
}

/// What makes two runs those of one project: the folder, else the project's name, else the session's name.
#[must_use]
pub(crate) fn project_of(view: &SessionView) -> String {
    let folder = view.working_directory.as_ref().or(view.project.as_ref());
    folder.unwrap_or(&view.name).clone()
}

/// What is likely to remain at `at`: for every earlier run the time that it spent in the phases that are still to come
/// and in the rest of the current one, then the median and the quartiles over the runs.
///
/// Rests on at least two completed runs of the same project, else on at least three of all projects, else there is no
/// estimate. None either for a session that is over or whose phase is not one of the vocabulary.
#[must_use]
pub fn estimate(view: &SessionView, history: &[RunRecord], at: Timestamp) -> Option<Estimate> {
    if !view.status.is_active() {
        return None;
    }
    let here = view.phase.as_ref()?;
    let order = vocabulary::order(&here.name)?;
    let spent_ms = match view.phases.get(&here.name).map(|phase| phase.status) {
        Some(PhaseStatus::Active) => here.started_at.map_or(0, |began| at.millis_since(began)),
        Some(PhaseStatus::Pending) => 0,
        _ => u64::MAX,
    };
    let project = project_of(view);
    let usable = |run: &&RunRecord| run.completed && run.session != view.id && !run.phases.is_empty();
    let of_project: Vec<&RunRecord> = history
        .iter()
        .filter(usable)
        .filter(|run| run.project == project)
        .collect();
    let (runs, whose) = if of_project.len() >= OF_PROJECT {
        (of_project, "this project")
    } else {
        (history.iter().filter(usable).collect(), "all projects")
    };
    if whose == "all projects" && runs.len() < OF_ALL {
        return None;
    }
    let mut remaining: Vec<u64> = runs
        .iter()
        .map(|run| remaining_ms(run, &here.name, order, spent_ms))
        .collect();
    remaining.sort_unstable();
    Some(Estimate {
        at,
        remaining_s: seconds(quartile(&remaining, 2)),
        low_s: seconds(quartile(&remaining, 1)),
        high_s: seconds(quartile(&remaining, 3)),
        basis: format!("median of {} earlier runs of {whose}", runs.len()),
    })
}

fn remaining_ms(run: &RunRecord, current: &str, order: u32, spent_ms: u64) -> u64 {
    let rest = run
        .phases
        .get(current)
        .map_or(0, |length| length.saturating_sub(spent_ms));
    run.phases
        .iter()
        .filter(|(name, _)| vocabulary::order(name) > Some(order))
        .fold(rest, |sum, (_, length)| sum.saturating_add(*length))
}

/// The quartile number `number` of sorted values, with linear interpolation between neighbors.
fn quartile(sorted: &[u64], number: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    let (place, part) = (last * number / 4, last * number % 4);
    let value = |index: usize| u128::from(sorted.get(index.min(last)).copied().unwrap_or(0));
    let (low, high) = (value(place), value(place + 1));
    let between = low + (high.saturating_sub(low)) * part as u128 / 4;
    u64::try_from(between).unwrap_or(u64::MAX)
}

fn seconds(millis: u64) -> u64 {
    millis.saturating_add(500) / 1000
}
