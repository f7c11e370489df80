//! What is told about the sources themselves: their health, and problems that belong to no project.

use forgecast_protocol::ProblemKind;

use super::Engine;
use super::hints::OVERFLOW;
use forgecast_protocol::health::{RootHealth, RootState};

/// The key of the problem that folders are polled for want of watches.
const WATCHES: &str = "watches";

impl Engine {
    pub(super) fn report(&mut self) {
        let settled = self.roots.iter().all(super::roots::Root::is_settled)
            && self.sources.totals.unscanned == 0
            && self.sources.totals.unread == 0
            && !self.jobs.is_walking()
            && self.tree.explore.is_empty();
        if settled && self.sources.totals.busy == 0 {
            self.clear_problem(OVERFLOW);
        }
        self.counters.ready |= settled && self.outbox.is_empty();
        let totals = &self.sources.totals;
        let polled = totals.unwatched + self.tree.unwatched;
        self.counters.polled = polled;
        self.counters.watches = self.context.watcher.count();
        self.counters.stuck = self.jobs.stuck();
        self.counters.problems = totals.problems + u64::try_from(self.problems.len()).unwrap_or(u64::MAX);
        self.counters.projects = totals.projects;
        self.counters.transcripts = totals.transcripts;
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
        let found = self.sources.totals.found(number);
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
