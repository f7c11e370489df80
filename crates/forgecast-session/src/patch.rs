//! JSON Merge Patch (RFC 7396): the difference between two views, and how a viewer applies it. Must never be asked to
//! compose patches (RFC 7396 is not closed under composition) nor be given states that contain `null`.

use serde_json::{Map, Value};

/// The merge patch that turns `before` into `after`, or nothing when they are equal.
///
/// The states must hold no `null` in their objects (a merge patch cannot write one): views never do. Then the law holds:
/// `merge(before, diff(before, after)) == after`.
#[must_use]
pub fn diff(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        let change = match old.get(key) {
            Some(was) => diff(was, value),
            None => Some(value.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Applies `patch` to `target`, as RFC 7396 section 2 defines it: objects are merged, `null` removes, anything else
/// replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else {
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            members.remove(key);
        } else {
            merge(members.entry(key.as_str()).or_insert(Value::Null), change);
        }
    }
}
