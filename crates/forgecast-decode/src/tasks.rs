//! What the builder has to do, in which order (`build-tasks.json`), and how each task ended (`builder-logs/`).

use std::collections::BTreeSet;

use forgecast_protocol::event::{Fact, TaskReported};

use super::fields::Fields;
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Most tasks of one build.
const MAX_TASKS: usize = 2_000;
/// Most files or dependencies of one task.
const MAX_ENTRIES: usize = 200;

/// Reads a list of tasks.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn decode(bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let mut decoded = Decoded {
        dated: fields.time(&["created_at", "timestamp"]),
        ..Decoded::default()
    };
    fields.expect("tasks", "the list of the build's tasks");
    let mut seen = BTreeSet::new();
    let tasks = fields.objects("tasks", MAX_TASKS);
    for (order, (within, map)) in tasks.into_iter().enumerate() {
        let mut inner = Fields::within(map, cleaner, within);
        let id = inner
            .word(&["id", "task_id"])
            .unwrap_or_else(|| format!("task-{}", order + 1));
        if seen.insert(id.clone()) {
            let mut task = report(&mut inner, id);
            task.order = u32::try_from(order).ok();
            decoded.facts.push(Fact::TaskReported(task));
        } else {
            inner.note("id", format!("{id:?} is the id of a task before it: left out"));
        }
        fields.absorb(inner.into_bad());
    }
    decoded.bad_fields = fields.into_bad();
    Ok(decoded)
}

/// The task and whether it is done, by the name of the file that marks it: `task-3.done`, `task-3.error`.
pub(crate) fn mark(name: &str) -> Option<(String, bool)> {
    let (task, end) = name.rsplit_once('.')?;
    let done = match end {
        "done" => true,
        "error" => false,
        _ => return None,
    };
    task.starts_with("task").then(|| (task.to_owned(), done))
}

/// What such a file says, whatever is in it.
pub(crate) fn of_mark(task: &str, done: bool, cleaner: &Cleaner) -> Decoded {
    let status = if done { "completed" } else { "failed" };
    let report = TaskReported {
        id: cleaner.word(task),
        status: Some(status.to_owned()),
        ..TaskReported::default()
    };
    Decoded {
        facts: vec![Fact::TaskReported(report)],
        ..Decoded::default()
    }
}

/// Takes the fields of a task.
pub(crate) fn report(fields: &mut Fields<'_>, id: String) -> TaskReported {
    TaskReported {
        id,
        description: fields.line(&["description", "title", "task"]),
        status: fields.word(&["status"]),
        files: fields.lines(&["files"], MAX_ENTRIES).unwrap_or_default(),
        dependencies: fields
            .lines(&["dependencies", "depends_on"], MAX_ENTRIES)
            .unwrap_or_default(),
        estimated_time: fields.word(&["estimated_time"]),
        order: fields.count(&["order"]),
    }
}
