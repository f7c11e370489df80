//! How much of a plan is used up: read from rollouts, shown in the API, the metrics and the terminal.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::world::{Server, World, eventually};

const ID: &str = "0199a1b2-0000-7000-8000-0123456789ab";

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn time(seconds: u64) -> String {
    forgecast_protocol::Timestamp::from_millis(i64::try_from(seconds * 1_000).unwrap()).to_string()
}

fn windows(server: &Server) -> Vec<Value> {
    server.json("/api/v1/limits")["windows"].as_array().unwrap().clone()
}

/// Waits until a window of this agent and length is as wished.
fn window_when(server: &Server, agent: &str, minutes: u64, wished: impl Fn(&Value) -> bool) -> Value {
    eventually("a window is as wished", || {
        let windows = windows(server).into_iter();
        let mut windows = windows.filter(|window| window["agent"] == agent && window["window_minutes"] == minutes);
        windows.next().filter(&wished)
    })
}

fn rollout(percents: &[f64]) -> String {
    let began = now() - 60;
    let line = |second: u64, kind: &str, payload: Value| {
        json!({"timestamp": time(began + second), "type": kind, "payload": payload}).to_string()
    };
    let mut lines = vec![
        line(0, "session_meta", json!({"id": ID, "cwd": "/srv/weather"})),
        line(0, "turn_context", json!({"model": "gpt-5-codex"})),
    ];
    for (call, percent) in percents.iter().enumerate() {
        let calls = call as u64 + 1;
        let tokens = json!({"input_tokens": 1_000 * calls, "output_tokens": 100 * calls});
        let window = |percent: f64, minutes: u64| json!({"used_percent": percent, "window_minutes": minutes, "resets_at": began + 3_600});
        let limits = json!({"limit_id": "codex", "primary": window(*percent, 300), "secondary": window(7.0, 10_080),
            "plan_type": "plus"});
        let count = json!({"type": "token_count", "info": {"total_token_usage": tokens}, "rate_limits": limits});
        lines.push(line(calls, "event_msg", count));
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_rollout_says_how_much_of_the_plan_is_used_up_and_who_used_it() {
    let world = World::new();
    let folder = world.path("home/.codex/sessions/2026/12/01");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("rollout-2026-12-01T08-00-00-{ID}.jsonl"));
    fs::write(&file, rollout(&[40.0, 42.5])).unwrap();
    let server = world.serve();
    let window = window_when(&server, "codex", 300, |window| window["used_percent"] == 42.5);
    assert_eq!(
        (&window["basis"], &window["plan"]),
        (&json!("official"), &json!("plus"))
    );
    let session = format!("{ID}~1");
    let window = window_when(&server, "codex", 300, |window| window["sessions"][0]["key"] == session);
    assert_eq!(window["sessions"][0]["window_percent"], 42.5);
    assert_eq!(window["projects"][0]["key"], "weather");
    assert_eq!(window_when(&server, "codex", 10_080, |_| true)["used_percent"], 7.0);
    let (_, metrics) = server.get("/metrics");
    assert!(
        metrics.contains("forgecast_limit_used_percent{window=\"codex_five_hours\"} 42.5"),
        "{metrics}"
    );
    assert!(
        metrics.contains("forgecast_limit_resets_timestamp_seconds{window=\"codex_week\"}"),
        "{metrics}"
    );
    let (code, status, _) = world.run(&["status", ID]);
    assert!(
        code == 0 && status.contains("Codex, five hours: 42 % used, 42 % by this session, reset"),
        "{status}"
    );

    // Killed, and started again: what was read is there without a file that says it.
    server.kill();
    fs::remove_file(&file).unwrap();
    let server = world.serve();
    assert_eq!(window_when(&server, "codex", 300, |_| true)["used_percent"], 42.5);
}

#[test]
fn marks_are_called_for_and_stand_in_the_row_of_the_session() {
    let world = World::new();
    let folder = world.path("home/.codex/sessions/2026/12/01");
    fs::create_dir_all(&folder).unwrap();
    let server = world.serve();
    let file = folder.join(format!("rollout-2026-12-01T08-00-00-{ID}.jsonl"));
    fs::write(&file, rollout(&[40.0, 92.0])).unwrap();
    let row = eventually("the limit stands in the row", || {
        let rows = server.json("/api/v1/sessions");
        let row = rows["sessions"].as_array().unwrap().first()?.clone();
        (row["attention"]["kind"] == "limit").then_some(row)
    });
    assert_eq!(row["attention"]["level"], "critical");
    let text = row["attention"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Codex, five hours: 92 % used, 92 % by this session"),
        "{text}"
    );
}
