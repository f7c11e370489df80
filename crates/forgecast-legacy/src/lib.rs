//! The API of Context Foundry (Python), on its paths and with its fields, so that whoever fed or watched builds with it can
//! go on unchanged. It is an adapter on the server's state: every answer is made of the hub's views, rows and history at the
//! moment it is given. The crate keeps nothing of a session and decides nothing about what a fact means.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use forgecast_server::Access::{Ingest, View};
use forgecast_server::{AppState, NoStore, Routes, says};
use schemars::JsonSchema;
use serde::Serialize;

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
#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::default()
        .section("Origin", "The API of the server that Forgecast takes over from, on its paths and with its fields. Here, and only \
             here, what is unknown is null or 0.")
        .get("/ws/{session}", View, says("originSocket", "Follows a session over a WebSocket")
            .about("Answers 101 to a WebSocket handshake and 400 to anything else. The status comes at once and again when it \
             really changed; what a client says is ignored."), ws::upgrade)
        .get("/api/sessions", View, says("originSessions", "All sessions, the last that worked first"), list::all)
        .get("/api/sessions/active", View, says("originActive", "Those at work"), list::active)
        .get("/api/sessions/completed", View, says("originCompleted", "Those that ended well"), list::completed)
        .get("/api/sessions/failed", View, says("originFailed", "Those that failed or were abandoned"), list::failed)
        .get("/api/status/{id}", View, says("originStatus", "One session"), sessions::status)
        .get("/api/phases/{id}", View, says("originPhases", "The pipeline of a session, phase by phase"), sessions::phases)
        .get("/api/logs/{id}", View, says("originLogs", "The last lines of a session's log"), sessions::logs)
        .get("/api/metrics/historical", View, says("originHistory", "Tasks, and sums over all of them"), analytics::historical)
        .get("/api/metrics/{id}", View, says("originMetrics", "Tokens, decisions, agents, tests and patterns of a session"), metrics::of_session)
        .get("/api/analytics/decisions", View, says("originDecisions", "Sums of decisions"), analytics::decisions)
        .get("/api/analytics/agents", View, says("originAgentKinds", "Sums of agents by their kind"), analytics::agents)
        .get("/api/token/status/{id}", View, says("originTokens", "How full a session's context window is"), metrics::tokens)
        .get("/api/agents/{session}", View, says("originAgents", "The agents of a session"), agents::of_session)
        .get("/api/agent/{agent}", View, says("originAgent", "One agent, of the session that worked last"), agents::one)
        .get("/api/instances", View, says("originInstances", "The sessions at work with what their agents come to"), agents::instances)
        .get("/api/mcp/tasks", View, says("originTasks", "The sessions at work under the name of tasks"), tasks::active)
        .get("/api/mcp/task/{id}", View, says("originTask", "One session under the name of a task"), tasks::one)
        .get("/api/health", View, says("originHealth", "How the server is"), health)
        .post("/api/phase-update", Ingest, says("originPhaseUpdate", "Takes a phase file").problems(&[507]), producers::phase_update)
        .post("/api/agent-update", Ingest, says("originAgentUpdate", "Takes the state of one agent").problems(&[507]), producers::agent_update)
        .post("/api/broadcast/{id}", Ingest, says("originBroadcast", "Passes an event on to a session's viewers")
            .about("Folded as well where its type is known.")
            .problems(&[507]), producers::broadcast)
        .extension(BroadcastRooms::default())
}

/// How the server is.
#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    #[schemars(extend("const" = "healthy"))]
    status: &'static str,
    sessions: u64,
    connections: u64,
}

/// `GET /api/health`.
async fn health(
    State(state): State<Arc<AppState>>,
    Extension(rooms): Extension<BroadcastRooms>,
) -> NoStore<Json<Health>> {
    answer(Health {
        status: "healthy",
        sessions: state.hub().counters().sessions,
        connections: rooms.viewer_count() as u64,
    })
}
