//! Work on blocking threads: a bounded number at a time, some of it kept free for files that just changed, and a
//! deadline after which a reading that hangs no longer keeps others from starting.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::FileIdentity;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::discover::{Found, Walk};
use crate::source::{Source, SourceId};
use crate::work::{Context, Outcome, ScanDepth, Work};
use forgecast_open::{FileSystem, OpenError};

/// Readings of files that just changed.
const URGENT: usize = 6;
/// First scans and rounds of `stat`.
const BACKGROUND: usize = 3;
/// Readings of archives.
const ARCHIVES: usize = 2;
/// Readings that hang and are no longer counted; with so many, hanging ones do hold up others.
const STUCK: usize = 32;
/// A reading that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a walk through a whole root comes across is reported together: so many, or those of so much time.
const FOUND_TOGETHER: usize = 128;
const FOUND_WITHIN: Duration = Duration::from_millis(5);

/// What a blocking thread reports.
pub(super) enum Done {
    /// Sources were read.
    Read(Vec<ReadSource>),
    /// A job is over.
    Ended(u64),
    /// What a walk came across, in order; `true` when the walk was for something that just appeared.
    Found(Vec<Found>, bool),
    /// A walk is over, with how many folders it listed and how long it took.
    Walked {
        walk: Walk,
        whole: bool,
        result: Result<u64, OpenError>,
        took: Duration,
    },
    /// Folders that are not as they were: root and path relative to it.
    Changed(Vec<(usize, PathBuf)>),
    /// The configured folders as they are now, in their order.
    Roots(Vec<RootCheck>),
}

/// A source whose work is done.
pub(super) struct ReadSource {
    pub(super) id: SourceId,
    pub(super) source: Box<dyn Source>,
    /// `None`: reading failed by a fault of ours, and the source is as it was.
    pub(super) outcome: Option<Outcome>,
}

/// What a configured folder is at the moment, or why it cannot be watched.
pub(super) type RootCheck = Result<RootSeen, RootAway>;

/// A configured folder that is there.
pub(super) struct RootSeen {
    pub(super) path: PathBuf,
    pub(super) identity: FileIdentity,
    pub(super) file_system: FileSystem,
}

/// Why a configured folder cannot be watched.
pub(super) enum RootAway {
    /// There is nothing of that name.
    Missing,
    /// A file or anything else stands in its place.
    NoFolder,
    /// It may not be listed and entered.
    Closed(OpenError),
}

/// Kinds of jobs with a number of threads each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Urgent,
    Background,
    /// Archives of transcripts.
    Archives,
    /// A walk through a whole root.
    Walk,
    /// A walk through folders that just appeared.
    Explore,
    /// Comparing folders by `stat`.
    Folders,
    /// Looking at the configured folders.
    Roots,
}

struct Job {
    lane: Lane,
    started: Instant,
    stuck: bool,
    sources: Vec<SourceId>,
}

/// Reads a source on this thread; `None` when that failed by a fault of ours.
pub(super) fn read_source(source: &mut dyn Source, work: &Work, context: &Context) -> Option<Outcome> {
    std::panic::catch_unwind(AssertUnwindSafe(|| source.work(work, context))).ok()
}

/// The jobs under way.
#[derive(Default)]
pub(super) struct Jobs {
    done: Option<mpsc::Sender<Done>>,
    running: HashMap<u64, Job>,
    next: u64,
}

impl Jobs {
    pub(super) fn begin(&mut self, done: mpsc::Sender<Done>) {
        self.done = Some(done);
    }

    /// Whether another job of this kind may start.
    pub(super) fn has_room(&self, lane: Lane) -> bool {
        let most = match lane {
            Lane::Urgent => URGENT,
            Lane::Background => BACKGROUND,
            Lane::Archives => ARCHIVES,
            Lane::Walk | Lane::Explore | Lane::Folders | Lane::Roots => 1,
        };
        self.running
            .values()
            .filter(|job| job.lane == lane && !job.stuck)
            .count()
            < most
    }

    /// Whether nothing is under way but the reading of archives.
    pub(super) fn are_idle(&self) -> bool {
        self.running.values().all(|job| job.lane == Lane::Archives)
    }

    /// Whether something hangs and nothing else is under way but the reading of archives: there is nothing to wait for.
    pub(super) fn are_hanging(&self) -> bool {
        self.running.values().any(|job| job.stuck)
            && self.running.values().all(|job| job.stuck || job.lane == Lane::Archives)
    }

    /// Whether nothing is under way that brings news of sources or folders.
    pub(super) fn is_walking(&self) -> bool {
        self.running
            .values()
            .any(|job| matches!(job.lane, Lane::Walk | Lane::Explore))
    }

    pub(super) fn stuck(&self) -> u64 {
        u64::try_from(self.running.values().filter(|job| job.stuck).count()).unwrap_or(u64::MAX)
    }

    /// Sources whose reading hangs.
    pub(super) fn stuck_sources(&self) -> impl Iterator<Item = SourceId> {
        self.running
            .values()
            .filter(|job| job.stuck)
            .flat_map(|job| job.sources.iter().copied())
    }

    pub(super) fn ended(&mut self, job: u64) {
        self.running.remove(&job);
    }

    pub(super) fn give_up_stuck(&mut self, now: Instant) {
        let mut stuck = self.running.values().filter(|job| job.stuck).count();
        for job in self.running.values_mut() {
            let walks = matches!(job.lane, Lane::Walk | Lane::Explore);
            let late = now.saturating_duration_since(job.started) > if walks { 30 * DEADLINE } else { DEADLINE };
            if late && !job.stuck && stuck < STUCK {
                tracing::warn!(lane = ?job.lane, "a reading hangs; it is left behind");
                job.stuck = true;
                stuck += 1;
            }
        }
    }

    /// Reads sources one after the other on one thread. Each is reported when it is done; after light looks that found
    /// nothing new several together, so that a round costs one wake-up and not one per source.
    pub(super) fn read(&mut self, lane: Lane, work: Vec<(SourceId, Box<dyn Source>, Work)>, context: &Arc<Context>) {
        let context = Arc::clone(context);
        let sources = work.iter().map(|(id, ..)| *id).collect();
        self.spawn(lane, sources, move |done| {
            let mut unreported = Vec::new();
            let report = |sources: &mut Vec<ReadSource>| {
                sources.is_empty() || done.blocking_send(Done::Read(std::mem::take(sources))).is_ok()
            };
            for (id, mut source, work) in work {
                let is_light = work.depth == ScanDepth::Light;
                if !is_light && !report(&mut unreported) {
                    return;
                }
                let outcome = read_source(&mut *source, &work, &context);
                let has_news = outcome.as_ref().is_none_or(|outcome| !outcome.batch.is_empty());
                unreported.push(ReadSource { id, source, outcome });
                if (has_news || !is_light) && !report(&mut unreported) {
                    return;
                }
            }
            report(&mut unreported);
        });
    }

    /// Walks one after the other on one thread.
    pub(super) fn walk(&mut self, walks: Vec<Walk>, whole: bool, context: &Arc<Context>) {
        let context = Arc::clone(context);
        self.spawn(
            if whole { Lane::Walk } else { Lane::Explore },
            Vec::new(),
            move |done| {
                for walk in walks {
                    let started = Instant::now();
                    let (mut unreported, mut reported_at) = (Vec::new(), started);
                    let result = walk.run(&context, |found| {
                        unreported.push(found);
                        if whole && unreported.len() < FOUND_TOGETHER && reported_at.elapsed() < FOUND_WITHIN {
                            return true;
                        }
                        reported_at = Instant::now();
                        done.blocking_send(Done::Found(std::mem::take(&mut unreported), !whole))
                            .is_ok()
                    });
                    let walked = Done::Walked {
                        walk,
                        whole,
                        result,
                        took: started.elapsed(),
                    };
                    if done.blocking_send(Done::Found(unreported, !whole)).is_err()
                        || done.blocking_send(walked).is_err()
                    {
                        return;
                    }
                }
            },
        );
    }

    /// Runs `work` on a blocking thread and reports its end, also when it panics.
    pub(super) fn spawn(
        &mut self,
        lane: Lane,
        sources: Vec<SourceId>,
        work: impl FnOnce(&mpsc::Sender<Done>) + Send + 'static,
    ) {
        let Some(done) = self.done.clone() else { return };
        let number = self.next;
        self.next += 1;
        self.running.insert(
            number,
            Job {
                lane,
                started: Instant::now(),
                stuck: false,
                sources,
            },
        );
        tokio::task::spawn_blocking(move || {
            if std::panic::catch_unwind(AssertUnwindSafe(|| work(&done))).is_err() {
                tracing::error!(?lane, "a reading failed by a fault of Forgecast");
            }
            let _ = done.blocking_send(Done::Ended(number));
        });
    }
}
