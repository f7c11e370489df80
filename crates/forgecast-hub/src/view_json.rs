//! A session's view as JSON text. It stays in memory as long as its session, and as text it takes a tenth of what it takes
//! as a tree of values. Two of them are compared field by field as text, and only what differs is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgecast_session::patch;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::frame;

/// The text of a view in the order of its type's fields: complete, but not canonical.
#[derive(Clone)]
pub(crate) struct ViewJson(Arc<[u8]>);

impl ViewJson {
    /// Of a view, or of anything else that is written as an object.
    pub(crate) fn of<T: Serialize + ?Sized>(view: &T) -> Self {
        Self(frame::json(view).into())
    }

    /// The merge patch that leads from this view to another one; `None` when they are equal.
    pub(crate) fn diff(&self, after: &Self) -> Option<Value> {
        if self.0 == after.0 {
            return None;
        }
        let (before, after) = (self.fields(), after.fields());
        let mut patch = Map::new();
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            patch.insert((*name).to_owned(), Value::Null);
        }
        for (name, text) in after {
            let change = match before.get(name) {
                Some(was) if was.get() == text.get() => None,
                Some(was) => patch::diff(&value(was), &value(text)),
                None => Some(value(text)),
            };
            patch.extend(change.map(|change| (name.to_owned(), change)));
        }
        (!patch.is_empty()).then_some(Value::Object(patch))
    }

    /// With sorted keys, as viewers get it.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        frame::json(&serde_json::from_slice::<Value>(&self.0).unwrap_or_default())
    }

    fn fields(&self) -> BTreeMap<&str, &RawValue> {
        serde_json::from_slice(&self.0).unwrap_or_default()
    }
}

fn value(text: &RawValue) -> Value {
    serde_json::from_str(text.get()).unwrap_or_default()
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
            let found = ViewJson::of(&before).diff(&ViewJson::of(&after));
            prop_assert_eq!(found, patch::diff(&before, &after));
        }

        #[test]
        fn a_text_is_canonical_whatever_the_order_of_its_fields(state in state()) {
            let reversed = state.as_object().into_iter().flatten().rev();
            let reversed: Vec<String> = reversed.map(|(name, value)| format!("{}:{value}", json!(name))).collect();
            let text = format!("{{{}}}", reversed.join(","));
            let view = ViewJson(text.into_bytes().into());
            prop_assert_eq!(view.canonical(), frame::json(&state));
        }
    }
}
