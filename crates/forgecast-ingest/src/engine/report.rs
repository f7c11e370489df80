//! What is told about the sources themselves: their health, and problems that belong to no project.

use forgecast_protocol::ProblemKind;

use super::Engine;
use super::hints::OVERFLOW;
use crate::work::SetKind;
use forgecast_protocol::health::{RootHealth, RootState};

/// The key of the problem that folders are polled for want of watches.
const WATCHES: &str = "watches";

impl Engine {
    pub(super) fn report(&mut self) {
        let settled = self.roots.iter().all(super::roots::Root::is_settled)
            && self.sources.all_scanned()
            && self.sources.live_is_read()
            && !self.jobs.is_walking()
            && self.tree.explore.is_empty();
        if settled && self.sources.is_quiet() {
            self.clear_problem(OVERFLOW);
        }
        self.counters.ready |= settled && self.outbox.is_empty();
        let entries = self.sources.entries.values();
        let polled = entries.clone().map(|entry| entry.status.unwatched).sum::<u64>() + self.tree.unwatched();
        self.counters.polled = polled;
        self.counters.watches = self.context.watcher.count();
        self.counters.stuck = self.jobs.stuck();
        let problems = entries.clone().map(|entry| entry.status.problems).sum::<usize>() + self.problems.len();
        self.counters.problems = u64::try_from(problems).unwrap_or(u64::MAX);
        let projects = entries.filter(|entry| entry.kind == SetKind::Project).count();
        self.counters.projects = u64::try_from(projects).unwrap_or(u64::MAX);
        self.counters.transcripts = self
            .sources
            .entries
            .values()
            .map(|entry| entry.status.transcripts)
            .sum();
        self.counters.indexing = self.indexing.now();
        self.counters.roots = self
            .roots
            .iter()
            .enumerate()
            .filter(|(_, root)| !(root.is_optional && root.state == RootState::Missing))
            .map(|(number, root)| self.root_health(number, root))
            .collect();
        self.report_polling(polled);
        self.report_stuck();
        let counters = &self.counters;
        self.health.send_if_modified(|health| {
            let changed = health != counters;
            if changed {
                health.clone_from(counters);
            }
            changed
        });
    }

    fn root_health(&self, number: usize, root: &super::roots::Root) -> RootHealth {
        let mine = self.sources.entries.values();
        let mine = mine.filter(|entry| entry.root == number && !entry.status.gone);
        let found = if root.kind.is_agent() {
            mine.map(|entry| entry.status.transcripts).sum()
        } else {
            u64::try_from(mine.count()).unwrap_or(u64::MAX)
        };
        RootHealth {
            path: root.path.clone(),
            kind: root.kind.root_kind(),
            state: root.state,
            projects: found,
            message: root.message.clone(),
        }
    }

    fn report_polling(&mut self, polled: u64) {
        if let Some(why) = &self.without_hints {
            let message = format!(
                "the system gives no file notifications ({why}); everything is polled. On Linux raise \
                 fs.inotify.max_user_instances"
            );
            self.report_problem(WATCHES, ProblemKind::Degraded, message, WATCHES);
        } else if polled > 0 && !self.options.poll {
            let message = "there are not enough file watches for all folders; the others are polled, which takes up to \
                           five seconds. On Linux raise fs.inotify.max_user_watches";
            self.report_problem(WATCHES, ProblemKind::Degraded, message.to_owned(), WATCHES);
        } else {
            self.clear_problem(WATCHES);
        }
    }

    fn report_stuck(&mut self) {
        let stuck: Vec<String> = self
            .jobs
            .stuck_sources()
            .filter_map(|id| self.sources.entries.get(&id))
            .map(|entry| format!("{}#stuck", entry.directory.to_string_lossy()))
            .collect();
        for key in self.problems.keys_below("") {
            if key.ends_with("#stuck") && !stuck.contains(&key) {
                self.clear_problem(&key);
            }
        }
        for key in stuck {
            let folder = key.trim_end_matches("#stuck").to_owned();
            let message = format!("reading {folder} does not come to an end; is its file system there?");
            self.report_problem(&key, ProblemKind::Unreadable, message, &folder);
        }
    }
}
