//! The documents that a build leaves behind, in the shapes of `docs/inputs.md`: field order, field names and the odd
//! habits of producers included. Pure: text out of values.

use forgecast_protocol::Timestamp;
use serde::Serialize;

use super::content::{Blueprint, Issue};

/// `current-phase.json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PhaseFile {
    pub(crate) session_id: String,
    pub(crate) current_phase: &'static str,
    pub(crate) phase_number: String,
    pub(crate) status: &'static str,
    pub(crate) progress_detail: String,
    pub(crate) test_iteration: u32,
    pub(crate) phases_completed: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tasks_completed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tasks_total: Option<usize>,
    pub(crate) started_at: Timestamp,
    pub(crate) last_updated: Timestamp,
}

/// `build-tasks.json`.
#[derive(Serialize)]
struct BuildTasks {
    parallel_mode: bool,
    total_tasks: usize,
    tasks: Vec<BuildTask>,
}

#[derive(Serialize)]
struct BuildTask {
    id: String,
    description: &'static str,
    files: &'static [&'static str],
    dependencies: Vec<String>,
    estimated_time: String,
    status: &'static str,
}

/// `session-summary.json`.
#[derive(Serialize)]
struct Summary<'a> {
    session_id: &'a str,
    task: &'static str,
    mode: &'static str,
    status: &'static str,
    phases_completed: &'a [&'static str],
    files_created: Vec<&'static str>,
    tests_passed: bool,
    test_iterations: u32,
    total_tests: u32,
    tests_passing: u32,
    tests_failing: u32,
    duration_minutes: f64,
    completed_at: Timestamp,
}

/// `feedback/build-feedback-*.json`.
#[derive(Serialize)]
struct Feedback<'a> {
    timestamp: Timestamp,
    project_name: &'a str,
    tech_stack: &'static [&'static str],
    test_iterations: u32,
    success: bool,
    issues_found: Vec<FeedbackIssue>,
    successful_patterns: [WhatWorked; 1],
}

#[derive(Serialize)]
struct WhatWorked {
    category: &'static str,
    pattern: String,
    worked_well: bool,
    notes: &'static str,
}

#[derive(Serialize)]
struct FeedbackIssue {
    id: &'static str,
    category: &'static str,
    severity: &'static str,
    issue: &'static str,
    root_cause: &'static str,
    detected_in_phase: &'static str,
    should_detect_in_phase: &'static str,
    solution: &'static str,
    applies_to_phases: [&'static str; 2],
    confidence: &'static str,
}

/// `patterns/common-issues.json`.
#[derive(Serialize)]
struct Patterns {
    version: &'static str,
    last_updated: Timestamp,
    patterns: Vec<Pattern>,
}

#[derive(Serialize)]
struct Pattern {
    pattern_id: &'static str,
    title: &'static str,
    severity: &'static str,
    frequency: u32,
    times_prevented: u32,
    solution: &'static str,
}

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
pub(crate) fn json(document: &impl Serialize) -> String {
    // Only maps with keys that are no strings could fail here, and there are none.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// The tasks of the builder of which the first `done` are done.
pub(crate) fn build_tasks(blueprint: &Blueprint, done: usize) -> String {
    let tasks = blueprint
        .tasks
        .iter()
        .enumerate()
        .map(|(index, task)| BuildTask {
            id: format!("task-{}", index + 1),
            description: task.description,
            files: task.files,
            dependencies: match index {
                0 => Vec::new(),
                1 | 2 => vec!["task-1".to_owned()],
                later => vec![format!("task-{}", later - 1), format!("task-{later}")],
            },
            estimated_time: format!("{} minutes", 15 + task.description.len() / 10 * 5),
            status: match index.cmp(&done) {
                std::cmp::Ordering::Less => "completed",
                std::cmp::Ordering::Equal if done > 0 => "in_progress",
                _ => "pending",
            },
        })
        .collect::<Vec<_>>();
    json(&BuildTasks {
        parallel_mode: true,
        total_tasks: tasks.len(),
        tasks,
    })
}

/// What the build says about itself in the end.
pub(crate) fn summary(
    blueprint: &Blueprint,
    session: &str,
    phases_completed: &[&'static str],
    outcome: Outcome,
) -> String {
    json(&Summary {
        session_id: session,
        task: blueprint.task,
        mode: if blueprint.enhancement {
            "add_feature"
        } else {
            "new_project"
        },
        status: if outcome.success { "completed" } else { "failed" },
        phases_completed,
        files_created: blueprint.tasks.iter().flat_map(|task| task.files).copied().collect(),
        tests_passed: outcome.success,
        test_iterations: outcome.test_iterations,
        total_tests: blueprint.tests,
        tests_passing: blueprint.tests - outcome.failing,
        tests_failing: outcome.failing,
        duration_minutes: outcome.duration_minutes,
        completed_at: outcome.at,
    })
}

/// What the build learned.
pub(crate) fn feedback(blueprint: &Blueprint, session: &str, outcome: Outcome) -> String {
    json(&Feedback {
        timestamp: outcome.at,
        project_name: session,
        tech_stack: blueprint.stack,
        test_iterations: outcome.test_iterations,
        success: outcome.success,
        issues_found: blueprint
            .issues
            .iter()
            .map(|issue| FeedbackIssue {
                id: issue.id,
                category: issue.category,
                severity: issue.severity,
                issue: issue.title,
                root_cause: issue.root_cause,
                detected_in_phase: "Test",
                should_detect_in_phase: "Architect",
                solution: issue.solution,
                applies_to_phases: ["Architect", "Builder"],
                confidence: if issue.severity == "HIGH" { "high" } else { "medium" },
            })
            .collect(),
        successful_patterns: [WhatWorked {
            category: "Scouting",
            pattern: format!(
                "Questions about {} answered before code was written",
                blueprint.stack[0]
            ),
            worked_well: true,
            notes: blueprint.findings[0],
        }],
    })
}

/// The library of patterns as this build leaves it.
pub(crate) fn patterns(blueprint: &Blueprint, run: u32, at: Timestamp) -> String {
    json(&Patterns {
        version: "1.2.0",
        last_updated: at,
        patterns: blueprint
            .issues
            .iter()
            .map(|issue| Pattern {
                pattern_id: issue.id,
                title: issue.title,
                severity: issue.severity,
                frequency: run,
                times_prevented: run - 1,
                solution: issue.solution,
            })
            .collect(),
    })
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
