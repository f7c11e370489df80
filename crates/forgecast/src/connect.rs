//! Changes to the settings of coding agents, worked out on text: what to add so that they report to this server, and what
//! to take out again. Adds and never replaces what somebody else set; keeps comments, order and layout of all the rest.
//! Opens no file.

pub(crate) mod claude;
pub(crate) mod codex;
pub(crate) mod write;

use serde::{Deserialize, Serialize};

/// Path of the hooks.
pub(crate) const HOOKS: &str = "/api/v1/hooks/claude";

/// Where an agent is to report to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// The server's address, without a slash at the end.
    pub(crate) url: &'a str,
    /// A token for sending facts, where the server wants one.
    pub(crate) token: Option<&'a str>,
}

impl<'a> From<&'a str> for Target<'a> {
    fn from(url: &'a str) -> Self {
        Self { url, token: None }
    }
}

/// A text with a change made to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edited {
    /// The new text; none when nothing is left of it.
    pub(crate) text: Option<String>,
    /// What was added, so that it can be taken back and nothing else.
    pub(crate) added: Added,
    /// What was left alone, and why.
    pub(crate) notes: Vec<String>,
}

/// What was added to a file besides the hooks, which are known by their address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Added {
    /// The server that the file was pointed to.
    pub(crate) url: String,
    /// Names of single values.
    pub(crate) keys: Vec<String>,
    /// Names of objects or tables that were not there before.
    pub(crate) containers: Vec<String>,
    /// The file itself was not there before.
    pub(crate) file: bool,
}

impl Added {
    fn key(&mut self, name: &str) {
        if !self.keys.iter().any(|key| key == name) {
            self.keys.push(name.to_owned());
        }
    }

    fn container(&mut self, name: &str) {
        if !self.containers.iter().any(|container| container == name) {
            self.containers.push(name.to_owned());
        }
    }
}

/// What is different, as a diff with a few lines around each change.
pub(crate) fn diff(path: &str, before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(path, path)
        .to_string()
}
