//! What is new of a session for a viewer, by what it was told last. What ticks is filled in and is never news.

use bytes::Bytes;
use forgecast_protocol::{SessionStatus, SessionView, Timestamp};
use serde_json::{Map, Value, json};

use super::view;

/// What a viewer knows; empty before the first status.
#[derive(Debug)]
pub(super) struct Told {
    /// Whether the viewer was there before what it looks at: then the beginning of that is news, too.
    waited: bool,
    status: Map<String, Value>,
    report: Map<String, Value>,
    complete: bool,
}

impl Told {
    /// A viewer that was told nothing yet.
    pub(super) fn nothing(waited: bool) -> Self {
        Self {
            waited,
            status: Map::new(),
            report: Map::new(),
            complete: false,
        }
    }

    /// What is new since the last time, as frames in their order; remembers it as told.
    pub(super) fn news(&mut self, view: &SessionView, id: &str, now: Timestamp) -> Vec<Bytes> {
        let mut frames = Vec::new();
        let status = view::settled(view, id);
        let report = view::phase_report(view, id);
        let is_reported = view.phase.is_some() && report != self.report;
        if is_reported && (self.waited || !self.status.is_empty()) {
            let data = view::phase_update(&status, &report, view, now);
            frames.push(text(&json!({ "type": "phase_update", "data": data })));
        }
        if status != self.status {
            let data = view::tick(status.clone(), view, now);
            frames.push(text(&json!({ "type": "status", "data": data })));
        }
        let complete = view.status == SessionStatus::Completed;
        // Said once, also when a later fact should take the end back and bring it again.
        if complete && !self.complete {
            let message = json!({ "type": "complete", "message": "The build is complete", "session_id": id });
            frames.push(text(&message));
            self.complete = true;
        }
        self.status = status;
        self.report = report;
        frames
    }
}

/// A message as a text frame.
pub(super) fn text(message: &Value) -> Bytes {
    message.to_string().into()
}
