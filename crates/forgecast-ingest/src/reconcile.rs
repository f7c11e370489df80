//! When each source and folder is looked at by `stat`, whatever the notifications say. Those of one [`Pace`] wait equally
//! long, so they take turns, and finding what is due costs nothing for what is not. What is idle shares a budget: ten
//! thousand finished builds cost no more than a few hundred.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::work::ScanDepth;

/// A source counts as active for so long after its last change.
pub(crate) const ACTIVE: Duration = Duration::from_secs(600);
/// How many of one idle pace are looked at per second, all together.
const IDLE_PER_SECOND: u32 = 200;
/// How many of one idle pace are looked at together.
const IDLE_AT_ONCE: usize = 100;
/// Every so many light looks at an idle source, a full one.
const LIGHT_PER_FULL: u32 = 12;
/// Where there are no notifications, what is active is looked at this often.
const POLL: Duration = Duration::from_secs(1);
/// Where the system is known to notify of every change, what is idle is looked at this often.
const NOTIFIED: Duration = Duration::from_secs(60);

/// How often something is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Active, and nothing notifies of its changes; or everything is polled.
    Polled,
    /// Idle, and nothing notifies of its changes.
    Unnotified,
    /// Changed not long ago.
    Active,
    /// Idle.
    Idle,
    /// Idle, and the system is known to notify of every change.
    Notified,
}

/// What is known of the notifications for a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// There are none.
    None,
    /// There may be changes of which there are none.
    Partial,
    /// Its file system is known to notify of every change.
    Full,
}

/// How often what is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollSchedule {
    /// Everything is polled.
    pub(crate) poll: bool,
    /// What is active.
    pub(crate) every: Duration,
}

impl PollSchedule {
    /// How often to look at what was active until `active_until`.
    pub(crate) fn pace(&self, active_until: Option<Instant>, coverage: Coverage, now: Instant) -> Pace {
        let is_active = active_until.is_some_and(|until| until > now);
        match (coverage, is_active) {
            _ if self.poll => Pace::Polled,
            (Coverage::None, true) => Pace::Polled,
            (Coverage::None, false) => Pace::Unnotified,
            (_, true) => Pace::Active,
            (Coverage::Partial, false) => Pace::Idle,
            (Coverage::Full, false) => Pace::Notified,
        }
    }

    /// How long to wait between two looks at one of `count` that have this pace.
    fn wait(&self, pace: Pace, count: usize) -> Duration {
        let budget = Duration::from_secs(u64::from(u32::try_from(count).unwrap_or(u32::MAX) / IDLE_PER_SECOND));
        match pace {
            Pace::Polled => POLL.min(self.every),
            Pace::Unnotified => self.every.mul_f64(0.6),
            Pace::Active => self.every,
            Pace::Idle => self.every.max(budget),
            Pace::Notified => self.every.max(NOTIFIED).max(budget),
        }
    }

    /// How often to ask what is due.
    pub(crate) fn tick(&self) -> Duration {
        if self.poll {
            Duration::from_millis(250)
        } else {
            (self.every / 8).clamp(Duration::from_millis(20), Duration::from_millis(500))
        }
    }
}

impl Pace {
    const ALL: [Self; 5] = [Self::Polled, Self::Unnotified, Self::Active, Self::Idle, Self::Notified];

    /// How closely to look at a source after so many light looks in a row.
    pub(crate) fn depth(self, light: u32) -> ScanDepth {
        if self.is_idle() && light + 1 < LIGHT_PER_FULL {
            ScanDepth::Light
        } else {
            ScanDepth::Full
        }
    }

    fn is_idle(self) -> bool {
        matches!(self, Self::Idle | Self::Notified)
    }
}

/// The place of something in its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pace: Pace,
    looked_at: Instant,
}

/// Who waits for the next look.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    schedule: PollSchedule,
    /// By pace; the one whose last look is the longest ago comes first.
    waiting: [BTreeSet<(Instant, K)>; Pace::ALL.len()],
}

impl<K: Clone + Ord> Turns<K> {
    pub(crate) fn new(schedule: PollSchedule) -> Self {
        Self {
            schedule,
            waiting: Default::default(),
        }
    }

    /// It was looked at and waits for its next turn.
    #[must_use]
    pub(crate) fn join(&mut self, key: &K, pace: Pace, looked_at: Instant) -> Turn {
        self.waiting[pace as usize].insert((looked_at, key.clone()));
        Turn { pace, looked_at }
    }

    /// It no longer waits.
    pub(crate) fn leave(&mut self, key: &K, turn: Turn) {
        self.waiting[turn.pace as usize].remove(&(turn.looked_at, key.clone()));
    }

    /// Takes those whose turn has come; of what is idle a few at a time, so that those that were found together do not
    /// stay together.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<(K, Pace)> {
        let mut due = Vec::new();
        for pace in Pace::ALL {
            let waiting = &mut self.waiting[pace as usize];
            let wait = self.schedule.wait(pace, waiting.len());
            let mut left = if pace.is_idle() { IDLE_AT_ONCE } else { usize::MAX };
            while left > 0
                && let Some((looked_at, _)) = waiting.first()
                && now.saturating_duration_since(*looked_at) >= wait
            {
                due.extend(waiting.pop_first().map(|(_, key)| (key, pace)));
                left -= 1;
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Full and light looks at one of so many others that are like it.
    fn looks_in(seconds: u32, is_active: bool, coverage: Coverage, others: u32, poll: bool) -> (u32, u32) {
        let schedule = PollSchedule {
            poll,
            every: Duration::from_secs(5),
        };
        let mut turns = Turns::new(schedule);
        let start = Instant::now();
        let active_until = is_active.then(|| start + ACTIVE);
        for key in 0..=others {
            let _ = turns.join(&key, schedule.pace(active_until, coverage, start), start);
        }
        let (mut full, mut light) = (0, 0);
        let mut in_a_row = 0;
        for tick in 1..=seconds * 4 {
            let now = start + Duration::from_millis(250) * tick;
            for (key, pace) in turns.take_due(now) {
                if key == 0 && pace.depth(in_a_row) == ScanDepth::Light {
                    (light, in_a_row) = (light + 1, in_a_row + 1);
                } else if key == 0 {
                    (full, in_a_row) = (full + 1, 0);
                }
                let _ = turns.join(&key, schedule.pace(active_until, coverage, now), now);
            }
        }
        (full, light)
    }

    #[test]
    fn what_is_active_is_looked_at_every_five_seconds() {
        assert_eq!(looks_in(60, true, Coverage::Partial, 1_000, false), (12, 0));
        assert_eq!(looks_in(60, true, Coverage::Full, 0, false), (12, 0));
    }

    #[test]
    fn what_is_idle_is_looked_at_lightly_and_now_and_then_fully() {
        assert_eq!(looks_in(120, false, Coverage::Partial, 100, false), (2, 22));
    }

    #[test]
    fn ten_thousand_idle_ones_share_the_budget_of_a_thousand() {
        assert_eq!(looks_in(100, false, Coverage::Partial, 9_999, false), (0, 2));
        assert_eq!(looks_in(200, false, Coverage::Full, 19_999, false), (0, 2));
    }

    #[test]
    fn what_is_idle_and_notifies_is_looked_at_once_a_minute() {
        assert_eq!(looks_in(720, false, Coverage::Full, 1_000, false), (1, 11));
    }

    #[test]
    fn without_notifications_everything_is_looked_at_within_five_seconds() {
        assert!(looks_in(60, false, Coverage::None, 1_000, false).0 >= 15);
        assert!(looks_in(60, true, Coverage::None, 100, false).0 >= 59);
        assert_eq!(looks_in(60, false, Coverage::Full, 100, true), (60, 0));
    }

    #[test]
    fn what_left_has_no_turn() {
        let schedule = PollSchedule {
            poll: true,
            every: Duration::from_secs(5),
        };
        let (mut turns, now) = (Turns::new(schedule), Instant::now());
        let turn = turns.join(&1, Pace::Polled, now);
        turns.leave(&1, turn);
        assert_eq!(turns.take_due(now + POLL), []);
    }
}
