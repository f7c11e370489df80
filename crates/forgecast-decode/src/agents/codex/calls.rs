//! Calls in a Codex rollout: each step of the thread's running total is one. The total is written again when nothing was
//! used, and a thread that was made from another one begins with the other's history, so a call is known by the thread
//! at the root and the totals after it.

use std::borrow::Cow;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};
use serde::{Deserialize, Serialize};

use super::record::{Info, Payload, Tokens};
use crate::clean::plain_line;
use crate::lenient::Count;

/// Longest id or name of a model that is taken.
const MAX_ID: usize = 100;

/// What is remembered of a thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Thread {
    /// The thread whose history stands first in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fast: Option<bool>,
    /// Input, cached, written to the cache, output, reasoning: the thread's total so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<[u64; 5]>,
}

impl Thread {
    /// A line that says which thread the file is of; there is one for each of its ancestors, the oldest last.
    pub(super) fn begins(&mut self, payload: &Payload<'_>) {
        if let Some(root) = payload.parent().or(payload.id.get().map(Cow::Borrowed)) {
            self.root = Some(cut(&root));
        }
    }

    /// A line that says with which model it goes on.
    pub(super) fn turns(&mut self, payload: &Payload<'_>) {
        if let Some(model) = payload.model.get() {
            self.model = Some(cut(model));
        }
        if let Some(tier) = payload.service_tier.get() {
            self.fast = Some(matches!(tier, "fast" | "priority"));
        }
    }

    /// A line that says how many tokens were used. `None` when it says nothing new.
    pub(super) fn counts(&mut self, info: &Info, at: Timestamp, offset: u64, session: &str) -> Option<CallReported> {
        let total = info.total_token_usage.0.as_ref().map(numbers);
        let last = info.last_token_usage.0.as_ref().map(numbers);
        if total.is_some() && total == self.total {
            return None;
        }
        let before = self.total.unwrap_or_default();
        self.total = total.or(self.total);
        let step = last.or_else(|| {
            let mut step = total?;
            // A total that went back was begun anew.
            if step.iter().zip(before).all(|(now, before)| *now >= before) {
                step.iter_mut().zip(before).for_each(|(now, before)| *now -= before);
            }
            Some(step)
        })?;
        let tokens = tokens(step);
        if tokens.total() == 0 {
            return None;
        }
        let root = self.root.as_deref().unwrap_or(session);
        let message = match total {
            Some(total) => format!("codex:{root}:{}/{}", joined(total), joined(step)),
            None => format!("codex:{session}:@{offset}"),
        };
        Some(CallReported {
            call: CallId {
                message: Some(message),
                request: None,
                sidechain: false,
            },
            source: UsageSource::Transcript,
            used_at: Some(at),
            model: self.model.clone(),
            fast: self.fast,
            tokens,
            cost_usd: None,
            agent: None,
            tools: Vec::new(),
            offset,
        })
    }
}

fn numbers(tokens: &Tokens) -> [u64; 5] {
    [
        tokens.input_tokens,
        tokens.cached_input_tokens,
        tokens.cache_write_input_tokens,
        tokens.output_tokens,
        tokens.reasoning_output_tokens,
    ]
    .map(Count::or_zero)
}

/// Tokens as they are priced: what was cached is not input any more, reasoning is output already.
fn tokens([input, cached, written, output, _]: [u64; 5]) -> CallTokens {
    let cache_read = cached.min(input);
    let cache_write_5m = written.min(input - cache_read);
    CallTokens {
        input: input - cache_read - cache_write_5m,
        output,
        cache_read,
        cache_write_5m,
        cache_write_1h: 0,
    }
}

fn joined(numbers: [u64; 5]) -> String {
    numbers.map(|number| number.to_string()).join("-")
}

fn cut(text: &str) -> String {
    plain_line(text).chars().take(MAX_ID).collect()
}
