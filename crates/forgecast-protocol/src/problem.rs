//! What went wrong on the way in, in words that a viewer can act on, and the errors that answer a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of trouble a source is in; stable words, also used as metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The document does not parse (half-written for too long, or broken).
    Unparsable,
    /// A field holds what it cannot hold; the others were kept.
    BadField,
    /// Larger, deeper or with more keys than is read.
    Oversize,
    /// The file could not be opened or read.
    Unreadable,
    /// A link, a device, a pipe or anything that is not a plain file of its own.
    Refused,
    /// A folder that should be watched is not there.
    Missing,
    /// The system gives no notifications here; it is polled instead.
    Degraded,
    /// Notifications were lost; everything was read again.
    Overflow,
    /// Two sources claim the same session.
    Conflict,
    /// The database cannot take facts at the moment.
    Store,
    /// What came in cannot be understood at all.
    Rejected,
}

/// One problem, keyed so that the same trouble is shown once and can be cleared.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What kind of trouble.
    pub kind: ProblemKind,
    /// One line that names the thing and the way out.
    pub message: String,
    /// The file, folder or endpoint it is about.
    pub subject: Option<String>,
}

/// The body of every error answer: RFC 9457 `application/problem+json`.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// A stable identifier of the kind of error, `urn:forgecast:error:<word>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of error in a few words.
    pub title: String,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// What is wrong with this request and the way out; absent when the cause stays in the log.
    pub detail: Option<String>,
    /// Finds the cause in the server's log.
    pub request_id: Option<String>,
}
