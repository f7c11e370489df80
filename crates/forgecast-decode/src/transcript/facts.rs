//! Facts that the records and the hooks of several agents say alike.

use forgecast_protocol::Fact;
use forgecast_protocol::event::{AgentReported, Custom, ErrorReported, SessionSeen, WaitingBegan};
use forgecast_protocol::session::WaitingFor;
use serde_json::Value;

use crate::clean::Cleaner;

/// The session is there, in this folder.
pub(crate) fn seen(folder: Option<&str>) -> Fact {
    Fact::SessionSeen(SessionSeen {
        project: folder.and_then(last_part).map(str::to_owned),
        ..SessionSeen::default()
    })
}

/// The session's title.
pub(crate) fn titled(title: String) -> Fact {
    Fact::SessionSeen(SessionSeen {
        title: Some(title),
        ..SessionSeen::default()
    })
}

/// The title that a prompt gives a session: its first line that says something.
pub(crate) fn title_in(prompt: &str, cleaner: &Cleaner) -> Option<String> {
    let mut lines = prompt.lines().map(|line| cleaner.word(line));
    lines.find(|line| !line.is_empty())
}

/// The turn is over. The same words wherever it is learned from, since it is the same wait.
pub(crate) fn turn_is_over() -> Fact {
    waits(WaitingFor::Prompt, "Finished its turn".to_owned())
}

/// The agent waits until a person approves the use of a tool. `summary` is what the tool would do: the command of a shell.
pub(crate) fn wants_approval(tool: &str, summary: Option<&str>) -> Fact {
    let reason = match (tool, summary) {
        ("Bash", Some(command)) => format!("Wants to run: {command}"),
        (_, Some(summary)) => format!("Wants to use {tool}: {summary}"),
        (_, None) => format!("Wants to use {tool}"),
    };
    waits(WaitingFor::Permission, reason)
}

/// The agent waits for a person.
pub(crate) fn waits(waiting_for: WaitingFor, reason: String) -> Fact {
    Fact::WaitingBegan(WaitingBegan {
        reason,
        waiting_for: Some(waiting_for),
    })
}

/// A subagent is in this state: `active`, `completed` or `failed`.
pub(crate) fn agent(id: String, kind: Option<String>, status: &str) -> Fact {
    Fact::AgentReported(AgentReported {
        id,
        kind,
        status: Some(status.to_owned()),
        ..AgentReported::default()
    })
}

/// Something went wrong, in one clean line.
pub(crate) fn error(message: String) -> Fact {
    Fact::ErrorReported(ErrorReported { message, details: None })
}

/// A sign of life, which the fold does not take for work: what is reported when an agent was closed must not open its
/// session again.
pub(crate) fn alive(data: Value) -> Fact {
    Fact::Custom(Custom {
        kind: "alive".to_owned(),
        data,
    })
}

/// A request failed; the first line of the message says how.
pub(crate) fn failed(message: &str, cleaner: &Cleaner) -> Fact {
    error(cleaner.line(message.lines().next().unwrap_or_default()))
}

/// The use of a tool as a line of the log.
pub(crate) fn tool_line(tool: &str, summary: Option<&str>) -> String {
    format!("{tool} {}", summary.unwrap_or_default()).trim_end().to_owned()
}

/// The last part of a path: the name of a folder for people.
pub(crate) fn last_part(path: &str) -> Option<&str> {
    path.trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()
        .filter(|name| !name.is_empty())
}
