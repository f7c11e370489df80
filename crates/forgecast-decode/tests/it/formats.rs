//! What each kind of file gives, in full.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::{CheckpointPart, Decoded, Format, checkpoint, decode};
use forgecast_protocol::event::ArtifactKind;

fn read(path: &str, text: &str) -> Decoded {
    let format = Format::of(path).unwrap();
    decode(&format, path, text.as_bytes(), &Cleaner::default()).unwrap()
}

#[test]
fn a_path_tells_the_format() {
    let of = |path: &str| Format::of(path);
    assert_eq!(of(".context-foundry/current-phase.json"), Some(Format::Phase));
    assert_eq!(
        of("deep/app/.context-foundry/session-summary.json"),
        Some(Format::Summary)
    );
    assert_eq!(
        of(".context-foundry/test-results-iteration-12.md"),
        Some(Format::TestReport { iteration: Some(12) })
    );
    assert_eq!(
        of(".context-foundry/test-final-report.md"),
        Some(Format::TestReport { iteration: None })
    );
    assert_eq!(of(".context-foundry/test-iteration-count.txt"), Some(Format::TestCount));
    assert_eq!(
        of(".context-foundry/feedback/build-feedback-2025.json"),
        Some(Format::Feedback)
    );
    assert_eq!(
        of(".context-foundry/patterns/common-issues.json"),
        Some(Format::Patterns)
    );
    assert_eq!(of(".context-foundry/build-tasks.json"), Some(Format::BuildTasks));
    assert_eq!(
        of(".context-foundry/architecture.md"),
        Some(Format::Other(ArtifactKind::Document))
    );
    assert_eq!(
        of(".context-foundry/screenshots/hero.png"),
        Some(Format::Other(ArtifactKind::Other))
    );
    assert_eq!(of(".context-foundry/build-output-3.txt"), Some(Format::Log));
    assert_eq!(of("app-1/state.json"), Some(Format::Checkpoint(CheckpointPart::State)));
    assert_eq!(
        of("app-1/progress.json"),
        Some(Format::Checkpoint(CheckpointPart::Progress))
    );
    assert_eq!(of("app-1/COMPLETE"), Some(Format::Checkpoint(CheckpointPart::Complete)));
    assert_eq!(of("ralph_1/session.jsonl"), Some(Format::Log));
    assert_eq!(of("events/app-1/events.jsonl"), Some(Format::EventsJsonl));
    for path in [
        "",
        "/",
        "src/main.rs",
        "package.json",
        ".context-foundry/",
        ".context-foundry/.current-phase.json.swp",
        ".context-foundry/current-phase.json.tmp",
        ".context-foundry/current-phase.json~",
        "x.context-foundry/current-phase.json",
    ] {
        assert_eq!(of(path), None, "{path}");
    }
}

#[test]
fn a_phase_file_gives_a_phase() {
    let decoded = read(
        ".context-foundry/current-phase.json",
        r#"{"session_id":"weather-app","current_phase":"Test Loop","phase_number":"4.5/8","status":"self-healing",
            "progress_detail":"<b>Round</b> \u001b[31m2\u001b[0m","test_iteration":"2","phases_completed":["Scout","Architect"],
            "started_at":"2025-01-13T01:30:00+01:00","last_updated":1736728500,"tasks_completed":["a","b"],"total_tasks":9,
            "parallel_execution":true}"#,
    );
    insta::assert_json_snapshot!(decoded.facts);
    assert_eq!(decoded.name.as_deref(), Some("weather-app"));
    assert_eq!(decoded.bad_fields, []);
}

#[test]
fn a_summary_gives_an_end_and_the_results_of_the_tests() {
    let decoded = read(
        ".context-foundry/session-summary.json",
        r#"{"session_id":"weather-app","task":"Build a weather app","status":"completed","phases_completed":["Scout","Builder"],
            "tests_passed":true,"total_tests":60,"tests_passing":"55","tests_failing":5.0,"duration_minutes":"12.5",
            "github_url":"https://example.com/dev/weather-app","evil_url":"javascript:alert(1)","pr_url":null,
            "completed_at":"2025-01-13T10:55:00Z"}"#,
    );
    insta::assert_json_snapshot!(decoded.facts);
    assert_eq!(decoded.dated.unwrap().to_string(), "2025-01-13T10:55:00.000Z");
    insta::assert_snapshot!(format!("{:?}", decoded.bad_fields));
}

#[test]
fn a_summary_whose_word_says_neither_ends_nothing() {
    for (status, success) in [
        ("completed", Some(true)),
        ("SUCCESS", Some(true)),
        ("timed_out", Some(false)),
        ("failed", Some(false)),
        ("in_progress", None),
        ("partial", None),
    ] {
        let decoded = read(
            ".context-foundry/session-summary.json",
            &format!("{{\"status\":\"{status}\"}}"),
        );
        let [forgecast_protocol::Fact::CompletionReported(end)] = &decoded.facts[..] else {
            panic!("{decoded:?}")
        };
        assert_eq!(end.success, success, "{status}");
    }
}

#[test]
fn feedback_gives_one_decision_per_issue_and_its_patterns() {
    let decoded = read(
        ".context-foundry/feedback/build-feedback-1.json",
        r#"{"timestamp":"2025-10-18T22:30:00Z","issues_found":[
            {"id":"cors","category":"Testing","severity":"HIGH","issue":"Stuck at the loading screen","root_cause":"No server",
             "detected_in_phase":"Manual","should_detect_in_phase":"Test","solution_implemented":{"a":"Added a server","b":["x","y"]},
             "applies_to_phases":["Scout"],"confidence":"HIGH - clear"},
            {"issue":"No id here"},{"id":"cors","issue":"Again"},"not an issue"],
            "successful_patterns":[{"pattern":"Small modules","worked_well":true},{}]}"#,
    );
    insta::assert_json_snapshot!(decoded.facts);
    let bad: Vec<&str> = decoded.bad_fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        bad,
        [
            "issues_found[3]",
            "issues_found[2].id",
            "successful_patterns[1].pattern"
        ]
    );
}

#[test]
fn a_library_gives_patterns_and_a_list_gives_tasks() {
    let decoded = read(
        ".context-foundry/patterns/common-issues.json",
        r#"{"patterns":[{"pattern_id":"cors","title":"CORS","severity":"HIGH","frequency":2,"times_prevented":"1"},
            {"title":"Only a Title!"},{"pattern_id":"x","frequency":"often"},{}]}"#,
    );
    insta::assert_json_snapshot!(decoded.facts);
    assert_eq!(decoded.bad_fields.len(), 2);

    let decoded = read(
        ".context-foundry/build-tasks.json",
        r#"{"parallel_mode":true,"total_tasks":2,"tasks":[{"id":"task-1","description":"First","files":["a.py"],"dependencies":[],
            "estimated_time":"30 minutes"},{"description":"Second","dependencies":["task-1"],"estimated_time":45},{"id":"task-1"}]}"#,
    );
    insta::assert_json_snapshot!(decoded.facts);
    assert_eq!(decoded.bad_fields.len(), 1);
}

#[test]
fn the_files_of_a_checkpoint_make_one_fact() {
    let state = br#"{"session_id":"app-1","project_name":"weather","task_description":"Build it","current_phase":"builder","iterations":3,
        "start_time":"2025-01-13T00:30:00Z","last_iteration_time":"2025-01-13T01:30:00Z","artifacts":{},"last_phase":"architect",
        "working_directory":"/home/dev/weather"}"#;
    let progress = br#"{"completed":["One",{"task":"Two"}],"remaining":["Three"],"notes":["a note"]}"#;
    let cleaner = Cleaner::default();
    let parts: &[(CheckpointPart, &[u8])] = &[
        (CheckpointPart::State, state),
        (CheckpointPart::Progress, progress),
        (CheckpointPart::Complete, b""),
    ];
    let (decoded, failed) = checkpoint::together(parts, &cleaner);
    assert!(failed.is_empty());
    assert_eq!(
        (decoded.name.as_deref(), decoded.working_directory.as_deref()),
        (Some("app-1"), Some("/home/dev/weather"))
    );
    insta::assert_json_snapshot!(decoded.facts);

    let (decoded, failed) = checkpoint::together(&[parts[0], (CheckpointPart::Progress, b"{\"comp")], &cleaner);
    assert_eq!((decoded.facts.len(), failed.len()), (1, 1));
    assert!(failed[0].1.is_truncated());
}
