//! One session: its status, its phases, its log. What is not there is said in the words of the contract, not as a 404.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use forgecast_hub::query::{From, LogQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Called, NO_SESSION, answer, id_for_clients, refusal, view};
use crate::error::Error;
use crate::extract::{InPath, InQuery};
use crate::state::AppState;

/// Lines when the client does not say, and the most.
const LINES: (i64, i64) = (50, 1_000);

/// `GET /api/status/{id}`.
pub(crate) async fn status(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<Called>,
) -> Result<Response, Error> {
    let Some(view) = session.view(&shared).await? else {
        return Ok(answer(&json!({ "error": NO_SESSION })));
    };
    let settled = view::settled(&view, &id_for_clients(&shared, &view.id));
    Ok(answer(&view::tick(settled, &view, shared.clock.now())))
}

/// `GET /api/phases/{id}`.
pub(crate) async fn phases(
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<Called>,
) -> Result<Response, Error> {
    Ok(match session.view(&shared).await? {
        Some(view) => answer(&view::phases(&view, &id_for_clients(&shared, &view.id))),
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
    State(shared): State<Arc<AppState>>,
    InPath(session): InPath<Called>,
    InQuery(query): InQuery<LinesQuery>,
) -> Result<Response, Error> {
    let (usual, most) = LINES;
    let lines = query.lines.unwrap_or(usual).clamp(1, most);
    let asked = LogQuery {
        from: From::Last,
        limit: u32::try_from(lines).unwrap_or(1),
        level: None,
        text: None,
    };
    let page = shared.hub.log(&session.session(&shared), asked).await?;
    let lines = page.map(|page| page.lines).unwrap_or_default();
    let logs: Vec<Value> = lines.into_iter().map(|line| line.text.into()).collect();
    Ok(answer(&json!({ "session_id": session.name(&shared), "logs": logs })))
}
