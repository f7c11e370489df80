//! Targets of notifications and what was sent to them, as tables.

use forgecast_protocol::Timestamp;
use forgecast_protocol::rest::{Notification, NotificationEvent, NotificationState, NotificationTarget, Notifications};

use super::table::{self, Column, UNKNOWN};
use super::{Style, age, in_one_unit};

/// Targets, then messages, newest first.
pub(crate) fn notifications(shown: &Notifications, now: Timestamp, style: Style) -> String {
    let mut text = String::new();
    if let Some(until) = shown.silenced_until {
        let left = in_one_unit(until.millis_since(now));
        text.push_str(&format!("Silenced: nothing is sent for {left}.\n\n"));
    }
    if !shown.targets.is_empty() {
        let rows = shown.targets.iter().map(|target| {
            let kind = word(&target.kind);
            let events: Vec<String> = target.events.iter().map(word).collect();
            let place = target.host.clone().unwrap_or_else(|| UNKNOWN.to_owned());
            [
                target.name.clone(),
                kind,
                place,
                events.join(","),
                state_of(target, now),
            ]
        });
        let columns = [
            Column::new("TARGET").cut_to(12),
            Column::new("KIND"),
            Column::new("HOST").cut_to(12).optional(2),
            Column::new("CALLED FOR").cut_to(12).optional(1),
            Column::new("STATE").cut_to(16),
        ];
        text.push_str(&table::plain(columns, rows, style));
    }
    if !shown.notifications.is_empty() {
        let rows = shown.notifications.iter().map(|message| {
            let made = age(Some(message.created_at), now);
            [made, message.target.clone(), word(&message.state), about(message)]
        });
        text.push('\n');
        let columns = [
            Column::new("SENT"),
            Column::new("TARGET").cut_to(12),
            Column::new("STATE"),
            Column::new("MESSAGE").cut_to(20),
        ];
        text.push_str(&table::plain(columns, rows, style));
    }
    text
}

fn state_of(target: &NotificationTarget, now: Timestamp) -> String {
    match (&target.disabled, target.next_attempt_at) {
        (Some(reason), _) => format!("disabled: {reason}"),
        (None, Some(at)) => format!("failing, next attempt in {}", in_one_unit(at.millis_since(now))),
        (None, None) => "ready".to_owned(),
    }
}

fn about(message: &Notification) -> String {
    let named = message.items.first().or(message.resolved.first());
    let more = (message.items.len() + message.resolved.len()).saturating_sub(1);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let what = match (message.event, named) {
        (NotificationEvent::Test, _) | (_, None) => "test".to_owned(),
        (NotificationEvent::Resolved, Some(item)) => format!("{} needs nobody any more{more}", item.name),
        (NotificationEvent::Attention, Some(item)) => format!("{}: {}{more}", item.name, word(&item.kind)),
    };
    let is_open = message.state != NotificationState::Delivered;
    match message.error.as_ref().filter(|_| is_open) {
        Some(error) => format!("{what} ({error})"),
        None => what,
    }
}

/// The word of a value in the API.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
