//! When each source is looked at by `stat`, whatever the notifications say. What is active is looked at every round; what
//! is idle takes turns within a fixed budget, so that ten thousand finished builds cost no more than a few hundred.

use std::time::Duration;

use tokio::time::Instant;

use crate::work::ScanDepth;

/// A source counts as active for so long after its last change.
pub(crate) const ACTIVE: Duration = Duration::from_secs(600);
/// Idle sources looked at per second, all together.
const IDLE_PER_SECOND: u32 = 200;
/// Every so many light looks at an idle source, a full one.
const LIGHT_PER_FULL: u32 = 12;
/// Where there are no notifications, what is active is looked at this often.
const POLL: Duration = Duration::from_secs(1);

/// How often what is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollSchedule {
    /// Everything is polled.
    pub(crate) poll: bool,
    /// What is active.
    pub(crate) every: Duration,
}

/// When a source was looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollState {
    /// When it last changed.
    pub(crate) active_until: Option<Instant>,
    /// Has folders without notifications.
    pub(crate) unwatched: bool,
    /// The last look.
    pub(crate) looked_at: Instant,
    /// Light looks since the last full one.
    pub(crate) light: u32,
}

impl PollSchedule {
    /// How closely to look now, if at all. `idle` is how many idle sources there are.
    pub(crate) fn due(&self, state: &PollState, idle: usize, now: Instant) -> Option<ScanDepth> {
        let active = state.active_until.is_some_and(|until| until > now);
        let wait = if self.poll {
            POLL
        } else if state.unwatched {
            if active {
                POLL.min(self.every)
            } else {
                self.every.mul_f64(0.6)
            }
        } else if active {
            self.every
        } else {
            self.idle_wait(idle)
        };
        if now.saturating_duration_since(state.looked_at) < wait {
            return None;
        }
        let full = self.poll || active || state.unwatched || state.light + 1 >= LIGHT_PER_FULL;
        Some(if full { ScanDepth::Full } else { ScanDepth::Light })
    }

    fn idle_wait(&self, idle: usize) -> Duration {
        let idle = u32::try_from(idle).unwrap_or(u32::MAX);
        self.every.max(Duration::from_secs(u64::from(idle / IDLE_PER_SECOND)))
    }

    /// How often to ask.
    pub(crate) fn tick(&self) -> Duration {
        if self.poll {
            Duration::from_millis(250)
        } else {
            (self.every / 8).clamp(Duration::from_millis(20), Duration::from_millis(500))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(poll: bool) -> PollSchedule {
        PollSchedule {
            poll,
            every: Duration::from_secs(5),
        }
    }

    fn looks_in(seconds: u32, state: PollState, poll: bool, idle: usize) -> (u32, u32) {
        let (start, mut state) = (state.looked_at, state);
        let (mut full, mut light) = (0, 0);
        for tick in 1..=seconds * 4 {
            let now = start + Duration::from_millis(250) * tick;
            match schedule(poll).due(&state, idle, now) {
                Some(ScanDepth::Light) => (light, state.light) = (light + 1, state.light + 1),
                Some(_) => (full, state.light) = (full + 1, 0),
                None => continue,
            }
            state.looked_at = now;
        }
        (full, light)
    }

    fn state(active: bool, unwatched: bool) -> PollState {
        let now = Instant::now();
        PollState {
            active_until: active.then(|| now + ACTIVE),
            unwatched,
            looked_at: now,
            light: 0,
        }
    }

    #[test]
    fn what_is_active_is_looked_at_every_five_seconds() {
        assert_eq!(looks_in(60, state(true, false), false, 10_000), (12, 0));
    }

    #[test]
    fn what_is_idle_is_looked_at_lightly_and_now_and_then_fully() {
        assert_eq!(looks_in(120, state(false, false), false, 100), (2, 22));
    }

    #[test]
    fn ten_thousand_idle_groups_share_the_budget_of_a_thousand() {
        assert_eq!(looks_in(100, state(false, false), false, 10_000), (0, 2));
    }

    #[test]
    fn without_notifications_every_group_is_looked_at_within_five_seconds() {
        assert!(looks_in(60, state(false, true), false, 10_000).0 >= 15);
        assert!(looks_in(60, state(true, true), false, 10_000).0 >= 59);
        assert_eq!(looks_in(60, state(false, false), true, 10_000), (60, 0));
    }
}
