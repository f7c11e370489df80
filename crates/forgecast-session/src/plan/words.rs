//! One sentence about a window of a plan, as the terminal and notifications say it.

use forgecast_protocol::rest::{LimitBasis, LimitWindow};
use forgecast_protocol::{Calendar, Timestamp};

/// What is known of a window, in one line without a full stop; `session` is the one whose share is named. Times are those
/// of the calendar, with the date when that is not today's.
#[must_use]
pub fn sentence(window: &LimitWindow, session: Option<&str>, calendar: &Calendar, now: Timestamp) -> String {
    let name = name(window);
    let clock = |at| clock(calendar, at, now);
    if let Some(since) = window.unknown_since {
        return format!("{name}: unknown since {}", clock(since));
    }
    let mut parts = Vec::new();
    let share = session.and_then(|session| window.sessions.iter().find(|share| share.key == session));
    match window.used_percent {
        Some(used) => parts.push(format!("{} % used", rounded(used))),
        None => parts.push(format!("estimated, {} tokens used", window.tokens)),
    }
    if let Some(share) = share {
        let percent = share.window_percent.unwrap_or(share.share_percent);
        let whole = if share.window_percent.is_some() { "" } else { " of them" };
        parts.push(format!("{} %{whole} by this session", rounded(percent)));
    }
    if let Some(range) = window.used_up {
        let until = match window.resets_at {
            Some(end) if range.to > end => "the reset".to_owned(),
            _ => clock(range.to),
        };
        parts.push(format!(
            "used up between {} and {until} at this rate",
            clock(range.from)
        ));
    }
    if let Some(end) = window.resets_at {
        let about = if window.basis == LimitBasis::Estimated {
            "about "
        } else {
            ""
        };
        parts.push(format!("reset {about}{}", clock(end)));
    }
    format!("{name}: {}", parts.join(", "))
}

/// A window as people call it: `Claude Code, five hours`.
#[must_use]
pub fn name(window: &LimitWindow) -> String {
    let agent = match window.agent.as_str() {
        "claude" => "Claude Code",
        "codex" => "Codex",
        other => other,
    };
    let length = match window.window_minutes {
        300 => "five hours".to_owned(),
        10_080 => "week".to_owned(),
        minutes if minutes % 1_440 == 0 => format!("{} days", minutes / 1_440),
        minutes if minutes % 60 == 0 => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    };
    let of = [window.account.as_deref(), window.scope.as_deref()];
    let of: Vec<&str> = of.into_iter().flatten().collect();
    if of.is_empty() {
        format!("{agent}, {length}")
    } else {
        format!("{agent} ({}), {length}", of.join(", "))
    }
}

fn clock(calendar: &Calendar, at: Timestamp, now: Timestamp) -> String {
    let minute = calendar.minute_of_day(at);
    let time = format!("{:02}:{:02}", minute / 60, minute % 60);
    let day = calendar.day(at);
    if day == calendar.day(now) {
        time
    } else {
        format!("{} {time}", forgecast_protocol::calendar::date(day))
    }
}

/// A percentage as it is shown, without a fraction.
fn rounded(percent: f64) -> String {
    format!("{percent:.0}")
}
