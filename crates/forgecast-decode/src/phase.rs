//! The phase file, `.context-foundry/current-phase.json`, and the same by HTTP: where the agent says it is. Written by the
//! agent itself, so any field may be missing, misspelled or invented; none of that costs the others.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{Fact, PhaseReported};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::lenient::Scalar;
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Most phases that a list of completed ones holds.
const MAX_PHASES: usize = 100;
/// The names under which the phase stands.
const PHASE: [&str; 3] = ["current_phase", "phase", "phase_name"];
/// What a phase number must look like, for messages.
const NUMBER_FORM: &str = "a number such as 4/7, ?/7 or 4.5/8";

/// Reads a phase file.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn decode(bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(unwrapped(json::object(bytes)?), cleaner);
    let mut report = report(&mut fields);
    fields.expect_any("current_phase", "a phase file");
    let name = fields.word(&["session_id"]);
    report.extra = fields.rest();
    Ok(Decoded {
        facts: vec![Fact::PhaseReported(report)],
        name,
        bad_fields: fields.into_bad(),
        ..Decoded::default()
    })
}

/// The object that tells of the phase: the document, or what a single field of it holds (`PhaseInfo`).
pub(crate) fn unwrapped(mut map: Map<String, Value>) -> Map<String, Value> {
    let is_report = |map: &Map<String, Value>| {
        let mut names = PHASE.iter().chain(&["currentPhase"]);
        names.any(|name| map.get(*name).is_some_and(|value| !value.is_object()))
    };
    if is_report(&map) {
        return map;
    }
    let mut inside = map.iter().filter(|(_, value)| value.as_object().is_some_and(is_report));
    if let Some(name) = inside.next().map(|(name, _)| name.clone())
        && let Some(Value::Object(inner)) = map.remove(&name)
    {
        map.extend(inner);
    }
    map
}

/// Takes the fields of a phase report, by the file's names or by the protocol's; what is left is the caller's.
pub(crate) fn report(fields: &mut Fields<'_>) -> PhaseReported {
    let (began, updated) = times(fields);
    PhaseReported {
        phase: phase(fields),
        phase_number: phase_number(fields),
        status: fields.word(&["status"]),
        detail: detail(fields, &["progress_detail", "detail"]),
        // Producers write 0 until the tests begin.
        test_iteration: fields.count(&["test_iteration"]).filter(|iteration| *iteration > 0),
        phases_completed: fields.lines(&["phases_completed"], MAX_PHASES),
        started_at: fields.time(&["started_at"]).or(began),
        last_updated: fields.time(&["last_updated"]).or(updated),
        tasks_completed: tasks(fields, &["tasks_completed"]),
        tasks_total: tasks(fields, &["tasks_total", "total_tasks"]),
        context_percent: fields.percent(&["context_percent"]),
        extra: serde_json::Map::new(),
    }
}

/// The name of the phase. A number says which of how many phases it is, and not which.
fn phase(fields: &mut Fields<'_>) -> Option<String> {
    let mut wrong = None;
    let mut phase = None;
    for name in PHASE {
        match fields.take(&[name]) {
            Some((_, Value::String(text))) if text.chars().any(char::is_alphabetic) => {
                phase = phase.or(Some(fields.cleaner().word(&text)));
            }
            Some((_, Value::String(text))) if text.trim().is_empty() => {}
            Some((name, other)) => wrong = wrong.or(Some((name, other))),
            None => {}
        }
    }
    if let (None, Some((name, other))) = (&phase, wrong) {
        fields.expected(name, "the name of a phase such as Builder", &other);
    }
    phase
}

/// When the phase began and when the file was written, where the times stand together in `timestamps`.
fn times(fields: &mut Fields<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    if !matches!(fields.peek("timestamps"), Some(Value::Object(_))) {
        return (None, None);
    }
    let Some((_, Value::Object(times))) = fields.take(&["timestamps"]) else {
        return (None, None);
    };
    let mut times = Fields::within(times, fields.cleaner(), "timestamps.".to_owned());
    let began = times.time(&["phase_start", "started_at", "start"]);
    let updated = times.time(&["last_updated", "updated_at"]);
    fields.absorb(times.into_bad());
    (began, updated)
}

/// What it is doing. Of an object, its fields that are one line: `duration 46.1s`.
fn detail(fields: &mut Fields<'_>, names: &[&str]) -> Option<String> {
    let first = names.iter().find(|name| fields.has(name));
    if !matches!(first.and_then(|name| fields.peek(name)), Some(Value::Object(_))) {
        return fields.line(names);
    }
    let (name, value) = fields.take(names)?;
    let parts = value.as_object().into_iter().flatten();
    let parts = parts.filter_map(|(name, value)| match value {
        Value::String(text) => Some(format!("{name} {text}")),
        Value::Number(number) => Some(format!("{name} {number}")),
        _ => None,
    });
    let text = fields.cleaner().line(&parts.collect::<Vec<_>>().join(", "));
    if text.is_empty() {
        fields.expected(name, "text", &value);
        return None;
    }
    Some(text)
}

/// As written, in one spelling: `4/7` for `Phase 4 of 7`, `3` for `3.0`.
fn phase_number(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.word(&["phase_number"])?;
    let lower = text.to_ascii_lowercase().replace(" of ", "/");
    let plain: String = lower.trim_start_matches("phase").split_whitespace().collect();
    let (number, total) = plain
        .split_once('/')
        .map_or((plain.as_str(), None), |(number, total)| (number, Some(total)));
    let is_number = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let dots = part.bytes().filter(|byte| *byte == b'.').count();
        digits > 0 && dots <= 1 && digits + dots == part.len() && part.len() <= 6
    };
    let is_good = (number == "?" || is_number(number)) && total.is_none_or(|total| total == "?" || is_number(total));
    if !is_good {
        let shown: String = text.chars().take(40).collect();
        fields.note("phase_number", format!("expected {NUMBER_FORM}, found {shown:?}"));
        return None;
    }
    Some(plain)
}

/// A count of tasks, or the length of their list. Producers keep other things under these names too, which then stay what
/// they are: fields that are not known.
fn tasks(fields: &mut Fields<'_>, names: &[&str]) -> Option<u32> {
    let name = names.iter().find(|name| fields.has(name))?;
    let count = match fields.peek(name)? {
        Value::Array(items) => u32::try_from(items.len()).ok(),
        other => Scalar::of(other).and_then(|count| count.count()?.try_into().ok()),
    };
    if count.is_some() {
        fields.take(&[name]);
    }
    count
}
