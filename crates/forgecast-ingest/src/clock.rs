//! The one place where the wall clock is read. The time of an event is the wall time at the start plus what has passed
//! since, so a clock that is set back or forward later moves no event.

use forgecast_protocol::{Clock, Timestamp};

/// A clock that starts at the wall time of this moment and goes on evenly, sleep of the machine included.
#[must_use]
pub fn system_clock() -> Clock {
    let (start, origin) = (wall(), elapsed_ms());
    Clock::new(move || start.plus_millis(elapsed_ms().saturating_sub(origin)))
}

/// The wall time, for comparison with times of files only.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn wall() -> Timestamp {
    let now = std::time::SystemTime::now();
    let millis = match now.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, i64::wrapping_neg),
    };
    Timestamp::from_millis(millis)
}

/// Whether a file's or folder's time (nanoseconds since the Unix epoch) is less than `within_ms` from now: so short a
/// time ago that a further change may show the same one. Linux stamps files with the time of its last tick (up to 10 ms)
/// unless it is newer than 6.13. A time far in the future (a clock that was set back) is not recent.
pub(crate) fn is_recent(time_ns: i64, within_ms: u64) -> bool {
    let (now, then) = (wall(), Timestamp::from_millis(time_ns.div_euclid(1_000_000)));
    now.millis_since(then) < within_ms && then.millis_since(now) < within_ms
}

/// Milliseconds on a clock that only goes forward. `CLOCK_MONOTONIC` stands still while a Linux machine sleeps.
fn elapsed_ms() -> i64 {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec
        .saturating_mul(1_000)
        .saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_at_the_wall_time_and_never_goes_back() {
        let clock = system_clock();
        let (first, second) = (clock.now(), clock.now());
        assert!(second >= first);
        assert!(wall().millis_since(first) < 60_000);
    }
}
