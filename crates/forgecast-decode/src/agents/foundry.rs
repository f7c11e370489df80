//! What Foundry writes: its event log with one line per event of all its sessions, the manifest of a run, and the task
//! list. Agents, tasks, findings and verdicts become the facts that the files of a build give.

mod documents;
mod events;
mod limits;
mod models;
mod review;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use forgecast_protocol::{SourceKind, Subject};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use self::documents::{manifest, task_list};
use self::models::Models;
use super::{Agent, Home, line_with};
use crate::fields::Fields;
use crate::json;
use crate::transcript::{
    Depth, LineContext, LineInput, LineReader, TranscriptPath, Visitor, deserialize_state, serialize_state,
    session_name, stem, when,
};

pub(super) static AGENT: Agent = Agent {
    key: "foundry",
    label: "Foundry",
    home: Home {
        variable: None,
        separator: None,
        folder: ".foundry",
        config_folder: None,
    },
    folders: &["observatory"],
    group_level: 0,
    enters: |folder| folder == "observatory/.archived",
    daily: None,
    independent_lines: false,
    continues: true,
    drives: true,
    processes: None,
    hooks: None,
    source: SourceKind::Foundry,
    path,
    reader: |_, state| Box::new(Reader::new(state)),
    next_usage: |piece| line_with(&AGENT_EVENT, piece),
};

/// Most sessions of one file whose state is remembered.
const MAX_SESSIONS: usize = 16;
/// Most tasks of one session that are remembered as failed.
const MAX_FAILED: usize = 64;

/// Where the pipelines of a build work that run beside each other.
const ARENA: &str = "/.buildloop/arena/";

/// Tells of usage: an agent began or was done.
static AGENT_EVENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"agent_"));

/// `observatory/events-YYYY-MM-DD.jsonl`, and where old ones are moved to.
fn path(parts: &[&str]) -> Option<TranscriptPath> {
    let (["observatory", file] | ["observatory", ".archived", file]) = parts else {
        return None;
    };
    let stem = stem(file)?;
    stem.starts_with("events-").then(|| TranscriptPath {
        session: session_name(stem),
        agent: None,
        project: None,
    })
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
    /// The task that each session is at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    current: BTreeMap<String, String>,
}

/// Reads the lines of one file.
#[derive(Debug)]
struct Reader {
    state: State,
}

/// An event, and what surrounds it.
struct Line<'l> {
    context: LineContext<'l>,
    session: String,
}

impl LineReader for Reader {
    fn line(&mut self, line: &LineInput<'_>, out: &mut dyn Visitor) {
        match json::value(line.bytes).and_then(json::expect_object) {
            Ok(map) => self.record(map, line, out),
            Err(error) => out.bad(&format!("no event: {error}")),
        }
    }

    fn state(&self) -> String {
        serialize_state(&self.state)
    }
}

impl Reader {
    fn new(state: &str) -> Self {
        Self {
            state: deserialize_state(state),
        }
    }

    fn record(&mut self, map: Map<String, Value>, input: &LineInput<'_>, out: &mut dyn Visitor) {
        let mut fields = Fields::new(map, input.cleaner);
        let Some(kind) = fields.word(&["event_type", "type"]) else {
            return out.unknown();
        };
        let session = fields
            .word(&["session_id"])
            .map(|session| build_of(&session, "/").to_owned());
        let directory = fields.folder(&["project_dir"]).filter(|path| path.starts_with('/'));
        let directory = directory.map(|path| build_of(&path, ARENA).to_owned());
        let at = match fields.take(&["timestamp"]) {
            Some((_, Value::String(text))) => when(&text),
            _ => None,
        };
        if session.is_none() && directory.is_none() {
            return out.bad("an event that names neither a session nor a folder");
        }
        let line = Line {
            context: LineContext {
                input,
                subject: Arc::new(subject(session.as_deref(), directory, input.depth)),
                at,
                agent: Some("foundry".to_owned()),
            },
            session: session.unwrap_or_default(),
        };
        let payload = match fields.take(&["payload"]) {
            Some((_, Value::Object(payload))) => payload,
            _ => fields.unread(),
        };
        let mut payload = Fields::within(payload, input.cleaner, "payload.".to_owned());
        self.event(&line, &kind, &mut payload, out);
        if let Some((field, why)) = payload.into_bad().into_iter().next() {
            out.bad(&format!("{kind}: {field}: {why}"));
        }
    }

    /// A session is at this task, or no longer at any.
    fn set_current(&mut self, session: &str, task: Option<&str>) {
        let current = &mut self.state.current;
        let Some(task) = task else {
            current.remove(session);
            return;
        };
        if !current.contains_key(session) && current.len() >= MAX_SESSIONS {
            current.pop_first();
        }
        current.insert(session.to_owned(), task.to_owned());
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

/// What stands before a mark: the build of which one of two pipelines tells, `<session>/pipeline-0` in
/// `<folder>/.buildloop/arena/pipeline-0`.
fn build_of<'t>(text: &'t str, mark: &str) -> &'t str {
    text.split_once(mark).map_or(text, |(build, _)| build)
}

/// Whose an event is: the build's in that folder, which its other files are found in; without a folder that of the name.
/// Calls alone are summed up by session, whatever folder it is in.
fn subject(session: Option<&str>, directory: Option<String>, depth: Depth) -> Subject {
    let transcript = (depth == Depth::Calls).then(|| session.or(directory.as_deref()).map(session_name));
    let name = session.filter(|_| directory.is_none());
    Subject {
        session: name.and_then(|name| name.parse().ok()),
        name: name.map(str::to_owned),
        transcript: transcript.flatten(),
        directory,
        command: None,
    }
}
