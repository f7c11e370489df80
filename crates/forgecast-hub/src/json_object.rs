//! A view or a row as JSON text that knows where each of its fields ends. As text a view takes a tenth of what it takes as
//! a tree of values, and two texts are compared field by field; only what differs is read.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use forgecast_session::patch;
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Serializer, Value};

use crate::frame;

/// An object as JSON text, in the order of its type's fields. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct JsonObject(Arc<Text>);

#[derive(Default)]
struct Text {
    text: Box<[u8]>,
    /// Where the fields end, in their order.
    ends: Box<[u32]>,
    canonical: OnceLock<Bytes>,
}

impl JsonObject {
    /// Of a view or a row: of anything that is written as an object whose names need no escapes.
    pub(crate) fn of<T: Serialize + ?Sized>(object: &T) -> Self {
        let length = Cell::new(0);
        let mut text = CountedText {
            text: Vec::with_capacity(2_048),
            length: &length,
        };
        let mut ends = FieldEnds {
            length: &length,
            depth: 0,
            ends: Vec::with_capacity(48),
        };
        let mut serializer = Serializer::with_formatter(&mut text, &mut ends);
        if let Err(error) = object.serialize(&mut serializer) {
            tracing::error!(%error, "an object could not be written as JSON");
            return Self::default();
        }
        Self(Arc::new(Text {
            text: text.text.into(),
            ends: ends.ends.into(),
            canonical: OnceLock::new(),
        }))
    }

    /// The merge patch that leads from this object to another one; `None` when they are equal.
    pub(crate) fn diff(&self, after: &Self) -> Option<Value> {
        if self == after {
            return None;
        }
        let mut before: Vec<Option<(&str, &[u8])>> = self.fields().map(Some).collect();
        let mut patch = Map::new();
        // Both are in the order of one type's fields, so a field is nearly always found where the one before it was left.
        let mut next = 0;
        for (name, text) in after.fields() {
            let is_it = |field: &Option<(&str, &[u8])>| field.is_some_and(|(known, _)| known == name);
            let ahead = before[next..].iter().position(is_it).map(|steps| next + steps);
            let found = ahead.or_else(|| before[..next].iter().position(is_it));
            let was = found.and_then(|found| {
                next = found + 1;
                before[found].take()
            });
            let change = match was {
                Some((_, was)) if was == text => None,
                Some((_, was)) => patch::diff(&value(was), &value(text)),
                None => Some(value(text)),
            };
            patch.extend(change.map(|change| (name.to_owned(), change)));
        }
        let removed = before.into_iter().flatten();
        patch.extend(removed.map(|(name, _)| (name.to_owned(), Value::Null)));
        (!patch.is_empty()).then_some(Value::Object(patch))
    }

    /// The object as a value.
    pub(crate) fn value(&self) -> Value {
        value(&self.0.text)
    }

    /// With sorted keys, as viewers get it; made when it is first asked for.
    pub(crate) fn canonical(&self) -> &Bytes {
        let written = || frame::json(&self.value()).into_boxed_slice().into();
        self.0.canonical.get_or_init(written)
    }

    /// Name and value of each field.
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // The first field follows the brace, each other one a comma.
        let begins = std::iter::once(1).chain(self.0.ends.iter().map(|end| *end as usize + 1));
        begins.zip(&*self.0.ends).filter_map(|(begin, end)| {
            let field = self.0.text.get(begin + 1..*end as usize)?;
            let length = field.iter().position(|byte| *byte == b'"')?;
            Some((std::str::from_utf8(&field[..length]).ok()?, &field[length + 2..]))
        })
    }
}

impl PartialEq for JsonObject {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

fn value(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_default()
}

/// Text that says how long it is by now.
struct CountedText<'a> {
    text: Vec<u8>,
    length: &'a Cell<usize>,
}

impl io::Write for CountedText<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.text.extend_from_slice(bytes);
        self.length.set(self.text.len());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes compact JSON and notes where the fields of the outermost object end.
struct FieldEnds<'a> {
    length: &'a Cell<usize>,
    /// Objects that are open.
    depth: usize,
    ends: Vec<u32>,
}

impl Formatter for &mut FieldEnds<'_> {
    #[inline]
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"{")
    }

    #[inline]
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    #[inline]
    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        if self.depth == 1 {
            self.ends
                .push(u32::try_from(self.length.get()).map_err(io::Error::other)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A state of three fields: each absent, a number, a text with something to escape, or a list and a map.
    fn state() -> impl Strategy<Value = Value> {
        let field = prop_oneof![
            Just(None),
            (0_u8..3).prop_map(|number| Some(json!(number))),
            "[a\"\\\\ü\n]{0,2}".prop_map(|text| Some(json!(text))),
            (0_u8..2, 0_u8..2).prop_map(|(one, two)| Some(json!({"z": {"list": [one]}, "a": f64::from(two) / 3.0}))),
        ];
        prop::array::uniform3(field).prop_map(|fields| {
            let names = ["one", "two", "three"].into_iter().zip(fields);
            names
                .filter_map(|(name, field)| Some((name.to_owned(), field?)))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn texts_differ_by_what_their_values_differ_by(before in state(), after in state()) {
            let found = JsonObject::of(&before).diff(&JsonObject::of(&after));
            prop_assert_eq!(found, patch::diff(&before, &after));
        }

        #[test]
        fn a_text_is_canonical_whatever_the_order_of_its_fields(state in state()) {
            let reversed = state.as_object().into_iter().flatten().rev();
            let reversed: Vec<String> = reversed.map(|(name, value)| format!("{}:{value}", json!(name))).collect();
            let text = format!("{{{}}}", reversed.join(","));
            let object = JsonObject(Arc::new(Text {
                text: text.into_bytes().into(),
                ..Text::default()
            }));
            prop_assert_eq!(&object.canonical()[..], &frame::json(&state)[..]);
        }
    }
}
