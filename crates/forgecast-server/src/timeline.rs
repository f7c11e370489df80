//! A session's past in brief, for whoever draws it. What may be seen is decided by the hub; how much at once, here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use forgecast_hub::MOST_MARKS;
use forgecast_protocol::{Revision, SessionRef};
use serde::Deserialize;

use crate::error::Error;
use crate::etag::no_store;
use crate::extract::{InPath, InQuery};
use crate::sessions::unknown;
use crate::state::AppState;

/// Which part of a past.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineQuery {
    /// The newest revision that the viewer has heard of.
    #[serde(default)]
    after: Revision,
    /// Most spans, marks and times.
    limit: Option<u32>,
}

/// `GET /api/v1/sessions/{id}/timeline`: spans of phases, moments worth a mark, and when the revisions came.
pub(crate) async fn timeline(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<SessionRef>,
    InQuery(query): InQuery<TimelineQuery>,
) -> Result<Response, Error> {
    let most = query
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MOST_MARKS);
    let timeline = shared.hub.timeline(&session, query.after, most).await?;
    let timeline = timeline.ok_or_else(|| unknown(&session))?;
    Ok(no_store(Json(timeline)))
}
