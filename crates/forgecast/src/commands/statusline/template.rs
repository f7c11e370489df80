//! The text of Claude Code's status line: a template with what is known. Reads no clock and no file.

use forgecast_decode::agents::StatusLine;
use forgecast_protocol::Timestamp;
use forgecast_protocol::event::LimitReported;
use forgecast_protocol::rest::LimitsReport;

/// The template without a command of the user's own, and with one.
pub(crate) const DEFAULT: &str = "{model}|{context}|{session}|{day}|{burn}|{limits}";
pub(crate) const OF_COMMAND: &str = "{command}";
/// What separates the parts of a template, and of the line.
const PART: char = '|';
const SEPARATOR: &str = " · ";

/// What a line can say.
#[derive(Clone, Copy)]
pub(crate) struct LineContent<'a> {
    /// What the agent gave.
    pub(crate) line: &'a StatusLine,
    /// What the server knows, if one answered.
    pub(crate) report: Option<&'a LimitsReport>,
    /// What the user's own command printed.
    pub(crate) command: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// The line: the parts of the template whose fields are all known.
pub(crate) fn render(template: &str, known: LineContent<'_>) -> String {
    let parts = template.split(PART).filter_map(|part| filled(part, known));
    parts.collect::<Vec<_>>().join(SEPARATOR)
}

/// A part with its fields filled in; none if one of them is not known. What is no field stays as it is.
fn filled(part: &str, known: LineContent<'_>) -> Option<String> {
    let mut text = String::new();
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let named = after.split_once('}');
        match named.and_then(|(name, after)| Some((field(name)?, after))) {
            Some((field, after)) => {
                text.push_str(&field(known)?);
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    (!text.is_empty()).then_some(text)
}

type Field = fn(LineContent<'_>) -> Option<String>;

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "model" => |known| known.line.model.clone(),
        "context" => |known| Some(format!("context {:.0} %", known.line.context_percent?)),
        "session" => |known| Some(format!("${:.2}", known.line.session_usd?)),
        "day" => |known| Some(format!("today ${:.2}", known.report?.today_usd)),
        "burn" => |known| Some(format!("${:.2}/h", known.report?.burn.as_ref()?.usd_per_hour)),
        "limits" => limits,
        "command" => |known| known.command.map(|text| text.trim_end().to_owned()),
        _ => return None,
    })
}

/// The windows of the plan, the shortest first, each with the time to its reset.
fn limits(known: LineContent<'_>) -> Option<String> {
    let mut windows: Vec<&LimitReported> = known.line.limits.iter().collect();
    windows.sort_by_key(|window| (window.window_minutes, window.scope.clone()));
    let texts = windows.into_iter().map(|window| limit(window, known.now));
    let text = texts.collect::<Vec<_>>().join(SEPARATOR);
    (!text.is_empty()).then_some(text)
}

fn limit(window: &LimitReported, now: Timestamp) -> String {
    let scope = window.scope.iter().map(|scope| format!(" {scope}")).collect::<String>();
    let length = duration(u64::from(window.window_minutes));
    let left = window.resets_at.map(|end| end.millis_since(now).div_ceil(60_000));
    let left = left.map_or_else(String::new, |minutes| format!(", {} left", duration(minutes)));
    format!("{length}{scope} {:.0} %{left}", window.used_percent)
}

/// `45m`, `1h12m`, `5h`, `3d4h`, `7d`.
fn duration(minutes: u64) -> String {
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let two = |one: u64, unit: &str, other: u64, smaller: &str| {
        let rest = if other > 0 {
            format!("{other}{smaller}")
        } else {
            String::new()
        };
        format!("{one}{unit}{rest}")
    };
    match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, hours) => two(hours, "h", minutes, "m"),
        (days, hours) => two(days, "d", hours, "h"),
    }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::event::LimitSource;

    use super::*;

    fn now() -> Timestamp {
        "2026-12-01T10:00:00Z".parse().unwrap()
    }

    fn line() -> StatusLine {
        let limit = |window_minutes, used_percent, left_minutes: i64| LimitReported {
            agent: "claude".to_owned(),
            account: None,
            scope: None,
            window_minutes,
            used_percent,
            resets_at: Some(now().plus_millis(left_minutes * 60_000)),
            plan: None,
            observed_at: now(),
            source: LimitSource::StatusLine,
        };
        StatusLine {
            session: Some("s".to_owned()),
            model: Some("Opus".to_owned()),
            context_percent: Some(42.4),
            session_usd: Some(1.234),
            limits: vec![limit(10_080, 11.0, 3 * 1_440 + 240), limit(300, 42.0, 72)],
        }
    }

    fn shown(template: &str, line: &StatusLine, command: Option<&str>) -> String {
        let (report, now) = (None, now());
        render(
            template,
            LineContent {
                line,
                report,
                command,
                now,
            },
        )
    }

    #[test]
    fn what_is_known_is_shown_and_the_rest_left_out() {
        let text = shown(DEFAULT, &line(), None);
        assert_eq!(
            text,
            "Opus · context 42 % · $1.23 · 5h 42 %, 1h12m left · 7d 11 %, 3d4h left"
        );
        assert_eq!(shown(DEFAULT, &StatusLine::default(), None), "");
    }

    #[test]
    fn a_template_says_what_and_in_which_order() {
        assert_eq!(shown("{session} of {model}|{day}", &line(), None), "$1.23 of Opus");
        assert_eq!(shown("{mood} {|}", &line(), None), "{mood} { · }");
        assert_eq!(shown(OF_COMMAND, &line(), Some("mine\n")), "mine");
        assert_eq!(shown("{command}|{model}", &line(), None), "Opus");
    }
}
