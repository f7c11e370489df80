//! The words for the state of a session and of its phases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A session's own status, whatever words its producer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::AsRefStr, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SessionStatus {
    /// At work.
    #[default]
    Running,
    /// Needs a person.
    Waiting,
    /// At work by its own account, but without work for longer than its limit.
    Stalled,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// No work for so long that nobody can be there, or its folder is gone.
    Abandoned,
}

impl SessionStatus {
    /// Whether the run is over: nothing but a new run follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// Whether the run counts as unfinished: shown in the index whatever its age, never removed by retention.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Waiting | Self::Stalled)
    }
}

/// The state of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseStatus {
    /// Not begun.
    #[default]
    Pending,
    /// At work.
    Active,
    /// Done.
    Completed,
    /// Failed or timed out.
    Failed,
    /// Passed over: later phases began, this one never did.
    Skipped,
}

/// Which kind of source the state comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceOfState {
    /// A phase file or a push.
    #[default]
    Live,
    /// A checkpoint, because no live data is fresh.
    Checkpoint,
    /// An agent's transcript.
    Transcript,
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// A person's approval of the use of a tool.
    Permission,
    /// The next instruction: the agent finished its turn.
    Prompt,
    /// An answer to the agent's question.
    Answer,
}
