//! Turns what a decoder read into events: whose they are, where they come from, when they were learned.

use forgecast_protocol::event::{ArtifactChanged, ArtifactKind, Fact};
use forgecast_protocol::{Event, FileIdentity, Origin, SourceKind, Subject, Timestamp};

use forgecast_decode::Format;

/// When the file was last changed, by the file system; never later than `now`.
pub(crate) fn modified(identity: &FileIdentity, now: Timestamp) -> Timestamp {
    Timestamp::from_millis(identity.mtime_ns.div_euclid(1_000_000)).min(now)
}

/// When what a reading finds became known, or would have, had anybody looked: what a known file says anew was written by
/// its last change, also when nothing ran then to read it.
pub(crate) fn learned_at(origin: &Origin, now: Timestamp) -> Timestamp {
    match origin.modified_at {
        Some(modified) if !origin.first_sight => modified.min(now),
        _ => now,
    }
}

/// Lines that were written within this were written at once, milliseconds.
const AT_ONCE_MS: u64 = 60_000;

/// Lines that were written over a longer time and are read together each became known at their own time. Those that were
/// written at once keep the time of their reading, which holds also where the writer's clock is wrong.
pub(crate) fn date_lines(events: &mut [Event]) {
    let times = || events.iter().filter_map(|event| event.origin.modified_at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return;
    };
    if last.millis_since(first) < AT_ONCE_MS {
        return;
    }
    for event in events.iter_mut().filter(|event| !event.origin.first_sight) {
        event.at = event
            .origin
            .modified_at
            .map_or(event.at, |written| written.min(event.at));
    }
}

/// The kind of source that a format is.
pub(crate) fn source_kind(format: &Format) -> SourceKind {
    match format {
        Format::Phase => SourceKind::PhaseFile,
        Format::Checkpoint(_) => SourceKind::Checkpoint,
        Format::Log | Format::EventsJsonl => SourceKind::Log,
        _ => SourceKind::Artifact,
    }
}

/// Where facts about the sources themselves come from.
pub(crate) fn internal(path: Option<&str>) -> Origin {
    Origin {
        kind: SourceKind::Internal,
        path: path.map(str::to_owned),
        first_sight: false,
        modified_at: None,
    }
}

/// A fact without the producer's id.
pub(crate) fn event(subject: &Subject, at: Timestamp, origin: &Origin, fact: Fact) -> Event {
    Event {
        id: None,
        subject: subject.clone(),
        at,
        origin: origin.clone(),
        fact,
    }
}

/// The file in the list of artifacts.
pub(crate) fn artifact(
    path: &str,
    kind: ArtifactKind,
    identity: &FileIdentity,
    dated: Option<Timestamp>,
    now: Timestamp,
) -> Fact {
    Fact::ArtifactChanged(ArtifactChanged {
        name: path.to_owned(),
        kind,
        size: identity.size,
        modified_at: modified(identity, now),
        dated,
        removed: false,
    })
}

/// Whether bytes are a whole JSON object: a line that is one misses nothing but its end.
pub(crate) fn is_object(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii();
    bytes.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}
