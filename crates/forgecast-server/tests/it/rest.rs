//! REST v1, the reading side: shapes, tags, pages, and what is answered to nonsense.

mod log;

use serde_json::{Value, json};

use forgecast_testkit::{Answer, Server, phase};

async fn with_session() -> Server {
    let server = Server::start().await;
    server.settled(phase("weather-app", "Scout", "looking around")).await;
    server.settled(phase("weather-app", "Architect", "drawing")).await;
    server
}

#[tokio::test]
async fn the_list_has_a_row_per_session() {
    let server = with_session().await;
    let answer = server.get("/api/v1/sessions").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-cache"));
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "sessions": [
        {
          "activity": {
            "kind": "phase",
            "since": "2026-01-31T08:15:00.250Z",
            "text": "drawing"
          },
          "agents_active": 0,
          "id": "weather-app~1",
          "last_work_at": "2026-01-31T08:15:00.250Z",
          "name": "weather-app",
          "phase": {
            "name": "Architect"
          },
          "phases": {
            "Architect": "active",
            "Builder": "pending",
            "Deploy": "pending",
            "Documentation": "pending",
            "Feedback": "pending",
            "Scout": "completed",
            "Test": "pending"
          },
          "problems": 0,
          "progress_percent": 14.3,
          "source": "live",
          "started_at": "2026-01-31T08:15:00.250Z",
          "status": "running"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn the_list_is_not_sent_again_to_whoever_has_it() {
    let server = with_session().await;
    let first = server.get("/api/v1/sessions?limit=500").await;
    let tag = first.header("etag").to_owned();
    let ask = async || {
        let given = [("if-none-match", tag.as_str())];
        server.request("GET", "/api/v1/sessions?limit=500", &given, b"").await
    };
    let again = ask().await;
    assert_eq!(
        (again.status, again.body.len(), again.header("etag")),
        (304, 0, tag.as_str())
    );
    server.settled(phase("another", "Scout", "0")).await;
    let changed = ask().await;
    assert_eq!(
        (changed.status, changed.json()["sessions"].as_array().unwrap().len()),
        (200, 2)
    );
}

#[tokio::test]
async fn the_list_comes_in_pages_and_can_be_narrowed() {
    let server = Server::start().await;
    for number in 0..7 {
        server.settled(phase(&format!("build-{number}"), "Scout", "0")).await;
    }
    let mut ids = Vec::new();
    let mut path = "/api/v1/sessions?sort=name&limit=3".to_owned();
    loop {
        let page = server.get(&path).await.json();
        let rows = page["sessions"].as_array().unwrap();
        assert!(rows.len() <= 3);
        ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/sessions?sort=name&limit=3&cursor={cursor}");
    }
    let expected: Vec<String> = (0..7).map(|number| format!("build-{number}~1")).collect();
    assert_eq!(ids, expected);
    let count = async |query: &str| {
        let page = server.get(&format!("/api/v1/sessions?{query}")).await.json();
        page["sessions"].as_array().unwrap().len()
    };
    assert_eq!(count("q=BUILD-3").await, 1);
    assert_eq!(count("status=running,waiting").await, 7);
    assert_eq!(count("status=completed").await, 0);
    for nonsense in ["status=happy", "limit=-1", "cursor=zz", "sort=luck", "color=red"] {
        let answer = server.get(&format!("/api/v1/sessions?{nonsense}")).await;
        assert_problem(&answer, 400, "malformed");
    }
}

#[tokio::test]
async fn a_view_is_not_sent_again_to_whoever_has_it() {
    let server = with_session().await;
    let path = "/api/v1/sessions/weather-app";
    let first = server.get(path).await;
    assert_eq!(first.json()["id"], "weather-app~1");
    let tag = first.header("etag").to_owned();
    assert!(tag.len() == 66 && tag.starts_with('"'), "{tag}");
    for given in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let again = server.request("GET", path, &[("if-none-match", &given)], b"").await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{given}");
        assert_eq!(again.header("etag"), tag);
    }
    server.settled(phase("weather-app", "Builder", "building")).await;
    let changed = server.request("GET", path, &[("if-none-match", &tag)], b"").await;
    assert_eq!(
        (changed.status, &changed.json()["phase"]["name"]),
        (200, &json!("Builder"))
    );
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn a_view_can_be_seen_as_it_was() {
    let server = with_session().await;
    let at = async |revision: u64| server.get(&format!("/api/v1/sessions/weather-app/at/{revision}")).await;
    assert_eq!(at(1).await.json()["phase"]["name"], "Scout");
    assert_eq!(at(2).await.json()["phase"]["name"], "Architect");
    assert_eq!(at(1).await.header("forgecast-at"), "2026-01-31T08:15:00.250Z");
    assert_problem(&at(99).await, 404, "not-found");
    let nonsense = server.get("/api/v1/sessions/weather-app/at/-1").await;
    assert_problem(&nonsense, 400, "malformed");
}

#[tokio::test]
async fn the_past_is_told_in_brief_as_a_whole_or_from_a_revision_on() {
    let server = with_session().await;
    let whole = server.get("/api/v1/sessions/weather-app/timeline").await;
    assert_eq!((whole.status, whole.header("cache-control")), (200, "no-store"));
    insta::assert_json_snapshot!(whole.json(), @r#"
    {
      "first_revision": 1,
      "left_out": 0,
      "marks": [],
      "revision": 2,
      "session": "weather-app~1",
      "spans": [
        {
          "at": "2026-01-31T08:15:00.250Z",
          "attempt": 1,
          "ended_at": "2026-01-31T08:15:00.250Z",
          "ended_revision": 2,
          "phase": "Scout",
          "revision": 1,
          "status": "completed"
        },
        {
          "at": "2026-01-31T08:15:00.250Z",
          "attempt": 1,
          "phase": "Architect",
          "revision": 2,
          "status": "active"
        }
      ],
      "times": [
        [
          1,
          "2026-01-31T08:15:00.250Z"
        ],
        [
          2,
          "2026-01-31T08:15:00.250Z"
        ]
      ]
    }
    "#);
    let rest = server.get("/api/v1/sessions/weather-app/timeline?after=1").await.json();
    assert_eq!(rest["times"], json!([[2, "2026-01-31T08:15:00.250Z"]]));
    let nothing = server.get("/api/v1/sessions/weather-app/timeline?after=2").await.json();
    assert_eq!(
        (&nothing["revision"], &nothing["times"], &nothing["marks"]),
        (&json!(2), &json!([]), &json!([]))
    );
    for nonsense in ["after=-1", "limit=x", "color=red"] {
        let answer = server
            .get(&format!("/api/v1/sessions/weather-app/timeline?{nonsense}"))
            .await;
        assert_problem(&answer, 400, "malformed");
    }
}

#[tokio::test]
async fn the_facts_come_in_order_and_go_on_after_the_last_one() {
    let server = with_session().await;
    let facts = async |query: &str| {
        let answer = server
            .get(&format!("/api/v1/sessions/weather-app/events?{query}"))
            .await;
        answer.json()["events"].as_array().unwrap().clone()
    };
    let first = facts("limit=1").await;
    assert_eq!(first[0]["event"]["fact"]["phase"], "Scout");
    let rest = facts(&format!("after={}", first[0]["sequence"])).await;
    assert_eq!(rest[0]["event"]["fact"]["phase"], "Architect");
    assert_eq!(rest.len(), 1);
}

#[tokio::test]
async fn log_series_and_export_have_their_shapes() {
    let server = with_session().await;
    let log = server.get("/api/v1/sessions/weather-app/log").await.json();
    assert_eq!(
        log,
        json!({"first_offset": 0, "next_offset": 0, "end_offset": 0, "lines": []})
    );
    let series = server
        .get("/api/v1/sessions/weather-app/series?metric=tokens")
        .await
        .json();
    assert_eq!(series, json!({"metric": "tokens", "resolution_s": 60, "points": []}));
    let export = server.get("/api/v1/sessions/weather-app/export").await.json();
    assert_eq!(export["events"].as_array().map(Vec::len), Some(2), "{export}");
    let missing = server.get("/api/v1/sessions/weather-app/series").await;
    assert_problem(&missing, 400, "malformed");
}

#[tokio::test]
async fn whatever_is_not_there_is_a_problem_in_json() {
    let server = with_session().await;
    let tail = [
        "",
        "/log",
        "/log/matches",
        "/events",
        "/at/1",
        "/timeline",
        "/series?metric=tokens",
        "/export",
        "/files/x",
        "/live",
    ];
    for tail in tail {
        let answer = server.get(&format!("/api/v1/sessions/nobody{tail}")).await;
        assert_problem(&answer, 404, "not-found");
    }
    assert_problem(&server.get("/api/v1/nothing").await, 404, "not-found");
    let answer = server
        .request(
            "PATCH",
            "/api/v1/sessions",
            &[("content-type", "application/json")],
            b"{}",
        )
        .await;
    assert_problem(&answer, 405, "method");
    assert!(answer.header("allow").contains("GET"), "{answer:?}");
    insta::assert_json_snapshot!(server.get("/api/v1/sessions/nobody").await.json(), @r#"
    {
      "detail": "there is no session nobody",
      "status": 404,
      "title": "Not found",
      "type": "urn:forgecast:error:not-found"
    }
    "#);
    insta::assert_json_snapshot!(server.get("/api/v1/live").await.json(), @r#"
    {
      "detail": "Connection header did not include 'upgrade'",
      "status": 400,
      "title": "Malformed request",
      "type": "urn:forgecast:error:malformed"
    }
    "#);
}

#[tokio::test]
async fn a_session_can_be_forgotten_once() {
    let server = with_session().await;
    let path = "/api/v1/sessions/weather-app~1";
    assert_eq!(server.delete(path).await.status, 204);
    assert_problem(&server.delete(path).await, 404, "not-found");
    assert_problem(&server.get(path).await, 404, "not-found");
}

pub(crate) fn assert_problem(answer: &Answer, status: u16, word: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body: Value = answer.json();
    assert_eq!(body["type"], format!("urn:forgecast:error:{word}"), "{body}");
    assert_eq!(body["status"], status);
    assert!(body["detail"].is_string(), "{body}");
}
