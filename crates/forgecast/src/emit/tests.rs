use std::path::Path;

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::{Batch, Fact};
use serde_json::Value;

use super::kinds::{FieldType, KINDS};
use super::*;

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_305_600_000)
}

fn arguments<'a>(kind: &'a str, fields: &'a [String]) -> FactArguments<'a> {
    FactArguments {
        kind,
        fields,
        object: None,
        session: None,
        folder: None,
        current_folder: Path::new("/home/ann/weather-app"),
        id: "id-1",
    }
}

fn of(kind: &str, fields: &[&str]) -> Result<Value, String> {
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    envelope(&arguments(kind, &fields), now()).map(|text| serde_json::from_str(&text).unwrap())
}

/// The fact in it, or the lines for the log.
fn read(envelope: &Value) -> Batch {
    let pushed = push::envelopes(envelope.to_string().as_bytes(), &Cleaner::default(), now()).unwrap();
    assert_eq!((pushed.rejected.len(), pushed.bad_fields.len()), (0, 0), "{envelope}");
    assert_eq!(pushed.batch.events.len() + pushed.batch.logs.len(), 1, "{envelope}");
    pushed.batch
}

#[test]
fn words_become_an_envelope_that_the_server_reads() {
    let envelope = of(
        "phase-reported",
        &[
            "phase=Builder",
            "status=building",
            "phases_completed=Scout, Architect",
            "tasks_total=7",
        ],
    )
    .unwrap();
    assert_eq!(
        envelope,
        serde_json::json!({"id": "id-1", "type": "phase_reported", "directory": "/home/ann/weather-app",
            "at": now().to_string(), "phase": "Builder", "status": "building",
            "phases_completed": ["Scout", "Architect"], "tasks_total": 7})
    );
    let event = &read(&envelope).events[0];
    assert_eq!(event.subject.directory.as_deref(), Some("/home/ann/weather-app"));
    assert!(matches!(&event.fact, Fact::PhaseReported(report) if report.tasks_total == Some(7)));
}

#[test]
fn lines_for_the_log_are_no_fact_and_carry_their_time() {
    let envelope = of("log", &["text=deploying\n2 of 3 done", "level=warn", "from=deploy.sh"]).unwrap();
    let batch = read(&envelope);
    assert!(batch.events.is_empty());
    let chunk = &batch.logs[0];
    assert_eq!(chunk.subject.directory.as_deref(), Some("/home/ann/weather-app"));
    assert_eq!(chunk.id.as_ref().map(forgecast_protocol::EventId::as_str), Some("id-1"));
    let lines: Vec<_> = chunk
        .lines
        .iter()
        .map(|line| (line.text.as_str(), line.level, line.at))
        .collect();
    let warn = Some(LogLevel::Warn);
    assert_eq!(lines, [("deploying", warn, now()), ("2 of 3 done", warn, now())]);
    assert_eq!(chunk.lines[0].from.as_deref(), Some("deploy.sh"));
    assert!(
        of("log", &["level=loud", "text=x"])
            .unwrap_err()
            .contains("debug, info, warn or error")
    );
    assert!(of("log", &[]).unwrap_err().contains("text"));
}

/// A text that fits the field.
fn sample(name: &str, form: FieldType) -> &'static str {
    match (name, form) {
        ("phase_number", _) => "4/7",
        ("quality" | "difficulty", _) => "3",
        ("links.*", _) => "https://demo.example/",
        ("kind", FieldType::Text) => "document",
        ("severity", _) => "HIGH",
        ("source", _) => "estimated",
        ("status", _) => "completed",
        ("waiting_for", _) => "permission",
        ("cut_short", _) => "error",
        ("activity", _) => "working",
        ("level", _) => "warn",
        (name, FieldType::Text) if name.ends_with("_at") || name == "last_updated" || name == "dated" => {
            "2026-11-21T10:00:00Z"
        }
        (_, FieldType::Text | FieldType::Any) => "some-words",
        (_, FieldType::Count) => "12",
        (_, FieldType::Number) => "12.5",
        (_, FieldType::Flag) => "true",
        (_, FieldType::List) => "one,two",
    }
}

fn required(word: &str) -> &'static [&'static str] {
    match word {
        "task_reported" => &["task_id=t-1"],
        "agent_reported" => &["agent_id=a-1"],
        "decision_recorded" => &["key=d-1"],
        "pattern_recorded" => &["pattern_id=p-1"],
        "artifact_changed" => &["name=a.md"],
        "limit_reported" => &["agent=claude", "window_minutes=300", "used_percent=42"],
        "tool_used" => &["tool=Bash"],
        "error_reported" => &["message=it broke"],
        "problem_found" => &["key=k", "problem.message=odd"],
        "problem_cleared" => &["key=k"],
        "source_gone" | "source_returned" => &["path=/a"],
        "log" => &["text=it began"],
        "custom" => &["kind=deployed"],
        _ => &[],
    }
}

#[test]
fn every_field_of_the_table_says_something_to_the_server() {
    for kind in KINDS {
        let required = required(kind.word);
        let without = read(&of(kind.word, required).unwrap_or_else(|why| panic!("{}: {why}", kind.word)));
        assert!(
            kind.word == "custom" || !without.events.iter().any(|event| matches!(event.fact, Fact::Custom(_))),
            "{} is no kind of the server's",
            kind.word
        );
        for (name, form) in kind.fields {
            if required.iter().any(|field| field.starts_with(&format!("{name}="))) || ["problem.*", "*"].contains(name)
            {
                continue;
            }
            let field = format!("{}={}", name.replace('*', "demo"), sample(name, *form));
            let mut fields = required.to_vec();
            fields.push(&field);
            let with = read(&of(kind.word, &fields).unwrap_or_else(|why| panic!("{}: {why}", kind.word)));
            assert_ne!(with, without, "{}: {field}", kind.word);
            // What the server does not know of a phase is kept as it came: then it is no field of the protocol.
            if let Some(Fact::PhaseReported(report)) = with.events.first().map(|event| &event.fact) {
                assert!(report.extra.is_empty(), "{field}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_what_is_allowed() {
    let refused = |kind: &str, fields: &[&str]| of(kind, fields).unwrap_err();
    let kind = refused("phase-reportd", &[]);
    assert!(
        kind.contains("did you mean phase_reported?") && kind.contains("tests_reported"),
        "{kind}"
    );
    let field = refused("tests-reported", &["pased=3"]);
    assert!(field.contains("iteration, total, passed, failed, verdict"), "{field}");
    assert!(refused("tests-reported", &["passed=many"]).contains("a whole number"));
    assert!(refused("tests-reported", &["passed"]).contains("KEY=VALUE"));
    assert!(refused("tests-reported", &["session=x"]).contains("--session"));
    assert!(refused("waiting-ended", &["a=1"]).contains("agent, use_id, tool"));
    assert!(
        refused("tool-used", &[]).contains("tool"),
        "a required field is missing"
    );
    assert!(refused("phase-reported", &["phase_number=lots"]).contains("4/7"));
    assert!(refused("went-quiet", &[]).contains("there is no kind"));
}

#[test]
fn a_run_needs_no_folder_and_a_named_folder_is_kept() {
    let mut words = arguments("waiting-ended", &[]);
    words.session = Some("weather-app~2");
    let text = envelope(&words, now()).unwrap();
    assert!(!text.contains("directory"), "{text}");
    words.folder = Some(Path::new("/srv/x"));
    assert!(envelope(&words, now()).unwrap().contains(r#""directory":"/srv/x""#));
}

#[test]
fn an_object_gives_fields_and_words_come_on_top() {
    let fields = ["detail=by word".to_owned()];
    let mut words = arguments("phase-reported", &fields);
    words.object = Some(r#"{"detail": "by object", "phase": "Test", "mood": {"a": 1}, "id": "mine", "session": "s"}"#);
    let envelope: Value = serde_json::from_str(&envelope(&words, now()).unwrap()).unwrap();
    assert_eq!(envelope["detail"], "by word");
    assert_eq!(envelope["phase"], "Test");
    assert_eq!(envelope["mood"]["a"], 1);
    assert_eq!((&envelope["id"], &envelope["session"]), (&"mine".into(), &"s".into()));
    for bad in ["[]", "{", r#"{"type": "custom"}"#] {
        words.object = Some(bad);
        assert!(
            super::envelope(&words, now()).unwrap_err().starts_with("--json"),
            "{bad}"
        );
    }
}
