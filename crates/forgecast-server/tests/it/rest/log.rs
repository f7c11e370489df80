//! A log over REST: from a number, from a time, by its level and its words.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::{Batch, LogChunk, LogLine, Subject, Timestamp};
use serde_json::{Value, json};

use super::{assert_problem, with_session};
use forgecast_testkit::{now, phase};

#[tokio::test]
async fn a_log_is_read_from_a_number_or_a_time_and_searched() {
    let server = with_session().await;
    let begun = now().as_millis();
    let line = |(number, (level, text)): (i64, (Option<LogLevel>, &str))| LogLine {
        offset: 0,
        at: Timestamp::from_millis(begun + number * 1_000),
        level,
        from: None,
        text: text.to_owned(),
        spans: Vec::new(),
    };
    let texts = [
        (None, "compiling"),
        (Some(LogLevel::Debug), "cache MISS"),
        (Some(LogLevel::Warn), "cache full"),
        (Some(LogLevel::Error), "failed"),
    ];
    let logs = vec![LogChunk {
        id: None,
        subject: Subject {
            name: Some("weather-app".to_owned()),
            ..Subject::default()
        },
        lines: (0..).zip(texts).map(line).collect(),
    }];
    let batch = Batch {
        logs,
        ..Batch::of(phase("weather-app", "Builder", "building"))
    };
    server.hub.push(batch).await.unwrap();
    let log = async |query: &str| server.get(&format!("/api/v1/sessions/weather-app/log{query}")).await;
    let offsets = async |query: &str| {
        let page = log(query).await.json();
        let lines = page["lines"].as_array().unwrap().clone();
        lines.iter().map(|line| line["offset"].clone()).collect::<Value>()
    };
    let time = |millis: i64| Timestamp::from_millis(begun + millis).to_string();
    assert_eq!(offsets("").await, json!([0, 1, 2, 3]));
    assert_eq!(offsets("?offset=2").await, json!([2, 3]));
    assert_eq!(offsets(&format!("?at={}", time(500))).await, json!([1, 2, 3]));
    assert_eq!(offsets(&format!("?at={}&limit=1", time(2_000))).await, json!([2]));
    assert_eq!(offsets(&format!("?at={}", time(9_000))).await, json!([]));
    assert_eq!(offsets("?offset=0&level=info").await, json!([0, 2, 3]));
    assert_eq!(
        log("/matches?q=Cache").await.json(),
        json!({"first_offset": 0, "next_offset": 4, "end_offset": 4, "offsets": [1, 2]})
    );
    let serious = log("/matches?level=warn&offset=3").await.json();
    assert_eq!(serious["offsets"], json!([3]));
    for nonsense in [
        format!("?at={}&offset=1", time(0)),
        "?at=yesterday".to_owned(),
        "/matches?limit=3".to_owned(),
    ] {
        assert_problem(&log(&nonsense).await, 400, "malformed");
    }
}
