//! The phase file, `.context-foundry/current-phase.json`, and the same by HTTP: where the agent says it is. Written by the
//! agent itself, so any field may be missing, misspelled or invented; none of that costs the others.

use forgecast_protocol::event::{Fact, PhaseReported};
use serde_json::Value;

use super::fields::Fields;
use super::lenient::Scalar;
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Most phases that a list of completed ones holds.
const MAX_PHASES: usize = 100;
/// What a phase number must look like, for messages.
const NUMBER_FORM: &str = "a number such as 4/7, ?/7 or 4.5/8";

/// Reads a phase file.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn decode(bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let name = fields.word(&["session_id"]);
    let mut report = report(&mut fields);
    report.extra = fields.rest();
    Ok(Decoded {
        facts: vec![Fact::PhaseReported(report)],
        name,
        bad_fields: fields.into_bad(),
        ..Decoded::default()
    })
}

/// Takes the fields of a phase report, by the file's names or by the protocol's; what is left is the caller's.
pub(crate) fn report(fields: &mut Fields<'_>) -> PhaseReported {
    PhaseReported {
        phase: fields.word(&["current_phase", "phase"]),
        phase_number: phase_number(fields),
        status: fields.word(&["status"]),
        detail: fields.line(&["progress_detail", "detail"]),
        // Producers write 0 until the tests begin.
        test_iteration: fields.count(&["test_iteration"]).filter(|iteration| *iteration > 0),
        phases_completed: fields.lines(&["phases_completed"], MAX_PHASES),
        started_at: fields.time(&["started_at"]),
        last_updated: fields.time(&["last_updated"]),
        tasks_completed: tasks(fields, &["tasks_completed"]),
        tasks_total: tasks(fields, &["tasks_total", "total_tasks"]),
        context_percent: fields.percent(&["context_percent"]),
        extra: serde_json::Map::new(),
    }
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
