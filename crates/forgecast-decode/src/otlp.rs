//! OpenTelemetry over HTTP: log records and metrics of coding agents become facts. Two spellings of one model: both are
//! read into the same few types under the same caps, and what they mean is said once. Metrics are never counted.

mod json;
mod logs;
mod metrics;
mod model;
mod protobuf;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use forgecast_protocol::{Batch, Event, Fact, Origin, SessionName, SourceKind, Subject, Timestamp};

use super::Unparsable;
use super::json::{MAX_BODY_BYTES, check_size};
use super::{numbered_id, sent_to};
use crate::clean::Cleaner;

/// Most sessions whose last number is remembered.
const MAX_SESSIONS: usize = 10_000;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-protobuf`.
    Protobuf,
}

/// What a body held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Otlp {
    /// Facts that were understood, in order.
    pub batch: Batch,
    /// Records that could not be taken, for the answer's `partialSuccess`.
    pub rejected: u64,
    /// Why the last of them could not; empty when there was none.
    pub message: String,
    /// Records that were understood and say nothing of interest.
    pub ignored: u64,
}

/// Which numbered record each session sent last, over all bodies: what is missing between two bodies is seen only by who
/// remembers the first. Bounded; shared by all requests.
#[derive(Debug, Default)]
pub struct Sequences(Mutex<BTreeMap<SessionName, u64>>);

/// Reads the body of `POST /v1/logs`, decompressed. A gap in the numbers of a session's records, within the body or after
/// the records that `sequences` remembers, is a problem of that session.
///
/// # Errors
/// When it cannot be read at all.
pub fn logs(
    body: &[u8],
    encoding: Encoding,
    cleaner: &Cleaner,
    now: Timestamp,
    sequences: &Sequences,
) -> Result<Otlp, Unparsable> {
    check_size(body, MAX_BODY_BYTES)?;
    let groups = match encoding {
        Encoding::Json => json::logs(body)?,
        Encoding::Protobuf => protobuf::logs(body)?,
    };
    let mut collector = Collector::new("/v1/logs", cleaner, now);
    logs::take(&groups, sequences, &mut collector);
    Ok(collector.found)
}

/// Reads the body of `POST /v1/metrics`, decompressed.
///
/// # Errors
/// When it cannot be read at all.
pub fn metrics(body: &[u8], encoding: Encoding, cleaner: &Cleaner, now: Timestamp) -> Result<Otlp, Unparsable> {
    check_size(body, MAX_BODY_BYTES)?;
    let groups = match encoding {
        Encoding::Json => json::metrics(body)?,
        Encoding::Protobuf => protobuf::metrics(body)?,
    };
    let mut collector = Collector::new("/v1/metrics", cleaner, now);
    metrics::take(&groups, &mut collector);
    Ok(collector.found)
}

/// What is being taken from a body.
struct Collector<'c> {
    cleaner: &'c Cleaner,
    now: Timestamp,
    origin: Origin,
    found: Otlp,
}

impl Sequences {
    /// Remembers the number of a record; gives the one before it, of which there is none for a new session.
    fn follow(&self, session: &SessionName, number: u64) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MAX_SESSIONS && !last.contains_key(session) {
            last.pop_first();
        }
        last.insert(session.clone(), number)
    }
}

impl<'c> Collector<'c> {
    fn new(endpoint: &str, cleaner: &'c Cleaner, now: Timestamp) -> Self {
        Self {
            cleaner,
            now,
            origin: sent_to(endpoint, SourceKind::Otlp),
            found: Otlp::default(),
        }
    }

    /// Adds a fact; `name` is that of its record, by which it is known when it is sent again.
    fn emit(&mut self, subject: &Subject, name: &str, index: usize, fact: Fact) {
        self.found.batch.events.push(self.cleaner.identities(Event {
            id: numbered_id(&format!("otel:{name}"), index),
            subject: subject.clone(),
            at: self.now,
            origin: self.origin.clone(),
            fact,
        }));
    }

    fn reject(&mut self, why: &str) {
        self.found.rejected += 1;
        why.clone_into(&mut self.found.message);
    }
}
