//! This machine's calendar: which day a moment belongs to, by the system's time zone as it was at the start. Reads no
//! clock.

use forgecast_protocol::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A day's number counted from 1970-01-01, for each moment.
pub(crate) fn local() -> impl Fn(Timestamp) -> i32 + Send + Sync + 'static {
    in_zone(TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

fn in_zone(zone: TimeZone) -> impl Fn(Timestamp) -> i32 + Send + Sync + 'static {
    move |at| {
        let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        number(zone.to_datetime(moment).date())
    }
}

/// The number of a day.
pub(crate) fn number(day: Date) -> i32 {
    Date::constant(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}

/// The day of a number.
pub(crate) fn date(number: i32) -> Date {
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(number.clamp(-700_000, 2_900_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_zone() {
        let utc = in_zone(TimeZone::UTC);
        assert_eq!(utc(at("1970-01-01T23:59:59Z")), 0);
        assert_eq!(date(utc(at("2026-11-22T00:00:00Z"))).to_string(), "2026-11-22");
        let west = in_zone(TimeZone::fixed(jiff::tz::offset(-5)));
        assert_eq!(date(west(at("2026-11-22T04:59:59Z"))).to_string(), "2026-11-21");
        assert_eq!(date(west(at("2026-11-22T05:00:00Z"))).to_string(), "2026-11-22");
        assert_eq!(number(date(-1)), -1);
    }
}
