//! What the reading side of REST v1 does, route by route.

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::session::SessionStatus;
use forgecast_protocol::{ClientMessage, ServerMessage, SessionRef, SessionView, Timeline};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::operation::{Operation, Schemas, Tag};
use super::shapes::{EventPage, Exported, LogMatches, LogPage, Metric, SessionList};

const ID: &str = "A run by its id, or the newest run by the name.";
const LEVEL: &str = "Only lines that are at least this serious; one that does not say its level counts as `info`.";

/// A whole number of 32 bits.
pub(super) fn small(least: u32) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": u32::MAX })
}

/// A whole number of 64 bits.
pub(super) fn large() -> Value {
    json!({ "type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX })
}

fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn words() -> Value {
    json!({ "type": "string" })
}

fn with_default(mut schema: Value, value: impl Into<Value>) -> Value {
    schema["default"] = value.into();
    schema
}

fn about_one(schemas: &mut Schemas, path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("GET", path, Tag::Sessions, id, summary)
        .part("id", ID, schemas.of::<SessionRef>())
        .problems(&[404])
}

/// Sessions and what is known of them.
pub(super) fn sessions(schemas: &mut Schemas) -> Vec<Operation> {
    let mut all = vec![list(schemas)];
    all.extend(views(schemas));
    all.push(timeline(schemas));
    all.extend(lines(schemas));
    all.extend(past(schemas));
    all
}

fn list(schemas: &mut Schemas) -> Operation {
    Operation::new(
        "GET",
        "/api/v1/sessions",
        Tag::Sessions,
        "listSessions",
        "Lists sessions, older ones included",
    )
    .list_query(
        "status",
        "Only these statuses; an empty word is passed over.",
        json!({ "anyOf": [schemas.of::<SessionStatus>(), { "const": "" }] }),
    )
    .query("project", "Only this project.", words())
    .query(
        "q",
        "Only rows whose id, name, project or task contains this, whatever the case.",
        words(),
    )
    .query(
        "sort",
        "The order: last work, beginning, name, cost or tokens.",
        json!({ "type": "string", "enum": ["last_work", "started", "name", "cost", "tokens"], "default": "last_work" }),
    )
    .query("since", "Only sessions that worked at this moment or later.", moment())
    .query(
        "limit",
        "Rows in a page; brought into 1 to 1,000, 0 means 100.",
        with_default(small(0), 100),
    )
    .query(
        "cursor",
        "`next_cursor` of the page before, asked for with the same sort.",
        json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2})*$", "maxLength": 4096 }),
    )
    .with_etag("Rows and where the next page begins.", schemas.of::<SessionList>())
}

fn views(schemas: &mut Schemas) -> Vec<Operation> {
    let view = schemas.of::<SessionView>();
    let revision = "The number of a state of the session.";
    vec![
        about_one(
            schemas,
            "/api/v1/sessions/{id}",
            "getSession",
            "The whole view of a session",
        )
        .with_etag("The view as it is now.", view.clone()),
        about_one(
            schemas,
            "/api/v1/sessions/{id}/at/{revision}",
            "getSessionAt",
            "The view as it was at a revision",
        )
        .part("revision", revision, large())
        .with_etag("The view as it was.", view),
        Operation::new(
            "DELETE",
            "/api/v1/sessions/{id}",
            Tag::Sessions,
            "forgetSession",
            "Removes a session and its facts",
        )
        .about("Tokens and money that were counted stay in the reports. `forgecast forget` does the same.")
        .part("id", ID, schemas.of::<SessionRef>())
        .answer(204, "It is gone.", &[])
        .problems(&[404]),
    ]
}

fn timeline(schemas: &mut Schemas) -> Operation {
    about_one(
        schemas,
        "/api/v1/sessions/{id}/timeline",
        "getTimeline",
        "The past of a session in brief, as a scale of time shows it",
    )
    .query(
        "after",
        "The newest revision that is known: what followed it is told.",
        with_default(large(), 0),
    )
    .query(
        "limit",
        "Most spans, most marks and most times; brought into 2 to 2,000.",
        with_default(small(0), 2_000),
    )
    .json(
        200,
        "Attempts at phases, marks, and when revisions came.",
        schemas.of::<Timeline>(),
    )
}

fn lines(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        about_one(
            schemas,
            "/api/v1/sessions/{id}/log",
            "getLog",
            "Lines of a session's log",
        )
        .query(
            "offset",
            "The number of the first line; absent: the last lines.",
            large(),
        )
        .query(
            "at",
            "Begins with the first line of this moment or later; not together with `offset`.",
            moment(),
        )
        .query(
            "limit",
            "Lines in a page; brought into 1 to 10,000.",
            with_default(small(0), 500),
        )
        .query("level", LEVEL, schemas.of::<LogLevel>())
        .query("q", "Only lines that contain this, whatever the case.", words())
        .json(200, "Lines, and where the next page begins.", schemas.of::<LogPage>()),
        about_one(
            schemas,
            "/api/v1/sessions/{id}/log/matches",
            "findLines",
            "The numbers of the lines that match",
        )
        .query("offset", "Where the search begins.", with_default(large(), 0))
        .query("level", LEVEL, schemas.of::<LogLevel>())
        .query("q", "Only lines that contain this, whatever the case.", words())
        .json(200, "Numbers of lines, and where to go on.", schemas.of::<LogMatches>()),
    ]
}

fn past(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        about_one(
            schemas,
            "/api/v1/sessions/{id}/events",
            "getEvents",
            "The facts of a session, in order",
        )
        .query(
            "after",
            "The `sequence` of the last fact that is known.",
            with_default(large(), 0),
        )
        .query("limit", "Facts in a page.", with_default(small(0), 100))
        .json(200, "The facts that follow.", schemas.of::<EventPage>()),
        about_one(
            schemas,
            "/api/v1/sessions/{id}/series",
            "getSeries",
            "One number over time",
        )
        .required_query("metric", "Which number.", schemas.of::<Metric>())
        .query(
            "resolution",
            "Seconds that a point stands for; 0 means 1.",
            with_default(small(0), 60),
        )
        .json(
            200,
            "Points in the order of time.",
            schemas.of::<super::shapes::Series>(),
        ),
        about_one(
            schemas,
            "/api/v1/sessions/{id}/files/{*name}",
            "getFile",
            "A file of the session, as plain text",
        )
        .about(
            "Only files that the view lists among its artifacts, cleaned and masked like everything that agents write.",
        )
        .part(
            "name",
            "The name as the view lists it; its slashes may stand as they are.",
            json!({ "type": "string", "minLength": 1, "examples": ["session-summary.json"] }),
        )
        .answer(
            200,
            "The text.",
            &[("text/plain; charset=utf-8", json!({ "type": "string" }))],
        ),
        about_one(
            schemas,
            "/api/v1/sessions/{id}/export",
            "exportSession",
            "Everything about a session in one document",
        )
        .about("`forgecast import` and `POST /api/v1/import` read it back.")
        .json(200, "View, facts and log.", schemas.of::<Exported>()),
    ]
}

/// Sockets and streams.
pub(super) fn live(schemas: &mut Schemas) -> Vec<Operation> {
    let messages = schemas.of::<ServerMessage>();
    let stream = [("text/event-stream", json!({ "type": "string" }))];
    let said = "Events: `event:` is the message's type, `data:` the message, `id:` epoch and revision.";
    let resume = (
        "Last-Event-ID",
        "The `id:` of the last event that is here, to go on behind it; anything else starts afresh.",
        json!({ "type": "string" }),
    );
    vec![
        Operation::new("GET", "/api/v1/live", Tag::Live, "live", "Follows topics over a WebSocket")
            .about(
                "Answers 101 to a WebSocket handshake and 400 to anything else. Text frames, one JSON message each: the viewer \
                 subscribes to topics, the server sends a snapshot and then what changes; see docs/protocol.md.",
            )
            .answer(101, "The socket is open.", &[])
            .extra(
                "x-websocket",
                json!({ "subprotocol": null, "receives": client_message(schemas), "sends": messages }),
            ),
        Operation::new("GET", "/api/v1/sessions/live", Tag::Live, "followSessions", "Follows the index as events")
            .header(resume.0, resume.1, resume.2.clone())
            .answer(200, said, &stream)
            .extra("x-events", messages.clone()),
        Operation::new("GET", "/api/v1/sessions/{id}/live", Tag::Live, "followSession", "Follows a session as events")
            .part("id", ID, schemas.of::<SessionRef>())
            .header(resume.0, resume.1, resume.2)
            .answer(200, said, &stream)
            .problems(&[404])
            .extra("x-events", messages),
    ]
}

/// What a viewer may say, which is read strictly: other fields are refused.
fn client_message(schemas: &mut Schemas) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<ClientMessage>();
    schemas.add("ClientMessage", schema.to_value())
}
