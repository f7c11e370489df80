//! The description of the API beside the API: every route is in it, and every answer is what it says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use forgecast_testkit::{Answer, Server, bearer};

mod contract;
mod filled;

use self::contract::Contract;
use self::filled::filled;

#[tokio::test]
async fn the_description_is_served_with_a_tag_and_kept_by_it() {
    let server = Server::start().await;
    let answer = server.get("/openapi.json").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(answer.json()["openapi"], "3.1.0");
    let tag = [("if-none-match", answer.header("etag"))];
    let again = server.request("GET", "/openapi.json", &tag, b"").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let described = Contract::read();
    let there: BTreeSet<(String, String)> = forgecast_testkit::routes()
        .iter()
        .map(|route| (route.method.to_owned(), route.path.replace("{*", "{")))
        .collect();
    assert_eq!(
        described.operations(),
        there,
        "describe the route in src/openapi and run `cargo xtask gen`"
    );
}

#[test]
fn whom_a_route_serves_is_what_the_router_says() {
    let described = Contract::read();
    for route in forgecast_testkit::routes() {
        let said = described.operation(route.method, &route.path.replace("{*", "{"));
        let word = format!("{:?}", route.access)
            .to_lowercase()
            // Restricted tokens are no role of their own.
            .replace("numbers", "shared")
            .replace("part", "view");
        assert_eq!(said["x-access"], word, "{} {}", route.method, route.path);
        assert_eq!(
            said["security"].as_array().unwrap().is_empty(),
            word == "open",
            "{}",
            route.path
        );
    }
}

#[test]
fn operations_have_names_of_their_own_and_words() {
    let described = Contract::read();
    let mut names = BTreeSet::new();
    for (method, path) in described.operations() {
        let operation = described.operation(&method, &path);
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for part in path.split('{').skip(1).map(|part| part.split('}').next().unwrap()) {
            assert!(
                parameters.iter().any(|one| one["name"] == part && one["in"] == "path"),
                "{name} does not say what {part} is"
            );
        }
    }
}

/// What is asked besides each GET route with the examples of its parameters.
const READ: &[&str] = &[
    "/api/v1/sessions?status=running,waiting&sort=name&limit=1",
    "/api/v1/sessions/old-app",
    "/api/v1/sessions/weather-app/log?limit=10",
    "/api/v1/sessions/weather-app/log/matches?q=compiling",
    "/api/v1/sessions/weather-app/events?limit=1000",
    "/api/v1/sessions/weather-app/at/3",
    "/api/v1/sessions/weather-app/series?metric=tests_passed&resolution=1",
    "/api/v1/sessions/weather-app/timeline?after=2&limit=3",
    "/api/v1/stats?group_by=model",
    "/api/v1/stats?group_by=session&project=weather",
    "/api/v1/outcomes?group_by=project",
    "/api/status/nobody",
    "/api/phases/nobody",
    "/api/logs/weather-app?lines=3",
    "/api/metrics/nobody",
    "/api/analytics/decisions?task_id=weather-app",
    "/api/token/status/nobody",
    "/api/agents/nobody",
    "/api/agent/nobody",
    "/api/mcp/task/nobody",
    "/api/v1/sessions/nobody",
    "/api/v1/sessions/nobody/log",
    "/api/v1/sessions/-x/export",
    "/api/v1/sessions?sort=color",
    "/api/v1/sessions?color=red",
    "/api/v1/stats?since=tomorrow",
];

/// Answered for ever, and looked at in other tests.
const STREAMS: &[&str] = &["/api/v1/sessions/live", "/api/v1/sessions/{id}/live"];

#[tokio::test]
async fn every_answer_of_every_get_is_what_is_described() {
    let (server, _folder) = filled().await;
    let contract = Contract::read();
    let walked = contract
        .operations()
        .into_iter()
        .filter(|(method, path)| method == "GET" && !STREAMS.contains(&path.as_str()));
    let walked = walked.map(|(method, path)| contract.example(&method, &path, &[]));
    for path in walked.chain(READ.iter().map(|&path| path.to_owned())) {
        let answer = server.get(&path).await;
        assert!(answer.status < 500, "{path}: {}", answer.text());
        contract.check("GET", &path, &answer);
    }
}

/// The words that a refusal says would have been taken: serde writes each between backticks.
fn allowed(answer: &Answer) -> BTreeSet<String> {
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    let (_, expected) = detail.split_once("expected").unwrap_or_else(|| panic!("{detail}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_parameter_and_word_that_is_taken_is_described_and_the_reverse() {
    let (server, _folder) = filled().await;
    let contract = Contract::read();
    let (mut parameters, mut words) = (0, 0);
    for (method, path) in contract.operations() {
        let described = contract.query(&method, &path);
        if described.is_empty() || !path.starts_with("/api/v1/") {
            continue;
        }
        let ask = async |name: &str, word: &str| {
            let asked = contract.example(&method, &path, &[(name, word)]);
            (server.get(&asked).await, asked)
        };
        let (refused, asked) = ask("no_such_parameter", "1").await;
        assert_eq!(refused.status, 400, "{asked}");
        let names: BTreeSet<String> = described.keys().cloned().collect();
        assert_eq!(allowed(&refused), names, "{asked}");
        parameters += names.len();
        for (name, schema) in &described {
            let (listed, open) = contract.words(schema);
            for word in &listed {
                let (answer, asked) = ask(name, word).await;
                assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
            }
            if !open {
                let (refused, asked) = ask(name, "no-such-word").await;
                assert_eq!(refused.status, 400, "{asked}");
                let listed: BTreeSet<String> = listed.into_iter().filter(|word| !word.is_empty()).collect();
                assert_eq!(allowed(&refused), listed, "{asked}");
                words += listed.len();
            }
        }
    }
    assert!(parameters > 20 && words > 25, "{parameters} parameters, {words} words");
}

#[tokio::test]
async fn every_answer_of_every_change_is_what_is_described() {
    let (server, _folder) = filled().await;
    let contract = Contract::read();
    let mut seen = BTreeSet::new();
    let admin = bearer(&server.keys.process_key());
    let export = server.get("/api/v1/sessions/weather-app/export").await.json();
    let phase = json!({"session_id": "weather-app", "current_phase": "Test", "phase_number": "4/7"});
    let agent = json!({"session_id": "weather-app", "agent_id": "a-1", "status": "active"});
    let hook = json!({"hook_event_name": "Stop", "session_id": "258c7280", "cwd": "/nowhere"});
    let event = json!({"session": "weather-app", "type": "error_reported", "message": "no network", "id": "e-1"});
    for (path, body) in [
        ("/api/v1/events", json!([event, {"session": "weather-app"}])),
        ("/api/v1/events", json!([{"type": "x"}])),
        ("/api/v1/events", json!(7)),
        ("/api/v1/import", export),
        ("/api/v1/import", json!({})),
        ("/api/v1/hooks/claude", hook.clone()),
        ("/api/v1/hooks/claude/permission", hook.clone()),
        ("/api/v1/hooks/codex", hook),
        (
            "/api/v1/sessions/weather-app/approvals",
            json!({"id": "1", "digest": "2", "allow": false}),
        ),
        ("/v1/logs", json!({"resourceLogs": []})),
        ("/v1/logs", json!(7)),
        ("/v1/metrics", json!({"resourceMetrics": []})),
        ("/v1/metrics", json!({"resourceMetrics": 7})),
        ("/api/phase-update", phase),
        ("/api/phase-update", json!([])),
        ("/api/agent-update", agent),
        ("/api/agent-update", json!({"session_id": "weather-app"})),
        ("/api/broadcast/weather-app", json!({"type": "hello", "data": {}})),
        ("/api/broadcast/weather-app", json!({"type": "error"})),
        ("/api/v1/login", json!({"token": "fc_v_not-a-token"})),
        ("/api/v1/login", json!({"tokens": []})),
        ("/api/v1/logout", json!({})),
        ("/api/v1/budgets/raise", json!({"budget": "day", "usd": 1})),
        ("/api/v1/budgets/raise", json!({"budget": "day", "usd": -1})),
        ("/api/v1/budgets/clear", json!({"budget": "day"})),
        ("/api/v1/budgets/clear", json!({})),
        ("/api/v1/notifications/silence", json!({"seconds": 60})),
        ("/api/v1/notifications/silence", json!({"seconds": 604_801})),
        ("/api/v1/notifications/test", json!({"target": "nobody"})),
        ("/api/v1/notifications/retry", json!({})),
        ("/api/v1/notifications/retry", json!({"target": "nobody"})),
    ] {
        let stranger = server.post(path, &body.to_string()).await;
        contract.check("POST", path, &stranger);
        let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
        let answer = server
            .request("POST", path, &headers, body.to_string().as_bytes())
            .await;
        seen.insert(contract.check("POST", path, &answer));
        let untyped = server.request("POST", path, &[], body.to_string().as_bytes()).await;
        contract.check("POST", path, &untyped);
    }
    for (method, path) in contract.operations() {
        assert!(method != "POST" || seen.contains(&path), "no test posts to {path}");
    }
    for path in ["/api/v1/sessions/old-app", "/api/v1/sessions/nobody"] {
        let stranger = server.request("DELETE", path, &[], b"").await;
        contract.check("DELETE", path, &stranger);
        let answer = server.request("DELETE", path, &[("authorization", &admin)], b"").await;
        contract.check("DELETE", path, &answer);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_described_is_found() {
    let contract = Contract::read();
    let answer = |status, body: &Value| Answer {
        status,
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        body: body.to_string().into_bytes(),
    };
    let good = json!({"status": "healthy", "sessions": 1, "connections": 0});
    assert_eq!(contract.complaint("GET", "/api/health", &answer(200, &good)), None);
    for (status, bad) in [
        (200, json!({"status": "healthy", "sessions": -1, "connections": 0})),
        (200, json!({"status": "healthy", "sessions": 1})),
        (
            200,
            json!({"status": "healthy", "sessions": 1, "connections": 0, "extra": 1}),
        ),
        (202, good.clone()),
    ] {
        assert!(
            contract
                .complaint("GET", "/api/health", &answer(status, &bad))
                .is_some(),
            "{bad}"
        );
    }
}
