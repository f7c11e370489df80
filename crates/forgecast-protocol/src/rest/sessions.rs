//! Sessions: which one a path means, and pages of the overview.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::comma_separated;
use crate::hex;
use crate::ids::{Revision, SessionRef};
use crate::session::{SessionRow, SessionStatus};
use crate::time::Timestamp;

/// The path of a session.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SessionPath {
    /// A run by its id, or the newest run by the name.
    pub id: SessionRef,
}

/// The path of a session as it was.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct RevisionPath {
    /// A run by its id, or the newest run by the name.
    pub id: SessionRef,
    /// The number of a state of the session.
    pub revision: Revision,
}

/// The path of a file of a session.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct FilePath {
    /// A run by its id, or the newest run by the name.
    pub id: SessionRef,
    /// The name as the view lists it; its slashes may stand as they are.
    #[schemars(length(min = 1), example = "session-summary.json")]
    pub name: String,
}

/// Which rows of the overview.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionsQuery {
    /// Only these statuses; an empty word is skipped, and none at all means any.
    #[serde(default, deserialize_with = "comma_separated")]
    #[schemars(with = "Option<Vec<crate::schema::OrEmpty<SessionStatus>>>")]
    pub status: Vec<SessionStatus>,
    /// Only this project; a session without one is of the project of its name.
    pub project: Option<String>,
    /// Only sessions that ended at this moment or later; of those that are not over, that worked then or later.
    #[schemars(with = "Option<crate::schema::Moment>")]
    pub since: Option<Timestamp>,
    /// Only rows whose id, name, project or task contains this, whatever the case.
    pub q: Option<String>,
    /// The order; of equal ones the newest session comes first.
    #[serde(default)]
    pub sort: Sort,
    /// Rows in a page: at most 1,000; 0 means 100.
    #[serde(default = "page")]
    pub limit: u32,
    /// `next_cursor` of the page before, asked for with the same sort.
    pub cursor: Option<Cursor>,
}

fn page() -> u32 {
    100
}

/// By what the overview is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Last work, newest first.
    #[default]
    LastWork,
    /// Beginning of the run, newest first.
    Started,
    /// Name, A first, whatever the case.
    Name,
    /// Cost, dearest first.
    Cost,
    /// Tokens, most first.
    Tokens,
    /// End, newest first; of what is not over, its last work.
    Ended,
    /// From beginning to end, longest first; sessions that are not over come last.
    Duration,
}

/// A page of the overview.
#[serde_with::skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// Rows, in the order that was asked for.
    pub sessions: Vec<SessionRow>,
    /// Where the next page begins; absent on the last one.
    pub next_cursor: Option<Cursor>,
}

/// The place between two rows of a sorted overview. On the wire it is opaque text, hexadecimal digits.
#[derive(Clone, Debug, PartialEq, SerializeDisplay, DeserializeFromStr)]
pub struct Cursor {
    /// The sort that made it; with another one it means nothing.
    pub sort: Sort,
    /// By what the row before it is sorted.
    pub key: SortKey,
    /// The number of the session in that row.
    pub number: i64,
}

/// The value by which a row is sorted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortKey {
    /// A time in milliseconds, or a count.
    Whole(i64),
    /// Money.
    Real(f64),
    /// A name.
    Text(String),
}

/// The text is not a cursor that this version made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this server; begin with the first page")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = serde_json::json!({ "sort": self.sort, "key": self.key, "number": self.number });
        f.write_str(&hex(fields.to_string().as_bytes()))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        #[derive(Deserialize)]
        struct Fields {
            sort: Sort,
            key: SortKey,
            number: i64,
        }

        if !text.is_ascii() || text.len() > 4096 || !text.len().is_multiple_of(2) {
            return Err(InvalidCursor);
        }
        let bytes: Result<Vec<u8>, _> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
            .collect();
        let bytes = bytes.map_err(|_| InvalidCursor)?;
        let Fields { sort, key, number } = serde_json::from_slice(&bytes).map_err(|_| InvalidCursor)?;
        match (sort, &key) {
            (Sort::Name, SortKey::Text(_))
            | (Sort::Cost, SortKey::Real(_))
            | (Sort::LastWork | Sort::Started | Sort::Tokens | Sort::Ended | Sort::Duration, SortKey::Whole(_)) => {
                Ok(Self { sort, key, number })
            }
            _ => Err(InvalidCursor),
        }
    }
}
