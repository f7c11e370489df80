//! Starts the hub on an opened store. Only rows, names and numbers are read, never a whole session, so that a start with ten
//! thousand known sessions is quick.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use forgecast_protocol::calendar::parse_date;
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::{Clock, Epoch, SessionId, Timestamp};
use forgecast_store::{KnownSession, Opened, Store, StoredTranscript, UsageQuery};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::counters::Tally;
use crate::deadlines::Deadlines;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::hard_budgets::HardBudgets;
use crate::hub::Hub;
use crate::index::Index;
use crate::ledger::CallLedger;
use crate::limits::PlanLimits;
use crate::live::LiveSessions;
use crate::options::Options;
use crate::recent::RecentIds;
use crate::registry::{Binding, Registry};
use crate::rows::IndexRows;
use crate::shared::Shared;
use crate::spending::Spending;
use crate::state::{HubState, fingerprint, next_look_at};
use crate::task::HubTask;
use crate::topic::{Content, RingLimits, StateTopic};

/// Commands to the task that may queue.
const MAX_COMMANDS: usize = 1_024;

/// Starts the hub on an opened store. The task ends after `shutdown`: it folds what was sent before, stores everything, ends
/// all subscriptions and closes the store.
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
    let known = store
        .newest_sessions(options.max_sessions as u64)
        .await
        .map_err(Error::store("read the known sessions"))?;
    let runs = store.runs().await.map_err(Error::store("read finished runs"))?;
    let sources = store.sources().await.map_err(Error::store("read the known sources"))?;
    let names = store
        .names()
        .await
        .map_err(Error::store("read the names of sessions"))?;
    let transcripts = store
        .transcripts()
        .await
        .map_err(Error::store("read the transcripts"))?;
    let limits = store
        .limits()
        .await
        .map_err(Error::store("read the windows of plans"))?;

    let ring = RingLimits {
        patches: options.ring_patches,
        bytes: options.ring_bytes * 4,
    };
    let rows = Content::Index(Arc::new(IndexRows::default()));
    let topic = StateTopic::new("sessions", epoch_of_process(), ring, 1, rows, Vec::new());
    let topic = Arc::new(topic);
    let coalesce = Duration::from_millis(options.index_coalesce_ms);
    let mut index = Index::new(topic.clone(), options.index_finished, coalesce);
    for (key, problem) in notices {
        index.set_problem(&key, Some(problem));
    }
    let now = clock.now();
    let (mut registry, next_lines, deadlines) = restore(known, transcripts, &options, &mut index, now);
    for (name, newest) in names {
        registry.retire(&name, newest);
    }
    let today = options.calendar.day(now);
    let days = spent(&store, Spending::since(today)).await?;
    let spending = Spending::new(days, today, &options.budgets);

    let (intake, intake_receiver) = mpsc::channel(options.intake.max(1));
    let (commands, commands_receiver) = mpsc::channel(MAX_COMMANDS);
    let recent_ids = RecentIds::new(options.recent_ids);
    let hard_budgets = HardBudgets::restore(options.hard_limits, &limits);
    let shared = Arc::new(Shared {
        options,
        clock,
        epoch,
        store,
        index: topic,
        tally: Tally::default(),
        viewers: Arc::default(),
        registry: RwLock::new(registry),
        spending: Mutex::new(spending),
        limits: Mutex::new(PlanLimits::restore(limits)),
        hard_budgets: Mutex::new(hard_budgets),
        durable: AtomicU64::new(0),
    });
    let state = HubState {
        sessions: LiveSessions::new(shared.clone(), next_lines),
        ledger: CallLedger::default(),
        index,
        deadlines,
        estimator: Estimator::of(runs),
        recent_ids,
        sources: sources.iter().map(|(source, at)| fingerprint(source, at)).collect(),
        shared: shared.clone(),
    };
    let task = HubTask::new(state, intake_receiver, commands_receiver, shutdown);
    Ok((Hub::new(shared, intake, commands), tokio::spawn(task.run())))
}

/// Names and bindings, the number of each session's next log line, and when the silence of each has a meaning.
fn restore(
    mut known: Vec<KnownSession>,
    transcripts: Vec<StoredTranscript>,
    options: &Options,
    index: &mut Index,
    now: Timestamp,
) -> (Registry, HashMap<SessionId, u64>, Deadlines) {
    let mut registry = Registry::new(options.max_sessions);
    for StoredTranscript { id, session, directory } in transcripts {
        if let Ok(transcript) = id.parse() {
            registry.restore_transcript(&transcript, Binding { session, directory });
        }
    }
    let mut next_lines = HashMap::new();
    let mut deadlines = Deadlines::default();
    // Longest without work first: the session that a folder's facts went to last is its current one.
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
                deadlines.set(&id, next_look_at(row, &options.limits));
            }
            None => deadlines.set(&id, Some(now)),
        }
        next_lines.insert(id, known.next_log_offset);
    }
    (registry, next_lines, deadlines)
}

/// What was spent day by day, billionths of a dollar.
async fn spent(store: &Store, since: i32) -> Result<BTreeMap<i32, i64>, Error> {
    let query = UsageQuery {
        group_by: GroupBy::Day,
        since_day: Some(since),
        ..UsageQuery::default()
    };
    let sums = store
        .usage(query)
        .await
        .map_err(Error::store("add up what was spent"))?;
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
