//! Checkpoints beside live data: live wins while fresh, the checkpoint is the fallback.

use forgecast_protocol::event::CheckpointReported;
use forgecast_protocol::session::{PhaseStatus, SourceOfState};
use forgecast_protocol::{Event, SessionStatus};

use crate::support::*;

fn live(seconds: i64) -> Event {
    phase_file(
        second(seconds),
        report("Test", "testing", &["Scout", "Architect", "Builder"]),
    )
}

fn saved(seconds: i64) -> Event {
    checkpoint_file(second(seconds), checkpoint("builder"))
}

#[test]
fn a_checkpoint_alone_shows_its_phase() {
    let fact = CheckpointReported {
        project: Some("weather".to_owned()),
        task: Some("show the weather".to_owned()),
        iterations: Some(3),
        notes: Some(vec!["slow".to_owned()]),
        ..checkpoint("architect")
    };
    let session = fold(&[checkpoint_file(minute(1), fact)]);
    let view = session.view();
    assert_eq!(view.source, SourceOfState::Checkpoint);
    assert_eq!(view.phase.as_ref().unwrap().name, "Architect");
    assert_eq!(status_of(view, "Scout"), PhaseStatus::Completed);
    assert_eq!(status_of(view, "Builder"), PhaseStatus::Pending);
    assert_eq!(view.task.as_deref(), Some("show the weather"));
    assert_eq!(view.progress.notes, ["slow"]);
}

#[test]
fn live_data_wins_while_it_is_fresh() {
    for (live_at, saved_at, expected) in [
        (100, 50, SourceOfState::Live),
        (100, 110, SourceOfState::Live),
        (100, 111, SourceOfState::Checkpoint),
    ] {
        let session = fold(&[live(live_at), saved(saved_at)]);
        assert_eq!(session.view().source, expected, "{live_at} {saved_at}");
        let swapped = fold(&[saved(saved_at), live(live_at)]);
        if expected == SourceOfState::Live {
            assert_eq!(swapped.view().source, expected);
        }
    }
}

#[test]
fn live_data_wins_again_when_it_moves() {
    let session = fold(&[live(100), saved(200), live(201)]);
    assert_eq!(session.view().source, SourceOfState::Live);
    assert_eq!(session.view().phase.as_ref().unwrap().name, "Test");
}

#[test]
fn the_same_checkpoint_again_changes_nothing() {
    let mut session = fold(&[saved(10)]);
    let before = session.view().clone();
    session.apply(&saved(500));
    assert_eq!(session.view(), &before);
}

#[test]
fn the_marker_completes_the_build_even_beside_live_data() {
    let done = CheckpointReported {
        complete: true,
        ..checkpoint("builder")
    };
    let session = fold(&[live(100), checkpoint_file(second(101), done)]);
    assert_eq!(session.view().status, SessionStatus::Completed);
    let word = fold(&[checkpoint_file(second(1), checkpoint("complete"))]);
    assert_eq!(
        word.view().status,
        SessionStatus::Completed,
        "the loop's own word for its end"
    );
    assert_eq!(status_of(word.view(), "Builder"), PhaseStatus::Completed);
}

#[test]
fn the_lists_of_a_checkpoint_are_tasks() {
    let lists = |done: &[&str], rest: &[&str]| {
        let owned = |list: &[&str]| Some(list.iter().map(|&text| text.to_owned()).collect());
        CheckpointReported {
            completed: owned(done),
            remaining: owned(rest),
            ..checkpoint("builder")
        }
    };
    let mut session = fold(&[checkpoint_file(minute(1), lists(&["a"], &["b", "c"]))]);
    let progress = &session.view().progress;
    assert_eq!((progress.tasks_completed, progress.tasks_total), (Some(1), Some(3)));
    assert_eq!(progress.tasks["b"].status, "pending");
    session.apply(&checkpoint_file(minute(2), lists(&["a", "b"], &[])));
    let progress = &session.view().progress;
    assert_eq!((progress.tasks_completed, progress.tasks_total), (Some(2), Some(2)));
    assert!(!progress.tasks.contains_key("c"));
}

#[test]
fn the_checkpoint_of_an_earlier_run_does_not_count() {
    let fact = forgecast_protocol::event::PhaseReported {
        started_at: Some(minute(-60)),
        ..report("Builder", "building", &["Scout"])
    };
    let phase = old(phase_file(minute(0), fact), minute(-5));
    let done = CheckpointReported {
        complete: true,
        ..checkpoint("complete")
    };
    let stale = old(checkpoint_file(minute(0), done), minute(-600));
    let first = fold(&[phase.clone(), stale.clone()]);
    let second = fold(&[stale, phase]);
    for session in [&first, &second] {
        assert_eq!(session.view().status, SessionStatus::Running);
        assert_eq!(session.view().source, SourceOfState::Live);
    }
    assert_eq!(first.view().phases, second.view().phases);
}

#[test]
fn a_finished_loop_that_begins_again_is_a_new_run() {
    let done = CheckpointReported {
        complete: true,
        iterations: Some(5),
        ..checkpoint("complete")
    };
    let session = fold(&[checkpoint_file(minute(1), done)]);
    let again = CheckpointReported {
        iterations: Some(1),
        ..checkpoint("scout")
    };
    assert!(session.begins_new_run(&checkpoint_file(minute(5), again)));
    assert!(!session.begins_new_run(&checkpoint_file(minute(5), checkpoint("builder"))));
}
