//! Colors and weights of a log line: SGR sequences (ECMA-48, with the colors of xterm brought to the sixteen that every
//! terminal has) become spans over clean text.

use std::ops::Range;

use forgecast_protocol::Span;

use super::prefix;
use super::scan::Piece;
use crate::mask;

/// Most spans of one line; what follows has no style.
const MAX_SPANS: usize = 200;

/// What a stretch of text looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Style {
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    foreground: Option<u8>,
    background: Option<u8>,
}

/// A line while it is put together: text, and which bytes of it have a style.
#[derive(Default)]
pub(super) struct Styled {
    text: String,
    spans: Vec<(Range<usize>, Style)>,
    now: Style,
    overwrite: bool,
}

impl Styled {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn push(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => self.add(text),
            Piece::Tab => self.add("\t"),
            Piece::LineEnd => self.add(" "),
            Piece::Return => self.overwrite = true,
            Piece::Style(parameters) => self.now.apply(parameters),
        }
    }

    fn add(&mut self, text: &str) {
        if std::mem::take(&mut self.overwrite) {
            self.text.clear();
            self.spans.clear();
        }
        let start = self.text.len();
        self.text.push_str(text);
        if self.now == Style::default() {
            return;
        }
        let end = self.text.len();
        if let Some((range, style)) = self.spans.last_mut()
            && range.end == start
            && *style == self.now
        {
            range.end = end;
        } else if self.spans.len() < MAX_SPANS {
            self.spans.push((start..end, self.now));
        }
    }

    pub(super) fn trim_end(&mut self) {
        self.truncate(self.text.trim_end().len());
    }

    fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
        for (range, _) in &mut self.spans {
            range.start = range.start.min(length);
            range.end = range.end.min(length);
        }
    }

    /// Replaces these ranges by the mask; spans move along.
    pub(super) fn mask(&mut self, found: &[Range<usize>]) {
        if found.is_empty() {
            return;
        }
        for (range, _) in &mut self.spans {
            *range = moved(range.start, found, false)..moved(range.end, found, true);
        }
        self.text = mask::replace(&self.text, found);
    }

    /// Cuts what is longer than `limit` bytes and puts `mark` in its place.
    pub(super) fn cut(&mut self, limit: usize, mark: &str) {
        if self.text.len() > limit {
            self.truncate(prefix(&self.text, limit - mark.len()).len());
            self.trim_end();
            self.text.push_str(mark);
        }
    }

    /// The text, and the spans counted in UTF-16 code units.
    pub(super) fn finish(self) -> (String, Vec<Span>) {
        let mut spans = Vec::with_capacity(self.spans.len());
        let mut units = Units::new(&self.text);
        for (range, style) in self.spans {
            let (start, end) = (units.at(range.start), units.at(range.end));
            if start < end {
                let style = style.words();
                spans.push(Span { start, end, style });
            }
        }
        (self.text, spans)
    }
}

/// Where a byte position comes to be when the ranges are replaced. Inside a range: its edge.
fn moved(position: usize, found: &[Range<usize>], is_end: bool) -> usize {
    let (mut removed, mut added) = (0, 0);
    for range in found {
        if position >= range.end {
            removed += range.len();
            added += mask::MASK.len();
        } else if position > range.start {
            let edge = range.start + added - removed;
            return if is_end { edge + mask::MASK.len() } else { edge };
        }
    }
    position + added - removed
}

/// Counts UTF-16 code units up to byte positions that only grow.
struct Units<'t> {
    text: &'t str,
    byte: usize,
    units: u32,
}

impl<'t> Units<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            byte: 0,
            units: 0,
        }
    }

    fn at(&mut self, byte: usize) -> u32 {
        if let Some(between) = self.text.get(self.byte..byte) {
            let units = between.chars().map(char::len_utf16).sum::<usize>();
            self.units += u32::try_from(units).unwrap_or(u32::MAX);
            self.byte = byte;
        }
        self.units
    }
}

impl Style {
    /// Applies the parameters of one SGR sequence, `1;38;5;208`. Unknown ones are passed over.
    fn apply(&mut self, parameters: &str) {
        if parameters.starts_with(['<', '=', '>', '?']) {
            return;
        }
        let mut codes = parameters.split(';');
        while let Some(code) = codes.next() {
            let mut parts = code.split(':');
            let number = parts.next().map_or(Some(0), number_of);
            match number {
                Some(38 | 48) => {
                    let color = if code.contains(':') {
                        let parts: Vec<&str> = parts.collect();
                        // `38:2::r:g:b` names a color space before the color, `38:2:r:g:b` does not.
                        let skip = usize::from(parts.len() > 4);
                        let rest = parts.iter().enumerate().filter(|(at, _)| *at != 1 || skip == 0);
                        color_of(&mut rest.map(|(_, part)| *part))
                    } else {
                        color_of(&mut codes)
                    };
                    let target = if number == Some(38) {
                        &mut self.foreground
                    } else {
                        &mut self.background
                    };
                    *target = color.or(*target);
                }
                // `4:0` is no underline, `4:3` a curly one.
                Some(4) => self.underline = parts.next() != Some("0"),
                Some(code) => self.set(code),
                None => {}
            }
        }
    }

    fn set(&mut self, code: u8) {
        match code {
            0 => *self = Self::default(),
            1 => self.bold = true,
            2 => self.dim = true,
            3 => self.italic = true,
            21 | 24 => self.underline = code == 21,
            22 => (self.bold, self.dim) = (false, false),
            23 => self.italic = false,
            30..=37 => self.foreground = Some(code - 30),
            39 => self.foreground = None,
            40..=47 => self.background = Some(code - 40),
            49 => self.background = None,
            90..=97 => self.foreground = Some(code - 90 + 8),
            100..=107 => self.background = Some(code - 100 + 8),
            _ => {}
        }
    }

    fn words(self) -> String {
        let mut words = Vec::new();
        let flags = [
            (self.bold, "bold"),
            (self.dim, "dim"),
            (self.italic, "italic"),
            (self.underline, "underline"),
        ];
        words.extend(flags.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()));
        words.extend(self.foreground.map(|color| format!("fg-{color}")));
        words.extend(self.background.map(|color| format!("bg-{color}")));
        words.join(" ")
    }
}

/// An empty parameter is 0.
fn number_of(text: &str) -> Option<u8> {
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

/// The color after 38 or 48: `5;n` of 256, or `2;r;g;b`.
fn color_of<'p>(parts: &mut impl Iterator<Item = &'p str>) -> Option<u8> {
    let mut next = || parts.next().and_then(number_of);
    match next()? {
        5 => Some(nearest_of_256(next()?)),
        2 => Some(nearest(next()?, next()?, next()?)),
        _ => None,
    }
}

/// xterm's 256 colors: 16 of its own, a cube of 6 × 6 × 6, 24 grays.
fn nearest_of_256(index: u8) -> u8 {
    let level = |step: u8| if step == 0 { 0 } else { 55 + step * 40 };
    match index {
        0..=15 => index,
        16..=231 => {
            let cube = index - 16;
            nearest(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        _ => {
            let gray = 8 + (index - 232) * 10;
            nearest(gray, gray, gray)
        }
    }
}

/// The nearest of xterm's sixteen colors.
fn nearest(red: u8, green: u8, blue: u8) -> u8 {
    const COLORS: [[u8; 3]; 16] = [
        [0, 0, 0],
        [205, 0, 0],
        [0, 205, 0],
        [205, 205, 0],
        [0, 0, 238],
        [205, 0, 205],
        [0, 205, 205],
        [229, 229, 229],
        [127, 127, 127],
        [255, 0, 0],
        [0, 255, 0],
        [255, 255, 0],
        [92, 92, 255],
        [255, 0, 255],
        [0, 255, 255],
        [255, 255, 255],
    ];
    let distance = |color: &[u8; 3]| -> u32 {
        let parts = color.iter().zip([red, green, blue]);
        parts.map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    };
    (0..16)
        .min_by_key(|index| distance(&COLORS[usize::from(*index)]))
        .unwrap_or(7)
}
