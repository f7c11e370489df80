//! A view or a row as JSON text that knows where each of its fields ends. As text a view takes a tenth of what it takes as
//! a tree of values, and two texts are compared field by field; only what differs is read.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Serializer, Value};

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

    /// The merge patch that leads from this object to another one, as JSON text; `None` when they are equal.
    pub(crate) fn diff(&self, after: &Self) -> Option<Vec<u8>> {
        if self == after {
            return None;
        }
        let mut patch = Vec::new();
        write_patch(self.fields(), after.fields(), &mut patch);
        (patch != b"{}").then_some(patch)
    }

    /// The object as JSON text, in the order of its type's fields.
    pub(crate) fn text(&self) -> &[u8] {
        &self.0.text
    }

    /// With sorted keys, as viewers get it; made when it is first asked for.
    pub(crate) fn canonical(&self) -> &Bytes {
        let value = || serde_json::from_slice::<Value>(&self.0.text).unwrap_or_default();
        let written = || frame::json(&value()).into_boxed_slice().into();
        self.0.canonical.get_or_init(written)
    }

    fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        // The first field follows the brace, each other one a comma.
        let begins = std::iter::once(1).chain(self.0.ends.iter().map(|end| *end as usize + 1));
        begins
            .zip(&*self.0.ends)
            .map(|(begin, end)| Field::of(&self.0.text[begin..*end as usize]))
    }
}

impl PartialEq for JsonObject {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

/// A field of an object as compact JSON text.
#[derive(Clone, Copy)]
struct Field<'a> {
    /// In its quotes.
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    fn of(text: &'a [u8]) -> Self {
        let (name, value) = text.split_at(string_end(text));
        Self {
            name,
            value: value.get(1..).unwrap_or_default(),
        }
    }
}

/// The fields of an object as compact JSON text.
struct Fields<'a> {
    /// Each field has a brace or a comma before it.
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let text = self.rest.get(1..).filter(|text| text.starts_with(b"\""))?;
        let value = string_end(text) + 1;
        let end = value + value_end(&text[value..]);
        self.rest = &text[end..];
        Some(Field::of(&text[..end]))
    }
}

/// Where the string ends that this text begins with.
fn string_end(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(next) = memchr::memchr2(b'"', b'\\', &text[at..]) {
        at += next + 1;
        if text[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Where the value ends that this text begins with.
fn value_end(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_u32);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at += string_end(&text[at..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' | b'}' | b']' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Writes the merge patch from one object to another.
fn write_patch<'a>(
    before: impl Iterator<Item = Field<'a>>,
    after: impl Iterator<Item = Field<'a>>,
    patch: &mut Vec<u8>,
) {
    let mut before: Vec<Option<Field<'_>>> = before.map(Some).collect();
    // Both are in the same order, so a field is nearly always found where the one before it was left.
    let mut next = 0;
    let mut separator = b'{';
    let mut begin = |name: &[u8], patch: &mut Vec<u8>| {
        patch.push(std::mem::replace(&mut separator, b','));
        patch.extend_from_slice(name);
        patch.push(b':');
    };
    for field in after {
        let is_it = |known: &Option<Field<'_>>| known.is_some_and(|known| known.name == field.name);
        let ahead = before[next..].iter().position(is_it).map(|steps| next + steps);
        let found = ahead.or_else(|| before[..next].iter().position(is_it));
        let was = found.and_then(|found| {
            next = found + 1;
            before[found].take()
        });
        match was {
            Some(was) if was.value == field.value => {}
            Some(was) if was.value.starts_with(b"{") && field.value.starts_with(b"{") => {
                begin(field.name, patch);
                write_patch(Fields { rest: was.value }, Fields { rest: field.value }, patch);
            }
            _ => {
                begin(field.name, patch);
                patch.extend_from_slice(field.value);
            }
        }
    }
    for removed in before.into_iter().flatten() {
        begin(removed.name, patch);
        patch.extend_from_slice(b"null");
    }
    if separator == b'{' {
        patch.push(b'{');
    }
    patch.push(b'}');
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
    use forgecast_session::patch;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A state of three fields: each absent, a number, or a text, list or map in which there is something to escape or to
    /// take for the end of it.
    fn state() -> impl Strategy<Value = Value> {
        let text = || "[a\"\\\\ü\n{}\\[\\],:]{0,3}";
        let leaf = prop_oneof![
            (0_u8..3).prop_map(|number| json!(f64::from(number) / 3.0)),
            text().prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(2, 8, 3, move |value| {
            prop_oneof![
                prop::collection::vec(value.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(text(), value, 0..3).prop_map(|map| map.into_iter().collect()),
            ]
        });
        prop::array::uniform3(prop::option::of(value)).prop_map(|fields| {
            let names = ["one", "two", "three"].into_iter().zip(fields);
            names
                .filter_map(|(name, field)| Some((name.to_owned(), field?)))
                .collect()
        })
    }

    /// Two states that have much in common.
    fn states() -> impl Strategy<Value = (Value, Value)> {
        let mixed = (state(), state(), any::<[bool; 3]>()).prop_map(|(before, other, changes)| {
            let mut after = before.clone();
            let fields = ["one", "two", "three"].into_iter().zip(changes);
            for (name, _) in fields.filter(|(_, is_changed)| *is_changed) {
                let members = after.as_object_mut().unwrap();
                match other.get(name) {
                    Some(value) => members.insert(name.to_owned(), value.clone()),
                    None => members.remove(name),
                };
            }
            (before, after)
        });
        prop_oneof![mixed, (state(), state())]
    }

    proptest! {
        #[test]
        fn texts_differ_by_what_their_values_differ_by((before, after) in states()) {
            let found = JsonObject::of(&before).diff(&JsonObject::of(&after));
            let found: Option<Value> = found.map(|text| serde_json::from_slice(&text).unwrap());
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
