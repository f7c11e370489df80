//! One build as a list of timed writes. Pure: the same blueprint, run, seed and beginning give the same list.

use std::time::Duration;

use forgecast_protocol::Timestamp;

use super::content::{Blueprint, Issue};
use super::documents::{self, Outcome, PhaseFile};
use super::writer::{Action, Style};

const FOLDER: &str = ".context-foundry";

/// One write, so long after the build's beginning at speed 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at_ms: u64,
    pub(crate) action: Action,
}

/// What a build is made from.
#[derive(Clone, Debug)]
pub(crate) struct Cast<'a> {
    pub(crate) blueprint: &'a Blueprint,
    /// The session's name: the project folder's.
    pub(crate) session: &'a str,
    /// Which build in this folder it is, counted from 1.
    pub(crate) run: u32,
    pub(crate) seed: u64,
}

/// How long the build takes at speed 1, in milliseconds.
pub(crate) fn length_ms(cast: &Cast<'_>) -> u64 {
    write(cast, Timestamp::default(), 1.0)
        .last()
        .map_or(0, |step| step.at_ms)
}

/// The whole build. The times inside its documents run from `begins_at` at `speed`.
pub(crate) fn write(cast: &Cast<'_>, begins_at: Timestamp, speed: f64) -> Vec<Step> {
    let mut script = Script {
        cast,
        begins_at,
        speed,
        rng: fastrand::Rng::with_seed(cast.seed),
        now_ms: 0,
        steps: Vec::new(),
        phase: "Scout",
        number: "1/7",
        phase_began: begins_at,
        completed: Vec::new(),
        iteration: 0,
        tasks_done: None,
    };
    script.prepare();
    script.build();
    if script.test() {
        script.ship();
    } else {
        script.give_up();
    }
    script.steps
}

struct Script<'a> {
    cast: &'a Cast<'a>,
    begins_at: Timestamp,
    speed: f64,
    rng: fastrand::Rng,
    now_ms: u64,
    steps: Vec<Step>,
    phase: &'static str,
    number: &'static str,
    phase_began: Timestamp,
    completed: Vec<&'static str>,
    iteration: u32,
    tasks_done: Option<usize>,
}

/// The acts of a build, in order.
impl Script<'_> {
    fn prepare(&mut self) {
        let blueprint = self.cast.blueprint;
        if blueprint.enhancement {
            self.enter("Codebase Analysis", "0/7", "starting", "Reading the existing code");
            for detail in ["Mapping modules and their dependencies", "Reading the tests that exist"] {
                self.work("analyzing", detail, 2.0);
            }
            self.complete("The existing code is understood");
        }
        self.enter("Scout", "1/7", "starting", blueprint.task);
        for finding in blueprint.findings {
            self.work("researching", finding, 2.0);
        }
        self.artifact("scout-report.md", documents::scout_report(blueprint));
        self.complete("Scout report written");

        self.enter("Architect", "2/7", "starting", "Reading the scout report");
        self.work("designing", "Choosing modules and their boundaries", 2.5);
        self.artifact("architecture.md", documents::architecture(blueprint, &[]));
        self.work("planning", "Cutting the work into tasks", 2.5);
        self.artifact("build-tasks.json", documents::build_tasks(blueprint, 0));
        self.complete("Architecture and tasks written");
    }

    fn build(&mut self) {
        let tasks = self.cast.blueprint.tasks;
        self.tasks_done = Some(0);
        self.enter("Builder", "3/7", "starting", "Taking up the tasks");
        for (done, task) in tasks.iter().enumerate() {
            let detail = format!("Task {}/{}: {}", done + 1, tasks.len(), task.description);
            self.report("building", &detail);
            for file in task.files {
                self.work_quietly(0.7);
                let lines = self.rng.u32(40..320);
                self.log(&format!(
                    "\u{1b}[36m[builder]\u{1b}[0m wrote \u{1b}[1m{file}\u{1b}[0m ({lines} lines)"
                ));
            }
            self.work_quietly(1.2);
            self.append(
                "build-log.md",
                format!("- [x] {}: `{}`\n", task.description, task.files.join("`, `")),
            );
            self.tasks_done = Some(done + 1);
            self.artifact(
                "build-tasks.json",
                documents::build_tasks(self.cast.blueprint, done + 1),
            );
        }
        self.complete("All tasks done");
    }

    /// Rounds of tests, each failing one followed by a loop back through Architect and Builder. Whether they passed in
    /// the end.
    fn test(&mut self) -> bool {
        let blueprint = self.cast.blueprint;
        for (index, issue) in blueprint.issues.iter().enumerate() {
            self.test_round(issue.failing);
            self.heal(&blueprint.issues[..=index], issue);
            if blueprint.fails && index + 1 == blueprint.issues.len() {
                self.test_round(issue.failing);
                return false;
            }
        }
        self.test_round(&[]);
        self.complete("All tests passed");
        true
    }

    fn test_round(&mut self, failing: &[&'static str]) {
        let blueprint = self.cast.blueprint;
        self.iteration += 1;
        self.enter("Test", "4/7", "starting", "Starting the test runner");
        self.artifact("test-iteration-count.txt", format!("{}\n", self.iteration));
        self.report(
            "testing",
            &format!("Running {} tests, iteration {}", blueprint.tests, self.iteration),
        );
        for task in blueprint.tasks.iter().take(4) {
            self.work_quietly(0.9);
            let took = self.rng.u32(3..900);
            self.log(&format!(
                "\u{1b}[32m✓\u{1b}[0m {} \u{1b}[2m({took} ms)\u{1b}[0m",
                task.description
            ));
        }
        for name in failing {
            self.work_quietly(0.5);
            self.log(&format!("\u{1b}[31m✗ FAIL\u{1b}[0m {name}"));
        }
        self.work_quietly(1.0);
        let failed = u32::try_from(failing.len()).unwrap_or(0);
        let colour = if failed == 0 { 32 } else { 31 };
        self.log(&format!(
            "\u{1b}[{colour};1mTests: {failed} failed, {} passed, {} total\u{1b}[0m",
            blueprint.tests - failed,
            blueprint.tests
        ));
        let name = format!("test-results-iteration-{}.md", self.iteration);
        let report = documents::test_report(blueprint, self.iteration, failing, self.time());
        self.artifact(&name, report);
    }

    fn heal(&mut self, mended: &[Issue], issue: &Issue) {
        self.report("self-healing", &format!("{}: going back to Architect", issue.title));
        self.log(&format!("\u{1b}[33mWARN\u{1b}[0m self-healing: {}", issue.root_cause));
        self.wait(1.5);
        self.completed
            .retain(|done| !matches!(*done, "Architect" | "Builder" | "Test"));
        self.enter("Architect", "2/7", "self-healing", issue.root_cause);
        self.work("designing", issue.solution, 2.0);
        self.artifact("architecture.md", documents::architecture(self.cast.blueprint, mended));
        self.complete("Fix designed");
        self.enter("Builder", "3/7", "self-healing", issue.solution);
        self.work("building", &format!("Mending: {}", issue.title), 3.0);
        self.append("build-log.md", format!("- [x] fix {}: {}\n", issue.id, issue.solution));
        self.complete("Fix written");
    }

    fn ship(&mut self) {
        let blueprint = self.cast.blueprint;
        for (phase, number, status, details) in [
            (
                "Screenshot",
                "4.5/8",
                "capturing",
                ["Starting the application", "Taking screenshots"],
            ),
            (
                "Documentation",
                "5/8",
                "documenting",
                ["Writing the README", "Describing the interfaces"],
            ),
            (
                "Deploy",
                "6/8",
                "deploying",
                ["Creating the repository", "Pushing the first release"],
            ),
        ] {
            self.enter(phase, number, "starting", details[0]);
            for detail in details {
                self.work(status, detail, 1.8);
            }
            self.complete(&format!("{phase} done"));
        }
        self.enter("Feedback", "7/8", "analyzing", "Looking back at what went wrong");
        self.wait(2.0);
        let outcome = self.outcome(true, 0);
        let name = format!("feedback/build-feedback-run-{}.json", self.cast.run);
        self.artifact(&name, documents::feedback(blueprint, self.cast.session, outcome));
        self.artifact(
            "patterns/common-issues.json",
            documents::patterns(blueprint, self.cast.run, outcome.at),
        );
        self.wait(1.5);
        self.completed.push("Feedback");
        let outcome = self.outcome(true, 0);
        let summary = documents::summary(blueprint, self.cast.session, &self.completed, outcome);
        self.artifact("session-summary.json", summary);
        self.report("completed", "Lessons written, build done");
        self.log("\u{1b}[32;1mbuild completed\u{1b}[0m");
    }

    fn give_up(&mut self) {
        let blueprint = self.cast.blueprint;
        let failing = blueprint.issues.last().map_or(0, |issue| issue.failing.len());
        let failing = u32::try_from(failing).unwrap_or(0);
        self.work("self-healing", "The same tests fail again", 2.0);
        let outcome = self.outcome(false, failing);
        let summary = documents::summary(blueprint, self.cast.session, &self.completed, outcome);
        self.artifact("session-summary.json", summary);
        self.report("failed", &format!("{failing} tests still fail, giving up"));
        self.log("\u{1b}[31;1mERROR\u{1b}[0m build failed");
    }

    fn outcome(&self, success: bool, failing: u32) -> Outcome {
        Outcome {
            success,
            test_iterations: self.iteration,
            failing,
            duration_minutes: (Duration::from_millis(self.now_ms).as_secs_f64() / 6.0).round() / 10.0,
            at: self.time(),
        }
    }
}

/// What the acts are made of.
impl Script<'_> {
    fn enter(&mut self, phase: &'static str, number: &'static str, status: &'static str, detail: &str) {
        self.phase = phase;
        self.number = number;
        self.phase_began = self.time();
        self.report(status, detail);
        self.log(&format!("\u{1b}[1m== {phase} ({number}) ==\u{1b}[0m"));
        self.wait(1.0);
    }

    fn work(&mut self, status: &'static str, detail: &str, units: f64) {
        self.report(status, detail);
        self.wait(units / 2.0);
        self.log(&format!("\u{1b}[36m[{}]\u{1b}[0m {detail}", self.phase.to_lowercase()));
        self.wait(units / 2.0);
    }

    fn work_quietly(&mut self, units: f64) {
        self.wait(units);
    }

    fn complete(&mut self, detail: &str) {
        self.completed.push(self.phase);
        self.report("completed", detail);
        self.wait(0.6);
    }

    /// Writes the phase file: mostly in place, sometimes renamed.
    fn report(&mut self, status: &'static str, detail: &str) {
        let file = PhaseFile {
            session_id: self.cast.session.to_owned(),
            current_phase: self.phase,
            phase_number: self.number.to_owned(),
            status,
            progress_detail: detail.to_owned(),
            test_iteration: self.iteration,
            phases_completed: self.completed.clone(),
            tasks_completed: self.tasks_done,
            tasks_total: self.tasks_done.map(|_| self.cast.blueprint.tasks.len()),
            started_at: self.phase_began,
            last_updated: self.time(),
        };
        self.artifact("current-phase.json", documents::json(&file));
    }

    fn artifact(&mut self, name: &str, text: String) {
        let style = if self.rng.u8(..5) == 0 {
            Style::Renamed
        } else {
            Style::InPlace {
                pause_ms: self.rng.u64(4..28),
            }
        };
        let path = format!("{FOLDER}/{name}");
        self.push(Action::Write { path, text, style });
    }

    fn append(&mut self, name: &str, text: String) {
        self.push(Action::Append {
            path: format!("{FOLDER}/{name}"),
            text,
        });
    }

    fn log(&mut self, line: &str) {
        let name = format!("build-output-{}.txt", self.cast.run);
        self.append(&name, format!("{line}\n"));
    }

    fn push(&mut self, action: Action) {
        self.steps.push(Step {
            at_ms: self.now_ms,
            action,
        });
    }

    /// Lets so many units of work pass, each a little shorter or longer than the project's pace.
    fn wait(&mut self, units: f64) {
        let pace = Duration::from_millis(self.cast.blueprint.pace_ms);
        let taken = pace.mul_f64(units * (0.75 + 0.5 * self.rng.f64()));
        self.now_ms += u64::try_from(taken.as_millis()).unwrap_or(0);
    }

    fn time(&self) -> Timestamp {
        let passed = Duration::from_millis(self.now_ms).div_f64(self.speed);
        self.begins_at
            .plus_millis(i64::try_from(passed.as_millis()).unwrap_or(0))
    }
}
