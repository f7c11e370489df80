//! Whole builds as Context Foundry writes and sends them, step by step through the real server: what is shown is right at
//! every step, whether the server runs through or starts anew between any two of them.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::world::{Project, Server, World, request, try_eventually};

/// A build that is followed, with the server that follows it.
struct Flow {
    world: World,
    project: Project,
    server: Option<Server>,
    /// Whether the server is stopped and started again before each step.
    restarts: bool,
    sequence: u64,
}

impl Flow {
    fn new(restarts: bool) -> Self {
        let world = World::new();
        let project = world.project("shop");
        let server = Some(world.serve());
        Self {
            world,
            project,
            server,
            restarts,
            sequence: 0,
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Does one thing that a producer does, and waits until the newest run is shown as expected.
    fn step(&mut self, action: impl FnOnce(&mut Self), expected: &str) {
        if self.restarts {
            assert!(self.server.take().unwrap().stop().success());
            self.server = Some(self.world.serve());
        }
        action(self);
        let mut last = String::new();
        let found = try_eventually(|| {
            last = self.shown();
            (last == expected).then_some(())
        });
        assert!(found.is_some(), "expected {expected}\n   shown {last}");
    }

    /// What a person reads of the newest run: run, phase, status, share, tasks, tests passed and failed of each run, lines
    /// of the log.
    fn shown(&self) -> String {
        let (status, body) = self.server().get("/api/v1/sessions/shop");
        if status != 200 {
            return "none".to_owned();
        }
        let view: Value = serde_json::from_str(&body).unwrap();
        let number = |value: &Value| value.as_f64().map_or("-".to_owned(), |number| number.to_string());
        let progress = &view["progress"];
        let runs = view["tests"]["iterations"].as_object().into_iter().flatten();
        let runs =
            runs.map(|(run, result)| format!("{run}:{}/{}", number(&result["passed"]), number(&result["failed"])));
        let log = self.server().json("/api/v1/sessions/shop/log?limit=1000");
        format!(
            "{} {} {} {}% tasks {}/{} tests {} log {}",
            view["id"].as_str().unwrap_or_default(),
            view["phase"]["name"].as_str().unwrap_or("-"),
            view["status"].as_str().unwrap_or_default(),
            number(&progress["percent"]),
            number(&progress["tasks_completed"]),
            number(&progress["tasks_total"]),
            runs.collect::<Vec<_>>().join(" "),
            log["lines"].as_array().map_or(0, Vec::len),
        )
    }

    /// The phase file, rewritten as agents do it: phase, status, phases completed, anything else.
    fn phase(&self, phase: &str, status: &str, done: &[&str], more: &Value) {
        let mut file = json!({
            "session_id": "shop", "current_phase": phase, "status": status, "phases_completed": done,
            "progress_detail": format!("{phase}: {status}"),
        });
        let fields = file.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        fs::write(self.project.phase_file(), file.to_string()).unwrap();
    }

    fn file(&self, name: &str, text: &str) {
        let file = self.project.file(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// An event of the broadcaster, which is always sent and written.
    fn broadcast(&mut self, kind: &str, data: &Value) {
        self.sequence += 1;
        let envelope = json!({
            "type": kind, "session_id": "shop", "sequence": self.sequence, "data": data,
            "timestamp": jiff::Timestamp::now().to_string(),
        })
        .to_string();
        let (status, body) = request(self.server().address(), "POST", "/api/broadcast/shop", &envelope);
        assert_eq!(status, 200, "{body}");
        let folder = self.world.path("projects/logs/events/shop");
        fs::create_dir_all(&folder).unwrap();
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("events.jsonl"))
            .unwrap();
        writeln!(file, "{envelope}").unwrap();
    }

    /// What the loop runner saves.
    fn save(&self, name: &str, document: &Value) {
        let folder = self.world.path("projects/checkpoints/ralph/shop");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), document.to_string()).unwrap();
    }
}

const TASKS: &str = r#"{"parallel_mode": true, "total_tasks": 2, "tasks": [
    {"id": "task-1", "description": "the cart", "files": ["src/cart.js"]},
    {"id": "task-2", "description": "the till", "files": ["src/till.js"], "dependencies": ["task-1"]}]}"#;
const PATTERNS: &str = r#"{"patterns": [{"pattern_id": "cors", "title": "Allow the origin", "frequency": 2}]}"#;

const PLANNED: [&str; 3] = ["Codebase Analysis", "Scout", "Architect"];
const BUILT: [&str; 4] = ["Codebase Analysis", "Scout", "Architect", "Builder"];
const DEPLOYED: [&str; 7] = [
    "Codebase Analysis",
    "Scout",
    "Architect",
    "Builder",
    "Test",
    "Documentation",
    "Deploy",
];

fn run(iteration: u32) -> Value {
    json!({"test_iteration": iteration})
}

fn a_build_that_heals_itself_twice_and_runs_again(restarts: bool) {
    let mut flow = Flow::new(restarts);
    plans_and_builds(&mut flow);
    heals_itself_twice(&mut flow);
    ends_and_runs_again(&mut flow);
}

fn plans_and_builds(flow: &mut Flow) {
    flow.step(
        |it| it.phase("Codebase Analysis", "in_progress", &[], &json!({"phase_number": "0/7"})),
        "shop~1 Codebase Analysis running 0% tasks -/- tests  log 0",
    );
    flow.step(
        |it| it.phase("Scout", "researching", &["Codebase Analysis"], &json!({})),
        "shop~1 Scout running 12.5% tasks -/- tests  log 0",
    );
    flow.step(
        |it| {
            it.file("patterns/common-issues.json", PATTERNS);
            it.phase("Architect", "designing", &PLANNED[..2], &json!({}));
        },
        "shop~1 Architect running 25% tasks -/- tests  log 0",
    );
    flow.step(
        |it| it.file("build-tasks.json", TASKS),
        "shop~1 Architect running 25% tasks -/2 tests  log 0",
    );
    flow.step(
        |it| it.phase("Builder", "building", &PLANNED, &json!({})),
        "shop~1 Builder running 37.5% tasks -/2 tests  log 0",
    );
    flow.step(
        |it| it.file("builder-logs/task-1.done", ""),
        "shop~1 Builder running 43.8% tasks 1/2 tests  log 0",
    );
    flow.step(
        |it| it.file("build-output-1.txt", "installing 10 %\rinstalling 100 %\n✓ built\n"),
        "shop~1 Builder running 43.8% tasks 1/2 tests  log 2",
    );
    flow.step(
        |it| it.file("builder-logs/task-2.done", "exit 0"),
        "shop~1 Builder running 50% tasks 2/2 tests  log 2",
    );
}

fn heals_itself_twice(flow: &mut Flow) {
    flow.step(
        |it| it.phase("Test", "testing", &BUILT, &run(1)),
        "shop~1 Test running 50% tasks 2/2 tests  log 2",
    );
    flow.step(
        |it| {
            it.file(
                "test-results-iteration-1.md",
                "# Tests\n\nTests: 2 failed, 40 passed, 42 total\n",
            );
        },
        "shop~1 Test running 50% tasks 2/2 tests 1:40/2 log 2",
    );
    flow.step(
        |it| it.phase("Architect", "self-healing", &PLANNED[..2], &run(1)),
        "shop~1 Architect running 25% tasks 2/2 tests 1:40/2 log 2",
    );
    flow.step(
        |it| it.phase("Builder", "building", &PLANNED, &run(1)),
        "shop~1 Builder running 50% tasks 2/2 tests 1:40/2 log 2",
    );
    flow.step(
        |it| {
            it.file("test-results-iteration-2.md", "✅ login works\n❌ pays by card\n");
            it.phase("Test", "testing", &BUILT, &run(2));
        },
        "shop~1 Test running 50% tasks 2/2 tests 1:40/2 2:1/1 log 2",
    );
    flow.step(
        |it| it.phase("Builder", "self-healing", &PLANNED, &run(2)),
        "shop~1 Builder running 50% tasks 2/2 tests 1:40/2 2:1/1 log 2",
    );
    flow.step(
        |it| it.phase("Test", "testing", &BUILT, &run(3)),
        "shop~1 Test running 50% tasks 2/2 tests 1:40/2 2:1/1 log 2",
    );
    flow.step(
        |it| it.phase("Documentation", "documenting", &DEPLOYED[..5], &run(3)),
        "shop~1 Documentation running 62.5% tasks 2/2 tests 1:40/2 2:1/1 log 2",
    );
}

fn ends_and_runs_again(flow: &mut Flow) {
    flow.step(
        |it| it.phase("GitHub Integration", "deploying", &DEPLOYED[..6], &json!({})),
        "shop~1 Deploy running 75% tasks 2/2 tests 1:40/2 2:1/1 log 2",
    );
    flow.step(
        |it| it.phase("Feedback", "in_progress", &DEPLOYED, &json!({})),
        "shop~1 Feedback running 87.5% tasks 2/2 tests 1:40/2 2:1/1 log 2",
    );
    let summary = json!({
        "status": "completed", "tests_passed": true, "total_tests": 42, "tests_passing": 42, "tests_failing": 0,
        "test_iterations": 3, "phases_completed": DEPLOYED,
    });
    flow.step(
        |it| it.file("session-summary.json", &summary.to_string()),
        "shop~1 Feedback completed 100% tasks 2/2 tests 1:40/2 2:1/1 3:42/0 log 2",
    );
    // The folder is used again, and everything in it written anew, with the same words.
    flow.step(
        |it| it.phase("Scout", "starting", &[], &json!({"phase_number": "1/7"})),
        "shop~2 Scout running 0% tasks -/- tests  log 0",
    );
    assert!(flow.server().json("/api/v1/sessions/shop")["patterns"]["cors"].is_object());
    flow.step(
        |it| it.phase("Architect", "designing", &["Scout"], &json!({})),
        "shop~2 Architect running 14.3% tasks -/- tests  log 0",
    );
    flow.step(
        |it| it.file("build-tasks.json", TASKS),
        "shop~2 Architect running 14.3% tasks -/2 tests  log 0",
    );
    let first = flow.server().json("/api/v1/sessions/shop~1");
    assert_eq!(first["status"], "completed");
}

fn a_build_whose_tests_fail_too_often(restarts: bool) {
    let none = json!({});
    let mut flow = Flow::new(restarts);
    let built = ["Scout", "Architect", "Builder"];
    flow.step(
        |it| it.phase("Test", "testing", &built, &json!({"test_iteration": 3})),
        "shop~1 Test running 42.9% tasks -/- tests  log 0",
    );
    flow.step(
        |it| {
            it.phase(
                "Test",
                "tests_failed_max_iterations",
                &built,
                &json!({"test_iteration": 3}),
            );
        },
        "shop~1 Test failed 42.9% tasks -/- tests  log 0",
    );
    flow.step(
        |it| it.phase("Feedback", "in_progress", &built, &none),
        "shop~1 Feedback failed 71.4% tasks -/- tests  log 0",
    );
    flow.step(
        |it| it.phase("Feedback", "completed", &built, &none),
        "shop~1 Feedback failed 85.7% tasks -/- tests  log 0",
    );
}

fn a_loop_whose_iterations_are_processes(restarts: bool) {
    let state = |phase: &str, iterations: u32| {
        json!({
            "session_id": "shop", "project_name": "shop", "task_description": "sell things",
            "current_phase": phase, "iterations": iterations,
        })
    };
    let progress = |done: &[&str], left: &[&str]| json!({"completed": done, "remaining": left, "notes": []});
    let line = |text: &str| json!({"line": text, "level": "info"});
    let mut flow = Flow::new(restarts);
    flow.step(
        |it| it.broadcast("phase_change", &json!({"phase": "init", "context_percent": 0})),
        "shop~1 - running -% tasks -/- tests  log 0",
    );
    flow.step(
        |it| it.save("state.json", &state("scout", 0)),
        "shop~1 Scout running 0% tasks -/- tests  log 0",
    );
    flow.step(
        |it| it.broadcast("log_line", &line("reading the task")),
        "shop~1 Scout running 0% tasks -/- tests  log 1",
    );
    flow.step(
        |it| it.save("state.json", &state("architect", 1)),
        "shop~1 Architect running 33.3% tasks -/- tests  log 1",
    );
    flow.step(
        |it| {
            it.broadcast("phase_change", &json!({"phase": "init", "context_percent": 0}));
            it.broadcast("iteration_start", &json!({"iteration": 2}));
        },
        "shop~1 Architect running 33.3% tasks -/- tests  log 1",
    );
    flow.step(
        |it| it.broadcast("log_line", &line("reading the task")),
        "shop~1 Architect running 33.3% tasks -/- tests  log 2",
    );
    flow.step(
        |it| {
            it.save("progress.json", &progress(&[], &["the cart", "the till"]));
            it.save("state.json", &state("builder", 2));
        },
        "shop~1 Builder running 66.7% tasks 0/2 tests  log 2",
    );
    flow.step(
        |it| {
            it.broadcast("phase_change", &json!({"phase": "init", "context_percent": 0}));
            it.broadcast("iteration_start", &json!({"iteration": 3}));
            it.save("progress.json", &progress(&["the cart"], &["the till"]));
        },
        "shop~1 Builder running 83.3% tasks 1/2 tests  log 2",
    );
    flow.step(
        |it| {
            it.broadcast("phase_change", &json!({"phase": "init", "context_percent": 0}));
            it.save("progress.json", &progress(&["the cart", "the till"], &[]));
            it.save("state.json", &state("complete", 4));
        },
        "shop~1 Builder completed 100% tasks 2/2 tests  log 2",
    );
    flow.step(
        |it| it.broadcast("completion", &json!({"success": true, "summary": "All tasks are done"})),
        "shop~1 Builder completed 100% tasks 2/2 tests  log 2",
    );
    let sessions = flow.server().json("/api/v1/sessions");
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
    let status = flow.server().json("/api/status/shop");
    assert_eq!(
        (&status["phase"], &status["iterations"]),
        (&json!("complete"), &json!(4))
    );
    assert_eq!(
        status["phase_breakdown"]["completed"],
        json!(["scout", "architect", "builder"])
    );
}

fn a_build_that_is_broadcast_only(restarts: bool) {
    let mut flow = Flow::new(restarts);
    let phase = |phase: &str, percent: u32| json!({"phase": phase, "context_percent": percent});
    flow.step(
        |it| it.broadcast("phase_change", &phase("Scout", 5)),
        "shop~1 Scout running 0% tasks -/- tests  log 0",
    );
    flow.step(
        |it| {
            it.broadcast("log_line", &json!({"line": "one", "level": "info"}));
            it.broadcast("log_line", &json!({"line": "one", "level": "info"}));
        },
        "shop~1 Scout running 0% tasks -/- tests  log 2",
    );
    flow.step(
        |it| it.broadcast("phase_change", &phase("Builder", 30)),
        "shop~1 Builder running 28.6% tasks -/- tests  log 2",
    );
    flow.step(
        |it| it.broadcast("task_complete", &json!({"task": "the cart", "context_percent": 40})),
        "shop~1 Builder running 42.9% tasks 1/1 tests  log 2",
    );
    flow.step(
        |it| it.broadcast("phase_change", &phase("Deploy", 60)),
        "shop~1 Deploy running 71.4% tasks 1/1 tests  log 2",
    );
    flow.step(
        |it| {
            it.broadcast(
                "completion",
                &json!({"success": false, "summary": "The host refused it"}),
            );
        },
        "shop~1 Deploy failed 71.4% tasks 1/1 tests  log 2",
    );
}

macro_rules! flows {
    ($($flow:ident: $through:ident, $restarted:ident;)*) => {
        $(
            #[test]
            fn $through() {
                $flow(false);
            }

            #[test]
            fn $restarted() {
                $flow(true);
            }
        )*
    };
}

flows! {
    a_build_that_heals_itself_twice_and_runs_again: a_whole_build, a_whole_build_with_restarts;
    a_build_whose_tests_fail_too_often: a_failing_build, a_failing_build_with_restarts;
    a_loop_whose_iterations_are_processes: a_loop, a_loop_with_restarts;
    a_build_that_is_broadcast_only: a_broadcast_build, a_broadcast_build_with_restarts;
}
