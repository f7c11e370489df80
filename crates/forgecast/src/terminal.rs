//! What commands print: aligned, coloured only where a person looks and did not decline. This is the one door to the
//! terminal, and no control character that came from elsewhere (a folder's name, a setting, an argument) passes it.

mod access;
mod diff;
mod plain;
mod qr;
mod sessions;
mod table;
mod usage;

use std::io::{IsTerminal, Write as _};

use forgecast_protocol::Timestamp;
use forgecast_protocol::session::SessionStatus;

use crate::config::Environment;
use crate::doctor::State;
pub(crate) use access::{shares, tokens};
pub(crate) use diff::diff;
pub(crate) use plain::{LogLines, one_line, several_lines};
pub(crate) use qr::qr;
pub(crate) use sessions::{change, session, sessions};
pub(crate) use usage::usage;

use plain::Colour;

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    coloured: bool,
}

impl Style {
    /// Colours on a terminal, unless `NO_COLOR` is set or the terminal cannot show any.
    pub(crate) fn of_stdout(environment: &Environment) -> Self {
        Self {
            coloured: std::io::stdout().is_terminal()
                && environment.variable("NO_COLOR").is_none()
                && environment.variable("TERM") != Some("dumb"),
        }
    }

    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { coloured: false }
    }

    fn paint(self, colour: Colour, text: &str) -> String {
        if self.coloured {
            format!("{}{text}{}", colour.mark(), plain::END)
        } else {
            text.to_owned()
        }
    }

    /// Stands back.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(Colour::Dim, text)
    }

    /// Stands out.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(Colour::Bold, text)
    }

    /// A word for how something is, four letters wide.
    pub(crate) fn health(self, state: State) -> String {
        match state {
            State::Ok => self.paint(Colour::Green, "ok  "),
            State::Warn => self.paint(Colour::Yellow, "warn"),
            State::Fail => self.paint(Colour::Red, "fail"),
        }
    }

    fn status(self, status: SessionStatus, text: &str) -> String {
        let colour = match status {
            SessionStatus::Running => Colour::Cyan,
            SessionStatus::Waiting | SessionStatus::Stalled => Colour::Yellow,
            SessionStatus::Completed => Colour::Green,
            SessionStatus::Failed => Colour::Red,
            SessionStatus::Abandoned => Colour::Dim,
        };
        self.paint(colour, text)
    }
}

/// Writes to standard output at once. A reader that went away (`| head`) ends the program without a word.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let text = plain::rendered(text, out.is_terminal());
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// How many letters fit beside each other; 0 when nobody looks.
pub(crate) fn columns() -> usize {
    let out = std::io::stdout();
    let size = out
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&out).ok())
        .flatten();
    size.map_or(0, |size| size.ws_col.into())
}

/// One line to standard error.
pub(crate) fn warn(text: &str) {
    complain(&format!("warning: {text}"));
}

/// One line to standard error: what ends a command.
pub(crate) fn complain(text: &str) {
    // Nobody is left to be told when this fails.
    let _ = writeln!(std::io::stderr(), "forgecast: {}", one_line(text));
}

/// Several lines to standard error.
pub(crate) fn complain_at_length(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", plain::rendered(text.trim_end(), false));
}

/// How long ago, in one unit.
pub(crate) fn age(from: Option<Timestamp>, now: Timestamp) -> String {
    let Some(from) = from else {
        return "-".to_owned();
    };
    match now.millis_since(from) / 1000 {
        seconds @ 0..60 => format!("{seconds} s ago"),
        seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:12Z".parse().unwrap()
    }

    #[test]
    fn an_age_has_one_unit_and_never_goes_back() {
        let at = |seconds: i64| age(Some(now()), now().plus_millis(seconds * 1000));
        assert_eq!(
            [at(-5), at(59), at(61), at(7_200), at(200_000)],
            ["0 s ago", "59 s ago", "1 min ago", "2 h ago", "2 d ago"]
        );
    }
}
