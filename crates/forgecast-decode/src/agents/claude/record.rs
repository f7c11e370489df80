//! The shape of a line of a Claude Code transcript, as far as it is of interest. Long parts (what was said, what a tool
//! was given, what it answered) stay as they are until somebody wants them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lenient::{Count, Flag, List, Number, Object, Text};

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Record<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) subtype: Text<'a>,
    pub(super) timestamp: Text<'a>,
    pub(super) uuid: Text<'a>,
    pub(super) session_id: Text<'a>,
    pub(super) cwd: Text<'a>,
    pub(super) request_id: Text<'a>,
    pub(super) agent_id: Text<'a>,
    pub(super) is_sidechain: Flag,
    pub(super) is_meta: Flag,
    pub(super) is_compact_summary: Flag,
    pub(super) is_api_error_message: Flag,
    #[serde(rename = "costUSD")]
    pub(super) cost_usd: Number,
    pub(super) message: Object<Message<'a>>,
    pub(super) tool_use_result: Object<ToolResult<'a>>,
    pub(super) data: Object<Progress<'a>>,
    #[serde(rename = "parentToolUseID")]
    pub(super) parent_tool_use_id: Text<'a>,
    pub(super) custom_title: Text<'a>,
    /// Of the queue of prompts: `enqueue`, `dequeue`, `remove`, `popAll`.
    pub(super) operation: Text<'a>,
    pub(super) ai_title: Text<'a>,
    #[serde(rename = "totalCostUSD")]
    pub(super) total_cost_usd: Number,
    pub(super) start_time: Count,
    pub(super) total_duration: Count,
    #[serde(rename = "hasUnknownModelCost")]
    pub(super) has_unknown_model_cost: Flag,
    pub(super) model_usage: Object<BTreeMap<Cow<'a, str>, Object<ModelTotal>>>,
    pub(super) level: Text<'a>,
    pub(super) content: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) retry_attempt: Count,
    pub(super) max_retries: Count,
    pub(super) compact_metadata: Object<Compacted<'a>>,
}

/// What the model or the user said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    pub(super) id: Text<'a>,
    pub(super) model: Text<'a>,
    pub(super) stop_reason: Text<'a>,
    pub(super) usage: Object<Usage<'a>>,
    pub(super) content: Option<&'a RawValue>,
}

/// Tokens of one call so far, or of a call within it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Usage<'a> {
    /// Of a call within a call: what made it, and its model.
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) model: Text<'a>,
    pub(super) input_tokens: Count,
    pub(super) output_tokens: Count,
    pub(super) cache_read_input_tokens: Count,
    pub(super) cache_creation_input_tokens: Count,
    pub(super) cache_creation: Object<CacheCreation>,
    pub(super) server_tool_use: Object<ServerTools>,
    pub(super) inference_geo: Text<'a>,
    pub(super) speed: Text<'a>,
    pub(super) iterations: List<'a, Usage<'a>>,
}

/// What was written to the cache, by how long it is kept.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CacheCreation {
    pub(super) ephemeral_5m_input_tokens: Count,
    pub(super) ephemeral_1h_input_tokens: Count,
}

/// What the vendor's servers did for a call, each time billed by itself.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerTools {
    pub(super) web_search_requests: Count,
}

/// What the agent itself counted of one model.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ModelTotal {
    pub(super) input_tokens: Count,
    pub(super) output_tokens: Count,
    pub(super) cache_read_input_tokens: Count,
    pub(super) cache_creation_input_tokens: Count,
    pub(super) web_search_requests: Count,
}

/// A part of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Block<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) text: Option<&'a RawValue>,
    pub(super) id: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) input: Option<&'a RawValue>,
    pub(super) tool_use_id: Text<'a>,
    pub(super) is_error: Flag,
    pub(super) content: Option<&'a RawValue>,
}

/// What a tool answered, of those that say more than their text: a subagent's end, the number of searches of the web.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ToolResult<'a> {
    pub(super) agent_id: Text<'a>,
    pub(super) status: Text<'a>,
    pub(super) total_tokens: Count,
    pub(super) search_count: Count,
}

/// What a tool reports while it runs. In 2.1.12 to 2.1.42 a subagent's messages are in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Progress<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) agent_id: Text<'a>,
    pub(super) message: Object<AgentLine<'a>>,
}

/// A line of a subagent within one of its parent's.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct AgentLine<'a> {
    pub(super) timestamp: Text<'a>,
    pub(super) uuid: Text<'a>,
    pub(super) request_id: Text<'a>,
    pub(super) message: Object<Message<'a>>,
}

/// How the context was compacted.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Compacted<'a> {
    pub(super) trigger: Text<'a>,
    pub(super) pre_tokens: Count,
}

/// The text in a part that was left as it was: itself, or the texts of its blocks, one below the other.
pub(super) fn text_of(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let content: List<'_, Block<'_>> = serde_json::from_str(raw?.get()).ok()?;
    if content.text.is_some() {
        return content.text;
    }
    let texts = content.items.iter().filter(|block| block.kind.is("text"));
    let texts: Vec<Cow<'_, str>> = texts
        .filter_map(|block| serde_json::from_str::<Text<'_>>(block.text?.get()).ok()?.0)
        .collect();
    (!texts.is_empty()).then(|| Cow::Owned(texts.join("\n")))
}

/// The blocks of a message's content; text alone is none.
pub(super) fn blocks_of(raw: Option<&RawValue>) -> Vec<Block<'_>> {
    raw.and_then(|raw| serde_json::from_str::<List<'_, Block<'_>>>(raw.get()).ok())
        .map(|list| list.items)
        .unwrap_or_default()
}
