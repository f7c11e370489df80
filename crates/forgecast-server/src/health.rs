//! Liveness and readiness. Liveness asks nobody, so nothing that is stuck can make the process look dead; readiness says
//! which part is unwell.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use forgecast_protocol::health::RootState;
use serde_json::json;

use crate::state::AppState;

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Response {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

/// `GET /readyz`: 200 when everything works, 503 otherwise; the body says what does not. `starting` until the first scan
/// of the sources was handed over, `degraded` while a part is down. `indexing` says how far the reading of archives is.
pub(crate) async fn ready(State(shared): State<Arc<AppState>>) -> Response {
    let sources = shared.health.borrow().clone();
    let store = shared.hub.store_health();
    let roots_well = sources
        .roots
        .iter()
        .all(|root| matches!(root.state, RootState::Watching | RootState::Polling));
    let (status, word) = match (sources.ready, roots_well && store.writable) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (true, false) => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
        (true, true) => (StatusCode::OK, "ready"),
    };
    let mut body = json!({
        "status": word,
        "sources": sources.roots,
        "store": {
            "writable": store.writable,
            "full": store.full,
            "backlog_bytes": store.backlog_bytes,
        },
    });
    // Not a reason to be unwell: what is live is shown, what is old follows.
    if let Some(indexing) = sources.indexing {
        body["indexing"] = json!(indexing);
    }
    if let Some(error) = store.last_error {
        body["store"]["last_error"] = error.into();
    }
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
