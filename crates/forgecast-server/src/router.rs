//! Every route, on one page. What may come in at all is decided before, by the guard.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};

use crate::{Shared, assets, error, events, files, health, hooks, live, metrics, otlp, sessions, stats};

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
        .post("/api/v1/hooks/claude", hooks::claude)
        .post("/v1/logs", otlp::logs)
        .post("/v1/metrics", otlp::metrics)
        .get("/healthz", health::alive)
        .get("/readyz", health::ready)
        .get("/metrics", metrics::scrape)
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
