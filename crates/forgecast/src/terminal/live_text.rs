//! Text that is replaced in place on a terminal. What was shown last stays when the program ends.

use std::fmt::Write as _;

use super::layout::width;
use super::{plain, window, write};
use crate::config::Environment;

/// The text that is on the terminal.
#[derive(Debug)]
pub(crate) struct LiveText {
    /// The widths of its lines. A terminal that becomes narrower breaks them into more rows.
    shown: Vec<usize>,
}

impl LiveText {
    /// Nothing yet; none if standard output is no terminal, or one that can not replace text.
    pub(crate) fn on_terminal(environment: &Environment) -> Option<Self> {
        let is_able = window().is_some() && environment.variable("TERM") != Some("dumb");
        is_able.then(|| Self { shown: Vec::new() })
    }

    /// Shows a text in place of the one before. Lines that do not fit on the screen are left out, because what has left it
    /// can not be replaced.
    pub(crate) fn show(&mut self, text: &str) {
        let Some(size) = window() else { return };
        write(&self.replaced(text, size.ws_col.into(), size.ws_row.into()));
    }

    /// What to write on a screen of this size.
    fn replaced(&mut self, text: &str, columns: usize, rows: usize) -> String {
        let rows_of = |width: usize| width.div_ceil(columns).max(1);
        let before: usize = self.shown.iter().copied().map(rows_of).sum();
        let mut written = match before {
            0 => String::new(),
            // To the beginning of the first row; then all that follows is erased.
            _ => format!("\u{1b}[{}F\u{1b}[J", before.min(rows - 1)),
        };
        self.shown.clear();
        // The cursor stands in the row behind the text.
        let mut left = rows - 1;
        for line in text.lines() {
            let width = width(line);
            let Some(rest) = left.checked_sub(rows_of(width)) else {
                break;
            };
            left = rest;
            self.shown.push(width);
            let _ = writeln!(written, "{}", plain::rendered(line, true));
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_replaced_row_by_row_also_when_it_was_broken_into_more() {
        let mut live = LiveText { shown: Vec::new() };
        assert_eq!(live.replaced("one\ntwo\n", 80, 24), "one\ntwo\n");
        assert_eq!(live.replaced("a\n", 80, 24), "\u{1b}[2F\u{1b}[Ja\n");
        let long = "x".repeat(30);
        assert_eq!(live.replaced(&long, 80, 24), format!("\u{1b}[1F\u{1b}[J{long}\n"));
        assert_eq!(
            live.replaced("b", 10, 24),
            "\u{1b}[3F\u{1b}[Jb\n",
            "the terminal is narrower now"
        );
    }

    #[test]
    fn only_what_can_be_replaced_later_is_shown() {
        let mut live = LiveText { shown: Vec::new() };
        assert_eq!(live.replaced("1\n2\n3\n4\n", 80, 4), "1\n2\n3\n");
        assert_eq!(live.replaced("1\u{1b}[2J\n", 80, 4), "\u{1b}[3F\u{1b}[J1\\u001b[2J\n");
    }
}
