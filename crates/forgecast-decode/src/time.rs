//! The times that producers write: RFC 3339, ISO 8601 with any offset or none (then: local time), seconds or
//! milliseconds since 1970. What no build can mean (the year 0 or 9999) is refused, so that one invented stamp does not
//! stretch every time line.

use forgecast_protocol::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// 2000-01-01: no build is older.
const EARLIEST_MS: i64 = 946_684_800_000;
/// 2100-01-01.
const LATEST_MS: i64 = 4_102_444_800_000;
/// Numbers below this are seconds (until the year 5138), above it milliseconds (since 1973).
const SECONDS_BELOW: f64 = 1e11;

/// What a time must look like, for messages.
pub(crate) const FORM: &str = "a time between 2000 and 2100 such as 2026-01-31T08:15:00Z";

/// The time in a value: text, which without `Z` or an offset is local to `zone`, or a number of seconds or milliseconds.
#[must_use]
pub fn read(value: &Value, zone: &TimeZone) -> Option<Timestamp> {
    match value {
        Value::String(text) => parse(text, zone),
        Value::Number(number) => number.as_f64().and_then(from_number),
        _ => None,
    }
}

/// A time as text; without `Z` or an offset it is taken as local to `zone`.
#[must_use]
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp(),
    };
    plausible(time.as_millisecond())
}

/// A time as a number: seconds or milliseconds since 1970.
#[must_use]
pub(crate) fn from_number(number: f64) -> Option<Timestamp> {
    if !number.is_finite() || !(0.0..1e15).contains(&number) {
        return None;
    }
    let millis = if number < SECONDS_BELOW {
        number * 1000.0
    } else {
        number
    };
    #[expect(clippy::cast_possible_truncation, reason = "below 1e15, so well within an i64")]
    plausible(millis as i64)
}

fn plausible(millis: i64) -> Option<Timestamp> {
    (EARLIEST_MS..LATEST_MS)
        .contains(&millis)
        .then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        parse(text, &zone).map(|time| time.to_string())
    }

    #[test]
    fn every_spelling_that_producers_use_is_understood() {
        let morning = Some("2025-01-13T10:55:00.000Z".to_owned());
        for text in [
            "2025-01-13T10:55:00Z",
            "2025-01-13T10:55:00.000Z",
            " 2025-01-13T10:55:00Z\n",
            "2025-01-13T12:55:00+02:00",
            "2025-01-13 10:55:00Z",
            "2025-01-13T12:55:00",
            "2025-01-13 12:55:00",
            "2025-01-13T12:55:00.000000",
            "2025-01-13T12:55",
        ] {
            assert_eq!(at(text), morning, "{text}");
        }
        assert_eq!(at("2025-01-13"), Some("2025-01-12T22:00:00.000Z".to_owned()));
    }

    #[test]
    fn what_no_build_can_mean_is_refused() {
        for text in [
            "",
            "now",
            "yesterday",
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2025-13-45T99:99:99Z",
            "10:55",
            "13/01/2025",
            &"2".repeat(5_000),
        ] {
            assert_eq!(at(text), None, "{text}");
        }
        for number in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, 1e15] {
            assert_eq!(from_number(number), None, "{number}");
        }
    }

    #[test]
    fn a_number_is_seconds_or_milliseconds() {
        let time = from_number(1_769_847_300.25).map(Timestamp::as_millis);
        assert_eq!(time, Some(1_769_847_300_250));
        assert_eq!(from_number(1_769_847_300_250.0).map(Timestamp::as_millis), time);
    }
}
