//! What is read of a body, however it is written: resources, each with log records or points of metrics, and attributes.

use std::borrow::Cow;

use forgecast_protocol::{Subject, Timestamp, hex};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Unparsable;
use crate::clean::Cleaner;
use crate::lenient::Scalar;
use crate::transcript::session_name;

/// Most records or points of one body.
pub(super) const MAX_RECORDS: usize = 50_000;
/// Most attributes of one record.
pub(super) const MAX_ATTRIBUTES: usize = 128;

/// Counts a record or point of a body against what there is `room` for.
pub(super) fn spend(room: &mut usize) -> Result<(), Unparsable> {
    *room = room.checked_sub(1).ok_or(Unparsable::TooMany {
        limit: MAX_RECORDS,
        what: "records",
    })?;
    Ok(())
}

/// Attributes, in the order of the body. What is nested is left out, agents do not nest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attributes<'b>(pub(super) Vec<(Cow<'b, str>, Scalar<'b>)>);

/// What comes from one resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group<'b, T> {
    pub(super) resource: Attributes<'b>,
    pub(super) items: Vec<T>,
}

/// One log record.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record<'b> {
    /// Nanoseconds since 1970; 0 for not said.
    pub(super) time: u64,
    pub(super) name: Option<Cow<'b, str>>,
    pub(super) body: Option<Cow<'b, str>>,
    pub(super) attributes: Attributes<'b>,
}

/// One point of a sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Point<'b> {
    pub(super) metric: Cow<'b, str>,
    /// Nanoseconds since 1970; 0 for not said.
    pub(super) time: u64,
    /// A difference to the point before; otherwise the sum since the beginning.
    pub(super) delta: bool,
    pub(super) value: f64,
    pub(super) attributes: Attributes<'b>,
}

impl<'b> Attributes<'b> {
    pub(super) fn get(&self, key: &str) -> Option<&Scalar<'b>> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Scalar::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn count(&self, key: &str) -> Option<u64> {
        self.get(key)?.count()
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.number()
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.flag()
    }

    /// All of it as JSON, not cleaned.
    pub(super) fn value(&self) -> Value {
        let members = self.0.iter().map(|(key, value)| {
            let value = match value {
                Scalar::Text(text) => Value::String(text.clone().into_owned()),
                Scalar::Int(number) => Value::from(*number),
                Scalar::Float(number) => Value::from(*number),
                Scalar::Flag(flag) => Value::from(*flag),
            };
            (key.clone().into_owned(), value)
        });
        Value::Object(members.collect::<Map<_, _>>())
    }

    /// Adds to a hash whatever is said.
    pub(super) fn hash(&self, hasher: &mut Sha256) {
        for (key, value) in &self.0 {
            hasher.update(key.as_bytes());
            hasher.update([0]);
            match value {
                Scalar::Text(text) => hasher.update(text.as_bytes()),
                Scalar::Int(number) => hasher.update(number.to_le_bytes()),
                Scalar::Float(number) => hasher.update(number.to_bits().to_le_bytes()),
                Scalar::Flag(flag) => hasher.update([u8::from(*flag)]),
            }
            hasher.update([1]);
        }
    }
}

/// Whose it is: the agent's own session, which Claude Code and Codex name differently.
pub(super) fn subject(attributes: &Attributes<'_>, resource: &Attributes<'_>, cleaner: &Cleaner) -> Option<Subject> {
    let names = ["session.id", "conversation.id"];
    let found = names
        .iter()
        .find_map(|name| attributes.text(name).or_else(|| resource.text(name)))?;
    let folder = attributes.text("cwd").or_else(|| resource.text("cwd"));
    Some(Subject {
        transcript: Some(session_name(&cleaner.identity(found))),
        directory: folder
            .filter(|path| path.starts_with('/'))
            .map(|path| cleaner.folder(path)),
        ..Subject::default()
    })
}

/// A time of a body; what nobody can mean is none.
pub(super) fn at(nanos: u64) -> Option<Timestamp> {
    let millis = i64::try_from(nanos / 1_000_000).ok()?;
    (946_684_800_000..4_102_444_800_000)
        .contains(&millis)
        .then(|| Timestamp::from_millis(millis))
}

/// The beginning of a hash as text.
pub(super) fn digest(hasher: Sha256) -> String {
    hex(&hasher.finalize()[..16])
}
