//! `feedback/build-feedback-*.json`: what a build learned. Each issue is one decision, known by file and id, so reading the
//! file again adds nothing. Ratings that nobody gave stay absent.

use std::collections::BTreeSet;

use forgecast_protocol::event::{DecisionRecorded, Fact};
use serde_json::Value;

use super::fields::Fields;
use super::patterns::{self, short_hash, slug};
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Most issues or patterns of one file.
const MAX_ENTRIES: usize = 500;
/// Longest solution that is put together of an object, in bytes.
const MAX_SOLUTION: usize = 4 << 10;
/// The library under which the patterns of feedback files stand.
const LIBRARY: &str = "feedback";

/// Reads a feedback file.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn decode(relative_path: &str, bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let mut decoded = Decoded {
        dated: fields.time(&["timestamp", "completed_at"]),
        ..Decoded::default()
    };
    if !fields.has("successful_patterns") {
        fields.expect("issues_found", "what the build learned");
    }
    let mut seen = BTreeSet::new();
    for (within, map) in fields.objects("issues_found", MAX_ENTRIES) {
        let whole = Value::Object(map.clone()).to_string();
        let mut inner = Fields::within(map, cleaner, within);
        let id = inner.word(&["id"]);
        let mut decision = report(&mut inner, String::new());
        let id = id.unwrap_or_else(|| short_hash(decision_text(&decision, &whole).as_bytes()));
        if decision.title.is_empty() {
            decision.title.clone_from(&id);
        }
        decision.key = format!("{relative_path}#{id}");
        if seen.insert(decision.key.clone()) {
            decoded.facts.push(Fact::DecisionRecorded(decision));
        } else {
            inner.note("id", format!("{id:?} is the id of an issue before it: left out"));
        }
        fields.absorb(inner.into_bad());
    }
    for (within, map) in fields.objects("successful_patterns", MAX_ENTRIES) {
        let mut inner = Fields::within(map, cleaner, within);
        match patterns::entry(&mut inner, LIBRARY, own_id) {
            Some(pattern) => decoded.facts.push(pattern),
            None => inner.note("pattern", "neither an id nor a name: left out".to_owned()),
        }
        fields.absorb(inner.into_bad());
    }
    decoded.bad_fields = fields.into_bad();
    Ok(decoded)
}

/// The id of a pattern that was given none: never that of one in a library, whose fields it would replace.
fn own_id(title: &str) -> String {
    format!("{LIBRARY}-{}", slug(title))
}

/// What tells an issue without an id from others: its text, else all of it.
fn decision_text<'t>(decision: &'t DecisionRecorded, whole: &'t str) -> &'t str {
    if decision.title.is_empty() {
        whole
    } else {
        &decision.title
    }
}

/// Takes the fields of a decision; its title is empty when nothing names it.
pub(crate) fn report(fields: &mut Fields<'_>, key: String) -> DecisionRecorded {
    DecisionRecorded {
        key,
        title: fields
            .line(&["issue", "title", "decision", "description"])
            .unwrap_or_default(),
        category: fields.word(&["category"]),
        severity: fields.word(&["severity"]),
        phase: fields.line(&["detected_in_phase", "phase"]),
        should_detect_in_phase: fields.line(&["should_detect_in_phase"]),
        root_cause: fields.text(&["root_cause"]),
        solution: solution(fields),
        applies_to_phases: fields.lines(&["applies_to_phases"], 50).unwrap_or_default(),
        confidence: fields.line(&["confidence"]),
        quality: rating(fields, "quality"),
        difficulty: rating(fields, "difficulty"),
        lesson_used: fields.flag(&["lesson_used"]),
    }
}

fn rating(fields: &mut Fields<'_>, name: &str) -> Option<f64> {
    let rating = fields.number(&[name], 5.0)?;
    if rating < 1.0 {
        fields.note(name, format!("expected a rating from 1 to 5, found {rating}"));
        return None;
    }
    Some(rating)
}

/// The first of `solution`, `solution_implemented`, `solution_*`, `fix`: a text, a list, or an object of steps.
fn solution(fields: &mut Fields<'_>) -> Option<String> {
    let mut names: Vec<String> = fields
        .names()
        .into_iter()
        .filter(|name| name.starts_with("solution"))
        .collect();
    names.push("fix".to_owned());
    names.push("resolution".to_owned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_, value) = fields.take(&names)?;
    let mut text = String::new();
    flatten(&value, &mut text);
    let text = fields.cleaner().text(&text);
    (!text.is_empty()).then_some(text)
}

/// `name: value` per line, nested ones on one line.
fn flatten(value: &Value, text: &mut String) {
    if text.len() > MAX_SOLUTION {
        return;
    }
    match value {
        Value::Null => {}
        Value::String(word) => text.push_str(word),
        Value::Array(items) => {
            for item in items {
                separate(text);
                flatten(item, text);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                separate(text);
                text.push_str(name);
                text.push_str(": ");
                flatten(item, text);
            }
        }
        other => text.push_str(&other.to_string()),
    }
}

fn separate(text: &mut String) {
    if !text.is_empty() && !text.ends_with([' ', '\n']) {
        text.push('\n');
    }
}
