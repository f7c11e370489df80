//! The shape of a line of a Codex rollout, as far as it is of interest: an envelope and, inside it, one of many payloads
//! whose fields do not get in each other's way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::lenient::{Count, Integer, List, Number, Object, Text, Words};
use crate::tool_input::{Input, Question};

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Record<'a> {
    pub(super) timestamp: Text<'a>,
    /// Its number in the file, in newer versions.
    pub(super) ordinal: Count,
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) payload: Object<Payload<'a>>,
}

/// What the line is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Payload<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) id: Text<'a>,
    pub(super) cwd: Text<'a>,
    pub(super) forked_from_id: Text<'a>,
    pub(super) parent_thread_id: Text<'a>,
    /// Where a thread comes from, when it is not a person's.
    pub(super) source: Option<&'a RawValue>,
    pub(super) model: Text<'a>,
    pub(super) service_tier: Text<'a>,
    pub(super) info: Object<Info<'a>>,
    pub(super) rate_limits: Object<RateLimits<'a>>,
    /// The thread that the line is of.
    pub(super) thread_id: Text<'a>,
    pub(super) thread_name: Text<'a>,
    pub(super) thread_settings: Object<Settings<'a>>,
    /// The number of the first line that is the thread's own.
    pub(super) subagent_history_start_ordinal: Count,
    /// Where the thread's history ends in another file, which is then not copied.
    pub(super) history_base: Option<&'a RawValue>,
    pub(super) response_id: Text<'a>,
    pub(super) usage: Object<Usage<'a>>,
    pub(super) thread_token_usage: Object<Tokens>,
    pub(super) model_context_window: Count,
    /// What was said or done, in newer versions.
    pub(super) item: Object<Item<'a>>,
    pub(super) message: Text<'a>,
    pub(super) reason: Text<'a>,
    /// What ended a turn before its time.
    pub(super) error: Option<&'a RawValue>,
    pub(super) name: Text<'a>,
    pub(super) call_id: Text<'a>,
    pub(super) arguments: Text<'a>,
    pub(super) input: Text<'a>,
    pub(super) action: Object<Input<'a>>,
    pub(super) command: Words<'a>,
    pub(super) output: Option<&'a RawValue>,
    /// Of a request to the user.
    pub(super) questions: List<'a, Question<'a>>,
}

/// How much of the plan is used up.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct RateLimits<'a> {
    pub(super) limit_id: Text<'a>,
    pub(super) limit_name: Text<'a>,
    pub(super) primary: Object<LimitWindow>,
    pub(super) secondary: Object<LimitWindow>,
    pub(super) plan_type: Text<'a>,
}

/// How much of one window of the plan is used up.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LimitWindow {
    pub(super) used_percent: Number,
    pub(super) window_minutes: Count,
    /// Seconds since 1970.
    pub(super) resets_at: Count,
    /// Instead of it in older versions.
    pub(super) resets_in_seconds: Count,
}

/// What a thread goes on with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Settings<'a> {
    pub(super) model: Text<'a>,
    pub(super) service_tier: Text<'a>,
}

/// Tokens of the thread so far, and of the last call.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Info<'a> {
    pub(super) total_token_usage: Object<Tokens>,
    pub(super) last_token_usage: Object<Tokens>,
    pub(super) model_context_window: Count,
    pub(super) service_tier: Text<'a>,
}

/// Tokens of one call.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Usage<'a> {
    #[serde(flatten)]
    pub(super) tokens: Tokens,
    pub(super) service_tier: Text<'a>,
}

/// What was said or done: a prompt, an answer, a command.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Item<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    /// That of the use of the tool, for what a tool did.
    pub(super) id: Text<'a>,
    pub(super) content: List<'a, Part<'a>>,
    pub(super) command: Words<'a>,
    pub(super) exit_code: Integer,
    pub(super) aggregated_output: Text<'a>,
    pub(super) server: Text<'a>,
    pub(super) tool: Text<'a>,
    pub(super) query: Text<'a>,
    pub(super) changes: Object<BTreeMap<Cow<'a, str>, IgnoredAny>>,
}

/// A part of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Part<'a> {
    pub(super) text: Text<'a>,
}

/// As the vendor counts: what was cached is inside the input, reasoning inside the output.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    pub(super) input_tokens: Count,
    pub(super) cached_input_tokens: Count,
    #[serde(alias = "cache_creation_input_tokens", alias = "cache_write_tokens")]
    pub(super) cache_write_input_tokens: Count,
    pub(super) output_tokens: Count,
    pub(super) reasoning_output_tokens: Count,
}

/// The answer of a tool in its older form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) output: Text<'a>,
    pub(super) metadata: Object<AnswerMetadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AnswerMetadata {
    pub(super) exit_code: Number,
}

impl<'a> Payload<'a> {
    /// What the user is asked, where the line says it.
    pub(super) fn asked(&self) -> Option<String> {
        let arguments = self.arguments.get();
        let input = arguments.and_then(|text| serde_json::from_str::<Input<'_>>(text).ok());
        let asked = input.as_ref().and_then(Input::question);
        let asked = asked.or_else(|| self.questions.items.first()?.question.get());
        asked.or_else(|| self.message.get()).map(str::to_owned)
    }

    /// The thread that this one was made from: its history stands at the beginning of this file, too.
    pub(super) fn parent(&self) -> Option<Cow<'_, str>> {
        let stated = self.forked_from_id.get().or(self.parent_thread_id.get());
        stated.map(Cow::Borrowed).or_else(|| {
            let source: Value = serde_json::from_str(self.source?.get()).ok()?;
            let id = source.pointer("/subagent/thread_spawn/parent_thread_id")?.as_str()?;
            (!id.is_empty()).then(|| Cow::Owned(id.to_owned()))
        })
    }
}
