//! Rollouts of Codex.

use forgecast_decode::transcript::Depth;
use serde_json::{Value, json};

use super::transcripts::{agent, calls, read, shown};

const ID: &str = "0199a1b2-0000-7000-8000-0123456789ab";
const CHILD: &str = "0199a1b2-0000-7000-8000-0123456789ac";

pub(super) fn path(id: &str) -> String {
    format!("sessions/2026/11/21/rollout-2026-11-21T08-00-00-{id}.jsonl")
}

pub(super) fn line(second: u32, kind: &str, payload: Value) -> Value {
    let timestamp = format!("2026-11-21T08:{:02}:{:02}.000Z", second / 60, second % 60);
    json!({"timestamp": timestamp, "type": kind, "payload": payload})
}

fn event(second: u32, kind: &str, mut payload: Value) -> Value {
    payload["type"] = json!(kind);
    line(second, "event_msg", payload)
}

fn item(second: u32, kind: &str, mut payload: Value) -> Value {
    payload["type"] = json!(kind);
    line(second, "response_item", payload)
}

fn tokens(input: u64, cached: u64, output: u64) -> Value {
    json!({"input_tokens": input, "cached_input_tokens": cached, "output_tokens": output, "reasoning_output_tokens": output / 2,
        "total_tokens": input + output})
}

fn counted(second: u32, total: (u64, u64, u64), last: Option<(u64, u64, u64)>) -> Value {
    let of = |(input, cached, output)| tokens(input, cached, output);
    event(
        second,
        "token_count",
        json!({"info": {"total_token_usage": of(total), "last_token_usage": last.map(of), "model_context_window": 272_000},
        "rate_limits": null}),
    )
}

pub(super) fn rollout() -> Vec<Value> {
    vec![
        line(
            0,
            "session_meta",
            json!({"id": ID, "timestamp": "2026-11-21T08:00:00Z", "cwd": "/srv/weather", "originator": "codex_cli_rs",
            "git": {"branch": "main"}}),
        ),
        event(
            1,
            "user_message",
            json!({"message": "<environment_context>here</environment_context>"}),
        ),
        event(1, "user_message", json!({"message": "Add a forecast"})),
        event(1, "task_started", json!({})),
        line(
            2,
            "turn_context",
            json!({"cwd": "/srv/weather", "model": "gpt-5.4", "effort": "high"}),
        ),
        event(3, "token_count", json!({"info": null, "rate_limits": {"primary": 1}})),
        item(4, "reasoning", json!({"summary": []})),
        item(
            4,
            "function_call",
            json!({"name": "shell", "arguments": "{\"command\":[\"bash\",\"-lc\",\"npm test\"]}", "call_id": "call_1"}),
        ),
        item(
            5,
            "function_call_output",
            json!({"call_id": "call_1", "output": "{\"output\":\"2 failed\\n\",\"metadata\":{\"exit_code\":1}}"}),
        ),
        counted(6, (1_000, 400, 50), Some((1_000, 400, 50))),
        counted(7, (1_000, 400, 50), Some((1_000, 400, 50))),
        item(
            8,
            "custom_tool_call",
            json!({"name": "apply_patch", "call_id": "call_2",
            "input": "*** Begin Patch\n*** Update File: src/parser.rs\n+x\n*** Add File: src/day.rs\n"}),
        ),
        item(
            9,
            "custom_tool_call_output",
            json!({"call_id": "call_2", "output": "Exit code: 0\nWall time: 1 s\nOutput:\nok"}),
        ),
        counted(10, (2_500, 1_300, 80), None),
        item(
            11,
            "web_search_call",
            json!({"status": "completed", "action": {"type": "search", "query": "open weather data"}}),
        ),
        event(
            12,
            "exec_approval_request",
            json!({"call_id": "call_3", "command": ["rm", "-r", "target"]}),
        ),
        item(
            20,
            "function_call_output",
            json!({"call_id": "call_3", "output": "Exit code: 2\nOutput:\nno such folder"}),
        ),
        event(21, "error", json!({"message": "stream disconnected"})),
        event(22, "agent_message", json!({"message": "It is done.\nTests pass."})),
        counted(23, (2_600, 1_300, 90), Some((100, 0, 10))),
        event(24, "task_complete", json!({"last_agent_message": "It is done."})),
        line(25, "compacted", json!({"message": "so far"})),
        event(26, "unheard_of", json!({})),
        line(27, "unheard_of", json!({})),
    ]
}

#[test]
fn a_rollout_becomes_calls_tools_waits_errors_and_a_log() {
    let taken = read(agent("codex"), &path(ID), &rollout(), Depth::Everything);
    insta::assert_json_snapshot!(shown(&taken));
}

#[test]
fn of_an_archive_only_usage_and_titles_are_taken() {
    let taken = read(agent("codex"), &path(ID), &rollout(), Depth::UsageOnly);
    let whole = read(agent("codex"), &path(ID), &rollout(), Depth::Everything);
    assert_eq!(calls(&taken), calls(&whole));
    assert_eq!((taken.logs.len(), taken.events.len()), (0, 3 + 2));
}

#[test]
fn what_was_cached_is_not_input_and_a_total_that_did_not_move_is_no_call() {
    let taken = read(agent("codex"), &path(ID), &rollout(), Depth::UsageOnly);
    let tokens: Vec<_> = calls(&taken)
        .iter()
        .map(|call| (call.tokens.input, call.tokens.cache_read, call.tokens.output))
        .collect();
    assert_eq!(tokens, [(600, 400, 50), (600, 900, 30), (100, 0, 10)]);
}

#[test]
fn a_replayed_history_keeps_the_names_of_its_calls() {
    let parent = rollout();
    let spawned = json!({"subagent": {"thread_spawn": {"parent_thread_id": ID, "depth": 1}}});
    for meta in [
        json!({"id": CHILD, "cwd": "/srv/weather", "forked_from_id": ID}),
        json!({"id": CHILD, "cwd": "/srv/weather", "source": spawned}),
    ] {
        let mut child = vec![line(100, "session_meta", meta)];
        child.extend(parent.iter().cloned().map(|mut line| {
            line["timestamp"] = json!("2026-11-21T08:01:40.000Z");
            line
        }));
        child.push(counted(110, (3_000, 1_300, 99), Some((400, 0, 9))));
        let of = |path: &str, lines: &[Value]| -> Vec<Option<String>> {
            let taken = read(agent("codex"), path, lines, Depth::UsageOnly);
            calls(&taken).into_iter().map(|call| call.call.message).collect()
        };
        let (own, replayed) = (of(&path(ID), &parent), of(&path(CHILD), &child));
        assert_eq!(replayed[..3], own[..]);
        assert!(replayed.len() == 4 && !own.contains(&replayed[3]));
    }
}

#[test]
fn an_unknown_model_is_none_and_never_guessed() {
    let taken = read(
        agent("codex"),
        &path(ID),
        &[counted(1, (10, 0, 5), None)],
        Depth::UsageOnly,
    );
    assert_eq!(calls(&taken)[0].model, None);
}
