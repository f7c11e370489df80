//! `import`: a metrics database in Context Foundry's shape, with all that such files hold, and exported sessions; with a server
//! and without. The files are never changed.

mod exports;
mod truth;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::world::{Server, World};

/// The tables as Context Foundry makes them.
const TABLES: &str = "
    CREATE TABLE tasks (task_id TEXT PRIMARY KEY, project_name TEXT, task_description TEXT, working_directory TEXT,
        status TEXT, phases_completed TEXT, current_phase TEXT, start_time TEXT, end_time TEXT, duration_seconds INTEGER,
        github_url TEXT, created_at TEXT DEFAULT '2026-01-31 07:59:59');
    CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT, timestamp TEXT, phase TEXT,
        token_usage INTEGER, token_percentage REAL, latency_ms REAL, context_resets INTEGER, elapsed_seconds INTEGER,
        estimated_remaining_seconds INTEGER);
    CREATE TABLE decisions (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT, timestamp TEXT, phase TEXT,
        decision_type TEXT, decision_description TEXT, quality_rating INTEGER, difficulty_rating INTEGER,
        is_regrettable BOOLEAN, used_lessons_learned BOOLEAN, pattern_ids TEXT, reasoning TEXT, outcome TEXT);
    CREATE TABLE agent_performance (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT, agent_type TEXT, phase TEXT,
        start_time TEXT, end_time TEXT, duration_seconds INTEGER, success BOOLEAN, issues_found INTEGER,
        issues_fixed INTEGER, files_created INTEGER, files_modified INTEGER, lines_of_code INTEGER, tokens_used INTEGER);
    CREATE TABLE test_iterations (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT, iteration_number INTEGER,
        timestamp TEXT, tests_run INTEGER, tests_passed INTEGER, tests_failed INTEGER, test_output TEXT,
        fixes_applied TEXT, duration_seconds INTEGER);
    CREATE TABLE pattern_effectiveness (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT, pattern_id TEXT,
        pattern_type TEXT, was_applied BOOLEAN, prevented_issue BOOLEAN, issue_description TEXT, timestamp TEXT);
    CREATE TABLE agent_instances (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, agent_id TEXT UNIQUE NOT NULL,
        agent_type TEXT NOT NULL, agent_name TEXT, status TEXT NOT NULL, phase TEXT, progress_percent REAL DEFAULT 0.0,
        tokens_used INTEGER DEFAULT 0, tokens_limit INTEGER DEFAULT 200000, token_percentage REAL DEFAULT 0.0, start_time TEXT,
        end_time TEXT, duration_seconds INTEGER, parent_agent_id TEXT, error_message TEXT, metadata TEXT,
        created_at TEXT DEFAULT '2026-01-31 07:59:59', updated_at TEXT DEFAULT '2026-01-31 07:59:59');";

const ROWS: &str = r#"
    INSERT INTO tasks VALUES ('weather-build', 'weather-app', 'Show the weather', '/work/weather', 'completed',
        '["Scout", "Architect", "Builder", "Test"]', 'Test', '2026-01-31T08:00:00Z', '2026-01-31T09:00:00Z', 3600,
        'https://github.com/somebody/weather', '2026-01-31 07:59:59');
    INSERT INTO metrics (task_id, timestamp, phase, token_usage, token_percentage) VALUES
        ('weather-build', '2026-01-31T08:05:00Z', 'Scout', 10000, 5.0),
        ('weather-build', '2026-01-31T08:20:00Z', 'Builder', 90000, 45.0),
        ('weather-build', '2026-01-31T08:40:00Z', 'Builder', 30000, 15.0);
    INSERT INTO decisions (task_id, timestamp, phase, decision_type, decision_description, quality_rating,
        difficulty_rating, is_regrettable, used_lessons_learned, reasoning) VALUES
        ('weather-build', '2026-01-31T08:10:00Z', 'Architect', 'Architecture', 'Cache the forecast', 4, 2, 0, 1, 'slow'),
        ('weather-build', '2026-01-31T08:30:00Z', 'Builder', 'Library', 'Own date parser', 1, 5, 1, 0, NULL);
    INSERT INTO agent_performance (task_id, agent_type, phase, start_time, end_time, success, issues_found,
        issues_fixed, tokens_used) VALUES
        ('weather-build', 'builder', 'Builder', '2026-01-31T08:15:00Z', '2026-01-31T08:45:00Z', 1, 3, 2, 50000);
    INSERT INTO test_iterations (task_id, iteration_number, timestamp, tests_run, tests_passed, tests_failed) VALUES
        ('weather-build', 1, '2026-01-31T08:50:00Z', 48, 46, 2), ('weather-build', 2, '2026-01-31T08:55:00Z', 48, 48, 0);
    INSERT INTO pattern_effectiveness (task_id, pattern_id, pattern_type, was_applied, prevented_issue,
        issue_description, timestamp) VALUES
        ('weather-build', 'cors-1', 'common-issues', 1, 1, 'CORS in development', '2026-01-31T08:12:00Z'),
        ('weather-build', 'cors-1', 'common-issues', 1, 0, 'CORS in development', '2026-01-31T08:32:00Z');"#;

fn database(path: &Path, sql: &[&str]) -> Connection {
    let connection = Connection::open(path).unwrap();
    for sql in sql {
        connection.execute_batch(sql).unwrap();
    }
    connection
}

/// What of a file would show that somebody wrote it, or beside it.
#[derive(Debug, PartialEq)]
struct Look {
    bytes: Vec<u8>,
    inode: u64,
    /// When its content and its inode were changed.
    times: [(i64, i64); 2],
    beside: Vec<String>,
}

fn look(path: &Path) -> Look {
    let metadata = fs::metadata(path).unwrap();
    let mut beside: Vec<String> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("metrics"))
        .collect();
    beside.sort();
    Look {
        bytes: fs::read(path).unwrap(),
        inode: metadata.ino(),
        times: [
            (metadata.mtime(), metadata.mtime_nsec()),
            (metadata.ctime(), metadata.ctime_nsec()),
        ],
        beside,
    }
}

fn import(world: &World, file: &str) -> String {
    let (code, said, trouble) = world.run(&["import", &world.path(file).display().to_string()]);
    assert_eq!((code, trouble.as_str()), (0, ""), "{said}");
    said
}

fn view(world: &World, id: &str) -> Value {
    let (code, json, trouble) = world.run(&["status", id, "--json"]);
    assert_eq!((code, trouble.as_str()), (0, ""));
    serde_json::from_str(&json).unwrap()
}

fn check_weather(view: &Value) {
    assert_eq!(view["status"], "completed");
    assert_eq!(view["project"], "weather-app");
    assert_eq!(view["task"], "Show the weather");
    assert_eq!(view["started_at"], "2026-01-31T08:00:00.000Z");
    assert_eq!(view["ended_at"], "2026-01-31T09:00:00.000Z");
    assert_eq!(view["tests"]["iterations"]["2"]["passed"], 48);
    assert_eq!(view["decisions"]["total"], 2);
    assert_eq!(view["decisions"]["lessons_used"], 1);
    assert_eq!(
        view["decisions"]["recent"]["decisions/1"]["at"],
        "2026-01-31T08:10:00.000Z"
    );
    assert_eq!(view["agents"]["builder-1"]["status"], "completed");
    assert_eq!(view["agents"]["builder-1"]["started_at"], "2026-01-31T08:15:00.000Z");
    assert_eq!(view["agents"]["builder-1"]["ended_at"], "2026-01-31T08:45:00.000Z");
    assert_eq!(view["agents"]["builder-1"]["tokens"], 50_000);
    assert_eq!(view["patterns"]["cors-1"]["frequency"], 2);
    assert_eq!(view["patterns"]["cors-1"]["times_prevented"], 1);
    assert_eq!(
        (&view["usage"]["input"], &view["usage"]["provenance"]),
        (&json!(0), &json!(["estimated"]))
    );
    assert_eq!(view["links"]["github"], "https://github.com/somebody/weather");
}

#[test]
fn a_metrics_database_becomes_history_once_and_the_file_stays_as_it_is() {
    let world = World::new();
    let path = world.path("metrics.db");
    database(&path, &[TABLES, ROWS]);
    let before = look(&path);
    insta::assert_snapshot!(import(&world, "metrics.db"), @"imported 1 session: 16 facts new, 0 known, 0 rejected");
    check_weather(&view(&world, "weather-build"));
    let first = view(&world, "weather-build");
    insta::assert_snapshot!(import(&world, "metrics.db"), @"imported 1 session: 0 facts new, 16 known, 0 rejected");
    assert_eq!(view(&world, "weather-build"), first);
    assert_eq!(look(&path), before);
}

#[test]
fn a_running_server_takes_the_same_and_rows_that_are_new_are_added() {
    let world = World::new();
    let path = world.path("metrics.db");
    let origin = database(&path, &[TABLES, ROWS]);
    let server = world.serve();
    insta::assert_snapshot!(import(&world, "metrics.db"), @"imported 1 session: 16 facts new, 0 known, 0 rejected");
    check_weather(&server.json("/api/v1/sessions/weather-build"));
    origin
        .execute_batch(
            "INSERT INTO decisions (task_id, timestamp, decision_description) VALUES ('weather-build', '2026-01-31T08:59:00Z', 'Deploy by hand')",
        )
        .unwrap();
    insta::assert_snapshot!(import(&world, "metrics.db"), @"imported 1 session: 1 fact new, 16 known, 0 rejected");
    let view = server.json("/api/v1/sessions/weather-build");
    let seen = export(&server, "weather-build")["session"]["created_at"].to_string();
    assert!(seen.as_str() > "\"2026-02", "kept from the day of the import: {seen}");
    assert_eq!(view["decisions"]["total"], 3);
    assert_eq!(view["status"], "completed");
}

#[test]
fn a_build_that_was_followed_here_keeps_its_phases_and_gets_the_metrics() {
    let world = World::new();
    world
        .project("weather")
        .phase(&json!({"session_id": "weather-build", "current_phase": "Deploy", "status": "deploying"}));
    database(&world.path("metrics.db"), &[TABLES, ROWS]);
    let server = world.serve();
    server.view_when("weather-build", |view| view["phase"]["name"] == "Deploy");
    import(&world, "metrics.db");
    let view = server.json("/api/v1/sessions/weather-build");
    assert_eq!(
        (&view["status"], &view["phase"]["name"]),
        (&json!("running"), &json!("Deploy"))
    );
    assert_eq!(view["decisions"]["total"], 2);
    assert_eq!(server.get("/api/v1/sessions/weather-build~2").0, 404);
}

#[test]
fn a_task_is_one_run_whatever_order_its_rows_have() {
    let world = World::new();
    let rows =
        "INSERT INTO tasks (task_id, status, current_phase, phases_completed) VALUES ('t', 'completed', 'Scout', '[]');
        INSERT INTO metrics (task_id, timestamp, phase) VALUES ('t', '2026-01-31T08:30:00Z', 'Builder'),
            ('t', '2026-01-31T08:40:00Z', 'Test'), ('t', '2026-01-31T08:10:00Z', 'Scout'), ('t', NULL, 'Scout');";
    database(&world.path("metrics.db"), &[TABLES, rows]);
    import(&world, "metrics.db");
    assert_eq!(view(&world, "t")["status"], "completed");
    let (_, table, _) = world.run(&["sessions"]);
    assert!(table.contains("t~1") && !table.contains("t~2"), "{table}");
}

#[test]
fn odd_rows_cost_themselves_and_nothing_else() {
    let world = World::new();
    let odd = r#"
        ALTER TABLE tasks ADD COLUMN mood TEXT;
        INSERT INTO tasks (task_id, status, phases_completed, current_phase, start_time, mood)
            VALUES ('cut-off', 'running', '["Scout", "Arch', 'Architect', 'yesterday', 'good');
        INSERT INTO tasks (task_id) VALUES ('empty'), (NULL), ('');
        INSERT INTO tasks (task_id, status, duration_seconds) VALUES ('Ein Bau / zwei', 'failed', 'an hour');
        INSERT INTO metrics (task_id, token_usage, token_percentage) VALUES ('cut-off', 'many', 'half'),
            ('cut-off', '7000', '3.5'), ('cut-off', -5, 900), ('cut-off', NULL, NULL), (NULL, 1, 1);
        INSERT INTO decisions (task_id, quality_rating, is_regrettable) VALUES ('cut-off', 11, 'perhaps');
        INSERT INTO agent_performance (task_id, start_time, end_time, success) VALUES
            ('cut-off', '2026-02-01T10:00:00Z', '2026-02-01T09:00:00Z', NULL);
        INSERT INTO test_iterations (task_id, iteration_number, tests_run) VALUES ('cut-off', 'first', x'00ff');
        INSERT INTO pattern_effectiveness (task_id, pattern_id) VALUES ('cut-off', NULL), ('orphan', 'p-1');"#;
    database(&world.path("metrics.db"), &[TABLES, odd]);
    insta::assert_snapshot!(import(&world, "metrics.db"), @r"
    imported 4 sessions: 11 facts new, 0 known, 3 rejected
      rejected 3: a row without a task
    ");
    let cut_off = view(&world, "cut-off");
    assert_eq!(cut_off["usage"]["by_source"]["estimated"]["input"], 7_000);
    assert_eq!(cut_off["decisions"]["total"], 1);
    assert_eq!(view(&world, "orphan")["patterns"]["p-1"]["title"], "p-1");
    let (_, table, _) = world.run(&["sessions"]);
    assert!(table.contains("failed"), "{table}");
}

#[test]
fn tables_that_an_older_version_did_not_make_are_not_missed() {
    let world = World::new();
    let only =
        "CREATE TABLE decisions (id INTEGER PRIMARY KEY, task_id TEXT, decision_description TEXT, timestamp TEXT);
        INSERT INTO decisions VALUES (1, 'old', 'Use SQLite', '2025-10-01T10:00:00Z');";
    database(&world.path("metrics.db"), &[only]);
    import(&world, "metrics.db");
    assert_eq!(
        view(&world, "old")["decisions"]["recent"]["decisions/1"]["title"],
        "Use SQLite"
    );
}

#[test]
fn what_is_in_the_write_ahead_log_is_read_and_neither_it_nor_a_lock_is_touched() {
    let world = World::new();
    let path = world.path("metrics.db");
    let origin = database(
        &path,
        &[
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;",
            TABLES,
            ROWS,
        ],
    );
    // A build that is writing, in the midst of it.
    origin
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO tasks (task_id) VALUES ('not-yet')")
        .unwrap();
    let wal = world.path("metrics.db-wal");
    let before = (look(&path), look(&wal));
    import(&world, "metrics.db");
    assert_eq!((look(&path), look(&wal)), before);
    check_weather(&view(&world, "weather-build"));
    assert_eq!(world.run(&["status", "not-yet"]).0, 1);
}

#[test]
fn what_is_no_metrics_database_is_said_so_and_nothing_is_made() {
    let world = World::new();
    fs::write(world.path("text"), "hello").unwrap();
    fs::write(world.path("object"), r#"{"hello": 1}"#).unwrap();
    database(&world.path("foreign"), &["CREATE TABLE cats (name TEXT)"]);
    database(&world.path("broken"), &[TABLES, ROWS]);
    let mut bytes = fs::read(world.path("broken")).unwrap();
    for byte in &mut bytes[4096..12288] {
        *byte = 0xa5;
    }
    fs::write(world.path("broken"), bytes).unwrap();
    let said: Vec<String> = ["text", "object", "foreign", "broken", "missing", "home"]
        .into_iter()
        .map(|name| {
            let (code, out, said) = world.run(&["import", &world.path(name).display().to_string()]);
            assert_eq!((code, out.as_str()), (1, ""), "{name}");
            said.trim().to_owned()
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    forgecast: <world>/text is not an SQLite database
    forgecast: <world>/object was not written by `forgecast export`: missing field `session` at line 1 column 12
    forgecast: <world>/foreign contains no build metrics: it has none of the tables tasks, metrics, decisions, agent_performance, agent_instances, test_iterations, pattern_effectiveness, or their rows name no task
    forgecast: <world>/broken is damaged (*** in database main *** Tree 2 page 2: btreeInitPage() returns error code 11); repair a copy of it with `sqlite3 FILE .recover` and import that
    forgecast: cannot read <world>/missing: No such file or directory (os error 2)
    forgecast: <world>/home is not a regular file
    ");
    insta::assert_snapshot!(world.run(&["import"]).2, @"forgecast: name a file: a metrics database (usually ~/.context-foundry/metrics.db; CF_METRICS_DB is not set), or a file written by `forgecast export`");
    assert!(!world.db().exists());
}

#[test]
fn the_variable_names_the_file_and_a_dry_run_leaves_nothing() {
    let world = World::new();
    database(&world.path("home/metrics.db"), &[TABLES, ROWS]);
    let output = world
        .command(&["import", "--dry-run"])
        .env("CF_METRICS_DB", "~/metrics.db")
        .output()
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @"would import 1 session: 16 facts new, 0 known, 0 rejected");
    assert!(output.status.success() && !world.db().exists());
}

fn export(server: &Server, id: &str) -> Value {
    server.json(&format!("/api/v1/sessions/{id}/export"))
}
