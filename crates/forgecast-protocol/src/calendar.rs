//! Days and months of a time zone. A day is a number, counted from 1970-01-01, in facts, in the store and in queries; this
//! module says which day a moment belongs to and how people write it.

use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Timestamp;

/// The calendar of one time zone, which decides when a day begins and ends.
#[derive(Clone, Debug)]
pub struct Calendar(TimeZone);

impl Calendar {
    /// The calendar of this time zone.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// The day of a moment. A later moment never has a smaller one.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> i32 {
        number(self.zoned(at).date())
    }

    /// Milliseconds from a moment to the end of its day.
    #[must_use]
    pub fn left_of_day_ms(&self, at: Timestamp) -> i64 {
        self.left_ms(at, self.zoned(at).date())
    }

    /// Milliseconds from a moment to the end of its month.
    #[must_use]
    pub fn left_of_month_ms(&self, at: Timestamp) -> i64 {
        self.left_ms(at, self.zoned(at).date().last_of_month())
    }

    /// How many minutes the clock on the wall is past midnight, 0 to 1439.
    #[must_use]
    pub fn minute_of_day(&self, at: Timestamp) -> u16 {
        let at = self.zoned(at);
        u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs())
    }

    /// Milliseconds to the end of the day `last`; zero if there is no day after it.
    fn left_ms(&self, at: Timestamp, last: Date) -> i64 {
        let end = last.tomorrow().and_then(|next| next.to_zoned(self.0.clone()));
        end.map_or(0, |end| end.timestamp().as_millisecond() - at.as_millis())
    }

    fn zoned(&self, at: Timestamp) -> Zoned {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        at.to_zoned(self.0.clone())
    }
}

impl Default for Calendar {
    /// The calendar of UTC.
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

const DAY_0: Date = Date::constant(1970, 1, 1);

fn number(date: Date) -> i32 {
    DAY_0.until(date).map_or(0, |span| span.get_days())
}

fn civil(day: i32) -> Date {
    DAY_0.saturating_add(jiff::SignedDuration::from_hours(i64::from(day) * 24))
}

/// The first day of a day's month.
#[must_use]
pub fn first_of_month(day: i32) -> i32 {
    number(civil(day).first_of_month())
}

/// A day as `2026-11-22`.
#[must_use]
pub fn date(day: i32) -> String {
    civil(day).to_string()
}

/// The month of a day as `2026-11`.
#[must_use]
pub fn month(day: i32) -> String {
    civil(day).strftime("%Y-%m").to_string()
}

/// The day that is written as `2026-11-22`; none for any other text. The inverse of [`date`].
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then(|| number(date))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(20_779), "2026-11-22");
        assert_eq!(month(20_779), "2026-11");
        assert_eq!(date(first_of_month(20_779)), "2026-11-01");
        assert_eq!(date(11_016), "2000-02-29");
        for other in ["20261122", "2026-11-22T08:00:00", "2026-11-31", "today", ""] {
            assert_eq!(parse_date(other), None, "{other}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_zone() {
        let utc = Calendar::default();
        assert_eq!(utc.day(at("1970-01-01T23:59:59Z")), 0);
        assert_eq!(date(utc.day(at("2026-11-22T00:00:00Z"))), "2026-11-22");
        let west = Calendar::new(TimeZone::fixed(jiff::tz::offset(-5)));
        assert_eq!(date(west.day(at("2026-11-22T04:59:59Z"))), "2026-11-21");
        assert_eq!(date(west.day(at("2026-11-22T05:00:00Z"))), "2026-11-22");
    }

    #[test]
    fn a_day_and_a_month_end() {
        let calendar = Calendar::default();
        let at = Timestamp::from_millis(20_779 * DAY_MS + 3_600_000);
        assert_eq!(calendar.left_of_day_ms(at), 23 * 3_600_000);
        assert_eq!(calendar.left_of_month_ms(at), 8 * DAY_MS + 23 * 3_600_000);
    }

    #[test]
    fn a_day_on_which_the_clock_changes_is_longer_or_shorter() {
        let berlin = Calendar::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        assert_eq!(berlin.left_of_day_ms(at("2026-03-28T23:00:00Z")), 23 * 3_600_000);
        assert_eq!(berlin.left_of_day_ms(at("2026-10-24T22:00:00Z")), 25 * 3_600_000);
    }

    proptest! {
        #[test]
        fn a_date_is_read_back_as_its_day(day in -200_000i32..2_000_000) {
            prop_assert_eq!(parse_date(&date(day)), Some(day));
            prop_assert!(date(day) < date(day + 1) || day < -719_528);
        }
    }
}
