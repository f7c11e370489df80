//! What a target is called for, and when it must not be.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use forgecast_protocol::session::AttentionKind;
use forgecast_protocol::{Calendar, SessionRow, Timestamp};

const DAY_MINUTES: u16 = 24 * 60;
/// A quiet time is looked at again after so many minutes: on a day on which the clock is changed its end is not where the
/// minutes say.
const MAX_QUIET_STEP: u16 = 10;

/// What a target is called for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// For which kinds of attention.
    pub events: BTreeSet<AttentionKind>,
    /// Also for finished turns, which are waits at leisure.
    pub your_turn: bool,
    /// For which projects, by name; `*` stands for any text. Empty for all of them.
    pub projects: Vec<String>,
    /// When it is not called. What is still needed afterwards is called for then.
    pub quiet: Option<QuietHours>,
}

impl Default for Rules {
    /// Everything that waits for a person or went wrong, at any time.
    fn default() -> Self {
        use AttentionKind::{Budget, Failed, Limit, Stalled, Waiting};
        Self {
            events: BTreeSet::from([Waiting, Failed, Stalled, Budget, Limit]),
            your_turn: false,
            projects: Vec::new(),
            quiet: None,
        }
    }
}

impl Rules {
    /// Whether the target is called for this kind of attention of this session.
    pub(crate) fn match_row(&self, kind: AttentionKind, row: &SessionRow) -> bool {
        let project = row.project.as_deref().unwrap_or(&row.name);
        let is_wanted = self.projects.is_empty() || self.projects.iter().any(|pattern| matches(pattern, project));
        let is_finished_turn = row.attention.as_ref().is_some_and(|attention| attention.your_turn);
        is_wanted && self.events.contains(&kind) && (self.your_turn || !is_finished_turn)
    }
}

/// Whether a name is of the form of a pattern, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(name) = name.strip_prefix(first) else {
        return false;
    };
    name.char_indices()
        .map(|(at, _)| at)
        .chain([name.len()])
        .any(|at| matches(rest, &name[at..]))
}

/// A part of each day, by the clock on the wall. It may go past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Minutes after midnight at which it begins.
    from: u16,
    /// Minutes after midnight at which it is over.
    until: u16,
}

impl QuietHours {
    /// Until when it has to be quiet at least, if it has to be quiet at the moment.
    pub(crate) fn hold_until(&self, now: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        let minute = calendar.minute_of_day(now);
        let after = |from: u16, to: u16| (to + DAY_MINUTES - from) % DAY_MINUTES;
        let left = after(minute, self.until);
        let is_quiet = after(self.from, minute) < after(self.from, self.until);
        let minutes = i64::from(left.min(MAX_QUIET_STEP));
        let this_minute = now.as_millis().div_euclid(60_000) * 60_000;
        is_quiet.then(|| Timestamp::from_millis(this_minute + minutes * 60_000))
    }
}

/// Not the form of quiet hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quiet hours are two different times of the day, such as 22:00-07:00")]
pub struct InvalidQuietHours;

impl FromStr for QuietHours {
    type Err = InvalidQuietHours;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, until) = text.split_once('-').ok_or(InvalidQuietHours)?;
        let (from, until) = (minutes(from)?, minutes(until)?);
        (from != until).then_some(Self { from, until }).ok_or(InvalidQuietHours)
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            until / 60,
            until % 60
        )
    }
}

fn minutes(text: &str) -> Result<u16, InvalidQuietHours> {
    let part = |text: &str, limit: u16| {
        let number = text.parse::<u16>().ok().filter(|number| *number < limit);
        number.ok_or(InvalidQuietHours)
    };
    let (hours, minutes) = text.trim().split_once(':').ok_or(InvalidQuietHours)?;
    Ok(part(hours, 24)? * 60 + part(minutes, 60)?)
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::Subject;
    use forgecast_protocol::session::Attention;
    use forgecast_session::Session;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-03-01T{text}Z").parse().unwrap()
    }

    #[test]
    fn quiet_hours_may_go_past_midnight() {
        let calendar = Calendar::default();
        let night: QuietHours = "22:00-07:00".parse().unwrap();
        for loud in ["07:00:00", "12:00:00", "21:59:59"] {
            assert_eq!(night.hold_until(at(loud), &calendar), None, "{loud}");
        }
        for (quiet, until) in [
            ("22:00:00", "22:10:00"),
            ("00:30:30", "00:40:00"),
            ("06:55:10", "07:00:00"),
        ] {
            assert_eq!(night.hold_until(at(quiet), &calendar), Some(at(until)), "{quiet}");
        }
        let noon: QuietHours = "12:00-13:30".parse().unwrap();
        assert_eq!(noon.hold_until(at("13:29:00"), &calendar), Some(at("13:30:00")));
        assert_eq!(noon.hold_until(at("13:30:00"), &calendar), None);
        assert_eq!(night.to_string(), "22:00-07:00");
    }

    #[test]
    fn what_is_no_time_of_a_day_is_refused() {
        for wrong in [
            "",
            "22:00",
            "22-7",
            "24:00-07:00",
            "22:60-07:00",
            "07:00-07:00",
            "a:b-c:d",
        ] {
            assert!(wrong.parse::<QuietHours>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_finished_turn_is_called_for_only_if_a_rule_asks() {
        let id = "weather-app~1".parse().unwrap();
        let mut row = Session::new(id, &Subject::default(), at("12:00:00")).row();
        let asks = Rules {
            your_turn: true,
            ..Rules::default()
        };
        for your_turn in [false, true] {
            row.attention = Some(Attention {
                kind: AttentionKind::Waiting,
                since: at("12:00:00"),
                seq: 1,
                text: "Waits for the next prompt".to_owned(),
                your_turn,
                level: None,
            });
            assert_eq!(Rules::default().match_row(AttentionKind::Waiting, &row), !your_turn);
            assert!(asks.match_row(AttentionKind::Waiting, &row));
        }
    }

    #[test]
    fn a_pattern_is_a_name_with_stars() {
        for (pattern, name) in [
            ("a", "a"),
            ("*", ""),
            ("web-*", "web-app"),
            ("*-app", "web-app"),
            ("w*-*p", "web-app"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "ab"), ("web-*", "web"), ("*x", "web-app"), ("", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
