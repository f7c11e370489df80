//! A build whose folder is renamed while it runs, rests or is over: it stays one session with all that is known of it,
//! shown where it is now, whether the server watches or not.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::transcripts::{Growing, Speaker, ago};
use crate::world::{Project, Server, World, eventually};

/// A build with a log and a transcript, and the server that watches it.
struct Moving {
    world: World,
    folder: PathBuf,
    server: Option<Server>,
    /// Whether no server runs while the folder is renamed.
    unwatched: bool,
    /// The name that the phase file gives the build.
    name: Option<&'static str>,
}

impl Moving {
    fn new(name: Option<&'static str>, unwatched: bool) -> Self {
        let world = World::new();
        let folder = world.path("projects/group/app");
        let server = Some(world.serve());
        let this = Self {
            world,
            folder,
            server,
            unwatched,
            name,
        };
        Project::at(&this.folder);
        this.phase("Builder", "building");
        this.line("one");
        // An agent belongs to the build that is at work where it was started.
        this.server().view_when("app~1", |view| view["status"] == "running");
        let speaker = Speaker {
            session: "a1",
            folder: &this.folder,
            agent: None,
        };
        let lines = [
            speaker.prompt("build it", &ago(0)),
            speaker.call("1", [10, 20, 0, 0], &ago(0)),
        ];
        let transcript = this.world.path("home/.claude/projects/app/a1.jsonl");
        Growing::new(transcript, &lines).finish();
        this
    }

    fn phase(&self, phase: &str, status: &str) {
        let file = json!({ "session_id": self.name, "current_phase": phase, "status": status });
        fs::write(
            self.folder.join(".context-foundry/current-phase.json"),
            file.to_string(),
        )
        .unwrap();
    }

    fn line(&self, line: &str) {
        let log = self.folder.join(".context-foundry/build-output-1.txt");
        let mut log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        writeln!(log, "{line}").unwrap();
    }

    /// Renames a folder, the build's own or one above it.
    fn rename(&mut self, from: &Path, to: &Path) {
        if self.unwatched {
            assert!(self.server.take().unwrap().stop().success());
        }
        fs::rename(from, to).unwrap();
        let below = self.folder.strip_prefix(from).unwrap();
        // Joined part by part, so that no slash is left at the end.
        self.folder = to.iter().chain(below).collect();
        if self.unwatched {
            self.server = Some(self.world.serve());
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Waits until there is one session, and it is in the folder as it is now, with all that was ever told of it: phase
    /// and status, name, output tokens, lines of the log.
    fn is_one_session(&self, phase: &str, status: &str, name: &str, log: &[&str]) {
        let expected = json!({
            "sessions": ["app~1"], "folder": self.folder, "phase": phase, "status": status, "name": name,
            "output": 20, "log": log,
        });
        let mut last = Value::Null;
        let found = crate::world::try_eventually(|| {
            let sessions = self.server().json("/api/v1/sessions");
            let ids: Vec<&Value> = sessions["sessions"].as_array()?.iter().map(|row| &row["id"]).collect();
            let (_, view) = self.server().get("/api/v1/sessions/app~1");
            let view: Value = serde_json::from_str(&view).ok()?;
            let (_, lines) = self.server().get("/api/v1/sessions/app~1/log?limit=100");
            let lines: Value = serde_json::from_str(&lines).ok()?;
            let of_build = |line: &&Value| line["from"] == "build-output-1.txt";
            let lines = lines["lines"].as_array()?.iter().filter(of_build);
            let texts: Vec<&Value> = lines.map(|line| &line["text"]).collect();
            last = json!({
                "sessions": ids, "folder": view["working_directory"], "phase": view["phase"]["name"],
                "status": view["status"], "name": view["name"], "output": view["usage"]["output"],
                "log": texts,
            });
            (last == expected).then_some(())
        });
        assert!(found.is_some(), "expected {expected}\n   shown {last}");
    }
}

fn a_build_is_renamed_three_times(name: Option<&'static str>, unwatched: bool) {
    let mut build = Moving::new(name, unwatched);
    let named = |folder: &'static str| name.unwrap_or(folder);
    build.is_one_session("Builder", "running", named("app"), &["one"]);

    let (app, shop) = (build.folder.clone(), build.world.path("projects/group/shop"));
    build.rename(&app, &shop);
    build.is_one_session("Builder", "running", named("shop"), &["one"]);
    build.phase("Test", "testing");
    build.line("two");
    build.is_one_session("Test", "running", named("shop"), &["one", "two"]);

    let (group, others) = (build.world.path("projects/group"), build.world.path("projects/others"));
    build.rename(&group, &others);
    build.line("three");
    build.is_one_session("Test", "running", named("shop"), &["one", "two", "three"]);

    build.phase("Feedback", "completed");
    build.is_one_session("Feedback", "completed", named("shop"), &["one", "two", "three"]);
    let (shop, done) = (build.folder.clone(), build.world.path("projects/done"));
    build.rename(&shop, &done);
    build.is_one_session("Feedback", "completed", named("done"), &["one", "two", "three"]);

    // The next run in the folder is the next run of the build; what is made in its first place is another build.
    build.phase("Scout", "starting");
    let server = build.server();
    server.view_when("app", |view| {
        view["id"] == "app~2" && view["working_directory"] == json!(build.folder)
    });
    let first = Project::at(&app);
    first.phase(&json!({ "session_id": name, "current_phase": "Scout", "status": "starting" }));
    let ids = eventually("another build", || {
        let sessions = server.json("/api/v1/sessions");
        let ids = sessions["sessions"].as_array().unwrap().iter();
        let ids: Vec<String> = ids.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        (ids.len() == 3).then_some(ids)
    });
    let other = ids.iter().find(|id| !["app~1", "app~2"].contains(&id.as_str()));
    assert_eq!(
        server.json(&format!("/api/v1/sessions/{}", other.unwrap()))["working_directory"],
        json!(app)
    );
}

#[test]
fn a_build_that_is_renamed_under_a_server_is_one_session() {
    a_build_is_renamed_three_times(Some("app"), false);
}

#[test]
fn a_build_that_is_renamed_without_a_server_is_one_session() {
    a_build_is_renamed_three_times(Some("app"), true);
}

#[test]
fn a_build_without_a_name_that_is_renamed_has_the_name_of_its_new_folder() {
    a_build_is_renamed_three_times(None, false);
}

#[test]
fn a_build_without_a_name_that_is_renamed_without_a_server_has_the_name_of_its_new_folder() {
    a_build_is_renamed_three_times(None, true);
}
