//! Signing in, and who is signed in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::time::Timestamp;

/// A token that is to be exchanged for a cookie.
#[derive(Deserialize, JsonSchema)]
#[schemars(example = serde_json::json!({ "token": "fc_v_…" }))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// As `forgecast token` showed it, or the one of a share link.
    #[schemars(length(min = 1, max = 200))]
    pub token: String,
}

/// Who is signed in, and what this one may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// What this one may do; null for somebody without a token.
    pub role: Option<CallerRole>,
    /// The one session that a guest may watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// When a guest's link ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What a token, or the place that a request comes from, allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerRole {
    /// To watch.
    View,
    /// To send facts.
    Ingest,
    /// To watch, and to answer what agents ask to be allowed.
    Approve,
    /// Everything but to answer for a person.
    Admin,
    /// A process of this machine: to watch and to send.
    Local,
    /// The holder of a share link: to watch one session.
    Guest,
}
