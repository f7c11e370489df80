//! The notifier's task: follows the index, reads the rows that it hints at, and has the messages sent that the dispatcher
//! decides on. Nothing is sent before it is written down.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use forgecast_hub::{Delivery, Hub, NotificationWrite, Subscription};
use forgecast_protocol::rest::{Notification, NotificationEvent, NotificationState};
use forgecast_protocol::{Clock, SessionId, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::dispatch::{Attempt, BEGAN, Dispatcher, Outcome};
use crate::hints::{Shown, hints};
use crate::notifier::{Command, Notifier};
use crate::sender::Sender;
use crate::target::Options;

/// Commands that may queue.
const MAX_COMMANDS: usize = 64;
/// How often the clock is looked at while something waits for it: it may be set, or the machine may sleep. Also the pause
/// before the disk is tried again.
const LOOK: Duration = Duration::from_secs(1);
/// How long a stop waits for attempts that are under way. One that is not over by then is repeated after the next start.
const STOP: Duration = Duration::from_secs(2);

/// Starts the notifier. Without targets it only answers what it is asked.
#[must_use]
pub fn start(options: Options, hub: Hub, clock: Clock, stop: CancellationToken) -> (Notifier, JoinHandle<()>) {
    let options = Arc::new(options);
    let (sender, commands) = mpsc::channel(MAX_COMMANDS);
    let notifier = Notifier {
        hub: hub.clone(),
        options: Arc::clone(&options),
        commands: sender,
    };
    let begin = Begin {
        started_at: clock.now(),
        hub,
        clock,
        options,
        commands,
        stop,
    };
    (notifier, tokio::spawn(begin.run()))
}

/// The notifier before it has read what an earlier process left.
struct Begin {
    hub: Hub,
    clock: Clock,
    options: Arc<Options>,
    commands: mpsc::Receiver<Command>,
    stop: CancellationToken,
    /// What needed somebody before is history at the very first start.
    started_at: Timestamp,
}

impl Begin {
    async fn run(self) {
        let subscription = self.hub.follow_index();
        let mut is_reported = false;
        let dispatcher = loop {
            match self.restore().await {
                Ok(dispatcher) => break dispatcher,
                Err(error) if !is_reported => tracing::warn!(%error, "notifications cannot begin yet"),
                Err(_) => {}
            }
            is_reported = true;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(LOOK) => {}
            }
        };
        let task = Task {
            sender: Sender::new(Arc::clone(&self.options)),
            has_targets: !self.options.targets.is_empty(),
            hub: self.hub,
            clock: self.clock,
            commands: self.commands,
            stop: self.stop,
            subscription,
            dispatcher,
            unread: BTreeMap::new(),
            sends: JoinSet::new(),
            jobs: HashMap::new(),
            is_disk_failing: false,
            was_disk_failing: false,
        };
        task.run().await;
    }

    async fn restore(&self) -> Result<Dispatcher, forgecast_hub::Error> {
        let mut stored = self.hub.stored_notifications().await?;
        let mut current = Vec::new();
        if self.options.targets.is_empty() {
            // When targets are configured again, what happened until then is history.
            if stored.memory.contains_key(BEGAN) {
                let forget = vec![NotificationWrite::Forget(BEGAN.to_owned())];
                self.hub.write_notifications(forget, self.started_at).await?;
            }
            stored = forgecast_hub::StoredNotifications::default();
        } else {
            current = self.hub.stored_rows(None).await?;
        }
        let (targets, calendar) = (&self.options.targets, self.options.calendar.clone());
        Ok(Dispatcher::restore(
            targets,
            calendar,
            Box::new(new_id),
            stored,
            &current,
            self.started_at,
        ))
    }
}

/// What is being sent.
enum Job {
    Attempt(Attempt),
    Test(Notification, oneshot::Sender<Notification>),
}

struct Task {
    hub: Hub,
    clock: Clock,
    commands: mpsc::Receiver<Command>,
    stop: CancellationToken,
    has_targets: bool,
    sender: Sender,
    subscription: Subscription,
    dispatcher: Dispatcher,
    /// Sessions whose rows have to be read.
    unread: BTreeMap<SessionId, Shown>,
    sends: JoinSet<Outcome>,
    jobs: HashMap<Id, Job>,
    /// Whether the last reading or writing failed.
    is_disk_failing: bool,
    /// Whether it failed before, which was reported.
    was_disk_failing: bool,
}

impl Task {
    async fn run(mut self) {
        while !self.stop.is_cancelled() {
            self.was_disk_failing = std::mem::take(&mut self.is_disk_failing);
            self.read_rows().await;
            self.send_due().await;
            let pause = self.pause();
            tokio::select! {
                () = self.stop.cancelled() => {}
                delivery = self.subscription.next(), if self.has_targets => {
                    if delivery.ended {
                        break;
                    }
                    self.note(&delivery);
                }
                Some(ended) = self.sends.join_next_with_id() => self.send_ended(ended),
                Some(command) = self.commands.recv() => self.command(command).await,
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
        // An attempt that is under way gets a moment, so that it need not be repeated.
        let rest = async {
            while let Some(ended) = self.sends.join_next_with_id().await {
                self.send_ended(ended);
            }
        };
        let _ = timeout(STOP, rest).await;
        self.write().await;
    }

    /// How long there is nothing to do, if nothing happens; none for ever.
    fn pause(&self) -> Option<Duration> {
        if self.is_disk_failing || !self.unread.is_empty() {
            return Some(LOOK);
        }
        let now = self.clock.now();
        let due = self.dispatcher.next_due(now)?;
        Some(LOOK.min(Duration::from_millis(due.millis_since(now))))
    }

    fn note(&mut self, delivery: &Delivery) {
        for (id, shown) in hints(delivery) {
            if !self.dispatcher.knows(&id, shown) {
                self.unread.insert(id, shown);
            }
        }
    }

    /// Reads the rows that were hinted at, and tells the dispatcher.
    async fn read_rows(&mut self) {
        if self.unread.is_empty() {
            return;
        }
        let ids: Vec<SessionId> = self.unread.keys().cloned().collect();
        let rows = match self.hub.stored_rows(Some(ids)).await {
            Ok(rows) => rows,
            Err(error) => return self.disk_failed(&error),
        };
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let now = self.clock.now();
        let dispatcher = &mut self.dispatcher;
        self.unread.retain(|id, shown| {
            let row = rows.get(id);
            dispatcher.observe(id, row, now);
            !shown.agrees(row)
        });
    }

    /// Sends what is due, once it is written that it may have arrived.
    async fn send_due(&mut self) {
        let now = self.clock.now();
        let attempts = self.dispatcher.start_due(now);
        let is_written = self.write().await;
        for attempt in attempts {
            if is_written {
                let (sender, message) = (self.sender.clone(), attempt.message.clone());
                let target = attempt.target;
                let send = self
                    .sends
                    .spawn(async move { sender.send(target, &message, now).await });
                self.jobs.insert(send.id(), Job::Attempt(attempt));
            } else {
                let error = "the database did not take it".to_owned();
                let outcome = Outcome::Failed {
                    error,
                    uncertain: false,
                    pause_ms: None,
                };
                self.dispatcher.finished(&attempt, outcome, now, 0.0);
            }
        }
    }

    fn send_ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "an attempt to send a notification was torn down");
            let outcome = Outcome::Failed {
                error: "it could not be sent; the reason is in the server's log".to_owned(),
                uncertain: true,
                pause_ms: None,
            };
            (error.id(), outcome)
        });
        let now = self.clock.now();
        match self.jobs.remove(&id) {
            Some(Job::Attempt(attempt)) => {
                if let Outcome::Failed { error, .. } | Outcome::Gone(error) = &outcome {
                    tracing::warn!(target = %attempt.message.target, %error, "a notification was not delivered");
                }
                self.dispatcher.finished(&attempt, outcome, now, fastrand::f64());
            }
            Some(Job::Test(mut message, reply)) => {
                message.attempts = 1;
                message.settled_at = Some(now);
                (message.state, message.error) = match outcome {
                    Outcome::Delivered => (NotificationState::Delivered, None),
                    Outcome::Failed { error, .. } | Outcome::Gone(error) => (NotificationState::Dead, Some(error)),
                };
                self.dispatcher.writes().push(NotificationWrite::Put(message.clone()));
                // A client that went away needs no answer.
                let _ = reply.send(message);
            }
            None => {}
        }
    }

    async fn command(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Describe(mut targets, reply) => {
                self.dispatcher.describe(&mut targets);
                let _ = reply.send((targets, self.dispatcher.silenced_until(now)));
            }
            Command::Silence(millis, reply) => {
                self.dispatcher.silence((millis > 0).then(|| now.plus_millis(millis)));
                let _ = reply.send(self.dispatcher.silenced_until(now));
            }
            Command::Test(target, reply) => {
                let Some(name) = self.dispatcher.name(target) else {
                    return;
                };
                let message = Notification::new(new_id(), name, NotificationEvent::Test, now);
                let (sender, sent) = (self.sender.clone(), message.clone());
                let send = self.sends.spawn(async move { sender.send(target, &sent, now).await });
                self.jobs.insert(send.id(), Job::Test(message, reply));
            }
            Command::Retry(target, reply) => {
                let answer = self.hub.dead_notifications().await.map(|mut dead| {
                    dead.retain(|message| message.event != NotificationEvent::Test);
                    self.dispatcher.retry(target.as_deref(), dead, now)
                });
                let _ = reply.send(answer);
            }
        }
    }

    /// Writes down what was decided. Returns whether the disk has all of it.
    async fn write(&mut self) -> bool {
        let writes = std::mem::take(self.dispatcher.writes());
        if writes.is_empty() {
            return true;
        }
        match self.hub.write_notifications(writes.clone(), self.clock.now()).await {
            Ok(()) => true,
            Err(error) => {
                // Behind them comes what is decided meanwhile.
                *self.dispatcher.writes() = writes;
                self.disk_failed(&error);
                false
            }
        }
    }

    fn disk_failed(&mut self, error: &forgecast_hub::Error) {
        if !self.was_disk_failing && !self.is_disk_failing {
            tracing::warn!(%error, "notifications wait for the database");
        }
        self.is_disk_failing = true;
    }
}

/// An id that no other message has.
fn new_id() -> String {
    let mut random = [0_u8; 16];
    if getrandom::fill(&mut random).is_err() {
        fastrand::fill(&mut random);
    }
    format!("msg_{}", data_encoding::HEXLOWER.encode(&random))
}
