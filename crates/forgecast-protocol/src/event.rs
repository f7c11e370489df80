//! Events are facts that come in: what a source saw or a producer said, in the past tense, never changed afterwards.
//! What several facts mean together is not decided here but by the fold (`forgecast-session`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{EventId, SessionRef};
use crate::problem::Problem;
use crate::session::{Estimate, TokenCounts};
use crate::time::Timestamp;

/// One fact, with whose it is, when it was learned and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The producer's id; the same id twice is the same fact. Facts read from files have none: their checkpoint tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// Which session it belongs to, as far as the source can tell.
    pub subject: Subject,
    /// When Forgecast learned it. Order is the order of arrival; the producer's own times are inside the fact.
    pub at: Timestamp,
    /// Where it comes from.
    pub origin: Origin,
    /// The fact.
    pub fact: Fact,
}

/// Which session a fact belongs to, as far as its source can tell. The hub turns it into a session id: by the run when
/// there is one, else by folder and name, else by the newest run of the name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The session as a producer named it, when that name fits an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionRef>,
    /// The name as the producer wrote it (cleaned), or the folder's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The absolute path of the project's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// Where a fact comes from: shown as provenance, and the key of "compare with this source's previous digest only".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The kind of source.
    pub kind: SourceKind,
    /// The file, relative to the project's folder where it is inside it, or the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether this is the first reading of the source since Forgecast knows it: what is read then may be old.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_sight: bool,
    /// When the file was last changed, by the file system; never later than the event's own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Timestamp>,
}

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// `.context-foundry/current-phase.json`.
    PhaseFile,
    /// A folder below `checkpoints/ralph`.
    Checkpoint,
    /// `session-summary.json`, test reports, feedback, patterns, build tasks: files beside the phase file.
    Artifact,
    /// A log file.
    Log,
    /// `POST /api/v1/events` and the origin's endpoints.
    Push,
    /// A hook of a coding agent.
    Hook,
    /// OpenTelemetry over HTTP.
    Otlp,
    /// A transcript of a coding agent.
    Transcript,
    /// Forgecast itself: deadlines, estimates, the state of the sources.
    Internal,
}

/// A fact. Every field that a producer may leave out is optional: absent means "not said", never zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// The session exists; what is known about it besides its progress.
    SessionSeen(SessionSeen),
    /// The content of a phase file, or the same by HTTP.
    PhaseReported(PhaseReported),
    /// The content of a checkpoint's files.
    CheckpointReported(CheckpointReported),
    /// One task of the build.
    TaskReported(TaskReported),
    /// The result of a run of the tests.
    TestsReported(TestsReported),
    /// What one agent is doing.
    AgentReported(AgentReported),
    /// A decision, an issue found, a lesson.
    DecisionRecorded(DecisionRecorded),
    /// A pattern of the pattern library.
    PatternRecorded(PatternRecorded),
    /// A file of the session was made or changed.
    ArtifactChanged(ArtifactChanged),
    /// Tokens were used.
    UsageRecorded(UsageRecorded),
    /// An agent used a tool.
    ToolUsed(ToolUsed),
    /// The build waits for a person.
    WaitingBegan(WaitingBegan),
    /// It no longer waits.
    WaitingEnded(WaitingEnded),
    /// Something failed without ending the build.
    ErrorReported(ErrorReported),
    /// The build says that it ended.
    CompletionReported(CompletionReported),
    /// A deadline passed without work.
    WentQuiet(WentQuiet),
    /// What is likely to remain, worked out from history.
    EstimateRevised(EstimateRevised),
    /// A source has a problem.
    ProblemFound(ProblemFound),
    /// A source's problem is over.
    ProblemCleared(ProblemCleared),
    /// The folder or file that the session is read from is gone.
    SourceGone(SourceGone),
    /// It is back.
    SourceReturned(SourceReturned),
    /// Anything else; kept and passed on as it came.
    Custom(Custom),
}

/// See [`Fact::SessionSeen`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionSeen {
    /// The name of the project, when it is not the session's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What the build was asked to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The machine it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Web addresses that belong to it, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
}

/// See [`Fact::PhaseReported`]. Source: design of the phase file, `docs/inputs.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseReported {
    /// The producer's word for the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// As written: `4/7`, `?/7`, `4.5/8`, `3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_number: Option<String>,
    /// The producer's word for the state of the phase (not of the build).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What it is doing, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Which round of the test loop, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_iteration: Option<u32>,
    /// The phases that the producer calls done; absent is not the same as empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases_completed: Option<Vec<String>>,
    /// The producer's time of the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// The producer's time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Timestamp>,
    /// Tasks done, when the producer counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_completed: Option<u32>,
    /// Tasks in all, when the producer counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_total: Option<u32>,
    /// Share of the context window in use, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_percent: Option<f64>,
    /// Fields that Forgecast does not know, as they came (capped).
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, Value>,
}

/// See [`Fact::CheckpointReported`]: the files of one checkpoint folder taken together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckpointReported {
    /// The name of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What the build was asked to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// `scout`, `architect`, `builder` or `complete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The phase before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_phase: Option<String>,
    /// How many rounds the loop has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u32>,
    /// The producer's time of the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// The producer's time of the last round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_iteration_at: Option<Timestamp>,
    /// The folder that the build works in, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Tasks done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Vec<String>>,
    /// Tasks to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Vec<String>>,
    /// Remarks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<String>>,
    /// Whether the marker `COMPLETE` is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

/// See [`Fact::TaskReported`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskReported {
    /// The task's own id, `task-3`.
    pub id: String,
    /// What is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `pending`, `in_progress`, `completed`, `failed`, or the producer's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Files it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Ids of tasks that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// The producer's estimate, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_time: Option<String>,
    /// Position in the producer's list, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
}

/// Where a test result was taken from, weakest first: a later source of the same or more weight replaces the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TestBasis {
    /// Counted from explicit statements in a report that a model wrote.
    Report,
    /// Said by a producer.
    Reported,
    /// `session-summary.json`.
    Summary,
}

/// See [`Fact::TestsReported`]. A number that is not stated anywhere is absent, not zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestsReported {
    /// Which round of the test loop, counted from 1; absent for the result of the whole build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    /// Tests run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
    /// Tests passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<u32>,
    /// Tests failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u32>,
    /// The producer's own verdict, when it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<bool>,
    /// How the numbers were found.
    pub basis: TestBasis,
}

/// See [`Fact::AgentReported`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentReported {
    /// The agent's id within the session.
    pub id: String,
    /// `scout`, `builder`, `general-purpose`, …
    #[serde(
        default,
        rename = "agent_type",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id of the agent that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The phase it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<f64>,
    /// Tokens used so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// The limit that the producer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_limit: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Issues it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issues_found: Option<u32>,
    /// Issues it mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issues_fixed: Option<u32>,
}

/// See [`Fact::DecisionRecorded`]. Ratings that nobody gave are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecorded {
    /// What makes it the same decision when it is read again: file and id.
    pub key: String,
    /// One line.
    pub title: String,
    /// `Testing`, `Architecture`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// `HIGH`, `MEDIUM`, `LOW`, or the producer's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The phase in which it was made or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The phase that should have found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub should_detect_in_phase: Option<String>,
    /// Why it came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// What was or should be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution: Option<String>,
    /// Phases it applies to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applies_to_phases: Vec<String>,
    /// How sure its author is, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<String>,
    /// 1 to 5, when somebody rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
    /// 1 to 5, when somebody rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<f64>,
    /// Whether a lesson of an earlier build was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson_used: Option<bool>,
}

/// See [`Fact::PatternRecorded`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PatternRecorded {
    /// The pattern's own id.
    pub id: String,
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The library it stands in: the file's name without its ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// `HIGH`, `MEDIUM`, `LOW`, or the producer's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// How often it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<u32>,
    /// How often it was prevented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_prevented: Option<u32>,
}

/// See [`Fact::ArtifactChanged`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactChanged {
    /// Path relative to the project's folder; also the name by which it is opened.
    pub name: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// Bytes.
    pub size: u64,
    /// When the file was last changed.
    pub modified_at: Timestamp,
    /// The producer's own time of it (`completed_at`), which says whose run it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<Timestamp>,
    /// The file was removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// `session-summary.json`.
    Summary,
    /// Results of a round of tests.
    TestReport,
    /// What the build learned.
    Feedback,
    /// A pattern library.
    Patterns,
    /// The list of tasks.
    Tasks,
    /// Scout report, architecture and the like.
    Document,
    /// A log.
    Log,
    /// Anything else.
    Other,
}

/// See [`Fact::UsageRecorded`]: tokens of one call, as the difference to what was known of that call before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsageRecorded {
    /// Tokens by type.
    #[serde(flatten)]
    pub tokens: TokenCounts,
    /// US dollars, when the price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent that made the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Tokens in the context window after the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// Share of the context window in use, 0 to 100, as a producer says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_percent: Option<f64>,
    /// Where the number comes from: `otlp`, `transcript`, `hook`, `reported`, `estimated`.
    pub provenance: String,
}

/// See [`Fact::ToolUsed`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolUsed {
    /// The tool.
    pub tool: String,
    /// What it was used on, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The agent that used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whether it worked, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
}

/// See [`Fact::WaitingBegan`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WaitingBegan {
    /// What it waits for, one line.
    pub reason: String,
}

/// See [`Fact::WaitingEnded`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WaitingEnded {}

/// See [`Fact::ErrorReported`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorReported {
    /// What failed, one line.
    pub message: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// Who says that the build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletionBasis {
    /// `session-summary.json`.
    Summary,
    /// The marker file `COMPLETE`.
    Marker,
    /// A producer's event.
    Reported,
}

/// See [`Fact::CompletionReported`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompletionReported {
    /// Whether it ended well; absent when the producer's word says neither (then it does not end the build).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The producer's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Who says so.
    pub basis: CompletionBasis,
    /// The producer's time of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What the build was asked to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Phases that the producer calls done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases_completed: Option<Vec<String>>,
    /// How long it took by the producer's account, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<f64>,
    /// Web addresses, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// No work for longer than the limit of a running build.
    Stalled,
    /// No work for so long that nobody can be there.
    Abandoned,
    /// Deploy was completed and nothing followed.
    Settled,
}

/// See [`Fact::WentQuiet`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WentQuiet {
    /// Which deadline.
    pub quiet: Quiet,
    /// Without work since.
    pub since: Timestamp,
}

/// See [`Fact::EstimateRevised`]; all absent takes an earlier estimate back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EstimateRevised {
    /// The estimate, when history gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// See [`Fact::ProblemFound`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProblemFound {
    /// Names the trouble, so that the same one is shown once: the file's path and, for a field, its name.
    pub key: String,
    /// The trouble.
    pub problem: Problem,
}

/// See [`Fact::ProblemCleared`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProblemCleared {
    /// The key under which it was found.
    pub key: String,
}

/// See [`Fact::SourceGone`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceGone {
    /// What is gone.
    pub path: String,
}

/// See [`Fact::SourceReturned`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceReturned {
    /// What is back.
    pub path: String,
}

/// See [`Fact::Custom`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Custom {
    /// The producer's word for it.
    pub kind: String,
    /// Its content.
    #[serde(default)]
    pub data: Value,
}
