//! What history says of tokens and money. Asks the hub and passes on what it says; works nothing out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use forgecast_hub::{Hub, ReportQuery};
use forgecast_protocol::report::GroupBy;
use forgecast_protocol::{SessionRef, Timestamp};
use serde::Deserialize;
use sha1::{Digest, Sha1};

use crate::Shared;
use crate::assets::if_none_match;
use crate::error::Error;
use crate::extract::InQuery;

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
    State(shared): State<Arc<Shared>>,
    InQuery(query): InQuery<StatsQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let report = shared.hub.usage_report(query.read(&shared.hub)?).await?;
    let json = serde_json::to_vec(&report).map_err(|error| Error::internal("write a report", error))?;
    let tag = format!("\"{}\"", HEXLOWER.encode(&Sha1::digest(&json)));
    let mut response = if if_none_match(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (kind, Body::from(json)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

impl StatsQuery {
    fn read(self, hub: &Hub) -> Result<ReportQuery, Error> {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let group_by = said(self.group_by).map_or(Ok(GroupBy::default()), |text| text.parse());
        let day = |name, text| said(text).map(|text: String| day(name, &text, hub)).transpose();
        let (since, until) = (day("since", self.since)?, day("until", self.until)?);
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err(Error::Malformed("since is after until".to_owned()));
        }
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
