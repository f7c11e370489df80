//! The commands beside the server, with one running and with none.

use serde_json::{Value, json};

use crate::viewer::detail_of;
use crate::world::{World, eventually};

fn world() -> World {
    let world = World::new();
    let project = world.project("weather-app");
    project.phase(&json!({"session_id": "weather-app", "current_phase": "Test", "phase_number": "4/7", "status": "testing",
        "progress_detail": "Running 48 tests", "test_iteration": 1, "phases_completed": ["Scout", "Architect", "Builder"]}));
    project.replace(
        "test-results-iteration-1.md",
        "# Results\n\nTests: 2 failed, 46 passed, 48 total\n",
    );
    world
}

/// What differs from run to run: ages.
fn steady(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for index in 1..words.len() {
        if words[index] == "s" && words.get(index + 1).is_some_and(|word| word.starts_with("ago")) {
            words[index - 1] = "0".to_owned();
        }
    }
    words.join(" ")
}

#[test]
fn without_a_server_a_command_looks_once_by_itself_and_leaves_nothing_behind() {
    let world = world();
    let (code, stdout, stderr) = world.run(&["sessions"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!(steady(&stdout), @r"
    SESSION        STATUS   PHASE     PROGRESS  TESTS  NOW                              LAST WORK
    weather-app~1  running  Test 4/7      43 %  46/48  Test run 1: 46 passed, 2 failed  0 s ago
    ");
    let (code, stdout, _) = world.run(&["status", "weather-app"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(steady(&stdout), @r"
    weather-app~1  running
      phase      Test 4/7: Running 48 tests
      progress   43 %
      phases     ✔ Scout  ✔ Architect  ✔ Builder  ▶ Test  · Documentation  · Deploy  · Feedback
      tests      iteration 1: 46 passed, 2 failed
      folder     <world>/projects/weather-app
      last work  0 s ago
    ");
    assert!(!world.db().exists());
}

#[test]
fn with_a_server_the_commands_ask_it() {
    let world = world();
    let server = world.serve();
    server.view_when("weather-app", |view| view["tests"]["iterations"]["1"]["failed"] == 2);
    let (_, table, _) = world.run(&["sessions"]);
    assert!(table.contains("weather-app~1  running"), "{table}");
    let (_, rows, _) = world.run(&["sessions", "--json", "--status", "running"]);
    assert_eq!(serde_json::from_str::<Value>(&rows).unwrap()[0]["id"], "weather-app~1");
    let (_, none, _) = world.run(&["sessions", "--status", "failed"]);
    assert_eq!(none, "There are no sessions.\n");
    let (_, view, _) = world.run(&["status", "weather-app", "--json"]);
    assert_eq!(detail_of(&serde_json::from_str(&view).unwrap()), "Running 48 tests");

    let (code, _, _) = world.run(&["export", "weather-app", "-o", "x.json"]);
    assert_eq!(code, 0);
    let exported = world.anonymous(&std::fs::read_to_string(world.path("projects/x.json")).unwrap());
    let (_, printed, _) = world.run(&["export", "weather-app"]);
    let (exported, printed): (Value, Value) = (
        serde_json::from_str(&exported).unwrap(),
        serde_json::from_str(&printed).unwrap(),
    );
    assert_eq!(exported, printed);
    assert!(exported.to_string().contains("Running 48 tests"));
}

#[test]
fn the_message_at_the_start_says_where_it_is_and_what_it_found() {
    let world = world();
    let mut server = world.serve();
    let database = world.anonymous(&server.line_with("database"));
    assert_eq!(
        database,
        "  database   <world>/home/.local/share/forgecast/forgecast.db"
    );
    let watching = world.anonymous(&server.line_with("watching"));
    assert_eq!(watching, "  watching   <world>/projects (1 project)");
    assert_eq!(
        server.line_with("found"),
        "  found      1 project, 1 session, 1 running"
    );
}

#[test]
fn forgetting_removes_the_session_with_a_server_and_without() {
    let world = world();
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
    let (code, _, said) = world.run(&["forget", "weather-app"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(said, @"forgecast: forget deletes weather-app and everything stored of it permanently; confirm that with --yes");
    let (code, said, _) = world.run(&["forget", "--yes", "weather-app"]);
    assert_eq!((code, said.as_str()), (0, "deleted weather-app\n"));
    eventually("gone", || {
        (server.get("/api/v1/sessions/weather-app").0 == 404).then_some(())
    });
    let (code, _, said) = world.run(&["forget", "--yes", "weather-app"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(said, @"forgecast: there is no session weather-app; `forgecast sessions` lists the sessions");
    assert!(server.stop().success());

    // The file is still there; it is read again when it changes.
    world
        .project("weather-app")
        .phase(&json!({"session_id": "weather-app", "current_phase": "Deploy", "status": "deploying"}));
    let (code, said, _) = world.run(&["forget", "--yes", "weather-app"]);
    assert_eq!((code, said.as_str()), (0, "deleted weather-app\n"));
    let (_, table, _) = world.run(&["sessions"]);
    assert_eq!(table, "There are no sessions.\n");
}

#[test]
fn what_was_never_stored_cannot_be_forgotten() {
    let world = world();
    insta::assert_snapshot!(world.run(&["forget", "--yes", "weather-app"]).2, @"forgecast: there is no database <world>/home/.local/share/forgecast/forgecast.db; name another with --db");
}

#[test]
fn while_a_server_holds_the_database_and_cannot_be_found_a_command_looks_by_itself() {
    let world = world();
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
    let lost = |arguments: &[&str]| {
        let output = world
            .command(arguments)
            .env("XDG_RUNTIME_DIR", world.path("home"))
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (_, table, _) = lost(&["sessions"]);
    assert!(table.contains("weather-app~1  running"), "{table}");
    let (removed, _, said) = lost(&["forget", "--yes", "weather-app"]);
    assert!(
        !removed && said.contains("in use"),
        "what changes the database is refused: {said}"
    );
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
}

#[test]
fn watching_prints_each_change() {
    use std::io::{BufRead, BufReader};
    let world = world();
    let server = world.serve();
    server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
    let mut command = world.command(&["status", "weather-app", "--watch"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("last work")), "first the whole");
    world.project("weather-app").phase(
        &json!({"session_id": "weather-app", "current_phase": "Deploy", "phase_number": "6/7", "status": "deploying",
        "progress_detail": "Pushing", "phases_completed": ["Scout", "Architect", "Builder", "Test"]}),
    );
    let change = lines.by_ref().find(|line| line.contains("Pushing")).unwrap();
    assert!(change.starts_with("running  Deploy 6/7"), "{change}");
    assert!(server.stop().success());
    assert!(lines.next().is_none(), "the stream ends with the server");
    assert!(child.wait().unwrap().success());
}

#[test]
fn watching_needs_a_server_and_an_unknown_session_is_said_so() {
    let world = world();
    insta::assert_snapshot!(world.run(&["status", "weather-app", "--watch"]).2, @"forgecast: --watch needs a running server; start one with `forgecast`, or omit --watch");
    insta::assert_snapshot!(world.run(&["status", "nobody"]).2, @"forgecast: there is no session nobody; `forgecast sessions` lists the sessions");
    insta::assert_snapshot!(world.run(&["export", "nobody"]).2, @"forgecast: there is no session nobody; `forgecast sessions` lists the sessions");
}

#[test]
fn the_configuration_is_shown_with_where_each_value_comes_from() {
    let world = World::new();
    std::fs::write(
        world.path("projects/forgecast.toml"),
        "port = 9000\n[sources]\ndebounce_ms = 50\n",
    )
    .unwrap();
    let mut command = world.command(&["config", "show"]);
    let output = command.env("FORGECAST_VIEWERS_PER_SESSION", "5").output().unwrap();
    insta::assert_snapshot!(world.anonymous(&String::from_utf8(output.stdout).unwrap()), @r#"
    roots = ["<world>/projects", "<world>/home/homelab"]  # default
    checkpoints = ["<world>/projects/checkpoints/ralph", "<world>/home/homelab/checkpoints/ralph"]  # default
    logs = ["<world>/projects/logs", "<world>/home/homelab/logs"]  # default
    db = "<world>/home/.local/share/forgecast/forgecast.db"  # default
    host = "127.0.0.1"                    # default
    port = 9000                           # <world>/projects/forgecast.toml
    poll = false                          # default
    open = false                          # default
    log.format = "text"                   # default
    log.level = "warn"                    # default
    sources.debounce_ms = 50              # <world>/projects/forgecast.toml
    sources.settle_ms = 200               # default
    sources.reconcile_ms = 5000           # default
    sources.discover_ms = 60000           # default
    sources.watch_limit = 0               # default
    sources.mask = []                     # default
    sources.mask_off = []                 # default
    transcripts.enabled = true            # default
    transcripts.claude = ["<world>/home/.claude", "<world>/home/.config/claude"]  # default
    transcripts.codex = ["<world>/home/.codex"]  # default
    transcripts.foundry = ["<world>/home/.foundry"]  # default
    usage.prices = "<world>/home/.config/forgecast/prices.toml"  # default
    usage.context_limit_tokens = 200000   # default
    budgets.hard = []                     # default
    notify.url = ""                       # default
    notify.allowed_addresses = []         # default
    notify.targets = []                   # default
    sessions.stalled_after_s = 900        # default
    sessions.abandoned_after_s = 21600    # default
    sessions.settled_after_s = 120        # default
    sessions.max = 20000                  # default
    viewers.per_session = 5               # FORGECAST_VIEWERS_PER_SESSION
    viewers.total = 2000                  # default
    store.retention_days = 90             # default
    store.max_mib = 2048                  # default
    store.log_lines_per_session = 200000  # default
    server.allowed_hosts = []             # default
    server.require_token = false          # default
    server.base_path = ""                 # default
    server.trusted_proxies = []           # default
    server.allowed_origins = []           # default
    server.tls_self_signed = false        # default
    "#);
}

#[test]
fn completions_are_printed_for_every_shell() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = world.run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(script.contains("sessions") && script.contains("forgecast"), "{shell}");
    }
}

#[test]
fn logs_are_text_or_json_on_standard_error() {
    let world = world();
    for (format, is_json) in [("text", false), ("json", true)] {
        let server = world.serve_with(&["--log-format", format, "--log-level", "info"]);
        server.view_when("weather-app", |view| view["phase"]["name"] == "Test");
        let logs = server.kill();
        assert!(!logs.is_empty());
        for line in logs.lines() {
            assert_eq!(serde_json::from_str::<Value>(line).is_ok(), is_json, "{line}");
        }
    }
}
