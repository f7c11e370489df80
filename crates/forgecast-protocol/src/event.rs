//! Events are facts that come in: what a source saw or a producer said, in the past tense, never changed afterwards.
//! What several facts mean together is not decided here but by the fold (`forgecast-session`).

mod build;
mod knowledge;
mod limits;
mod process;
mod source;
mod usage;
mod work;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{EventId, EventKey, SessionName, SessionRef};
use crate::time::Timestamp;

pub use self::{build::*, knowledge::*, limits::*, process::*, source::*, usage::*, work::*};

/// One fact, with whose it is, when it was learned and where it comes from.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The producer's id; the same id twice is the same fact, within the session and the folder that the producer named.
    /// Facts read from files have none: their checkpoint tells.
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

impl Fact {
    /// Which of its numbers no source can mean, in words; none when all of them may be so.
    #[must_use]
    pub fn implausible(&self) -> Option<String> {
        match self {
            Self::CallReported(call) => call.implausible(),
            Self::UsageRecorded(usage) => usage.implausible(),
            Self::AgentReported(agent) => agent.implausible(),
            _ => None,
        }
    }
}

impl Event {
    /// By what it is known when it comes again.
    #[must_use]
    pub fn key(&self) -> Option<EventKey> {
        self.id.as_ref().map(|id| EventKey::new(id, &self.subject))
    }
}

/// Which session a fact belongs to, as far as its source can tell. The hub turns it into a session id: by the run when
/// there is one, by the transcript or the wrapped command when there is one, else by folder and name, else by the newest
/// run of the name.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The session as a producer named it, when that name fits an id.
    pub session: Option<SessionRef>,
    /// The name as the producer wrote it (cleaned), or the folder's name.
    pub name: Option<String>,
    /// The absolute path of the project's folder; for an agent's own session the folder it was started in.
    pub directory: Option<String>,
    /// The agent's own session, by the name of its transcript (`258c7280-ae70-…`). It belongs to the build whose folder it
    /// runs in while that build is at work, until another one is; else it is a session of its own with that name.
    pub transcript: Option<SessionName>,
    /// The command that a person wrapped, by the id that its wrapper made for it (`command-…`). Its session is a run of its
    /// own under the name, whatever else goes on under this name or in the folder.
    pub command: Option<SessionName>,
}

/// Where a fact comes from: shown as provenance, and the key of "compare with this source's previous digest only".
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The kind of source.
    pub kind: SourceKind,
    /// The file, relative to the project's folder where it is inside it, or the endpoint.
    pub path: Option<String>,
    /// Whether this is the first reading of the source since Forgecast knows it: what is read then may be old.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_sight: bool,
    /// When the file was last changed, by the file system; never later than the event's own time.
    pub modified_at: Option<Timestamp>,
}

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// `POST /api/v1/events` and Context Foundry's endpoints.
    Push,
    /// The same, brought over from elsewhere: it happened before anybody followed the session.
    History,
    /// A hook of a coding agent.
    Hook,
    /// OpenTelemetry over HTTP.
    Otlp,
    /// A transcript of a coding agent.
    Transcript,
    /// A file in which a coding agent says what its process is doing, and the process itself.
    Process,
    /// The event log of Foundry. Its other documents are artifacts.
    Foundry,
    /// Forgecast itself: deadlines, estimates, the state of the sources.
    Internal,
}

/// A fact. Every field that a producer may leave out is optional: absent means "not said", never zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// What a source knows of one call to a model. Only the hub's ledger sees it.
    CallReported(CallReported),
    /// Tokens were used.
    UsageRecorded(UsageRecorded),
    /// How much of a window of a plan is used up. Belongs to no session and is not stored as it is.
    LimitReported(LimitReported),
    /// A mark on the way to the limit of a plan was passed, or the plan can be used again.
    LimitPassed(LimitPassed),
    /// A budget was passed, or a mark on the way to it.
    BudgetPassed(BudgetPassed),
    /// A hard budget stopped an agent.
    BudgetDenied(BudgetDenied),
    /// A hard budget was changed.
    BudgetRaised(BudgetRaised),
    /// An agent used a tool.
    ToolUsed(ToolUsed),
    /// An agent waits for a person.
    WaitingBegan(WaitingBegan),
    /// It no longer waits.
    WaitingEnded(WaitingEnded),
    /// A person answered from afar what it asked to be allowed.
    ApprovalAnswered(ApprovalAnswered),
    /// What is known of a process in which an agent runs.
    ProcessReported(ProcessReported),
    /// What an agent is doing.
    ActivityReported(ActivityReported),
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
    /// It has another path.
    SourceMoved(SourceMoved),
    /// How far the first reading of old sources is. Belongs to no session and is not stored.
    IndexingProgress(IndexingProgress),
    /// Anything else; kept and passed on as it came.
    Custom(Custom),
}
