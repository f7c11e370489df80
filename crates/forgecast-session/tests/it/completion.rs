//! How a build ends, and that it stays so.

use forgecast_protocol::event::{CompletionBasis, Quiet, TestBasis};
use forgecast_protocol::session::PhaseStatus;
use forgecast_protocol::{Fact, SessionStatus};
use forgecast_session::{Limits, Session};

use crate::support::*;

fn status(session: &Session) -> SessionStatus {
    session.view().status
}

#[test]
fn a_build_is_complete_when_feedback_is() {
    assert_eq!(
        status(&after(&[report("Feedback", "in_progress", &["Deploy"])])),
        SessionStatus::Running
    );
    let session = after(&[report("Feedback", "completed", &["Deploy"])]);
    assert_eq!(status(&session), SessionStatus::Completed);
    assert_eq!(session.view().ended_at, Some(minute(1)));
    assert_eq!(session.view().progress.percent, Some(100.0));
    let listed = after(&[report("Complete", "completed", &["Deploy", "Feedback"])]);
    assert_eq!(status(&listed), SessionStatus::Completed);
}

#[test]
fn a_build_is_complete_or_failed_when_its_summary_says_so() {
    for (success, expected) in [
        (Some(true), SessionStatus::Completed),
        (Some(false), SessionStatus::Failed),
        (None, SessionStatus::Running),
    ] {
        let mut session = after(&[report("Test", "testing", &[])]);
        session.apply(&summary(minute(2), completion(success)));
        assert_eq!(status(&session), expected);
    }
}

#[test]
fn a_build_whose_failed_phase_was_not_done_again_has_failed_also_after_feedback() {
    let done = ["Scout", "Architect", "Builder"];
    let failed = after(&[
        report("Test", "FAILED_MAX_ITERATIONS", &done),
        report("Feedback", "analyzing", &done),
    ]);
    assert_eq!(status(&failed), SessionStatus::Failed, "Feedback looks back at it");
    for before in [None, Some("Documentation")] {
        let mut session = after(&[report("Test", "FAILED_MAX_ITERATIONS", &done)]);
        if let Some(phase) = before {
            session.apply(&phase_file(minute(2), report(phase, "documenting", &done)));
            assert_eq!(status(&session), SessionStatus::Running, "it goes on");
        }
        session.apply(&phase_file(minute(3), report("Feedback", "completed", &done)));
        assert_eq!(status(&session), SessionStatus::Failed);
        let reason = session.view().status_reason.as_deref();
        assert_eq!(reason, Some("Test: FAILED_MAX_ITERATIONS"));
    }
}

#[test]
fn a_failed_phase_that_was_done_again_does_not_fail_the_build() {
    let done = ["Scout", "Architect", "Builder"];
    let with_test = ["Scout", "Architect", "Builder", "Test"];
    let healed = [
        report("Test", "tests_failed", &done),
        report("Architect", "self-healing", &["Scout"]),
        report("Feedback", "completed", &["Deploy"]),
    ];
    let repeated = [
        report("Test", "tests_failed", &done),
        report("Test", "testing", &done),
        report("Feedback", "completed", &["Deploy"]),
    ];
    let listed = [
        report("Test", "tests_failed", &done),
        report("Documentation", "documenting", &with_test),
        report("Feedback", "completed", &with_test),
    ];
    for reports in [healed, repeated, listed] {
        assert_eq!(status(&after(&reports)), SessionStatus::Completed);
    }
}

#[test]
fn a_marker_and_a_producers_event_end_a_build_too() {
    for basis in [CompletionBasis::Marker, CompletionBasis::Reported] {
        let mut session = after(&[report("Builder", "building", &[])]);
        let mut fact = completion(Some(true));
        fact.basis = basis;
        session.apply(&pushed(minute(2), Fact::CompletionReported(fact)));
        assert_eq!(status(&session), SessionStatus::Completed);
        assert_eq!(status_of(session.view(), "Builder"), PhaseStatus::Completed);
        assert_eq!(session.view().ended_at, Some(minute(2)));
    }
}

#[test]
fn a_build_is_complete_when_deploy_was_and_nothing_followed() {
    let mut session = after(&[report("Deploy", "completed", &["Test", "Documentation"])]);
    assert_eq!(status(&session), SessionStatus::Running);
    let deadline = session.next_deadline(&Limits::default()).unwrap();
    assert_eq!((deadline.quiet, deadline.at), (Quiet::Settled, minute(3)));
    session.apply(&quiet(deadline.at, deadline.quiet, deadline.since));
    assert_eq!(status(&session), SessionStatus::Completed);
    assert_eq!(session.view().ended_at, Some(minute(1)), "when Deploy ended");
}

#[test]
fn a_build_that_goes_on_after_deploy_is_not_settled() {
    let mut session = after(&[
        report("Deploy", "completed", &["Test"]),
        report("Feedback", "in_progress", &["Test", "Deploy"]),
    ]);
    assert_ne!(session.next_deadline(&Limits::default()).unwrap().quiet, Quiet::Settled);
    session.apply(&quiet(minute(3), Quiet::Settled, minute(1)));
    assert_eq!(status(&session), SessionStatus::Running);
    session.apply(&quiet(minute(5), Quiet::Settled, minute(2)));
    assert_eq!(status(&session), SessionStatus::Running, "not settled whoever says so");
}

#[test]
fn completion_stays_whatever_comes_late() {
    let mut session = after(&[report("Feedback", "completed", &["Deploy"])]);
    session.apply(&phase_file(minute(2), report("Deploy", "deploying", &["Test"])));
    session.apply(&phase_file(minute(3), report("Test", "failed", &[])));
    assert_eq!(status(&session), SessionStatus::Completed);
    assert_eq!(session.view().ended_at, Some(minute(1)));
    assert_eq!(status_of(session.view(), "Deploy"), PhaseStatus::Completed);
}

/// Feedback is the last phase also of a build whose tests fail, and a cold start reads the phase file first.
#[test]
fn a_summary_that_says_that_the_build_failed_counts_whichever_file_is_read_first() {
    let feedback = || phase_file(minute(1), report("Feedback", "completed", &["Deploy"]));
    let failed = || summary(minute(2), completion(Some(false)));
    for events in [[feedback(), failed()], [failed(), feedback()]] {
        assert_eq!(status(&fold(&events)), SessionStatus::Failed);
    }
    let settled = [
        phase_file(minute(1), report("Deploy", "completed", &["Test"])),
        quiet(minute(3), Quiet::Settled, minute(1)),
        failed(),
    ];
    assert_eq!(status(&fold(&settled)), SessionStatus::Failed);
    // What was said stays said.
    let said = [summary(minute(1), completion(Some(true))), failed()];
    assert_eq!(status(&fold(&said)), SessionStatus::Completed);
}

#[test]
fn a_failure_that_was_declared_stays_while_one_of_a_phase_does_not() {
    let mut declared = after(&[report("Test", "testing", &[])]);
    declared.apply(&pushed(minute(2), Fact::CompletionReported(completion(Some(false)))));
    declared.apply(&phase_file(minute(3), report("Test", "self-healing", &[])));
    assert_eq!(status(&declared), SessionStatus::Failed);

    let mut of_phase = after(&[report("Test", "failed", &[])]);
    of_phase.apply(&summary(minute(2), completion(Some(true))));
    assert_eq!(status(&of_phase), SessionStatus::Completed, "the summary knows better");
}

#[test]
fn what_comes_after_the_end_still_refines_tests_and_decisions() {
    let mut session = after(&[report("Feedback", "completed", &["Deploy"])]);
    session.apply(&artifact_fact(
        SUMMARY,
        minute(2),
        tests(None, [5, 4, 1], TestBasis::Summary),
    ));
    session.apply(&artifact_fact("feedback.json", minute(3), decision("late")));
    assert_eq!(
        session.view().tests.as_ref().unwrap().summary.as_ref().unwrap().passed,
        Some(4)
    );
    assert_eq!(session.view().decisions.as_ref().unwrap().total, 1);
    assert_eq!(session.view().ended_at, Some(minute(1)));
}

#[test]
fn a_summary_alone_tells_the_phases_too() {
    let mut end = completion(Some(true));
    end.phases_completed = Some(vec!["scout".to_owned(), "build".to_owned()]);
    end.task = Some("build it".to_owned());
    end.links
        .insert("github".to_owned(), "https://example.org/pull/7".to_owned());
    let session = fold(&[summary(minute(1), end)]);
    let view = session.view();
    assert_eq!(status_of(view, "Builder"), PhaseStatus::Completed);
    assert_eq!(status_of(view, "Deploy"), PhaseStatus::Skipped);
    assert_eq!(view.task.as_deref(), Some("build it"));
    assert_eq!(view.links.len(), 1);
}

#[test]
fn a_finished_run_leaves_a_record_of_what_was_seen() {
    let mut session = after(&[
        report("Scout", "in_progress", &[]),
        report("Builder", "building", &["Scout"]),
        report("Test", "testing", &["Scout", "Builder"]),
        report("Builder", "self-healing", &["Scout"]),
    ]);
    assert_eq!(session.record(), None);
    session.apply(&phase_file(
        minute(9),
        report("Feedback", "completed", &["Builder", "Test"]),
    ));
    let record = session.record().unwrap();
    assert!(record.completed);
    assert_eq!(record.project, PROJECT);
    assert_eq!(record.phases["Builder"], 6 * 60_000, "both attempts");
    assert_eq!(record.phases["Scout"], 60_000);
    assert_eq!((record.total_ms, record.ended_at), (8 * 60_000, minute(9)));
}
