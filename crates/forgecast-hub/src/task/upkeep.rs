//! What happens without a fact: deadlines, commits that come back, the index that goes out, a disk that cannot keep up.

use std::time::Duration;

use forgecast_protocol::event::WentQuiet;
use forgecast_protocol::{Batch, Fact, Problem, ProblemKind, SessionId, SessionRow, Timestamp};
use forgecast_store::{Error, Pruned, StoreHealth, Write};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::settle::snapshot;
use super::{From, Task};
use crate::history::{collapsed, internal};
use crate::persist::{Behind, Persist};
use crate::topic::{Content, End};

/// The problem under which viewers see the state of the disk.
const STORE: &str = "store";
/// How often retention looks.
const PRUNE: Duration = Duration::from_secs(60 * 60);
/// When it looks first: not while everything starts.
const PRUNE_FIRST: Duration = Duration::from_secs(60);
/// When a session whose deadline came could not be loaded: until it is tried again.
const RETRY_MS: i64 = 60_000;

/// Retention, running beside the hub.
pub(crate) struct Prune {
    due: Instant,
    running: JoinSet<Result<Pruned, Error>>,
}

impl Prune {
    pub(crate) fn new() -> Self {
        Self {
            due: Instant::now() + PRUNE_FIRST,
            running: JoinSet::new(),
        }
    }

    /// What the last run removed; nothing when none is running.
    pub(crate) async fn next(&mut self) -> Option<Result<Result<Pruned, Error>, JoinError>> {
        self.running.join_next().await
    }
}

impl Task {
    /// Says `went_quiet` for every session whose time has come.
    pub(crate) fn deadlines_due(&mut self) {
        let now = self.shared.clock.now();
        while let Some(id) = self.deadlines.take_due(now) {
            let Some(live) = self.live.get_mut(&id) else {
                self.deadlines.set(&id, Some(now.plus_millis(RETRY_MS)));
                self.load(&id);
                continue;
            };
            let deadline = live.session.next_deadline(&self.shared.options.limits);
            let Some(deadline) = deadline.filter(|deadline| live.said != Some(*deadline)) else {
                continue;
            };
            if deadline.at > now {
                self.deadlines.set(&id, Some(deadline.at));
                continue;
            }
            live.said = Some(deadline);
            let fact = Fact::WentQuiet(WentQuiet {
                quiet: deadline.quiet,
                since: deadline.since,
            });
            self.shared.tally.lock().internal += 1;
            self.fold(Batch::of(internal(&id, now, fact)), From::Internal);
        }
    }

    /// Answers those who wait for everything to be judged.
    pub(super) fn answer_resting(&mut self) {
        if self.resting.is_empty() || self.adoptions.are_under_way() || !self.loading.is_empty() {
            return;
        }
        let now = self.shared.clock.now();
        if self.deadlines.next().is_none_or(|at| at > now) {
            for reply in self.resting.drain(..) {
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
        }
    }

    /// Looks at the session again when its silence would have a meaning.
    pub(crate) fn set_deadline(&mut self, id: &SessionId) {
        let Some(live) = self.live.get(id) else {
            return;
        };
        let deadline = live.session.next_deadline(&self.shared.options.limits);
        let deadline = deadline.filter(|deadline| live.said != Some(*deadline));
        self.deadlines.set(id, deadline.map(|deadline| deadline.at));
    }

    /// Puts a session's row into the index.
    pub(crate) fn set_row(&mut self, row: &SessionRow) {
        let created_at = self.shared.registry().created_at(&row.id);
        self.index.set(row, created_at.unwrap_or_default());
    }

    /// Sees to it that a changed index goes out soon.
    pub(crate) fn index_changed(&mut self) {
        if self.index_due.is_none() && self.index.is_dirty() {
            let wait = Duration::from_millis(self.shared.options.index_coalesce_ms);
            self.index_due = Some(Instant::now() + wait);
        }
    }

    /// Publishes what changed of the index, if anything did.
    pub(crate) fn publish_index(&mut self) {
        self.index_due = None;
        self.shared.tally.lock().sessions = self.index.total() as u64;
        let Some(mut change) = self.index.take_change() else {
            return;
        };
        let patch = std::mem::take(&mut change.patch);
        self.index_revision += 1;
        self.shared.index.publish(self.index_revision, &patch, |content| {
            if let Content::Index(rows) = content {
                change.apply(std::sync::Arc::make_mut(rows));
            }
        });
        self.shared.tally.lock().index_updates += 1;
    }

    /// A commit came back.
    pub(crate) fn committed(&mut self, mut behind: Behind, result: Result<(), Error>) {
        Persist::answer(&mut behind, &result);
        match result {
            Ok(()) => {
                self.shared.durable(behind.newest_id);
                for (id, commits) in &behind.sessions {
                    if let Some(live) = self.live.get_mut(id) {
                        live.uncommitted = live.uncommitted.saturating_sub(*commits);
                    }
                }
                self.calls_committed(&behind);
                self.shrink_when_crowded();
            }
            Err(Error::Delayed { .. }) => {
                self.persist.watch_on(behind);
                self.show_store_health();
            }
            Err(error) => {
                // Its sessions stay in memory: what is stored of them is not what viewers see.
                if matches!(error, Error::ReadOnly) {
                    // Nothing is ever stored, so nothing is worth waiting for.
                    self.calls_committed(&behind);
                } else {
                    tracing::error!(%error, sessions = ?behind.sessions.keys(), "facts could not be stored");
                }
                for id in &behind.pushed {
                    self.recent.remove(id);
                }
                self.show_store_health();
            }
        }
    }

    fn show_store_health(&mut self) {
        let health = self.store.health();
        let problem = store_problem(&health).map(|message| Problem {
            kind: ProblemKind::Store,
            message,
            subject: None,
        });
        if let Some(problem) = &problem
            && !self.index.has_problem(STORE)
        {
            tracing::warn!(problem = problem.message, "the store is unwell");
        }
        self.index.problem(STORE, problem);
        self.shared.tally.lock().backlog_bytes = health.backlog_bytes;
        self.index_changed();
    }

    /// Once a second.
    pub(crate) fn upkeep(&mut self) {
        self.show_store_health();
        if self.persist.can_flush() {
            self.flush_waiting();
        }
        self.look_up_again();
        if !self.parked.is_empty() {
            self.unpark();
        }
        self.deadlines_due();
        self.shrink();
        self.stayed = 0;
        self.shrink_calls(0);
        self.update_gauges();
        if Instant::now() >= self.prune.due && self.prune.running.is_empty() {
            self.prune.due = Instant::now() + PRUNE;
            let (store, now) = (self.store.clone(), self.shared.clock.now());
            self.prune.running.spawn(async move { store.prune(now).await });
        }
    }

    /// Retention came back.
    pub(crate) fn pruned(&mut self, pruned: Result<Result<Pruned, Error>, JoinError>) {
        match pruned {
            Ok(Ok(pruned)) => {
                for id in &pruned.sessions {
                    self.forget(id, End::Removed);
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "old sessions could not be removed"),
            Err(error) => tracing::error!(%error, "retention was torn down"),
        }
    }

    /// Stores what waited for the disk: of each session its newest state, and the last facts of each source.
    pub(crate) fn flush_waiting(&mut self) {
        if !self.persist.collapses() {
            return;
        }
        let now = self.shared.clock.now();
        let (waiting, mut draft) = self.persist.take_waiting();
        for number in draft.calls.keys() {
            // They wait for the commit from here on.
            self.calls.committed(*number, 1);
        }
        for (id, mut waiting) in waiting {
            let Some(live) = self.live.get_mut(&id) else {
                continue;
            };
            let latest = waiting.latest();
            let lost = waiting.folded.saturating_sub(latest.len() as u64);
            self.shared.tally.lock().collapsed += lost;
            let marker = collapsed(&id, &live.session, lost, now);
            let events = latest.into_iter().chain([marker]);
            draft
                .events
                .extend(events.map(|event| (id.clone(), live.revision, event)));
            draft.states.push(Write::Row {
                session: id.clone(),
                revision: live.revision,
                row: live.session.row(),
            });
            draft.states.push(snapshot(&id, live));
            live.facts = 0;
        }
        self.queue(draft, None);
    }
}

fn store_problem(health: &StoreHealth) -> Option<String> {
    let error = health.last_error.as_ref()?;
    let way_out = if health.full {
        "make room on the disk"
    } else {
        "what is shown is not stored yet"
    };
    Some(format!("the database cannot be written ({error}); {way_out}"))
}

/// When an unfinished session that is not in memory has to be looked at, going by its row.
pub(crate) fn look_again_at(row: &SessionRow, limits: &forgecast_session::Limits) -> Option<Timestamp> {
    use forgecast_protocol::SessionStatus::Stalled;
    if !row.status.is_active() {
        return None;
    }
    let quiet_ms = if row.status == Stalled {
        limits.abandoned_ms
    } else {
        limits.settled_ms.min(limits.stalled_ms)
    };
    let since = row.last_work_at.or(row.started_at).unwrap_or_default();
    Some(since.plus_millis(i64::try_from(quiet_ms).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_shown_with_the_way_out_and_a_well_one_not_at_all() {
        let mut health = StoreHealth {
            writable: true,
            ..StoreHealth::default()
        };
        assert_eq!(store_problem(&health), None);
        (health.writable, health.full) = (false, true);
        health.last_error = Some("database or disk is full".into());
        assert!(store_problem(&health).is_some_and(|message| message.contains("make room on the disk")));
    }
}
