//! Calls in a Codex rollout. Newer versions write a record of each call with the id of its
//! response; older ones write only the thread's running total after it, of which each step is a
//! call. Newer versions write both, the record first, and of some calls (those that compact the
//! context) the record alone.
//!
//! A call is known by its response, else by its thread and the totals after it. A thread that was
//! made from another one begins with a copy of the other's totals, without the records: such a copy
//! names no call of its own but the totals, which stand with the call itself, too
//! ([`CallId::request`]).

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};
use serde::{Deserialize, Serialize};

use super::history::{CopiedHistory, LineOrigin};
use super::record::{Info, Payload, Tokens};
use crate::clean::plain_line;
use crate::lenient::{Count, Text};

/// Longest id or name of a model that is taken.
const MAX_ID: usize = 100;
/// Records whose totals have not come that are remembered: those of a compaction never come.
const MAX_RECORDED: usize = 8;

/// Input, cached, written to the cache, output, reasoning.
type Numbers = [u64; 5];

/// What is remembered of a thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Thread {
    /// The thread whose file it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fast: Option<bool>,
    /// Tokens that fit into the model's context window.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    /// The thread's total so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Numbers>,
    /// Calls that a record reported and whose totals have not come, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recorded: Vec<RecordedCall>,
    /// The history that the thread was begun with, until the first call of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    copied: Option<CopiedHistory>,
}

/// A call that a record reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RecordedCall {
    message: String,
    usage: Numbers,
    /// The thread's total after it, by the record.
    total: Option<Numbers>,
}

/// A line with usage: where it stands, and when it was written.
#[derive(Clone, Copy)]
pub(super) struct UsageLine<'l> {
    pub(super) payload: &'l Payload<'l>,
    pub(super) at: Timestamp,
    pub(super) ordinal: Option<u64>,
    pub(super) offset: u64,
    /// The thread by the name of its file.
    pub(super) session: &'l str,
}

impl Thread {
    /// A line that says which thread the file is of; behind it those of its ancestors may stand,
    /// the oldest last.
    pub(super) fn begins(&mut self, payload: &Payload<'_>, at: Option<Timestamp>) {
        let Some(id) = payload.id.get().map(cut) else {
            return;
        };
        match &self.id {
            None => {
                self.copied = CopiedHistory::of(payload, at);
                self.id = Some(id);
            }
            // Nothing was used yet: what follows is the other thread's.
            Some(own) if *own != id && (self.copied.is_some() || self.has_used_nothing()) => {
                self.copied = Some(CopiedHistory::shown_by_line(self.copied.take(), at));
            }
            Some(_) => {}
        }
    }

    /// A line that says with which model it goes on.
    pub(super) fn turns(&mut self, payload: &Payload<'_>) {
        if let Some(model) = payload.model.get() {
            self.model = Some(cut(model));
        }
        self.fast = is_fast(&payload.service_tier).or(self.fast);
    }

    /// All settings of the thread as they are from now on: what is not in them has its default.
    pub(super) fn applies(&mut self, payload: &Payload<'_>) {
        let Some(settings) = &payload.thread_settings.0 else {
            return;
        };
        if let Some(model) = settings.model.get() {
            self.model = Some(cut(model));
        }
        self.fast = is_fast(&settings.service_tier);
    }

    /// A line that says how large the context window is.
    pub(super) fn has_window(&mut self, window: Count) {
        self.context_window = window.0.filter(|window| *window > 0).or(self.context_window);
    }

    /// Whether a line of this number was copied from the thread that this one was made from, as far
    /// as the file says.
    pub(super) fn is_copied(&self, ordinal: Option<u64>) -> bool {
        self.copied.as_ref().is_some_and(|copied| copied.has_line(ordinal))
    }

    /// Whether the line is of another thread than the file, as far as it says.
    pub(super) fn is_foreign(&self, payload: &Payload<'_>) -> bool {
        self.names_own_thread(payload) == Some(false)
    }

    /// The record of a call. `None` when it names no response: the totals after it report the call.
    pub(super) fn records(&mut self, line: UsageLine<'_>) -> Option<CallReported> {
        let payload = line.payload;
        let usage = payload.usage.0.as_ref().map(|usage| numbers(&usage.tokens))?;
        let response = payload.response_id.get().map(str::trim).filter(|id| !id.is_empty())?;
        if tokens(usage).total() == 0 {
            return None;
        }
        // With the numbers: servers other than the vendor's begin to number their responses again
        // and again.
        let message = format!("codex:{}:{}", cut(response), joined(usage));
        let total = payload.thread_token_usage.0.as_ref().map(numbers);
        let is_copied = self.is_copy(&line, total == Some(usage));
        let tier = payload.usage.0.as_ref().map(|usage| &usage.service_tier);
        let fast = is_fast(&payload.service_tier).or(tier.and_then(is_fast));
        if self.recorded.len() == MAX_RECORDED {
            self.recorded.remove(0);
        }
        self.recorded.push(RecordedCall {
            message: message.clone(),
            usage,
            total,
        });
        let call = CallId {
            message: Some(message),
            request: total.map(|total| totals(total, usage)),
            sidechain: is_copied,
        };
        Some(self.call(call, usage, fast, &line))
    }

    /// The thread's total after a call. `None` when it says nothing new.
    pub(super) fn counts(&mut self, info: &Info<'_>, line: UsageLine<'_>) -> Option<CallReported> {
        self.has_window(info.model_context_window);
        let total = info.total_token_usage.0.as_ref().map(numbers);
        let last = info.last_token_usage.0.as_ref().map(numbers);
        if total.is_some() && total == self.total {
            return None;
        }
        let step = self.step(total, last)?;
        self.total = total.or(self.total);
        if tokens(step).total() == 0 {
            return None;
        }
        let fast = is_fast(&line.payload.service_tier).or(is_fast(&info.service_tier));
        let is_copied = self.is_copy(&line, total.is_none_or(|total| total == step));
        if let Some(recorded) = self.take_recorded(step, total) {
            return self.links(recorded, total?, step, fast, &line);
        }
        let thread = self.id.as_deref().unwrap_or(line.session);
        let call = match total {
            Some(total) if is_copied => CallId {
                message: None,
                request: Some(totals(total, step)),
                sidechain: true,
            },
            Some(total) => CallId {
                message: Some(format!("codex:{thread}:{}/{}", joined(total), joined(step))),
                request: Some(totals(total, step)),
                sidechain: false,
            },
            None => CallId {
                message: Some(format!("codex:{thread}:@{}", line.offset)),
                request: None,
                sidechain: is_copied,
            },
        };
        Some(self.call(call, step, fast, &line))
    }

    /// What the last call used: by the line, else by how much the total grew.
    fn step(&self, total: Option<Numbers>, last: Option<Numbers>) -> Option<Numbers> {
        last.or_else(|| {
            let (mut step, before) = (total?, self.total.unwrap_or_default());
            // A total that went back was begun anew.
            if step.iter().zip(before).all(|(now, before)| *now >= before) {
                step.iter_mut().zip(before).for_each(|(now, before)| *now -= before);
            }
            Some(step)
        })
    }

    /// The record of the call that led to this total. Those before it are of calls that no total
    /// tells of.
    fn take_recorded(&mut self, step: Numbers, total: Option<Numbers>) -> Option<RecordedCall> {
        let is_it = |call: &RecordedCall| call.usage == step || (total.is_some() && call.total == total);
        let at = self.recorded.iter().rposition(is_it)?;
        self.recorded.drain(..=at).next_back()
    }

    /// The totals after a call that was reported by its record. A copy of them names that call, so
    /// what the record did not say of them is said here: a second account of the call, which is
    /// never the one that counts.
    fn links(
        &self,
        recorded: RecordedCall,
        total: Numbers,
        step: Numbers,
        fast: Option<bool>,
        line: &UsageLine<'_>,
    ) -> Option<CallReported> {
        let request = totals(total, step);
        if recorded.total.map(|total| totals(total, recorded.usage)).as_ref() == Some(&request) {
            return None;
        }
        let call = CallId {
            message: Some(recorded.message),
            request: Some(request),
            sidechain: true,
        };
        Some(self.call(call, recorded.usage, fast, line))
    }

    /// Whether the usage in a line is that of the thread that this one was made from.
    fn is_copy(&mut self, line: &UsageLine<'_>, is_first_call: bool) -> bool {
        let is_own_thread = self.names_own_thread(line.payload);
        let Some(copied) = &mut self.copied else {
            return is_own_thread == Some(false);
        };
        let is_copied = copied.has_call(&LineOrigin {
            at: line.at,
            ordinal: line.ordinal,
            is_own_thread,
            is_first_call,
        });
        if !is_copied {
            self.copied = None;
            self.recorded.clear();
        }
        is_copied
    }

    fn names_own_thread(&self, payload: &Payload<'_>) -> Option<bool> {
        let named = payload.thread_id.get()?;
        self.id.as_ref().map(|own| *own == cut(named))
    }

    fn has_used_nothing(&self) -> bool {
        self.total.is_none() && self.recorded.is_empty()
    }

    fn call(&self, call: CallId, used: Numbers, fast: Option<bool>, line: &UsageLine<'_>) -> CallReported {
        CallReported {
            call,
            source: UsageSource::Transcript,
            used_at: Some(line.at),
            model: self.model.clone(),
            fast: fast.or(self.fast),
            web_searches: 0,
            inference_geo: None,
            tokens: tokens(used),
            cost_usd: None,
            agent: None,
            context_window: self.context_window,
            tools: Vec::new(),
            offset: line.offset,
        }
    }
}

/// The totals after a call and the call's own numbers: what a copy of the call has in common with
/// it.
fn totals(total: Numbers, step: Numbers) -> String {
    format!("codex:{}/{}", joined(total), joined(step))
}

/// Whether a tier of service is the fast one.
fn is_fast(tier: &Text<'_>) -> Option<bool> {
    tier.get().map(|tier| matches!(tier, "fast" | "priority"))
}

fn numbers(tokens: &Tokens) -> Numbers {
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
fn tokens([input, cached, written, output, _]: Numbers) -> CallTokens {
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

fn joined(numbers: Numbers) -> String {
    numbers.map(|number| number.to_string()).join("-")
}

fn cut(text: &str) -> String {
    plain_line(text).chars().take(MAX_ID).collect()
}
