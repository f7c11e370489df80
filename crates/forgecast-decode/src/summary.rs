//! `session-summary.json`: how the build ended, by the account of the agent that ran it. The set of fields varies from
//! build to build.

use std::collections::BTreeMap;

use forgecast_protocol::event::{CompletionBasis, CompletionReported, Fact, TestBasis, TestsReported};

use super::fields::Fields;
use super::lenient::Scalar;
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Longest address that is kept, in bytes.
const MAX_LINK: usize = 2_048;
/// Most addresses of one document.
const MAX_LINKS: usize = 20;
/// Longest duration that is believed, minutes: a year.
const MAX_MINUTES: f64 = 525_600.0;

/// Reads a summary.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn decode(bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let tests = tests(&mut fields, TestBasis::Summary);
    let completion = completion(&mut fields, CompletionBasis::Summary);
    let mut decoded = Decoded {
        dated: completion.completed_at,
        ..Decoded::default()
    };
    decoded.facts.push(Fact::CompletionReported(completion));
    decoded.facts.extend(tests.map(Fact::TestsReported));
    decoded.bad_fields = fields.into_bad();
    Ok(decoded)
}

/// Takes the fields of a completion.
pub(crate) fn completion(fields: &mut Fields<'_>, basis: CompletionBasis) -> CompletionReported {
    let status = fields.word(&["status", "final_status"]);
    let success = fields
        .flag(&["success"])
        .or_else(|| status.as_deref().and_then(outcome));
    CompletionReported {
        success,
        status,
        basis,
        completed_at: fields.time(&["completed_at"]),
        summary: fields.line(&["summary"]),
        task: fields.text(&["task", "task_description"]),
        phases_completed: fields.lines(&["phases_completed"], 100),
        duration_minutes: fields.number(&["duration_minutes"], MAX_MINUTES),
        links: links(fields),
    }
}

/// Whether a word for the end of a build says that it ended well; `None`: it says neither.
pub(crate) fn outcome(word: &str) -> Option<bool> {
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "completed" | "complete" | "success" | "successful" | "succeeded" | "done" | "finished" | "deployed"
        | "passed" => Some(true),
        "failed" | "failure" | "fail" | "error" | "errored" | "timeout" | "timedout" | "aborted" | "cancelled"
        | "canceled" | "crashed" => Some(false),
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
