//! Batches that wait until the sessions they are about, and what is known of the calls and ids that they report, are in
//! memory. Later batches about the same sessions and sources wait behind them, so that order is kept; all others overtake.

use std::collections::{BTreeSet, VecDeque};

use forgecast_protocol::EventKey;
use forgecast_store::{Error, Store, StoredCall};
use tokio::task::{JoinError, JoinSet};

use crate::batch::PreparedBatch;

/// What the store has to be asked before a batch can be folded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Missing {
    /// The keys of calls.
    pub(crate) calls: Vec<u64>,
    /// Producers' ids that may be stored.
    pub(crate) ids: Vec<EventKey>,
}

/// What the store knows of that.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) calls: Vec<StoredCall>,
    pub(crate) ids: BTreeSet<EventKey>,
}

impl Missing {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.ids.is_empty()
    }

    async fn look_up(&self, store: &Store) -> Result<Found, Error> {
        let mut found = Found::default();
        if !self.calls.is_empty() {
            found.calls = store.calls(self.calls.clone()).await?;
        }
        if !self.ids.is_empty() {
            found.ids = store.known_ids(self.ids.clone()).await?;
        }
        Ok(found)
    }
}

/// Batches that may wait. Beyond it the sources wait, too.
const MAX_BATCHES: usize = 4_096;
/// Of them, batches that report calls: what is known of their calls stays in memory meanwhile.
const MAX_WITH_CALLS: usize = 64;
/// Look-ups of calls that run at a time. The store has few readers, and they have to answer viewers, too.
const MAX_LOOKUPS: usize = 2;

/// A batch that waits.
pub(crate) struct PendingBatch {
    number: u64,
    pub(crate) batch: PreparedBatch,
    scope: BTreeSet<u64>,
    /// What the store knows of its calls and ids is in memory.
    is_looked_up: bool,
    /// It is empty, and waits until everything before it is folded.
    is_barrier: bool,
}

/// Number of the batch, what was asked for, and what is known of it.
pub(crate) type Lookup = (u64, Missing, Result<Found, Error>);

/// The waiting batches in the order of their arrival, with the look-ups that they wait for.
pub(crate) struct PendingBatches {
    store: Store,
    batches: VecDeque<PendingBatch>,
    with_calls: usize,
    next_number: u64,
    queue: VecDeque<(u64, Missing)>,
    pub(crate) lookups: JoinSet<Lookup>,
    /// Look-ups that failed: tried again after a moment.
    failed: Vec<(u64, Missing)>,
    /// Whether a batch waits for nothing but calls that are not durable yet.
    pub(crate) waits_for_disk: bool,
}

/// One pass over the waiting batches; see [`PendingBatches::next_candidate`].
pub(crate) struct Drain {
    rest: VecDeque<PendingBatch>,
    blocked: BTreeSet<u64>,
}

impl PendingBatches {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            batches: VecDeque::new(),
            with_calls: 0,
            next_number: 0,
            queue: VecDeque::new(),
            lookups: JoinSet::new(),
            failed: Vec::new(),
            waits_for_disk: false,
        }
    }

    /// Whether more batches may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.batches.len() < MAX_BATCHES
    }

    /// Whether more batches that report calls may wait.
    pub(crate) fn has_room_for_calls(&self) -> bool {
        self.has_room() && self.with_calls < MAX_WITH_CALLS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether a batch waits that a batch of this scope must not overtake.
    pub(crate) fn blocks(&self, scope: &BTreeSet<u64>) -> bool {
        self.batches.iter().any(|other| !other.scope.is_disjoint(scope))
    }

    /// Adds a batch. `missing` is what the store has to be asked for.
    pub(crate) fn push(&mut self, batch: PreparedBatch, scope: BTreeSet<u64>, missing: Missing, is_barrier: bool) {
        self.with_calls += usize::from(!batch.call_keys.is_empty());
        self.next_number += 1;
        let number = self.next_number;
        let is_looked_up = missing.is_empty();
        self.batches.push_back(PendingBatch {
            number,
            batch,
            scope,
            is_looked_up,
            is_barrier,
        });
        if !is_looked_up {
            self.queue.push_back((number, missing));
            self.start_lookups();
        }
    }

    fn start_lookups(&mut self) {
        while self.lookups.len() < MAX_LOOKUPS
            && let Some((number, missing)) = self.queue.pop_front()
        {
            let store = self.store.clone();
            self.lookups.spawn(async move {
                let found = missing.look_up(&store).await;
                (number, missing, found)
            });
        }
    }

    /// Notes that a look-up ended. Returns what it found.
    pub(crate) fn lookup_ended(&mut self, lookup: Result<Lookup, JoinError>) -> Found {
        let found = match lookup {
            Ok((number, _, Ok(found))) => {
                let mut batches = self.batches.iter_mut();
                if let Some(waiting) = batches.find(|waiting| waiting.number == number) {
                    waiting.is_looked_up = true;
                }
                found
            }
            Ok((number, missing, Err(error))) => {
                tracing::warn!(%error, "what is stored could not be looked up; trying again");
                self.failed.push((number, missing));
                Found::default()
            }
            Err(error) => {
                tracing::error!(%error, "a look-up was torn down");
                Found::default()
            }
        };
        self.start_lookups();
        found
    }

    /// Tries the look-ups again that failed.
    pub(crate) fn retry_lookups(&mut self) {
        self.queue.extend(std::mem::take(&mut self.failed));
        self.start_lookups();
    }

    /// Begins a pass over the waiting batches.
    pub(crate) fn drain_ready(&mut self) -> Drain {
        self.waits_for_disk = false;
        Drain {
            rest: std::mem::take(&mut self.batches),
            blocked: BTreeSet::new(),
        }
    }

    /// The next batch of the pass that is blocked by no other batch. It has to be folded, or put back with
    /// [`Self::put_back`].
    pub(crate) fn next_candidate(&mut self, drain: &mut Drain) -> Option<PendingBatch> {
        while let Some(waiting) = drain.rest.pop_front() {
            let is_its_turn = !waiting.is_barrier || self.batches.is_empty();
            if is_its_turn && waiting.is_looked_up && waiting.scope.is_disjoint(&drain.blocked) {
                self.with_calls -= usize::from(!waiting.batch.call_keys.is_empty());
                return Some(waiting);
            }
            self.keep(waiting, drain);
        }
        None
    }

    /// A candidate has to wait longer, and what is blocked by it with it.
    pub(crate) fn put_back(&mut self, waiting: PendingBatch, drain: &mut Drain) {
        self.with_calls += usize::from(!waiting.batch.call_keys.is_empty());
        self.keep(waiting, drain);
    }

    fn keep(&mut self, waiting: PendingBatch, drain: &mut Drain) {
        drain.blocked.extend(&waiting.scope);
        self.batches.push_back(waiting);
    }

    /// Removes all batches.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = PreparedBatch> + use<> {
        self.with_calls = 0;
        std::mem::take(&mut self.batches)
            .into_iter()
            .map(|waiting| waiting.batch)
    }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::{Batch, Timestamp};

    use super::*;
    use crate::batch::BatchSource;

    async fn pending() -> PendingBatches {
        let options = forgecast_store::Options::default();
        let opened = forgecast_store::open(options, 1, Timestamp::from_millis(0)).await;
        PendingBatches::new(opened.unwrap().store)
    }

    fn push(pending: &mut PendingBatches, scope: u64, keys: &[u64], is_barrier: bool) {
        let batch = PreparedBatch::new(Batch::default(), BatchSource::Ingest, keys.to_vec());
        let missing = Missing {
            calls: keys.to_vec(),
            ids: Vec::new(),
        };
        pending.push(batch, BTreeSet::from([scope]), missing, is_barrier);
    }

    /// One pass in which the batches of these scopes can be folded. Returns those that were handed out.
    fn pass(pending: &mut PendingBatches, ready: &[u64]) -> Vec<u64> {
        let mut seen = Vec::new();
        let mut drain = pending.drain_ready();
        while let Some(candidate) = pending.next_candidate(&mut drain) {
            let scope = *candidate.scope.first().unwrap();
            seen.push(scope);
            if !ready.contains(&scope) {
                pending.put_back(candidate, &mut drain);
            }
        }
        seen
    }

    #[tokio::test]
    async fn batches_of_one_scope_keep_their_order_and_others_overtake() {
        let mut pending = pending().await;
        for scope in [1, 2, 1] {
            push(&mut pending, scope, &[], false);
        }
        assert!(pending.blocks(&BTreeSet::from([1])) && !pending.blocks(&BTreeSet::from([3])));
        assert_eq!(pass(&mut pending, &[2]), [1, 2]);
        assert_eq!(pass(&mut pending, &[1]), [1, 1]);
        assert!(pending.is_empty());
    }

    #[tokio::test]
    async fn a_barrier_waits_for_everything_before_it() {
        let mut pending = pending().await;
        push(&mut pending, 1, &[], false);
        push(&mut pending, 2, &[], true);
        assert_eq!(pass(&mut pending, &[2]), [1]);
        assert_eq!(pass(&mut pending, &[1, 2]), [1, 2]);
    }

    #[tokio::test]
    async fn a_batch_waits_until_its_calls_are_looked_up() {
        let mut pending = pending().await;
        push(&mut pending, 1, &[7], false);
        assert!(pass(&mut pending, &[1]).is_empty());
        let lookup = pending.lookups.join_next().await.unwrap();
        assert!(pending.lookup_ended(lookup).calls.is_empty());
        assert_eq!(pass(&mut pending, &[1]), [1]);
        assert_eq!((pending.with_calls, pending.lookups.len()), (0, 0));
    }
}
