//! One pushed envelope: its id, its session, its folder and its time. [`facts`] reads the fact in it. The envelopes of
//! Context Foundry's broadcaster ([`crate::broadcast`]) are read with the same reader.

use std::cell::RefCell;
use std::path::Path;

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::{
    COMMAND_PREFIX, CONTENT_ID_PREFIX, Event, EventId, Fact, InvalidId, LogChunk, LogLine, Origin, SessionName,
    SessionRef, SourceKind, Subject, Timestamp,
};
use serde_json::{Map, Value};

use self::facts::Head;
use crate::clean::{Cleaner, LogState, level_named, plain_line};
use crate::fields::Fields;
use crate::phase;
use crate::transcript::session_name;

pub(crate) mod facts;

/// Longest path of a folder, in bytes.
const MAX_DIRECTORY: usize = 4_096;
/// The kind of an envelope that holds lines of a log and no fact.
const LOG: &str = "log";
/// The field that names a wrapped command, and how many hexadecimal digits its id has.
const COMMAND: &str = "command_id";
const COMMAND_DIGITS: usize = 32;
/// Most lines of the log in one envelope.
const MAX_LINES: usize = 1_000;

/// What one envelope became.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    pub(crate) events: Vec<Event>,
    pub(crate) logs: Vec<LogChunk>,
    /// Fields that were left out, each with the reason.
    pub(crate) bad: Vec<(String, String)>,
}

/// Why an envelope was refused, with its id when that is known.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) id: Option<EventId>,
    pub(crate) why: String,
}

/// What is said of lines of a log besides their text.
#[derive(Debug)]
pub(crate) struct Stated {
    pub(crate) level: Option<LogLevel>,
    pub(crate) from: Option<String>,
    pub(crate) at: Timestamp,
}

/// Reads envelopes that came together.
pub(crate) struct Reader<'c> {
    pub(crate) cleaner: &'c Cleaner,
    pub(crate) now: Timestamp,
    origin: Origin,
    /// Whose log came last, and whether a private key is being printed in it: its lines may come in envelopes of their own.
    printing: RefCell<(Subject, LogState)>,
}

impl<'c> Reader<'c> {
    pub(crate) fn new(cleaner: &'c Cleaner, now: Timestamp, origin: Origin) -> Self {
        Self {
            cleaner,
            now,
            origin,
            printing: RefCell::default(),
        }
    }

    /// The lines of a text for the log of a subject.
    pub(crate) fn log_lines(&self, subject: &Subject, text: &str, stated: &Stated) -> Vec<LogLine> {
        let mut printing = self.printing.borrow_mut();
        if printing.0 != *subject {
            *printing = (subject.clone(), LogState::default());
        }
        let lines = text.trim_end_matches(['\n', '\r']).split('\n').take(MAX_LINES);
        let lines = lines.map(|line| {
            let (text, spans, level) = self.cleaner.next_log_line(&mut printing.1, line);
            LogLine {
                offset: 0,
                at: stated.at,
                level: stated.level.or(level),
                from: stated.from.clone(),
                text,
                spans,
            }
        });
        lines.collect()
    }

    /// An event that is learned now.
    pub(crate) fn event(&self, id: Option<EventId>, subject: Subject, fact: Fact) -> Event {
        self.cleaner.identities(Event {
            id,
            subject,
            at: self.now,
            origin: self.origin.clone(),
            fact,
        })
    }

    /// `{"id"?, "session", "directory"?, "at"?, "history"?, "type", …}`.
    pub(crate) fn envelope(&self, map: Map<String, Value>) -> Result<Accepted, Refused> {
        let mut fields = Fields::new(map, self.cleaner);
        let id = self.id(&mut fields)?;
        let refuse = |why: String| Refused { id: id.clone(), why };
        let kind = fields
            .word(&["type"])
            .ok_or_else(|| refuse(r#"field "type" is missing: it names the kind of the event"#.to_owned()))?;
        let subject = match self.subject(&mut fields) {
            Ok(subject) => subject,
            Err(_) if kind == facts::LIMIT => Subject::default(),
            Err(why) => return Err(refuse(why)),
        };
        let stated_at = fields.time(&["at"]);
        // What is brought over from elsewhere was learned when it happened, or else all of it would be of this moment.
        let is_history = fields.flag(&["history"]) == Some(true);
        // So is what a wrapper says of its command, or an agent of itself: it may have waited for a server.
        let is_dated = is_history || subject.command.is_some() || subject.transcript.is_some();
        let learned_at = stated_at.filter(|_| is_dated).map_or(self.now, |at| at.min(self.now));
        // The fields stand in the envelope itself, or together in `data`, where a task may have an `id` of its own.
        let (mut inner, in_data) = match fields.peek("data") {
            Some(Value::Object(data)) if kind != "custom" => {
                let inner = Fields::within(data.clone(), self.cleaner, "data.".to_owned());
                (inner, true)
            }
            _ => (Fields::new(fields.unread(), self.cleaner), false),
        };
        if kind == LOG {
            let chunk = LogChunk {
                lines: self.log(&mut inner, &subject, stated_at).map_err(refuse)?,
                subject,
                id,
            };
            let mut bad = fields.into_bad();
            bad.extend(inner.into_bad());
            return Ok(Accepted {
                logs: vec![chunk],
                bad,
                ..Accepted::default()
            });
        }
        let head = Head {
            kind,
            in_data,
            at: stated_at,
            is_history,
            now: self.now,
        };
        let fact = facts::read(&head, &mut inner).map_err(refuse)?;
        if let Some(why) = fact.implausible() {
            return Err(refuse(format!("field {why}")));
        }
        let mut bad = fields.into_bad();
        bad.extend(inner.into_bad());
        let mut event = Event {
            at: learned_at,
            ..self.event(id, subject, fact)
        };
        if is_history {
            event.origin.kind = SourceKind::History;
        } else if event.subject.transcript.is_some() {
            // What an agent says of itself makes no build of its session.
            event.origin.kind = SourceKind::Hook;
        }
        Ok(Accepted {
            events: vec![event],
            logs: Vec::new(),
            bad,
        })
    }

    /// The lines in an envelope for the log: `{"text", "level"?, "from"?}`.
    fn log(&self, fields: &mut Fields<'_>, subject: &Subject, at: Option<Timestamp>) -> Result<Vec<LogLine>, String> {
        let word = fields.word(&["level"]);
        let level = word.as_deref().and_then(level_named);
        if word.is_some() && level.is_none() {
            fields.note("level", "expected debug, info, warn or error".to_owned());
        }
        let stated = Stated {
            level,
            from: fields.word(&["from"]),
            at: at.map_or(self.now, |at| at.min(self.now)),
        };
        match fields.take(&["text"]) {
            Some((_, Value::String(text))) => Ok(self.log_lines(subject, &text, &stated)),
            _ => Err(r#"field "text" is missing or no text: it holds the lines"#.to_owned()),
        }
    }

    /// A phase file as a body.
    pub(crate) fn phase_update(&self, map: Map<String, Value>) -> Result<Accepted, Refused> {
        self.update(phase::unwrapped(map), |fields| {
            let mut report = phase::report(fields);
            report.extra = fields.rest();
            Ok(Fact::PhaseReported(report))
        })
    }

    /// An agent's state as a body.
    pub(crate) fn agent_update(&self, map: Map<String, Value>) -> Result<Accepted, Refused> {
        self.update(map, |fields| facts::agent(fields).map(Fact::AgentReported))
    }

    /// A body that is one fact of the session it names.
    fn update(
        &self,
        map: Map<String, Value>,
        read: impl FnOnce(&mut Fields<'_>) -> Result<Fact, String>,
    ) -> Result<Accepted, Refused> {
        let mut fields = Fields::new(map, self.cleaner);
        let refuse = |why: String| Refused { id: None, why };
        let session = fields.word(&["session_id", "session"]);
        let subject = named(session.as_deref(), None).map_err(refuse)?;
        let fact = read(&mut fields).map_err(refuse)?;
        if let Some(why) = fact.implausible() {
            return Err(refuse(format!("field {why}")));
        }
        Ok(Accepted {
            events: vec![self.event(None, subject, fact)],
            bad: fields.into_bad(),
            ..Accepted::default()
        })
    }

    /// The producer's id. One that cannot be an id refuses the envelope: taken without it, a repetition would count twice.
    pub(crate) fn id(&self, fields: &mut Fields<'_>) -> Result<Option<EventId>, Refused> {
        let text = match fields.take(&["id"]) {
            None => return Ok(None),
            Some((_, Value::String(text))) => text,
            Some((_, Value::Number(number))) => number.to_string(),
            Some(_) => String::new(),
        };
        let wrong = |why: String| Refused {
            id: None,
            why: format!(r#"field "id": {why}"#),
        };
        if text.starts_with(CONTENT_ID_PREFIX) {
            return Err(wrong(format!(
                "it must not begin with {CONTENT_ID_PREFIX:?}: Forgecast gives such ids itself"
            )));
        }
        text.parse().map(Some).map_err(|why: InvalidId| wrong(why.to_string()))
    }

    fn subject(&self, fields: &mut Fields<'_>) -> Result<Subject, String> {
        let directory = match fields.take(&["directory"]) {
            None => None,
            Some((_, Value::String(text))) => Some(directory(&text, self.cleaner)?),
            Some(_) => return Err(r#"field "directory" must be the absolute path of a folder"#.to_owned()),
        };
        let session = fields.word(&["session"]);
        if let Some(command) = fields.peek(COMMAND).and_then(command) {
            fields.take(&[COMMAND]);
            return Ok(Subject {
                command: Some(command),
                ..named(session.as_deref(), directory)?
            });
        }
        match fields.word(&["transcript"]) {
            // An agent's own session, by the name that the agent gives it.
            Some(transcript) if session.is_none() => Ok(Subject {
                transcript: Some(session_name(&transcript)),
                directory,
                ..Subject::default()
            }),
            _ => named(session.as_deref(), directory),
        }
    }
}

/// The subject of an event: a run by its id, a session by its name, or a name that is no valid id (the hub derives one).
pub(crate) fn named(session: Option<&str>, directory: Option<String>) -> Result<Subject, String> {
    let Some(text) = session else {
        if directory.is_some() {
            return Ok(Subject {
                directory,
                ..Subject::default()
            });
        }
        return Err(
            r#"field "session" is missing: the name of the build, or the id of a run such as weather-app~1"#.to_owned(),
        );
    };
    let session: Option<SessionRef> = text.parse().ok();
    let name = match session {
        Some(SessionRef::Run(_)) => None,
        _ => Some(text.to_owned()),
    };
    Ok(Subject {
        session,
        name,
        directory,
        ..Subject::default()
    })
}

/// The id of a wrapped command; none of a value that is a producer's own field.
fn command(value: &Value) -> Option<SessionName> {
    let id = value.as_str()?.strip_prefix(COMMAND_PREFIX)?;
    let is_id = id.len() == COMMAND_DIGITS && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_id.then(|| format!("{COMMAND_PREFIX}{id}").parse().ok()).flatten()
}

/// The absolute path of a folder, as text: nothing is opened because of it unless it lies under a configured root.
fn directory(text: &str, cleaner: &Cleaner) -> Result<String, String> {
    let wrong = || r#"field "directory" must be the absolute path of a folder, without . or .."#.to_owned();
    if text.len() > MAX_DIRECTORY || plain_line(text).trim() != text {
        return Err(wrong());
    }
    let plain = text.trim_end_matches('/');
    let has_dots = plain.split('/').any(|part| part == "." || part == "..");
    if !Path::new(plain).is_absolute() || has_dots {
        return Err(wrong());
    }
    Ok(cleaner.path(plain).into_owned())
}
