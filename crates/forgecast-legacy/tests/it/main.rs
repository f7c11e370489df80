//! Context Foundry's API as its clients meet it: shapes, words, what is said of what does not exist, and producers as they
//! are. A real listener, real sockets and a real hub.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot go on without, it fails on"
)]

mod contract;
mod live;
mod producers;
mod shapes;

use serde_json::{Value, json};

use forgecast_testkit::Server;

/// The file that an orchestrator keeps while it builds.
pub(crate) fn phase_file(session: &str) -> Value {
    json!({
        "session_id": session,
        "current_phase": "Builder",
        "phase_number": "3/7",
        "status": "building",
        "progress_detail": "Writing the <parser> & its tests",
        "test_iteration": 0,
        "phases_completed": ["Scout", "Architect"],
        "started_at": "2026-01-31T08:00:00Z",
        "last_updated": "2026-01-31T08:14:00Z"
    })
}

/// A build with everything that these clients ask for.
pub(crate) async fn with_a_rich_build() -> Server {
    let server = Server::start().await;
    let phase = server
        .post("/api/phase-update", &phase_file("weather-app").to_string())
        .await;
    assert_eq!(phase.status, 200, "{}", phase.text());
    let facts = json!([
        {"session": "weather-app", "type": "session_seen", "project": "weather", "task": "Build a weather app"},
        {"session": "weather-app", "type": "tests_reported", "iteration": 1, "total": 10, "passed": 8, "failed": 2},
        {"session": "weather-app", "type": "tests_reported", "iteration": 2, "total": 10, "passed": 10, "failed": 0},
        {"session": "weather-app", "type": "decision_recorded", "key": "d-1", "title": "Cache the forecast",
         "category": "Architecture", "phase": "Architect", "quality": 4, "difficulty": 2, "lesson_used": true},
        {"session": "weather-app", "type": "decision_recorded", "key": "d-2", "title": "No retries",
         "category": "Testing", "quality": 1},
        {"session": "weather-app", "type": "pattern_recorded", "pattern_id": "p-1", "title": "Mock the network",
         "severity": "HIGH", "frequency": 3, "times_prevented": 1},
        {"session": "weather-app", "type": "usage_recorded", "input": 1200, "output": 800, "model": "claude-sonnet-4-5",
         "context_tokens": 110_000},
        {"session": "weather-app", "type": "agent_reported", "agent_id": "scout-1", "agent_type": "Scout",
         "status": "completed", "tokens_used": 10_000, "tokens_limit": 200_000, "issues_found": 3, "issues_fixed": 2},
        {"session": "weather-app", "type": "agent_reported", "agent_id": "builder-1", "agent_type": "Builder",
         "agent_name": "Builder one", "status": "active", "progress_percent": 40, "parent_agent_id": "scout-1"},
        {"session_id": "weather-app", "type": "log_line", "data": {"line": "compiling\nlinking", "level": "info"}},
    ]);
    let answer = server.post("/api/v1/events", &facts.to_string()).await;
    assert_eq!(answer.json()["rejected"], json!([]), "{}", answer.text());
    server
}
