//! A hub on a database of its own, a notifier on it, and a clock that is driven by hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use forgecast_hub::Hub;
use forgecast_notify::{Channel, Notifier, Options, Target};
use forgecast_protocol::event::{WaitingBegan, WaitingEnded};
use forgecast_protocol::rest::{NotificationState, Notifications};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Batch, Clock, Event, Fact, Origin, SourceKind, Subject, Timestamp};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::receiver::Receiver;

/// Ten times what a slow machine needs; only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What survives a restart.
pub(crate) struct World {
    folder: TempDir,
    later: Arc<AtomicI64>,
}

/// A running server, as far as notifications are concerned.
pub(crate) struct Running {
    pub(crate) hub: Hub,
    pub(crate) notifier: Notifier,
    clock: Clock,
    tasks: [JoinHandle<()>; 2],
    stop_hub: CancellationToken,
    stop_notifier: CancellationToken,
}

/// A target that is told of everything at once.
pub(crate) fn webhook(name: &str, url: &str) -> Target {
    let channel = Channel::Webhook {
        url: url.parse().unwrap(),
        key: KEY.parse().unwrap(),
    };
    let mut target = Target::new(name, channel);
    (target.group_ms, target.cool_down_ms) = (0, 0);
    target.resolved = true;
    target
}

pub(crate) fn to(receiver: &Receiver) -> Target {
    webhook("receiver", &format!("http://{}/hook", receiver.address))
}

/// Targets on this machine are allowed.
pub(crate) fn options(targets: Vec<Target>) -> Options {
    Options {
        targets,
        allowed_addresses: vec!["127.0.0.1".parse().unwrap()],
        url: "https://builds.example".to_owned(),
        ..Options::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            later: Arc::default(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes it later.
    pub(crate) fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.later.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) async fn start(&self, options: Options) -> Running {
        let later = Arc::clone(&self.later);
        let begin = Timestamp::from_millis(1_767_225_600_000);
        // Time passes by itself, too, so that nothing happens twice at one moment.
        let clock = Clock::new(move || begin.plus_millis(later.fetch_add(1, Ordering::Relaxed)));
        let store = forgecast_store::Options {
            path: Some(self.path("forgecast.db")),
            ..forgecast_store::Options::default()
        };
        let opened = forgecast_store::open(store, forgecast_session::FOLD_VERSION, clock.now())
            .await
            .unwrap();
        let hub_options = forgecast_hub::Options {
            index_coalesce_ms: 1,
            ..forgecast_hub::Options::default()
        };
        let (stop_hub, stop_notifier) = (CancellationToken::new(), CancellationToken::new());
        let (hub, hub_task) = forgecast_hub::start(opened, hub_options, clock.clone(), stop_hub.clone())
            .await
            .unwrap();
        let (notifier, task) = forgecast_notify::start(options, hub.clone(), clock.clone(), stop_notifier.clone());
        Running {
            hub,
            notifier,
            clock,
            tasks: [task, hub_task],
            stop_hub,
            stop_notifier,
        }
    }
}

impl Running {
    async fn push(&self, session: &str, fact: Fact) {
        let event = Event {
            id: None,
            subject: Subject {
                name: Some(session.to_owned()),
                ..Subject::default()
            },
            at: self.clock.now(),
            origin: Origin {
                kind: SourceKind::Push,
                path: None,
                first_sight: false,
                modified_at: None,
            },
            fact,
        };
        self.hub.push(Batch::of(event)).await.unwrap();
    }

    /// The session waits for a person.
    pub(crate) async fn asks(&self, session: &str, reason: &str) {
        let began = WaitingBegan {
            reason: reason.to_owned(),
            waiting_for: Some(WaitingFor::Permission),
            ..WaitingBegan::default()
        };
        self.push(session, Fact::WaitingBegan(began)).await;
    }

    /// It was answered.
    pub(crate) async fn goes_on(&self, session: &str) {
        self.push(session, Fact::WaitingEnded(WaitingEnded::default())).await;
    }

    pub(crate) async fn overview(&self) -> Notifications {
        self.notifier.overview(100).await.unwrap()
    }

    /// Waits until what is shown of notifications is as wished.
    pub(crate) async fn shows(&self, wished: impl Fn(&Notifications) -> bool) -> Notifications {
        let mut last = Notifications::default();
        let shown = tokio::time::timeout(PATIENCE, async {
            loop {
                last = self.overview().await;
                if wished(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(shown.await.is_ok(), "never as wished; last: {last:#?}");
        last
    }

    /// Waits until so many messages are in this state.
    pub(crate) async fn has(&self, count: usize, state: NotificationState) -> Notifications {
        self.shows(|shown| {
            shown
                .notifications
                .iter()
                .filter(|message| message.state == state)
                .count()
                == count
        })
        .await
    }

    /// Waits until the newest attempt has failed with these words.
    pub(crate) async fn fails_with(&self, words: &str) -> Notifications {
        let has_failed = |shown: &Notifications| {
            let mut errors = shown.notifications.iter().filter_map(|message| message.error.as_ref());
            errors.any(|error| error.contains(words))
        };
        self.shows(has_failed).await
    }

    /// Only the notifier ends.
    pub(crate) async fn kill_notifier(&mut self) {
        self.tasks[0].abort();
        let _ = (&mut self.tasks[0]).await;
        self.tasks[0] = tokio::spawn(async {});
    }

    /// As a signal ends it.
    pub(crate) async fn stop(self) {
        self.stop_notifier.cancel();
        let [notifier, hub] = self.tasks;
        notifier.await.unwrap();
        self.stop_hub.cancel();
        hub.await.unwrap();
    }

    /// The notifier ends in the middle of what it does, as a crash ends it; the hub in order, for its file is opened again.
    pub(crate) async fn crash(self) {
        let [notifier, hub] = self.tasks;
        notifier.abort();
        let _ = notifier.await;
        self.stop_hub.cancel();
        hub.await.unwrap();
    }
}
