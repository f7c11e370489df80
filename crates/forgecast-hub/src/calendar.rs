//! Days and months of this machine's calendar, as numbers and as people write them. Knows no time zone: whoever starts
//! the hub says which day a moment belongs to.

use std::fmt;
use std::sync::Arc;

use forgecast_protocol::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// Longer than any month, and than any day with a change of the clock in it.
const MONTH_MS: i64 = 33 * DAY_MS;

/// Which day a moment belongs to.
#[derive(Clone)]
pub struct Calendar(Arc<dyn Fn(Timestamp) -> i32 + Send + Sync>);

impl Calendar {
    /// A calendar; `day` gives the day of a moment, counted from 1970-01-01, and never a smaller one for a later moment.
    #[must_use]
    pub fn new(day: impl Fn(Timestamp) -> i32 + Send + Sync + 'static) -> Self {
        Self(Arc::new(day))
    }

    /// Days that begin at midnight UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self::new(|at| i32::try_from(at.as_millis().div_euclid(DAY_MS)).unwrap_or_default())
    }

    /// The day of a moment, counted from 1970-01-01.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> i32 {
        (self.0)(at)
    }

    /// Milliseconds from a moment to the end of its day.
    pub(crate) fn left_of_day_ms(&self, at: Timestamp) -> i64 {
        let today = self.day(at);
        self.left_ms(at, |day| day == today)
    }

    /// Milliseconds from a moment to the end of its month.
    pub(crate) fn left_of_month_ms(&self, at: Timestamp) -> i64 {
        let month = month_of(self.day(at));
        self.left_ms(at, |day| month_of(day) == month)
    }

    /// Milliseconds until `is_within` no longer holds, found by halving.
    fn left_ms(&self, at: Timestamp, is_within: impl Fn(i32) -> bool) -> i64 {
        let (mut within, mut beyond) = (0, MONTH_MS);
        while beyond - within > 1 {
            let middle = i64::midpoint(within, beyond);
            if is_within(self.day(at.plus_millis(middle))) {
                within = middle;
            } else {
                beyond = middle;
            }
        }
        beyond
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Self::utc()
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calendar")
    }
}

/// Year, month and day of the month of a day counted from 1970-01-01, in the Gregorian calendar. By eras of 400 years,
/// as in H. Hinnant's "chrono-compatible low-level date algorithms".
pub(crate) fn civil(day: i32) -> (i64, u32, u32) {
    let shifted = i64::from(day) + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |number: i64| u32::try_from(number).unwrap_or_default();
    (year, small(month), small(of_month))
}

/// Year and month of a day.
pub(crate) fn month_of(day: i32) -> (i64, u32) {
    let (year, month, _) = civil(day);
    (year, month)
}

/// The first day of a day's month.
pub(crate) fn first_of_month(day: i32) -> i32 {
    let (_, _, of_month) = civil(day);
    day - i32::try_from(of_month).unwrap_or(1) + 1
}

/// `2026-11-22`.
pub(crate) fn date(day: i32) -> String {
    let (year, month, of_month) = civil(day);
    format!("{year:04}-{month:02}-{of_month:02}")
}

/// The day that `2026-11-22` is, counted from 1970-01-01. The inverse of [`date`].
pub(crate) fn day_of(date: &str) -> Option<i32> {
    let (year, rest) = date.rsplit_once('-').and_then(|(rest, day)| {
        let (year, month) = rest.rsplit_once('-')?;
        Some((year, (month, day)))
    })?;
    let (year, month, of_month) = (
        year.parse::<i64>().ok()?,
        rest.0.parse::<i64>().ok()?,
        rest.1.parse::<i64>().ok()?,
    );
    if !(1..=12).contains(&month) || !(1..=31).contains(&of_month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + of_month - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    i32::try_from(days).ok()
}

/// `2026-11`.
pub(crate) fn month(day: i32) -> String {
    let (year, month) = month_of(day);
    format!("{year:04}-{month:02}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(20_779), "2026-11-22");
        assert_eq!(month(20_779), "2026-11");
        assert_eq!(date(first_of_month(20_779)), "2026-11-01");
        assert_eq!(date(11_016), "2000-02-29");
    }

    #[test]
    fn a_day_and_a_month_end() {
        let calendar = Calendar::utc();
        let at = Timestamp::from_millis(20_779 * DAY_MS + 3_600_000);
        assert_eq!(calendar.left_of_day_ms(at), 23 * 3_600_000);
        assert_eq!(calendar.left_of_month_ms(at), 8 * DAY_MS + 23 * 3_600_000);
    }

    proptest! {
        #[test]
        fn the_day_after_a_day_has_the_next_date(day in -200_000i32..2_000_000) {
            let (year, month, of_month) = civil(day);
            let next = civil(day + 1);
            let follows = next == (year, month, of_month + 1)
                || next == (year, month + 1, 1)
                || (month == 12 && next == (year + 1, 1, 1));
            prop_assert!(follows);
            prop_assert_eq!(day_of(&date(day)), Some(day));
        }
    }
}
