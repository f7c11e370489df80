//! When a new run begins in the same folder, and when it does not.

use forgecast_protocol::event::{PhaseReported, SessionSeen};
use forgecast_protocol::{Event, Fact};
use forgecast_session::Session;

use crate::support::*;

fn begins(session: &Session, fact: PhaseReported) -> bool {
    session.begins_new_run(&phase_file(minute(60), fact))
}

fn at_test() -> Session {
    after(&[
        report("Scout", "in_progress", &[]),
        report("Test", "testing", &["Scout", "Architect", "Builder"]),
    ])
}

#[test]
fn going_back_to_the_first_phases_with_a_shorter_list_begins_a_new_run() {
    assert!(begins(&at_test(), report("Scout", "starting", &[])));
    assert!(begins(&at_test(), report("codebase analysis", "in_progress", &[])));
    assert!(begins(
        &at_test(),
        report("Scout", "in_progress", &["Codebase Analysis"])
    ));
}

#[test]
fn a_new_run_may_follow_a_finished_a_failed_and_a_dead_one() {
    let finished = after(&[report("Feedback", "completed", &["Scout", "Architect", "Deploy"])]);
    let failed = after(&[report("Builder", "failed", &["Scout", "Architect"])]);
    for session in [finished, failed, at_test()] {
        assert!(begins(&session, report("Scout", "in_progress", &[])));
    }
}

#[test]
fn self_healing_is_not_a_new_run() {
    assert!(!begins(&at_test(), report("Architect", "self-healing", &["Scout"])));
    assert!(!begins(&at_test(), report("Builder", "self-healing", &[])));
}

#[test]
fn another_started_at_alone_is_not_a_new_run() {
    let fact = |at| PhaseReported {
        started_at: Some(minute(at)),
        ..report("Scout", "in_progress", &[])
    };
    assert!(!begins(&after(&[fact(0)]), fact(30)));
}

#[test]
fn going_back_with_a_list_as_long_is_not_a_new_run() {
    let list = ["Scout", "Architect", "Builder"];
    assert!(!begins(&at_test(), report("Scout", "researching", &list)));
}

#[test]
fn from_codebase_analysis_to_scout_is_going_on() {
    let session = after(&[report("Codebase Analysis", "completed", &["Codebase Analysis"])]);
    assert!(!begins(
        &session,
        report("Scout", "in_progress", &["Codebase Analysis"])
    ));
    assert!(!begins(&session, report("Scout", "in_progress", &[])));
}

#[test]
fn without_any_list_the_phases_that_were_seen_to_complete_count() {
    let without = |phase: &str| PhaseReported {
        phases_completed: None,
        ..report(phase, "in_progress", &[])
    };
    let session = after(&[without("Scout"), without("Architect")]);
    assert!(begins(&session, without("Scout")));
    assert!(!begins(&after(&[without("Scout")]), without("Scout")));
}

#[test]
fn a_run_that_ended_is_followed_by_a_new_one_when_its_first_phase_begins_anew() {
    let mut session = after(&[report("Scout", "in_progress", &[])]);
    session.apply(&pushed(minute(2), Fact::CompletionReported(completion(Some(true)))));
    assert!(begins(&session, report("Scout", "starting", &[])));
    let late = PhaseReported {
        detail: Some("one more line".to_owned()),
        ..report("Scout", "in_progress", &[])
    };
    assert!(!begins(&session, late), "a late word of the same run");
    assert!(!begins(&session, report("Scout", "completed", &["Scout"])));
}

#[test]
fn a_run_that_ended_late_is_followed_by_a_new_one_although_the_list_is_the_old_one() {
    let full = ["Scout", "Architect", "Builder", "Test", "Deploy", "Feedback"];
    let session = after(&[report("Feedback", "completed", &full)]);
    let again = report("Scout", "starting", &full);
    assert!(begins(&session, again.clone()));
    let new = after(&[again]);
    assert!(
        new.view().status.is_active(),
        "the stale list does not complete the new run"
    );
}

#[test]
fn what_is_read_at_first_sight_never_begins_a_new_run() {
    let stale = old(phase_file(minute(60), report("Scout", "starting", &[])), minute(-60));
    assert!(!at_test().begins_new_run(&stale));
    let made_now = old(phase_file(minute(60), report("Scout", "starting", &[])), minute(59));
    assert!(
        at_test().begins_new_run(&made_now),
        "a file that was deleted and made again"
    );
}

#[test]
fn only_phases_and_checkpoints_can_begin_a_run() {
    let events: Vec<Event> = vec![
        summary(minute(60), completion(Some(true))),
        artifact_fact(
            REPORT,
            minute(60),
            tests(Some(1), [3, 3, 0], forgecast_protocol::event::TestBasis::Report),
        ),
    ];
    for event in events {
        assert!(!at_test().begins_new_run(&event));
    }
}

#[test]
fn a_producer_that_names_its_runs_begins_one_with_another_name_also_at_first_sight() {
    let begins = |run: Option<&str>| {
        let fact = Fact::SessionSeen(SessionSeen {
            run: run.map(str::to_owned),
            ..SessionSeen::default()
        });
        pushed(minute(1), fact)
    };
    let mut session = session();
    assert!(!session.begins_new_run(&begins(Some("a"))), "it had no name");
    session.apply(&begins(Some("a")));
    assert_eq!(session.view().started_at, Some(minute(1)));
    for (run, is_new) in [(Some("a"), false), (None, false), (Some("b"), true)] {
        assert_eq!(session.begins_new_run(&begins(run)), is_new, "{run:?}");
        assert_eq!(
            session.begins_new_run(&old(begins(run), minute(-90))),
            is_new,
            "{run:?}"
        );
    }
}
