//! Hooks of coding agents: one body of `POST /api/v1/hooks/claude` becomes facts.

use forgecast_protocol::{Batch, Timestamp};

use super::Unparsable;
use crate::clean::Cleaner;

/// Reads the body of a hook of Claude Code.
///
/// # Errors
/// When it is no JSON object.
pub fn claude(body: &[u8], cleaner: &Cleaner, now: Timestamp) -> Result<Batch, Unparsable> {
    let _ = (cleaner, now);
    super::json::value(body).and_then(super::json::expect_object)?;
    Ok(Batch::default())
}
