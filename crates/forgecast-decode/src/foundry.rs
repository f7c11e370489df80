//! What the origin's successor writes: its event log with one line per event of all its sessions, the manifest of a run,
//! and the task list. Agents, tasks, findings and verdicts become the facts that the origin's files give.

mod documents;
mod events;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use forgecast_protocol::event::Fact;
use forgecast_protocol::{Subject, Timestamp};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::json;
use super::transcript::{Taken, Told, kept, restored, when};

pub(super) use self::documents::{manifest, task_list};
pub(crate) use self::usage::{Models, count};

/// Most sessions of one file whose state is remembered.
const MAX_SESSIONS: usize = 16;
/// Most tasks of one session that are remembered as failed.
const MAX_FAILED: usize = 64;

static AGENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"agent_"));

/// Whether a line may say something of usage: an agent began or was done.
pub(crate) fn may_count(line: &[u8]) -> bool {
    AGENT.find(line).is_some()
}

/// What is remembered of the lines before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct State {
    #[serde(skip_serializing_if = "Models::is_empty")]
    models: Models,
    /// The tasks that failed and were not done again since, by session.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    failed: BTreeMap<String, BTreeSet<String>>,
}

/// Reads the lines of one file.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    state: State,
}

/// An event, and what surrounds it.
struct Line<'l> {
    told: &'l Told<'l>,
    subject: Subject,
    session: String,
    at: Option<Timestamp>,
}

impl Line<'_> {
    fn say(&self, fact: Fact, out: &mut Taken) {
        self.told.fact(&self.subject, self.at, fact, out);
    }
}

impl Reader {
    pub(crate) fn new(state: &str) -> Self {
        Self { state: restored(state) }
    }

    pub(crate) fn state(&self) -> String {
        kept(&self.state)
    }

    pub(crate) fn line(&mut self, line: &[u8], told: &Told<'_>, out: &mut Taken) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        match json::value(line).and_then(json::expect_object) {
            Ok(map) => self.take(map, told, out),
            Err(error) => out.note(format!("no event: {error}")),
        }
    }

    fn take(&mut self, map: Map<String, Value>, told: &Told<'_>, out: &mut Taken) {
        let mut fields = Fields::new(map, told.cleaner);
        let Some(kind) = fields.word(&["event_type", "type"]) else {
            out.unknown += 1;
            return;
        };
        let session = fields.word(&["session_id"]);
        let directory = fields.line(&["project_dir"]).filter(|path| path.starts_with('/'));
        let said_at = match fields.take(&["timestamp"]) {
            Some((_, Value::String(text))) => when(&text),
            _ => None,
        };
        if session.is_none() && directory.is_none() {
            out.note("an event that names neither a session nor a folder");
            return;
        }
        let line = Line {
            told,
            subject: subject(session.as_deref(), directory),
            session: session.unwrap_or_default(),
            at: said_at,
        };
        let payload = match fields.take(&["payload"]) {
            Some((_, Value::Object(payload))) => payload,
            _ => fields.unread(),
        };
        let mut payload = Fields::within(payload, told.cleaner, "payload.".to_owned());
        self.event(&line, &kind, &mut payload, out);
        if let Some((field, why)) = payload.into_bad().into_iter().next() {
            out.note(format!("{kind}: {field}: {why}"));
        }
    }

    /// A task came out well or not.
    fn remember(&mut self, session: &str, task: &str, failed: bool) {
        if !failed {
            if let Some(tasks) = self.state.failed.get_mut(session) {
                tasks.remove(task);
                if tasks.is_empty() {
                    self.state.failed.remove(session);
                }
            }
            return;
        }
        if !self.state.failed.contains_key(session) && self.state.failed.len() >= MAX_SESSIONS {
            self.state.failed.pop_first();
        }
        let tasks = self.state.failed.entry(session.to_owned()).or_default();
        if tasks.len() < MAX_FAILED {
            tasks.insert(task.to_owned());
        }
    }
}

/// Whose an event is: the build's in that folder, which its other files are found in; without a folder that of the name.
fn subject(session: Option<&str>, directory: Option<String>) -> Subject {
    let name = session.filter(|_| directory.is_none());
    Subject {
        session: name.and_then(|name| name.parse().ok()),
        name: name.map(str::to_owned),
        directory,
        transcript: None,
    }
}
