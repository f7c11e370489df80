//! Every route, on one page. What may come in at all is decided before, by the guard.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, on};

use crate::access::{self, Access};
use crate::state::AppState;
use crate::{
    assets, error, events, files, health, hooks, import, live, login, metrics, openapi, origin, otlp, sessions, stats,
    timeline,
};

/// One route, as documentation and tests list it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST`, `DELETE`.
    pub method: &'static str,
    /// The path with its `{parameters}`.
    pub path: &'static str,
    /// Whom it serves.
    pub access: Access,
}

fn page() -> Page {
    use Access::{Admin, Ingest, Open, Shared, View};

    Page::default()
        .get("/api/v1/live", Shared, live::ws::upgrade)
        .get("/api/v1/sessions", View, sessions::list)
        .get("/api/v1/sessions/live", View, live::sse::sessions)
        .get("/api/v1/sessions/{id}", Shared, sessions::view)
        .delete("/api/v1/sessions/{id}", Admin, sessions::forget)
        .get("/api/v1/sessions/{id}/live", Shared, live::sse::session)
        .get("/api/v1/sessions/{id}/log", Shared, sessions::log)
        .get("/api/v1/sessions/{id}/log/matches", Shared, sessions::log_matches)
        .get("/api/v1/sessions/{id}/events", Shared, sessions::events)
        .get("/api/v1/sessions/{id}/at/{revision}", Shared, sessions::view_at)
        .get("/api/v1/sessions/{id}/timeline", Shared, timeline::timeline)
        .get("/api/v1/sessions/{id}/series", Shared, sessions::series)
        .get("/api/v1/sessions/{id}/files/{*name}", Shared, files::file)
        .get("/api/v1/sessions/{id}/export", Shared, sessions::export)
        .get("/api/v1/stats", View, stats::stats)
        .get("/api/v1/outcomes", View, stats::outcomes)
        .get("/api/v1/me", Open, login::me)
        .post("/api/v1/login", Open, login::login)
        .post("/api/v1/logout", Open, login::logout)
        .post("/api/v1/events", Ingest, events::push)
        .post("/api/v1/import", Admin, import::bring)
        .post("/api/v1/hooks/claude", Ingest, hooks::claude)
        .post("/v1/logs", Ingest, otlp::logs)
        .post("/v1/metrics", Ingest, otlp::metrics)
        .get("/healthz", Open, health::alive)
        .get("/readyz", View, health::ready)
        .get("/metrics", View, metrics::scrape)
        .get("/openapi.json", Open, openapi::serve)
        .get("/ws/{session}", View, origin::ws::upgrade)
        .get("/api/sessions", View, origin::list::all)
        .get("/api/sessions/active", View, origin::list::active)
        .get("/api/sessions/completed", View, origin::list::completed)
        .get("/api/sessions/failed", View, origin::list::failed)
        .get("/api/status/{id}", View, origin::sessions::status)
        .get("/api/phases/{id}", View, origin::sessions::phases)
        .get("/api/logs/{id}", View, origin::sessions::logs)
        .get("/api/metrics/historical", View, origin::history::historical)
        .get("/api/metrics/{id}", View, origin::metrics::of_session)
        .get("/api/analytics/decisions", View, origin::history::decisions)
        .get("/api/analytics/agents", View, origin::history::agents)
        .get("/api/token/status/{id}", View, origin::metrics::tokens)
        .get("/api/agents/{session}", View, origin::agents::of_session)
        .get("/api/agent/{agent}", View, origin::agents::one)
        .get("/api/instances", View, origin::agents::instances)
        .get("/api/mcp/tasks", View, origin::tasks::active)
        .get("/api/mcp/task/{id}", View, origin::tasks::one)
        .get("/api/health", View, origin::health)
        .post("/api/phase-update", Ingest, origin::producers::phase_update)
        .post("/api/agent-update", Ingest, origin::producers::agent_update)
        .post("/api/broadcast/{id}", Ingest, origin::producers::broadcast)
}

/// All routes but the dashboard's own addresses.
#[must_use]
pub fn routes() -> Vec<Route> {
    page().table
}

/// The routes as a service. Whatever has no route is the dashboard's, or not there.
pub(crate) fn router(shared: Arc<AppState>) -> Router {
    page()
        .router
        .fallback(assets::serve)
        .method_not_allowed_fallback(error::no_such_method)
        .with_state(shared)
}

/// A router and the list of what is in it, which therefore cannot differ.
#[derive(Default)]
struct Page {
    router: Router<Arc<AppState>>,
    table: Vec<Route>,
}

impl Page {
    fn get<T: 'static>(self, path: &'static str, access: Access, handler: impl Handler<T, Arc<AppState>>) -> Self {
        self.with("GET", MethodFilter::GET, path, access, handler)
    }

    fn post<T: 'static>(self, path: &'static str, access: Access, handler: impl Handler<T, Arc<AppState>>) -> Self {
        self.with("POST", MethodFilter::POST, path, access, handler)
    }

    fn delete<T: 'static>(self, path: &'static str, access: Access, handler: impl Handler<T, Arc<AppState>>) -> Self {
        self.with("DELETE", MethodFilter::DELETE, path, access, handler)
    }

    fn with<T: 'static>(
        mut self,
        method: &'static str,
        filter: MethodFilter,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, Arc<AppState>>,
    ) -> Self {
        self.table.push(Route { method, path, access });
        let guarded =
            on(filter, handler).route_layer(from_fn(move |request, next| access::check(access, request, next)));
        self.router = self.router.route(path, guarded);
        self
    }
}
