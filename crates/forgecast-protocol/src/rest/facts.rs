//! What producers send, and what becomes of it. Bodies of producers are read leniently by the decoders; the types here
//! say what they should look like.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SessionId;

/// What became of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushReceipt {
    /// Facts and log lines that are stored now.
    pub accepted: u64,
    /// Facts that were known already.
    pub duplicates: u64,
    /// Envelopes that were not taken. The others were.
    pub rejected: Vec<Rejection>,
}

/// An envelope that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Its place in the body, from 0.
    pub index: usize,
    /// What is wrong and the way out.
    pub problem: String,
}

/// What became of an exported session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReceipt {
    /// The id that it has here.
    pub session: SessionId,
    /// Whether it is new here; a session that was here already is left as it is.
    pub new: bool,
    /// Facts that were stored.
    pub events: u64,
    /// Log lines that were stored.
    pub log_lines: u64,
}

/// One envelope or several.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(example = serde_json::json!({
    "id": "run-7/step-3", "session": "weather-app", "type": "phase_reported", "phase": "Builder", "status": "building",
    "detail": "writing the parser",
}))]
#[serde(untagged)]
pub enum Envelopes {
    /// One.
    One(Envelope),
    /// Several: each is taken or rejected by itself.
    Several(Vec<Envelope>),
}

/// One fact as it is pushed. The fields of its kind stand beside these, or together in `data`; names, times and numbers
/// are read leniently: what cannot be read is a problem of the session, and the rest is taken.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend(
    "anyOf" = [{"required": ["session"]}, {"required": ["session_id"]}, {"required": ["directory"]}],
))]
pub struct Envelope {
    /// The same id twice is the same fact, within the session and the folder that are named. A number is taken for its digits.
    #[schemars(regex(pattern = "^[ -~]{1,200}$"), length(min = 1, max = 200))]
    pub id: Option<String>,
    /// The name of the build, or the id of a run. Any text: one that cannot be an id has one made of it.
    pub session: Option<String>,
    /// Another name for `session`, used in the envelopes of broadcasters.
    pub session_id: Option<String>,
    /// The absolute path of the folder that the session works in, without `.` or `..`.
    #[schemars(length(max = 4096))]
    pub directory: Option<String>,
    /// The producer's time, RFC 3339.
    pub at: Option<String>,
    /// Whether the fact was learned then, not now.
    pub history: Option<bool>,
    /// `session_seen`, `phase_reported`, `checkpoint_reported`, `task_reported`, `tests_reported`, `agent_reported`,
    /// `decision_recorded`, `pattern_recorded`, `artifact_changed`, `usage_recorded`, `tool_used`, `waiting_began`,
    /// `waiting_ended`, `activity_reported`, `error_reported`, `completion_reported`, `problem_found`, `problem_cleared`,
    /// `source_gone`, `source_returned`, each with the fields of the fact of this name; any other word is passed on as it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The fields of the fact, when they do not stand in the envelope.
    pub data: Option<Value>,
}

/// A hook of Claude Code as it comes; what is not named here is kept out of sight or passed over.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(example = serde_json::json!({
    "hook_event_name": "Notification", "session_id": "258c7280-ae70-4f2e-9d0c-5a2f6a1c0b11", "cwd": "/home/ann/weather-app",
    "message": "Claude needs your permission to use Bash",
}))]
pub struct Hook {
    /// Which hook it is, `PostToolUse`, …
    pub hook_event_name: Option<String>,
    /// The agent's own session.
    pub session_id: Option<String>,
    /// The folder it works in.
    pub cwd: Option<String>,
    /// The transcript's file.
    pub transcript_path: Option<String>,
    /// The tool, when it is about one.
    pub tool_name: Option<String>,
}
