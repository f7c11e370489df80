//! Whose run a file's facts are: nothing removes an old run's files.

use forgecast_protocol::event::{ArtifactKind, PhaseReported, TaskReported, TestBasis};
use forgecast_protocol::{Event, Fact, SessionStatus, SourceKind};

use crate::support::*;

/// A phase file found at minute 0 whose run began an hour before.
fn running() -> Event {
    let fact = PhaseReported {
        started_at: Some(minute(-60)),
        ..report("Builder", "building", &["Scout", "Architect"])
    };
    old(phase_file(minute(0), fact), minute(-5))
}

/// Everything that an earlier run left, two hours old by the summary's own date.
fn leftovers() -> Vec<Event> {
    let mut end = completion(Some(true));
    end.completed_at = Some(minute(-120));
    let copied = minute(-1);
    let left = minute(-120);
    vec![
        old(
            artifact_fact(SUMMARY, minute(0), tests(None, [9, 9, 0], TestBasis::Summary)),
            copied,
        ),
        old(summary(minute(0), end), copied),
        old(
            artifact_fact(REPORT, minute(0), tests(Some(1), [9, 8, 1], TestBasis::Report)),
            left,
        ),
        old(artifact_fact("feedback.json", minute(0), decision("old")), left),
        old(
            artifact_fact(
                "build-log.md",
                minute(0),
                artifact("build-log.md", ArtifactKind::Document, 5, left),
            ),
            left,
        ),
        old(
            artifact_fact(
                "build-tasks.json",
                minute(0),
                Fact::TaskReported(TaskReported {
                    id: "task-1".to_owned(),
                    ..TaskReported::default()
                }),
            ),
            left,
        ),
    ]
}

#[test]
fn what_an_earlier_run_left_does_not_count() {
    let mut events = vec![running()];
    events.extend(leftovers());
    let session = fold(&events);
    let view = session.view();
    assert_eq!(view.status, SessionStatus::Running);
    assert_eq!((&view.tests, &view.decisions), (&None, &None));
    assert!(view.artifacts.is_empty() && view.progress.tasks.is_empty());
    assert_eq!(view.last_work_at, Some(minute(-5)));
}

#[test]
fn what_an_earlier_run_left_is_taken_back_when_the_phase_file_comes_later() {
    let mut events = leftovers();
    let before = fold(&events);
    assert_eq!(before.view().status, SessionStatus::Completed, "all there is says so");
    events.push(running());
    let late = fold(&events);
    events.rotate_right(1);
    let first = fold(&events);
    assert_eq!(late.view().status, first.view().status);
    assert_eq!(late.view().tests, first.view().tests);
    assert_eq!(late.view().decisions, first.view().decisions);
    assert_eq!(late.view().artifacts, first.view().artifacts);
    assert_eq!(late.view().progress, first.view().progress);
    assert_eq!(late.view().phases, first.view().phases);
    assert_eq!(late.view().ended_at, None);
}

#[test]
fn a_files_own_date_counts_before_the_file_systems() {
    let mut end = completion(Some(true));
    end.completed_at = Some(minute(-30));
    let untouched = old(summary(minute(0), end), minute(-9999));
    assert_eq!(fold(&[running(), untouched]).view().status, SessionStatus::Completed);
}

#[test]
fn what_changes_under_our_eyes_counts_whatever_date_it_claims() {
    let mut end = completion(Some(true));
    end.completed_at = Some(minute(-9999));
    let rewritten = summary(minute(3), end.clone());
    assert_eq!(fold(&[running(), rewritten]).view().status, SessionStatus::Completed);
    let made = old(summary(minute(3), end), minute(2));
    assert_eq!(fold(&[running(), made]).view().status, SessionStatus::Completed);
}

#[test]
fn without_a_beginning_a_day_before_the_phase_file_is_the_limit() {
    let no_start = old(phase_file(minute(0), report("Builder", "building", &[])), minute(-5));
    let a_day = 24 * 60;
    for (modified, counts) in [(minute(-5 - a_day), true), (minute(-6 - a_day), false)] {
        let note = artifact_fact(
            "notes.md",
            minute(0),
            artifact("notes.md", ArtifactKind::Document, 5, modified),
        );
        let session = fold(&[no_start.clone(), old(note, modified)]);
        assert_eq!(session.view().artifacts.contains_key("notes.md"), counts);
    }
}

#[test]
fn a_file_system_with_a_coarse_or_late_clock_makes_no_file_older_than_its_run() {
    let begun = minute(-60).plus_millis(737);
    let fact = PhaseReported {
        started_at: Some(begun),
        ..report("Builder", "building", &[])
    };
    let phase = old(phase_file(minute(0), fact), minute(-5));
    for (behind, counts) in [
        (0, true),
        (4, true),
        (10, true),
        (11, false),
        (737, true),
        (738, false),
        (1_737, false),
    ] {
        let modified = begun.plus_millis(-behind);
        let note = artifact("notes.md", ArtifactKind::Document, 5, modified);
        let note = old(artifact_fact("notes.md", minute(0), note), modified);
        let session = fold(&[phase.clone(), note]);
        assert_eq!(
            session.view().artifacts.contains_key("notes.md"),
            counts,
            "{behind} ms behind"
        );
    }
}

#[test]
fn a_beginning_in_the_future_is_no_beginning() {
    let fact = PhaseReported {
        started_at: Some(minute(500)),
        ..report("Builder", "building", &[])
    };
    let phase = old(phase_file(minute(0), fact), minute(-5));
    let note = artifact_fact(
        "notes.md",
        minute(0),
        artifact("notes.md", ArtifactKind::Document, 5, minute(-9)),
    );
    let session = fold(&[phase, old(note, minute(-9))]);
    assert!(session.view().artifacts.contains_key("notes.md"));
    assert_eq!(session.view().started_at, None);
}

#[test]
fn history_that_states_no_end_has_ended_at_a_time_that_nobody_knows() {
    let brought_over = |completed_at| {
        let mut end = completion(Some(true));
        end.completed_at = completed_at;
        let mut event = pushed(minute(5), Fact::CompletionReported(end));
        event.origin.kind = SourceKind::History;
        fold(&[event])
    };
    let undated = brought_over(None);
    assert_eq!(
        (undated.view().status, undated.view().ended_at),
        (SessionStatus::Completed, None)
    );
    let dated = brought_over(Some(minute(-60)));
    assert_eq!(
        (dated.view().status, dated.view().ended_at),
        (SessionStatus::Completed, Some(minute(-60)))
    );
    // What happens while it is followed happens now.
    let followed = fold(&[pushed(minute(5), Fact::CompletionReported(completion(Some(true))))]);
    assert_eq!(followed.view().ended_at, Some(minute(5)));
}
