//! Context Foundry's metrics database as plain rows: in batches, whatever is in it, and without a trace.

use forgecast_store::{LegacyDb, LegacyDbError, LegacyTable};
use rusqlite::Connection;
use serde_json::json;

fn database(sql: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    (folder, path)
}

#[test]
fn ids_and_rows_come_in_batches_and_each_once() {
    let (_folder, path) = database(
        "CREATE TABLE tasks (task_id TEXT PRIMARY KEY);
         CREATE TABLE metrics (id INTEGER PRIMARY KEY, task_id TEXT, token_usage INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
            INSERT INTO tasks SELECT printf('task-%02d', i) FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
            INSERT INTO metrics (task_id, token_usage) SELECT CASE WHEN i % 5 = 0 THEN 'orphan' ELSE 'task-01' END, i FROM n;",
    );
    let db = LegacyDb::open(&path).unwrap();
    let mut ids = vec![String::new()];
    loop {
        let more = db.task_ids(ids.last().unwrap(), 7).unwrap();
        assert!(more.len() <= 7);
        if more.is_empty() {
            break;
        }
        ids.extend(more);
    }
    ids.remove(0);
    assert_eq!((ids.len(), ids[0].as_str()), (26, "orphan"));
    assert!(ids.is_sorted());
    let mut rows = Vec::new();
    let mut last = i64::MIN;
    loop {
        let more = db.rows(LegacyTable::Metrics, "task-01", last, 6).unwrap();
        let Some(row) = more.last() else { break };
        last = row.number;
        rows.extend(more);
    }
    assert_eq!(rows.len(), 20);
    assert_eq!(rows[0].columns["token_usage"], json!(1));
    assert_eq!(db.rows(LegacyTable::Tests, "task-01", 0, 6).unwrap(), []);
}

#[test]
fn values_are_as_they_are_and_what_is_nothing_is_absent() {
    let (_folder, path) = database(
        "CREATE TABLE decisions (task_id TEXT, a, b, c, d, e, \"odd name\");
         INSERT INTO decisions VALUES ('t', NULL, x'00ff', '12', 1.5, 9e999, 'x'), (NULL, 1, 2, 3, 4, 5, 6);",
    );
    let db = LegacyDb::open(&path).unwrap();
    let rows = db.rows(LegacyTable::Decisions, "t", i64::MIN, 10).unwrap();
    let columns = serde_json::Value::Object(rows[0].columns.clone());
    assert_eq!(columns, json!({"task_id": "t", "c": "12", "d": 1.5, "odd name": "x"}));
    assert_eq!(db.unnamed().unwrap(), 1);
}

#[test]
fn a_view_or_a_table_of_another_shape_is_not_taken_for_one_of_the_origins() {
    for sql in [
        "CREATE TABLE other (task_id TEXT); CREATE VIEW tasks AS SELECT * FROM other;",
        "CREATE TABLE tasks (id TEXT);",
        "CREATE TABLE tasks (task_id TEXT PRIMARY KEY) WITHOUT ROWID;",
    ] {
        let (_folder, path) = database(sql);
        assert!(
            matches!(LegacyDb::open(&path), Err(LegacyDbError::Foreign { .. })),
            "{sql}"
        );
    }
}

#[test]
fn a_transaction_that_was_cut_off_is_undone_in_the_copy_and_stays_in_the_original() {
    let (_folder, path) =
        database("CREATE TABLE tasks (task_id TEXT PRIMARY KEY); INSERT INTO tasks VALUES ('whole');");
    let writer = Connection::open(&path).unwrap();
    // Pages are written before the end, as when a builder is killed in the midst of it.
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN IMMEDIATE;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                INSERT INTO tasks SELECT printf('half-%05d-%0100d', i, i) FROM n;",
        )
        .unwrap();
    let journal = path.with_file_name("metrics.db-journal");
    let before = (std::fs::read(&path).unwrap(), std::fs::read(&journal).unwrap());
    let db = LegacyDb::open(&path).unwrap();
    assert_eq!(db.task_ids("", 100).unwrap(), ["whole"]);
    assert_eq!(
        (std::fs::read(&path).unwrap(), std::fs::read(&journal).unwrap()),
        before
    );
}
