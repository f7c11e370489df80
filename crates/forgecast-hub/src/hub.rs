//! The handle that everyone else holds: asks the hub's task what has to be one step with the folding, and answers the
//! rest by itself. Cheap to clone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use forgecast_protocol::{Batch, Clock, Epoch, SessionId, SessionRef, Timestamp, Topic};
use forgecast_store::{Commit, From, LogQuery, Store, StoredSession, Write};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::command::{Attached, Command, Push, Pushed, Receipt, SeatAt};
use crate::counters::{Counters, Tally};
use crate::error::{Error, PushError, SubscribeError};
use crate::frame::Position;
use crate::log::LAST_LINES;
use crate::options::Options;
use crate::past::Pasts;
use crate::registry::Registry;
use crate::spending::Spending;
use crate::subscription::{Seat, Start, Subscription};
use crate::topic::StateTopic;

/// Look-ups of one push; more than one only when very many other pushes came between.
const LOOKUPS: usize = 3;

/// What the handle and the task share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) epoch: Epoch,
    pub(crate) store: Store,
    pub(crate) index: Arc<StateTopic>,
    pub(crate) tally: Tally,
    pub(crate) viewers: Arc<AtomicUsize>,
    pub(crate) registry: RwLock<Registry>,
    pub(crate) spending: Mutex<Spending>,
    /// What was folded for those who look back.
    pub(crate) pasts: Pasts,
    /// Ids of pushed events up to this number are durable.
    pub(crate) durable: AtomicU64,
}

impl Shared {
    pub(crate) fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn registry_mut(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spending(&self) -> MutexGuard<'_, Spending> {
        self.spending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn durable(&self, newest_id: u64) {
        self.durable.fetch_max(newest_id, Ordering::AcqRel);
    }
}

/// See the module.
#[derive(Clone)]
pub struct Hub {
    pub(crate) shared: Arc<Shared>,
    pub(crate) intake: mpsc::Sender<Batch>,
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Hub {
    /// Where sources of our own send what they read: published at once, stored right behind. It has few places, so a
    /// source that outruns the hub waits.
    #[must_use]
    pub fn intake(&self) -> mpsc::Sender<Batch> {
        self.intake.clone()
    }

    /// Folds what a producer sent; answers when it is durable. Events whose id is known already count as duplicates.
    ///
    /// # Errors
    /// See [`PushError`]. After an error it is not certain that nothing was taken; sending the same ids again is safe.
    pub async fn push(&self, mut batch: Batch) -> Result<Receipt, PushError> {
        let waited_ms = self.shared.options.store_deadline_ms;
        let deadline = Instant::now() + Duration::from_millis(waited_ms);
        let late = |_| self.late(waited_ms);
        for _ in 0..LOOKUPS {
            // Read before the look-up: everything up to here is known to the store by then.
            let durable = self.shared.durable.load(Ordering::Acquire);
            let ids: Vec<_> = batch.events.iter().filter_map(|event| event.id.clone()).collect();
            let known = if ids.is_empty() {
                BTreeSet::new()
            } else {
                let lookup = timeout_at(deadline, self.shared.store.known_ids(ids));
                let found = lookup.await.map_err(late)?;
                found.map_err(|error| self.not_looked_up(error, waited_ms))?
            };
            let (reply, answer) = oneshot::channel();
            let push = Command::Push(Push {
                batch,
                known,
                durable,
                reply,
            });
            let sent = timeout_at(deadline, self.commands.send(push)).await;
            sent.map_err(late)?.map_err(|_| PushError::Stopped)?;
            let answer = timeout_at(deadline, answer).await;
            match answer.map_err(late)?.map_err(|_| PushError::Stopped)? {
                Pushed::Done(result) => return result,
                Pushed::Again(again) => batch = again,
            }
        }
        Err(self.shared.busy())
    }

    /// A disk that is slow or locked is a reason to come back, anything else is a failure.
    fn not_looked_up(&self, error: forgecast_store::Error, waited_ms: u64) -> PushError {
        match error {
            forgecast_store::Error::Closed => PushError::Stopped,
            forgecast_store::Error::Slow { .. } => self.late(waited_ms),
            _ if !self.shared.store.health().writable => self.late(waited_ms),
            error => PushError::Lookup(error),
        }
    }

    fn late(&self, waited_ms: u64) -> PushError {
        if self.shared.store.health().full {
            PushError::Full
        } else {
            PushError::Deadline { waited_ms }
        }
    }

    /// Follows a topic. The first [`Subscription::next`] gives what `start` lacks.
    ///
    /// # Errors
    /// The session is unknown, there are too many viewers, or the session could not be loaded.
    pub async fn subscribe(&self, topic: Topic, start: Start) -> Result<Subscription, SubscribeError> {
        let position = match start {
            Start::After { epoch, revision } => Some(Position { epoch, revision }),
            Start::Fresh | Start::LogFrom(_) => None,
        };
        match topic {
            Topic::Sessions => {
                let shared = &self.shared;
                let viewers = (&shared.index.viewers, usize::MAX);
                let all = (&shared.viewers, shared.options.viewers);
                let seat = Seat::take(("sessions", viewers.0, viewers.1), all)?;
                Ok(Subscription::of_state(topic, shared.index.clone(), seat, position))
            }
            Topic::Session(session) => {
                let attached = self.attach(session, SeatAt::State).await?;
                let name = Topic::Session(attached.id.into());
                let seat = attached.seat.ok_or_else(|| unavailable(name.clone(), Error::Stopped))?;
                Ok(Subscription::of_state(name, attached.state, seat, position))
            }
            Topic::Log(session) => {
                let attached = self.attach(session, SeatAt::Log).await?;
                self.follow_log(attached, start).await
            }
        }
    }

    async fn follow_log(&self, attached: Attached, start: Start) -> Result<Subscription, SubscribeError> {
        let Attached { id, log, seat, .. } = attached;
        let name = Topic::Log(id.clone().into());
        let seat = seat.ok_or_else(|| unavailable(name.clone(), Error::Stopped))?;
        let (first, next) = log.range();
        let wanted = match start {
            // A number that was never given out comes from another database.
            Start::LogFrom(offset) if offset <= next => offset,
            _ => next.saturating_sub(LAST_LINES),
        };
        if wanted >= first {
            return Ok(Subscription::of_log(name, log, seat, Vec::new(), wanted));
        }
        // What lies too far back is skipped, not sent: the viewer fetches what it wants of it.
        let from = wanted.max(first.saturating_sub(self.shared.options.log_lines as u64));
        let query = LogQuery {
            from: From::Offset(from),
            limit: u32::try_from(first - from).unwrap_or(u32::MAX),
            level: None,
            text: None,
        };
        let page = self.shared.store.log(&id, query).await.map_err(|source| {
            let operation = "read older log lines";
            unavailable(name.clone(), Error::Store { operation, source })
        })?;
        let mut older = Vec::new();
        let mut at = wanted;
        // Lines of one frame have to follow each other; retention may have made holes.
        for lines in page.lines.chunk_by(|one, two| one.offset + 1 == two.offset) {
            if let Some(line) = lines.first() {
                older.push(log.older(line.offset, line.offset.saturating_sub(at), lines));
                at = line.offset + lines.len() as u64;
            }
        }
        Ok(Subscription::of_log(name, log, seat, older, at))
    }

    pub(crate) async fn attach(&self, session: SessionRef, seat: SeatAt) -> Result<Attached, SubscribeError> {
        let topic = Topic::Session(session.clone());
        let (reply, answer) = oneshot::channel();
        let command = Command::Attach { session, seat, reply };
        let waited_ms = self.shared.options.store_deadline_ms;
        let deadline = Instant::now() + Duration::from_millis(waited_ms);
        let slow = |_| {
            let operation = "bring the session into memory";
            unavailable(topic.clone(), Error::Slow { operation, waited_ms })
        };
        let stopped = || unavailable(topic.clone(), Error::Stopped);
        let sent = timeout_at(deadline, self.commands.send(command)).await;
        sent.map_err(slow)?.map_err(|_| stopped())?;
        let answer = timeout_at(deadline, answer).await;
        answer.map_err(slow)?.map_err(|_| stopped())?
    }

    /// The run that a name means at the moment.
    #[must_use]
    pub fn resolve(&self, session: &SessionRef) -> Option<SessionId> {
        self.shared.registry().find(session)
    }

    /// The folder of a session's project, when a source or a producer said so.
    #[must_use]
    pub fn project_directory(&self, session: &SessionId) -> Option<PathBuf> {
        self.shared.registry().directory(session).map(PathBuf::from)
    }

    /// The epoch of the sessions' revisions.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// What the hub has done, at this moment.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.shared.tally.lock().clone();
        counters.viewers = self.shared.viewers.load(Ordering::Relaxed) as u64;
        counters.backlog_bytes = self.shared.store.backlog_bytes();
        counters
    }

    /// How the store is doing.
    #[must_use]
    pub fn store_health(&self) -> forgecast_store::StoreHealth {
        self.shared.store.health()
    }

    /// Waits until everything that was handed to the store before is durable: all that was folded, except what waits
    /// because the disk could not keep up.
    ///
    /// # Errors
    /// The disk did not take it within the deadline; it stays queued.
    pub async fn flush(&self) -> Result<(), Error> {
        let operation = "bring everything to the disk";
        let waited_ms = self.shared.options.store_deadline_ms;
        let (reply, settled) = oneshot::channel();
        self.commands
            .send(Command::Settle(reply))
            .await
            .map_err(|_| Error::Stopped)?;
        settled.await.map_err(|_| Error::Stopped)?;
        let commit = self.shared.store.commit(Commit::default());
        match tokio::time::timeout(Duration::from_millis(waited_ms), commit).await {
            Ok(result) => result.map_err(|source| Error::Store { operation, source }),
            Err(_) => Err(Error::Slow { operation, waited_ms }),
        }
    }

    /// Waits until what was folded has been judged, too: old sessions are found to be quiet, and agents' own sessions belong
    /// to their builds. May take as long as the store takes to be read.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn rest(&self) -> Result<(), Error> {
        let (reply, judged) = oneshot::channel();
        let command = Command::Rest(reply);
        self.commands.send(command).await.map_err(|_| Error::Stopped)?;
        judged.await.map_err(|_| Error::Stopped)
    }

    /// Removes a session and everything that is stored of it. Its viewers are told; its id is not used again.
    ///
    /// # Errors
    /// The store did not take it.
    pub async fn forget(&self, session: &SessionRef) -> Result<bool, Error> {
        let (reply, answer) = oneshot::channel();
        let session = session.clone();
        let command = Command::Forget { session, reply };
        self.commands.send(command).await.map_err(|_| Error::Stopped)?;
        let Some(id) = answer.await.map_err(|_| Error::Stopped)? else {
            return Ok(false);
        };
        remove(&self.shared.store, id, self.shared.clock.now()).await?;
        Ok(true)
    }
}

/// Removes a session and everything that is stored of it, behind everything that is queued.
pub(crate) async fn remove(store: &Store, id: SessionId, now: Timestamp) -> Result<(), Error> {
    let operation = "forget a session";
    let failed = |source| Error::Store { operation, source };
    store.forget(&id).await.map_err(failed)?;
    // The bare number stays, so that after a restart, too, no other run gets this id.
    let tombstone = StoredSession {
        name: id.name().to_string(),
        id,
        directory: None,
        named: false,
        created_at: now,
    };
    let writes = vec![Write::Session(tombstone)];
    store.commit(Commit { writes }).await.map_err(failed)
}

fn unavailable(topic: Topic, source: Error) -> SubscribeError {
    let source = Box::new(source);
    SubscribeError::Unavailable { topic, source }
}
