//! The lines of one transcript, and the tokens of its model calls.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{INSTRUCTIONS, ToolUse, Workspace};
use crate::demo::writer::{Action, Step};

const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789";

/// The conversation in one transcript file.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) workspace: Arc<Workspace>,
    file: PathBuf,
    /// The id of the subagent whose transcript this is.
    pub(super) agent: Option<String>,
    model: &'static str,
    /// Tokens in the cache.
    pub(super) context: u64,
    /// Tokens that are new since the last call.
    pub(super) fresh: u64,
    pub(super) calls: u64,
    pub(super) ids: fastrand::Rng,
    parent: Option<String>,
    /// The lines so far.
    pub(super) steps: Vec<Step>,
}

/// One model call. Its output grows from line to line.
#[derive(Debug)]
pub(super) struct Call {
    message: String,
    request: String,
    input: u64,
    read: u64,
    written: u64,
    /// Tokens of the whole output.
    pub(super) output: u64,
}

impl Call {
    /// Tokens of output when the model begins to answer.
    pub(super) fn first_output(&self) -> u64 {
        1 + self.output % 7
    }
}

impl Conversation {
    /// The conversation of the agent, or of its subagent with this id.
    pub(super) fn new(
        workspace: Arc<Workspace>,
        agent: Option<String>,
        model: &'static str,
        fresh: u64,
        ids: fastrand::Rng,
    ) -> Self {
        let session = workspace.transcripts().join(&workspace.session);
        Self {
            file: match &agent {
                Some(id) => session.join(format!("subagents/agent-{id}.jsonl")),
                None => session.with_extension("jsonl"),
            },
            workspace,
            agent,
            model,
            context: INSTRUCTIONS,
            fresh,
            calls: 0,
            ids,
            parent: None,
            steps: Vec::new(),
        }
    }

    /// A call whose lines come one after the other, with more of its output, and what the tool answered.
    pub(super) fn use_tool(&mut self, rng: &mut fastrand::Rng, from_ms: u64, length: u64, what: &ToolUse) {
        let call = self.begin_call(rng, 260..1_500);
        let use_id = self.tool_id();
        let [first, second, third] = [20, 55, 90].map(|percent| from_ms + length * percent / 100);
        let text = self.part(first, &call, call.first_output(), what.text());
        self.write(first, &text);
        let tool = self.part(second, &call, call.output, what.tool(&use_id));
        self.write(second, &tool);
        let answer = self.message(third, &result(&use_id, &what.output, false));
        self.write(third, &answer);
        self.end_call(&call, rng.u64(700..4_300));
    }

    pub(super) fn begin_call(&mut self, rng: &mut fastrand::Rng, output: Range<u64>) -> Call {
        self.calls += 1;
        Call {
            message: format!("msg_01{}", self.id(22)),
            request: format!("req_011{}", self.id(21)),
            input: rng.u64(1..9),
            read: self.context,
            written: self.fresh,
            output: rng.u64(output),
        }
    }

    /// Ends a call; its output and the tool's answer (`answered` tokens) are new input for the next one.
    pub(super) fn end_call(&mut self, call: &Call, answered: u64) {
        self.context = call.read + call.written;
        self.fresh = call.output + answered;
    }

    pub(super) fn tool_id(&mut self) -> String {
        format!("toolu_01{}", self.id(22))
    }

    /// A line of the model with one part of its message and the tokens of output so far.
    pub(super) fn part(&mut self, at_ms: u64, call: &Call, output: u64, part: Value) -> Value {
        let mut line = self.line(at_ms, "assistant");
        line["requestId"] = call.request.clone().into();
        line["message"] = json!({ "model": self.model, "id": call.message, "type": "message", "role": "assistant",
            "content": [part], "stop_reason": null, "stop_sequence": null,
            "usage": { "input_tokens": call.input, "cache_creation_input_tokens": call.written,
                "cache_read_input_tokens": call.read, "output_tokens": output, "service_tier": "standard",
                "cache_creation": { "ephemeral_5m_input_tokens": call.written, "ephemeral_1h_input_tokens": 0 } } });
        line
    }

    /// A line of the user or of a tool.
    pub(super) fn message(&mut self, at_ms: u64, content: &Value) -> Value {
        let mut line = self.line(at_ms, "user");
        line["message"] = json!({ "role": "user", "content": content });
        line
    }

    /// The common fields of every line.
    pub(super) fn line(&mut self, at_ms: u64, kind: &str) -> Value {
        let id = uuid(&mut self.ids);
        let parent = self.parent.replace(id.clone());
        let workspace = &self.workspace;
        let mut line = json!({ "parentUuid": parent, "isSidechain": self.agent.is_some(), "userType": "external",
            "cwd": workspace.folder.to_string_lossy(), "sessionId": workspace.session, "version": "2.1.70", "gitBranch": "main",
            "type": kind, "uuid": id, "timestamp": workspace.time(at_ms) });
        if let Some(agent) = &self.agent {
            line["agentId"] = agent.clone().into();
        }
        line
    }

    /// Appends a line to the transcript.
    pub(super) fn write(&mut self, at_ms: u64, line: &Value) {
        self.steps.push(Step {
            at_ms,
            action: Action::Append {
                path: self.file.clone(),
                text: format!("{line}\n"),
            },
        });
    }

    fn id(&mut self, length: usize) -> String {
        let letter = |_| LETTERS.get(self.ids.usize(..LETTERS.len())).copied().map(char::from);
        (0..length).filter_map(letter).collect()
    }
}

/// The answer of a tool.
pub(super) fn result(use_id: &str, output: &str, failed: bool) -> Value {
    json!([{ "tool_use_id": use_id, "type": "tool_result", "content": output, "is_error": failed }])
}

/// A random UUID, version 4.
pub(super) fn uuid(rng: &mut fastrand::Rng) -> String {
    let number = rng.u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{number:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    parts.join("-")
}
