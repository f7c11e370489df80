//! Turns of the main conversation: when the user is waited for, and when that is over.

use forgecast_protocol::event::{AgentActivity, ToolUsed};
use forgecast_protocol::session::WaitingFor;

use super::{Line, Reader};
use crate::transcript::{Visitor, acts, asks, prompted, turn_failed, turn_is_over, turn_was_stopped};

/// How far apart signs of life are told, milliseconds: much less than the silence that counts as stalled.
const ALIVE_EVERY_MS: i64 = 60_000;

/// How a turn ends.
pub(super) enum TurnEnd<'t> {
    /// By itself.
    Done,
    /// By the user.
    Stopped,
    /// By an error of this text.
    Failed(&'t str),
}

impl Reader {
    /// The turn is over; `message` is the one that ended it, where one did.
    pub(super) fn turn_ends(
        &mut self,
        line: &Line<'_>,
        message: Option<&str>,
        how: &TurnEnd<'_>,
        out: &mut dyn Visitor,
    ) {
        if !line.is_main() {
            return;
        }
        // What comes behind the end only says it again.
        if self.state.over.is_some() && matches!(how, TurnEnd::Done) {
            return;
        }
        self.state.over = Some(message.map(str::to_owned).unwrap_or_default());
        let fact = match how {
            TurnEnd::Done => turn_is_over(),
            TurnEnd::Stopped => turn_was_stopped(),
            TurnEnd::Failed(text) => turn_failed(text, line.context.cleaner()),
        };
        out.fact(&line.context, fact);
    }

    /// A tool asks the user.
    pub(super) fn question(&mut self, line: &Line<'_>, reason: String, used: &ToolUsed, out: &mut dyn Visitor) {
        if line.is_main() {
            out.fact(&line.context, asks(WaitingFor::Answer, reason, used));
        }
    }

    /// The user gave a prompt.
    pub(super) fn prompted(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if line.is_main() && line.context.everything() {
            self.state.over = None;
            out.fact(&line.context, prompted());
        }
    }

    /// The agent goes on without a prompt.
    pub(super) fn goes_on(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if line.is_main() && self.state.over.take().is_some() && line.context.everything() {
            out.fact(&line.context, acts(None, AgentActivity::Working));
        }
    }

    /// A sign of life of this agent, in the middle of what it does.
    pub(super) fn lives(&mut self, agent: Option<&str>, line: &Line<'_>, out: &mut dyn Visitor) {
        let Some(at) = lived_at(line).filter(|_| line.context.everything()) else {
            return;
        };
        let says_it_again = |last: i64| (last..last.saturating_add(ALIVE_EVERY_MS)).contains(&at);
        if self.state.alive_at(agent).is_some_and(says_it_again) {
            return;
        }
        self.state.set_alive_at(agent, at);
        out.fact(&line.context, acts(agent, AgentActivity::Alive));
    }

    /// What was told of this agent shows, too, that it lives; remembered.
    pub(super) fn remember_alive(&mut self, agent: Option<&str>, line: &Line<'_>) {
        if let Some(at) = lived_at(line) {
            self.state.set_alive_at(agent, at);
        }
    }

    /// Whether this message ended the turn: more of its lines are no new work.
    pub(super) fn ended_by(&self, message: Option<&str>) -> bool {
        let over = self.state.over.as_deref();
        message.is_some() && over == message
    }
}

/// When an agent lived that says so in this line, milliseconds; never later than now.
fn lived_at(line: &Line<'_>) -> Option<i64> {
    let at = line.context.at?.min(line.context.input.now);
    Some(at.as_millis())
}
