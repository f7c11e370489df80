//! The phases of a build: preparation, building, test runs with retries, and the end.

use std::time::Duration;

use serde_json::json;

use super::Script;
use crate::demo::agent;
use crate::demo::content::Issue;
use crate::demo::documents::{self, Outcome};

/// Parts in which tests run.
const TEST_GROUPS: u32 = 4;

/// The phases of a build, in order.
impl Script<'_> {
    pub(super) fn prepare(&mut self) {
        let blueprint = self.spec.blueprint;
        let prompt = format!(
            "{}. Go phase by phase, from the scout to the feedback, and keep the phase file true.",
            blueprint.task
        );
        self.agent.prompt(100, &prompt);
        if blueprint.enhancement {
            self.enter("Codebase Analysis", "0/7", "starting", "Reading the existing code");
            self.name_task();
            for detail in ["Mapping modules and their dependencies", "Reading the tests that exist"] {
                self.work("analyzing", detail, 2.0);
            }
            self.complete("The existing code is understood");
        }
        self.enter("Scout", "1/7", "starting", blueprint.task);
        self.name_task();
        for finding in blueprint.findings {
            self.work("researching", finding, 2.0);
        }
        self.artifact("scout-report.md", documents::scout_report(blueprint));
        self.complete("Scout report written");

        self.enter("Architect", "2/7", "starting", "Reading the scout report");
        self.help("Plan", "Weigh the ways to cut it into modules", blueprint.findings[0]);
        self.work("designing", "Choosing modules and their boundaries", 2.5);
        self.wait(1.0);
        self.agent.subagent_ended(
            self.now_ms,
            "Modules along what changes together; the risks of the report each in one of them.",
        );
        self.artifact("architecture.md", documents::architecture(blueprint, &[]));
        self.work("planning", "Cutting the work into tasks", 2.5);
        self.artifact("build-tasks.json", documents::build_tasks(blueprint, 0));
        self.complete("Architecture and tasks written");
    }

    pub(super) fn build(&mut self) {
        let tasks = self.spec.blueprint.tasks;
        self.tasks_done = Some(0);
        self.enter("Builder", "3/7", "starting", "Taking up the tasks");
        for (done, task) in tasks.iter().enumerate() {
            if self.spec.blueprint.hangs && done == tasks.len() / 2 {
                self.hang();
            }
            let detail = format!("Task {}/{}: {}", done + 1, tasks.len(), task.description);
            self.report("building", &detail);
            for file in task.files {
                self.file = Some(file);
                self.wait(0.7);
                let lines = self.rng.u32(40..320);
                self.log(&format!(
                    "\u{1b}[36m[builder]\u{1b}[0m wrote \u{1b}[1m{file}\u{1b}[0m ({lines} lines)"
                ));
            }
            self.wait(1.2);
            self.append(
                "build-log.md",
                format!("- [x] {}: `{}`\n", task.description, task.files.join("`, `")),
            );
            self.tasks_done = Some(done + 1);
            self.artifact(
                "build-tasks.json",
                documents::build_tasks(self.spec.blueprint, done + 1),
            );
        }
        self.file = None;
        self.complete("All tasks done");
    }

    /// Rounds of tests, each failing one followed by a loop back through Architect and Builder. Whether they passed in
    /// the end.
    pub(super) fn test(&mut self) -> bool {
        let blueprint = self.spec.blueprint;
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
        let blueprint = self.spec.blueprint;
        self.iteration += 1;
        self.enter("Test", "4/7", "starting", "Starting the test runner");
        self.artifact("test-iteration-count.txt", format!("{}\n", self.iteration));
        self.report(
            "testing",
            &format!("Running {} tests, iteration {}", blueprint.tests, self.iteration),
        );
        let run = agent::test_run(blueprint, self.iteration);
        self.agent.begin_tool(self.now_ms, &run);
        for (task, group) in blueprint.tasks.iter().zip(1..=TEST_GROUPS) {
            self.wait(0.9);
            self.count_tests(blueprint.tests * group / (TEST_GROUPS + 1), 0);
            let took = self.rng.u32(3..900);
            self.log(&format!(
                "\u{1b}[32m✓\u{1b}[0m {} \u{1b}[2m({took} ms)\u{1b}[0m",
                task.description
            ));
        }
        for name in failing {
            self.wait(0.5);
            self.log(&format!("\u{1b}[31m✗ FAIL\u{1b}[0m {name}"));
        }
        self.wait(1.0);
        let failed = u32::try_from(failing.len()).unwrap_or(0);
        self.count_tests(blueprint.tests - failed, failed);
        let color = if failed == 0 { 32 } else { 31 };
        let summary = format!(
            "Tests: {failed} failed, {} passed, {} total",
            blueprint.tests - failed,
            blueprint.tests
        );
        self.log(&format!("\u{1b}[{color};1m{summary}\u{1b}[0m"));
        let output: String = failing.iter().map(|name| format!("FAIL {name}\n")).collect();
        self.agent
            .tool_ended(self.now_ms, &format!("{output}{summary}"), failed > 0);
        let name = format!("test-results-iteration-{}.md", self.iteration);
        let report = documents::test_report(blueprint, self.iteration, failing, self.time());
        self.artifact(&name, report);
    }

    /// The tests of this run that are over.
    fn count_tests(&mut self, passed: u32, failed: u32) {
        self.event(
            json!({ "type": "tests_reported", "iteration": self.iteration, "passed": passed, "failed": failed }),
        );
    }

    /// What the build was asked to do.
    fn name_task(&mut self) {
        self.event(json!({ "type": "session_seen", "task": self.spec.blueprint.task }));
    }

    fn heal(&mut self, fixed: &[Issue], issue: &Issue) {
        self.report("self-healing", &format!("{}: going back to Architect", issue.title));
        self.log(&format!("\u{1b}[33mWARN\u{1b}[0m self-healing: {}", issue.root_cause));
        self.help("debugger", "Find the root cause of the failing tests", issue.title);
        self.wait(1.5);
        self.completed
            .retain(|done| !matches!(*done, "Architect" | "Builder" | "Test"));
        self.enter("Architect", "2/7", "self-healing", issue.root_cause);
        self.agent.subagent_ended(self.now_ms, issue.root_cause);
        self.work("designing", issue.solution, 2.0);
        self.artifact("architecture.md", documents::architecture(self.spec.blueprint, fixed));
        self.complete("Fix designed");
        self.enter("Builder", "3/7", "self-healing", issue.solution);
        self.work("building", &format!("Mending: {}", issue.title), 3.0);
        self.append("build-log.md", format!("- [x] fix {}: {}\n", issue.id, issue.solution));
        self.complete("Fix written");
    }

    pub(super) fn ship(&mut self) {
        let blueprint = self.spec.blueprint;
        let starting = ["Starting the application", "Taking screenshots"];
        self.work_through("Screenshot", "4.5/8", "capturing", starting);
        let writing = ["Writing the README", "Describing the interfaces"];
        self.work_through("Documentation", "5/8", "documenting", writing);
        if let Some(command) = blueprint.asks_for {
            self.ask_for(command);
        }
        let publishing = ["Creating the repository", "Pushing the first release"];
        self.work_through("Deploy", "6/8", "deploying", publishing);
        self.enter("Feedback", "7/8", "analyzing", "Looking back at what went wrong");
        self.wait(2.0);
        let outcome = self.outcome(true, 0);
        let name = format!("feedback/build-feedback-run-{}.json", self.spec.run);
        self.artifact(&name, documents::feedback(blueprint, self.spec.session, outcome));
        self.artifact(
            "patterns/common-issues.json",
            documents::patterns(blueprint, self.spec.run, outcome.at),
        );
        self.wait(1.5);
        self.last_words("The build is done: all tests pass and the first release is out.");
        self.completed.push("Feedback");
        let outcome = self.outcome(true, 0);
        let summary = documents::summary(blueprint, self.spec.session, &self.completed, outcome);
        self.artifact("session-summary.json", summary);
        self.report("completed", "Lessons written, build done");
        self.log("\u{1b}[32;1mbuild completed\u{1b}[0m");
    }

    fn work_through(&mut self, phase: &'static str, number: &'static str, status: &'static str, details: [&str; 2]) {
        self.enter(phase, number, "starting", details[0]);
        for detail in details {
            self.work(status, detail, 1.8);
        }
        self.complete(&format!("{phase} done"));
    }

    pub(super) fn give_up(&mut self) {
        let blueprint = self.spec.blueprint;
        let failing = blueprint.issues.last().map_or(0, |issue| issue.failing.len());
        let failing = u32::try_from(failing).unwrap_or(0);
        self.work("self-healing", "The same tests fail again", 2.0);
        self.last_words("The same tests fail as before. This needs a decision that is not mine.");
        let outcome = self.outcome(false, failing);
        let summary = documents::summary(blueprint, self.spec.session, &self.completed, outcome);
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
