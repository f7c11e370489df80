//! Pushed envelopes: every kind, both dialects, each refused alone.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::push::{self, PushError, Pushed};
use forgecast_protocol::{Fact, Origin, SourceKind, Timestamp};
use serde_json::{Value, json};

fn now() -> Timestamp {
    Timestamp::from_millis(1_769_847_300_250)
}

fn pushed(body: &Value) -> Pushed {
    push::envelopes(body.to_string().as_bytes(), &Cleaner::default(), now()).unwrap()
}

/// The facts as JSON, or the reasons of refusal.
fn shown(body: &Value) -> Vec<Value> {
    let pushed = pushed(body);
    let facts = pushed
        .batch
        .events
        .iter()
        .map(|event| serde_json::to_value(&event.fact).unwrap());
    facts
        .chain(pushed.rejected.iter().map(|rejected| json!(rejected.why)))
        .collect()
}

#[test]
fn numbers_that_no_producer_can_mean_refuse_their_envelope_and_no_other() {
    let huge = json!(i64::MAX);
    for (kind, field, value) in [
        ("usage_recorded", "input", huge.clone()),
        ("usage_recorded", "output", json!(-1)),
        ("usage_recorded", "cost_usd", json!(-0.01)),
        ("usage_recorded", "cost_usd", json!(1e9)),
        ("usage_recorded", "cache_read", json!("many")),
        ("call_reported", "output", json!(2_000_000_000)),
        ("call_reported", "cost_usd", json!(20_000)),
        ("call_reported", "cost_usd", json!(-1)),
        ("call_reported", "web_searches", huge.clone()),
        ("agent_reported", "cost_usd", json!(-5)),
        ("agent_reported", "tokens", huge.clone()),
    ] {
        let mut hostile = json!({"session": "app", "type": kind, "agent_id": "a", "message_id": "m"});
        hostile[field] = value;
        let body = json!([hostile, {"session": "app", "type": "usage_recorded", "input": 1, "cost_usd": 0}]);
        let pushed = pushed(&body);
        assert_eq!(pushed.batch.events.len(), 1, "{body}");
        let [rejected] = &pushed.rejected[..] else {
            panic!("{body}: {:?}", pushed.rejected);
        };
        assert_eq!(rejected.index, 0);
        assert!(rejected.why.contains(field), "{body}: {}", rejected.why);
    }
}

#[test]
fn an_id_that_only_forgecast_gives_is_refused() {
    let body = json!({"session": "app", "type": "session_seen", "id": "b:0123"});
    let pushed = pushed(&body);
    assert!(
        pushed.rejected[0].why.contains("must not begin with"),
        "{:?}",
        pushed.rejected
    );
}

#[test]
fn every_kind_is_understood() {
    let said = |fields: Value| {
        let mut envelope = json!({"session": "app"});
        envelope
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        envelope
    };
    let body = json!([
        said(
            json!({"type": "session_seen", "project": "weather", "links": {"pr": "https://example.com/1", "bad": "ftp://x"}})
        ),
        said(
            json!({"type": "phase_reported", "at": "2026-01-31T08:00:00Z", "phase": "Test", "phase_number": "4/7", "odd": 1})
        ),
        said(json!({"type": "checkpoint_reported", "phase": "builder", "completed": ["a"], "complete": true})),
        said(json!({"type": "task_reported", "task_id": "task-1", "status": "completed"})),
        said(json!({"type": "tests_reported", "iteration": 2, "passed": "55", "failed": 5})),
        said(json!({"type": "agent_reported", "data": {"id": "a1", "agent_type": "builder", "tokens": 1200}})),
        said(json!({"type": "decision_recorded", "key": "d1", "title": "Use SQLite", "quality": 4})),
        said(json!({"type": "pattern_recorded", "pattern_id": "p1", "frequency": 2})),
        said(json!({"type": "artifact_changed", "name": "docs/a.md", "kind": "document", "size": 12})),
        said(json!({"type": "usage_recorded", "input": 10, "output": 5, "cost_usd": 0.25, "provenance": "transcript"})),
        said(json!({"type": "tool_used", "tool": "Bash", "success": true})),
        said(json!({"type": "waiting_began", "reason": "permission"})),
        said(json!({"type": "waiting_ended"})),
        said(json!({"type": "error_reported", "message": "out of memory", "details": {"code": 7}})),
        said(json!({"type": "completion_reported", "success": true, "at": "2026-01-31T08:00:00Z"})),
        said(json!({"type": "problem_found", "key": "disk", "problem": {"kind": "store", "message": "full"}})),
        said(json!({"type": "problem_cleared", "key": "disk"})),
        said(json!({"type": "source_gone", "path": "/home/dev/app"})),
        said(json!({"type": "source_returned", "path": "/home/dev/app"})),
        said(json!({"type": "custom", "kind": "deploy_preview", "data": {"url": "https://example.com"}})),
        said(json!({"type": "something_new", "n": null, "list": [1]})),
    ]);
    assert_eq!(pushed(&body).rejected, []);
    insta::assert_snapshot!(shown(&body).iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_cannot_be_taken_is_refused_alone_and_says_why() {
    let body = json!([
        {"session": "app", "type": "phase_reported", "phase": "Test"},
        {"type": "phase_reported"},
        {"session": "app"},
        {"session": "app", "type": "task_reported"},
        {"session": "app", "type": "went_quiet", "quiet": "stalled", "since": "2026-01-31T08:00:00Z"},
        {"session": "app", "type": "custom", "id": ""},
        {"session": "app", "type": "artifact_changed", "name": "../../etc/passwd"},
        {"session": "app", "type": "phase_reported", "directory": "relative/x"},
        {"session": "app", "type": "phase_reported", "directory": "/home/../etc"},
        "no envelope",
        {"session": {}, "type": "x"},
    ]);
    let pushed = pushed(&body);
    assert_eq!((pushed.envelopes, pushed.batch.events.len()), (11, 1));
    let reasons: Vec<String> = pushed
        .rejected
        .iter()
        .map(|rejected| format!("{}: {}", rejected.index, rejected.why))
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn a_session_is_a_run_a_name_or_a_folder() {
    let subject = |fields: Value| {
        let mut body = fields;
        body["type"] = json!("waiting_ended");
        pushed(&body)
            .batch
            .events
            .pop()
            .map(|event| serde_json::to_value(event.subject).unwrap())
    };
    assert_eq!(subject(json!({"session": "app~2"})), Some(json!({"session": "app~2"})));
    assert_eq!(
        subject(json!({"session": "app"})),
        Some(json!({"session": "app", "name": "app"}))
    );
    assert_eq!(
        subject(json!({"session": "Wetter App ü"})),
        Some(json!({"name": "Wetter App ü"}))
    );
    assert_eq!(
        subject(json!({"session": "../../etc\u{0}\u{202e}"})),
        Some(json!({"name": "../../etc"}))
    );
    assert_eq!(
        subject(json!({"session": "app", "directory": "/home/dev/app/"})),
        Some(json!({"session": "app", "name": "app", "directory": "/home/dev/app"}))
    );
    assert_eq!(
        subject(json!({"directory": "/home/dev/app"})),
        Some(json!({"directory": "/home/dev/app"}))
    );
}

#[test]
fn the_broadcasters_words_become_facts() {
    let said = |kind: &str, data: Value| json!({"type": kind, "session_id": "app", "timestamp": "2026-01-31T08:00:00", "sequence": 1, "data": data});
    let body = json!([
        said("phase_change", json!({"phase": "Builder", "context_percent": 140})),
        said("iteration_start", json!({"iteration": 3})),
        said("iteration_complete", json!({"iteration": 3, "context_percent": 41.5})),
        said(
            "task_complete",
            json!({"task": "Write the parser", "context_percent": 42})
        ),
        said("context_update", json!({"percent": 43, "tokens_used": 86_000})),
        said("error", json!({"message": "boom", "details": "more\u{1b}[0m"})),
        said("completion", json!({"success": false, "summary": "gave up"})),
        said("my_own", json!({"a": [1, null]})),
        said("context_update", json!({})),
    ]);
    let mut facts = shown(&body);
    for fact in &mut facts {
        // A naive time is local time, which differs from machine to machine.
        if let Some(fact) = fact.as_object_mut() {
            fact.remove("last_updated");
            fact.remove("completed_at");
        }
    }
    insta::assert_snapshot!(facts.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));

    let line = said(
        "log_line",
        json!({"line": "\u{1b}[31mERROR\u{1b}[0m token=ghp_000000000000000000000000000000000000\nnext", "level": "warning"}),
    );
    let logs = pushed(&line).batch.logs;
    insta::assert_json_snapshot!(logs[0].lines);
}

#[test]
fn a_broadcast_without_an_id_is_known_by_its_content() {
    let envelope = |sequence: u32| json!({"type": "task_complete", "session_id": "app", "sequence": sequence, "data": {"task": "a", "context_percent": 1}});
    let ids = |body: &Value| -> Vec<String> {
        let events = pushed(body).batch.events;
        events
            .iter()
            .map(|event| event.id.as_ref().unwrap().to_string())
            .collect()
    };
    let first = ids(&envelope(1));
    assert_eq!(first.len(), 2, "a task and the context");
    assert_ne!(first[0], first[1]);
    assert!(first[0].starts_with("b:") && first[0].len() == 66);
    assert_eq!(first, ids(&envelope(1)));
    assert_ne!(first, ids(&envelope(2)));
    let body = envelope(1).to_string();
    let by_http = push::broadcast("app", body.as_bytes(), &Cleaner::default(), now()).unwrap();
    let in_file = Origin {
        kind: SourceKind::Log,
        path: None,
        first_sight: true,
        modified_at: None,
    };
    let in_file = push::line(body.as_bytes(), &in_file, &Cleaner::default(), now()).unwrap();
    for pushed in [by_http, in_file] {
        assert_eq!(pushed.batch.events[0].id.as_ref().unwrap().to_string(), first[0]);
    }
    let elsewhere = push::broadcast("other", body.as_bytes(), &Cleaner::default(), now()).unwrap();
    assert_ne!(elsewhere.batch.events[0].id.as_ref().unwrap().to_string(), first[0]);
    let own = json!({"id": "e-1", "type": "error", "session_id": "app", "data": {"message": "m"}});
    assert_eq!(ids(&own), ["e-1"]);
}

#[test]
fn the_origins_endpoints_take_their_bodies() {
    let cleaner = Cleaner::default();
    let pushed = push::broadcast("app~2", br#"{"type":"anything","x":1}"#, &cleaner, now()).unwrap();
    let event = &pushed.batch.events[0];
    assert_eq!(event.subject.session.as_ref().unwrap().to_string(), "app~2");
    assert_eq!(
        serde_json::to_value(&event.fact).unwrap(),
        json!({"type": "custom", "kind": "anything", "data": {"x": 1}})
    );

    let pushed = push::phase_update(
        br#"{"session_id":"app","current_phase":"Scout","x":1}"#,
        &cleaner,
        now(),
    )
    .unwrap();
    assert!(matches!(&pushed.batch.events[0].fact, Fact::PhaseReported(report) if report.extra["x"] == 1));
    assert!(matches!(
        push::phase_update(b"{}", &cleaner, now()),
        Err(PushError::Rejected(_))
    ));

    let agent = br#"{"session_id":"app","agent_id":"a1","status":"active","tokens_used":"12","token_percentage":3}"#;
    let pushed = push::agent_update(agent, &cleaner, now()).unwrap();
    assert!(matches!(&pushed.batch.events[0].fact, Fact::AgentReported(agent) if agent.tokens == Some(12)));
    assert!(matches!(
        push::agent_update(br#"{"session_id":"app"}"#, &cleaner, now()),
        Err(PushError::Rejected(_))
    ));
}

#[test]
fn a_body_beyond_the_limits_is_refused_as_a_whole() {
    let cleaner = Cleaner::default();
    let refused = |body: &[u8]| push::envelopes(body, &cleaner, now()).unwrap_err().to_string();
    assert_eq!(
        refused(&vec![b' '; (20 << 20) + 1]),
        "cannot read the body: 20971521 bytes, more than the 20971520 that are read"
    );
    assert_eq!(
        refused(b"[{}"),
        "cannot read the body: it ends in the middle (still being written?)"
    );
    assert_eq!(
        refused(b"[{},]"),
        "cannot read the body: not valid JSON at line 1, column 5: a value was expected after the comma"
    );
    assert_eq!(
        refused(&"[".repeat(100).into_bytes()),
        "cannot read the body: nested deeper than 64 levels"
    );
    let many = format!("[{}0]", "0,".repeat(20_000));
    assert_eq!(
        refused(many.as_bytes()),
        "more than 10000 envelopes in one body: send them in several"
    );
    assert_eq!(push::envelopes(b"[]", &cleaner, now()).unwrap(), Pushed::default());
}

#[test]
fn a_wrapped_command_is_known_by_its_id_and_its_facts_by_their_own_time() {
    let id = format!("command-{}", "0a".repeat(16));
    let at = "2026-01-31T08:00:00Z";
    let body = json!([
        {"session": "test", "directory": "/p", "command_id": id, "type": "session_seen", "branch": "main", "at": at},
        {"session": "test", "command_id": "deploy-7", "type": "deployed", "at": at},
    ]);
    let [own, others] = &pushed(&body).batch.events[..] else {
        panic!("two events");
    };
    assert_eq!(own.subject.command.as_ref().unwrap().as_str(), id);
    assert_eq!(own.subject.directory.as_deref(), Some("/p"));
    assert_eq!(
        (own.at.to_string().as_str(), &own.origin.kind),
        ("2026-01-31T08:00:00.000Z", &SourceKind::Push)
    );
    let Fact::Custom(custom) = &others.fact else {
        panic!("{others:?}");
    };
    assert_eq!(
        (&others.subject.command, &custom.data["command_id"]),
        (&None, &json!("deploy-7"))
    );
    assert_eq!(
        others.at,
        now(),
        "a producer's own field of this name makes it no command"
    );
}
