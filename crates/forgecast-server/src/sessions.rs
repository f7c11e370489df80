//! The reading side of REST v1, and the one way to remove a session. Each handler asks the hub and passes on what it
//! says; nothing is cached or worked out here.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use forgecast_hub::query::{Cursor, From, LogQuery, Metric, RowQuery, Sort};
use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::session::SessionStatus;
use forgecast_protocol::{Revision, SessionRef, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::access::Principal;
use crate::error::Error;
use crate::etag::{no_store, with_content_etag, with_etag};
use crate::extract::{InPath, InQuery, said, words};
use crate::state::AppState;

/// Rows, lines or facts in a page when the client does not say.
const PAGE: u32 = 100;
/// Log lines when the client does not say: what a viewer of the log gets at first, too.
const LOG_PAGE: u32 = 500;
/// Seconds that one point of a series stands for when the client does not say.
const RESOLUTION_S: u32 = 60;

/// Which rows of the overview.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// One or more statuses, separated by commas.
    #[serde(default, deserialize_with = "words")]
    status: Vec<SessionStatus>,
    project: Option<String>,
    /// Only sessions that ended at this moment or later; of those that are not over, that worked then or later.
    since: Option<Timestamp>,
    q: Option<String>,
    #[serde(default)]
    sort: Sort,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `GET /api/v1/sessions`: rows and where the next page begins, tagged by their content: a page that has lost its socket
/// asks every few seconds.
pub(crate) async fn list(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let cursor: Option<Cursor> = match &query.cursor {
        Some(text) => Some(
            text.parse()
                .map_err(|error| Error::Malformed(format!("cursor: {error}")))?,
        ),
        None => None,
    };
    let page = shared
        .hub
        .rows(RowQuery {
            status: query.status,
            project: query.project,
            since: query.since,
            q: query.q,
            sort: query.sort,
            limit: query.limit.unwrap_or(PAGE),
            cursor,
        })
        .await?;
    let mut body = json!({ "sessions": page.rows });
    if let Some(next) = page.next_cursor {
        body["next_cursor"] = next.to_string().into();
    }
    Ok(with_content_etag(body.to_string().into_bytes(), &headers))
}

/// `GET /api/v1/sessions/{id}`: the view, with its digest as the tag.
pub(crate) async fn view(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<SessionRef>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let state = shared.hub.view(&session).await?.ok_or_else(|| unknown(&session))?;
    Ok(with_etag(state.json, &state.digest, &headers))
}

/// `GET /api/v1/sessions/{id}/at/{revision}`: the view as it was; `forgecast-at` says when.
pub(crate) async fn view_at(
    State(shared): State<Arc<AppState>>,
    InPath((session, revision)): InPath<(SessionRef, Revision)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let state = shared.hub.view_at(&session, revision).await?;
    let state =
        state.ok_or_else(|| Error::NotFound(format!("there is no revision {revision} of the session {session}")))?;
    let mut response = with_etag(state.json, &state.digest, &headers);
    let at = state.at.and_then(|at| HeaderValue::from_str(&at.to_string()).ok());
    if let Some(at) = at {
        response.headers_mut().insert("forgecast-at", at);
    }
    Ok(response)
}

/// Which lines of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinesQuery {
    offset: Option<u64>,
    at: Option<Timestamp>,
    limit: Option<u32>,
    level: Option<LogLevel>,
    q: Option<String>,
}

impl LinesQuery {
    fn into_query(self) -> Result<LogQuery, Error> {
        let from = match (self.offset, self.at) {
            (Some(_), Some(_)) => return Err(Error::Malformed("either offset or at, not both".into())),
            (Some(offset), None) => From::Offset(offset),
            (None, Some(time)) => From::Time(time),
            (None, None) => From::Last,
        };
        Ok(LogQuery {
            from,
            limit: self.limit.unwrap_or(LOG_PAGE),
            level: self.level,
            text: said(self.q),
        })
    }
}

/// `GET /api/v1/sessions/{id}/log`: lines from an offset or a time, or the last ones.
pub(crate) async fn log(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<SessionRef>,
    InQuery(query): InQuery<LinesQuery>,
) -> Result<Response, Error> {
    let page = shared.hub.log(&session, query.into_query()?).await?;
    let page = page.ok_or_else(|| unknown(&session))?;
    Ok(no_store(Json(json!({
        "first_offset": page.first_offset,
        "next_offset": page.next_offset,
        "end_offset": page.end_offset,
        "lines": page.lines,
    }))))
}

/// Which lines are looked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatchesQuery {
    #[serde(default)]
    offset: u64,
    level: Option<LogLevel>,
    q: Option<String>,
}

/// `GET /api/v1/sessions/{id}/log/matches`: the numbers of the lines that match, from an offset on, as far as one look goes.
pub(crate) async fn log_matches(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<SessionRef>,
    InQuery(query): InQuery<MatchesQuery>,
) -> Result<Response, Error> {
    let query = LogQuery {
        from: From::Offset(query.offset),
        limit: u32::MAX,
        level: query.level,
        text: said(query.q),
    };
    let found = shared.hub.log_matches(&session, query).await?;
    let found = found.ok_or_else(|| unknown(&session))?;
    Ok(no_store(Json(json!({
        "first_offset": found.first_offset,
        "next_offset": found.next_offset,
        "end_offset": found.end_offset,
        "offsets": found.offsets,
    }))))
}

/// Which facts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactsQuery {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// `GET /api/v1/sessions/{id}/events`: the facts, in order; `after` is the `sequence` of the last one that is known.
pub(crate) async fn events(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(session): InPath<SessionRef>,
    InQuery(query): InQuery<FactsQuery>,
) -> Result<Response, Error> {
    let limit = query.limit.unwrap_or(PAGE);
    let mut events = shared
        .hub
        .events(&session, query.after, limit)
        .await?
        .ok_or_else(|| unknown(&session))?;
    events.retain(|stored| principal.can_receive_fact(&stored.event.fact));
    Ok(no_store(Json(json!({ "events": events }))))
}

/// What to draw.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesQuery {
    metric: Metric,
    /// Seconds that a point stands for.
    resolution: Option<u32>,
}

/// `GET /api/v1/sessions/{id}/series`: one metric over time as `[time, value]`.
pub(crate) async fn series(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<SessionRef>,
    InQuery(query): InQuery<SeriesQuery>,
) -> Result<Response, Error> {
    let resolution = query.resolution.unwrap_or(RESOLUTION_S).max(1);
    let points = shared
        .hub
        .series(&session, query.metric, resolution)
        .await?
        .ok_or_else(|| unknown(&session))?;
    Ok(no_store(Json(json!({
        "metric": query.metric,
        "resolution_s": resolution,
        "points": points,
    }))))
}

/// `GET /api/v1/sessions/{id}/export`: everything about the session in one document.
pub(crate) async fn export(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(session): InPath<SessionRef>,
) -> Result<Response, Error> {
    let mut export = shared.hub.export(&session).await?.ok_or_else(|| unknown(&session))?;
    export
        .events
        .retain(|stored| principal.can_receive_fact(&stored.event.fact));
    Ok(no_store(Json(export)))
}

/// `DELETE /api/v1/sessions/{id}`: removes the session and its facts.
pub(crate) async fn forget(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<SessionRef>,
) -> Result<StatusCode, Error> {
    if shared.hub.forget(&session).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown(&session))
    }
}

pub(crate) fn unknown(session: &SessionRef) -> Error {
    Error::NotFound(format!("there is no session {session}"))
}
