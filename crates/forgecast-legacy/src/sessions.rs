//! One session: its status, its phases, its log. A session that does not exist is answered in the words of the old API,
//! which is not always a 404.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use forgecast_hub::query::{From, LogQuery};
use forgecast_server::{AppState, Error, InPath, InQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{answer, refusal};
use crate::session::{NO_SESSION, NamedSession};
use crate::view;

/// Lines of a log when the client does not say, and at most.
const LINES: (i64, i64) = (50, 1_000);

/// `GET /api/status/{id}`.
pub(crate) async fn status(
    State(state): State<Arc<AppState>>,
    InPath(name): InPath<NamedSession>,
) -> Result<Response, Error> {
    Ok(match name.load(&state).await? {
        Some(session) => {
            let status = view::status(&session.view, &session.id);
            answer(&view::with_clock(status, &session.view, state.now()))
        }
        None => answer(&json!({ "error": NO_SESSION })),
    })
}

/// `GET /api/phases/{id}`.
pub(crate) async fn phases(
    State(state): State<Arc<AppState>>,
    InPath(name): InPath<NamedSession>,
) -> Result<Response, Error> {
    Ok(match name.load(&state).await? {
        Some(session) => answer(&view::phases(&session.view, &session.id)),
        None => refusal(StatusCode::NOT_FOUND, NO_SESSION),
    })
}

/// How much of a log.
#[derive(Debug, Deserialize)]
pub(crate) struct LinesQuery {
    lines: Option<i64>,
}

/// `GET /api/logs/{id}?lines=50`: the last lines, oldest first.
pub(crate) async fn logs(
    State(state): State<Arc<AppState>>,
    InPath(name): InPath<NamedSession>,
    InQuery(query): InQuery<LinesQuery>,
) -> Result<Response, Error> {
    let (default, most) = LINES;
    let lines = query.lines.unwrap_or(default).clamp(1, most);
    let query = LogQuery {
        from: From::Last,
        limit: u32::try_from(lines).unwrap_or(1),
        level: None,
        text: None,
    };
    let page = state.hub().log(&name.reference(&state), query).await?;
    let lines = page.map(|page| page.lines).unwrap_or_default();
    let logs: Vec<Value> = lines.into_iter().map(|line| line.text.into()).collect();
    Ok(answer(&json!({ "session_id": name.name(&state), "logs": logs })))
}
