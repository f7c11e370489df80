//! The shape of a line of a Claude Code transcript, as far as it is of interest. Long parts (what was said, what a tool
//! was given, what it answered) stay as they are until somebody wants them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lenient::{Count, Flag, List, Number, Object, Text};

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Record<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) subtype: Text<'a>,
    #[serde(borrow)]
    pub(crate) timestamp: Text<'a>,
    #[serde(borrow)]
    pub(crate) session_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) cwd: Text<'a>,
    #[serde(borrow)]
    pub(crate) request_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) agent_id: Text<'a>,
    pub(crate) is_sidechain: Flag,
    pub(crate) is_meta: Flag,
    pub(crate) is_compact_summary: Flag,
    pub(crate) is_api_error_message: Flag,
    #[serde(rename = "costUSD")]
    pub(crate) cost_usd: Number,
    #[serde(borrow)]
    pub(crate) message: Object<Message<'a>>,
    #[serde(borrow)]
    pub(crate) tool_use_result: Object<AgentResult<'a>>,
    #[serde(borrow)]
    pub(crate) data: Object<Progress<'a>>,
    #[serde(borrow, rename = "parentToolUseID")]
    pub(crate) parent_tool_use_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) custom_title: Text<'a>,
    #[serde(borrow)]
    pub(crate) level: Text<'a>,
    #[serde(borrow)]
    pub(crate) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
    pub(crate) retry_attempt: Count,
    pub(crate) max_retries: Count,
    #[serde(borrow)]
    pub(crate) compact_metadata: Object<Compacted<'a>>,
}

/// What the model or the user said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) model: Text<'a>,
    #[serde(borrow)]
    pub(crate) stop_reason: Text<'a>,
    #[serde(borrow)]
    pub(crate) usage: Object<Usage<'a>>,
    #[serde(borrow)]
    pub(crate) content: Option<&'a RawValue>,
}

/// Tokens of one call so far.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage<'a> {
    pub(crate) input_tokens: Count,
    pub(crate) output_tokens: Count,
    pub(crate) cache_read_input_tokens: Count,
    pub(crate) cache_creation_input_tokens: Count,
    pub(crate) cache_creation: Object<CacheCreation>,
    #[serde(borrow)]
    pub(crate) speed: Text<'a>,
    #[serde(borrow)]
    pub(crate) iterations: List<'a, Iteration<'a>>,
}

/// What was written to the cache, by how long it is kept.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CacheCreation {
    pub(crate) ephemeral_5m_input_tokens: Count,
    pub(crate) ephemeral_1h_input_tokens: Count,
}

/// A call within a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Iteration<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) model: Text<'a>,
    pub(crate) input_tokens: Count,
    pub(crate) output_tokens: Count,
    pub(crate) cache_read_input_tokens: Count,
    pub(crate) cache_creation_input_tokens: Count,
    pub(crate) cache_creation: Object<CacheCreation>,
}

/// A part of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) tool_use_id: Text<'a>,
    pub(crate) is_error: Flag,
    #[serde(borrow)]
    pub(crate) content: Option<&'a RawValue>,
}

/// What the tool that starts a subagent answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AgentResult<'a> {
    #[serde(borrow)]
    pub(crate) agent_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) status: Text<'a>,
    pub(crate) total_tokens: Count,
}

/// What a tool reports while it runs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Progress<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) agent_id: Text<'a>,
}

/// How the context was compacted.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Compacted<'a> {
    #[serde(borrow)]
    pub(crate) trigger: Text<'a>,
    pub(crate) pre_tokens: Count,
}

/// The text in a part that was left as it was: itself, or the texts of its blocks, one below the other.
pub(crate) fn text_of(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
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
pub(crate) fn blocks_of(raw: Option<&RawValue>) -> Vec<Block<'_>> {
    raw.and_then(|raw| serde_json::from_str::<List<'_, Block<'_>>>(raw.get()).ok())
        .map(|list| list.items)
        .unwrap_or_default()
}
