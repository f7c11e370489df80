//! The description of the whole API, made of the table of routes and of what their handlers take and return.

use std::collections::BTreeMap;

use forgecast_protocol::session::TokenCounts;
use serde_json::{Map, Value, json};

use super::operation::{Operation, PROBLEM, Schemas};
use crate::{Access, Route, routes};

/// Makes the description of the server's routes and of those that are mounted on it.
#[must_use]
pub fn document(mounted: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.problem();
    // Only ever a part of other schemas, and wanted by name.
    schemas.of::<TokenCounts>();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut sections: Vec<Value> = Vec::new();
    for route in routes().table().iter().chain(mounted) {
        let mut operation = Operation::new(route.path);
        (route.describe)(&mut operation, &mut schemas);
        let mut written = operation.written(route, &problems(route));
        let (security, word) = security(route.access);
        written["security"] = security;
        written["x-access"] = word.into();
        let of_path = paths.entry(route.path.replace("{*", "{")).or_default();
        of_path.insert(route.method.to_ascii_lowercase(), written);
        let section = json!({ "name": route.section, "description": route.section_about });
        if sections.last() != Some(&section) {
            sections.push(section);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Forgecast",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Live view and history of builds by coding agents.",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": ".", "description": "This server." }],
        "tags": sections,
        "paths": paths,
        "components": {
            "schemas": schemas.all(),
            "responses": shared_problems(&problem),
            "securitySchemes": security_schemes(),
        },
    })
}

const ABOUT: &str = "What is unknown is absent, never null; times are RFC 3339 in UTC with milliseconds; money is in US dollars \
    and says so (`_usd`). Errors are `application/problem+json` with a stable `type`. Fields may be added, none is removed or \
    retyped. A process of the same machine may watch and send without a token, unless the server was told to require one.";

/// What can happen to a request of this route: to any of its kind, and what the table says.
fn problems(route: &Route) -> Vec<u16> {
    let mut problems = vec![400, 403, 421, 431, 500, 503];
    problems.extend(route.problems);
    if route.access != Access::Open {
        problems.extend([401, 429]);
    }
    if route.method == "POST" {
        problems.extend([408, 413, 415]);
    }
    // What Context Foundry's clients call a session that is not there has a form of its own.
    if route.path.contains('{') && route.path.starts_with("/api/v1/") {
        problems.push(404);
    }
    problems
}

/// The errors that several operations share: their statuses and what they mean.
fn shared_problems(problem: &Value) -> Value {
    let all: [(u16, &str, bool); 15] = [
        (
            400,
            "The path, the query or the body does not have the form it must have.",
            false,
        ),
        (
            401,
            "Not signed in: there is no token, or one that is not known.",
            false,
        ),
        (
            403,
            "Signed in, but not allowed; or the request comes from a page of another origin.",
            false,
        ),
        (404, "There is no such session, revision, file or page.", false),
        (408, "The body came too slowly.", false),
        (409, "What it is about is no longer as the client believes.", false),
        (413, "The body is longer than is read.", false),
        (
            415,
            "The body is of another media type, or packed in a way that is not unpacked here.",
            false,
        ),
        (421, "The `Host` names another server.", false),
        (422, "The body could be read, and nothing of it could be taken.", false),
        (429, "Too many viewers, or too many tokens that are not known.", true),
        (
            500,
            "It could not be answered; the cause is in the server's log under the request id.",
            false,
        ),
        (
            503,
            "The store is behind, locked or read-only, or too many requests are being read.",
            true,
        ),
        (507, "The disk or the database is full.", true),
        (431, "The headers are longer than are read; without a body.", false),
    ];
    let told = all.iter().map(|(status, words, later)| {
        let mut answer = json!({ "description": words, "content": { PROBLEM: { "schema": problem } } });
        if *status == 431 {
            answer = json!({ "description": words });
        }
        if *later {
            answer["headers"] = json!({ "Retry-After": {
                "description": "Seconds after which it is worth to try again.",
                "schema": { "type": "integer", "minimum": 1 },
            } });
        }
        if *status == 401 {
            answer["headers"] = json!({ "WWW-Authenticate": {
                "description": "`Bearer`.", "schema": { "type": "string" },
            } });
        }
        (status.to_string(), answer)
    });
    Value::Object(told.collect())
}

/// Who may: the ways to say so, each with the roles that are enough; the empty one is a process of this machine.
fn security(access: Access) -> (Value, &'static str) {
    let (roles, local, words): (&[&str], bool, &'static str) = match access {
        Access::Open => return (json!([]), "open"),
        Access::Shared | Access::Numbers => (&["view", "approve", "admin", "guest"], true, "shared"),
        Access::View | Access::Part => (&["view", "approve", "admin"], true, "view"),
        Access::Ingest => (&["ingest", "admin"], true, "ingest"),
        Access::Approve => (&["approve"], false, "approve"),
        Access::Admin => (&["admin"], false, "admin"),
    };
    let mut ways = vec![json!({ "bearer": roles }), json!({ "cookie": roles })];
    if local {
        ways.push(json!({}));
    }
    (ways.into(), words)
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "`Authorization: Bearer <token>`, for programs. A token is for watching (view), for sending facts \
                (ingest) or for everything (admin); `forgecast token` makes them. It is never taken from an address.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "forgecast",
            "description": "For browsers: what `POST /api/v1/login` gives for a token or for a share link's. The name ends with \
                the port where it is not the usual one.",
        },
    })
}
