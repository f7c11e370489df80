//! Approvals: uses of tools that an agent asks for and that wait at the server for a person's answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Timestamp;

/// What the agents of a session wait to be allowed, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approvals {
    /// The requests.
    pub approvals: Vec<Approval>,
}

/// One use of a tool that waits for an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// What it is used on, exactly and whole: neither shortened nor masked. This is what runs when it is allowed.
    pub input: Value,
    /// SHA-256 of the tool and the input, hexadecimal. An answer repeats it.
    pub digest: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When the agent asks in its own terminal only, if nobody answered.
    pub ends_at: Timestamp,
}

/// An answer to one request. It holds once.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalAnswer {
    /// The request.
    pub id: String,
    /// The digest of what was shown.
    pub digest: String,
    /// Whether it is allowed, this once.
    pub allow: bool,
    /// Why not, for the agent to read; only when it is denied.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub reason: Option<String>,
}
