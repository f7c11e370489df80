//! Secrets in the names of folders, files and sessions: nothing that is stored of a session or shown has them, and what has such
//! a name still works.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::viewer::detail_of;
use crate::world::{World, eventually, request};

/// The random part of a token, and nothing else has it.
const CANARY: &str = "C4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n4ry";

/// A build, its files, the log of another one and a transcript, all with the secret in their names. The build's folder.
fn prepare(world: &World, secret: &str) -> PathBuf {
    let project = world.project(&format!("clone-{secret}"));
    fs::write(project.file(&format!("{secret}.md")), "# what is in it\n").unwrap();
    fs::write(project.folder.join(".context-foundry/build.log"), "a line\n").unwrap();
    let ralph = world.path(&format!("projects/logs/ralph_{secret}"));
    fs::create_dir_all(&ralph).unwrap();
    fs::write(ralph.join("session.jsonl"), "{\"a\": 1}\n").unwrap();
    project.phase(&json!({"current_phase": "Builder", "progress_detail": "here"}));
    // A transcript of an agent in the same folder, and a push that names it.
    let transcripts = world.path("home/.claude/projects/x");
    fs::create_dir_all(&transcripts).unwrap();
    let folder = project.folder.canonicalize().unwrap();
    let line = json!({
        "type": "user", "uuid": "u1", "sessionId": "5f1c9a70-1c1e-4b5e-9d0a-3a1f4c2b7e88", "cwd": folder,
        "gitBranch": format!("feature/{secret}"), "timestamp": "2026-01-31T08:15:00Z",
        "message": {"role": "user", "content": "begin"},
    });
    fs::write(
        transcripts.join("5f1c9a70-1c1e-4b5e-9d0a-3a1f4c2b7e88.jsonl"),
        format!("{line}\n"),
    )
    .unwrap();
    folder
}

/// Nothing in the database has it, but the paths of the sources, which are stored to find them again.
fn is_not_stored(world: &World) {
    let raw = rusqlite::Connection::open(world.db()).unwrap();
    for (table, column) in [
        ("sessions", "id || name || coalesce(directory, '') || coalesce(row, '')"),
        ("events", "body"),
        ("snapshots", "body"),
        ("log_lines", "coalesce(origin, '') || text"),
        ("rows", "search"),
        ("transcripts", "id || coalesce(directory, '')"),
    ] {
        let sql = format!(
            "SELECT coalesce(max({column}), '') FROM {table} WHERE instr(CAST({column} AS TEXT), 'C4n4ry') > 0"
        );
        let found: String = raw.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, "", "{table}");
    }
}

#[test]
fn a_secret_in_the_name_of_a_folder_or_a_file_is_shown_nowhere() {
    let world = World::new();
    let secret = format!("ghp_{CANARY}");
    let folder = prepare(&world, &secret);

    let server = world.serve();
    // The log of another build has a session of its own, which has no phase.
    let id = eventually("the session", || {
        let list = server.json("/api/v1/sessions");
        let mut rows = list["sessions"].as_array().unwrap().iter();
        let row = rows.find(|row| row["id"].as_str().unwrap().starts_with("masked-") && row["phase"].is_object())?;
        Some(row["id"].as_str().unwrap().to_owned())
    });
    let view = server.view_when(&id, |view| {
        detail_of(view) == "here"
            && view["artifacts"]
                .as_object()
                .is_some_and(|files| files.keys().any(|name| name.contains("masked-")))
    });
    let pushed = json!({"directory": folder, "type": "phase_reported", "phase": "Test", "detail": "pushed"});
    let (status, answer) = request(server.address(), "POST", "/api/v1/events", &pushed.to_string());
    assert_eq!(status, 200, "{answer}");
    server.view_when(&id, |view| detail_of(view) == "pushed");

    let file = view["artifacts"]
        .as_object()
        .unwrap()
        .keys()
        .find(|name| name.contains("masked-"))
        .unwrap();
    let (status, text) = server.get(&format!("/api/v1/sessions/{id}/files/{file}"));
    assert_eq!(
        (status, text.as_str()),
        (200, "# what is in it\n"),
        "a file is opened by the name that is shown"
    );
    for path in [
        "/api/v1/sessions".to_owned(),
        format!("/api/v1/sessions/{id}"),
        format!("/api/v1/sessions/{id}/events"),
        format!("/api/v1/sessions/{id}/log"),
        format!("/api/v1/sessions/{id}/export"),
        format!("/api/v1/sessions/{id}/timeline"),
        "/api/v1/stats?group_by=session".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
    ] {
        let (status, body) = server.get(&path);
        assert!(status == 200 && !body.contains("C4n4ry"), "{path}: {body}");
    }
    assert!(!server.kill().contains("panicked"));
    is_not_stored(&world);
}
