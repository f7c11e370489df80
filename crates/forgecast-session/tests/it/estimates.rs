//! What remains, from history: a range with its basis, or nothing.

use std::collections::BTreeMap;

use forgecast_protocol::Fact;
use forgecast_protocol::event::EstimateRevised;
use forgecast_session::RunRecord;
use forgecast_session::estimate::estimate;

use crate::support::*;

const MINUTE_MS: u64 = 60_000;

/// A completed run with these minutes in Scout, Builder and Test.
fn run(number: u32, project: &str, minutes: [u64; 3]) -> RunRecord {
    let names = ["Scout", "Builder", "Test"];
    let phases = names.into_iter().zip(minutes);
    RunRecord {
        session: format!("earlier~{number}").parse().unwrap(),
        project: project.to_owned(),
        phases: phases.map(|(name, it)| (name.to_owned(), it * MINUTE_MS)).collect(),
        total_ms: minutes.iter().sum::<u64>() * MINUTE_MS,
        ended_at: minute(0),
        completed: true,
    }
}

#[test]
fn two_runs_of_the_project_give_an_estimate() {
    let session = after(&[
        report("Scout", "in_progress", &[]),
        report("Builder", "building", &["Scout"]),
    ]);
    let history = [run(1, PROJECT, [1, 10, 5]), run(2, PROJECT, [1, 20, 15])];
    // Four minutes of the builder have passed: 6 + 5 and 16 + 15 remain.
    let estimate = estimate(session.view(), &history, minute(6)).unwrap();
    assert_eq!(
        (estimate.low_s, estimate.remaining_s, estimate.high_s),
        (16 * 60, 21 * 60, 26 * 60)
    );
    assert_eq!(estimate.basis, "median of 2 earlier runs of this project");
    assert_eq!(estimate.at, minute(6));
}

#[test]
fn a_phase_that_takes_longer_than_ever_leaves_what_comes_after_it() {
    let session = after(&[report("Builder", "building", &["Scout"])]);
    let history = [run(1, PROJECT, [1, 10, 5]), run(2, PROJECT, [1, 20, 5])];
    assert_eq!(
        estimate(session.view(), &history, minute(999)).unwrap().remaining_s,
        300
    );
}

#[test]
fn without_runs_of_the_project_three_of_all_projects_are_needed() {
    let session = after(&[report("Test", "completed", &["Scout", "Builder", "Test"])]);
    let others = [1, 2, 3].map(|number| run(number, "/elsewhere", [1, 2, 3]));
    assert_eq!(estimate(session.view(), &others[..2], minute(2)), None);
    let estimate = estimate(session.view(), &others, minute(2)).unwrap();
    assert_eq!(estimate.basis, "median of 3 earlier runs of all projects");
    assert_eq!(
        estimate.remaining_s, 0,
        "Test is done, and nothing followed it in those runs"
    );
}

#[test]
fn there_is_no_estimate_without_enough_to_go_by() {
    let building = after(&[report("Builder", "building", &[])]);
    let history = [run(1, PROJECT, [1, 2, 3]), run(2, PROJECT, [1, 2, 3])];
    assert_eq!(estimate(building.view(), &[], minute(2)), None);
    assert_eq!(estimate(building.view(), &history[..1], minute(2)), None);

    let failed = history.clone().map(|run| RunRecord {
        completed: false,
        ..run
    });
    assert_eq!(
        estimate(building.view(), &failed, minute(2)),
        None,
        "failed runs say nothing"
    );
    let unseen = history.clone().map(|run| RunRecord {
        phases: BTreeMap::new(),
        ..run
    });
    assert_eq!(
        estimate(building.view(), &unseen, minute(2)),
        None,
        "nor do those nobody watched"
    );

    let finished = after(&[report("Feedback", "completed", &[])]);
    assert_eq!(estimate(finished.view(), &history, minute(2)), None);
    let unknown = after(&[report("Polish", "in_progress", &[])]);
    assert_eq!(estimate(unknown.view(), &history, minute(2)), None);
    assert_eq!(estimate(session().view(), &history, minute(2)), None);
}

#[test]
fn an_estimate_enters_as_a_fact_and_leaves_with_the_end() {
    let mut session = after(&[report("Builder", "building", &["Scout"])]);
    let history = [run(1, PROJECT, [1, 10, 5]), run(2, PROJECT, [1, 20, 15])];
    let revised = estimate(session.view(), &history, minute(2));
    let fact = Fact::EstimateRevised(EstimateRevised {
        estimate: revised.clone(),
    });
    session.apply(&pushed(minute(2), fact));
    assert_eq!(session.view().estimate, revised);
    assert_eq!(session.view().last_work_at, Some(minute(1)));
    session.apply(&phase_file(minute(3), report("Feedback", "completed", &[])));
    assert_eq!(session.view().estimate, None);
}
