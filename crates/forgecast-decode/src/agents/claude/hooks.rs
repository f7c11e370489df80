//! Hooks of Claude Code, one body per event. A field that is missing or of another kind costs that field; an event that
//! is not known is a sign of life.

use forgecast_protocol::event::{AgentReported, CompletionBasis, CompletionReported, Fact, ToolUsed, WaitingEnded};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Batch, Event, SourceKind, Subject, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{asks_user, starts_agent};
use crate::clean::Cleaner;
use crate::lenient::{Count, List, Object, Text};
use crate::tool_input::Input;
use crate::transcript::{agent, alive, error, seen, session_name, turn_is_over, waits, wants_approval};
use crate::{Unparsable, hex, json, numbered_id, sent_to};

/// The same content within so many milliseconds is the same event sent again; later it is another one like it.
const SAME_WITHIN_MS: i64 = 60_000;

/// The body of a hook, of whatever event.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Hook<'a> {
    session_id: Text<'a>,
    cwd: Text<'a>,
    hook_event_name: Text<'a>,
    agent_id: Text<'a>,
    agent_type: Text<'a>,
    tool_name: Text<'a>,
    tool_use_id: Text<'a>,
    tool_input: Option<&'a RawValue>,
    tool_response: Object<Response<'a>>,
    message: Text<'a>,
    notification_type: Text<'a>,
    reason: Text<'a>,
    error: Text<'a>,
    trigger: Text<'a>,
    background_tasks: List<'a, Background<'a>>,
}

/// What the tool that starts a subagent answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Response<'a> {
    #[serde(rename = "agentId")]
    agent: Text<'a>,
    status: Text<'a>,
    #[serde(rename = "totalTokens")]
    tokens: Count,
}

/// Something that goes on when the turn is over.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Background<'a> {
    status: Text<'a>,
}

/// Reads the body of a hook of Claude Code.
///
/// # Errors
/// When it is no JSON object, or names no session.
pub fn decode_hook(body: &[u8], cleaner: &Cleaner, now: Timestamp) -> Result<Batch, Unparsable> {
    let hook: Hook<'_> = json::body(body, "no hook of Claude Code")?;
    let Some(session) = hook.session_id.get() else {
        return Err(Unparsable::Unexpected {
            expected: "a field session_id",
            found: "none",
        });
    };
    let context = HookContext {
        hook: &hook,
        cleaner,
        subject: Subject {
            transcript: Some(session_name(&cleaner.identity(session))),
            directory: hook.cwd.get().map(|folder| cleaner.line(folder)),
            ..Subject::default()
        },
    };
    let origin = sent_to("/api/v1/hooks/claude", SourceKind::Hook);
    let name = name(&hook, session, body, now);
    let facts = context.facts().into_iter().enumerate();
    let events = facts.map(|(index, fact)| {
        cleaner.identities(Event {
            id: numbered_id(&name, index),
            subject: context.subject.clone(),
            at: now,
            origin: origin.clone(),
            fact,
        })
    });
    Ok(Batch {
        events: events.collect(),
        ..Batch::default()
    })
}

/// By what the event is known: the same one is sent again when an answer was lost.
fn name(hook: &Hook<'_>, session: &str, body: &[u8], now: Timestamp) -> String {
    let event = hook.hook_event_name.get().unwrap_or_default();
    let mut hasher = Sha256::new();
    for part in [session, event] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    match hook.tool_use_id.get() {
        Some(used) => hasher.update(used.as_bytes()),
        None => {
            hasher.update(body);
            hasher.update(now.as_millis().div_euclid(SAME_WITHIN_MS).to_le_bytes());
        }
    }
    format!("hook:{}", hex(&hasher.finalize()[..16]))
}

/// A hook, and whose it is.
struct HookContext<'t> {
    hook: &'t Hook<'t>,
    cleaner: &'t Cleaner,
    subject: Subject,
}

impl HookContext<'_> {
    fn facts(&self) -> Vec<Fact> {
        let hook = self.hook;
        match hook.hook_event_name.get() {
            Some("UserPromptSubmit") => vec![Fact::WaitingEnded(WaitingEnded {})],
            Some("PreToolUse") => self.tool_begins(),
            Some("PostToolUse") => self.tool_ends(true),
            Some("PostToolUseFailure") => self.tool_ends(false),
            Some("PermissionRequest") => vec![self.asks_approval()],
            Some("Notification") => vec![self.notification()],
            Some("Stop") => vec![self.stop()],
            Some("StopFailure") => self.failure(),
            Some("SubagentStart") => self.agent("active"),
            Some("SubagentStop") => self.agent("completed"),
            Some("SessionStart") => vec![seen(self.subject.directory.as_deref())],
            Some("SessionEnd") => vec![Fact::CompletionReported(CompletionReported {
                success: None,
                status: self.word(&hook.reason),
                basis: CompletionBasis::Closed,
                completed_at: None,
                summary: None,
                task: None,
                phases_completed: None,
                duration_minutes: None,
                links: std::collections::BTreeMap::new(),
            })],
            _ => vec![self.sign_of_life()],
        }
    }

    fn word(&self, text: &Text<'_>) -> Option<String> {
        text.get()
            .map(|text| self.cleaner.word(text))
            .filter(|text| !text.is_empty())
    }

    fn used(&self, success: Option<bool>) -> Option<ToolUsed> {
        let hook = self.hook;
        let tool = hook.tool_name.get()?;
        let input = Input::read(hook.tool_input);
        Some(ToolUsed {
            tool: self.cleaner.word(tool),
            summary: input.summary(tool, self.subject.directory.as_deref(), self.cleaner),
            agent: self.word(&hook.agent_id),
            success,
            use_id: self.word(&hook.tool_use_id),
        })
    }

    fn tool_begins(&self) -> Vec<Fact> {
        let Some(used) = self.used(None) else {
            return vec![self.sign_of_life()];
        };
        let asked = asks_user(&used.tool).then(|| {
            let reason = used.summary.clone().filter(|_| used.tool == "AskUserQuestion");
            let reason = reason.unwrap_or_else(|| "Asks whether its plan is right".to_owned());
            waits(WaitingFor::Answer, reason)
        });
        std::iter::once(Fact::ToolUsed(used)).chain(asked).collect()
    }

    fn tool_ends(&self, success: bool) -> Vec<Fact> {
        let Some(used) = self.used(Some(success)) else {
            return vec![self.sign_of_life()];
        };
        // Tokens of a subagent are in its own transcript; its total is only shown, never counted.
        let response = self.hook.tool_response.0.as_ref();
        let agent = response.filter(|_| starts_agent(&used.tool)).and_then(|response| {
            let input = Input::read(self.hook.tool_input);
            let launched = response.status.is("async_launched");
            Some(Fact::AgentReported(AgentReported {
                id: self.word(&response.agent)?,
                kind: self.word(&input.subagent_type),
                name: self.word(&input.description),
                parent: used.agent.clone(),
                status: Some(if launched { "active" } else { "completed" }.to_owned()),
                tokens: response.tokens.0,
                ..AgentReported::default()
            }))
        });
        std::iter::once(Fact::ToolUsed(used)).chain(agent).collect()
    }

    fn asks_approval(&self) -> Fact {
        match self.used(None) {
            Some(used) => wants_approval(&used.tool, used.summary.as_deref()),
            None => wants_approval("a tool", None),
        }
    }

    fn notification(&self) -> Fact {
        let hook = self.hook;
        let message = hook.message.get().unwrap_or_default();
        let waiting_for = match hook.notification_type.get() {
            Some("permission_prompt") => WaitingFor::Permission,
            Some("idle_prompt") => WaitingFor::Prompt,
            Some("elicitation_dialog") => WaitingFor::Answer,
            Some(_) => return self.sign_of_life(),
            // Older versions say it in words only.
            None if message.contains("permission") => WaitingFor::Permission,
            None if message.contains("waiting for your input") => WaitingFor::Prompt,
            None => return self.sign_of_life(),
        };
        let unsaid = match waiting_for {
            WaitingFor::Prompt => return turn_is_over(),
            WaitingFor::Permission => "Wants to use a tool",
            WaitingFor::Answer => "Waits for an answer",
        };
        let reason = match self.word(&hook.tool_name) {
            Some(tool) => format!("Wants to use {tool}"),
            None => Some(self.cleaner.word(message))
                .filter(|words| !words.is_empty())
                .unwrap_or_else(|| unsaid.to_owned()),
        };
        waits(waiting_for, reason)
    }

    /// The turn is over, unless something of it goes on in the background.
    fn stop(&self) -> Fact {
        let over = ["completed", "failed", "killed", "stopped", "cancelled"];
        let tasks = &self.hook.background_tasks.items;
        if tasks
            .iter()
            .any(|task| !task.status.get().is_some_and(|status| over.contains(&status)))
        {
            return self.sign_of_life();
        }
        turn_is_over()
    }

    fn failure(&self) -> Vec<Fact> {
        let message = self.hook.error.get().or(self.hook.message.get());
        let message = self.cleaner.line(message.unwrap_or("the request to the model failed"));
        vec![error(message), turn_is_over()]
    }

    fn agent(&self, status: &str) -> Vec<Fact> {
        let Some(id) = self.word(&self.hook.agent_id) else {
            return vec![self.sign_of_life()];
        };
        vec![agent(id, self.word(&self.hook.agent_type), status)]
    }

    fn sign_of_life(&self) -> Fact {
        let hook = self.hook;
        let mut data = serde_json::Map::new();
        for (name, text) in [
            ("event", &hook.hook_event_name),
            ("notification_type", &hook.notification_type),
            ("trigger", &hook.trigger),
            ("agent_id", &hook.agent_id),
        ] {
            if let Some(word) = self.word(text) {
                data.insert(name.to_owned(), word.into());
            }
        }
        alive(data.into())
    }
}
