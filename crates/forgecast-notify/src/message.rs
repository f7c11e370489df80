//! What a message says, as each kind of target takes it. Text of agents in it was cleaned and masked before it was stored;
//! here it is shortened, and left out for targets that must not have it.

use forgecast_protocol::Timestamp;
use forgecast_protocol::rest::{Notification, NotificationEvent, NotificationItem};
use forgecast_protocol::session::AttentionKind;
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::target::{Channel, Endpoint, SigningKey};

/// The longest text of a session in a message, in characters.
const MAX_TEXT: usize = 300;
/// The longest name in a message, in characters.
const MAX_NAME: usize = 100;
/// How many sessions are named in a message that a person reads.
const MAX_LINES: usize = 10;

/// A message with what is known of its target.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) notification: &'a Notification,
    /// Whether it contains what is asked.
    pub(crate) include_text: bool,
    /// The dashboard's address.
    pub(crate) url: &'a str,
}

/// A request as far as it depends on the message.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    fn of(path: &str, body: &Value) -> Self {
        Self {
            path: path.to_owned(),
            headers: vec![(CONTENT_TYPE, "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }
}

/// The request that brings a message to a target; none for a command.
pub(crate) fn request(message: Message<'_>, channel: &Channel, now: Timestamp) -> Option<Request> {
    Some(match channel {
        Channel::Ntfy { url, token } => {
            let mut request = message.for_ntfy(url);
            let bearer = token
                .as_ref()
                .map(|token| (AUTHORIZATION, format!("Bearer {}", token.0)));
            request.headers.extend(bearer);
            request
        }
        Channel::Slack { url } => Request::of(url.path(), &message.for_slack()),
        Channel::Webhook { url, key } => {
            let mut request = Request::of(url.path(), &message.json());
            let (id, time) = (&message.notification.id, now.as_millis().div_euclid(1_000).to_string());
            let signature = sign(key, id, &time, &request.body);
            request.headers.extend([
                (HeaderName::from_static("webhook-id"), id.clone()),
                (HeaderName::from_static("webhook-timestamp"), time),
                (HeaderName::from_static("webhook-signature"), signature),
            ]);
            request
        }
        Channel::Command { .. } => return None,
    })
}

/// The signature of Standard Webhooks, version 1.
fn sign(key: &SigningKey, id: &str, time: &str, body: &[u8]) -> String {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.bytes()) else {
        return String::new();
    };
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
        mac.update(part);
    }
    let signature = data_encoding::BASE64.encode(&mac.finalize().into_bytes());
    format!("v1,{signature}")
}

impl Message<'_> {
    /// What webhooks and commands get.
    pub(crate) fn json(self) -> Value {
        let Self { notification, url, .. } = self;
        let kind = match notification.event {
            NotificationEvent::Attention => "attention.needed",
            NotificationEvent::Resolved => "attention.resolved",
            NotificationEvent::Test => "test",
        };
        let items = |items: &[NotificationItem]| items.iter().map(|item| self.item(item)).collect::<Vec<_>>();
        json!({
            "type": kind,
            "timestamp": notification.created_at,
            "data": {
                "id": notification.id,
                "title": self.title(),
                "url": self.link(),
                "dashboard": url,
                "needed": items(&notification.items),
                "resolved": items(&notification.resolved),
            },
        })
    }

    fn item(self, item: &NotificationItem) -> Value {
        let mut shown = json!({
            "session": item.session,
            "seq": item.seq,
            "kind": item.kind,
            "since": item.since,
            "name": short(&item.name, MAX_NAME),
            "url": self.session_link(item),
        });
        if let Some(project) = &item.project {
            shown["project"] = short(project, MAX_NAME).into();
        }
        if self.may_say(item) && !item.text.is_empty() {
            shown["text"] = short(&item.text, MAX_TEXT).into();
        }
        shown
    }

    /// ntfy takes JSON at the server's address; as headers of the topic's address other than ASCII would not arrive.
    fn for_ntfy(self, url: &Endpoint) -> Request {
        let path = url.path().split('?').next().unwrap_or_default().trim_end_matches('/');
        let (server, topic) = path.rsplit_once('/').unwrap_or(("", path));
        let is_urgent = self.notification.event == NotificationEvent::Attention;
        let body = json!({
            "topic": topic,
            // The same id updates the message that a phone shows already.
            "sequence_id": self.notification.id,
            "title": self.title(),
            "message": self.text(),
            "click": self.link(),
            "priority": if is_urgent { 4 } else { 3 },
            "tags": [if is_urgent { "bell" } else { "white_check_mark" }],
        });
        Request::of(&format!("{server}/"), &body)
    }

    fn for_slack(self) -> Value {
        let (text, title) = (escaped(&self.text()), escaped(&self.title()));
        // Text in angle brackets is a command in Slack, such as a call to everybody; only this link is.
        json!({ "text": format!("*<{}|{title}>*\n{text}", self.link()) })
    }

    /// One line.
    pub(crate) fn title(self) -> String {
        let Notification { items, resolved, .. } = self.notification;
        match (items.as_slice(), resolved.as_slice()) {
            ([], []) => "Test message from Forgecast".to_owned(),
            ([one], _) => format!("{} {}", name(one), phrase(one.kind)),
            ([], [one]) => format!("{} needs nobody any more", name(one)),
            ([], several) => format!("{} sessions need nobody any more", several.len()),
            (several, _) => format!("{} sessions need you", several.len()),
        }
    }

    /// The lines under the title.
    fn text(self) -> String {
        let Notification { items, resolved, .. } = self.notification;
        let needed = items.iter().map(|item| {
            let text = match self.may_say(item) {
                true => short(&item.text, MAX_TEXT),
                false => String::new(),
            };
            match (items.len(), text.is_empty()) {
                (1, false) => text,
                (_, false) => format!("{} {}: {text}", name(item), phrase(item.kind)),
                (_, true) => format!("{} {}", name(item), phrase(item.kind)),
            }
        });
        let over = resolved
            .iter()
            .map(|item| format!("{} needs nobody any more", name(item)));
        let mut lines: Vec<String> = needed.chain(over).collect();
        if lines.len() > MAX_LINES {
            let more = lines.len() - MAX_LINES;
            lines.truncate(MAX_LINES);
            lines.push(format!("and {more} more"));
        }
        if lines.is_empty() {
            lines.push("Notifications arrive here.".to_owned());
        }
        lines.join("\n")
    }

    /// Whether its text may be said: what is asked is an agent's, what is left of a plan is our own.
    fn may_say(self, item: &NotificationItem) -> bool {
        self.include_text || item.kind == AttentionKind::Limit
    }

    /// The place to go to: the session, or the overview for several.
    fn link(self) -> String {
        let Notification { items, resolved, .. } = self.notification;
        match (items.as_slice(), resolved.as_slice()) {
            ([one], _) | ([], [one]) => self.session_link(one),
            _ => format!("{}/", self.url),
        }
    }

    fn session_link(self, item: &NotificationItem) -> String {
        let id = item.session.to_string();
        let encoded = id.bytes().fold(String::new(), |encoded, byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded + &char::from(byte).to_string()
            }
            other => encoded + &format!("%{other:02X}"),
        });
        format!("{}/session/{encoded}", self.url)
    }
}

fn phrase(kind: AttentionKind) -> &'static str {
    match kind {
        AttentionKind::Completed => "is completed",
        AttentionKind::Failed => "failed",
        AttentionKind::Waiting => "needs you",
        AttentionKind::Stalled => "is stalled",
        AttentionKind::Budget => "reached a budget threshold",
        AttentionKind::Limit => "has news of its plan's limit",
    }
}

fn name(item: &NotificationItem) -> String {
    short(&item.name, MAX_NAME)
}

fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
