//! What the reports and the server itself say, route by route.

use forgecast_protocol::outcome::OutcomeReport;
use forgecast_protocol::report::{GroupBy, UsageReport};
use serde_json::{Value, json};

use super::operation::{Operation, Schemas, Tag};
use super::shapes::Readiness;

/// A day as a query names it; empty is not said.
fn day() -> Value {
    json!({ "type": "string", "anyOf": [
        { "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }, { "format": "date-time" }, { "const": "" },
    ]})
}

fn text() -> Value {
    json!({ "type": "string" })
}

const SINCE: &str = "The first day: a date, or a time which means its day.";
const UNTIL: &str = "The last day.";

/// Over all sessions.
pub(super) fn reports(schemas: &mut Schemas) -> Vec<Operation> {
    let mut group = json!({ "type": "string", "default": "day" });
    let words_for_groups = GroupBy::ALL.map(GroupBy::as_str);
    group["enum"] = json!([words_for_groups.as_slice(), &[""]].concat());
    let session = json!({ "type": "string", "pattern": "^([A-Za-z0-9][A-Za-z0-9._-]{0,127}(~[1-9][0-9]{0,9})?)?$" });
    let by = json!({ "type": "string", "enum": ["day", "project"], "default": "day" });
    let stats = "Tokens and money, by day, project, model, phase or session";
    let outcomes = "How sessions ended, by day or project";
    vec![
        Operation::new("GET", "/api/v1/stats", Tag::Reports, "getStats", stats)
            .about(
                "From everything that was ever counted, also by sessions that are no longer kept. `forgecast usage --json` \
                 prints the same. What is empty in the query is not said.",
            )
            .query("group_by", "By what.", group)
            .query("since", SINCE, day())
            .query("until", UNTIL, day())
            .query("project", "One project.", text())
            .query("session", "One session: an id, a name (its newest run) or the name of a transcript.", session)
            .with_etag("The report.", schemas.of::<UsageReport>()),
        Operation::new("GET", "/api/v1/outcomes", Tag::Reports, "getOutcomes", outcomes)
            .query("group_by", "By what.", by)
            .query("since", SINCE, day())
            .query("until", UNTIL, day())
            .query("project", "One project.", text())
            .with_etag("The report.", schemas.of::<OutcomeReport>()),
    ]
}

/// How the server is.
pub(super) fn server(schemas: &mut Schemas) -> Vec<Operation> {
    let get = |path, id, summary| Operation::new("GET", path, Tag::Server, id, summary);
    let document = json!({ "type": "object", "required": ["openapi", "info", "paths", "components"] });
    vec![
        get("/healthz", "alive", "Whether the process answers").answer(
            200,
            "It does.",
            &[("text/plain; charset=utf-8", text())],
        ),
        get("/readyz", "ready", "Whether everything works, and what does not")
            .json(200, "Everything works.", schemas.of::<Readiness>())
            .json(503, "Not yet, or not all of it.", schemas.of::<Readiness>()),
        get("/metrics", "metrics", "Counters and gauges for Prometheus").answer(
            200,
            "Prometheus' text format.",
            &[("text/plain; version=0.0.4; charset=utf-8", text())],
        ),
        get("/openapi.json", "openapi", "This description").with_etag("OpenAPI 3.1.", document),
    ]
}
