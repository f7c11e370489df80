//! Hard budgets: agents whose transcripts are read here are stopped once one is spent, and go on once it is raised.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::transcripts::ago;
use crate::world::{Server, World, eventually, request};

const AGENT: &str = "0b3c0000-1111-4222-8333-444455556666";
const OTHER: &str = "0b3c0000-aaaa-4bbb-8ccc-ddddeeeeffff";

/// A call that costs half a dollar, as a transcript tells it.
fn call(agent: &str, folder: &str, number: usize) -> String {
    let message = json!({
        "id": format!("msg_{agent}_{number}"), "role": "assistant", "model": "claude-opus-4-8",
        "content": [{"type": "text", "text": "Working."}],
        "usage": {"input_tokens": 0, "output_tokens": 20_000},
    });
    let line = json!({
        "type": "assistant", "sessionId": agent, "cwd": folder, "timestamp": ago(0), "uuid": format!("u{agent}{number}"),
        "requestId": format!("req_{agent}_{number}"), "message": message,
    });
    format!("{line}\n")
}

/// Adds calls to an agent's transcript.
fn spend(world: &World, agent: &str, folder: &str, calls: std::ops::Range<usize>) {
    let projects = world.path("home/.claude/projects").join(folder.replace('/', "-"));
    fs::create_dir_all(&projects).unwrap();
    let file = projects.join(format!("{agent}.jsonl"));
    let mut file = fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
    for number in calls {
        file.write_all(call(agent, folder, number).as_bytes()).unwrap();
    }
}

fn hook(server: &Server, agent: &str, event: &str) -> (u16, Value) {
    let body = json!({"session_id": agent, "hook_event_name": event, "tool_name": "Bash", "cwd": "/srv/shop",
        "tool_use_id": "toolu_1", "tool_input": {"command": "ls"}});
    let (status, answer) = request(server.address(), "POST", "/api/v1/hooks/claude", &body.to_string());
    (status, serde_json::from_str(&answer).unwrap_or(Value::Null))
}

fn spent(server: &Server, budget: &str) -> f64 {
    let budgets = server.json("/api/v1/budgets")["budgets"].as_array().unwrap().clone();
    let found = budgets.into_iter().find(|one| one["budget"] == budget);
    found.map_or(0.0, |one| one["spent_usd"].as_f64().unwrap())
}

fn spent_when(server: &Server, budget: &str, usd: f64) {
    eventually(&format!("{budget} has spent {usd}"), || {
        ((spent(server, budget) - usd).abs() < 1e-9).then_some(())
    });
}

fn configure(world: &World, budgets: &str) {
    fs::write(world.path("projects/forgecast.toml"), format!("[budgets]\n{budgets}\n")).unwrap();
}

#[test]
fn an_agent_is_stopped_once_its_budget_is_spent_and_goes_on_once_it_is_raised() {
    let world = World::new();
    configure(&world, "session_usd = 2\nday_usd = 4\nhard = [\"session\", \"day\"]");
    spend(&world, AGENT, "/srv/shop", 0..3);
    let server = world.serve();
    spent_when(&server, "day", 1.5);
    assert_eq!(hook(&server, AGENT, "PreToolUse"), (204, Value::Null));
    spend(&world, AGENT, "/srv/shop", 3..4);
    spent_when(&server, "day", 2.0);

    let (status, answer) = hook(&server, AGENT, "PreToolUse");
    let answer = &answer["hookSpecificOutput"];
    assert_eq!((status, &answer["permissionDecision"]), (200, &json!("deny")));
    let reason = answer["permissionDecisionReason"].as_str().unwrap();
    assert_eq!(
        reason,
        format!(
            "Forgecast: the hard budget of this session is used up, $2.00 of $2.00 are spent. Ask the user to raise it: \
             forgecast budget raise session/{AGENT} 4.00"
        )
    );
    let (_, answer) = hook(&server, AGENT, "UserPromptSubmit");
    assert_eq!(
        (&answer["decision"], &answer["reason"]),
        (&json!("block"), &json!(reason))
    );
    assert_eq!(hook(&server, AGENT, "PostToolUse"), (204, Value::Null));
    assert_eq!(
        hook(&server, OTHER, "PreToolUse"),
        (204, Value::Null),
        "never read here"
    );

    // It is shown, counted, and a fact.
    let view = server.view_when(AGENT, |view| view["usage"]["denied"] == 2);
    let decisions = view["decisions"]["recent"].as_object().unwrap();
    let titles: Vec<&Value> = decisions.values().map(|decision| &decision["title"]).collect();
    assert_eq!(titles, [&json!("Stopped: the budget of this session is used up")]);
    let marks = server.json(&format!("/api/v1/sessions/{AGENT}/timeline"))["marks"].clone();
    let marks = marks
        .as_array()
        .unwrap()
        .iter()
        .filter(|mark| mark["label"] == "stopped by a hard budget");
    assert!(marks.count() >= 1);
    let (_, events) = server.get(&format!("/api/v1/sessions/{AGENT}/events"));
    assert_eq!(events.matches("\"budget_denied\"").count(), 2, "{events}");
    let (_, metrics) = server.get("/metrics");
    assert!(metrics.contains("forgecast_budget_denials_total 2"), "{metrics}");

    // The address alone is no proof.
    let raise = json!({"budget": format!("session/{AGENT}"), "usd": 3}).to_string();
    assert_eq!(
        request(server.address(), "POST", "/api/v1/budgets/raise", &raise).0,
        403
    );
    let (code, said, errors) = world.run(&["budget", "raise", &format!("session/{AGENT}"), "3"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(said, format!("session/{AGENT}: $2.00 of $3.00 spent\n"));
    assert_eq!(hook(&server, AGENT, "PreToolUse"), (204, Value::Null));
    server.view_when(AGENT, |view| {
        view["decisions"].to_string().contains("A budget was raised")
    });

    // The day's is the next one, and both are as they were after a crash.
    spend(&world, OTHER, "/srv/blog", 0..4);
    spent_when(&server, "day", 4.0);
    assert_eq!(hook(&server, AGENT, "PreToolUse").0, 200);
    server.kill();
    let server = world.serve();
    spent_when(&server, "day", 4.0);
    spent_when(&server, &format!("session/{AGENT}"), 2.0);
    let (_, answer) = hook(&server, AGENT, "UserPromptSubmit");
    assert!(
        answer["reason"].as_str().unwrap().contains("hard budget of the day"),
        "{answer}"
    );
    let (code, said, _) = world.run(&["budget", "clear", "day"]);
    assert!(code == 0 && said.contains("nobody is stopped"), "{said}");
    assert_eq!(
        hook(&server, AGENT, "PreToolUse"),
        (204, Value::Null),
        "3 dollars are allowed"
    );
    let (code, list, _) = world.run(&["budget", "list"]);
    assert!(code == 0 && list.contains("day") && list.contains("cleared"), "{list}");
    let (code, _, errors) = world.run(&["budget", "raise", "month", "3"]);
    assert!(code != 0 && errors.contains("no hard budget is called"), "{errors}");
}

#[test]
fn nothing_that_is_sent_stops_an_agent() {
    let world = World::new();
    configure(
        &world,
        "session_usd = 1\nproject_usd = 1\nday_usd = 1\nmonth_usd = 1\nhard = [\"session\", \"project\", \"day\", \"month\"]",
    );
    spend(&world, AGENT, "/srv/shop", 0..1);
    let server = world.serve();
    spent_when(&server, "day", 0.5);
    let usage = json!({"type": "usage_recorded", "session_id": AGENT, "data": {"input_tokens": 1, "cost_usd": 500.0}});
    let call = json!({"type": "call_reported", "session_id": AGENT, "data": {"source": "transcript",
        "message_id": "msg_x", "model": "claude-opus-4-8", "output": 100_000_000, "cost_usd": 500.0}});
    let time = format!(
        "{}",
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos()
    );
    let value = |text: &str| json!({"stringValue": text});
    let attribute = |key: &str, text: &str| json!({"key": key, "value": value(text)});
    let log = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": time, "body": value("claude_code.api_request"),
        "attributes": [attribute("event.name", "api_request"), attribute("session.id", AGENT),
            attribute("model", "claude-opus-4-8"), attribute("request_id", "req_x"), attribute("cost_usd", "500"),
            attribute("output_tokens", "20000000")]}]}]}]});
    for (path, body) in [
        ("/api/v1/events", usage.to_string()),
        ("/api/v1/events", call.to_string()),
        ("/v1/logs", log.to_string()),
    ] {
        let (status, answer) = request(server.address(), "POST", path, &body);
        assert!(status < 500, "{path}: {status} {answer}");
    }
    // What was sent counts everywhere else.
    eventually("the telemetry counts", || {
        let stats = server.json("/api/v1/stats");
        (stats["totals"]["cost_usd"].as_f64()? > 100.0).then_some(())
    });
    assert!((spent(&server, "day") - 0.5).abs() < 1e-9);
    for event in ["PreToolUse", "UserPromptSubmit"] {
        assert_eq!(hook(&server, AGENT, event), (204, Value::Null));
    }
    // One transcript more in the folder of this name, and the project's is spent.
    spend(&world, OTHER, "/home/dev/shop", 0..1);
    spent_when(&server, "day", 1.0);
    let (_, answer) = hook(&server, OTHER, "UserPromptSubmit");
    assert!(
        answer["reason"]
            .as_str()
            .unwrap()
            .contains("forgecast budget raise project/shop 2.00"),
        "{answer}"
    );
}

#[test]
fn a_hard_budget_needs_an_amount() {
    let world = World::new();
    configure(&world, "hard = [\"day\"]");
    let (code, _, errors) = world.run(&["config", "show"]);
    assert_ne!(code, 0);
    assert!(
        errors.contains("budgets.hard") && errors.contains("set budgets.day_usd"),
        "{errors}"
    );
}
