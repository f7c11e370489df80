//! A session's past in brief: the answer of `GET /api/v1/sessions/{id}/timeline`, from which a scale of time is drawn. Every
//! revision in it can be seen at `GET /api/v1/sessions/{id}/at/{revision}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Revision, SessionId};
use crate::session::PhaseStatus;
use crate::time::Timestamp;

/// What changed in a session, revision by revision. Times never go back from one revision to the next: what was read late
/// has the time at which it was learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// The session, by its canonical id.
    pub session: SessionId,
    /// The newest revision that is stored: what follows is asked for with `after`.
    pub revision: Revision,
    /// The oldest revision that can be seen: what led to those before it is no longer kept.
    pub first_revision: Revision,
    /// Attempts at phases, in the order in which they began.
    pub spans: Vec<TimelineSpan>,
    /// Moments worth a mark, in order.
    pub marks: Vec<TimelineMark>,
    /// When revisions came, in order: the first, the last, and of those between them as many as a scale can show.
    pub times: Vec<(Revision, Timestamp)>,
    /// Spans and marks that were left out, because there are too many.
    pub left_out: u64,
}

/// One attempt at a phase.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineSpan {
    /// The phase.
    pub phase: String,
    /// Which attempt at it, from 1: more than one is a loop back (self-healing).
    pub attempt: u32,
    /// How it stands, or stood when it was left: `pending` when the build went back behind it.
    pub status: PhaseStatus,
    /// The first revision with it.
    pub revision: Revision,
    /// When that was.
    pub at: Timestamp,
    /// The first revision in which it is no longer at work.
    pub ended_revision: Option<Revision>,
    /// When that was.
    pub ended_at: Option<Timestamp>,
}

/// One moment worth a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineMark {
    /// The first revision that shows it.
    pub revision: Revision,
    /// When that was.
    pub at: Timestamp,
    /// What it is.
    pub kind: MarkKind,
    /// One line.
    pub label: String,
}

/// What a mark stands for; the first ones are the last to be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// The build ended well.
    Completed,
    /// It ended badly, or a phase failed.
    Failed,
    /// It was given up.
    Abandoned,
    /// A mark of the budget was passed.
    Budget,
    /// It began to wait for a person.
    Waiting,
    /// It went quiet.
    Stalled,
    /// It went on.
    Resumed,
    /// A result of the tests with failures.
    TestsFailed,
    /// A result of the tests without.
    TestsPassed,
    /// Something failed without ending the build.
    Error,
    /// An agent began.
    Agent,
}
