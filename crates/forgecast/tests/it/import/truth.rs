//! What a metrics database does not hold is not invented: Context Foundry fills columns with zeros, threes and guesses of the
//! clock, and stores what it reads again and again.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{TABLES, database, import, view};
use crate::world::World;

/// A world into which these rows were imported.
fn imported(rows: &str) -> World {
    let world = World::new();
    database(&world.path("metrics.db"), &[TABLES, rows]);
    import(&world, "metrics.db");
    world
}

#[test]
fn times_and_success_that_nobody_stored_stay_absent() {
    let world = imported(
        "INSERT INTO tasks (task_id, status, duration_seconds, created_at) VALUES
            ('undated', 'completed', 0, '2026-01-31 07:59:59'), ('running', 'running', NULL, '2026-01-31 07:59:59');
        INSERT INTO tasks (task_id, status, end_time, duration_seconds) VALUES
            ('measured', 'failed', '2026-01-31T09:00:00Z', 600), ('late', 'completed', '2026-01-31T09:00:00Z', 0);
        INSERT INTO metrics (task_id, timestamp, phase) VALUES
            ('undated', '2026-01-31T08:05:00Z', 'Scout'), ('undated', '2026-01-31T08:35:00Z', 'Builder'),
            ('late', '2026-01-31T08:05:00Z', 'Scout');
        INSERT INTO agent_performance (id, task_id, agent_type, start_time, end_time, duration_seconds, success, issues_found,
            issues_fixed, tokens_used) VALUES
            (1, 'undated', 'Scout', '2026-01-31T08:05:00Z', NULL, NULL, NULL, 0, 0, 0),
            (2, 'undated', 'Test', '2026-01-31T08:10:00Z', NULL, NULL, 0, 2, 0, 10),
            (3, 'undated', 'Builder', '2026-01-31T08:15:00Z', NULL, 90, 1, 0, 0, 0),
            (4, 'undated', 'Deploy', NULL, '2026-01-31T08:30:00Z', 0, NULL, 0, 0, 0),
            (5, 'undated', 'Docs', NULL, NULL, NULL, 1, NULL, NULL, NULL),
            (6, 'undated', 'Odd', '2026-01-31T08:30:00Z', '2026-01-31T08:20:00Z', NULL, 1, 0, 0, 0);",
    );
    let times = |session: &str| {
        let view = view(&world, session);
        ["status", "started_at", "ended_at"].map(|field| view[field].clone())
    };
    assert_eq!(times("undated"), [json!("completed"), Value::Null, Value::Null]);
    assert_eq!(times("running")[1..], [Value::Null, Value::Null]);
    let [began, ended] = ["2026-01-31T08:50:00.000Z", "2026-01-31T09:00:00.000Z"];
    assert_eq!(times("measured"), [json!("failed"), json!(began), json!(ended)]);
    assert_eq!(times("late"), [json!("completed"), Value::Null, json!(ended)]);

    insta::assert_json_snapshot!(view(&world, "undated")["agents"], @r#"
    {
      "Builder-3": {
        "ended_at": "2026-01-31T08:16:30.000Z",
        "started_at": "2026-01-31T08:15:00.000Z",
        "status": "completed",
        "type": "Builder"
      },
      "Deploy-4": {
        "ended_at": "2026-01-31T08:30:00.000Z",
        "status": "ended",
        "type": "Deploy"
      },
      "Docs-5": {
        "status": "completed",
        "type": "Docs"
      },
      "Odd-6": {
        "started_at": "2026-01-31T08:30:00.000Z",
        "status": "completed",
        "type": "Odd"
      },
      "Scout-1": {
        "started_at": "2026-01-31T08:05:00.000Z",
        "status": "unknown",
        "type": "Scout"
      },
      "Test-2": {
        "issues_fixed": 0,
        "issues_found": 2,
        "started_at": "2026-01-31T08:10:00.000Z",
        "status": "failed",
        "tokens": 10,
        "type": "Test"
      }
    }
    "#);
    let server = world.serve();
    let metrics = server.json("/api/metrics/undated");
    assert_eq!(metrics["task"]["duration_seconds"], Value::Null);
    let performance = metrics["agent_performance"].as_array().unwrap();
    let of = |kind: &str| {
        let row = performance.iter().find(|row| row["agent_type"] == kind).unwrap();
        [row["success"].clone(), row["duration_seconds"].clone()]
    };
    assert_eq!(of("Scout"), [Value::Null, Value::Null]);
    assert_eq!(of("Test"), [json!(false), Value::Null]);
    assert_eq!(of("Builder"), [json!(true), json!(90)]);
    assert_eq!(of("Deploy"), [Value::Null, Value::Null]);
    assert_eq!(of("Docs"), [json!(true), Value::Null]);
    assert_eq!(of("Odd"), [json!(true), Value::Null]);
}

#[test]
fn tokens_of_the_clock_are_marked_as_estimated_and_counted_nowhere() {
    let world = imported(
        "INSERT INTO tasks (task_id, status, start_time) VALUES ('t', 'running', '2026-01-31T08:00:00Z');
        INSERT INTO metrics (task_id, timestamp, phase, token_usage, token_percentage, elapsed_seconds) VALUES
            ('t', '2026-01-31T08:10:00Z', 'Scout', 5000, 2.5, 600), ('t', '2026-01-31T08:20:00Z', 'Builder', 16000, 8.0, 1200),
            ('t', '2026-01-31T08:21:00Z', 'Test', 12600, 6.3, 1260);",
    );
    let usage = view(&world, "t")["usage"].clone();
    assert_eq!(usage["provenance"], json!(["estimated"]));
    // It falls when a phase with a lower rate begins; the most is what it came to.
    assert_eq!(usage["by_source"]["estimated"]["input"], 16_000);
    for field in ["input", "output", "cache_read", "cache_write", "calls"] {
        assert_eq!(usage[field], 0, "{field}");
    }
    for field in ["by_phase", "recent", "context", "cost_usd"] {
        assert_eq!(usage.get(field), None, "{field}");
    }
    let server = world.serve();
    let stats = server.json("/api/v1/stats?group_by=model&since=2026-01-01&until=2026-02-28");
    assert_eq!(stats["totals"]["input"], 0, "{stats}");
    assert_eq!(server.json("/api/v1/sessions")["sessions"][0].get("usage"), None);
    assert_eq!(
        server.json("/api/v1/sessions/t/series?metric=tokens")["points"],
        json!([])
    );
    assert_eq!(server.json("/api/token/status/t")["used"], 0);
}

#[test]
fn decisions_that_were_stored_again_and_again_are_one() {
    let row = |at: &str, what: &str| {
        format!(
            "INSERT INTO decisions (task_id, timestamp, phase, decision_type, decision_description, quality_rating,
                difficulty_rating, is_regrettable, used_lessons_learned, pattern_ids, reasoning, outcome)
             VALUES ('t', '{at}', 'Test', 'issue_resolution', '{what}', 3, 3, 0, 1, '[\"{what}\"]', 'cache it', 'applied');"
        )
    };
    let again: String = (10..40)
        .map(|minute| row(&format!("2026-01-31T08:{minute}:00Z"), "slow"))
        .collect();
    let rated = "INSERT INTO decisions (task_id, timestamp, decision_type, decision_description, quality_rating,
        difficulty_rating) VALUES ('t', '2026-01-31T08:50:00Z', 'Library', 'own parser', 3, 3);";
    let world = imported(&format!("{again}{}{rated}", row("2026-01-31T08:45:00Z", "CORS")));
    let decisions = view(&world, "t")["decisions"].clone();
    assert_eq!(
        (&decisions["total"], &decisions["lessons_used"]),
        (&json!(3), &json!(2))
    );
    let slow = &decisions["recent"]["decisions/1"];
    assert_eq!(slow["at"], "2026-01-31T08:10:00.000Z", "the first");
    assert_eq!(slow["solution"], "cache it");
    // The threes of feedback are nobody's ratings.
    assert_eq!((slow.get("quality"), slow.get("difficulty")), (None, None));
    assert_eq!(decisions["avg_quality"], 3.0);
    insta::assert_snapshot!(import(&world, "metrics.db"), @"imported 1 session: 0 facts new, 4 known, 0 rejected");
}

#[test]
fn agents_that_reported_themselves_are_read_and_go_on_with_the_next_import() {
    let world = imported(
        "INSERT INTO tasks (task_id, status, start_time) VALUES ('t', 'running', '2026-01-31T08:00:00Z');
        INSERT INTO agent_instances (session_id, agent_id, agent_type, agent_name, status, phase, progress_percent,
            tokens_used, start_time, end_time, parent_agent_id, error_message) VALUES
            ('t', 'lead', 'Architect', 'The lead', 'completed', 'Architect', 100, 9000, '2026-01-31T08:00:00Z',
             '2026-01-31T08:30:00Z', NULL, NULL),
            ('t', 'b-1', 'Builder', 'Builder one', 'active', 'Builder', 40, 0, '2026-01-31T08:10:00Z', NULL, 'lead', NULL),
            ('t', 'b-2', 'Builder', 'Builder two', 'failed', 'Builder', 0, 0, '2026-01-31T08:10:00Z', NULL, 'lead', 'no disk'),
            ('alone', 'scout', 'Scout', 'Scout', 'spawning', NULL, 0, 0, '2026-01-31T08:10:00Z', NULL, NULL, NULL);",
    );
    insta::assert_json_snapshot!(view(&world, "t")["agents"], @r#"
    {
      "b-1": {
        "name": "Builder one",
        "parent": "lead",
        "phase": "Builder",
        "progress_percent": 40.0,
        "started_at": "2026-01-31T08:10:00.000Z",
        "status": "active",
        "tokens_limit": 200000,
        "type": "Builder"
      },
      "b-2": {
        "error": "no disk",
        "name": "Builder two",
        "parent": "lead",
        "phase": "Builder",
        "started_at": "2026-01-31T08:10:00.000Z",
        "status": "failed",
        "tokens_limit": 200000,
        "type": "Builder"
      },
      "lead": {
        "ended_at": "2026-01-31T08:30:00.000Z",
        "name": "The lead",
        "phase": "Architect",
        "progress_percent": 100.0,
        "started_at": "2026-01-31T08:00:00.000Z",
        "status": "completed",
        "tokens": 9000,
        "tokens_limit": 200000,
        "type": "Architect"
      }
    }
    "#);
    assert_eq!(view(&world, "alone")["agents"]["scout"]["status"], "spawning");
    Connection::open(world.path("metrics.db"))
        .unwrap()
        .execute_batch("UPDATE agent_instances SET status = 'completed', progress_percent = 100 WHERE agent_id = 'b-1'")
        .unwrap();
    insta::assert_snapshot!(import(&world, "metrics.db"), @"imported 2 sessions: 1 fact new, 8 known, 0 rejected");
    let builder = view(&world, "t")["agents"]["b-1"].clone();
    assert_eq!(
        (&builder["status"], builder.get("ended_at")),
        (&json!("completed"), None)
    );
}

#[test]
fn an_import_without_a_server_imports_and_does_nothing_else() {
    let world = World::new();
    world
        .project("weather")
        .phase(&json!({"session_id": "weather", "current_phase": "Scout", "status": "researching"}));
    let transcripts = world.path("home/.claude/projects/-work");
    fs::create_dir_all(&transcripts).unwrap();
    fs::write(
        transcripts.join("0b7e.jsonl"),
        "{\"type\": \"user\", \"sessionId\": \"0b7e\"}\n",
    )
    .unwrap();
    database(
        &world.path("metrics.db"),
        &[
            TABLES,
            "INSERT INTO tasks (task_id, status) VALUES ('old', 'completed');",
        ],
    );
    insta::assert_snapshot!(import(&world, "metrics.db"), @"imported 1 session: 2 facts new, 0 known, 0 rejected");
    // Nobody announced a server, and no file was read.
    let left: Vec<_> = fs::read_dir(world.path("run")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let stored = Connection::open(world.db()).unwrap();
    let all = |sql: &str| -> Vec<String> {
        let mut statement = stored.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(all("SELECT name FROM sessions"), ["old"]);
    assert_eq!(all("SELECT path FROM sources"), [] as [&str; 0]);
}
