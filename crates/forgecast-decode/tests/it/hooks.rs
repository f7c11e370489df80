//! Hooks of Claude Code and Codex.

use forgecast_decode::agents::{Agent, claude_hook, claude_status_line};
use forgecast_decode::clean::Cleaner;
use forgecast_protocol::event::Fact;
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Batch, SourceKind};
use serde_json::{Value, json};

use super::transcripts::now;

pub(super) fn body(event: &str, more: Value) -> Value {
    let mut body = json!({"session_id": "5f1c", "transcript_path": "/home/dev/.claude/projects/-srv-weather/5f1c.jsonl",
        "cwd": "/srv/weather", "permission_mode": "default", "hook_event_name": event});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn taken(body: &Value) -> Batch {
    claude_hook(body.to_string().as_bytes(), &Cleaner::default(), now()).unwrap()
}

pub(super) fn all() -> Vec<Value> {
    let bash = json!({"tool_name": "Bash", "tool_input": {"command": "npm install"}, "tool_use_id": "toolu_1"});
    let with = |more: Value| {
        let mut whole = bash.clone();
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        whole
    };
    vec![
        body("SessionStart", json!({"source": "startup"})),
        body("UserPromptSubmit", json!({"prompt": "Add a forecast"})),
        body("PreToolUse", bash.clone()),
        body("PermissionRequest", bash.clone()),
        body(
            "Notification",
            json!({"message": "Claude needs your permission to use Bash", "notification_type": "permission_prompt"}),
        ),
        body(
            "PostToolUse",
            with(json!({"tool_response": {"stdout": "ok"}, "duration_ms": 12})),
        ),
        body(
            "PostToolUseFailure",
            with(json!({"error": "exit 1", "tool_use_id": "toolu_2"})),
        ),
        body("SubagentStart", json!({"agent_id": "a77", "agent_type": "scout"})),
        body("PreToolUse", with(json!({"agent_id": "a77", "tool_use_id": "toolu_3"}))),
        body("SubagentStop", json!({"agent_id": "a77", "agent_type": "scout"})),
        body(
            "PostToolUse",
            json!({"tool_name": "Task", "tool_use_id": "toolu_4", "tool_input": {"subagent_type": "scout", "description": "Find it"},
            "tool_response": {"status": "completed", "agentId": "a77", "totalTokens": 43_179, "usage": {"input_tokens": 5}}}),
        ),
        body(
            "PreToolUse",
            json!({"tool_name": "AskUserQuestion", "tool_use_id": "toolu_5", "tool_input": {"questions": [{"question": "Celsius?"}]}}),
        ),
        body("PreCompact", json!({"trigger": "auto"})),
        body(
            "Stop",
            json!({"stop_hook_active": false, "background_tasks": [{"id": "b1", "status": "running"}]}),
        ),
        body(
            "Stop",
            json!({"stop_hook_active": false, "background_tasks": [{"id": "b1", "status": "completed"}]}),
        ),
        body(
            "Notification",
            json!({"message": "Claude is waiting for your input", "notification_type": "idle_prompt"}),
        ),
        body(
            "Notification",
            json!({"message": "Signed in", "notification_type": "auth_success"}),
        ),
        body("StopFailure", json!({"error": "rate_limit"})),
        body("SomethingNew", json!({"data": {"deep": [1]}})),
        body("SessionEnd", json!({"reason": "logout"})),
    ]
}

#[test]
fn every_event_becomes_what_it_means_for_the_session() {
    let shown: Vec<Value> = all()
        .iter()
        .map(|body| {
            let facts: Vec<Fact> = taken(body).events.into_iter().map(|event| event.fact).collect();
            json!({ body["hook_event_name"].as_str().unwrap(): facts })
        })
        .collect();
    insta::assert_json_snapshot!(shown);
    for event in all().iter().flat_map(|body| taken(body).events) {
        assert_eq!(event.subject.transcript.as_ref().unwrap().as_str(), "5f1c");
        assert_eq!(event.subject.directory.as_deref(), Some("/srv/weather"));
        assert_eq!((event.origin.kind, event.at), (SourceKind::Hook, now()));
    }
}

#[test]
fn the_same_event_has_the_same_id_and_no_two_facts_share_one() {
    let ids = |later: i64, body: &Value| -> Vec<String> {
        let bytes = body.to_string();
        let batch = claude_hook(bytes.as_bytes(), &Cleaner::default(), now().plus_millis(later)).unwrap();
        batch
            .events
            .iter()
            .map(|event| event.id.as_ref().unwrap().to_string())
            .collect()
    };
    let mut seen = std::collections::BTreeSet::new();
    for body in all() {
        assert_eq!(ids(0, &body), ids(900, &body));
        for id in ids(0, &body) {
            assert!(seen.insert(id), "{body}");
        }
    }
    let tool = body("PostToolUse", json!({"tool_name": "Bash", "tool_use_id": "toolu_1"}));
    let mut longer = tool.clone();
    longer["duration_ms"] = json!(7);
    assert_eq!(
        ids(0, &tool),
        ids(3_600_000, &longer),
        "a use of a tool is known by its id"
    );
    let idle = body("Stop", json!({}));
    assert_ne!(
        ids(0, &idle),
        ids(3_600_000, &idle),
        "an hour later it is another turn that ends"
    );
}

#[test]
fn what_is_waited_for_is_said_with_the_tool() {
    let waits: Vec<(String, Option<WaitingFor>)> = all()
        .iter()
        .flat_map(|body| taken(body).events)
        .filter_map(|event| match event.fact {
            Fact::WaitingBegan(wait) => Some((wait.reason, wait.waiting_for)),
            _ => None,
        })
        .collect();
    assert_eq!(
        waits[0],
        ("Wants to run: npm install".to_owned(), Some(WaitingFor::Permission))
    );
    assert!(
        waits
            .iter()
            .any(|wait| *wait == ("Celsius?".to_owned(), Some(WaitingFor::Answer)))
    );
}

#[test]
fn what_is_no_hook_is_refused_and_a_wrong_field_costs_only_itself() {
    for bad in [
        "",
        "[]",
        "null",
        "{",
        "{}",
        "{\"session_id\": 7}",
        "\"x\"",
        "{\"session_id\":\"a\"} x",
    ] {
        assert!(
            claude_hook(bad.as_bytes(), &Cleaner::default(), now()).is_err(),
            "{bad}"
        );
    }
    for field in [
        "cwd",
        "hook_event_name",
        "tool_name",
        "tool_input",
        "tool_use_id",
        "tool_response",
        "agent_id",
        "background_tasks",
    ] {
        for value in [json!(null), json!(1), json!([]), json!({}), json!([[1]]), json!("")] {
            let mut body = body("PostToolUse", json!({"tool_name": "Bash", "tool_use_id": "toolu_1"}));
            body[field] = value.clone();
            assert!(!taken(&body).events.is_empty(), "{field}: {value}");
        }
    }
}

#[test]
fn a_status_line_says_how_much_of_the_plan_is_used_up_and_nothing_else() {
    let windows = json!({
        "five_hour": {"used_percentage": 42.5, "resets_at": 1_796_027_449},
        "seven_day": {"used_percentage": 11, "resets_at": 1_796_420_449_u64},
        "seven_day_opus": {"used_percentage": 3},
        "spend_limit": {"used_percentage": 9, "resets_at": 1_796_420_449_u64},
        "overage": 7,
    });
    let batch = taken(&body("Status", json!({"rate_limits": windows, "account": "work"})));
    let said = batch.events.iter().map(|event| match &event.fact {
        Fact::LimitReported(limit) => {
            let ends = limit.resets_at.map(|at| at.as_millis() / 1_000);
            (limit.window_minutes, limit.scope.clone(), limit.used_percent, ends)
        }
        other => panic!("{other:?}"),
    });
    let expected = [
        (300, None, 42.5, Some(1_796_027_449)),
        (10_080, None, 11.0, Some(1_796_420_449)),
        (10_080, Some("opus".to_owned()), 3.0, None),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    for event in &batch.events {
        assert!(matches!(&event.fact, Fact::LimitReported(limit)
            if limit.agent == "claude" && limit.account.as_deref() == Some("work") && limit.observed_at == now()));
    }
    assert!(taken(&body("Status", json!({}))).events.is_empty());
}

#[test]
fn a_status_line_is_read_field_by_field() {
    let line = |input: Value| {
        let cleaner = Cleaner::default();
        claude_status_line(input.to_string().as_bytes(), None, &cleaner, now()).unwrap()
    };
    let whole = line(json!({
        "session_id": "5f1c", "model": {"id": "claude-opus-4-6", "display_name": "Opus 4.6\u{1b}[31m"},
        "cost": {"total_cost_usd": 1.25}, "context_window": {"used_percentage": 37},
        "rate_limits": {"five_hour": {"used_percentage": 42, "resets_at": 1_796_027_449}},
    }));
    assert_eq!(
        (whole.session.as_deref(), whole.model.as_deref()),
        (Some("5f1c"), Some("Opus 4.6"))
    );
    assert_eq!(
        (whole.session_usd, whole.context_percent, whole.limits.len()),
        (Some(1.25), Some(37.0), 1)
    );
    let odd = line(json!({"session_id": 7, "model": "opus", "cost": {"total_cost_usd": -1}, "rate_limits": []}));
    assert_eq!((odd.model, odd.session_usd, odd.limits), (None, None, Vec::new()));
    assert!(claude_status_line(b"[]", None, &Cleaner::default(), now()).is_err());
    assert!(claude_status_line(b"", None, &Cleaner::default(), now()).is_err());
}

fn facts(body: &Value) -> Vec<Fact> {
    taken(body).events.into_iter().map(|event| event.fact).collect()
}

#[test]
fn tasks_and_teammates_of_an_agent_are_known_by_their_names() {
    let created = body(
        "TaskCreated",
        json!({"task_id": "3", "task_subject": "Write the parser", "teammate_name": "ada"}),
    );
    let [Fact::TaskReported(task)] = &facts(&created)[..] else {
        panic!("{:?}", facts(&created));
    };
    assert_eq!(
        (task.id.as_str(), task.description.as_deref(), task.status.as_deref()),
        ("3", Some("Write the parser"), Some("pending"))
    );
    let completed = body(
        "TaskCompleted",
        json!({"task_id": "3", "task_subject": "Write the parser"}),
    );
    assert!(
        matches!(&facts(&completed)[..], [Fact::TaskReported(task)] if task.status.as_deref() == Some("completed"))
    );
    let idle = body("TeammateIdle", json!({"teammate_name": "ada", "team_name": "parsers"}));
    let [Fact::AgentReported(agent)] = &facts(&idle)[..] else {
        panic!("{:?}", facts(&idle));
    };
    assert_eq!((agent.id.as_str(), agent.status.as_deref()), ("ada", Some("idle")));
    for event in ["TaskCreated", "TaskCompleted", "TeammateIdle"] {
        assert!(
            matches!(&facts(&body(event, json!({})))[..], [Fact::Custom(_)]),
            "{event}"
        );
    }
}

#[test]
fn a_tool_that_was_denied_did_not_run_and_nobody_waits_for_it() {
    let denied = body(
        "PermissionDenied",
        json!({"tool_name": "Bash", "tool_input": {"command": "rm -r /"}, "tool_use_id": "toolu_9", "reason": "destructive"}),
    );
    let [Fact::ToolUsed(used), Fact::WaitingEnded(over)] = &facts(&denied)[..] else {
        panic!("{:?}", facts(&denied));
    };
    assert_eq!((used.tool.as_str(), used.success), ("Bash", Some(false)));
    assert_eq!(over.use_id.as_deref(), Some("toolu_9"));
}

#[test]
fn a_failed_turn_says_the_kind_of_its_error_and_the_details() {
    let failed = body(
        "StopFailure",
        json!({"error": "overloaded", "error_details": "529 Overloaded"}),
    );
    let [Fact::ErrorReported(error), Fact::WaitingBegan(wait)] = &facts(&failed)[..] else {
        panic!("{:?}", facts(&failed));
    };
    assert_eq!(
        (error.message.as_str(), wait.reason.as_str()),
        ("overloaded: 529 Overloaded", "overloaded: 529 Overloaded")
    );
}

#[test]
fn hooks_of_codex_say_the_same_of_its_session() {
    let hooks = Agent::by_key("codex").unwrap().hooks.unwrap();
    let taken = |event: &str, more: Value| {
        let mut body = json!({"session_id": "01a22b29-2e42", "turn_id": "t1", "transcript_path": null, "cwd": "/srv/weather",
            "hook_event_name": event, "model": "gpt-5.5", "permission_mode": "default"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (hooks.decode)(body.to_string().as_bytes(), &Cleaner::default(), now())
            .unwrap()
            .events
    };
    let shell = json!({"tool_name": "Bash", "tool_input": {"command": "cargo test"}, "tool_use_id": "call_1"});
    let events = taken("PreToolUse", shell.clone());
    assert_eq!(events[0].subject.transcript.as_ref().unwrap().as_str(), "01a22b29-2e42");
    assert_eq!(events[0].origin.path.as_deref(), Some("/api/v1/hooks/codex"));
    assert!(matches!(&events[0].fact, Fact::ToolUsed(used)
        if used.tool == "shell" && used.summary.as_deref() == Some("cargo test") && used.use_id.as_deref() == Some("call_1")));
    let asked = taken("PermissionRequest", shell);
    assert!(matches!(&asked[0].fact, Fact::WaitingBegan(wait)
        if wait.reason == "Wants to run: cargo test" && wait.waiting_for == Some(WaitingFor::Permission)));
    let question = taken(
        "PreToolUse",
        json!({"tool_name": "request_user_input", "tool_use_id": "call_2"}),
    );
    assert!(matches!(&question[1].fact, Fact::WaitingBegan(wait) if wait.waiting_for == Some(WaitingFor::Answer)));
    let stopped = taken("Interrupt", json!({}));
    assert!(matches!(&stopped[0].fact, Fact::WaitingBegan(wait) if wait.reason == "Stopped by the user"));
    let over = taken(
        "Stop",
        json!({"stop_hook_active": false, "last_assistant_message": "Done"}),
    );
    assert!(
        matches!(&over[..], [event] if matches!(&event.fact, Fact::WaitingBegan(wait) if wait.reason == "Finished its turn"))
    );
    assert!((hooks.decode)(b"{}", &Cleaner::default(), now()).is_err());
}
