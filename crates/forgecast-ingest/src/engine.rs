//! The one task that decides: it takes hints, keeps time, gives work to blocking threads, and hands batches on. The only
//! file that it reads itself is a small document on a local disk: everything else could hang or take long, and must not
//! stop it.

mod hints;
mod jobs;
mod report;
mod roots;
mod sources;
mod tree;
mod unread;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::{Batch, Clock, ProblemKind, SourceCheckpoint, SourceKey};
use tokio::sync::{mpsc, watch as watched};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::jobs::{Done, Jobs, ReadSource};
use self::roots::Root;
use self::sources::Sources;
use self::tree::Tree;
use self::unread::Indexing;
use crate::discover::WalkKind;
use crate::problem::Problems;
use crate::reconcile::PollSchedule;
use crate::schedule::Debounce;
use crate::source::SourceId;
use crate::watch::{Hints, WatchId, Watcher};
use crate::work::Context;
use crate::{Error, Options};
use forgecast_decode::clean::Cleaner;
use forgecast_protocol::health::SourceHealth;

/// While so many batches wait for the sink, nothing more is read: changes add up as marks, not as content.
const OUTBOX: usize = 64;
/// Results of blocking threads under way.
const DONE: usize = 1_024;

/// What a watch is for. One watch may be for several things.
#[derive(Clone, Debug, PartialEq, Eq)]
enum WatchTarget {
    /// A folder of a source.
    Source(SourceId, String),
    /// A folder in which projects may appear, relative to a root.
    Folder(usize, PathBuf),
}

/// All sources, what waits to be done for them, and where the facts go.
pub(crate) struct Engine {
    options: Options,
    context: Arc<Context>,
    clock: Clock,
    sink: mpsc::Sender<Batch>,
    health: watched::Sender<SourceHealth>,
    counters: SourceHealth,
    hints: Hints,
    polls: PollSchedule,
    known: BTreeMap<SourceKey, SourceCheckpoint>,
    roots: Vec<Root>,
    tree: Tree,
    sources: Sources,
    /// Files by when they are to be read.
    files: Debounce<(SourceId, String)>,
    /// Files that are read again whatever `stat` says.
    again: HashSet<(SourceId, String)>,
    targets: HashMap<WatchId, Vec<WatchTarget>>,
    /// There was a notification in this life: the system does give them.
    was_notified: bool,
    /// Watches that spoke before we learned what they are for.
    unknown_watches: HashSet<WatchId>,
    jobs: Jobs,
    outbox: VecDeque<Batch>,
    problems: Problems,
    indexing: Indexing,
    /// Why there are no notifications at all.
    without_hints: Option<String>,
}

impl Engine {
    pub(crate) fn new(
        options: Options,
        known: BTreeMap<SourceKey, SourceCheckpoint>,
        sink: mpsc::Sender<Batch>,
        clock: Clock,
        health: watched::Sender<SourceHealth>,
    ) -> Result<Self, Error> {
        let mut roots = Vec::new();
        let of_builds = [
            (&options.roots, WalkKind::Projects),
            (&options.checkpoints, WalkKind::Checkpoints),
            (&options.logs, WalkKind::Logs),
        ];
        let of_builds = of_builds
            .into_iter()
            .flat_map(|(folders, kind)| folders.iter().map(move |path| (path, kind)));
        let of_agents = options
            .agents
            .iter()
            .map(|(agent, path)| (path, WalkKind::Agent(agent)));
        for (path, kind) in of_builds.chain(of_agents) {
            let is_optional = options.optional.contains(&(kind.root_kind(), path.clone()));
            let root = Root::new(path, kind, is_optional)?;
            if !roots
                .iter()
                .any(|other: &Root| other.path == root.path && other.kind == kind)
            {
                roots.push(root);
            }
        }
        if roots.is_empty() {
            return Err(Error::NothingToWatch);
        }
        let (watcher, hints, without_hints) = match options.poll {
            true => (Watcher::none(), Hints::none(), None),
            false => match crate::watch::start(options.watch_limit) {
                Ok((watcher, hints)) => (watcher, hints, None),
                Err(error) => (Watcher::none(), Hints::none(), Some(error.to_string())),
            },
        };
        let project_roots = roots.iter().filter(|root| root.kind == WalkKind::Projects);
        let context = Context {
            cleaner: Cleaner::new(options.mask.clone()),
            clock: clock.clone(),
            watcher,
            roots: project_roots.map(|root| root.path.clone()).collect(),
            // As walks spell it, which know the real paths of the roots.
            home: options
                .home
                .as_ref()
                .map(|home| home.canonicalize().unwrap_or_else(|_| home.clone())),
            host: options.host.clone(),
            archive_after_ms: options.archive_after_ms,
            away_ms: options.away_ms,
        };
        let polls = PollSchedule {
            poll: options.poll,
            every: Duration::from_millis(options.reconcile_ms.max(20)),
        };
        Ok(Self {
            files: Debounce::new(
                Duration::from_millis(options.debounce_ms),
                Duration::from_millis(options.settle_ms),
            ),
            polls,
            context: Arc::new(context),
            clock,
            sink,
            health,
            counters: SourceHealth::default(),
            hints,
            known,
            roots,
            tree: Tree::new(polls),
            sources: Sources::new(polls),
            was_notified: false,
            again: HashSet::new(),
            targets: HashMap::new(),
            unknown_watches: HashSet::new(),
            jobs: Jobs::default(),
            outbox: VecDeque::new(),
            problems: Problems::default(),
            indexing: Indexing::default(),
            without_hints,
            options,
        })
    }

    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let (done, mut results) = mpsc::channel(DONE);
        self.jobs.begin(done);
        self.adopt_known_projects();
        // Taken out, so that waiting on them does not borrow the rest.
        let sink = self.sink.clone();
        let mut stream = std::mem::replace(&mut self.hints, Hints::none());
        let mut hints = Vec::new();
        let mut tick = Instant::now();
        loop {
            let now = Instant::now();
            if now >= tick {
                self.tick(now);
                tick = now + self.polls.tick();
            }
            self.take_due(now);
            self.start_work(now);
            // What was read on this thread goes out before anything is waited for.
            self.flush()?;
            let wake = [self.files.next_due(), self.next_asking(now)];
            let wake = wake.into_iter().flatten().fold(tick, Instant::min);
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                permit = sink.reserve(), if !self.outbox.is_empty() => {
                    let permit = permit.map_err(|_| Error::SinkClosed)?;
                    if let Some(batch) = next(&mut self.outbox, &self.context.cleaner) {
                        permit.send(batch);
                    }
                }
                Some(done) = results.recv() => {
                    self.done(done, Instant::now());
                    // What else is ready, without going round for each.
                    for _ in 0..OUTBOX {
                        let Ok(done) = results.try_recv() else { break };
                        self.done(done, Instant::now());
                    }
                }
                result = stream.next(&mut hints) => {
                    result.map_err(Error::ReadNotifications)?;
                    let now = Instant::now();
                    for hint in hints.drain(..) {
                        self.hint(hint, now);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            self.flush()?;
            if !self.counters.ready && self.jobs.are_idle() && self.outbox.is_empty() {
                self.report();
            }
        }
    }

    /// Hands on what the sink takes at once.
    fn flush(&mut self) -> Result<(), Error> {
        while !self.outbox.is_empty() {
            match self.sink.try_reserve() {
                Ok(permit) => permit.send(next(&mut self.outbox, &self.context.cleaner).unwrap_or_default()),
                Err(mpsc::error::TrySendError::Full(())) => return Ok(()),
                Err(mpsc::error::TrySendError::Closed(())) => return Err(Error::SinkClosed),
            }
        }
        Ok(())
    }

    fn done(&mut self, done: Done, now: Instant) {
        match done {
            Done::Read(sources) => {
                for ReadSource { id, source, outcome } in sources {
                    self.source_done(id, source, outcome, now);
                }
            }
            Done::Ended(job) => self.jobs.ended(job),
            Done::Found(found, soon) => {
                for found in found {
                    self.found(found, soon, now);
                }
            }
            Done::Walked {
                walk,
                whole,
                result,
                took,
            } => self.walked(&walk, whole, result, took, now),
            Done::Changed(folders) => self.folders_changed(folders),
            Done::Roots(states) => self.roots_checked(states),
        }
    }

    /// Everything that happens by time: rounds of `stat`, walks, what got stuck, what is reported.
    fn tick(&mut self, now: Instant) {
        self.jobs.give_up_stuck(now);
        self.check_roots(now);
        self.plan_walks(now);
        self.check_folders(now);
        self.plan_looks(now);
        self.files.tidy(now);
        self.tell_indexing(now);
        if self.jobs.are_idle() {
            self.unknown_watches.clear();
        }
        self.report();
    }

    /// A problem of the sources as a whole.
    fn report_problem(&mut self, key: &str, kind: ProblemKind, message: String, subject: &str) {
        let fact = self.problems.found(key, kind, message, subject);
        self.emit(fact);
    }

    fn clear_problem(&mut self, key: &str) {
        let fact = self.problems.cleared(key);
        self.emit(fact);
    }

    fn emit(&mut self, fact: Option<forgecast_protocol::Fact>) {
        if let Some(fact) = fact {
            let origin = crate::facts::internal(None);
            let event = crate::facts::event(&Default::default(), self.clock.now(), &origin, fact);
            self.outbox.push_back(Batch::of(event));
        }
    }
}

/// What leaves next. Names of files and folders are used as they are until here, and no further: they may hold secrets.
fn next(outbox: &mut VecDeque<Batch>, cleaner: &Cleaner) -> Option<Batch> {
    let mut batch = outbox.pop_front()?;
    cleaner.names(&mut batch);
    Some(batch)
}
