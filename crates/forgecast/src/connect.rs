//! Changes to the settings of coding agents as text: adds what makes them report to this server, and removes it again. It
//! never replaces what somebody else set, and keeps comments, order and layout.
//! Only `settings` and `write` touch files.

pub(crate) mod claude;
pub(crate) mod codex;
pub(crate) mod settings;
pub(crate) mod write;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cli::Agent;
use crate::terminal;

/// The path of the hooks on the server.
pub(crate) const HOOKS: &str = "/api/v1/hooks/claude";

/// Where an agent is to report to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// The server's address, without a slash at the end.
    pub(crate) url: &'a str,
    /// A token for sending facts, if the server requires one.
    pub(crate) token: Option<&'a str>,
}

/// A settings text after a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edited {
    /// The new text; none if the file is to be removed.
    pub(crate) text: Option<String>,
    /// What was added, so that exactly this can be removed again.
    pub(crate) added: Added,
    /// What was not changed, and why.
    pub(crate) notes: Vec<String>,
}

/// What was added to a file, except for the hooks, which are recognized by their address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Added {
    /// The server that the file was pointed to.
    pub(crate) url: String,
    /// Names of single values.
    pub(crate) keys: BTreeSet<String>,
    /// Names of objects or tables that did not exist before.
    pub(crate) containers: BTreeSet<String>,
    /// The file did not exist before.
    pub(crate) file: bool,
}

impl Added {
    /// Continues what an earlier run added with a server at `url`; also returns the earlier server. `is_new` says that the
    /// file does not exist.
    fn continued(earlier: Option<&Self>, url: &str, is_new: bool) -> (Self, String) {
        let mut added = earlier.cloned().unwrap_or_default();
        let earlier_url = std::mem::replace(&mut added.url, url.to_owned());
        added.file |= is_new;
        (added, earlier_url)
    }
}

/// What of a settings text is ours, or may be: each entry in a form that differs when the entry does.
#[derive(Debug, Default)]
struct Entries {
    hooks: BTreeSet<String>,
    telemetry: BTreeSet<String>,
    status_line: BTreeSet<String>,
}

impl Entries {
    fn of(agent: Agent, text: Option<&str>) -> Self {
        let read = match agent {
            Agent::Claude => claude::entries,
            Agent::Codex => codex::entries,
        };
        text.map(read).unwrap_or_default()
    }
}

/// Whether an agent's settings have hooks of ours.
pub(crate) fn is_connected(agent: Agent, text: Option<&str>) -> bool {
    !Entries::of(agent, text).hooks.is_empty()
}

/// What differs between two texts of an agent's settings, in a few words: `10 hooks and 5 settings of telemetry`.
pub(crate) fn difference(agent: Agent, before: Option<&str>, after: Option<&str>) -> String {
    let (before, after) = (Entries::of(agent, before), Entries::of(agent, after));
    // What has another address now is one entry.
    let differs = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let (gone, new) = (one.difference(other).count(), other.difference(one).count());
        gone.max(new) as u64
    };
    let hooks = differs(&before.hooks, &after.hooks);
    let settings = differs(&before.telemetry, &after.telemetry);
    let line = differs(&before.status_line, &after.status_line);
    let parts = [
        (hooks, "hook", ""),
        (settings, "setting", " of telemetry"),
        (line, "status line", ""),
    ];
    let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, thing, of)| terminal::counted(count, thing) + of)
        .collect();
    if parts.is_empty() {
        return "the token".to_owned();
    }
    match parts.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => parts.concat(),
    }
}

/// A unified diff with three lines of context.
pub(crate) fn diff(path: &str, before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(path, path)
        .to_string()
}
