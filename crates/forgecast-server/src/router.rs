//! Every route, on one page. Whether a request is let in at all is decided before, by the guard.

use std::sync::Arc;

use axum::handler::Handler;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};

use crate::access::{self, Access};
use crate::state::AppState;
use crate::{
    assets, error, events, files, health, hooks, import, live, login, metrics, openapi, otlp, sessions, stats, timeline,
};

/// A route as documentation and tests list it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST`, `DELETE`.
    pub method: &'static str,
    /// The path with its `{parameters}`.
    pub path: &'static str,
    /// Whom it serves.
    pub access: Access,
}

/// The server's own routes.
#[must_use]
pub fn routes() -> Routes {
    use Access::{Admin, Ingest, Open, Shared, View};

    Routes::default()
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
}

/// The server's routes and those of `mounted` as a service. What has no route is a file of the dashboard, or not found.
pub(crate) fn router(mounted: Routes) -> Router<Arc<AppState>> {
    let router = routes().router.merge(mounted.router);
    router
        .fallback(assets::serve)
        .method_not_allowed_fallback(error::no_such_method)
}

/// A router and the table of what is in it, which therefore cannot differ. A route cannot be added without saying whom it
/// serves.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router<Arc<AppState>>,
    table: Vec<Route>,
}

impl Routes {
    /// Adds a route for `GET`.
    #[must_use]
    pub fn get<T: 'static>(self, path: &'static str, access: Access, handler: impl Handler<T, Arc<AppState>>) -> Self {
        self.with("GET", MethodFilter::GET, path, access, handler)
    }

    /// Adds a route for `POST`.
    #[must_use]
    pub fn post<T: 'static>(self, path: &'static str, access: Access, handler: impl Handler<T, Arc<AppState>>) -> Self {
        self.with("POST", MethodFilter::POST, path, access, handler)
    }

    /// Adds a route for `DELETE`.
    #[must_use]
    pub fn delete<T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, Arc<AppState>>,
    ) -> Self {
        self.with("DELETE", MethodFilter::DELETE, path, access, handler)
    }

    /// Gives every handler added so far `value` as an [`Extension`].
    #[must_use]
    pub fn extension(mut self, value: impl Clone + Send + Sync + 'static) -> Self {
        self.router = self.router.layer(Extension(value));
        self
    }

    /// The routes as documentation and tests list them.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
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
