//! F13: one wrong field is named and costs that field; everything beside it is kept.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::{CheckpointPart, Decoded, Format, decode};
use forgecast_protocol::event::Fact;
use serde_json::{Map, Value, json};

/// Texts of JSON values that no producer should write and some will.
const HOSTILE: [&str; 25] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e999",
    "-1e400",
    "99999999999999999999",
    "\"\"",
    "\" \"",
    "\"abc\"",
    "\"\\u0000\\u001b[31m\\u202e\"",
    "\"<script>alert(1)</script>\"",
    "\"../../etc/passwd\"",
    "\"\\ud800\"",
    "\"4/7\"",
    "\"2025-99-99T99:99:99Z\"",
    "\"NaN\"",
    "[]",
    "[null]",
    "[[[]]]",
    "{}",
    "{\"__proto__\":{\"a\":1}}",
    "[1,\"a\",{\"b\":[true]}]",
];

fn phase() -> (Format, Value, &'static [&'static str]) {
    let value = json!({
        "session_id": "weather-app", "current_phase": "Test", "phase_number": "4/7", "status": "testing",
        "progress_detail": "Round 2", "test_iteration": 2, "phases_completed": ["Scout", "Architect"],
        "started_at": "2025-01-13T00:30:00Z", "last_updated": "2025-01-13T00:35:00Z", "context_percent": 42.5,
    });
    let names = &[
        "session_id",
        "current_phase",
        "phase_number",
        "status",
        "progress_detail",
        "test_iteration",
        "phases_completed",
        "started_at",
        "last_updated",
        "context_percent",
    ];
    (Format::Phase, value, names)
}

fn summary() -> (Format, Value, &'static [&'static str]) {
    let value = json!({
        "status": "completed", "phases_completed": ["Scout"], "tests_passed": true, "total_tests": 60, "tests_passing": 55,
        "tests_failing": 5, "duration_minutes": 55, "github_url": "https://example.com/x", "completed_at": "2025-01-13T10:55:00Z",
        "task": "Build it",
    });
    let names = &[
        "status",
        "phases_completed",
        "tests_passed",
        "total_tests",
        "tests_passing",
        "tests_failing",
        "duration_minutes",
        "github_url",
        "completed_at",
        "task",
    ];
    (Format::Summary, value, names)
}

fn checkpoint() -> (Format, Value, &'static [&'static str]) {
    let value = json!({
        "session_id": "weather-app", "project_name": "weather", "task_description": "Build it", "current_phase": "builder",
        "iterations": 3, "start_time": "2025-01-13T00:30:00", "last_iteration_time": "2025-01-13T01:30:00",
        "last_phase": "architect", "working_directory": "/home/dev/weather", "notes": ["one"],
    });
    let names = &[
        "session_id",
        "project_name",
        "task_description",
        "current_phase",
        "iterations",
        "start_time",
        "last_iteration_time",
        "last_phase",
        "working_directory",
        "notes",
    ];
    (Format::Checkpoint(CheckpointPart::State), value, names)
}

/// The fields of a decoded document that are not in `but`, by name; compared as JSON.
fn shape(decoded: &Decoded) -> Map<String, Value> {
    let mut shape = Map::new();
    for (index, fact) in decoded.facts.iter().enumerate() {
        let Value::Object(fields) = serde_json::to_value(fact).unwrap() else {
            panic!("a fact is an object")
        };
        shape.extend(
            fields
                .into_iter()
                .map(|(name, value)| (format!("{index}.{name}"), value)),
        );
    }
    shape.insert("name".to_owned(), json!(decoded.name));
    shape
}

/// How many of the entries differ.
fn differences(one: &Map<String, Value>, other: &Map<String, Value>) -> usize {
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names
        .into_iter()
        .filter(|name| one.get(*name) != other.get(*name))
        .count()
}

#[test]
fn a_wrong_field_is_named_and_the_rest_is_kept() {
    let cleaner = Cleaner::default();
    let mut cases = 0;
    for (format, good, names) in [phase(), summary(), checkpoint()] {
        let read = |text: &str| decode(&format, "x.json", text.as_bytes(), &cleaner).unwrap();
        let whole = read(&good.to_string());
        assert_eq!(whole.bad_fields, [], "{good}");
        for name in names {
            for hostile in HOSTILE {
                cases += 1;
                let mut document = good.clone();
                document[*name] = json!("@@");
                let text = document.to_string().replace("\"@@\"", hostile);
                let decoded = read(&text);
                // A completion's status also says whether it was a success, and so do tests that fail; a list of phases
                // alone is one field.
                let allowed = match *name {
                    "status" => 2,
                    "tests_passed" | "tests_failing" => 3,
                    _ => 1,
                };
                let changed = differences(&shape(&whole), &shape(&decoded));
                assert!(
                    changed <= allowed,
                    "{changed} fields changed by {name} = {hostile}: {decoded:?}"
                );
                let named = |(field, why): &(String, String)| field.starts_with(name) && !why.is_empty();
                assert!(
                    decoded.bad_fields.iter().all(named),
                    "{name} = {hostile}: {:?}",
                    decoded.bad_fields
                );
                let shown = format!("{decoded:?}");
                assert!(!shown.contains(['\0', '\u{1b}', '\u{202e}']), "{shown}");
            }
        }
    }
    assert_eq!(cases, 30 * 25);
}

#[test]
fn a_message_names_the_field_what_it_holds_and_what_it_should_hold() {
    let text = r#"{"phase_number":"four","test_iteration":"many","phases_completed":["Scout",7,{"name":"Builder"},null],
        "started_at":"yesterday","last_updated":{},"status":["a"],"context_percent":-5,"current_phase":"Test"}"#;
    let decoded = decode(&Format::Phase, "x", text.as_bytes(), &Cleaner::default()).unwrap();
    let messages: Vec<String> = decoded
        .bad_fields
        .iter()
        .map(|(field, why)| format!("{field}: {why}"))
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
    phase_number: expected a number such as 4/7, ?/7 or 4.5/8, found "four"
    status: expected text, found an array
    test_iteration: expected a count (0, 1, 2, …), found "many"
    phases_completed[1]: expected text, found 7
    phases_completed[3]: expected text, found null
    started_at: expected a time between 2000 and 2100 such as 2026-01-31T08:15:00Z, found "yesterday"
    last_updated: expected a time between 2000 and 2100 such as 2026-01-31T08:15:00Z, found an object
    context_percent: expected a percentage from 0 to 100, found -5
    "#);
    let Fact::PhaseReported(report) = &decoded.facts[0] else {
        panic!("{decoded:?}")
    };
    assert_eq!(report.phase.as_deref(), Some("Test"));
    assert_eq!(
        report.phases_completed,
        Some(vec!["Scout".to_owned(), "Builder".to_owned()])
    );
}

/// The bad fields of a document.
fn bad(format: &Format, document: &Value) -> Vec<String> {
    let decoded = decode(format, "x.json", document.to_string().as_bytes(), &Cleaner::default()).unwrap();
    let bad = decoded.bad_fields.into_iter();
    bad.map(|(field, why)| format!("{field}: {why}")).collect()
}

#[test]
fn a_document_of_a_known_name_and_an_unknown_shape_is_a_problem() {
    for format in [
        Format::Phase,
        Format::Summary,
        Format::BuildTasks,
        Format::Feedback,
        Format::Patterns,
        Format::Checkpoint(CheckpointPart::State),
        Format::Checkpoint(CheckpointPart::Progress),
    ] {
        for document in [json!({}), json!({"stage": "plan", "unit": {"of": "work"}})] {
            let found = bad(&format, &document);
            assert!(
                found.len() == 1 && found[0].contains("expected"),
                "{format:?} {document}: {found:?}"
            );
        }
    }
}

#[test]
fn a_number_is_no_name_of_a_phase() {
    let wrong = |found: Value| bad(&Format::Phase, &json!({"current_phase": found, "status": "building"}));
    for found in [json!(5), json!("5"), json!("5/7"), json!(["Test"])] {
        let found = wrong(found);
        assert!(
            found[0].contains("current_phase: expected the name of a phase"),
            "{found:?}"
        );
    }
    let with_a_name = json!({"phase": 5, "phase_name": "Test", "status": "testing"});
    let decoded = decode(
        &Format::Phase,
        "x",
        with_a_name.to_string().as_bytes(),
        &Cleaner::default(),
    )
    .unwrap();
    let Fact::PhaseReported(report) = &decoded.facts[0] else {
        panic!("{decoded:?}")
    };
    assert_eq!((report.phase.as_deref(), decoded.bad_fields.len()), (Some("Test"), 0));
}

#[test]
fn later_shapes_of_a_phase_file_say_what_the_first_one_says() {
    let known = json!({"current_phase": "Builder", "status": "building", "progress_detail": "the parser",
        "test_iteration": 2, "phases_completed": ["Scout"], "started_at": "2026-01-31T08:15:00Z",
        "last_updated": "2026-01-31T08:20:00Z", "session_id": "weather"});
    let camel = json!({"currentPhase": "Builder", "status": "building", "progressDetail": "the parser",
        "testIteration": 2, "phasesCompleted": ["Scout"], "sessionId": "weather",
        "timestamps": {"phaseStart": "2026-01-31T08:15:00Z", "phaseEnd": null, "lastUpdated": "2026-01-31T08:20:00Z"}});
    let read = |document: &Value| {
        decode(
            &Format::Phase,
            "x",
            document.to_string().as_bytes(),
            &Cleaner::default(),
        )
        .unwrap()
    };
    let expected = read(&known);
    assert_eq!(expected.bad_fields, []);
    assert_eq!(read(&camel), expected);
    assert_eq!(read(&json!({"PhaseInfo": camel})), expected);
    let mut detailed = known.clone();
    detailed["progress_detail"] = json!({"duration": "46.1s", "files": 3, "parts": ["a"]});
    let decoded = read(&detailed);
    let Fact::PhaseReported(report) = &decoded.facts[0] else {
        panic!("{decoded:?}")
    };
    assert_eq!(report.detail.as_deref(), Some("duration 46.1s, files 3"));
    assert_eq!(decoded.bad_fields, []);
}

#[test]
fn a_summary_says_how_each_phase_went_and_that_failing_tests_fail_a_build_that_ended() {
    let read = |document: Value| {
        let text = document.to_string();
        let decoded = decode(&Format::Summary, "x", text.as_bytes(), &Cleaner::default()).unwrap();
        assert_eq!(decoded.bad_fields, [], "{text}");
        match decoded.facts.into_iter().next() {
            Some(Fact::CompletionReported(completion)) => completion,
            other => panic!("{other:?}"),
        }
    };
    let growing = read(json!({
        "build_start": "2026-01-31T08:00:00Z", "tests_passed": false, "tests_failing": 2,
        "phases": {"phase_scout": {"status": "completed", "duration_seconds": 312.4, "timestamp": "2026-01-31T08:06:00Z"}},
        "context_metrics": {"model": "m", "by_phase": {
            "phase_scout": {"exit_code": 1}, "phase_test": {"exit_code": 1, "duration_seconds": 9, "tokens_used": 3000}}},
    }));
    assert_eq!(growing.success, None);
    let phases = json!({
        "scout": {"status": "completed", "duration_seconds": 312.4, "ended_at": "2026-01-31T08:06:00.000Z"},
        "test": {"status": "failed", "duration_seconds": 9.0},
    });
    assert_eq!(json!(growing.phases), phases);
    assert_eq!(
        growing.started_at.map(|at| at.to_string()).as_deref(),
        Some("2026-01-31T08:00:00.000Z")
    );
    let ended = json!({"status": "completed", "summary": "All done", "tests_passed": false, "tests_failing": 2});
    let ended = read(ended);
    assert_eq!(ended.success, Some(false));
    assert_eq!(ended.summary.as_deref(), Some("2 tests fail: All done"));
    let passing = read(json!({"status": "completed", "tests_passed": true, "tests_failing": 0}));
    assert_eq!((passing.success, passing.summary), (Some(true), None));
    for word in ["FAILED_MAX_ITERATIONS", "tests_failed_max_iterations", "build error"] {
        assert_eq!(read(json!({"status": word})).success, Some(false), "{word}");
    }
}

#[test]
fn a_test_iteration_of_zero_means_that_no_test_has_run() {
    let text = br#"{"test_iteration":0}"#;
    let decoded = decode(&Format::Phase, "x", text, &Cleaner::default()).unwrap();
    let Fact::PhaseReported(report) = &decoded.facts[0] else {
        panic!("{decoded:?}")
    };
    assert_eq!((report.test_iteration, decoded.bad_fields.len()), (None, 0));
}

#[test]
fn numbers_are_taken_however_they_are_written() {
    for (written, iteration) in [
        ("2", Some(2)),
        ("2.0", Some(2)),
        ("\"2\"", Some(2)),
        ("\" 2 \"", Some(2)),
        ("2.5", None),
        ("-2", None),
        ("null", None),
    ] {
        let text = format!("{{\"status\":\"testing\",\"test_iteration\":{written}}}");
        let decoded = decode(&Format::Phase, "x", text.as_bytes(), &Cleaner::default()).unwrap();
        let Fact::PhaseReported(report) = &decoded.facts[0] else {
            panic!("{decoded:?}")
        };
        assert_eq!(report.test_iteration, iteration, "{written}");
        assert_eq!(
            decoded.bad_fields.is_empty(),
            iteration.is_some() || written == "null",
            "{written}"
        );
    }
    for (written, number) in [
        ("\"4/7\"", Some("4/7")),
        ("\"?/7\"", Some("?/7")),
        ("\"4.5/8\"", Some("4.5/8")),
        ("3", Some("3")),
        ("4.5", Some("4.5")),
        ("3.0", Some("3")),
        ("\" 0/7 \"", Some("0/7")),
        ("\"Phase 4 of 7\"", Some("4/7")),
        ("\"\"", None),
        ("\"4/7/9\"", None),
        ("\"/\"", None),
    ] {
        let text = format!("{{\"phase_number\":{written}}}");
        let decoded = decode(&Format::Phase, "x", text.as_bytes(), &Cleaner::default()).unwrap();
        let Fact::PhaseReported(report) = &decoded.facts[0] else {
            panic!("{decoded:?}")
        };
        assert_eq!(report.phase_number.as_deref(), number, "{written}");
    }
}

#[test]
fn unknown_fields_are_kept_clean_and_capped() {
    let text = json!({
        "current_phase": "Builder", "parallel_execution": true, "note": "\u{1b}[31mred\u{202e}", "gone": null,
        "password": "correct horse", "huge": "x".repeat(5_000), "tasks_completed": {"a": 1},
        "lots": (0..40).map(|at| format!("entry {at}")).collect::<Vec<_>>(),
    });
    let decoded = decode(&Format::Phase, "x", text.to_string().as_bytes(), &Cleaner::default()).unwrap();
    let Fact::PhaseReported(report) = &decoded.facts[0] else {
        panic!("{decoded:?}")
    };
    assert_eq!(report.extra["parallel_execution"], true);
    assert_eq!(report.extra["note"], "red");
    assert_eq!(report.extra["password"], "[masked]");
    assert_eq!(report.extra["tasks_completed"], json!({"a": 1}));
    assert!(!report.extra.contains_key("gone") && !report.extra.contains_key("huge"));
    assert_eq!(decoded.bad_fields.len(), 1, "{:?}", decoded.bad_fields);

    let many: Map<String, Value> = (0..40)
        .map(|at| (format!("f{at:02}"), json!("y".repeat(1_000))))
        .collect();
    let text = Value::Object(many).to_string();
    let decoded = decode(&Format::Phase, "x", text.as_bytes(), &Cleaner::default()).unwrap();
    let Fact::PhaseReported(report) = &decoded.facts[0] else {
        panic!("{decoded:?}")
    };
    assert!(serde_json::to_string(&report.extra).unwrap().len() < 17 << 10);
    assert!(!report.extra.is_empty() && !decoded.bad_fields.is_empty());
}
