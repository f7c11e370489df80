//! The two ways in which agents talk to models: where their requests go, and what the events of an
//! answer are.

use serde_json::{Value, json};

use super::{Reply, Tokens};

/// A way to talk to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Anthropic Messages.
    Messages,
    /// OpenAI Responses.
    Responses,
}

/// What is to be said, in whatever dialect.
pub(super) struct Answer {
    /// Makes its ids its own.
    pub(super) number: u64,
    pub(super) model: String,
    pub(super) reply: Reply,
    pub(super) tokens: Tokens,
}

impl Answer {
    /// The words, or the tool with its input.
    fn parts(&self) -> (&str, Option<(&'static str, &Value)>) {
        match &self.reply {
            Reply::Text(text) => (text, None),
            Reply::Tool(name, input) => ("Let me see.", Some((name, input))),
            Reply::Error(..) => ("", None),
        }
    }

    /// All input, as OpenAI counts it: with the cache in it.
    fn whole_input(&self) -> u64 {
        self.tokens.input + self.tokens.cache_read + self.tokens.cache_write
    }
}

impl Dialect {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.rsplit('/').next()? {
            "messages" => Some(Self::Messages),
            "responses" => Some(Self::Responses),
            _ => None,
        }
    }

    /// Tokens that this answer writes to the cache.
    pub(super) fn cache_write(self, number: u64) -> u64 {
        match self {
            Self::Messages => 100 + number,
            Self::Responses => 30 + number,
        }
    }

    pub(super) fn error(self, status: u16, message: &str) -> Value {
        let kind = "invalid_request_error";
        match self {
            Self::Messages => json!({"type": "error", "error": {"type": kind, "message": message}}),
            Self::Responses => json!({"error": {"type": kind, "code": status, "message": message}}),
        }
    }

    /// An answer that is not streamed.
    pub(super) fn whole(self, answer: &Answer) -> Value {
        let Answer { number, model, .. } = answer;
        let (text, _) = answer.parts();
        match self {
            Self::Messages => json!({
                "id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": model,
                "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
                "usage": messages_usage(answer, answer.tokens.output),
            }),
            Self::Responses => responses_end(answer, &json!([responses_message(answer, text)]))["response"].clone(),
        }
    }

    /// The events of an answer that is streamed.
    pub(super) fn events(self, answer: &Answer) -> Vec<Value> {
        match self {
            Self::Messages => messages(answer),
            Self::Responses => responses(answer),
        }
    }
}

fn messages_usage(answer: &Answer, output: u64) -> Value {
    let tokens = answer.tokens;
    json!({
        "input_tokens": tokens.input, "output_tokens": output, "service_tier": "standard",
        "cache_read_input_tokens": tokens.cache_read, "cache_creation_input_tokens": tokens.cache_write,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tokens.cache_write - 40, "ephemeral_1h_input_tokens": 40,
        },
    })
}

fn messages(answer: &Answer) -> Vec<Value> {
    let Answer { number, model, .. } = answer;
    let (text, tool) = answer.parts();
    let message = json!({
        "id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": messages_usage(answer, 1),
    });
    let mut events = vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        json!({"type": "content_block_stop", "index": 0}),
    ];
    if let Some((name, input)) = tool {
        let block = json!({"type": "tool_use", "id": format!("toolu_{number}"), "name": name, "input": {}});
        let delta = json!({"type": "input_json_delta", "partial_json": input.to_string()});
        events.extend([
            json!({"type": "content_block_start", "index": 1, "content_block": block}),
            json!({"type": "content_block_delta", "index": 1, "delta": delta}),
            json!({"type": "content_block_stop", "index": 1}),
        ]);
    }
    let stop = if tool.is_some() { "tool_use" } else { "end_turn" };
    events.extend([
        json!({
            "type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
            "usage": messages_usage(answer, answer.tokens.output),
        }),
        json!({"type": "message_stop"}),
    ]);
    events
}

fn responses_message(answer: &Answer, text: &str) -> Value {
    json!({
        "type": "message", "id": format!("msg_{}", answer.number), "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    })
}

/// The last event, with the whole answer in it.
fn responses_end(answer: &Answer, output: &Value) -> Value {
    let tokens = answer.tokens;
    json!({"type": "response.completed", "response": {
        "id": format!("resp_{}", answer.number), "object": "response", "created_at": 1, "status": "completed",
        "model": answer.model, "output": output,
        "usage": {
            "input_tokens": answer.whole_input(), "output_tokens": tokens.output,
            "total_tokens": answer.whole_input() + tokens.output,
            "input_tokens_details": {"cached_tokens": tokens.cache_read, "cache_write_tokens": tokens.cache_write},
            "output_tokens_details": {"reasoning_tokens": 5},
        },
    }})
}

fn responses(answer: &Answer) -> Vec<Value> {
    let number = answer.number;
    let (text, tool) = answer.parts();
    let created = json!({
        "id": format!("resp_{number}"), "object": "response", "created_at": 1, "status": "in_progress",
        "model": answer.model, "output": [],
    });
    let item = match tool {
        Some((name, input)) => {
            let mut item = json!({
                "type": "function_call", "id": format!("fc_{number}"), "call_id": format!("call_{number}"),
                "name": name, "arguments": input.to_string(), "status": "completed",
            });
            // A tool of a group is called by its own name and that of the group.
            if let Some((group, name)) = name.split_once('.') {
                item["namespace"] = json!(group);
                item["name"] = json!(name);
            }
            item
        }
        None => responses_message(answer, text),
    };
    let mut events = vec![
        json!({"type": "response.created", "response": created}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
    ];
    if tool.is_none() {
        events.push(json!({
            "type": "response.output_text.delta", "item_id": format!("msg_{number}"), "output_index": 0,
            "content_index": 0, "delta": text,
        }));
    }
    events.extend([
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        responses_end(answer, &json!([item])),
    ]);
    events
}
