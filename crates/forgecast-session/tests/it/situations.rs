//! The state of a session by what agents and producers really write: lines, documents and hooks go through their decoders
//! and the fold, once followed step by step, once found when all of it is there, and in any order between.

mod laws;
mod table;
mod words;

use std::collections::BTreeMap;

use forgecast_decode::agents::{Agent, claude_hook};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::transcript::{DecodedLines, Depth, Reader};
use forgecast_decode::{Format, decode};
use forgecast_protocol::event::{CallReported, SourceAccount, TokenDelta, UsageRecorded, UsageSource};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Event, Fact, Origin, SessionStatus, SourceKind, Subject, Timestamp};
use forgecast_session::{Limits, Session};
use serde_json::Value;

use crate::support::{PROJECT, id};

/// The moment of asking; steps lie before it.
pub(super) fn now() -> Timestamp {
    second(0)
}

/// Seconds from the moment of asking.
pub(super) fn second(seconds: i64) -> Timestamp {
    "2026-02-03T10:00:00Z"
        .parse::<Timestamp>()
        .unwrap()
        .plus_millis(seconds * 1000)
}

/// What happens at one moment.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A line is appended to a file of an agent: `claude` or `codex`, the path, the line.
    Line(&'static str, String, Value),
    /// A hook of Claude Code is called.
    Hook(Value),
    /// The phase file is written.
    Phase(Value),
}

/// A step, at so many seconds from the moment of asking.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: i64,
    pub(super) what: What,
}

impl Step {
    /// The source that it comes from: each tells its own steps in their order.
    pub(super) fn source(&self) -> &str {
        match &self.what {
            What::Line(_, path, _) => path,
            What::Hook(_) => "hooks",
            What::Phase(_) => "phase",
        }
    }
}

/// What a person sees of a session.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) status: SessionStatus,
    pub(super) waiting_for: Option<WaitingFor>,
    pub(super) reason: Option<String>,
}

/// A session that is fed step by step.
pub(super) struct World {
    session: Option<Session>,
    /// By path, each with when it was read first.
    readers: BTreeMap<String, (Reader, Timestamp)>,
    is_build: bool,
    /// The phase file was read before.
    knows_phase: bool,
    cleaner: Cleaner,
}

impl World {
    /// Of a build if any step is one of a build's, otherwise of an agent's own session.
    pub(super) fn of(steps: &[Step]) -> Self {
        Self {
            session: None,
            readers: BTreeMap::new(),
            is_build: steps.iter().any(|step| matches!(step.what, What::Phase(_))),
            knows_phase: false,
            cleaner: Cleaner::default(),
        }
    }

    /// A step becomes known at `known_at`, together with all that its source wrote until `written_at`.
    pub(super) fn tell(&mut self, step: &Step, known_at: Timestamp, written_at: Timestamp) {
        self.pass_deadlines(known_at);
        let events = match &step.what {
            What::Hook(body) => {
                claude_hook(body.to_string().as_bytes(), &self.cleaner, known_at)
                    .unwrap()
                    .events
            }
            What::Phase(content) => self.phase(content, known_at, written_at),
            What::Line(agent, path, line) => self.line(agent, path, line, known_at, written_at),
        };
        events.into_iter().for_each(|event| self.apply(event));
    }

    fn line(
        &mut self,
        agent: &str,
        path: &str,
        line: &Value,
        known_at: Timestamp,
        written_at: Timestamp,
    ) -> Vec<Event> {
        let agent = Agent::by_key(agent).unwrap();
        let (reader, first_read_at) = self.readers.entry(path.to_owned()).or_insert_with(|| {
            let location = agent.path_of(path).unwrap();
            (agent.reader(location, ""), known_at)
        });
        let first_sight = *first_read_at == known_at;
        let origin = origin(SourceKind::Transcript, path, first_sight, written_at);
        // As ingest says it: what a known file says anew was written by its last change.
        let learned_at = if first_sight {
            known_at
        } else {
            written_at.min(known_at)
        };
        let mut out = DecodedLines::default();
        let bytes = line.to_string();
        reader.line(
            bytes.as_bytes(),
            0,
            &origin,
            &self.cleaner,
            learned_at,
            Depth::Everything,
            &mut out,
        );
        assert_eq!((out.bad, out.unknown), (0, 0), "{bytes}: {}", out.last_bad);
        out.events
    }

    fn phase(&mut self, content: &Value, known_at: Timestamp, written_at: Timestamp) -> Vec<Event> {
        let path = ".context-foundry/current-phase.json";
        let format = Format::of(path).unwrap();
        let decoded = decode(&format, path, content.to_string().as_bytes(), &self.cleaner).unwrap();
        let first_sight = !std::mem::replace(&mut self.knows_phase, true);
        let facts = decoded.facts.into_iter().map(|fact| Event {
            id: None,
            subject: Subject {
                directory: Some(PROJECT.to_owned()),
                ..Subject::default()
            },
            at: if first_sight {
                known_at
            } else {
                written_at.min(known_at)
            },
            origin: origin(SourceKind::PhaseFile, path, first_sight, written_at),
            fact,
        });
        facts.collect()
    }

    fn apply(&mut self, event: Event) {
        let event = match event.fact {
            Fact::CallReported(call) => Event {
                fact: Fact::UsageRecorded(counted(&call)),
                ..event
            },
            _ => event,
        };
        let is_build = self.is_build;
        let session = self.session.get_or_insert_with(|| {
            let mut subject = event.subject.clone();
            if is_build {
                subject.transcript = None;
            }
            Session::new(id(), &subject, event.at)
        });
        session.apply(&event);
    }

    /// Silence that has a meaning by then.
    pub(super) fn pass_deadlines(&mut self, by: Timestamp) {
        let Some(session) = &mut self.session else {
            return;
        };
        while let Some(deadline) = session
            .next_deadline(&Limits::default())
            .filter(|deadline| deadline.at <= by)
        {
            session.apply(&crate::support::quiet(by, deadline.quiet, deadline.since));
        }
    }

    /// What is seen at the moment of asking.
    pub(super) fn seen(mut self) -> (Seen, Session) {
        self.pass_deadlines(now());
        let session = self.session.unwrap();
        let view = session.view();
        let seen = Seen {
            status: view.status,
            waiting_for: view.waiting_for,
            reason: view.status_reason.clone(),
        };
        (seen, session)
    }
}

fn origin(kind: SourceKind, path: &str, first_sight: bool, modified_at: Timestamp) -> Origin {
    Origin {
        kind,
        path: Some(path.to_owned()),
        first_sight,
        modified_at: Some(modified_at),
    }
}

/// A call as the ledger counts one that it hears of for the first time.
fn counted(call: &CallReported) -> UsageRecorded {
    let tokens = TokenDelta {
        output: 1,
        ..TokenDelta::default()
    };
    UsageRecorded {
        tokens,
        calls: 1,
        used_at: call.used_at,
        agent: call.agent.clone(),
        accounts: vec![SourceAccount {
            source: UsageSource::Transcript,
            tokens,
            cost_usd: None,
            calls: 1,
        }],
        ..UsageRecorded::default()
    }
}

/// Each step is seen at its time.
pub(super) fn followed(steps: &[Step]) -> (Seen, Session) {
    let mut steps = steps.to_vec();
    steps.sort_by_key(|step| step.at);
    let mut world = World::of(&steps);
    for step in &steps {
        world.tell(step, second(step.at), second(step.at));
    }
    world.seen()
}

/// All files are there when anybody looks for the first time, and are read one after the other, in this order.
pub(super) fn found(steps: &[Step], sources: &[&str]) -> (Seen, Session) {
    let mut world = World::of(steps);
    for source in sources {
        let mut steps: Vec<&Step> = steps.iter().filter(|step| step.source() == *source).collect();
        steps.sort_by_key(|step| step.at);
        let Some(last) = steps.last().map(|step| step.at) else {
            continue;
        };
        // Of a document only its last content is there.
        let kept = if *source == "phase" { steps.len() - 1 } else { 0 };
        for step in &steps[kept..] {
            world.tell(step, now(), second(last));
        }
    }
    world.seen()
}

/// The sources of these steps, each once, in the order in which they first speak.
pub(super) fn sources(steps: &[Step]) -> Vec<&str> {
    let mut sources = Vec::new();
    for step in steps {
        if !sources.contains(&step.source()) {
            sources.push(step.source());
        }
    }
    sources
}
