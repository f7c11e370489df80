//! What is told about the sources themselves: their health, and troubles that belong to no project.

use forgecast_protocol::ProblemKind;

use super::Engine;
use super::hints::OVERFLOW;
use crate::group::GroupKind;
use forgecast_protocol::health::{RootHealth, RootState};

/// The key of the trouble that folders are polled for want of watches.
const WATCHES: &str = "watches";

impl Engine {
    pub(super) fn report(&mut self) {
        let settled = self.roots.iter().all(super::roots::Root::is_settled)
            && self.groups.all_scanned()
            && self.groups.live_is_read()
            && !self.jobs.is_walking()
            && !self.tree.is_exploring();
        if settled && self.groups.is_quiet() {
            self.trouble_over(OVERFLOW);
        }
        self.counters.ready |= settled && self.outbox.is_empty();
        let slots = self.groups.slots.values();
        let polled = slots.clone().map(|slot| slot.unwatched).sum::<u64>() + self.tree.unwatched();
        self.counters.polled = polled;
        self.counters.watches = self.context.watcher.count();
        self.counters.stuck = self.jobs.stuck();
        let troubles = slots.clone().map(|slot| slot.troubles).sum::<usize>() + self.problems.len();
        self.counters.problems = u64::try_from(troubles).unwrap_or(u64::MAX);
        let projects = slots.filter(|slot| slot.kind == GroupKind::Project).count();
        self.counters.projects = u64::try_from(projects).unwrap_or(u64::MAX);
        self.counters.transcripts = self.groups.slots.values().map(|slot| slot.transcripts).sum();
        self.counters.indexing = self.indexing.now();
        self.counters.roots = self
            .roots
            .iter()
            .enumerate()
            .filter(|(_, root)| !(root.kind.is_agent() && root.state == RootState::Missing))
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
        let mine = self.groups.slots.values();
        let mine = mine.filter(|slot| slot.root == number && !slot.gone);
        let found = if root.kind.is_agent() {
            mine.map(|slot| slot.transcripts).sum()
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
            self.trouble(WATCHES, ProblemKind::Degraded, message, WATCHES);
        } else if polled > 0 && !self.options.poll {
            let message = "there are not enough file watches for all folders; the others are polled, which takes up to \
                           five seconds. On Linux raise fs.inotify.max_user_watches";
            self.trouble(WATCHES, ProblemKind::Degraded, message.to_owned(), WATCHES);
        } else {
            self.trouble_over(WATCHES);
        }
    }

    fn report_stuck(&mut self) {
        let stuck: Vec<String> = self
            .jobs
            .stuck_groups()
            .filter_map(|id| self.groups.slots.get(&id))
            .map(|slot| format!("{}#stuck", slot.directory.to_string_lossy()))
            .collect();
        for key in self.problems.keys_below("") {
            if key.ends_with("#stuck") && !stuck.contains(&key) {
                self.trouble_over(&key);
            }
        }
        for key in stuck {
            let folder = key.trim_end_matches("#stuck").to_owned();
            let message = format!("reading {folder} does not come to an end; is its file system there?");
            self.trouble(&key, ProblemKind::Unreadable, message, &folder);
        }
    }
}
