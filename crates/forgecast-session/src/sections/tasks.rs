//! The tasks of a build, from its list of tasks, from pushes and from the lists of a checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::event::{CheckpointReported, PhaseReported, SourceKind, TaskReported};
use forgecast_protocol::session::{Progress, TaskView};
use serde::{Deserialize, Serialize};

use super::{Context, count, evict, put, set_some, without_nulls};
use crate::vocabulary::{self, Meaning};

/// Tasks that are kept; those that are done are dropped first. Dropped tasks stay in the totals.
const MAX_TASKS: usize = 2000;
/// Remarks that are kept.
const MAX_NOTES: usize = 50;

/// Where the tasks come from, and how many are no longer listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tasks {
    /// The file that listed a task; absent for tasks of other sources.
    task_files: BTreeMap<String, String>,
    /// Tasks that come from the checkpoint's lists and go with them.
    checkpoint_tasks: BTreeSet<String>,
    /// Whether any source ever said how far a task is.
    task_states: bool,
    /// Tasks that their producer said to be at work, not a file that lists them: until it says how they ended, such a file
    /// may only say that they are done.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    running: BTreeSet<String>,
    /// Whether it is known how many tasks there are.
    #[serde(skip_serializing_if = "Extent::is_unknown")]
    extent: Extent,
    /// Tasks that were dropped: all, and those done.
    tasks_before: (u32, u32),
}

/// Whether it is known how many tasks there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Extent {
    /// By what is told of them: all that are known.
    #[default]
    Unknown,
    /// A log tells of each as it begins: more may follow.
    Open,
    /// A list names them all.
    Listed,
}

impl Extent {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

impl Tasks {
    /// Folds one task; whether that changed anything.
    pub(crate) fn apply(&mut self, view: &mut Progress, fact: &TaskReported, cx: &Context<'_>) -> bool {
        let id = known_id(view, &fact.id);
        let known = view.tasks.get(&id);
        let mut task = known.cloned().unwrap_or_else(|| TaskView {
            order: count(view.tasks.len()),
            status: "pending".to_owned(),
            ..TaskView::default()
        });
        if known.is_none()
            && let (true, Some(path)) = (cx.origin.first_sight, &cx.origin.path)
        {
            self.task_files.insert(id.clone(), path.clone());
        }
        if let Some(description) = &fact.description {
            task.description.clone_from(description);
        }
        if let Some(status) = fact.status.as_ref().filter(|status| self.takes_status(&id, status, cx)) {
            task.status.clone_from(status);
            self.task_states = true;
        }
        match fact.order {
            Some(order) => {
                task.order = order;
                self.extent = Extent::Listed;
            }
            None if cx.origin.kind == SourceKind::Foundry && self.extent == Extent::Unknown => {
                self.extent = Extent::Open;
            }
            None => {}
        }
        if !fact.files.is_empty() {
            task.files.clone_from(&fact.files);
        }
        if !fact.dependencies.is_empty() {
            task.dependencies.clone_from(&fact.dependencies);
        }
        set_some(&mut task.estimated_time, fact.estimated_time.as_ref());
        self.put(view, &id, task)
    }

    /// Whether what this source says of a task's state counts.
    fn takes_status(&mut self, id: &str, status: &str, cx: &Context<'_>) -> bool {
        let meaning = vocabulary::meaning(status);
        if cx.origin.kind == SourceKind::Artifact {
            return meaning == Meaning::Completed || !self.running.contains(id);
        }
        // Its producer tells of it: it stays, whatever becomes of the list.
        self.task_files.remove(id);
        self.running.remove(id);
        // One more than are kept: this task is not among them yet, and another one leaves when it is.
        if meaning == Meaning::Active && self.running.len() <= MAX_TASKS {
            self.running.insert(id.to_owned());
        }
        true
    }

    /// Takes the number of a loop's round, which only grows; whether that changed anything.
    pub(crate) fn begin_round(view: &mut Progress, round: Option<u32>) -> bool {
        let before = view.rounds;
        view.rounds = before.max(round);
        view.rounds != before
    }

    /// Takes the rounds, the notes, the artifacts and the two lists of tasks of a checkpoint; whether that changed anything.
    pub(crate) fn apply_checkpoint(&mut self, view: &mut Progress, fact: &CheckpointReported) -> bool {
        let mut changed = Self::begin_round(view, fact.iterations);
        if let Some(notes) = &fact.notes {
            let notes = notes.iter().take(MAX_NOTES);
            if !view.notes.iter().eq(notes.clone()) {
                view.notes = notes.cloned().collect();
                changed = true;
            }
        }
        if let Some(artifacts) = &fact.artifacts {
            let known = artifacts.iter().filter(|(_, value)| !value.is_null());
            let known = known
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect();
            changed |= view.checkpoint_artifacts != known;
            view.checkpoint_artifacts = known;
        }
        self.apply_lists(view, fact) || changed
    }

    fn apply_lists(&mut self, view: &mut Progress, fact: &CheckpointReported) -> bool {
        if fact.completed.is_none() && fact.remaining.is_none() {
            return false;
        }
        let before = view.tasks.clone();
        let done = fact.completed.iter().flatten().map(|text| (text, "completed"));
        let to_do = fact.remaining.iter().flatten().map(|text| (text, "pending"));
        let mut listed = BTreeSet::new();
        for ((text, status), order) in done.chain(to_do).take(MAX_TASKS).zip(0..) {
            if text.is_empty() || listed.contains(text) {
                continue;
            }
            let known = view.tasks.get(text).cloned();
            let is_of_other_source = known.is_some() && !self.checkpoint_tasks.contains(text);
            let mut task = known.unwrap_or_else(|| TaskView {
                description: text.clone(),
                ..TaskView::default()
            });
            status.clone_into(&mut task.status);
            if !is_of_other_source {
                task.order = order;
                listed.insert(text.clone());
            }
            self.put(view, text, task);
        }
        for dropped in self.checkpoint_tasks.difference(&listed) {
            view.tasks.remove(dropped);
        }
        self.checkpoint_tasks = listed;
        self.task_states = true;
        before != view.tasks
    }

    /// Removes what only the checkpoint said; whether there was any of it.
    pub(crate) fn take_back_checkpoint(&mut self, view: &mut Progress) -> bool {
        let before = view.tasks.len();
        for id in std::mem::take(&mut self.checkpoint_tasks) {
            view.tasks.remove(&id);
        }
        let notes = std::mem::take(&mut view.notes);
        let artifacts = std::mem::take(&mut view.checkpoint_artifacts);
        view.rounds.take().is_some() || !notes.is_empty() || !artifacts.is_empty() || view.tasks.len() < before
    }

    /// Whether more tasks may follow than are known, so that no share of them can be told.
    pub(crate) fn are_open(&self) -> bool {
        self.extent == Extent::Open
    }

    /// What the producer is at, for people: its only task at work.
    pub(crate) fn at_work(&self, view: &Progress) -> Option<String> {
        let mut running = self.running.iter();
        let (id, None) = (running.next()?, running.next()) else {
            return None;
        };
        let description = view.tasks.get(id).map_or("", |task| &task.description);
        Some(match description {
            "" => id.clone(),
            description => format!("{id}: {description}"),
        })
    }

    /// Tasks that were at work when another run took the place of this one were not done.
    pub(crate) fn leave(&mut self, view: &mut Progress) -> bool {
        let left = std::mem::take(&mut self.running);
        if self.extent == Extent::Unknown {
            self.extent = Extent::Open;
        }
        for id in &left {
            if let Some(task) = view.tasks.get_mut(id) {
                "failed".clone_into(&mut task.status);
            }
        }
        !left.is_empty()
    }

    /// Removes the tasks that a file listed; whether there were any.
    pub(crate) fn take_back(&mut self, view: &mut Progress, path: &str) -> bool {
        let before = view.tasks.len();
        if self.task_files.values().any(|file| file == path) {
            self.extent = Extent::Unknown;
        }
        let is_from_file = |id: &String| self.task_files.get(id).is_some_and(|file| file == path);
        view.tasks.retain(|id, _| !is_from_file(id));
        self.task_files.retain(|_, file| file != path);
        view.tasks.len() < before
    }

    /// Counts the tasks, those done and all: as they are listed and as the producer counts them, whichever is ahead. Where
    /// nobody says how far the tasks are, they are done when the builder is.
    pub(crate) fn count(&self, view: &mut Progress, reported: Option<&PhaseReported>, is_built: bool) {
        if is_built && !self.task_states {
            for task in view.tasks.values_mut().filter(|task| !is_done(task)) {
                "completed".clone_into(&mut task.status);
            }
        }
        let (all_before, done_before) = self.tasks_before;
        let all = count(view.tasks.len()).saturating_add(all_before);
        let done = view.tasks.values().filter(|task| is_done(task)).count();
        let done = count(done).saturating_add(done_before);
        let is_known = all > 0 && (self.task_states || is_built);
        let known_done = is_known.then_some(done);
        let known_all = (all > 0).then_some(all);
        view.tasks_completed = reported.and_then(|fact| fact.tasks_completed).max(known_done);
        let stated_all = reported.and_then(|fact| fact.tasks_total);
        view.tasks_total = stated_all.or(known_all).max(stated_all.and(view.tasks_completed));
    }

    fn put(&mut self, view: &mut Progress, id: &str, task: TaskView) -> bool {
        let changed = put(&mut view.tasks, id, task);
        let rank = |_: &str, task: &TaskView| (!is_done(task), task.order);
        evict(&mut view.tasks, MAX_TASKS, id, rank, |id, task| {
            self.task_files.remove(id);
            self.checkpoint_tasks.remove(id);
            self.running.remove(id);
            let (all, done) = &mut self.tasks_before;
            *all = all.saturating_add(1);
            *done = done.saturating_add(u32::from(is_done(task)));
        });
        changed
    }
}

/// The id under which a task is listed: producers write `3`, `task-3` and `task_3` of the same one.
fn known_id(view: &Progress, id: &str) -> String {
    let number = task_number(id);
    let is_same = |listed: &&String| task_number(listed) == number;
    let listed = match (view.tasks.contains_key(id), number) {
        (false, Some(_)) => view.tasks.keys().find(is_same),
        _ => None,
    };
    listed.map_or_else(|| id.to_owned(), Clone::clone)
}

/// The number of a task whose id holds nothing else: `3` of `task-3`.
fn task_number(id: &str) -> Option<u32> {
    let rest = id.strip_prefix("task").unwrap_or(id);
    rest.trim_start_matches(['-', '_', ' ']).parse().ok()
}

pub(crate) fn is_done(task: &TaskView) -> bool {
    match task.status.as_str() {
        // The usual words first: every task is looked at after every fact.
        "completed" => true,
        "pending" | "in_progress" => false,
        word => vocabulary::meaning(word) == Meaning::Completed,
    }
}
