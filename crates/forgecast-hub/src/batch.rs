//! A batch on its way through the hub's task. What it is about is worked out once, when it arrives: its distinct
//! subjects, the session that each of them means, and the keys of the calls that it reports. Waiting and folding use the
//! same answer; it is renewed only when the registry has changed since.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use forgecast_protocol::{
    Batch, Event, EventKey, Fact, LogChunk, SessionId, SessionName, SourceKind, Subject, Timestamp,
};
use tokio::sync::oneshot;

use crate::command::PushAnswer;
use crate::registry::{Found, Producer, Registry, Span};

/// Where a batch comes from, and who waits for it.
pub(crate) enum BatchSource {
    /// A source of this process: published at once, stored afterwards.
    Ingest,
    /// A producer that waits for the receipt.
    Push {
        producer: Producer,
        reply: oneshot::Sender<PushAnswer>,
    },
    /// The hub itself.
    Internal,
}

impl BatchSource {
    /// Whose places the sessions take that begin with one of its facts.
    fn producer(&self, kind: SourceKind) -> Producer {
        match self {
            Self::Push { producer, .. } => producer.clone(),
            // Hooks are answered before anybody looks into them, and then come like the facts of files.
            Self::Ingest if kind == SourceKind::Hook => Producer::of(Some("hooks")),
            Self::Ingest | Self::Internal => Producer::Files,
        }
    }
}

/// One distinct subject of a batch.
struct BatchSubject {
    /// The first fact or log chunk that has it, as an index into [`BatchSubjects::of_item`].
    first: usize,
    /// When what the batch reports of it took place. All reports of one transcript are joined, so that the transcript is
    /// bound by everything that is known.
    span: Span,
    found: Option<Found>,
    /// The registry's generation under which `found` holds.
    generation: Option<u64>,
}

/// The subjects of a batch and the sessions that they mean.
#[derive(Default)]
pub(crate) struct BatchSubjects {
    subjects: Vec<BatchSubject>,
    /// For each fact, then for each log chunk: which subject it has.
    of_item: Vec<usize>,
}

impl BatchSubjects {
    fn of(batch: &Batch) -> Self {
        let facts = batch.events.iter();
        let facts = facts.map(|event| (&event.subject, Some(Span::of_event(event))));
        let logs = batch.logs.iter();
        let logs = logs.map(|chunk| (&chunk.subject, chunk.lines.first().map(|line| Span::at(line.at))));
        let mut this = Self::default();
        let mut known: BTreeMap<&Subject, usize> = BTreeMap::new();
        let mut spans: HashMap<&SessionName, Span> = HashMap::new();
        let mut last: Option<(&Subject, usize)> = None;
        for (item, (subject, span)) in facts.chain(logs).enumerate() {
            if let (Some(transcript), Some(span)) = (&subject.transcript, span) {
                let joined = spans.entry(transcript).or_insert(span);
                *joined = joined.join(span);
            }
            // A reading is mostly about one subject.
            let number = match last {
                Some((before, number)) if before == subject => number,
                _ => *known.entry(subject).or_insert_with(|| {
                    this.subjects.push(BatchSubject {
                        first: item,
                        span: span.unwrap_or_else(|| Span::at(Timestamp::default())),
                        found: None,
                        generation: None,
                    });
                    this.subjects.len() - 1
                }),
            };
            last = Some((subject, number));
            this.of_item.push(number);
        }
        for (subject, number) in known {
            if let Some(span) = subject.transcript.as_ref().and_then(|name| spans.get(name)) {
                this.subjects[number].span = *span;
            }
        }
        this
    }

    /// The subject of a fact, or of a log chunk: those come after the facts.
    pub(crate) fn of_item(&self, item: usize) -> usize {
        self.of_item[item]
    }

    /// When what is reported of a subject took place.
    pub(crate) fn span(&self, subject: usize) -> Span {
        self.subjects[subject].span
    }

    /// The session of a subject, if resolving it would change nothing.
    pub(crate) fn settled(&self, subject: usize, generation: u64) -> Option<&Found> {
        let subject = &self.subjects[subject];
        let found = subject.found.as_ref().filter(|found| found.settled);
        found.filter(|_| subject.generation == Some(generation))
    }

    /// Remembers what a subject was resolved to.
    pub(crate) fn set(&mut self, subject: usize, id: &SessionId, explicit: bool, generation: u64) {
        if self.settled(subject, generation).is_none_or(|found| found.id != *id) {
            let subject = &mut self.subjects[subject];
            subject.found = Some(Found {
                id: id.clone(),
                explicit,
                settled: true,
            });
            subject.generation = Some(generation);
        }
    }
}

/// A batch with what it needs before it can be folded.
pub(crate) struct PreparedBatch {
    pub(crate) batch: Batch,
    pub(crate) source: BatchSource,
    pub(crate) producer: Producer,
    pub(crate) subjects: BatchSubjects,
    /// The keys of the calls that it reports.
    pub(crate) call_keys: Vec<u64>,
}

impl PreparedBatch {
    pub(crate) fn new(batch: Batch, source: BatchSource, call_keys: Vec<u64>) -> Self {
        // All facts of one batch come from one kind of source.
        let kind = batch.events.first().map(|event| event.origin.kind);
        Self {
            subjects: BatchSubjects::of(&batch),
            producer: source.producer(kind.unwrap_or(SourceKind::Log)),
            batch,
            source,
            call_keys,
        }
    }

    fn subject(&self, item: usize) -> &Subject {
        let events = &self.batch.events;
        match events.get(item) {
            Some(event) => &event.subject,
            None => &self.batch.logs[item - events.len()].subject,
        }
    }

    /// Looks up the sessions of all subjects, unless the registry is as it was when that was done last.
    pub(crate) fn look_up(&mut self, registry: &Registry) {
        let generation = registry.generation();
        for number in 0..self.subjects.subjects.len() {
            let BatchSubject { first, span, .. } = self.subjects.subjects[number];
            if self.subjects.subjects[number].generation != Some(generation) {
                let found = registry.lookup(self.subject(first), span);
                let subject = &mut self.subjects.subjects[number];
                (subject.found, subject.generation) = (found, Some(generation));
            }
        }
    }

    /// The sessions that it is about, as far as they exist.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &SessionId> {
        let found = self
            .subjects
            .subjects
            .iter()
            .filter_map(|subject| subject.found.as_ref());
        found.map(|found| &found.id)
    }

    /// Everything by which two batches can be about the same session or source, hashed. Two batches that have nothing in
    /// common can be folded in any order. Of two that say how far one source was read the first stays the first: were the
    /// second stored and the first lost, what the first one holds would never be read again.
    pub(crate) fn scope(&self) -> BTreeSet<u64> {
        let checkpoints = self.batch.checkpoints.iter();
        let mut scope: BTreeSet<u64> = checkpoints.map(|(key, _)| hash_of(("source", &key.0))).collect();
        for BatchSubject { first, found, .. } in &self.subjects.subjects {
            let subject = self.subject(*first);
            scope.extend(
                subject
                    .directory
                    .as_ref()
                    .map(|directory| hash_of(("directory", directory))),
            );
            scope.extend(subject.name.as_ref().map(|name| hash_of(("name", name))));
            let session = subject.session.as_ref();
            scope.extend(session.map(|session| hash_of(("session", session.to_string()))));
            scope.extend(subject.transcript.as_ref().map(|name| hash_of(("transcript", name))));
            scope.extend(subject.command.as_ref().map(|name| hash_of(("command", name))));
            scope.extend(found.as_ref().map(|found| hash_of(("session", found.id.to_string()))));
        }
        // What is said of the new place of a folder waits until its session is known to be there.
        scope.extend(self.batch.events.iter().filter_map(|event| match &event.fact {
            Fact::SourceMoved(moved) => Some(hash_of(("directory", &moved.to))),
            _ => None,
        }));
        scope
    }
}

/// The producers' ids of the facts and messages in a batch.
pub(crate) fn ids_in(batch: &Batch) -> impl Iterator<Item = EventKey> {
    let events = batch.events.iter().filter_map(Event::key);
    events.chain(batch.logs.iter().filter_map(LogChunk::key))
}

/// A hash that holds within this process.
pub(crate) fn hash_of(value: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::event::SessionSeen;
    use forgecast_protocol::{Origin, SourceCheckpoint, SourceKey};

    use super::*;

    fn event(subject: &Subject, minute: i64) -> Event {
        Event {
            id: None,
            subject: subject.clone(),
            at: Timestamp::from_millis(minute * 60_000),
            origin: Origin {
                kind: SourceKind::Transcript,
                path: None,
                first_sight: false,
                modified_at: None,
            },
            fact: Fact::SessionSeen(SessionSeen::default()),
        }
    }

    fn prepared(events: Vec<Event>) -> PreparedBatch {
        let batch = Batch {
            events,
            ..Batch::default()
        };
        PreparedBatch::new(batch, BatchSource::Ingest, Vec::new())
    }

    #[test]
    fn equal_subjects_are_one_and_a_transcript_has_one_span() {
        let agent = Subject {
            transcript: Some("t1".parse().unwrap()),
            ..Subject::default()
        };
        let in_folder = Subject {
            directory: Some("/p".into()),
            ..agent.clone()
        };
        let batch = prepared(vec![event(&agent, 1), event(&in_folder, 5), event(&agent, 9)]);
        assert_eq!(batch.subjects.of_item, [0, 1, 0]);
        let span = Span::of_event(&event(&agent, 1)).join(Span::of_event(&event(&agent, 9)));
        assert_eq!([batch.subjects.span(0), batch.subjects.span(1)], [span, span]);
    }

    #[test]
    fn what_was_found_holds_until_the_registry_changes() {
        let subject = Subject {
            directory: Some("/p/app".into()),
            ..Subject::default()
        };
        let mut registry = Registry::new(10);
        let mut batch = prepared(vec![event(&subject, 1)]);
        batch.look_up(&registry);
        assert_eq!(batch.sessions().count(), 0);
        let resolved = registry.resolve(
            &subject,
            batch.subjects.span(0),
            Timestamp::from_millis(0),
            &Producer::Files,
        );
        let id = resolved.unwrap().id;
        assert_eq!(batch.subjects.settled(0, registry.generation()), None);
        batch.look_up(&registry);
        assert_eq!(batch.sessions().collect::<Vec<_>>(), [&id]);
        assert!(batch.subjects.settled(0, registry.generation()).is_some());
        registry.remove(&id);
        assert_eq!(batch.subjects.settled(0, registry.generation()), None);
    }

    #[test]
    fn batches_of_one_folder_or_one_session_have_a_scope_in_common() {
        let subject = |directory: Option<&str>, name: Option<&str>| Subject {
            directory: directory.map(str::to_owned),
            name: name.map(str::to_owned),
            ..Subject::default()
        };
        let scope = |subject: &Subject| prepared(vec![event(subject, 1)]).scope();
        let app = scope(&subject(Some("/p"), Some("app")));
        assert!(!app.is_disjoint(&scope(&subject(Some("/p"), None))));
        assert!(!app.is_disjoint(&scope(&subject(None, Some("app")))));
        assert!(app.is_disjoint(&scope(&subject(Some("/q"), Some("/p")))));
    }

    #[test]
    fn batches_that_say_how_far_one_source_was_read_have_a_scope_in_common() {
        let agent = Subject {
            transcript: Some("t1".parse().unwrap()),
            ..Subject::default()
        };
        let read = |events: Vec<Event>, path: &str| {
            let mut batch = prepared(events);
            let checkpoint = (SourceKey(path.to_owned()), SourceCheckpoint::default());
            batch.batch.checkpoints.push(checkpoint);
            batch.scope()
        };
        let with_facts = read(vec![event(&agent, 1)], "/t/t1.jsonl");
        assert!(!with_facts.is_disjoint(&read(Vec::new(), "/t/t1.jsonl")));
        assert!(with_facts.is_disjoint(&read(Vec::new(), "/t/t2.jsonl")));
    }
}
