//! A session that is nothing but an agent's own: known from its transcript, its hooks or its telemetry. It has no phases
//! and nothing that says how it ended well or badly; when it is closed, or nothing follows its last turn, it is over
//! until it is taken up again. A build is never ended by this.

use forgecast_protocol::event::{CompletionReported, Quiet, SessionSeen, SourceKind};
use forgecast_protocol::session::SourceOfState;
use forgecast_protocol::{Event, Fact, Timestamp};

use super::completion::reason_of;
use super::effect::Effect;
use crate::Session;
use crate::memory::Closed;

/// What is read within this after a session was closed was said before it.
const TRAILING_MS: i64 = 5_000;

impl Session {
    /// Whether this is an agent's own session and no build.
    pub(crate) fn is_own(&self) -> bool {
        self.view.source == SourceOfState::Transcript
    }

    /// What only a build's sources say makes it one.
    pub(crate) fn become_build(&mut self, event: &Event) {
        let of_build = matches!(
            event.origin.kind,
            SourceKind::PhaseFile | SourceKind::Checkpoint | SourceKind::Artifact | SourceKind::Push
        );
        if self.is_own() && of_build {
            self.view.source = SourceOfState::Live;
            self.memory.closed = None;
            // When a build began is for its own sources to say.
            self.view.started_at = None;
        }
    }

    /// It began with the first thing that is known of it, in whatever order its files are read.
    pub(crate) fn begin_own(&mut self, event: &Event) {
        if self.is_own() && event.origin.kind != SourceKind::Internal {
            let at = self.time_of(event);
            self.view.started_at = Some(self.view.started_at.map_or(at, |known| known.min(at)));
        }
    }

    /// A build has its own name.
    pub(crate) fn take_title(&mut self, fact: &SessionSeen) {
        let title = fact.title.as_ref().filter(|title| !title.is_empty());
        if let (true, Some(title)) = (self.is_own(), title) {
            self.view.name.clone_from(title);
        }
    }

    pub(crate) fn fold_closed(&mut self, event: &Event, fact: &CompletionReported) -> Effect {
        if self.is_own() && self.memory.closed.is_none() {
            self.memory.closed = Some(Closed {
                reason: reason_of(fact, true),
                at: self.time_of(event),
            });
        }
        Effect::seen()
    }

    /// Work that came after it was closed opens it again; what trails behind does not.
    pub(crate) fn reopen(&mut self, event: &Event, at: Timestamp) {
        let (at, grace) = match &event.fact {
            Fact::UsageRecorded(fact) => fact.used_at.map_or((at, TRAILING_MS), |used_at| (used_at, 0)),
            _ => (at, TRAILING_MS),
        };
        self.memory.closed.take_if(|closed| at > closed.at.plus_millis(grace));
    }

    /// Why an agent's own session is over, and since when; nothing while it is not.
    pub(crate) fn own_end(&self) -> Option<(Timestamp, String)> {
        if !self.is_own() {
            return None;
        }
        if let Some(closed) = &self.memory.closed {
            return Some((closed.at, closed.reason.clone()));
        }
        let followed_by_nothing = self.memory.quiet == Some(Quiet::Abandoned) && self.waits_for_prompt();
        let reason = || "its last turn ended and nothing followed".to_owned();
        followed_by_nothing.then(|| (self.quiet_since(), reason()))
    }
}
