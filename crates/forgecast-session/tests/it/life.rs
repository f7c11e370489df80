//! Waiting, silence, errors, problems, lost sources.

use forgecast_protocol::event::{
    ArtifactKind, Custom, ErrorReported, ProblemCleared, ProblemFound, Quiet, SourceGone, SourceMoved, SourceReturned,
    ToolUsed, WaitingBegan, WaitingEnded,
};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Event, Fact, Problem, ProblemKind, SessionStatus, Subject};
use forgecast_session::{Limits, Session};

use crate::support::*;

fn building() -> Session {
    after(&[report("Builder", "building", &["Scout"])])
}

fn apply(session: &mut Session, at: i64, fact: Fact) {
    session.apply(&pushed(minute(at), fact));
}

/// Lets the session's next deadline pass.
fn pass(session: &mut Session) -> Quiet {
    let deadline = session.next_deadline(&Limits::default()).unwrap();
    session.apply(&quiet(deadline.at, deadline.quiet, deadline.since));
    deadline.quiet
}

#[test]
fn a_silent_build_is_stalled_and_then_abandoned() {
    let mut session = building();
    let first = session.next_deadline(&Limits::default()).unwrap();
    assert_eq!(
        (first.quiet, first.at, first.since),
        (Quiet::Stalled, minute(16), minute(1))
    );
    pass(&mut session);
    assert_eq!(session.view().status, SessionStatus::Stalled);
    assert_eq!(session.view().last_work_at, Some(minute(1)), "silence is no work");
    let second = session.next_deadline(&Limits::default()).unwrap();
    assert_eq!((second.quiet, second.at), (Quiet::Abandoned, minute(361)));
    pass(&mut session);
    assert_eq!(session.view().status, SessionStatus::Abandoned);
    assert_eq!(session.next_deadline(&Limits::default()), None);
}

#[test]
fn a_deadline_that_work_overtook_does_not_count() {
    let mut session = building();
    session.apply(&phase_file(
        minute(10),
        report("Test", "testing", &["Scout", "Builder"]),
    ));
    session.apply(&quiet(minute(16), Quiet::Stalled, minute(1)));
    assert_eq!(session.view().status, SessionStatus::Running);
}

#[test]
fn any_work_brings_a_silent_build_back() {
    let log = artifact("build.log", ArtifactKind::Log, 10, minute(500));
    let works = [log, Fact::ToolUsed(ToolUsed::default()), decision("x")];
    for fact in works {
        let mut session = building();
        pass(&mut session);
        pass(&mut session);
        apply(&mut session, 500, fact);
        assert_eq!(session.view().status, SessionStatus::Running);
        assert_eq!(session.view().last_work_at, Some(minute(500)));
    }
}

#[test]
fn a_growing_log_is_work() {
    let mut session = building();
    for (size, at) in [(10, 5), (20, 10)] {
        apply(
            &mut session,
            at,
            artifact("build.log", ArtifactKind::Log, size, minute(at)),
        );
    }
    assert_eq!(session.next_deadline(&Limits::default()).unwrap().at, minute(25));
}

#[test]
fn an_old_build_is_as_old_as_its_file_at_first_sight() {
    let phase = old(phase_file(minute(0), report("Builder", "building", &[])), minute(-600));
    let session = fold(&[phase]);
    assert_eq!(session.view().last_work_at, Some(minute(-600)));
    assert!(
        session.next_deadline(&Limits::default()).unwrap().at < minute(0),
        "already due"
    );
}

#[test]
fn a_session_of_which_only_a_problem_is_known_has_a_deadline() {
    let session = session();
    assert_eq!(session.next_deadline(&Limits::default()).unwrap().since, minute(0));
}

#[test]
fn a_build_that_waits_for_a_person_says_for_what() {
    let mut session = building();
    let waiting = Fact::WaitingBegan(WaitingBegan {
        reason: "permission to push".to_owned(),
        waiting_for: Some(WaitingFor::Permission),
        ..WaitingBegan::default()
    });
    apply(&mut session, 2, waiting);
    assert_eq!(session.view().status, SessionStatus::Waiting);
    assert_eq!(session.view().status_reason.as_deref(), Some("permission to push"));
    assert_eq!(session.view().waiting_for, Some(WaitingFor::Permission));
    assert_eq!(
        session.next_deadline(&Limits::default()).unwrap().quiet,
        Quiet::Abandoned
    );
    apply(&mut session, 3, Fact::WaitingEnded(WaitingEnded::default()));
    assert_eq!(session.view().status, SessionStatus::Running);
    assert_eq!(session.view().status_reason, None);
    assert_eq!(session.view().waiting_for, None);
}

#[test]
fn a_phase_may_say_itself_that_it_waits() {
    let mut session = after(&[report("Builder", "waiting_for_input", &[])]);
    assert_eq!(session.view().status, SessionStatus::Waiting);
    session.apply(&phase_file(minute(2), report("Builder", "building", &[])));
    assert_eq!(session.view().status, SessionStatus::Running);
}

#[test]
fn a_session_whose_folder_is_gone_is_abandoned_until_it_returns() {
    let mut session = building();
    let gone = Fact::SourceGone(SourceGone {
        path: PROJECT.to_owned(),
    });
    apply(&mut session, 2, gone);
    assert_eq!(session.view().status, SessionStatus::Abandoned);
    assert!(session.view().status_reason.as_ref().unwrap().contains("is gone"));
    assert_eq!(session.next_deadline(&Limits::default()), None);
    let back = Fact::SourceReturned(SourceReturned {
        path: PROJECT.to_owned(),
    });
    apply(&mut session, 3, back);
    assert_eq!(session.view().status, SessionStatus::Running);
    assert_eq!(session.view().last_work_at, Some(minute(1)));
}

#[test]
fn a_session_whose_folder_has_another_path_goes_on_there() {
    let mut session = building();
    let gone = Fact::SourceGone(SourceGone {
        path: format!("{PROJECT}/.context-foundry/current-phase.json"),
    });
    apply(&mut session, 2, gone);
    let moved = |to: &str| {
        Fact::SourceMoved(SourceMoved {
            from: PROJECT.to_owned(),
            to: to.to_owned(),
        })
    };
    apply(&mut session, 3, moved("/srv/elsewhere/tides"));
    assert_eq!(session.view().status, SessionStatus::Running);
    assert_eq!(
        session.view().working_directory.as_deref(),
        Some("/srv/elsewhere/tides")
    );
    assert_eq!(session.view().last_work_at, Some(minute(1)), "a new path is no work");
    let named = phase_file(minute(4), report("Test", "testing", &[]));
    let unnamed = session.view().name.clone();
    assert_eq!(unnamed, "tides");
    session.apply(&Event {
        subject: Subject {
            name: Some("weather".to_owned()),
            ..named.subject.clone()
        },
        ..named
    });
    apply(&mut session, 5, moved("/srv/tides-2"));
    assert_eq!(session.view().name, "weather", "a name that a producer gave stays");
}

#[test]
fn a_finished_session_whose_folder_is_gone_stays_finished() {
    let mut session = after(&[report("Feedback", "completed", &[])]);
    apply(
        &mut session,
        2,
        Fact::SourceGone(SourceGone {
            path: PROJECT.to_owned(),
        }),
    );
    assert_eq!(session.view().status, SessionStatus::Completed);
}

#[test]
fn problems_are_shown_once_and_cleared() {
    let mut session = building();
    let before = session.view().clone();
    let found = || {
        Fact::ProblemFound(ProblemFound {
            key: "current-phase.json".to_owned(),
            problem: Problem {
                kind: ProblemKind::Unparsable,
                message: "not JSON".to_owned(),
                subject: None,
            },
        })
    };
    apply(&mut session, 2, found());
    apply(&mut session, 3, found());
    assert_eq!((session.view().problems.len(), session.row().problems), (1, 1));
    assert_eq!(session.view().last_work_at, Some(minute(1)));
    let cleared = |key: &str, with_parts: bool| {
        let key = key.to_owned();
        Fact::ProblemCleared(ProblemCleared { key, with_parts })
    };
    apply(&mut session, 4, cleared("current-phase.json", false));
    assert_eq!(session.view(), &before);
}

#[test]
fn a_problem_is_taken_back_with_those_of_its_parts_when_the_fact_says_so() {
    let mut session = session();
    for key in ["a.json", "a.json#field", "a.json.bak", "b.json#field"] {
        let problem = Problem {
            kind: ProblemKind::BadField,
            message: key.to_owned(),
            subject: None,
        };
        let key = key.to_owned();
        apply(&mut session, 1, Fact::ProblemFound(ProblemFound { key, problem }));
    }
    let clear = |session: &mut Session, with_parts| {
        let key = "a.json".to_owned();
        apply(session, 2, Fact::ProblemCleared(ProblemCleared { key, with_parts }));
    };
    let left = |session: &Session| session.view().problems.keys().cloned().collect::<Vec<_>>();
    clear(&mut session, false);
    assert_eq!(left(&session), ["a.json#field", "a.json.bak", "b.json#field"]);
    clear(&mut session, true);
    assert_eq!(left(&session), ["a.json.bak", "b.json#field"]);
}

#[test]
fn the_newest_twenty_errors_are_kept() {
    let mut session = building();
    for number in 1..=30 {
        let message = format!("error {number}");
        apply(
            &mut session,
            2,
            Fact::ErrorReported(ErrorReported { message, details: None }),
        );
    }
    let errors = &session.view().errors;
    assert_eq!(errors.len(), 20);
    assert!(errors.contains_key("30") && !errors.contains_key("10"));
    assert_eq!(
        session.view().status,
        SessionStatus::Running,
        "an error does not end the build"
    );
}

#[test]
fn a_heartbeat_is_a_sign_of_life_and_no_work() {
    let mut session = building();
    let custom = |kind: &str| {
        Fact::Custom(Custom {
            kind: kind.to_owned(),
            data: serde_json::Value::Null,
        })
    };
    apply(&mut session, 5, custom("heartbeat"));
    assert_eq!(session.view().last_work_at, Some(minute(1)));
    assert_eq!(session.view().last_seen_at, Some(minute(5)));
    apply(&mut session, 6, custom("deployed_preview"));
    assert_eq!(session.view().last_work_at, Some(minute(6)));
}
