//! Builds of Foundry through the running binary: its event log of two days with the transcripts of the agents that it drove.
//! Found at once, followed line by line, and with a restart after every line they are the same builds.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::faults::support::metrics;
use crate::transcripts::Speaker;
use crate::world::{Server, World, eventually, try_eventually};

/// One line of a file, in the order of time.
struct Line {
    at: String,
    path: PathBuf,
    text: String,
    is_transcript: bool,
}

/// Writes down what happens, second by second.
struct Scene<'w> {
    world: &'w World,
    now: jiff::Timestamp,
    lines: Vec<Line>,
    agents: u32,
}

impl Scene<'_> {
    fn at(&mut self, text: &str) {
        self.now = text.parse().unwrap();
    }

    fn push(&mut self, path: PathBuf, value: &Value, is_transcript: bool) {
        self.lines.push(Line {
            at: format!("{:.3}", self.now),
            path,
            text: format!("{value}\n"),
            is_transcript,
        });
        self.now += jiff::SignedDuration::from_secs(1);
    }

    fn folder(&self, project: &str) -> PathBuf {
        self.world.path("projects").join(project)
    }

    /// A line of the event log of its day.
    fn event(&mut self, run: &str, kind: &str, payload: Value) {
        let project = run.split('-').next().unwrap();
        let day = self.now.to_string()[..10].to_owned();
        let path = self
            .world
            .path(&format!("home/.foundry/observatory/events-{day}.jsonl"));
        let event = json!({"timestamp": format!("{:.9}", self.now).replace('Z', "+00:00"), "session_id": run,
            "project_dir": self.folder(project), "event_type": kind, "payload": payload});
        self.push(path, &event, false);
    }

    fn starts(&mut self, run: &str, role: &str) {
        let agent = json!({"role": role, "provider": "claude", "model": "claude-opus-4-8", "cc_version": "2.1.197"});
        self.event(run, "agent_started", agent);
    }

    /// The transcript of an agent that is given one prompt and calls its model so often.
    fn speaks(&mut self, project: &str, calls: u32) {
        self.agents += 1;
        let (number, folder) = (self.agents, self.folder(project));
        let session = format!("{number:08x}-0000-4000-8000-000000000000");
        let slug = folder.display().to_string().replace(['/', '.'], "-");
        let path = self
            .world
            .path(&format!("home/.claude/projects/{slug}/{session}.jsonl"));
        let speaker = Speaker {
            session: &session,
            folder: &folder,
            agent: None,
        };
        let at = format!("{:.3}", self.now);
        // Without a folder, as the first line of a run without a terminal is.
        let queued = json!({"type": "queue-operation", "operation": "enqueue", "timestamp": at, "sessionId": session,
            "content": "go"});
        self.push(path.clone(), &queued, true);
        let at = format!("{:.3}", self.now);
        self.push(path.clone(), &speaker.prompt("Work alone", &at), true);
        for call in 0..calls {
            let at = format!("{:.3}", self.now);
            let mut line = speaker.call(&format!("{number}-{call}"), [1, 10, 100, 20], &at);
            if call == 1 {
                line["message"]["stop_reason"] = "end_turn".into();
                line["message"]["content"] = json!([{"type": "text", "text": "done"}]);
            }
            self.push(path.clone(), &line, true);
        }
    }

    fn is_done(&mut self, run: &str, role: &str, success: bool) {
        let done = json!({"role": role, "success": success, "duration_secs": 1.5, "tokens_in": 111, "tokens_out": 20,
            "cost_usd": 0.25, "context_pct": 3, "cache_creation_tokens": 40, "cache_read_tokens": 200});
        self.event(run, "agent_done", done);
    }

    fn agent(&mut self, run: &str, role: &str, success: bool) {
        self.starts(run, role);
        self.speaks(run.split('-').next().unwrap(), 2);
        self.is_done(run, role, success);
    }
}

/// The build `tide` over midnight, killed and begun anew, and `harbor`, whose transcripts are not there.
fn lines(world: &World) -> Vec<Line> {
    let mut scene = Scene {
        world,
        now: jiff::Timestamp::UNIX_EPOCH,
        lines: Vec::new(),
        agents: 0,
    };
    let task = |id: &str| json!({"task_id": id, "description": format!("Task {id}"), "complexity": "Simple"});
    scene.at("2025-03-01T23:58:00Z");
    scene.event("tide-a", "session_started", json!({"config": {}}));
    scene.event("tide-a", "task_started", task("T1"));
    for role in ["PLAN", "IMPLEMENT", "VERIFY"] {
        scene.agent("tide-a", role, true);
    }
    let findings = r#"{"high": [], "medium": [{"title": "No test", "file": "src/tide.rs", "line": 7}], "low": []}"#;
    scene.event(
        "tide-a",
        "review_findings",
        json!({"task_id": "T1", "high": 0, "medium": 1, "low": 0, "findings_json": findings}),
    );
    scene.event("tide-a", "task_completed", json!({"task_id": "T1", "verdict": "feat"}));
    scene.event(
        "tide-a",
        "pattern_cited",
        json!({"task_id": "T1", "role": "Planner", "artifact": "current-plan.md", "pattern_id": "pat-tides"}),
    );
    scene.event(
        "tide-a",
        "budget_overrun",
        json!({"task_id": "T1", "phase": "IMPLEMENT", "target_pct": 60, "actual_pct": 78, "recovery_action": "summarize"}),
    );
    scene.event("tide-a", "rate_limited", json!({"provider": "claude", "wait_secs": 10}));
    scene.at("2025-03-01T23:59:50Z");
    scene.event("tide-a", "task_started", task("T2"));
    scene.starts("tide-a", "IMPLEMENT");
    scene.speaks("tide", 2);
    scene.at("2025-03-02T00:00:05Z");
    scene.is_done("tide-a", "IMPLEMENT", false);
    scene.event("tide-a", "task_started", task("T3"));
    scene.starts("tide-a", "PLAN");
    scene.speaks("tide", 1);
    // Killed.
    scene.at("2025-03-02T00:02:00Z");
    scene.event("tide-b", "session_started", json!({"config": {}}));
    scene.event("harbor-c", "session_started", json!({"config": {}}));
    scene.event("tide-b", "task_started", task("T2"));
    scene.event("harbor-c", "task_started", task("T1"));
    scene.agent("tide-b", "IMPLEMENT", true);
    scene.starts("harbor-c", "IMPLEMENT");
    scene.agent("tide-b", "VERIFY", true);
    scene.is_done("harbor-c", "IMPLEMENT", true);
    scene.event("tide-b", "task_completed", json!({"task_id": "T2", "verdict": "wip"}));
    scene.event(
        "harbor-c",
        "task_completed",
        json!({"task_id": "T1", "verdict": "feat"}),
    );
    scene.event(
        "tide-b",
        "session_ended",
        json!({"total_tasks": 1, "feat_count": 0, "wip_count": 1}),
    );
    scene.event(
        "harbor-c",
        "session_ended",
        json!({"total_tasks": 1, "feat_count": 1, "wip_count": 0}),
    );
    scene.lines
}

/// A world with the projects and their lists, and nothing that happened yet.
fn world() -> World {
    let world = World::new();
    for folder in [
        "home/.foundry/observatory",
        "home/.claude/projects",
        "projects/harbor/.buildloop",
    ] {
        fs::create_dir_all(world.path(folder)).unwrap();
    }
    let tide = world.path("projects/tide");
    fs::create_dir_all(tide.join(".buildloop")).unwrap();
    let list = "- [x] T1: Task T1 [QRP+BA]\n- [ ] T2: Task T2 [QRP+BA!]\n- [ ] T3: Task T3\n- [ ] Write a readme\n";
    fs::write(tide.join("TASKS.md"), list).unwrap();
    fs::write(tide.join(".buildloop/current-plan.md"), "# Plan: T2\n").unwrap();
    world
}

fn write(line: &Line) {
    fs::create_dir_all(line.path.parent().unwrap()).unwrap();
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&line.path)
        .unwrap();
    file.write_all(line.text.as_bytes()).unwrap();
}

/// Whatever of a value is named.
fn fields(value: &Value, names: &[&str]) -> Value {
    let named = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), value.get(*name)?.clone())));
    Value::Object(named.collect::<Map<_, _>>())
}

fn each(values: &Value, of: impl Fn(&Value) -> Value) -> Value {
    let values = values.as_object().into_iter().flatten();
    Value::Object(values.map(|(key, value)| (key.clone(), of(value))).collect())
}

/// What is said of every session, without the times at which it became known.
fn said(server: &Server) -> Value {
    let rows = server.json("/api/v1/sessions");
    let rows = rows["sessions"].as_array().unwrap();
    let views = rows.iter().filter_map(|row| {
        let id = row["id"].as_str().unwrap();
        // One that proves to be a build's is gone by now.
        let (status, view) = server.get(&format!("/api/v1/sessions/{id}"));
        let view: Value = serde_json::from_str(&view).ok().filter(|_| status == 200)?;
        let agent = [
            "status",
            "runs",
            "provider",
            "model",
            "cost_usd",
            "duration_seconds",
            "tokens",
            "phase",
            "error",
        ];
        let mut decisions: Vec<String> = view["decisions"]["recent"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, made)| {
                format!(
                    "{}: {}",
                    made["category"].as_str().unwrap(),
                    made["title"].as_str().unwrap()
                )
            })
            .collect();
        decisions.sort();
        let said = json!({
            "status": view["status"], "reason": view["status_reason"],
            "tasks": each(&view["progress"]["tasks"], |task| task["status"].clone()),
            "progress": fields(&view["progress"], &["percent", "tasks_completed", "tasks_total"]),
            "phase": fields(&view["phase"], &["name", "detail"]),
            "phases": each(&view["phases"], |phase| phase["status"].clone()),
            "agents": each(&view["agents"], |known| fields(known, &agent)),
            "usage": fields(&view["usage"], &["input", "output", "cache_read", "cache_write", "calls", "provenance"]),
            "decisions": decisions,
            "artifacts": view["artifacts"].as_object().map(|files| files.keys().cloned().collect::<Vec<_>>()),
            "errors": view["errors"],
        });
        Some((id.to_owned(), said))
    });
    Value::Object(views.collect())
}

/// Waits until everything that was written is read: then what is said is this.
fn said_when(server: &Server, wished: &Value) -> Value {
    let mut last = Value::Null;
    let found = try_eventually(|| {
        last = said(server);
        (last == *wished).then(|| last.clone())
    });
    found.unwrap_or_else(|| panic!("never as wished; last: {last:#}\nwished: {wished:#}"))
}

/// Facts that came in, and bytes that were read; the latter are told a moment later.
fn read(server: &Server) -> (u64, u64) {
    let numbers = metrics(server);
    let number = |name: &str| numbers[name];
    (
        number("forgecast_facts_received_total"),
        number("forgecast_source_read_bytes_total"),
    )
}

/// Writes one line under a server, and waits until it is read.
fn follow(server: &Server, line: &Line) {
    let (facts, bytes) = read(server);
    write(line);
    let length = u64::try_from(line.text.len()).unwrap();
    let is_read = || {
        let now = read(server);
        (now.0 > facts || now.1 >= bytes + length).then_some(())
    };
    eventually("the line is read", is_read);
}

fn waiting(server: &Server) -> Vec<String> {
    let rows = server.json("/api/v1/sessions");
    let rows = rows["sessions"].as_array().unwrap().clone();
    let waiting = rows.iter().filter(|row| row["status"] == "waiting");
    waiting.map(ToString::to_string).collect()
}

fn wished() -> Value {
    let agent = |phase: &str, status: &str, runs: u32, told: u32| {
        json!({"status": status, "runs": runs, "provider": "claude", "model": "claude-opus-4-8", "phase": phase,
            "cost_usd": 0.25 * f64::from(told), "duration_seconds": 1.5 * f64::from(told), "tokens": 260 * told})
    };
    let mut killed = agent("Plan", "failed", 2, 1);
    killed["error"] = "another run began in its place".into();
    let reported = json!({"input": 0, "output": 20, "cache_read": 200, "cache_write": 40, "calls": 0,
        "provenance": ["reported"]});
    let counted = |calls: u32| {
        json!({"input": calls, "output": 10 * calls, "cache_read": 100 * calls, "cache_write": 20 * calls,
            "calls": calls, "provenance": ["transcript", "reported"]})
    };
    json!({
        "harbor~1": {
            "status": "completed", "reason": "worked through 1 task", "tasks": {"T1": "completed"},
            "progress": {"percent": 100.0, "tasks_completed": 1, "tasks_total": 1},
            "phase": {"name": "Implement", "detail": "T1: Task T1"},
            "phases": {"Query": "skipped", "Research": "skipped", "Plan": "skipped", "Plan Review": "skipped",
                "Implement": "completed", "Verify": "pending"},
            "agents": {"IMPLEMENT": agent("Implement", "completed", 1, 1)},
            "usage": reported, "decisions": [], "artifacts": null, "errors": null,
        },
        "tide~1": {
            "status": "abandoned", "reason": "Another run began in its place",
            "tasks": {"T1": "completed", "T2": "failed", "T3": "failed"},
            "progress": {"tasks_completed": 1, "tasks_total": 3},
            "phase": {"name": "Plan", "detail": "T3: Task T3"},
            "phases": {"Query": "skipped", "Research": "skipped", "Plan": "failed", "Plan Review": "pending",
                "Implement": "pending", "Verify": "pending"},
            "agents": {"PLAN": killed, "IMPLEMENT": agent("Implement", "failed", 2, 2),
                "VERIFY": agent("Verify", "completed", 1, 1)},
            "usage": counted(9),
            "decisions": ["Budget: IMPLEMENT of T1 is over its budget: 78 % of 60 % planned",
                "Citation: Planner cites pat-tides in current-plan.md of T1", "Rate limit: limited by claude",
                "Review: review of T1: 0 high, 1 medium, 0 low"],
            "artifacts": null, "errors": null,
        },
        "tide~2": {
            "status": "failed", "reason": "worked through 1 task, 1 not done",
            "tasks": {"T1": "completed", "T2": "failed", "T3": "pending", "Write a readme": "pending"},
            "progress": {"percent": 25.0, "tasks_completed": 1, "tasks_total": 4},
            "phase": {"name": "Verify", "detail": "T2: Task T2"},
            "phases": {"Query": "skipped", "Research": "skipped", "Plan": "skipped", "Plan Review": "skipped",
                "Implement": "completed", "Verify": "completed"},
            "agents": {"IMPLEMENT": agent("Implement", "completed", 1, 1),
                "VERIFY": agent("Verify", "completed", 1, 1)},
            "usage": counted(4), "decisions": [],
            "artifacts": [".buildloop/current-plan.md", "TASKS.md"], "errors": null,
        },
    })
}

#[test]
fn builds_that_are_found_at_once_are_told_whole() {
    let world = world();
    lines(&world).iter().for_each(write);
    let server = world.serve();
    said_when(&server, &wished());
    let (status, plan) = server.get("/api/v1/sessions/tide~2/files/.buildloop/current-plan.md");
    assert_eq!((status, plan.as_str()), (200, "# Plan: T2\n"));
}

#[test]
fn builds_that_are_followed_line_by_line_never_wait_for_a_prompt() {
    let world = world();
    let server = world.serve();
    let lines = lines(&world);
    for (line, next) in lines.iter().zip(lines.iter().skip(1)) {
        follow(&server, line);
        // A transcript that has only begun does not say yet in which folder.
        if !next.is_transcript && line.is_transcript {
            let none = try_eventually(|| waiting(&server).is_empty().then_some(()));
            assert!(none.is_some(), "{:?} after {}", waiting(&server), line.at);
        }
    }
    follow(&server, lines.last().unwrap());
    said_when(&server, &wished());
}

#[test]
fn a_restart_after_every_line_changes_nothing() {
    let world = world();
    let mut server = world.serve();
    for line in lines(&world) {
        follow(&server, &line);
        if !line.is_transcript {
            assert!(server.stop().success());
            server = world.serve();
        }
    }
    said_when(&server, &wished());
}

#[test]
fn transcripts_that_are_read_before_the_log_belong_to_its_builds() {
    let world = world();
    let server = world.serve();
    let lines = lines(&world);
    let (transcripts, events): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.is_transcript);
    for line in transcripts.into_iter().chain(events) {
        follow(&server, line);
    }
    said_when(&server, &wished());
}

#[test]
fn without_transcripts_the_log_alone_tells_the_same_builds() {
    let world = world();
    lines(&world).iter().for_each(write);
    let server = world.serve_with(&["--no-transcripts"]);
    let mut alone = wished();
    for (session, reports) in [("tide~1", 4), ("tide~2", 2)] {
        alone[session]["usage"] = json!({"input": 0, "output": 20 * reports, "cache_read": 200 * reports,
            "cache_write": 40 * reports, "calls": 0, "provenance": ["reported"]});
    }
    said_when(&server, &alone);
}
