//! Transcripts of Claude Code.

use forgecast_decode::transcript::Depth;
use forgecast_protocol::event::Fact;
use serde_json::json;

use super::claude_lines::{answered, line, prompt, said, used};
use super::transcripts::{agent, calls, read, shown};

pub(super) use super::claude_lines::conversation;

const PATH: &str = "projects/-srv-weather/5f1c.jsonl";

#[test]
fn a_conversation_becomes_calls_tools_waits_agents_errors_and_a_log() {
    let taken = read(agent("claude"), PATH, &conversation(), Depth::Everything);
    insta::assert_json_snapshot!(shown(&taken));
    for event in &taken.events {
        assert_eq!(event.subject.transcript.as_ref().unwrap().as_str(), "5f1c");
        assert_eq!(event.subject.directory.as_deref(), Some("/srv/weather"));
    }
}

#[test]
fn of_an_archive_only_usage_titles_and_agents_are_taken() {
    let taken = read(agent("claude"), PATH, &conversation(), Depth::UsageOnly);
    insta::assert_json_snapshot!(shown(&taken));
    let whole = read(agent("claude"), PATH, &conversation(), Depth::Everything);
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
    let taken = read(agent("claude"), path, &lines, Depth::Everything);
    insta::assert_json_snapshot!(shown(&taken));
}

#[test]
fn a_subagent_of_long_ago_is_not_at_work_although_it_never_said_that_it_was_done() {
    let mut spoken = said(1, "s1", used("9", "Grep", json!({"pattern": "parse("})), 5, None);
    spoken["timestamp"] = json!("2026-11-20T08:00:00Z");
    let path = "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl";
    let taken = read(agent("claude"), path, &[spoken], Depth::Everything);
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
        agent("claude"),
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
    let taken = read(agent("claude"), PATH, &[spoken], Depth::UsageOnly);
    insta::assert_json_snapshot!(calls(&taken));
}

#[test]
fn a_model_or_an_id_with_anything_unseen_in_it_is_none_and_its_tokens_count() {
    for model in [
        "claude\u{202e}opus",
        "claude\u{1b}[31m",
        &"x".repeat(300),
        "<synthetic>",
    ] {
        let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
        spoken["message"]["model"] = json!(model);
        spoken["requestId"] = json!("req\u{200b}a");
        let call = calls(&read(agent("claude"), PATH, &[spoken], Depth::UsageOnly)).remove(0);
        assert_eq!(
            (call.model, call.call.request, call.tokens.output),
            (None, None, 5),
            "{model}"
        );
    }
}

#[test]
fn usage_counts_whatever_the_line_is_and_not_without_a_time() {
    let mut odd = line(
        1,
        "odd",
        json!({"message": {"id": "m", "usage": {"input_tokens": "7", "output_tokens": 1.0}}}),
    );
    let taken = read(agent("claude"), PATH, &[odd.clone()], Depth::Everything);
    let tokens = calls(&taken)[0].tokens;
    assert_eq!((tokens.input, tokens.output, taken.bad), (7, 1, 0));

    odd.as_object_mut().unwrap().remove("timestamp");
    let taken = read(agent("claude"), PATH, &[odd], Depth::Everything);
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
            let taken = read(agent("claude"), PATH, &[spoken], Depth::Everything);
            assert_eq!((calls(&taken).len(), taken.bad), (1, 0), "{field}: {value}");
            assert_eq!(calls(&taken)[0].tokens.output, 5, "{field}: {value}");
        }
    }
    for value in &hostile {
        let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
        spoken["message"]["content"] = value.clone();
        let taken = read(agent("claude"), PATH, &[spoken], Depth::Everything);
        assert_eq!((calls(&taken).len(), taken.bad), (1, 0), "content: {value}");
    }
}

#[test]
fn text_is_masked_and_holds_no_control_characters() {
    let taken = read(agent("claude"), PATH, &conversation(), Depth::Everything);
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
    let taken = read(agent("claude"), PATH, &[late], Depth::Everything);
    assert!(
        taken
            .events
            .iter()
            .all(|event| event.origin.modified_at == Some(super::transcripts::now()))
    );
    assert!(
        taken.logs[0]
            .lines
            .iter()
            .all(|line| line.at == super::transcripts::now())
    );
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
    let taken = read(agent("claude"), PATH, &lines, Depth::Everything);
    let waits = |began: bool| {
        let wanted = taken.events.iter().filter(|event| match event.fact {
            Fact::WaitingBegan(_) => began,
            Fact::WaitingEnded(_) => !began,
            _ => false,
        });
        wanted.count()
    };
    assert_eq!((waits(true), waits(false)), (1, 1), "one end and one prompt");
}
