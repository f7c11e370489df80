//! The pipeline: order, words, loops back, durations.

use forgecast_protocol::SessionStatus;
use forgecast_protocol::event::{CompletionReported, PhaseReported, PhaseResult, TaskReported};
use forgecast_protocol::session::PhaseStatus::{Active, Completed, Failed, Pending, Skipped};
use forgecast_protocol::{Fact, SourceKind, Subject, Timestamp};

use crate::support::*;

#[test]
fn a_completed_phase_does_not_complete_the_build() {
    let session = after(&[report("Test", "completed", &["Scout", "Architect", "Builder", "Test"])]);
    assert_eq!(session.view().status, SessionStatus::Running);
    assert_eq!(status_of(session.view(), "Test"), Completed);
    assert_eq!(session.view().ended_at, None);
}

#[test]
fn the_phases_to_come_are_shown_as_pending() {
    let session = after(&[report("Scout", "in_progress", &[])]);
    let view = session.view();
    assert_eq!(status_of(view, "Scout"), Active);
    for phase in ["Architect", "Builder", "Test", "Documentation", "Deploy", "Feedback"] {
        assert_eq!(status_of(view, phase), Pending, "{phase}");
    }
    assert!(
        !view.phases.contains_key("Codebase Analysis"),
        "only enhancement builds have it"
    );
    assert!(
        !view.phases.contains_key("Screenshot"),
        "only pipelines of eight have it"
    );
}

#[test]
fn the_total_may_change_in_the_middle_of_a_build() {
    let with = |number: &str| PhaseReported {
        phase_number: Some(number.to_owned()),
        ..report("Test", "in_progress", &["Scout", "Architect", "Builder"])
    };
    let session = after(&[with("4/7"), with("4.5/8")]);
    let phase = session.view().phase.clone().unwrap();
    assert_eq!((phase.number.as_deref(), phase.total), (Some("4.5"), Some(8)));
    assert_eq!(status_of(session.view(), "Screenshot"), Pending);
}

#[test]
fn aliases_name_the_same_phase() {
    let session = after(&[
        report("Building", "building", &["scout"]),
        report("tester", "testing", &["building"]),
    ]);
    let view = session.view();
    assert_eq!(view.phase.as_ref().unwrap().name, "Test");
    assert_eq!(status_of(view, "Builder"), Completed);
    assert_eq!(view.status_word.as_deref(), Some("testing"));
}

#[test]
fn the_share_that_is_done_falls_only_when_a_phase_is_begun_anew() {
    let with = |number: &str, phase: &str, done: &[&str]| PhaseReported {
        phase_number: Some(number.to_owned()),
        ..report(phase, "in_progress", done)
    };
    let done = ["Scout", "Architect", "Builder"];
    let seven = after(&[with("4/7", "Test", &done)]);
    let mut session = after(&[with("4/7", "Test", &done), with("4.5/8", "Test", &done)]);
    assert_eq!(status_of(session.view(), "Screenshot"), Pending);
    assert_eq!(session.view().progress.percent, seven.view().progress.percent);
    session.apply(&phase_file(minute(9), with("2/8", "Architect", &["Scout"])));
    assert!(session.view().progress.percent < seven.view().progress.percent);
}

#[test]
fn what_was_passed_over_is_behind_the_build() {
    let mut session = session();
    let at_deploy = PhaseReported {
        phase: Some("Deploy".to_owned()),
        ..PhaseReported::default()
    };
    session.apply(&pushed(minute(1), Fact::PhaseReported(at_deploy)));
    assert_eq!(status_of(session.view(), "Test"), Skipped);
    assert_eq!(session.view().progress.percent, Some(71.4), "five of seven");
}

#[test]
fn a_phase_that_was_left_is_completed_only_if_the_list_or_a_result_says_so() {
    let left = |completed: Option<&[&str]>| {
        let next = PhaseReported {
            phases_completed: completed.map(|done| done.iter().map(|name| (*name).to_owned()).collect()),
            ..report("Test", "testing", &[])
        };
        after(&[report("Builder", "building", &["Scout"]), next])
    };
    assert_eq!(
        status_of(left(Some(&["Scout", "Builder"])).view(), "Builder"),
        Completed
    );
    assert_eq!(status_of(left(Some(&["Scout"])).view(), "Builder"), Pending);
    assert_eq!(
        status_of(left(None).view(), "Builder"),
        Completed,
        "nobody keeps a list"
    );
    let mut session = after(&[report("Builder", "building", &["Scout"])]);
    session.apply(&summary(
        minute(2),
        results(&[("builder", "completed", 58.0, minute(2))]),
    ));
    session.apply(&phase_file(minute(3), report("Test", "testing", &["Scout"])));
    assert_eq!(status_of(session.view(), "Builder"), Completed);
}

/// A summary that is written while the build runs: phase, word, seconds and end of each.
fn results(phases: &[(&str, &str, f64, Timestamp)]) -> CompletionReported {
    let phases = phases.iter().map(|(phase, status, seconds, ended)| {
        let result = PhaseResult {
            status: Some((*status).to_owned()),
            duration_seconds: Some(*seconds),
            ended_at: Some(*ended),
        };
        ((*phase).to_owned(), result)
    });
    CompletionReported {
        phases: phases.collect(),
        ..completion(None)
    }
}

#[test]
fn what_a_summary_says_of_phases_is_shown_of_those_that_nobody_reports() {
    let told = results(&[
        ("scout", "completed", 60.0, minute(-20)),
        ("architect", "failed", 30.0, minute(-18)),
        ("builder", "running", 30.0, minute(-18)),
        ("documentation", "completed", 5.0, minute(-17)),
    ]);
    let document = phase_file(minute(1), report("Documentation", "documenting", &[]));
    for events in [
        [summary(minute(1), told.clone()), document.clone()],
        [document.clone(), summary(minute(1), told.clone())],
    ] {
        let session = fold(&events);
        let view = session.view();
        assert_eq!(view.status, SessionStatus::Running);
        let scout = &view.phases["Scout"];
        assert_eq!((scout.status, scout.attempts), (Completed, 0));
        assert_eq!(
            (scout.started_at, scout.ended_at),
            (Some(minute(-21)), Some(minute(-20)))
        );
        assert_eq!(status_of(view, "Architect"), Failed);
        assert_eq!(status_of(view, "Builder"), Skipped);
        assert_eq!(
            status_of(view, "Documentation"),
            Active,
            "its own report is the better witness"
        );
    }
}

#[test]
fn unknown_phases_are_kept_in_the_order_they_came() {
    let session = after(&[
        report("Polish", "in_progress", &[]),
        report("Audit", "in_progress", &["Polish"]),
    ]);
    let view = session.view();
    assert_eq!(
        view.phases.len(),
        2,
        "a pipeline of a producer's own shows no phases of ours"
    );
    assert!(view.phases["Polish"].order < view.phases["Audit"].order);
    assert_eq!(status_of(view, "Polish"), Completed);
}

#[test]
fn a_phase_that_never_began_while_later_ones_did_is_skipped() {
    let session = after(&[
        report("Test", "completed", &["Scout", "Architect", "Builder", "Test"]),
        report("Deploy", "deploying", &["Scout", "Architect", "Builder", "Test"]),
    ]);
    assert_eq!(status_of(session.view(), "Documentation"), Skipped);
    let mut late = session;
    late.apply(&phase_file(
        minute(9),
        report("Documentation", "documenting", &["Test"]),
    ));
    assert_eq!(status_of(late.view(), "Documentation"), Active);
}

#[test]
fn a_loop_back_counts_as_a_further_attempt() {
    let session = after(&[
        report("Builder", "building", &["Scout", "Architect"]),
        report("Test", "testing", &["Scout", "Architect", "Builder"]),
        report("Architect", "self-healing", &["Scout"]),
        report("Builder", "building", &["Scout", "Architect"]),
    ]);
    let view = session.view();
    assert_eq!(view.phases["Builder"].attempts, 2);
    assert_eq!(status_of(view, "Builder"), Active);
    assert_eq!(view.phases["Architect"].attempts, 2);
    assert_eq!((status_of(view, "Test"), view.phases["Test"].attempts), (Pending, 1));
    assert_eq!(
        view.phases["Builder"].started_at,
        Some(minute(1)),
        "the first beginning"
    );
    assert_eq!(
        view.phase.as_ref().unwrap().started_at,
        Some(minute(4)),
        "the current attempt"
    );
}

#[test]
fn a_phase_taken_off_the_list_is_to_be_done_again() {
    let session = after(&[
        report("Test", "testing", &["Scout", "Architect", "Builder"]),
        report("Architect", "self-healing", &["Scout"]),
    ]);
    let view = session.view();
    assert_eq!(status_of(view, "Builder"), Pending);
    assert_eq!(status_of(view, "Scout"), Completed);
}

#[test]
fn a_list_that_forgets_early_phases_does_not_undo_them() {
    let session = after(&[
        report(
            "Documentation",
            "documenting",
            &["Scout", "Architect", "Builder", "Test"],
        ),
        report("Deploy", "deploying", &["Documentation"]),
    ]);
    for phase in ["Scout", "Architect", "Builder", "Test"] {
        assert_eq!(status_of(session.view(), phase), Completed, "{phase}");
    }
}

#[test]
fn durations_go_by_arrival_and_not_by_the_times_a_producer_invents() {
    let invented = |phase: &str| PhaseReported {
        started_at: Some(minute(100_000)),
        last_updated: Some(minute(-100_000)),
        ..report(phase, "in_progress", &[])
    };
    let session = after(&[invented("Scout"), invented("Architect")]);
    let scout = &session.view().phases["Scout"];
    assert_eq!((scout.started_at, scout.ended_at), (Some(minute(1)), Some(minute(2))));
    assert_eq!(session.view().started_at, Some(minute(1)));
}

#[test]
fn a_clock_that_was_set_back_gives_no_negative_duration() {
    let mut session = session();
    session.apply(&phase_file(minute(60), report("Scout", "in_progress", &[])));
    session.apply(&phase_file(minute(1), report("Architect", "in_progress", &["Scout"])));
    let scout = &session.view().phases["Scout"];
    assert!(scout.ended_at >= scout.started_at);
    session.apply(&phase_file(minute(2), report("Feedback", "completed", &[])));
    assert!(session.view().ended_at >= session.view().started_at);
}

#[test]
fn a_failed_phase_fails_the_build_until_work_goes_on() {
    for word in ["failed", "timeout"] {
        let mut session = after(&[report("Test", word, &["Scout"])]);
        assert_eq!(session.view().status, SessionStatus::Failed);
        assert_eq!(status_of(session.view(), "Test"), Failed);
        assert_eq!(
            session.view().status_reason.as_deref(),
            Some(format!("Test: {word}").as_str())
        );
        assert_eq!(session.view().ended_at, Some(minute(1)));
        session.apply(&phase_file(minute(2), report("Test", "self-healing", &["Scout"])));
        assert_eq!(session.view().status, SessionStatus::Running);
        assert_eq!(session.view().ended_at, None);
        assert_eq!(session.view().phases["Test"].attempts, 2);
    }
}

#[test]
fn a_rewrite_that_changes_nothing_but_its_time_is_a_sign_of_life_and_no_work() {
    let stamped = |at| PhaseReported {
        last_updated: Some(at),
        ..report("Builder", "building", &["Scout", "Architect"])
    };
    let mut session = after(&[stamped(minute(1))]);
    let before = session.view().clone();
    session.apply(&phase_file(minute(5), stamped(minute(5))));
    assert_eq!(session.view().last_work_at, Some(minute(1)));
    assert_eq!(session.view().last_seen_at, Some(minute(5)));
    let mut expected = before;
    expected.last_seen_at = Some(minute(5));
    assert_eq!(session.view(), &expected);
    session.apply(&phase_file(minute(6), report("Test", "testing", &[])));
    assert_eq!(
        session.view().last_seen_at,
        None,
        "work is later than the last sign of life"
    );
}

#[test]
fn the_same_report_by_file_and_by_push_is_one_change() {
    let fact = PhaseReported {
        detail: Some("wiring".to_owned()),
        ..report("Builder", "building", &["Scout", "Architect"])
    };
    let mut session = after(std::slice::from_ref(&fact));
    let before = session.view().clone();
    session.apply(&pushed(minute(2), Fact::PhaseReported(fact)));
    assert_eq!(session.view(), &before);
}

#[test]
fn a_push_leaves_what_it_does_not_say_as_it_was() {
    let mut session = after(&[PhaseReported {
        detail: Some("wiring".to_owned()),
        phase_number: Some("3/7".to_owned()),
        ..report("Builder", "building", &["Scout", "Architect"])
    }]);
    session.apply(&pushed(
        minute(2),
        Fact::PhaseReported(PhaseReported {
            phase: Some("builder".to_owned()),
            context_percent: Some(55.0),
            ..PhaseReported::default()
        }),
    ));
    let view = session.view();
    let phase = view.phase.as_ref().unwrap();
    assert_eq!((phase.detail.as_deref(), phase.total), (Some("wiring"), Some(7)));
    assert_eq!(view.status_word.as_deref(), Some("building"));
    assert_eq!(view.usage.as_ref().unwrap().context.as_ref().unwrap().percent, 55.0);
}

#[test]
fn only_the_section_that_changed_says_so() {
    let with = |detail: &str| PhaseReported {
        detail: Some(detail.to_owned()),
        ..report("Builder", "building", &["Scout", "Architect"])
    };
    let session = after(&[with("one"), with("two")]);
    assert_eq!(session.view().changed_at["phase"], minute(2));
    assert_eq!(session.view().changed_at["phases"], minute(1));
    assert_eq!(session.view().changed_at["progress"], minute(1));
}

#[test]
fn progress_counts_phases_and_the_builders_tasks() {
    let mut session = after(&[PhaseReported {
        tasks_completed: Some(1),
        tasks_total: Some(2),
        ..report("Builder", "building", &["Scout", "Architect"])
    }]);
    assert_eq!(session.view().progress.percent, Some(35.7), "2.5 of 7");
    let other = pushed(
        minute(2),
        Fact::TaskReported(TaskReported {
            id: "task-9".to_owned(),
            status: Some("completed".to_owned()),
            ..TaskReported::default()
        }),
    );
    session.apply(&other);
    assert_eq!(
        session.view().progress.tasks_completed,
        Some(1),
        "the producer's count wins"
    );
}

#[test]
fn a_name_given_later_replaces_the_folders_name_once() {
    let mut session = session();
    assert_eq!(session.view().name, "weather-app");
    let named = |at, name: &str| {
        let mut event = phase_file(minute(at), report("Scout", "in_progress", &[]));
        event.subject = Subject {
            name: Some(name.to_owned()),
            ..subject()
        };
        event
    };
    session.apply(&named(1, "Wetter"));
    session.apply(&named(2, "Another"));
    assert_eq!(session.view().name, "Wetter");
    assert_eq!(session.view().working_directory.as_deref(), Some(PROJECT));
}

#[test]
fn an_unknown_field_that_moves_is_work() {
    let with = |count: u32| PhaseReported {
        extra: serde_json::Map::from_iter([("files_written".to_owned(), count.into())]),
        ..report("Builder", "building", &[])
    };
    let session = after(&[with(1), with(2)]);
    assert_eq!(session.view().last_work_at, Some(minute(2)));
    assert_eq!(phase_file(minute(1), with(1)).origin.kind, SourceKind::PhaseFile);
}

#[test]
fn at_first_sight_the_producers_times_are_shown_where_they_can_be_true() {
    let at = |started, updated| PhaseReported {
        started_at: Some(minute(started)),
        last_updated: Some(minute(updated)),
        ..report("Test", "completed", &["Scout", "Test"])
    };
    let seen = |fact| fold(&[old(phase_file(minute(0), fact), minute(-1))]);
    let sane = seen(at(-90, -60));
    let phase = &sane.view().phases["Test"];
    assert_eq!(
        (phase.started_at, phase.ended_at),
        (Some(minute(-90)), Some(minute(-60)))
    );
    assert_eq!(sane.view().phases["Scout"].ended_at, None, "nobody says when");
    let future = seen(at(90, 95));
    let phase = &future.view().phases["Test"];
    assert_eq!((phase.started_at, phase.ended_at), (None, Some(minute(-1))));
}

#[test]
fn the_first_phase_of_a_build_that_was_just_made_is_measured() {
    let made = old(phase_file(second(2), report("Scout", "starting", &[])), second(0));
    let mut session = fold(&[made]);
    session.apply(&phase_file(second(62), report("Feedback", "completed", &["Scout"])));
    assert_eq!(session.record().unwrap().phases["Scout"], 62_000);
}
