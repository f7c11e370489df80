//! Every answer's shape, by a build with all of it and by one with nothing.

use forgecast_protocol::event::{CheckpointReported, CompletionReported};
use forgecast_protocol::{Batch, Fact};
use serde_json::{Value, json};

use crate::{phase_file, with_a_rich_build};
use forgecast_testkit::{Server, completion, event, phase};

/// One snapshot for each of these paths.
macro_rules! shapes {
    ($server:expr, $($name:literal => $path:literal),+ $(,)?) => {$(
        let answer = $server.get($path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{}", $path);
        assert_eq!(answer.header("content-type"), "application/json", "{}", $path);
        insta::assert_json_snapshot!($name, answer.json());
    )+};
}

#[tokio::test]
async fn the_answers_about_a_rich_build_are_these() {
    let server = with_a_rich_build().await;
    shapes!(server,
        "sessions" => "/api/sessions",
        "status" => "/api/status/weather-app",
        "phases" => "/api/phases/weather-app",
        "logs" => "/api/logs/weather-app?lines=50",
        "metrics" => "/api/metrics/weather-app",
        "historical" => "/api/metrics/historical?limit=100",
        "decisions" => "/api/analytics/decisions",
        "decisions_of_one" => "/api/analytics/decisions?task_id=weather-app",
        "analytics_agents" => "/api/analytics/agents",
        "analytics_agents_of_a_kind" => "/api/analytics/agents?agent_type=Scout",
        "tokens" => "/api/token/status/weather-app",
        "agents" => "/api/agents/weather-app",
        "agent" => "/api/agent/builder-1",
        "instances" => "/api/instances",
        "mcp_tasks" => "/api/mcp/tasks",
        "mcp_task" => "/api/mcp/task/weather-app",
        "health" => "/api/health",
    );
}

#[tokio::test]
async fn the_answers_about_what_is_not_there_are_these() {
    let server = Server::start().await;
    for (path, status, body) in [
        ("/api/sessions", 200, json!({"sessions": [], "count": 0})),
        ("/api/sessions/active", 200, json!({"sessions": [], "count": 0})),
        ("/api/status/nobody", 200, json!({"error": "Session not found"})),
        ("/api/status/nobody~7", 200, json!({"error": "Session not found"})),
        ("/api/phases/nobody", 404, json!({"error": "Session not found"})),
        ("/api/logs/nobody", 200, json!({"session_id": "nobody", "logs": []})),
        ("/api/metrics/nobody", 404, json!({"error": "Task not found"})),
        ("/api/agent/nobody", 404, json!({"error": "Agent not found"})),
        (
            "/api/agents/nobody",
            200,
            json!({"session_id": "nobody", "agents": [], "total_agents": 0, "active_agents": 0}),
        ),
        ("/api/instances", 200, json!({"instances": [], "total_instances": 0})),
        ("/api/mcp/tasks", 200, json!({"tasks": [], "count": 0})),
        (
            "/api/mcp/task/nobody",
            200,
            json!({"task_id": "nobody", "status": "unknown", "error": "Task not found", "elapsed_seconds": 0}),
        ),
        (
            "/api/token/status/nobody",
            200,
            json!({"used": 0, "limit": 200_000, "percentage": 0.0, "level": "safe", "color": "green"}),
        ),
        (
            "/api/health",
            200,
            json!({"status": "healthy", "sessions": 0, "connections": 0}),
        ),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.json()), (status, body), "{path}");
    }
    for path in [
        "/api/metrics/historical",
        "/api/analytics/decisions",
        "/api/analytics/agents",
    ] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn ids_that_fit_nothing_name_nobody() {
    let server = Server::start().await;
    let long = "a".repeat(3_000);
    for id in [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "a%00b",
        "a%0ab",
        "%F0%9F%92%A9",
        "a%20b",
        "~1",
        "x~0",
        &long,
    ] {
        let answer = server.get(&format!("/api/status/{id}")).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"error": "Session not found"})),
            "{id}"
        );
    }
    assert_eq!(server.get("/api/status/%ff").await.status, 400);
}

#[tokio::test]
async fn a_name_that_is_no_id_is_found_by_the_name() {
    let server = Server::start().await;
    let posted = server
        .post("/api/phase-update", &phase_file("My App / wéb").to_string())
        .await;
    assert_eq!(posted.json()["session_id"], "My App / wéb");
    let status = server.get("/api/status/My%20App%20%2F%20w%C3%A9b").await.json();
    assert_eq!(status["current_phase"], "Builder");
    // And by the id that the list gives it.
    let id = server.get("/api/sessions").await.json()["sessions"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(server.get(&format!("/api/status/{id}")).await.json()["id"], id);
}

#[tokio::test]
async fn the_newest_run_has_the_bare_name_and_older_ones_their_ids() {
    let server = Server::start().await;
    server.settled(phase("shop", "Scout", "looking")).await;
    let done = CompletionReported {
        success: Some(true),
        ..completion()
    };
    server.settled(event("shop", Fact::CompletionReported(done))).await;
    let again = json!({"session_id": "shop", "current_phase": "Scout", "status": "starting"});
    assert_eq!(server.post("/api/phase-update", &again.to_string()).await.status, 200);
    let list = server.get("/api/sessions").await.json();
    let mut ids: Vec<_> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].clone())
        .collect();
    ids.sort_by_key(Value::to_string);
    assert_eq!(ids, ["shop", "shop~1"]);
    let newest = server.get("/api/status/shop").await.json();
    assert_eq!((&newest["id"], &newest["is_complete"]), (&json!("shop"), &json!(false)));
    let older = server.get("/api/status/shop~1").await.json();
    assert_eq!((&older["id"], &older["is_complete"]), (&json!("shop~1"), &json!(true)));
    assert_eq!(server.get("/api/status/shop~2").await.json()["id"], "shop");
}

#[tokio::test]
async fn sessions_are_found_under_the_word_for_their_state() {
    let server = Server::start().await;
    for (name, success) in [("well", Some(true)), ("badly", Some(false)), ("still", None)] {
        server.settled(phase(name, "Scout", "looking")).await;
        if let Some(success) = success {
            let done = CompletionReported {
                success: Some(success),
                ..completion()
            };
            server.settled(event(name, Fact::CompletionReported(done))).await;
        }
    }
    for (list, id, status) in [
        ("active", "still", "running"),
        ("completed", "well", "completed"),
        ("failed", "badly", "failed"),
    ] {
        let answer = server.get(&format!("/api/sessions/{list}")).await.json();
        assert_eq!(answer["count"], 1, "{list}");
        let one = &answer["sessions"][0];
        assert_eq!((&one["id"], &one["status"]), (&json!(id), &json!(status)));
    }
    assert_eq!(server.get("/api/sessions").await.json()["count"], 3);
}

#[tokio::test]
async fn a_checkpoint_has_the_words_of_the_loop_and_its_lists() {
    let server = Server::start().await;
    let checkpoint = CheckpointReported {
        project: Some("notes".into()),
        task: Some("Build notes".into()),
        phase: Some("builder".into()),
        iterations: Some(4),
        completed: Some(vec!["Set up".into(), "Store notes".into()]),
        remaining: Some(vec!["Search".into()]),
        notes: Some(vec!["chose a file".into()]),
        artifacts: json!({"research": "RESEARCH.md", "plan": {"tasks": 3}})
            .as_object()
            .cloned(),
        ..CheckpointReported::default()
    };
    server
        .settled(event("notes_1", Fact::CheckpointReported(checkpoint)))
        .await;
    let status = server.get("/api/status/notes_1").await.json();
    insta::assert_json_snapshot!("checkpoint", status);
    let task = server.get("/api/mcp/task/notes_1").await.json();
    assert_eq!(
        task["artifacts"],
        json!({"research": "RESEARCH.md", "plan": {"tasks": 3}})
    );
    let row = &server.get("/api/sessions").await.json()["sessions"][0];
    for (field, value) in [
        ("phase", json!("builder")),
        ("iterations", json!(4)),
        ("completed_tasks", json!(2)),
        ("total_tasks", json!(3)),
        ("source", json!("checkpoint")),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
}

#[tokio::test]
async fn a_log_is_told_up_to_a_thousand_lines_the_last_ones() {
    let server = Server::start().await;
    let lines: Vec<String> = (0..1_200).map(|number| format!("line {number}")).collect();
    let body = |lines: &[String]| json!({"session_id": "a", "type": "log_line", "data": {"line": lines.join("\n")}});
    for part in lines.chunks(600) {
        assert_eq!(server.post("/api/v1/events", &body(part).to_string()).await.status, 200);
    }
    for (query, first, count) in [
        ("", "line 1150", 50),
        ("?lines=3", "line 1197", 3),
        ("?lines=100000", "line 200", 1_000),
        ("?lines=-5", "line 1199", 1),
    ] {
        let logs = server.get(&format!("/api/logs/a{query}")).await.json()["logs"].clone();
        let logs = logs.as_array().unwrap();
        assert_eq!((logs.len(), &logs[0]), (count, &json!(first)), "{query}");
    }
    assert_eq!(server.get("/api/logs/a?lines=many").await.status, 400);
}

#[tokio::test]
async fn text_of_agents_stays_text_and_secrets_stay_out() {
    let server = Server::start().await;
    let mut file = phase_file("weather-app");
    file["progress_detail"] = "\u{1b}[31m<img src=x onerror=alert(1)>\u{202e} key AKIAIOSFODNN7EXAMPLE".into();
    assert_eq!(server.post("/api/phase-update", &file.to_string()).await.status, 200);
    for path in [
        "/api/status/weather-app",
        "/api/phases/weather-app",
        "/api/mcp/task/weather-app",
    ] {
        let text = server.get(path).await.text();
        assert!(text.contains("<img src=x onerror=alert(1)>"), "{path}: {text}");
        for hidden in ["\u{1b}", "\\u001b", "\u{202e}", "AKIAIOSFODNN7EXAMPLE"] {
            assert!(!text.contains(hidden), "{path}: {text}");
        }
    }
}

#[tokio::test]
async fn thousands_of_sessions_are_a_list_and_no_view_is_made_for_it() {
    let server = Server::with(|setup| {
        setup.hub.max_sessions = 10_000;
        setup.hub.idle_ms = 1;
    })
    .await;
    let mut batch = Batch::default();
    for number in 0..2_500 {
        batch.events.push(phase(&format!("build-{number}"), "Scout", "looking"));
    }
    server.hub.push(batch).await.unwrap();
    let before = server.hub.counters().activations;
    let list = server.get("/api/sessions").await.json();
    assert_eq!(
        (&list["count"], list["sessions"].as_array().unwrap().len()),
        (&json!(2_500), 2_500)
    );
    assert_eq!(server.hub.counters().activations, before);
}
