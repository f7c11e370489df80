//! Transcripts of Claude Code.

use forgecast_decode::transcript::{DecodedLines, Depth};
use forgecast_protocol::event::{AgentActivity, Fact};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::claude_lines::{answered, line, prompt, said, used};
use super::transcripts::{agent, calls, read, read_bytes, reader, shown};

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
fn of_an_archive_only_usage_titles_agents_and_ends_of_turns_are_taken() {
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

/// The signs of life in these facts, by agent and second.
fn signs_of_life(taken: &DecodedLines) -> Vec<(Option<&str>, String)> {
    let signs = taken.events.iter().filter_map(|event| match &event.fact {
        Fact::ActivityReported(report) if report.activity == AgentActivity::Alive => {
            let at = event.origin.modified_at.unwrap().to_string();
            Some((report.agent.as_deref(), at[14..19].to_owned()))
        }
        _ => None,
    });
    signs.collect()
}

#[test]
fn each_agent_of_a_file_shows_once_a_minute_that_it_lives() {
    let inner = said(1, "s1", json!({"type": "text", "text": "x"}), 5, None);
    let shell = |second: u32| line(second, "progress", json!({"data": {"type": "bash_progress"}}));
    let lines = [
        progress(1, "a77", &inner),
        progress(2, "b88", &inner),
        shell(3),
        progress(30, "a77", &inner),
        progress(40, "b88", &inner),
        shell(50),
        progress(61, "a77", &inner),
        progress(61, "b88", &inner),
        shell(63),
    ];
    let taken = read(agent("claude"), PATH, &lines, Depth::Everything);
    let expected = [
        (Some("a77"), "00:01"),
        (Some("b88"), "00:02"),
        (None, "00:03"),
        (Some("a77"), "01:01"),
        (None, "01:03"),
    ];
    assert_eq!(
        signs_of_life(&taken),
        expected.map(|(agent, at)| (agent, at.to_owned()))
    );
}

#[test]
fn what_was_remembered_by_a_version_with_one_sign_of_life_is_read() {
    let state = r#"{"cwd": "/srv/weather", "seen": true, "titled": "agent", "alive_at": 1795248000000}"#;
    let kept = reader(agent("claude"), PATH, state).state();
    assert_eq!(kept, r#"{"cwd":"/srv/weather","seen":true,"titled":"agent"}"#);
}

#[test]
fn a_subagent_that_is_over_shows_no_sign_of_life() {
    let mut lines: Vec<_> = [10, 90, 170]
        .map(|second| {
            let text = json!({"type": "text", "text": "Three callers."});
            said(second, "s1", text, 6, Some("end_turn"))
        })
        .into();
    lines.push(prompt(200, "[Request interrupted by user]"));
    lines.push(prompt(280, "[Request interrupted by user]"));
    for line in &mut lines {
        line["isSidechain"] = json!(true);
        line["agentId"] = json!("a77");
    }
    let path = "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl";
    let taken = read(agent("claude"), path, &lines, Depth::Everything);
    assert_eq!(signs_of_life(&taken), []);
    let states = taken.events.iter().filter_map(|event| match &event.fact {
        Fact::AgentReported(agent) => agent.status.as_deref(),
        _ => None,
    });
    assert_eq!(states.collect::<Vec<_>>(), ["completed", "cancelled"]);
}

#[test]
fn the_answer_to_a_use_that_is_not_known_ends_its_wait() {
    let answer = answered(9, "lost", json!("Celsius"), false);
    for (depth, expected) in [(Depth::UsageOnly, 0), (Depth::Everything, 1)] {
        let taken = read(agent("claude"), PATH, std::slice::from_ref(&answer), depth);
        let over = taken.events.iter().filter(|event| match &event.fact {
            Fact::WaitingEnded(over) => over.use_id.as_deref() == Some("toolu_lost") && over.tool.is_none(),
            _ => false,
        });
        assert_eq!(over.count(), expected, "{depth:?}");
    }
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

/// A line of 2.1.12 to 2.1.42 in which the parent repeats a subagent's.
fn progress(second: u32, agent: &str, said: &serde_json::Value) -> serde_json::Value {
    let mut inner = said.clone();
    inner["timestamp"] = json!("2026-11-21T08:00:09Z");
    line(
        second,
        "progress",
        json!({"parentToolUseID": "toolu_1", "data": {"type": "agent_progress", "agentId": agent, "prompt": "x", "message": inner}}),
    )
}

#[test]
fn a_subagents_call_in_its_parents_progress_is_that_of_its_own_file() {
    let mut said = said(1, "s1", json!({"type": "text", "text": "3 places"}), 7, None);
    let lines = [
        progress(2, "a77", &said),
        line(3, "progress", json!({"data": {"type": "agent_progress", "message": 5}})),
    ];
    let taken = read(agent("claude"), PATH, &lines, Depth::Everything);
    assert_eq!((taken.bad, taken.unknown), (0, 0));
    let in_parent = calls(&taken).remove(0);
    said["isSidechain"] = json!(true);
    said["agentId"] = json!("a77");
    let path = "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl";
    let in_own = calls(&read(agent("claude"), path, &[said], Depth::UsageOnly)).remove(0);
    assert_eq!((&in_parent.call, in_parent.tokens), (&in_own.call, in_own.tokens));
    assert_eq!(in_parent.agent.as_deref(), Some("a77"));
    assert_eq!(in_parent.used_at, "2026-11-21T08:00:09Z".parse().ok());
}

#[test]
fn what_a_split_of_the_cache_does_not_name_was_written_for_five_minutes() {
    for (sum, split, expected) in [
        (
            300,
            json!({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}),
            (300, 0),
        ),
        (300, json!({"ephemeral_1h_input_tokens": 200}), (100, 200)),
        (
            300,
            json!({"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 50}),
            (250, 50),
        ),
        (
            0,
            json!({"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 6}),
            (5, 6),
        ),
        (300, json!(null), (300, 0)),
    ] {
        let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
        spoken["message"]["usage"]["cache_creation_input_tokens"] = json!(sum);
        spoken["message"]["usage"]["cache_creation"] = split.clone();
        let tokens = calls(&read(agent("claude"), PATH, &[spoken], Depth::Calls))[0].tokens;
        assert_eq!(
            (tokens.cache_write_5m, tokens.cache_write_1h),
            expected,
            "{sum} {split}"
        );
    }
}

#[test]
fn searches_of_the_web_are_taken_from_the_call_or_from_the_result_of_the_tool() {
    let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
    spoken["message"]["usage"]["server_tool_use"] = json!({"web_search_requests": 4, "web_fetch_requests": 1});
    spoken["message"]["usage"]["inference_geo"] = json!("us");
    let mut found = answered(2, "9", json!("Links"), false);
    found["toolUseResult"] = json!({"query": "tide tables", "searchCount": 2, "durationSeconds": 1.5});
    for depth in [Depth::Calls, Depth::UsageOnly, Depth::Everything] {
        let taken = calls(&read(
            agent("claude"),
            PATH,
            &[spoken.clone(), found.clone(), found.clone()],
            depth,
        ));
        let searches = taken
            .iter()
            .map(|call| (call.call.message.as_deref().unwrap(), call.web_searches));
        assert_eq!(
            searches.collect::<Vec<_>>(),
            [("msg_a", 4), ("toolu_9:search", 2)],
            "{depth:?}"
        );
        assert_eq!(taken[0].inference_geo.as_deref(), Some("us"));
        assert_eq!(taken[1].tokens.total(), 0);
    }
}

#[test]
fn a_call_without_an_id_is_known_by_its_line() {
    let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
    spoken["message"]["id"] = json!(null);
    let ids = |lines: &[serde_json::Value]| -> Vec<String> {
        let taken = calls(&read(agent("claude"), PATH, lines, Depth::UsageOnly));
        taken.into_iter().map(|call| call.call.message.unwrap()).collect()
    };
    assert_eq!(
        ids(&[spoken.clone(), spoken.clone()]),
        ["line:u1"],
        "the same line is no other call"
    );
    spoken["uuid"] = json!(null);
    let two = ids(&[spoken.clone(), spoken.clone()]);
    assert_ne!(two[0], two[1], "two places are two calls");
    assert_eq!(
        two,
        ids(&[spoken.clone(), spoken]),
        "the same places are the same calls"
    );
}

#[test]
fn a_line_that_keeps_a_request_is_not_even_read() {
    let request = b"{\"type\": \"api-request-blob\", \"message\": {\"usage\": \"cwd\" this is no JSON";
    let mut taken = DecodedLines::default();
    let mut reader = reader(agent("claude"), PATH, "");
    read_bytes(&mut reader, request, 0, Depth::Everything, &mut taken);
    assert_eq!(taken, DecodedLines::default());
}

#[test]
fn kinds_of_records_that_say_nothing_are_no_problem() {
    let kinds = [
        "api-request",
        "api-request-blob",
        "api-request-shape",
        "api-request-resumed",
        "atis-latch",
        "tools-used",
        "agent-setting",
        "memory-mode",
        "continued-in",
        "derived-from",
        "ended-by-model",
        "session-owner",
        "frame-link",
        "isolation-latch",
        "bridge-session",
        "data-flow-records",
        "data-flow-incomplete",
        "history-suppression",
        "host-row",
        "resume-head-vouch",
        "artifact-autoreact-ledger",
        "artifact-comment-monitor",
        "dev-mods",
        "hybrid-organization",
        "cost-state",
    ];
    let lines = kinds.map(|kind| json!({"sessionId": "5f1c", "type": kind, "tools": ["Bash"]}));
    let taken = read(agent("claude"), PATH, &lines, Depth::Everything);
    assert_eq!((taken.unknown, taken.bad), (0, 0));
}

#[test]
fn the_agents_own_total_is_a_sum_over_its_models() {
    let state = json!({"type": "cost-state", "sessionId": "5f1c", "totalCostUSD": 0.5, "startTime": 1_795_248_000_000_u64,
        "totalDuration": 60_000, "hasUnknownModelCost": false, "modelUsage": {
            "claude-opus-4-8": {"inputTokens": 10, "outputTokens": 20, "cacheReadInputTokens": 30,
                "cacheCreationInputTokens": 40, "webSearchRequests": 2, "costUSD": 0.4},
            "claude-haiku-4-5": {"inputTokens": 1, "outputTokens": 2, "costUSD": 0.1}, "?": 3}});
    for depth in [Depth::Calls, Depth::UsageOnly, Depth::Everything] {
        let taken = read(agent("claude"), PATH, std::slice::from_ref(&state), depth);
        let [Fact::UsageRecorded(usage)] = taken.events.iter().map(|event| &event.fact).collect::<Vec<_>>()[..] else {
            panic!("{taken:?}");
        };
        assert!(
            usage.tokens.is_zero() && usage.cost_usd.is_none(),
            "it is added to nothing"
        );
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(usage.agent_total, @r#"
            {
              "input": 11,
              "output": 22,
              "cache_read": 30,
              "cache_write": 40,
              "cost_usd": 0.5,
              "web_searches": 2,
              "priced": true,
              "at": "2026-11-21T08:01:00.000Z"
            }
            "#);
        }
    }
}

/// The titles that a session gets, one after the other.
fn titles(lines: &[serde_json::Value], depth: Depth) -> Vec<String> {
    let taken = read(agent("claude"), PATH, lines, depth);
    let titles = taken.events.into_iter().filter_map(|event| match event.fact {
        Fact::SessionSeen(seen) => seen.title,
        _ => None,
    });
    titles.collect()
}

fn command(second: u32, name: &str, words: &str) -> serde_json::Value {
    let text = format!(
        "<command-message>{name}</command-message>\n<command-name>/{name}</command-name>\n<command-args>{words}</command-args>"
    );
    prompt(second, &text)
}

#[test]
fn a_session_is_called_by_its_user_else_its_agent_else_its_first_task() {
    let named = |name: &str| json!({"type": "custom-title", "customTitle": name, "sessionId": "5f1c"});
    let guessed = |name: &str| json!({"type": "ai-title", "aiTitle": name, "sessionId": "5f1c"});
    for (lines, expected) in [
        (
            vec![command(1, "implement", "ticket 12"), prompt(2, "go on")],
            vec!["/implement ticket 12"],
        ),
        (
            vec![command(1, "add-dir", "../lib"), prompt(2, "Add tides")],
            vec!["/add-dir ../lib", "Add tides"],
        ),
        (
            vec![command(1, "review", ""), prompt(2, "Add tides")],
            vec!["/review", "Add tides"],
        ),
        (
            vec![
                prompt(1, "Add tides"),
                guessed("Tide tables"),
                guessed("Tides"),
                named("mine"),
                guessed("no"),
                named("ours"),
            ],
            vec!["Add tides", "Tide tables", "Tides", "mine", "ours"],
        ),
        (
            vec![prompt(
                1,
                "<ide_opened_file>The user opened /srv/a.rs</ide_opened_file>\n<system-reminder>x</system-reminder>\nAdd tides",
            )],
            vec!["Add tides"],
        ),
        (
            vec![
                prompt(
                    1,
                    "# AGENTS.md instructions for /srv\n\n<INSTRUCTIONS>\nBe brief\n</INSTRUCTIONS>",
                ),
                prompt(2, "Add tides"),
            ],
            vec!["Add tides"],
        ),
        (
            vec![
                prompt(1, "<ide_selection>x</ide_selection>"),
                prompt(2, "<b>Add</b> tides"),
            ],
            vec!["<b>Add</b> tides"],
        ),
    ] {
        for depth in [Depth::UsageOnly, Depth::Everything] {
            assert_eq!(titles(&lines, depth), expected, "{depth:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_preamble_and_no_markup_is_ever_a_title(
        before in vec(select(vec!["ide_opened_file", "ide_selection", "ide_diagnostics", "system-reminder"]), 0..4),
        words in "[A-Za-z][a-z]{0,12}( [a-z]{1,8}){0,5}",
        is_command in any::<bool>(),
        joined in select(vec!["\n", "", "\n\n"]),
    ) {
        let before: Vec<String> = before.iter().map(|tag| format!("<{tag}>in /srv/a.rs: fn main() {{}}</{tag}>")).collect();
        let line = if is_command {
            command(1, "implement", &words)
        } else {
            prompt(1, &[before.concat(), joined.to_owned(), words.clone()].concat())
        };
        let expected = if is_command { format!("/implement {words}") } else { words };
        prop_assert_eq!(titles(&[line], Depth::Everything), vec![expected]);
    }

    #[test]
    fn a_subagents_calls_are_the_same_wherever_they_are_told(
        told in vec((0..4_u8, 1_u64..50, any::<bool>()), 1..12),
    ) {
        let mut expected = std::collections::BTreeMap::new();
        let (mut parent, mut own) = (Vec::new(), Vec::new());
        for (second, (message, output, in_parent)) in told.iter().enumerate() {
            let id = format!("s{message}");
            let part = json!({"type": "text", "text": "x"});
            let mut line = said(u32::try_from(second).unwrap(), &id, part, *output, None);
            if *in_parent {
                parent.push(progress(u32::try_from(second).unwrap(), "a77", &line));
            } else {
                line["isSidechain"] = json!(true);
                own.push(line);
            }
            let most = expected.entry((Some(format!("msg_{id}")), Some(format!("req_{id}")))).or_insert(0);
            *most = *output.max(most);
        }
        let path = "projects/-srv-weather/5f1c/subagents/agent-a77.jsonl";
        let mut found = std::collections::BTreeMap::new();
        for taken in [read(agent("claude"), PATH, &parent, Depth::Calls), read(agent("claude"), path, &own, Depth::Calls)] {
            for call in calls(&taken) {
                prop_assert!(call.call.sidechain);
                prop_assert_eq!(call.agent.as_deref(), Some("a77"));
                let most = found.entry((call.call.message, call.call.request)).or_insert(0);
                *most = call.tokens.output.max(*most);
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_token_written_to_the_cache_is_counted(sum in 0_u64..9_000, five in 0_u64..9_000, hour in 0_u64..9_000) {
        let mut spoken = said(1, "a", json!({"type": "text", "text": "Hello"}), 5, None);
        spoken["message"]["usage"]["cache_creation_input_tokens"] = json!(sum);
        spoken["message"]["usage"]["cache_creation"] =
            json!({"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour});
        let tokens = calls(&read(agent("claude"), PATH, &[spoken], Depth::Calls))[0].tokens;
        prop_assert_eq!(tokens.cache_write(), sum.max(five + hour));
        prop_assert_eq!(tokens.cache_write_1h, hour);
    }
}
