//! Liveness and readiness. Liveness asks nobody, so nothing that is stuck can make the process look dead; readiness says
//! which part is unwell.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forgecast_protocol::rest::{Readiness, Ready, StoreState};

use crate::etag::NoStore;
use crate::state::AppState;

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> NoStore<&'static str> {
    NoStore("ok\n")
}

/// `GET /readyz`: 200 when everything works, 503 otherwise.
pub(crate) async fn ready(State(shared): State<Arc<AppState>>) -> (StatusCode, NoStore<Json<Readiness>>) {
    let sources = shared.health.borrow().clone();
    let store = shared.hub.store_health();
    let sessions = shared.hub.session_places();
    let is_well =
        store.writable && store.readable && !sessions.full && sources.roots.iter().all(|root| root.state.is_observed());
    let (code, status) = match (sources.ready, is_well) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, Ready::Starting),
        (true, false) => (StatusCode::SERVICE_UNAVAILABLE, Ready::Degraded),
        (true, true) => (StatusCode::OK, Ready::Ready),
    };
    let readiness = Readiness {
        status,
        sources: sources.roots,
        store: StoreState {
            writable: store.writable,
            readable: store.readable,
            full: store.full,
            backlog_bytes: store.backlog_bytes,
            last_error: store.last_error,
        },
        sessions,
        indexing: sources.indexing,
    };
    (code, NoStore(Json(readiness)))
}
