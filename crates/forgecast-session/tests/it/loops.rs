//! The loop runner: each iteration is a process that broadcasts `init` and perhaps the name of its phase, while the
//! checkpoint says where the loop is. Whoever knows more counts, and of two that know as much the newer one.

use forgecast_protocol::event::{CheckpointReported, Custom, PhaseReported, Quiet};
use forgecast_protocol::session::{PhaseStatus, SourceOfState};
use forgecast_protocol::{Event, Fact, SessionStatus};
use forgecast_session::{Limits, Session};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::*;

/// A phase as the broadcaster sends it: its name and how full the context is.
fn broadcast(seconds: i64, phase: &str) -> Event {
    let fact = PhaseReported {
        phase: Some(phase.to_owned()),
        context_percent: Some(12.0),
        ..PhaseReported::default()
    };
    pushed(second(seconds), Fact::PhaseReported(fact))
}

fn round(seconds: i64, iteration: u32) -> Event {
    let fact = Custom {
        kind: "iteration_start".to_owned(),
        data: serde_json::json!({"iteration": iteration}),
    };
    pushed(second(seconds), Fact::Custom(fact))
}

fn saved(seconds: i64, phase: &str, iterations: u32, tasks: [&[&str]; 2]) -> Event {
    let list = |tasks: &[&str]| Some(tasks.iter().map(|&task| task.to_owned()).collect());
    let fact = CheckpointReported {
        iterations: Some(iterations),
        completed: list(tasks[0]),
        remaining: list(tasks[1]),
        ..checkpoint(phase)
    };
    checkpoint_file(second(seconds), fact)
}

fn shown(session: &Session) -> (&str, SessionStatus, Option<f64>, Option<u32>) {
    let view = session.view();
    let phase = view.phase.as_ref().map_or("-", |phase| phase.name.as_str());
    (phase, view.status, view.progress.percent, view.progress.rounds)
}

#[test]
fn a_loop_is_shown_as_it_is_at_each_step() {
    use SessionStatus::{Completed, Running};
    let steps = [
        (broadcast(1, "init"), ("-", Running, None, None)),
        (round(2, 1), ("-", Running, None, Some(1))),
        (saved(3, "scout", 0, [&[], &[]]), ("Scout", Running, Some(0.0), Some(1))),
        (broadcast(4, "scout"), ("Scout", Running, Some(0.0), Some(1))),
        (
            saved(60, "architect", 1, [&[], &[]]),
            ("Architect", Running, Some(33.3), Some(1)),
        ),
        (broadcast(61, "init"), ("Architect", Running, Some(33.3), Some(1))),
        (round(62, 2), ("Architect", Running, Some(33.3), Some(2))),
        (broadcast(63, "architect"), ("Architect", Running, Some(33.3), Some(2))),
        (
            saved(64, "builder", 2, [&[], &["a", "b"]]),
            ("Builder", Running, Some(66.7), Some(2)),
        ),
        (broadcast(65, "init"), ("Builder", Running, Some(66.7), Some(2))),
        (round(66, 3), ("Builder", Running, Some(66.7), Some(3))),
        (
            saved(67, "builder", 3, [&["a"], &["b"]]),
            ("Builder", Running, Some(83.3), Some(3)),
        ),
        (broadcast(68, "complete"), ("Builder", Running, Some(83.3), Some(3))),
        (broadcast(69, "init"), ("Builder", Running, Some(83.3), Some(3))),
        (
            saved(70, "complete", 4, [&["a", "b"], &[]]),
            ("Builder", Completed, Some(100.0), Some(4)),
        ),
        (broadcast(71, "complete"), ("Builder", Completed, Some(100.0), Some(4))),
    ];
    let mut session = session();
    for (step, expected) in steps {
        session.apply(&step);
        assert_eq!(shown(&session), expected, "{step:?}");
        let view = session.view();
        let is_of_loop = |name: &String| ["Scout", "Architect", "Builder"].contains(&name.as_str());
        assert!(view.phases.keys().all(is_of_loop), "{:?}", view.phases);
        if view.phase.is_some() {
            assert_eq!(view.source, SourceOfState::Checkpoint);
        }
    }
}

#[test]
fn a_broadcaster_alone_is_believed_about_the_end() {
    let mut session = fold(&[broadcast(1, "init"), broadcast(2, "builder"), broadcast(3, "complete")]);
    assert_eq!(
        shown(&session),
        ("Builder", SessionStatus::Completed, Some(100.0), None)
    );
    // A process that begins afterwards is no phase, and no other run by itself.
    assert!(!session.begins_new_run(&broadcast(4, "init")));
    session.apply(&broadcast(4, "init"));
    assert_eq!(session.view().status, SessionStatus::Completed);
}

#[test]
fn the_end_that_a_phase_file_names_is_that_of_the_build() {
    let done = ["Scout", "Architect", "Builder"];
    let file = |phase: &str, status: &str| phase_file(minute(2), report(phase, status, &done));
    let session = fold(&[file("Test", "completed"), file("Complete", "completed")]);
    assert_eq!(session.view().status, SessionStatus::Completed);
    assert!(!session.view().phases.contains_key("Complete"));
    let session = fold(&[file("Test", "failed"), file("Complete", "completed")]);
    assert_eq!(session.view().status, SessionStatus::Failed);
}

#[test]
fn a_checkpoint_that_is_marked_ends_the_build_well_whatever_failed_on_the_way() {
    for aged in [0, 60] {
        let failed = phase_file(
            second(100),
            report("Test", "failed", &["Scout", "Architect", "Builder"]),
        );
        let session = fold(&[failed, saved(101 + aged, "complete", 4, [&["a"], &[]])]);
        let view = session.view();
        // While the phase file is fresh, its word stands; a marker of the loop's would count at once.
        let expected = if aged > 0 {
            SessionStatus::Completed
        } else {
            SessionStatus::Failed
        };
        assert_eq!(view.status, expected, "{aged}");
    }
}

#[test]
fn live_data_that_ages_yields_to_a_newer_checkpoint_with_all_its_words() {
    let live = PhaseReported {
        phase_number: Some("1/7".to_owned()),
        detail: Some("looking around".to_owned()),
        ..report("Scout", "researching", &[])
    };
    let events = [
        phase_file(second(100), live.clone()),
        saved(105, "builder", 2, [&[], &["a"]]),
    ];
    let mut session = fold(&events);
    assert_eq!(session.view().phase.as_ref().unwrap().name, "Scout");
    let deadline = session.next_deadline(&Limits::default()).unwrap();
    assert_eq!(
        (deadline.quiet, deadline.since, deadline.at),
        (Quiet::Aged, second(100), second(110))
    );
    // Renewed meanwhile, it goes on to count.
    let mut renewed = session.clone();
    let again = PhaseReported {
        detail: Some("still looking".to_owned()),
        ..live
    };
    renewed.apply(&phase_file(second(106), again.clone()));
    renewed.apply(&quiet(deadline.at, deadline.quiet, deadline.since));
    assert_eq!(renewed.view().source, SourceOfState::Live);

    session.apply(&quiet(deadline.at, deadline.quiet, deadline.since));
    let view = session.view();
    let phase = view.phase.as_ref().unwrap();
    assert_eq!(view.source, SourceOfState::Checkpoint);
    assert_eq!(
        (phase.name.as_str(), phase.detail.as_deref()),
        ("Builder", Some("Iteration 2"))
    );
    assert_eq!((&phase.number, &view.status_word), (&None, &None));
    assert_ne!(session.next_deadline(&Limits::default()).unwrap().quiet, Quiet::Aged);
    session.apply(&phase_file(second(111), again));
    assert_eq!(session.view().source, SourceOfState::Live);
}

/// One step of a loop that goes on as loops do: what the process says, and what it saves.
fn step() -> impl Strategy<Value = Vec<&'static str>> {
    vec(select(vec!["init", "round", "name", "save", "complete"]), 1..8)
}

proptest! {
    #[test]
    fn a_loop_has_three_phases_and_never_falls_back(steps in vec(step(), 3)) {
        let mut session = session();
        let mut seconds = 0;
        let mut percent = 0.0;
        for (phase, words) in ["scout", "architect", "builder"].into_iter().zip(&steps) {
            // At the latest when a phase is over the loop has saved it.
            for word in words.iter().chain(&["save"]) {
                seconds += 1;
                session.apply(&match *word {
                    "round" => round(seconds, u32::try_from(seconds).unwrap()),
                    "name" => broadcast(seconds, phase),
                    "save" => saved(seconds, phase, 1, [&[], &["a"]]),
                    word => broadcast(seconds, word),
                });
                let view = session.view();
                let known = view.progress.percent.unwrap_or_default();
                let is_over = view.status == SessionStatus::Completed;
                prop_assert!(known >= percent, "{known} after {percent}: {word}");
                percent = known;
                // Before anything is saved, the process's own word for the end is all there is.
                if is_over {
                    return Ok(());
                }
            }
            let view = session.view();
            prop_assert_eq!(view.phases.len(), 3);
            prop_assert_eq!(&view.phase.as_ref().unwrap().name.to_lowercase(), phase);
        }
        session.apply(&saved(seconds + 1, "complete", 9, [&["a"], &[]]));
        prop_assert_eq!(session.view().status, SessionStatus::Completed);
        let all = session.view().phases.values();
        prop_assert!(all.into_iter().all(|phase| phase.status == PhaseStatus::Completed));
    }
}
