//! Reads columns of a database without column types: numbers as text, text as numbers, lists as text that may be cut off.

use std::hash::Hasher;

use forgecast_decode::lenient::Scalar;
use forgecast_decode::time::read;
use forgecast_protocol::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// A time as Context Foundry writes it: ISO 8601, without an offset in the time of its machine.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    read(value, &TimeZone::system())
}

/// A time that the database wrote itself: without an offset it is UTC.
pub(super) fn time_of_database(value: &Value) -> Option<Timestamp> {
    read(value, &TimeZone::UTC)
}

/// Text that is not empty; a number as it is written.
pub(super) fn text(columns: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match columns.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn scalar<'c>(columns: &'c Map<String, Value>, name: &str) -> Option<Scalar<'c>> {
    Scalar::of(columns.get(name)?)
}

/// A number from 0 on.
pub(super) fn number(columns: &Map<String, Value>, name: &str) -> Option<f64> {
    scalar(columns, name)?.number().filter(|number| *number >= 0.0)
}

/// A number from 0 on, rounded.
pub(super) fn count(columns: &Map<String, Value>, name: &str) -> Option<u64> {
    Scalar::Float(number(columns, name)?.round()).count()
}

/// True or false.
pub(super) fn flag(columns: &Map<String, Value>, name: &str) -> Option<bool> {
    scalar(columns, name)?.flag()
}

/// A list of words: a JSON list, or words separated by commas. A JSON list that was cut off is none.
pub(super) fn list(columns: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let text = text(columns, name)?;
    if let Ok(items) = serde_json::from_str::<Vec<Value>>(&text) {
        let words = items.into_iter().filter_map(|item| item.as_str().map(str::to_owned));
        return Some(words.collect());
    }
    if text.contains(['[', ']', '{', '}', '"']) {
        return None;
    }
    let words = text.split(',').map(|word| word.trim().to_owned());
    Some(words.filter(|word| !word.is_empty()).collect())
}

/// A hash of the texts as 16 hexadecimal digits, which never changes between versions.
pub(super) fn digest(texts: &[&str]) -> String {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    for text in texts {
        hash.write(text.as_bytes());
        hash.write(&[0xff]);
    }
    format!("{:016x}", hash.finish())
}

/// FNV-1a, because ids must not depend on the hasher of a version of the standard library.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn columns(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn numbers_are_read_from_text_and_text_from_numbers() {
        let odd = columns(json!({"a": " 12 ", "b": 12.4, "c": "many", "d": -1, "e": 7, "f": "", "g": 1e300}));
        assert_eq!(count(&odd, "a"), Some(12));
        assert_eq!(count(&odd, "b"), Some(12));
        for name in ["c", "d", "g", "missing"] {
            assert_eq!(count(&odd, name), None, "{name}");
        }
        assert_eq!(text(&odd, "e").as_deref(), Some("7"));
        assert_eq!(text(&odd, "f"), None);
    }

    #[test]
    fn lists_are_json_or_words_and_broken_json_is_nothing() {
        let of = |text: &str| list(&columns(json!({"a": text})), "a");
        assert_eq!(
            of(r#"["Scout", 3, "Builder"]"#),
            Some(vec!["Scout".into(), "Builder".into()])
        );
        assert_eq!(of("Scout, Builder"), Some(vec!["Scout".into(), "Builder".into()]));
        assert_eq!(of("[]"), Some(Vec::new()));
        assert_eq!(of(r#"["Scout", "Buil"#), None);
    }

    #[test]
    fn times_without_an_offset_are_local_and_the_databases_own_are_utc() {
        let at = time_of_database(&json!("2026-01-31 08:15:00")).unwrap();
        assert_eq!(at.to_string(), "2026-01-31T08:15:00.000Z");
        assert_eq!(time(&json!("2026-01-31T08:15:00Z")), Some(at));
        assert_eq!(time(&json!(1_769_847_300)), Some(at));
        for wrong in [json!("yesterday"), json!(-5), json!("0001-01-01T00:00:00"), json!(null)] {
            assert_eq!(time(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn digests_never_change() {
        assert_eq!(digest(&["build-1", ""]), digest(&["build-1", ""]));
        assert_ne!(digest(&["build-1", ""]), digest(&["build-", "1"]));
        assert_eq!(digest(&["a"]), "089bc907b544c769");
    }
}
