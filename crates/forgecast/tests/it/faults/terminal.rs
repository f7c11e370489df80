//! F40: what a terminal would obey, and what would make one line look like two, passes through no command, no error and no
//! log, whatever it came in by.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::world::{Server, World};

/// As strings that files, folders and arguments may have.
const CORPUS: [&str; 14] = [
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{1b}]8;;http:--x\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}[?1049h",
    "\u{9b}31m",
    "\u{9d}0;title\u{9c}",
    "\u{202e}txt.exe\u{202c}",
    "\u{2066}a\u{2069}\u{200f}",
    "over\rwritten",
    "two\nlines\r\nthree",
    "\u{8}\u{8}bell\u{7}\u{7f}",
    "\u{2028}\u{85}\u{b}\u{c}",
];

/// What must not come out; line ends and tabs of our own may.
fn is_control(letter: char) -> bool {
    let is_layout = matches!(letter, '\n' | '\t');
    let is_direction = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (letter.is_control() && !is_layout) || is_direction || matches!(letter, '\u{2028}' | '\u{2029}')
}

fn assert_plain(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what}: not UTF-8: {}", bytes.escape_ascii()));
    let found: Vec<char> = text.chars().filter(|letter| is_control(*letter)).collect();
    assert!(found.is_empty(), "{what}: {found:?} in {text:?}");
}

/// A command, whatever it says.
fn said(world: &World, arguments: &[&str]) {
    let output = world.command(arguments).output().unwrap();
    let what = format!("{arguments:?}");
    assert_plain(&what, &output.stdout);
    assert_plain(&what, &output.stderr);
}

/// An error is one line, also when what it is about has several.
fn refused(world: &World, arguments: &[&str]) {
    let output = world.command(arguments).output().unwrap();
    let what = format!("{arguments:?}");
    assert_plain(&what, &output.stderr);
    assert_eq!(output.status.code(), Some(1), "{what}");
    let lines = output.stderr.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, 1, "{what}: {}", output.stderr.escape_ascii());
}

/// A world in which everything that has a name or a text has a hostile one.
fn world() -> World {
    let world = World::new();
    for (index, text) in CORPUS.iter().enumerate() {
        let folder = world
            .path("projects")
            .join(format!("p{index} {}", text.replace('/', "-")));
        fs::create_dir_all(folder.join(".context-foundry")).unwrap();
        let phase = json!({
            "session_id": format!("s{index}"), "current_phase": format!("Build {text}"), "status": text,
            "progress_detail": text, "phases_completed": [text], "working_directory": text,
        });
        fs::write(folder.join(".context-foundry/current-phase.json"), phase.to_string()).unwrap();
        let tasks = json!({"tasks": [{"id": text, "description": text}]});
        fs::write(folder.join(".context-foundry/build-tasks.json"), tasks.to_string()).unwrap();
    }
    let claude = world.path("home/.claude");
    fs::create_dir_all(claude.join("projects/-x")).unwrap();
    let settings = format!(
        "{{\n  // \u{9b}31m \u{202e} \u{7f}\n  \"model\": {}\n}}\n",
        json!(CORPUS.concat())
    );
    fs::write(claude.join("settings.json"), settings).unwrap();
    let session = "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11";
    let line = json!({
        "type": "user", "sessionId": session, "cwd": CORPUS[0], "timestamp": "2026-01-01T00:00:00Z",
        "message": {"role": "user", "content": CORPUS.concat()},
    });
    let reply = json!({
        "type": "assistant", "sessionId": session, "requestId": "r", "timestamp": "2026-01-01T00:00:01Z",
        "message": {"id": "m", "role": "assistant", "model": CORPUS.concat(), "content": [],
            "usage": {"input_tokens": 5, "output_tokens": 7}},
    });
    let transcript = claude.join(format!("projects/-x/{session}.jsonl"));
    fs::write(transcript, format!("{line}\n{reply}\n")).unwrap();
    world
}

fn ask_everything(world: &World) {
    for arguments in [
        &["sessions"][..],
        &["sessions", "--json"],
        &["usage"],
        &["usage", "--by", "model"],
        &["usage", "--by", "session"],
        &["usage", "--by", "model", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["init", "claude"],
        &["config", "show"],
        &["token", "list"],
        &["share", "--list"],
    ] {
        said(world, arguments);
    }
    for index in 0..CORPUS.len() {
        let session = format!("s{index}");
        said(world, &["status", &session]);
        said(world, &["status", &session, "--json"]);
        said(world, &["export", &session]);
    }
    let output = world.command(&["sessions", "--json"]).output().unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows.len() >= CORPUS.len(), "{rows:?}");
    let table = world.command(&["sessions"]).output().unwrap();
    let lines = table.stdout.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, rows.len() + 1, "a row is a line");
}

#[test]
fn no_command_prints_what_a_terminal_would_obey() {
    let world = world();
    ask_everything(&world);
    for text in CORPUS {
        for arguments in [
            &["status", text][..],
            &["forget", "--yes", text],
            &["export", text],
            &["share", text],
            &["share", "s0", "--for", text],
            &["emit", text],
            &["emit", "phase-reported", text],
            &["emit", "phase-reported", &format!("phase={text}"), "--id", text],
            &["usage", "--by", text],
            &["usage", "--since", text],
            &["token", "new", "--role", text],
            &["init", text],
            &["--config", text],
            &["completions", text],
            &["serve", "--port", text],
            &["serve", &format!("--{text}")],
        ] {
            said(&world, arguments);
        }
        for arguments in [
            &["serve", "--host", text][..],
            &["token", "revoke", text],
            &["token", "new", "--name", text],
            &["share", "--revoke", text],
            &["share", "s0", "--url", text],
            &["init", "claude", "--url", text],
            &["sessions", "--config", text],
            &["import", text],
            &["serve", "--port", "0", "--db", &format!("/proc/{text}/x.db")],
        ] {
            refused(&world, arguments);
        }
        let config = world.path("odd.toml");
        for line in [format!("x = 1 # {text}\n{text}"), format!("{} = 1", json!(text))] {
            fs::write(&config, line).unwrap();
            let output = world
                .command(&["sessions", "--config", config.to_str().unwrap()])
                .output()
                .unwrap();
            assert_plain("a configuration", &output.stderr);
        }
        let mut command = world.command(&["sessions"]);
        let output = command.env("FORGECAST_PORT", text).output().unwrap();
        assert_plain("a variable", &output.stderr);
        let mut name = b"FORGECAST_".to_vec();
        name.extend_from_slice(text.as_bytes());
        let mut command = world.command(&["config", "show"]);
        let output = command.env(OsStr::from_bytes(&name), "x").output().unwrap();
        assert_plain("a variable's name", &output.stderr);
        assert_plain("a variable's name", &output.stdout);
    }
}

#[test]
fn what_a_server_says_and_logs_is_plain_and_an_event_is_a_line() {
    for format in ["text", "json"] {
        let world = world();
        let missing: Vec<String> = CORPUS
            .iter()
            .map(|text| format!("{}/missing {text}", world.path("").display()))
            .collect();
        let mut arguments = vec!["--log-format", format, "--log-level", "debug"];
        let projects = world.path("projects");
        arguments.push(projects.to_str().unwrap());
        arguments.extend(missing.iter().map(String::as_str));
        let mut server: Server = world.serve_with(&arguments);
        let mut lines = vec![server.line_with("database")];
        for _ in 0..=CORPUS.len() {
            lines.push(server.line_with("watching"));
        }
        lines.push(server.line_with("found"));
        for line in &lines {
            assert_plain("the message at the start", line.as_bytes());
        }
        for index in 0..CORPUS.len() {
            server.view_when(&format!("s{index}"), |view| view["phase"]["name"].is_string());
        }
        ask_everything(&world);
        let logs = server.kill();
        assert_plain("the log", logs.as_bytes());
        for line in logs.lines() {
            match format {
                "json" => assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}"),
                _ => assert!(line.starts_with("20"), "begins with its time: {line}"),
            }
        }
        let told = logs.lines().filter(|line| line.contains("missing ")).count();
        assert!(told >= CORPUS.len(), "each missing folder is a line: {logs}");
    }
}
