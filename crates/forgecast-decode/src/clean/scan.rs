//! Splits text into what is seen and what is not: escape sequences (ECMA-48), control characters, characters that turn the
//! direction of text or have no width. Everything that is not a [`Piece`] is dropped.

/// What is left of a text, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that is seen.
    Text(&'t str),
    /// A tab.
    Tab,
    /// The end of a line: `\n`, `\r\n`, or one of Unicode's.
    LineEnd,
    /// A carriage return that does not end a line: what follows is written over the line.
    Return,
    /// The parameters of an SGR sequence: colors and the like.
    Style(&'t str),
}

/// Longest control string (OSC, DCS, …) that is passed over; an unfinished one must not swallow a document.
const MAX_STRING: usize = 4 << 10;
/// Longest CSI sequence.
const MAX_SEQUENCE: usize = 256;

/// Whether the text is printable ASCII throughout, as most is.
pub(super) fn is_plain(text: &str) -> bool {
    // Without an early exit the compiler works on many bytes at once; text here is short.
    text.bytes()
        .fold(true, |plain, byte| plain & (0x20..0x7f).contains(&byte))
}

/// Hands the pieces of `text` to `emit`.
pub(super) fn scan<'t>(text: &'t str, mut emit: impl FnMut(Piece<'t>)) {
    let mut from = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let plain = rest.bytes().take_while(|byte| (0x20..0x7f).contains(byte)).count();
        at += plain;
        let Some(next) = text[at..].chars().next() else {
            break;
        };
        if !is_hidden(next) {
            at += next.len_utf8();
            continue;
        }
        if from < at {
            emit(Piece::Text(&text[from..at]));
        }
        let (length, piece) = hidden(&text[at..], next);
        if let Some(piece) = piece {
            emit(piece);
        }
        at += length;
        from = at;
    }
    if from < text.len() {
        emit(Piece::Text(&text[from..]));
    }
}

/// Whether a character is no text of its own: controls, marks of direction, what has no width. Joiners (U+200C, U+200D) and
/// variation selectors are text: scripts and emoji need them.
#[must_use]
pub fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}'                              // soft hyphen
        | '\u{61c}' | '\u{200e}' | '\u{200f}'   // direction marks
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction overrides and isolates
        | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{feff}' // no width
        | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' // deprecated format, annotations
        | '\u{2028}' | '\u{2029}'               // line and paragraph separator
        | '\u{e0000}'..='\u{e007f}'             // tags: invisible letters
    )
}

/// How long the hidden thing at the beginning of `rest` is, and what it stands for.
fn hidden(rest: &str, first: char) -> (usize, Option<Piece<'_>>) {
    let after = &rest[first.len_utf8()..];
    let length = |more: usize| first.len_utf8() + more;
    match first {
        '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => (length(0), Some(Piece::LineEnd)),
        '\r' if after.starts_with('\n') => (length(1), Some(Piece::LineEnd)),
        '\r' => (length(0), Some(Piece::Return)),
        '\t' => (length(0), Some(Piece::Tab)),
        '\u{1b}' => {
            let (more, piece) = escape(after);
            (length(more), piece)
        }
        '\u{9b}' => {
            let (more, piece) = control_sequence(after);
            (length(more), piece)
        }
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => (length(control_string(after)), None),
        _ => (length(0), None),
    }
}

/// What follows an escape character.
fn escape(after: &str) -> (usize, Option<Piece<'_>>) {
    match after.as_bytes().first() {
        Some(b'[') => {
            let (length, piece) = control_sequence(&after[1..]);
            (length + 1, piece)
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => (control_string(&after[1..]) + 1, None),
        _ => {
            let bytes = after.as_bytes();
            let middle = bytes.iter().take_while(|byte| (0x20..0x30).contains(*byte)).count();
            match bytes.get(middle) {
                Some(0x30..=0x7e) => (middle + 1, None),
                _ => (0, None),
            }
        }
    }
}

/// A CSI sequence: parameters, intermediates, a final byte. One that breaks off is dropped as far as it goes.
fn control_sequence(after: &str) -> (usize, Option<Piece<'_>>) {
    let bytes = after.as_bytes();
    let window = &bytes[..bytes.len().min(MAX_SEQUENCE)];
    let parameters = window.iter().take_while(|byte| (0x30..0x40).contains(*byte)).count();
    let middle = window[parameters..]
        .iter()
        .take_while(|byte| (0x20..0x30).contains(*byte))
        .count();
    let end = parameters + middle;
    match window.get(end) {
        Some(b'm') if middle == 0 => (end + 1, Some(Piece::Style(&after[..parameters]))),
        Some(0x40..=0x7e) => (end + 1, None),
        _ => (end, None),
    }
}

/// The content of an OSC, DCS, SOS, PM or APC string with its end: BEL or ST, or else the end of the line.
fn control_string(after: &str) -> usize {
    for (at, letter) in after.char_indices() {
        match letter {
            '\u{7}' | '\u{9c}' => return at + letter.len_utf8(),
            '\u{1b}' => return if after[at + 1..].starts_with('\\') { at + 2 } else { at },
            '\n' | '\r' => return at,
            _ if at >= MAX_STRING => return at,
            _ => {}
        }
    }
    after.len()
}
