//! A secret in any text field of any format, under any key, reaches no fact, no log line, no report of what was wrong.

use forgecast_decode::agents::claude_hook;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::otlp::{self as telemetry, Encoding};
use forgecast_decode::transcript::{DecodedLines, Depth};
use forgecast_decode::{CheckpointPart, Format, decode, push};
use serde_json::{Value, json};

use super::transcripts::{agent, bytes, now, read_bytes, reader};
use super::{claude, codex, foundry, hooks, otlp};

/// What every secret of this test holds, and nothing else does.
const CANARY: &str = "C4n4ryC4n4ry";

/// Forms of secrets: a token, one split by colors, one in an address, a setting, a key of many lines.
fn secrets() -> Vec<String> {
    let long = CANARY.repeat(4);
    vec![
        format!("ghp_{}", &long[..36]),
        format!("with sk-ant-api03-{long}-{long} in it"),
        format!("ghp_{CANARY}\u{1b}[31m{CANARY}\u{1b}[0m{CANARY}"),
        format!("https://user:{CANARY}@example.com/x"),
        format!("first\npassword={CANARY}\nlast"),
        format!("-----BEGIN PRIVATE KEY-----\n{long}\n{long}\n-----END PRIVATE KEY-----"),
        format!("a\n-----BEGIN OPENSSH PRIVATE KEY-----\n{long}\n{long}"),
    ]
}

/// The document with one of its texts replaced by the secret, or followed by it; with one more field under each key.
fn planted(document: &Value, secret: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for which in 0..texts(document) {
        for keep in [false, true] {
            let mut count = 0;
            let mut changed = document.clone();
            plant(&mut changed, &mut count, which, &|text| {
                *text = if keep {
                    format!("{text} {secret}")
                } else {
                    secret.to_owned()
                };
            });
            all.push(changed);
        }
    }
    let mut more = document.clone();
    if let Value::Object(map) = &mut more {
        map.insert("more".to_owned(), json!({ "deep": [secret, { secret: 1 }] }));
        map.insert(secret.to_owned(), json!(secret));
        map.insert("client_secret".to_owned(), json!(CANARY));
    }
    all.push(more);
    all
}

fn texts(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(texts).sum(),
        Value::Object(map) => map.values().map(texts).sum(),
        _ => 0,
    }
}

fn plant(value: &mut Value, count: &mut usize, which: usize, change: &dyn Fn(&mut String)) {
    match value {
        Value::String(text) => {
            if *count == which {
                change(text);
            }
            *count += 1;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, count, which, change)),
        Value::Object(map) => map.values_mut().for_each(|item| plant(item, count, which, change)),
        _ => {}
    }
}

/// Fails when any of the canary is in what is shown; what it was made of helps to find the field.
fn no_canary(shown: &impl std::fmt::Debug, of: &Value) {
    let shown = format!("{shown:?}");
    assert!(!shown.contains("C4n4ry"), "{of:#}\n\nbecame\n\n{shown}");
}

/// Envelopes of every kind, Forgecast's own and the broadcaster's, with all fields that hold text.
fn every_kind() -> Vec<Value> {
    let own = [
        json!({"id": "e-1", "type": "session_seen", "project": "p", "task": "t", "title": "t", "links": {"pr": "https://example.com/1"}, "directory": "/srv/x", "session": "app"}),
        json!({"session": "app", "type": "phase_reported", "at": "2026-01-31T08:00:00Z", "phase": "Test", "phase_number": "4/7", "status": "s", "progress_detail": "d", "odd": "x"}),
        json!({"session": "app", "type": "checkpoint_reported", "phase": "builder", "completed": ["a"], "remaining": ["b"]}),
        json!({"session": "app", "type": "task_reported", "task_id": "task-1", "status": "completed", "description": "d", "files": ["f"], "dependencies": ["x"], "error": "e"}),
        json!({"session": "app", "type": "tests_reported", "iteration": 2, "passed": 5, "details": "d", "failures": ["f"]}),
        json!({"session": "app", "type": "agent_reported", "data": {"id": "a1", "agent_type": "builder", "name": "n", "parent": "p", "status": "s", "error": "e", "current_task": "t"}}),
        json!({"session": "app", "type": "decision_recorded", "key": "d1", "title": "t", "category": "c", "rationale": "r", "severity": "HIGH", "phase": "p", "solution": "s", "alternatives": ["x"]}),
        json!({"session": "app", "type": "pattern_recorded", "pattern_id": "p1", "title": "t", "description": "d", "library": "l", "severity": "LOW", "solution": "s"}),
        json!({"session": "app", "type": "artifact_changed", "name": "docs/a.md", "kind": "document", "size": 12}),
        json!({"session": "app", "type": "usage_recorded", "input": 10, "model": "m", "agent": "a", "provenance": "transcript"}),
        json!({"session": "app", "type": "call_reported", "message": "m", "request": "r", "model": "m", "agent": "a", "tools": ["t"], "input": 1, "call": {"message": "m", "request": "r"}}),
        json!({"session": "app", "type": "tool_used", "tool": "Bash", "summary": "s", "agent": "a", "use_id": "u"}),
        json!({"session": "app", "type": "waiting_began", "reason": "permission", "waiting_for": "permission"}),
        json!({"session": "app", "type": "error_reported", "message": "m", "details": {"code": "7", "trace": ["x"]}}),
        json!({"session": "app", "type": "completion_reported", "success": true, "status": "s", "summary": "s", "task": "t", "phases_completed": ["x"], "links": {"pr": "https://example.com/1"}}),
        json!({"session": "app", "type": "problem_found", "key": "disk", "problem": {"kind": "store", "message": "full", "subject": "x"}}),
        json!({"session": "app", "type": "problem_cleared", "key": "disk"}),
        json!({"session": "app", "type": "source_gone", "path": "/home/dev/app"}),
        json!({"session": "app", "type": "log", "text": "first\nsecond", "level": "warn", "from": "f"}),
        json!({"session": "app", "type": "custom", "kind": "deploy_preview", "data": {"url": "https://example.com", "list": ["a", {"b": "c"}]}}),
        json!({"session": "app", "type": "something_new", "text": "t", "list": ["a"]}),
    ];
    let kinds = [
        "phase_change",
        "phase_update",
        "log_line",
        "log",
        "error",
        "completion",
        "session_complete",
        "task_complete",
        "agent_update",
        "test_result",
        "metrics",
        "decision",
        "pattern",
        "status",
        "progress",
        "whatever",
    ];
    let data = json!({
        "phase": "p", "current_phase": "p", "status": "s", "progress_detail": "d", "line": "l", "message": "m", "level": "error",
        "error": "e", "details": {"x": "y"}, "agent_id": "a", "agent_type": "t", "task_id": "t", "description": "d", "model": "m",
        "summary": "s", "key": "k", "title": "t", "name": "n", "other": ["x"],
    });
    let theirs = kinds.iter().map(
        |kind| json!({"type": kind, "session_id": "app", "timestamp": "2026-01-31T08:00:00Z", "data": data.clone()}),
    );
    own.into_iter().chain(theirs).collect()
}

#[test]
fn in_pushed_envelopes() {
    let cleaner = Cleaner::default();
    let envelopes = every_kind();
    for secret in secrets() {
        for envelope in envelopes.iter().flat_map(|envelope| planted(envelope, &secret)) {
            let body = envelope.to_string();
            no_canary(&push::envelopes(body.as_bytes(), &cleaner, now()), &envelope);
            no_canary(&push::broadcast("app", body.as_bytes(), &cleaner, now()), &envelope);
            no_canary(&push::phase_update(body.as_bytes(), &cleaner, now()), &envelope);
            no_canary(&push::agent_update(body.as_bytes(), &cleaner, now()), &envelope);
        }
    }
}

#[test]
fn in_a_key_whose_lines_are_pushed_together_one_by_one() {
    let line = |session: &str, text: &str| json!({"type": "log_line", "session_id": session, "data": {"line": text}});
    let long = CANARY.repeat(5);
    let body = json!([
        line("app", "-----BEGIN PRIVATE KEY-----"),
        line("app", &long),
        line("app", &long),
        line("app", "-----END PRIVATE KEY-----"),
        line("app", "done"),
        line("app", "-----BEGIN PRIVATE KEY-----"),
        line("other", "done"),
    ]);
    let pushed = push::envelopes(body.to_string().as_bytes(), &Cleaner::default(), now()).unwrap();
    no_canary(&pushed, &body);
    let last = pushed.batch.logs.iter().filter(|chunk| chunk.lines[0].text == "done");
    assert_eq!(last.count(), 2, "the log goes on, and another's is another");
}

#[test]
fn in_a_key_whose_lines_are_one_text_or_several() {
    let log = |text: &str| json!({"type": "log", "session": "app", "text": text});
    let long = CANARY.repeat(5);
    let whole = format!("-----BEGIN PRIVATE KEY-----\n{long}\n-----END PRIVATE KEY-----\ndone\n");
    let body = json!([log(&whole), log("-----BEGIN PRIVATE KEY-----"), log(&long)]);
    let pushed = push::envelopes(body.to_string().as_bytes(), &Cleaner::default(), now()).unwrap();
    no_canary(&pushed, &body);
    let lines = &pushed.batch.logs[0].lines;
    assert_eq!(lines.len(), 4, "each line is one, and the end of the last begins none");
    assert_eq!(lines[3].text, "done");
}

#[test]
fn in_files_of_a_build() {
    let cleaner = Cleaner::default();
    let files = [
        (
            Format::Phase,
            json!({"session_id": "app", "current_phase": "Builder", "phase_number": "3/8", "status": "building", "progress_detail": "x", "test_iteration": 0, "phases_completed": ["Scout"], "started_at": "2025-01-13T00:30:00Z", "last_updated": "2025-01-13T00:30:00Z", "extra": {"note": "x"}}),
        ),
        (
            Format::Summary,
            json!({"session_id": "app", "status": "completed", "task": "x", "phases_completed": ["Scout"], "test_results": {"passed": 1, "details": "x"}, "github_url": "https://example.com/x", "files_created": ["a.rs"], "summary": "x", "working_directory": "/srv/x", "error": "x"}),
        ),
        (
            Format::Feedback,
            json!({"build_id": "b", "issues_found": [{"category": "c", "issue": "i", "solution": "s", "severity": "HIGH", "title": "t", "pattern_id": "p"}], "successful_patterns": [{"pattern_id": "p", "pattern": "x", "description": "d"}], "recommendations": ["r"]}),
        ),
        (
            Format::Patterns,
            json!({"patterns": [{"pattern_id": "p", "title": "t", "severity": "HIGH", "tech_stack": ["rust"], "issue": {"description": "d"}, "solution": {"code": "c"}, "category": "c", "first_seen": "2025-01-13"}]}),
        ),
        (
            Format::BuildTasks,
            json!({"mode": "parallel", "tasks": [{"id": "t1", "description": "d", "files": ["a.rs"], "dependencies": ["t0"], "status": "pending", "assigned_to": "x", "name": "n"}]}),
        ),
        (
            Format::Checkpoint(CheckpointPart::State),
            json!({"session_id": "app", "task": "t", "working_directory": "/srv/x", "status": "s", "model": "m", "mode": "x", "phases": ["Scout"]}),
        ),
        (
            Format::Checkpoint(CheckpointPart::Progress),
            json!({"iteration": 1, "current_task": "t", "completed": ["a"], "remaining": ["b"], "errors": ["e"], "notes": "n", "last_phase": "p"}),
        ),
        (
            Format::RunManifest,
            json!({"schema_version": 1, "run_id": "r", "task_id": "t", "completion_path": "c", "invocations": [{"role": "builder", "error": "e", "status": "s", "success": false}]}),
        ),
    ];
    for secret in secrets() {
        for (format, file) in &files {
            for document in planted(file, &secret) {
                let decoded = decode(format, "x.json", document.to_string().as_bytes(), &cleaner);
                no_canary(&decoded, &document);
            }
        }
    }
}

#[test]
fn in_documents_of_words() {
    let cleaner = Cleaner::default();
    let formats = [
        (
            Format::TasksMd,
            "TASKS.md",
            "# Tasks\n- [ ] T1: @\n- [x] T2@: done\n- [~] T3: x [@]\n",
        ),
        (
            Format::TestReport { iteration: Some(1) },
            "test-results-iteration-1.md",
            "# Results\nPassed: 3 @\n✅ @\n❌ test_a: @\nStatus: @\n| a | @ |\n",
        ),
        (Format::TestCount, "test-iteration-count.txt", "3 @"),
        (Format::Checkpoint(CheckpointPart::Complete), "COMPLETE", "done @\n@\n"),
    ];
    for secret in secrets() {
        for (format, path, text) in &formats {
            let text = text.replace('@', &secret);
            let decoded = decode(format, path, text.as_bytes(), &cleaner);
            no_canary(&decoded, &json!(text));
        }
    }
}

#[test]
fn in_transcripts_with_what_is_remembered_of_them() {
    let files = [
        (
            agent("claude"),
            "projects/p/5f1c.jsonl".to_owned(),
            claude::conversation(),
        ),
        (
            agent("claude"),
            "projects/p/agent-a77.jsonl".to_owned(),
            claude::conversation(),
        ),
        (
            agent("codex"),
            codex::path("0199a1b2-0000-7000-8000-0123456789ab"),
            codex::rollout(),
        ),
        (agent("foundry"), foundry::PATH.to_owned(), foundry::events()),
    ];
    // A file is read for every one of its fields: fewer forms than elsewhere.
    let secrets = secrets();
    for secret in [&secrets[0], &secrets[2], &secrets[6]] {
        for (kind, path, lines) in &files {
            for at in 0..lines.len() {
                for line in planted(&lines[at], secret) {
                    let (mut reader, mut taken) = (reader(kind, path, ""), DecodedLines::default());
                    // What stands before it opens what it may belong to; a few lines are enough.
                    for around in &lines[at.saturating_sub(2)..at] {
                        read_bytes(
                            &mut reader,
                            &bytes(std::slice::from_ref(around)),
                            0,
                            Depth::Everything,
                            &mut taken,
                        );
                    }
                    read_bytes(
                        &mut reader,
                        &bytes(std::slice::from_ref(&line)),
                        0,
                        Depth::Everything,
                        &mut taken,
                    );
                    let next = lines.get(at + 1).cloned().unwrap_or_default();
                    read_bytes(&mut reader, &bytes(&[next]), 0, Depth::Everything, &mut taken);
                    no_canary(&(taken, reader.state()), &line);
                }
            }
        }
    }
}

#[test]
fn in_hooks_and_telemetry() {
    let cleaner = Cleaner::default();
    for secret in secrets() {
        for body in hooks::all().iter().flat_map(|body| planted(body, &secret)) {
            no_canary(&claude_hook(body.to_string().as_bytes(), &cleaner, now()), &body);
        }
    }
    for secret in &secrets()[..3] {
        for body in planted(&otlp::logs(), secret) {
            let json = body.to_string();
            no_canary(
                &telemetry::logs(
                    json.as_bytes(),
                    Encoding::Json,
                    &cleaner,
                    now(),
                    &telemetry::Sequences::default(),
                ),
                &body,
            );
        }
        for body in planted(&otlp::metrics(), secret) {
            let json = body.to_string();
            no_canary(
                &telemetry::metrics(json.as_bytes(), Encoding::Json, &cleaner, now()),
                &body,
            );
        }
    }
}
