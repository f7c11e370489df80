//! Ids of events that were pushed recently and that the store may not have yet. Their number is bounded. It is remembered up
//! to which id they were forgotten, so that a push whose look-up is older than that is looked up again, not counted twice.

use std::collections::{HashSet, VecDeque};

use forgecast_protocol::EventKey;

/// The newest ids. Every id has a number in the order of arrival, counted from 1.
pub(crate) struct RecentIds {
    known: HashSet<EventKey>,
    order: VecDeque<EventKey>,
    capacity: usize,
    newest: u64,
}

impl RecentIds {
    /// Remembers at most `capacity` ids.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            known: HashSet::new(),
            order: VecDeque::new(),
            capacity: capacity.max(1),
            newest: 0,
        }
    }

    /// Adds an id. Returns false when it was remembered already.
    pub(crate) fn insert(&mut self, id: &EventKey) -> bool {
        if !self.known.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        self.newest += 1;
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// Whether an id is remembered.
    pub(crate) fn contains(&self, id: &EventKey) -> bool {
        self.known.contains(id)
    }

    /// Removes an id whose event could not be stored: when it is sent again, it is new.
    pub(crate) fn remove(&mut self, id: &EventKey) {
        self.known.remove(id);
    }

    /// The number of the newest id.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether every id after the number `durable` is still remembered: then a look-up in the store that saw all ids up
    /// to that number, together with this set, knows all of them.
    pub(crate) fn covers(&self, durable: u64) -> bool {
        self.newest - self.order.len() as u64 <= durable
    }
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::Subject;

    use super::*;

    #[test]
    fn what_is_forgotten_is_known_to_be_forgotten() {
        let mut recent = RecentIds::new(2);
        let id = |text: &str| EventKey::new(&text.parse().unwrap(), &Subject::default());
        assert!(recent.insert(&id("a")) && !recent.insert(&id("a")));
        assert!(recent.insert(&id("b")));
        assert!(recent.covers(0));
        assert!(recent.insert(&id("c")));
        assert!(!recent.covers(0), "a may be neither durable nor remembered");
        assert!(recent.covers(1));
        assert!(recent.insert(&id("a")));
    }
}
