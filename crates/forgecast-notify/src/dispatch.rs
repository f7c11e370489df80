//! Decides who is called, for what and when. Pure: it is told what is stored and what time it is, and says what to write
//! down and what to send.
//!
//! Each target has a queue. A message in it collects what a target has to be told until it is attempted: needs that come
//! meanwhile join it, needs that are over leave it. While an attempt is under way, or when one ended without an answer, the
//! receiver may have the message, so its content is frozen. A target that cannot be reached therefore has at most one
//! frozen message and one that collects, however long it is away.

mod queue;

use std::collections::{BTreeMap, BTreeSet};

use forgecast_hub::{NotificationWrite, StoredNotifications};
use forgecast_protocol::rest::{Notification, NotificationItem, NotificationTarget};
use forgecast_protocol::{Calendar, SessionId, SessionRow, Timestamp};
use serde::{Deserialize, Serialize};

use crate::hints::Shown;
use crate::target::Target;
pub(crate) use queue::{Attempt, Outcome};
use queue::{Expired, Queue};

/// Under these keys the store remembers what is not a message.
pub(crate) const BEGAN: &str = "began";
const SILENCE: &str = "silence";
const SESSION: &str = "session/";
const TARGET: &str = "target/";

/// What was noticed of a session last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Noticed {
    item: NotificationItem,
    /// Whether it still needs a person.
    open: bool,
    /// The targets that were called for it.
    #[serde(default)]
    called: BTreeSet<String>,
}

/// What is known of targets, sessions and messages, and the decisions that follow from it.
pub(crate) struct Dispatcher {
    queues: Vec<Queue>,
    noticed: BTreeMap<SessionId, Noticed>,
    silenced_until: Option<Timestamp>,
    calendar: Calendar,
    /// Gives every message its id.
    new_id: Box<dyn FnMut() -> String + Send>,
    /// What has to be written before anything is sent.
    writes: Vec<NotificationWrite>,
}

impl Dispatcher {
    /// Goes on where the store says that the last process stopped. `current` are the sessions that need a person at the
    /// moment. The first time, what needed somebody before `now` is history.
    pub(crate) fn restore(
        targets: &[Target],
        calendar: Calendar,
        new_id: Box<dyn FnMut() -> String + Send>,
        stored: StoredNotifications,
        current: &[SessionRow],
        now: Timestamp,
    ) -> Self {
        let StoredNotifications { waiting, mut memory } = stored;
        let mut this = Self {
            queues: targets.iter().map(Queue::new).collect(),
            noticed: BTreeMap::new(),
            silenced_until: memory
                .remove(SILENCE)
                .and_then(|until| serde_json::from_value(until).ok()),
            calendar,
            new_id,
            writes: Vec::new(),
        };
        let is_first = !targets.is_empty() && !memory.contains_key(BEGAN);
        if is_first {
            this.remember(BEGAN.to_owned(), &now);
        }
        for (key, value) in memory {
            if let Some(id) = key.strip_prefix(SESSION).and_then(|id| id.parse().ok()) {
                if let Ok(noticed) = serde_json::from_value(value) {
                    this.noticed.insert(id, noticed);
                }
            } else if let Some(name) = key.strip_prefix(TARGET)
                && let Some(queue) = this.queues.iter_mut().find(|queue| queue.name() == name)
            {
                queue.disabled = serde_json::from_value(value).ok();
            }
        }
        for message in waiting {
            match this.queues.iter_mut().find(|queue| queue.name() == message.target) {
                Some(queue) => queue.resume(message),
                None => {
                    let ended = Expired::TargetGone.end(message, now);
                    this.writes.push(NotificationWrite::Put(ended));
                }
            }
        }
        for row in current {
            let is_history = is_first && row.attention.as_ref().is_some_and(|attention| attention.since < now);
            if is_history {
                this.notice(row);
            }
            this.observe(&row.id, Some(row), now);
        }
        let gone: Vec<SessionId> = this.noticed.keys().cloned().collect();
        for id in gone.iter().filter(|id| !current.iter().any(|row| row.id == **id)) {
            this.close(id, now);
        }
        this
    }

    /// Looks at the stored row of a session; none when the session is gone.
    pub(crate) fn observe(&mut self, session: &SessionId, row: Option<&SessionRow>, now: Timestamp) {
        let attention = row.and_then(|row| row.attention.as_ref());
        let known = self
            .noticed
            .get(session)
            .map(|known| (known.item.seq, known.item.since));
        match (row, attention, known) {
            (Some(row), Some(attention), Some((seq, _))) if attention.seq == seq => {
                self.update_text(row, &attention.text);
            }
            (Some(row), Some(attention), known) => {
                self.close(session, now);
                // Numbers begin anew when a session's facts are read again by a newer version; times do not.
                if known.is_none_or(|(seq, since)| attention.seq > seq || attention.since > since) {
                    self.call(row, now);
                }
            }
            _ => self.close(session, now),
        }
        if row.is_none() && self.noticed.remove(session).is_some() {
            self.writes
                .push(NotificationWrite::Forget(format!("{SESSION}{session}")));
        }
    }

    /// Notes that a session needs a person. Returns what a message has to say of it.
    fn notice(&mut self, row: &SessionRow) -> Option<NotificationItem> {
        let attention = row.attention.as_ref()?;
        let item = NotificationItem {
            session: row.id.clone(),
            seq: attention.seq,
            kind: attention.kind,
            since: attention.since,
            name: row.name.clone(),
            project: row.project.clone(),
            text: attention.text.clone(),
        };
        let noticed = Noticed {
            item: item.clone(),
            open: true,
            called: BTreeSet::new(),
        };
        self.noticed.insert(row.id.clone(), noticed);
        self.remember_session(&row.id);
        Some(item)
    }

    fn call(&mut self, row: &SessionRow, now: Timestamp) {
        let Some(item) = self.notice(row) else { return };
        for queue in &mut self.queues {
            if queue.rules.match_row(item.kind, row) {
                queue.add_need(item.clone(), now, &mut self.new_id);
            }
        }
        self.write_changed();
    }

    /// The same wait may be for another tool by now: what was not sent yet says so.
    fn update_text(&mut self, row: &SessionRow, text: &str) {
        let Some(noticed) = self
            .noticed
            .get_mut(&row.id)
            .filter(|noticed| noticed.item.text != text)
        else {
            return;
        };
        text.clone_into(&mut noticed.item.text);
        let item = noticed.item.clone();
        for queue in &mut self.queues {
            queue.replace_need(&item);
        }
        self.remember_session(&row.id);
        self.write_changed();
    }

    /// A session needs nobody any more.
    fn close(&mut self, session: &SessionId, now: Timestamp) {
        let Some(noticed) = self.noticed.get_mut(session).filter(|noticed| noticed.open) else {
            return;
        };
        noticed.open = false;
        let (item, called) = (noticed.item.clone(), std::mem::take(&mut noticed.called));
        for queue in &mut self.queues {
            if called.contains(queue.name()) {
                queue.add_resolved(item.clone(), now, &mut self.new_id);
            }
        }
        self.remember_session(session);
        self.drop_stale(now);
    }

    /// Takes needs that are over out of the messages that nobody can have received.
    fn drop_stale(&mut self, now: Timestamp) {
        let noticed = &self.noticed;
        let is_open = |item: &NotificationItem| {
            let known = noticed.get(&item.session);
            known.is_some_and(|known| known.open && known.item.seq == item.seq)
        };
        for queue in &mut self.queues {
            queue.drop_stale(is_open, now, &mut self.new_id);
        }
        self.write_changed();
    }

    /// The messages that have to be sent now; none for a target with one under way. They have to be written down before.
    pub(crate) fn start_due(&mut self, now: Timestamp) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        for (target, queue) in self.queues.iter_mut().enumerate() {
            queue.expire(now);
            let hold = queue.hold(self.silenced_until, &self.calendar, now);
            if queue.ready_at(hold).is_some_and(|at| at <= now) {
                attempts.extend(queue.start(target));
            }
        }
        self.write_changed();
        attempts
    }

    /// When there is something to do next, if nothing happens before.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.queues.iter().filter_map(|queue| {
            let hold = queue.hold(self.silenced_until, &self.calendar, now);
            queue.ready_at(hold)
        });
        due.min()
    }

    /// An attempt is over. `jitter`, from 0 to 1, spreads the next one of several that failed together.
    pub(crate) fn finished(&mut self, attempt: &Attempt, outcome: Outcome, now: Timestamp, jitter: f64) {
        let Some(queue) = self.queues.get_mut(attempt.target) else {
            return;
        };
        if let Outcome::Gone(reason) = &outcome {
            let key = format!("{TARGET}{}", queue.name());
            self.writes
                .push(NotificationWrite::Remember(key, reason.as_str().into()));
        }
        let is_delivered = outcome == Outcome::Delivered;
        queue.finished(attempt.was_uncertain, outcome, now, jitter);
        let name = queue.name().to_owned();
        for item in attempt.message.items.iter().filter(|_| is_delivered) {
            match self.noticed.get_mut(&item.session) {
                Some(noticed) if noticed.open && noticed.item.seq == item.seq => {
                    noticed.called.insert(name.clone());
                    self.remember_session(&item.session);
                }
                // It ended while it was on its way.
                _ => {
                    if let Some(queue) = self.queues.get_mut(attempt.target) {
                        queue.add_resolved(item.clone(), now, &mut self.new_id);
                    }
                }
            }
        }
        self.drop_stale(now);
    }

    /// Sends nothing until then; none ends a silence.
    pub(crate) fn silence(&mut self, until: Option<Timestamp>) {
        self.silenced_until = until;
        match until {
            Some(until) => self.remember(SILENCE.to_owned(), &until),
            None => self.writes.push(NotificationWrite::Forget(SILENCE.to_owned())),
        }
    }

    /// Until when nothing is sent.
    pub(crate) fn silenced_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.silenced_until.filter(|until| *until > now)
    }

    /// Attempts at once what waits for one target or for all, and what of the `dead` messages is still needed. Enables the
    /// targets again. Returns how many messages that are.
    pub(crate) fn retry(&mut self, target: Option<&str>, dead: Vec<Notification>, now: Timestamp) -> u32 {
        let is_meant = |name: &str| target.is_none_or(|target| target == name);
        for queue in self.queues.iter_mut().filter(|queue| is_meant(queue.name())) {
            if queue.enable() {
                let key = format!("{TARGET}{}", queue.name());
                self.writes.push(NotificationWrite::Forget(key));
            }
        }
        for message in dead.into_iter().filter(|message| is_meant(&message.target)) {
            if let Some(queue) = self.queues.iter_mut().find(|queue| queue.name() == message.target) {
                queue.revive(message, now);
            }
        }
        self.drop_stale(now);
        let meant = self.queues.iter().filter(|queue| is_meant(queue.name()));
        meant.map(Queue::waiting).sum()
    }

    /// The name of the target at this place.
    pub(crate) fn name(&self, target: usize) -> Option<&str> {
        self.queues.get(target).map(Queue::name)
    }

    /// Whether what is shown of a session's attention was noticed already.
    pub(crate) fn knows(&self, session: &SessionId, shown: Shown) -> bool {
        let open = self.noticed.get(session).filter(|noticed| noticed.open);
        match shown {
            Shown::Seq(seq) => open.is_some_and(|noticed| noticed.item.seq == seq),
            Shown::Nothing => open.is_none(),
            Shown::Unknown => false,
        }
    }

    /// Adds what changes while the server runs to what is configured of each target, in the same order.
    pub(crate) fn describe(&self, targets: &mut [NotificationTarget]) {
        for (target, queue) in targets.iter_mut().zip(&self.queues) {
            queue.describe(target);
        }
    }

    /// What has to be written before the attempts that were started may be sent.
    pub(crate) fn writes(&mut self) -> &mut Vec<NotificationWrite> {
        &mut self.writes
    }

    fn write_changed(&mut self) {
        for queue in &mut self.queues {
            queue.take_writes(&mut self.writes);
        }
    }

    fn remember_session(&mut self, session: &SessionId) {
        if let Some(noticed) = self.noticed.get(session).cloned() {
            self.remember(format!("{SESSION}{session}"), &noticed);
        }
    }

    fn remember(&mut self, key: String, value: &impl Serialize) {
        // Plain data always has a JSON form.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.writes.push(NotificationWrite::Remember(key, value));
    }
}

#[cfg(test)]
mod tests;
