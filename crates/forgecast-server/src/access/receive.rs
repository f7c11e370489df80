//! Which facts and messages of a session the holder of a share link receives: not those about more than this session, such as
//! a passed budget of a day or a month and what all sessions have spent.

use forgecast_hub::{Frame, FrameKind};
use forgecast_protocol::Fact;
use forgecast_protocol::event::BudgetScope;
use serde_json::Value;

use super::Principal;

impl Principal {
    /// Whether this principal may receive a fact of a session that it may view.
    pub(crate) fn can_receive_fact(&self, fact: &Fact) -> bool {
        let of_all = matches!(fact, Fact::BudgetPassed(passed) if passed.scope != BudgetScope::Session);
        !of_all || !matches!(self, Self::ShareLink(..))
    }

    /// Whether this principal may receive a message of a topic that it may subscribe to.
    pub(crate) fn can_receive(&self, frame: &Frame) -> bool {
        if frame.kind != FrameKind::Event || !matches!(self, Self::ShareLink(..)) {
            return true;
        }
        // Events are rare and share links are few, so parsing costs little.
        let Ok(message) = serde_json::from_slice::<Value>(&frame.json) else {
            return false;
        };
        let event = &message["event"];
        event["type"] != "budget_passed" || event["data"]["scope"] == "session"
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forgecast_protocol::Clock;
    use forgecast_protocol::event::BudgetPassed;
    use forgecast_protocol::session::BudgetLevel;
    use serde_json::json;

    use super::super::{Keys, Role};
    use super::*;

    #[test]
    fn guests_learn_what_their_session_spent_and_not_what_all_did() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(&folder.path().join("access.json"), Clock::new(Default::default)).unwrap();
        let (_, link) = keys.share("a~1".parse().unwrap(), Duration::from_secs(60)).unwrap();
        let (_, token) = keys.add_token(Role::View, "phone").unwrap();
        let (guest, viewer) = (keys.find(&link).unwrap(), keys.find(&token).unwrap());
        for (scope, theirs) in [
            (BudgetScope::Session, true),
            (BudgetScope::Day, false),
            (BudgetScope::Month, false),
        ] {
            let passed = BudgetPassed {
                scope,
                period: None,
                level: BudgetLevel::Critical,
                limit_usd: 10.0,
                spent_usd: 7.5,
            };
            let event = json!({"type": "budget_passed", "session": "a~1", "data": passed});
            let message = json!({"type": "event", "topic": "session/a~1", "event": event});
            let frame = Frame {
                json: message.to_string().into(),
                position: None,
                kind: FrameKind::Event,
            };
            assert_eq!(guest.can_receive(&frame), theirs, "{scope:?}");
            assert!(viewer.can_receive(&frame) && Principal::Local.can_receive(&frame));
            let fact = Fact::BudgetPassed(passed);
            assert_eq!(guest.can_receive_fact(&fact), theirs, "{scope:?}");
            assert!(viewer.can_receive_fact(&fact));
        }
        let own = json!({"type": "event", "topic": "session/a~1", "event": {"type": "note", "data": 1}});
        let frame = Frame {
            json: own.to_string().into(),
            position: None,
            kind: FrameKind::Event,
        };
        assert!(guest.can_receive(&frame));
    }
}
