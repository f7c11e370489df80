//! A folder of builds, the sources running over it, and what they sent. Nothing here sleeps on a guess: tests wait on
//! conditions, with limits that only a failure reaches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use forgecast_decode::agents::Agent;
use forgecast_ingest::{Options, system_clock};
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Batch, Clock, Event, Fact, LogLine, SourceCheckpoint, SourceKey};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Ten times what anything here should take.
pub(crate) const LIMIT: Duration = Duration::from_secs(50);

/// The sources at work.
pub(crate) struct Running {
    received: Mutex<(mpsc::Receiver<Batch>, Vec<Batch>)>,
    pub(crate) health: watch::Receiver<SourceHealth>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), forgecast_ingest::Error>>,
}

/// A home of an agent, as options want it.
pub(crate) fn home_of(agent: &str, folder: &Path) -> (&'static Agent, PathBuf) {
    (Agent::by_key(agent).unwrap(), folder.to_owned())
}

/// Options over one root, with short times.
pub(crate) fn options(root: &Path) -> Options {
    Options {
        roots: vec![root.to_owned()],
        reconcile_ms: 500,
        discover_ms: 2_000,
        away_ms: 300,
        ..Options::default()
    }
}

/// Starts and waits until everything that was there has been read.
pub(crate) async fn start(options: Options) -> Running {
    start_with(options, BTreeMap::new()).await
}

pub(crate) async fn start_with(options: Options, known: BTreeMap<SourceKey, SourceCheckpoint>) -> Running {
    let running = launch(options, known, 64);
    running.until("ready", |running| running.health.borrow().ready).await;
    running
}

/// Starts by a clock that a test sets.
pub(crate) async fn start_at(options: Options, clock: Clock) -> Running {
    let running = launch_at(options, BTreeMap::new(), 64, clock);
    running.until("ready", |running| running.health.borrow().ready).await;
    running
}

pub(crate) fn launch(options: Options, known: BTreeMap<SourceKey, SourceCheckpoint>, room: usize) -> Running {
    launch_at(options, known, room, system_clock())
}

fn launch_at(options: Options, known: BTreeMap<SourceKey, SourceCheckpoint>, room: usize, clock: Clock) -> Running {
    let (sink, source) = mpsc::channel(room);
    let (report, health) = watch::channel(SourceHealth::default());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(forgecast_ingest::run(
        options,
        known,
        sink,
        clock,
        report,
        shutdown.clone(),
    ));
    Running {
        received: Mutex::new((source, Vec::new())),
        health,
        shutdown,
        task,
    }
}

impl Running {
    /// Everything that was sent so far. What the sources handed over before this call is in it.
    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.receive().1.clone()
    }

    fn receive(&self) -> MutexGuard<'_, (mpsc::Receiver<Batch>, Vec<Batch>)> {
        let mut received = self.received.lock().unwrap();
        while let Ok(batch) = received.0.try_recv() {
            received.1.push(batch);
        }
        received
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(LIMIT, async {
            while !condition(self) {
                drop(self.receive());
                assert!(!self.task.is_finished(), "the sources ended while waiting for: {what}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        if waited.await.is_err() {
            panic!(
                "never happened: {what}\n{:#?}\n{:#?}",
                self.health.borrow(),
                self.facts()
            );
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.batches().iter().flat_map(|batch| batch.events.clone()).collect()
    }

    /// What of each event is wanted, without copies of all that was sent.
    pub(crate) fn pick<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        let received = self.receive();
        let events = received.1.iter().flat_map(|batch| &batch.events);
        events.filter_map(wanted).collect()
    }

    pub(crate) fn facts(&self) -> Vec<Fact> {
        self.events().into_iter().map(|event| event.fact).collect()
    }

    /// The details of a project's phase files, in the order in which they were told.
    pub(crate) fn details(&self, project: &Path) -> Vec<String> {
        let of_project = |event: &Event| event.subject.directory.as_deref() == project.to_str();
        let detail = |event: Event| match event.fact {
            Fact::PhaseReported(phase) => phase.detail,
            _ => None,
        };
        self.events()
            .into_iter()
            .filter(of_project)
            .filter_map(detail)
            .collect()
    }

    pub(crate) fn lines(&self) -> Vec<LogLine> {
        let batches = self.batches();
        batches
            .iter()
            .flat_map(|batch| &batch.logs)
            .flat_map(|chunk| chunk.lines.clone())
            .collect()
    }

    /// How far everything was read, as a store would keep it.
    pub(crate) fn checkpoints(&self) -> BTreeMap<SourceKey, SourceCheckpoint> {
        let batches = self.batches();
        batches.iter().flat_map(|batch| batch.checkpoints.clone()).collect()
    }

    /// Problems that are open: key and words.
    pub(crate) fn problems(&self) -> BTreeMap<String, String> {
        let mut open = BTreeMap::new();
        for fact in self.facts() {
            match fact {
                Fact::ProblemFound(found) => {
                    open.insert(
                        found.key,
                        format!("{:?}: {}", found.problem.kind, found.problem.message),
                    );
                }
                Fact::ProblemCleared(cleared) => {
                    open.remove(&cleared.key);
                }
                _ => {}
            }
        }
        open
    }

    pub(crate) fn has(&self, fact: impl Fn(&Fact) -> bool) -> bool {
        self.facts().iter().any(fact)
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// A phase file with this detail.
pub(crate) fn phase(detail: &str) -> String {
    format!(
        r#"{{"session_id": "s", "current_phase": "Builder", "phase_number": "4/7", "status": "building", "progress_detail": "{detail}"}}"#
    )
}

/// Makes a project with a phase file.
pub(crate) fn project(root: &Path, name: &str, detail: &str) -> PathBuf {
    let project = root.join(name);
    std::fs::create_dir_all(project.join(".context-foundry")).unwrap();
    std::fs::write(phase_file(&project), phase(detail)).unwrap();
    project
}

pub(crate) fn phase_file(project: &Path) -> PathBuf {
    project.join(".context-foundry/current-phase.json")
}

/// Writes beside the file and renames.
pub(crate) fn replace(path: &Path, content: &str) {
    let beside = path.with_extension("json.tmp");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(&beside, path).unwrap();
}
