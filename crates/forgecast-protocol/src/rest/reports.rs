//! Which part of history a report is about. The reports themselves are [`UsageReport`](crate::report::UsageReport) and
//! [`OutcomeReport`](crate::outcome::OutcomeReport).

use serde::{Deserialize, Deserializer};

use super::unless_empty;
use crate::ids::SessionRef;
use crate::outcome::OutcomesBy;
use crate::report::GroupBy;
use crate::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// Which usage. A parameter that is empty counts as left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// By what; otherwise by day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::OrEmpty<GroupBy>>"))]
    pub group_by: Option<GroupBy>,
    /// The first day: a date, or a time which means its day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::OrEmpty<Day>>"))]
    pub since: Option<Day>,
    /// The last day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::OrEmpty<Day>>"))]
    pub until: Option<Day>,
    /// One project.
    #[serde(default, deserialize_with = "unless_empty")]
    pub project: Option<String>,
    /// One session: an id, a name (its newest run) or the name of a transcript.
    #[serde(default, deserialize_with = "unless_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::OrEmpty<SessionRef>>"))]
    pub session: Option<SessionRef>,
}

/// Which finished sessions. A parameter that is empty counts as left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutcomesQuery {
    /// By what; otherwise by day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::OrEmpty<OutcomesBy>>"))]
    pub group_by: Option<OutcomesBy>,
    /// The first day: a date, or a time which means its day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::OrEmpty<Day>>"))]
    pub since: Option<Day>,
    /// The last day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::OrEmpty<Day>>"))]
    pub until: Option<Day>,
    /// One project.
    #[serde(default, deserialize_with = "unless_empty")]
    pub project: Option<String>,
}

/// A day of the server's calendar: by its date (`2026-11-22`), or by a moment of it (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Days since 1970-01-01.
    Date(i32),
    /// The day of this moment.
    Of(Timestamp),
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A timestamp may leave out digits, a date may not.
        let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        if shape.eq(*b"0000-00-00")
            && let Ok(midnight) = format!("{text}T00:00:00Z").parse::<Timestamp>()
        {
            let day = i32::try_from(midnight.as_millis().div_euclid(DAY_MS));
            return Ok(Self::Date(day.unwrap_or_default()));
        }
        // In a query `+` means a space, and is often sent for the one of an offset.
        let moment = text.replace(' ', "+").parse();
        moment.map(Self::Of).map_err(|_| {
            let form = "a date (2026-11-22) or an RFC 3339 time with Z or an offset (2026-11-22T08:00:00Z)";
            serde::de::Error::custom(form)
        })
    }
}
