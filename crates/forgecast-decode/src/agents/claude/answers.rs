//! What the hooks of Claude Code can be answered with, and what of a hook has to be known for that. Everything else of a
//! hook is read later, when its agent no longer waits.

use forgecast_protocol::SessionName;
use serde::Deserialize;
use serde_json::json;

use crate::clean::Cleaner;
use crate::json;
use crate::lenient::Text;
use crate::transcript::session_name;

/// A hook that may be answered with a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusableHook {
    /// The agent's own session.
    pub agent: SessionName,
    /// What would be refused.
    pub kind: Refusable,
}

/// What a hook can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusable {
    /// The use of a tool.
    Tool,
    /// A prompt.
    Prompt,
}

/// The part of a hook's body that says whose it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Head<'a> {
    session_id: Text<'a>,
    hook_event_name: Text<'a>,
}

impl RefusableHook {
    /// Reads the body of a hook. `None` when nothing can be refused, or when it cannot be read.
    #[must_use]
    pub fn read(body: &[u8], cleaner: &Cleaner) -> Option<Self> {
        let head: Head<'_> = json::body(body, "no hook of Claude Code").ok()?;
        let kind = match head.hook_event_name.get()? {
            "PreToolUse" => Refusable::Tool,
            "UserPromptSubmit" => Refusable::Prompt,
            _ => return None,
        };
        let agent = session_name(&cleaner.identity(head.session_id.get()?));
        Some(Self { agent, kind })
    }
}

impl Refusable {
    /// The name of the hook.
    #[must_use]
    pub fn hook(self) -> &'static str {
        match self {
            Self::Tool => "PreToolUse",
            Self::Prompt => "UserPromptSubmit",
        }
    }

    /// The answer that refuses it, as JSON.
    #[must_use]
    pub fn refusal(self, reason: &str) -> String {
        let answer = match self {
            Self::Tool => json!({"hookSpecificOutput": {
                "hookEventName": self.hook(),
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }}),
            Self::Prompt => json!({"decision": "block", "reason": reason}),
        };
        answer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Rules;

    #[test]
    fn only_tools_and_prompts_of_a_named_session_can_be_refused() {
        let read = |body: &str| RefusableHook::read(body.as_bytes(), &Cleaner::new(Rules::default()));
        let kind = |body: &str| read(body).map(|hook| (hook.agent.to_string(), hook.kind));
        let tool = r#"{"session_id": "0b3c", "hook_event_name": "PreToolUse", "tool_input": {"command": "ls"}}"#;
        assert_eq!(kind(tool), Some(("0b3c".to_owned(), Refusable::Tool)));
        let prompt = r#"{"session_id": "0b3c", "hook_event_name": "UserPromptSubmit"}"#;
        assert_eq!(kind(prompt), Some(("0b3c".to_owned(), Refusable::Prompt)));
        for other in [
            r#"{"session_id": "0b3c", "hook_event_name": "Stop"}"#,
            r#"{"hook_event_name": "PreToolUse"}"#,
            r#"{"session_id": 7, "hook_event_name": "PreToolUse"}"#,
            "[]",
            "{",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
    }
}
