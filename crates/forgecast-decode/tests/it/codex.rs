//! Rollouts of Codex.

use forgecast_decode::transcript::{DecodedLines, Depth};
use forgecast_protocol::event::{CutShort, Fact, LimitReported, LimitSource};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Event, Timestamp};
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

/// The ends of turns and where they stand among the calls.
fn ends_of_turns(taken: &DecodedLines) -> Vec<&Event> {
    let facts = taken.events.iter().filter(|event| match &event.fact {
        Fact::WaitingBegan(wait) => wait.waiting_for == Some(WaitingFor::Prompt),
        Fact::CallReported(_) => true,
        _ => false,
    });
    facts.collect()
}

#[test]
fn of_an_archive_only_usage_titles_and_ends_of_turns_are_taken() {
    let taken = read(agent("codex"), &path(ID), &rollout(), Depth::UsageOnly);
    let whole = read(agent("codex"), &path(ID), &rollout(), Depth::Everything);
    assert_eq!(calls(&taken), calls(&whole));
    assert_eq!((taken.logs.len(), taken.events.len()), (0, 3 + 2 + 1));
}

#[test]
fn turns_end_in_an_archive_as_in_what_is_followed() {
    let again = [
        event(30, "task_started", json!({})),
        event(31, "turn_aborted", json!({"reason": "interrupted"})),
        event(32, "task_started", json!({})),
        event(33, "task_complete", json!({})),
    ];
    for lines in [[rollout(), again.to_vec()].concat(), paginated()] {
        let taken = read(agent("codex"), &path(ID), &lines, Depth::UsageOnly);
        let whole = read(agent("codex"), &path(ID), &lines, Depth::Everything);
        assert_eq!(ends_of_turns(&taken), ends_of_turns(&whole));
        assert!(ends_of_turns(&taken).len() > calls(&taken).len());
    }
}

#[test]
fn a_turn_that_an_error_ended_says_so_in_its_last_line_and_once() {
    let answered = json!({"error": {"code": 429, "message": "The weather quota is used up.", "type": "quota"}});
    let failed =
        |message: &str| json!({"last_agent_message": null, "error": {"message": message, "codex_error_info": "other"}});
    let told = event(2, "error", json!({"message": answered.to_string()}));
    let over = |payload: Value| event(3, "task_complete", payload);
    for (end, reason) in [
        (
            vec![over(failed(&answered.to_string()))],
            "The weather quota is used up.",
        ),
        (vec![over(failed("Out of quota.\nTry later."))], "Out of quota."),
        (vec![over(json!({"error": {}}))], "the request failed"),
        (
            vec![told.clone(), over(failed("again"))],
            "The weather quota is used up.",
        ),
        (
            vec![told, over(json!({"error": null}))],
            "The weather quota is used up.",
        ),
    ] {
        let lines = [vec![event(1, "task_started", json!({}))], end].concat();
        let whole = read(agent("codex"), &path(ID), &lines, Depth::Everything);
        let taken = read(agent("codex"), &path(ID), &lines, Depth::UsageOnly);
        assert_eq!(ends_of_turns(&taken), ends_of_turns(&whole));
        let ends = ends_of_turns(&whole).into_iter().map(|event| match &event.fact {
            Fact::WaitingBegan(wait) => (wait.reason.as_str(), wait.cut_short),
            _ => ("", None),
        });
        assert_eq!(ends.collect::<Vec<_>>(), [(reason, Some(CutShort::Error))]);
        let errors = whole
            .events
            .iter()
            .filter(|event| matches!(event.fact, Fact::ErrorReported(_)));
        assert_eq!(errors.count(), 1);
    }
}

#[test]
fn a_search_of_the_web_is_told_once_whichever_of_its_lines_comes_first() {
    let asked = item(
        4,
        "web_search_call",
        json!({"id": "ws_1", "status": "completed", "action": {"type": "search", "query": "open weather data"}}),
    );
    let found = done(
        5,
        json!({"type": "WebSearch", "id": "ws_1", "query": "open weather data"}),
    );
    let other = done(6, json!({"type": "WebSearch", "id": "ws_2", "query": "tides"}));
    for lines in [[asked.clone(), found.clone(), other.clone()], [found, asked, other]] {
        let taken = read(agent("codex"), &path(ID), &lines, Depth::Everything);
        let used = taken.events.iter().filter_map(|event| match &event.fact {
            Fact::ToolUsed(used) => used.summary.as_deref(),
            _ => None,
        });
        assert_eq!(used.collect::<Vec<_>>(), ["open weather data", "tides"]);
        let logged = taken.logs.iter().flat_map(|chunk| &chunk.lines);
        let logged: Vec<_> = logged.map(|line| line.text.as_str()).collect();
        assert_eq!(logged, ["web_search open weather data", "web_search tides"]);
    }
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

/// The calls of these lines as they are known: message, totals, whether they are a copy.
fn ids(path: &str, lines: &[Value]) -> Vec<(Option<String>, Option<String>, bool)> {
    let taken = read(agent("codex"), path, lines, Depth::UsageOnly);
    let calls = calls(&taken).into_iter().map(|call| call.call);
    calls.map(|call| (call.message, call.request, call.sidechain)).collect()
}

/// The lines as they stand in a copy: with the time of the copy, or with their own.
fn copy(lines: &[Value], at: Option<u32>) -> Vec<Value> {
    let copied = lines.iter().cloned().map(|mut copied| {
        if let Some(second) = at {
            copied["timestamp"] = line(second, "", json!({}))["timestamp"].clone();
        }
        copied
    });
    copied.collect()
}

fn spawned_by(parent: &str) -> Value {
    json!({"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}})
}

#[test]
fn a_copied_history_names_the_calls_of_the_thread_that_made_them() {
    let parent = rollout();
    let own = ids(&path(ID), &parent);
    assert!(own.iter().all(|(message, _, copied)| message.is_some() && !copied));
    let without_meta = &parent[1..];
    for meta in [
        json!({"id": CHILD, "cwd": "/srv/weather", "forked_from_id": ID}),
        json!({"id": CHILD, "cwd": "/srv/weather", "source": spawned_by(ID)}),
    ] {
        for at in [None, Some(100)] {
            let mut child = vec![line(100, "session_meta", meta.clone())];
            child.extend(copy(&parent, at));
            child.push(counted(110, (3_000, 1_300, 99), Some((400, 0, 9))));
            let replayed = ids(&path(CHILD), &child);
            for (copied, own) in replayed[..3].iter().zip(&own) {
                assert_eq!(*copied, (None, own.1.clone(), true));
            }
            assert!(
                replayed.len() == 4 && !replayed[3].2 && replayed[3].0.is_some(),
                "{replayed:?}"
            );
        }
    }
    // Without the line of the thread it was copied from, a fork is a copy all the same.
    let mut fork = vec![line(100, "session_meta", json!({"id": CHILD, "forked_from_id": ID}))];
    fork.extend(copy(without_meta, Some(100)));
    assert!(
        ids(&path(CHILD), &fork)
            .iter()
            .all(|(message, _, copied)| *copied && message.is_none())
    );
}

#[test]
fn a_thread_that_begins_from_nothing_has_calls_of_its_own_from_the_first() {
    let of = |child: &str, parent: &str| {
        let lines = [
            line(
                1,
                "session_meta",
                json!({"id": child, "source": spawned_by(parent), "parent_thread_id": parent}),
            ),
            counted(1, (100, 0, 10), Some((100, 0, 10))),
            counted(2, (250, 0, 20), Some((150, 0, 10))),
        ];
        ids(&path(child), &lines)
    };
    let (one, other) = (of(CHILD, ID), of(ID, CHILD));
    assert!(one.iter().chain(&other).all(|(_, _, copied)| !copied));
    assert!(
        one.iter()
            .zip(&other)
            .all(|(one, other)| one.0 != other.0 && one.1 == other.1)
    );
}

fn record(second: u32, response: &str, usage: (u64, u64, u64), total: (u64, u64, u64)) -> Value {
    let of = |(input, cached, output)| tokens(input, cached, output);
    line(
        second,
        "token_usage_record",
        json!({"thread_id": ID, "turn_id": "t1", "response_id": response, "usage": of(usage), "turn_token_usage": of(usage),
            "thread_token_usage": of(total)}),
    )
}

fn done(second: u32, item: Value) -> Value {
    event(
        second,
        "item_completed",
        json!({"thread_id": ID, "turn_id": "t1", "item": item, "completed_at_ms": 1}),
    )
}

fn numbered(mut lines: Vec<Value>) -> Vec<Value> {
    for (ordinal, line) in lines.iter_mut().enumerate() {
        line["ordinal"] = json!(ordinal);
    }
    lines
}

/// How a rollout of newer versions begins: the thread, its surroundings and its settings.
fn opened() -> Vec<Value> {
    vec![
        line(
            0,
            "session_meta",
            json!({"id": ID, "session_id": ID, "cwd": "/srv/weather", "source": "exec", "history_mode": "paginated"}),
        ),
        event(
            1,
            "task_started",
            json!({"turn_id": "t1", "model_context_window": 128_000}),
        ),
        item(
            1,
            "message",
            json!({"role": "user", "content": [{"type": "input_text", "text": "<environment_context>here"}]}),
        ),
        line(2, "world_state", json!({"full": true})),
        line(
            2,
            "turn_context",
            json!({"turn_id": "t1", "cwd": "/srv/weather", "model": "gpt-5.4"}),
        ),
        event(
            2,
            "thread_settings_applied",
            json!({"thread_id": ID, "thread_settings": {"model": "gpt-5.5", "service_tier": "priority"}}),
        ),
    ]
}

/// A rollout as newer versions write it.
pub(super) fn paginated() -> Vec<Value> {
    let said = vec![
        done(
            3,
            json!({"type": "UserMessage", "id": "u1", "content": [{"type": "text", "text": "Draw the map of the winds"}]}),
        ),
        item(
            4,
            "function_call",
            json!({"name": "exec_command", "arguments": "{\"cmd\": \"make map\"}", "call_id": "call_1"}),
        ),
        record(5, "resp_a", (1_000, 400, 50), (1_000, 400, 50)),
        done(
            6,
            json!({"type": "CommandExecution", "id": "call_1", "command": ["/bin/bash", "-lc", "make map"],
                "status": "failed", "exit_code": 2, "aggregated_output": "no rule\n"}),
        ),
        item(
            6,
            "function_call_output",
            json!({"call_id": "call_1",
                "output": "Wall time: 1.0 seconds\nProcess exited with code 2\nOutput:\nno rule\n"}),
        ),
        counted(6, (1_000, 400, 50), Some((1_000, 400, 50))),
        // What compacts the context stands in no total, but in those of the records.
        record(7, "resp_b", (9_000, 8_000, 300), (10_000, 8_400, 350)),
        line(
            7,
            "compacted",
            json!({"message": "", "compaction_response_id": "resp_b"}),
        ),
        counted(8, (1_000, 400, 50), Some((1_000, 400, 50))),
        event(
            9,
            "thread_settings_applied",
            json!({"thread_id": ID, "thread_settings": {"model": "gpt-5.5"}}),
        ),
        done(
            9,
            json!({"type": "CommandExecution", "id": "own", "command": ["ls"], "exit_code": 0, "aggregated_output": ""}),
        ),
        done(
            9,
            json!({"type": "FileChange", "id": "call_2", "changes": {"src/map.rs": {"type": "update"}}}),
        ),
        done(
            9,
            json!({"type": "McpToolCall", "id": "call_3", "server": "atlas", "tool": "winds"}),
        ),
        done(9, json!({"type": "Reasoning", "id": "r1"})),
        record(10, "resp_c", (1_500, 1_000, 30), (11_500, 9_400, 380)),
        counted(10, (2_500, 1_400, 80), Some((1_500, 1_000, 30))),
        done(
            11,
            json!({"type": "AgentMessage", "id": "a1", "content": [{"type": "Text", "text": "The map is drawn."}]}),
        ),
        event(
            12,
            "thread_name_updated",
            json!({"thread_id": ID, "thread_name": "Map of winds"}),
        ),
        event(
            12,
            "task_complete",
            json!({"turn_id": "t1", "last_agent_message": "The map is drawn."}),
        ),
        done(13, json!({"type": "Unheard", "id": "x"})),
    ];
    numbered([opened(), said].concat())
}

#[test]
fn a_rollout_of_items_and_records_says_what_one_of_events_says() {
    let taken = read(agent("codex"), &path(ID), &paginated(), Depth::Everything);
    insta::assert_json_snapshot!(shown(&taken));
}

#[test]
fn a_call_is_its_record_and_the_totals_that_follow_are_no_other() {
    let taken = read(agent("codex"), &path(ID), &paginated(), Depth::UsageOnly);
    let counting: Vec<_> = calls(&taken).into_iter().filter(|call| !call.call.sidechain).collect();
    let tokens: Vec<_> = counting
        .iter()
        .map(|call| (call.tokens.input, call.tokens.cache_read, call.tokens.output))
        .collect();
    assert_eq!(tokens, [(600, 400, 50), (1_000, 8_000, 300), (500, 1_000, 30)]);
    let fast: Vec<_> = counting.iter().map(|call| call.fast).collect();
    assert_eq!(fast, [Some(true), Some(true), None]);
    let windows: Vec<_> = counting.iter().map(|call| call.context_window).collect();
    assert_eq!(windows, [Some(128_000), Some(272_000), Some(272_000)]);
}

#[test]
fn copied_totals_name_the_call_whose_record_was_not_copied() {
    let own = ids(&path(ID), &paginated());
    let source = spawned_by(ID);
    let mut child = vec![line(
        100,
        "session_meta",
        json!({"id": CHILD, "source": source, "parent_thread_id": ID, "subagent_history_start_ordinal": "20"}),
    )];
    // Records are left out of the copy; its lines are numbered anew, whatever their times are.
    let kept = paginated();
    let kept = kept.iter().filter(|line| line["type"] != "token_usage_record");
    child.extend(copy(&kept.cloned().collect::<Vec<_>>(), Some(300)));
    child.truncate(20);
    child.push(done(
        301,
        json!({"type": "UserMessage", "content": [{"type": "text", "text": "Ask the winds"}]}),
    ));
    child.push(record(302, "resp_d", (70, 0, 7), (70, 0, 7)));
    let child = numbered(child);
    let replayed = ids(&path(CHILD), &child);
    assert_eq!(replayed.len(), 3, "{replayed:?}");
    for (message, totals, copied) in &replayed[..2] {
        assert_eq!((message, copied), (&None, &true));
        assert!(
            own.iter().any(|(message, own, _)| message.is_some() && own == totals),
            "{totals:?}"
        );
    }
    assert!(!replayed[2].2);
    // What the other thread was asked is not this one's title.
    let taken = read(agent("codex"), &path(CHILD), &child, Depth::Everything);
    let shown = shown(&taken).to_string();
    assert!(
        shown.contains("Ask the winds") && !shown.contains("Draw the map"),
        "{shown}"
    );
}

#[test]
fn a_fork_that_names_its_history_in_another_file_has_copied_nothing() {
    let base = json!({"thread_id": ID, "end_ordinal_exclusive": 9, "end_byte_offset": 4_000});
    let lines = [
        line(
            0,
            "session_meta",
            json!({"id": CHILD, "forked_from_id": ID, "history_base": base}),
        ),
        counted(0, (2_000, 0, 90), Some((1_000, 0, 40))),
    ];
    assert!(
        ids(&path(CHILD), &lines)
            .iter()
            .all(|(message, _, copied)| message.is_some() && !copied)
    );
}

#[test]
fn a_tier_beside_the_usage_is_that_of_the_call() {
    let mut fast = record(1, "resp_a", (10, 0, 1), (10, 0, 1));
    fast["payload"]["service_tier"] = json!("priority");
    let mut standard = counted(2, (30, 0, 3), Some((20, 0, 2)));
    standard["payload"]["info"]["service_tier"] = json!("default");
    let taken = read(
        agent("codex"),
        &path(ID),
        &[fast, standard, counted(3, (60, 0, 6), None)],
        Depth::UsageOnly,
    );
    let fast: Vec<_> = calls(&taken).iter().map(|call| call.fast).collect();
    assert_eq!(fast, [Some(true), Some(false), None]);
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

fn limits(events: &[Event]) -> Vec<LimitReported> {
    let facts = events.iter().map(|event| &event.fact);
    let limits = facts.filter_map(|fact| match fact {
        Fact::LimitReported(limit) => Some(limit.clone()),
        _ => None,
    });
    limits.collect()
}

fn limited(second: u32, primary: Value) -> Value {
    let secondary = json!({"used_percent": 11.0, "window_minutes": 10_080, "resets_at": 1_796_020_000});
    let limits = json!({"limit_id": "codex", "limit_name": null, "primary": primary, "secondary": secondary,
        "credits": null, "plan_type": "plus", "rate_limit_reached_type": null});
    event(second, "token_count", json!({"info": null, "rate_limits": limits}))
}

#[test]
fn each_call_says_how_much_of_the_plan_is_used_up() {
    let five_hours = |percent: f64| json!({"used_percent": percent, "window_minutes": 300, "resets_at": 1_795_270_000});
    let lines = [
        limited(1, five_hours(42.5)),
        limited(2, five_hours(42.5)),
        limited(3, five_hours(42.5)),
        limited(4, five_hours(43.0)),
        limited(200, five_hours(43.0)),
    ];
    let said = limits(&read(agent("codex"), &path(ID), &lines, Depth::Everything).events);
    let short = said.iter().map(|limit| {
        let second = limit.observed_at.to_string()[14..19].to_owned();
        (limit.window_minutes, limit.used_percent, second)
    });
    let expected = [
        (300, 42.5, "00:01"),
        (10_080, 11.0, "00:01"),
        (300, 42.5, "00:02"),
        (10_080, 11.0, "00:02"),
        (300, 43.0, "00:04"),
        (300, 43.0, "03:20"),
        (10_080, 11.0, "03:20"),
    ];
    let expected = expected.map(|(minutes, percent, second)| (minutes, percent, second.to_owned()));
    assert_eq!(short.collect::<Vec<_>>(), expected);
    let first = &said[0];
    assert_eq!(
        (first.agent.as_str(), first.scope.as_deref(), first.plan.as_deref()),
        ("codex", None, Some("plus"))
    );
    assert_eq!(first.resets_at.map(Timestamp::as_millis), Some(1_795_270_000_000));
    assert_eq!(first.source, LimitSource::Transcript);
}

#[test]
fn limits_of_older_versions_and_of_single_models_are_read_and_odd_ones_are_not() {
    let limits_of = |rate_limits: Value| {
        let line = event(1, "token_count", json!({"info": null, "rate_limits": rate_limits}));
        limits(&read(agent("codex"), &path(ID), &[line], Depth::Everything).events)
    };
    let older = limits_of(json!({"primary": {"used_percent": 5, "window_minutes": 300, "resets_in_seconds": 60}}));
    assert_eq!(older[0].resets_at.unwrap().to_string(), "2026-11-21T08:01:01.000Z");
    let of_model = limits_of(json!({"limit_id": "codex_spark", "limit_name": "Spark",
        "primary": {"used_percent": 5, "window_minutes": 300, "resets_at": 1_795_270_000}}));
    assert_eq!(of_model[0].scope.as_deref(), Some("Spark"));
    for odd in [
        json!({"primary": {"used_percent": 5, "window_minutes": 0}}),
        json!({"primary": {"used_percent": -5, "window_minutes": 300}}),
        json!({"primary": {"window_minutes": 300}, "secondary": "none"}),
        json!([1]),
        json!(null),
    ] {
        assert_eq!(limits_of(odd.clone()), [], "{odd}");
    }
}
