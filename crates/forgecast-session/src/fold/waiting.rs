//! What a session waits for, and what shows that it no longer does: the use of a tool, a word of its producer, a call
//! that was made later.

use forgecast_protocol::event::{ToolUsed, UsageRecorded, WaitingBegan};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Event, Timestamp};

use super::effect::Effect;
use crate::Session;
use crate::ledger::key_of_tool;
use crate::memory::Wait;

/// Uses of tools that are remembered, the newest: one is told by transcript, telemetry and hook within seconds.
const MAX_USES: usize = 256;

impl Session {
    /// One use is told when it begins and when it is over, and both by several sources; each counts once. A late word
    /// of what is known must not end a wait that began since.
    pub(crate) fn fold_tool(&mut self, fact: &ToolUsed) -> Effect {
        if let Some(id) = &fact.use_id {
            let key = key_of_tool(id);
            let over = fact.success.is_some();
            let uses = &mut self.memory.tool_uses;
            match uses.iter_mut().find(|(known, _)| *known == key) {
                Some((_, was_over)) if *was_over || !over => return Effect::none(),
                Some((_, was_over)) => *was_over = true,
                None => uses.push_back((key, over)),
            }
            while uses.len() > MAX_USES {
                uses.pop_front();
            }
        }
        self.memory.waiting = None;
        Effect::work()
    }

    pub(crate) fn fold_waiting(&mut self, event: &Event, fact: &WaitingBegan) -> Effect {
        let known = self.memory.waiting.as_ref();
        // A source that does not say for what must not take away what another one said.
        let waiting_for = fact.waiting_for.or_else(|| {
            let same = known.filter(|wait| wait.reason == fact.reason);
            same.and_then(|wait| wait.waiting_for)
        });
        if known.is_some_and(|wait| wait.reason == fact.reason && wait.waiting_for == waiting_for) {
            return Effect::none();
        }
        self.memory.waiting = Some(Wait {
            reason: fact.reason.clone(),
            waiting_for,
            since: self.time_of(event),
        });
        Effect::work()
    }

    /// The user said something, or nothing is to be waited for any more: also news to a session that is held to be over
    /// or silent.
    pub(crate) fn fold_waiting_ended(&mut self) -> Effect {
        let was_still = self.memory.quiet.is_some() || self.memory.closed.is_some();
        if self.memory.waiting.take().is_some() || was_still {
            Effect::work()
        } else {
            Effect::none()
        }
    }

    /// The last words before a wait are often read after it was told; a call that was made later shows that it is over.
    pub(crate) fn goes_on_after_waiting(&mut self, fact: &UsageRecorded, at: Timestamp) {
        let named = !fact.accounts.is_empty() && fact.calls > 0;
        self.memory.waiting.take_if(|wait| named && at > wait.since);
    }

    /// Whether the agent finished its turn and waits for the next instruction.
    pub(crate) fn waits_for_prompt(&self) -> bool {
        let waiting = self.memory.waiting.as_ref();
        waiting.is_some_and(|wait| wait.waiting_for == Some(WaitingFor::Prompt))
    }
}
