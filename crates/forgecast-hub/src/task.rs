//! The hub's task: one loop that hands what comes in to the component that it concerns, and passes on what that returns.
//! It is the only writer of sessions, and it never waits for the store or for a viewer: what takes time runs beside it
//! and comes back as an event of the loop.
//!
//! A batch flows one way: it is prepared ([`PreparedBatch`]), waits if it has to ([`PendingBatches`]), is folded and
//! published ([`HubState`]), and goes to the store ([`CommitQueue`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::rest::HardBudget;
use forgecast_protocol::{Batch, EventKey, Problem, ProblemKind, SessionId};
use forgecast_store::{Error, Pruned, StoreHealth};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::batch::{BatchSource, PreparedBatch, ids_in};
use crate::command::{Command, PushAnswer};
use crate::commits::{CommitContext, CommitDraft, CommitQueue};
use crate::counters::{Reason, Receipt};
use crate::error::{PushError, SubscribeError};
use crate::hard_budgets::BudgetName;
use crate::live::Loaded;
use crate::merges::SessionMerges;
use crate::pending::{Lookup, Missing, PendingBatches};
use crate::registry::Producer;
use crate::shared::Shared;
use crate::state::{BatchContext, HubState};
use crate::topic::End;

/// How often the task looks at what has no event of its own: the state of the disk, what may leave memory, a clock that
/// was set.
const UPKEEP: Duration = Duration::from_secs(1);
/// How long a stop may wait for sessions that are being loaded.
const STOP_LOADS: Duration = Duration::from_secs(2);
/// How long a stop may wait for the disk.
const STOP_COMMITS: Duration = Duration::from_secs(10);
/// How often retention runs.
const PRUNE: Duration = Duration::from_secs(60 * 60);
/// How soon it runs again while the database is larger than it may be.
const PRUNE_LARGE: Duration = Duration::from_secs(10);
/// When retention runs first: not while everything starts.
const PRUNE_FIRST: Duration = Duration::from_secs(60);
/// By how many the calls in memory may exceed their limit between two rounds of upkeep.
const CALLS_SLACK: usize = 1_024;
/// Calls that may wait for the disk, at least. Beyond it batches that report calls wait, too.
const MIN_UNCOMMITTED: usize = 4_096;
/// The problem under which viewers see the state of the disk.
const STORE: &str = "store";
/// The problem under which viewers see that sessions are refused.
const SESSIONS: &str = "sessions";
/// The problem under which viewers see that the database is larger than it may be.
const SIZE: &str = "store/size";

pub(crate) struct HubTask {
    shared: Arc<Shared>,
    intake: mpsc::Receiver<Batch>,
    commands: mpsc::Receiver<Command>,
    shutdown: CancellationToken,
    state: HubState,
    pending: PendingBatches,
    merges: SessionMerges,
    commits: CommitQueue,
    prune_due: Instant,
    /// When it runs if the database is too large by then.
    prune_large_due: Instant,
    /// Retention, while it runs beside the task.
    prune: JoinSet<Result<Pruned, Error>>,
    /// A look whether the store can be read again, while it cannot.
    probe: JoinSet<()>,
    /// Who waits until everything is evaluated.
    idle_waiters: Vec<oneshot::Sender<()>>,
}

impl HubTask {
    pub(crate) fn new(
        state: HubState,
        intake: mpsc::Receiver<Batch>,
        commands: mpsc::Receiver<Command>,
        shutdown: CancellationToken,
    ) -> Self {
        let shared = state.shared.clone();
        let mut task = Self {
            intake,
            commands,
            shutdown,
            state,
            pending: PendingBatches::new(shared.store.clone()),
            merges: SessionMerges::new(shared.clone()),
            commits: CommitQueue::new(shared.store.clone(), shared.options.max_backlog_bytes),
            prune_due: Instant::now() + PRUNE_FIRST,
            prune_large_due: Instant::now(),
            prune: JoinSet::new(),
            probe: JoinSet::new(),
            idle_waiters: Vec::new(),
            shared,
        };
        task.resume_merges();
        // Before anyone can look: the first viewer finds what is known.
        task.publish_whole_index();
        task
    }

    /// Runs until the shutdown, then stores everything and closes the store.
    pub(crate) async fn run(mut self) {
        let mut upkeep = interval_at(Instant::now() + UPKEEP, UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.shutdown.is_cancelled() {
            if self.commits.has_unsent() {
                // Viewers first: what was published is on its way to them before it is serialized for the disk.
                tokio::task::yield_now().await;
                self.commits.send();
            }
            self.answer_idle_waiters();
            let deadline = self.next_deadline();
            let index_due = self.state.index.due();
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                Some(batch) = self.intake.recv(), if self.pending.has_room_for_calls() => {
                    self.ingest(batch, BatchSource::Ingest);
                }
                Some(command) = self.commands.recv() => self.command(command),
                (context, result) = self.commits.next() => self.committed(context, result),
                Some(load) = self.state.sessions.loads.join_next() => self.load_ended(load),
                Some(lookup) = self.pending.lookups.join_next() => self.lookup_ended(lookup),
                Some(step) = self.merges.steps.join_next() => {
                    self.merges.step_ended(step);
                    self.finish_merges();
                }
                Some(pruned) = self.prune.join_next() => self.pruned(pruned),
                Some(_) = self.probe.join_next() => {}
                () = wake_at(index_due) => self.publish_index(),
                () = wake_at(deadline) => self.evaluate_silences(),
                _ = upkeep.tick() => self.upkeep(),
            }
        }
        self.stop().await;
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Attach { session, reply } => {
                let id = self.shared.registry().find(&session);
                match id {
                    Some(id) => self.state.sessions.attach(&id, reply),
                    None => drop(reply.send(Err(SubscribeError::Unknown(session)))),
                }
            }
            Command::Push {
                batch,
                known,
                durable,
                producer,
                reply,
            } => self.push(batch, &known, durable, producer, reply),
            Command::Recall { known, reply } => {
                for evicted in self.state.recall(*known) {
                    self.commits.forget(&evicted);
                }
                let _ = reply.send(());
            }
            Command::FindPhaseFile { fact, reply } => {
                let _ = reply.send(self.state.sessions.whose_phase_file_says(&fact));
            }
            // The loop has handed everything that was published before to the store's queue.
            Command::Flush(reply) => drop(reply.send(())),
            Command::WaitIdle(reply) => self.idle_waiters.push(reply),
            Command::Forget { session, reply } => {
                let id = self.shared.registry().find(&session);
                if let Some(id) = &id {
                    self.remove(id, End::Removed);
                    self.shared.limits().forget(&id.to_string());
                    let limits = self.shared.limits().take_changes(self.shared.clock.now());
                    let mut draft = CommitDraft::default();
                    draft.limits.extend(limits);
                    self.enqueue_commit(draft, Receipt::default(), BatchSource::Internal);
                }
                let _ = reply.send(id);
            }
            Command::ChangeBudget { budget, usd, reply } => drop(reply.send(self.change_budget(&budget, usd))),
            Command::ReserveSlot { session, reply } => drop(reply.send(self.state.reserve_slot(session))),
            Command::FinishImport { id, imported } => self.state.finish_import(&id, imported),
        }
    }

    /// Changes a hard budget, and folds the fact that says so.
    fn change_budget(&mut self, budget: &BudgetName, usd: Option<f64>) -> Option<HardBudget> {
        let (standing, event) = self.state.change_budget(budget, usd)?;
        let mut draft = CommitDraft::default();
        draft.limits.extend(self.state.hard_budget_changes());
        self.enqueue_commit(draft, Receipt::default(), BatchSource::Internal);
        self.shared.tally.lock().internal += 1;
        self.ingest(Batch::of(event), BatchSource::Internal);
        Some(standing)
    }

    fn push(
        &mut self,
        batch: Batch,
        known: &BTreeSet<EventKey>,
        durable: u64,
        producer: Producer,
        reply: oneshot::Sender<PushAnswer>,
    ) {
        if !self.state.recent_ids.covers(durable) {
            let _ = reply.send(PushAnswer::Again(batch));
            return;
        }
        if self.commits.is_overloaded() || !self.pending.has_room() {
            self.shared.tally.refuse(batch.events.len(), Reason::Busy);
            let _ = reply.send(PushAnswer::Done(Err(self.shared.busy())));
            return;
        }
        // A fact that the store knows is one that this process may have forgotten: remember it again.
        for id in ids_in(&batch).filter(|id| known.contains(id)) {
            self.state.recent_ids.insert(&id);
        }
        self.ingest(batch, BatchSource::Push { producer, reply });
    }

    /// Folds a batch, now or as soon as everything that it needs is in memory.
    fn ingest(&mut self, batch: Batch, source: BatchSource) {
        // An empty push asks whether everything before it is folded.
        let is_barrier = batch.is_empty() && matches!(source, BatchSource::Push { .. }) && !self.pending.is_empty();
        let mut batch = self.state.prepare(batch, source);
        let missing = Missing {
            calls: self.state.ledger.calls.missing(&batch.call_keys),
            ids: self.ids_to_look_up(&batch),
        };
        let absent = self.absent(&mut batch);
        let lacks_nothing = absent.is_empty() && missing.is_empty();
        let is_ready = !is_barrier && lacks_nothing && self.has_room_for(&batch);
        if is_ready && self.pending.is_empty() {
            self.fold(batch);
            return;
        }
        let scope = batch.scope();
        if is_ready && !self.pending.blocks(&scope) {
            self.fold(batch);
            return;
        }
        self.state.ledger.calls.want(&batch.call_keys);
        self.pending.waits_for_disk |= lacks_nothing;
        self.pending.push(batch, scope, missing, is_barrier);
        self.load_all(&absent);
    }

    /// The producers' ids in what a file holds that this process does not remember: an earlier one may have learned of the
    /// same message by another way. Of a push they were looked up before it came here.
    fn ids_to_look_up(&self, batch: &PreparedBatch) -> Vec<EventKey> {
        if !matches!(batch.source, BatchSource::Ingest) {
            return Vec::new();
        }
        ids_in(&batch.batch)
            .filter(|id| !self.state.recent_ids.contains(id))
            .collect()
    }

    fn absent(&self, batch: &mut PreparedBatch) -> BTreeSet<SessionId> {
        self.state.absent(batch, |id| self.merges.is_merging(id))
    }

    fn load_all(&mut self, absent: &BTreeSet<SessionId>) {
        for id in absent {
            self.state.sessions.load(id);
        }
    }

    /// How many calls may wait for the disk.
    fn max_uncommitted(&self) -> usize {
        self.shared.options.calls_in_memory.max(MIN_UNCOMMITTED)
    }

    /// Whether there is room for what a batch may make of its calls.
    fn has_room_for(&self, batch: &PreparedBatch) -> bool {
        batch.call_keys.is_empty() || self.state.ledger.calls.uncommitted() < self.max_uncommitted()
    }

    /// Folds the batches that no longer have to wait.
    fn drain_ready(&mut self) {
        let mut drain = self.pending.drain_ready();
        while let Some(mut waiting) = self.pending.next_candidate(&mut drain) {
            if !self.has_room_for(&waiting.batch) {
                self.pending.waits_for_disk = true;
                self.pending.put_back(waiting, &mut drain);
                continue;
            }
            let absent = self.absent(&mut waiting.batch);
            if absent.is_empty() {
                let keys = std::mem::take(&mut waiting.batch.call_keys);
                self.fold(waiting.batch);
                self.state.ledger.calls.release(&keys);
            } else {
                self.load_all(&absent);
                self.pending.put_back(waiting, &mut drain);
            }
        }
    }

    fn load_ended(&mut self, load: Result<Loaded, JoinError>) {
        if let Some(((id, result), waiters)) = self.state.sessions.load_ended(load)
            && let Some(unknown) = self.state.finish_load(id, result, waiters)
        {
            self.remove(&unknown, End::Removed);
        }
        self.finish_merges();
    }

    fn lookup_ended(&mut self, lookup: Result<Lookup, JoinError>) {
        let found = self.pending.lookup_ended(lookup);
        self.state.ledger.calls.load(&found.calls);
        for id in &found.ids {
            self.state.recent_ids.insert(id);
        }
        self.drain_ready();
    }

    fn fold(&mut self, mut batch: PreparedBatch) {
        let source = std::mem::replace(&mut batch.source, BatchSource::Internal);
        let folded = self.state.fold(batch);
        self.finish_batch(folded, source);
        self.announce_limits();
    }

    /// Folds what the users of plans should know by now.
    fn announce_limits(&mut self) {
        for event in self.state.limit_news(self.shared.clock.now()) {
            self.shared.tally.lock().internal += 1;
            self.ingest(Batch::of(event), BatchSource::Internal);
        }
    }

    /// Counts a folded batch, hands it to the store, and begins what follows from it.
    fn finish_batch(&mut self, folded: BatchContext, source: BatchSource) {
        if !matches!(source, BatchSource::Internal) {
            self.shared.tally.add(&folded.receipt);
        }
        for id in &folded.removed {
            self.commits.forget(id);
        }
        self.enqueue_commit(folded.draft, folded.receipt, source);
        self.shrink_calls(CALLS_SLACK);
        for (agent, build) in folded.merges {
            self.begin_merge(agent, build);
        }
    }

    /// Hands a batch to the store, or what is left of it when the disk cannot keep up.
    fn enqueue_commit(&mut self, draft: CommitDraft, receipt: Receipt, source: BatchSource) {
        let BatchSource::Push { reply, .. } = source else {
            if draft.is_empty() {
                return;
            }
            if self.commits.is_overloaded() {
                for number in draft.calls.keys().filter(|number| !self.commits.holds_call(**number)) {
                    self.state.ledger.calls.committing(*number);
                }
                let unstored = self.commits.collapse(draft);
                self.shared.tally.lock().log_lines_unstored += unstored;
            } else {
                self.enqueue(draft, None);
            }
            return;
        };
        if receipt.accepted + receipt.duplicates + receipt.log_lines + receipt.known_log_lines == 0 {
            let _ = reply.send(PushAnswer::Done(Ok(receipt)));
            return;
        }
        // Also when everything was known already: the first copy may not be durable yet, and this receipt says it is.
        self.enqueue(draft, Some((reply, receipt)));
    }

    fn enqueue(&mut self, draft: CommitDraft, reply: Option<(oneshot::Sender<PushAnswer>, Receipt)>) {
        let sessions = draft.sessions_touched();
        for id in &sessions {
            self.state.sessions.committing(id);
        }
        for number in draft.calls.keys() {
            self.state.ledger.calls.committing(*number);
        }
        let context = CommitContext {
            sessions: sessions.into_iter().map(|id| (id, 1)).collect(),
            calls: draft.calls.keys().map(|number| (*number, 1)).collect(),
            newest_id: self.state.recent_ids.newest(),
            pushed: draft.ids().collect(),
            reply,
        };
        self.commits.enqueue(draft, context);
    }

    fn committed(&mut self, mut context: CommitContext, result: Result<(), Error>) {
        context.answer(&result);
        match result {
            Ok(()) => {
                self.shared.set_durable(context.newest_id);
                for (id, commits) in &context.sessions {
                    self.state.sessions.committed(id, *commits);
                }
                self.calls_committed(&context.calls);
                self.state
                    .sessions
                    .shrink_when_crowded(|id| self.commits.holds_session(id));
            }
            Err(Error::Delayed { .. }) => {
                self.commits.watch_again(context);
                self.show_store_health();
            }
            Err(error) => {
                // Its sessions stay in memory: what is stored of them is not what viewers see.
                if matches!(error, Error::ReadOnly) {
                    // Nothing is ever stored, so nothing is worth waiting for.
                    self.calls_committed(&context.calls);
                } else {
                    tracing::error!(%error, sessions = ?context.sessions.keys(), "facts could not be stored");
                }
                for id in &context.pushed {
                    self.state.recent_ids.remove(id);
                }
                self.show_store_health();
            }
        }
    }

    /// Calls that are durable may leave memory, and what waited for that can be folded.
    fn calls_committed(&mut self, calls: &BTreeMap<u64, u32>) {
        for (number, commits) in calls {
            self.state.ledger.calls.committed(*number, *commits);
        }
        if self.pending.waits_for_disk && self.state.ledger.calls.uncommitted() < self.max_uncommitted() {
            self.drain_ready();
        }
    }

    /// Stores what was collapsed: of each session its newest state, and the last facts of each source.
    fn flush_collapsed(&mut self) {
        if !self.commits.has_collapsed() {
            return;
        }
        let (collapsed, mut draft) = self.commits.take_collapsed();
        for number in draft.calls.keys() {
            // From here on they wait for the commit.
            self.state.ledger.calls.committed(*number, 1);
        }
        for (id, facts) in collapsed {
            self.state.draft_collapsed(&id, facts, &mut draft);
        }
        self.enqueue(draft, None);
    }

    /// Begins to merge an agent session into a build. Nothing happens when the disk cannot keep up and so does not know
    /// all of it: the build's next fact asks again.
    fn begin_merge(&mut self, agent: SessionId, build: SessionId) {
        if self.merges.may_begin(&agent) && !self.commits.has_collapsed() {
            self.commits.send();
            self.merges.begin(agent, build);
        }
    }

    /// After a start: merges that were begun, or could have been, and did not come to their end.
    fn resume_merges(&mut self) {
        let (merged, mergeable) = {
            let registry = self.shared.registry();
            (registry.merged(), registry.mergeable())
        };
        for agent in merged {
            self.remove(&agent, End::Removed);
            self.merges.remove(agent);
        }
        for (agent, build) in mergeable {
            self.begin_merge(agent, build);
        }
    }

    /// Merges what was read, as soon as the build is in memory, and folds what waited for it.
    fn finish_merges(&mut self) {
        for merged in self.merges.take_read() {
            if self.state.sessions.contains(&merged.build) {
                let agent = merged.agent.clone();
                let folded = self.state.merge_into_build(merged);
                self.finish_batch(folded, BatchSource::Internal);
                self.commits.send();
                self.merges.remove(agent);
            } else {
                self.state.sessions.load(&merged.build);
                self.merges.put_back(merged);
            }
        }
        self.drain_ready();
    }

    /// Removes a session from everything but the store.
    fn remove(&mut self, id: &SessionId, end: End) {
        self.state.remove(id, end);
        self.commits.forget(id);
    }

    fn next_deadline(&self) -> Option<Instant> {
        let wait_ms = self.state.deadlines.next()?.millis_since(self.shared.clock.now());
        // A clock that stands still or was set must not make a busy loop.
        Some(Instant::now() + Duration::from_millis(wait_ms.max(10)))
    }

    /// Folds `went_quiet` for every session whose silence has a meaning by now.
    fn evaluate_silences(&mut self) {
        let now = self.shared.clock.now();
        while let Some(event) = self.state.next_silence(now) {
            let batch = self.state.prepare(Batch::of(event), BatchSource::Internal);
            self.fold(batch);
        }
    }

    /// Answers those who wait until everything is evaluated.
    fn answer_idle_waiters(&mut self) {
        if self.idle_waiters.is_empty() || self.merges.are_active() || self.state.sessions.is_loading() {
            return;
        }
        let now = self.shared.clock.now();
        if self.state.deadlines.next().is_none_or(|at| at > now) {
            for reply in self.idle_waiters.drain(..) {
                let _ = reply.send(());
            }
        }
    }

    fn publish_index(&mut self) {
        let is_update = self.state.index.publish();
        let mut counters = self.shared.tally.lock();
        counters.sessions = self.state.index.total() as u64;
        counters.index_updates += u64::from(is_update);
    }

    fn publish_whole_index(&mut self) {
        self.publish_index();
        while self.state.index.is_behind() {
            self.publish_index();
        }
    }

    fn upkeep(&mut self) {
        self.show_store_health();
        if self.commits.can_flush() {
            self.flush_collapsed();
        }
        self.pending.retry_lookups();
        if !self.shared.store.health().readable && self.probe.is_empty() {
            let store = self.shared.store.clone();
            // Its result shows in the health of the store.
            self.probe.spawn(async move { drop(store.probe().await) });
        }
        if !self.pending.is_empty() {
            self.drain_ready();
        }
        self.evaluate_silences();
        self.announce_limits();
        self.state.sessions.shrink_when_due(|id| self.commits.holds_session(id));
        self.shrink_calls(0);
        self.show_pressure();
        self.update_gauges();
        let now = Instant::now();
        let is_due = now >= self.prune_due || (now >= self.prune_large_due && self.shared.store.is_too_large());
        if is_due && self.prune.is_empty() {
            self.prune_due = now + PRUNE;
            self.prune_large_due = now + PRUNE_LARGE;
            let (store, now) = (self.shared.store.clone(), self.shared.clock.now());
            self.prune.spawn(async move { store.prune(now).await });
        }
    }

    /// Evicts calls that nobody needs, once there are `slack` more than there may be.
    fn shrink_calls(&mut self, slack: usize) {
        let limit = self.shared.options.calls_in_memory;
        // While a session is being merged, what the store is asked for must not change.
        if self.state.ledger.calls.len() > limit.saturating_add(slack) && !self.merges.are_reading() {
            let evicted = self.state.ledger.calls.shrink(limit);
            self.shared.tally.lock().calls_evicted += evicted;
        }
    }

    fn pruned(&mut self, pruned: Result<Result<Pruned, Error>, JoinError>) {
        match pruned {
            Ok(Ok(pruned)) => {
                for id in &pruned.sessions {
                    self.remove(id, End::Removed);
                }
                let problem = pruned.still_too_large.then(|| Problem {
                    kind: ProblemKind::Store,
                    message: format!(
                        "the database has {} MiB, more than store.max_mib allows: what is left of it is the newest of \
                         unfinished sessions, calls and sums; finish or forget sessions, or raise store.max_mib",
                        pruned.file_bytes.div_ceil(1024 * 1024)
                    ),
                    subject: None,
                });
                self.state.index.set_problem(SIZE, problem);
            }
            Ok(Err(error)) => tracing::warn!(%error, "old sessions could not be removed"),
            Err(error) => tracing::error!(%error, "retention was torn down"),
        }
    }

    fn show_store_health(&mut self) {
        let problem = store_problem(&self.shared.store.health());
        if let Some(problem) = &problem
            && !self.state.index.has_problem(STORE)
        {
            tracing::warn!(problem = problem.message, "the store is unwell");
        }
        self.state.index.set_problem(STORE, problem);
    }

    /// Shows that there are so many unfinished sessions that new ones are refused.
    fn show_pressure(&mut self) {
        let pressure = self.shared.registry().places().pressure();
        if let Some(pressure) = &pressure
            && !self.state.index.has_problem(SESSIONS)
        {
            tracing::warn!(pressure, "sessions are refused");
        }
        let problem = pressure.map(|message| Problem {
            kind: ProblemKind::Rejected,
            message,
            subject: None,
        });
        self.state.index.set_problem(SESSIONS, problem);
    }

    fn update_gauges(&self) {
        let mut counters = self.shared.tally.lock();
        counters.calls_in_memory = self.state.ledger.calls.len() as u64;
        let registry = self.shared.registry();
        counters.transcripts_evicted = registry.transcripts_evicted();
        counters.sessions_unfinished = registry.places().unfinished() as u64;
        drop(registry);
        counters.sessions_in_memory = self.state.sessions.len() as u64;
        counters.commits_pending = self.commits.len() as u64;
    }

    async fn stop(mut self) {
        self.intake.close();
        self.commands.close();
        while let Some(batch) = self.intake.recv().await {
            self.ingest(batch, BatchSource::Ingest);
        }
        while let Some(command) = self.commands.recv().await {
            if matches!(command, Command::Push { .. }) {
                self.command(command);
            }
        }
        if timeout(STOP_LOADS, self.finish_pending()).await.is_err() {
            tracing::warn!("some sessions could not be loaded in time; their sources are read again at the next start");
        }
        self.drop_pending();
        self.flush_collapsed();
        self.publish_whole_index();
        self.state.sessions.stop();
        self.shared.index.handle.close(End::Stopped);
        self.commits.send();
        let commits = async {
            while self.commits.len() > 0 {
                let (context, result) = self.commits.next().await;
                self.committed(context, result);
            }
        };
        if timeout(STOP_COMMITS, commits).await.is_err() {
            tracing::error!("the disk did not take everything in time");
        }
        if let Err(error) = self.shared.store.clone().close().await {
            tracing::error!(%error, "the store could not be closed properly");
        }
    }

    /// Waits until everything that is pending is folded, or nothing is under way any more that it waits for.
    async fn finish_pending(&mut self) {
        let under_way = |task: &Self| task.state.sessions.loads.len() + task.pending.lookups.len();
        while !self.pending.is_empty() && under_way(self) > 0 {
            tokio::select! {
                Some(load) = self.state.sessions.loads.join_next() => self.load_ended(load),
                Some(lookup) = self.pending.lookups.join_next() => self.lookup_ended(lookup),
            }
        }
    }

    /// Drops what is pending when the hub stops. It was not stored, so its sources are read again.
    fn drop_pending(&mut self) {
        for batch in self.pending.take_all() {
            self.shared.tally.drop_facts(batch.batch.events.len(), Reason::Shutdown);
            if let BatchSource::Push { reply, .. } = batch.source {
                let _ = reply.send(PushAnswer::Done(Err(PushError::Stopped)));
            }
        }
    }
}

fn store_problem(health: &StoreHealth) -> Option<Problem> {
    let error = health.last_error.as_ref()?;
    let (what, way_out) = match (health.writable, health.full) {
        (true, _) => ("read", "what is older than what is shown cannot be seen"),
        (false, true) => ("written", "make room on the disk"),
        (false, false) => ("written", "what is shown is not stored yet"),
    };
    Some(Problem {
        kind: ProblemKind::Store,
        message: format!("the database cannot be {what} ({error}); {way_out}"),
        subject: None,
    })
}

async fn wake_at(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_shown_with_the_way_out_and_a_healthy_one_not_at_all() {
        let mut health = StoreHealth {
            writable: true,
            ..StoreHealth::default()
        };
        assert_eq!(store_problem(&health), None);
        (health.writable, health.full) = (false, true);
        health.last_error = Some("database or disk is full".into());
        assert!(store_problem(&health).is_some_and(|problem| problem.message.contains("make room on the disk")));
    }
}
