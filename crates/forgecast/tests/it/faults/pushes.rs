//! Whatever producers send: taken or refused with a reason, never a fault of the server, and twice is once.

use fastrand::Rng;
use serde_json::{Value, json};

use super::support::{Pulse, assert_conserved, assert_no_panic, metrics};
use crate::world::{Server, World, request};

const BODIES: usize = 400;

/// The kinds of the protocol, those that nobody may send, and some that nobody knows.
const KINDS: [&str; 24] = [
    "session_seen",
    "phase_reported",
    "checkpoint_reported",
    "task_reported",
    "tests_reported",
    "agent_reported",
    "decision_recorded",
    "pattern_recorded",
    "artifact_changed",
    "usage_recorded",
    "tool_used",
    "waiting_began",
    "waiting_ended",
    "error_reported",
    "completion_reported",
    "went_quiet",
    "estimate_revised",
    "problem_found",
    "problem_cleared",
    "source_gone",
    "source_returned",
    "custom",
    "Unknown Kind",
    "",
];

const FIELDS: [&str; 32] = [
    "current_phase",
    "phase_number",
    "status",
    "progress_detail",
    "phases_completed",
    "started_at",
    "last_updated",
    "task_id",
    "description",
    "total",
    "passed",
    "failed",
    "verdict",
    "agent_id",
    "progress_percent",
    "key",
    "title",
    "pattern_id",
    "name",
    "size",
    "modified_at",
    "input_tokens",
    "cost_usd",
    "context_percent",
    "tool",
    "message",
    "details",
    "success",
    "completed_at",
    "path",
    "kind",
    "data",
];

fn scalar(rng: &mut Rng) -> Value {
    let texts = [
        "Builder",
        "4/7",
        "completed",
        "",
        "\u{0}\u{1b}[31m",
        "../../etc/passwd",
        "2026-01-01T00:00:00Z",
        "\u{202e}",
        "-1",
    ];
    match rng.u8(..10) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i64(-5..5)),
        3 => json!(rng.i64(..)),
        4 => json!(rng.f64() * 1e300),
        5 => json!("x".repeat(rng.usize(..5_000))),
        _ => json!(rng.choice(texts)),
    }
}

fn value(rng: &mut Rng) -> Value {
    match rng.u8(..8) {
        0 => Value::Array((0..rng.usize(..5)).map(|_| scalar(rng)).collect()),
        1 => json!({ "id": scalar(rng), "title": scalar(rng) }),
        _ => scalar(rng),
    }
}

/// An envelope with an id; some of them cannot be taken.
fn envelope(rng: &mut Rng, id: usize) -> Value {
    let mut envelope = json!({"id": format!("e-{id}"), "type": rng.choice(KINDS)});
    match rng.u8(..12) {
        0 => {}
        1 => envelope["session"] = value(rng),
        2 => envelope["session"] = json!("nobody~7"),
        3 => envelope["directory"] = value(rng),
        4 => {
            envelope["session_id"] = json!("pushed-0");
            envelope["data"] = json!({ "phase": scalar(rng), "line": scalar(rng) });
        }
        _ => envelope["session"] = json!(format!("pushed-{}", rng.u8(..5))),
    }
    for _ in 0..rng.usize(..6) {
        envelope[*rng.choice(&FIELDS).unwrap()] = value(rng);
    }
    envelope
}

/// A body: one envelope, an array, or something that is not even JSON.
fn body(rng: &mut Rng, number: usize) -> String {
    let first = number * 20;
    let text = if rng.bool() {
        envelope(rng, first).to_string()
    } else {
        let count = rng.usize(..20);
        Value::Array((0..count).map(|place| envelope(rng, first + place)).collect()).to_string()
    };
    match rng.u8(..10) {
        0 => text.chars().take(rng.usize(..text.len())).collect(),
        1 => text.replace(':', ""),
        2 => scalar(rng).to_string(),
        _ => text,
    }
}

fn post(server: &Server, body: &str) -> (u16, Value) {
    let (status, answer) = request(server.address(), "POST", "/api/v1/events", body);
    assert!(matches!(status, 200 | 400 | 413 | 422), "{status} {answer} for {body}");
    (status, serde_json::from_str(&answer).unwrap())
}

/// Every session's view, by its id.
fn views(server: &Server) -> Vec<(String, String)> {
    let rows = server.json("/api/v1/sessions?limit=1000")["sessions"].clone();
    let mut views: Vec<(String, String)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let id = row["id"].as_str().unwrap();
            (id.to_owned(), server.get(&format!("/api/v1/sessions/{id}")).1)
        })
        .collect();
    views.sort();
    views
}

/// F14 over HTTP: random bodies, then all of them again.
#[test]
fn whatever_is_pushed_is_taken_or_refused_and_the_second_time_changes_nothing() {
    let world = World::new();
    let server = world.serve();
    let seed = 14;
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let pulse = Pulse::of(&server);
    let bodies: Vec<String> = (0..BODIES).map(|number| body(&mut rng, number)).collect();
    let (mut accepted, mut refused) = (0, 0);
    for body in &bodies {
        let (status, answer) = post(&server, body);
        if status == 200 {
            accepted += answer["accepted"].as_u64().unwrap();
            refused += answer["rejected"].as_array().unwrap().len();
        } else {
            refused += 1;
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > 500 && refused > 100, "both happen often");
    let before = views(&server);
    let applied = metrics(&server)["forgecast_facts_applied_total"];
    for body in &bodies {
        let (status, answer) = post(&server, body);
        if status == 200 {
            let again = answer["accepted"].as_u64().unwrap();
            assert_eq!(again, 0, "counted twice: {answer} for {body}");
        }
    }
    assert_eq!(metrics(&server)["forgecast_facts_applied_total"], applied);
    assert_eq!(views(&server), before);
    pulse.assert_steady();
    assert_conserved(&server);
    // The same after a clean restart: what was known is known.
    assert!(server.stop().success());
    let server = world.serve();
    assert_eq!(views(&server), before);
    for body in bodies.iter().step_by(10) {
        let (status, answer) = post(&server, body);
        assert!(status != 200 || answer["accepted"] == 0, "counted twice: {answer}");
    }
    assert_eq!(views(&server), before);
    assert_no_panic(server);
}
