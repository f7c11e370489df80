//! What history says of tokens and money, and of how sessions ended. Asks the hub and passes on what it says; works nothing out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use forgecast_hub::{Hub, OutcomeQuery, ReportQuery};
use forgecast_protocol::outcome::OutcomesBy;
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::{SessionRef, Timestamp};
use serde::Deserialize;

use crate::error::Error;
use crate::etag::with_content_etag;
use crate::extract::{InQuery, said};
use crate::state::AppState;

const DAY_MS: i64 = 86_400_000;

/// Which usage, as the query writes it; what is empty is not said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatsQuery {
    group_by: Option<String>,
    since: Option<String>,
    until: Option<String>,
    project: Option<String>,
    session: Option<String>,
}

/// `GET /api/v1/stats`: a [`UsageReport`](forgecast_protocol::report::UsageReport), tagged by its content.
pub(crate) async fn stats(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<StatsQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let report = shared.hub.usage_report(query.read(&shared.hub)?).await?;
    let json = serde_json::to_vec(&report).map_err(|error| Error::internal("write a report", error))?;
    Ok(with_content_etag(json, &headers))
}

/// Which finished sessions, as the query writes it; what is empty is not said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomesQuery {
    #[serde(default)]
    group_by: OutcomesBy,
    since: Option<String>,
    until: Option<String>,
    project: Option<String>,
}

/// `GET /api/v1/outcomes`: an [`OutcomeReport`](forgecast_protocol::outcome::OutcomeReport), tagged by its content.
pub(crate) async fn outcomes(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<OutcomesQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let (since, until) = days(query.since, query.until, &shared.hub)?;
    let query = OutcomeQuery {
        group_by: query.group_by,
        since,
        until,
        project: said(query.project),
    };
    let report = shared.hub.outcomes(query).await?;
    let json = serde_json::to_vec(&report).map_err(|error| Error::internal("write outcomes", error))?;
    Ok(with_content_etag(json, &headers))
}

/// The first and the last day that a query names.
fn days(since: Option<String>, until: Option<String>, hub: &Hub) -> Result<(Option<i32>, Option<i32>), Error> {
    let day = |name, text| said(text).map(|text: String| day(name, &text, hub)).transpose();
    let (since, until) = (day("since", since)?, day("until", until)?);
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(Error::Malformed("since is after until".to_owned()));
    }
    Ok((since, until))
}

impl StatsQuery {
    fn read(self, hub: &Hub) -> Result<ReportQuery, Error> {
        let group_by = said(self.group_by).map_or(Ok(GroupBy::default()), |text| text.parse());
        let (since, until) = days(self.since, self.until, hub)?;
        Ok(ReportQuery {
            group_by: group_by.map_err(|error| Error::Malformed(error.to_string()))?,
            since,
            until,
            project: said(self.project),
            session: said(self.session).map(|text| session(&text, hub)).transpose()?,
        })
    }
}

/// A session's id as usage is filed under it: the run that a name means, else the name of a transcript.
fn session(text: &str, hub: &Hub) -> Result<String, Error> {
    let session: SessionRef = text
        .parse()
        .map_err(|error| Error::Malformed(format!("session: {error}")))?;
    Ok(hub
        .resolve(&session)
        .map_or_else(|| text.to_owned(), |id| id.to_string()))
}

/// The day that a query names: by its date, or by a moment of it in the calendar of the hub.
fn day(name: &str, text: &str, hub: &Hub) -> Result<i32, Error> {
    if is_date(text)
        && let Ok(midnight) = format!("{text}T00:00:00Z").parse::<Timestamp>()
    {
        return Ok(i32::try_from(midnight.as_millis().div_euclid(DAY_MS)).unwrap_or_default());
    }
    // In a query `+` means a space, and is often sent for the one of an offset.
    match text.replace(' ', "+").parse::<Timestamp>() {
        Ok(at) => Ok(hub.day(at)),
        Err(_) => Err(Error::Malformed(format!(
            "{name}: a date (2026-11-22) or an RFC 3339 time with Z or an offset (2026-11-22T08:00:00Z)"
        ))),
    }
}

/// Whether it is written as `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    shape.eq(*b"0000-00-00")
}
