//! Tokens and money over HTTP: one call that several sources tell counts once and shows them all, and what history says
//! of it. Fault F18 for what comes over HTTP.

use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};
use forgecast_protocol::{Event, Fact, Origin, SourceKind, Subject};
use insta::{assert_json_snapshot, assert_snapshot};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::hooks::hook;
use crate::otlp::{JSON, LOGS, METRICS, PROTOBUF, SESSION, api_request, logs_json, logs_protobuf, metrics_json};
use forgecast_testkit::{Server, eventually, now};

/// What the transcript says of one call, as a source hands it in.
fn call(message: &str, request: &str, model: &str, output: u64, tool: &str) -> Event {
    Event {
        id: None,
        subject: Subject {
            transcript: Some(SESSION.parse().unwrap()),
            directory: Some("/srv/weather-app".to_owned()),
            ..Subject::default()
        },
        at: now(),
        origin: Origin {
            kind: SourceKind::Transcript,
            path: Some(format!("{SESSION}.jsonl")),
            first_sight: false,
            modified_at: None,
        },
        fact: Fact::CallReported(CallReported {
            call: CallId {
                message: Some(message.to_owned()),
                request: Some(request.to_owned()),
                sidechain: false,
            },
            source: UsageSource::Transcript,
            used_at: Some(now()),
            model: Some(model.to_owned()),
            fast: None,
            web_searches: 0,
            inference_geo: None,
            tokens: CallTokens {
                input: 100,
                output,
                cache_read: 3_000,
                cache_write_5m: 200,
                cache_write_1h: 0,
            },
            cost_usd: None,
            agent: None,
            context_window: None,
            tools: vec![tool.to_owned()],
            offset: 0,
        }),
    }
}

fn transcript(output: u64) -> Event {
    call("msg_1", "req_1", "claude-sonnet-4-6", output, "toolu_1")
}

/// One call by everybody who knows of it.
#[derive(Clone, Copy, Debug)]
enum Teller {
    Transcript,
    Hook,
    TelemetryJson,
    TelemetryProtobuf,
}

const TELLERS: [Teller; 4] = [
    Teller::Transcript,
    Teller::Hook,
    Teller::TelemetryJson,
    Teller::TelemetryProtobuf,
];

/// All orders in which they may speak.
fn orders() -> Vec<[Teller; 4]> {
    let places = (0..256_usize).map(|number| [0, 2, 4, 6].map(|shift| number >> shift & 3));
    let each_once = places.filter(|places| (0..4).all(|place| places.contains(&place)));
    each_once.map(|places| places.map(|place| TELLERS[place])).collect()
}

async fn tell(server: &Server, teller: Teller) {
    let telemetry = [api_request("req_1", 50)];
    let answer = match teller {
        Teller::Transcript => return server.feed(transcript(50)).await,
        Teller::Hook => {
            let used = json!({"tool_name": "Read", "tool_use_id": "toolu_1", "tool_input": {}});
            server.post("/api/v1/hooks/claude", &hook("PostToolUse", &used)).await
        }
        Teller::TelemetryJson => {
            let kind = [("content-type", JSON)];
            server.request("POST", LOGS, &kind, &logs_json(&telemetry)).await
        }
        Teller::TelemetryProtobuf => {
            let kind = [("content-type", PROTOBUF)];
            server.request("POST", LOGS, &kind, &logs_protobuf(&telemetry)).await
        }
    };
    assert!(answer.status < 300, "{teller:?} {answer:?}");
}

async fn used(server: &Server) -> Value {
    server.get(&format!("/api/v1/sessions/{SESSION}")).await.json()["usage"].clone()
}

#[tokio::test]
async fn a_call_from_transcript_telemetry_and_hook_is_one_with_three_provenances() {
    for order in orders() {
        let server = Server::start().await;
        let expected = json!(["transcript", "otel", "hook"]);
        // Twice, for everybody says it again when an answer was lost.
        for teller in order.into_iter().chain(order) {
            tell(&server, teller).await;
        }
        eventually("all three are shown", async || {
            used(&server).await["provenance"] == expected
        })
        .await;
        let usage = used(&server).await;
        let counts = [
            "calls",
            "disputed_calls",
            "input",
            "output",
            "cache_read",
            "cache_write",
        ]
        .map(|key| &usage[key]);
        assert_eq!(
            counts.map(|count| count.as_u64().unwrap()),
            [1, 0, 100, 50, 3_000, 200],
            "{order:?} {usage}"
        );
        for source in ["transcript", "otel"] {
            assert_eq!(usage["by_source"][source]["output"], 50, "{usage}");
        }
        let totals = server.get("/api/v1/stats").await.json()["totals"].clone();
        assert_eq!(
            (&totals["calls"], &totals["output"]),
            (&json!(1), &json!(50)),
            "{totals}"
        );
        let counters = server.hub.counters();
        let lost: u64 = counters.rejected.values().chain(counters.dropped.values()).sum();
        assert_eq!(lost, 0, "{counters:?}");
        assert_eq!(counters.received, counters.applied + counters.duplicate);
    }
}

#[tokio::test]
async fn sources_that_differ_are_shown_beside_each_other_and_the_better_one_counts() {
    let server = Server::start().await;
    tell(&server, Teller::TelemetryJson).await;
    assert_eq!(used(&server).await["output"], 50);
    server.settled(transcript(70)).await;
    let usage = used(&server).await;
    assert_eq!(
        (&usage["calls"], &usage["disputed_calls"]),
        (&json!(1), &json!(1)),
        "{usage}"
    );
    let shown = ["transcript", "otel"].map(|source| usage["by_source"][source]["output"].clone());
    assert_eq!(
        (&usage["output"], shown),
        (&json!(70), [json!(70), json!(50)]),
        "{usage}"
    );
}

#[tokio::test]
async fn metrics_add_nothing_to_what_calls_say() {
    let server = Server::start().await;
    tell(&server, Teller::TelemetryJson).await;
    let before = server.get("/api/v1/stats").await.json()["totals"].clone();
    let kind = [("content-type", JSON)];
    let answer = server.request("POST", METRICS, &kind, &metrics_json()).await;
    assert_eq!((answer.status, answer.text()), (200, "{}".to_owned()));
    assert_eq!(server.get("/api/v1/stats").await.json()["totals"], before);
}

async fn with_usage() -> Server {
    let server = Server::start().await;
    server.settled(transcript(50)).await;
    server
        .settled(call("msg_2", "req_2", "claude-haiku-4-5", 500, "toolu_2"))
        .await;
    server
        .settled(call("msg_3", "req_3", "a-model-of-nobody", 7, "toolu_3"))
        .await;
    server
}

#[tokio::test]
async fn history_is_told_by_day() {
    let server = with_usage().await;
    let answer = server.get("/api/v1/stats").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, JSON));
    assert_json_snapshot!(answer.json());
}

#[tokio::test]
async fn history_is_told_by_whatever_it_is_asked_for() {
    let server = with_usage().await;
    for (group, keys) in [
        ("day", vec!["2026-01-31"]),
        ("project", vec!["weather-app"]),
        (
            "model",
            vec!["claude-haiku-4-5", "claude-sonnet-4-6", "a-model-of-nobody"],
        ),
        ("phase", vec![""]),
        ("session", vec![SESSION]),
    ] {
        let report = server.get(&format!("/api/v1/stats?group_by={group}")).await.json();
        assert_eq!(report["group_by"], group);
        let rows = report["rows"].as_array().unwrap();
        let found: Vec<_> = rows.iter().map(|row| row[group].as_str().unwrap()).collect();
        assert_eq!(found, keys, "{report}");
        assert_eq!(report["totals"]["calls"], 3);
    }
}

#[tokio::test]
async fn history_can_be_narrowed() {
    let server = with_usage().await;
    for (query, calls) in [
        ("since=2026-01-31&until=2026-01-31", 3),
        ("since=2026-01-31T23:59:59Z", 3),
        ("since=2026-01-31T23:59:59-02:00", 0),
        ("since=2026-02-01T01:00:00%2B02:00", 3),
        ("since=2026-02-01T01:00:00+02:00", 3),
        ("since=2026-02-01", 0),
        ("until=2026-01-30", 0),
        ("since=&until=&group_by=&project=&session=", 3),
        ("project=weather-app", 3),
        ("project=another", 0),
        (&format!("session={SESSION}"), 3),
        (&format!("session={SESSION}~1"), 3),
        ("session=another", 0),
    ] {
        let answer = server.get(&format!("/api/v1/stats?{query}")).await;
        assert_eq!(answer.status, 200, "{query} {answer:?}");
        assert_eq!(answer.json()["totals"]["calls"], calls, "{query}");
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_answered_with_what_is_allowed() {
    let server = Server::start().await;
    let mut answers = Vec::new();
    for query in [
        "group_by=week",
        "since=yesterday",
        "until=2026-13-01",
        "since=2026-1-1",
        "since=2026-01-31T08:00:00",
        "since=2026-02-02&until=2026-02-01",
        "session=..%2Fx",
        "by=day",
    ] {
        let answer = server.get(&format!("/api/v1/stats?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        answers.push(format!("{query}\n    {}", answer.json()["detail"].as_str().unwrap()));
    }
    assert_snapshot!(answers.join("\n"));
}

#[tokio::test]
async fn history_that_is_the_same_is_not_sent_again() {
    let server = with_usage().await;
    let tag = server.get("/api/v1/stats").await.header("etag").to_owned();
    let asked = [("if-none-match", tag.as_str())];
    let same = server.request("GET", "/api/v1/stats", &asked, b"").await;
    assert_eq!(
        (same.status, same.body.len(), same.header("etag")),
        (304, 0, tag.as_str())
    );
    server
        .settled(call("msg_4", "req_4", "claude-haiku-4-5", 1, "toolu_4"))
        .await;
    let changed = server.request("GET", "/api/v1/stats", &asked, b"").await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn a_scrape_says_what_was_used_today() {
    let server = with_usage().await;
    let page = server.get("/metrics").await.text();
    for line in [
        "forgecast_usage_today_tokens{type=\"output\"} 557",
        "forgecast_usage_today_calls 3",
        "forgecast_usage_today_unpriced_calls 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in {page}");
    }
}

/// Fault F16 for what is asked.
#[tokio::test]
async fn no_question_makes_an_error_of_the_server() {
    let server = with_usage().await;
    let mut runner = TestRunner::new(Config::with_cases(1));
    let names = prop::sample::select(vec!["group_by", "since", "until", "project", "session"]);
    let values = prop_oneof![
        any::<String>(),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2}))?",
        "[a-z0-9.~-]{0,12}",
        Just("0001-01-01".to_owned()),
        Just("9999-12-31T23:59:59-23:59".to_owned()),
    ];
    let queries = prop::collection::vec((names, values), 0..4);
    for _ in 0..400 {
        let query = queries.new_tree(&mut runner).unwrap().current();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let path = format!("/api/v1/stats?{}", query.join("&"));
        assert!([200, 400].contains(&server.get(&path).await.status), "{path}");
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn how_sessions_ended_is_told_by_day_and_by_project() {
    let server = Server::start().await;
    for (session, success) in [("shop", true), ("cellar", false)] {
        let ended = json!([
            {"id": format!("{session}-1"), "session": session, "type": "session_seen", "project": session},
            {"id": format!("{session}-2"), "session": session, "type": "phase_reported", "phase": "Scout",
             "started_at": "2026-01-31T08:00:00Z"},
            {"id": format!("{session}-3"), "session": session, "type": "completion_reported", "success": success,
             "completed_at": "2026-01-31T08:10:00Z"},
        ]);
        let answer = server.post("/api/v1/events", &ended.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let by_project = server.get("/api/v1/outcomes?group_by=project").await;
    assert_json_snapshot!(by_project.json());
    let tag = by_project.header("etag").to_owned();
    let headers = [("if-none-match", tag.as_str())];
    let again = server
        .request("GET", "/api/v1/outcomes?group_by=project", &headers, b"")
        .await;
    assert_eq!(again.status, 304);
    let by_day = server.get("/api/v1/outcomes").await.json();
    assert_eq!(by_day["totals"]["completed"], 1, "{by_day}");
    let later = server.get("/api/v1/outcomes?since=2099-01-01").await.json();
    assert_eq!(later["rows"], json!([]), "{later}");
    for wrong in ["group_by=week", "since=then", "since=2026-02-01&until=2026-01-01"] {
        assert_eq!(
            server.get(&format!("/api/v1/outcomes?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
}
