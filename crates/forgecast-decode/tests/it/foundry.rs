//! What Foundry writes.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::transcript::Depth;
use forgecast_decode::{Format, decode};
use serde_json::{Value, json};

use super::transcripts::{agent, read, shown};

pub(super) const PATH: &str = "observatory/events-2026-11-21.jsonl";

fn event(second: u32, kind: &str, payload: Value) -> Value {
    json!({"timestamp": format!("2026-11-21T08:00:{second:02}Z"), "session_id": "s-1", "project_dir": "/srv/weather",
        "event_type": kind, "payload": payload})
}

pub(super) fn events() -> Vec<Value> {
    vec![
        event(0, "session_started", json!({})),
        event(
            1,
            "task_started",
            json!({"task_id": "T1.1", "description": "Parse the forecast", "complexity": "low"}),
        ),
        event(
            2,
            "agent_started",
            json!({"role": "builder", "provider": "anthropic", "model": "claude-opus-4-8"}),
        ),
        event(
            9,
            "agent_done",
            json!({"role": "builder", "success": true, "duration_secs": 7.5, "tokens_in": 1200, "tokens_out": "300",
            "cost_usd": 0.21, "context_pct": 34, "cache_creation_tokens": 50, "cache_read_tokens": 9000}),
        ),
        event(
            10,
            "review_findings",
            json!({"task_id": "T1.1", "high": 1, "medium": 0, "low": 3}),
        ),
        event(
            11,
            "review_findings",
            json!({"task_id": "T1.1", "high": 0, "medium": 0, "low": 0}),
        ),
        event(12, "pattern_injected", json!({"pattern_ids": ["p-1", "p-2"]})),
        event(
            13,
            "task_completed",
            json!({"task_id": "T1.1", "verdict": "PASS", "commit_sha": "0123456789abcdef"}),
        ),
        event(
            14,
            "committed",
            json!({"sha": "0123456789abcdef", "message": "parse", "url": "https://example.com/c/0123"}),
        ),
        event(15, "rate_limited", json!({"provider": "anthropic", "wait_secs": 30})),
        event(16, "budget_overrun", json!({"limit_usd": 5, "spent_usd": 5.5})),
        event(17, "task_completed", json!({"task_id": "T1.2", "verdict": "fail"})),
        event(18, "something_new", json!({"a": 1})),
        event(
            19,
            "session_ended",
            json!({"total_tasks": 2, "total_cost_usd": 5.5, "duration_secs": 600}),
        ),
        json!({"event_type": "orphan"}),
        json!([1]),
    ]
}

#[test]
fn the_event_log_becomes_agents_tasks_findings_and_usage_of_the_build() {
    let taken = read(agent("foundry"), PATH, &events(), Depth::Everything);
    insta::assert_json_snapshot!(shown(&taken));
    for event in &taken.events {
        assert_eq!(event.subject.directory.as_deref(), Some("/srv/weather"));
        assert_eq!((&event.subject.transcript, &event.subject.name), (&None, &None));
    }
}

#[test]
fn the_manifest_of_a_run_says_its_task_and_agents() {
    let bytes = json!({"schema_version": 1, "run_id": "r-1", "task_id": "T1.1", "completion_path": null, "invocations": [
        {"role": "builder", "success": true}, {"role": "reviewer", "status": "active"}, {"success": true}]});
    let format = Format::of(".buildloop/run-manifest.json").unwrap();
    let decoded = decode(
        &format,
        ".buildloop/run-manifest.json",
        bytes.to_string().as_bytes(),
        &Cleaner::default(),
    );
    insta::assert_json_snapshot!(decoded.unwrap().facts);
    assert!(decode(&format, "", b"[]", &Cleaner::default()).is_err());
}

#[test]
fn the_task_list_says_what_is_done_and_what_is_not() {
    let text = "# Tasks\n\n- [x] T1.1: Parse the forecast [SPIV]\n- [ ] T1.2: Show it [of tomorrow]\n  * [~] T2: Test \
                it\n- [!] T3: Deploy\n- [ ] Buy: milk\n- [ ] no id at all\n- [x] T1.1: twice\nT9: no list\n";
    let format = Format::of("TASKS.md").unwrap();
    assert!(format.must_settle() && format.is_document());
    let decoded = decode(&format, "TASKS.md", text.as_bytes(), &Cleaner::default()).unwrap();
    insta::assert_json_snapshot!(decoded.facts);
}
