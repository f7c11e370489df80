//! Facts that the records and the hooks of several agents say alike.

use forgecast_protocol::Fact;
use forgecast_protocol::event::{
    ActivityReported, AgentActivity, AgentReported, CompletionBasis, CompletionReported, Custom, CutShort,
    ErrorReported, SessionSeen, ToolUsed, WaitingBegan, WaitingEnded,
};
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
    turn_ended(None, "Finished its turn".to_owned())
}

/// The user stopped the turn.
pub(crate) fn turn_was_stopped() -> Fact {
    turn_ended(Some(CutShort::User), "Stopped by the user".to_owned())
}

/// A request failed and is not tried again, which ended the turn: the first line of the message says how.
pub(crate) fn turn_failed(message: &str, cleaner: &Cleaner) -> Fact {
    turn_ended(Some(CutShort::Error), first_line(message, cleaner))
}

fn turn_ended(cut_short: Option<CutShort>, reason: String) -> Fact {
    Fact::WaitingBegan(WaitingBegan {
        reason,
        waiting_for: Some(WaitingFor::Prompt),
        cut_short,
        ..WaitingBegan::default()
    })
}

/// A prompt was given: the agent is at work, and what it asked before is settled.
pub(crate) fn prompted() -> Fact {
    Fact::WaitingEnded(WaitingEnded::default())
}

/// The agent's session was closed; by which word, where one is known.
pub(crate) fn closed(status: Option<String>) -> Fact {
    Fact::CompletionReported(CompletionReported {
        status,
        ..CompletionReported::of(CompletionBasis::Closed)
    })
}

/// An agent, the main one without an id, is at work or shows that it lives.
pub(crate) fn acts(agent: Option<&str>, activity: AgentActivity) -> Fact {
    Fact::ActivityReported(ActivityReported {
        agent: agent.map(str::to_owned),
        activity,
        words: None,
    })
}

/// An agent, the main one without an id, says something in the middle of its turn: the first line of it.
pub(crate) fn speaks(agent: Option<&str>, text: &str, cleaner: &Cleaner) -> Option<Fact> {
    let words = title_in(text, cleaner)?;
    Some(Fact::ActivityReported(ActivityReported {
        agent: agent.map(str::to_owned),
        activity: AgentActivity::Alive,
        words: Some(words),
    }))
}

/// An agent waits until a person approves this use of a tool.
pub(crate) fn wants_approval(used: &ToolUsed) -> Fact {
    let tool = &used.tool;
    let reason = match (tool.as_str(), &used.summary) {
        ("Bash" | "shell", Some(command)) => format!("Wants to run: {command}"),
        (_, Some(summary)) => format!("Wants to use {tool}: {summary}"),
        (_, None) => format!("Wants to use {tool}"),
    };
    asks(WaitingFor::Permission, reason, used)
}

/// An agent waits for a person until this use of a tool is answered.
pub(crate) fn asks(waiting_for: WaitingFor, reason: String, used: &ToolUsed) -> Fact {
    Fact::WaitingBegan(WaitingBegan {
        reason,
        waiting_for: Some(waiting_for),
        agent: used.agent.clone(),
        use_id: used.use_id.clone(),
        tool: Some(used.tool.clone()),
        summary: used.summary.clone(),
        cut_short: None,
    })
}

/// A subagent is in this state: `active`, `completed`, `cancelled` or `failed`.
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
    error(first_line(message, cleaner))
}

fn first_line(message: &str, cleaner: &Cleaner) -> String {
    cleaner.line(message.lines().next().unwrap_or_default())
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

/// The first text under a key `message` in an error, from the outside in.
pub(crate) fn message_in(json: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(json).ok()?;
    for _ in 0..4 {
        if let Some(text) = value.as_str().or_else(|| value.get("message")?.as_str()) {
            let text = text.trim();
            return (!text.is_empty()).then(|| text.to_owned());
        }
        let status = value.get("status").and_then(Value::as_u64);
        match value.get_mut("error").map(Value::take) {
            Some(inner) => value = inner,
            None => return status.map(|status| format!("status {status}")),
        }
    }
    None
}
