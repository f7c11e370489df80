//! What producers say over HTTP, and the same in an `events.jsonl`: one envelope, or an array of them. Each envelope is
//! taken or refused alone, with its place and the reason; a field that is wrong costs that field.

use forgecast_protocol::{Batch, EventId, Origin, SourceKind, Timestamp};
use serde_json::{Map, Value};

use crate::clean::Cleaner;
use crate::envelope::{Accepted, Reader, Refused};
use crate::{Unparsable, broadcast, json, sent_to};

/// Most envelopes of one body.
const MAX_ENVELOPES: usize = 10_000;
/// Most fields that are named as bad for one body.
const MAX_BAD_FIELDS: usize = 100;

/// What a body held: what was understood, and what was not, by its place in the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pushed {
    /// Events and log lines that were understood, in order; no checkpoints.
    pub batch: Batch,
    /// The envelope that each event of the batch comes from, by its place in the body.
    pub envelope_of: Vec<usize>,
    /// The envelope that each log chunk of the batch comes from, by its place in the body.
    pub envelope_of_log: Vec<usize>,
    /// How many envelopes there were.
    pub envelopes: usize,
    /// Envelopes that were refused.
    pub rejected: Vec<Rejected>,
    /// Fields that were left out of envelopes that were otherwise taken; the first 100.
    pub bad_fields: Vec<BadField>,
}

/// An envelope that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the body, from 0.
    pub index: usize,
    /// Its id, when it has a valid one.
    pub id: Option<EventId>,
    /// What is wrong and the way out, one line.
    pub why: String,
}

/// A field that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    /// The envelope's place in the body, from 0.
    pub index: usize,
    /// The field.
    pub field: String,
    /// What it holds and what it should hold.
    pub why: String,
}

/// The body as a whole cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// It is not JSON, or beyond the limits.
    #[error("cannot read the body: {0}")]
    Unparsable(#[source] Unparsable),
    /// More envelopes than are taken at once.
    #[error("more than {limit} envelopes in one body: send them in several")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// What the endpoint needs is missing or wrong.
    #[error("{0}")]
    Rejected(String),
}

impl Pushed {
    fn add(&mut self, index: usize, result: Result<Accepted, Refused>) {
        self.envelopes = index + 1;
        match result {
            Ok(accepted) => {
                self.envelope_of.extend(accepted.events.iter().map(|_| index));
                self.envelope_of_log.extend(accepted.logs.iter().map(|_| index));
                self.batch.events.extend(accepted.events);
                self.batch.logs.extend(accepted.logs);
                let room = MAX_BAD_FIELDS.saturating_sub(self.bad_fields.len());
                let bad = accepted.bad.into_iter().take(room);
                self.bad_fields
                    .extend(bad.map(|(field, why)| BadField { index, field, why }));
            }
            Err(refused) => self.rejected.push(Rejected {
                index,
                id: refused.id,
                why: refused.why,
            }),
        }
    }

    /// The result of an endpoint that takes one envelope, where a refused envelope refuses the request.
    fn only(result: Result<Accepted, Refused>) -> Result<Self, PushError> {
        let mut pushed = Self::default();
        match result {
            Err(refused) => Err(PushError::Rejected(refused.why)),
            accepted => {
                pushed.add(0, accepted);
                Ok(pushed)
            }
        }
    }
}

/// Reads the body of `POST /api/v1/events`: one envelope or an array of them, Forgecast's own or the broadcaster's.
///
/// # Errors
/// When the body as a whole cannot be taken; an envelope that cannot is in [`Pushed::rejected`].
pub fn envelopes(body: &[u8], cleaner: &Cleaner, now: Timestamp) -> Result<Pushed, PushError> {
    let reader = Reader::new(cleaner, now, sent_to("/api/v1/events", SourceKind::Push));
    let mut pushed = Pushed::default();
    let mut too_many = false;
    let read = json::each(body, |index, value| {
        too_many = index >= MAX_ENVELOPES;
        if !too_many {
            pushed.add(index, any(&reader, value));
        }
        !too_many
    });
    read.map_err(PushError::Unparsable)?;
    if too_many {
        return Err(PushError::TooMany { limit: MAX_ENVELOPES });
    }
    Ok(pushed)
}

/// Reads the body of `POST /api/broadcast/{session}`: any event object, the broadcaster's envelope or not; the session of
/// the path counts, whatever the envelope says.
///
/// # Errors
/// When it is no object.
pub fn broadcast(session: &str, body: &[u8], cleaner: &Cleaner, now: Timestamp) -> Result<Pushed, PushError> {
    let reader = Reader::new(cleaner, now, sent_to("/api/broadcast", SourceKind::Push));
    let map = only_object(body)?;
    Pushed::only(broadcast::read(&reader, map, Some(session)))
}

/// Reads the body of `POST /api/phase-update`: a phase file.
///
/// # Errors
/// When it is no object or names no session.
pub fn phase_update(body: &[u8], cleaner: &Cleaner, now: Timestamp) -> Result<Pushed, PushError> {
    let reader = Reader::new(cleaner, now, sent_to("/api/phase-update", SourceKind::Push));
    Pushed::only(reader.phase_update(only_object(body)?))
}

/// Reads the body of `POST /api/agent-update`.
///
/// # Errors
/// When it is no object, or `session_id` or `agent_id` is missing.
pub fn agent_update(body: &[u8], cleaner: &Cleaner, now: Timestamp) -> Result<Pushed, PushError> {
    let reader = Reader::new(cleaner, now, sent_to("/api/agent-update", SourceKind::Push));
    Pushed::only(reader.agent_update(only_object(body)?))
}

/// Reads one line of an `events.jsonl`. The same envelope by HTTP has the same id, so it counts once.
///
/// # Errors
/// When the line cannot be read or accepted.
pub fn line(line: &[u8], origin: &Origin, cleaner: &Cleaner, now: Timestamp) -> Result<Pushed, PushError> {
    let reader = Reader::new(cleaner, now, origin.clone());
    let value = json::value(line).map_err(PushError::Unparsable)?;
    Pushed::only(any(&reader, value))
}

/// An envelope of either kind: the broadcaster's has `session_id` and `data`.
fn any(reader: &Reader<'_>, value: Value) -> Result<Accepted, Refused> {
    let map = json::expect_object(value).map_err(|why| Refused {
        id: None,
        why: format!("an envelope is an object: {why}"),
    })?;
    if !map.contains_key("session") && map.contains_key("session_id") {
        return broadcast::read(reader, map, None);
    }
    reader.envelope(map)
}

fn only_object(body: &[u8]) -> Result<Map<String, Value>, PushError> {
    json::check_size(body, json::MAX_BODY_BYTES)
        .and_then(|()| json::value(body))
        .and_then(json::expect_object)
        .map_err(PushError::Unparsable)
}
