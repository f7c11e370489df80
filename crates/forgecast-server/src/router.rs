//! Every route, on one page. Whether a request is let in at all is decided before, by the guard.

use std::sync::Arc;

use axum::handler::Handler;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};

use crate::access::Access::{Admin, Approve, Ingest, Numbers, Open, Part, Shared, View};
use crate::access::{self, Access};
use crate::etag::not_modified;
use crate::openapi::Described;
use crate::state::AppState;
use crate::{
    approvals, assets, budgets, error, events, export, files, health, hooks, import, live, login, metrics,
    notifications, openapi, otlp, sessions, stats,
};

/// A route as documentation and tests list it.
#[derive(Clone, Debug)]
pub struct Route {
    /// `GET`, `POST`, `DELETE`.
    pub method: &'static str,
    /// The path with its `{parameters}`.
    pub path: &'static str,
    /// Whom it serves.
    pub access: Access,
    /// What it is called in clients, `listSessions`; unique.
    pub id: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What else has to be known of it; often empty.
    pub about: &'static str,
    /// What may go wrong, as statuses, beyond what can happen to any request of its kind.
    pub problems: &'static [u16],
    /// The name of the section of the table that it stands in.
    pub section: &'static str,
    /// What that section is about.
    pub section_about: &'static str,
    /// Adds what its handler takes and answers.
    #[cfg(feature = "openapi")]
    pub(crate) describe: openapi::Describe,
}

/// What is said about a route, see [`Route`].
#[derive(Clone, Copy, Debug)]
pub struct Words {
    id: &'static str,
    summary: &'static str,
    about: &'static str,
    problems: &'static [u16],
}

/// The id of a route and what it does.
#[must_use]
pub fn says(id: &'static str, summary: &'static str) -> Words {
    Words {
        id,
        summary,
        about: "",
        problems: &[],
    }
}

impl Words {
    /// What else has to be known of it.
    #[must_use]
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// What may go wrong, as statuses.
    #[must_use]
    pub fn problems(mut self, problems: &'static [u16]) -> Self {
        self.problems = problems;
        self
    }
}

/// The server's own routes.
#[must_use]
pub fn routes() -> Routes {
    let sections = [
        session_routes,
        live_routes,
        report_routes,
        producer_routes,
        notification_routes,
        budget_routes,
        approval_routes,
        access_routes,
        server_routes,
    ];
    sections
        .into_iter()
        .fold(Routes::default(), |routes, section| section(routes))
}

// The table itself, a line for each route: what it is called, whom it serves, what it does, who answers.

#[rustfmt::skip]
fn session_routes(routes: Routes) -> Routes {
    routes.section("Sessions", "What builds do and did.")
        .get("/api/v1/sessions", Part, says("listSessions", "Lists sessions, older ones included"), sessions::list)
        .get("/api/v1/sessions/{id}", Numbers, says("getSession", "The whole view of a session"), sessions::view)
        .delete("/api/v1/sessions/{id}", Admin, says("forgetSession", "Removes a session and its facts")
            .about("Tokens and money that were counted stay in the reports. `forgecast forget` does the same."), sessions::forget)
        .get("/api/v1/sessions/{id}/at/{revision}", Numbers, says("getSessionAt", "The view as it was at a revision"), sessions::view_at)
        .get("/api/v1/sessions/{id}/timeline", Shared, says("getTimeline", "The past of a session in brief, as a scale of time shows it"), sessions::timeline)
        .get("/api/v1/sessions/{id}/log", Shared, says("getLog", "Lines of a session's log"), sessions::log)
        .get("/api/v1/sessions/{id}/log/matches", Shared, says("findLines", "The numbers of the lines that match"), sessions::log_matches)
        .get("/api/v1/sessions/{id}/events", Shared, says("getEvents", "The facts of a session, in order"), sessions::events)
        .get("/api/v1/sessions/{id}/series", Numbers, says("getSeries", "One number over time"), sessions::series)
        .get("/api/v1/sessions/{id}/files/{*name}", Shared, says("getFile", "A file of the session, as plain text")
            .about("Only files that the view lists among its artifacts, cleaned and masked like everything that agents write."), files::file)
        .get("/api/v1/sessions/{id}/export", Shared, says("exportSession", "Everything about a session in one document").problems(&[429]), export::export)
}

#[rustfmt::skip]
fn live_routes(routes: Routes) -> Routes {
    routes.section("Live", "Changes as they happen, over WebSocket and as server-sent events.")
        .get("/api/v1/live", Numbers, says("live", "Follows topics over a WebSocket")
            .about("Answers 101 to a WebSocket handshake and 400 to anything else. Text frames, one JSON message each: the viewer \
             subscribes to topics, the server sends a snapshot and then what changes; see docs/protocol.md."), live::ws::upgrade)
        .get("/api/v1/sessions/live", Part, says("followSessions", "Follows the index as events"), live::sse::sessions)
        .get("/api/v1/sessions/{id}/live", Numbers, says("followSession", "Follows a session as events"), live::sse::session)
}

#[rustfmt::skip]
fn report_routes(routes: Routes) -> Routes {
    routes.section("Reports", "Tokens, money and plans over all sessions.")
        .get("/api/v1/stats", Part, says("getStats", "Tokens and money, by day, project, model, phase or session")
            .about("From everything that was ever counted, also by sessions that are no longer kept. `forgecast usage --json` \
             prints the same."), stats::stats)
        .get("/api/v1/limits", View, says("getLimits", "How much of each plan is used up, by whom, and when the rest will be")
            .about("Official where a source says so, estimated where none does, unknown once the window that was read has \
             ended."), stats::limits)
        .get("/api/v1/outcomes", View, says("getOutcomes", "How sessions ended, by day or project"), stats::outcomes)
}

#[rustfmt::skip]
fn producer_routes(routes: Routes) -> Routes {
    let telemetry = "The answer is written as the request is. 503 and only 503 is worth sending again, after `Retry-After`.";
    routes.section("Facts", "What producers send. Answered when it is on disk; the same id twice counts once.")
        .post("/api/v1/events", Ingest, says("pushEvents", "Sends facts: one envelope or an array of them")
            .about("Answered when they are on disk. With an `id` a fact counts once however often it is sent, so send again what \
             was answered with 503 or 507. Up to 20 MiB, as it is or with gzip.").problems(&[422, 507]), events::push)
        .post("/api/v1/import", Admin, says("importSession", "Takes back a session that was exported").problems(&[422, 429, 507]), import::bring)
        .post("/api/v1/hooks/claude", Ingest, says("claudeHook", "Takes a hook of Claude Code")
            .about("Answered before it is decoded, stored or shown: a hook costs its agent nothing, and what becomes of it does \
             not show. The answer has no body, unless a hard budget is spent: then PreToolUse and UserPromptSubmit are \
             refused, with the reason."), hooks::claude)
        .post("/api/v1/hooks/claude/permission", Ingest, says("claudePermission", "Takes a request for permission, and waits for a person's answer")
            .about("Answered when somebody answered it, for this one use. Otherwise without a body, after ten minutes at most: the \
             agent asks in its own terminal."), approvals::wait)
        .post("/api/v1/hooks/codex", Ingest, says("codexHook", "Takes a hook of Codex")
            .about("Answered before it is decoded, stored or shown, and never with a body. `forgecast hook codex` sends it, because \
             the hooks of Codex run commands."), hooks::codex)
        .post("/v1/logs", Ingest, says("exportLogs", "Takes logs of agents: OTLP over HTTP").about(telemetry), otlp::logs)
        .post("/v1/metrics", Ingest, says("exportMetrics", "Takes metrics of agents: OTLP over HTTP").about(telemetry), otlp::metrics)
}

#[rustfmt::skip]
fn notification_routes(routes: Routes) -> Routes {
    routes.section("Notifications", "Whom the server calls when a session needs a person, and what became of it.")
        .get("/api/v1/notifications", View, says("listNotifications", "Lists targets and what was sent to them")
            .about("Neither addresses nor secrets of targets are part of it."), notifications::list)
        .post("/api/v1/notifications/silence", Admin, says("silenceNotifications", "Sends nothing for a while")
            .about("What is still needed at the end is sent then."), notifications::silence)
        .post("/api/v1/notifications/test", Admin, says("testNotification", "Sends a test message at once")
            .about("Answered when it is known what became of it, within a few seconds.").problems(&[404]), notifications::test)
        .post("/api/v1/notifications/retry", Admin, says("retryNotifications", "Sends again what was not delivered")
            .about("Enables the target again, and attempts at once what waits and what was given up, as far as it is still \
             needed.").problems(&[404]), notifications::retry)
}

#[rustfmt::skip]
fn budget_routes(routes: Routes) -> Routes {
    routes.section("Budgets", "Budgets that stop agents once they are spent.")
        .get("/api/v1/budgets", View, says("listBudgets", "How the hard budgets stand"), budgets::list)
        .post("/api/v1/budgets/raise", Admin, says("raiseBudget", "Allows so much until the budget's period ends")
            .about("Answered when it is on disk. `forgecast budget raise` does the same."), budgets::raise)
        .post("/api/v1/budgets/clear", Admin, says("clearBudget", "Stops nobody until the budget's period ends")
            .about("Answered when it is on disk. `forgecast budget clear` does the same."), budgets::clear)
}

#[rustfmt::skip]
fn approval_routes(routes: Routes) -> Routes {
    routes.section("Approvals", "What agents ask to be allowed, answered from anywhere.")
        .get("/api/v1/sessions/{id}/approvals", Approve, says("listApprovals", "What the agents of a session wait to be allowed")
            .about("Exactly and whole, neither cleaned nor masked."), approvals::list)
        .post("/api/v1/sessions/{id}/approvals", Approve, says("answerApproval", "Allows or denies one use of a tool, once")
            .about("Answered when it is on disk and the agent has it.").problems(&[409]), approvals::answer)
}

#[rustfmt::skip]
fn access_routes(routes: Routes) -> Routes {
    routes.section("Access", "Signing in and out in a browser.")
        .post("/api/v1/login", Open, says("login", "Exchanges a token for a cookie")
            .about("The cookie is HttpOnly and SameSite=Strict, and dies with its token.").problems(&[401, 429]), login::login)
        .post("/api/v1/logout", Open, says("logout", "Takes the cookie away"), login::logout)
        .get("/api/v1/me", Open, says("me", "Who is signed in").problems(&[429]), login::me)
}

#[rustfmt::skip]
fn server_routes(routes: Routes) -> Routes {
    routes.section("Server", "How the server itself is.")
        .get("/healthz", Open, says("alive", "Whether the process answers"), health::alive)
        .get("/readyz", View, says("ready", "Whether everything works, and what does not"), health::ready)
        .get("/metrics", View, says("metrics", "Counters and gauges for Prometheus"), metrics::scrape)
        .get("/openapi.json", Open, says("openapi", "This description"), openapi::serve)
}

/// The server's routes and those of `mounted` as a service. What has no route is a file of the dashboard, or not found.
pub(crate) fn router(mounted: Routes) -> Router<Arc<AppState>> {
    let router = routes().router.merge(mounted.router);
    router
        .fallback(assets::serve)
        .method_not_allowed_fallback(error::no_such_method)
}

/// A router and the table of what is in it, which therefore cannot differ. A route cannot be added without saying whom it
/// serves and what it does.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router<Arc<AppState>>,
    table: Vec<Route>,
    section: (&'static str, &'static str),
}

impl Routes {
    /// Names what the routes that follow are about.
    #[must_use]
    pub fn section(mut self, name: &'static str, about: &'static str) -> Self {
        self.section = (name, about);
        self
    }

    /// Adds a route for `GET`.
    #[must_use]
    pub fn get<T: 'static, H>(self, path: &'static str, access: Access, words: Words, handler: H) -> Self
    where
        H: Handler<T, Arc<AppState>> + Described<T>,
    {
        self.add(("GET", MethodFilter::GET), path, access, words, handler)
    }

    /// Adds a route for `POST`.
    #[must_use]
    pub fn post<T: 'static, H>(self, path: &'static str, access: Access, words: Words, handler: H) -> Self
    where
        H: Handler<T, Arc<AppState>> + Described<T>,
    {
        self.add(("POST", MethodFilter::POST), path, access, words, handler)
    }

    fn delete<T: 'static, H>(self, path: &'static str, access: Access, words: Words, handler: H) -> Self
    where
        H: Handler<T, Arc<AppState>> + Described<T>,
    {
        self.add(("DELETE", MethodFilter::DELETE), path, access, words, handler)
    }

    fn add<T: 'static, H>(
        mut self,
        (method, filter): (&'static str, MethodFilter),
        path: &'static str,
        access: Access,
        words: Words,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<AppState>> + Described<T>,
    {
        let (section, section_about) = self.section;
        self.table.push(Route {
            method,
            path,
            access,
            id: words.id,
            summary: words.summary,
            about: words.about,
            problems: words.problems,
            section,
            section_about,
            #[cfg(feature = "openapi")]
            describe: H::DESCRIBE,
        });
        let guarded = on(filter, handler)
            .route_layer(from_fn(not_modified))
            .route_layer(from_fn(move |request, next| access::check(access, request, next)));
        self.router = self.router.route(path, guarded);
        self
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
}
