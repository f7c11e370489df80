//! Decodes the hooks that wait and hands their facts to the hub, in the order in which they came. It waits for the hub;
//! nobody waits for it.

use std::sync::{Arc, Mutex};

use forgecast_decode::Unparsable;
use forgecast_decode::clean::Cleaner;
use forgecast_hub::Hub;
use forgecast_protocol::event::{BudgetDenied, ProblemCleared, ProblemFound};
use forgecast_protocol::{Batch, Clock, Event, Fact, Origin, Problem, SourceKind, Subject, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{HookCounts, QueuedHook, locked};
use crate::body::why;

/// Hooks that are decoded and handed over together.
const TOGETHER: usize = 64;
/// The address of all hooks, as viewers are told.
const ADDRESS: &str = "/api/v1/hooks";
/// The key of the problem with hooks that cannot be read.
const KEY: &str = "hooks";
/// The problem is over when hooks could be read again and none could not for so long.
const OVER_MS: i64 = 60_000;

/// The task that empties the queue.
#[derive(Debug)]
pub(crate) struct HookReader {
    pub(super) queue: mpsc::Receiver<QueuedHook>,
    pub(super) counts: Arc<Mutex<HookCounts>>,
    pub(super) cleaner: Arc<Cleaner>,
    pub(super) clock: Clock,
    pub(super) failure: Option<Failure>,
}

/// The problem that viewers see at the moment.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    last_at: Timestamp,
}

impl HookReader {
    /// Works until `closing`, then brings what was acknowledged before to the hub and ends.
    pub(crate) async fn run(mut self, hub: Hub, closing: CancellationToken) {
        let intake = hub.intake();
        let mut waiting = Vec::with_capacity(TOGETHER);
        loop {
            tokio::select! {
                biased;
                _ = self.queue.recv_many(&mut waiting, TOGETHER) => {}
                () = closing.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
            }
            if waiting.is_empty() {
                return;
            }
            let batch = self.decode(std::mem::take(&mut waiting)).await;
            // The hub is gone: so is everybody whom it could be told.
            if !batch.is_empty() && intake.send(batch).await.is_err() {
                return;
            }
        }
    }

    /// One batch of all of them. On another thread: a body may be long.
    async fn decode(&mut self, waiting: Vec<QueuedHook>) -> Batch {
        let (bodies, cleaner) = (waiting.len() as u64, Arc::clone(&self.cleaner));
        let decode = move || -> Vec<_> {
            let each = waiting.into_iter();
            let decoded = each.map(|hook| {
                let decoded = (hook.hooks.decode)(&hook.body, &cleaner, hook.at);
                let batch = decoded.map_err(|error| (hook.hooks.path, error))?;
                Ok(with_denial(batch, hook.denied))
            });
            decoded.collect()
        };
        // A decoder that panics costs these bodies; that it did is in the log.
        let decoded = tokio::task::spawn_blocking(decode).await.ok();
        let unreadable = match &decoded {
            Some(decoded) => decoded.iter().filter(|one| one.is_err()).count() as u64,
            None => bodies,
        };
        let mut all = Batch::default();
        let mut failure = None;
        for one in decoded.into_iter().flatten() {
            match one {
                Ok(batch) => {
                    all.events.extend(batch.events);
                    all.logs.extend(batch.logs);
                }
                Err(error) => failure = Some(error),
            }
        }
        all.events.extend(self.problem_event(failure, unreadable < bodies));
        let mut counts = locked(&self.counts);
        counts.waiting -= bodies;
        counts.unreadable += unreadable;
        counts.read += bodies - unreadable;
        all
    }

    /// The event about hooks that cannot be read: one when that begins or changes, one when it is over.
    fn problem_event(&mut self, error: Option<(&'static str, Unparsable)>, some_read: bool) -> Option<Event> {
        let now = self.clock.now();
        match (error, &self.failure) {
            (Some((path, error)), known) => {
                let message = format!(
                    "a body of POST {path} cannot be read: {}; the other hooks are taken",
                    why(&error)
                );
                let news = known.as_ref().is_none_or(|known| known.message != message);
                let problem = news.then(|| Problem {
                    kind: error.problem_kind(),
                    message: message.clone(),
                    subject: Some(path.to_owned()),
                });
                self.failure = Some(Failure { message, last_at: now });
                let key = KEY.to_owned();
                problem.map(|problem| about_hooks(now, Fact::ProblemFound(ProblemFound { key, problem })))
            }
            (None, Some(known)) if some_read && now.as_millis() - known.last_at.as_millis() >= OVER_MS => {
                self.failure = None;
                let cleared = ProblemCleared {
                    key: KEY.to_owned(),
                    with_parts: false,
                };
                Some(about_hooks(now, Fact::ProblemCleared(cleared)))
            }
            (None, _) => None,
        }
    }
}

/// A hook that was refused, with the fact that says so. Each refusal is one, also of the same hook that was sent again.
fn with_denial(mut batch: Batch, denied: Option<BudgetDenied>) -> Batch {
    let denial = denied.zip(batch.events.first()).map(|(denied, first)| Event {
        id: None,
        fact: Fact::BudgetDenied(denied),
        ..first.clone()
    });
    batch.events.extend(denial);
    batch
}

/// A fact about the source, which belongs to no session.
fn about_hooks(at: Timestamp, fact: Fact) -> Event {
    Event {
        id: None,
        subject: Subject::default(),
        at,
        origin: Origin {
            kind: SourceKind::Hook,
            path: Some(ADDRESS.to_owned()),
            first_sight: false,
            modified_at: None,
        },
        fact,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use forgecast_decode::mask::Rules;

    use super::*;
    use crate::hook_queue::HookQueue;

    #[test]
    fn a_problem_is_told_when_it_begins_or_changes_and_is_over_after_a_minute_without() {
        let time = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&time);
        let clock = Clock::new(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
        let (_, mut reader) = HookQueue::new(1, 1, Arc::new(Cleaner::new(Rules::default())), clock);
        let found = |event: Option<Event>| event.map(|event| matches!(event.fact, Fact::ProblemFound(_)));
        assert_eq!(found(reader.problem_event(None, true)), None);
        let cut = ("/api/v1/hooks/claude", Unparsable::Truncated);
        assert_eq!(found(reader.problem_event(Some(cut.clone()), true)), Some(true));
        assert_eq!(found(reader.problem_event(Some(cut), true)), None);
        let deep = ("/api/v1/hooks/claude", Unparsable::TooDeep { limit: 64 });
        assert_eq!(found(reader.problem_event(Some(deep.clone()), true)), Some(true));
        time.store(OVER_MS, Ordering::Relaxed);
        assert_eq!(found(reader.problem_event(Some(deep), true)), None, "it goes on");
        time.store(2 * OVER_MS - 1, Ordering::Relaxed);
        assert_eq!(found(reader.problem_event(None, true)), None);
        time.store(2 * OVER_MS, Ordering::Relaxed);
        assert_eq!(found(reader.problem_event(None, false)), None, "nothing was read");
        assert_eq!(found(reader.problem_event(None, true)), Some(false));
        assert_eq!(found(reader.problem_event(None, true)), None);
    }
}
