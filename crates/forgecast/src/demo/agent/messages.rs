//! The lines of one transcript, and the tokens of its model calls.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{INSTRUCTIONS, Workspace};
use crate::demo::writer::{Action, Step};

const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789";

/// The conversation in one transcript file.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) file: PathBuf,
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
}

/// One model call.
#[derive(Debug)]
pub(super) struct Call {
    message: String,
    request: String,
    input: u64,
    read: u64,
    written: u64,
    output: u64,
}

/// A model call in progress; its output grows from line to line.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallProgress<'c> {
    call: &'c Call,
    output: u64,
}

impl Call {
    /// The model has begun to answer.
    pub(super) fn begun(&self) -> CallProgress<'_> {
        CallProgress {
            call: self,
            output: 1 + self.output % 7,
        }
    }

    /// It has answered.
    pub(super) fn ended(&self) -> CallProgress<'_> {
        CallProgress {
            call: self,
            output: self.output,
        }
    }
}

impl Conversation {
    pub(super) fn new(
        file: PathBuf,
        agent: Option<String>,
        model: &'static str,
        fresh: u64,
        ids: fastrand::Rng,
    ) -> Self {
        Self {
            file,
            agent,
            model,
            context: INSTRUCTIONS,
            fresh,
            calls: 0,
            ids,
            parent: None,
        }
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

    /// A line of the model with one part of its message and the tokens used so far.
    pub(super) fn part(&mut self, workspace: &Workspace, at_ms: u64, call: &CallProgress<'_>, part: Value) -> Value {
        let CallProgress { call, output } = *call;
        let mut line = self.line(workspace, at_ms, "assistant");
        line["requestId"] = call.request.clone().into();
        line["message"] = json!({ "model": self.model, "id": call.message, "type": "message", "role": "assistant",
            "content": [part], "stop_reason": null, "stop_sequence": null,
            "usage": { "input_tokens": call.input, "cache_creation_input_tokens": call.written,
                "cache_read_input_tokens": call.read, "output_tokens": output, "service_tier": "standard",
                "cache_creation": { "ephemeral_5m_input_tokens": call.written, "ephemeral_1h_input_tokens": 0 } } });
        line
    }

    /// A line of the user or of a tool.
    pub(super) fn said(&mut self, workspace: &Workspace, at_ms: u64, content: &Value) -> Value {
        let mut line = self.line(workspace, at_ms, "user");
        line["message"] = json!({ "role": "user", "content": content });
        line
    }

    /// The common fields of every line.
    pub(super) fn line(&mut self, workspace: &Workspace, at_ms: u64, kind: &str) -> Value {
        let id = uuid(&mut self.ids);
        let parent = self.parent.replace(id.clone());
        let mut line = json!({ "parentUuid": parent, "isSidechain": self.agent.is_some(), "userType": "external",
            "cwd": workspace.folder.to_string_lossy(), "sessionId": workspace.session, "version": "2.1.70", "gitBranch": "main",
            "type": kind, "uuid": id, "timestamp": workspace.time(at_ms) });
        if let Some(agent) = &self.agent {
            line["agentId"] = agent.clone().into();
        }
        line
    }

    /// The step that appends a line.
    pub(super) fn step(&self, at_ms: u64, line: &Value) -> Step {
        Step {
            at_ms,
            action: Action::AppendTranscript {
                file: self.file.clone(),
                line: format!("{line}\n"),
            },
        }
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
