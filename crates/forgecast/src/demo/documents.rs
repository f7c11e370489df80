//! The documents that a build leaves behind, in the shapes of `docs/inputs.md`, with the odd habits of producers. Pure: text
//! out of values.

use std::cmp::Ordering;

use forgecast_protocol::Timestamp;
use serde_json::{Value, json};

use super::content::{Blueprint, Issue};

/// The end of a build, in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    pub(crate) test_iterations: u32,
    pub(crate) failing: u32,
    pub(crate) duration_minutes: f64,
    pub(crate) at: Timestamp,
}

/// A document as agents lay it out: two spaces, a line end at the end.
pub(crate) fn laid_out(document: &Value) -> String {
    format!("{document:#}\n")
}

/// The tasks of the builder of which the first `done` are done: `build-tasks.json`.
pub(crate) fn build_tasks(blueprint: &Blueprint, done: usize) -> String {
    let tasks = blueprint.tasks.iter().enumerate().map(|(index, task)| {
        let dependencies = match index {
            0 => Vec::new(),
            1 | 2 => vec!["task-1".to_owned()],
            later => vec![format!("task-{}", later - 1), format!("task-{later}")],
        };
        let status = match index.cmp(&done) {
            Ordering::Less => "completed",
            Ordering::Equal if done > 0 => "in_progress",
            _ => "pending",
        };
        json!({
            "id": format!("task-{}", index + 1), "description": task.description, "files": task.files,
            "dependencies": dependencies, "status": status,
            "estimated_time": format!("{} minutes", 15 + task.description.len() / 10 * 5),
        })
    });
    let tasks: Vec<Value> = tasks.collect();
    laid_out(&json!({ "parallel_mode": true, "total_tasks": tasks.len(), "tasks": tasks }))
}

/// What the build says about itself in the end: `session-summary.json`.
pub(crate) fn summary(blueprint: &Blueprint, session: &str, phases_completed: &[&str], outcome: Outcome) -> String {
    let mode = if blueprint.enhancement {
        "add_feature"
    } else {
        "new_project"
    };
    let files: Vec<&str> = blueprint.tasks.iter().flat_map(|task| task.files).copied().collect();
    laid_out(&json!({
        "session_id": session, "task": blueprint.task, "mode": mode,
        "status": if outcome.success { "completed" } else { "failed" },
        "phases_completed": phases_completed, "files_created": files,
        "tests_passed": outcome.success, "test_iterations": outcome.test_iterations,
        "total_tests": blueprint.tests, "tests_passing": blueprint.tests - outcome.failing, "tests_failing": outcome.failing,
        "duration_minutes": outcome.duration_minutes, "completed_at": outcome.at,
    }))
}

/// What the build learned: `feedback/build-feedback-*.json`.
pub(crate) fn feedback(blueprint: &Blueprint, session: &str, outcome: Outcome) -> String {
    let issues = blueprint.issues.iter().map(|issue| {
        json!({
            "id": issue.id, "category": issue.category, "severity": issue.severity, "issue": issue.title,
            "root_cause": issue.root_cause, "detected_in_phase": "Test", "should_detect_in_phase": "Architect",
            "solution": issue.solution, "applies_to_phases": ["Architect", "Builder"],
            "confidence": if issue.severity == "HIGH" { "high" } else { "medium" },
        })
    });
    laid_out(&json!({
        "timestamp": outcome.at, "project_name": session, "tech_stack": blueprint.stack,
        "test_iterations": outcome.test_iterations, "success": outcome.success,
        "issues_found": issues.collect::<Vec<_>>(),
        "successful_patterns": [{
            "category": "Scouting",
            "pattern": format!("Questions about {} answered before code was written", blueprint.stack[0]),
            "worked_well": true, "notes": blueprint.findings[0],
        }],
    }))
}

/// The library of patterns as this build leaves it: `patterns/common-issues.json`.
pub(crate) fn patterns(blueprint: &Blueprint, run: u32, at: Timestamp) -> String {
    let patterns = blueprint.issues.iter().map(|issue| {
        json!({
            "pattern_id": issue.id, "title": issue.title, "severity": issue.severity, "frequency": run,
            "times_prevented": run - 1, "solution": issue.solution,
        })
    });
    laid_out(&json!({ "version": "1.2.0", "last_updated": at, "patterns": patterns.collect::<Vec<_>>() }))
}

/// The scout's report.
pub(crate) fn scout_report(blueprint: &Blueprint) -> String {
    let findings: String = blueprint
        .findings
        .iter()
        .map(|finding| format!("- {finding}\n"))
        .collect();
    format!(
        "# Scout Report: {}\n\n## Task\n{}\n\n## Findings\n{findings}\n## Stack\n{}\n\n## Risks\n- {}\n",
        blueprint.name,
        blueprint.task,
        blueprint.stack.join(", "),
        blueprint.issues[0].category,
    )
}

/// The architect's plan; longer after each loop back.
pub(crate) fn architecture(blueprint: &Blueprint, fixed: &[Issue]) -> String {
    let modules: String = blueprint
        .tasks
        .iter()
        .map(|task| format!("### {}\nFiles: `{}`\n\n", task.description, task.files.join("`, `")))
        .collect();
    let fixes: String = fixed
        .iter()
        .map(|issue| {
            format!(
                "## Fix: {}\nRoot cause: {}\n\nPlan: {}\n\n",
                issue.title, issue.root_cause, issue.solution
            )
        })
        .collect();
    format!("# Architecture: {}\n\n## Modules\n\n{modules}{fixes}", blueprint.name)
}

/// The report of one round of tests: numbers stated, failures named.
pub(crate) fn test_report(blueprint: &Blueprint, iteration: u32, failing: &[&str], at: Timestamp) -> String {
    let failed = u32::try_from(failing.len()).unwrap_or(0);
    let verdict = if failed == 0 { "✅ PASSED" } else { "❌ FAILED" };
    let list: String = failing.iter().map(|name| format!("- ❌ FAIL {name}\n")).collect();
    format!(
        "# Test Results - Iteration {iteration}\n\n**Date**: {at}\n**Status**: {verdict}\n**Stack**: {}\n\n## Summary\n\nTests: {failed} failed, {} passed, {} total\n\n{}{list}",
        blueprint.stack.join(", "),
        blueprint.tests - failed,
        blueprint.tests,
        if failed == 0 { "" } else { "## Failures\n\n" },
    )
}
