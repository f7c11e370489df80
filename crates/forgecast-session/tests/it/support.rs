//! Short words for events, and a session that is followed in minutes since an arbitrary noon.

use forgecast_protocol::event::{
    ArtifactChanged, ArtifactKind, CheckpointReported, CompletionBasis, CompletionReported, DecisionRecorded,
    PhaseReported, Quiet, TestBasis, TestsReported, WentQuiet,
};
use forgecast_protocol::session::{PhaseStatus, SessionView};
use forgecast_protocol::{Event, Fact, Origin, SessionId, SourceKind, Subject, Timestamp};
use forgecast_session::Session;

pub(crate) const PROJECT: &str = "/home/someone/homelab/weather-app";
pub(crate) const SUMMARY: &str = ".context-foundry/session-summary.json";
pub(crate) const REPORT: &str = ".context-foundry/test-results-iteration-1.md";

/// Minutes after the noon at which all tests begin.
pub(crate) fn minute(minutes: i64) -> Timestamp {
    second(minutes * 60)
}

/// The same in seconds.
pub(crate) fn second(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_769_860_800_000 + seconds * 1000)
}

pub(crate) fn id() -> SessionId {
    "weather-app~1".parse().unwrap()
}

pub(crate) fn subject() -> Subject {
    Subject {
        session: None,
        name: None,
        directory: Some(PROJECT.to_owned()),
        transcript: None,
        command: None,
    }
}

pub(crate) fn session() -> Session {
    Session::new(id(), &subject(), minute(0))
}

/// An agent session, known from its transcript.
pub(crate) fn agent_session() -> Session {
    Session::new(id(), &agent_subject(), minute(0))
}

fn agent_subject() -> Subject {
    Subject {
        transcript: Some("0b1d2c3e".parse().unwrap()),
        ..subject()
    }
}

/// A fact of an agent's transcript.
pub(crate) fn from_transcript(at: Timestamp, fact: Fact) -> Event {
    Event {
        subject: agent_subject(),
        ..event(SourceKind::Transcript, "projects/weather-app/0b1d2c3e.jsonl", at, fact)
    }
}

/// A fact that changed under our eyes.
pub(crate) fn event(kind: SourceKind, path: &str, at: Timestamp, fact: Fact) -> Event {
    Event {
        id: None,
        subject: subject(),
        at,
        origin: Origin {
            kind,
            path: Some(path.to_owned()),
            first_sight: false,
            modified_at: Some(at),
        },
        fact,
    }
}

/// The same as an event that was there before anybody looked, last changed at `modified`.
pub(crate) fn old(mut event: Event, modified: Timestamp) -> Event {
    event.origin.first_sight = true;
    event.origin.modified_at = Some(modified);
    event
}

pub(crate) fn phase_file(at: Timestamp, fact: PhaseReported) -> Event {
    let path = ".context-foundry/current-phase.json";
    event(SourceKind::PhaseFile, path, at, Fact::PhaseReported(fact))
}

pub(crate) fn pushed(at: Timestamp, fact: Fact) -> Event {
    event(SourceKind::Push, "/api/v1/events", at, fact)
}

pub(crate) fn artifact_fact(path: &str, at: Timestamp, fact: Fact) -> Event {
    event(SourceKind::Artifact, path, at, fact)
}

/// A phase file's content: phase, word of state, phases done.
pub(crate) fn report(phase: &str, status: &str, done: &[&str]) -> PhaseReported {
    PhaseReported {
        phase: Some(phase.to_owned()),
        status: Some(status.to_owned()),
        phases_completed: Some(done.iter().map(|&name| name.to_owned()).collect()),
        ..PhaseReported::default()
    }
}

pub(crate) fn checkpoint(phase: &str) -> CheckpointReported {
    CheckpointReported {
        phase: Some(phase.to_owned()),
        ..CheckpointReported::default()
    }
}

pub(crate) fn checkpoint_file(at: Timestamp, fact: CheckpointReported) -> Event {
    let path = "/checkpoints/ralph/weather-app";
    event(SourceKind::Checkpoint, path, at, Fact::CheckpointReported(fact))
}

pub(crate) fn completion(success: Option<bool>) -> CompletionReported {
    CompletionReported {
        success,
        ..CompletionReported::of(CompletionBasis::Summary)
    }
}

pub(crate) fn summary(at: Timestamp, fact: CompletionReported) -> Event {
    artifact_fact(SUMMARY, at, Fact::CompletionReported(fact))
}

pub(crate) fn tests(iteration: Option<u32>, numbers: [u32; 3], basis: TestBasis) -> Fact {
    Fact::TestsReported(TestsReported {
        iteration,
        total: Some(numbers[0]),
        passed: Some(numbers[1]),
        failed: Some(numbers[2]),
        verdict: None,
        basis,
    })
}

pub(crate) fn decision(key: &str) -> Fact {
    Fact::DecisionRecorded(DecisionRecorded {
        key: key.to_owned(),
        title: format!("issue {key}"),
        ..DecisionRecorded::default()
    })
}

pub(crate) fn artifact(name: &str, kind: ArtifactKind, size: u64, modified_at: Timestamp) -> Fact {
    Fact::ArtifactChanged(ArtifactChanged {
        name: name.to_owned(),
        kind,
        size,
        modified_at,
        dated: None,
        removed: false,
    })
}

pub(crate) fn quiet(at: Timestamp, quiet: Quiet, since: Timestamp) -> Event {
    let fact = Fact::WentQuiet(WentQuiet {
        quiet,
        since,
        followed_at: None,
    });
    event(SourceKind::Internal, "", at, fact)
}

/// A session after these phase files, one a minute from minute 1.
pub(crate) fn after(reports: &[PhaseReported]) -> Session {
    let mut session = session();
    for (report, at) in reports.iter().zip(1..) {
        session.apply(&phase_file(minute(at), report.clone()));
    }
    session
}

pub(crate) fn fold(events: &[Event]) -> Session {
    let mut session = session();
    events.iter().for_each(|event| session.apply(event));
    session
}

pub(crate) fn status_of(view: &SessionView, phase: &str) -> PhaseStatus {
    view.phases[phase].status
}
