//! Reads what `cargo metadata` prints. A whole JSON library would take longer to build than everything else here.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::CharIndices;

use crate::Result;

/// A JSON value; numbers are kept as they are written, nobody here counts with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

impl Value {
    /// The field of an object; `Null` when there is none.
    pub(crate) fn get(&self, name: &str) -> &Value {
        match self {
            Self::Object(fields) => fields.get(name).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// The items of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one JSON document.
pub(crate) fn parse(text: &str) -> Result<Value> {
    let mut reader = Reader {
        text,
        rest: text.char_indices().peekable(),
    };
    let value = reader.value()?;
    match reader.next_token() {
        None => Ok(value),
        Some(_) => reader.refuse(),
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Value> {
        match self.next_token() {
            Some('{') => self.object(),
            Some('[') => self.list(),
            Some('"') => self.string().map(Value::Text),
            Some(first) if first == '-' || first.is_ascii_alphanumeric() => self.word(first),
            _ => self.refuse(),
        }
    }

    fn object(&mut self) -> Result<Value> {
        let mut fields = BTreeMap::new();
        loop {
            match self.next_token() {
                Some('}') => return Ok(Value::Object(fields)),
                Some(',') => {}
                Some('"') => {
                    let name = self.string()?;
                    if self.next_token() != Some(':') {
                        return self.refuse();
                    }
                    fields.insert(name, self.value()?);
                }
                _ => return self.refuse(),
            }
        }
    }

    fn list(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        loop {
            self.skip_spaces();
            match self.rest.peek() {
                Some((_, ']')) => {
                    self.rest.next();
                    return Ok(Value::List(items));
                }
                Some((_, ',')) => {
                    self.rest.next();
                }
                _ => items.push(self.value()?),
            }
        }
    }

    fn string(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.rest.next().map(|(_, letter)| letter) {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(letter) => text.push(letter),
                None => return self.refuse(),
            }
        }
    }

    fn escaped(&mut self) -> Result<char> {
        match self.rest.next().map(|(_, letter)| letter) {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('u') => {
                let digits: String = self.rest.by_ref().take(4).map(|(_, digit)| digit).collect();
                let code = u32::from_str_radix(&digits, 16).ok();
                // Half of a surrogate pair: descriptions of packages may hold one, names and licences do not.
                Ok(code.and_then(char::from_u32).unwrap_or('\u{fffd}'))
            }
            Some(letter) => Ok(letter),
            None => self.refuse(),
        }
    }

    fn word(&mut self, first: char) -> Result<Value> {
        let mut word = String::from(first);
        while let Some((_, letter)) = self
            .rest
            .next_if(|(_, letter)| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '+' | '-'))
        {
            word.push(letter);
        }
        match word.as_str() {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            number if number.parse::<f64>().is_ok() => Ok(Value::Number(word)),
            _ => self.refuse(),
        }
    }

    fn skip_spaces(&mut self) {
        while self.rest.next_if(|(_, letter)| letter.is_ascii_whitespace()).is_some() {}
    }

    fn next_token(&mut self) -> Option<char> {
        self.skip_spaces();
        self.rest.next().map(|(_, letter)| letter)
    }

    fn refuse<T>(&mut self) -> Result<T> {
        let at = self.rest.peek().map_or(self.text.len(), |(at, _)| *at);
        Err(format!("not the JSON that was expected, near byte {at}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_every_kind_of_value_is_read() {
        let value = parse(r#" {"a": [1, -2.5e3, true, null, "x\n\u00e9\"]"], "b": {}, "c": []} "#).unwrap();
        let items = value.get("a").items();
        assert_eq!(items.len(), 5);
        assert_eq!(items[1], Value::Number("-2.5e3".to_owned()));
        assert_eq!(items[4].text(), Some("x\né\"]"));
        assert_eq!(value.get("c").items(), []);
        assert_eq!(*value.get("missing"), Value::Null);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1", "{\"a\"}", "nul", "\"x", "[] []"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
