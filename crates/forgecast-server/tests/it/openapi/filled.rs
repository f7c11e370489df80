//! A server with something behind every route.

use forgecast_protocol::event::{ArtifactChanged, ArtifactKind, CompletionReported};
use forgecast_protocol::{Fact, Subject};
use serde_json::json;
use tempfile::TempDir;

use forgecast_testkit::{Server, completion, event, now, phase};

/// The server and the folder that its files are in.
pub(super) async fn filled() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("weather-app");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("session-summary.json"), "{}").unwrap();
    let root = folder.path().to_owned();
    let server = Server::with(|setup| setup.roots = vec![root]).await;
    let mut artifact = event(
        "weather-app",
        Fact::ArtifactChanged(ArtifactChanged {
            name: "session-summary.json".to_owned(),
            kind: ArtifactKind::Summary,
            size: 2,
            modified_at: now(),
            dated: None,
            removed: false,
        }),
    );
    artifact.subject = Subject {
        directory: Some(project.to_string_lossy().into_owned()),
        ..artifact.subject
    };
    server.settled(artifact).await;
    server.settled(phase("weather-app", "Scout", "looking around")).await;
    server
        .settled(phase("weather-app", "Builder", "writing the parser"))
        .await;
    server.settled(phase("old-app", "Feedback", "done")).await;
    let ended = CompletionReported {
        success: Some(true),
        links: [("github".to_owned(), "https://example.org/old-app".to_owned())].into(),
        ..completion()
    };
    server.settled(event("old-app", Fact::CompletionReported(ended))).await;
    let answer = server.post("/api/v1/events", &facts().to_string()).await;
    assert_eq!(answer.json()["rejected"], json!([]), "{}", answer.text());
    (server, folder)
}

fn facts() -> serde_json::Value {
    json!([
        {"session": "weather-app", "type": "session_seen", "project": "weather", "task": "Build it", "host": "ci-1"},
        {"session": "weather-app", "type": "tests_reported", "iteration": 1, "total": 10, "passed": 8, "failed": 2},
        {"session": "weather-app", "type": "tests_reported", "total": 10, "passed": 10, "failed": 0},
        {"session": "weather-app", "type": "task_reported", "task_id": "t-1", "description": "parser", "status": "completed"},
        {"session": "weather-app", "type": "decision_recorded", "key": "d-1", "title": "Cache", "quality": 4,
         "difficulty": 2, "lesson_used": true, "severity": "HIGH", "phase": "Architect"},
        {"session": "weather-app", "type": "pattern_recorded", "pattern_id": "p-1", "title": "Mock the network",
         "severity": "HIGH", "frequency": 3, "times_prevented": 1, "library": "common"},
        {"session": "weather-app", "type": "usage_recorded", "input": 1200, "output": 800, "model": "claude-sonnet-4-5",
         "context_tokens": 110_000},
        {"session": "weather-app", "type": "call_reported", "message_id": "msg_1", "request_id": "req_1", "input": 10,
         "output": 20, "cache_read": 30, "model": "claude-sonnet-4-5"},
        {"session": "weather-app", "type": "call_reported", "message_id": "msg_2", "input": 10, "model": "nobody-s"},
        {"session": "weather-app", "type": "agent_reported", "agent_id": "scout-1", "agent_type": "Scout",
         "status": "completed", "tokens_used": 10_000, "tokens_limit": 200_000, "issues_found": 3, "issues_fixed": 2},
        {"session": "weather-app", "type": "agent_reported", "agent_id": "builder-1", "agent_type": "Builder",
         "agent_name": "Builder one", "status": "active", "progress_percent": 40, "parent_agent_id": "scout-1"},
        {"session": "weather-app", "type": "tool_used", "tool": "Bash", "summary": "cargo test", "success": false},
        {"session": "weather-app", "type": "error_reported", "message": "no network", "details": "dns"},
        {"session": "weather-app", "type": "waiting_began", "reason": "may I", "waiting_for": "permission"},
        {"session": "weather-app", "type": "waiting_ended"},
        {"session": "weather-app", "type": "problem_found", "key": "k", "problem": {"kind": "bad_field", "message": "m"}},
        {"session": "weather-app", "type": "my_own", "data": {"anything": [1, null]}},
        {"session": "weather-app", "type": "tests_reported", "iteration": "many", "total": -3},
        {"session_id": "weather-app", "type": "log_line",
         "data": {"line": "\u{1b}[31mcompiling\u{1b}[0m\nlinking", "level": "info"}},
    ])
}
