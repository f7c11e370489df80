//! When silence begins to have a meaning, for every unfinished session: one ordered set instead of a timer per session.

use std::collections::{BTreeSet, HashMap};

use forgecast_protocol::{SessionId, Timestamp};

/// The next moment of each session at which its silence has to be evaluated.
#[derive(Default)]
pub(crate) struct Deadlines {
    ordered: BTreeSet<(Timestamp, SessionId)>,
    by_session: HashMap<SessionId, Timestamp>,
}

impl Deadlines {
    /// Sets the moment of a session, or removes it.
    pub(crate) fn set(&mut self, session: &SessionId, at: Option<Timestamp>) {
        if self.by_session.get(session) == at.as_ref() {
            return;
        }
        let old = match at {
            Some(at) => self.by_session.insert(session.clone(), at),
            None => self.by_session.remove(session),
        };
        if let Some(old) = old {
            self.ordered.remove(&(old, session.clone()));
        }
        if let Some(at) = at {
            self.ordered.insert((at, session.clone()));
        }
    }

    /// The earliest moment.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.ordered.first().map(|(at, _)| *at)
    }

    /// Removes one session whose moment has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<SessionId> {
        if self.next()? > now {
            return None;
        }
        let (_, session) = self.ordered.pop_first()?;
        self.by_session.remove(&session);
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_a_moment_set_later_replaces_an_earlier_one() {
        let id = |text: &str| text.parse::<SessionId>().unwrap();
        let at = Timestamp::from_millis;
        let mut deadlines = Deadlines::default();
        deadlines.set(&id("a~1"), Some(at(5)));
        deadlines.set(&id("b~1"), Some(at(3)));
        deadlines.set(&id("a~1"), Some(at(2)));
        deadlines.set(&id("c~1"), Some(at(1)));
        deadlines.set(&id("c~1"), None);
        assert_eq!(deadlines.take_due(at(1)), None);
        assert_eq!(deadlines.take_due(at(9)), Some(id("a~1")));
        assert_eq!(deadlines.take_due(at(9)), Some(id("b~1")));
        assert_eq!(deadlines.take_due(at(9)), None);
    }
}
