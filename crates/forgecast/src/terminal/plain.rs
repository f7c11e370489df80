//! Makes text safe for a terminal or a log. Only control sequences of this program itself pass; every other character that a
//! terminal would interpret, or that would make text look like other text, is written as an escape such as `\u001b`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use forgecast_decode::clean::is_hidden;

use super::progress;

/// A color. Until the text is written, it is represented by a noncharacter, which is reserved for use inside of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Bold = 1,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
    /// Black on white, whatever the terminal's own colors are.
    Printed,
}

/// The terminal's codes of the colors, by their numbers; the first one ends a color.
const CODES: [&str; 8] = ["0", "1", "2", "31", "32", "33", "36", "38;5;16;48;5;231"];
/// Ends a color. The noncharacters after it represent the colors.
pub(super) const END: char = '\u{fdd0}';

impl Color {
    /// The noncharacter that represents it.
    pub(super) fn mark(self) -> char {
        char::from_u32(END as u32 + self as u32).unwrap_or(END)
    }
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    /// Line ends and tabs are kept.
    Many,
    /// Line ends and tabs are escaped.
    One,
}

/// Escapes everything that a terminal would interpret. JSON stays valid and keeps its value.
fn harmless(text: &str, lines: Lines) -> Cow<'_, str> {
    let is_kept = |letter| lines == Lines::Many && matches!(letter, '\n' | '\t');
    let is_harmful = |letter: char| !is_kept(letter) && (is_hidden(letter) || is_mark(letter));
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' if is_harmful(letter) => safe.extend(letter.escape_default()),
            letter if is_harmful(letter) => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(safe, "\\u{unit:04x}");
                }
            }
            letter => safe.push(letter),
        }
    }
    Cow::Owned(safe)
}

/// One line, for a value within a text: a path, an argument, a message.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    harmless(text, Lines::One)
}

/// Several lines, for a message of a library that may contain a user's input.
pub(crate) fn several_lines(text: &str) -> Cow<'_, str> {
    harmless(text, Lines::Many)
}

/// Whether a letter represents a color, or the end of one.
pub(super) fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{fdd0}'..='\u{fdef}')
}

/// The text to write: marks become colors on a terminal; nothing else becomes a control sequence.
pub(super) fn rendered(text: &str, on_terminal: bool) -> String {
    if !on_terminal {
        return harmless(text, Lines::Many).into_owned();
    }
    let mut written = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_mark) {
        let mark = piece.chars().next_back().filter(|letter| is_mark(*letter));
        let before = mark.map_or(piece, |mark| &piece[..piece.len() - mark.len_utf8()]);
        written.push_str(&harmless(before, Lines::Many));
        let code = mark.and_then(|mark| CODES.get(mark as usize - END as usize));
        if let Some(code) = code {
            let _ = write!(written, "\u{1b}[{code}m");
        }
    }
    written
}

/// Writes each event of the log as one line, in one call.
pub(crate) struct LogLines<W> {
    pub(crate) to: W,
    /// Whether the colors of the log's own format pass; those in values are escaped before.
    pub(crate) colored: bool,
}

impl<W: io::Write> io::Write for LogLines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut written = String::with_capacity(event.len() + 16);
        for (index, piece) in line.split('\u{1b}').enumerate() {
            let color = (index > 0 && self.colored).then(|| color_of(piece)).flatten();
            match (index, color) {
                (0, _) => written.push_str(&one_line(piece)),
                (_, Some(length)) => {
                    let (color, rest) = piece.split_at(length);
                    let _ = write!(written, "\u{1b}{color}{}", one_line(rest));
                }
                (_, None) => {
                    let _ = write!(written, "\\u001b{}", one_line(piece));
                }
            }
        }
        written.push('\n');
        progress::aside(|| self.to.write_all(written.as_bytes()))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The length of `[2m` at the beginning of a text.
fn color_of(text: &str) -> Option<usize> {
    let codes = text.strip_prefix('[')?;
    let length = codes.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    codes[length..].starts_with('m').then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const CORPUS: &[&str] = &[
        "\u{1b}[31mred\u{1b}[0m",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\",
        "\u{1b}[2J\u{1b}[H",
        "\u{9b}31m",
        "\u{9d}0;title\u{9c}",
        "\u{90}dcs\u{9c}",
        "\u{202e}txt.exe\u{202c}",
        "\u{2066}a\u{2069}",
        "over\rwritten",
        "bell\u{7}",
        "\u{8}\u{8}",
        "\u{7f}",
        "\u{0}",
        "\u{fdd1}forged\u{fdd0}",
        "\u{e0041}tag",
        "a\u{2028}b",
    ];

    #[test]
    fn nothing_that_a_terminal_obeys_passes() {
        for text in CORPUS {
            for on_terminal in [false, true] {
                let written = rendered(text, on_terminal);
                let ours = written.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
                let checked = if text.contains('\u{fdd1}') { &ours } else { &written };
                assert!(
                    !checked.contains(|letter| is_hidden(letter) || is_mark(letter)),
                    "{written:?}"
                );
            }
            assert!(!one_line(text).contains(is_hidden));
        }
        assert_eq!(rendered("a\n\tb\r\n", false), "a\n\tb\\r\n");
        assert_eq!(one_line("a\nb"), "a\\nb");
    }

    #[test]
    fn json_stays_the_same_json() {
        for text in CORPUS {
            let json = serde_json::to_string(text).unwrap();
            let back: String = serde_json::from_str(&rendered(&json, false)).unwrap();
            assert_eq!(back, *text);
        }
    }

    #[test]
    fn an_event_of_the_log_is_one_line_without_foreign_sequences() {
        for text in CORPUS.iter().chain(&["two\nlines\r\n"]) {
            for colored in [false, true] {
                let mut to = Vec::new();
                let event = format!("\u{1b}[2mnow\u{1b}[0m WARN x: {text}\n");
                let mut lines = LogLines { to: &mut to, colored };
                lines.write_all(event.as_bytes()).unwrap();
                let written = String::from_utf8(to).unwrap();
                let body = written.strip_suffix('\n').unwrap();
                let body = body
                    .replace("\u{1b}[2m", "")
                    .replace("\u{1b}[0m", "")
                    .replace("\u{1b}[31m", "");
                assert!(!body.contains(is_hidden), "{written:?}");
                assert_eq!(written.contains("\u{1b}[2m"), colored);
            }
        }
    }
}
