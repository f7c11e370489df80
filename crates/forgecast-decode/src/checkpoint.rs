//! A checkpoint folder, `checkpoints/ralph/<session>/`: `state.json`, `progress.json` and the marker `COMPLETE`, which
//! make one fact together. Both documents are rewritten in place, so either may be unreadable for a moment.

use forgecast_protocol::event::{CheckpointReported, Fact};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::{CheckpointPart, Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Most entries of one list.
const MAX_ENTRIES: usize = 2_000;
/// Most remarks.
const MAX_NOTES: usize = 500;

/// Reads one part alone; see [`together`] for the folder as a whole, which is what a session is told.
///
/// # Errors
/// When it is no object or not complete; never for the marker.
pub(crate) fn decode(part: CheckpointPart, bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut decoded = Decoded::default();
    let report = read(part, bytes, cleaner, &mut decoded)?;
    decoded.facts.push(Fact::CheckpointReported(report));
    Ok(decoded)
}

/// The parts of one folder (those that are there), read together into one fact; a part that cannot be read is in the
/// second list, and the others are kept. Without any readable part there is no fact.
#[must_use]
pub fn together(parts: &[(CheckpointPart, &[u8])], cleaner: &Cleaner) -> (Decoded, Vec<(CheckpointPart, Unparsable)>) {
    let mut decoded = Decoded::default();
    let mut failed = Vec::new();
    let mut whole: Option<CheckpointReported> = None;
    for (part, bytes) in parts {
        match read(*part, bytes, cleaner, &mut decoded) {
            Ok(report) => match &mut whole {
                None => whole = Some(report),
                Some(whole) => merge(whole, report),
            },
            Err(why) => failed.push((*part, why)),
        }
    }
    decoded.facts.extend(whole.map(Fact::CheckpointReported));
    (decoded, failed)
}

fn read(
    part: CheckpointPart,
    bytes: &[u8],
    cleaner: &Cleaner,
    decoded: &mut Decoded,
) -> Result<CheckpointReported, Unparsable> {
    if part == CheckpointPart::Complete {
        return Ok(CheckpointReported {
            complete: true,
            ..CheckpointReported::default()
        });
    }
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    if part == CheckpointPart::State {
        decoded.name = fields.word(&["session_id"]);
    }
    let report = report(&mut fields);
    fields.expect_any("current_phase", "a checkpoint");
    if report.working_directory.is_some() {
        decoded.working_directory.clone_from(&report.working_directory);
    }
    decoded.bad_fields.extend(fields.into_bad());
    Ok(report)
}

/// Takes the fields of a checkpoint, by the files' names or by the protocol's.
pub(crate) fn report(fields: &mut Fields<'_>) -> CheckpointReported {
    CheckpointReported {
        project: fields.word(&["project_name", "project"]),
        task: fields.text(&["task_description", "task"]),
        phase: fields.word(&["current_phase", "phase"]),
        last_phase: fields.word(&["last_phase"]),
        iterations: fields.count(&["iterations"]),
        started_at: fields.time(&["start_time", "started_at"]),
        last_iteration_at: fields.time(&["last_iteration_time", "last_iteration_at"]),
        working_directory: fields.folder(&["working_directory"]),
        completed: fields.lines(&["completed"], MAX_ENTRIES),
        remaining: fields.lines(&["remaining"], MAX_ENTRIES),
        notes: fields.lines(&["notes"], MAX_NOTES),
        artifacts: artifacts(fields),
        complete: fields.flag(&["complete"]).unwrap_or_default(),
    }
}

fn artifacts(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    let cleaner = fields.cleaner();
    let (name, found) = fields.take(&["artifacts"])?;
    match cleaner.value(found) {
        Value::Object(artifacts) => Some(artifacts),
        other => {
            fields.expected(name, "an object", &other);
            None
        }
    }
}

/// Adds what another part says to what is not said yet.
fn merge(whole: &mut CheckpointReported, part: CheckpointReported) {
    fn or<T>(field: &mut Option<T>, other: Option<T>) {
        if field.is_none() {
            *field = other;
        }
    }
    or(&mut whole.project, part.project);
    or(&mut whole.task, part.task);
    or(&mut whole.phase, part.phase);
    or(&mut whole.last_phase, part.last_phase);
    or(&mut whole.iterations, part.iterations);
    or(&mut whole.started_at, part.started_at);
    or(&mut whole.last_iteration_at, part.last_iteration_at);
    or(&mut whole.working_directory, part.working_directory);
    or(&mut whole.completed, part.completed);
    or(&mut whole.remaining, part.remaining);
    or(&mut whole.notes, part.notes);
    or(&mut whole.artifacts, part.artifacts);
    whole.complete |= part.complete;
}
