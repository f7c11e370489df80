//! What a reader remembers between two runs, as the text that the store keeps.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state that was kept; one that is not understood is as good as none.
pub(crate) fn restored<S: DeserializeOwned + Default>(text: &str) -> S {
    serde_json::from_str(text).unwrap_or_default()
}

/// The text to keep; empty when there is nothing to remember.
pub(crate) fn kept<S: Serialize + Default + PartialEq>(state: &S) -> String {
    if *state == S::default() {
        return String::new();
    }
    serde_json::to_string(state).unwrap_or_default()
}
