//! The reading side of REST v1, and the one way to remove a session. Each handler asks the hub and passes on what it
//! says; nothing is cached or worked out here.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::NoContent;
use axum::{Extension, Json};
use forgecast_hub::{From, LogQuery as LogPart, StateAt};
use forgecast_protocol::rest::{
    EventPage, EventsQuery, LogMatches, LogMatchesQuery, LogPage, LogQuery, RevisionPath, Series, SeriesQuery,
    SessionList, SessionPath, SessionsQuery, TimelineQuery,
};
use forgecast_protocol::{SessionRef, SessionView, Timeline};
use serde_json::Value;

use crate::access::Principal;
use crate::error::Error;
use crate::etag::{NoStore, WithEtag};
use crate::extract::{InPath, InQuery};
use crate::state::AppState;

/// Most facts of one page.
const MAX_EVENTS: u32 = 10_000;

/// `GET /api/v1/sessions`: tagged by its content, for a page that has lost its socket asks every few seconds.
pub(crate) async fn list(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InQuery(mut query): InQuery<SessionsQuery>,
) -> Result<WithEtag<SessionList>, Error> {
    if let Some(scope) = principal.scope() {
        scope.ask_for_rows(&mut query);
    }
    let mut list = shared.hub.rows(query).await?;
    if let Some(scope) = principal.scope() {
        scope.rows(&mut list.sessions);
    }
    WithEtag::of(&list)
}

/// `GET /api/v1/sessions/{id}`: the view, with its digest as the tag.
pub(crate) async fn view(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(SessionPath { id }): InPath<SessionPath>,
) -> Result<WithEtag<SessionView>, Error> {
    let state = shared.hub.view(&id).await?.ok_or_else(|| unknown(&id))?;
    tagged(&principal, state)
}

/// `GET /api/v1/sessions/{id}/at/{revision}`: the view as it was; `forgecast-at` says when.
pub(crate) async fn view_at(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(RevisionPath { id, revision }): InPath<RevisionPath>,
) -> Result<(HeaderMap, WithEtag<SessionView>), Error> {
    let state = shared.hub.view_at(&id, revision).await?;
    let state = state.ok_or_else(|| Error::NotFound(format!("there is no revision {revision} of the session {id}")))?;
    let mut headers = HeaderMap::new();
    if let Some(at) = state.at.and_then(|at| HeaderValue::from_str(&at.to_string()).ok()) {
        headers.insert("forgecast-at", at);
    }
    Ok((headers, tagged(&principal, state)?))
}

/// A view as this principal receives it, the same that it receives as a snapshot.
fn tagged(principal: &Principal, state: StateAt) -> Result<WithEtag<SessionView>, Error> {
    if let Some(scope) = principal.scope() {
        let view = serde_json::from_slice(&state.json)
            .map_err(|error| Error::internal(format!("read the view of {}", state.id), error))?;
        return WithEtag::of(&scope.view(view));
    }
    if !principal.is_guest() {
        return Ok(WithEtag::rendered(state.json, state.digest));
    }
    let view: Value = serde_json::from_slice(&state.json)
        .map_err(|error| Error::internal(format!("read the view of {}", state.id), error))?;
    let received = principal.receive_part(view)?;
    Ok(WithEtag::written(received.to_string().into()))
}

/// `GET /api/v1/sessions/{id}/log`: lines from an offset or a time, or the last ones.
pub(crate) async fn log(
    State(shared): State<Arc<AppState>>,
    InPath(SessionPath { id }): InPath<SessionPath>,
    InQuery(query): InQuery<LogQuery>,
) -> Result<NoStore<Json<LogPage>>, Error> {
    let from = match (query.offset, query.at) {
        (Some(_), Some(_)) => return Err(Error::Malformed("either offset or at, not both".into())),
        (Some(offset), None) => From::Offset(offset),
        (None, Some(time)) => From::Time(time),
        (None, None) => From::Last,
    };
    let part = LogPart {
        from,
        limit: query.limit,
        level: query.level,
        text: query.q,
    };
    let page = shared.hub.log(&id, part).await?.ok_or_else(|| unknown(&id))?;
    Ok(NoStore(Json(page)))
}

/// `GET /api/v1/sessions/{id}/log/matches`: the numbers of the lines that match, from an offset on, as far as one look goes.
pub(crate) async fn log_matches(
    State(shared): State<Arc<AppState>>,
    InPath(SessionPath { id }): InPath<SessionPath>,
    InQuery(query): InQuery<LogMatchesQuery>,
) -> Result<NoStore<Json<LogMatches>>, Error> {
    let part = LogPart {
        from: From::Offset(query.offset),
        limit: u32::MAX,
        level: query.level,
        text: query.q,
    };
    let found = shared.hub.log_matches(&id, part).await?.ok_or_else(|| unknown(&id))?;
    Ok(NoStore(Json(found)))
}

/// `GET /api/v1/sessions/{id}/events`.
pub(crate) async fn events(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(SessionPath { id }): InPath<SessionPath>,
    InQuery(query): InQuery<EventsQuery>,
) -> Result<NoStore<Json<EventPage>>, Error> {
    let events = shared.hub.events(&id, query.after, query.limit.min(MAX_EVENTS)).await?;
    let mut events = events.ok_or_else(|| unknown(&id))?;
    events.retain(|stored| principal.can_receive_fact(&stored.event.fact));
    let events = principal.receive_part(events)?;
    Ok(NoStore(Json(EventPage { events })))
}

/// `GET /api/v1/sessions/{id}/timeline`.
pub(crate) async fn timeline(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InPath(SessionPath { id }): InPath<SessionPath>,
    InQuery(query): InQuery<TimelineQuery>,
) -> Result<NoStore<Json<Timeline>>, Error> {
    let most = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let timeline = shared.hub.timeline(&id, query.after, most).await?;
    let timeline = principal.receive_part(timeline.ok_or_else(|| unknown(&id))?)?;
    Ok(NoStore(Json(timeline)))
}

/// `GET /api/v1/sessions/{id}/series`.
pub(crate) async fn series(
    State(shared): State<Arc<AppState>>,
    InPath(SessionPath { id }): InPath<SessionPath>,
    InQuery(SeriesQuery { metric, resolution }): InQuery<SeriesQuery>,
) -> Result<NoStore<Json<Series>>, Error> {
    let resolution_s = resolution.max(1);
    let points = shared.hub.series(&id, metric, resolution_s).await?;
    Ok(NoStore(Json(Series {
        metric,
        resolution_s,
        points: points.ok_or_else(|| unknown(&id))?,
    })))
}

/// `DELETE /api/v1/sessions/{id}`.
pub(crate) async fn forget(
    State(shared): State<Arc<AppState>>,
    InPath(SessionPath { id }): InPath<SessionPath>,
) -> Result<NoContent, Error> {
    if shared.hub.forget(&id).await? {
        Ok(NoContent)
    } else {
        Err(unknown(&id))
    }
}

pub(crate) fn unknown(session: &SessionRef) -> Error {
    Error::NotFound(format!("there is no session {session}"))
}
