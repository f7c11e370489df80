//! The envelope of Context Foundry's broadcaster, `{type, session_id, timestamp, sequence, data}`. Its types become facts; a
//! type that it does not define is kept as it is. An envelope without an id is known by the hash of all of it, since
//! `sequence` starts again with each process.

use forgecast_protocol::event::{
    CompletionBasis, CompletionReported, Custom, ErrorReported, Fact, TaskReported, UsageRecorded,
};
use forgecast_protocol::{CONTENT_ID_PREFIX, EventId, LogChunk, Subject, Timestamp, hex};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::envelope::{Accepted, Reader, Refused, Stated, facts, named};
use crate::fields::Fields;
use crate::{phase, summary};

/// Reads an envelope; `session` is the one of the request's path and counts before the envelope's own.
pub(super) fn read(reader: &Reader<'_>, map: Map<String, Value>, session: Option<&str>) -> Result<Accepted, Refused> {
    let hash = hash(&map, session);
    let mut fields = Fields::new(map, reader.cleaner);
    let id = reader.id(&mut fields)?.or(hash);
    let refuse = |why: String| Refused { id: id.clone(), why };
    let own = fields.word(&["session_id", "session"]);
    let of_path = session
        .map(|name| reader.cleaner.word(name))
        .filter(|name| !name.is_empty());
    let subject = named(of_path.or(own).as_deref(), None).map_err(refuse)?;
    let kind = fields.word(&["type"]).unwrap_or_else(|| "event".to_owned());
    let stated_at = fields.time(&["timestamp"]);
    let data = match fields.take(&["data"]) {
        Some((_, Value::Object(data))) => data,
        Some((_, other)) => Map::from_iter([("value".to_owned(), other)]),
        None => fields.unread(),
    };
    let message = Message {
        reader,
        id: &id,
        subject,
        stated_at,
    };
    let mut accepted = Accepted::default();
    let mut inner = Fields::within(data, reader.cleaner, "data.".to_owned());
    message.facts(&kind, &mut inner, &mut accepted).map_err(refuse)?;
    accepted.bad.extend(fields.into_bad());
    accepted.bad.extend(inner.into_bad());
    Ok(accepted)
}

/// What an envelope is known by: the SHA-256 of its canonical JSON. The session of the path joins in only where
/// the envelope does not name it itself: by HTTP and in a file, the same envelope is the same event.
fn hash(map: &Map<String, Value>, session: Option<&str>) -> Option<EventId> {
    let own = map.get("session_id").and_then(Value::as_str);
    let session = session.filter(|session| own != Some(session));
    let mut hasher = Sha256::new();
    hasher.update(session.unwrap_or_default().as_bytes());
    hasher.update([0]);
    hasher.update(serde_json::to_vec(map).ok()?);
    format!("{CONTENT_ID_PREFIX}{}", hex(&hasher.finalize())).parse().ok()
}

struct Message<'r> {
    reader: &'r Reader<'r>,
    id: &'r Option<EventId>,
    subject: Subject,
    stated_at: Option<Timestamp>,
}

impl Message<'_> {
    fn facts(&self, kind: &str, data: &mut Fields<'_>, accepted: &mut Accepted) -> Result<(), String> {
        match kind {
            "phase_change" | "phase_update" => {
                let mut report = phase::report(data);
                report.last_updated = report.last_updated.or(self.stated_at);
                report.extra = data.rest();
                self.add(accepted, Fact::PhaseReported(report));
            }
            "task_complete" => {
                let usage = context(data);
                let task = data.line(&["task", "description"]);
                let id = data
                    .word(&["task_id", "id"])
                    .or_else(|| task.as_deref().map(|task| data.cleaner().word(task)));
                let id = id.ok_or("field \"data.task\" is missing: it names the task")?;
                self.add(
                    accepted,
                    Fact::TaskReported(TaskReported {
                        id,
                        description: task,
                        status: Some("completed".to_owned()),
                        ..TaskReported::default()
                    }),
                );
                self.add_usage(accepted, usage);
            }
            "context_update" => match context(data) {
                Some(usage) => self.add(accepted, Fact::UsageRecorded(usage)),
                None => return Err("neither \"data.percent\" nor \"data.tokens_used\" is there".to_owned()),
            },
            "log_line" => self.log(data, accepted)?,
            "error" => {
                let error: ErrorReported = facts::error(data)?;
                self.add(accepted, Fact::ErrorReported(error));
            }
            "completion" => {
                let completion = CompletionReported {
                    completed_at: self.stated_at,
                    ..summary::completion(data, CompletionBasis::Reported)
                };
                self.add(accepted, Fact::CompletionReported(completion));
            }
            "agent_progress" | "agent_update" if data.has("agent_id") => {
                let agent = facts::agent(data)?;
                self.add(accepted, Fact::AgentReported(agent));
            }
            _ => self.other(kind, data, accepted),
        }
        Ok(())
    }

    /// The rounds of the loop and whatever a producer made up: passed on as they came.
    fn other(&self, kind: &str, data: &mut Fields<'_>, accepted: &mut Accepted) {
        let whole = data.unread();
        let usage = (kind == "iteration_complete").then(|| {
            let mut again = Fields::within(whole.clone(), data.cleaner(), "data.".to_owned());
            let usage = context(&mut again);
            data.absorb(again.into_bad());
            usage
        });
        let custom = Custom {
            kind: kind.to_owned(),
            data: data.cleaner().value(Value::Object(whole)),
        };
        self.add(accepted, Fact::Custom(custom));
        self.add_usage(accepted, usage.flatten());
    }

    fn log(&self, data: &mut Fields<'_>, accepted: &mut Accepted) -> Result<(), String> {
        let level = data.word(&["level"]);
        let level = level.and_then(|word| crate::clean::level_named(&word));
        let Some((_, Value::String(text))) = data.take(&["line", "message", "value"]) else {
            return Err("field \"data.line\" is missing or no text".to_owned());
        };
        let stated = Stated {
            level,
            from: None,
            at: self.reader.now,
        };
        accepted.logs.push(LogChunk {
            subject: self.subject.clone(),
            id: self.id.clone(),
            lines: self.reader.log_lines(&self.subject, &text, &stated),
        });
        Ok(())
    }

    fn add_usage(&self, accepted: &mut Accepted, usage: Option<UsageRecorded>) {
        if let Some(usage) = usage {
            self.add(accepted, Fact::UsageRecorded(usage));
        }
    }

    /// A second fact of one envelope has an id of its own, or it would be taken for a repetition of the first.
    fn add(&self, accepted: &mut Accepted, fact: Fact) {
        let id = match (self.id, accepted.events.len()) {
            (Some(id), more @ 1..) => {
                let numbered = format!("{id}.{more}").parse();
                Some(numbered.unwrap_or_else(|_| id.clone()))
            }
            (id, _) => id.clone(),
        };
        let event = self.reader.event(id, self.subject.clone(), fact);
        accepted.events.push(event);
    }
}

/// The context window, as a producer says it.
fn context(data: &mut Fields<'_>) -> Option<UsageRecorded> {
    let context_percent = data.percent(&["percent", "context_percent", "percentage"]);
    let context_tokens = data.large_count(&["tokens_used"]);
    (context_percent.is_some() || context_tokens.is_some()).then(|| UsageRecorded {
        context_tokens,
        context_percent,
        ..UsageRecorded::default()
    })
}
