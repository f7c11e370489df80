//! Turns of the main conversation: when the user is waited for, and when that is over.

use forgecast_protocol::event::{Fact, WaitingEnded};
use forgecast_protocol::session::WaitingFor;

use super::state::Waiting;
use super::{Line, Reader};
use crate::transcript::{Visitor, turn_is_over, waits};

impl Reader {
    /// The turn is over; `message` is the one that ended it, where one did.
    pub(super) fn turn_ends(&mut self, line: &Line<'_>, message: Option<&str>, out: &mut dyn Visitor) {
        if !line.context.everything() || !line.is_main() || matches!(self.state.waiting, Some(Waiting::Prompt(_))) {
            return;
        }
        self.state.waiting = Some(Waiting::Prompt(message.map(str::to_owned)));
        out.fact(&line.context, turn_is_over());
    }

    /// A tool asks the user.
    pub(super) fn question(&mut self, line: &Line<'_>, id: &str, reason: String, out: &mut dyn Visitor) {
        if !line.context.everything() || !line.is_main() {
            return;
        }
        self.state.waiting = Some(Waiting::Answer(id.to_owned()));
        out.fact(&line.context, waits(WaitingFor::Answer, reason));
    }

    /// The user said something, or the agent goes on without.
    pub(super) fn goes_on(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if line.is_main() && self.state.waiting.take().is_some() && line.context.everything() {
            out.fact(&line.context, Fact::WaitingEnded(WaitingEnded {}));
        }
    }

    /// The question was answered.
    pub(super) fn answered(&mut self, line: &Line<'_>, id: &str, out: &mut dyn Visitor) {
        if matches!(&self.state.waiting, Some(Waiting::Answer(asked)) if asked == id) {
            self.goes_on(line, out);
        }
    }

    /// Whether this message ended the turn: more of its lines are no new work.
    pub(super) fn ended_by(&self, message: Option<&str>) -> bool {
        message.is_some() && matches!(&self.state.waiting, Some(Waiting::Prompt(by)) if by.as_deref() == message)
    }
}
