//! What agents print as JSON says what their transcripts say, and how the run ended.

use forgecast_decode::agents::{OutputReader, claude_status_line, output_envelopes};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::push;
use forgecast_decode::transcript::DecodedLines;
use forgecast_protocol::event::{CompletionReported, Fact, UsageSource};
use forgecast_protocol::{Event, SourceKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::transcripts::now;

fn read(lines: &[Value]) -> (DecodedLines, Option<Event>) {
    let cleaner = Cleaner::default();
    let mut reader = OutputReader::new(Some("/srv/weather".to_owned()));
    let mut all = DecodedLines::default();
    for line in lines {
        let mut decoded = reader.line(line.to_string().as_bytes(), &cleaner, now());
        all.events.append(&mut decoded.events);
        all.logs.append(&mut decoded.logs);
        all.bad += decoded.bad;
    }
    let end = reader.end(&cleaner, now());
    (all, end)
}

pub(super) fn claude() -> Vec<Value> {
    let usage = json!({"input_tokens": 11, "cache_read_input_tokens": 100, "output_tokens": 1});
    let message = |id: &str, content: Value| json!({"id": id, "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": content, "usage": usage});
    let said = |message: Value| {
        json!({"type": "assistant", "message": message, "parent_tool_use_id": null, "session_id": "5f1c",
        "request_id": "req_1"})
    };
    vec![
        json!({"type": "system", "subtype": "init", "cwd": "/srv/tide", "session_id": "5f1c", "model": "claude-sonnet-4-5", "tools": []}),
        said(message(
            "msg_1",
            json!([{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}]),
        )),
        json!({"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
            "content": "a.txt"}]}, "parent_tool_use_id": null, "session_id": "5f1c"}),
        json!({"type": "rate_limit_event", "rate_limit_info": {"status": "allowed_warning", "resetsAt": 1_796_027_449,
            "rateLimitType": "five_hour", "utilization": 0.91, "isUsingOverage": false}, "session_id": "5f1c"}),
        said(message("msg_2", json!([{"type": "text", "text": "Done."}]))),
        json!({"type": "result", "subtype": "success", "is_error": false, "duration_ms": 5, "num_turns": 2, "result": "Done.",
            "session_id": "5f1c", "total_cost_usd": 0.1, "usage": {"input_tokens": 22, "output_tokens": 154}}),
    ]
}

pub(super) fn codex() -> Vec<Value> {
    let usage = |input: u64| json!({"input_tokens": input, "cached_input_tokens": 1_000, "output_tokens": 77});
    vec![
        json!({"type": "thread.started", "thread_id": "0199a1b2-0000-7000-8000-0123456789ab"}),
        json!({"type": "turn.started"}),
        json!({"type": "item.completed", "item": {"id": "item_0", "type": "command_execution", "command": "bash -lc ls",
            "aggregated_output": "no\n", "exit_code": 2, "status": "failed"}}),
        json!({"type": "item.completed", "item": {"id": "item_1", "type": "file_change",
            "changes": [{"path": "src/a.rs", "kind": "update"}], "status": "completed"}}),
        json!({"type": "item.completed", "item": {"id": "item_2", "type": "agent_message", "text": "Done."}}),
        json!({"type": "turn.completed", "usage": usage(1_111)}),
        json!({"type": "turn.started"}),
        json!({"type": "turn.completed", "usage": usage(3_333)}),
    ]
}

fn tools(lines: &DecodedLines) -> Vec<(String, Option<String>)> {
    let tools = lines.events.iter().filter_map(|event| match &event.fact {
        Fact::ToolUsed(used) if used.success.is_none() => Some((used.tool.clone(), used.summary.clone())),
        _ => None,
    });
    tools.collect()
}

fn calls(lines: &DecodedLines) -> Vec<(Option<String>, u64)> {
    let calls = lines.events.iter().filter_map(|event| match &event.fact {
        Fact::CallReported(call) => Some((call.call.message.clone(), call.tokens.total())),
        _ => None,
    });
    calls.collect()
}

fn success(end: Option<&Event>) -> Option<bool> {
    match &end?.fact {
        Fact::CompletionReported(completion) => completion.success,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_output_of_claude_says_what_its_transcript_says() {
    let (lines, end) = read(&claude());
    assert_eq!(lines.bad, 0);
    assert_eq!(tools(&lines), [("Bash".to_owned(), Some("ls".to_owned()))]);
    let message = |id: &str| Some(id.to_owned());
    // What the calls put out is known at the end.
    let expected = [
        (message("msg_1"), 112),
        (message("msg_2"), 112),
        (message("msg_2"), 264),
    ];
    assert_eq!(calls(&lines), expected);
    assert!(lines.events.iter().all(|event| match &event.fact {
        Fact::CallReported(call) => call.call.request.as_deref() == Some("req_1"),
        _ => true,
    }));
    let limits = lines.events.iter().filter_map(|event| match &event.fact {
        Fact::LimitReported(limit) => Some((limit.window_minutes, limit.used_percent)),
        _ => None,
    });
    assert_eq!(limits.collect::<Vec<_>>(), [(300, 91.0)]);
    let subject = &end.as_ref().unwrap().subject;
    assert_eq!(subject.transcript.as_ref().unwrap().as_str(), "5f1c");
    assert_eq!(
        subject.directory.as_deref(),
        Some("/srv/tide"),
        "the run says where it works"
    );
    assert_eq!(success(end.as_ref()), Some(true));
}

#[test]
fn the_output_of_codex_says_what_its_rollout_says() {
    let (lines, end) = read(&codex());
    assert_eq!(lines.bad, 0);
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        ("shell".to_owned(), some("bash -lc ls")),
        ("apply_patch".to_owned(), some("src/a.rs")),
    ];
    assert_eq!(tools(&lines), expected);
    // The usage is that of the thread so far, and each turn may be several calls.
    let used = lines.events.iter().filter_map(|event| match &event.fact {
        Fact::UsageRecorded(usage) => Some(usage.tokens.total()),
        _ => None,
    });
    assert_eq!(
        (used.collect::<Vec<_>>(), calls(&lines)),
        (vec![1_188, 2_222], Vec::new())
    );
    assert_eq!(success(end.as_ref()), Some(true));
    assert_eq!(end.unwrap().subject.directory.as_deref(), Some("/srv/weather"));
}

#[test]
fn a_run_that_fails_or_is_cut_short_failed() {
    let mut failed = claude();
    *failed.last_mut().unwrap() =
        json!({"type": "result", "subtype": "error_max_turns", "is_error": true, "session_id": "5f1c"});
    assert_eq!(success(read(&failed).1.as_ref()), Some(false));
    assert_eq!(success(read(&claude()[..3]).1.as_ref()), Some(false));
    let mut failed = codex();
    *failed.last_mut().unwrap() = json!({"type": "turn.failed", "error": {"message": "stream disconnected"}});
    let end = read(&failed).1;
    assert_eq!(success(end.as_ref()), Some(false));
    let Some(Fact::CompletionReported(completion)) = end.map(|end| end.fact) else {
        panic!("it ended");
    };
    assert_eq!(completion.summary.as_deref(), Some("stream disconnected"));
    assert_eq!(success(read(&codex()[..2]).1.as_ref()), Some(false));
}

#[test]
fn other_lines_are_counted_and_nothing_is_made_of_them() {
    let cleaner = Cleaner::default();
    let mut reader = OutputReader::new(None);
    for line in [&b"hello"[..], b"[1]", b"{}", b"{\"type\": 7}", b"\xff"] {
        let decoded = reader.line(line, &cleaner, now());
        assert_eq!((decoded.bad, decoded.events.len()), (1, 0), "{line:?}");
    }
    assert_eq!(reader.line(b"  ", &cleaner, now()), DecodedLines::default());
    assert!(reader.subject().is_none() && reader.end(&cleaner, now()).is_none());
}

#[test]
fn the_server_reads_the_envelopes_as_they_were_meant() {
    for output in [claude(), codex()] {
        let (lines, end) = read(&output);
        let lines = DecodedLines {
            events: lines.events.into_iter().chain(end).collect(),
            ..lines
        };
        let body = Value::from(output_envelopes(&lines, "run")).to_string();
        let pushed = push::envelopes(body.as_bytes(), &Cleaner::default(), now()).unwrap();
        assert!(
            pushed.rejected.is_empty() && pushed.bad_fields.is_empty(),
            "{:?} {:?}",
            pushed.rejected,
            pushed.bad_fields
        );
        assert_eq!(pushed.batch.events.len(), lines.events.len());
        for (read, meant) in pushed.batch.events.iter().zip(&lines.events) {
            assert_eq!(read.subject, meant.subject);
            assert_ne!(read.origin.kind, SourceKind::Transcript);
            match (&read.fact, &meant.fact) {
                // Whatever a producer says of itself, it is a producer.
                (Fact::CallReported(read), Fact::CallReported(meant)) => {
                    assert_eq!((&read.call.message, read.tokens), (&meant.call.message, meant.tokens));
                    assert_eq!(read.source, UsageSource::Reported);
                }
                // What is said to be over when it is reported ended then.
                (Fact::CompletionReported(read), Fact::CompletionReported(meant)) => {
                    let meant = CompletionReported {
                        completed_at: Some(now()),
                        ..meant.clone()
                    };
                    assert_eq!(*read, meant);
                }
                (read, meant) => assert_eq!(read, meant),
            }
        }
        let lines_of = |logs: &[forgecast_protocol::LogChunk]| {
            let lines = logs.iter().flat_map(|chunk| &chunk.lines);
            lines.map(|line| line.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(lines_of(&pushed.batch.logs), lines_of(&lines.logs));
        assert!(!lines.logs.is_empty());
    }
}

/// Lines of real output, some of them cut or changed in one byte, and some that are anything.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<String> = claude().iter().chain(&codex()).map(Value::to_string).collect();
    let real = prop::sample::select(lines).prop_map(String::into_bytes);
    let damaged = (real.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut line, at, byte)| {
        let at = at.index(line.len());
        line[at] = byte;
        line
    });
    let cut = (real.clone(), any::<prop::sample::Index>()).prop_map(|(mut line, at)| {
        line.truncate(at.index(line.len()));
        line
    });
    prop_oneof![4 => real, 2 => damaged, 1 => cut, 1 => prop::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #[test]
    fn no_lines_make_it_fail_and_the_server_reads_whatever_becomes_of_them(lines in prop::collection::vec(any_line(), 0..20)) {
        let cleaner = Cleaner::default();
        let mut reader = OutputReader::new(None);
        for line in lines {
            let decoded = reader.line(&line, &cleaner, now());
            let body = Value::from(output_envelopes(&decoded, "run")).to_string();
            let pushed = push::envelopes(body.as_bytes(), &cleaner, now()).unwrap();
            prop_assert!(pushed.rejected.is_empty(), "{:?}", pushed.rejected);
            prop_assert_eq!(pushed.batch.events.len(), decoded.events.len());
        }
        reader.end(&cleaner, now());
    }

    #[test]
    fn no_input_makes_a_status_line_fail(input in prop::collection::vec(any::<u8>(), 0..80), key in ".{0,12}", percent in any::<f64>()) {
        let cleaner = Cleaner::default();
        let _ = claude_status_line(&input, None, &cleaner, now());
        let odd = json!({"rate_limits": {key: {"used_percentage": percent, "resets_at": percent}}, "model": {"display_name": "x"}});
        let line = claude_status_line(odd.to_string().as_bytes(), Some("\u{1b}"), &cleaner, now()).unwrap();
        prop_assert!(line.limits.iter().all(|limit| (0.0..=1_000.0).contains(&limit.used_percent)));
    }
}
