//! What of a session the holder of a share link receives. Not what is about more than this session, such as a passed budget
//! of a day or a month, the limits of a plan and what all sessions have spent, and not the paths of this machine. All others
//! receive the bytes that viewers share; for a guest they are written anew, since share links are few.

use forgecast_hub::{Frame, FrameKind};
use forgecast_protocol::Fact;
use forgecast_protocol::event::BudgetScope;
use forgecast_protocol::update::TopicMark;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Principal;
use super::paths::remove_paths;
use crate::error::Error;

impl Principal {
    /// Whether this is the holder of a share link.
    pub(crate) fn is_guest(&self) -> bool {
        matches!(self, Self::ShareLink(..))
    }

    /// Whether this principal may receive a fact of a session that it may view.
    pub(crate) fn can_receive_fact(&self, fact: &Fact) -> bool {
        let of_all = match fact {
            Fact::BudgetPassed(passed) => passed.scope != BudgetScope::Session,
            Fact::BudgetDenied(denied) => denied.scope != BudgetScope::Session,
            Fact::BudgetRaised(raised) => raised.scope != BudgetScope::Session,
            // It names who answered.
            Fact::LimitPassed(_) | Fact::ApprovalAnswered(_) => true,
            _ => false,
        };
        !of_all || !(self.is_guest() || self.scope().is_some())
    }

    /// Whether this principal receives a message of a topic that it may subscribe to. The message is changed to the one that
    /// it receives.
    pub(crate) fn receives(&self, frame: &mut Frame) -> bool {
        if !self.is_guest() || matches!(frame.kind, FrameKind::Log | FrameKind::Removed) {
            return true;
        }
        let Ok(mut message) = serde_json::from_slice::<Value>(&frame.json) else {
            return false;
        };
        let event = &message["event"];
        let is_of_budget = ["budget_passed", "budget_denied", "budget_raised"]
            .iter()
            .any(|kind| event["type"] == *kind);
        let of_all = is_of_budget && event["data"]["scope"] != "session";
        if of_all || event["type"] == "limit_passed" {
            return false;
        }
        remove_paths(&mut message);
        frame.json = message.to_string().into();
        true
    }

    /// What this principal should hold of a topic. Who receives a part is told no digest: it is that of the whole state.
    pub(crate) fn receive_mark(&self, mark: TopicMark) -> TopicMark {
        let digest = mark.digest.filter(|_| !self.is_guest() && self.scope().is_none());
        TopicMark { digest, ..mark }
    }

    /// A part of an answer about a session that this principal may view, as it receives it.
    ///
    /// # Errors
    /// It cannot be read back without its paths, which no field of it may require.
    pub(crate) fn receive_part<T: Serialize + DeserializeOwned>(&self, part: T) -> Result<T, Error> {
        if !self.is_guest() {
            return Ok(part);
        }
        let without_paths = || {
            let mut value = serde_json::to_value(&part)?;
            remove_paths(&mut value);
            serde_json::from_value(value)
        };
        without_paths().map_err(|error| Error::internal("remove the paths from an answer", error))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forgecast_protocol::Clock;
    use forgecast_protocol::event::{BudgetDenied, BudgetPassed, BudgetRaised, LimitPassed};
    use forgecast_protocol::session::BudgetLevel;
    use serde_json::json;

    use super::super::{Keys, Role};
    use super::*;

    /// What hard budgets did and who changed them.
    fn hard_budgets(guest: &Principal, viewer: &Principal, scope: BudgetScope, theirs: bool) {
        let denied = BudgetDenied {
            scope,
            budget: "day".to_owned(),
            period: None,
            limit_usd: 10.0,
            spent_usd: 10.0,
            hook: "PreToolUse".to_owned(),
        };
        let raised = BudgetRaised {
            scope,
            budget: "day".to_owned(),
            period: None,
            limit_usd: None,
            spent_usd: 10.0,
        };
        let hard = [
            (
                json!({"type": "budget_denied", "data": denied}),
                Fact::BudgetDenied(denied),
            ),
            (
                json!({"type": "budget_raised", "data": raised}),
                Fact::BudgetRaised(raised),
            ),
        ];
        for (event, fact) in hard {
            let message = json!({"type": "event", "topic": "session/a~1", "event": event});
            let mut frame = Frame {
                json: message.to_string().into(),
                position: None,
                kind: FrameKind::Event,
            };
            assert!(viewer.receives(&mut frame) && viewer.can_receive_fact(&fact));
            assert_eq!(guest.receives(&mut frame), theirs, "{scope:?}");
            assert_eq!(guest.can_receive_fact(&fact), theirs, "{scope:?}");
        }
    }

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
            (BudgetScope::Project, false),
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
            let mut frame = Frame {
                json: message.to_string().into(),
                position: None,
                kind: FrameKind::Event,
            };
            for other in [&viewer, &Principal::Local] {
                let before = frame.clone();
                assert!(other.receives(&mut frame));
                assert_eq!(frame, before);
            }
            assert_eq!(guest.receives(&mut frame), theirs, "{scope:?}");
            let fact = Fact::BudgetPassed(passed);
            assert_eq!(guest.can_receive_fact(&fact), theirs, "{scope:?}");
            assert!(viewer.can_receive_fact(&fact));
            hard_budgets(&guest, &viewer, scope, theirs);
        }
        let limit = LimitPassed {
            agent: "claude".to_owned(),
            account: None,
            scope: None,
            window_minutes: 300,
            level: BudgetLevel::Critical,
            used_percent: Some(92.0),
            resets_at: None,
            text: "92 % used".to_owned(),
        };
        let event = json!({"type": "limit_passed", "session": "a~1", "data": limit});
        let message = json!({"type": "event", "topic": "session/a~1", "event": event});
        let mut frame = Frame {
            json: message.to_string().into(),
            position: None,
            kind: FrameKind::Event,
        };
        assert!(viewer.receives(&mut frame) && !guest.receives(&mut frame));
        let fact = Fact::LimitPassed(limit);
        assert!(viewer.can_receive_fact(&fact) && !guest.can_receive_fact(&fact));
        let own = json!({"type": "event", "topic": "session/a~1", "event": {"type": "note", "data": 1}});
        let mut frame = Frame {
            json: own.to_string().into(),
            position: None,
            kind: FrameKind::Event,
        };
        assert!(guest.receives(&mut frame));
    }
}
