//! The places for sessions in memory, and who may take them. Unfinished sessions cannot be evicted, so what is pushed may take
//! only a part of the places with them, and one producer only a part of those: a program that begins sessions and ends none
//! keeps neither a build on disk nor another producer out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::counters::Reason;

/// Who reports sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Producer {
    /// The sources of this process: files.
    #[default]
    Files,
    /// Whoever pushes, by a word of the caller's: the id of a token, `local`.
    Pushed(Arc<str>),
}

impl Producer {
    /// As the store keeps it.
    pub(crate) fn of(pushed_by: Option<&str>) -> Self {
        pushed_by.map_or(Self::Files, |who| Self::Pushed(who.into()))
    }

    /// As the store keeps it.
    pub(crate) fn pushed_by(&self) -> Option<&str> {
        match self {
            Self::Files => None,
            Self::Pushed(who) => Some(who),
        }
    }
}

/// How many sessions there are, and how many of them are unfinished, by producer.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    limit: usize,
    sessions: usize,
    unfinished: usize,
    /// Unfinished sessions that were pushed, by who pushed them.
    pushed: HashMap<Producer, usize>,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            sessions: 0,
            unfinished: 0,
            pushed: HashMap::new(),
        }
    }

    /// Sessions there may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Sessions that are unfinished.
    pub(crate) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Whether there are as many sessions as there may be.
    pub(crate) fn are_taken(&self) -> bool {
        self.sessions >= self.limit
    }

    /// Whether all sessions that there may be are unfinished: no build that is found now can be shown.
    pub(crate) fn is_full(&self) -> bool {
        self.unfinished >= self.limit
    }

    /// Unfinished sessions that were pushed.
    fn unfinished_pushed(&self) -> usize {
        self.pushed.values().sum()
    }

    /// Unfinished sessions that may be pushed by all together: three quarters of the places.
    fn limit_pushed(&self) -> usize {
        self.limit - self.limit / 4
    }

    /// Unfinished sessions that one of them may push: half of the places.
    fn limit_of_one(&self) -> usize {
        self.limit.div_ceil(2)
    }

    /// Whether this producer may begin a session.
    pub(super) fn check(&self, producer: &Producer) -> Result<(), Reason> {
        self.check_budget(producer)?;
        if self.are_taken() {
            return Err(Reason::TooManySessions);
        }
        Ok(())
    }

    /// Whether this producer may begin a session, if there is a place.
    pub(crate) fn check_budget(&self, producer: &Producer) -> Result<(), Reason> {
        if *producer == Producer::Files {
            return Ok(());
        }
        let own = self.pushed.get(producer).copied().unwrap_or(0);
        if own >= self.limit_of_one() || self.unfinished_pushed() >= self.limit_pushed() {
            return Err(Reason::TooManyPushed);
        }
        Ok(())
    }

    /// What is refused at the moment and the way out; `None` while everybody may begin a session.
    pub(crate) fn pressure(&self) -> Option<String> {
        let (unfinished, limit) = (self.unfinished, self.limit);
        let way_out = "finish or forget some, or raise sessions.max";
        if self.is_full() {
            return Some(format!(
                "{unfinished} sessions are unfinished and {limit} may be: new ones are not shown; {way_out}"
            ));
        }
        let (all, limit) = (self.unfinished_pushed(), self.limit_pushed());
        if all >= limit {
            return Some(format!(
                "{all} sessions that were pushed are unfinished and {limit} may be: new ones are refused; {way_out}"
            ));
        }
        let (producer, own) = self.pushed.iter().find(|(_, own)| **own >= self.limit_of_one())?;
        let (who, limit) = (producer.pushed_by().unwrap_or_default(), self.limit_of_one());
        Some(format!(
            "{own} sessions that {who} pushed are unfinished and {limit} may be: its new ones are refused; {way_out}"
        ))
    }

    /// A session begins, unfinished.
    pub(super) fn take(&mut self, producer: &Producer) {
        self.sessions += 1;
        self.count(producer, true);
    }

    /// A session is removed.
    pub(super) fn leave(&mut self, producer: &Producer, unfinished: bool) {
        self.sessions -= 1;
        if unfinished {
            self.count(producer, false);
        }
    }

    /// A session is finished, or at work again.
    pub(super) fn set_unfinished(&mut self, producer: &Producer, before: bool, now: bool) {
        if before != now {
            self.count(producer, now);
        }
    }

    fn count(&mut self, producer: &Producer, more: bool) {
        let add = |number: &mut usize| *number = if more { *number + 1 } else { number.saturating_sub(1) };
        add(&mut self.unfinished);
        if *producer == Producer::Files {
            return;
        }
        let own = self.pushed.entry(producer.clone()).or_default();
        add(own);
        if *own == 0 {
            self.pushed.remove(producer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(who: &str) -> Producer {
        Producer::of(Some(who))
    }

    #[test]
    fn no_producer_takes_the_places_of_another_kind_or_of_another_producer() {
        let mut places = Places::new(8);
        let (one, other) = (pushed("one"), pushed("other"));
        for _ in 0..4 {
            places.check(&one).unwrap();
            places.take(&one);
        }
        assert_eq!(places.check(&one), Err(Reason::TooManyPushed));
        assert!(places.pressure().is_some_and(|why| why.contains("that one pushed")));
        for _ in 0..2 {
            places.check(&other).unwrap();
            places.take(&other);
        }
        assert_eq!(places.check(&other), Err(Reason::TooManyPushed));
        for _ in 0..2 {
            places.check(&Producer::Files).unwrap();
            places.take(&Producer::Files);
        }
        assert_eq!(places.check(&Producer::Files), Err(Reason::TooManySessions));
        assert!(places.is_full());
        assert!(
            places
                .pressure()
                .is_some_and(|why| why.starts_with("8 sessions are unfinished"))
        );
        places.set_unfinished(&one, true, false);
        assert!(!places.is_full() && places.are_taken());
        places.leave(&one, false);
        places.check(&one).unwrap();
        places.check(&Producer::Files).unwrap();
        assert_eq!(places.pressure().map(|why| why.contains("other")), None);
    }
}
