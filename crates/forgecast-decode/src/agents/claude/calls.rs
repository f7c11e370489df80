//! The calls in a line of a Claude Code transcript. One call is written on several lines, each with all that is known of
//! it so far; which of them counts is not decided here.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};

use super::record::{CacheCreation, Message, Record, Usage};
use crate::lenient::{Count, Object, Text};
use crate::transcript::is_plain_id;

/// Most calls within a call that are taken.
const MAX_ITERATIONS: usize = 100;

/// Hands every call of the line to `each`: that of its message, and those of advisers within it. `at` is the line's time;
/// `agent` the subagent by the file's name; `tools` the ids of the uses of tools in the line.
pub(super) fn calls(
    record: &Record<'_>,
    at: Timestamp,
    offset: u64,
    agent: Option<&str>,
    tools: Vec<String>,
    mut each: impl FnMut(CallReported),
) {
    let Some(message) = &record.message.0 else {
        return;
    };
    let Some(usage) = &message.usage.0 else {
        return;
    };
    let account = |message: Option<String>, model: Option<String>, tokens: CallTokens| CallReported {
        call: CallId {
            message,
            request: short(&record.request_id),
            sidechain: record.is_sidechain.is_set(),
        },
        source: UsageSource::Transcript,
        used_at: Some(at),
        model,
        fast: None,
        tokens,
        cost_usd: None,
        agent: short(&record.agent_id).or_else(|| agent.map(str::to_owned)),
        context_window: None,
        tools: Vec::new(),
        offset,
    };
    for (index, iteration) in usage.iterations.items.iter().take(MAX_ITERATIONS).enumerate() {
        if !iteration.kind.is("advisor_message") {
            continue;
        }
        let id = short(&message.id).map(|id| format!("{id}:advisor:{index}"));
        let mut call = account(id, model(&iteration.model), tokens(iteration));
        // The request is that of the call around it, which telemetry means when it names the request.
        call.call.request = call.call.request.filter(|_| call.call.message.is_none());
        each(call);
    }
    let tokens = tokens(usage);
    let own_model = model(&message.model);
    // What the agent itself puts in the model's mouth (an error, a stop) is no call.
    if own_model.is_none() && tokens.total() == 0 {
        return;
    }
    each(CallReported {
        fast: fast(usage),
        cost_usd: record.cost_usd.0.filter(|cost| *cost >= 0.0),
        tools,
        ..account(short(&message.id), own_model, tokens)
    });
}

/// Whether a message has tokens to count.
pub(super) fn has_usage(record: &Record<'_>) -> bool {
    let message: Option<&Message<'_>> = record.message.0.as_ref();
    message.is_some_and(|message| message.usage.0.is_some())
}

fn tokens(usage: &Usage<'_>) -> CallTokens {
    CallTokens {
        input: usage.input_tokens.or_zero(),
        output: usage.output_tokens.or_zero(),
        cache_read: usage.cache_read_input_tokens.or_zero(),
        ..cache_writes(usage.cache_creation_input_tokens, &usage.cache_creation)
    }
}

/// The split by how long it is kept counts before the sum, which is older and does not say that.
fn cache_writes(sum: Count, split: &Object<CacheCreation>) -> CallTokens {
    let split = split.0.unwrap_or_default();
    let (five, hour) = (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens);
    if five.0.is_none() && hour.0.is_none() {
        return CallTokens {
            cache_write_5m: sum.or_zero(),
            ..CallTokens::default()
        };
    }
    CallTokens {
        cache_write_5m: five.or_zero(),
        cache_write_1h: hour.or_zero(),
        ..CallTokens::default()
    }
}

fn fast(usage: &Usage<'_>) -> Option<bool> {
    usage.speed.get().map(|speed| speed == "fast")
}

fn model(name: &Text<'_>) -> Option<String> {
    short(name).filter(|name| name != "<synthetic>")
}

/// An id or a model's name, which are shown as they are; one of absurd length, or with anything in it that none has, is
/// none.
fn short(text: &Text<'_>) -> Option<String> {
    text.get().filter(|text| is_plain_id(text)).map(str::to_owned)
}
