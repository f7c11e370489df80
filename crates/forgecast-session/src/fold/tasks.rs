//! The tasks of a build, from its list of tasks, from pushes and from the lists of a checkpoint.

use std::collections::BTreeSet;

use forgecast_protocol::Event;
use forgecast_protocol::event::{CheckpointReported, TaskReported};
use forgecast_protocol::session::TaskView;

use super::effect::{Effect, Section, put, set_some};
use crate::Session;
use crate::vocabulary::{self, Meaning};

/// Tasks that are kept; what is done goes first. Evicted tasks stay in the totals.
const MAX_TASKS: usize = 2000;

impl Session {
    pub(crate) fn fold_task(&mut self, event: &Event, fact: &TaskReported) -> Effect {
        let (counts, taken_back) = self.counts(event, None);
        if !counts {
            return taken_back;
        }
        let known = self.view.progress.tasks.get(&fact.id);
        let mut task = known.cloned().unwrap_or_else(|| TaskView {
            order: u32::try_from(self.view.progress.tasks.len()).unwrap_or(u32::MAX),
            status: "pending".to_owned(),
            ..TaskView::default()
        });
        if known.is_none()
            && let (true, Some(path)) = (event.origin.first_sight, &event.origin.path)
        {
            self.memory.task_files.insert(fact.id.clone(), path.clone());
        }
        if let Some(description) = &fact.description {
            task.description.clone_from(description);
        }
        if let Some(status) = &fact.status {
            task.status.clone_from(status);
            self.memory.task_states = true;
        }
        if let Some(order) = fact.order {
            task.order = order;
        }
        if !fact.files.is_empty() {
            task.files.clone_from(&fact.files);
        }
        if !fact.dependencies.is_empty() {
            task.dependencies.clone_from(&fact.dependencies);
        }
        set_some(&mut task.estimated_time, fact.estimated_time.as_ref());
        let changed = self.put_task(&fact.id, task);
        if changed {
            self.memory.waiting = None;
        }
        Effect::of(Section::Progress, changed).with(taken_back)
    }

    /// Brings the checkpoint's two lists into the tasks; whether that changed any.
    pub(crate) fn fold_task_lists(&mut self, fact: &CheckpointReported) -> bool {
        if fact.completed.is_none() && fact.remaining.is_none() {
            return false;
        }
        let before = self.view.progress.tasks.clone();
        let done = fact.completed.iter().flatten().map(|text| (text, "completed"));
        let to_do = fact.remaining.iter().flatten().map(|text| (text, "pending"));
        let mut listed = BTreeSet::new();
        for ((text, status), order) in done.chain(to_do).take(MAX_TASKS).zip(0..) {
            if text.is_empty() || listed.contains(text) {
                continue;
            }
            let known = self.view.progress.tasks.get(text).cloned();
            let foreign = known.is_some() && !self.memory.checkpoint_tasks.contains(text);
            let mut task = known.unwrap_or_else(|| TaskView {
                description: text.clone(),
                ..TaskView::default()
            });
            status.clone_into(&mut task.status);
            if !foreign {
                task.order = order;
                listed.insert(text.clone());
            }
            self.put_task(text, task);
        }
        let dropped: Vec<String> = self.memory.checkpoint_tasks.difference(&listed).cloned().collect();
        for id in dropped {
            self.view.progress.tasks.remove(&id);
        }
        self.memory.checkpoint_tasks = listed;
        self.memory.task_states = true;
        before != self.view.progress.tasks
    }

    pub(crate) fn forget_checkpoint_tasks(&mut self) {
        for id in std::mem::take(&mut self.memory.checkpoint_tasks) {
            self.view.progress.tasks.remove(&id);
        }
    }

    fn put_task(&mut self, id: &str, task: TaskView) -> bool {
        let changed = put(&mut self.view.progress.tasks, id, task);
        while self.view.progress.tasks.len() > MAX_TASKS {
            self.evict_task(id);
        }
        changed
    }

    fn evict_task(&mut self, newest: &str) {
        let tasks = &mut self.view.progress.tasks;
        let others = tasks.iter().filter(|(id, _)| *id != newest);
        let first = others.min_by_key(|(_, task)| (!is_done(task), task.order));
        let Some(id) = first.map(|(id, _)| id.clone()) else {
            return;
        };
        self.memory.task_files.remove(&id);
        self.memory.checkpoint_tasks.remove(&id);
        if let Some(task) = tasks.remove(&id) {
            let (all, done) = &mut self.memory.tasks_before;
            *all = all.saturating_add(1);
            *done = done.saturating_add(u32::from(is_done(&task)));
        }
    }

    /// Removes the tasks that a file listed; whether there were any.
    pub(crate) fn take_back_tasks(&mut self, path: &str) -> bool {
        let tasks = &mut self.view.progress.tasks;
        let before = tasks.len();
        let files = &self.memory.task_files;
        tasks.retain(|id, _| files.get(id).is_none_or(|file| file != path));
        let removed = tasks.len() < before;
        self.memory.task_files.retain(|_, file| file != path);
        removed
    }

    /// Tasks done and in all: what the producer counts, else what is known one by one.
    pub(crate) fn count_tasks(&self) -> (Option<u32>, Option<u32>) {
        let said = self.memory.live.as_ref().map(|live| &live.fact);
        let (all_before, done_before) = self.memory.tasks_before;
        let tasks = self.view.progress.tasks.values();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let all = count(tasks.len()).saturating_add(all_before);
        let done = count(tasks.filter(|task| is_done(task)).count()).saturating_add(done_before);
        let known_done = (self.memory.task_states && all > 0).then_some(done);
        let known_all = (all > 0).then_some(all);
        (
            said.and_then(|fact| fact.tasks_completed).or(known_done),
            said.and_then(|fact| fact.tasks_total).or(known_all),
        )
    }
}

fn is_done(task: &TaskView) -> bool {
    match task.status.as_str() {
        // The usual words first: every task is looked at after every fact.
        "completed" => true,
        "pending" | "in_progress" => false,
        word => vocabulary::meaning(word) == Meaning::Completed,
    }
}
