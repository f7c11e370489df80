//! The messages of one target: what they collect, when the next one is attempted, and what follows from its answer.

use std::collections::VecDeque;

use forgecast_hub::NotificationWrite;
use forgecast_protocol::rest::{
    Notification, NotificationEvent, NotificationItem, NotificationState, NotificationTarget,
};
use forgecast_protocol::{Calendar, Timestamp};

use crate::rules::Rules;
use crate::target::Target;

/// The most sessions in one message.
const MAX_ITEMS: usize = 50;
/// The first pause after a failed attempt; each one is twice as long as the one before, up to the last.
const FIRST_PAUSE_MS: u64 = 1_000;
const LAST_PAUSE_MS: u64 = 5 * 60_000;
/// A receiver may ask for a pause of at most this.
const MAX_ASKED_PAUSE_MS: u64 = 60 * 60_000;
/// After this a message that could not be sent is given up.
const GIVEN_UP_AFTER_MS: u64 = 7 * 86_400_000;

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    /// The place of its target in the configuration.
    pub(crate) target: usize,
    pub(crate) message: Notification,
    /// Whether an earlier attempt may have arrived.
    pub(crate) was_uncertain: bool,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    Failed {
        /// What happened, without anything secret.
        error: String,
        /// Whether the message may have arrived all the same.
        uncertain: bool,
        /// The pause that the receiver asked for.
        pause_ms: Option<u64>,
    },
    /// The receiver wants no more messages, and why we think so.
    Gone(String),
}

/// Why a message is no longer sent.
pub(super) enum Expired {
    TooOld,
    TargetGone,
}

impl Expired {
    /// The message as it is kept.
    pub(super) fn end(self, mut message: Notification, now: Timestamp) -> Notification {
        message.error = Some(match (self, message.error) {
            (Self::TooOld, error) => format!(
                "given up after 7 days; {}",
                error.as_deref().unwrap_or("it was held back")
            ),
            (Self::TargetGone, _) => "the target is no longer configured".to_owned(),
        });
        settled(message, NotificationState::Dead, now)
    }
}

fn settled(mut message: Notification, state: NotificationState, now: Timestamp) -> Notification {
    message.state = state;
    message.settled_at = Some(now);
    message
}

/// A message in the queue.
struct Entry {
    message: Notification,
    /// Whether the store does not have it as it is.
    changed: bool,
}

/// The queue of one target.
pub(super) struct Queue {
    name: String,
    pub(super) rules: Rules,
    wants_resolved: bool,
    group_ms: i64,
    cool_down_ms: i64,
    entries: VecDeque<Entry>,
    /// What left the queue and is not written yet.
    left: Vec<Notification>,
    /// The ids of messages that became a part of another one.
    joined: Vec<String>,
    /// Whether the first message is being sent.
    sending: bool,
    failures: u32,
    retry_at: Option<Timestamp>,
    last_sent_at: Option<Timestamp>,
    pub(super) disabled: Option<String>,
}

type NewId<'a> = &'a mut (dyn FnMut() -> String + Send);

impl Queue {
    pub(super) fn new(target: &Target) -> Self {
        Self {
            name: target.name.clone(),
            rules: target.rules.clone(),
            wants_resolved: target.resolved,
            group_ms: target.group_ms.into(),
            cool_down_ms: target.cool_down_ms.into(),
            entries: VecDeque::new(),
            left: Vec::new(),
            joined: Vec::new(),
            sending: false,
            failures: 0,
            retry_at: None,
            last_sent_at: None,
            disabled: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Puts back a message that an earlier process did not deliver.
    pub(super) fn resume(&mut self, message: Notification) {
        self.entries.push_back(Entry {
            message,
            changed: false,
        });
    }

    /// Puts back a message that was given up.
    pub(super) fn revive(&mut self, mut message: Notification, now: Timestamp) {
        message.state = NotificationState::Waiting;
        message.created_at = now;
        message.settled_at = None;
        self.entries.push_back(Entry { message, changed: true });
    }

    pub(super) fn add_need(&mut self, item: NotificationItem, now: Timestamp, new_id: NewId<'_>) {
        self.collecting(now, new_id).items.push(item);
    }

    /// A target that was called for a need is told that it is over, if it wants to know.
    pub(super) fn add_resolved(&mut self, item: NotificationItem, now: Timestamp, new_id: NewId<'_>) {
        if self.wants_resolved {
            self.collecting(now, new_id).resolved.push(item);
        }
    }

    /// The message that collects what is new.
    fn collecting(&mut self, now: Timestamp, new_id: NewId<'_>) -> &mut Notification {
        let last = self.entries.len().checked_sub(1);
        let at = last.filter(|last| {
            let message = &self.entries[*last].message;
            !self.is_frozen(*last) && message.items.len() + message.resolved.len() < MAX_ITEMS
        });
        let at = at.unwrap_or_else(|| {
            let message = Notification::new(new_id(), &self.name, NotificationEvent::Attention, now);
            self.entries.push_back(Entry { message, changed: true });
            self.entries.len() - 1
        });
        let entry = &mut self.entries[at];
        entry.changed = true;
        &mut entry.message
    }

    /// Whether the receiver may have this message, or has it by now.
    fn is_frozen(&self, at: usize) -> bool {
        self.is_sending(at) || self.entries[at].message.uncertain
    }

    fn is_sending(&self, at: usize) -> bool {
        at == 0 && self.sending
    }

    /// A need is described otherwise by now.
    pub(super) fn replace_need(&mut self, item: &NotificationItem) {
        for at in 0..self.entries.len() {
            if self.is_frozen(at) {
                continue;
            }
            let entry = &mut self.entries[at];
            for known in &mut entry.message.items {
                if known.session == item.session && known.seq == item.seq {
                    known.clone_from(item);
                    entry.changed = true;
                }
            }
        }
    }

    /// Makes one message of those that nobody can have received. What came during an attempt that then failed is in a message
    /// of its own until here.
    fn join(&mut self) {
        let mut at = 0;
        while at + 1 < self.entries.len() {
            let size = |at: usize| {
                let message: &Notification = &self.entries[at].message;
                message.items.len() + message.resolved.len()
            };
            if self.is_frozen(at) || self.is_frozen(at + 1) || size(at) + size(at + 1) > MAX_ITEMS {
                at += 1;
            } else if let Some(Entry { message, .. }) = self.entries.remove(at + 1) {
                let entry = &mut self.entries[at];
                entry.message.items.extend(message.items);
                entry.message.resolved.extend(message.resolved);
                entry.changed = true;
                self.joined.push(message.id);
            }
        }
    }

    /// Takes out what is over, and messages that have nothing left to say.
    pub(super) fn drop_stale(
        &mut self,
        is_open: impl Fn(&NotificationItem) -> bool,
        now: Timestamp,
        new_id: NewId<'_>,
    ) {
        // What may have arrived and is over: its receiver is told so.
        let mut resolved = Vec::new();
        let mut at = 0;
        while at < self.entries.len() {
            let is_sending = self.is_sending(at);
            let entry = &mut self.entries[at];
            let message = &mut entry.message;
            if is_sending
                || message.items.iter().all(&is_open) && !(message.items.is_empty() && message.resolved.is_empty())
            {
                at += 1;
                continue;
            }
            let says_more = message.items.iter().any(&is_open) || !message.resolved.is_empty();
            if says_more {
                if !message.uncertain {
                    message.items.retain(&is_open);
                    entry.changed = true;
                }
                at += 1;
            } else if let Some(Entry { message, .. }) = self.entries.remove(at) {
                if message.uncertain {
                    resolved.extend(message.items.iter().cloned());
                }
                self.left.push(settled(message, NotificationState::Obsolete, now));
            }
        }
        for item in resolved {
            self.add_resolved(item, now, new_id);
        }
        self.join();
    }

    /// Gives up what waited for too long.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while !self.sending
            && let Some(entry) = self.entries.front()
            && now.millis_since(entry.message.created_at) >= GIVEN_UP_AFTER_MS
            && let Some(entry) = self.entries.pop_front()
        {
            self.left.push(Expired::TooOld.end(entry.message, now));
        }
    }

    /// Until when nothing may be sent, because of a silence or of quiet hours.
    pub(super) fn hold(
        &self,
        silenced_until: Option<Timestamp>,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let quiet = self.rules.quiet.and_then(|quiet| quiet.hold_until(now, calendar));
        quiet.max(silenced_until.filter(|until| *until > now))
    }

    /// When the first message is due, if nothing may be sent until `hold`.
    pub(super) fn ready_at(&self, hold: Option<Timestamp>) -> Option<Timestamp> {
        let first = self
            .entries
            .front()
            .filter(|_| !self.sending && self.disabled.is_none())?;
        let collected = first.message.created_at.plus_millis(self.group_ms);
        let cooled = self.last_sent_at.map(|at| at.plus_millis(self.cool_down_ms));
        Some(collected).max(cooled).max(self.retry_at).max(hold)
    }

    /// Begins to send the first message. From now on it may have arrived.
    pub(super) fn start(&mut self, target: usize) -> Option<Attempt> {
        let entry = self.entries.front_mut()?;
        let message = &mut entry.message;
        message.attempts += 1;
        let was_uncertain = std::mem::replace(&mut message.uncertain, true);
        message.event = match message.items.is_empty() {
            true => NotificationEvent::Resolved,
            false => NotificationEvent::Attention,
        };
        entry.changed = true;
        self.sending = true;
        let message = message.clone();
        Some(Attempt {
            target,
            message,
            was_uncertain,
        })
    }

    pub(super) fn finished(&mut self, was_uncertain: bool, outcome: Outcome, now: Timestamp, jitter: f64) {
        if !std::mem::take(&mut self.sending) {
            return;
        }
        match outcome {
            Outcome::Delivered => {
                self.failures = 0;
                self.retry_at = None;
                self.last_sent_at = Some(now);
                if let Some(Entry { mut message, .. }) = self.entries.pop_front() {
                    message.uncertain = false;
                    message.error = None;
                    self.left.push(settled(message, NotificationState::Delivered, now));
                }
            }
            Outcome::Failed {
                error,
                uncertain,
                pause_ms,
            } => {
                self.failures += 1;
                let pause = pause_ms.map(|pause| pause.min(MAX_ASKED_PAUSE_MS));
                let pause = pause.max(Some(back_off(self.failures, jitter))).unwrap_or_default();
                self.retry_at = Some(now.plus_millis(pause.cast_signed()));
                self.failed(error, uncertain || was_uncertain);
            }
            Outcome::Gone(reason) => {
                self.failures += 1;
                self.failed(reason.clone(), was_uncertain);
                self.disabled = Some(reason);
            }
        }
    }

    fn failed(&mut self, error: String, uncertain: bool) {
        if let Some(entry) = self.entries.front_mut() {
            entry.message.error = Some(error);
            entry.message.uncertain = uncertain;
            entry.changed = true;
        }
    }

    /// Attempts at once what waits. Returns whether the target was disabled.
    pub(super) fn enable(&mut self) -> bool {
        self.failures = 0;
        self.retry_at = None;
        self.last_sent_at = None;
        self.disabled.take().is_some()
    }

    /// Number of messages that wait.
    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn describe(&self, target: &mut NotificationTarget) {
        target.waiting = self.waiting();
        target.failures = self.failures;
        target.next_attempt_at = self
            .retry_at
            .filter(|_| !self.entries.is_empty() && self.disabled.is_none());
        target.disabled.clone_from(&self.disabled);
    }

    /// What the store does not have yet.
    pub(super) fn take_writes(&mut self, writes: &mut Vec<NotificationWrite>) {
        writes.extend(self.joined.drain(..).map(NotificationWrite::Remove));
        writes.extend(self.left.drain(..).map(NotificationWrite::Put));
        for entry in self.entries.iter_mut().filter(|entry| entry.changed) {
            entry.changed = false;
            writes.push(NotificationWrite::Put(entry.message.clone()));
        }
    }
}

/// The pause after so many failures: twice as long each time, less a random part of up to a half.
fn back_off(failures: u32, jitter: f64) -> u64 {
    let doubled = FIRST_PAUSE_MS.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let whole = doubled.min(LAST_PAUSE_MS);
    let half = whole / 2;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of a pause of minutes, between 0 and the half of it"
    )]
    let spread = (jitter.clamp(0.0, 1.0) * half as f64) as u64;
    whole - spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_are_spread() {
        let pauses: Vec<u64> = [1, 2, 3, 9, 10, 60].map(|failures| back_off(failures, 0.0)).to_vec();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
        assert_eq!((back_off(1, 1.0), back_off(60, 0.5)), (500, 225_000));
    }
}
