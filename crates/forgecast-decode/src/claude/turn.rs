//! Turns of the main conversation: when the user is waited for, and when that is over.

use forgecast_protocol::event::{Fact, WaitingBegan, WaitingEnded};
use forgecast_protocol::session::WaitingFor;

use super::state::Waiting;
use super::{Line, Reader};
use crate::transcript::Taken;

impl Reader {
    /// The turn is over; `message` is the one that ended it, where one did.
    pub(super) fn turn_ends(&mut self, line: &Line<'_>, message: Option<&str>, out: &mut Taken) {
        if !line.told.everything() || !line.is_main() || matches!(self.state.waiting, Some(Waiting::Prompt(_))) {
            return;
        }
        self.state.waiting = Some(Waiting::Prompt(message.map(str::to_owned)));
        let waiting = WaitingBegan {
            reason: "its turn is over; it waits for the next prompt".to_owned(),
            waiting_for: Some(WaitingFor::Prompt),
        };
        line.say(Fact::WaitingBegan(waiting), out);
    }

    /// A tool asks the user.
    pub(super) fn question(&mut self, line: &Line<'_>, id: &str, reason: String, out: &mut Taken) {
        if !line.told.everything() || !line.is_main() {
            return;
        }
        self.state.waiting = Some(Waiting::Answer(id.to_owned()));
        let waiting = WaitingBegan {
            reason,
            waiting_for: Some(WaitingFor::Answer),
        };
        line.say(Fact::WaitingBegan(waiting), out);
    }

    /// The user said something, or the agent goes on without.
    pub(super) fn goes_on(&mut self, line: &Line<'_>, out: &mut Taken) {
        if line.is_main() && self.state.waiting.take().is_some() && line.told.everything() {
            line.say(Fact::WaitingEnded(WaitingEnded {}), out);
        }
    }

    /// The question was answered.
    pub(super) fn answered(&mut self, line: &Line<'_>, id: &str, out: &mut Taken) {
        if matches!(&self.state.waiting, Some(Waiting::Answer(asked)) if asked == id) {
            self.goes_on(line, out);
        }
    }

    /// Whether this message ended the turn: more of its lines are no new work.
    pub(super) fn ended_by(&self, message: Option<&str>) -> bool {
        message.is_some() && matches!(&self.state.waiting, Some(Waiting::Prompt(by)) if by.as_deref() == message)
    }
}
