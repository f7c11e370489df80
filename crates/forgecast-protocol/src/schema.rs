//! What the types of the wire allow, as JSON Schema, where a derive cannot know it: ids, times, the state of a topic.
//! Only for the description of the API; nothing that ships holds it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ids::{Epoch, EventId, SessionId, SessionName, SessionRef, Topic};
use crate::rest::{Cursor, Day};
use crate::session::SessionView;
use crate::time::Timestamp;
use crate::update::Index;

/// The pattern of a name, without its anchors.
macro_rules! name {
    () => {
        "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
    };
}

/// The pattern of an id or a name.
macro_rules! named {
    () => {
        concat!(name!(), "(~[1-9][0-9]{0,9})?")
    };
}

/// A text of a form: its name, the form, lengths in characters, a sentence, an example.
macro_rules! text {
    ($type:ty, $name:literal, $pattern:expr, $min:literal, $max:literal, $words:literal, $example:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "description": $words,
                    "minLength": $min,
                    "maxLength": $max,
                    "pattern": $pattern,
                    "examples": [$example],
                })
            }
        }
    };
}

text!(
    SessionName,
    "SessionName",
    concat!("^", name!(), "$"),
    1,
    128,
    "What a session is called in ids.",
    "weather-app"
);
text!(
    SessionId,
    "SessionId",
    concat!("^", name!(), "~[1-9][0-9]{0,9}$"),
    3,
    139,
    "One run of a session: its name, a tilde and the number of the run, counted from 1.",
    "weather-app~1"
);
text!(
    SessionRef,
    "SessionRef",
    concat!("^", named!(), "$"),
    1,
    139,
    "One run by its id, or the newest run by the bare name.",
    "weather-app"
);
text!(
    Topic,
    "Topic",
    concat!("^(sessions|(session|log)/", named!(), ")$"),
    5,
    147,
    "What can be followed: the index, a session's view, a session's log.",
    "session/weather-app~1"
);
text!(
    EventId,
    "EventId",
    "^[ -~]{1,200}$",
    1,
    200,
    "The producer's id of an event; the same id twice is the same event.",
    "run-7/step-3"
);
text!(
    Epoch,
    "Epoch",
    "^[0-9a-f]{8}$",
    8,
    8,
    "Within an epoch revisions can be compared; a viewer that holds another one gets a snapshot, never a patch.",
    "51ab03ff"
);

text!(
    Cursor,
    "Cursor",
    "^([0-9a-fA-F]{2})*$",
    0,
    4096,
    "The place between two pages; only of use for going on from there.",
    "7b7d"
);

/// A moment as a parameter names it, with any offset and any fraction of a second.
pub(crate) struct Moment;

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A date of the server's calendar, or a moment which means its day.",
            "anyOf": [{ "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }, { "format": "date-time" }],
            "examples": ["2026-11-22"],
        })
    }
}

/// A parameter that may be sent empty, which means the same as leaving it out.
pub(crate) struct OrEmpty<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrEmpty<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OrEmpty{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "const": "" }] })
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 in UTC with milliseconds.",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
            "examples": ["2026-01-31T08:15:00.250Z"],
        })
    }
}

/// What a snapshot holds: a session's view, or the index for `sessions`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum State {
    /// Of `session/<id>`.
    Session(Box<SessionView>),
    /// Of `sessions`.
    Sessions(Index),
}

/// An object that holds what is different.
pub(crate) type Patch = serde_json::Map<String, serde_json::Value>;

/// The one field of a row of usage that says what it is grouped by.
#[serde_with::skip_serializing_none]
#[derive(JsonSchema, serde::Serialize)]
pub(crate) struct Group {
    /// A day of the machine's calendar.
    #[schemars(extend("format" = "date"))]
    day: Option<String>,
    /// The project; empty for what has none.
    project: Option<String>,
    /// The model; empty for what names none.
    model: Option<String>,
    /// The phase; empty for what was used in none.
    phase: Option<String>,
    /// The session's or the transcript's id.
    session: Option<String>,
}
