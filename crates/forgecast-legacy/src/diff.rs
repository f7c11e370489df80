//! What is new of a session for a viewer, compared with what it was sent last. What only ticks is sent along and is never
//! news by itself.

use bytes::Bytes;
use forgecast_protocol::{SessionStatus, Timestamp};
use serde_json::{Map, Value, json};

use crate::session::Session;
use crate::view;

/// What a viewer was sent last; empty before the first status.
#[derive(Debug)]
pub(crate) struct LastSent {
    /// Whether the viewer came before the session: then it is also told how the session begins.
    waited: bool,
    status: Map<String, Value>,
    report: Map<String, Value>,
    complete: bool,
}

impl LastSent {
    /// For a viewer that was sent nothing yet.
    pub(crate) fn nothing(waited: bool) -> Self {
        Self {
            waited,
            status: Map::new(),
            report: Map::new(),
            complete: false,
        }
    }

    /// The frames, in their order, that bring the viewer up to date; remembers them as sent.
    pub(crate) fn update(&mut self, Session { id, view }: &Session, now: Timestamp) -> Vec<Bytes> {
        let mut frames = Vec::new();
        let status = view::status(view, id);
        let report = view::phase_report(view, id);
        let is_reported = view.phase.is_some() && report != self.report;
        if is_reported && (self.waited || !self.status.is_empty()) {
            let data = view::phase_update(&status, &report, view, now);
            frames.push(frame(&json!({ "type": "phase_update", "data": data })));
        }
        if status != self.status {
            let data = view::with_clock(status.clone(), view, now);
            frames.push(frame(&json!({ "type": "status", "data": data })));
        }
        let complete = view.status == SessionStatus::Completed;
        // Sent once, even when a later fact takes the end back and another brings it again.
        if complete && !self.complete {
            let message = json!({ "type": "complete", "message": "The build is complete", "session_id": id });
            frames.push(frame(&message));
            self.complete = true;
        }
        self.status = status;
        self.report = report;
        frames
    }
}

/// A message as a text frame.
pub(crate) fn frame(message: &Value) -> Bytes {
    message.to_string().into()
}
