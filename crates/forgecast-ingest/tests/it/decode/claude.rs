//! Transcripts of Claude Code.

use forgecast_ingest::decode::transcript::{Depth, TranscriptKind};
use forgecast_protocol::event::Fact;
use serde_json::{Value, json};

use super::told::{calls, read, shown};

const PATH: &str = "projects/-srv-weather/5f1c.jsonl";

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

fn used(id: &str, tool: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": tool, "input": input})
}

fn answered(second: u32, id: &str, content: Value, is_error: bool) -> Value {
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

#[test]
fn a_conversation_becomes_calls_tools_waits_agents_errors_and_a_log() {
    let taken = read(TranscriptKind::Claude, PATH, &conversation(), Depth::Everything);
    insta::assert_json_snapshot!(shown(&taken));
    for event in &taken.events {
        assert_eq!(event.subject.transcript.as_ref().unwrap().as_str(), "5f1c");
        assert_eq!(event.subject.directory.as_deref(), Some("/srv/weather"));
    }
}

#[test]
fn of_an_archive_only_usage_titles_and_agents_are_taken() {
    let taken = read(TranscriptKind::Claude, PATH, &conversation(), Depth::UsageOnly);
    insta::assert_json_snapshot!(shown(&taken));
    let whole = read(TranscriptKind::Claude, PATH, &conversation(), Depth::Everything);
    assert_eq!(calls(&taken), calls(&whole));
}

#[test]
fn a_subagent_says_in_its_own_file_that_it_works_and_when_it_is_done() {
    let mut lines = [
        prompt(1, "Find the callers"),
        said(
            2,
            "s1",
            used("9", "Grep", json!({"pattern": "parse("})),
            5,
            Some("tool_use"),
        ),
        answered(3, "9", json!("3 places"), false),
        said(
            4,
            "s2",
            json!({"type": "text", "text": "Three callers."}),
            6,
            Some("end_turn"),
        ),
    ];
    for line in &mut lines {
        line["isSidechain"] = json!(true);
        line["agentId"] = json!("a77");
    }
    let path = "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl";
    let taken = read(TranscriptKind::Claude, path, &lines, Depth::Everything);
    insta::assert_json_snapshot!(shown(&taken));
}

#[test]
fn a_subagent_of_long_ago_is_not_at_work_although_it_never_said_that_it_was_done() {
    let mut spoken = said(1, "s1", used("9", "Grep", json!({"pattern": "parse("})), 5, None);
    spoken["timestamp"] = json!("2026-11-20T08:00:00Z");
    let path = "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl";
    let taken = read(TranscriptKind::Claude, path, &[spoken], Depth::Everything);
    let states = taken.events.iter().filter_map(|event| match &event.fact {
        Fact::AgentReported(agent) => agent.status.as_deref(),
        _ => None,
    });
    assert_eq!(states.collect::<Vec<_>>(), ["completed"]);
}

#[test]
fn an_older_subagents_file_belongs_to_the_session_that_its_lines_name() {
    let mut spoken = said(1, "s1", json!({"type": "text", "text": "Hello"}), 5, None);
    spoken["isSidechain"] = json!(true);
    let taken = read(
        TranscriptKind::Claude,
        "projects/-srv-weather/agent-a77.jsonl",
        &[spoken],
        Depth::UsageOnly,
    );
    let sessions = taken
        .events
        .iter()
        .map(|event| event.subject.transcript.as_ref().unwrap().as_str());
    assert!(sessions.clone().count() >= 2);
    assert!(sessions.into_iter().all(|session| session == "5f1c"));
    assert_eq!(calls(&taken)[0].agent.as_deref(), Some("a77"));
}

#[test]
fn an_adviser_within_a_call_is_a_call_of_its_own() {
    let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
    spoken["message"]["usage"]["speed"] = json!("fast");
    spoken["costUSD"] = json!(0.25);
    spoken["message"]["usage"]["iterations"] = json!([
        {"type": "message", "input_tokens": 3, "output_tokens": 5},
        {"type": "advisor_message", "model": "claude-fable-5", "input_tokens": 70, "output_tokens": 8, "cache_creation_input_tokens": 9},
    ]);
    let taken = read(TranscriptKind::Claude, PATH, &[spoken], Depth::UsageOnly);
    insta::assert_json_snapshot!(calls(&taken));
}

#[test]
fn usage_counts_whatever_the_line_is_and_not_without_a_time() {
    let mut odd = line(
        1,
        "odd",
        json!({"message": {"id": "m", "usage": {"input_tokens": "7", "output_tokens": 1.0}}}),
    );
    let taken = read(TranscriptKind::Claude, PATH, &[odd.clone()], Depth::Everything);
    let tokens = calls(&taken)[0].tokens;
    assert_eq!((tokens.input, tokens.output, taken.bad), (7, 1, 0));

    odd.as_object_mut().unwrap().remove("timestamp");
    let taken = read(TranscriptKind::Claude, PATH, &[odd], Depth::Everything);
    assert_eq!((calls(&taken).len(), taken.bad), (0, 1));
    assert_eq!(taken.last_bad, "usage in a line without a time: not counted");
}

#[test]
fn a_field_of_another_kind_costs_that_field_and_nothing_else() {
    let hostile = [
        json!(null),
        json!(7),
        json!("x"),
        json!([1]),
        json!({"a": 1}),
        json!(true),
    ];
    for field in [
        "cwd",
        "requestId",
        "agentId",
        "isSidechain",
        "costUSD",
        "toolUseResult",
        "data",
        "subtype",
        "uuid",
        "isMeta",
    ] {
        for value in &hostile {
            let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
            spoken[field] = value.clone();
            let taken = read(TranscriptKind::Claude, PATH, &[spoken], Depth::Everything);
            assert_eq!((calls(&taken).len(), taken.bad), (1, 0), "{field}: {value}");
            assert_eq!(calls(&taken)[0].tokens.output, 5, "{field}: {value}");
        }
    }
    for value in &hostile {
        let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
        spoken["message"]["content"] = value.clone();
        let taken = read(TranscriptKind::Claude, PATH, &[spoken], Depth::Everything);
        assert_eq!((calls(&taken).len(), taken.bad), (1, 0), "content: {value}");
    }
}

#[test]
fn text_is_masked_and_holds_no_control_characters() {
    let taken = read(TranscriptKind::Claude, PATH, &conversation(), Depth::Everything);
    let events = serde_json::to_string(&taken.events.iter().map(|event| &event.fact).collect::<Vec<_>>()).unwrap();
    let lines: Vec<&str> = taken
        .logs
        .iter()
        .flat_map(|chunk| &chunk.lines)
        .map(|line| line.text.as_str())
        .collect();
    for text in lines.into_iter().chain([events.as_str()]) {
        assert!(
            !text.contains("ghp_") && !text.contains('\u{1b}') && !text.contains("\\u001b"),
            "{text}"
        );
    }
}

#[test]
fn a_time_in_the_future_is_now() {
    let mut late = prompt(1, "From tomorrow");
    late["timestamp"] = json!("2026-11-22T08:00:00Z");
    let taken = read(TranscriptKind::Claude, PATH, &[late], Depth::Everything);
    assert!(
        taken
            .events
            .iter()
            .all(|event| event.origin.modified_at == Some(super::told::now()))
    );
    assert!(taken.logs[0].lines.iter().all(|line| line.at == super::told::now()));
}

#[test]
fn a_turn_that_is_over_is_said_once_and_more_of_its_last_message_is_no_new_work() {
    let lines = [
        prompt(1, "Hello"),
        said(2, "a", json!({"type": "text", "text": "Hi."}), 5, Some("end_turn")),
        said(
            2,
            "a",
            json!({"type": "text", "text": "What now?"}),
            6,
            Some("end_turn"),
        ),
        line(3, "system", json!({"subtype": "stop_hook_summary"})),
        line(3, "system", json!({"subtype": "turn_duration"})),
    ];
    let taken = read(TranscriptKind::Claude, PATH, &lines, Depth::Everything);
    let waits = |began: bool| {
        let wanted = taken.events.iter().filter(|event| match event.fact {
            Fact::WaitingBegan(_) => began,
            Fact::WaitingEnded(_) => !began,
            _ => false,
        });
        wanted.count()
    };
    assert_eq!((waits(true), waits(false)), (1, 0));
}
