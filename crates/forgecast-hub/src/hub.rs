//! The handle to the hub. It asks the hub's task for what has to be one step with the folding, and answers the rest by
//! itself.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use forgecast_protocol::event::PhaseReported;
use forgecast_protocol::rest::SessionPlaces;
use forgecast_protocol::{Batch, Epoch, SessionId, SessionName, SessionRef, Topic};
use forgecast_store::{Commit, From, LogQuery};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::batch::ids_in;
use crate::command::{Attached, Command, PushAnswer};
use crate::counters::{Counters, Receipt};
use crate::error::{Error, PushError, SubscribeError};
use crate::frame::Position;
use crate::log::LAST_LINES;
use crate::registry::Producer;
use crate::shared::Shared;
use crate::subscription::{Source, Start, Subscription, ViewerPermit};
use crate::timeline::HistoryCache;
use crate::topic::TopicHandle;

/// How often one push is looked up in the store. Once is not enough only when very many other pushes came in between.
const MAX_LOOKUPS: usize = 3;
/// Who pushes without a token.
const LOCAL: &str = "local";

/// A handle to the running hub, cheap to clone.
#[derive(Clone)]
pub struct Hub {
    pub(crate) shared: Arc<Shared>,
    intake: mpsc::Sender<Batch>,
    commands: mpsc::Sender<Command>,
    pub(crate) histories: Arc<HistoryCache>,
}

impl Hub {
    pub(crate) fn new(shared: Arc<Shared>, intake: mpsc::Sender<Batch>, commands: mpsc::Sender<Command>) -> Self {
        Self {
            shared,
            intake,
            commands,
            histories: Arc::default(),
        }
    }

    /// The channel for sources of this process: their batches are published at once and stored afterwards. It has little
    /// room, so a source that outruns the hub waits.
    #[must_use]
    pub fn intake(&self) -> mpsc::Sender<Batch> {
        self.intake.clone()
    }

    /// Sends a command to the hub's task.
    pub(crate) async fn send(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).await.map_err(|_| Error::Stopped)
    }

    /// Asks the hub's task and waits for its answer.
    pub(crate) async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| Error::Stopped)
    }

    /// Folds what a program of this machine sent; see [`Hub::push_by`].
    ///
    /// # Errors
    /// See [`PushError`].
    pub async fn push(&self, batch: Batch) -> Result<Receipt, PushError> {
        self.push_by(LOCAL, batch).await
    }

    /// Folds what a producer sent. Returns when it is durable. Events whose id is known already count as duplicates.
    /// `producer` says who it is: what one of them sends may take a part of the places for sessions.
    ///
    /// # Errors
    /// See [`PushError`]. After an error part of the push may have been accepted; sending the same ids again is safe.
    pub async fn push_by(&self, producer: &str, mut batch: Batch) -> Result<Receipt, PushError> {
        let producer = Producer::of(Some(producer));
        let waited_ms = self.shared.options.store_deadline_ms;
        let deadline = Instant::now() + Duration::from_millis(waited_ms);
        let late = |_| self.late(waited_ms);
        for _ in 0..MAX_LOOKUPS {
            // Read before the look-up: everything up to here is known to the store by then.
            let durable = self.shared.durable.load(Ordering::Acquire);
            let ids: Vec<_> = ids_in(&batch).collect();
            let known = if ids.is_empty() {
                BTreeSet::new()
            } else {
                let lookup = timeout_at(deadline, self.shared.store.known_ids(ids));
                let found = lookup.await.map_err(late)?;
                found.map_err(|error| self.lookup_failed(error, waited_ms))?
            };
            let push = |reply| Command::Push {
                batch,
                known,
                durable,
                producer: producer.clone(),
                reply,
            };
            let answer = timeout_at(deadline, self.ask(push)).await;
            match answer.map_err(late)?.map_err(|_| PushError::Stopped)? {
                PushAnswer::Done(result) => return result,
                PushAnswer::Again(again) => batch = again,
            }
        }
        Err(self.shared.busy())
    }

    /// The build whose phase file says this at the moment, word for word.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn whose_phase_file_says(&self, fact: PhaseReported) -> Result<Option<SessionId>, Error> {
        let fact = Box::new(fact);
        self.ask(|reply| Command::FindPhaseFile { fact, reply }).await
    }

    /// A disk that is slow or locked is a reason to come back, anything else is a failure.
    fn lookup_failed(&self, error: forgecast_store::Error, waited_ms: u64) -> PushError {
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

    /// Follows a topic. The first [`Subscription::next`] gives what a viewer lacks that begins at `start`.
    ///
    /// # Errors
    /// The session is unknown, there are too many viewers, or the session could not be loaded.
    pub async fn subscribe(&self, topic: Topic, start: Start) -> Result<Subscription, SubscribeError> {
        let position = match start {
            Start::After { epoch, revision } => Some(Position { epoch, revision }),
            Start::Fresh | Start::LogFrom(_) => None,
        };
        let per_session = self.shared.options.viewers_per_session;
        let permit = |topic: &TopicHandle, limit: usize| {
            let all = (&self.shared.viewers, self.shared.options.viewers);
            ViewerPermit::acquire(topic, limit, all)
        };
        let (name, state, limit) = match topic {
            Topic::Sessions => (topic, self.shared.index.clone(), usize::MAX),
            Topic::Session(session) => {
                let Attached { id, state, .. } = self.attach(session).await?;
                (Topic::Session(id.into()), state, per_session)
            }
            Topic::Log(session) => {
                let attached = self.attach(session).await?;
                let permit = permit(&attached.log.handle, per_session)?;
                let source = self.follow_log(&attached, start).await?;
                return Ok(Subscription::new(Topic::Log(attached.id.into()), source, permit));
            }
        };
        let permit = permit(&state.handle, limit)?;
        let cursor = state.cursor(position);
        Ok(Subscription::new(name, Source::State { topic: state, cursor }, permit))
    }

    async fn follow_log(&self, attached: &Attached, start: Start) -> Result<Source, SubscribeError> {
        let Attached { id, log, .. } = attached;
        let follow = |older, next| Source::Log {
            topic: log.clone(),
            older,
            next,
        };
        let (first, next) = log.range();
        let wanted = match start {
            // A number that was never given out comes from another database.
            Start::LogFrom(offset) if offset <= next => offset,
            _ => next.saturating_sub(LAST_LINES),
        };
        if wanted >= first {
            return Ok(follow(Vec::new(), wanted));
        }
        // Lines that lie too far back are skipped: the viewer fetches those that it wants.
        let from = wanted.max(first.saturating_sub(self.shared.options.log_lines as u64));
        let query = LogQuery {
            from: From::Offset(from),
            limit: u32::try_from(first - from).unwrap_or(u32::MAX),
            level: None,
            text: None,
        };
        let page = self.shared.store.log(id, query).await.map_err(|error| {
            let error = Error::store("read older log lines")(error);
            unavailable(Topic::Log(id.clone().into()), error)
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
        Ok(follow(older, at))
    }

    /// A session in memory, where it is loaded to if it has to be.
    pub(crate) async fn attach(&self, session: SessionRef) -> Result<Attached, SubscribeError> {
        match self.attach_known(session.clone()).await {
            Err(SubscribeError::Unknown(_)) => {}
            attached => return attached,
        }
        match self.find(&session).await {
            Ok(Some(id)) => self.attach_known(id.into()).await,
            Ok(None) => Err(SubscribeError::Unknown(session)),
            Err(error) => Err(unavailable(Topic::Session(session), error)),
        }
    }

    async fn attach_known(&self, session: SessionRef) -> Result<Attached, SubscribeError> {
        let topic = Topic::Session(session.clone());
        let waited_ms = self.shared.options.store_deadline_ms;
        let attach = self.ask(|reply| Command::Attach { session, reply });
        match timeout(Duration::from_millis(waited_ms), attach).await {
            Ok(Ok(attached)) => attached,
            Ok(Err(stopped)) => Err(unavailable(topic, stopped)),
            Err(_) => {
                let operation = "load the session into memory";
                Err(unavailable(topic, Error::Slow { operation, waited_ms }))
            }
        }
    }

    /// The session that a reference means at the moment. One that left memory because there were too many is stored all
    /// the same: it is known again afterwards. `None` when there is no such session.
    ///
    /// # Errors
    /// The store failed, or the hub has stopped.
    pub async fn find(&self, session: &SessionRef) -> Result<Option<SessionId>, Error> {
        if let Some(id) = self.resolve(session) {
            return Ok(Some(id));
        }
        let failed = Error::store("look for a session");
        let mut known = self.shared.store.find(session).await.map_err(failed)?;
        if known.is_none() && self.shared.store.backlog_bytes() > 0 {
            // What was evicted a moment ago may still be on its way to the disk.
            self.settle().await;
            known = self.shared.store.find(session).await.map_err(failed)?;
        }
        let Some(known) = known else {
            return Ok(None);
        };
        let id = known.session.id.clone();
        let known = Box::new(known);
        self.ask(|reply| Command::Recall { known, reply }).await?;
        Ok(Some(id))
    }

    /// The run that a reference means at the moment, among the sessions that are in memory; see [`Hub::find`].
    #[must_use]
    pub fn resolve(&self, session: &SessionRef) -> Option<SessionId> {
        self.shared.registry().find(session)
    }

    /// The folder of a session's project, when a source or a producer named it.
    #[must_use]
    pub fn project_directory(&self, session: &SessionId) -> Option<PathBuf> {
        self.shared.registry().directory(session).map(PathBuf::from)
    }

    /// The session that an agent's own session is shown as, or within, by the name of its transcript.
    #[must_use]
    pub fn session_of_agent(&self, agent: &SessionName) -> Option<SessionId> {
        let registry = self.shared.registry();
        registry.bound(agent).map(|binding| binding.session.clone())
    }

    /// The epoch of the sessions' revisions.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// What the hub has done so far, at this moment.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.shared.tally.lock().clone();
        counters.viewers = self.shared.viewers.load(Ordering::Relaxed) as u64;
        counters.intake_waiting = (self.intake.max_capacity() - self.intake.capacity()) as u64;
        counters.backlog_bytes = self.shared.store.backlog_bytes();
        counters
    }

    /// How many of the places for sessions are taken.
    #[must_use]
    pub fn session_places(&self) -> SessionPlaces {
        let registry = self.shared.registry();
        let places = registry.places();
        SessionPlaces {
            unfinished: places.unfinished() as u64,
            max: places.limit() as u64,
            full: places.is_full(),
            refused: places.pressure(),
        }
    }

    /// The health of the store.
    #[must_use]
    pub fn store_health(&self) -> forgecast_store::StoreHealth {
        self.shared.store.health()
    }

    /// Waits until everything that was folded before is durable, except facts that were collapsed because the disk could
    /// not keep up.
    ///
    /// # Errors
    /// The disk did not finish within the deadline (the facts stay queued), or the hub has stopped.
    pub async fn flush(&self) -> Result<(), Error> {
        self.ask(Command::Flush).await?;
        self.wait_stored().await
    }

    /// Waits until what the store has in its queue is durable.
    pub(crate) async fn wait_stored(&self) -> Result<(), Error> {
        let operation = "flush to the disk";
        let waited_ms = self.shared.options.store_deadline_ms;
        let commit = self.shared.store.commit(Commit::default());
        match timeout(Duration::from_millis(waited_ms), commit).await {
            Ok(result) => result.map_err(Error::store(operation)),
            Err(_) => Err(Error::Slow { operation, waited_ms }),
        }
    }

    /// Waits until what was folded is evaluated, too: old sessions are found to be quiet, and agent sessions are merged
    /// into their builds. May take as long as the store takes to be read.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn wait_idle(&self) -> Result<(), Error> {
        self.ask(Command::WaitIdle).await
    }

    /// Removes a session and everything that is stored of it. Its viewers are told; its id is not used again. Returns
    /// whether there was such a session.
    ///
    /// # Errors
    /// The store failed, or the hub has stopped.
    pub async fn forget(&self, session: &SessionRef) -> Result<bool, Error> {
        let Some(id) = self.find(session).await? else {
            return Ok(false);
        };
        let session = id.into();
        let Some(id) = self.ask(|reply| Command::Forget { session, reply }).await? else {
            return Ok(false);
        };
        self.shared.remove_from_store(&id).await?;
        Ok(true)
    }
}

fn unavailable(topic: Topic, source: Error) -> SubscribeError {
    let source = Box::new(source);
    SubscribeError::Unavailable { topic, source }
}
