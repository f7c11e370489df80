//! Names and numbers that cross a boundary. Each is a newtype that validates while it is parsed or deserialized, so that
//! no unchecked text from a path, a socket or a file reaches the code behind it.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::event::Subject;

/// Longest [`SessionName`], in bytes.
const MAX_NAME_BYTES: usize = 128;
/// Longest [`EventId`], in bytes.
const MAX_EVENT_ID_BYTES: usize = 200;

/// The text does not have the form of the id it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {form}")]
pub struct InvalidId {
    what: &'static str,
    form: &'static str,
}

const NAME_FORM: &str = "1 to 128 letters, digits, dots, underscores or hyphens, beginning with a letter or digit";

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(first) if first.is_ascii_alphanumeric())
        && bytes.len() <= MAX_NAME_BYTES
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// What a session is called in ids: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, for example `weather-app`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct SessionName(Box<str>);

impl SessionName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of this name's run number `run`, counted from 1.
    #[must_use]
    pub fn run(&self, run: u32) -> SessionId {
        SessionId {
            name: self.clone(),
            run: run.max(1),
        }
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_name(text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId {
                what: "a session name",
                form: NAME_FORM,
            })
        }
    }
}

/// One run of one session: its name and a number, `weather-app~1`. Made once, stored, never reused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct SessionId {
    name: SessionName,
    run: u32,
}

impl SessionId {
    /// The name without the run.
    #[must_use]
    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// The run, counted from 1.
    #[must_use]
    pub fn run(&self) -> u32 {
        self.run
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.name, self.run)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = InvalidId {
            what: "a session id",
            form: "a session name, a tilde and the number of the run, for example weather-app~1",
        };
        let (name, run) = text.rsplit_once('~').ok_or_else(|| invalid.clone())?;
        let name: SessionName = name.parse()?;
        // No leading zeros or signs: an id has exactly one spelling.
        if run.starts_with('0') || !run.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid);
        }
        let run = run.parse().map_err(|_| invalid)?;
        Ok(Self { name, run })
    }
}

/// A session as a person or a producer names it: one run by its id, or the newest run by the bare name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, SerializeDisplay, DeserializeFromStr)]
pub enum SessionRef {
    /// This run.
    Run(SessionId),
    /// Whatever run of this name is the newest.
    Newest(SessionName),
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(id) => id.fmt(f),
            Self::Newest(name) => name.fmt(f),
        }
    }
}

impl FromStr for SessionRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('~') {
            text.parse().map(Self::Run)
        } else {
            text.parse().map(Self::Newest)
        }
    }
}

impl From<SessionId> for SessionRef {
    fn from(id: SessionId) -> Self {
        Self::Run(id)
    }
}

/// What a viewer can follow: `sessions`, `session/<id>` or `log/<id>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, SerializeDisplay, DeserializeFromStr)]
pub enum Topic {
    /// The index: one row per session.
    Sessions,
    /// One session's whole view.
    Session(SessionRef),
    /// One session's log lines.
    Log(SessionRef),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions => f.write_str("sessions"),
            Self::Session(session) => write!(f, "session/{session}"),
            Self::Log(session) => write!(f, "log/{session}"),
        }
    }
}

impl FromStr for Topic {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "sessions" {
            return Ok(Self::Sessions);
        }
        match text.split_once('/') {
            Some(("session", session)) => session.parse().map(Self::Session),
            Some(("log", session)) => session.parse().map(Self::Log),
            _ => Err(InvalidId {
                what: "a topic",
                form: "sessions, session/<id> or log/<id>",
            }),
        }
    }
}

/// The id that a producer gave to an event: 1 to 200 printable ASCII characters. The same id twice is the same event, within
/// the session and the folder that the producer named: see [`EventKey`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct EventId(Box<str>);

impl EventId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if text.is_empty() || text.len() > MAX_EVENT_ID_BYTES || !printable {
            return Err(InvalidId {
                what: "an event id",
                form: "1 to 200 printable ASCII characters",
            });
        }
        Ok(Self(text.into()))
    }
}

/// What the ids begin with that are worked out from a whole message, so that it is known whichever way it comes. No producer
/// may give such an id itself.
pub const CONTENT_ID_PREFIX: &str = "b:";

/// What the id of a wrapped command begins with, by which it is told from the name of a transcript.
pub const COMMAND_PREFIX: &str = "command-";

/// By what an event with an id is known: two producers that both number their events from 1 mean different ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// The id.
    pub id: EventId,
    /// Within what it counts, opaque to all others: the name of the session, whatever run of it, and the folder, as far as
    /// the producer names them. Empty for an id that is worked out from the whole message.
    pub scope: Box<str>,
}

impl EventKey {
    /// The key of an id that came with this subject.
    #[must_use]
    pub fn new(id: &EventId, subject: &Subject) -> Self {
        let scope = if id.as_str().starts_with(CONTENT_ID_PREFIX) {
            String::new()
        } else {
            let name = match &subject.session {
                Some(SessionRef::Run(run)) => run.name().as_str(),
                Some(SessionRef::Newest(name)) => name.as_str(),
                None => subject.name.as_deref().unwrap_or_default(),
            };
            // Neither of them contains a line feed: both are cleaned.
            format!("{name}\n{}", subject.directory.as_deref().unwrap_or_default())
        };
        Self {
            id: id.clone(),
            scope: scope.into(),
        }
    }
}

/// Within an epoch revisions are comparable; a viewer that holds another epoch gets a snapshot, never a patch.
/// Eight lower-case hexadecimal digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct Epoch(u32);

impl Epoch {
    /// The epoch with this number.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = InvalidId {
            what: "an epoch",
            form: "eight lower-case hexadecimal digits",
        };
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 8 || !text.bytes().all(hex) {
            return Err(invalid);
        }
        u32::from_str_radix(text, 16).map(Self).map_err(|_| invalid)
    }
}

/// The number of a state of one topic: only grows, counted from 1; 0 is "nothing yet".
pub type Revision = u64;

macro_rules! debug_as_display {
    ($($id:ty),+) => {$(
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )+};
}
debug_as_display!(SessionName, SessionId, EventId, Epoch);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        for text in [
            "",
            ".",
            "..",
            "-a",
            "a/b",
            "a\\b",
            "a\0",
            "a\n",
            "ä",
            "a~1",
            "a b",
            "%2e%2e",
            &"a".repeat(129),
        ] {
            assert!(text.parse::<SessionName>().is_err(), "{text:?}");
        }
        assert!("a".repeat(128).parse::<SessionName>().is_ok());
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!("weather-app~2".parse::<SessionId>().unwrap().run(), 2);
        for text in [
            "weather-app",
            "weather-app~",
            "weather-app~0",
            "weather-app~01",
            "weather-app~+1",
            "a~1~1",
            "~1",
            "a~99999999999",
        ] {
            assert!(text.parse::<SessionId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_topic_names_the_index_a_session_or_a_log() {
        for text in ["sessions", "session/a", "session/a~3", "log/a.b-c_d~1"] {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "session",
            "session/",
            "log/../x",
            "other/a",
            "sessions/a",
            "session/a/b",
        ] {
            assert!(text.parse::<Topic>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_written_back_as_it_was(text in "\\PC{0,140}") {
            if let Ok(name) = text.parse::<SessionName>() {
                prop_assert_eq!(name.to_string(), text.clone());
            }
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.to_string(), text.clone());
            }
            if let Ok(epoch) = text.parse::<Epoch>() {
                prop_assert_eq!(epoch.to_string(), text);
            }
        }

        #[test]
        fn every_id_survives_json(name in "[A-Za-z0-9][A-Za-z0-9._-]{0,127}", run in 1u32..) {
            let id = name.parse::<SessionName>().unwrap().run(run);
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<SessionId>(&json).unwrap(), id);
        }
    }
}
