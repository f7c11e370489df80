//! `init` and `doctor`: settings of other programs are changed only as shown, once, and back; what is not connected is
//! said with the fix.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::transcripts::{Growing, Speaker, ago};
use crate::world::World;

const ODD: &[&str] = &[
    "{}",
    "{\"model\": \"opus\"}\n",
    "{\r\n\t// mine\r\n\t\"zed\": 1, // last\r\n\t\"env\": { \"B\": \"2\", \"A\": \"1\" },\r\n\t\"alpha\": [1, 2,],\r\n}\r\n",
    "{\n  \"hooks\": {\n    \"Stop\": [ { \"hooks\": [ { \"type\": \"command\", \"command\": \"say done\" } ] } ],\n    \"PreToolUse\": []\n  },\n  \"permissions\": {\"allow\": []}\n}\n",
];

fn settings(world: &World) -> PathBuf {
    let folder = world.path("home/.claude");
    fs::create_dir_all(&folder).unwrap();
    folder.join("settings.json")
}

fn backups(file: &Path) -> usize {
    let files = fs::read_dir(file.parent().unwrap()).unwrap().flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().contains("forgecast-backup"))
        .count()
}

#[test]
fn settings_are_changed_only_with_yes_once_and_back_to_the_byte() {
    for text in ODD {
        let world = World::new();
        let file = settings(&world);
        fs::write(&file, text).unwrap();
        let (code, shown, stderr) = world.run(&["init", "claude"]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(
            shown.contains("+") && shown.contains("/api/v1/hooks/claude") && shown.contains("--yes"),
            "{shown}"
        );
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown.lines().next().unwrap(), @"Adds 10 hooks and 5 settings of telemetry to <world>/home/.claude/settings.json, so that Claude Code reports to http://127.0.0.1:8080.");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), *text, "shown, not written");
        assert_eq!(world.run(&["init", "claude", "--yes"]).0, 0);
        let written = fs::read_to_string(&file).unwrap();
        assert!(
            written.contains("http://127.0.0.1:8080/api/v1/hooks/claude"),
            "{written}"
        );
        assert_eq!(backups(&file), 1);
        let (_, again, _) = world.run(&["init", "claude", "--yes"]);
        assert!(again.contains("no change needed"), "{again}");
        assert_eq!((fs::read_to_string(&file).unwrap(), backups(&file)), (written, 1));
        let (_, moved, _) = world.run(&["init", "claude", "--url", "http://127.0.0.1:9999"]);
        assert!(
            moved.starts_with("Changes 10 hooks and 1 setting of telemetry in ") && moved.contains(":9999.\n"),
            "{moved}"
        );
        let (_, shown, _) = world.run(&["init", "claude", "--undo"]);
        assert!(
            shown.starts_with("Removes 10 hooks and 5 settings of telemetry from "),
            "{shown}"
        );
        assert!(shown.contains("-") && shown.contains("--yes"), "{shown}");
        assert_eq!(world.run(&["init", "claude", "--undo", "--yes"]).0, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), *text);
        let (_, again, _) = world.run(&["init", "claude", "--undo", "--yes"]);
        assert!(again.contains("no change needed"), "{again}");
    }
}

#[test]
fn what_somebody_else_wrote_in_between_stays() {
    let world = World::new();
    let file = settings(&world);
    fs::write(&file, "{\n  \"env\": {\n    \"OTEL_LOGS_EXPORTER\": \"otlp\"\n  }\n}\n").unwrap();
    assert_eq!(
        world
            .run(&["init", "claude", "--yes", "--url", "http://127.0.0.1:9999/"])
            .0,
        0
    );
    let mut written: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    written["model"] = "opus".into();
    fs::write(&file, serde_json::to_string_pretty(&written).unwrap()).unwrap();
    assert_eq!(world.run(&["init", "claude", "--undo", "--yes"]).0, 0);
    let left: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        left,
        serde_json::json!({"env": {"OTEL_LOGS_EXPORTER": "otlp"}, "model": "opus"})
    );
}

#[test]
fn without_a_file_one_is_made_and_taken_away_again() {
    let world = World::new();
    let file = settings(&world);
    assert_eq!(world.run(&["init", "claude", "--yes"]).0, 0);
    assert!(file.exists());
    assert_eq!(world.run(&["init", "claude", "--undo", "--yes"]).0, 0);
    assert!(!file.exists());
    fs::write(&file, "{ nonsense").unwrap();
    let (code, _, stderr) = world.run(&["init", "claude", "--yes"]);
    assert_eq!(code, 1, "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{ nonsense");
}

#[test]
fn codex_is_connected_and_disconnected() {
    let world = World::new();
    let file = world.path("home/.codex/config.toml");
    let text = "# mine\nmodel = \"gpt-5.5\" # the best\nnotify = [\"say\", \"done\"]\n\n[profiles.fast]\nmodel = \"gpt-5-mini\"\n";
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    let (code, said, _) = world.run(&["init", "codex", "--yes"]);
    assert_eq!(code, 0);
    let lines: Vec<&str> = said.lines().take(2).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    <world>/home/.codex/config.toml: Codex runs new hooks only when you have reviewed them: enter /hooks in Codex
    Adds 10 hooks and 1 setting of telemetry to <world>/home/.codex/config.toml, so that Codex reports to http://127.0.0.1:8080.
    ");
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written.matches(" hook codex").count(), 10, "{written}");
    assert!(
        written.starts_with("# mine\nmodel = \"gpt-5.5\" # the best\n") && written.contains("/v1/logs"),
        "{written}"
    );
    assert!(world.run(&["init", "codex", "--yes"]).1.contains("no change needed"));
    assert_eq!(world.run(&["init", "codex", "--undo", "--yes"]).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

fn states(world: &World) -> Vec<(String, String)> {
    let (_, said, _) = world.run(&["doctor", "--json"]);
    let findings: Vec<Value> = serde_json::from_str(&said).unwrap();
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings
        .iter()
        .map(|finding| (word(finding, "what"), word(finding, "state")))
        .collect()
}

#[test]
fn doctor_says_what_is_connected_and_what_is_not() {
    let world = World::new();
    let (code, said, _) = world.run(&["doctor"]);
    assert_eq!(code, 0, "nothing fails");
    // How old the prices are depends on the day of the test.
    let (prices, others): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.contains("prices"));
    assert!(prices[0].contains("built-in prices as of 2026-11-30"), "{prices:?}");
    insta::assert_snapshot!(others.join("\n"), @r"
    warn  server    no server is running
                    → start it with `forgecast`
    ok    database  <world>/home/.local/share/forgecast/forgecast.db does not exist yet; the server creates it
    warn  claude    Claude Code has no folder at <world>/home/.claude or <world>/home/.config/claude
                    → if it keeps its files elsewhere, set CLAUDE_CONFIG_DIR or transcripts.claude
    ok    spool     no facts from `forgecast emit` are waiting
    ");

    let folder = world.path("elsewhere/shop");
    let session = "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11";
    let speaker = Speaker {
        session,
        folder: &folder,
        agent: None,
    };
    let file = world.path(&format!("home/.claude/projects/-shop/{session}.jsonl"));
    Growing::new(file, &[speaker.prompt("Mend it", &ago(1))]).finish();
    let server = world.serve();
    server.view_when(session, |_| true);
    assert_eq!(world.run(&["init", "claude", "--yes"]).0, 0);
    let settings = fs::read_to_string(world.path("home/.claude/settings.json")).unwrap();
    assert!(
        settings.contains(&server.url),
        "the running server's address: {settings}"
    );
    let found = states(&world);
    assert!(found.iter().all(|(_, state)| state == "ok"), "{found:?}");
    drop(server);

    // Another port: the hooks point to nobody.
    let server = world.serve();
    server.view_when(session, |_| true);
    let found = states(&world);
    assert!(found.contains(&("hooks".to_owned(), "warn".to_owned())), "{found:?}");
    server.signal(rustix::process::Signal::STOP);
    let (code, said, _) = world.run(&["doctor"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("does not answer"), "{said}");
    server.signal(rustix::process::Signal::CONT);
}

#[test]
fn answers_are_offered_and_taken_away_to_the_byte() {
    for text in ODD {
        let world = World::new();
        let file = settings(&world);
        fs::write(&file, text).unwrap();
        let (code, _, stderr) = world.run(&["init", "claude", "--answers", "--yes"]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        let written = fs::read_to_string(&file).unwrap();
        assert_eq!(
            written.matches("/api/v1/hooks/claude/permission\"").count(),
            1,
            "{written}"
        );
        assert_eq!(written.matches("\"timeout\": 600").count(), 1, "{written}");
        for again in [
            &["init", "claude", "--yes"][..],
            &["init", "claude", "--answers", "--yes"],
        ] {
            let (_, again, _) = world.run(again);
            assert!(again.contains("no change needed"), "{again}");
        }
        // Another server: it still waits.
        let elsewhere = ["init", "claude", "--url", "http://127.0.0.1:9", "--yes"];
        assert_eq!(world.run(&elsewhere).0, 0);
        let moved = fs::read_to_string(&file).unwrap();
        assert!(
            moved.contains("http://127.0.0.1:9/api/v1/hooks/claude/permission\""),
            "{moved}"
        );
        assert_eq!(world.run(&["init", "claude", "--undo", "--yes"]).0, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), *text);
    }
    let (code, _, stderr) = World::new().run(&["init", "codex", "--answers"]);
    assert!(
        code == 1 && stderr.contains("only Claude Code waits for answers"),
        "{stderr}"
    );
}

#[test]
fn a_status_line_is_offered_and_taken_away_to_the_byte() {
    let own = "{\n  \"statusLine\": { \"type\": \"command\", \"command\": \"printf mine\" } // mine\n}\n";
    for text in ODD.iter().chain([&own]) {
        let world = World::new();
        let file = settings(&world);
        fs::write(&file, text).unwrap();
        let (code, shown, stderr) = world.run(&["init", "claude", "--statusline", "--yes"]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(
            shown.starts_with("Adds 10 hooks, 5 settings of telemetry and 1 status line to "),
            "{shown}"
        );
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.contains("/forgecast statusline"), "{written}");
        assert_eq!(
            written.contains("--command 'printf mine'"),
            text.contains("printf mine"),
            "{written}"
        );
        let (_, again, _) = world.run(&["init", "claude", "--yes"]);
        assert!(again.contains("no change needed"), "{again}");
        // Somebody else writes: then only what is ours is removed.
        fs::write(&file, written.clone() + "\n").unwrap();
        assert_eq!(world.run(&["init", "claude", "--undo", "--yes"]).0, 0);
        let left = fs::read_to_string(&file).unwrap();
        assert!(
            !left.contains("forgecast") && left.contains("printf mine") == text.contains("printf mine"),
            "{left}"
        );
        fs::write(&file, text).unwrap();
        assert_eq!(world.run(&["init", "claude", "--statusline", "--yes"]).0, 0);
        assert_eq!(world.run(&["init", "claude", "--undo", "--yes"]).0, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), *text);
    }
    let (code, _, stderr) = World::new().run(&["init", "codex", "--statusline"]);
    assert!(
        code == 1 && stderr.contains("only Claude Code has a status line"),
        "{stderr}"
    );
}
