//! Documents become JSON values under strict caps, leniently where producers are sloppy and nowhere else: a BOM, comment
//! lines and a Markdown fence before a state document, and whatever follows it. A document that stops in the middle is
//! told from one that is wrong, so that only the first is read again.

mod parser;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::parser::Parser;
use super::Unparsable;
use crate::lenient::Object;

/// Largest phase or checkpoint file that is read, in bytes.
pub(crate) const MAX_STATE_BYTES: u64 = 1 << 20;
/// Largest other document that is read, in bytes.
pub(crate) const MAX_DOCUMENT_BYTES: u64 = 8 << 20;
/// Largest body of a request, in bytes, after decompression.
pub(crate) const MAX_BODY_BYTES: u64 = 20 << 20;
/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;
/// Most keys of one object.
pub const MAX_KEYS: usize = 4_096;
/// Most values of one document (for a body: of one envelope), however nested: a byte of text may become 100 of memory.
const MAX_VALUES: usize = 50_000;

/// Reads a document that must be one object. Lines before it that begin with `//`, `#` or a Markdown fence are passed
/// over, and so is everything behind its closing brace; texts may hold bare line ends. Of a key that is there twice, the
/// last counts.
///
/// # Errors
/// [`Unparsable::Truncated`] when it stops before the closing brace (an empty file included), else what is wrong.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Unparsable> {
    let mut parser = Parser::new(bytes);
    parser.allow_line_ends_in_texts();
    parser.skip_preamble();
    expect_object(parser.value()?)
}

/// Reads a value that must be the whole input: a line of JSON, a message.
///
/// # Errors
/// What is wrong, text behind the value included.
pub fn value(bytes: &[u8]) -> Result<Value, Unparsable> {
    let mut parser = Parser::new(bytes);
    let value = parser.value()?;
    parser.end()?;
    Ok(value)
}

/// Reads a body that is one value or an array of them and hands each to `take` with its place, so that never more than
/// one is in memory as a tree. `take` says whether to go on.
///
/// # Errors
/// What is wrong with the syntax; what was handed over before that must then be forgotten.
pub fn each(bytes: &[u8], mut take: impl FnMut(usize, Value) -> bool) -> Result<(), Unparsable> {
    check_size(bytes, MAX_BODY_BYTES)?;
    let mut parser = Parser::new(bytes);
    if !parser.begin_array() {
        take(0, parser.value()?);
        return parser.end();
    }
    let mut index = 0;
    while parser.next_element(index == 0)? {
        if !take(index, parser.element()?) {
            return Ok(());
        }
        index += 1;
    }
    parser.end()
}

/// Reads a body that must be one object into a type whose fields are lenient; `expected` says what it should be.
///
/// # Errors
/// When it is too large, no JSON, or no object.
pub(crate) fn body<'b, T: Deserialize<'b>>(bytes: &'b [u8], expected: &'static str) -> Result<T, Unparsable> {
    check_size(bytes, MAX_BODY_BYTES)?;
    match serde_json::from_slice::<Object<T>>(bytes) {
        Ok(Object(Some(body))) => Ok(body),
        Ok(Object(None)) => Err(Unparsable::Unexpected {
            expected: "an object",
            found: "something else",
        }),
        Err(error) if error.is_eof() => Err(Unparsable::Truncated),
        Err(error) => Err(Unparsable::Invalid {
            line: error.line(),
            column: error.column(),
            why: expected,
        }),
    }
}

/// Refuses what is larger than is read.
///
/// # Errors
/// [`Unparsable::TooLarge`].
pub(crate) fn check_size(bytes: &[u8], limit: u64) -> Result<(), Unparsable> {
    match bytes.len() as u64 {
        bytes if bytes > limit => Err(Unparsable::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

/// The object in a value.
///
/// # Errors
/// [`Unparsable::Unexpected`] with what it is instead.
pub(crate) fn expect_object(value: Value) -> Result<Map<String, Value>, Unparsable> {
    match value {
        Value::Object(map) => Ok(map),
        other => Err(Unparsable::Unexpected {
            expected: "an object",
            found: kind_of(&other),
        }),
    }
}

/// What a value is, in words.
#[must_use]
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
