//! The API of Context Foundry (Python), on its paths and with its fields, so that whoever fed or watched builds with it can
//! go on unchanged. It is an adapter on the server's state: every answer is made of the hub's views, rows and history at the
//! moment it is given. The crate keeps nothing of a session and decides nothing about what a fact means.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use forgecast_server::Access::{Ingest, View};
use forgecast_server::{AppState, Routes};
use serde_json::json;

mod agents;
mod analytics;
mod answer;
mod broadcast_rooms;
mod diff;
mod list;
mod metrics;
mod producers;
mod session;
mod sessions;
mod tasks;
mod view;
mod vocabulary;
mod ws;

use self::answer::answer;
use self::broadcast_rooms::BroadcastRooms;

/// The routes, to be mounted on the server.
#[must_use]
pub fn routes() -> Routes {
    Routes::default()
        .get("/ws/{session}", View, ws::upgrade)
        .get("/api/sessions", View, list::all)
        .get("/api/sessions/active", View, list::active)
        .get("/api/sessions/completed", View, list::completed)
        .get("/api/sessions/failed", View, list::failed)
        .get("/api/status/{id}", View, sessions::status)
        .get("/api/phases/{id}", View, sessions::phases)
        .get("/api/logs/{id}", View, sessions::logs)
        .get("/api/metrics/historical", View, analytics::historical)
        .get("/api/metrics/{id}", View, metrics::of_session)
        .get("/api/analytics/decisions", View, analytics::decisions)
        .get("/api/analytics/agents", View, analytics::agents)
        .get("/api/token/status/{id}", View, metrics::tokens)
        .get("/api/agents/{session}", View, agents::of_session)
        .get("/api/agent/{agent}", View, agents::one)
        .get("/api/instances", View, agents::instances)
        .get("/api/mcp/tasks", View, tasks::active)
        .get("/api/mcp/task/{id}", View, tasks::one)
        .get("/api/health", View, health)
        .post("/api/phase-update", Ingest, producers::phase_update)
        .post("/api/agent-update", Ingest, producers::agent_update)
        .post("/api/broadcast/{id}", Ingest, producers::broadcast)
        .extension(BroadcastRooms::default())
}

/// `GET /api/health`.
async fn health(State(state): State<Arc<AppState>>, Extension(rooms): Extension<BroadcastRooms>) -> Response {
    answer(&json!({
        "status": "healthy",
        "sessions": state.hub().counters().sessions,
        "connections": rooms.viewer_count(),
    }))
}
