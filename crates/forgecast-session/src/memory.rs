//! What the fold has to remember besides the view, so that the next fact means the right thing. Kept in snapshots with
//! the view, never shown; grows only within the caps named here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use forgecast_protocol::event::{CheckpointReported, PhaseReported, Quiet, SourceKind, TestBasis, UsageSource};
use forgecast_protocol::session::{TestSummary, Usage, UsageShare, WaitingFor};
use forgecast_protocol::{SessionStatus, Timestamp};
use serde::{Deserialize, Serialize};

/// The fold's own state of one session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// When the run was first heard of: a file that changed later than this changed under our eyes.
    pub(crate) first_at: Timestamp,
    /// Whether a producer gave the session its name, rather than the folder.
    pub(crate) named: bool,
    /// The last report of a phase file or a push.
    pub(crate) live: Option<LiveReport>,
    /// The last report of a checkpoint.
    pub(crate) checkpoint: Option<KeptCheckpoint>,
    /// The folder of that checkpoint.
    pub(crate) checkpoint_path: Option<String>,
    /// Length of the longest `phases_completed` of this run, once one was given.
    pub(crate) longest_list: Option<usize>,
    /// The phases that the last list called done.
    pub(crate) last_list: BTreeSet<String>,
    /// Beginning of the attempt at the current phase, as it is shown.
    pub(crate) attempt_began: Option<Timestamp>,
    /// The same, when it was seen as it happened: only then is it good for measuring.
    pub(crate) attempt_seen: Option<Timestamp>,
    /// Milliseconds spent in each phase, of the attempts that were seen from beginning to end.
    pub(crate) spent_ms: BTreeMap<String, u64>,
    /// What is older than this and was there already at first sight belongs to an earlier run.
    pub(crate) boundary: Option<Timestamp>,
    /// Files read at first sight whose facts may still turn out to be an earlier run's.
    pub(crate) files: BTreeMap<String, FileAge>,
    /// The last work that does not hang on one of those files.
    pub(crate) work_at: Option<Timestamp>,
    /// Whether the phases are only what a summary lists.
    pub(crate) phases_of_summary: bool,
    /// An end that stays.
    pub(crate) end: Option<End>,
    /// A phase that failed; taken back when work goes on.
    pub(crate) failure: Option<Failure>,
    /// What the build waits for.
    pub(crate) waiting: Option<Wait>,
    /// An agent's own session was closed, and not taken up again since.
    pub(crate) closed: Option<Closed>,
    /// Uses of tools that were told, the newest last, and whether the use was over.
    pub(crate) tool_uses: VecDeque<(u64, bool)>,
    /// The deadline that passed last, unless work came since.
    pub(crate) quiet: Option<Quiet>,
    /// Folders and files that the session was read from and that are gone.
    pub(crate) gone: BTreeSet<String>,
    /// Last sign of life of the producer, whether or not it is later than the last work.
    pub(crate) seen_at: Option<Timestamp>,
    /// Results of the tests of the build as a whole, by where they stand.
    pub(crate) test_results: BTreeMap<TestBasis, KeptResult>,
    /// Where each round's numbers come from.
    pub(crate) test_rounds: BTreeMap<u32, RoundSource>,
    /// Decisions that were counted, by key.
    pub(crate) decisions: BTreeMap<String, KeptDecision>,
    /// Decisions that were counted and are no longer kept one by one.
    pub(crate) decisions_before: DecisionTotals,
    /// Number of the next decision.
    pub(crate) next_decision: u64,
    /// Number of the next error.
    pub(crate) next_error: u64,
    /// The file that listed a task; absent for tasks of other sources.
    pub(crate) task_files: BTreeMap<String, String>,
    /// Tasks that come from the checkpoint's lists and go with them.
    pub(crate) checkpoint_tasks: BTreeSet<String>,
    /// Whether any source ever said how far a task is.
    pub(crate) task_states: bool,
    /// Tasks that were evicted: all, and those done.
    pub(crate) tasks_before: (u32, u32),
    /// What each source says of the usage.
    pub(crate) sources: BTreeMap<UsageSource, KeptSource>,
    /// Usage that producers reported without naming calls.
    pub(crate) reports: Option<KeptReports>,
    /// The time of the call that the context window is shown of.
    pub(crate) context_at: Option<Timestamp>,
    /// Tokens that fit into the window, as configured.
    pub(crate) context_limit: Option<u64>,
    /// Whether the window proved to be one of the next size.
    pub(crate) long_context: bool,
}

/// The last phase report and when it was true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LiveReport {
    /// The report.
    pub(crate) fact: PhaseReported,
    /// File or push: their unknown fields are not compared with each other.
    pub(crate) kind: SourceKind,
    /// When the file changed, or the push came.
    pub(crate) time: Timestamp,
}

/// The last checkpoint and when it was true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptCheckpoint {
    /// The report.
    pub(crate) fact: CheckpointReported,
    /// When the files changed.
    pub(crate) time: Timestamp,
}

/// How old what a file says is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileAge {
    /// By the file's own account.
    pub(crate) dated: Option<Timestamp>,
    /// By the file system.
    pub(crate) modified_at: Option<Timestamp>,
    /// The work that the file stands for, as long as it counts.
    pub(crate) worked_at: Option<Timestamp>,
}

/// Until when a file with this time may have been written. Systems stamp files with the time of their last tick, which the
/// producer's own clock is ahead of, and some keep whole seconds only.
fn latest_by_file_system(modified: Timestamp) -> Timestamp {
    const TICK_MS: i64 = 10;
    const SECOND_MS: i64 = 1_000;
    let whole = modified.as_millis() % SECOND_MS == 0;
    modified.plus_millis(if whole { SECOND_MS } else { TICK_MS })
}

impl FileAge {
    /// The latest that it can be. The file's own account first: copying a folder renews every other time.
    pub(crate) fn latest(self) -> Option<Timestamp> {
        self.dated.or(self.modified_at.map(latest_by_file_system))
    }
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    /// `Completed` or `Failed`.
    pub(crate) status: SessionStatus,
    /// Why, one line.
    pub(crate) reason: String,
    /// When.
    pub(crate) at: Timestamp,
    /// The file that says so, if it is one.
    pub(crate) path: Option<String>,
}

/// A phase that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Why, one line.
    pub(crate) reason: String,
    /// When.
    pub(crate) at: Timestamp,
}

/// What a session waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wait {
    /// One line.
    pub(crate) reason: String,
    /// What kind of wait, when that is said.
    pub(crate) waiting_for: Option<WaitingFor>,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// The end of an agent's own session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// Why, one line.
    pub(crate) reason: String,
    /// When.
    pub(crate) at: Timestamp,
}

/// What one source says of the usage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptSource {
    /// How much.
    pub(crate) share: UsageShare,
    /// In how many calls or reports.
    pub(crate) calls: i64,
}

/// Usage that producers reported without naming calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptReports {
    /// All of it.
    pub(crate) usage: Usage,
    /// Reports without a price.
    pub(crate) unpriced: u64,
}

/// A result of the tests and the file it stands in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptResult {
    /// The numbers.
    pub(crate) result: TestSummary,
    /// The file.
    pub(crate) path: Option<String>,
}

/// Where the numbers of a round come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RoundSource {
    /// How they were found.
    pub(crate) basis: TestBasis,
    /// The file.
    pub(crate) path: Option<String>,
}

/// What is kept of every decision, so that reading it again adds nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptDecision {
    /// Order of arrival.
    pub(crate) number: u64,
    /// The rating, when there is one.
    pub(crate) quality: Option<f64>,
    /// Whether a lesson was applied.
    pub(crate) lesson_used: bool,
    /// The file.
    pub(crate) path: Option<String>,
}

/// Sums over decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecisionTotals {
    /// How many.
    pub(crate) count: u32,
    /// How many were rated.
    pub(crate) rated: u32,
    /// Sum of the ratings.
    pub(crate) quality: f64,
    /// How many applied a lesson.
    pub(crate) lessons: u32,
}

impl Memory {
    /// Nothing but when the run was first heard of.
    pub(crate) fn new(first_at: Timestamp, named: bool) -> Self {
        Self {
            first_at,
            named,
            live: None,
            checkpoint: None,
            checkpoint_path: None,
            longest_list: None,
            last_list: BTreeSet::new(),
            attempt_began: None,
            attempt_seen: None,
            spent_ms: BTreeMap::new(),
            boundary: None,
            files: BTreeMap::new(),
            work_at: None,
            phases_of_summary: false,
            end: None,
            failure: None,
            waiting: None,
            closed: None,
            tool_uses: VecDeque::new(),
            quiet: None,
            gone: BTreeSet::new(),
            seen_at: None,
            test_results: BTreeMap::new(),
            test_rounds: BTreeMap::new(),
            decisions: BTreeMap::new(),
            decisions_before: DecisionTotals::default(),
            next_decision: 0,
            next_error: 1,
            task_files: BTreeMap::new(),
            checkpoint_tasks: BTreeSet::new(),
            task_states: false,
            tasks_before: (0, 0),
            sources: BTreeMap::new(),
            reports: None,
            context_at: None,
            context_limit: None,
            long_context: false,
        }
    }
}
