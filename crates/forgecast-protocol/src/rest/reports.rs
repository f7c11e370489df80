//! Which part of history a report is about. The reports themselves are [`UsageReport`](crate::report::UsageReport) and
//! [`OutcomeReport`](crate::report::OutcomeReport).

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::unless_empty;
use crate::calendar;
use crate::ids::SessionRef;
use crate::report::GroupBy;
use crate::report::OutcomesBy;
use crate::time::Timestamp;

/// Which usage. A parameter that is empty counts as left out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// By what; otherwise by day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[schemars(with = "Option<crate::schema::OrEmpty<GroupBy>>")]
    pub group_by: Option<GroupBy>,
    /// The first day: a date, or a time which means its day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[schemars(with = "Option<crate::schema::OrEmpty<Day>>")]
    pub since: Option<Day>,
    /// The last day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[schemars(with = "Option<crate::schema::OrEmpty<Day>>")]
    pub until: Option<Day>,
    /// One project.
    #[serde(default, deserialize_with = "unless_empty")]
    pub project: Option<String>,
    /// One session: an id, a name (its newest run) or the name of a transcript.
    #[serde(default, deserialize_with = "unless_empty")]
    #[schemars(with = "Option<crate::schema::OrEmpty<SessionRef>>")]
    pub session: Option<SessionRef>,
}

/// Which finished sessions. A parameter that is empty counts as left out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomesQuery {
    /// By what; otherwise by day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[schemars(with = "Option<crate::schema::OrEmpty<OutcomesBy>>")]
    pub group_by: Option<OutcomesBy>,
    /// The first day: a date, or a time which means its day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[schemars(with = "Option<crate::schema::OrEmpty<Day>>")]
    pub since: Option<Day>,
    /// The last day.
    #[serde(default, deserialize_with = "unless_empty")]
    #[schemars(with = "Option<crate::schema::OrEmpty<Day>>")]
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
        if let Some(day) = calendar::parse_date(&text) {
            return Ok(Self::Date(day));
        }
        // In a query `+` means a space, and is often sent for the one of an offset.
        let moment = text.replace(' ', "+").parse();
        moment.map(Self::Of).map_err(|_| {
            let form = "a date (2026-11-22) or an RFC 3339 time with Z or an offset (2026-11-22T08:00:00Z)";
            serde::de::Error::custom(form)
        })
    }
}
