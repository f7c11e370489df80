//! The shape of a line of a Codex rollout, as far as it is of interest: an envelope and, inside it, one of many payloads
//! whose fields do not get in each other's way.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::lenient::{Count, List, Object, Text};
use crate::tool_input::{Input, Question};

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Record<'a> {
    pub(super) timestamp: Text<'a>,
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
    pub(super) info: Object<Info>,
    pub(super) message: Text<'a>,
    pub(super) reason: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) call_id: Text<'a>,
    pub(super) arguments: Text<'a>,
    pub(super) input: Text<'a>,
    pub(super) action: Object<Input<'a>>,
    pub(super) command: crate::lenient::Words<'a>,
    pub(super) output: Option<&'a RawValue>,
    /// Of a request to the user.
    pub(super) questions: List<'a, Question<'a>>,
}

/// Tokens of the thread so far, and of the last call.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    pub(super) total_token_usage: Object<Tokens>,
    pub(super) last_token_usage: Object<Tokens>,
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
    pub(super) exit_code: crate::lenient::Number,
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
