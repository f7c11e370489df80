//! Lines of Claude Code's transcripts, invented for tests.

use serde_json::{Value, json};

/// A line with what all lines have.
pub(super) fn line(second: u32, kind: &str, more: Value) -> Value {
    let mut line = json!({
        "parentUuid": "p", "isSidechain": false, "userType": "external", "cwd": "/srv/weather", "sessionId": "5f1c",
        "version": "2.1.39", "type": kind, "uuid": format!("u{second}"),
        "timestamp": format!("2026-11-21T08:{:02}:{:02}.250Z", second / 60, second % 60),
    });
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line
}

pub(super) fn usage(output: u64) -> Value {
    json!({"input_tokens": 3, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 17_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": output, "service_tier": "standard", "speed": "standard"})
}

/// A line of the model with one part.
pub(super) fn said(second: u32, message: &str, part: Value, output: u64, stop: Option<&str>) -> Value {
    line(
        second,
        "assistant",
        json!({"requestId": format!("req_{message}"), "message": {"id": format!("msg_{message}"), "type": "message",
            "role": "assistant", "model": "claude-opus-4-8", "content": [part], "stop_reason": stop, "usage": usage(output)}}),
    )
}

pub(super) fn prompt(second: u32, text: &str) -> Value {
    line(second, "user", json!({"message": {"role": "user", "content": text}}))
}

pub(super) fn used(id: &str, tool: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": tool, "input": input})
}

pub(super) fn answered(second: u32, id: &str, content: Value, is_error: bool) -> Value {
    let result =
        json!({"type": "tool_result", "tool_use_id": format!("toolu_{id}"), "content": content, "is_error": is_error});
    line(
        second,
        "user",
        json!({"message": {"role": "user", "content": [result]}, "toolUseResult": {"stdout": "x"}}),
    )
}

/// A conversation with a bit of everything.
pub(super) fn conversation() -> Vec<Value> {
    [begins(), works(), ends()].concat()
}

fn begins() -> Vec<Value> {
    vec![
        json!({"type": "file-history-snapshot", "messageId": "m", "snapshot": {"timestamp": "2026-11-21T08:00:00Z"}}),
        line(
            1,
            "progress",
            json!({"data": {"type": "hook_progress", "command": "true"}}),
        ),
        line(
            2,
            "user",
            json!({"isMeta": true, "message": {"role": "user", "content": "Caveat: a remark"}}),
        ),
        prompt(
            3,
            "<command-name>/model</command-name>\n<command-args>opus</command-args>",
        ),
        prompt(4, "<local-command-stdout>Set model to opus</local-command-stdout>"),
        prompt(
            5,
            "Add a forecast for tomorrow\nand test it, my token is ghp_0123456789abcdefghijABCDEFGHIJ012345",
        ),
        said(6, "a", json!({"type": "thinking", "thinking": "hm"}), 2, None),
        said(
            7,
            "a",
            json!({"type": "text", "text": "I look at the \u{1b}[31mparser\u{1b}[0m first.\n\nThen the tests."}),
            8,
            None,
        ),
        said(
            8,
            "a",
            used(
                "1",
                "Bash",
                json!({"command": "npm test\n# all of it", "description": "Run the tests"}),
            ),
            90,
            Some("tool_use"),
        ),
        said(
            8,
            "a",
            used("2", "Read", json!({"file_path": "/srv/weather/src/parser.rs"})),
            90,
            Some("tool_use"),
        ),
        answered(9, "1", json!("Exit code 1\n2 failed"), true),
        answered(9, "2", json!([{"type": "text", "text": "fn parse() {}"}]), false),
    ]
}

fn works() -> Vec<Value> {
    vec![
        said(
            20,
            "b",
            used(
                "3",
                "Edit",
                json!({"file_path": "/srv/weather/src/parser.rs", "old_string": "a", "new_string": "b"}),
            ),
            40,
            None,
        ),
        said(
            21,
            "b",
            used("4", "Grep", json!({"pattern": "fn parse", "path": "/srv/weather/src"})),
            41,
            None,
        ),
        said(
            22,
            "b",
            used(
                "5",
                "Task",
                json!({"subagent_type": "scout", "description": "Find the callers", "prompt": "long"}),
            ),
            42,
            None,
        ),
        line(
            23,
            "progress",
            json!({"parentToolUseID": "toolu_5", "data": {"type": "agent_progress", "agentId": "a77", "prompt": "long",
            "message": {"type": "assistant", "message": {"id": "msg_inner", "usage": usage(9)}}}}),
        ),
        line(
            40,
            "user",
            json!({"message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_5", "content": "done"}]},
            "toolUseResult": {"status": "completed", "agentId": "a77", "totalTokens": 43_179, "usage": usage(700)}}),
        ),
        said(
            50,
            "c",
            used(
                "6",
                "AskUserQuestion",
                json!({"questions": [{"question": "Celsius or Fahrenheit?"}]}),
            ),
            10,
            Some("tool_use"),
        ),
        answered(70, "6", json!("Celsius"), false),
    ]
}

fn ends() -> Vec<Value> {
    vec![
        line(
            80,
            "system",
            json!({"subtype": "api_error", "level": "error", "error": {"status": 529, "error": {"error": {"message": "Overloaded"}}},
            "retryAttempt": 1, "maxRetries": 10}),
        ),
        line(
            81,
            "assistant",
            json!({"isApiErrorMessage": true, "message": {"id": "x", "model": "<synthetic>", "role": "assistant",
            "content": [{"type": "text", "text": "API Error: 500 Internal server error"}], "usage": {"input_tokens": 0, "output_tokens": 0}}}),
        ),
        line(
            90,
            "system",
            json!({"subtype": "compact_boundary", "content": "Conversation compacted", "compactMetadata": {"trigger": "auto", "preTokens": 167_094}}),
        ),
        line(
            91,
            "user",
            json!({"isCompactSummary": true, "message": {"role": "user", "content": "What was said so far"}}),
        ),
        said(100, "d", json!({"type": "text", "text": "Done."}), 12, Some("end_turn")),
        line(101, "system", json!({"subtype": "turn_duration", "durationMs": 95_000})),
        prompt(200, "Now for Sunday, too"),
        said(201, "e", json!({"type": "text", "text": "On it."}), 5, None),
        prompt(202, "[Request interrupted by user]"),
        line(203, "brand-new", json!({"content": 1})),
        json!({"type": "custom-title", "customTitle": "Forecasts", "sessionId": "5f1c"}),
    ]
}
