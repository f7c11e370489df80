//! What operators ask: whether it lives, whether it is ready, and what it counted.

use serde_json::json;

use forgecast_testkit::{Server, phase};

#[tokio::test]
async fn health_is_a_word_and_readiness_names_what_is_unwell() {
    use forgecast_protocol::health::{RootHealth, RootKind, RootState, SourceHealth};
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.text(), "ok\n");
    assert_eq!(server.get("/readyz").await.status, 200);
    server.health.send_replace(SourceHealth::default());
    let starting = server.get("/readyz").await;
    assert_eq!((starting.status, &starting.json()["status"]), (503, &json!("starting")));
    let gone = RootHealth {
        path: "/builds".into(),
        kind: RootKind::Projects,
        state: RootState::Missing,
        projects: 0,
        message: Some("not there".to_owned()),
    };
    server.health.send_replace(SourceHealth {
        ready: true,
        roots: vec![gone],
        ..SourceHealth::default()
    });
    let answer = server.get("/readyz").await;
    assert_eq!(answer.status, 503);
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "sessions": {
        "full": false,
        "max": 20000,
        "unfinished": 0
      },
      "sources": [
        {
          "kind": "projects",
          "message": "not there",
          "path": "/builds",
          "projects": 0,
          "state": "missing"
        }
      ],
      "status": "degraded",
      "store": {
        "backlog_bytes": 0,
        "full": false,
        "readable": true,
        "writable": true
      }
    }
    "#);
}

#[tokio::test]
async fn the_reading_of_archives_is_shown_and_is_no_reason_to_be_unready() {
    use forgecast_protocol::event::IndexingProgress;
    use forgecast_protocol::health::SourceHealth;
    let server = Server::start().await;
    assert_eq!(server.get("/readyz").await.json().get("indexing"), None);
    server.health.send_replace(SourceHealth {
        ready: true,
        indexing: Some(IndexingProgress {
            done: 3,
            files: 40,
            bytes_done: 1_000,
            bytes: 2_000_000,
        }),
        ..SourceHealth::default()
    });
    let answer = server.get("/readyz").await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ready")));
    insta::assert_json_snapshot!(answer.json()["indexing"], @r#"
    {
      "bytes": 2000000,
      "bytes_done": 1000,
      "done": 3,
      "files": 40
    }
    "#);
    let page = server.get("/metrics").await.text();
    assert!(
        page.contains("forgecast_indexing_files{state=\"waiting\"} 37\n"),
        "{page}"
    );
}

#[tokio::test]
async fn every_scrape_conserves_facts_and_reads_as_prometheus_text() {
    let server = Server::start().await;
    server.settled(phase("weather-app", "Scout", "looking around")).await;
    server.settled(phase("weather-app", "Architect", "drawing")).await;
    let text = server.get("/metrics").await.text();
    let value = |name: &str| -> f64 {
        let lines = text.lines().filter(|line| line.split([' ', '{']).next() == Some(name));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    };
    let parts = ["applied", "duplicate", "rejected", "dropped"];
    let sum: f64 = parts
        .iter()
        .map(|part| value(&format!("forgecast_facts_{part}_total")))
        .sum();
    assert_eq!(value("forgecast_facts_received_total").to_string(), sum.to_string());
    assert_eq!(value("forgecast_facts_received_total").to_string(), "2");
    assert!(value("forgecast_fold_seconds_count") >= 2.0, "{text}");
    assert!(
        value("forgecast_publish_seconds_sum") <= value("forgecast_fold_seconds_sum"),
        "{text}"
    );
    assert!(value("forgecast_store_transaction_seconds_count") >= 1.0, "{text}");
    let mut names: Vec<&str> = Vec::new();
    for line in text.lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["#", "HELP", name, ..] => names.push(name),
            ["#", "TYPE", name, kind] => {
                assert!(names.last() == Some(name) && ["counter", "gauge", "histogram"].contains(kind));
            }
            [name, value] => {
                assert!(name.starts_with(names.last().unwrap()), "{line}");
                value.parse::<f64>().unwrap();
            }
            _ => panic!("{line}"),
        }
    }
    insta::assert_snapshot!(names.join("\n"));
}
