//! What is JSON and what is not, case by case, and that a half-written document is never taken for a whole one.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::json::{self, MAX_DEPTH, MAX_KEYS};
use forgecast_decode::{Decoded, Format, Unparsable, decode};
use serde_json::{Value, json};

#[test]
fn what_is_valid_is_accepted() {
    for text in [
        "null",
        " true ",
        "0",
        "-0",
        "-1.5e+10",
        "1E2",
        "1e-2",
        "123456789012345678901234567890",
        "1e400",
        "\"\"",
        "[]",
        "{}",
        "[[]]",
        "[1,2]",
        "{\"a\":1,\"a\":2}",
        "\"\\u0041\\n\\/\\\"\\\\\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800x\"",
        "\t[\r\n1 ]\n",
        "\u{feff}[]",
        "\"\u{7f}\"",
        "\"\u{2028}\"",
        "{\"\":0}",
        "[0.0,-0.0]",
        "\"\u{10ffff}\"",
        "{\"a\":{\"b\":[{\"c\":null}]}}",
    ] {
        assert!(
            json::value(text.as_bytes()).is_ok(),
            "{text:?}: {:?}",
            json::value(text.as_bytes())
        );
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    for text in [
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,,2]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "[01]",
        "[-01]",
        "[1.]x",
        "[.5]",
        "[1.e2]",
        "[+1]",
        "[0x1]",
        "[1e]",
        "[1e+]",
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "[- 1]",
        "[tru]",
        "[True]",
        "[nul]",
        "[fals]",
        "[truee]",
        "\"\\x\"",
        "\"\\u00zz\"",
        "\"\\u{41}\"",
        "\"a\u{0}\"",
        "\"a\nb\"",
        "\"\t\"",
        "[]]",
        "{}}",
        "1 2",
        "[] []",
        "// c\n[]",
        "/* c */ []",
        "#\n[]",
        "]",
        "}",
        ",",
        ":",
        "[\"a\": 1]",
        "\u{a0}[]",
        "\u{feff}\u{feff}[]",
        "[\u{c}]",
        "a",
        "'a'",
        "*",
        "<html>",
        "[\"a\"\u{0}]",
        "{\"a\":b}",
        "[1,2",
    ] {
        let error = json::value(text.as_bytes()).expect_err(text);
        let is_place = matches!(
            error,
            Unparsable::Invalid {
                line: 1..,
                column: 1..,
                ..
            }
        );
        assert!(is_place || error.is_truncated(), "{text:?}: {error}");
    }
    for bytes in [&b"[\xff]"[..], b"\xff", b"{\xe5:1}", b"[\xe2\x80]"] {
        assert!(
            matches!(json::value(bytes), Err(Unparsable::Invalid { .. })),
            "{bytes:?}"
        );
    }
}

#[test]
fn the_place_of_what_is_wrong_is_exact() {
    let error = json::value(b"{\n  \"a\": 1,\n  b\n}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "not valid JSON at line 3, column 3: a key in double quotes was expected"
    );
}

#[test]
fn what_breaks_off_is_told_from_what_is_wrong() {
    for text in [
        "",
        "  \n",
        "{",
        "[",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "[1",
        "[1,",
        "\"a",
        "\"\\",
        "\"\\u00",
        "\"\\ud83d\\u",
        "t",
        "nul",
        "-",
        "1.",
        "1e",
        "\u{feff}",
    ] {
        assert_eq!(json::value(text.as_bytes()), Err(Unparsable::Truncated), "{text:?}");
    }
}

#[test]
fn one_bad_character_or_number_costs_only_itself() {
    let map = json::object(b"{\"a\":\"x\xffy\",\"b\":\"\\ud800\",\"c\":1e999,\"d\":4}").unwrap();
    assert_eq!(
        Value::Object(map),
        json!({"a": "x\u{fffd}y", "b": "\u{fffd}", "c": "1e999", "d": 4})
    );
}

#[test]
fn of_a_key_that_is_there_twice_the_last_counts() {
    let map = json::object(br#"{"status":"a","status":"b"}"#).unwrap();
    assert_eq!(map["status"], "b");
}

#[test]
fn producers_may_put_comments_and_other_text_around_a_state() {
    for text in [
        "// written by the agent\n# and by hand\n{\"a\":1}",
        "\u{feff}\r\n  # x\n\n{\"a\":1}\n\nDone!",
        "```json\n{\"a\":1}\n```\n",
        "{\"a\":1}{\"a\":2}",
        "{\"a\":1} EOF",
    ] {
        assert_eq!(
            json::object(text.as_bytes()).map(Value::Object),
            Ok(json!({"a": 1})),
            "{text:?}"
        );
    }
    let map = json::object(b"{\"detail\":\"two\nlines\"}").unwrap();
    assert_eq!(map["detail"], "two\nlines");
    for text in ["// only a comment", "#", "```json", "# {\"a\":1}"] {
        assert_eq!(json::object(text.as_bytes()), Err(Unparsable::Truncated), "{text:?}");
    }
    assert_eq!(
        json::object(b"[1]").unwrap_err().to_string(),
        "expected an object, found an array"
    );
}

#[test]
fn depth_keys_and_values_are_capped_while_reading() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(json::value(deep(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(
        json::value(deep(MAX_DEPTH + 1).as_bytes()),
        Err(Unparsable::TooDeep { limit: MAX_DEPTH })
    );
    assert_eq!(
        json::value("[".repeat(1_000_000).as_bytes()),
        Err(Unparsable::TooDeep { limit: MAX_DEPTH })
    );
    assert_eq!(
        json::value("{\"a\":".repeat(1_000_000).as_bytes()),
        Err(Unparsable::TooDeep { limit: MAX_DEPTH })
    );

    let keys = |count: usize| {
        let members: Vec<String> = (0..count).map(|key| format!("\"k{key}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(json::value(keys(MAX_KEYS).as_bytes()).is_ok());
    let error = json::value(keys(MAX_KEYS + 1).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "more than 4096 keys in one object");
    let error = json::value(format!("[{}1]", "1,".repeat(1_000_000)).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "more than 50000 values");
}

#[test]
fn a_file_larger_than_is_read_is_refused_before_it_is_read() {
    let bytes = vec![b' '; 1_048_577];
    let error = decode(
        &Format::Phase,
        ".context-foundry/current-phase.json",
        &bytes,
        &Cleaner::default(),
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "1048577 bytes, more than the 1048576 that are read");
}

/// A document of the shape that producers write: phase files, checkpoints, summaries, feedback, tasks.
fn document(seed: usize) -> (Format, String) {
    let phases = [
        "Codebase Analysis",
        "Scout",
        "Architect",
        "Builder",
        "Test",
        "Documentation",
        "Deploy",
    ];
    let done = &phases[..seed % phases.len()];
    let detail = [
        "Running tests… ✅",
        "{\"looks\":\"like json\"}",
        "a \"quoted\" \\ word",
        "",
        "日本語 \u{1b}[31m",
    ][seed % 5];
    let value = match seed % 6 {
        0 | 1 => json!({
            "session_id": format!("app-{seed}"), "current_phase": phases[seed % 7], "phase_number": format!("{}/7", seed % 7),
            "status": "in_progress", "progress_detail": detail.repeat(1 + seed % 4), "test_iteration": seed % 3,
            "phases_completed": done, "started_at": "2025-01-13T00:30:00Z", "last_updated": "2025-01-13T00:35:00Z",
            "parallel_execution": {"workers": seed, "names": ["a", "b"]}, "rate": 1.5e3, "flag": true, "none": null,
        }),
        2 => json!({
            "session_id": format!("app-{seed}"), "status": "completed", "phases_completed": done, "tests_passed": true,
            "total_tests": 60 + seed, "tests_passing": 55, "tests_failing": 5, "duration_minutes": 55.5,
            "files_created": (0..seed % 20).map(|file| format!("src/module_{file}.py")).collect::<Vec<_>>(),
            "github_url": "https://example.com/a/b/pull/7", "completed_at": "2025-01-13T10:55:00Z", "task": detail,
        }),
        3 => json!({"tasks": (0..1 + seed % 12).map(|task| json!({
            "id": format!("task-{task}"), "description": detail, "files": ["a.py"], "dependencies": [], "estimated_time": "30 minutes",
        })).collect::<Vec<_>>(), "parallel_mode": true, "total_tasks": 1 + seed % 12}),
        4 => {
            json!({"issues_found": [{"id": format!("issue-{seed}"), "issue": detail, "severity": "HIGH", "category": "Testing",
            "solution_implemented": {"fix": "one", "time": "3 minutes"}, "applies_to_phases": done}],
            "successful_patterns": [{"pattern": "Small modules"}], "timestamp": "2025-10-18T22:30:00Z"})
        }
        _ => {
            json!({"session_id": format!("app-{seed}"), "project_name": "app", "task_description": detail, "current_phase": "builder",
            "iterations": seed, "start_time": "2025-01-13T00:30:00.123456", "working_directory": "/home/dev/app", "artifacts": {}})
        }
    };
    let format = match seed % 6 {
        0 | 1 => Format::Phase,
        2 => Format::Summary,
        3 => Format::BuildTasks,
        4 => Format::Feedback,
        _ => Format::Checkpoint(forgecast_decode::CheckpointPart::State),
    };
    let text = if seed.is_multiple_of(2) {
        serde_json::to_string_pretty(&value)
    } else {
        serde_json::to_string(&value)
    };
    let text = text.unwrap();
    let text = match seed % 7 {
        3 => format!("// progress of the build\n{text}\n"),
        5 => format!("{text}\n# end\n"),
        _ => text,
    };
    (format, text)
}

#[test]
fn no_prefix_of_a_document_is_taken_for_another_one() {
    let cleaner = Cleaner::default();
    let read = |format: &Format, bytes: &[u8]| decode(format, "x.json", bytes, &cleaner);
    let mut prefixes = 0;
    for seed in 0..120 {
        let (format, text) = document(seed);
        let whole: Decoded = read(&format, text.as_bytes()).unwrap();
        assert!(!whole.facts.is_empty() && whole.bad_fields.is_empty(), "{whole:?}");
        for end in 0..text.len() {
            prefixes += 1;
            match read(&format, &text.as_bytes()[..end]) {
                Ok(decoded) => assert_eq!(decoded, whole, "{:?}", &text[..text.floor_char_boundary(end)]),
                Err(error) => assert!(error.is_truncated(), "{error}: {end} of {text}"),
            }
        }
    }
    assert!(prefixes >= 50_000, "only {prefixes} prefixes");
}
