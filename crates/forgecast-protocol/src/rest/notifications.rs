//! Notifications: messages by which the server calls a person, whom it sends them to, and what became of them. A
//! [`Notification`] is kept in the database in the same shape.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::session::AttentionKind;
use crate::time::Timestamp;

/// Who is called and when, and what was sent.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notifications {
    /// The targets, in the order of the configuration.
    pub targets: Vec<NotificationTarget>,
    /// Until when nothing is sent; absent when there is no silence.
    pub silenced_until: Option<Timestamp>,
    /// What was sent and what waits, newest first.
    pub notifications: Vec<Notification>,
}

/// Which notifications are listed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationsQuery {
    /// At most so many, the newest ones.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u32,
}

fn default_limit() -> u32 {
    100
}

/// Where messages go, and which. Its address and its secrets are never shown.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationTarget {
    /// Its name in the configuration.
    pub name: String,
    /// How it is reached.
    pub kind: TargetKind,
    /// The host that messages are sent to; absent for a command.
    pub host: Option<String>,
    /// What it is called for.
    pub events: Vec<AttentionKind>,
    /// Whether it is called for finished turns, too.
    pub your_turn: bool,
    /// Names of projects, `*` standing for any text; empty for all projects.
    pub projects: Vec<String>,
    /// When it is not called, in the server's local time: `22:00-07:00`.
    pub quiet: Option<String>,
    /// Whether it is told when a need is over.
    pub resolved: bool,
    /// Whether messages contain what is asked.
    pub include_text: bool,
    /// Messages that wait to be sent.
    pub waiting: u32,
    /// How many attempts in a row have failed.
    pub failures: u32,
    /// When the next attempt is made, after a failed one.
    pub next_attempt_at: Option<Timestamp>,
    /// Why nothing is sent any more, until it is enabled with `retry`.
    pub disabled: Option<String>,
}

/// How a target is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A topic of an ntfy server.
    Ntfy,
    /// An incoming webhook of Slack.
    Slack,
    /// Any server that takes Standard Webhooks.
    Webhook,
    /// A program on the server's machine.
    Command,
}

/// One message to one target.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    /// Its id, the same in every attempt, so that receivers can drop doubles.
    pub id: String,
    /// The target's name.
    pub target: String,
    /// What it says.
    pub event: NotificationEvent,
    /// What became of it.
    pub state: NotificationState,
    /// When it was made.
    pub created_at: Timestamp,
    /// The sessions that need a person.
    pub items: Vec<NotificationItem>,
    /// Sessions that its target was called for and that need nobody any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<NotificationItem>,
    /// How often it was attempted. From the first attempt on its content stays as it is.
    #[serde(default)]
    pub attempts: u32,
    /// Whether an attempt ended without an answer, so that it may have arrived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncertain: bool,
    /// When its state became final.
    pub settled_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl Notification {
    /// One that says nothing yet and waits to be sent.
    #[must_use]
    pub fn new(id: String, target: &str, event: NotificationEvent, created_at: Timestamp) -> Self {
        Self {
            id,
            target: target.to_owned(),
            event,
            state: NotificationState::Waiting,
            created_at,
            items: Vec::new(),
            resolved: Vec::new(),
            attempts: 0,
            uncertain: false,
            settled_at: None,
            error: None,
        }
    }
}

/// What a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationEvent {
    /// Sessions need a person; others may need nobody any more.
    Attention,
    /// Sessions that a person was called for need nobody any more, and nothing else.
    Resolved,
    /// Somebody tests the target.
    Test,
}

/// What became of a notification.
#[derive(strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    /// It waits to be sent, or to be sent again.
    Waiting,
    /// The target took it.
    Delivered,
    /// It was given up; `forgecast notify retry` sends it again.
    Dead,
    /// Nobody was needed any more before it was delivered.
    Obsolete,
}

/// One session in a notification.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationItem {
    /// The session.
    pub session: SessionId,
    /// The number of its attention: a session is called for once per number.
    pub seq: u64,
    /// What happened.
    pub kind: AttentionKind,
    /// When it happened.
    pub since: Timestamp,
    /// The session's name for people.
    pub name: String,
    /// The project.
    pub project: Option<String>,
    /// One line: why. Secrets in it are masked. May be empty.
    #[serde(default)]
    pub text: String,
}

/// A silence: nothing is sent while it lasts, and what is still needed at its end is sent then.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = serde_json::json!({ "seconds": 3600 }))]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// How long from now, at most a week; 0 ends a silence.
    #[schemars(range(min = 0, max = 604_800))]
    pub seconds: u32,
}

/// Until when nothing is sent.
#[serde_with::skip_serializing_none]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Silenced {
    /// Its end; absent when there is no silence.
    pub until: Option<Timestamp>,
}

/// The target that is to be tested.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = serde_json::json!({ "target": "phone" }))]
#[serde(deny_unknown_fields)]
pub struct NotificationTest {
    /// Its name.
    pub target: String,
}

/// What is to be sent again.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(example = serde_json::json!({ "target": "phone" }))]
#[serde(deny_unknown_fields)]
pub struct NotificationRetry {
    /// Only what goes to this target, which is enabled again; absent for all targets.
    pub target: Option<String>,
}

/// How much is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retried {
    /// Messages that are attempted now.
    pub messages: u32,
}
