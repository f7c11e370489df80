//! What is at work during a soak: builds that write, a producer that pushes, viewers that fold. Each thread does its part
//! for as long as nobody asks it to stand still.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use forgecast_session::patch;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::Connection;
use crate::process::{get, pause};
use crate::project::Project;
use crate::viewer::Viewer;

pub(super) const BUILDS: usize = 500;
const VIEWERS: usize = 200;
/// Of them, those that follow the overview as well.
const OF_OVERVIEW: usize = 10;
/// Every build writes so often.
const ROUND: Duration = Duration::from_secs(1);
/// Events of one request, and how often there is one: 1,000 a second.
const PER_REQUEST: u64 = 100;
const REQUEST_EVERY: Duration = Duration::from_millis(100);
/// Builds, or viewers, that one fault meets.
const SOME: usize = 20;

/// What all threads of the load share.
#[derive(Default)]
struct Shared {
    address: Mutex<Option<SocketAddr>>,
    /// Nothing is written or pushed while this is set.
    still: AtomicBool,
    over: AtomicBool,
    /// Held while a build writes, and while a fault meets files: a fault must not be mended by accident.
    files: Mutex<()>,
    rounds: AtomicU64,
    events: AtomicU64,
}

impl Shared {
    fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits while it has to stand still; returns whether to go on.
    fn may_go_on(&self) -> bool {
        while self.still.load(Ordering::SeqCst) && !self.is_over() {
            pause(Duration::from_millis(10));
        }
        !self.is_over()
    }
}

pub(super) struct Load {
    shared: Arc<Shared>,
    builds: Arc<Vec<Project>>,
    pub(super) viewers: Viewers,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Makes the builds; it begins with [`Load::go_on`].
    pub(super) fn begin(root: &Path, events: u64, rounds: u64) -> Result<Self> {
        let shared = Arc::new(Shared {
            events: AtomicU64::new(events),
            rounds: AtomicU64::new(rounds),
            ..Shared::default()
        });
        let builds = Arc::new(Project::create_many(root, BUILDS)?);
        for build in &*builds {
            build.write(&detail(rounds))?;
        }
        let (writing, all) = (Arc::clone(&shared), Arc::clone(&builds));
        let pushing = Arc::clone(&shared);
        let threads = vec![
            std::thread::spawn(move || write_all(&writing, &all)),
            std::thread::spawn(move || push_all(&pushing)),
        ];
        let viewers = Viewers::open(&shared, &builds);
        Ok(Self {
            shared,
            builds,
            viewers,
            threads,
        })
    }

    /// Everything goes to the server at this address.
    pub(super) fn go_on(&mut self, address: SocketAddr) {
        *self.shared.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Runs `look` while nothing is written and nothing is under way.
    pub(super) fn stand_still<T>(&self, look: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.shared.still.store(true, Ordering::SeqCst);
        // Rounds and requests that have begun end first: their numbers stand still then.
        let mut before = (self.rounds(), self.events());
        loop {
            pause(Duration::from_secs(2));
            let now = (self.rounds(), self.events());
            if now == before {
                break;
            }
            before = now;
        }
        let result = look(self);
        self.shared.still.store(false, Ordering::SeqCst);
        result
    }

    pub(super) fn events(&self) -> u64 {
        self.shared.events.load(Ordering::SeqCst)
    }

    pub(super) fn rounds(&self) -> u64 {
        self.shared.rounds.load(Ordering::SeqCst)
    }

    /// The builds that the server shows otherwise than they are.
    pub(super) fn not_shown(&self, address: SocketAddr) -> Result<Vec<String>> {
        let expected = detail(self.rounds());
        let mut late = Vec::new();
        for build in &*self.builds {
            let (status, body) = get(address, &format!("/api/v1/sessions/{}", build.name()))?;
            let view: Value = serde_json::from_str(&body).unwrap_or_default();
            if status != 200 || view["phase"]["detail"] != expected {
                late.push(format!("{}: {status} {}", build.name(), view["phase"]["detail"]));
            }
        }
        Ok(late)
    }

    pub(super) fn with_some_halves(&self, wait: impl FnOnce()) -> Result<()> {
        let files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        for build in self.builds.iter().take(SOME) {
            let whole = std::fs::read(build.phase_file())?;
            std::fs::write(build.phase_file(), &whole[..whole.len() / 2])?;
        }
        wait();
        for build in self.builds.iter().take(SOME) {
            build.write(&detail(self.rounds()))?;
        }
        drop(files);
        Ok(())
    }

    pub(super) fn with_some_away(&self, wait: impl FnOnce()) -> Result<()> {
        let files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        let away = |build: &Project| build.directory().with_extension("away");
        let some = || self.builds.iter().rev().take(SOME);
        for build in some() {
            std::fs::rename(build.directory(), away(build))?;
        }
        wait();
        for build in some() {
            std::fs::rename(away(build), build.directory())?;
        }
        drop(files);
        Ok(())
    }

    pub(super) fn with_deaf_viewers(&self, address: SocketAddr, wait: impl FnOnce()) -> Result<()> {
        let topics = ["sessions".to_owned()];
        let deaf: Result<Vec<Viewer>> = (0..SOME).map(|_| Viewer::follow(address, &topics)).collect();
        let deaf = deaf?;
        wait();
        drop(deaf);
        Ok(())
    }

    pub(super) fn end(self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn detail(round: u64) -> String {
    format!("round {round}")
}

/// One round after the other, each spread over its second.
fn write_all(shared: &Shared, builds: &[Project]) {
    while shared.may_go_on() {
        let begin = Instant::now();
        let round = shared.rounds.load(Ordering::SeqCst) + 1;
        for (number, build) in (1_u32..).zip(builds) {
            let files = shared.files.lock().unwrap_or_else(PoisonError::into_inner);
            // A folder that could not be written now would be shown as late: there is room, or the soak is over.
            if build.write(&detail(round)).is_err() {
                return;
            }
            drop(files);
            let due = ROUND.mul_f64(f64::from(number) / BUILDS as f64);
            pause(due.saturating_sub(begin.elapsed()));
        }
        shared.rounds.store(round, Ordering::SeqCst);
    }
}

/// Requests whose events are sent again, with the same ids, until they are acknowledged.
fn push_all(shared: &Shared) {
    let mut connection: Option<Connection> = None;
    while shared.may_go_on() {
        let begin = Instant::now();
        let first = shared.events.load(Ordering::SeqCst);
        let event = |number: u64| {
            json!({"id": format!("event-{number}"), "session": format!("pushed-{}", number % 7), "type": "usage_recorded",
                "model": "m", "input": 1, "cost_usd": 0})
        };
        let events: Vec<Value> = (first..first + PER_REQUEST).map(event).collect();
        let body = Value::from(events).to_string();
        while !shared.is_over() {
            let open = || Connection::open(shared.address().context("no server yet")?);
            let sent = connection.take().map_or_else(open, Ok).and_then(|mut connection| {
                connection.post("/api/v1/events", body.as_bytes())?;
                Ok(connection)
            });
            if let Ok(open) = sent {
                connection = Some(open);
                shared.events.fetch_add(PER_REQUEST, Ordering::SeqCst);
                break;
            }
            pause(REQUEST_EVERY);
        }
        pause(REQUEST_EVERY.saturating_sub(begin.elapsed()));
    }
}

/// All viewers, each in a thread.
pub(super) struct Viewers {
    counts: Arc<ViewerCounts>,
}

#[derive(Default)]
struct ViewerCounts {
    verified: AtomicU64,
    /// Connections are renewed when this grows.
    generation: AtomicU64,
    divergence: Mutex<Option<String>>,
}

impl Viewers {
    fn open(shared: &Arc<Shared>, builds: &[Project]) -> Self {
        let counts = Arc::new(ViewerCounts::default());
        for (number, build) in builds.iter().take(VIEWERS).enumerate() {
            let mut topics = vec![format!("session/{}", build.name())];
            if number < OF_OVERVIEW {
                topics.push("sessions".to_owned());
            }
            let (shared, counts) = (Arc::clone(shared), Arc::clone(&counts));
            std::thread::spawn(move || view(&shared, &counts, &topics));
        }
        Self { counts }
    }

    pub(super) fn len(&self) -> u64 {
        VIEWERS as u64
    }

    /// Digests that agreed.
    pub(super) fn verified(&self) -> u64 {
        self.counts.verified.load(Ordering::Relaxed)
    }

    /// The first thing that a viewer was sent and that did not fit.
    pub(super) fn divergence(&self) -> Option<String> {
        let divergence = self.counts.divergence.lock();
        divergence.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn disconnect(&self) {
        self.counts.generation.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a viewer holds of a topic.
struct Held {
    topic: String,
    /// Epoch, revision and state; nothing before the first snapshot.
    state: Option<(String, u64, Value)>,
}

/// Connects again and again, and goes on from what it holds.
fn view(shared: &Shared, counts: &ViewerCounts, topics: &[String]) {
    let held = |topic: &String| Held {
        topic: topic.clone(),
        state: None,
    };
    let mut held: Vec<Held> = topics.iter().map(held).collect();
    while !shared.is_over() {
        let generation = counts.generation.load(Ordering::Relaxed);
        let connected = shared.address().map(|address| resume(address, &held));
        if let Some(Ok(mut viewer)) = connected {
            while let Ok(frame) = viewer.next() {
                if let Err(divergence) = fold(&mut held, &frame, counts) {
                    let mut first = counts.divergence.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(format!("{divergence:#}"));
                }
                if counts.generation.load(Ordering::Relaxed) != generation || shared.is_over() {
                    break;
                }
            }
        }
        pause(Duration::from_millis(100));
    }
}

fn resume(address: SocketAddr, held: &[Held]) -> Result<Viewer> {
    let mut viewer = Viewer::connect(address, "/api/v1/live")?;
    for held in held {
        let mut subscribe = json!({"type": "subscribe", "topic": held.topic});
        if let Some((epoch, revision, _)) = &held.state {
            subscribe["epoch"] = json!(epoch);
            subscribe["revision"] = json!(revision);
        }
        viewer.say(&subscribe)?;
    }
    Ok(viewer)
}

/// Takes in one message.
///
/// # Errors
/// It does not fit to what the viewer holds.
fn fold(held: &mut [Held], frame: &str, counts: &ViewerCounts) -> Result<()> {
    let message: Value = serde_json::from_str(frame).context("a message is not JSON")?;
    let topic = message["topic"].as_str().unwrap_or_default();
    let epoch = || message["epoch"].as_str().unwrap_or_default().to_owned();
    let revision = message["revision"].as_u64().unwrap_or_default();
    match message["type"].as_str() {
        Some("snapshot") => {
            if let Some(held) = held.iter_mut().find(|held| held.topic == topic) {
                held.state = Some((epoch(), revision, message["state"].clone()));
            }
        }
        Some("patch") => {
            if let Some(held) = held.iter_mut().find(|held| held.topic == topic) {
                let (known_epoch, known, state) = held.state.as_mut().context("a patch before a snapshot")?;
                anyhow::ensure!(
                    message["from"] == *known && epoch() == *known_epoch,
                    "{topic}: a patch from {} of {} to a viewer that holds {known} of {known_epoch}",
                    message["from"],
                    epoch()
                );
                patch::merge(state, &message["patch"]);
                *known = revision;
            }
        }
        Some("heartbeat") => {
            for held in held {
                let (mark, Some((_, revision, state))) = (&message["revisions"][&held.topic], &held.state) else {
                    continue;
                };
                if let Some(digest) = mark["digest"].as_str() {
                    anyhow::ensure!(
                        mark["revision"] == *revision,
                        "{}: a mark of {}",
                        held.topic,
                        mark["revision"]
                    );
                    anyhow::ensure!(
                        digest == sha256(state),
                        "{}: the digest of revision {revision}",
                        held.topic
                    );
                    counts.verified.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn sha256(state: &Value) -> String {
    let digest = Sha256::digest(state.to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
