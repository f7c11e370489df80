//! OpenTelemetry over HTTP: log records and metrics of coding agents become facts.

use forgecast_protocol::{Batch, Timestamp};

use super::Unparsable;
use crate::clean::Cleaner;

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
}

/// Reads the body of `POST /v1/logs`, decompressed.
///
/// # Errors
/// When it cannot be read at all.
pub fn logs(body: &[u8], encoding: Encoding, cleaner: &Cleaner, now: Timestamp) -> Result<Otlp, Unparsable> {
    let _ = (body, encoding, cleaner, now);
    Ok(Otlp::default())
}

/// Reads the body of `POST /v1/metrics`, decompressed.
///
/// # Errors
/// When it cannot be read at all.
pub fn metrics(body: &[u8], encoding: Encoding, cleaner: &Cleaner, now: Timestamp) -> Result<Otlp, Unparsable> {
    let _ = (body, encoding, cleaner, now);
    Ok(Otlp::default())
}
