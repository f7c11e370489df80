//! What Foundry writes.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::transcript::Depth;
use forgecast_decode::{Format, decode};
use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::Fact;
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
fn a_verdict_says_whether_a_task_is_done_and_a_build_with_one_that_is_not_has_failed() {
    let lines = [
        event(1, "session_started", json!({})),
        event(2, "task_started", json!({"task_id": "T1"})),
        event(3, "task_completed", json!({"task_id": "T1", "verdict": "wip"})),
        event(4, "task_started", json!({"task_id": "T1"})),
        event(5, "task_completed", json!({"task_id": "T1", "verdict": "feat"})),
        event(6, "task_started", json!({"task_id": "T2"})),
        event(7, "agent_done", json!({"role": "QUERY", "success": false})),
        event(
            8,
            "agent_done",
            json!({"role": "IMPLEMENT", "success": false, "tokens_in": 1111, "tokens_out": 154,
            "cache_creation_tokens": 200, "cache_read_tokens": 2000}),
        ),
        event(
            9,
            "session_ended",
            json!({"total_tasks": 2, "feat_count": 1, "wip_count": 1}),
        ),
    ];
    let taken = read(agent("foundry"), PATH, &lines, Depth::Everything);
    let tasks = taken.events.iter().filter_map(|event| match &event.fact {
        Fact::TaskReported(task) => Some((task.id.as_str(), task.status.as_deref().unwrap())),
        _ => None,
    });
    assert_eq!(
        tasks.collect::<Vec<_>>(),
        [
            ("T1", "in_progress"),
            ("T1", "failed"),
            ("T1", "in_progress"),
            ("T1", "completed"),
            ("T2", "in_progress"),
            ("T2", "failed"),
        ]
    );
    let ended = taken.events.iter().find_map(|event| match &event.fact {
        Fact::CompletionReported(ended) => Some((ended.success, ended.summary.as_deref())),
        _ => None,
    });
    assert_eq!(ended, Some((Some(false), Some("worked through 2 tasks, 1 not done"))));
    let used = taken.events.iter().find_map(|event| match &event.fact {
        Fact::UsageRecorded(usage) => Some(usage.tokens),
        _ => None,
    });
    let used = used.unwrap();
    assert_eq!(
        (used.input, used.cache_read, used.cache_write, used.output),
        (0, 2_000, 200, 154)
    );
}

#[test]
fn findings_citations_budgets_and_limits_are_told_as_what_they_are() {
    let findings = r#"{"high": [{"title": "No lock", "file": "src/a.rs", "line": 3}], "medium": [{"title": "Slow"}]}"#;
    let lines = [
        event(
            1,
            "review_findings",
            json!({"task_id": "T1", "high": 1, "medium": 1, "low": 0, "findings_json": findings}),
        ),
        event(
            2,
            "plan_review_loop_capped",
            json!({"task_id": "T1", "cycles_used": 2, "cycles_cap": 2, "finding_count": 3, "feedback_summary": "open"}),
        ),
        event(
            3,
            "pattern_cited",
            json!({"task_id": "T1", "role": "Planner", "artifact": "current-plan.md", "pattern_id": "pat-1"}),
        ),
        event(
            4,
            "budget_overrun",
            json!({"task_id": "T1", "phase": "IMPLEMENT", "target_pct": 60, "actual_pct": 78.4,
            "recovery_action": "summarize"}),
        ),
        event(5, "rate_limited", json!({"provider": "claude", "wait_secs": 10})),
    ];
    let taken = read(agent("foundry"), PATH, &lines, Depth::Everything);
    let made = taken.events.iter().filter_map(|event| match &event.fact {
        Fact::DecisionRecorded(made) => Some((
            made.category.as_deref().unwrap(),
            made.title.as_str(),
            made.root_cause.as_deref().or(made.solution.as_deref()),
        )),
        Fact::ErrorReported(error) => panic!("{error:?}"),
        _ => None,
    });
    let expected = [
        (
            "Review",
            "review of T1: 1 high, 1 medium, 0 low",
            Some("No lock (src/a.rs:3); Slow"),
        ),
        (
            "Plan review",
            "plan of T1: 3 findings left after 2 of 2 reviews",
            Some("open"),
        ),
        ("Citation", "Planner cites pat-1 in current-plan.md of T1", None),
        (
            "Budget",
            "IMPLEMENT of T1 is over its budget: 78 % of 60 % planned",
            Some("summarize"),
        ),
        ("Rate limit", "limited by claude", Some("waits 10 s")),
    ];
    assert_eq!(made.collect::<Vec<_>>(), expected);
    assert!(
        taken
            .logs
            .iter()
            .flat_map(|chunk| &chunk.lines)
            .all(|line| line.level != Some(LogLevel::Error))
    );
}

#[test]
fn a_manifest_of_a_task_without_a_verdict_says_that_it_failed() {
    let format = Format::of(".buildloop/run-manifest.json").unwrap();
    let status = |way: &str| {
        let bytes = json!({"schema_version": 1, "run_id": "r", "task_id": "T1", "completion_path": way});
        let decoded = decode(&format, "", bytes.to_string().as_bytes(), &Cleaner::default()).unwrap();
        decoded.facts.into_iter().find_map(|fact| match fact {
            Fact::TaskReported(task) => task.status,
            _ => None,
        })
    };
    for way in ["builder_failure", "planner_failure", "aborted"] {
        assert_eq!(status(way).as_deref(), Some("failed"), "{way}");
    }
    assert_eq!([status("audit_pass"), status("audit_fail")], [None, None]);
}

#[test]
fn two_pipelines_of_a_build_are_the_build() {
    let mut line = event(1, "agent_started", json!({"role": "IMPLEMENT"}));
    line["session_id"] = json!("s-1/pipeline-0");
    line["project_dir"] = json!("/srv/weather/.buildloop/arena/pipeline-0");
    let taken = read(agent("foundry"), PATH, &[line], Depth::Everything);
    assert_eq!(taken.events[0].subject.directory.as_deref(), Some("/srv/weather"));
}

#[test]
fn titles_lose_the_block_of_stages_and_nothing_else() {
    let text = "- [x] T2.1: Deploy with Docker (see [README]) [QRP+BA]\n- [ ] H1.2: Checkout, urgent [QRP+BA!]\n\
                - [ ] Write a readme\n- [ ] T3: Read [README]\n- [ ] T4: Plan [QR..--]\n";
    for name in ["TASKS.md", "IMPL_PLAN.md"] {
        let format = Format::of(name).unwrap();
        let decoded = decode(&format, name, text.as_bytes(), &Cleaner::default()).unwrap();
        let tasks = decoded.facts.iter().map(|fact| match fact {
            Fact::TaskReported(task) => (
                task.id.as_str(),
                task.description.as_deref().unwrap(),
                task.status.as_deref().unwrap(),
            ),
            other => panic!("{other:?}"),
        });
        let expected = [
            ("T2.1", "Deploy with Docker (see [README])", "completed"),
            ("H1.2", "Checkout, urgent", "failed"),
            ("Write a readme", "Write a readme", "pending"),
            ("T3", "Read [README]", "pending"),
            ("T4", "Plan", "pending"),
        ];
        assert_eq!(tasks.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_manifest_names_agents_as_the_event_log_does_and_only_those_that_ran() {
    let bytes = json!({"schema_version": 1, "run_id": "r", "task_id": "T1", "completion_path": "audit_pass", "invocations": [
        {"stage_id": "query", "role": "Query", "status": "ran"},
        {"stage_id": "plan", "role": "Planner", "status": "skipped"},
        {"stage_id": "implement", "role": "Builder", "status": "failed", "superseded_by": 4},
        {"stage_id": "implement", "role": "Builder", "status": "ran"},
        {"stage_id": "doubt", "role": "Reviewer", "status": "failed"}]});
    let format = Format::of(".buildloop/run-manifest.json").unwrap();
    let decoded = decode(&format, "", bytes.to_string().as_bytes(), &Cleaner::default()).unwrap();
    let agents = decoded.facts.iter().filter_map(|fact| match fact {
        Fact::AgentReported(agent) => Some((agent.id.as_str(), agent.status.as_deref().unwrap())),
        _ => None,
    });
    let expected = [("QUERY", "completed"), ("IMPLEMENT", "completed"), ("VERIFY", "failed")];
    assert_eq!(agents.collect::<Vec<_>>(), expected);
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
