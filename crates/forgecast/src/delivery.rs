//! The server's side of the spool: gives the facts in it to the hub in order, and removes each file once its fact is durable.
//! A lock makes sure that only one server does so at a time. A fact that the hub will never accept is moved to the quarantine
//! folder and reported as a problem until that folder is empty; it does not hold up others.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use forgecast_decode::clean::Cleaner;
use forgecast_decode::push;
use forgecast_hub::{Hub, Reason};
use forgecast_protocol::event::{Event, Fact, ProblemCleared, ProblemFound};
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Batch, Clock, Origin, Problem, ProblemKind, SourceKind, Subject, Timestamp};
use rustix::fs::{FlockOperation, flock};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::spool::Spool;

/// How often the folder is checked; this takes one `stat` if nothing changed.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Facts per batch.
const BATCH_FACTS: usize = 200;
/// The key of the problem about quarantined facts.
const KEY: &str = "spool";

/// Delivers the facts of a spool.
pub(crate) struct Delivery {
    pub(crate) spool: Spool,
    pub(crate) hub: Hub,
    pub(crate) cleaner: Arc<Cleaner>,
    pub(crate) clock: Clock,
}

/// The facts of one batch, each with its file.
#[derive(Default)]
struct PendingFacts {
    files: Vec<(PathBuf, Batch)>,
    /// There are more facts after these.
    more: bool,
    /// Held until the facts are durable, so that no other server reads the same files.
    lock: Option<File>,
}

impl Delivery {
    /// Delivers until `stop`. Starts once the sources have read what is on disk, because the facts build on that.
    pub(crate) async fn run(self, mut health: watch::Receiver<SourceHealth>, stop: CancellationToken) {
        let ready = health.wait_for(|health| health.ready);
        if stop.run_until_cancelled(ready).await.is_none() {
            return;
        }
        let mut look = interval(POLL_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut seen, mut aside, mut failure) = (None, 0, None);
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            let changed = self.changed();
            if seen == Some(changed) {
                continue;
            }
            match self.deliver_batch().await {
                // A change during the delivery gives the folder another time, so it is not missed.
                Ok(is_empty) => {
                    seen = is_empty.then_some(changed);
                    failure = None;
                }
                Err(error) => {
                    seen = None;
                    // It is tried again and again, and said once.
                    if failure.as_ref() != Some(&error) {
                        tracing::warn!(error, folder = %self.spool.folder().display(), "cannot deliver facts from the spool");
                        failure = Some(error);
                    }
                }
            }
            self.report(&mut aside).await;
        }
    }

    /// When the folders last changed; none if the spool does not exist.
    fn changed(&self) -> Option<(SystemTime, Option<SystemTime>)> {
        let of = |path: PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        Some((of(self.spool.folder().to_owned())?, of(self.spool.quarantine_folder())))
    }

    /// Delivers one batch. Returns whether the spool is empty afterwards.
    async fn deliver_batch(&self) -> Result<bool, String> {
        let (spool, cleaner, now) = (self.spool.clone(), Arc::clone(&self.cleaner), self.clock.now());
        let load = tokio::task::spawn_blocking(move || read(&spool, &cleaner, now));
        let load = load.await.map_err(|error| error.to_string())?;
        let mut load = load.map_err(|error| error.to_string())?;
        if load.files.is_empty() {
            return Ok(!load.more);
        }
        let mut batch = Batch::default();
        let (mut file_of_event, mut file_of_log) = (Vec::new(), Vec::new());
        for (index, (_, own)) in load.files.iter_mut().enumerate() {
            file_of_event.extend(own.events.iter().map(|_| index));
            file_of_log.extend(own.logs.iter().map(|_| index));
            batch.events.append(&mut own.events);
            batch.logs.append(&mut own.logs);
        }
        let receipt = self.hub.push(batch).await.map_err(|error| error.to_string())?;
        let mut outcomes: Vec<Outcome> = load.files.iter().map(|_| Outcome::Accepted).collect();
        let events = receipt.rejected.iter().map(|one| (one, &file_of_event));
        let logs = receipt.rejected_logs.iter().map(|one| (one, &file_of_log));
        for (one, file_of) in events.chain(logs) {
            if let Some(outcome) = file_of.get(one.index).and_then(|file| outcomes.get_mut(*file)) {
                *outcome = match one.reason {
                    Reason::Busy | Reason::Shutdown | Reason::TooManySessions | Reason::TooManyPushed => Outcome::Retry,
                    _ => Outcome::Rejected,
                };
            }
        }
        let later = load.more || outcomes.contains(&Outcome::Retry);
        let spool = self.spool.clone();
        let finish = tokio::task::spawn_blocking(move || finish(&spool, &load, &outcomes));
        finish
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        Ok(!later)
    }

    /// Reports quarantined facts as a problem while there are any.
    async fn report(&self, shown: &mut usize) {
        let there = self.spool.quarantined().map_or(0, |files| files.len());
        if there == *shown {
            return;
        }
        *shown = there;
        let folder = self.spool.quarantine_folder().display().to_string();
        let fact = if there == 0 {
            Fact::ProblemCleared(ProblemCleared {
                key: KEY.to_owned(),
                with_parts: false,
            })
        } else {
            Fact::ProblemFound(ProblemFound {
                key: KEY.to_owned(),
                problem: Problem {
                    kind: ProblemKind::Rejected,
                    message: format!(
                        "{there} facts from `forgecast emit` were rejected; inspect the files in {folder} and remove them"
                    ),
                    subject: Some(folder),
                },
            })
        };
        let event = Event {
            id: None,
            subject: Subject::default(),
            at: self.clock.now(),
            origin: Origin {
                kind: SourceKind::Internal,
                path: None,
                first_sight: false,
                modified_at: None,
            },
            fact,
        };
        if let Err(error) = self.hub.push(Batch::of(event)).await {
            tracing::warn!(%error, "cannot report quarantined facts");
        }
    }
}

/// What happens to a file after its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Rejected,
    Retry,
}

/// Reads the oldest facts. Files that contain no fact are quarantined.
fn read(spool: &Spool, cleaner: &Cleaner, now: Timestamp) -> io::Result<PendingFacts> {
    let mut load = PendingFacts::default();
    let mut pending = spool.pending()?;
    if pending.is_empty() {
        return Ok(load);
    }
    spool.check_owner()?;
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(spool.folder().join(".lock"))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        // Another server delivers; this one checks again later.
        load.more = true;
        return Ok(load);
    }
    load.lock = Some(lock);
    load.more = pending.len() > BATCH_FACTS;
    pending.truncate(BATCH_FACTS);
    for path in pending {
        let bytes = match Spool::read(&path) {
            Ok(bytes) => bytes,
            // `emit` has delivered it in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "quarantined");
                spool.quarantine(&path)?;
                continue;
            }
        };
        match push::envelopes(&bytes, cleaner, now) {
            Ok(pushed) if pushed.rejected.is_empty() => load.files.push((path, pushed.batch)),
            _ => spool.quarantine(&path)?,
        }
    }
    Ok(load)
}

fn finish(spool: &Spool, load: &PendingFacts, outcomes: &[Outcome]) -> io::Result<()> {
    for ((path, _), outcome) in load.files.iter().zip(outcomes) {
        let done = match outcome {
            Outcome::Accepted => fs::remove_file(path),
            Outcome::Rejected => spool.quarantine(path),
            Outcome::Retry => Ok(()),
        };
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
