//! Takes the fields of an object one by one, each with the tolerance that producers need: a number as text or text as a
//! number, `1.0` for an integer, `null` for absent, `camelCase` for `snake_case`. A field that holds what it cannot hold is
//! noted with what it should hold, and never costs the fields beside it. Every text that leaves here is clean.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use forgecast_protocol::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::json::kind_of;
use super::time;
use crate::clean::Cleaner;
use crate::lenient::Scalar;

/// Most bad fields that are named for one document.
const MAX_BAD_FIELDS: usize = 50;
/// Largest field that is kept although nothing is known of it, in bytes of JSON.
const MAX_EXTRA_FIELD: usize = 4 << 10;
/// All such fields of one document together.
const MAX_EXTRA: usize = 16 << 10;

/// What a count must look like, for messages.
const COUNT: &str = "a count (0, 1, 2, …)";

/// More US dollars than any fact is about.
const MAX_USD: f64 = 1_000_000.0;

/// Producers write naive times; they mean the zone of the machine, which is ours.
static LOCAL: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

/// An object whose fields are being taken.
pub(crate) struct Fields<'c> {
    map: Map<String, Value>,
    cleaner: &'c Cleaner,
    /// Put before a field's name in what is noted: `tasks[3].`.
    within: String,
    /// The fields that are written in `camelCase`, by the names that they have here.
    camel: BTreeMap<String, String>,
    /// Whether any field that was asked for was there.
    found_any: bool,
    bad: Vec<(String, String)>,
}

impl<'c> Fields<'c> {
    pub(crate) fn new(map: Map<String, Value>, cleaner: &'c Cleaner) -> Self {
        Self::within(map, cleaner, String::new())
    }

    /// The fields of an object inside a document; `within` is put before their names in what is noted.
    pub(crate) fn within(map: Map<String, Value>, cleaner: &'c Cleaner, within: String) -> Self {
        let camel = map
            .keys()
            .filter(|name| name.bytes().any(|letter| letter.is_ascii_uppercase()));
        Self {
            camel: camel.map(|name| (snake_case(name), name.clone())).collect(),
            map,
            cleaner,
            within,
            found_any: false,
            bad: Vec::new(),
        }
    }

    pub(crate) fn cleaner(&self) -> &'c Cleaner {
        self.cleaner
    }

    /// What was wrong so far.
    pub(crate) fn into_bad(self) -> Vec<(String, String)> {
        self.bad
    }

    /// Notes what was wrong with the fields of an object inside this one.
    pub(crate) fn absorb(&mut self, bad: Vec<(String, String)>) {
        let room = MAX_BAD_FIELDS.saturating_sub(self.bad.len());
        self.bad.extend(bad.into_iter().take(room));
    }

    /// Notes that a field holds what it cannot hold.
    pub(crate) fn note(&mut self, name: &str, why: String) {
        if self.bad.len() < MAX_BAD_FIELDS {
            let field = self.cleaner.word(&format!("{}{name}", self.within));
            self.bad.push((field, self.cleaner.line(&why)));
        }
    }

    pub(crate) fn expected(&mut self, name: &str, form: &str, found: &Value) {
        self.note(name, format!("expected {form}, found {}", shown(found, self.cleaner)));
    }

    /// The first of these names that is there and not null, with the name; all are taken.
    pub(crate) fn take<'n>(&mut self, names: &[&'n str]) -> Option<(&'n str, Value)> {
        let mut found = None;
        for name in names {
            let own = self.map.remove(*name);
            let camel = self.camel.get(*name).and_then(|camel| self.map.remove(camel));
            let value = own.filter(|value| !value.is_null()).or(camel);
            if let Some(value) = value.filter(|value| found.is_none() && !value.is_null()) {
                found = Some((*name, value));
            }
        }
        self.found_any |= found.is_some();
        found
    }

    /// Notes that this is no such document when none of the fields that it may have was there; `name` is the most
    /// important of them.
    pub(crate) fn expect_any(&mut self, name: &str, document: &str) {
        if !self.found_any {
            self.note(name, format!("expected {document}: none of its fields is there"));
        }
    }

    /// Notes that a field is missing without which the document says nothing of what it is for.
    pub(crate) fn expect(&mut self, name: &str, what: &str) {
        if !self.has(name) {
            self.note(name, format!("expected {what}: it is not there"));
        }
    }

    /// Whether a field is there and not null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.peek(name).is_some_and(|value| !value.is_null())
    }

    /// A field as it is, left where it is.
    pub(crate) fn peek(&self, name: &str) -> Option<&Value> {
        let camel = || self.map.get(self.camel.get(name)?);
        self.map.get(name).or_else(camel)
    }

    /// The names of the fields that were not taken.
    pub(crate) fn names(&self) -> Vec<String> {
        self.map.keys().cloned().collect()
    }

    /// Text of one line; empty is absent.
    pub(crate) fn line(&mut self, names: &[&str]) -> Option<String> {
        self.scalar(names, Cleaner::line)
    }

    /// The path of a folder.
    pub(crate) fn folder(&mut self, names: &[&str]) -> Option<String> {
        self.scalar(names, Cleaner::folder)
    }

    /// A short word, name or id: text of one line, of at most 200 characters.
    pub(crate) fn word(&mut self, names: &[&str]) -> Option<String> {
        self.scalar(names, Cleaner::word)
    }

    /// Text of several lines; empty is absent.
    pub(crate) fn text(&mut self, names: &[&str]) -> Option<String> {
        self.scalar(names, Cleaner::text)
    }

    fn scalar(&mut self, names: &[&str], clean: fn(&Cleaner, &str) -> String) -> Option<String> {
        let (name, value) = self.take(names)?;
        let text = match &value {
            Value::String(text) => clean(self.cleaner, text),
            Value::Number(number) => plain_number(number),
            _ => {
                self.expected(name, "text", &value);
                return None;
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// A number or truth value as `read` takes it; anything else is noted as not having this `form`.
    fn value<T>(&mut self, names: &[&str], form: &str, read: impl FnOnce(Scalar<'_>) -> Option<T>) -> Option<T> {
        let (name, value) = self.take(names)?;
        let found = Scalar::of(&value).and_then(read);
        if found.is_none() {
            self.expected(name, form, &value);
        }
        found
    }

    /// A count: an integer from 0 to 4,294,967,295.
    pub(crate) fn count(&mut self, names: &[&str]) -> Option<u32> {
        self.value(names, COUNT, |found| found.count()?.try_into().ok())
    }

    /// A large count.
    pub(crate) fn large_count(&mut self, names: &[&str]) -> Option<u64> {
        self.value(names, COUNT, |found| found.count())
    }

    /// A number of at least 0 and at most `limit`.
    pub(crate) fn number(&mut self, names: &[&str], limit: f64) -> Option<f64> {
        self.value(names, &format!("a number from 0 to {limit}"), |found| {
            found.number().filter(|found| (0.0..=limit).contains(found))
        })
    }

    /// Tokens that are to be counted. One that is no count refuses the fact: a part of it would be a wrong sum.
    ///
    /// # Errors
    /// The field is there and no count.
    pub(crate) fn tokens(&mut self, names: &[&str]) -> Result<Option<u64>, String> {
        self.counted(names, Self::large_count)
    }

    /// US dollars that are to be counted, see [`Fields::tokens`].
    ///
    /// # Errors
    /// The field is there and no amount of money.
    pub(crate) fn money(&mut self, names: &[&str]) -> Result<Option<f64>, String> {
        self.counted(names, |fields, names| fields.number(names, MAX_USD))
    }

    fn counted<T>(
        &mut self,
        names: &[&str],
        read: impl FnOnce(&mut Self, &[&str]) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let before = self.bad.len();
        let found = read(self, names);
        match self.bad.get(before) {
            Some((field, why)) => Err(format!("field {field:?}: {why}")),
            None => Ok(found),
        }
    }

    /// A share in percent: above 100 is 100.
    pub(crate) fn percent(&mut self, names: &[&str]) -> Option<f64> {
        let found = self.value(names, "a percentage from 0 to 100", |found| {
            found.number().filter(|found| *found >= 0.0)
        });
        found.map(|found| found.min(100.0))
    }

    /// True or false, also as text or as 1 and 0.
    pub(crate) fn flag(&mut self, names: &[&str]) -> Option<bool> {
        self.value(names, "true or false", |found| found.flag())
    }

    /// A time in any of the forms that [`time::parse`] knows, or as a number.
    pub(crate) fn time(&mut self, names: &[&str]) -> Option<Timestamp> {
        let (name, value) = self.take(names)?;
        let found = match &value {
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => time::parse(text, &LOCAL),
            Value::Number(number) => number.as_f64().and_then(time::from_number),
            _ => None,
        };
        if found.is_none() {
            self.expected(name, time::FORM, &value);
        }
        found
    }

    /// A list of at most `limit` texts of one line; what is no text is left out and noted. One text alone is a list of
    /// one. An object stands for its `task`, `name`, `title`, `description` or `id`.
    pub(crate) fn lines(&mut self, names: &[&str], limit: usize) -> Option<Vec<String>> {
        let (name, value) = self.take(names)?;
        let items = match value {
            Value::Array(items) => items,
            Value::String(_) => vec![value],
            _ => {
                self.expected(name, "a list of texts", &value);
                return None;
            }
        };
        let found = items.len();
        let mut lines = Vec::new();
        for (index, item) in items.into_iter().take(limit).enumerate() {
            let Some(text) = text_of(&item) else {
                self.expected(&format!("{name}[{index}]"), "text", &item);
                continue;
            };
            let line = self.cleaner.line(&text);
            if !line.is_empty() {
                lines.push(line);
            }
        }
        if found > limit {
            self.note(name, format!("{found} entries, of which {limit} are kept"));
        }
        Some(lines)
    }

    /// The objects of a list, of at most `limit`, each with the name to note its fields under; anything else in the list
    /// is left out and noted. A list that is no list is noted, one that is not there is empty.
    pub(crate) fn objects(&mut self, name: &str, limit: usize) -> Vec<(String, Map<String, Value>)> {
        let items = match self.take(&[name]) {
            None => return Vec::new(),
            Some((_, Value::Array(items))) => items,
            Some((_, other)) => {
                self.expected(name, "a list of objects", &other);
                return Vec::new();
            }
        };
        let found = items.len();
        let mut objects = Vec::new();
        for (index, item) in items.into_iter().take(limit).enumerate() {
            match item {
                Value::Object(map) => objects.push((format!("{name}[{index}]."), map)),
                Value::Null => {}
                other => self.expected(&format!("{name}[{index}]"), "an object", &other),
            }
        }
        if found > limit {
            self.note(name, format!("{found} entries, of which {limit} are kept"));
        }
        objects
    }

    /// What was not taken, as it is.
    pub(crate) fn unread(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.map)
    }

    /// What was not taken, cleaned and capped; fields that are null are absent.
    pub(crate) fn rest(&mut self) -> Map<String, Value> {
        let mut kept = Map::new();
        let mut room = MAX_EXTRA;
        for (name, value) in std::mem::take(&mut self.map) {
            if value.is_null() {
                continue;
            }
            let (key, value) = (self.cleaner.word(&name), self.cleaner.member(&name, value));
            let size = key.len() + value.to_string().len();
            if size > MAX_EXTRA_FIELD.min(room) {
                self.note(&name, format!("{size} bytes in a field that is not known: left out"));
                continue;
            }
            room -= size;
            kept.insert(key, value);
        }
        kept
    }
}

/// `current_phase` for `currentPhase`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A value in a message: short, and never the whole of a long text.
fn shown(value: &Value, cleaner: &Cleaner) -> String {
    // Before it is cut: half a secret is not found any more.
    let masked;
    let value = match value {
        Value::String(text) => {
            masked = Value::String(cleaner.text(text));
            &masked
        }
        other => other,
    };
    match value {
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::String(text) => {
            let begin: String = text.chars().take(39).collect();
            format!("{:?}", begin + "…")
        }
        other => kind_of(other).to_owned(),
    }
}

/// A number as a person writes it: `3` for `3.0`.
fn plain_number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// The text of a value that stands in a list: itself, or what names an object.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => ["task", "name", "title", "description", "id", "phase"]
            .iter()
            .find_map(|key| map.get(*key).and_then(Value::as_str))
            .map(str::to_owned),
        _ => None,
    }
}
