//! One field that holds what it cannot hold: it is named, the fields beside it count, and no other session changes by a
//! byte.

use serde_json::{Value, json};

use super::support::{Pulse, assert_conserved, assert_no_panic, building, write_in_place};
use crate::world::{Project, Server, World};

const BYSTANDERS: usize = 99;

/// What a field is meant to hold; values say which of these they can certainly not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    Text,
    Count,
    Time,
    Flag,
    Number,
    Address,
    /// Several forms, or what is kept as it is: no value is certainly wrong.
    Free,
}

use Meant::{Address, Count, Flag, Free, Number, Text, Time};

struct Field {
    file: &'static str,
    /// Its name, with the place of the object that it stands in.
    name: &'static str,
    meant: Meant,
}

const fn field(file: &'static str, name: &'static str, meant: Meant) -> Field {
    Field { file, name, meant }
}

const PHASE: &str = "current-phase.json";
const SUMMARY: &str = "session-summary.json";
const TASKS: &str = "build-tasks.json";
const FEEDBACK: &str = "feedback/build-feedback-1.json";

const FIELDS: [Field; 30] = [
    field(PHASE, "session_id", Text),
    field(PHASE, "current_phase", Text),
    field(PHASE, "phase_number", Free),
    field(PHASE, "status", Text),
    field(PHASE, "progress_detail", Text),
    field(PHASE, "test_iteration", Count),
    field(PHASE, "phases_completed", Free),
    field(PHASE, "started_at", Time),
    field(PHASE, "last_updated", Time),
    field(PHASE, "tasks_completed", Free),
    field(PHASE, "tasks_total", Free),
    field(PHASE, "context_percent", Number),
    field(SUMMARY, "status", Text),
    field(SUMMARY, "phases_completed", Free),
    field(SUMMARY, "files_created", Free),
    field(SUMMARY, "files_modified", Free),
    field(SUMMARY, "tests_passed", Free),
    field(SUMMARY, "total_tests", Count),
    field(SUMMARY, "test_iterations", Free),
    field(SUMMARY, "duration_minutes", Number),
    field(SUMMARY, "github_url", Address),
    field(SUMMARY, "completed_at", Time),
    field(TASKS, "tasks[0].description", Text),
    field(TASKS, "tasks[0].files", Free),
    field(TASKS, "tasks[0].dependencies", Free),
    field(TASKS, "tasks[0].estimated_time", Text),
    field(FEEDBACK, "issues_found[0].category", Text),
    field(FEEDBACK, "issues_found[0].severity", Text),
    field(FEEDBACK, "issues_found[0].root_cause", Text),
    field(FEEDBACK, "issues_found[0].lesson_used", Flag),
];

/// 25 values as they stand in a file, each with what it can certainly not be.
fn values() -> Vec<(String, &'static [Meant])> {
    const ALL: &[Meant] = &[Text, Count, Time, Flag, Number, Address];
    let quoted = |text: &str| json!(text).to_string();
    let plain: [(&str, &[Meant]); 16] = [
        ("null", &[]),
        ("true", &[Text, Count, Time, Number, Address]),
        ("0", &[]),
        ("-1", &[Count, Number]),
        ("1.5", &[Count]),
        ("18446744073709551616", &[Count]),
        ("-1e308", &[Count, Number]),
        (r#""""#, &[]),
        (
            r#""\u0000\u001b[31mred\u001b]0;title\u0007\u202e""#,
            &[Count, Time, Number, Flag, Address],
        ),
        (r#"{}"#, ALL),
        (r#"{"a": {"b": [1, 2, 3]}}"#, ALL),
        ("[[]]", ALL),
        (r#"[null, {"id": null}, 7, "x"]"#, ALL),
        (r#"[true, false]"#, ALL),
        (r#"{"__proto__": {"status": "completed"}}"#, ALL),
        (r#""\ud83d\ude00\u0301\ufeff""#, &[Count, Time, Number, Flag, Address]),
    ];
    let mut values: Vec<(String, &'static [Meant])> = plain
        .into_iter()
        .map(|(text, wrong)| (text.to_owned(), wrong))
        .collect();
    const NO_TEXT: &[Meant] = &[Count, Time, Number, Flag, Address];
    for text in [
        "yesterday",
        "2026-13-45T99:99:99",
        "<img src=x onerror=alert(1)>",
        "../../../../etc/passwd",
        "bystander-7",
        "javascript:alert(1)",
        "'; DROP TABLE sessions; --",
    ] {
        values.push((quoted(text), NO_TEXT));
    }
    values.push((quoted(&"long ".repeat(40_000)), NO_TEXT));
    values.push((format!("{}1{}", "[".repeat(50), "]".repeat(50)), ALL));
    assert_eq!(values.len(), 25);
    values
}

/// A good document of a round. Two fields carry the round, so that one is left when the other is the hostile one.
fn document(file: &str, name: &str, round: usize) -> Value {
    match file {
        PHASE => json!({
            "session_id": name, "current_phase": "Builder", "phase_number": format!("{round}/98"), "status": "building",
            "progress_detail": format!("round {round}"), "test_iteration": 1 + round, "phases_completed": ["Scout"],
            "started_at": "2026-01-01T10:00:00Z", "last_updated": "2026-01-01T10:00:00Z", "tasks_completed": 1,
            "tasks_total": 2, "context_percent": 40,
        }),
        SUMMARY => json!({
            "status": "in_progress", "phases_completed": ["Scout"], "files_created": ["a"], "files_modified": ["b"],
            "tests_passed": false, "total_tests": 100, "tests_failing": round, "test_iterations": 1,
            "duration_minutes": 5, "github_url": "https://example.org/x", "completed_at": "2099-01-01T10:00:00Z",
        }),
        TASKS => json!({"tasks": [
            {"id": "a", "description": "first", "files": [], "dependencies": [], "estimated_time": "5m"},
            {"id": "b", "description": format!("round {round}"), "files": [], "dependencies": ["a"]},
        ]}),
        _ => json!({"issues_found": [
            {"id": "a", "issue": "first", "category": "Testing", "severity": "LOW", "root_cause": "haste", "lesson_used": true},
            {"id": "b", "issue": format!("round {round}")},
        ]}),
    }
}

/// The document with the field's value put in its place, as text.
fn with_value(field: &Field, name: &str, round: usize, value: &str) -> String {
    let mut document = document(field.file, name, round);
    let pointer = format!("/{}", field.name.replace("[0].", "/0/"));
    *document.pointer_mut(&pointer).unwrap() = json!("<the value>");
    document.to_string().replace("\"<the value>\"", value)
}

/// Whether the rest of the round's document is shown.
fn shows(field: &Field, view: &Value, round: usize) -> bool {
    let text = format!("round {round}");
    match (field.file, field.name) {
        (PHASE, "test_iteration" | "session_id") => view["phase"]["detail"] == text,
        (PHASE, _) => view["tests"]["iteration"] == 1 + round,
        (SUMMARY, _) => view["tests"]["summary"]["failed"] == round,
        (TASKS, _) => view["progress"]["tasks"]["b"]["description"] == text,
        _ => view["decisions"]["recent"][format!(".context-foundry/{FEEDBACK}#b")]["title"] == text,
    }
}

fn is_reported(field: &Field, view: &Value) -> bool {
    let end = format!("/{}#{}", field.file, field.name);
    let problems = view["problems"].as_object();
    problems.is_some_and(|problems| {
        problems
            .iter()
            .any(|(key, problem)| key.ends_with(&end) && problem["kind"] == "bad_field")
    })
}

/// The session that the document belongs to; one that names another session is found by its folder's newest.
fn session_of(server: &Server, field: &Field, name: &str, round: usize) -> String {
    if field.name != "session_id" {
        return name.to_owned();
    }
    let wished = round.to_string();
    crate::world::eventually("the session that the file names", || {
        let rows = server.json("/api/v1/sessions?limit=1000");
        let rows = rows["sessions"].as_array()?;
        // Only this project's document counts to 98, and only it stands in the round's number under another name.
        let row = rows
            .iter()
            .find(|row| row["phase"]["total"] == 98 && row["phase"]["number"] == wished && !is_other(row))?;
        Some(row["id"].as_str()?.to_owned())
    })
}

/// Whether a row is that of a project whose hostile field is not the name.
fn is_other(row: &Value) -> bool {
    let id = row["id"].as_str().unwrap_or_default();
    (1..FIELDS.len()).any(|index| id == format!("hostile-{index}~1"))
}

fn bodies(server: &Server) -> Vec<String> {
    (0..BYSTANDERS)
        .map(|index| {
            let (status, body) = server.get(&format!("/api/v1/sessions/bystander-{index}~1"));
            assert_eq!(status, 200);
            body
        })
        .collect()
}

/// F13: 30 fields × 25 hostile values, beside 99 sessions that nothing happens to.
#[test]
fn a_hostile_field_costs_that_field_and_no_other_session_a_byte() {
    let world = World::new();
    for index in 0..BYSTANDERS {
        let name = format!("bystander-{index}");
        world.project(&name).phase(&building(&name, "minds its own business"));
    }
    let name = |index: usize| format!("hostile-{index}");
    let projects: Vec<Project> = FIELDS
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let project = world.project(&name(index));
            project.phase(&building(&name(index), "beside it"));
            write_in_place(&project, field.file, document(field.file, &name(index), 0).to_string());
            project
        })
        .collect();
    let server = world.serve();
    for index in 0..BYSTANDERS {
        server.view_when(&format!("bystander-{index}"), |view| view["phase"]["name"] == "Builder");
    }
    for (index, field) in FIELDS.iter().enumerate() {
        server.view_when(&name(index), |view| {
            shows(field, view, 0) || field.name == "test_iteration"
        });
    }
    let before = bodies(&server);
    let pulse = Pulse::of(&server);
    for (round, (value, wrong)) in values().iter().enumerate() {
        let round = round + 1;
        for ((index, field), project) in FIELDS.iter().enumerate().zip(&projects) {
            write_in_place(project, field.file, with_value(field, &name(index), round, value));
        }
        for (index, field) in FIELDS.iter().enumerate() {
            let session = session_of(&server, field, &name(index), round);
            let start: String = value.chars().take(60).collect();
            let must = wrong.contains(&field.meant);
            let view = server.view_when(&session, |view| {
                shows(field, view, round) && (!must || is_reported(field, view))
            });
            assert!(
                value != "null" || !is_reported(field, &view),
                "null is absent, not wrong: {} {}: {start}",
                field.file,
                field.name
            );
        }
    }
    // And good again: nothing of it remains.
    let last = values().len() + 1;
    for ((index, field), project) in FIELDS.iter().enumerate().zip(&projects) {
        write_in_place(
            project,
            field.file,
            document(field.file, &name(index), last).to_string(),
        );
    }
    for (index, field) in FIELDS.iter().enumerate() {
        server.view_when(&name(index), |view| {
            shows(field, view, last) && view["problems"].as_object().is_none_or(serde_json::Map::is_empty)
        });
    }
    assert_eq!(bodies(&server), before, "another session changed");
    pulse.assert_steady();
    assert_conserved(&server);
    assert_no_panic(server);
}
