//! `session-summary.json`: how the build ended, by the account of the agent that ran it, or how far it is while it runs.
//! The set of fields varies from build to build.

use std::collections::BTreeMap;

use forgecast_protocol::event::{CompletionBasis, CompletionReported, Fact, PhaseResult, TestBasis, TestsReported};
use forgecast_protocol::words;
use serde_json::Value;

use super::fields::Fields;
use super::lenient::Scalar;
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Longest address that is kept, in bytes.
const MAX_LINK: usize = 2_048;
/// Most addresses of one document.
const MAX_LINKS: usize = 20;
/// Most phases of which a summary tells.
const MAX_PHASES: usize = 100;
/// Longest duration that is believed, minutes: a year.
const MAX_MINUTES: f64 = 525_600.0;

/// Reads a summary.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn decode(bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let tests = tests(&mut fields, TestBasis::Summary);
    // How many runs there were, and nothing of them.
    let runs = fields.count(&["test_iterations"]).filter(|runs| *runs > 0);
    let runs = runs.map(|runs| TestsReported {
        iteration: Some(runs),
        total: None,
        passed: None,
        failed: None,
        verdict: None,
        basis: TestBasis::Report,
    });
    let mut completion = completion(&mut fields, CompletionBasis::Summary);
    completion.phases = phases(&mut fields);
    fields.expect_any("status", "a summary of the build");
    if let Some(failing) = tests.as_ref().and_then(failing) {
        fail(&mut completion, failing);
    }
    let mut decoded = Decoded {
        dated: completion.completed_at,
        ..Decoded::default()
    };
    decoded.facts.push(Fact::CompletionReported(completion));
    decoded
        .facts
        .extend(tests.into_iter().chain(runs).map(Fact::TestsReported));
    decoded.bad_fields = fields.into_bad();
    Ok(decoded)
}

/// How many tests fail by a verdict that says so.
fn failing(tests: &TestsReported) -> Option<u32> {
    tests
        .failed
        .filter(|failed| tests.verdict == Some(false) && *failed > 0)
}

/// A build that ended with tests that fail has failed, whatever its word is.
fn fail(completion: &mut CompletionReported, failing: u32) {
    if completion.success.is_none() && completion.completed_at.is_none() {
        return;
    }
    completion.success = Some(false);
    let tests = if failing == 1 {
        "1 test fails".to_owned()
    } else {
        format!("{failing} tests fail")
    };
    completion.summary = Some(match &completion.summary {
        Some(summary) => format!("{tests}: {summary}"),
        None => tests,
    });
}

/// Takes what a summary says of each phase, `phases.phase_<name>`, and of those that it leaves out there, what it says
/// of their context, `context_metrics.by_phase`.
fn phases(fields: &mut Fields<'_>) -> BTreeMap<String, PhaseResult> {
    let mut results = BTreeMap::new();
    match fields.take(&["phases"]) {
        Some((_, Value::Object(phases))) => {
            let phases = Fields::within(phases, fields.cleaner(), "phases.".to_owned());
            add_results(&mut results, phases, fields);
        }
        Some((name, other)) => fields.expected(name, "an object of phases by name", &other),
        None => {}
    }
    if let Some((_, Value::Object(mut metrics))) = fields.take(&["context_metrics"])
        && let Some(Value::Object(phases)) = metrics.remove("by_phase")
    {
        let within = "context_metrics.by_phase.".to_owned();
        add_results(&mut results, Fields::within(phases, fields.cleaner(), within), fields);
    }
    results
}

fn add_results(results: &mut BTreeMap<String, PhaseResult>, mut phases: Fields<'_>, fields: &mut Fields<'_>) {
    for name in phases.names() {
        let Some((_, Value::Object(result))) = phases.take(&[&name]) else {
            continue;
        };
        let phase = fields.cleaner().word(name.strip_prefix("phase_").unwrap_or(&name));
        if phase.is_empty() || results.contains_key(&phase) || results.len() >= MAX_PHASES {
            continue;
        }
        let mut result = Fields::within(result, fields.cleaner(), format!("phases.{name}."));
        let exit = result
            .count(&["exit_code"])
            .map(|code| if code == 0 { "completed" } else { "failed" });
        let found = PhaseResult {
            status: result.word(&["status"]).or(exit.map(str::to_owned)),
            duration_seconds: result.number(&["duration_seconds"], MAX_MINUTES * 60.0),
            ended_at: result.time(&["timestamp", "completed_at", "ended_at"]),
        };
        fields.absorb(result.into_bad());
        results.insert(phase, found);
    }
}

/// Takes the fields of a completion.
pub(crate) fn completion(fields: &mut Fields<'_>, basis: CompletionBasis) -> CompletionReported {
    let status = fields.word(&["status", "final_status"]);
    CompletionReported {
        success: fields
            .flag(&["success"])
            .or_else(|| status.as_deref().and_then(outcome)),
        status,
        started_at: fields.time(&["build_start", "started_at"]),
        completed_at: fields.time(&["completed_at"]),
        summary: fields.line(&["summary"]),
        task: fields.text(&["task", "task_description"]),
        phases_completed: fields.lines(&["phases_completed"], 100),
        duration_minutes: fields.number(&["duration_minutes"], MAX_MINUTES),
        links: links(fields),
        ..CompletionReported::of(basis)
    }
}

/// Whether a word for the end of a build says that it ended well; `None`: it says neither.
pub(crate) fn outcome(word: &str) -> Option<bool> {
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "completed" | "complete" | "success" | "successful" | "succeeded" | "done" | "finished" | "deployed"
        | "passed" => Some(true),
        "aborted" | "cancelled" | "canceled" | "crashed" => Some(false),
        _ if words::says_failure(word) => Some(false),
        _ => None,
    }
}

/// Takes the numbers of the tests, when there are any or a verdict. `tests_passed` is a verdict in one build and a number
/// in the next.
pub(crate) fn tests(fields: &mut Fields<'_>, basis: TestBasis) -> Option<TestsReported> {
    let said_number = fields
        .peek("tests_passed")
        .is_some_and(|value| !value.is_boolean() && Scalar::of(value).and_then(|found| found.count()).is_some());
    let verdict = if said_number {
        None
    } else {
        fields.flag(&["tests_passed"])
    };
    let total = fields.count(&["total_tests", "tests_total"]);
    let passed = fields.count(&["tests_passing", "tests_passed"]);
    let failed = fields.count(&["tests_failing", "tests_failed"]);
    if verdict.is_none() && total.is_none() && passed.is_none() && failed.is_none() {
        return None;
    }
    Some(TestsReported {
        iteration: None,
        total,
        passed,
        failed,
        verdict,
        basis,
    })
}

/// Takes every field that holds a web address (`github_url`, `pr_url`, `url`), and an object `links`.
pub(crate) fn links(fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    for name in fields.names() {
        let label = match name.strip_suffix("_url") {
            Some(label) => label,
            None if matches!(name.as_str(), "url" | "pull_request" | "homepage") => name.as_str(),
            None => continue,
        };
        if links.len() < MAX_LINKS
            && fields.has(&name)
            && let Some(link) = link(fields, &name)
        {
            links.insert(fields.cleaner().word(label), link);
        }
    }
    if let Some((_, value)) = fields.take(&["links"]) {
        match value {
            serde_json::Value::Object(map) => {
                let mut inner = Fields::within(map, fields.cleaner(), "links.".to_owned());
                for name in inner.names() {
                    if let Some(link) = link(&mut inner, &name).filter(|_| links.len() < MAX_LINKS) {
                        links.insert(fields.cleaner().word(&name), link);
                    }
                }
                fields.absorb(inner.into_bad());
            }
            _ => fields.note("links", "expected an object of web addresses by label".to_owned()),
        }
    }
    links
}

/// An address that a viewer may click on: `http` or `https`, a host, no user name or password before it.
fn link(fields: &mut Fields<'_>, name: &str) -> Option<String> {
    let text = fields.line(&[name])?;
    if is_safe_link(&text) {
        return Some(text);
    }
    let shown: String = text.chars().take(60).collect();
    fields.note(
        name,
        format!("expected an address that begins with http:// or https://, found {shown:?}"),
    );
    None
}

fn is_safe_link(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let after = if lower.starts_with("https://") {
        &text[8..]
    } else if lower.starts_with("http://") {
        &text[7..]
    } else {
        return false;
    };
    let host = after.split(['/', '?', '#']).next().unwrap_or_default();
    let bad =
        |letter: char| letter.is_whitespace() || letter.is_control() || matches!(letter, '"' | '<' | '>' | '\\' | '`');
    text.len() <= MAX_LINK && !host.is_empty() && !host.contains('@') && !text.contains(bad)
}
