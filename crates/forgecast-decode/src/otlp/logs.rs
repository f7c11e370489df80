//! What log records of Claude Code and Codex mean.

use forgecast_protocol::event::{
    CallId, CallReported, CallTokens, Fact, ProblemFound, ToolUsed, UsageSource, WaitingEnded,
};
use forgecast_protocol::{Problem, ProblemKind, Subject};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::model::{Attributes, Group, Record, at, digest, subject};
use super::{Collector, Sequences};

use crate::tool_input::Input;
use crate::transcript::{self, cache_writes, is_plain_id};

/// Largest unknown record that is kept, bytes of JSON.
const MAX_CUSTOM: usize = 4 << 10;

/// Records that say nothing that others do not say better, or too much.
const SILENT: &[&str] = &[
    "claude_code.api_request_body",
    "claude_code.api_response_body",
    "claude_code.assistant_response",
    "codex.sse_event",
    "codex.websocket_event",
    "codex.websocket_request",
];

pub(super) fn take(groups: &[Group<'_, Record<'_>>], sequences: &Sequences, collector: &mut Collector<'_>) {
    for group in groups {
        for record in &group.items {
            match subject(&record.attributes, &group.resource, collector.cleaner) {
                Some(subject) => {
                    sequence(&subject, record, sequences, collector);
                    one(&subject, record, collector);
                }
                None => collector.reject("a log record without session.id: it cannot be told whose it is"),
            }
        }
    }
}

/// Records of a session are numbered: a number that is left out stands for one that did not arrive.
fn sequence(subject: &Subject, record: &Record<'_>, sequences: &Sequences, collector: &mut Collector<'_>) {
    let (Some(session), Some(number)) = (&subject.transcript, record.attributes.count("event.sequence")) else {
        return;
    };
    let Some(before) = sequences.follow(session, number) else {
        return;
    };
    // A number that is not larger is that of a process that began anew.
    let missing = number.saturating_sub(before).saturating_sub(1);
    if missing == 0 {
        return;
    }
    let problem = Problem {
        kind: ProblemKind::Overflow,
        message: format!(
            "telemetry of {session}: {missing} events after number {before} did not arrive; what they say of tokens is \
             taken from the transcript"
        ),
        subject: Some("/v1/logs".to_owned()),
    };
    let found = ProblemFound {
        key: format!("/v1/logs#{session}"),
        problem,
    };
    let name = format!("gap:{session}:{before}:{number}");
    collector.emit(subject, &name, 0, Fact::ProblemFound(found));
}

fn one(subject: &Subject, record: &Record<'_>, collector: &mut Collector<'_>) {
    let kind = kind(record);
    let id = id(&kind, record);
    let attributes = &record.attributes;
    let facts = match kind.as_str() {
        "claude_code.api_request" => vec![Fact::CallReported(request(record))],
        "claude_code.tool_result" | "codex.tool_result" => tool(attributes, collector),
        "claude_code.tool_decision" | "codex.tool_decision" => decision(attributes, collector),
        "claude_code.user_prompt" | "codex.user_prompt" => vec![transcript::prompted()],
        "claude_code.api_error" => vec![error(attributes, collector)],
        "codex.api_request" if attributes.get("error.message").is_some() => vec![error(attributes, collector)],
        "codex.api_request" => Vec::new(),
        silent if SILENT.contains(&silent) => Vec::new(),
        _ => unknown(&kind, attributes, collector).into_iter().collect(),
    };
    if facts.is_empty() {
        collector.found.ignored += 1;
    }
    for (index, fact) in facts.into_iter().enumerate() {
        collector.emit(subject, &id, index, fact);
    }
}

/// The kind of a record with the agent's name before it, wherever it is said.
fn kind(record: &Record<'_>) -> String {
    let known = |text: &&str| text.starts_with("claude_code.") || text.starts_with("codex.");
    let name = record.attributes.text("event.name");
    let names = [record.name.as_deref(), record.body.as_deref(), name];
    if let Some(full) = names.into_iter().flatten().find(known) {
        return full.to_owned();
    }
    match name.or(record.name.as_deref()) {
        Some(short) if !short.contains('.') => format!("claude_code.{short}"),
        other => other.unwrap_or("log").to_owned(),
    }
}

/// By what a record is known when it is sent again: by all of it.
fn id(kind: &str, record: &Record<'_>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(kind.as_bytes());
    hasher.update(record.time.to_le_bytes());
    record.attributes.hash(&mut hasher);
    digest(hasher)
}

/// A call. Where a gateway passes on no id of the request, it cannot be told which call of a transcript it is: then it
/// counts as long as no transcript tells of the session.
fn request(record: &Record<'_>) -> CallReported {
    let attributes = &record.attributes;
    let request = attributes.text("request_id").filter(|id| is_plain_id(id));
    let count = |name: &str| attributes.count(name).unwrap_or_default();
    let model = attributes
        .text("model")
        .filter(|name| is_plain_id(name) && *name != "<synthetic>");
    let micros = attributes.number("cost_usd_micros").map(|micros| micros / 1e6);
    let cost_usd = attributes.number("cost_usd").or(micros);
    CallReported {
        call: CallId {
            request: request.map(str::to_owned),
            ..CallId::default()
        },
        source: UsageSource::Otel,
        used_at: at(record.time),
        model: model.map(str::to_owned),
        fast: attributes.text("speed").map(|speed| speed == "fast"),
        web_searches: 0,
        inference_geo: None,
        tokens: CallTokens {
            input: count("input_tokens"),
            output: count("output_tokens"),
            cache_read: count("cache_read_tokens"),
            ..cache_writes(
                count("cache_creation_tokens"),
                count("cache_creation_5m_tokens"),
                count("cache_creation_1h_tokens"),
            )
        },
        cost_usd: cost_usd.filter(|cost| *cost >= 0.0),
        agent: None,
        context_window: None,
        tools: Vec::new(),
        offset: 0,
    }
}

fn tool(attributes: &Attributes<'_>, collector: &Collector<'_>) -> Vec<Fact> {
    used(attributes, attributes.flag("success"), collector)
        .map(Fact::ToolUsed)
        .into_iter()
        .collect()
}

fn used(attributes: &Attributes<'_>, success: Option<bool>, collector: &Collector<'_>) -> Option<ToolUsed> {
    let tool = attributes.text("tool_name")?;
    let cleaner = collector.cleaner;
    let parameters = attributes
        .text("tool_parameters")
        .or(attributes.text("tool_input"))
        .or(attributes.text("arguments"));
    let summary = parameters.and_then(|text| {
        let input: Input<'_> = serde_json::from_str(text).ok()?;
        input.summary(tool, None, cleaner)
    });
    let id = attributes.text("tool_use_id").or(attributes.text("call_id"));
    Some(ToolUsed {
        tool: cleaner.word(tool),
        summary,
        agent: None,
        success,
        use_id: id.map(|id| cleaner.word(id)),
    })
}

/// A tool was allowed or not; where a person decided, the wait for it is over.
fn decision(attributes: &Attributes<'_>, collector: &Collector<'_>) -> Vec<Fact> {
    let by_person = attributes
        .text("source")
        .is_some_and(|source| source.to_ascii_lowercase().starts_with("user"));
    if !by_person {
        return Vec::new();
    }
    let refused = matches!(attributes.text("decision"), Some("reject" | "denied" | "abort"));
    let Some(decided) = used(attributes, Some(false), collector) else {
        return Vec::new();
    };
    let over = Fact::WaitingEnded(WaitingEnded {
        agent: None,
        use_id: decided.use_id.clone(),
        tool: Some(decided.tool.clone()),
    });
    let refused = refused.then_some(Fact::ToolUsed(decided));
    std::iter::once(over).chain(refused).collect()
}

fn error(attributes: &Attributes<'_>, collector: &Collector<'_>) -> Fact {
    let message = attributes
        .text("error")
        .or(attributes.text("error.message"))
        .unwrap_or("the request to the model failed");
    let status = attributes
        .text("status_code")
        .map(str::to_owned)
        .or(attributes.count("status_code").map(|code| code.to_string()));
    let status = status
        .filter(|status| status != "undefined")
        .map(|status| format!(" (status {status})"));
    let message = format!("API error: {message}{}", status.unwrap_or_default());
    transcript::error(collector.cleaner.line(&message))
}

/// A record that is not known is a sign of life, passed on as it came unless it is large.
fn unknown(kind: &str, attributes: &Attributes<'_>, collector: &Collector<'_>) -> Option<Fact> {
    let data = attributes.value();
    (data.to_string().len() <= MAX_CUSTOM).then(|| {
        transcript::alive(json!({
            "event": collector.cleaner.word(kind),
            "attributes": collector.cleaner.value(data),
        }))
    })
}
