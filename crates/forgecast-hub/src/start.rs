//! From an opened store to a running hub. Reads rows, names and numbers only, never a whole session, so that ten thousand
//! known sessions are a quick start.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use forgecast_protocol::{Clock, Epoch, SessionId, Timestamp};
use forgecast_store::{KnownSession, Opened};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::counters::Tally;
use crate::deadlines::Deadlines;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::hub::{Hub, Shared};
use crate::index::{Index, Rows};
use crate::options::Options;
use crate::persist::Persist;
use crate::recent::RecentIds;
use crate::registry::Registry;
use crate::task::Task;
use crate::task::fold::fingerprint;
use crate::task::upkeep::{Prune, look_again_at};
use crate::topic::{Content, RingLimits, StateTopic};

/// Questions to the task that may queue.
const COMMANDS: usize = 1_024;

/// Starts the hub on an opened store. The handle's task ends after `shutdown`: it takes in what was sent, brings
/// everything to the disk, ends all subscriptions and closes the store.
///
/// # Errors
/// What the store knows could not be read.
pub async fn start(
    opened: Opened,
    options: Options,
    clock: Clock,
    shutdown: CancellationToken,
) -> Result<(Hub, JoinHandle<()>), Error> {
    let Opened {
        store, epoch, notices, ..
    } = opened;
    let known = store.sessions().await.map_err(reading("read the known sessions"))?;
    let runs = store.runs().await.map_err(reading("read finished runs"))?;
    let sources = store.sources().await.map_err(reading("read the known sources"))?;

    let mut index = Index::new(options.index_finished);
    for (key, problem) in notices {
        index.problem(&key, Some(problem));
    }
    let now = clock.now();
    let Restored {
        registry,
        next_lines,
        deadlines,
    } = restore(known, &options, &mut index, now);

    let ring = RingLimits {
        patches: options.ring_patches,
        bytes: options.ring_bytes * 4,
    };
    let rows = Content::Index(Arc::new(Rows::default()));
    let topic = StateTopic::new("sessions", epoch_of_process(), ring, 1, rows, Vec::new());
    let (intake, intake_receiver) = mpsc::channel(options.intake.max(1));
    let (commands, commands_receiver) = mpsc::channel(COMMANDS);
    let (recent_ids, max_backlog_bytes) = (options.recent_ids, options.max_backlog_bytes);
    let shared = Arc::new(Shared {
        options,
        clock,
        epoch,
        store: store.clone(),
        index: Arc::new(topic),
        tally: Tally::default(),
        viewers: Arc::default(),
        registry: RwLock::new(registry),
        durable: AtomicU64::new(0),
    });
    let mut task = Task {
        shared: shared.clone(),
        intake: intake_receiver,
        commands: commands_receiver,
        shutdown,
        live: HashMap::new(),
        next_lines,
        loading: HashMap::new(),
        load_queue: VecDeque::new(),
        loads: JoinSet::new(),
        parked: crate::task::parked::Parked::default(),
        index,
        index_revision: 1,
        index_due: None,
        deadlines,
        estimator: Estimator::of(runs),
        recent: RecentIds::new(recent_ids),
        sources: sources
            .iter()
            .map(|(source, checkpoint)| fingerprint(source, checkpoint))
            .collect(),
        persist: Persist::new(store.clone(), max_backlog_bytes),
        prune: Prune::new(),
        store,
    };
    // Before anyone can look: the first viewer finds what is known.
    task.publish_index();
    let handle = tokio::spawn(task.run());
    let hub = Hub {
        shared,
        intake,
        commands,
    };
    Ok((hub, handle))
}

struct Restored {
    registry: Registry,
    next_lines: HashMap<SessionId, u64>,
    deadlines: Deadlines,
}

fn restore(mut known: Vec<KnownSession>, options: &Options, index: &mut Index, now: Timestamp) -> Restored {
    let mut registry = Registry::new(options.max_sessions);
    let mut next_lines = HashMap::new();
    let mut deadlines = Deadlines::default();
    // Longest without work first: what a folder's facts went to last is its current session.
    known.sort_by_key(|known| {
        let worked_at = known.row.as_ref().and_then(|row| row.last_work_at);
        (worked_at.max(Some(known.session.created_at)), known.session.id.run())
    });
    let surplus = known.len().saturating_sub(options.max_sessions);
    for (number, known) in known.into_iter().enumerate() {
        let row = known.row.as_ref();
        let is_over = row.is_some_and(|row| row.status.is_final());
        registry.restore(&known.session, is_over);
        let id = known.session.id;
        if known.revision == 0 || (number < surplus && row.is_none_or(|row| !row.status.is_active())) {
            // Its id stays used.
            registry.remove(&id);
            continue;
        }
        match row {
            Some(row) => {
                index.set(row, known.session.created_at);
                deadlines.set(&id, look_again_at(row, &options.limits));
            }
            None => deadlines.set(&id, Some(now)),
        }
        next_lines.insert(id, known.next_log_offset);
    }
    Restored {
        registry,
        next_lines,
        deadlines,
    }
}

/// An epoch that no earlier process had, but for a chance of one in four thousand million.
fn epoch_of_process() -> Epoch {
    let random = RandomState::new().hash_one(std::process::id());
    Epoch::new(u32::try_from(random >> 32).unwrap_or_default())
}

fn reading(operation: &'static str) -> impl Fn(forgecast_store::Error) -> Error {
    move |source| Error::Store { operation, source }
}
