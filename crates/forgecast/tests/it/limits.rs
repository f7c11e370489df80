//! How much of a plan is used up: read from rollouts, told by a status line with and without a server, and by what agents
//! print; shown in the API, the metrics and the terminal.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// Runs a command with an input: exit code and standard output.
fn run_with(world: &World, arguments: &[&str], input: &str) -> (i32, String, Duration) {
    let mut command = world.command(arguments);
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that ends without reading closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let took = began.elapsed();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text, took)
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

fn status_line(percent: f64) -> String {
    json!({
        "hook_event_name": "Status", "session_id": "5f1c", "cwd": "/srv/weather",
        "model": {"id": "claude-opus-4-6", "display_name": "Opus 4.6"},
        "cost": {"total_cost_usd": 1.5}, "context_window": {"used_percentage": 37},
        "rate_limits": {"five_hour": {"used_percentage": percent, "resets_at": now() + 3_600}},
    })
    .to_string()
}

#[test]
fn a_status_line_is_printed_and_what_it_says_is_sent() {
    let world = World::new();
    let server = world.serve();
    let (code, text, _) = run_with(&world, &["statusline"], &status_line(42.0));
    assert!(
        code == 0 && text.starts_with("Opus 4.6 · context 37 % · $1.50"),
        "{text}"
    );
    assert!(
        text.contains(" · 5h 42 %, 1h left") || text.contains(" · 5h 42 %, 60m left"),
        "{text}"
    );
    let window = window_when(&server, "claude", 300, |window| window["used_percent"] == 42.0);
    assert_eq!(window["source"], "status_line");
    assert_eq!(
        server.json("/api/v1/sessions")["sessions"],
        json!([]),
        "a line that is drawn is no session"
    );
    let (_, text, _) = run_with(
        &world,
        &["statusline", "--account", "work", "--template", "{model}"],
        &status_line(7.0),
    );
    assert_eq!(text, "Opus 4.6\n");
    window_when(&server, "claude", 300, |window| {
        window["account"] == "work" || window["account"].is_null()
    });
    let accounts = eventually("both accounts are known", || {
        let windows = windows(&server);
        (windows.len() == 2).then_some(windows)
    });
    assert!(
        accounts
            .iter()
            .any(|window| window["account"] == "work" && window["used_percent"] == 7.0)
    );
}

#[test]
fn without_a_server_a_status_line_is_kept_once_and_delivered_later() {
    let world = World::new();
    let input = status_line(42.0);
    for _ in 0..3 {
        let (code, text, _) = run_with(&world, &["statusline"], &input);
        assert!(code == 0 && text.contains("5h 42 %"), "{text}");
    }
    let spool = world.path("home/.local/share/forgecast/spool");
    let waiting = || {
        let files = fs::read_dir(&spool).unwrap().flatten();
        files
            .filter(|file| file.path().extension().is_some_and(|end| end == "json"))
            .count()
    };
    assert_eq!(waiting(), 1, "it said the same three times");
    let server = world.serve();
    window_when(&server, "claude", 300, |window| window["used_percent"] == 42.0);
    eventually("the spool is empty", || (waiting() == 0).then_some(()));
}

#[test]
fn a_status_line_never_fails_and_passes_the_users_own_through() {
    let world = World::new();
    for input in [
        "",
        "hello",
        "[]",
        "{\"model\": 7}",
        "{\"rate_limits\": {\"five_hour\": 3}}",
    ] {
        let (code, text, _) = run_with(&world, &["statusline"], input);
        assert_eq!((code, text.as_str()), (0, "\n"), "{input}");
    }
    let own = [
        "statusline",
        "--command",
        "sed 's/.*session_id.:.\\(5f1c\\).*/mine: \\1/'",
    ];
    let (_, text, _) = run_with(&world, &own, &status_line(1.0));
    assert_eq!(text, "mine: 5f1c\n");
    let both = [
        "statusline",
        "--command",
        "printf mine",
        "--template",
        "{command}|{model}",
    ];
    assert_eq!(run_with(&world, &both, &status_line(1.0)).1, "mine · Opus 4.6\n");
    let broken = ["statusline", "--command", "exit 3", "--template", "{command}|{model}"];
    assert_eq!(run_with(&world, &broken, &status_line(1.0)).1, "Opus 4.6\n");
}

/// How long a status line takes: printed, never asserted, since this machine has other things to do.
#[test]
fn a_status_line_costs_its_agent_little() {
    let world = World::new();
    let server = world.serve();
    let figures = |what: &str| {
        let times = (0..40).map(|step| run_with(&world, &["statusline"], &status_line(f64::from(step))).2);
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        println!("{what}: median {:?}, slowest {:?}", times[20], times[39]);
    };
    figures("with a server");
    server.kill();
    figures("without one");
}

#[test]
fn a_run_is_shown_by_what_it_prints() {
    let world = World::new();
    let server = world.serve();
    let usage = json!({"input_tokens": 11, "output_tokens": 7});
    let lines = [
        json!({"type": "system", "subtype": "init", "cwd": "/srv/tide", "session_id": "5f1c", "model": "claude-sonnet-4-5"}),
        json!({"type": "assistant", "session_id": "5f1c", "message": {"id": "msg_1", "role": "assistant",
            "model": "claude-sonnet-4-5", "usage": usage,
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}]}}),
        json!({"type": "rate_limit_event", "session_id": "5f1c", "rate_limit_info": {"status": "allowed",
            "resetsAt": now() + 3_600, "rateLimitType": "five_hour", "utilization": 0.5}}),
        json!({"type": "result", "subtype": "success", "is_error": false, "result": "Done.", "session_id": "5f1c"}),
    ];
    let output = lines.map(|line| line.to_string()).join("\n");
    let (code, text, _) = run_with(&world, &["ingest", "-"], &output);
    assert_eq!((code, text.as_str()), (0, ""));
    let view = server.view_when("5f1c", |view| view["status"] == "completed");
    assert_eq!(
        (&view["source"], &view["working_directory"]),
        (&json!("transcript"), &json!("/srv/tide"))
    );
    let usage = &view["usage"];
    assert_eq!(
        (&usage["input"], &usage["output"], &usage["calls"]),
        (&json!(11), &json!(7), &json!(1)),
        "{usage}"
    );
    assert_eq!(window_when(&server, "claude", 300, |_| true)["used_percent"], 50.0);
}

#[test]
fn a_run_without_a_server_is_delivered_later_and_what_is_none_is_refused() {
    let world = World::new();
    let lines = [
        json!({"type": "thread.started", "thread_id": ID}),
        json!({"type": "turn.started"}),
        json!({"type": "item.completed", "item": {"id": "item_0", "type": "command_execution", "command": "cargo test",
            "aggregated_output": "", "exit_code": 0, "status": "completed"}}),
        json!({"type": "turn.failed", "error": {"message": "the stream broke"}}),
    ];
    let output = lines.map(|line| line.to_string()).join("\n");
    assert_eq!(
        run_with(&world, &["ingest", "-", "--dir", "/srv/weather"], &output).0,
        0
    );
    let server = world.serve();
    let view = server.view_when(ID, |view| view["status"] == "failed");
    assert_eq!(view["working_directory"], "/srv/weather");
    assert!(
        view["status_reason"].as_str().unwrap().contains("the stream broke"),
        "{view}"
    );
    let (code, _, error) = world.run(&["ingest", "-"]);
    assert!(code == 1 && error.contains("no output of an agent"), "{error}");
}
