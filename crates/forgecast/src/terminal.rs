//! The output of commands: aligned, and in color on a terminal unless the user declined. All output goes through this module,
//! which lets no control character pass that came from elsewhere (the name of a folder, a setting, an argument).

mod access;
mod budgets;
mod layout;
mod live_text;
mod notifications;
mod plain;
mod prices;
mod progress;
mod qr;
mod sessions;
mod short_id;
mod table;
mod usage;

use std::io::{IsTerminal, Write as _};
use std::path::Path;

use forgecast_protocol::Timestamp;
use forgecast_protocol::session::SessionStatus;
use rustix::termios::Winsize;
use serde::Serialize;

use crate::config::Environment;
pub(crate) use access::{shares, tokens};
pub(crate) use budgets::{budget_line, budgets};
pub(crate) use live_text::LiveText;
pub(crate) use notifications::notifications;
pub(crate) use plain::{LogLines, one_line, several_lines};
pub(crate) use prices::prices;
pub(crate) use progress::{Progress, Unit};
pub(crate) use qr::qr;
pub(crate) use sessions::{change, limits, session, sessions};
pub(crate) use short_id::is_short_id;
pub(crate) use usage::usage;

use plain::Color;

/// How well something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    /// It works.
    Ok,
    /// It works in part, or something optional is missing.
    Warn,
    /// It does not work.
    Fail,
}

/// Whether to use colors, and how much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    colored: bool,
    /// The width of the terminal; none if there is no terminal.
    columns: Option<usize>,
}

impl Style {
    /// Colors on a terminal, unless `NO_COLOR` is set or the terminal cannot show any.
    pub(crate) fn of_stdout(environment: &Environment) -> Self {
        Self {
            colored: std::io::stdout().is_terminal()
                && environment.variable("NO_COLOR").is_none()
                && environment.variable("TERM") != Some("dumb"),
            columns: window().map(|size| size.ws_col.into()),
        }
    }

    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            colored: false,
            columns: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn of_width(self, columns: usize) -> Self {
        Self {
            columns: Some(columns),
            ..self
        }
    }

    /// How many columns a line may take; without a terminal any number.
    pub(crate) fn columns(self) -> usize {
        self.columns.unwrap_or(usize::MAX)
    }

    fn paint(self, color: Color, text: &str) -> String {
        if self.colored {
            format!("{}{text}{}", color.mark(), plain::END)
        } else {
            text.to_owned()
        }
    }

    /// Dimmed text.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(Color::Dim, text)
    }

    /// Bold text.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(Color::Bold, text)
    }

    /// The health as a word, four letters wide.
    pub(crate) fn health(self, state: Health) -> String {
        match state {
            Health::Ok => self.paint(Color::Green, "ok  "),
            Health::Warn => self.paint(Color::Yellow, "warn"),
            Health::Fail => self.paint(Color::Red, "fail"),
        }
    }

    /// An indented line with a label and a value, which is wrapped where it does not fit.
    pub(crate) fn labeled(self, label: &str, value: &str) -> String {
        const LABEL: usize = 9;
        const INDENT: usize = LABEL + 4;
        let lines = layout::wrapped(value, self.columns().saturating_sub(INDENT));
        let value = lines.join(&format!("\n{:INDENT$}", ""));
        format!("  {}  {value}\n", self.dim(&format!("{label:LABEL$}")))
    }

    fn status(self, status: SessionStatus, text: &str) -> String {
        let color = match status {
            SessionStatus::Running => Color::Cyan,
            SessionStatus::Waiting | SessionStatus::Stalled => Color::Yellow,
            SessionStatus::Completed => Color::Green,
            SessionStatus::Failed => Color::Red,
            SessionStatus::Abandoned => Color::Dim,
        };
        self.paint(color, text)
    }
}

/// Prints to standard output.
pub(crate) fn print(text: &str) {
    write(&plain::rendered(text, std::io::stdout().is_terminal()));
}

/// Writes to standard output and flushes it. If the reader is gone (`| head`) the program ends silently.
fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = progress::aside(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    if written.is_err() {
        std::process::exit(0);
    }
}

/// Writes a value as indented JSON.
///
/// # Errors
/// It cannot be represented as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> serde_json::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?));
    Ok(())
}

/// The size of the terminal; none if standard output is no terminal, or one that does not tell.
fn window() -> Option<Winsize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(size)
}

/// Asks on standard error and reads the answer, one line, from standard input. None unless a person can see the question
/// and answer it.
pub(crate) fn ask(question: &str) -> Option<String> {
    let (input, mut out) = (std::io::stdin(), std::io::stderr());
    if !(input.is_terminal() && out.is_terminal()) {
        return None;
    }
    let asked = write!(out, "{} ", one_line(question)).and_then(|()| out.flush());
    let mut answer = String::new();
    asked.and_then(|()| input.read_line(&mut answer)).ok()?;
    Some(answer.trim().to_owned())
}

/// Prints a warning, one line, to standard error.
pub(crate) fn warn(text: &str) {
    print_error(&format!("warning: {text}"));
}

/// Prints an error, one line, to standard error.
pub(crate) fn print_error(text: &str) {
    // There is no other place to report a failure of this.
    let _ = progress::aside(|| writeln!(std::io::stderr(), "forgecast: {}", one_line(text)));
}

/// Prints an error of several lines to standard error.
pub(crate) fn print_errors(text: &str) {
    let _ = progress::aside(|| writeln!(std::io::stderr(), "{}", plain::rendered(text.trim_end(), false)));
}

/// Colors a diff.
pub(crate) fn diff(text: &str, style: Style) -> String {
    let line = |line: &str| match line.bytes().next() {
        Some(b'+') => style.paint(Color::Green, line),
        Some(b'-') => style.paint(Color::Red, line),
        Some(b'@') => style.dim(line),
        _ => line.to_owned(),
    };
    text.lines()
        .map(line)
        .fold(String::new(), |text, line| text + &line + "\n")
}

/// What follows the words about a file that was written, if a backup of it was left.
pub(crate) fn backup(backup: Option<&Path>) -> String {
    backup.map_or_else(String::new, |backup| format!("; backup: {}", backup.display()))
}

/// How long ago, in one unit.
pub(crate) fn age(from: Option<Timestamp>, now: Timestamp) -> String {
    from.map_or_else(
        || "-".to_owned(),
        |from| format!("{} ago", in_one_unit(now.millis_since(from))),
    )
}

/// A duration in one unit, rounded down.
fn in_one_unit(millis: u64) -> String {
    match millis / 1000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A number of bytes in the largest unit that it fills: `12.5 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// `1 session`, `2 sessions`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:12Z".parse().unwrap()
    }

    #[test]
    fn a_size_has_one_decimal_in_the_largest_unit_that_it_fills() {
        let sizes = [0, 1_023, 1_024, 13_107_200, u64::MAX].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "12.5 MiB", "17179869183.9 GiB"]);
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
