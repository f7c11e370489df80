//! Sessions that come back from an export, and documents that only look like one.

use serde_json::json;

use forgecast_testkit::{Answer, Server, bearer};

const FACT: &str = r#"{"id": "run-7/step-3", "session": "weather-app", "type": "phase_reported", "phase": "Scout"}"#;

/// As an administrator, who alone may.
async fn import(server: &Server, export: &str) -> Answer {
    let bearer = bearer(&server.keys.process_key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server
        .request("POST", "/api/v1/import", &headers, export.as_bytes())
        .await
}

#[tokio::test]
async fn a_session_comes_back_under_its_id_and_a_second_time_it_is_known() {
    let server = Server::start().await;
    assert_eq!(server.post("/api/v1/events", FACT).await.status, 200);
    let export = server.get("/api/v1/sessions/weather-app/export").await.text();
    let known = import(&server, &export).await;
    assert_eq!(
        known.json(),
        json!({"session": "weather-app~1", "new": false, "events": 0, "log_lines": 0})
    );
    let elsewhere = Server::start().await;
    let new = import(&elsewhere, &export).await;
    assert_eq!((new.status, new.json()["new"].as_bool()), (200, Some(true)));
    let view = elsewhere.get("/api/v1/sessions/weather-app").await;
    assert_eq!(view.text(), server.get("/api/v1/sessions/weather-app").await.text());
}

#[tokio::test]
async fn facts_that_another_session_told_make_no_session() {
    let server = Server::start().await;
    assert_eq!(server.post("/api/v1/events", FACT).await.status, 200);
    let mut export = server.get("/api/v1/sessions/weather-app/export").await.json();
    export["session"]["id"] = json!("shop~1");
    export["session"]["name"] = json!("shop");
    for _ in 0..2 {
        let refused = import(&server, &export.to_string()).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert_eq!(server.get("/api/v1/sessions/shop").await.status, 404);
    }
    let rows = server.get("/api/v1/sessions").await.json();
    assert_eq!(rows["sessions"].as_array().unwrap().len(), 1);
    let posted = server
        .post(
            "/api/v1/events",
            &FACT.replace("run-7", "run-8").replace("weather-app", "shop"),
        )
        .await;
    assert_eq!(posted.json()["accepted"], 1, "the name is free");
}

#[tokio::test]
async fn facts_that_lead_to_no_state_make_no_session() {
    let server = Server::start().await;
    assert_eq!(server.post("/api/v1/events", FACT).await.status, 200);
    let mut export = server.get("/api/v1/sessions/weather-app/export").await.json();
    export["session"]["id"] = json!("shop~1");
    for revision in [0, u64::MAX] {
        export["events"][0]["revision"] = json!(revision);
        let refused = import(&server, &export.to_string()).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
    }
}
