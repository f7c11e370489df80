//! The contract of the API: every field that its clients read, by its name and with its type. Fields may be added to an
//! answer; none of these may go or become something else.

use forgecast_protocol::Fact;
use forgecast_protocol::event::CheckpointReported;
use serde_json::{Value, json};

use crate::{phase_file, with_a_rich_build};
use forgecast_testkit::{Server, event};

/// One answer's fields, each with its type: `text`, `whole` (a number without a fraction), `number`, `flag`, `list`,
/// `object`; with `?` it may be null. `[]` stands for the elements of a list, of which there must be one.
const ANSWERS: [(&str, &str); 19] = [
    ("/api/sessions", SESSIONS),
    ("/api/sessions/active", SESSIONS),
    ("/api/sessions/completed", "sessions list, count whole"),
    ("/api/sessions/failed", "sessions list, count whole"),
    ("/api/status/weather-app", STATUS),
    ("/api/status/notes_1", STATUS),
    (
        "/api/phases/weather-app",
        "session_id text, total_phases whole, phases_completed_count whole, current_phase_number whole, \
         overall_progress_percent number, phases.[].number whole, phases.[].name text, phases.[].emoji text, \
         phases.[].status text, phases.[].description text",
    ),
    ("/api/logs/weather-app?lines=50", "session_id text, logs.[] text"),
    ("/api/metrics/weather-app", METRICS),
    (
        "/api/metrics/historical?limit=100",
        "tasks.[].task_id text, tasks.[].project_name text, tasks.[].task_description text?, tasks.[].status text, \
         tasks.[].phases_completed text, tasks.[].current_phase text?, tasks.[].start_time text?, tasks.[].end_time text?, \
         tasks.[].duration_seconds whole?, tasks.[].github_url text?, tasks.[].created_at text?, \
         summary.tasks.total_tasks whole, summary.tasks.completed_tasks whole, summary.tasks.avg_duration number?, \
         summary.tokens.avg_tokens number?, summary.tokens.max_tokens whole?, summary.tokens.avg_percentage number?, \
         summary.decisions.total_decisions whole, summary.decisions.avg_quality number?, \
         summary.decisions.lessons_used whole, total_tasks whole",
    ),
    (
        "/api/analytics/decisions?task_id=weather-app",
        "analytics.total_decisions whole, analytics.avg_quality number?, analytics.avg_difficulty number?, \
         analytics.regrettable_count whole, analytics.lessons_used_count whole, task_id text",
    ),
    (
        "/api/analytics/agents",
        "analytics.[].agent_type text, analytics.[].total_executions whole, analytics.[].avg_duration number?, \
         analytics.[].success_count whole, analytics.[].avg_issues_found number?, analytics.[].avg_issues_fixed number?, \
         analytics.[].avg_tokens_used number?, agent_type text?",
    ),
    (
        "/api/token/status/weather-app",
        "used whole, limit whole, percentage number, level text, color text",
    ),
    ("/api/agents/weather-app", AGENTS),
    ("/api/agent/builder-1", AGENT),
    (
        "/api/instances",
        "instances.[].session_id text, instances.[].project_name text, instances.[].status text, \
         instances.[].current_phase text, instances.[].start_time text?, instances.[].duration_seconds whole, \
         instances.[].agents_total whole, instances.[].agents_active whole, instances.[].progress_percent number, \
         total_instances whole",
    ),
    ("/api/mcp/tasks", "tasks.[].task_id text, count whole"),
    ("/api/mcp/task/notes_1", TASK),
    ("/api/health", "status text, sessions whole, connections whole"),
];

const SESSIONS: &str = "sessions.[].id text, sessions.[].project text, sessions.[].task text, sessions.[].phase text, \
    sessions.[].phase_number text, sessions.[].status text, sessions.[].iterations whole, sessions.[].start_time text?, \
    sessions.[].last_update text?, sessions.[].phases_completed list, sessions.[].completed_tasks whole, \
    sessions.[].total_tasks whole, sessions.[].is_complete flag, sessions.[].source text, count whole";

const STATUS: &str = "id text, project text, task text, phase text, phase_number text, iterations whole, start_time text?, \
    elapsed_seconds whole, estimated_remaining_seconds whole, overall_progress_percent number, tasks.completed list, \
    tasks.remaining list, tasks.total whole, tasks.progress_percent whole, phase_breakdown.completed list, \
    phase_breakdown.current text?, phase_breakdown.remaining list, context.percentage number, context.tokens_used whole, \
    artifacts object, is_complete flag, notes list, source text, data_age_seconds number, session_id text, status text, \
    current_phase text, phase_status text, phases_completed list, timeout_minutes number?";

const METRICS: &str = "task.task_id text, task.project_name text, task.task_description text?, task.working_directory text?, \
    task.status text, task.phases_completed text, task.current_phase text?, task.start_time text?, task.end_time text?, \
    task.duration_seconds whole?, task.github_url text?, task.created_at text?, metrics.latest object?, \
    metrics.history.[].task_id text, metrics.history.[].timestamp text, metrics.history.[].phase text?, \
    metrics.history.[].token_usage whole, metrics.history.[].token_percentage number, metrics.history.[].latency_ms number?, \
    metrics.history.[].context_resets whole?, metrics.history.[].elapsed_seconds whole?, \
    metrics.history.[].estimated_remaining_seconds whole?, metrics.token_usage.used whole, metrics.token_usage.limit whole, \
    metrics.token_usage.percentage number, metrics.token_usage.level text, metrics.token_usage.color text, \
    decisions.recent.[].id whole, decisions.recent.[].task_id text, decisions.recent.[].timestamp text?, \
    decisions.recent.[].phase text?, decisions.recent.[].decision_type text?, \
    decisions.recent.[].decision_description text, decisions.recent.[].quality_rating number?, \
    decisions.recent.[].difficulty_rating number?, decisions.recent.[].is_regrettable flag?, \
    decisions.recent.[].used_lessons_learned flag?, decisions.recent.[].pattern_ids text, \
    decisions.recent.[].reasoning text?, decisions.recent.[].outcome text?, decisions.analytics.total_decisions whole, \
    decisions.analytics.avg_quality number?, decisions.analytics.avg_difficulty number?, \
    decisions.analytics.regrettable_count whole, decisions.analytics.lessons_used_count whole, \
    agent_performance.[].task_id text, agent_performance.[].agent_type text, agent_performance.[].phase text?, \
    agent_performance.[].start_time text?, agent_performance.[].end_time text?, agent_performance.[].duration_seconds whole?, \
    agent_performance.[].success flag?, agent_performance.[].issues_found whole, agent_performance.[].issues_fixed whole, \
    agent_performance.[].files_created whole?, agent_performance.[].files_modified whole?, \
    agent_performance.[].lines_of_code whole?, agent_performance.[].tokens_used whole, \
    test_iterations.[].task_id text, test_iterations.[].iteration_number whole, test_iterations.[].timestamp text?, \
    test_iterations.[].tests_run whole?, test_iterations.[].tests_passed whole?, test_iterations.[].tests_failed whole?, \
    test_iterations.[].test_output text?, test_iterations.[].fixes_applied text, test_iterations.[].duration_seconds whole?, \
    pattern_effectiveness.[].task_id text, pattern_effectiveness.[].pattern_id text, \
    pattern_effectiveness.[].pattern_type text?, pattern_effectiveness.[].was_applied flag?, \
    pattern_effectiveness.[].prevented_issue flag?, pattern_effectiveness.[].issue_description text, \
    pattern_effectiveness.[].timestamp text?";

const AGENT: &str = "id whole, agent_id text, session_id text, agent_type text?, agent_name text?, status text, phase text?, \
    progress_percent number, tokens_used whole, tokens_limit whole, token_percentage number, parent_agent_id text?, \
    error_message text?, start_time text?, end_time text?, duration_seconds whole?, estimated_remaining_seconds whole?, \
    metadata object, created_at text?, updated_at text?";

const AGENTS: &str =
    "session_id text, agents.[].id whole, agents.[].agent_id text, total_agents whole, active_agents whole";

const TASK: &str = "task_id text, session_id text, status text, current_phase text, phase_number text, phases_completed list, \
    iterations whole, progress.completed list, progress.remaining list, progress.notes list, artifacts object, \
    last_iteration_time text?, test_iteration whole, started_at text?, progress_detail text, source text, \
    data_age_seconds number";

/// The values at a path such as `phases.[].name`: one, or one for each element.
fn values<'v>(answer: &'v Value, path: &str, whole: &str) -> Vec<&'v Value> {
    path.split('.').fold(vec![answer], |found, step| {
        let inner = found.into_iter().flat_map(|value| match step {
            "[]" => value
                .as_array()
                .unwrap_or_else(|| panic!("{whole}: no list: {value}"))
                .iter()
                .collect(),
            name => vec![
                value
                    .get(name)
                    .unwrap_or_else(|| panic!("{whole} is missing in {value}")),
            ],
        });
        let inner: Vec<_> = inner.collect();
        assert!(!inner.is_empty(), "{whole}: nothing in the list");
        inner
    })
}

fn check(path: &str, answer: &Value, fields: &str) {
    for field in fields.split(", ") {
        let (name, kind) = field.trim().split_once(' ').unwrap();
        for value in values(answer, name, &format!("{path}: {name}")) {
            let is_right = match kind.trim_end_matches('?') {
                "text" => value.is_string(),
                "whole" => value.is_u64(),
                "number" => value.is_number(),
                "flag" => value.is_boolean(),
                "list" => value.is_array(),
                "object" => value.is_object(),
                other => panic!("no kind of field: {other}"),
            };
            let may_be_null = kind.ends_with('?') && value.is_null();
            assert!(is_right || may_be_null, "{path}: {name} is no {kind}: {value}");
        }
    }
}

/// A build with everything, and one that only a checkpoint tells of.
async fn with_builds() -> Server {
    let server = with_a_rich_build().await;
    let checkpoint = CheckpointReported {
        project: Some("notes".into()),
        phase: Some("builder".into()),
        iterations: Some(4),
        artifacts: json!({"research": "RESEARCH.md"}).as_object().cloned(),
        ..CheckpointReported::default()
    };
    server
        .settled(event("notes_1", Fact::CheckpointReported(checkpoint)))
        .await;
    server
}

#[tokio::test]
async fn every_answer_has_every_field_of_the_contract_with_its_type() {
    let server = with_builds().await;
    for (path, fields) in ANSWERS {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        check(path, &answer.json(), fields);
    }
    assert_eq!(
        server.get("/api/status/notes_1").await.json()["artifacts"],
        json!({"research": "RESEARCH.md"})
    );
}

#[tokio::test]
async fn every_receipt_has_every_field_of_the_contract_with_its_type() {
    let server = Server::start().await;
    for (path, body, fields) in [
        (
            "/api/phase-update",
            phase_file("weather-app"),
            "status text, session_id text, phase text, broadcasted_to whole",
        ),
        (
            "/api/agent-update",
            json!({"session_id": "weather-app", "agent_id": "a"}),
            "status text, agent_id text, broadcasted_to whole",
        ),
        (
            "/api/broadcast/weather-app",
            json!({"type": "mark"}),
            "broadcasted whole",
        ),
    ] {
        let answer = server.post(path, &body.to_string()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        check(path, &answer.json(), fields);
    }
}
