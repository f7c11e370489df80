//! The folders of this machine in what a guest receives. Each value is changed by itself, whatever stands beside it, so that
//! the patches of a state still lead from what a guest holds to what a guest would get as a snapshot.

use serde_json::Value;

/// Fields that hold a folder and nothing else.
const FOLDERS: [&str; 2] = ["directory", "working_directory"];

/// Removes the paths of this machine from a message, a state, a patch or a fact: fields that hold a folder and entries that
/// are named by an absolute path are left out, and of a text that begins with one the last name remains, as `…/main.rs`.
pub(super) fn remove_paths(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(name) = last_name(text) {
                *text = format!("…{name}");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(remove_paths),
        Value::Object(fields) => {
            fields.retain(|name, _| !FOLDERS.contains(&&**name) && last_name(name).is_none());
            fields.values_mut().for_each(remove_paths);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Of a text whose first line begins with an absolute path of two names or more: what remains of it, from the last separator
/// of that line on. Names may contain spaces, but the first one does not, so that `/review src/main.rs` is no path.
fn last_name(text: &str) -> Option<&str> {
    const SEPARATORS: [char; 2] = ['/', '\\'];
    let drive = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && text[1..].starts_with([':']);
    let names = if drive { &text[2..] } else { text };
    let first = names.strip_prefix(SEPARATORS)?;
    let line = first.lines().next()?;
    let first_end = line.find(SEPARATORS)?;
    if !drive && (first_end == 0 || line[..first_end].contains(char::is_whitespace)) {
        return None;
    }
    Some(&first[line.rfind(SEPARATORS)?..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn a_path_leaves_its_last_name_and_what_is_no_path_stays() {
        for (text, rest) in [
            ("/home/ann/weather/src/main.rs", Some("/main.rs")),
            ("/home/ann/my project/main.rs", Some("/main.rs")),
            ("/home/ann/weather is gone", Some("/weather is gone")),
            ("/home/ann/a: no text\nsee b/c", Some("/a: no text\nsee b/c")),
            (r"C:\Users\ann\weather", Some(r"\weather")),
            ("C:/Users/ann", Some("/ann")),
            (r"\Users\ann", Some(r"\ann")),
            ("/review src/main.rs", None),
            ("/help", None),
            ("//a comment/b", None),
            ("src/main.rs", None),
            ("https://example.com/a/b", None),
            ("GET /api/v1/sessions", None),
            ("a", None),
            ("é/b/c", None),
            ("", None),
        ] {
            assert_eq!(last_name(text), rest, "{text}");
        }
    }

    #[test]
    fn folders_and_entries_named_by_paths_are_left_out() {
        let mut value = json!({
            "working_directory": "/app", "event": {"subject": {"directory": null, "name": "a"}},
            "problems": {"/home/ann/a.json#x": {"subject": "/home/ann/a.json"}, "lines": 1},
        });
        remove_paths(&mut value);
        assert_eq!(
            value,
            json!({"event": {"subject": {"name": "a"}}, "problems": {"lines": 1}})
        );
    }

    /// RFC 7396, as viewers do it.
    fn merge(target: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *target = patch.clone();
            return;
        };
        if !target.is_object() {
            *target = Value::Object(Map::new());
        }
        let Value::Object(fields) = target else { return };
        for (name, change) in patch {
            if change.is_null() {
                fields.remove(name);
            } else {
                merge(fields.entry(name).or_insert(Value::Null), change);
            }
        }
    }

    fn documents() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            Just("/home/ann/a"),
            Just("/home/ann/b/a"),
            Just("/a"),
            Just("a"),
            Just("b")
        ];
        let name = prop_oneof![
            Just("/home/ann/a"),
            Just("/srv/a"),
            Just("a"),
            Just("b"),
            Just("working_directory"),
            Just("directory")
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            text.prop_map(Value::from),
            any::<u8>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_leads_from_what_a_guest_holds_to_what_a_guest_would_get(state in documents(), patch in documents()) {
            let mut whole = state.clone();
            merge(&mut whole, &patch);
            remove_paths(&mut whole);
            let (mut held, mut change) = (state, patch);
            remove_paths(&mut held);
            remove_paths(&mut change);
            merge(&mut held, &change);
            prop_assert_eq!(held, whole);
        }
    }
}
