//! From an opened store to a running hub. Reads rows, names and numbers only, never a whole session, so that ten thousand
//! known sessions are a quick start.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use forgecast_protocol::calendar::parse_date;
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::{Clock, Epoch, SessionId, Timestamp};
use forgecast_store::{KnownSession, Opened, Store, StoredTranscript, UsageQuery};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::counters::Tally;
use crate::deadlines::Deadlines;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::hub::{Hub, Shared};
use crate::index::{Index, Rows};
use crate::options::Options;
use crate::past::Pasts;
use crate::persist::Persist;
use crate::recent::RecentIds;
use crate::registry::{Binding, Registry};
use crate::spending::Spending;
use crate::task::Task;
use crate::task::adopt::Adoptions;
use crate::task::fold::fingerprint;
use crate::task::upkeep::{Prune, look_again_at};
use crate::tools::Tools;
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
    let transcripts = store.transcripts().await.map_err(reading("read the transcripts"))?;

    let mut index = Index::new(options.index_finished);
    for (key, problem) in notices {
        index.problem(&key, Some(problem));
    }
    let now = clock.now();
    let Restored {
        registry,
        next_lines,
        deadlines,
    } = restore(known, transcripts, &options, &mut index, now);
    let today = options.calendar.day(now);
    let days = spent(&store, Spending::since(today)).await?;
    let spending = Spending::new(days, today, &options.budgets);

    let ring = RingLimits {
        patches: options.ring_patches,
        bytes: options.ring_bytes * 4,
    };
    let rows = Content::Index(Arc::new(Rows::default()));
    let topic = StateTopic::new("sessions", epoch_of_process(), ring, 1, rows, Vec::new());
    let sources = sources.iter().map(|(source, at)| fingerprint(source, at)).collect();
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
        spending: Mutex::new(spending),
        pasts: Pasts::default(),
        durable: AtomicU64::new(0),
    });
    let mut task = Task {
        shared: shared.clone(),
        intake: intake_receiver,
        commands: commands_receiver,
        shutdown,
        live: HashMap::new(),
        stayed: 0,
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
        sources,
        calls: Calls::default(),
        tools: Tools::default(),
        adoptions: Adoptions::default(),
        persist: Persist::new(store.clone(), max_backlog_bytes),
        prune: Prune::new(),
        resting: Vec::new(),
        store,
    };
    task.resume_adoptions();
    // Before anyone can look: the first viewer finds what is known.
    task.publish_index();
    let hub = Hub {
        shared,
        intake,
        commands,
    };
    Ok((hub, tokio::spawn(task.run())))
}

struct Restored {
    registry: Registry,
    next_lines: HashMap<SessionId, u64>,
    deadlines: Deadlines,
}

fn restore(
    mut known: Vec<KnownSession>,
    transcripts: Vec<StoredTranscript>,
    options: &Options,
    index: &mut Index,
    now: Timestamp,
) -> Restored {
    let mut registry = Registry::new(options.max_sessions);
    for StoredTranscript { id, session, directory } in transcripts {
        if let Ok(transcript) = id.parse() {
            registry.restore_transcript(&transcript, Binding { session, directory });
        }
    }
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
        registry.restore(&known.session, row, &options.limits);
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

/// What was spent day by day, billionths of a dollar.
async fn spent(store: &Store, since: i32) -> Result<BTreeMap<i32, i64>, Error> {
    let query = UsageQuery {
        group_by: GroupBy::Day,
        since_day: Some(since),
        ..UsageQuery::default()
    };
    let sums = store.usage(query).await.map_err(reading("add up what was spent"))?;
    let mut days = BTreeMap::new();
    for sum in sums {
        if let Some(day) = parse_date(&sum.key) {
            let spent: &mut i64 = days.entry(day).or_default();
            *spent = spent.saturating_add(i64::try_from(sum.cost_nanos).unwrap_or(i64::MAX));
        }
    }
    Ok(days)
}

/// An epoch that no earlier process had, but for a chance of one in four thousand million.
fn epoch_of_process() -> Epoch {
    let random = RandomState::new().hash_one(std::process::id());
    Epoch::new(u32::try_from(random >> 32).unwrap_or_default())
}

fn reading(operation: &'static str) -> impl Fn(forgecast_store::Error) -> Error {
    move |source| Error::Store { operation, source }
}
