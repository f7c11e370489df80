//! Colors for diffs.

use super::{Color, Style};

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
