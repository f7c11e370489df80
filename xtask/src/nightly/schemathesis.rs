//! Thousands of requests made of the API's description, right and wrong ones, against a real server with something behind
//! every address: none may be answered with a 5xx, or otherwise than described. Runs in folders of its own below `target`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::server::{Server, until};
use crate::Result;
use crate::python;
use crate::tool::{self, cargo};

/// The version whose checks and settings are meant.
const VERSION: &str = "4.32.5";
/// Cases for each operation, besides those that its description alone gives.
const CASES: &str = "250";
/// Fewer cases in all prove nothing.
const LEAST_CASES: u64 = 10_000;
/// The settings and hooks.
const SETTINGS: &str = "xtask/schemathesis";

/// Builds the server, fills a world and asks.
pub(super) fn run() -> Result {
    let program = python::installed("schemathesis", VERSION, &[&format!("schemathesis=={VERSION}")])?;
    cargo(&["build", "--release", "--locked", "--package", "forgecast"]).run()?;
    let world = World::filled(&tool::root().join("target/schemathesis/world"))?;
    let token = world.token()?;
    let server = world.serve()?;
    fill(&server)?;
    let asked = ask(&program, &server, &token);
    // What the server says of itself at the end is true whatever was asked.
    let alive = server.get("/healthz");
    let cases = asked?;
    alive.map_err(|error| format!("the server did not live through it: {error}"))?;
    if cases < LEAST_CASES {
        return Err(format!("schemathesis: {cases} cases, fewer than {LEAST_CASES}"));
    }
    println!("schemathesis: {cases} cases, no 5xx, no answer that is not described");
    Ok(())
}

/// Runs all phases; the number of cases that were asked, when none of them found anything.
fn ask(program: &Path, server: &Server, token: &str) -> Result<u64> {
    let report = tool::root().join("target/schemathesis/report.txt");
    let mut asking = Command::new(program)
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("{}/openapi.json", server.url))
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--max-examples", CASES, "--workers", "2", "--request-timeout", "20"])
        .args(["--suppress-health-check", "all", "--no-color"])
        .current_dir(tool::root().join(SETTINGS))
        // Its notes go where nothing is committed.
        .env(
            "HYPOTHESIS_STORAGE_DIRECTORY",
            tool::root().join("target/schemathesis/hypothesis"),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let mut said = String::new();
    if let Some(mut output) = asking.stdout.take() {
        output
            .read_to_string(&mut said)
            .map_err(|error| format!("read its report: {error}"))?;
    }
    let status = asking
        .wait()
        .map_err(|error| format!("wait for schemathesis: {error}"))?;
    fs::write(&report, &said).map_err(|error| format!("{}: {error}", report.display()))?;
    let summary = said.find("= SUMMARY =").map_or(said.as_str(), |at| &said[at..]);
    print!("{summary}");
    if !status.success() {
        return Err(format!(
            "schemathesis found something; all of it is in {}",
            report.display()
        ));
    }
    let cases = summary
        .split("Test cases:")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next());
    let cases = cases.and_then(|number| number.replace(',', "").parse().ok());
    cases.ok_or_else(|| "schemathesis did not say how many cases there were".to_owned())
}

/// A home, a runtime folder and projects that builds left behind.
struct World {
    folder: PathBuf,
}

/// Files of the shapes that producers write.
const FILES: &[(&str, &str)] = &[
    (
        "weather-app/.context-foundry/current-phase.json",
        r#"{"session_id": "weather-app", "current_phase": "Builder", "phase_number": "3/7", "status": "building",
            "progress_detail": "writing the parser", "test_iteration": 1, "phases_completed": ["Scout", "Architect"],
            "started_at": "2026-01-31T08:00:00Z", "last_updated": "2026-01-31T08:15:00Z"}"#,
    ),
    (
        "weather-app/.context-foundry/scout-report.md",
        "# What is there\n\nNothing yet.\n",
    ),
    (
        "weather-app/.context-foundry/build-output-1.txt",
        "compiling\nlinking\nerror: no network\n",
    ),
    (
        "shop/.context-foundry/current-phase.json",
        r#"{"session_id": "shop", "current_phase": "Test", "phase_number": "4/7", "status": "testing"}"#,
    ),
    (
        "shop/.context-foundry/session-summary.json",
        r#"{"status": "completed", "tests": {"total": 10, "passed": 10, "failed": 0}}"#,
    ),
    (
        "checkpoints/ralph/old-build/state.json",
        r#"{"project": "old", "task": "build it", "current_phase": "builder", "iterations": 3,
            "start_time": "2026-01-31T08:00:00Z"}"#,
    ),
];

/// What is pushed besides: panels that no file fills.
const FACTS: &str = r#"[
    {"session": "weather-app", "type": "agent_reported", "agent_id": "builder-1", "agent_type": "Builder", "status": "active"},
    {"session": "weather-app", "type": "usage_recorded", "input": 1200, "output": 800, "model": "claude-sonnet-4-5"},
    {"session": "weather-app", "type": "tests_reported", "iteration": 1, "total": 10, "passed": 8, "failed": 2},
    {"session": "weather-app", "type": "decision_recorded", "key": "d-1", "title": "Cache the forecast", "quality": 4},
    {"session": "weather-app", "type": "pattern_recorded", "pattern_id": "p-1", "title": "Mock the network"},
    {"session_id": "weather-app", "type": "log_line", "data": {"line": "packing", "level": "info"}}
]"#;

impl World {
    fn filled(folder: &Path) -> Result<Self> {
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(wrong)?;
        }
        for name in ["home", "run", "projects"] {
            fs::create_dir_all(folder.join(name)).map_err(wrong)?;
        }
        for (name, text) in FILES {
            let file = folder.join("projects").join(name);
            fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(wrong)?;
            fs::write(file, text).map_err(wrong)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The binary in this world, with nothing of the world around it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool::root().join("target/release/forgecast"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.join("home"))
            .env("XDG_RUNTIME_DIR", self.folder.join("run"))
            .current_dir(self.folder.join("projects"))
            .stdin(Stdio::null());
        command
    }

    /// A token that may do everything.
    fn token(&self) -> Result<String> {
        let output = self.command(&["token", "new", "--role", "admin", "--json"]).output();
        let output = output.map_err(|error| format!("cannot run forgecast token: {error}"))?;
        let answer: serde_json::Value =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("forgecast token: {error}"))?;
        let token = answer["token"].as_str().map(str::to_owned);
        token.ok_or_else(|| "forgecast token did not show a token".to_owned())
    }

    /// A server over its projects.
    fn serve(&self) -> Result<Server> {
        Server::start(self.command(&["serve", "--port", "0", "."]))
    }
}

/// Waits until the files were read, then sends the rest.
fn fill(server: &Server) -> Result {
    let is_listed = || {
        server
            .get("/api/sessions")
            .is_ok_and(|list| list.contains("weather-app"))
    };
    until("the server has read its files", || {
        server.get("/readyz").is_ok() && is_listed()
    })?;
    server.ask("POST", "/api/v1/events", FACTS).map(drop)
}
