//! The calls in a line of a Claude Code transcript. One call is written on several lines, each with all that is known of
//! it so far; which of them counts is not decided here.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};

use super::record::{Message, Record, Usage, blocks_of};
use crate::lenient::Text;
use crate::transcript::{cache_writes, is_plain_id, when};

/// Most calls within a call that are taken.
const MAX_ITERATIONS: usize = 100;

/// Where a line stands, which names its call when nothing else does.
pub(super) struct Place<'p> {
    /// The session of the file.
    pub(super) session: &'p str,
    /// The subagent by the file's name.
    pub(super) agent: Option<&'p str>,
    /// Where the line begins in the file, bytes.
    pub(super) offset: u64,
}

/// A message of a model, and what its line says around it.
struct MessageWithUsage<'r> {
    message: &'r Message<'r>,
    usage: &'r Usage<'r>,
    request: &'r Text<'r>,
    uuid: &'r Text<'r>,
    at: Option<Timestamp>,
    sidechain: bool,
    agent: Option<String>,
    cost_usd: Option<f64>,
}

/// Whether a line has usage to count.
pub(super) fn has_usage(record: &Record<'_>) -> bool {
    message_with_usage(record, None, None).is_some() || searches(record).is_some()
}

/// Hands every call of the line to `each`: that of its message, those of advisers within it, and what was searched for
/// by calls that are in no transcript. `at` is the line's time; `tools` are the ids of the uses of tools in the line.
/// False when the line has usage and no time, without which nothing is counted.
pub(super) fn calls(
    record: &Record<'_>,
    at: Option<Timestamp>,
    place: &Place<'_>,
    tools: Vec<String>,
    mut each: impl FnMut(CallReported),
) -> bool {
    let agent = short(&record.agent_id).or_else(|| place.agent.map(str::to_owned));
    if let Some(web_searches) = searches(record) {
        let Some(at) = at else {
            return false;
        };
        let message = record.message.0.as_ref();
        let blocks = blocks_of(message.and_then(|message| message.content));
        let tool = blocks.iter().find_map(|block| short(&block.tool_use_id));
        let id = tool.unwrap_or_else(|| line_id(&record.uuid, at, place));
        each(CallReported {
            web_searches,
            ..account(
                format!("{id}:search"),
                at,
                place,
                record.is_sidechain.is_set(),
                agent.clone(),
            )
        });
    }
    let Some(message) = message_with_usage(record, at, agent) else {
        return true;
    };
    let Some(at) = message.at else {
        return false;
    };
    calls_of(&message, at, place, tools, each);
    true
}

/// The message of the line: its own, else that of a subagent of which it reports.
fn message_with_usage<'r>(
    record: &'r Record<'r>,
    at: Option<Timestamp>,
    agent: Option<String>,
) -> Option<MessageWithUsage<'r>> {
    if let Some(message) = &record.message.0
        && let Some(usage) = &message.usage.0
    {
        return Some(MessageWithUsage {
            message,
            usage,
            request: &record.request_id,
            uuid: &record.uuid,
            at,
            sidechain: record.is_sidechain.is_set(),
            agent,
            cost_usd: record.cost_usd.0.filter(|cost| *cost >= 0.0),
        });
    }
    let progress = record.data.0.as_ref().filter(|data| data.kind.is("agent_progress"))?;
    let line = progress.message.0.as_ref()?;
    let message = line.message.0.as_ref()?;
    Some(MessageWithUsage {
        message,
        usage: message.usage.0.as_ref()?,
        request: &line.request_id,
        uuid: &line.uuid,
        at: line.timestamp.get().and_then(when).or(at),
        // The subagent's own file tells of the same call, as one of a side chain, too.
        sidechain: true,
        agent: short(&progress.agent_id).or(agent),
        cost_usd: None,
    })
}

/// How often Claude Code's own tool searched the web. It makes a call of its own for that, which no transcript tells of.
fn searches(record: &Record<'_>) -> Option<u64> {
    let result = record.tool_use_result.0.as_ref()?;
    result.search_count.0.filter(|count| *count > 0)
}

fn calls_of(
    told: &MessageWithUsage<'_>,
    at: Timestamp,
    place: &Place<'_>,
    tools: Vec<String>,
    mut each: impl FnMut(CallReported),
) {
    let (message, usage) = (told.message, told.usage);
    let id = short(&message.id).unwrap_or_else(|| line_id(told.uuid, at, place));
    let call = |message: String, model: Option<String>, usage: &Usage<'_>| CallReported {
        model,
        tokens: tokens(usage),
        web_searches: usage
            .server_tool_use
            .0
            .map_or(0, |tools| tools.web_search_requests.or_zero()),
        inference_geo: short(&usage.inference_geo),
        ..account(message, at, place, told.sidechain, told.agent.clone())
    };
    for (index, iteration) in usage.iterations.items.iter().take(MAX_ITERATIONS).enumerate() {
        if iteration.kind.is("advisor_message") {
            // Without the request: that is the one of the call around it, which telemetry means when it names it.
            each(call(
                format!("{id}:advisor:{index}"),
                model(&iteration.model),
                iteration,
            ));
        }
    }
    let own_model = model(&message.model);
    let own = call(id, own_model, usage);
    // What the agent itself puts in the model's mouth (an error, a stop) is no call.
    if own.model.is_none() && own.tokens.total() == 0 && own.web_searches == 0 {
        return;
    }
    let request = short(told.request);
    each(CallReported {
        call: CallId { request, ..own.call },
        fast: usage.speed.get().map(|speed| speed == "fast"),
        cost_usd: told.cost_usd,
        tools,
        ..own
    });
}

/// An account of nothing yet.
fn account(message: String, at: Timestamp, place: &Place<'_>, sidechain: bool, agent: Option<String>) -> CallReported {
    CallReported {
        call: CallId {
            message: Some(message),
            request: None,
            sidechain,
        },
        source: UsageSource::Transcript,
        used_at: Some(at),
        model: None,
        fast: None,
        web_searches: 0,
        inference_geo: None,
        tokens: CallTokens::default(),
        cost_usd: None,
        agent,
        context_window: None,
        tools: Vec::new(),
        offset: place.offset,
    }
}

/// What names a call whose message has no id: its line. A copy of the file has the same line, so reading that is no
/// second call.
fn line_id(uuid: &Text<'_>, at: Timestamp, place: &Place<'_>) -> String {
    match short(uuid) {
        Some(uuid) => format!("line:{uuid}"),
        None => format!(
            "line:{}:{}:{}:{}",
            place.session,
            place.agent.unwrap_or_default(),
            place.offset,
            at.as_millis()
        ),
    }
}

fn tokens(usage: &Usage<'_>) -> CallTokens {
    let split = usage.cache_creation.0.unwrap_or_default();
    CallTokens {
        input: usage.input_tokens.or_zero(),
        output: usage.output_tokens.or_zero(),
        cache_read: usage.cache_read_input_tokens.or_zero(),
        ..cache_writes(
            usage.cache_creation_input_tokens.or_zero(),
            split.ephemeral_5m_input_tokens.or_zero(),
            split.ephemeral_1h_input_tokens.or_zero(),
        )
    }
}

fn model(name: &Text<'_>) -> Option<String> {
    short(name).filter(|name| name != "<synthetic>")
}

/// An id or a model's name, which are shown as they are; one of absurd length, or with anything in it that none has, is
/// none.
fn short(text: &Text<'_>) -> Option<String> {
    text.get().filter(|text| is_plain_id(text)).map(str::to_owned)
}
