//! Which call asked for which use of a tool. Hooks and telemetry name only the use, and may come before the transcript.
//! The number of remembered uses is bounded; forgetting one loses a provenance, never a number.

use std::collections::{HashMap, VecDeque};

use forgecast_protocol::event::UsageSource;
use forgecast_session::ledger::key_of_tool;

/// Uses that are remembered.
const MAX_USES: usize = 65_536;

/// What is known of one use of a tool.
#[derive(Clone, Copy, Default)]
struct Use {
    /// A key of the call that asked for it.
    call: Option<u64>,
    by_hook: bool,
    by_otel: bool,
}

/// The uses that were reported last.
#[derive(Default)]
pub(super) struct ToolUses {
    uses: HashMap<u64, Use>,
    order: VecDeque<u64>,
}

impl ToolUses {
    /// A call asked for this use. Returns the sources that have seen it already.
    pub(super) fn asked(&mut self, tool: &str, call: u64) -> impl Iterator<Item = UsageSource> + use<> {
        let known = self.known(tool);
        known.call = Some(call);
        let sources = [(known.by_hook, UsageSource::Hook), (known.by_otel, UsageSource::Otel)];
        sources.into_iter().filter_map(|(seen, source)| seen.then_some(source))
    }

    /// A source saw this use. Returns a key of the call that asked for it, if that is known.
    pub(super) fn seen(&mut self, tool: &str, source: UsageSource) -> Option<u64> {
        let known = self.known(tool);
        known.by_hook |= source == UsageSource::Hook;
        known.by_otel |= source == UsageSource::Otel;
        known.call
    }

    /// A key of the call that asked for this use, if that is known.
    pub(super) fn call_of(&self, tool: &str) -> Option<u64> {
        self.uses.get(&key_of_tool(tool))?.call
    }

    fn known(&mut self, tool: &str) -> &mut Use {
        let key = key_of_tool(tool);
        if !self.uses.contains_key(&key) {
            self.order.push_back(key);
            if self.order.len() > MAX_USES
                && let Some(oldest) = self.order.pop_front()
            {
                self.uses.remove(&oldest);
            }
        }
        self.uses.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_and_its_call_find_each_other_in_both_orders() {
        let mut tools = ToolUses::default();
        assert_eq!(tools.seen("a", UsageSource::Hook), None);
        assert_eq!(tools.asked("a", 7).collect::<Vec<_>>(), [UsageSource::Hook]);
        assert_eq!(tools.asked("b", 8).count(), 0);
        assert_eq!(tools.seen("b", UsageSource::Otel), Some(8));
        assert_eq!(tools.call_of("b"), Some(8));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut tools = ToolUses::default();
        for number in 0..MAX_USES + 10 {
            tools.seen(&number.to_string(), UsageSource::Hook);
        }
        assert_eq!((tools.uses.len(), tools.order.len()), (MAX_USES, MAX_USES));
        assert_eq!(tools.asked("0", 1).count(), 0);
    }
}
