//! Foundry's documents in a project: the manifest of a run, which is replaced as a whole, and the task list, which
//! people write as well.

use std::collections::BTreeSet;

use forgecast_protocol::event::{AgentReported, Custom, Fact, TaskReported};
use serde_json::json;

use crate::clean::Cleaner;
use crate::fields::Fields;
use crate::{Decoded, Unparsable, json};

/// What a block of stages is made of: their letters, also those of older versions, and how far each is.
const STAGES: &[u8] = b"ABDIPQRSV!.+-";
/// Longest id of a task, and longest word in the title of one without an id.
const MAX_WORD: usize = 40;
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
    // A task that was reviewed has its verdict in the event log.
    let status = match way.as_deref() {
        None => Some("in_progress"),
        Some("builder_failure" | "planner_failure" | "aborted") => Some("failed"),
        Some(_) => None,
    };
    if let (Some(id), Some(status)) = (&task, status) {
        decoded.facts.push(Fact::TaskReported(TaskReported {
            id: id.clone(),
            status: Some(status.to_owned()),
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
    let stage = fields.word(&["stage_id"]);
    let role = fields.word(&["role", "agent", "name"])?;
    let role = stage.as_deref().and_then(role_of_stage).map_or(role, str::to_owned);
    let status = fields.word(&["status"]);
    // Another one took its place, or it never ran.
    if fields.has("superseded_by") || status.as_deref() == Some("skipped") {
        return None;
    }
    let status = match (fields.flag(&["success"]), status.as_deref()) {
        (Some(false), _) => Some("failed".to_owned()),
        (Some(true), _) | (_, Some("ran" | "reused" | "checkpoint_resume")) => Some("completed".to_owned()),
        _ => status,
    };
    Some(AgentReported {
        id: role.clone(),
        kind: Some(role),
        status,
        error: fields.line(&["error"]),
        ..AgentReported::default()
    })
}

/// The role under which the event log tells of a stage of the manifest.
fn role_of_stage(stage: &str) -> Option<&'static str> {
    Some(match stage {
        "query" => "QUERY",
        "research" => "RESEARCH",
        "plan" => "PLAN",
        "implement" => "IMPLEMENT",
        "doubt" => "VERIFY",
        _ => return None,
    })
}

/// `TASKS.md`, `IMPL_PLAN.md`: `- [x] T1.1: what is to be done [QRP+BA]`. The id may be missing; then the title stands for
/// it. A block at the end says how far the task is: a letter for each stage that is done, `.` for one to come, `-` for one
/// left out, `!` for one that failed. Other brackets belong to the title, and lines of another form are prose.
pub(crate) fn task_list(bytes: &[u8], cleaner: &Cleaner) -> Decoded {
    let text = String::from_utf8_lossy(bytes);
    let mut seen = BTreeSet::new();
    let mut decoded = Decoded::default();
    for line in text.lines() {
        // Masked as a whole: its parts may be the parts of a secret.
        let line = cleaner.line(line);
        let Some((mark, id, title, stages)) = task(&line) else {
            continue;
        };
        if seen.len() >= MAX_ENTRIES || !seen.insert(id.to_owned()) {
            continue;
        }
        let status = match mark {
            'x' | 'X' => "completed",
            ' ' if stages.contains('!') => "failed",
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

/// The mark, the id, the title and the stages in a line of the list.
fn task(line: &str) -> Option<(char, &str, &str, &str)> {
    let rest = line.trim_start().strip_prefix(['-', '*', '+'])?.trim_start();
    let (mark, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let mut marks = mark.chars();
    let (Some(mark), None) = (marks.next(), marks.next()) else {
        return None;
    };
    let (rest, stages) = without_stages(rest.trim());
    let named = rest
        .split_once(':')
        .map(|(id, title)| (id.trim().trim_matches('*'), title));
    let (id, title) = match named.filter(|(id, _)| is_id(id)) {
        Some((id, title)) => (id, title.trim().trim_start_matches('*').trim()),
        None => (rest, rest),
    };
    let is_legible = id.split_whitespace().all(|word| word.len() <= MAX_WORD);
    (!id.is_empty() && is_legible).then_some((mark, id, title, stages))
}

/// Whether it has the form of a task's id: `T1.1`, `H1.2`, `task-3`.
fn is_id(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len()) && text.bytes().any(|byte| byte.is_ascii_digit()) && !text.contains(' ')
}

/// A title without the block of stages at its end, and the block.
fn without_stages(title: &str) -> (&str, &str) {
    let block = title.strip_suffix(']').and_then(|title| title.rsplit_once('['));
    let is_stage = |byte: u8| STAGES.contains(&byte);
    match block {
        Some((before, stages)) if (4..=7).contains(&stages.len()) && stages.bytes().all(is_stage) => {
            (before.trim_end(), stages)
        }
        _ => (title, ""),
    }
}
