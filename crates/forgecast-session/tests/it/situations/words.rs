//! Short words for what agents and producers write.

use serde_json::{Value, json};

use super::{Step, What, second};
use crate::support::PROJECT;

/// The conversation that most situations are about, and another one in the same folder.
pub(super) const MAIN: &str = "7c1e90d2";
pub(super) const OTHER: &str = "e04b77aa";
/// A thread of Codex.
const THREAD: &str = "0199aa10-7d3c-7000-8000-00000000c0de";

/// Steps, in the order in which they are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Script(pub(super) Vec<Step>);

impl Script {
    fn step(mut self, at: i64, what: What) -> Self {
        self.0.push(Step { at, what });
        self
    }

    /// A line of Claude Code, in the file of a conversation or of one of its subagents.
    pub(super) fn line(self, at: i64, conversation: &str, agent: Option<&str>, kind: &str, more: Value) -> Self {
        let mut line = json!({
            "parentUuid": null, "isSidechain": agent.is_some(), "cwd": PROJECT, "sessionId": conversation,
            "version": "2.1.300", "type": kind, "timestamp": second(at),
        });
        let fields = line.as_object_mut().unwrap();
        fields.extend(agent.map(|agent| ("agentId".to_owned(), agent.into())));
        fields.extend(more.as_object().unwrap().clone());
        let path = match agent {
            None => format!("projects/-weather-app/{conversation}.jsonl"),
            Some(agent) => format!("projects/-weather-app/{conversation}/subagents/agent-{agent}.jsonl"),
        };
        self.step(at, What::Line("claude", path, line))
    }

    fn main(self, at: i64, kind: &str, more: Value) -> Self {
        self.line(at, MAIN, None, kind, more)
    }

    fn user(self, at: i64, content: Value) -> Self {
        self.main(at, "user", json!({"message": {"role": "user", "content": content}}))
    }

    pub(super) fn prompt(self, at: i64, text: &str) -> Self {
        self.user(at, json!(text))
    }

    /// What the agent writes for the user without asking the model.
    pub(super) fn meta(self, at: i64, text: &str) -> Self {
        let message = json!({"role": "user", "content": [{"type": "text", "text": text}]});
        self.main(at, "user", json!({"isMeta": true, "message": message}))
    }

    /// The model says one thing.
    fn says(self, at: i64, conversation: &str, agent: Option<&str>, part: Value, stop: &str) -> Self {
        let id = format!("{}{at}", agent.unwrap_or(conversation));
        let message = json!({
            "id": format!("msg_{id}"), "role": "assistant", "model": "claude-opus-4-8", "content": [part],
            "stop_reason": stop, "usage": {"input_tokens": 9, "output_tokens": 4},
        });
        let more = json!({"requestId": format!("req_{id}"), "message": message});
        self.line(at, conversation, agent, "assistant", more)
    }

    pub(super) fn uses_in(self, at: i64, of: (&str, Option<&str>), id: &str, tool: &str, input: &Value) -> Self {
        let part = json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": tool, "input": input});
        self.says(at, of.0, of.1, part, "tool_use")
    }

    pub(super) fn uses(self, at: i64, id: &str, tool: &str, input: &Value) -> Self {
        self.uses_in(at, (MAIN, None), id, tool, input)
    }

    pub(super) fn runs(self, at: i64, id: &str, command: &str) -> Self {
        self.uses(at, id, "Bash", &json!({ "command": command }))
    }

    pub(super) fn result_in(self, at: i64, of: (&str, Option<&str>), id: &str, more: &Value) -> Self {
        let part = json!({"type": "tool_result", "tool_use_id": format!("toolu_{id}"), "content": "some text"});
        let mut line = json!({"message": {"role": "user", "content": [part]}});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.line(at, of.0, of.1, "user", line)
    }

    pub(super) fn result(self, at: i64, id: &str) -> Self {
        self.result_in(at, (MAIN, None), id, &json!({}))
    }

    pub(super) fn ends_in(self, at: i64, of: (&str, Option<&str>)) -> Self {
        self.says(
            at,
            of.0,
            of.1,
            json!({"type": "text", "text": "That is all."}),
            "end_turn",
        )
    }

    pub(super) fn ends(self, at: i64) -> Self {
        self.ends_in(at, (MAIN, None))
    }

    /// A request failed and is not tried again.
    pub(super) fn gives_up(self, at: i64, text: &str) -> Self {
        let message = json!({
            "id": format!("e{at}"), "role": "assistant", "model": "<synthetic>", "stop_reason": "stop_sequence",
            "content": [{"type": "text", "text": text}],
        });
        self.main(
            at,
            "assistant",
            json!({"isApiErrorMessage": true, "error": "unknown", "message": message}),
        )
    }

    pub(super) fn stopped_by_user(self, at: i64) -> Self {
        self.user(
            at,
            json!([{"type": "text", "text": "[Request interrupted by user for tool use]"}]),
        )
    }

    pub(super) fn system(self, at: i64, subtype: &str, more: Value) -> Self {
        let mut line = json!({ "subtype": subtype });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.main(at, "system", line)
    }

    pub(super) fn progress(self, at: i64, data: Value) -> Self {
        self.main(at, "progress", json!({"data": data, "parentToolUseID": "toolu_p"}))
    }

    pub(super) fn queue(self, at: i64, operation: &str) -> Self {
        self.main(at, "queue-operation", json!({ "operation": operation }))
    }

    /// A command of the agent's own, `/clear` for example, and what it printed.
    pub(super) fn local_command(self, at: i64, command: &str) -> Self {
        let text = format!("<command-name>{command}</command-name>\n<command-args></command-args>");
        self.prompt(at, &text)
            .prompt(at + 1, "<local-command-stdout>so it is</local-command-stdout>")
    }

    pub(super) fn hook(self, at: i64, event: &str, more: Value) -> Self {
        let mut body = json!({"session_id": MAIN, "cwd": PROJECT, "hook_event_name": event, "nonce": at});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.step(at, What::Hook(body))
    }

    /// A hook about the use of a shell, of the main agent or a subagent.
    pub(super) fn shell_hook(self, at: i64, event: &str, id: Option<&str>, agent: Option<&str>, command: &str) -> Self {
        let mut more = json!({"tool_name": "Bash", "tool_input": {"command": command}});
        let fields = more.as_object_mut().unwrap();
        fields.extend(id.map(|id| ("tool_use_id".to_owned(), format!("toolu_{id}").into())));
        fields.extend(agent.map(|agent| ("agent_id".to_owned(), agent.into())));
        self.hook(at, event, more)
    }

    pub(super) fn phase(self, at: i64, phase: &str, status: &str) -> Self {
        let content = json!({
            "session_id": "weather-app", "current_phase": phase, "status": status, "progress_detail": "as planned",
            "phases_completed": [], "started_at": second(at - 60), "last_updated": second(at),
        });
        self.step(at, What::Phase(content))
    }

    pub(super) fn codex(self, at: i64, kind: &str, payload: Value) -> Self {
        let line = json!({"timestamp": second(at), "type": kind, "payload": payload});
        let path = format!("sessions/2026/02/03/rollout-2026-02-03T09-00-00-{THREAD}.jsonl");
        self.step(at, What::Line("codex", path, line))
    }

    /// A thread of Codex with a prompt.
    pub(super) fn codex_prompt(self, at: i64) -> Self {
        self.codex(
            at,
            "session_meta",
            json!({"id": THREAD, "cwd": PROJECT, "source": "cli"}),
        )
        .codex(at + 1, "event_msg", json!({"type": "task_started"}))
        .codex(
            at + 2,
            "event_msg",
            json!({"type": "user_message", "message": "sort the layers"}),
        )
    }

    pub(super) fn codex_event(self, at: i64, kind: &str, more: Value) -> Self {
        let mut payload = json!({ "type": kind });
        payload
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.codex(at, "event_msg", payload)
    }

    pub(super) fn codex_uses(self, at: i64, id: &str, tool: &str, arguments: &Value) -> Self {
        let payload = json!({"type": "function_call", "name": tool, "call_id": id, "arguments": arguments.to_string()});
        self.codex(at, "response_item", payload)
    }

    pub(super) fn codex_result(self, at: i64, id: &str) -> Self {
        let payload = json!({"type": "function_call_output", "call_id": id, "output": "Exit code: 0\nOutput:\nfine"});
        self.codex(at, "response_item", payload)
    }
}
