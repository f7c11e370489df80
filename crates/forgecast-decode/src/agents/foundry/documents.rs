//! Foundry's documents in a project: the manifest of a run, which is replaced as a whole, and the task list, which
//! people write as well.

use std::collections::BTreeSet;

use forgecast_protocol::event::{AgentReported, Custom, Fact, TaskReported};
use serde_json::json;

use crate::clean::Cleaner;
use crate::fields::Fields;
use crate::{Decoded, Unparsable, json};

/// Most tasks of one list, and most invocations of one run.
const MAX_ENTRIES: usize = 2_000;

/// `.buildloop/run-manifest.json`: `schema_version`, `run_id`, `task_id`, `completion_path`, `invocations`.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn manifest(bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let mut decoded = Decoded::default();
    let version = fields.count(&["schema_version"]);
    if version.is_some_and(|version| version != 1) {
        fields.note(
            "schema_version",
            "expected 1: what else is known of it was kept".to_owned(),
        );
    }
    let (run, task, way) = (
        fields.word(&["run_id"]),
        fields.word(&["task_id"]),
        fields.word(&["completion_path"]),
    );
    decoded.dated = fields.time(&["updated_at", "completed_at", "started_at"]);
    let invocations = fields.objects("invocations", MAX_ENTRIES);
    let count = invocations.len();
    for (within, map) in invocations {
        let mut inner = Fields::within(map, cleaner, within);
        if let Some(agent) = invocation(&mut inner) {
            decoded.facts.push(Fact::AgentReported(agent));
        }
        fields.absorb(inner.into_bad());
    }
    if let (Some(id), None) = (&task, &way) {
        decoded.facts.push(Fact::TaskReported(TaskReported {
            id: id.clone(),
            status: Some("in_progress".to_owned()),
            ..TaskReported::default()
        }));
    }
    if run.is_some() || task.is_some() {
        decoded.facts.push(Fact::Custom(Custom {
            kind: "run_manifest".to_owned(),
            data: json!({ "run_id": run, "task_id": task, "completion_path": way, "invocations": count }),
        }));
    }
    decoded.bad_fields = fields.into_bad();
    Ok(decoded)
}

/// One run of an agent, under its role as in the event log.
fn invocation(fields: &mut Fields<'_>) -> Option<AgentReported> {
    let role = fields.word(&["role", "agent", "name"])?;
    let status = match fields.flag(&["success"]) {
        Some(true) => Some("completed".to_owned()),
        Some(false) => Some("failed".to_owned()),
        None => fields.word(&["status"]),
    };
    Some(AgentReported {
        id: role.clone(),
        kind: Some(role),
        status,
        error: fields.line(&["error"]),
        ..AgentReported::default()
    })
}

/// `TASKS.md`: `- [x] T1.1: what is to be done [SPIV]`. Lines of another form are prose; a bracket of capitals at the end
/// is the stages that the task goes through.
pub(crate) fn task_list(bytes: &[u8], cleaner: &Cleaner) -> Decoded {
    let text = String::from_utf8_lossy(bytes);
    let mut seen = BTreeSet::new();
    let mut decoded = Decoded::default();
    for line in text.lines() {
        // Masked as a whole: its parts may be the parts of a secret.
        let line = cleaner.line(line);
        let Some((mark, id, title)) = task(&line) else {
            continue;
        };
        if seen.len() >= MAX_ENTRIES || !seen.insert(id.to_owned()) {
            continue;
        }
        let status = match mark {
            'x' | 'X' => "completed",
            '~' | '>' | '/' => "in_progress",
            '!' => "failed",
            '-' => "skipped",
            _ => "pending",
        };
        decoded.facts.push(Fact::TaskReported(TaskReported {
            id: cleaner.word(id),
            description: Some(cleaner.line(title)).filter(|title| !title.is_empty()),
            status: Some(status.to_owned()),
            order: u32::try_from(decoded.facts.len()).ok(),
            ..TaskReported::default()
        }));
    }
    decoded
}

/// The mark, the id and the title in a line of the list.
fn task(line: &str) -> Option<(char, &str, &str)> {
    let rest = line.trim_start().strip_prefix(['-', '*', '+'])?.trim_start();
    let (mark, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let mut marks = mark.chars();
    let (Some(mark), None) = (marks.next(), marks.next()) else {
        return None;
    };
    let (id, title) = rest.split_once(':')?;
    let id = id.trim().trim_matches('*');
    let fits = (1..=40).contains(&id.len()) && id.bytes().any(|byte| byte.is_ascii_digit()) && !id.contains(' ');
    let title = title.trim().trim_start_matches('*').trim();
    let title = match title.rsplit_once('[') {
        Some((before, stages))
            if stages
                .trim_end_matches(']')
                .bytes()
                .all(|byte| byte.is_ascii_uppercase()) =>
        {
            before.trim_end()
        }
        _ => title,
    };
    fits.then_some((mark, id, title))
}
