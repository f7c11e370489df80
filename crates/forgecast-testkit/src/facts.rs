//! Facts as sources and producers send them.

use forgecast_protocol::event::{CompletionBasis, CompletionReported, PhaseReported};
use forgecast_protocol::{Event, Fact, Origin, SourceKind, Subject};

use crate::now;

/// A fact about the session of this name.
#[must_use]
pub fn event(name: &str, fact: Fact) -> Event {
    Event {
        id: None,
        subject: Subject {
            name: Some(name.to_owned()),
            ..Subject::default()
        },
        at: now(),
        origin: Origin {
            kind: SourceKind::Push,
            path: None,
            first_sight: false,
            modified_at: None,
        },
        fact,
    }
}

/// A build says that it is over, not how.
#[must_use]
pub fn completion() -> CompletionReported {
    CompletionReported::of(CompletionBasis::Reported)
}

/// What a phase file of this name would say.
#[must_use]
pub fn phase(name: &str, phase: &str, detail: &str) -> Event {
    event(
        name,
        Fact::PhaseReported(PhaseReported {
            phase: Some(phase.to_owned()),
            status: Some("in_progress".to_owned()),
            detail: Some(detail.to_owned()),
            ..PhaseReported::default()
        }),
    )
}
