//! Every route, on one page. What may come in at all is decided before, by the guard.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};

use crate::{
    Shared, assets, error, events, files, health, hooks, import, live, metrics, origin, otlp, sessions, stats,
};

/// One route, as documentation and tests list it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST`, `DELETE`.
    pub method: &'static str,
    /// The path with its `{parameters}`.
    pub path: &'static str,
}

fn page() -> Page {
    Page::default()
        .get("/api/v1/live", live::ws::upgrade)
        .get("/api/v1/sessions", sessions::list)
        .get("/api/v1/sessions/live", live::sse::sessions)
        .get("/api/v1/sessions/{id}", sessions::view)
        .delete("/api/v1/sessions/{id}", sessions::forget)
        .get("/api/v1/sessions/{id}/live", live::sse::session)
        .get("/api/v1/sessions/{id}/log", sessions::log)
        .get("/api/v1/sessions/{id}/events", sessions::events)
        .get("/api/v1/sessions/{id}/at/{revision}", sessions::view_at)
        .get("/api/v1/sessions/{id}/series", sessions::series)
        .get("/api/v1/sessions/{id}/files/{*name}", files::file)
        .get("/api/v1/sessions/{id}/export", sessions::export)
        .get("/api/v1/stats", stats::stats)
        .post("/api/v1/events", events::push)
        .post("/api/v1/import", import::bring)
        .post("/api/v1/hooks/claude", hooks::claude)
        .post("/v1/logs", otlp::logs)
        .post("/v1/metrics", otlp::metrics)
        .get("/healthz", health::alive)
        .get("/readyz", health::ready)
        .get("/metrics", metrics::scrape)
        .get("/ws/{session}", origin::ws::upgrade)
        .get("/api/sessions", origin::list::all)
        .get("/api/sessions/active", origin::list::active)
        .get("/api/sessions/completed", origin::list::completed)
        .get("/api/sessions/failed", origin::list::failed)
        .get("/api/status/{id}", origin::sessions::status)
        .get("/api/phases/{id}", origin::sessions::phases)
        .get("/api/logs/{id}", origin::sessions::logs)
        .get("/api/metrics/historical", origin::history::historical)
        .get("/api/metrics/{id}", origin::metrics::of_session)
        .get("/api/analytics/decisions", origin::history::decisions)
        .get("/api/analytics/agents", origin::history::agents)
        .get("/api/token/status/{id}", origin::metrics::tokens)
        .get("/api/agents/{session}", origin::agents::of_session)
        .get("/api/agent/{agent}", origin::agents::one)
        .get("/api/instances", origin::agents::instances)
        .get("/api/mcp/tasks", origin::tasks::active)
        .get("/api/mcp/task/{id}", origin::tasks::one)
        .get("/api/health", origin::health)
        .post("/api/phase-update", origin::producers::phase_update)
        .post("/api/agent-update", origin::producers::agent_update)
        .post("/api/broadcast/{id}", origin::producers::broadcast)
}

/// All routes but the dashboard's own addresses.
#[must_use]
pub fn routes() -> Vec<Route> {
    page().table
}

/// The routes as a service. Whatever has no route is the dashboard's, or not there.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    page()
        .router
        .fallback(assets::serve)
        .method_not_allowed_fallback(error::no_such_method)
        .with_state(shared)
}

/// A router and the list of what is in it, which therefore cannot differ.
#[derive(Default)]
struct Page {
    router: Router<Arc<Shared>>,
    table: Vec<Route>,
}

impl Page {
    fn get<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Shared>>) -> Self {
        self.with("GET", MethodFilter::GET, path, handler)
    }

    fn post<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Shared>>) -> Self {
        self.with("POST", MethodFilter::POST, path, handler)
    }

    fn delete<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Shared>>) -> Self {
        self.with("DELETE", MethodFilter::DELETE, path, handler)
    }

    fn with<T: 'static>(
        mut self,
        method: &'static str,
        filter: MethodFilter,
        path: &'static str,
        handler: impl Handler<T, Arc<Shared>>,
    ) -> Self {
        self.table.push(Route { method, path });
        self.router = self.router.route(path, on(filter, handler));
        self
    }
}
