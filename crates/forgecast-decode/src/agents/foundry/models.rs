//! Which models Foundry's agents run on. The model stands in the line that says that an agent began, the tokens in the one
//! that says that it was done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most agents whose model is remembered.
const MAX_MODELS: usize = 64;
/// Longest name that is taken.
const MAX_NAME: usize = 200;

/// Which model an agent runs on, by session and role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Models(BTreeMap<String, String>);

impl Models {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn begin(&mut self, session: &str, role: &str, model: &str) {
        let key = format!("{session}/{role}");
        if self.0.len() >= MAX_MODELS && !self.0.contains_key(&key) {
            self.0.pop_first();
        }
        let plain = model.chars().filter(char::is_ascii_graphic);
        self.0.insert(key, plain.take(MAX_NAME).collect());
    }

    pub(super) fn of(&self, session: &str, role: &str) -> Option<String> {
        self.0.get(&format!("{session}/{role}")).cloned()
    }
}
