//! Which sessions are in memory: those at work, those that somebody watches, and a few that were so a moment ago. The
//! others are rows until somebody asks.

use std::cmp::Reverse;
use std::sync::Arc;

use forgecast_protocol::{Revision, SessionId, SessionRef, Topic};
use forgecast_session::{Deadline, Session};
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::Task;
use crate::command::{Attached, SeatAt};
use crate::error::{Error, SubscribeError};
use crate::history::{Labels, Restored, restore};
use crate::log::LogTopic;
use crate::subscription::Seat;
use crate::topic::{Content, End, RingLimits, StateTopic};

/// So many views more than may stay are no crowd yet.
const CROWD: usize = 256;
/// Loads that run at a time; the store has a few readers, and they have to answer viewers too.
const LOADS: usize = 8;

/// A session in memory.
pub(crate) struct Live {
    pub(crate) session: Session,
    pub(crate) revision: Revision,
    pub(crate) topic: Arc<StateTopic>,
    pub(crate) log: Arc<LogTopic>,
    /// Facts since the snapshot that the store has.
    pub(crate) facts: u64,
    /// Commits that hold facts of it and are not durable yet.
    pub(crate) uncommitted: u32,
    pub(crate) used: Instant,
    /// The deadline that was said last: said once, it is not said again.
    pub(crate) said: Option<Deadline>,
}

/// A session on its way into memory.
#[derive(Default)]
pub(crate) struct Loading {
    waiters: Vec<(SeatAt, Reply)>,
}

type Reply = oneshot::Sender<Result<Attached, SubscribeError>>;

impl Live {
    /// Whether nothing of it was published yet.
    pub(crate) fn is_new(&self) -> bool {
        self.revision == 0
    }

    fn is_watched(&self) -> bool {
        self.topic.is_watched() || self.log.is_watched()
    }
}

impl Task {
    fn ring_limits(&self) -> RingLimits {
        RingLimits {
            patches: self.shared.options.ring_patches,
            bytes: self.shared.options.ring_bytes,
        }
    }

    /// Puts a session into memory.
    pub(crate) fn admit(&mut self, id: &SessionId, restored: Restored) -> &mut Live {
        let options = &self.shared.options;
        let log_limits = RingLimits {
            patches: options.log_lines,
            bytes: options.ring_bytes,
        };
        let epoch = self.shared.epoch;
        let topic = StateTopic::new(
            &topic_name(id),
            epoch,
            self.ring_limits(),
            restored.revision,
            Content::View(restored.view),
            restored.kept,
        );
        let name = Topic::Log(id.clone().into()).to_string();
        let next_line = self.next_lines.get(id).copied().unwrap_or(0);
        self.live.entry(id.clone()).or_insert(Live {
            session: restored.session,
            revision: restored.revision,
            topic: Arc::new(topic),
            log: Arc::new(LogTopic::new(&name, epoch, log_limits, next_line)),
            facts: restored.facts,
            uncommitted: 0,
            used: Instant::now(),
            said: None,
        })
    }

    /// Begins to bring a session into memory.
    pub(crate) fn load(&mut self, id: &SessionId) {
        if self.live.contains_key(id) || self.loading.contains_key(id) {
            return;
        }
        self.loading.insert(id.clone(), Loading::default());
        self.load_queue.push_back(id.clone());
        self.start_loads();
    }

    fn start_loads(&mut self) {
        while self.loads.len() < LOADS
            && let Some(id) = self.load_queue.pop_front()
        {
            let (store, epoch) = (self.store.clone(), self.shared.epoch);
            self.loads.spawn(async move {
                let topic = topic_name(&id);
                let labels = Labels { topic: &topic, epoch };
                let restored = restore(&store, &id, None, labels).await;
                (id, restored)
            });
        }
    }

    /// A load came back.
    pub(crate) fn load_ended(&mut self, loaded: Result<(SessionId, Result<Option<Restored>, Error>), JoinError>) {
        match loaded {
            Ok((id, result)) => self.loaded(&id, result),
            Err(error) => tracing::error!(%error, "a load was torn down"),
        }
        self.start_loads();
        self.finish_adoptions();
        self.unpark();
    }

    fn loaded(&mut self, id: &SessionId, result: Result<Option<Restored>, Error>) {
        let Some(Loading { waiters }) = self.loading.remove(id) else {
            return;
        };
        if self.shared.registry().stored(id).is_none() {
            // Removed meanwhile.
            for (_, reply) in waiters {
                let _ = reply.send(Err(SubscribeError::Unknown(id.clone().into())));
            }
            return;
        }
        let failure = match result {
            Ok(Some(restored)) => {
                let row = restored.session.row();
                self.admit(id, restored);
                self.set_row(&row);
                self.index_changed();
                self.shared.tally.lock().activations += 1;
                self.set_deadline(id);
                for (seat, reply) in waiters {
                    self.seat(id, seat, reply);
                }
                return;
            }
            Ok(None) => {
                // Known by name only: its facts never reached the disk. It is no session any more.
                self.forget(id, End::Removed);
                None
            }
            Err(error) => {
                tracing::error!(%error, session = %id, "a session could not be loaded");
                Some(error.to_string())
            }
        };
        for (_, reply) in waiters {
            let error = match &failure {
                None => SubscribeError::Unknown(id.clone().into()),
                Some(reason) => SubscribeError::Unavailable {
                    topic: Topic::Session(id.clone().into()),
                    source: Box::new(Error::Unreadable {
                        session: id.to_string(),
                        reason: reason.clone(),
                    }),
                },
            };
            let _ = reply.send(Err(error));
        }
    }

    /// Answers with the session in memory, at once or when it is there.
    pub(crate) fn attach(&mut self, session: &SessionRef, seat: SeatAt, reply: Reply) {
        let Some(id) = self.shared.registry().find(session) else {
            let _ = reply.send(Err(SubscribeError::Unknown(session.clone())));
            return;
        };
        if self.live.contains_key(&id) {
            self.seat(&id, seat, reply);
            return;
        }
        self.load(&id);
        if let Some(loading) = self.loading.get_mut(&id) {
            loading.waiters.push((seat, reply));
        }
    }

    fn seat(&mut self, id: &SessionId, at: SeatAt, reply: Reply) {
        let Some(live) = self.live.get_mut(id) else {
            return;
        };
        live.used = Instant::now();
        let options = &self.shared.options;
        let viewers = match at {
            SeatAt::Nowhere => None,
            SeatAt::State => Some((live.topic.name(), &live.topic.viewers)),
            SeatAt::Log => Some((live.log.name(), &live.log.viewers)),
        };
        let seat = viewers
            .map(|(name, viewers)| {
                let all = (&self.shared.viewers, options.viewers);
                Seat::take((name, viewers, options.viewers_per_session), all)
            })
            .transpose();
        let _ = reply.send(seat.map(|seat| Attached {
            id: id.clone(),
            state: live.topic.clone(),
            log: live.log.clone(),
            seat,
        }));
    }

    /// Lets full views leave memory that nobody needs; all of them are in the store.
    pub(crate) fn shrink(&mut self) {
        let options = &self.shared.options;
        let idle = std::time::Duration::from_millis(options.idle_ms);
        let mut unwatched: Vec<(bool, Reverse<Instant>, &SessionId)> = self
            .live
            .iter()
            .filter(|(id, live)| live.uncommitted == 0 && !live.is_watched() && !self.persist.holds(id))
            .map(|(id, live)| {
                let unfinished = live.session.view().status.is_active();
                (unfinished, Reverse(live.used), id)
            })
            .collect();
        unwatched.sort();
        let (mut finished_left, mut unfinished_left) = (options.idle_finished, options.idle_unfinished);
        let mut leaving = Vec::new();
        for (unfinished, Reverse(used), id) in unwatched {
            let left = if unfinished {
                &mut unfinished_left
            } else {
                &mut finished_left
            };
            if *left == 0 || used.elapsed() > idle {
                leaving.push(id.clone());
            } else {
                *left -= 1;
            }
        }
        for id in leaving {
            if let Some(live) = self.live.remove(&id) {
                self.next_lines.insert(id, live.log.range().1);
            }
        }
    }

    /// The same between two rounds of upkeep, when very many sessions came at once.
    pub(crate) fn shrink_when_crowded(&mut self) {
        let options = &self.shared.options;
        let may_stay = options.idle_unfinished.saturating_add(options.idle_finished);
        // What has to stay (watched, not yet stored) is not looked through again until a quarter more has come.
        let crowd = self.stayed.max(may_stay).saturating_add(CROWD);
        if self.live.len() > crowd.saturating_add(crowd / 4) {
            self.shrink();
            self.stayed = self.live.len();
        }
    }

    /// Lets calls leave memory that nobody needs, once there are so many more than there may be.
    pub(crate) fn shrink_calls(&mut self, slack: usize) {
        let limit = self.shared.options.calls_in_memory;
        if self.calls.len() > limit.saturating_add(slack) {
            let gone = self.calls.shrink(limit);
            self.shared.tally.lock().calls_evicted += gone;
        }
    }

    /// Takes a session out of everything but the store.
    pub(crate) fn forget(&mut self, id: &SessionId, end: End) {
        if let Some(live) = self.live.remove(id) {
            live.topic.end(end);
            live.log.end(end);
        }
        self.persist.forget(id);
        self.shared.registry_mut().remove(id);
        self.next_lines.remove(id);
        self.deadlines.set(id, None);
        self.index.remove(id);
        self.index_changed();
    }
}

fn topic_name(id: &SessionId) -> String {
    Topic::Session(id.clone().into()).to_string()
}
