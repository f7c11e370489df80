//! The server's side of the spool: hands facts that were kept while no server answered to the hub, in order, and removes
//! each once it is durable. One server at a time does so. A fact that can never be taken is set aside and shown as a
//! problem until somebody looked; it holds up nothing.

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

/// How often the folder is looked at; one `stat` when nothing changed.
const EVERY: Duration = Duration::from_millis(500);
/// Facts that are handed over in one go.
const AT_ONCE: usize = 200;
/// The problem's key.
const KEY: &str = "spool";

/// Delivers what is in a spool.
pub(crate) struct Delivery {
    pub(crate) spool: Spool,
    pub(crate) hub: Hub,
    pub(crate) cleaner: Arc<Cleaner>,
    pub(crate) clock: Clock,
}

/// Facts that were read, each with its file.
#[derive(Default)]
struct Load {
    events: Vec<(PathBuf, Vec<Event>)>,
    /// More wait behind them.
    more: bool,
    /// Kept alive until the facts are durable: no other server reads the same files meanwhile.
    lock: Option<File>,
}

impl Delivery {
    /// Delivers until `stop`. Begins when the sources have told what is on disk, which what was kept builds upon.
    pub(crate) async fn run(self, mut health: watch::Receiver<SourceHealth>, stop: CancellationToken) {
        let ready = health.wait_for(|health| health.ready);
        if stop.run_until_cancelled(ready).await.is_none() {
            return;
        }
        let mut look = interval(EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut seen, mut aside) = (None, 0);
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            let changed = self.changed();
            if changed.is_some() && changed == seen {
                continue;
            }
            match self.pass().await {
                // Only what was looked at to its end is done with: a change meanwhile shows another time.
                Ok(true) => seen = changed,
                Ok(false) => seen = None,
                Err(error) => {
                    tracing::warn!(error, folder = %self.spool.folder().display(), "cannot deliver what was kept");
                    seen = None;
                }
            }
            self.report(&mut aside).await;
        }
    }

    /// When something was put into or taken out of the folders. A folder that changes within the resolution of its time
    /// is looked at again.
    fn changed(&self) -> Option<(SystemTime, Option<SystemTime>)> {
        let of = |path: PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        Some((of(self.spool.folder().to_owned())?, of(self.spool.aside())))
    }

    /// One round; `false` when something is left for the next.
    async fn pass(&self) -> Result<bool, String> {
        let (spool, cleaner, now) = (self.spool.clone(), Arc::clone(&self.cleaner), self.clock.now());
        let load = tokio::task::spawn_blocking(move || read(&spool, &cleaner, now));
        let load = load.await.map_err(|error| error.to_string())?;
        let mut load = load.map_err(|error| error.to_string())?;
        if load.events.is_empty() {
            return Ok(!load.more);
        }
        let mut batch = Batch::default();
        let mut file_of = Vec::new();
        for (index, (_, events)) in load.events.iter_mut().enumerate() {
            file_of.extend(events.iter().map(|_| index));
            batch.events.append(events);
        }
        let receipt = self.hub.push(batch).await.map_err(|error| error.to_string())?;
        let mut ends: Vec<End> = load.events.iter().map(|_| End::Taken).collect();
        for one in receipt.rejected {
            if let Some(end) = file_of.get(one.index).and_then(|file| ends.get_mut(*file)) {
                *end = match one.reason {
                    Reason::Busy | Reason::Shutdown | Reason::TooManySessions => End::NotNow,
                    _ => End::Never,
                };
            }
        }
        let later = load.more || ends.contains(&End::NotNow);
        let spool = self.spool.clone();
        let settle = tokio::task::spawn_blocking(move || settle(&spool, &load, &ends));
        settle
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        Ok(!later)
    }

    /// Shows what was set aside as a problem, as long as it is there.
    async fn report(&self, shown: &mut usize) {
        let there = self.spool.set_aside().map_or(0, |files| files.len());
        if there == *shown {
            return;
        }
        *shown = there;
        let folder = self.spool.aside().display().to_string();
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
                        "{there} facts of `forgecast emit` cannot be taken; look at the files in {folder} and remove them"
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
            tracing::warn!(%error, "cannot report what was set aside");
        }
    }
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Taken,
    Never,
    NotNow,
}

/// Reads the oldest facts. Files that are no facts are set aside on the spot.
fn read(spool: &Spool, cleaner: &Cleaner, now: Timestamp) -> io::Result<Load> {
    let mut load = Load::default();
    let mut pending = spool.pending()?;
    if pending.is_empty() {
        return Ok(load);
    }
    spool.is_ours()?;
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(spool.folder().join(".lock"))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        // Another server delivers; what it leaves is looked at again.
        load.more = true;
        return Ok(load);
    }
    load.lock = Some(lock);
    load.more = pending.len() > AT_ONCE;
    pending.truncate(AT_ONCE);
    for path in pending {
        let bytes = match Spool::read(&path) {
            Ok(bytes) => bytes,
            // Its author delivered it a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "set aside");
                spool.put_aside(&path)?;
                continue;
            }
        };
        match push::envelopes(&bytes, cleaner, now) {
            Ok(pushed) if pushed.rejected.is_empty() => load.events.push((path, pushed.batch.events)),
            _ => spool.put_aside(&path)?,
        }
    }
    Ok(load)
}

fn settle(spool: &Spool, load: &Load, ends: &[End]) -> io::Result<()> {
    for ((path, _), end) in load.events.iter().zip(ends) {
        let done = match end {
            End::Taken => fs::remove_file(path),
            End::Never => spool.put_aside(path),
            End::NotNow => Ok(()),
        };
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
