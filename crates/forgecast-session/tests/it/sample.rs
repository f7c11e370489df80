//! A build as a real one left its folder: the phase file stopped at Test, the summary says that all was completed, the
//! feedback is of another day, the pattern library is older than the build.

use forgecast_protocol::event::{ArtifactKind, PatternRecorded, PhaseReported, TestBasis, ToolUsed, WaitingEnded};
use forgecast_protocol::session::{PhaseStatus, WaitingFor};
use forgecast_protocol::{Event, Fact, SessionStatus, Timestamp};
use forgecast_session::Session;

use crate::support::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The facts of the first scan, the phase file first as ingest reads them.
fn first_scan() -> Vec<Event> {
    let now = time("2026-11-21T12:00:00Z");
    let modified = time("2026-11-20T08:00:00Z");
    let feedback = ".context-foundry/feedback/build-feedback-2025-10-18.json";
    let library = ".context-foundry/patterns/common-issues.json";
    let phase = PhaseReported {
        phase_number: Some("4/7".to_owned()),
        detail: Some("All tests passed successfully".to_owned()),
        test_iteration: Some(1),
        started_at: Some(time("2025-01-13T00:30:00Z")),
        last_updated: Some(time("2025-01-13T00:35:00Z")),
        ..report(
            "Test",
            "completed",
            &["Codebase Analysis", "Scout", "Architect", "Builder", "Test"],
        )
    };
    let mut end = completion(Some(true));
    end.status = Some("completed".to_owned());
    end.completed_at = Some(time("2025-01-13T10:55:00Z"));
    let done = [
        "Codebase Analysis",
        "Scout",
        "Architect",
        "Builder",
        "Test",
        "Deploy",
        "Feedback",
    ];
    end.phases_completed = Some(done.map(str::to_owned).to_vec());
    let pattern = |id: &str| {
        Fact::PatternRecorded(PatternRecorded {
            id: id.to_owned(),
            ..PatternRecorded::default()
        })
    };
    let ancient = time("2024-01-01T00:00:00Z");
    let mut events: Vec<Event> = vec![
        old(phase_file(now, phase), modified),
        old(summary(now, end), modified),
        old(
            artifact_fact(SUMMARY, now, tests(None, [60, 55, 5], TestBasis::Summary)),
            modified,
        ),
        old(
            artifact_fact(REPORT, now, tests(Some(1), [60, 60, 0], TestBasis::Report)),
            modified,
        ),
        old(artifact_fact(feedback, now, decision("cors-es6-modules")), modified),
        old(artifact_fact(library, now, pattern("cors")), ancient),
        old(artifact_fact(library, now, pattern("paths")), ancient),
    ];
    events.push(old(
        artifact_fact(SUMMARY, now, artifact(SUMMARY, ArtifactKind::Summary, 1800, modified)),
        modified,
    ));
    events.push(old(
        artifact_fact(library, now, artifact(library, ArtifactKind::Patterns, 900, ancient)),
        ancient,
    ));
    events
}

fn scanned(events: &[Event]) -> Session {
    let mut session = Session::new(id(), &subject(), events[0].at);
    events.iter().for_each(|event| session.apply(event));
    session
}

#[test]
fn the_summary_has_the_verdict_and_the_phase_file_the_phases() {
    let session = scanned(&first_scan());
    let view = session.view();
    assert_eq!(view.status, SessionStatus::Completed);
    assert_eq!(view.ended_at, Some(time("2025-01-13T10:55:00Z")));
    assert_eq!(view.started_at, Some(time("2025-01-13T00:30:00Z")));
    assert_eq!(view.progress.percent, Some(100.0));
    let completed = view
        .phases
        .values()
        .filter(|phase| phase.status == PhaseStatus::Completed);
    assert_eq!(completed.count(), 5);
    let tests = view.tests.as_ref().unwrap();
    let result = tests.summary.as_ref().unwrap();
    assert_eq!(
        (result.total, result.passed, result.failed, result.source),
        (Some(60), Some(55), Some(5), TestBasis::Summary)
    );
    assert_eq!(tests.iterations[&1].passed, Some(60));
    assert_eq!(view.decisions.as_ref().unwrap().total, 1);
    assert_eq!(view.patterns.len(), 2);
    assert_eq!(view.artifacts.len(), 2);
    assert_eq!(
        view.last_work_at,
        Some(time("2026-11-20T08:00:00Z")),
        "the file's time, not now"
    );
    let row = session.row();
    let row_tests = row.tests.unwrap();
    assert_eq!((row_tests.passed, row_tests.failed), (Some(55), Some(5)));
}

#[test]
fn the_order_of_the_first_scan_does_not_matter() {
    let forward = first_scan();
    let view = scanned(&forward).view().clone();
    for shift in 1..forward.len() {
        let mut rotated = forward.clone();
        rotated.rotate_left(shift);
        assert_eq!(scanned(&rotated).view(), &view, "begun with event {shift}");
    }
    let backward: Vec<Event> = forward.into_iter().rev().collect();
    assert_eq!(scanned(&backward).view(), &view);
}

#[test]
fn touching_the_feedback_adds_no_decision() {
    let mut session = scanned(&first_scan());
    let before = session.view().decisions.clone();
    let feedback = ".context-foundry/feedback/build-feedback-2025-10-18.json";
    for minutes in 0..3 {
        let at = time("2026-11-21T13:00:00Z").plus_millis(minutes * 60_000);
        session.apply(&artifact_fact(feedback, at, decision("cors-es6-modules")));
    }
    assert_eq!(session.view().decisions, before);
}

/// What an earlier fold stored: the events that it folded, and the sessions that it made of them.
fn stored_by_an_earlier_fold() -> serde_json::Value {
    serde_json::from_str(include_str!("../fixtures/fold-3.json")).unwrap()
}

#[test]
fn a_session_that_an_earlier_fold_stored_goes_on() {
    let stored = stored_by_an_earlier_fold();
    let events: Vec<Event> = serde_json::from_value(stored["events"].clone()).unwrap();
    let mut build = stored["build"].clone();
    // The earlier fold called it "round 3 of the loop".
    build["view"]["phase"]["detail"] = "Iteration 3".into();
    // Beside the checkpoint's phase, it still showed words of the phase file that had aged.
    let phase = build["view"]["phase"].as_object_mut().unwrap();
    phase.retain(|field, _| !["number", "total"].contains(&field.as_str()));
    build["view"].as_object_mut().unwrap().remove("status_word");
    // Nor did it show how many calls each source told of.
    for source in build["view"]["usage"]["by_source"]
        .as_object_mut()
        .unwrap()
        .values_mut()
    {
        source["calls"] = 1.into();
    }
    let mut read: Session = serde_json::from_value(build).unwrap();
    let mut folded = fold(&events);
    assert_eq!(read.view(), folded.view());
    let mut row = serde_json::to_value(folded.row()).unwrap();
    assert_eq!(row["attention"]["text"], "asks leave to use Bash");
    row.as_object_mut().unwrap().remove("attention");
    let mut stored_row = stored["row"].clone();
    stored_row["phase"] = serde_json::json!({"name": "Builder"});
    assert_eq!(row, stored_row);
    // The boundary, the tests' sources, the counted decisions, the lists of tasks: all is remembered.
    for event in [
        old(
            artifact_fact(REPORT, minute(13), tests(Some(2), [1, 1, 0], TestBasis::Report)),
            minute(-600),
        ),
        artifact_fact(".context-foundry/feedback/b.json", minute(14), decision("paths")),
        checkpoint_file(minute(15), checkpoint("architect")),
        phase_file(
            minute(16),
            report("Test", "testing", &["Scout", "Architect", "Builder"]),
        ),
    ] {
        read.apply(&event);
        folded.apply(&event);
        assert_eq!(read.view(), folded.view(), "{event:?}");
    }
    let agent: Session = serde_json::from_value(stored["agent_session"].clone()).unwrap();
    assert_eq!(agent.view().status, SessionStatus::Completed);
    assert_eq!(agent.view().name, "Fix the map");
}

#[test]
fn what_fold_4_stored_of_agents_goes_on_and_its_wait_ends() {
    let stored: serde_json::Value = serde_json::from_str(include_str!("../fixtures/fold-4.json")).unwrap();
    let events: Vec<Event> = serde_json::from_value(stored["events"].clone()).unwrap();
    let mut read: Session = serde_json::from_value(stored["build"].clone()).unwrap();
    let mut folded = fold(&events);
    assert_eq!(read.view(), folded.view());
    assert_eq!(serde_json::to_value(folded.row()).unwrap(), stored["row"]);
    // The stored state does not say which agent waits; this is the answer in any case.
    let answer = Fact::ToolUsed(ToolUsed {
        tool: "Bash".to_owned(),
        use_id: Some("toolu_k3".to_owned()),
        success: Some(true),
        ..ToolUsed::default()
    });
    let mut answer = from_transcript(minute(12), answer);
    answer.subject = events.last().unwrap().subject.clone();
    for session in [&mut read, &mut folded] {
        session.apply(&answer);
        assert_eq!(session.view().status, SessionStatus::Running);
    }
    assert_eq!(read.view(), folded.view());
    let mut agent: Session = serde_json::from_value(stored["agent_session"].clone()).unwrap();
    assert_eq!(agent.view().waiting_for, Some(WaitingFor::Prompt));
    agent.apply(&from_transcript(
        minute(13),
        Fact::WaitingEnded(WaitingEnded::default()),
    ));
    assert_eq!(agent.view().status, SessionStatus::Running);
}
