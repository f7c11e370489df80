//! Restores a session from the store: a snapshot and the facts after it, folded in the same order and cut into the same
//! revisions as when they arrived. The revision numbers must be those that viewers hold, or they could not resume.

use forgecast_protocol::event::{ArtifactChanged, ArtifactKind, Custom, PatternRecorded, SessionSeen};
use forgecast_protocol::{
    Epoch, Event, Fact, Origin, Revision, SessionId, SessionView, SourceKind, Subject, Timestamp, Topic,
};
use forgecast_session::{FOLD_VERSION, Session};
use forgecast_store::{StoredEvent, StoredState};
use serde::Deserialize;
use serde_json::json;

use crate::error::Error;
use crate::frame::{self, canonical};
use crate::json_object::JsonObject;
use crate::shared::Shared;
use crate::topic::RetainedPatch;

/// The kind of the fact that stands for facts which were folded but could not be stored one by one.
const COLLAPSED: &str = "facts_collapsed";

/// A session as it was, with the patches that led there.
pub(crate) struct Restored {
    pub(crate) session: Session,
    pub(crate) view: JsonObject,
    pub(crate) revision: Revision,
    pub(crate) patches: Vec<RetainedPatch>,
    /// Number of facts after the snapshot.
    pub(crate) facts: u64,
    /// When the last of them became true; `None` unless a past revision was asked for.
    pub(crate) at: Option<Timestamp>,
}

/// Loads a session's state at a revision, or the newest. `None` when nothing of it is stored.
pub(crate) async fn restore(shared: &Shared, id: &SessionId, at: Option<Revision>) -> Result<Option<Restored>, Error> {
    let stored = shared.store.load(id, at).await;
    let stored = stored.map_err(Error::store("load a session"))?;
    Ok(stored.and_then(|stored| replay(id, shared.epoch, stored, at)))
}

/// A stored snapshot; `None` when it cannot be read.
pub(crate) fn read_snapshot(id: &SessionId, body: &[u8]) -> Option<Session> {
    let unreadable = |error| tracing::error!(session = %id, %error, "a stored snapshot cannot be read");
    serde_json::from_slice(body).map_err(unreadable).ok()
}

/// Folds what is stored. `None` when nothing is stored, or it cannot be read.
fn replay(id: &SessionId, epoch: Epoch, stored: StoredState, at: Option<Revision>) -> Option<Restored> {
    let topic = Topic::Session(id.clone().into()).to_string();
    let mut restored = match stored.snapshot {
        Some((revision, body)) => Restored::of(read_snapshot(id, &body)?, revision),
        None => Restored::new(begin(id, &stored.events.first()?.event)),
    };
    if let Some(at) = at {
        restored.go_to(at, stored.events);
        return Some(restored);
    }
    let mut events = stored.events.into_iter().peekable();
    while let Some(stored) = events.next() {
        restored.facts += 1;
        apply(&mut restored.session, &stored.event);
        if is_collapsed(&stored.event) {
            restored.jump(stored.revision);
            continue;
        }
        // Facts of one revision were folded in one go; only the last of them says what was published.
        let is_last = events
            .peek()
            .is_none_or(|next| next.revision != stored.revision || is_collapsed(&next.event));
        if is_last && stored.revision > restored.revision {
            restored.step(stored.revision, &topic, epoch);
        }
    }
    Some(restored)
}

/// A session that begins with this fact.
pub(crate) fn begin(id: &SessionId, first: &Event) -> Session {
    Session::new(id.clone(), &first.subject, first.at)
}

/// Folds one fact, or puts back the state that stands for facts that are not stored. That state may be of another fold:
/// nothing else is left of those facts.
pub(crate) fn apply(session: &mut Session, event: &Event) {
    match &event.fact {
        Fact::Custom(custom) if is_collapsed(event) => match Session::deserialize(&custom.data["state"]) {
            Ok(state) => session.replace(state),
            Err(error) => tracing::error!(session = %session.view().id, %error, "facts that were collapsed are lost"),
        },
        _ => session.apply(event),
    }
}

impl Restored {
    /// A session of which nothing was published yet.
    pub(crate) fn new(session: Session) -> Self {
        Self::of(session, 0)
    }

    fn of(session: Session, revision: Revision) -> Self {
        let view = JsonObject::of(session.view());
        Self {
            session,
            view,
            revision,
            patches: Vec::new(),
            facts: 0,
            at: None,
        }
    }

    /// Folds up to a revision. Only the view at its end is made: those on the way are as large, and not needed.
    fn go_to(&mut self, at: Revision, events: Vec<StoredEvent>) {
        for stored in events.into_iter().take_while(|stored| stored.revision <= at) {
            self.facts += 1;
            apply(&mut self.session, &stored.event);
            self.at = self.at.max(Some(self.session.time_of(&stored.event)));
            self.revision = self.revision.max(stored.revision);
        }
        self.view = JsonObject::of(self.session.view());
    }

    fn step(&mut self, revision: Revision, topic: &str, epoch: Epoch) {
        let view = JsonObject::of(self.session.view());
        // Anything but one step is not what viewers saw (a history that retention cut): they get a snapshot.
        let patch = (revision == self.revision + 1 && self.revision > 0)
            .then(|| self.view.diff(&view))
            .flatten();
        match patch {
            Some(patch) => self.patches.push(RetainedPatch {
                from: self.revision,
                revision,
                frame: frame::patch(topic, epoch, self.revision, revision, &patch),
            }),
            None => self.patches.clear(),
        }
        self.view = view;
        self.revision = revision;
    }

    fn jump(&mut self, revision: Revision) {
        self.patches.clear();
        self.view = JsonObject::of(self.session.view());
        self.revision = revision;
    }
}

/// The fact that stands for `count` facts that are in this state but not in the history.
pub(crate) fn collapsed(id: &SessionId, session: &Session, count: u64, at: Timestamp) -> Event {
    let custom = Custom {
        kind: COLLAPSED.into(),
        data: json!({ "count": count, "fold_version": FOLD_VERSION, "state": canonical(session) }),
    };
    internal(id, at, Fact::Custom(custom))
}

/// The fact that a session was seen: it begins a session whose first sign of life is no fact, and names its machine.
pub(crate) fn seen(subject: Subject, at: Timestamp, host: Option<String>) -> Event {
    of_hub(subject, at, on_host(host))
}

fn on_host(host: Option<String>) -> Fact {
    Fact::SessionSeen(SessionSeen {
        host,
        ..SessionSeen::default()
    })
}

/// What a run knows that is true of its folder, and so of the next run in it: the machine, and the pattern libraries.
pub(crate) fn of_folder(view: &SessionView) -> Vec<Fact> {
    let host = view.host.clone().map(|host| on_host(Some(host)));
    let libraries = view
        .artifacts
        .iter()
        .filter(|(_, file)| file.kind == ArtifactKind::Patterns);
    let libraries = libraries.map(|(name, file)| {
        Fact::ArtifactChanged(ArtifactChanged {
            name: name.clone(),
            kind: file.kind,
            size: file.size,
            modified_at: file.modified_at,
            dated: None,
            removed: false,
        })
    });
    let patterns = view.patterns.iter().filter(|(_, pattern)| pattern.library.is_some());
    let patterns = patterns.map(|(id, pattern)| {
        Fact::PatternRecorded(PatternRecorded {
            id: id.clone(),
            title: Some(pattern.title.clone()),
            library: pattern.library.clone(),
            severity: pattern.severity.clone(),
            frequency: pattern.frequency,
            times_prevented: pattern.times_prevented,
        })
    });
    host.into_iter().chain(libraries).chain(patterns).collect()
}

/// A fact that the hub knows of a session.
pub(crate) fn of_hub(subject: Subject, at: Timestamp, fact: Fact) -> Event {
    Event {
        id: None,
        subject,
        at,
        origin: hub(),
        fact,
    }
}

/// A fact of the hub itself.
pub(crate) fn internal(id: &SessionId, at: Timestamp, fact: Fact) -> Event {
    of_hub(of_run(id), at, fact)
}

/// A subject that names a run and nothing else.
pub(crate) fn of_run(id: &SessionId) -> Subject {
    Subject {
        session: Some(id.clone().into()),
        ..Subject::default()
    }
}

fn hub() -> Origin {
    Origin {
        kind: SourceKind::Internal,
        path: None,
        first_sight: false,
        modified_at: None,
    }
}

fn is_collapsed(event: &Event) -> bool {
    // Producers can't say this: their facts never have the hub's own origin.
    event.origin.kind == SourceKind::Internal && matches!(&event.fact, Fact::Custom(custom) if custom.kind == COLLAPSED)
}
