//! The sessions in memory: those at work, those that somebody watches, and a few that were so a moment ago. All others
//! are rows of the index until somebody asks for them.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::event::PhaseReported;
use forgecast_protocol::{Revision, SessionId, SessionRow, Topic};
use forgecast_session::{Deadline, FOLD_VERSION, Session};
use forgecast_store::Write;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::command::{AttachReply, Attached};
use crate::error::{Error, SubscribeError};
use crate::frame;
use crate::history::{Restored, restore};
use crate::json_object::JsonObject;
use crate::log::LogTopic;
use crate::shared::Shared;
use crate::topic::{Content, End, RingLimits, StateTopic};

/// By how many sessions memory may exceed what may stay, before it is looked through between two rounds of upkeep.
const CROWD: usize = 256;
/// Memory is looked through for what may leave it this often.
const SHRINK: Duration = Duration::from_secs(10);
/// It is looked through at least so often within the time after which a session may leave.
const SHRINKS_PER_IDLE: u32 = 60;
/// Loads that run at a time. The store has few readers, and they have to answer viewers, too.
const MAX_LOADS: usize = 8;

/// A session in memory.
pub(crate) struct LiveSession {
    pub(crate) session: Session,
    pub(crate) revision: Revision,
    pub(crate) topic: Arc<StateTopic>,
    pub(crate) log: Arc<LogTopic>,
    /// Facts since the snapshot that the store has.
    pub(crate) facts: u64,
    /// Commits that hold facts of it and are not durable yet.
    uncommitted: u32,
    pub(crate) used: Instant,
    /// The deadline that was announced last: it is not announced again.
    pub(crate) announced: Option<Deadline>,
}

impl LiveSession {
    /// Whether nothing of it was published yet.
    pub(crate) fn is_new(&self) -> bool {
        self.revision == 0
    }

    /// Whether anybody else holds one of its topics: a viewer, or who is about to become one.
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.topic) > 1 || Arc::strong_count(&self.log) > 1
    }

    fn close(&self, end: End) {
        self.topic.handle.close(end);
        self.log.handle.close(end);
    }

    /// Publishes the newest state if a viewer can see a difference. Returns whether it did. `steps` more revisions are
    /// left out before it: those of a past that was read in one go, which nobody saw live and anybody can look back at.
    pub(crate) fn publish(&mut self, steps: u64) -> bool {
        let view = JsonObject::of(self.session.view());
        if self.is_new() {
            self.revision = 1 + steps;
            self.topic.begin(self.revision, Content::View(view));
            return true;
        }
        let patch = self.topic.view().and_then(|before| before.diff(&view));
        let Some(patch) = patch else {
            return false;
        };
        self.revision += 1 + steps;
        self.topic
            .publish(self.revision, &patch, |content| *content = Content::View(view));
        true
    }

    /// The session as the store keeps it.
    pub(crate) fn snapshot(&self, id: &SessionId) -> Write {
        Write::Snapshot {
            session: id.clone(),
            revision: self.revision,
            fold_version: FOLD_VERSION,
            body: frame::json(&self.session),
        }
    }

    /// The session's row as the store keeps it.
    pub(crate) fn row(&self, row: SessionRow) -> Write {
        Write::Row {
            session: row.id.clone(),
            revision: self.revision,
            row,
        }
    }
}

/// A session whose load ended, with what was loaded.
pub(crate) type Loaded = (SessionId, Result<Option<Restored>, Error>);

/// The sessions in memory, and those that are being loaded.
pub(crate) struct LiveSessions {
    shared: Arc<Shared>,
    /// In boxes: a table has more places than entries, and these are large.
    sessions: HashMap<SessionId, Box<LiveSession>>,
    /// How many of them had to stay when memory was looked through last because there were too many.
    stayed: usize,
    /// When memory was looked through last.
    shrunk: Instant,
    /// For sessions that are not in memory: the number of their next log line.
    next_lines: HashMap<SessionId, u64>,
    /// Who waits for each session that is being loaded.
    loading: HashMap<SessionId, Vec<AttachReply>>,
    queue: VecDeque<SessionId>,
    pub(crate) loads: JoinSet<Loaded>,
}

impl LiveSessions {
    pub(crate) fn new(shared: Arc<Shared>, next_lines: HashMap<SessionId, u64>) -> Self {
        Self {
            shared,
            sessions: HashMap::new(),
            stayed: 0,
            shrunk: Instant::now(),
            next_lines,
            loading: HashMap::new(),
            queue: VecDeque::new(),
            loads: JoinSet::new(),
        }
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<&LiveSession> {
        self.sessions.get(id).map(|live| &**live)
    }

    pub(crate) fn get_mut(&mut self, id: &SessionId) -> Option<&mut LiveSession> {
        self.sessions.get_mut(id).map(|live| &mut **live)
    }

    /// The session in memory whose phase file says this; of several the one that worked last.
    pub(crate) fn whose_phase_file_says(&self, fact: &PhaseReported) -> Option<SessionId> {
        let says = self
            .sessions
            .iter()
            .filter(|(_, live)| live.session.phase_file_says(fact));
        let newest = says.max_by_key(|(id, live)| (live.session.view().last_work_at, *id));
        newest.map(|(id, _)| id.clone())
    }

    /// Whether somebody watches a session, or is about to.
    pub(crate) fn is_held(&self, id: &SessionId) -> bool {
        self.loading.contains_key(id) || self.sessions.get(id).is_some_and(|live| live.is_held())
    }

    pub(crate) fn contains(&self, id: &SessionId) -> bool {
        self.sessions.contains_key(id)
    }

    /// Number of sessions in memory.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Puts a session into memory.
    pub(crate) fn admit(&mut self, id: &SessionId, restored: Restored) {
        let options = &self.shared.options;
        let limits = RingLimits {
            patches: options.ring_patches,
            bytes: options.ring_bytes,
        };
        let log_limits = RingLimits {
            patches: options.log_lines,
            ..limits
        };
        let epoch = self.shared.epoch;
        let content = Content::View(restored.view);
        let name = Topic::Session(id.clone().into()).to_string();
        let topic = StateTopic::new(&name, epoch, limits, restored.revision, content, restored.patches);
        let log_name = Topic::Log(id.clone().into()).to_string();
        let next_line = self.next_lines.get(id).copied().unwrap_or(0);
        self.sessions.entry(id.clone()).or_insert_with(|| {
            Box::new(LiveSession {
                session: restored.session,
                revision: restored.revision,
                topic: Arc::new(topic),
                log: Arc::new(LogTopic::new(&log_name, epoch, log_limits, next_line)),
                facts: restored.facts,
                uncommitted: 0,
                used: Instant::now(),
                announced: None,
            })
        });
    }

    /// Sets the number of the next log line of a session that is not in memory.
    pub(crate) fn set_next_line(&mut self, id: &SessionId, next_line: u64) {
        self.next_lines.insert(id.clone(), next_line);
    }

    /// Starts to load a session, unless it is in memory or being loaded.
    pub(crate) fn load(&mut self, id: &SessionId) {
        if self.contains(id) || self.loading.contains_key(id) {
            return;
        }
        self.loading.insert(id.clone(), Vec::new());
        self.queue.push_back(id.clone());
        self.start_loads();
    }

    fn start_loads(&mut self) {
        while self.loads.len() < MAX_LOADS
            && let Some(id) = self.queue.pop_front()
        {
            let shared = self.shared.clone();
            self.loads.spawn(async move {
                let restored = restore(&shared, &id, None).await;
                (id, restored)
            });
        }
    }

    /// Whether any session is being loaded.
    pub(crate) fn is_loading(&self) -> bool {
        !self.loading.is_empty()
    }

    /// Notes that a load ended. Returns its result and who waits for it.
    pub(crate) fn load_ended(&mut self, ended: Result<Loaded, JoinError>) -> Option<(Loaded, Vec<AttachReply>)> {
        self.start_loads();
        match ended {
            Ok(loaded) => {
                let waiters = self.loading.remove(&loaded.0)?;
                Some((loaded, waiters))
            }
            Err(error) => {
                tracing::error!(%error, "a load was torn down");
                None
            }
        }
    }

    /// Answers with a session in memory, or keeps the reply until it is loaded.
    pub(crate) fn attach(&mut self, id: &SessionId, reply: AttachReply) {
        self.load(id);
        match self.loading.get_mut(id) {
            Some(waiters) => waiters.push(reply),
            None => self.answer(id, reply),
        }
    }

    /// Answers with a session that is in memory.
    pub(crate) fn answer(&mut self, id: &SessionId, reply: AttachReply) {
        let Some(live) = self.sessions.get_mut(id) else {
            return;
        };
        live.used = Instant::now();
        let attached = Attached {
            id: id.clone(),
            state: live.topic.clone(),
            log: live.log.clone(),
        };
        // A viewer that went away needs no answer.
        let _ = reply.send(Ok(attached));
    }

    /// Tells those who waited for a session that it cannot be had: `reason` is why loading failed, `None` when there is
    /// no such session.
    pub(crate) fn refuse(id: &SessionId, waiters: Vec<AttachReply>, reason: Option<&str>) {
        for reply in waiters {
            let error = match reason {
                None => SubscribeError::Unknown(id.clone().into()),
                Some(reason) => SubscribeError::Unavailable {
                    topic: Topic::Session(id.clone().into()),
                    source: Box::new(Error::Unreadable {
                        session: id.to_string(),
                        reason: reason.to_owned(),
                    }),
                },
            };
            let _ = reply.send(Err(error));
        }
    }

    /// Facts of a session are in one more commit that is not durable yet.
    pub(crate) fn committing(&mut self, id: &SessionId) {
        if let Some(live) = self.sessions.get_mut(id) {
            live.uncommitted += 1;
        }
    }

    /// Commits that held facts of a session are durable.
    pub(crate) fn committed(&mut self, id: &SessionId, commits: u32) {
        if let Some(live) = self.sessions.get_mut(id) {
            live.uncommitted = live.uncommitted.saturating_sub(commits);
        }
    }

    /// Looks through memory from time to time, see [`Self::shrink`].
    pub(crate) fn shrink_when_due(&mut self, is_collapsed: impl Fn(&SessionId) -> bool) {
        let idle = Duration::from_millis(self.shared.options.idle_ms);
        if self.shrunk.elapsed() >= SHRINK.min(idle / SHRINKS_PER_IDLE) {
            self.shrink(is_collapsed);
        }
    }

    /// Evicts sessions that nobody needs and the store has as they are; it does not know all facts of those that are
    /// `is_collapsed`.
    pub(crate) fn shrink(&mut self, is_collapsed: impl Fn(&SessionId) -> bool) {
        self.shrunk = Instant::now();
        let options = &self.shared.options;
        let idle = Duration::from_millis(options.idle_ms);
        let mut unwatched: Vec<(bool, Reverse<Instant>, &SessionId)> = self
            .sessions
            .iter()
            .filter(|(id, live)| live.uncommitted == 0 && !live.is_held() && !is_collapsed(id))
            .map(|(id, live)| {
                let is_unfinished = live.session.view().status.is_active();
                (is_unfinished, Reverse(live.used), id)
            })
            .collect();
        unwatched.sort();
        let (mut finished_left, mut unfinished_left) = (options.idle_finished, options.idle_unfinished);
        let mut leaving = Vec::new();
        for (is_unfinished, Reverse(used), id) in unwatched {
            let left = if is_unfinished {
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
            if let Some(live) = self.sessions.remove(&id) {
                self.next_lines.insert(id, live.log.range().1);
            }
        }
        self.stayed = 0;
    }

    /// Evicts sessions between two rounds of upkeep when very many came at once.
    pub(crate) fn shrink_when_crowded(&mut self, is_collapsed: impl Fn(&SessionId) -> bool) {
        let options = &self.shared.options;
        let may_stay = options.idle_unfinished.saturating_add(options.idle_finished);
        // What has to stay (watched, not yet stored) is not looked through again until a quarter more has come.
        let crowd = self.stayed.max(may_stay).saturating_add(CROWD);
        if self.len() > crowd.saturating_add(crowd / 4) {
            self.shrink(is_collapsed);
            self.stayed = self.len();
        }
    }

    /// Removes a session; its viewers are told why.
    pub(crate) fn remove(&mut self, id: &SessionId, end: End) {
        if let Some(live) = self.sessions.remove(id) {
            live.close(end);
        }
        self.next_lines.remove(id);
    }

    /// Ends the topics of all sessions when the hub stops.
    pub(crate) fn stop(&self) {
        for live in self.sessions.values() {
            live.close(End::Stopped);
        }
    }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::{Subject, Timestamp};
    use tokio::sync::oneshot;

    use super::*;
    use crate::options::Options;
    use crate::shared::testing::shared;

    fn id(text: &str) -> SessionId {
        text.parse().unwrap()
    }

    fn new_session(id: &SessionId) -> Restored {
        Restored::new(Session::new(id.clone(), &Subject::default(), Timestamp::from_millis(0)))
    }

    #[tokio::test]
    async fn the_sessions_used_last_stay_and_those_that_are_held_or_not_durable() {
        let options = Options {
            idle_unfinished: 1,
            ..Options::default()
        };
        let mut sessions = LiveSessions::new(shared(options).await, HashMap::new());
        let ids = ["old~1", "held~1", "uncommitted~1", "new~1"].map(id);
        for id in &ids {
            sessions.admit(id, new_session(id));
        }
        sessions.committing(&ids[2]);
        sessions.shrink(|id| *id == ids[1]);
        assert_eq!(
            ids.each_ref().map(|id| sessions.contains(id)),
            [false, true, true, true]
        );
        sessions.committed(&ids[2], 1);
        sessions.shrink(|_| false);
        assert_eq!(
            ids.each_ref().map(|id| sessions.contains(id)),
            [false, false, false, true]
        );
    }

    #[tokio::test]
    async fn everyone_who_waits_for_a_session_is_answered_by_one_load() {
        let mut sessions = LiveSessions::new(shared(Options::default()).await, HashMap::new());
        let id = id("a~1");
        let (first, first_answer) = oneshot::channel();
        let (second, second_answer) = oneshot::channel();
        sessions.attach(&id, first);
        sessions.attach(&id, second);
        let load = sessions.loads.join_next().await.unwrap();
        let ((loaded, result), waiters) = sessions.load_ended(load).unwrap();
        assert!(loaded == id && result.unwrap().is_none() && !sessions.is_loading());
        sessions.admit(&id, new_session(&id));
        for waiter in waiters {
            sessions.answer(&id, waiter);
        }
        let attached = first_answer.await.unwrap().unwrap();
        assert!(second_answer.await.unwrap().is_ok() && sessions.get(&id).unwrap().is_held());
        drop(attached);
        assert!(!sessions.get(&id).unwrap().is_held());
        let (late, late_answer) = oneshot::channel();
        LiveSessions::refuse(&id, vec![late], None);
        assert!(matches!(late_answer.await.unwrap(), Err(SubscribeError::Unknown(_))));
    }
}
