//! The one writer: the only place where sessions are folded, revisions numbered and updates published. Must never wait
//! for the store or for a viewer; what takes time is started here and comes back as an event of its own.

pub(crate) mod adopt;
mod bring;
mod budget;
pub(crate) mod fold;
mod memory;
pub(crate) mod parked;
mod settle;
pub(crate) mod upkeep;
mod usage;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use forgecast_protocol::{Batch, Revision, SessionId};
use forgecast_store::Store;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::command::{Command, Push, Pushed};
use crate::deadlines::Deadlines;
use crate::error::{Error, PushError};
use crate::estimator::Estimator;
use crate::history::Restored;
use crate::hub::Shared;
use crate::index::Index;
use crate::persist::Persist;
use crate::recent::RecentIds;
use crate::tools::Tools;
use crate::topic::End;
use adopt::Adoptions;
use memory::{Live, Loading};
use parked::Parked;

/// How often the hub looks at what has no event of its own: the state of the disk, what may leave memory, a clock that
/// was set.
const UPKEEP: Duration = Duration::from_secs(1);
/// How long a stop may wait for sessions that are being loaded.
const STOP_LOADS: Duration = Duration::from_secs(2);
/// How long a stop may wait for the disk.
const STOP_COMMITS: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Task {
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Store,
    pub(crate) intake: mpsc::Receiver<Batch>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) live: HashMap<SessionId, Live>,
    /// How many of them had to stay when they were looked through last because there were too many.
    pub(crate) stayed: usize,
    /// Of sessions that are not in memory: the number of their next log line.
    pub(crate) next_lines: HashMap<SessionId, u64>,
    pub(crate) loading: HashMap<SessionId, Loading>,
    pub(crate) load_queue: VecDeque<SessionId>,
    pub(crate) loads: JoinSet<(SessionId, Result<Option<Restored>, Error>)>,
    pub(crate) parked: Parked,
    pub(crate) index: Index,
    pub(crate) index_revision: Revision,
    pub(crate) index_due: Option<Instant>,
    pub(crate) deadlines: Deadlines,
    pub(crate) estimator: Estimator,
    pub(crate) recent: RecentIds,
    pub(crate) sources: HashMap<u64, u64>,
    pub(crate) calls: Calls,
    pub(crate) tools: Tools,
    pub(crate) adoptions: Adoptions,
    pub(crate) persist: Persist,
    pub(crate) prune: upkeep::Prune,
    /// Who waits for everything to be judged.
    pub(crate) resting: Vec<tokio::sync::oneshot::Sender<()>>,
}

/// Where a batch comes from, and who waits for it.
pub(crate) enum From {
    /// A source of our own: published at once, stored behind.
    Source,
    /// A producer that waits for the receipt.
    Push(tokio::sync::oneshot::Sender<Pushed>),
    /// The hub itself.
    Internal,
}

impl Task {
    /// Runs until the shutdown, then brings everything to the disk and closes the store.
    pub(crate) async fn run(mut self) {
        let mut upkeep = interval_at(Instant::now() + UPKEEP, UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.shutdown.is_cancelled() {
            if self.persist.has_unsent() {
                // Viewers first: what was published is on its way to them before it is written down for the disk.
                tokio::task::yield_now().await;
                self.persist.send();
            }
            self.answer_resting();
            let deadline = self.next_deadline();
            let index_due = self.index_due;
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                Some(batch) = self.intake.recv(), if self.parked.has_room_for_calls() => self.ingest(batch, From::Source),
                Some(command) = self.commands.recv() => self.command(command),
                (behind, result) = self.persist.next() => self.committed(behind, result),
                Some(loaded) = self.loads.join_next() => self.load_ended(loaded),
                Some(found) = self.parked.next() => self.looked_up(found),
                Some(ended) = self.adoptions.next() => self.adoption_ended(ended),
                Some(pruned) = self.prune.next() => self.pruned(pruned),
                () = wake_at(index_due) => self.publish_index(),
                () = wake_at(deadline) => self.deadlines_due(),
                _ = upkeep.tick() => self.upkeep(),
            }
        }
        self.stop().await;
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Attach { session, seat, reply } => self.attach(&session, seat, reply),
            Command::Push(push) => self.push(push),
            // What was published before is in the queue by now: see `run`.
            Command::Settle(reply) => {
                let _ = reply.send(());
            }
            Command::Rest(reply) => self.resting.push(reply),
            Command::Forget { session, reply } => {
                let id = self.shared.registry().find(&session);
                if let Some(id) = &id {
                    self.forget(id, End::Removed);
                }
                let _ = reply.send(id);
            }
            Command::Place { session, reply } => {
                let place = self.place(session);
                let _ = reply.send(place);
            }
            Command::Arrived { id, arrived } => self.arrived(&id, arrived.map(|arrived| *arrived)),
        }
    }

    fn push(&mut self, push: Push) {
        let Push {
            mut batch,
            known,
            durable,
            reply,
        } = push;
        if !self.recent.covers(durable) {
            let _ = reply.send(Pushed::Again(batch));
            return;
        }
        if self.persist.is_behind() || !self.parked.has_room() {
            let facts = batch.events.len();
            self.shared.tally.refuse(facts, crate::counters::Reason::Busy);
            let _ = reply.send(Pushed::Done(Err(self.shared.busy())));
            return;
        }
        // A fact that the store knows is one that this process may have forgotten: remember it again.
        for event in &mut batch.events {
            if let Some(id) = &event.id
                && known.contains(id)
            {
                self.recent.insert(id);
            }
        }
        self.ingest(batch, From::Push(reply));
    }

    fn next_deadline(&self) -> Option<Instant> {
        let wait = self
            .deadlines
            .next()?
            .millis_since(self.shared.clock.now())
            // A clock that stands still or was set must not make a busy loop.
            .max(10);
        Some(Instant::now() + Duration::from_millis(wait))
    }

    async fn stop(mut self) {
        self.intake.close();
        self.commands.close();
        while let Some(batch) = self.intake.recv().await {
            self.ingest(batch, From::Source);
        }
        while let Some(command) = self.commands.recv().await {
            if let Command::Push(push) = command {
                self.push(push);
            }
        }
        let loads = async {
            while !self.parked.is_empty() && (!self.loads.is_empty() || self.parked.looks_up()) {
                tokio::select! {
                    Some(loaded) = self.loads.join_next() => self.load_ended(loaded),
                    Some(found) = self.parked.next() => self.looked_up(found),
                }
            }
        };
        if timeout(STOP_LOADS, loads).await.is_err() {
            tracing::warn!("some sessions could not be loaded in time; their sources are read again at the next start");
        }
        self.drop_parked();
        self.flush_waiting();
        self.publish_index();
        for live in self.live.values() {
            live.topic.end(End::Stopped);
            live.log.end(End::Stopped);
        }
        self.shared.index.end(End::Stopped);
        self.persist.send();
        let commits = async {
            while self.persist.len() > 0 {
                let (behind, result) = self.persist.next().await;
                self.committed(behind, result);
            }
        };
        if timeout(STOP_COMMITS, commits).await.is_err() {
            tracing::error!("the disk did not take everything in time");
        }
        if let Err(error) = self.store.close().await {
            tracing::error!(%error, "the store could not be closed properly");
        }
    }

    pub(crate) fn update_gauges(&self) {
        let mut counters = self.shared.tally.lock();
        counters.calls_in_memory = self.calls.len() as u64;
        counters.transcripts_evicted = self.shared.registry().transcripts_evicted();
        counters.sessions_in_memory = self.live.len() as u64;
        counters.commits_pending = self.persist.len() as u64;
        counters.viewers = self.shared.viewers.load(Ordering::Relaxed) as u64;
    }
}

impl Shared {
    /// The answer to a push that cannot be taken now.
    pub(crate) fn busy(&self) -> PushError {
        let health = self.store.health();
        if health.full {
            return PushError::Full;
        }
        PushError::Busy {
            backlog_bytes: health.backlog_bytes,
            limit_bytes: self.options.max_backlog_bytes,
        }
    }
}

async fn wake_at(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
