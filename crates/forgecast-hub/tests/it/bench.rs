//! A hub with a store of its own, facts to feed it, and viewers that fold what they are handed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use forgecast_hub::{Delivery, Frame, FrameKind, Hub, Options, Start, Subscription};
use forgecast_protocol::event::{AgentReported, Custom, PhaseReported};
use forgecast_protocol::{
    Batch, Clock, Epoch, Event, Fact, LogChunk, LogLine, Origin, Revision, ServerMessage, SourceKind, Subject,
    Timestamp, Topic,
};
use forgecast_session::{FOLD_VERSION, patch};
use forgecast_store::Opened;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Ten times what any of these waits should take.
const LIMIT: Duration = Duration::from_secs(60);

/// A clock that a test sets; it also moves on by itself, a millisecond a look, so that times differ.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000_000)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let millis = self.0.clone();
        Clock::new(move || Timestamp::from_millis(millis.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn jump(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

pub(crate) struct Bench {
    pub(crate) hub: Hub,
    pub(crate) clock: TestClock,
    pub(crate) path: PathBuf,
    folder: Option<tempfile::TempDir>,
    store: forgecast_store::Store,
    stop: CancellationToken,
    task: JoinHandle<()>,
    options: Options,
}

/// Options of the tests: an index that does not let them wait.
pub(crate) fn options() -> Options {
    Options {
        index_coalesce_ms: 1,
        store_deadline_ms: 60_000,
        ..Options::default()
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forgecast.db");
        Self::open(options, Some(folder), path, TestClock::new()).await
    }

    pub(crate) async fn open(
        options: Options,
        folder: Option<tempfile::TempDir>,
        path: PathBuf,
        clock: TestClock,
    ) -> Self {
        let store_options = forgecast_store::Options {
            path: Some(path.clone()),
            ..forgecast_store::Options::default()
        };
        let opened = forgecast_store::open(store_options, FOLD_VERSION, clock.now())
            .await
            .unwrap();
        let Opened { store, .. } = &opened;
        let store = store.clone();
        let stop = CancellationToken::new();
        let started = forgecast_hub::start(opened, options.clone(), clock.clock(), stop.clone()).await;
        let (hub, task) = started.unwrap();
        Self {
            hub,
            clock,
            path,
            folder,
            store,
            stop,
            task,
            options,
        }
    }

    /// Stops properly and starts again on the same database.
    pub(crate) async fn restart(self) -> Self {
        self.stop.cancel();
        self.task.await.unwrap();
        drop((self.hub, self.store));
        Self::open(self.options, self.folder, self.path, self.clock).await
    }

    /// Ends as a crash does and starts again.
    pub(crate) async fn crash(self) -> Self {
        self.task.abort();
        let _ = self.task.await;
        drop(self.hub);
        self.store.abandon().await;
        Self::open(self.options, self.folder, self.path, self.clock).await
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Feeds a batch as a source does.
    pub(crate) async fn feed(&self, batch: Batch) {
        self.hub.intake().send(batch).await.unwrap();
    }

    /// Feeds one fact as a source does.
    pub(crate) async fn fact(&self, subject: Subject, fact: Fact) {
        self.feed(Batch::of(self.event(subject, fact))).await;
    }

    pub(crate) fn event(&self, subject: Subject, fact: Fact) -> Event {
        event(subject, self.clock.now(), fact)
    }

    pub(crate) async fn viewer(&self, topic: &str) -> Viewer {
        self.viewer_from(topic, Start::Fresh).await
    }

    pub(crate) async fn viewer_from(&self, topic: &str, start: Start) -> Viewer {
        let topic: Topic = topic.parse().unwrap();
        let subscription = self.hub.subscribe(topic, start).await.unwrap();
        Viewer::of(subscription)
    }

    /// The revision and the view of a session by now.
    pub(crate) async fn view(&self, session: &str) -> Option<(Revision, Value)> {
        let state = self.hub.view(&session.parse().unwrap()).await.unwrap()?;
        Some((state.revision, serde_json::from_slice(&state.json).unwrap()))
    }

    /// Waits until what was fed to the session is in its view.
    pub(crate) async fn wait_for(&self, session: &str, text: &str) {
        let text = text.to_owned();
        let session: forgecast_protocol::SessionRef = session.parse().unwrap();
        eventually(async || {
            let view = self.hub.view(&session).await.unwrap();
            view.is_some_and(|view| String::from_utf8_lossy(&view.json).contains(&text))
        })
        .await;
    }
}

/// A viewer: folds what comes, checks that it may.
pub(crate) struct Viewer {
    pub(crate) subscription: Subscription,
    pub(crate) state: Value,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) revision: Revision,
    pub(crate) snapshots: u32,
    pub(crate) patches: u32,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) skipped: u64,
    pub(crate) events: Vec<Value>,
    pub(crate) removed: bool,
}

impl Viewer {
    pub(crate) fn of(subscription: Subscription) -> Self {
        Self {
            subscription,
            state: Value::Null,
            epoch: None,
            revision: 0,
            snapshots: 0,
            patches: 0,
            lines: Vec::new(),
            skipped: 0,
            events: Vec::new(),
            removed: false,
        }
    }

    /// The same viewer after a new connection: it brings what it has.
    pub(crate) async fn resume(&mut self, bench: &Bench) {
        let topic = self.subscription.topic().clone();
        let start = match self.epoch {
            Some(epoch) => Start::After {
                epoch,
                revision: self.revision,
            },
            None => Start::Fresh,
        };
        self.subscription = bench.hub.subscribe(topic, start).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        let next = tokio::time::timeout(LIMIT, self.subscription.next());
        let delivery = next.await.expect("something should have come");
        for frame in &delivery.frames {
            self.fold(frame);
        }
        delivery
    }

    /// Folds what there is without waiting.
    pub(crate) fn catch_up(&mut self) {
        if let Some(delivery) = self.subscription.try_next() {
            for frame in &delivery.frames {
                self.fold(frame);
            }
        }
    }

    pub(crate) async fn until(&mut self, mut seen: impl FnMut(&Self) -> bool) {
        while !seen(self) {
            self.next().await;
        }
    }

    fn fold(&mut self, frame: &Frame) {
        match serde_json::from_slice(&frame.json).unwrap() {
            ServerMessage::Snapshot {
                epoch, revision, state, ..
            } => {
                assert_eq!(frame.kind, FrameKind::Snapshot);
                self.epoch = Some(epoch);
                self.revision = revision;
                self.state = state;
                self.snapshots += 1;
            }
            ServerMessage::Patch {
                epoch,
                from,
                revision,
                patch: change,
                ..
            } => {
                assert_eq!(self.epoch, Some(epoch), "a patch of another epoch");
                assert_eq!(self.revision, from, "a gap or an overlap");
                assert_eq!(revision, from + 1);
                patch::merge(&mut self.state, &change);
                self.revision = revision;
                self.patches += 1;
            }
            ServerMessage::Log {
                offset, skipped, lines, ..
            } => {
                self.skipped += skipped.unwrap_or(0);
                if let Some(last) = self.lines.last() {
                    assert_eq!(offset, last.offset + 1 + skipped.unwrap_or(0));
                }
                self.lines.extend(lines);
            }
            ServerMessage::Event { event, .. } => self.events.push(event),
            ServerMessage::Removed { .. } => self.removed = true,
            other => panic!("not for a viewer: {other:?}"),
        }
    }

    pub(crate) fn digest(&self) -> String {
        let bytes = serde_json::to_vec(&self.state).unwrap();
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What the viewer folded is what the server says it should hold.
    pub(crate) fn assert_true(&self) {
        let mark = self.subscription.mark();
        assert_eq!(mark.revision, self.revision);
        if let Some(digest) = mark.digest {
            assert_eq!(digest, self.digest());
        }
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait)
        .await
        .expect("the condition should have come true");
}

pub(crate) fn folder(path: &str) -> Subject {
    Subject {
        directory: Some(path.into()),
        ..Subject::default()
    }
}

pub(crate) fn named(name: &str) -> Subject {
    Subject {
        name: Some(name.into()),
        ..Subject::default()
    }
}

pub(crate) fn named_in(name: &str, path: &str) -> Subject {
    Subject {
        name: Some(name.into()),
        directory: Some(path.into()),
        ..Subject::default()
    }
}

pub(crate) fn event(subject: Subject, at: Timestamp, fact: Fact) -> Event {
    Event {
        id: None,
        subject,
        at,
        origin: Origin {
            kind: SourceKind::PhaseFile,
            path: Some(".context-foundry/current-phase.json".into()),
            first_sight: false,
            modified_at: None,
        },
        fact,
    }
}

pub(crate) fn phase(name: &str, detail: &str) -> Fact {
    Fact::PhaseReported(PhaseReported {
        phase: Some(name.into()),
        status: Some("in_progress".into()),
        detail: Some(detail.into()),
        ..PhaseReported::default()
    })
}

pub(crate) fn agent(id: &str, percent: f64) -> Fact {
    Fact::AgentReported(AgentReported {
        id: id.into(),
        status: Some("active".into()),
        progress_percent: Some(percent),
        ..AgentReported::default()
    })
}

pub(crate) fn custom(kind: &str) -> Fact {
    Fact::Custom(Custom {
        kind: kind.into(),
        data: Value::Null,
    })
}

/// A pushed event with an id.
pub(crate) fn pushed(id: &str, subject: Subject, at: Timestamp, fact: Fact) -> Event {
    let mut event = event(subject, at, fact);
    event.id = Some(id.parse().unwrap());
    event.origin = Origin {
        kind: SourceKind::Push,
        path: Some("/api/v1/events".into()),
        first_sight: false,
        modified_at: None,
    };
    event
}

pub(crate) fn log(subject: Subject, at: Timestamp, texts: &[&str]) -> LogChunk {
    let line = |text: &&str| LogLine {
        offset: 0,
        at,
        level: None,
        from: None,
        text: (*text).to_owned(),
        spans: Vec::new(),
    };
    LogChunk {
        subject,
        id: None,
        lines: texts.iter().map(line).collect(),
    }
}
