//! What the hooks of Claude Code can be answered with, and what of a hook has to be known for that. Everything else of a
//! hook is read later, when its agent no longer waits.

use forgecast_protocol::{SessionName, hex};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::asks_user;
use crate::clean::Cleaner;
use crate::json;
use crate::lenient::Text;
use crate::tool_input::Input;
use crate::transcript::session_name;

/// What denies a request when nobody gives a reason.
const DENIED: &str = "The user denied this.";

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
    agent_id: Text<'a>,
    cwd: Text<'a>,
    tool_name: Text<'a>,
    #[serde(borrow)]
    tool_input: Option<&'a RawValue>,
}

impl Head<'_> {
    fn agent(&self, cleaner: &Cleaner) -> Option<SessionName> {
        Some(session_name(&cleaner.identity(self.session_id.get()?)))
    }

    fn subagent(&self, cleaner: &Cleaner) -> Option<String> {
        self.agent_id.get().map(|agent| cleaner.word(agent))
    }

    /// The tool, and what it is used on; of a name that stands twice the last one, as the agent reads it.
    fn tool_use(&self, cleaner: &Cleaner) -> Option<(String, Value)> {
        let input: Value = serde_json::from_str(self.tool_input?.get()).ok()?;
        Some((cleaner.word(self.tool_name.get()?), input))
    }
}

/// A use of a tool that the agent wants to be allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct PermissionRequest {
    /// The agent's own session.
    pub agent: SessionName,
    /// The subagent that asks; absent for the main one.
    pub subagent: Option<String>,
    /// The tool.
    pub tool: String,
    /// What it is used on, exactly: neither cleaned nor masked. Never stored.
    pub input: Value,
    /// The same in one line, cleaned.
    pub summary: Option<String>,
}

impl PermissionRequest {
    /// Reads the body of a hook. `None` when it asks for no permission, when what it asks is a question to the user, which
    /// nobody can answer by allowing it, or when it cannot be read.
    #[must_use]
    pub fn read(body: &[u8], cleaner: &Cleaner) -> Option<Self> {
        let head: Head<'_> = json::body(body, "no hook of Claude Code").ok()?;
        let (tool, input) = head.tool_use(cleaner)?;
        if !head.hook_event_name.is("PermissionRequest") || asks_user(&tool) || !input.is_object() {
            return None;
        }
        Some(Self {
            agent: head.agent(cleaner)?,
            subagent: head.subagent(cleaner),
            summary: Input::read(head.tool_input).summary(&tool, head.cwd.get(), cleaner),
            tool,
            input,
        })
    }

    /// SHA-256 of what is asked for, hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(json!([self.tool, self.input]).to_string()))
    }

    /// The answer that allows it, as JSON. It repeats what was asked for, so that nothing else runs.
    #[must_use]
    pub fn allowance(&self) -> String {
        decision(&json!({"behavior": "allow", "updatedInput": self.input}))
    }

    /// The answer that denies any, as JSON.
    #[must_use]
    pub fn denial(reason: &str) -> String {
        let reason = if reason.is_empty() { DENIED } else { reason };
        decision(&json!({"behavior": "deny", "message": reason}))
    }
}

fn decision(decision: &Value) -> String {
    json!({"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}}).to_string()
}

/// A hook that says that an agent no longer waits for a permission.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitOver {
    agent: SessionName,
    subagent: Option<String>,
    /// The use of a tool that is over; absent when all is.
    tool_use: Option<(String, Value)>,
}

impl WaitOver {
    /// Reads the body of a hook. `None` when it says nothing of the kind, or cannot be read.
    #[must_use]
    pub fn read(body: &[u8], cleaner: &Cleaner) -> Option<Self> {
        let head: Head<'_> = json::body(body, "no hook of Claude Code").ok()?;
        let tool_use = match head.hook_event_name.get()? {
            "PostToolUse" | "PostToolUseFailure" | "PermissionDenied" => Some(head.tool_use(cleaner)?),
            "UserPromptSubmit" | "Stop" | "StopFailure" | "SubagentStop" | "SessionEnd" => None,
            _ => return None,
        };
        Some(Self {
            agent: head.agent(cleaner)?,
            subagent: head.subagent(cleaner),
            tool_use,
        })
    }

    /// Whether it is this that is no longer waited for.
    #[must_use]
    pub fn ends(&self, request: &PermissionRequest) -> bool {
        let is_it = match &self.tool_use {
            Some((tool, input)) => (tool, input) == (&request.tool, &request.input),
            None => true,
        };
        is_it && (&self.agent, &self.subagent) == (&request.agent, &request.subagent)
    }
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
        let agent = head.agent(cleaner)?;
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
    fn what_is_allowed_is_what_was_asked_for_and_only_its_own_end_ends_it() {
        let cleaner = Cleaner::new(Rules::default());
        let hook = |event: &str, tool: &str, input: &str| {
            format!(
                r#"{{"session_id": "0b3c", "hook_event_name": "{event}", "tool_name": "{tool}", "tool_input": {input}}}"#
            )
        };
        // Of two, the agent takes the last one, and so does whoever reads the answer.
        let asked = hook(
            "PermissionRequest",
            "Bash",
            r#"{"command": "ls", "command": "rm -rf \u202e/"}"#,
        );
        let request = PermissionRequest::read(asked.as_bytes(), &cleaner).unwrap();
        assert_eq!(request.input, json!({"command": "rm -rf \u{202e}/"}));
        let allowed: Value = serde_json::from_str(&request.allowance()).unwrap();
        let decision = &allowed["hookSpecificOutput"]["decision"];
        assert_eq!(*decision, json!({"behavior": "allow", "updatedInput": request.input}));
        let other = hook("PermissionRequest", "Bash", r#"{"command": "rm -rf /"}"#);
        let other = PermissionRequest::read(other.as_bytes(), &cleaner).unwrap();
        assert_ne!(request.digest(), other.digest());

        let ends = |event: &str, input: &str, request: &PermissionRequest| {
            let over = WaitOver::read(hook(event, "Bash", input).as_bytes(), &cleaner);
            over.is_some_and(|over| over.ends(request))
        };
        assert!(ends("PostToolUse", r#"{"command": "rm -rf /"}"#, &other));
        assert!(!ends("PostToolUse", r#"{"command": "rm -rf /"}"#, &request));
        assert!(!ends("PreToolUse", r#"{"command": "rm -rf /"}"#, &other));
        assert!(ends("Stop", "{}", &request));
        let of_subagent = PermissionRequest {
            subagent: Some("a1".to_owned()),
            ..other
        };
        assert!(!ends("Stop", "{}", &of_subagent), "it goes on in the background");
        for (tool, input) in [("AskUserQuestion", "{}"), ("ExitPlanMode", "{}"), ("Bash", "7")] {
            let body = hook("PermissionRequest", tool, input);
            assert_eq!(
                PermissionRequest::read(body.as_bytes(), &cleaner),
                None,
                "{tool} {input}"
            );
        }
    }

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
