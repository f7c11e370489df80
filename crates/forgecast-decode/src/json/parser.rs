//! The JSON reader. Its own, because the one in `serde_json` gives up the whole document for one lone surrogate, one
//! invalid byte in a text or one number out of range, and counts neither depth nor values while reading. Never
//! recurses deeper than [`MAX_DEPTH`].

use serde_json::{Map, Number, Value};

use super::{MAX_DEPTH, MAX_KEYS, MAX_VALUES};
use crate::Unparsable;

/// Longest text of a number that is kept when its value does not fit.
const MAX_NUMBER_BYTES: usize = 64;

/// Reads values from bytes, front to back.
pub(super) struct Parser<'b> {
    bytes: &'b [u8],
    at: usize,
    depth: usize,
    values: usize,
    line_ends_in_texts: bool,
}

type Parsed<T> = Result<T, Unparsable>;

impl<'b> Parser<'b> {
    /// A reader at the beginning of these bytes; a byte order mark is passed over.
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            at: if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 },
            depth: 0,
            values: 0,
            line_ends_in_texts: false,
        }
    }

    /// Takes bare line ends and tabs in texts from here on: shell here-documents put them there.
    pub(super) fn allow_line_ends_in_texts(&mut self) {
        self.line_ends_in_texts = true;
    }

    /// Passes over comment lines and the opening line of a Markdown fence.
    pub(super) fn skip_preamble(&mut self) {
        loop {
            self.skip_space();
            let rest = &self.bytes[self.at..];
            let marks: [&[u8]; 3] = [b"#", b"//", b"```"];
            // A mark that is not written to its end yet begins a line like a whole one.
            if rest.is_empty()
                || !marks
                    .iter()
                    .any(|mark| rest.starts_with(mark) || mark.starts_with(rest))
            {
                return;
            }
            let line = rest.iter().position(|byte| *byte == b'\n');
            self.at += line.map_or(rest.len(), |end| end + 1);
        }
    }

    /// Whether an array begins here; passes its bracket.
    pub(super) fn begin_array(&mut self) -> bool {
        self.skip_space();
        let begins = self.peek() == Some(b'[');
        if begins {
            self.at += 1;
            self.depth = 1;
        }
        begins
    }

    /// Within an array: whether another element follows. Passes the comma or the closing bracket.
    pub(super) fn next_element(&mut self, first: bool) -> Parsed<bool> {
        self.skip_space();
        match self.peek() {
            None => Err(Unparsable::Truncated),
            Some(b']') => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                if self.peek() == Some(b']') {
                    return Err(self.invalid("a value was expected after the comma"));
                }
                Ok(true)
            }
            Some(_) => Err(self.invalid("a comma or ] was expected")),
        }
    }

    /// One element of the outermost array, with a count of values of its own.
    pub(super) fn element(&mut self) -> Parsed<Value> {
        self.values = 0;
        self.value()
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Parsed<Value> {
        self.skip_space();
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Unparsable::TooMany {
                limit: MAX_VALUES,
                what: "values",
            });
        }
        match self.peek() {
            None => Err(Unparsable::Truncated),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            Some(_) => Err(self.invalid("a value was expected")),
        }
    }

    /// Makes sure that nothing but white space follows.
    pub(super) fn end(&mut self) -> Parsed<()> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.invalid("nothing was expected behind the value")),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Parsed<Value>) -> Parsed<Value> {
        if self.depth >= MAX_DEPTH {
            return Err(Unparsable::TooDeep { limit: MAX_DEPTH });
        }
        self.at += 1;
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Parsed<Value> {
        let mut items = Vec::new();
        while self.next_element(items.is_empty())? {
            items.push(self.value()?);
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self) -> Parsed<Value> {
        let mut map = Map::new();
        let mut keys = 0;
        loop {
            self.skip_space();
            match self.peek() {
                None => return Err(Unparsable::Truncated),
                Some(b'}') if keys == 0 => {
                    self.at += 1;
                    return Ok(Value::Object(map));
                }
                Some(b'"') => {}
                Some(_) => return Err(self.invalid("a key in double quotes was expected")),
            }
            keys += 1;
            if keys > MAX_KEYS {
                return Err(Unparsable::TooMany {
                    limit: MAX_KEYS,
                    what: "keys in one object",
                });
            }
            let key = self.string()?;
            self.one_of(b":", "a colon was expected after the key")?;
            let value = self.value()?;
            map.insert(key, value);
            if self.one_of(b",}", "a comma or } was expected")? == b'}' {
                return Ok(Value::Object(map));
            }
        }
    }

    /// Passes white space and the one of these bytes that must follow it.
    fn one_of(&mut self, wanted: &[u8], why: &'static str) -> Parsed<u8> {
        self.skip_space();
        let found = self.peek().ok_or(Unparsable::Truncated)?;
        if !wanted.contains(&found) {
            return Err(self.invalid(why));
        }
        self.at += 1;
        Ok(found)
    }

    fn word(&mut self, word: &[u8], value: Value) -> Parsed<Value> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(value);
        }
        if word.starts_with(rest) {
            return Err(Unparsable::Truncated);
        }
        Err(self.invalid("true, false or null was expected"))
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.invalid("a number does not begin with 0"));
            }
        } else {
            self.digits()?;
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]);
        Ok(number_of(&text, whole))
    }

    fn digits(&mut self) -> Parsed<()> {
        let rest = &self.bytes[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        match (count, self.peek()) {
            (0, None) => Err(Unparsable::Truncated),
            (0, Some(_)) => Err(self.invalid("a digit was expected")),
            _ => Ok(()),
        }
    }

    /// A text in quotes. Bytes that are not UTF-8 and surrogates without a partner become U+FFFD: one bad character
    /// costs that character only.
    fn string(&mut self) -> Parsed<String> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let rest = &self.bytes[self.at..];
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .ok_or(Unparsable::Truncated)?;
            text.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match rest[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(into_text(text));
                }
                b'\\' => {
                    let mut utf8 = [0; 4];
                    let escaped = self.escape()?;
                    text.extend_from_slice(escaped.encode_utf8(&mut utf8).as_bytes());
                }
                control @ (b'\n' | b'\r' | b'\t') if self.line_ends_in_texts => {
                    text.push(control);
                    self.at += 1;
                }
                _ => return Err(self.invalid("a control character in a text must be escaped")),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let letter = *self.bytes.get(self.at + 1).ok_or(Unparsable::Truncated)?;
        let simple = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 2;
                return self.unicode();
            }
            _ => return Err(self.invalid("unknown escape in a text")),
        };
        self.at += 2;
        Ok(simple)
    }

    fn unicode(&mut self) -> Parsed<char> {
        let first = self.hex()?;
        if let Some(found) = char::from_u32(first) {
            return Ok(found);
        }
        let rest = &self.bytes[self.at..];
        if first < 0xDC00 && rest.starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Parsed<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                None => return Err(Unparsable::Truncated),
                Some(byte) => char::from(byte).to_digit(16),
            };
            code = code * 16 + digit.ok_or_else(|| self.invalid("four hexadecimal digits were expected"))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn invalid(&self, why: &'static str) -> Unparsable {
        let before = &self.bytes[..self.at.min(self.bytes.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Unparsable::Invalid {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: before.len() - line_start + 1,
            why,
        }
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A number too large for any of the types stays as its text, so that the field it is in can say so.
fn number_of(text: &str, whole: bool) -> Value {
    if whole {
        if let Ok(number) = text.parse::<u64>() {
            return number.into();
        }
        // `-0` is no integer: its sign would be lost.
        if let Some(number) = text.parse::<i64>().ok().filter(|number| *number != 0) {
            return number.into();
        }
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Value::Number(number),
        None => Value::String(text.chars().take(MAX_NUMBER_BYTES).collect()),
    }
}
