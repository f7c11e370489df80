//! A change of a file, for people.

use super::{Colour, Style};

/// A diff, coloured.
pub(crate) fn diff(text: &str, style: Style) -> String {
    let line = |line: &str| match line.bytes().next() {
        Some(b'+') => style.paint(Colour::Green, line),
        Some(b'-') => style.paint(Colour::Red, line),
        Some(b'@') => style.dim(line),
        _ => line.to_owned(),
    };
    text.lines()
        .map(line)
        .fold(String::new(), |text, line| text + &line + "\n")
}
