//! What cannot work is said in one line with the way out, and what may still come is awaited.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::viewer::detail_of;
use crate::world::{Project, Server, World};

/// Fails with 1 and exactly one line.
fn refused(world: &World, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = world.run(arguments);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    stderr
}

/// A project in this root is shown; nothing was said about the root but in the words at the start.
fn is_watched_by_now(server: Server, root: &Path) {
    Project::at(&root.join("weather-app"))
        .phase(&json!({"session_id": "weather-app", "current_phase": "Scout", "progress_detail": "here"}));
    server.view_when("weather-app", |view| detail_of(view) == "here");
    assert_eq!(server.kill(), "");
}

#[test]
fn a_second_server_on_the_same_database_is_refused_with_the_way_out() {
    let world = World::new();
    let _first = world.serve();
    insta::assert_snapshot!(refused(&world, &["serve", "--port", "0"]), @"forgecast: the database <world>/home/.local/share/forgecast/forgecast.db is in use by another forgecast; stop that one, or choose another file with --db");
}

#[test]
fn a_taken_port_is_refused_with_the_way_out() {
    let world = World::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refused(&world, &["serve", "--port", &port]).replace(&port, "<port>");
    insta::assert_snapshot!(said, @"forgecast: port <port> on 127.0.0.1 is in use; choose another with --port (--port 0 picks a free one)");
    assert!(
        !world.db().exists(),
        "nothing is made before it is certain that it can serve"
    );
}

#[test]
fn a_usual_port_that_is_taken_is_left_for_the_next_unless_an_agent_reports_to_it() {
    let world = World::new();
    // Whoever has it: this test or another program.
    let _taken = std::net::TcpListener::bind("127.0.0.1:8080");
    let server = Server::start(world.command(&["serve"]));
    assert!(!server.url.ends_with(":8080"), "{}", server.url);
    let phase = json!({"session_id": "weather-app", "current_phase": "Scout", "progress_detail": "here"});
    world.project("weather-app").phase(&phase);
    server.view_when("weather-app", |view| detail_of(view) == "here");
    let (code, said, _) = world.run(&["sessions"]);
    assert!(code == 0 && said.contains("weather-app"), "{said}");
    let said = server.kill();
    assert!(
        said.contains("port 8080 is in use by another program; serving on"),
        "{said}"
    );
    // An agent that reports to the usual port would report to that other program.
    let folder = world.path("home/.claude");
    fs::create_dir(&folder).unwrap();
    let hook =
        r#"{"hooks": {"Stop": [{"hooks": [{"type": "http", "url": "http://127.0.0.1:8080/api/v1/hooks/claude"}]}]}}"#;
    fs::write(folder.join("settings.json"), hook).unwrap();
    insta::assert_snapshot!(refused(&world, &["serve"]), @"forgecast: port 8080 on 127.0.0.1 is in use, and <world>/home/.claude/settings.json reports to it; end the program that uses it, or choose another with --port and run `forgecast init` again");
}

#[test]
fn a_misspelled_command_is_no_folder() {
    let world = World::new();
    insta::assert_snapshot!(refused(&world, &["sesions"]), @"forgecast: there is no command or folder `sesions`; did you mean `sessions`? (for a folder, write ./sesions)");
}

#[test]
fn a_database_that_cannot_be_written_is_refused_with_the_way_out() {
    let world = World::new();
    fs::write(world.path("file"), "").unwrap();
    let below_a_file = world.path("file/x.db").display().to_string();
    insta::assert_snapshot!(refused(&world, &["serve", "--port", "0", "--db", &below_a_file]), @"forgecast: cannot open the database <world>/file/x.db: <world>/file is not a folder; choose another place with --db");
}

#[test]
fn a_file_in_place_of_a_folder_is_said_in_one_plain_line() {
    let world = World::new();
    let file = world.path("file");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    insta::assert_snapshot!(refused(&world, &["demo", "--no-serve", "--into", file]), @"forgecast: <world>/file is not a folder; name another one");
    for (variable, agent) in [("CLAUDE_CONFIG_DIR", "claude"), ("CODEX_HOME", "codex")] {
        let output = world.command(&["init", agent]).env(variable, file).output().unwrap();
        let said = world.anonymous(&String::from_utf8(output.stderr).unwrap());
        assert_eq!(
            (output.status.code(), said.as_str()),
            (Some(1), "forgecast: <world>/file is not a folder\n")
        );
    }
    let (code, _, said) = world.run(&["emit", "log", "text=x", "--dir", file]);
    assert_eq!(
        (code, said.lines().next()),
        (2, Some("error: --dir: <world>/file is not a folder"))
    );
    let within = format!("{file}/forgecast.toml");
    insta::assert_snapshot!(refused(&world, &["sessions", "--config", &within]), @"forgecast: cannot read the configuration <world>/file/forgecast.toml: Not a directory (os error 20)");
    // What can be done without it is done.
    let mut command = world.command(&["sessions"]);
    let output = command.env("FORGECAST_ROOTS", file).output().unwrap();
    insta::assert_snapshot!(world.anonymous(&String::from_utf8(output.stderr).unwrap()), @"forgecast: warning: <world>/file is not a folder; name another one, or put a folder in its place, which is then watched");
    assert!(output.status.success());
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused_and_stays() {
    let world = World::new();
    let notes = world.path("notes");
    fs::write(&notes, "just some notes").unwrap();
    let db = notes.to_str().unwrap();
    for arguments in [
        &["serve", "--port", "0"][..],
        &["sessions"],
        &["status", "weather-app"],
        &["forget", "--yes", "weather-app"],
    ] {
        let said = refused(&world, &[arguments, &["--db", db]].concat());
        assert_eq!(
            said,
            "forgecast: cannot open the database <world>/notes: it is no database of Forgecast; choose another place with --db\n"
        );
    }
    assert_eq!(fs::read_to_string(&notes).unwrap(), "just some notes");
    let beside = fs::read_dir(world.path("")).unwrap().flatten();
    let beside = beside.filter(|file| file.file_name().to_string_lossy().starts_with("notes"));
    assert_eq!(beside.count(), 1);
}

/// The index as the dashboard gets it first.
fn first_index(server: &Server) -> Value {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let host = server.address();
    write!(stream, "GET /api/v1/sessions/live HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let messages = lines.filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let mut snapshots = messages.filter(|message| message["type"] == "snapshot");
    snapshots.next().unwrap()["state"].take()
}

#[test]
fn a_database_of_a_newer_version_is_read_and_everybody_is_told() {
    let world = World::new();
    let phase = |detail: &str| {
        let phase = json!({"session_id": "weather-app", "current_phase": "Scout", "progress_detail": detail});
        world.project("weather-app").phase(&phase);
    };
    phase("stored");
    let server = world.serve();
    server.view_when("weather-app", |view| detail_of(view) == "stored");
    assert!(server.stop().success());
    let newer = || rusqlite::Connection::open(world.db()).unwrap();
    newer().pragma_update(None, "user_version", 999).unwrap();

    let mut server = world.serve();
    let said = server.line_with("problem");
    insta::assert_snapshot!(said, @"  problem    Read-only: the database was written by a newer Forgecast. It is read, and nothing new is stored. Update this Forgecast, or choose another file with --db.");
    server.line_with("found");
    let told = first_index(&server)["problems"]["store/newer-schema"]["message"].to_string();
    assert!(
        told.contains("Read-only: the database was written by a newer Forgecast"),
        "{told}"
    );
    phase("shown");
    server.view_when("weather-app", |view| detail_of(view) == "shown");
    let (code, _, said) = world.run(&["forget", "--yes", "weather-app"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(said, @"forgecast: the database was written by a newer version of forgecast and is only read here; run that version, or choose another database with --db");
    assert_eq!(world.run(&["emit", "log", "text=kept"]).0, 0);
    // The log has what was asked and refused, and nothing that the message at the start says.
    let logged = server.kill();
    assert!(logged.lines().all(|line| line.contains("a request failed")), "{logged}");

    let (code, shown, said) = world.run(&["sessions"]);
    assert!(code == 0 && shown.contains("weather-app~1"), "{shown}");
    insta::assert_snapshot!(said, @"forgecast: warning: Read-only: the database was written by a newer Forgecast. It is read, and nothing new is stored. Update this Forgecast, or choose another file with --db.");
    let stored: String = newer()
        .query_row("SELECT group_concat(row) FROM sessions", [], |row| row.get(0))
        .unwrap();
    assert!(stored.contains("stored") && !stored.contains("shown"), "{stored}");
}

#[test]
fn a_damaged_database_is_set_aside_and_that_is_said() {
    let world = World::new();
    assert!(world.serve().stop().success());
    let mut bytes = fs::read(world.db()).unwrap();
    bytes.truncate(4096 * 2 + 17);
    fs::write(world.db(), &bytes).unwrap();
    let mut server = world.serve();
    let said = server.line_with("problem");
    assert!(
        said.contains("could not be used") && said.contains(".corrupt-"),
        "{said}"
    );
    let beside = fs::read_dir(world.db().parent().unwrap()).unwrap().flatten();
    let kept = beside
        .map(|file| file.path())
        .find(|path| path.to_string_lossy().contains(".corrupt-"));
    assert_eq!(fs::read(kept.unwrap()).unwrap(), bytes);
    assert_eq!(server.kill(), "");
}

#[test]
fn a_full_disk_at_the_start_is_refused_with_the_way_out() {
    let world = World::new();
    let disk = world.path("disk");
    fs::create_dir(&disk).unwrap();
    // A file system of its own, too small for a database.
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"])
        .arg(&disk)
        .output()
        .unwrap();
    assert!(
        mount.status.success(),
        "this test mounts a small file system: {}",
        String::from_utf8_lossy(&mount.stderr)
    );
    let db = disk.join("x.db").display().to_string();
    let (code, _, stderr) = world.run(&["serve", "--port", "0", "--db", &db]);
    let unmount = Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmount.success());
    assert_eq!((code, stderr.trim_end().lines().count()), (1, 1), "{stderr}");
    assert!(
        stderr.contains("--db") && stderr.contains("free some space"),
        "{stderr}"
    );
}

#[test]
fn a_root_that_does_not_exist_is_announced_and_awaited() {
    let world = World::new();
    let root = world.path("later");
    let mut server = world.serve_with(&[root.to_str().unwrap()]);
    assert!(
        server
            .line_with("watching")
            .contains("does not exist; will be watched once it does")
    );
    server.line_with("found");
    is_watched_by_now(server, &root);
}

#[test]
fn default_folders_that_do_not_exist_are_awaited_without_a_word() {
    let world = World::new();
    let mut server = world.serve();
    assert!(server.line_with("watching").contains("projects (0 projects)"));
    assert!(server.line_with("").contains("found"), "nothing but the current folder");
    assert_eq!(server.get("/readyz").0, 200);

    let ralph = world.path("projects/checkpoints/ralph/x");
    fs::create_dir_all(&ralph).unwrap();
    fs::write(
        ralph.join("state.json"),
        r#"{"session_id": "x", "current_phase": "builder"}"#,
    )
    .unwrap();
    server.view_when("x", |view| view["phase"]["name"] == "Builder");
    let logs = world.path("projects/logs/ralph_y");
    fs::create_dir_all(&logs).unwrap();
    fs::write(logs.join("session.jsonl"), "{\"a\": 1}\n").unwrap();
    server.view_when("y", |view| view["artifacts"]["ralph_y/session.jsonl"].is_object());
    Project::at(&world.path("home/homelab/lab"))
        .phase(&json!({"session_id": "lab", "current_phase": "Scout", "progress_detail": "here"}));
    server.view_when("lab", |view| detail_of(view) == "here");
    assert_eq!(server.get("/readyz").0, 200);
    assert_eq!(server.kill(), "");
}

#[test]
fn a_root_that_is_a_file_is_announced_with_the_way_out() {
    let world = World::new();
    let root = world.path("root");
    fs::write(&root, "").unwrap();
    let mut server = world.serve_with(&[root.to_str().unwrap()]);
    insta::assert_snapshot!(world.anonymous(&server.line_with("problem")), @"  problem    <world>/root is not a folder; name another one, or put a folder in its place, which is then watched");
    fs::remove_file(&root).unwrap();
    is_watched_by_now(server, &root);
}

#[test]
fn the_global_folder_of_context_foundry_is_no_session() {
    let world = World::new();
    Project::at(&world.path("home")).replace("patterns/common-issues.json", r#"{"patterns": [{"id": "one"}]}"#);
    world
        .project("weather-app")
        .phase(&json!({"session_id": "weather-app", "current_phase": "Scout", "progress_detail": "here"}));
    Project::at(&world.path("home/app"))
        .phase(&json!({"session_id": "app", "current_phase": "Scout", "progress_detail": "in home"}));
    let mut server = world.serve_with(&[world.path(".").to_str().unwrap()]);
    assert!(server.line_with("found").contains("2 projects, 2 sessions"));
}

#[test]
fn a_folder_that_may_not_be_read_is_announced_and_the_others_are_served() {
    let world = World::new();
    let closed = world.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    world
        .project("weather-app")
        .phase(&json!({"session_id": "weather-app", "current_phase": "Scout", "progress_detail": "seen"}));
    let mut server = unprivileged(
        &world,
        &[
            "serve",
            "--port",
            "0",
            world.path("projects").to_str().unwrap(),
            closed.to_str().unwrap(),
        ],
    );
    assert!(
        server
            .line_with("closed")
            .contains("may not be read; let the user that runs Forgecast list and enter it")
    );
    server.view_when("weather-app", |view| detail_of(view) == "seen");
    assert_eq!(server.kill(), "");
}

/// The binary as a user whom permissions stop: as ourselves, unless we are root.
fn unprivileged(world: &World, arguments: &[&str]) -> Server {
    let command = world.command(arguments);
    if !rustix::process::geteuid().is_root() {
        return Server::start(command);
    }
    const NOBODY: u32 = 65_534;
    // The build's own folder may be closed to others.
    let binary = world.path("forgecast");
    fs::copy(command.get_program(), &binary).unwrap();
    for name in [".", "home", "run", "projects", "closed"] {
        chown(world.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut wrapped = Command::new("setpriv");
    wrapped
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(binary)
        .args(arguments);
    wrapped
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped.current_dir(command.get_current_dir().unwrap());
    Server::start(wrapped)
}

#[test]
fn without_a_home_it_starts_and_says_where_the_database_is() {
    let world = World::new();
    let temporary = world.path("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut command = world.command(&["serve", "--port", "0"]);
    command
        .env_remove("HOME")
        .env_remove("XDG_RUNTIME_DIR")
        .env("TMPDIR", &temporary);
    let mut server = Server::start(command);
    assert!(server.line_with("database").contains(temporary.to_str().unwrap()));
    let said = server.kill();
    assert!(said.contains("HOME is not set") && said.contains("--db"), "{said}");
}

#[test]
fn what_it_keeps_is_for_its_owner_alone() {
    let world = World::new();
    let server = world.serve();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(world.db().parent().unwrap()), 0o700);
    assert_eq!(mode(&world.db()), 0o600);
    let runtime = world.path("run/forgecast");
    assert_eq!(mode(&runtime), 0o700);
    for entry in fs::read_dir(&runtime).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    assert!(server.stop().success());
    assert_eq!(
        fs::read_dir(&runtime).unwrap().count(),
        0,
        "the announcement is taken back"
    );
}
