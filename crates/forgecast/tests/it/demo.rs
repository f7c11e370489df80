//! The demo from the outside: what it writes is what any server shows and any scan counts, and nothing of it remains.

use std::path::Path;

use serde_json::Value;

use crate::transcripts::{Tokens, amount};
use crate::world::{PATIENCE, Server, World, try_eventually};

const BY_SESSION: &[&str] = &["usage", "--by", "session", "--json"];

fn usage(world: &World, claude: &Path) -> Value {
    let output = world
        .command(BY_SESSION)
        .env("CLAUDE_CONFIG_DIR", claude)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the views of all sessions say was used, the smallest first. A session that a build takes over meanwhile has none.
fn shown(server: &Server) -> Vec<(Tokens, u64)> {
    let page = server.json("/api/v1/sessions");
    let rows = page["sessions"].as_array().unwrap().iter();
    let views = rows.filter_map(|row| {
        let (status, body) = server.get(&format!("/api/v1/sessions/{}", row["id"].as_str().unwrap()));
        let view: Value = serde_json::from_str(&body).ok().filter(|_| status == 200)?;
        Some(view.get("usage").map(amount).unwrap_or_default())
    });
    let mut shown: Vec<_> = views.collect();
    shown.sort_unstable();
    shown
}

fn counted(report: &Value) -> Vec<(Tokens, u64)> {
    let mut counted: Vec<_> = report["rows"].as_array().unwrap().iter().map(amount).collect();
    counted.sort_unstable();
    counted
}

fn same_at_last(server: &Server, wished: &[(Tokens, u64)]) {
    let mut last = Vec::new();
    let same = try_eventually(|| {
        last = shown(server);
        (last == wished).then_some(())
    });
    assert!(same.is_some(), "after {PATIENCE:?}: {last:?}, not {wished:?}");
}

#[test]
fn it_writes_builds_and_their_agents_that_the_same_pipeline_shows() {
    let world = World::new();
    let (code, stdout, stderr) = world.run(&[
        "demo",
        "--into",
        "made",
        "--no-serve",
        "--once",
        "--builds",
        "2",
        "--speed",
        "2000",
    ]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
    let claude = world.path("projects/made/claude");
    let report = usage(&world, &claude);
    let mut command = world.command(&["serve", "--port", "0"]);
    command.env("CLAUDE_CONFIG_DIR", &claude);
    let server = Server::start(command);
    for name in ["weather-app", "chess-engine"] {
        let view = server.view_when(name, |view| {
            view["status"] == "completed" && view["agents"].as_object().is_some_and(|agents| agents.len() >= 2)
        });
        assert_eq!(view["tests"]["summary"]["failed"], 0);
        assert!(view["decisions"]["total"].as_u64().unwrap() >= 1);
    }
    same_at_last(&server, &counted(&report));
    assert_eq!(counted(&report).len(), 3, "two builds and an agent without one");
    let view = server.view_when("weather-app", |_| true);
    let cost = view["usage"]["cost_usd"].as_f64().unwrap();
    assert!((1.0..10.0).contains(&cost), "{cost}");
    assert!(view.get("problems").is_none(), "{}", view["problems"]);
}

#[test]
fn while_it_plays_its_views_and_a_scan_say_the_same_and_nothing_remains_of_it() {
    let world = World::new();
    let temporary = world.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = world.command(&["demo", "--port", "0", "--builds", "2", "--speed", "100", "--once"]);
    command.env("TMPDIR", &temporary);
    let server = Server::start(command);
    for name in ["weather-app", "chess-engine"] {
        let view = server.view_when(name, |view| view["status"] == "completed");
        let phases = view["usage"]["by_phase"].as_object().unwrap();
        assert!(phases.len() > 1, "{phases:?}");
    }
    let made = std::fs::read_dir(&temporary).unwrap().next().unwrap().unwrap().path();
    let mut last = (Vec::new(), Vec::new());
    let same = try_eventually(|| {
        last = (shown(&server), counted(&usage(&world, &made.join("claude"))));
        (last.0 == last.1 && last.0.len() == 3).then_some(())
    });
    assert!(same.is_some(), "{last:?}");
    let page = server.json("/api/v1/sessions");
    let titles = page["sessions"].as_array().unwrap().iter();
    let visitor = titles.clone().find(|row| row["source"] == "transcript").unwrap();
    assert!(
        visitor["name"].as_str().unwrap().starts_with("Edits made offline"),
        "{visitor}"
    );
    assert!(server.stop().success());
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}
