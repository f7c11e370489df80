//! What is new of a session for a viewer, compared with what it was sent last. What only ticks is sent along and is never
//! news by itself.

use bytes::Bytes;
use forgecast_protocol::{SessionStatus, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::session::Session;
use crate::sessions::StateOrError;
use crate::view::{self, PhaseReport, SessionState, Status};

/// The frames that Forgecast makes itself.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum KnownFrame {
    /// At once, and again when it really changed.
    Status { data: StateOrError },
    /// The phase moved; the whole status with the report on top.
    PhaseUpdate { data: Map<String, Value> },
    /// The state of an agent as it was posted.
    AgentProgress {
        session_id: String,
        data: Map<String, Value>,
    },
    /// A new line.
    Log { data: String },
    /// Once, when the build is complete.
    Complete { message: &'static str, session_id: String },
}

impl KnownFrame {
    /// The text of the frame. Frames are made of types that always serialize.
    pub(crate) fn text(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// What a viewer was sent last; nothing before the first status.
#[derive(Debug)]
pub(crate) struct LastSent {
    /// Whether the viewer came before the session: then it is also told how the session begins.
    waited: bool,
    status: Option<(Status, PhaseReport)>,
    complete: bool,
}

impl LastSent {
    /// For a viewer that was sent nothing yet.
    pub(crate) fn nothing(waited: bool) -> Self {
        Self {
            waited,
            status: None,
            complete: false,
        }
    }

    /// The frames, in their order, that bring the viewer up to date; remembers them as sent.
    pub(crate) fn update(&mut self, session: &Session, now: Timestamp) -> Vec<Bytes> {
        let mut frames = Vec::new();
        let Session { id, view } = session;
        let status = Status::new(session);
        let report = PhaseReport::new(&status, view);
        let (last_status, last_report) = self.status.take().unzip();
        let is_reported = view.phase.is_some() && last_report.is_none_or(|last| last != report);
        if is_reported && (self.waited || last_status.is_some()) {
            let data = view::phase_update(&status, &report, view, now);
            frames.push(KnownFrame::PhaseUpdate { data }.text());
        }
        if last_status.is_none_or(|last| last != status) {
            let state = SessionState::with_clock(status.clone(), view, now);
            let data = StateOrError::State(Box::new(state));
            frames.push(KnownFrame::Status { data }.text());
        }
        let complete = view.status == SessionStatus::Completed;
        // Sent once, even when a later fact takes the end back and another brings it again.
        if complete && !self.complete {
            let (message, session_id) = ("The build is complete", id.clone());
            frames.push(KnownFrame::Complete { message, session_id }.text());
            self.complete = true;
        }
        self.status = Some((status, report));
        frames
    }
}
